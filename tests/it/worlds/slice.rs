//! Slices of two hubs side by side.
//!
//! A root is a commitment to what is hidden, too: where the hubs were told the same event otherwise, root, signature and the hashes of paths
//! are others by nature, and nothing else may be, not a place, a salt or a length. Where they were told the same, all is the same. The one
//! exception is the id that a hub gives an event, out of which it makes all that is pseudo-random: where the count in it differs (see
//! [`super::house`]), lengths are compared.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Slices that were compared: of events that both hubs were told the same way, and otherwise.
pub static COMPARED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// The two answers, if they differ in more than they may.
pub fn difference(less: String, more: String, same: bool) -> Option<(String, String)> {
    if less.starts_with("200") {
        COMPARED[usize::from(!same)].fetch_add(1, Ordering::Relaxed);
    }
    if less == more {
        return None;
    }
    let blank: &[&str] = if events(&less) != events(&more) {
        &["path", "signature", "salt", "index"]
    } else if same {
        &[]
    } else {
        &["path", "signature"]
    };
    (blanked(&less, blank) != blanked(&more, blank)).then_some((less, more))
}

/// The hub's ids of the events.
fn events(answer: &str) -> Vec<Value> {
    let lines = answer.lines().filter(|line| line.starts_with('{'));
    let event = |line: &str| {
        let slice: Value = serde_json::from_str(line).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(slice["signature"].as_str()?.split('.').nth(1)?).ok()?;
        let statement: Value = serde_json::from_slice(&payload).ok()?;
        Some(statement["event"].clone())
    };
    lines.filter_map(event).collect()
}

/// With the texts under these names made of one letter: as long as they were.
fn blanked(answer: &str, names: &[&str]) -> String {
    let mut text = answer.to_owned();
    for name in names {
        let (name, mut from) = (format!("\"{name}\":\""), 0);
        while let Some(found) = text[from..].find(&name) {
            let start = from + found + name.len();
            let end = text[start..].find('"').map_or(text.len(), |end| start + end);
            text.replace_range(start..end, &"x".repeat(end - start));
            from = end;
        }
    }
    text
}

#[test]
fn only_what_may_differ_is_left_out() {
    let file = |place: &str, path: &str, root: &str| {
        let payload = URL_SAFE_NO_PAD.encode(format!("{{\"event\":\"evt_1\",\"root\":\"{root}\"}}"));
        format!("a slice\n{{\"proofs\":[{{\"index\":\"{place}\",\"path\":\"{path}\"}}],\"signature\":\"h.{payload}.s\"}}\n")
    };
    let one = file("1", "aa", "r");
    assert_eq!(difference(one.clone(), one.clone(), true), None);
    assert_eq!(difference(one.clone(), file("1", "bb", "s"), false), None);
    for (other, same) in [
        (file("1", "bb", "s"), true),
        (file("2", "bb", "s"), false),
        (file("1", "bbb", "s"), false),
        (file("1", "bb", "ss"), false),
    ] {
        assert!(difference(one.clone(), other.clone(), same).is_some(), "{other}");
    }
}

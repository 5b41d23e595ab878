//! EPCIS queries: every parameter of the standard, orders and counts, pages, resources, named queries; and that nobody finds
//! what is not for it to see.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::hub::{Answer, TestHub};
use crate::story;

mod graph;
mod named;
mod order;
mod page;
mod parameter;
mod resource;
mod socket;
pub mod subscription;

/// For a URL.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The parameter that a refusal names.
fn named_in(answer: &Answer) -> String {
    answer.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned()
}

/// Sends events of packwell's own logistic units, numbered from `first`, one document each.
async fn label(test: &TestHub, first: u32, many: u32) {
    for number in first..first + many {
        label_in_one(test, number, 1).await;
    }
}

/// The same, all in one document: of one record time.
async fn label_in_one(test: &TestHub, first: u32, many: u32) {
    let event = |number: u32| {
        let sscc = story::packwell_sscc(number);
        let mut event = story::commission_sscc("2026-03-01T08:00:00Z", story::PACKWELL_HALL_1, &sscc);
        event["eventTime"] = json!(format!("2026-03-01T08:{:02}:00Z", number % 60));
        event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-8000-{number:012}"));
        event
    };
    let events: Vec<Value> = (first..first + many).map(event).collect();
    let job = test.capture(&test.actor("packwell"), story::document(&events)).await;
    assert_eq!(job["success"], true, "{job}");
}

/// The numbers that [`label`] put into the ids.
fn numbers(answer: &Answer) -> Vec<u32> {
    answer
        .event_ids()
        .iter()
        .map(|id| id[id.len() - 12..].parse().expect("a number"))
        .collect()
}

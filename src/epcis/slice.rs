//! Slices as files: the masked event, the proof of each thing it says, and the hub's signature over the whole.
//!
//! ```json
//! {"asserter":"…","event":{…},"principal":"…","proofs":[{"index":"…","path":"…","salt":"…"},…],"signature":"…","type":"counterfoil-slice","version":2}
//! ```
//!
//! To who may know month and country and not the moment, `event` has no time, place or id, and beside it stand `country`, `month` and `role`
//! ([`Words`]).
//!
//! `event` is the event in JSON-LD as the caller sees it, identifiers as GS1 Digital Links; names of extensions are written out as IRIs, so
//! that `@context` is that of EPCIS alone. The file is in canonical form (RFC 8785, numbers in their digits, lists of things sorted):
//! what is said has one text, so that any changed byte is noticed.
//!
//! What the file says is taken apart into leaves, each a JSON text `[pointer, occurrence, value]`, and `proofs` are those of the leaves in
//! the order of these texts:
//!
//! | leaf | pointer |
//! |---|---|
//! | who sent it, in whose name | `/asserter`, `/principal` |
//! | in words | `/country`, `/month`, `/role` |
//! | each element of the lists in [`LISTS`] | `/event/epcList/-` and so on; equal elements are counted by `occurrence`, from 0 |
//! | each member of `ilmd` | `/event/ilmd/…` |
//! | any other member of the event | `/event/…` |
//!
//! Of the whole event those leaves stand in the tree ([`crate::domain::slice`]), and beside them the forms that a mask makes of places and
//! declarations of error ([`coarser`]), so that a site is proved to who may not see the gate.
//!
//! It does not decide what is shown, and holds no key.

mod proof;

use std::io;

use super::escape::NONE;
use super::format::{CbvFormat, DocumentKind, EpcFormat, Format};
use super::json::plain::{Json, quoted};
use super::json::write_event;
use crate::domain::event::Event;
use crate::domain::lens::mask::coarser;
use crate::domain::lens::outline::Words;
use crate::domain::slice::Opening;
use crate::domain::time::Micros;

pub use proof::{Proved, SliceError, verify};

/// Lists of which each element is a leaf, because a mask can leave out some of them.
const LISTS: [&str; 11] = [
    "bizTransactionList",
    "childEPCs",
    "childQuantityList",
    "destinationList",
    "epcList",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "quantityList",
    "sourceList",
];
const TYPE: &str = "counterfoil-slice";
/// Of files that are made; those of before had no words, and the same form otherwise.
const VERSION: u32 = crate::domain::slice::VERSION;
/// Deepest nesting of a file: events nest less.
const DEPTH: usize = 256;

/// Members of an event that tell its time, or are made of it: what is told in words has none of them.
const EXACT: [&str; 4] = ["eventID", "eventTime", "eventTimeZoneOffset", "recordTime"];
/// What is said beside the event.
const BESIDE: [&str; 5] = ["asserter", "country", "month", "principal", "role"];

/// What the hub says of one event, or what it shows of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// By the names in [`BESIDE`].
    beside: Vec<(&'static str, Json)>,
    event: Vec<(String, Json)>,
}

impl Said {
    /// Of an event, whole or masked. Its id is always said: `event_id` must be set.
    pub fn new(
        event: &Event,
        record_time: Micros,
        (asserter, principal): (Option<&str>, Option<&str>),
    ) -> Result<Self, io::Error> {
        Ok(Self {
            beside: beside([("asserter", asserter), ("principal", principal)]),
            event: members(event, record_time)?,
        })
    }

    /// Of an event that is told in words, and as far as it is shown beside them.
    pub fn in_words(outline: &Event, words: &Words) -> Result<Self, io::Error> {
        let mut event = members(outline, Micros(0))?;
        event.retain(|(name, _)| !EXACT.contains(&name.as_str()));
        Ok(Self {
            beside: in_words(words),
            event,
        })
    }

    /// What it says, leaf by leaf, in the order of their texts.
    #[must_use]
    pub fn leaves(&self) -> Vec<String> {
        let mut leaves = Vec::new();
        leaves.extend(self.beside.iter().map(|(name, value)| (format!("/{name}"), value)));
        for (name, value) in &self.event {
            let pointer = format!("/event/{}", pointed(name));
            match value {
                _ if name == "@context" => {}
                Json::Array(items) if LISTS.contains(&name.as_str()) => {
                    leaves.extend(items.iter().map(|item| (format!("{pointer}/-"), item)));
                }
                Json::Object(members) if name == "ilmd" => {
                    leaves.extend(
                        members
                            .iter()
                            .map(|(name, value)| (format!("{pointer}/{}", pointed(name)), value)),
                    );
                }
                _ => leaves.push((pointer, value)),
            }
        }
        let mut leaves: Vec<(String, String)> = leaves
            .into_iter()
            .map(|(pointer, value)| (quoted(&pointer), value.text()))
            .collect();
        leaves.sort_unstable();
        let mut occurrence = 0;
        let mut texts = Vec::with_capacity(leaves.len());
        for (at, (pointer, value)) in leaves.iter().enumerate() {
            let repeats = at
                .checked_sub(1)
                .and_then(|before| leaves.get(before))
                .is_some_and(|before| *before == leaves[at]);
            occurrence = if repeats { occurrence + 1 } else { 0 };
            texts.push(format!("[{pointer},{occurrence},{value}]"));
        }
        texts.sort_unstable();
        texts
    }

    /// All leaves of a whole event: what it says, and what a mask can make of that. Of several principals each is told of itself.
    pub fn whole(
        event: &Event,
        record_time: Micros,
        (asserter, principals): (&str, &[&str]),
        words: &Words,
    ) -> Result<Vec<String>, io::Error> {
        let parties = (Some(asserter), principals.first().copied());
        let mut said = Self::new(event, record_time, parties)?;
        said.beside.extend(in_words(words));
        let mut leaves = said.leaves();
        for coarse in coarser(event) {
            leaves.extend(Self::new(&coarse, record_time, parties)?.leaves());
        }
        for principal in principals.iter().skip(1) {
            let other = Self {
                beside: beside([("principal", Some(*principal))]),
                event: Vec::new(),
            };
            leaves.extend(other.leaves());
        }
        leaves.sort_unstable();
        leaves.dedup();
        Ok(leaves)
    }

    /// The file: `openings` are those of [`Self::leaves`], in their order.
    #[must_use]
    pub fn file(&self, openings: &[Opening], jws: &str) -> String {
        self.file_of(VERSION, openings, jws)
    }

    fn file_of(&self, version: u32, openings: &[Opening], jws: &str) -> String {
        let text = |text: &str| Json::Text(text.to_owned());
        let proof = |opening: &Opening| {
            let [salt, index, path] = opening.texts();
            let members = [("index", index), ("path", path), ("salt", salt)];
            Json::object(members.map(|(name, value)| (name.to_owned(), Json::Text(value))).to_vec())
        };
        let mut members = vec![
            ("event".to_owned(), Json::object(self.event.clone())),
            ("proofs".to_owned(), Json::Array(openings.iter().map(proof).collect())),
            ("signature".to_owned(), text(jws)),
            ("type".to_owned(), text(TYPE)),
            ("version".to_owned(), Json::Number(version.to_string())),
        ];
        members.extend(self.beside.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Json::object(members).text()
    }
}

fn beside<const N: usize>(said: [(&'static str, Option<&str>); N]) -> Vec<(&'static str, Json)> {
    let said = said.into_iter();
    said.filter_map(|(name, text)| Some((name, Json::Text(text?.to_owned()))))
        .collect()
}

fn in_words(words: &Words) -> Vec<(&'static str, Json)> {
    beside([
        ("country", words.country.as_deref()),
        ("month", words.month.as_deref()),
        ("role", words.role.as_deref()),
    ])
}

/// RFC 6901.
fn pointed(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn context() -> Json {
    Json::Array(vec![Json::Text(super::json::CONTEXT.to_owned())])
}

/// The members of an event as they stand in a slice.
fn members(event: &Event, record_time: Micros) -> Result<Vec<(String, Json)>, io::Error> {
    let format = Format {
        document: DocumentKind::Document,
        epc: EpcFormat::AlwaysDigitalLink,
        cbv: CbvFormat::OfVersion,
        created: Micros(0),
        prefix_len: &|_| None,
    };
    let mut text = Vec::new();
    write_event(&mut text, event, record_time, &format)?;
    let unreadable = || io::Error::other("an event that was printed cannot be read");
    let Ok(Json::Object(mut members)) = Json::parse(text.as_slice(), DEPTH) else {
        return Err(unreadable());
    };
    let place = members
        .iter()
        .position(|(name, _)| name == "@context")
        .ok_or_else(unreadable)?;
    let prefixes = declared(&members.remove(place).1);
    let mut members: Vec<(String, Json)> = members
        .into_iter()
        .map(|(name, value)| (spelt_out(&name, &prefixes), expanded(value, &prefixes)))
        .collect();
    members.push(("@context".to_owned(), context()));
    Ok(tidied(members))
}

/// The prefixes that a context declares beside the standard ones: each with its colon, and what it stands for.
fn declared(context: &Json) -> Vec<(String, String)> {
    let Json::Array(parts) = context else { return Vec::new() };
    let objects = parts.iter().filter_map(|part| match part {
        Json::Object(members) => Some(members),
        Json::Word(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => None,
    });
    let pairs = objects.flatten().filter_map(|(prefix, namespace)| match namespace {
        Json::Text(namespace) => Some((format!("{prefix}:"), namespace.clone())),
        Json::Word(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
    });
    pairs.collect()
}

/// A name with what its prefix stands for, as JSON-LD puts them together: which prefix it has depends on what else is in the event.
fn spelt_out(name: &str, prefixes: &[(String, String)]) -> String {
    let found = prefixes
        .iter()
        .find_map(|(prefix, namespace)| Some((name.strip_prefix(prefix.as_str())?, namespace)));
    found.map_or_else(|| name.to_owned(), |(local, namespace)| format!("{namespace}{local}"))
}

fn expanded(value: Json, prefixes: &[(String, String)]) -> Json {
    match value {
        Json::Object(members) if !prefixes.is_empty() => {
            let each = members.into_iter();
            Json::object(
                each.map(|(name, value)| (spelt_out(&name, prefixes), expanded(value, prefixes)))
                    .collect(),
            )
        }
        Json::Array(items) if !prefixes.is_empty() => {
            Json::Array(items.into_iter().map(|item| expanded(item, prefixes)).collect())
        }
        other @ (Json::Object(_) | Json::Array(_) | Json::Word(_) | Json::Number(_) | Json::Text(_)) => other,
    }
}

/// Without what only stands where the JSON schema demands something and nothing is shown; lists and members in their order.
fn tidied(members: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut kept = Vec::with_capacity(members.len());
    for (name, mut value) in members {
        if let Json::Array(items) = &mut value
            && LISTS.contains(&name.as_str())
        {
            items.retain(|item| !is_nothing(item));
            items.sort_by_cached_key(Json::text);
        }
        let empty = match &value {
            Json::Array(items) => items.is_empty() && LISTS.contains(&name.as_str()),
            Json::Object(members) => members.is_empty() && name == "ilmd",
            Json::Text(text) => name == "parentID" && text == NONE,
            Json::Word(_) | Json::Number(_) => false,
        };
        if !empty {
            kept.push((name, value));
        }
    }
    match Json::object(kept) {
        Json::Object(members) => members,
        Json::Word(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => Vec::new(),
    }
}

fn is_nothing(item: &Json) -> bool {
    let is_none = |value: &Json| matches!(value, Json::Text(text) if text == NONE);
    match item {
        Json::Object(members) => matches!(members.as_slice(), [(name, value)] if name == "bizTransaction" && is_none(value)),
        Json::Text(_) => is_none(item),
        Json::Word(_) | Json::Number(_) | Json::Array(_) => false,
    }
}

#[cfg(test)]
mod tests;

//! EPCIS wire formats to and from domain events: JSON-LD 2.0, XML 1.x and 2.0, and the CBV event hash.
//!
//! Reading is one way whatever the syntax: a reader ([`json`], [`xml`]) fills a tree with one event, `build` makes the
//! [`Event`](crate::domain::event::Event) of it, [`check`] applies the rules schemas miss, [`hash`] names its content.
//! Beside it `schema` says what the published schema of the version minds. No document tree is built: memory is bounded by one event and what the caller keeps.
//!
//! Lenient where the meaning is beyond doubt (a finding says so, and a strict [`Profile`] makes a refusal of it), strict
//! everywhere else. Nothing here asks for state,
//! parties or permission, and nothing is ever fetched.

use std::io::BufRead;

use crate::domain::finding::Finding;
use crate::domain::profile::Profile;

mod build;
pub mod check;
mod context;
pub mod convert;
mod decimal;
pub mod document;
mod escape;
pub mod format;
pub mod hash;
mod header;
pub mod json;
pub mod loss;
pub mod query;
mod reading;
mod schema;
pub mod slice;
pub mod statement;
mod tree;
pub mod vocabulary;
pub mod xml;

pub use convert::Target;
pub use document::{Correspondent, Document, Header, ParsedEvent, Syntax};
pub use format::{CbvFormat, DocumentKind, EpcFormat, Format};

/// The two families of wire formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// EPCIS 1.x or 2.0 XML; which one the namespace says.
    Xml,
    /// EPCIS 2.0 JSON-LD.
    Json,
}

impl MediaType {
    /// From a `Content-Type` header; `None` for what the hub does not read.
    #[must_use]
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/xml" | "text/xml" => Some(Self::Xml),
            "application/json" | "application/ld+json" => Some(Self::Json),
            other if other.starts_with("application/") && other.ends_with("+xml") => Some(Self::Xml),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }
}

/// How much one document may ask for.
#[derive(Debug, Clone)]
pub struct ParseLimits {
    /// Nesting of elements, objects and arrays; values above 256 count as 256.
    pub depth: usize,
    /// Events in one document.
    pub events: usize,
    /// Memory for one event, or the header, before it is understood.
    pub event_bytes: usize,
    /// Findings kept of one code.
    pub findings_per_code: usize,
    /// What each finding does to the document.
    pub profile: Profile,
    /// Whether an event with a finding that refuses is left out, instead of the whole document being refused.
    pub leaves_out: bool,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self {
            depth: 64,
            events: 1_000_000,
            event_bytes: 256 << 20,
            findings_per_code: 100,
            profile: Profile::default(),
            leaves_out: false,
        }
    }
}

/// Reads a whole document. `Err` holds all findings of a refused document, those that do not refuse included.
pub fn parse(input: impl BufRead, media: MediaType, limits: &ParseLimits) -> Result<Document, Vec<Finding>> {
    let mut events = Vec::new();
    let mut document = read_events(input, media, limits, &mut |event| events.push(event))?;
    document.events = events;
    Ok(document)
}

/// Reads a document and hands out its events one by one, in document order.
///
/// The answer comes at the end: on `Err` the document is refused, and with it the events already handed out.
pub fn read_events(
    input: impl BufRead,
    media: MediaType,
    limits: &ParseLimits,
    sink: &mut dyn FnMut(ParsedEvent),
) -> Result<Document, Vec<Finding>> {
    match media {
        MediaType::Xml => xml::read(input, limits, sink),
        MediaType::Json => json::read(input, limits, sink),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

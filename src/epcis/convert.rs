//! A whole document from one format to another: header, master data, events.
//!
//! What changes by it beyond the spelling is told by [`losses`](super::loss::losses). Identifiers and times stay as they are;
//! a query document becomes an `EPCISDocument`, because the query is no part of what happened.

use std::io::{self, Write};

use super::document::Document;
use super::format::Format;
use super::{json, xml};
use crate::domain::time::Micros;

/// Into which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// EPCIS 2.0 JSON-LD.
    Json,
    /// EPCIS XML.
    Xml(xml::Version),
}

/// Prints a document that was read; `record_time` is that of all its events.
pub fn write(out: impl Write, document: &Document, record_time: Micros, format: &Format<'_>, target: Target) -> io::Result<()> {
    let events = document.events.iter().map(|parsed| (&parsed.event, record_time));
    match target {
        Target::Json => json::write_document(out, &document.header, events, format),
        Target::Xml(version) => xml::write_document(out, &document.header, events, format, version),
    }
}

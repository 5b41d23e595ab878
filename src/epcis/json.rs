//! EPCIS 2.0 JSON-LD.
//!
//! [`read`] goes through the document once with a lexer of our own: `serde_json` would round numbers, accept duplicate
//! keys silently and want the whole document in memory. Contexts are not fetched, see `context`.

mod lexer;
pub(super) mod plain;
mod printer;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::CONTEXT;
pub use write::{write_document, write_event, write_events};

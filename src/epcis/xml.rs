//! EPCIS XML, 1.x and 2.0.
//!
//! [`read`] is a pull parser over one document: no DTD, no entities beyond the five and character references, nothing
//! fetched, nothing included. Elements are told by local name; that partners qualify what the schema leaves unqualified
//! is a finding, not a refusal. [`write_events`] prints what the schemas accept.

mod frame;
mod lines;
mod printer;
mod read;
mod scope;
mod write;

pub(super) use read::read;
pub use write::{Version, fits_version_1, write_document, write_events, write_results};

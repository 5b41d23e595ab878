//! EPCIS XML, 1.x and 2.0.
//!
//! [`read`] is a pull parser over one document: no DTD, no entities beyond the five and character references, nothing
//! fetched, nothing included. Elements are told by local name; that partners qualify what the schema leaves unqualified
//! is a finding, not a refusal. `write` prints what the schemas accept.

mod lines;
mod read;
mod scope;
pub mod write;

pub(super) use read::read;

//! What the hub knows about medicines, parties and serial numbers, without any I/O.
//!
//! Pure: no async, no database, no clock and no randomness of its own; whoever needs the time or a random number is given it.
//! Nothing here names another module of the crate.

pub mod agreement;
pub mod assertion;
pub mod audit;
pub mod containment;
pub mod event;
pub mod exception;
pub mod finding;
pub mod grant;
pub mod gs1;
pub mod guideline;
pub mod ids;
pub mod inference;
pub mod ledger;
pub mod lens;
pub mod party;
pub mod policy;
pub mod profile;
pub mod provenance;
pub mod query;
pub mod seen;
pub mod serial;
pub mod shipment;
pub mod slice;
pub mod subscription;
pub mod time;
pub mod total;
pub mod webhook;

//! The EPCIS binding and downloads.

pub mod capture;
pub mod event;
mod idempotency;
pub mod import;
pub mod lookup;
mod negotiation;
mod paging;
pub mod receipt;
pub mod registration;
pub mod serial;

//! The EPCIS binding and downloads.

pub mod capture;
mod discovery;
pub mod event;
pub mod exception;
mod idempotency;
pub mod import;
pub(super) mod intake;
mod listing;
pub mod lookup;
mod negotiation;
mod paging;
pub mod query;
pub mod receipt;
pub mod registration;
pub mod resource;
pub mod serial;
pub mod slice;
mod small;
pub mod socket;
pub mod subscription;

//! The EPCIS binding and downloads.

pub mod capture;
pub mod event;
pub mod receipt;
pub mod import;
pub mod serial;

//! The EPCIS binding and downloads.

pub mod capture;
pub mod event;
pub mod import;
pub mod lookup;
pub mod receipt;
pub mod registration;
pub mod serial;

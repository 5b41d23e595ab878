//! Loops that call services.

pub mod capture;
pub mod registry;

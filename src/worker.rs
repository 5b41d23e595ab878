//! Loops that call services.

pub mod capture;
pub mod lease;
pub mod floor;
pub mod registry;
pub mod replenish;

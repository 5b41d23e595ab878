//! Loops that call services.

pub mod capture;
pub mod floor;
pub mod grant;
pub mod lease;
pub mod registry;
pub mod replenish;
pub mod subscription;

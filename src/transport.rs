//! All that speaks to a caller.

pub mod dialect;
pub mod graphql;
pub mod http;
pub mod identity;
pub mod metrics;
mod numbers;
pub mod operations;
pub mod problem;
pub mod rest;
pub mod route;
pub mod soap;
pub mod tls;

//! The GraphQL API.

pub mod endpoint;
pub mod guard;
pub mod mutation;
pub mod query;
pub mod types;

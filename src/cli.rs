//! The command line.

pub mod bench;
pub mod demo;
pub mod migrate;
pub mod partner;
pub mod schema;
pub mod serve;

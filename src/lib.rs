//! Counterfoil

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod epcis;
pub mod service;
pub mod storage;
pub mod transport;
pub mod worker;

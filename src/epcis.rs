//! EPCIS wire formats to and from domain events.

pub mod check;
pub mod document;
pub mod hash;
pub mod json;
pub mod vocabulary;
pub mod xml;

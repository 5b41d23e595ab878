//! `partner`

//! The hub's own CA.

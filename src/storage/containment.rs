//! What was in what, when.

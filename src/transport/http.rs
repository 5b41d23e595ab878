//! Router and limits.

//! Documents and capture jobs.

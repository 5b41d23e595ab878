//! Runs capture jobs.

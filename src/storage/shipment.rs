//! Handovers.

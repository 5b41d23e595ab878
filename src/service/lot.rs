//! Lot reconciliation.

//! Follows changes of the contracts.

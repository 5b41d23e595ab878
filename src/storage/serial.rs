//! Pools and allocations.

//! Serial numbers by permutation.

pub mod key;

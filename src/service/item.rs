//! One identified thing.

//! Where a pack comes from.

//! Events under the lens.

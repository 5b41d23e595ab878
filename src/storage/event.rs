//! Events and who is concerned by them.

//! CBV 2.0 event hash.

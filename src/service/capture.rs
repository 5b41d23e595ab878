//! Taking documents in.

//! CBV terms and their spellings.

//! What the parsers make of a document.

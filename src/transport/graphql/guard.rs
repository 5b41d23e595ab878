//! What is refused before a query runs.

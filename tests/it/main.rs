//! Tests of the hub in one process, through its public interfaces.

mod corpus_identifiers;
mod tidy;

//! Integration tests: through the public router, on SQLite or on PostgreSQL.
//!
//! `COUNTERFOIL_TEST_DATABASE_URL=postgres://…` chooses PostgreSQL (see `tests/run`); each test has a database of
//! its own either way. Tests wait for nothing but answers, and set the clock themselves.
#![expect(
    unreachable_pub,
    reason = "a test binary has no outside: `pub` means for the other modules here"
)]

mod capture;
mod container;
mod corpus_capture;
mod corpus_documents;
mod corpus_identifiers;
mod corpus_mutations;
mod corpus_schemas;
mod corpus_soap;
mod corpus_tags;
mod corpus_verdicts;
mod dialect;
mod event;
mod exception;
mod forgery;
mod fuzz;
mod grant;
mod graphql;
mod hub;
mod mandate;
mod matrix;
mod moment;
mod negotiation;
mod oracle;
mod partner;
mod policy;
mod query;
mod serial;
mod slice;
mod soap;
mod story;
mod tidy;
mod timing;
mod total;
mod upgrade;
mod visibility;
mod worlds;

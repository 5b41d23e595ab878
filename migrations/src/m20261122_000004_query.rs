//! Queries that parties keep, page tokens that were ended, and the clock that record times follow.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await
    }
}

/// `record_clock.at` is the last record time that was given out, `lag` the longest by which one was later than the key of its
/// event says; both only grow.
const TABLES: &[&str] = &[
    "CREATE TABLE record_clock (
        one {smallint} NOT NULL PRIMARY KEY CHECK (one = 1),
        at {bigint} NOT NULL,
        lag {bigint} NOT NULL
    ) {strict}",
    "INSERT INTO record_clock (one, at, lag) SELECT 1, COALESCE(MAX(record_time), 0), 0 FROM event",
    "CREATE TABLE named_query (
        party_id TEXT NOT NULL REFERENCES party (id),
        name TEXT NOT NULL,
        document TEXT NOT NULL,
        created_at {bigint} NOT NULL,
        PRIMARY KEY (party_id, name)
    ) {clustered}",
    "CREATE TABLE ended_token (
        party_id TEXT NOT NULL REFERENCES party (id),
        token {bytes} NOT NULL,
        expires_at {bigint} NOT NULL,
        PRIMARY KEY (party_id, token)
    ) {clustered}",
];

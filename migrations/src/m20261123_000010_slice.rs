//! Signed roots of events: what slices of an event are proved against.

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

/// A row is inserted when the first slice of an event is asked for, and never changed. The root follows from the event and the master
/// key: a row that says another one means that either of them was changed since.
const TABLES: &[&str] = &["CREATE TABLE event_root (
        event_id {uuid} NOT NULL PRIMARY KEY REFERENCES event (id),
        root {bytes} NOT NULL,
        jws TEXT NOT NULL,
        made_at {bigint} NOT NULL
    ) {strict}"];

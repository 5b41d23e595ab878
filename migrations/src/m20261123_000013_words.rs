//! What the hub says of events in words, beside their signed roots.

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

/// `version` is that of the statement. The words of version 2 are those of the day on which it was signed, since sites and parties change
/// and the root may not; a row of version 1, which has none, is replaced once.
const TABLES: &[&str] = &[
    "ALTER TABLE event_root ADD COLUMN version {smallint} NOT NULL DEFAULT 1",
    "ALTER TABLE event_root ADD COLUMN country TEXT",
    "ALTER TABLE event_root ADD COLUMN role TEXT",
];

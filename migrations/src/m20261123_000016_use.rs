//! How often grants were used that give so many readings a day.

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

/// `day` is the UTC day, counted from 1970-01-01; `party_id` is who read.
const TABLES: &[&str] = &["CREATE TABLE grant_use (
        party_id TEXT NOT NULL REFERENCES party (id),
        day {bigint} NOT NULL,
        grant_id {uuid} NOT NULL REFERENCES access_grant (id),
        uses {bigint} NOT NULL CHECK (uses > 0),
        PRIMARY KEY (party_id, day, grant_id)
    ) {clustered}"];

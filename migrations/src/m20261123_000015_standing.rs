//! Which grants stand, so that those that ended cost nothing however many they are.

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

/// A row comes with a grant and goes with its end. It says nothing that the records of grants do not: it is where to look for them.
const TABLES: &[&str] = &[
    "CREATE TABLE grant_standing (
        grant_id {uuid} NOT NULL PRIMARY KEY REFERENCES access_grant (id),
        grantor_id TEXT NOT NULL,
        valid_until {bigint} NOT NULL
    ) {clustered}",
    "CREATE INDEX grant_standing_until ON grant_standing (valid_until)",
    "CREATE INDEX grant_standing_of ON grant_standing (grantor_id, valid_until)",
    "INSERT INTO grant_standing (grant_id, grantor_id, valid_until)
        SELECT g.id, g.grantor_id, g.valid_until FROM access_grant g
        WHERE NOT EXISTS (SELECT 1 FROM grant_end x WHERE x.grant_id = g.id)",
];

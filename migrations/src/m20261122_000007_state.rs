//! What few events say of the condition of things: persistent dispositions, recalls, ends of life.

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

/// `statement.set_terms` and `unset_terms` are JSON lists; `statement_thing` names the things of such events, so that those in
/// a shipment are found without reading what was said of the others.
const TABLES: &[&str] = &[
    "CREATE TABLE statement (
        event_id {uuid} NOT NULL PRIMARY KEY REFERENCES event (id),
        set_terms TEXT NOT NULL,
        unset_terms TEXT NOT NULL,
        ends_contents {smallint} NOT NULL
    ) {clustered}",
    "CREATE TABLE statement_thing (
        epc {uuid} NOT NULL,
        event_id {uuid} NOT NULL REFERENCES event (id),
        PRIMARY KEY (epc, event_id)
    ) {clustered}",
];

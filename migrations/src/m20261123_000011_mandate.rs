//! Whose the contents of logistic units are: one row for each owner of something in a unit, with the time in which it has something there. And
//! that several can sell what is theirs in one handover.

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

/// Until now a unit was of whoever owned what was put into it first: that is kept for units that there are.
const TABLES: &[&str] = &[
    "CREATE TABLE unit_stake (
        epc {uuid} NOT NULL,
        owner_id TEXT NOT NULL,
        from_time {bigint} NOT NULL,
        until_time {bigint} NOT NULL,
        PRIMARY KEY (epc, owner_id)
    ) {clustered}",
    "INSERT INTO unit_stake (epc, owner_id, from_time, until_time)
     SELECT t.epc, k.owner_id, -9223372036854775807, 9223372036854775807 FROM thing t JOIN thing_kind k ON k.no = t.kind
     WHERE k.prefix = 'https://id.gs1.org/00/' AND k.owner_id <> ''",
    // Who gives up ownership besides `seller_id`, separated by spaces.
    "ALTER TABLE shipment ADD COLUMN also_sellers TEXT",
];

//! Which events make things of which lot: for those to whom events are granted and who ask for the lot.

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

/// One row for each product that an event makes things of. Of the events of before those are known by which things were born that have the
/// lot still.
const TABLES: &[&str] = &[
    "CREATE TABLE event_lot (
        gtin TEXT NOT NULL,
        lot TEXT NOT NULL,
        event_id {uuid} NOT NULL REFERENCES event (id),
        PRIMARY KEY (gtin, lot, event_id)
    ) {clustered}",
    "INSERT INTO event_lot (gtin, lot, event_id)
     SELECT DISTINCT k.gtin, k.lot, t.birth FROM thing t CROSS JOIN thing_kind k
     WHERE k.no = t.kind AND t.birth IS NOT NULL AND k.gtin <> '' AND k.lot <> '' AND LENGTH(k.lot) <= 100",
];

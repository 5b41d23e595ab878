//! Subscriptions to queries, and how far each has been delivered.

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

/// `cursor_at`, `cursor_key`: all events up to this record time and key are delivered. `pending_…`: a delivery that may have been
/// sent, up to where. `run_until`: a scheduled run is under way, up to this record time. `claims` counts who works on it.
const TABLES: &[&str] = &[
    "CREATE TABLE subscription (
        party_id TEXT NOT NULL REFERENCES party (id),
        id TEXT NOT NULL,
        system_name TEXT NOT NULL,
        query_name TEXT NOT NULL,
        query TEXT NOT NULL,
        dest TEXT NOT NULL,
        token {bytes},
        schedule TEXT,
        report_if_empty {smallint} NOT NULL,
        initial_record_time {bigint},
        form TEXT NOT NULL,
        epc_format TEXT NOT NULL,
        created_at {bigint} NOT NULL,
        cursor_at {bigint} NOT NULL,
        cursor_key {uuid} NOT NULL,
        batch {bigint} NOT NULL,
        pending_id {uuid},
        pending_at {bigint},
        pending_key {uuid},
        run_until {bigint},
        run_sent {smallint} NOT NULL,
        next_at {bigint} NOT NULL,
        lease_until {bigint} NOT NULL,
        claims {bigint} NOT NULL,
        failures {bigint} NOT NULL,
        failing_since {bigint},
        last_error TEXT,
        last_notified_at {bigint},
        disabled_at {bigint},
        disabled_reason TEXT,
        PRIMARY KEY (party_id, id)
    ) {clustered}",
    "CREATE INDEX subscription_of_query ON subscription (party_id, query_name, id)",
    "CREATE INDEX subscription_due ON subscription (next_at) WHERE disabled_at IS NULL",
];

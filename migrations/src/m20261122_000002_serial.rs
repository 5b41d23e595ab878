//! Serial numbers at full strength: kinds of pools, the life of a number, accounts, requests that wait, receipts, the floor.
//!
//! The column `gtin` of pools and allocations holds the key of whatever is numbered: a GTIN-14, or the company prefix and
//! extension digit of SSCCs as `9521002:3`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for room in [POOLS, REQUESTS, LIFE, SUPPLY, FLOOR, RECEIPTS] {
            crate::run(manager, room).await?;
        }
        Ok(())
    }
}

/// Where numbers come from. `rule` is the serial rule that the pool was made with, as JSON; null: alphabet and length say all.
/// Listed serials (imported, brokered, made by the packager) are rows; permuted ones never are.
const POOLS: &[&str] = &[
    "ALTER TABLE pool ADD COLUMN source TEXT NOT NULL DEFAULT 'permutation'",
    "ALTER TABLE pool ADD COLUMN rule TEXT",
    "ALTER TABLE pool ADD COLUMN retired_at {bigint}",
    // How many numbers that others made were taken off its cap: they stay taken off when the density is raised.
    "ALTER TABLE pool ADD COLUMN thinned {bigint} NOT NULL DEFAULT 0",
    "CREATE INDEX pool_by_owner ON pool (owner_id, id)",
    // An imported serial that lies in the permutation where nothing was issued yet: the counter passes over it.
    "CREATE TABLE pool_skip (
        pool_id {uuid} NOT NULL REFERENCES pool (id),
        number_index {bigint} NOT NULL,
        PRIMARY KEY (pool_id, number_index)
    ) {clustered}",
    // Counter values that no allocation has and none ever will, and why.
    "CREATE TABLE burnt (
        pool_id {uuid} NOT NULL REFERENCES pool (id),
        first_index {bigint} NOT NULL,
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        reason TEXT NOT NULL,
        at {bigint} NOT NULL,
        PRIMARY KEY (pool_id, first_index)
    ) {clustered}",
];

/// `span` is how many counter values an allocation takes, `holes` which offsets of them are no numbers of it (a bitmap); null:
/// as many as its quantity, and none. How far it is follows from the times: fetched, acknowledged, closed.
const REQUESTS: &[&str] = &[
    "ALTER TABLE allocation ADD COLUMN span {bigint}",
    "ALTER TABLE allocation ADD COLUMN holes {bytes}",
    "ALTER TABLE allocation ADD COLUMN asked {bigint}",
    "ALTER TABLE allocation ADD COLUMN line TEXT",
    "ALTER TABLE allocation ADD COLUMN system_name TEXT",
    "ALTER TABLE allocation ADD COLUMN documents TEXT",
    "ALTER TABLE allocation ADD COLUMN expires_at {bigint}",
    "ALTER TABLE allocation ADD COLUMN acknowledged_at {bigint}",
    "ALTER TABLE allocation ADD COLUMN closed_at {bigint}",
    "ALTER TABLE allocation ADD COLUMN close_reason TEXT",
    "CREATE INDEX allocation_expiring ON allocation (expires_at) WHERE expires_at IS NOT NULL AND closed_at IS NULL",
    "CREATE INDEX allocation_unacknowledged ON allocation (created_at) WHERE acknowledged_at IS NULL AND closed_at IS NULL",
    // What a party has of a product under an agreement ('' for its own), so that no limit is reckoned from all allocations.
    "CREATE TABLE serial_account (
        party_id TEXT NOT NULL,
        gtin TEXT NOT NULL,
        agreement_id TEXT NOT NULL,
        issued {bigint} NOT NULL,
        settled {bigint} NOT NULL,
        PRIMARY KEY (party_id, gtin, agreement_id)
    ) {clustered}",
    "INSERT INTO serial_account (party_id, gtin, agreement_id, issued, settled)
     SELECT a.party_id, a.gtin, COALESCE(a.agreement_id, ''), CAST(SUM(a.quantity) AS BIGINT),
            CAST(COALESCE(SUM((SELECT SUM(u.commissioned_count) FROM allocation_use u WHERE u.allocation_id = a.id)), 0) AS BIGINT)
     FROM allocation a GROUP BY a.party_id, a.gtin, COALESCE(a.agreement_id, '')",
    // `day` counts from 1970-01-01 UTC; `used` numbers were commissioned, scrapped or sampled on that day.
    "CREATE TABLE serial_day (
        party_id TEXT NOT NULL,
        gtin TEXT NOT NULL,
        agreement_id TEXT NOT NULL,
        day {bigint} NOT NULL,
        issued {bigint} NOT NULL,
        used {bigint} NOT NULL,
        PRIMARY KEY (party_id, gtin, agreement_id, day)
    ) {clustered}",
    "CREATE INDEX serial_day_by_product ON serial_day (gtin, day, issued)",
    // A request that its principal must approve: no numbers yet. The allocation gets its id.
    "CREATE TABLE allocation_request (
        id {uuid} NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES party (id),
        principal_id TEXT NOT NULL REFERENCES party (id),
        agreement_id TEXT NOT NULL,
        gtin TEXT NOT NULL,
        request_key TEXT NOT NULL,
        request_hash {bytes} NOT NULL,
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        created_at {bigint} NOT NULL,
        decided_at {bigint},
        decided_by TEXT,
        reason TEXT,
        UNIQUE (party_id, request_key),
        CHECK ((state = 'pending') = (decided_at IS NULL))
    ) {strict}",
    "CREATE INDEX allocation_request_by_principal ON allocation_request (principal_id, state, id)",
    "CREATE INDEX allocation_request_by_party ON allocation_request (party_id, state, id)",
];

/// What became of numbers beside their commissioning (`allocation_use`): a bitmap over the offsets of 65,536 for each state.
const LIFE: &[&str] = &[
    "CREATE TABLE serial_state (
        allocation_id {uuid} NOT NULL REFERENCES allocation (id),
        chunk {bigint} NOT NULL,
        state {smallint} NOT NULL,
        lot TEXT NOT NULL,
        count {bigint} NOT NULL,
        offsets {bytes} NOT NULL,
        PRIMARY KEY (allocation_id, chunk, state, lot)
    ) {strict}",
    "CREATE INDEX serial_state_by_lot ON serial_state (lot, allocation_id, state, count)",
    // Numbers that their holder handed on. The last transfer of a number says who has it, under which agreement it counts; `seq` counts the
    // transfers of an allocation, for times and ids of several processes are no order.
    "CREATE TABLE serial_transfer (
        id {uuid} NOT NULL PRIMARY KEY,
        allocation_id {uuid} NOT NULL REFERENCES allocation (id),
        from_party TEXT NOT NULL,
        to_party TEXT NOT NULL,
        to_site TEXT,
        principal_id TEXT NOT NULL,
        agreement_id TEXT,
        gtin TEXT NOT NULL,
        request_key TEXT NOT NULL,
        request_hash {bytes} NOT NULL,
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        offsets {bytes} NOT NULL,
        at {bigint} NOT NULL,
        seq {bigint} NOT NULL,
        UNIQUE (from_party, request_key, allocation_id),
        UNIQUE (allocation_id, seq)
    ) {strict}",
    "CREATE INDEX serial_transfer_by_taker ON serial_transfer (to_party, id)",
    "CREATE INDEX serial_transfer_by_giver ON serial_transfer (from_party, id)",
    "CREATE INDEX serial_transfer_by_principal ON serial_transfer (principal_id, id)",
    // Reports that came with a key: the same key for another report is refused.
    "CREATE TABLE serial_report (
        party_id TEXT NOT NULL,
        request_key TEXT NOT NULL,
        request_hash {bytes} NOT NULL,
        at {bigint} NOT NULL,
        PRIMARY KEY (party_id, request_key)
    ) {clustered}",
    // Moves that were asked for and that there are not: which numbers (a bitmap over offsets), from where, to where.
    "CREATE TABLE serial_exception (
        id {uuid} NOT NULL PRIMARY KEY,
        allocation_id {uuid} NOT NULL REFERENCES allocation (id),
        party_id TEXT NOT NULL,
        principal_id TEXT NOT NULL,
        from_state {smallint} NOT NULL,
        to_state {smallint} NOT NULL,
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        offsets {bytes} NOT NULL,
        at {bigint} NOT NULL
    ) {strict}",
    "CREATE INDEX serial_exception_by_party ON serial_exception (party_id, id)",
    "CREATE INDEX serial_exception_by_principal ON serial_exception (principal_id, id)",
    "CREATE TABLE lot_close (
        id {uuid} NOT NULL PRIMARY KEY,
        gtin TEXT NOT NULL,
        lot TEXT NOT NULL,
        line TEXT NOT NULL,
        party_id TEXT NOT NULL,
        principal_id TEXT NOT NULL,
        balance TEXT NOT NULL,
        reason TEXT,
        closed_by TEXT NOT NULL,
        closed_at {bigint} NOT NULL,
        UNIQUE (gtin, lot, party_id, line)
    ) {strict}",
    "CREATE INDEX lot_close_by_principal ON lot_close (principal_id, id)",
];

/// Serials that somebody else made, and what watches over the stock.
const SUPPLY: &[&str] = &[
    "CREATE TABLE listed_serial (
        gtin TEXT NOT NULL,
        serial TEXT NOT NULL,
        pool_id {uuid} NOT NULL,
        number_index {bigint} NOT NULL,
        PRIMARY KEY (gtin, serial)
    ) {clustered}",
    "CREATE UNIQUE INDEX listed_serial_by_index ON listed_serial (pool_id, number_index)",
    "CREATE TABLE serial_import (
        id {uuid} NOT NULL PRIMARY KEY,
        gtin TEXT NOT NULL,
        pool_id {uuid} NOT NULL REFERENCES pool (id),
        party_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        request_key TEXT NOT NULL,
        sha256 {bytes} NOT NULL,
        first_index {bigint} NOT NULL,
        quantity {bigint} NOT NULL,
        at {bigint} NOT NULL,
        UNIQUE (party_id, request_key)
    ) {strict}",
    "CREATE INDEX serial_import_by_pool ON serial_import (pool_id, id)",
    // Serials that were commissioned without having been given out are not free for anybody's list.
    "CREATE INDEX foreign_serial_by_serial ON foreign_serial (gtin, serial)",
    // What was asked of a manufacturer's own system: stored before it is asked, so that a lost answer is asked for again
    // with the same key. At most one order of a pool is open.
    "CREATE TABLE broker_order (
        id {uuid} NOT NULL PRIMARY KEY,
        pool_id {uuid} NOT NULL REFERENCES pool (id),
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        state TEXT NOT NULL,
        upstream_id TEXT,
        reason TEXT,
        created_at {bigint} NOT NULL,
        ended_at {bigint},
        confirmed_at {bigint},
        CHECK ((state = 'open') = (ended_at IS NULL))
    ) {strict}",
    "CREATE UNIQUE INDEX broker_order_open ON broker_order (pool_id) WHERE ended_at IS NULL",
    "CREATE INDEX broker_order_by_pool ON broker_order (pool_id, id)",
    "CREATE TABLE serial_alert (
        id {uuid} NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        party_id TEXT NOT NULL,
        principal_id TEXT NOT NULL,
        gtin TEXT NOT NULL,
        agreement_id TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        raised_at {bigint} NOT NULL,
        cleared_at {bigint}
    ) {strict}",
    "CREATE UNIQUE INDEX serial_alert_open ON serial_alert (kind, party_id, gtin, agreement_id, subject) WHERE cleared_at IS NULL",
    "CREATE INDEX serial_alert_by_party ON serial_alert (party_id, id)",
    "CREATE INDEX serial_alert_by_principal ON serial_alert (principal_id, id)",
];

/// After a restore no number moves until the operator has confirmed what was issued since the backup. `identity` is how this
/// database was last known; a copy or an older state of it has another. `lineage` names it once and for ever. `serial_ahead` is where the counters of pools begin that a
/// restored database does not know yet ('' is any product, epoch 0 any epoch).
const FLOOR: &[&str] = &[
    "CREATE TABLE serial_floor (
        one {smallint} NOT NULL PRIMARY KEY CHECK (one = 1),
        identity TEXT NOT NULL,
        lineage TEXT NOT NULL,
        held_at {bigint},
        held_why TEXT,
        confirmed_at {bigint},
        confirmed_by TEXT,
        CHECK ((held_at IS NULL) = (held_why IS NULL))
    ) {strict}",
    "CREATE TABLE serial_ahead (
        gtin TEXT NOT NULL,
        epoch {bigint} NOT NULL,
        next_index {bigint} NOT NULL CHECK (next_index > 0),
        PRIMARY KEY (gtin, epoch)
    ) {clustered}",
];

/// Receipts as they were first handed out.
const RECEIPTS: &[&str] = &["CREATE TABLE allocation_receipt (
        allocation_id {uuid} NOT NULL PRIMARY KEY REFERENCES allocation (id),
        root {bytes} NOT NULL,
        jws TEXT NOT NULL,
        made_at {bigint} NOT NULL
    ) {strict}"];

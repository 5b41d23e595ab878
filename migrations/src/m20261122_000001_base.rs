//! Parties, serial numbers, captured events, derived state, findings, audit.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for room in [PARTIES, SERIALS, EVENTS, STATE, AUDIT] {
            crate::run(manager, room).await?;
        }
        Ok(())
    }
}

/// `doc` columns hold the checked configuration as JSON; the other tables hold what must be unique over the hub.
const PARTIES: &[&str] = &[
    "CREATE TABLE registry (
        one {smallint} NOT NULL PRIMARY KEY CHECK (one = 1),
        version {bigint} NOT NULL
    ) {strict}",
    "INSERT INTO registry (one, version) VALUES (1, 0)",
    "CREATE TABLE master_key (
        one {smallint} NOT NULL PRIMARY KEY CHECK (one = 1),
        check_value {bytes} NOT NULL
    ) {strict}",
    "CREATE TABLE party (
        id TEXT NOT NULL PRIMARY KEY,
        doc TEXT NOT NULL,
        updated_at {bigint} NOT NULL
    ) {strict}",
    "CREATE TABLE party_gln (
        gln TEXT NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES party (id)
    ) {strict}",
    "CREATE TABLE company_prefix (
        prefix TEXT NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES party (id)
    ) {strict}",
    "CREATE TABLE product (
        gtin TEXT NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES party (id)
    ) {strict}",
    "CREATE TABLE agreement (
        id TEXT NOT NULL PRIMARY KEY,
        principal_id TEXT NOT NULL REFERENCES party (id),
        delegate_id TEXT NOT NULL REFERENCES party (id),
        doc TEXT NOT NULL,
        updated_at {bigint} NOT NULL
    ) {strict}",
    "CREATE TABLE certificate (
        fingerprint {bytes} NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL,
        system_name TEXT NOT NULL,
        serial TEXT NOT NULL,
        not_after {bigint} NOT NULL,
        issued_at {bigint} NOT NULL,
        revoked_at {bigint}
    ) {strict}",
];

/// A block of numbers is one row: the numbers themselves are computed from the index (FF1).
const SERIALS: &[&str] = &[
    "CREATE TABLE owner_key (
        party_id TEXT NOT NULL PRIMARY KEY REFERENCES party (id),
        sealed {bytes} NOT NULL,
        created_at {bigint} NOT NULL
    ) {strict}",
    "CREATE TABLE pool (
        id {uuid} NOT NULL PRIMARY KEY,
        owner_id TEXT NOT NULL REFERENCES party (id),
        gtin TEXT NOT NULL,
        epoch {bigint} NOT NULL,
        algorithm TEXT NOT NULL,
        alphabet TEXT NOT NULL,
        length {smallint} NOT NULL,
        samples TEXT NOT NULL,
        next_index {bigint} NOT NULL,
        cap {bigint} NOT NULL,
        created_at {bigint} NOT NULL,
        UNIQUE (gtin, epoch),
        CHECK (0 <= next_index AND next_index <= cap)
    ) {strict}",
    "CREATE TABLE allocation (
        id {uuid} NOT NULL PRIMARY KEY,
        pool_id {uuid} NOT NULL REFERENCES pool (id),
        party_id TEXT NOT NULL REFERENCES party (id),
        principal_id TEXT NOT NULL REFERENCES party (id),
        agreement_id TEXT,
        gtin TEXT NOT NULL,
        request_key TEXT NOT NULL,
        request_hash {bytes} NOT NULL,
        first_index {bigint} NOT NULL,
        quantity {bigint} NOT NULL CHECK (quantity > 0),
        lot TEXT,
        site TEXT,
        state TEXT NOT NULL,
        created_at {bigint} NOT NULL,
        transmitted_at {bigint},
        UNIQUE (party_id, request_key),
        UNIQUE (pool_id, first_index),
        CHECK ((state = 'reserved') = (transmitted_at IS NULL))
    ) {strict}",
    "CREATE INDEX allocation_by_party ON allocation (party_id, id)",
    "CREATE INDEX allocation_by_principal ON allocation (principal_id, id)",
    "CREATE INDEX allocation_by_lot ON allocation (gtin, lot)",
    "CREATE INDEX allocation_by_agreement ON allocation (agreement_id, gtin, quantity)",
    "CREATE TABLE allocation_use (
        allocation_id {uuid} NOT NULL REFERENCES allocation (id),
        lot TEXT NOT NULL,
        commissioned_count {bigint} NOT NULL,
        commissioned {bytes} NOT NULL,
        PRIMARY KEY (allocation_id, lot)
    ) {strict}",
    "CREATE INDEX allocation_use_by_lot ON allocation_use (lot, allocation_id, commissioned_count)",
    // Exceptions only: serials that a party commissioned without having been allocated them.
    "CREATE TABLE foreign_serial (
        gtin TEXT NOT NULL,
        lot TEXT NOT NULL,
        party_id TEXT NOT NULL,
        serial TEXT NOT NULL,
        owner_id TEXT NOT NULL,
        recorded_at {bigint} NOT NULL,
        PRIMARY KEY (gtin, lot, party_id, serial)
    ) {clustered}",
];

const EVENTS: &[&str] = &[
    "CREATE TABLE document (
        id {uuid} NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES party (id),
        sha256 {bytes} NOT NULL,
        size_bytes {bigint} NOT NULL,
        media_type TEXT NOT NULL,
        received_at {bigint} NOT NULL,
        UNIQUE (party_id, sha256)
    ) {strict}",
    "CREATE TABLE capture_job (
        id {uuid} NOT NULL PRIMARY KEY,
        document_id {uuid} NOT NULL REFERENCES document (id),
        party_id TEXT NOT NULL REFERENCES party (id),
        system_name TEXT NOT NULL,
        state TEXT NOT NULL,
        error_behaviour TEXT NOT NULL,
        attempts {bigint} NOT NULL,
        lease_until {bigint} NOT NULL,
        created_at {bigint} NOT NULL,
        finished_at {bigint},
        events_stored {bigint} NOT NULL,
        errors TEXT NOT NULL
    ) {strict}",
    "CREATE UNIQUE INDEX capture_job_once ON capture_job (document_id) WHERE state <> 'refused'",
    "CREATE INDEX capture_job_due ON capture_job (created_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX capture_job_by_party ON capture_job (party_id, id)",
    "CREATE TABLE event (
        id {uuid} NOT NULL PRIMARY KEY,
        hash {bytes} NOT NULL,
        kind {smallint} NOT NULL,
        action {smallint},
        event_time {bigint} NOT NULL,
        record_time {bigint} NOT NULL,
        asserter_id TEXT NOT NULL,
        principal_id TEXT,
        biz_step TEXT NOT NULL,
        disposition TEXT NOT NULL,
        read_point TEXT,
        biz_location TEXT,
        event_id TEXT NOT NULL,
        parent {uuid},
        listed {bigint} NOT NULL,
        declares_error {smallint} NOT NULL,
        voided {smallint} NOT NULL,
        document_id {uuid} NOT NULL REFERENCES document (id),
        ordinal {bigint} NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (asserter_id, hash, declares_error)
    ) {strict}",
    "CREATE INDEX event_by_event_id ON event (event_id)",
    "CREATE INDEX event_by_document ON event (document_id, ordinal)",
    "CREATE TABLE event_epc (
        epc {uuid} NOT NULL,
        event_time {bigint} NOT NULL,
        event_id {uuid} NOT NULL REFERENCES event (id),
        role {smallint} NOT NULL,
        PRIMARY KEY (epc, event_time, event_id, role)
    ) {clustered}",
    "CREATE TABLE event_party (
        party_id TEXT NOT NULL,
        event_id {uuid} NOT NULL REFERENCES event (id),
        relations {bigint} NOT NULL,
        PRIMARY KEY (party_id, event_id)
    ) {clustered}",
];

/// Folds over events. Open intervals end at 9223372036854775807.
///
/// `item.last_at` and `item.below_at` are the latest event times of the thing and of anything that was ever inside it:
/// they tell in one look whether a document comes late for what is inside a container.
const STATE: &[&str] = &[
    "CREATE TABLE item (
        epc {uuid} NOT NULL PRIMARY KEY,
        uri TEXT NOT NULL,
        gtin TEXT,
        lot TEXT,
        expiry TEXT,
        owner_id TEXT,
        commissioned_by TEXT,
        commissioned_at {bigint},
        commission_event {uuid},
        disposition TEXT,
        disposition_at {bigint},
        parent {uuid},
        last_at {bigint} NOT NULL,
        below_at {bigint} NOT NULL
    ) {strict}",
    "CREATE TABLE containment (
        child {uuid} NOT NULL,
        from_time {bigint} NOT NULL,
        parent {uuid} NOT NULL,
        until_time {bigint} NOT NULL,
        opened_by {uuid} NOT NULL,
        closed_by {uuid},
        PRIMARY KEY (child, from_time),
        CHECK (from_time <= until_time),
        CHECK (child <> parent)
    ) {clustered}",
    "CREATE INDEX containment_by_parent ON containment (parent, from_time, until_time, child)",
    "CREATE UNIQUE INDEX containment_single_parent ON containment (child) WHERE until_time = 9223372036854775807",
    "CREATE TABLE shipment (
        id {uuid} NOT NULL PRIMARY KEY,
        ship_event {uuid} NOT NULL UNIQUE REFERENCES event (id),
        receive_event {uuid},
        sender_id TEXT NOT NULL,
        receiver_id TEXT,
        seller_id TEXT,
        buyer_id TEXT,
        from_gln TEXT,
        to_gln TEXT,
        shipped_at {bigint} NOT NULL,
        received_at {bigint},
        state TEXT NOT NULL,
        documents TEXT NOT NULL
    ) {strict}",
    "CREATE TABLE shipment_epc (
        epc {uuid} NOT NULL,
        shipped_at {bigint} NOT NULL,
        shipment_id {uuid} NOT NULL REFERENCES shipment (id),
        receive_event {uuid},
        received_at {bigint},
        PRIMARY KEY (epc, shipped_at, shipment_id)
    ) {clustered}",
    "CREATE INDEX shipment_epc_by_shipment ON shipment_epc (shipment_id)",
    "CREATE TABLE shipment_party (
        party_id TEXT NOT NULL,
        shipped_at {bigint} NOT NULL,
        shipment_id {uuid} NOT NULL REFERENCES shipment (id),
        relations {bigint} NOT NULL,
        PRIMARY KEY (party_id, shipped_at, shipment_id)
    ) {clustered}",
    "CREATE TABLE finding (
        id {uuid} NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL,
        owner_id TEXT,
        document_id {uuid} NOT NULL REFERENCES document (id),
        event_id {uuid},
        epc TEXT,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        detail TEXT NOT NULL,
        pointer TEXT NOT NULL,
        created_at {bigint} NOT NULL,
        cleared_at {bigint}
    ) {strict}",
    "CREATE INDEX finding_by_party ON finding (party_id, id)",
    "CREATE INDEX finding_by_owner ON finding (owner_id, id)",
    "CREATE INDEX finding_by_document ON finding (document_id)",
    "CREATE INDEX finding_by_event ON finding (event_id)",
];

const AUDIT: &[&str] = &[
    "CREATE TABLE audit (
        id {uuid} NOT NULL PRIMARY KEY,
        at {bigint} NOT NULL,
        party_id TEXT NOT NULL,
        system_name TEXT NOT NULL,
        principal_id TEXT,
        action TEXT NOT NULL,
        object TEXT NOT NULL,
        outcome TEXT NOT NULL,
        detail TEXT NOT NULL,
        leaf_hash {bytes} NOT NULL
    ) {strict}",
    "CREATE INDEX audit_by_party ON audit (party_id, id)",
    "CREATE INDEX audit_by_principal ON audit (principal_id, id)",
];

//! What documents say beside their events: other ids of an event, what corrects what, events that could not
//! be taken in, headers and master data.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, IDENTITY).await?;
        crate::run(manager, JOBS).await?;
        crate::run(manager, HEADERS).await
    }
}

/// `event` is the key of an event; no foreign key, so that the table of events can be laid out anew.
const IDENTITY: &[&str] = &[
    "CREATE TABLE event_alias (
        event_id TEXT NOT NULL,
        event {uuid} NOT NULL,
        asserter_id TEXT NOT NULL REFERENCES party (id),
        document_id {uuid} NOT NULL REFERENCES document (id),
        ordinal {bigint} NOT NULL,
        PRIMARY KEY (event_id, event)
    ) {clustered}",
    "CREATE TABLE correction (
        asserter_id TEXT NOT NULL REFERENCES party (id),
        corrective_id TEXT NOT NULL,
        event {uuid} NOT NULL,
        is_known {smallint} NOT NULL,
        PRIMARY KEY (asserter_id, corrective_id, event)
    ) {clustered}",
    "CREATE INDEX correction_by_event ON correction (event)",
    "CREATE INDEX correction_open ON correction (asserter_id, corrective_id) WHERE is_known = 0",
];

/// Events of a document that could not be taken in, where its others were.
const JOBS: &[&str] = &["ALTER TABLE capture_job ADD COLUMN events_refused {bigint} NOT NULL DEFAULT 0"];

/// `attributes` is a list of names and values as JSON. `master_child` is what lies right above what.
const HEADERS: &[&str] = &[
    "CREATE TABLE document_header (
        document_id {uuid} NOT NULL PRIMARY KEY REFERENCES document (id),
        sender TEXT,
        receiver TEXT,
        instance_id TEXT,
        has_statement {smallint} NOT NULL,
        affirmed {smallint},
        legal_notice TEXT
    ) {strict}",
    "CREATE TABLE master_data (
        document_id {uuid} NOT NULL REFERENCES document (id),
        ordinal {bigint} NOT NULL,
        party_id TEXT NOT NULL REFERENCES party (id),
        id TEXT NOT NULL,
        vocabulary TEXT NOT NULL,
        attributes TEXT NOT NULL,
        PRIMARY KEY (document_id, ordinal)
    ) {clustered}",
    "CREATE INDEX master_data_of_document ON master_data (document_id, id)",
    "CREATE INDEX master_data_by_party ON master_data (party_id, id, document_id)",
    "CREATE TABLE master_child (
        document_id {uuid} NOT NULL REFERENCES document (id),
        party_id TEXT NOT NULL REFERENCES party (id),
        child TEXT NOT NULL,
        parent TEXT NOT NULL,
        PRIMARY KEY (document_id, child, parent)
    ) {clustered}",
    "CREATE INDEX master_child_by_party ON master_child (party_id, child)",
];

//! Grants, caps, emergencies: what parties lay down about sight beyond their relations to events, and the events that grants cover.

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

/// Rows are inserted and never changed, but for `policy.version`, which counts the acts, and `grant_fill`, which says how far the events
/// of before have been gone through. `doc` is the text that was signed; `origin` is `signed` or `partner_config`.
const TABLES: &[&str] = &[
    "CREATE TABLE policy (
        one {smallint} NOT NULL PRIMARY KEY CHECK (one = 1),
        version {bigint} NOT NULL
    ) {strict}",
    "INSERT INTO policy (one, version) VALUES (1, 0)",
    "CREATE TABLE access_grant (
        id {uuid} NOT NULL PRIMARY KEY,
        supersedes {uuid} REFERENCES access_grant (id),
        grantor_id TEXT NOT NULL REFERENCES party (id),
        grantee_id TEXT REFERENCES party (id),
        valid_until {bigint} NOT NULL,
        origin TEXT NOT NULL,
        proposed_by TEXT NOT NULL,
        proposed_at {bigint} NOT NULL,
        doc TEXT NOT NULL
    ) {strict}",
    "CREATE INDEX access_grant_given ON access_grant (grantor_id, id)",
    "CREATE INDEX access_grant_received ON access_grant (grantee_id, id)",
    "CREATE TABLE grant_signature (
        grant_id {uuid} NOT NULL REFERENCES access_grant (id),
        party_id TEXT NOT NULL,
        system_name TEXT NOT NULL,
        fingerprint {bytes} NOT NULL,
        signed_at {bigint} NOT NULL,
        jws TEXT NOT NULL,
        PRIMARY KEY (grant_id, party_id)
    ) {strict}",
    "CREATE TABLE grant_force (
        grant_id {uuid} NOT NULL PRIMARY KEY REFERENCES access_grant (id),
        at {bigint} NOT NULL
    ) {clustered}",
    "CREATE TABLE grant_end (
        grant_id {uuid} NOT NULL PRIMARY KEY REFERENCES access_grant (id),
        at {bigint} NOT NULL,
        party_id TEXT NOT NULL,
        reason TEXT NOT NULL
    ) {strict}",
    "CREATE TABLE grant_fill (
        grant_id {uuid} NOT NULL PRIMARY KEY REFERENCES access_grant (id),
        after {uuid} NOT NULL,
        done_at {bigint}
    ) {clustered}",
    "CREATE TABLE grant_event (
        grant_id {uuid} NOT NULL REFERENCES access_grant (id),
        event_id {uuid} NOT NULL REFERENCES event (id),
        PRIMARY KEY (grant_id, event_id)
    ) {clustered}",
    "CREATE TABLE access_cap (
        id {uuid} NOT NULL PRIMARY KEY,
        owner_id TEXT NOT NULL REFERENCES party (id),
        set_at {bigint} NOT NULL,
        doc TEXT NOT NULL
    ) {strict}",
    "CREATE INDEX access_cap_of ON access_cap (owner_id, id)",
    "CREATE TABLE cap_end (
        cap_id {uuid} NOT NULL PRIMARY KEY REFERENCES access_cap (id),
        at {bigint} NOT NULL
    ) {clustered}",
    "CREATE TABLE emergency (
        id {uuid} NOT NULL PRIMARY KEY,
        owner_id TEXT NOT NULL REFERENCES party (id),
        declared_at {bigint} NOT NULL,
        until_at {bigint} NOT NULL,
        doc TEXT NOT NULL
    ) {strict}",
    "CREATE INDEX emergency_of ON emergency (owner_id, id)",
    "CREATE TABLE emergency_end (
        emergency_id {uuid} NOT NULL PRIMARY KEY REFERENCES emergency (id),
        at {bigint} NOT NULL
    ) {clustered}",
    "CREATE TABLE decision (
        id {uuid} NOT NULL PRIMARY KEY,
        party_id TEXT NOT NULL,
        at {bigint} NOT NULL,
        answer TEXT NOT NULL
    ) {strict}",
];

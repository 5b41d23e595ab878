//! Things in narrow rows: what many of them have in common stands once, what an event says of them is not said again by a row
//! where the thing's own row says it, and keys of what is made together lie together.
//!
//! `item`, `containment` and `event_epc` become views: what they showed is still read under those names.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, TABLES).await?;
        let keys = former_keys(manager.get_database_backend());
        crate::run(manager, &[keys.as_str()]).await?;
        crate::run(manager, COPY).await?;
        crate::run(manager, VIEWS).await
    }
}

/// `thing_kind` is what things have in common, `''` where they have none; `prefix` is what their URIs begin with.
///
/// The open stay of a thing stands in its own row (`parent`, `since`, `opened_by`), so it has one parent at most; `stay` holds those that
/// ended. That `birth` names the thing, and `opened_by` names it as a child, `fact` does not repeat; `event_epc` shows all of them.
///
/// `former_key` finds a thing by the key that it had before this step.
const TABLES: &[&str] = &[
    "CREATE TABLE thing_kind (
        no {bigint} NOT NULL PRIMARY KEY,
        prefix TEXT NOT NULL,
        gtin TEXT NOT NULL,
        lot TEXT NOT NULL,
        expiry TEXT NOT NULL,
        owner_id TEXT NOT NULL,
        disposition TEXT NOT NULL,
        UNIQUE (prefix, lot, expiry, owner_id, disposition, gtin)
    ) {strict}",
    "CREATE INDEX thing_kind_by_gtin ON thing_kind (gtin)",
    "CREATE TABLE thing (
        epc {uuid} NOT NULL PRIMARY KEY,
        kind {bigint} NOT NULL REFERENCES thing_kind (no),
        last_at {bigint} NOT NULL,
        birth {uuid},
        parent {uuid},
        since {bigint},
        opened_by {uuid},
        below_at {bigint},
        serial TEXT NOT NULL,
        CHECK (parent <> epc),
        CHECK ((parent IS NULL) = (since IS NULL) AND (parent IS NULL) = (opened_by IS NULL))
    ) {clustered}",
    "CREATE INDEX thing_by_parent ON thing (parent) WHERE parent IS NOT NULL",
    "CREATE TABLE stay (
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
    "CREATE INDEX stay_by_parent ON stay (parent, from_time, until_time, child)",
    "CREATE TABLE former_key (
        former {uuid} NOT NULL PRIMARY KEY,
        epc {uuid} NOT NULL
    ) {clustered}",
    "ALTER TABLE event_epc RENAME TO fact",
    // Compressed; `body` is empty then.
    "ALTER TABLE event ADD COLUMN packed {bytes}",
];

/// The first four bytes of a key are the low bits of its GTIN, or of the hundred that its SSCC is one of; other keys stay.
fn former_keys(backend: DbBackend) -> String {
    let key = |near: &str| match backend {
        DbBackend::Postgres => {
            format!("CAST(lpad(to_hex({near}), 8, '0') || substr(replace(CAST(epc AS TEXT), '-', ''), 9) AS UUID)")
        }
        _ => format!("unhex(printf('%08x', {near}) || substr(hex(epc), 9))"),
    };
    let gtin = key("CAST(substr(uri, 23, 14) AS BIGINT) & 4294967295");
    let sscc = key("(CAST(substr(uri, 23, 18) AS BIGINT) / 1000) & 4294967295");
    format!(
        "INSERT INTO former_key (former, epc)
         SELECT epc, {gtin} FROM item WHERE uri LIKE 'https://id.gs1.org/01/______________/21/%'
         UNION ALL SELECT epc, {sscc} FROM item WHERE uri LIKE 'https://id.gs1.org/00/__________________'"
    )
}

const COPY: &[&str] = &[
    "INSERT INTO thing_kind (no, prefix, gtin, lot, expiry, owner_id, disposition)
     SELECT ROW_NUMBER() OVER (ORDER BY prefix, lot, expiry, owner_id, disposition, gtin), prefix, gtin, lot, expiry, owner_id, disposition
     FROM (SELECT DISTINCT
               CASE WHEN uri LIKE 'https://id.gs1.org/01/______________/21/%' THEN substr(uri, 1, 40)
                    WHEN uri LIKE 'https://id.gs1.org/00/__________________' THEN substr(uri, 1, 22) ELSE '' END AS prefix,
               COALESCE(gtin, '') AS gtin, COALESCE(lot, '') AS lot, COALESCE(expiry, '') AS expiry,
               COALESCE(owner_id, '') AS owner_id, COALESCE(disposition, '') AS disposition
           FROM item) k",
    "INSERT INTO thing (epc, kind, last_at, birth, parent, since, opened_by, below_at, serial)
     SELECT COALESCE(f.epc, i.epc), k.no, i.last_at, i.commission_event, COALESCE(p.epc, c.parent), c.from_time, c.opened_by,
            CASE WHEN i.below_at > -9223372036854775807 THEN i.below_at END, substr(i.uri, length(k.prefix) + 1)
     FROM item i
     JOIN thing_kind k ON k.gtin = COALESCE(i.gtin, '') AND k.lot = COALESCE(i.lot, '') AND k.expiry = COALESCE(i.expiry, '')
          AND k.owner_id = COALESCE(i.owner_id, '') AND k.disposition = COALESCE(i.disposition, '')
          AND k.prefix = CASE WHEN i.uri LIKE 'https://id.gs1.org/01/______________/21/%' THEN substr(i.uri, 1, 40)
                              WHEN i.uri LIKE 'https://id.gs1.org/00/__________________' THEN substr(i.uri, 1, 22) ELSE '' END
     LEFT JOIN former_key f ON f.former = i.epc
     LEFT JOIN containment c ON c.child = i.epc AND c.until_time = 9223372036854775807
     LEFT JOIN former_key p ON p.former = c.parent",
    "INSERT INTO stay (child, from_time, parent, until_time, opened_by, closed_by)
     SELECT COALESCE(f.epc, c.child), c.from_time, COALESCE(p.epc, c.parent), c.until_time, c.opened_by, c.closed_by
     FROM containment c LEFT JOIN former_key f ON f.former = c.child LEFT JOIN former_key p ON p.former = c.parent
     WHERE c.until_time < 9223372036854775807",
    "UPDATE event SET parent = (SELECT f.epc FROM former_key f WHERE f.former = event.parent)
     WHERE parent IN (SELECT f.former FROM former_key f)",
    "UPDATE fact SET epc = (SELECT f.epc FROM former_key f WHERE f.former = fact.epc)
     WHERE epc IN (SELECT f.former FROM former_key f)",
    "UPDATE shipment_epc SET epc = (SELECT f.epc FROM former_key f WHERE f.former = shipment_epc.epc)
     WHERE epc IN (SELECT f.former FROM former_key f)",
    "UPDATE statement_thing SET epc = (SELECT f.epc FROM former_key f WHERE f.former = statement_thing.epc)
     WHERE epc IN (SELECT f.former FROM former_key f)",
    // 0: object of a commissioning, 4: output of a transformation, 2: child.
    "DELETE FROM fact WHERE EXISTS (
         SELECT 1 FROM thing t WHERE t.epc = fact.epc
         AND (t.birth = fact.event_id AND fact.role IN (0, 4) OR t.opened_by = fact.event_id AND fact.role = 2))",
    "DROP TABLE containment",
    "DROP TABLE item",
];

const VIEWS: &[&str] = &[
    "CREATE VIEW item AS
     SELECT t.epc, k.prefix || t.serial AS uri, NULLIF(k.gtin, '') AS gtin, NULLIF(k.lot, '') AS lot, NULLIF(k.expiry, '') AS expiry,
            NULLIF(k.owner_id, '') AS owner_id, e.asserter_id AS commissioned_by, e.event_time AS commissioned_at,
            t.birth AS commission_event, NULLIF(k.disposition, '') AS disposition, t.parent, t.last_at,
            COALESCE(t.below_at, -9223372036854775807 - 1) AS below_at
     FROM thing t JOIN thing_kind k ON k.no = t.kind LEFT JOIN event e ON e.id = t.birth",
    "CREATE VIEW containment AS
     SELECT epc AS child, since AS from_time, parent, 9223372036854775807 AS until_time, opened_by, CAST(NULL AS {uuid}) AS closed_by
     FROM thing WHERE parent IS NOT NULL
     UNION ALL
     SELECT child, from_time, parent, until_time, opened_by, closed_by FROM stay",
    // 3: transformation.
    "CREATE VIEW event_epc AS
     SELECT epc, event_time, event_id, role FROM fact
     UNION ALL
     SELECT t.epc, e.event_time, t.birth, CAST(CASE e.kind WHEN 3 THEN 4 ELSE 0 END AS {smallint}) FROM thing t JOIN event e ON e.id = t.birth
     UNION ALL
     SELECT t.epc, t.since, t.opened_by, CAST(2 AS {smallint}) FROM thing t WHERE t.parent IS NOT NULL",
];

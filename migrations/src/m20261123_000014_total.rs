//! How many things of which product an event names, and the totals that parties were told of others' events.

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
        let counted = counted(manager.get_database_backend());
        crate::run(manager, &[counted.as_str()]).await
    }
}

/// `event_unit.gtin` is `''` for things of no product; `country` is that of the place as it was when the event came in, `''` where it is
/// none of a site of the teller's or of those that it told the event for. `units` leaves out the container that something is done to.
///
/// Rows of `total_release` are inserted and never changed: what was told of the events of a month and product, the first time and each
/// time after.
const TABLES: &[&str] = &[
    "CREATE TABLE event_unit (
        event_id {uuid} NOT NULL REFERENCES event (id),
        gtin TEXT NOT NULL,
        units {bigint} NOT NULL CHECK (units >= 0),
        country TEXT NOT NULL,
        PRIMARY KEY (event_id, gtin)
    ) {clustered}",
    "CREATE TABLE total_release (
        party_id TEXT NOT NULL REFERENCES party (id),
        month {bigint} NOT NULL,
        gtin TEXT NOT NULL,
        number {bigint} NOT NULL CHECK (number > 0),
        made_at {bigint} NOT NULL,
        doc TEXT NOT NULL,
        PRIMARY KEY (party_id, month, gtin, number)
    ) {clustered}",
];

/// Counts what is stored. What an event said by class, without serial numbers, is only in its body and is not counted.
fn counted(backend: DbBackend) -> String {
    let sites = match backend {
        DbBackend::Postgres => {
            "SELECT p.id AS party, s.site ->> 'gln' AS gln, s.site ->> 'country' AS country
             FROM party p CROSS JOIN LATERAL jsonb_array_elements(CAST(p.doc AS JSONB) -> 'sites') AS s (site)"
        }
        _ => {
            "SELECT p.id AS party, json_extract(s.value, '$.gln') AS gln, json_extract(s.value, '$.country') AS country
             FROM party p, json_each(p.doc, '$.sites') s"
        }
    };
    format!(
        "INSERT INTO event_unit (event_id, gtin, units, country)
         WITH site AS ({sites}),
              named AS (SELECT n.event_id AS id, COALESCE(i.gtin, '') AS gtin, SUM(CASE n.role WHEN 1 THEN 0 ELSE 1 END) AS units
                        FROM event_epc n LEFT JOIN item i ON i.epc = n.epc GROUP BY n.event_id, COALESCE(i.gtin, ''))
         SELECT n.id, n.gtin, n.units,
                COALESCE((SELECT MIN(s.country) FROM site s WHERE s.gln = e.read_point AND s.party IN (e.asserter_id, e.principal_id)),
                         (SELECT MIN(s.country) FROM site s WHERE s.gln = e.biz_location AND s.party IN (e.asserter_id, e.principal_id)), '')
         FROM named n JOIN event e ON e.id = n.id"
    )
}

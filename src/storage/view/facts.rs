//! All that was ever said of a thing and of everything it was ever said to be in, with what it takes to go back in time: when
//! the hub took it in, and when it learnt that it was an error.
//!
//! One statement, so that what it tells is of one instant; bounded in depth and in rows.

use std::collections::HashMap;

use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::gs1::{EpcKey, Gln};
use crate::domain::ids::{EventKey, ShipmentId};
use crate::domain::provenance::Handover;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::event::{Named, body, named};
use crate::storage::item::{self, Item};
use crate::storage::row::{column, json};
use crate::storage::statement::Statement;
use crate::storage::{Db, StorageError};

use super::trace::{gln, handover};
use super::{Binds, DEPTH, limit};

/// Most keys in one statement; far below what either database takes.
const CHUNK: usize = 500;

/// What one event says of one thing.
#[derive(Debug, Clone)]
pub struct Told {
    /// The event as the ledger reads it.
    pub named: Named,
    /// When the hub took it in.
    pub recorded: Micros,
    /// When the hub took in that it was an error.
    pub voided: Option<Micros>,
    /// What it says of conditions, if anything rare.
    pub statement: Option<Statement>,
    /// The handover that it tells of, if it is a shipping event.
    pub handover: Option<Handover>,
    /// Where it happened, if that has a GLN.
    pub place: Option<Gln>,
}

/// What was said of a thing and of what it was in, at most `rows`, in no order.
pub async fn facts(db: &Db, key: EpcKey, rows: usize) -> Result<Vec<Told>, StorageError> {
    let binds = vec![key.0.into(), DEPTH.into(), limit(rows).into()];
    let sql = facts_sql(db.backend());
    let rows = db.query("reading all that was said of a thing", &sql, binds).await?;
    rows.iter().map(told).collect()
}

/// What was said of things, at most `rows`, in no order.
pub async fn of_things(db: &Db, keys: &[EpcKey], rows: usize) -> Result<Vec<Told>, StorageError> {
    let mut all = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let (sql, binds) = of_things_sql(db.backend(), chunk, rows.saturating_sub(all.len()));
        for row in db.query("reading all that was said of things", &sql, binds).await? {
            all.push(told(&row)?);
        }
    }
    Ok(all)
}

pub(super) fn of_things_sql(backend: DbBackend, keys: &[EpcKey], rows: usize) -> (String, Vec<Value>) {
    let (table, mut binds) = Rows::default().uuids("epc", keys.iter().map(|key| key.0)).table(backend, 2);
    binds.insert(0, limit(rows).into());
    let sql = format!(
        "{SELECT} FROM {table} CROSS JOIN {NAMED} n CROSS JOIN event e {BESIDE}
         WHERE n.epc = r.epc AND e.id = n.event_id AND e.declares_error = 0
         LIMIT $1"
    );
    (sql, binds)
}

/// Which events name which things; the role in which a thing was born, its event tells. Where there is no event, none
/// is found: PostgreSQL steps through a union by the keys of what stands before it only if its parts are tables without conditions.
const NAMED: &str = "(SELECT epc, event_id, role FROM fact
       UNION ALL SELECT epc, birth, CAST(NULL AS SMALLINT) FROM thing
       UNION ALL SELECT epc, opened_by, CAST(2 AS SMALLINT) FROM thing)";

const SELECT: &str = "SELECT n.epc, CAST(COALESCE(n.role, CASE e.kind WHEN 3 THEN 4 ELSE 0 END) AS SMALLINT) AS role,
       e.id, e.event_time, e.kind, e.action, e.biz_step, e.disposition, e.asserter_id, e.principal_id,
       e.parent, e.listed, e.document_id, e.ordinal, e.record_time, e.biz_location, e.read_point,
       CASE WHEN e.voided = 0 THEN NULL ELSE
            (SELECT MIN(d.record_time) FROM event d WHERE d.asserter_id = e.asserter_id AND d.hash = e.hash AND d.declares_error = 1)
       END AS voided_at,
       s.id AS shipment_id, s.ship_event, s.sender_id, s.receiver_id, s.seller_id, s.also_sellers, s.buyer_id, s.from_gln, s.to_gln, s.shipped_at, s.received_at,
       t.set_terms, t.unset_terms, t.ends_contents";

const BESIDE: &str = "LEFT JOIN shipment s ON s.ship_event = e.id LEFT JOIN statement t ON t.event_id = e.id";

/// Up from the thing: what its own row says that it is in, and what other events say that they put it into. See
/// [`super::container::sql`] for the two spellings of the recursion.
pub(super) fn facts_sql(backend: DbBackend) -> String {
    let said = "n.role = 2 AND e.id = n.event_id AND e.kind = 1 AND e.parent IS NOT NULL";
    let up = match backend {
        DbBackend::Postgres => format!(
            "SELECT c.parent, reach.depth + 1 FROM reach CROSS JOIN LATERAL (
                 SELECT c.parent FROM thing c WHERE c.epc = reach.epc AND c.parent IS NOT NULL
                 UNION ALL
                 SELECT e.parent FROM fact n CROSS JOIN event e WHERE n.epc = reach.epc AND {said}) c
             WHERE reach.depth < $2"
        ),
        _ => format!(
            "SELECT c.parent, reach.depth + 1 FROM reach CROSS JOIN thing c
             WHERE c.epc = reach.epc AND c.parent IS NOT NULL AND reach.depth < $2
             UNION
             SELECT e.parent, reach.depth + 1 FROM reach CROSS JOIN fact n CROSS JOIN event e
             WHERE n.epc = reach.epc AND {said} AND reach.depth < $2"
        ),
    };
    format!(
        "WITH RECURSIVE reach (epc, depth) AS (
            SELECT i.epc, CAST(0 AS BIGINT) FROM thing i WHERE i.epc = $1
            UNION
            {up}
         )
         {SELECT}
         FROM (SELECT DISTINCT epc FROM reach) r CROSS JOIN {NAMED} n CROSS JOIN event e {BESIDE}
         WHERE n.epc = r.epc AND e.id = n.event_id AND e.declares_error = 0
         LIMIT $3"
    )
}

fn told(row: &QueryResult) -> Result<Told, StorageError> {
    let named = named(row)?;
    let shipment = column::<Option<Uuid>>(row, "shipment", "shipment_id")?;
    let ends: Option<i16> = column(row, "statement", "ends_contents")?;
    let statement = ends.map(|ends| {
        Ok::<_, StorageError>(Statement {
            event: named.event,
            set: json(row, "statement", "set_terms")?,
            unset: json(row, "statement", "unset_terms")?,
            ends_contents: ends != 0,
            things: Vec::new(),
        })
    });
    let place = match gln(row, "event", "biz_location")? {
        Some(gln) => Some(gln),
        None => gln(row, "event", "read_point")?,
    };
    Ok(Told {
        recorded: Micros(column(row, "event", "record_time")?),
        voided: column::<Option<i64>>(row, "event", "voided_at")?.map(Micros),
        statement: statement.transpose()?,
        handover: shipment.map(|id| handover(row, ShipmentId::new(id))).transpose()?,
        place,
        named,
    })
}

/// Things as they stand; those that the hub does not know are left out.
pub async fn items(db: &Db, keys: &[EpcKey]) -> Result<HashMap<EpcKey, Item>, StorageError> {
    let mut items = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        let (sql, binds) = item::joined_sql(db.backend(), chunk);
        for row in db.query("reading things", &sql, binds).await? {
            let item = item::joined(&row)?;
            items.insert(item.epc, item);
        }
    }
    Ok(items)
}

/// Events, whole.
pub async fn bodies(db: &Db, keys: &[EventKey]) -> Result<Vec<(EventKey, Event)>, StorageError> {
    let mut bodies = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        let list = binds.list(chunk.iter().map(|key| key.uuid()));
        let sql = format!("SELECT id, body, packed FROM event WHERE id IN ({list})");
        for row in db.query("reading events", &sql, binds.0).await? {
            bodies.push((EventKey::new(column(&row, "event", "id")?), body::read(&row)?));
        }
    }
    Ok(bodies)
}

//! What few events say of the condition of things, and which things of a shipment it was said of.
//!
//! Most events have no row here: those that neither set a persistent disposition nor recall nor end anything.

use std::collections::HashMap;

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::EventKey;
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, json};
use super::{StorageError, Tx};

/// What one event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The event.
    pub event: EventKey,
    /// Persistent dispositions that it sets.
    pub set: Vec<String>,
    /// Persistent dispositions that it unsets.
    pub unset: Vec<String>,
    /// It ends the contents of what it ends.
    pub ends_contents: bool,
    /// The things it names.
    pub things: Vec<EpcKey>,
}

/// Stores what new events say.
pub async fn insert(tx: &Tx, statements: &[Statement]) -> Result<(), StorageError> {
    if statements.is_empty() {
        return Ok(());
    }
    let list = |terms: &Vec<String>| Some(serde_json::json!(terms).to_string());
    let (table, binds) = Rows::default()
        .uuids("event_id", statements.iter().map(|statement| statement.event.uuid()))
        .texts("set_terms", statements.iter().map(|statement| list(&statement.set)))
        .texts("unset_terms", statements.iter().map(|statement| list(&statement.unset)))
        .ints(
            "ends_contents",
            statements.iter().map(|statement| i64::from(statement.ends_contents)),
        )
        .table(tx.backend(), 1);
    let columns = "event_id, set_terms, unset_terms, ends_contents";
    let sql = format!("INSERT INTO statement ({columns}) SELECT {columns} FROM {table}");
    tx.execute("storing what events say of things", &sql, binds).await?;
    let named: Vec<(Uuid, Uuid)> = statements
        .iter()
        .flat_map(|statement| statement.things.iter().map(|epc| (epc.0, statement.event.uuid())))
        .collect();
    let (table, binds) = Rows::default()
        .uuids("epc", named.iter().map(|(epc, _)| *epc))
        .uuids("event_id", named.iter().map(|(_, event)| *event))
        .table(tx.backend(), 1);
    // An event may name a thing in two roles.
    let sql = format!(
        "INSERT INTO statement_thing (epc, event_id) SELECT epc, event_id FROM {table} WHERE true ON CONFLICT (epc, event_id) DO NOTHING"
    );
    tx.execute("storing what was said of which things", &sql, binds).await?;
    Ok(())
}

/// What stored events say, of those that say anything of this kind; their things are not read.
pub async fn of_events(tx: &Tx, events: &[EventKey]) -> Result<HashMap<EventKey, Statement>, StorageError> {
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT s.event_id, s.set_terms, s.unset_terms, s.ends_contents FROM {table} CROSS JOIN statement s WHERE s.event_id = r.id"
    );
    let rows = tx.query("reading what events say of things", &sql, binds).await?;
    let read = |row| {
        let event = EventKey::new(column(row, "statement", "event_id")?);
        let statement = Statement {
            event,
            set: json(row, "statement", "set_terms")?,
            unset: json(row, "statement", "unset_terms")?,
            ends_contents: column::<i16>(row, "statement", "ends_contents")? != 0,
            things: Vec::new(),
        };
        Ok((event, statement))
    };
    rows.iter().map(read).collect()
}

/// What was ever in these containers, at any depth, and left no container before `since`, of those things that had expired on
/// the day of `until` or of which any event said something of this kind.
pub async fn doubtful_inside(tx: &Tx, containers: &[EpcKey], since: Micros, until: Micros) -> Result<Vec<EpcKey>, StorageError> {
    let (sql, binds) = doubtful_sql(tx.backend(), containers, since, until);
    let rows = tx.query("looking for what should not be shipped", &sql, binds).await?;
    rows.iter()
        .map(|row| column::<Uuid>(row, "containment", "epc").map(EpcKey))
        .collect()
}

pub(super) fn doubtful_sql(backend: DbBackend, containers: &[EpcKey], since: Micros, until: Micros) -> (String, Vec<Value>) {
    let (table, more) = Rows::default()
        .uuids("epc", containers.iter().map(|epc| epc.0))
        .table(backend, 4);
    let day: String = until.rfc3339().chars().take(10).collect();
    let mut binds: Vec<Value> = vec![since.0.into(), day.into(), super::view::DEPTH.into()];
    binds.extend(more);
    // See `super::view::container::sql` for the two spellings.
    let down = match backend {
        DbBackend::Postgres => {
            "SELECT c.child, inside.depth + 1 FROM inside CROSS JOIN LATERAL (
                 SELECT c.epc AS child FROM thing c WHERE c.parent = inside.epc
                 UNION ALL
                 SELECT c.child FROM stay c WHERE c.parent = inside.epc AND c.until_time >= $1) c
             WHERE inside.depth < $3"
        }
        _ => {
            "SELECT c.epc, inside.depth + 1 FROM inside CROSS JOIN thing c WHERE c.parent = inside.epc AND inside.depth < $3
             UNION
             SELECT c.child, inside.depth + 1 FROM inside CROSS JOIN stay c
             WHERE c.parent = inside.epc AND c.until_time >= $1 AND inside.depth < $3"
        }
    };
    // Dates are compared as text: what is written in another form is not judged.
    let sql = format!(
        "WITH RECURSIVE inside (epc, depth) AS (
            SELECT r.epc, CAST(0 AS BIGINT) FROM {table}
            UNION
            {down}
         )
         SELECT DISTINCT inside.epc FROM inside CROSS JOIN thing i CROSS JOIN thing_kind k
         WHERE inside.depth > 0 AND i.epc = inside.epc AND k.no = i.kind
           AND (k.expiry <> '' AND k.expiry < $2 OR EXISTS (SELECT 1 FROM statement_thing s WHERE s.epc = i.epc))"
    );
    (sql, binds)
}

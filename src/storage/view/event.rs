//! Events that a party has a relation to.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::domain::event::{Event, EventType};
use crate::domain::gs1::EpcKey;
use crate::domain::ids::{DocumentId, EventKey, GrantId, PartyId};
use crate::domain::lens::{Relations, sight};
use crate::domain::time::Micros;
use crate::storage::event::{body, kind_number};
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::trace::optional;
use super::{Binds, limit};

/// One event with what the party has to do with it. Not masked yet.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its key.
    pub key: EventKey,
    /// `eventID` as sent, or the event hash of CBV 2.0 clause 8.9.
    pub event_id: String,
    /// When the hub took it.
    pub record_time: Micros,
    /// Who sent it.
    pub asserter: PartyId,
    /// In whose name, if not its own.
    pub principal: Option<PartyId>,
    /// Declared to be in error since.
    pub voided: bool,
    /// In which document it came.
    pub document: DocumentId,
    /// The event, whole.
    pub event: Event,
    /// The party's relations to it.
    pub relations: Relations,
}

/// Which events. All that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One of these types; empty for any.
    pub kinds: Vec<EventType>,
    /// One of these business steps; empty for any.
    pub biz_steps: Vec<String>,
    /// First event time.
    pub event_from: Option<Micros>,
    /// First event time no longer.
    pub event_before: Option<Micros>,
    /// First record time.
    pub record_from: Option<Micros>,
    /// First record time no longer.
    pub record_before: Option<Micros>,
    /// Names one of these things, in any role but that of what it contains; empty for any.
    pub epcs: Vec<EpcKey>,
    /// Has one of these ids, as sent or made; empty for any.
    pub event_ids: Vec<String>,
    /// Lowest key.
    pub key_from: Option<Uuid>,
    /// Lowest key no longer.
    pub key_before: Option<Uuid>,
}

/// Newest record first, after a key, at most `rows`.
pub async fn list(
    db: &Db,
    party: &PartyId,
    filter: &Filter,
    after: Option<Uuid>,
    rows: usize,
) -> Result<Vec<EventRow>, StorageError> {
    let (sql, values) = list_sql(party, filter, after, rows);
    db.query("listing events", &sql, values)
        .await?
        .iter()
        .map(event_row)
        .collect()
}

/// Events with these keys, in no order.
pub async fn by_keys(db: &Db, party: &PartyId, keys: &[EventKey]) -> Result<Vec<EventRow>, StorageError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let party = binds.push(party.as_str());
    let keys = binds.list(keys.iter().map(|key| key.uuid()));
    let sql = format!(
        "{SELECT} FROM event_party ep CROSS JOIN event e WHERE ep.party_id = {party} AND ep.event_id IN ({keys}) AND e.id = ep.event_id"
    );
    db.query("reading events", &sql, binds.0)
        .await?
        .iter()
        .map(event_row)
        .collect()
}

/// Events with these keys, whoever has to do with them, in no order: without relations, for who decides by other things what to tell of them.
pub async fn whole(db: &Db, keys: &[EventKey]) -> Result<Vec<EventRow>, StorageError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let keys = binds.list(keys.iter().map(|key| key.uuid()));
    let sql = format!("{SELECT} FROM (SELECT CAST(0 AS BIGINT) AS relations) ep CROSS JOIN event e WHERE e.id IN ({keys})");
    let rows = db.query("reading whole events", &sql, binds.0).await?;
    rows.iter().map(event_row).collect()
}

/// Events with this `eventID`: several, if an error declaration repeats it or two parties chose the same.
pub async fn by_event_id(db: &Db, party: &PartyId, event_id: &str) -> Result<Vec<EventRow>, StorageError> {
    let sql = format!(
        "{SELECT} FROM event e CROSS JOIN event_party ep
         WHERE e.event_id = $1 AND ep.event_id = e.id AND ep.party_id = $2 ORDER BY e.id LIMIT 100"
    );
    let rows = db
        .query("reading an event", &sql, vec![event_id.into(), party.as_str().into()])
        .await?;
    rows.iter().map(event_row).collect()
}

pub(super) const SELECT: &str = "SELECT e.id, e.event_id, e.record_time, e.asserter_id, e.principal_id, e.voided, e.document_id, e.body, e.packed, ep.relations";

/// The relations under which an event is shown as one.
pub(super) fn showing() -> i64 {
    Relations::ALL
        .iter()
        .filter(|(relation, _)| sight(*relation).shows_event())
        .fold(0, |all, (relation, _)| all | relation.0)
}

pub(super) fn list_sql(party: &PartyId, filter: &Filter, after: Option<Uuid>, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let (from, mut wheres) = conditions(&mut binds, Source::Party(party), filter);
    if let Some(after) = after {
        wheres.push(format!("ep.event_id < {}", binds.push(after)));
    }
    let limit = binds.push(limit(rows));
    let wheres = wheres.join(" AND ");
    (
        format!("{SELECT} FROM {from} WHERE {wheres} ORDER BY ep.event_id DESC LIMIT {limit}"),
        binds.0,
    )
}

/// Where a list of events starts from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// What a party has to do with.
    Party(&'a PartyId),
    /// What a grant covers.
    Grant(GrantId),
}

/// `FROM` and the conditions of a filter, each of which stands on an index or on a row that is read anyway.
pub(super) fn conditions(binds: &mut Binds, source: Source<'_>, filter: &Filter) -> (String, Vec<String>) {
    let (table, mut wheres) = match source {
        Source::Party(party) => {
            let party = format!("ep.party_id = {}", binds.push(party.as_str()));
            let join = "e.id = ep.event_id".to_owned();
            (
                "event_party",
                vec![party, join, format!("(ep.relations & {}) <> 0", binds.push(showing()))],
            )
        }
        Source::Grant(grant) => {
            let grant = format!("ep.grant_id = {}", binds.push(grant.uuid()));
            ("grant_event", vec![grant, "e.id = ep.event_id".to_owned()])
        }
    };
    let from = if filter.epcs.is_empty() && filter.event_ids.is_empty() {
        format!("{table} ep CROSS JOIN event e")
    } else if filter.epcs.is_empty() {
        format!("event e CROSS JOIN {table} ep")
    } else {
        let keys = binds.list(filter.epcs.iter().map(|key| key.0));
        wheres.push("ep.event_id = x.event_id".to_owned());
        // What the row of the thing says of events has no row in `fact`: see `storage::fact`.
        format!(
            "(SELECT event_id FROM fact WHERE epc IN ({keys})
              UNION SELECT birth FROM thing WHERE epc IN ({keys}) AND birth IS NOT NULL
              UNION SELECT opened_by FROM thing WHERE epc IN ({keys}) AND opened_by IS NOT NULL) x
             CROSS JOIN {table} ep CROSS JOIN event e"
        )
    };
    if !filter.event_ids.is_empty() {
        let ids = binds.list(filter.event_ids.iter().map(String::as_str));
        wheres.push(format!("e.event_id IN ({ids})"));
    }
    for (test, key) in [(">=", filter.key_from), ("<", filter.key_before)] {
        if let Some(key) = key {
            wheres.push(format!("ep.event_id {test} {}", binds.push(key)));
        }
    }
    if !filter.kinds.is_empty() {
        wheres.push(format!(
            "e.kind IN ({})",
            binds.list(filter.kinds.iter().map(|kind| kind_number(*kind)))
        ));
    }
    if !filter.biz_steps.is_empty() {
        wheres.push(format!(
            "e.biz_step IN ({})",
            binds.list(filter.biz_steps.iter().map(String::as_str))
        ));
    }
    let bounds = [
        ("e.event_time >=", filter.event_from),
        ("e.event_time <", filter.event_before),
        ("e.record_time >=", filter.record_from),
        ("e.record_time <", filter.record_before),
    ];
    for (test, bound) in bounds {
        if let Some(bound) = bound {
            wheres.push(format!("{test} {}", binds.push(bound.0)));
        }
    }
    (from, wheres)
}

pub(super) fn event_row(row: &QueryResult) -> Result<EventRow, StorageError> {
    Ok(EventRow {
        key: EventKey::new(column(row, "event", "id")?),
        event_id: column(row, "event", "event_id")?,
        record_time: Micros(column(row, "event", "record_time")?),
        asserter: parsed(row, "event", "asserter_id")?,
        principal: optional(row, "event", "principal_id")?,
        voided: column::<i16>(row, "event", "voided")? != 0,
        document: DocumentId::new(column(row, "event", "document_id")?),
        event: body::read(row)?,
        relations: Relations(column(row, "event_party", "relations")?),
    })
}

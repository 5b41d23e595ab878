//! Events that a party may see by grants: the same lists as by its own relations, started from `grant_event`.
//!
//! One branch a grant, each walked in the order of the list and cut at the page, so that nothing of others is read; an event that several
//! grants cover comes once. Rows carry the party's own relations, which may be none. `service` decides what of them is shown.

use std::collections::{HashMap, HashSet};

use sea_orm::Value;
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, GrantId, PartyId};
use crate::domain::lens::Relations;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::event::{EventRow, Filter, SELECT, Source, conditions, event_row};
use super::query::{TimeColumn, Walk};
use super::{Binds, limit};

/// Whose list, and by which grants.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Whose.
    pub party: &'a PartyId,
    /// Its grants.
    pub grants: &'a [GrantId],
}

fn select() -> String {
    SELECT.replace("ep.relations", "COALESCE(ep.relations, 0) AS relations")
}

/// Newest record first, after a key, at most `rows`.
pub async fn list(db: &Db, by: By<'_>, filter: &Filter, after: Option<Uuid>, rows: usize) -> Result<Vec<EventRow>, StorageError> {
    let order = Order {
        column: "0",
        direction: "DESC",
    };
    let wheres = |binds: &mut Binds| after.map(|after| format!("ep.event_id < {}", binds.push(after)));
    read(db, by, filter, (order, &wheres), rows).await
}

/// Rows in the order of a time, events of one time in the order of their records.
pub async fn by_time(db: &Db, by: By<'_>, filter: &Filter, walk: Walk, rows: usize) -> Result<Vec<EventRow>, StorageError> {
    let column = match walk.column {
        TimeColumn::Event => "e.event_time",
        TimeColumn::Record => "e.record_time",
    };
    let (direction, test) = if walk.descending { ("DESC", "<") } else { ("ASC", ">") };
    let wheres = |binds: &mut Binds| {
        let (at, key) = walk.after?;
        let (at, key) = (binds.push(at.0), binds.push(key));
        Some(format!("({column}, ep.event_id) {test} ({at}, {key})"))
    };
    read(db, by, filter, (Order { column, direction }, &wheres), rows).await
}

#[derive(Clone, Copy)]
struct Order {
    column: &'static str,
    direction: &'static str,
}

/// What lies behind the last page.
type After<'a> = &'a (dyn Fn(&mut Binds) -> Option<String> + Sync);

async fn read(
    db: &Db,
    by: By<'_>,
    filter: &Filter,
    (order, after): (Order, After<'_>),
    rows: usize,
) -> Result<Vec<EventRow>, StorageError> {
    if by.grants.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, values) = list_sql(by, filter, (order, after), rows);
    let found = db.query("listing events by grants", &sql, values).await?;
    found.iter().map(event_row).collect()
}

fn list_sql(by: By<'_>, filter: &Filter, (order, after): (Order, After<'_>), rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let Order { column, direction } = order;
    let sort = if column == "0" {
        format!("ep.event_id {direction}")
    } else {
        format!("{column} {direction}, ep.event_id {direction}")
    };
    let branches: Vec<String> = by
        .grants
        .iter()
        .map(|grant| {
            let (from, mut wheres) = conditions(&mut binds, Source::Grant(*grant), filter);
            wheres.extend(after(&mut binds));
            let (wheres, limit) = (wheres.join(" AND "), binds.push(limit(rows)));
            format!("SELECT id, at FROM (SELECT e.id AS id, {column} AS at FROM {from} WHERE {wheres} ORDER BY {sort} LIMIT {limit}) b")
        })
        .collect();
    let (party, limit) = (binds.push(by.party.as_str()), binds.push(limit(rows)));
    let (select, branches) = (select(), branches.join(" UNION "));
    let sql = format!(
        "{select} FROM (SELECT id, at FROM ({branches}) u ORDER BY at {direction}, id {direction} LIMIT {limit}) w
         CROSS JOIN event e LEFT JOIN event_party ep ON ep.party_id = {party} AND ep.event_id = e.id
         WHERE e.id = w.id ORDER BY w.at {direction}, w.id {direction}"
    );
    (sql, binds.0)
}

/// Events with these keys, in no order.
pub async fn by_keys(db: &Db, by: By<'_>, keys: &[EventKey]) -> Result<Vec<EventRow>, StorageError> {
    if keys.is_empty() || by.grants.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let party = binds.push(by.party.as_str());
    let grants = binds.list(by.grants.iter().map(|grant| grant.uuid()));
    let keys = binds.list(keys.iter().map(|key| key.uuid()));
    let sql = format!(
        "{} FROM event e LEFT JOIN event_party ep ON ep.party_id = {party} AND ep.event_id = e.id
         WHERE e.id IN ({keys}) AND EXISTS (SELECT 1 FROM grant_event ge WHERE ge.grant_id IN ({grants}) AND ge.event_id = e.id)",
        select()
    );
    db.query("reading events by grants", &sql, binds.0)
        .await?
        .iter()
        .map(event_row)
        .collect()
}

/// Events with this `eventID`.
pub async fn by_event_id(db: &Db, by: By<'_>, event_id: &str) -> Result<Vec<EventRow>, StorageError> {
    if by.grants.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let party = binds.push(by.party.as_str());
    let grants = binds.list(by.grants.iter().map(|grant| grant.uuid()));
    let id = binds.push(event_id);
    let sql = format!(
        "{} FROM event e LEFT JOIN event_party ep ON ep.party_id = {party} AND ep.event_id = e.id
         WHERE e.event_id = {id} AND EXISTS (SELECT 1 FROM grant_event ge WHERE ge.grant_id IN ({grants}) AND ge.event_id = e.id)
         ORDER BY e.id LIMIT 100",
        select()
    );
    db.query("reading an event by grants", &sql, binds.0)
        .await?
        .iter()
        .map(event_row)
        .collect()
}

/// What these parties have to do with these events.
pub async fn relations(
    db: &Db,
    events: &[EventKey],
    parties: &[&PartyId],
) -> Result<HashMap<EventKey, Vec<(PartyId, Relations)>>, StorageError> {
    let mut found: HashMap<EventKey, Vec<(PartyId, Relations)>> = HashMap::new();
    if events.is_empty() || parties.is_empty() {
        return Ok(found);
    }
    let mut binds = Binds::default();
    let parties = binds.list(parties.iter().map(|party| party.as_str()));
    let events = binds.list(events.iter().map(|event| event.uuid()));
    let sql = format!(
        "SELECT ep.party_id, ep.event_id, ep.relations FROM event_party ep WHERE ep.party_id IN ({parties}) AND ep.event_id IN ({events})"
    );
    for row in db
        .query("reading what grantors have to do with events", &sql, binds.0)
        .await?
    {
        found
            .entry(EventKey::new(column(&row, "event_party", "event_id")?))
            .or_default()
            .push((
                parsed(&row, "event_party", "party_id")?,
                Relations(column(&row, "event_party", "relations")?),
            ));
    }
    Ok(found)
}

/// Everybody who has to do with an event.
pub async fn concerned(db: &Db, event: EventKey) -> Result<Vec<(PartyId, Relations)>, StorageError> {
    let sql = "SELECT ep.party_id, ep.relations FROM party q CROSS JOIN event_party ep
               WHERE ep.party_id = q.id AND ep.event_id = $1 ORDER BY ep.party_id";
    let rows = db
        .query("reading who is concerned by an event", sql, vec![event.uuid().into()])
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(row, "event_party", "party_id")?,
                Relations(column(row, "event_party", "relations")?),
            ))
        })
        .collect()
}

/// Those of these grants for which not all events of before have been gone through yet.
pub async fn unfilled(db: &Db, grants: &[GrantId]) -> Result<HashSet<GrantId>, StorageError> {
    if grants.is_empty() {
        return Ok(HashSet::new());
    }
    let mut binds = Binds::default();
    let grants = binds.list(grants.iter().map(|grant| grant.uuid()));
    let sql = format!("SELECT f.grant_id FROM grant_fill f WHERE f.grant_id IN ({grants}) AND f.done_at IS NULL");
    let rows = db
        .query("looking for grants that are gone through events for", &sql, binds.0)
        .await?;
    rows.iter()
        .map(|row| Ok(GrantId::new(column(row, "grant_fill", "grant_id")?)))
        .collect()
}

/// Most keys in one statement.
const CHUNK: usize = 500;

/// Lots of those of these things that have one.
pub async fn lots(db: &Db, keys: &[EpcKey]) -> Result<HashMap<EpcKey, String>, StorageError> {
    let mut lots = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        let list = binds.list(chunk.iter().map(|key| key.0));
        let sql = format!("SELECT i.epc, i.lot FROM item i WHERE i.epc IN ({list})");
        for row in db.query("reading lots of things", &sql, binds.0).await? {
            if let Some(lot) = column::<Option<String>>(&row, "item", "lot")? {
                lots.insert(EpcKey(column(&row, "item", "epc")?), lot);
            }
        }
    }
    Ok(lots)
}

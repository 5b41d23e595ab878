//! Events and who is concerned by them: the write side.
//!
//! Rows are never changed but for `voided`, which a later error declaration sets.

use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::event::{Action, EpcRole, Event, EventType};
use crate::domain::gs1::EpcKey;
use crate::domain::ids::{DocumentId, EventKey, PartyId};
use crate::domain::lens::Relations;
use crate::domain::shipment::{Handover, Taker};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, json, parsed};
use super::{StorageError, Tx};

/// The number an event type is stored as.
#[must_use]
pub const fn kind_number(kind: EventType) -> i16 {
    match kind {
        EventType::Object => 0,
        EventType::Aggregation => 1,
        EventType::Transaction => 2,
        EventType::Transformation => 3,
        EventType::Association => 4,
    }
}

/// The number an action is stored as.
#[must_use]
pub const fn action_number(action: Action) -> i16 {
    match action {
        Action::Add => 0,
        Action::Observe => 1,
        Action::Delete => 2,
    }
}

fn kind_of(number: i16) -> Result<EventType, StorageError> {
    [
        EventType::Object,
        EventType::Aggregation,
        EventType::Transaction,
        EventType::Transformation,
        EventType::Association,
    ]
    .into_iter()
    .find(|kind| kind_number(*kind) == number)
    .ok_or_else(|| StorageError::Inconsistent(format!("event.kind = `{number}`: no event type")))
}

fn action_of(number: i16) -> Result<Action, StorageError> {
    [Action::Add, Action::Observe, Action::Delete]
        .into_iter()
        .find(|action| action_number(*action) == number)
        .ok_or_else(|| StorageError::Inconsistent(format!("event.action = `{number}`: no action")))
}

fn role_of(number: i16) -> Result<EpcRole, StorageError> {
    [
        EpcRole::Object,
        EpcRole::Parent,
        EpcRole::Child,
        EpcRole::Input,
        EpcRole::Output,
    ]
    .into_iter()
    .find(|role| *role as i16 == number)
    .ok_or_else(|| StorageError::Inconsistent(format!("event_epc.role = `{number}`: no role")))
}

/// An event to be stored.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its key.
    pub key: EventKey,
    /// CBV 2.0 event hash.
    pub hash: [u8; 32],
    /// The event.
    pub event: &'a Event,
    /// When the hub took it in.
    pub record_time: Micros,
    /// Who says so.
    pub asserter: &'a PartyId,
    /// In whose name.
    pub principal: Option<&'a PartyId>,
    /// As sent, or made of the hash.
    pub event_id: String,
    /// Which of the party's error declarations with this content it is, from 1 on; 0 for an event that is none.
    pub declaration: i64,
    /// Declared in error.
    pub voided: bool,
    /// Where it came in.
    pub document: DocumentId,
    /// Position in the document.
    pub ordinal: usize,
}

/// An event that the same party stored before.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its key.
    pub key: EventKey,
    /// Its hash.
    pub hash: Vec<u8>,
    /// Its id, as sent or made.
    pub event_id: String,
    /// Which of the party's error declarations with this content it is, from 1 on; 0 for an event that is none.
    pub declaration: i64,
    /// Whether another declares it in error.
    pub voided: bool,
}

/// Events of a party that have one of these hashes or ids.
pub async fn known(tx: &Tx, asserter: &PartyId, hashes: &[[u8; 32]], ids: &[String]) -> Result<Vec<Known>, StorageError> {
    let read = |row: &QueryResult| -> Result<Known, StorageError> {
        Ok(Known {
            key: EventKey::new(column(row, "event", "id")?),
            hash: column(row, "event", "hash")?,
            event_id: column(row, "event", "event_id")?,
            declaration: column::<i16>(row, "event", "declares_error")?.into(),
            voided: column::<i16>(row, "event", "voided")? != 0,
        })
    };
    let (sql, binds) = by_hash_sql(tx.backend(), asserter, hashes);
    let mut rows = tx.query("looking up event hashes", &sql, binds).await?;
    if !ids.is_empty() {
        let (sql, binds) = by_event_id_sql(tx.backend(), asserter, ids);
        rows.extend(tx.query("looking up event ids", &sql, binds).await?);
    }
    rows.iter().map(read).collect()
}

const KNOWN: &str = "SELECT e.id, e.hash, e.event_id, e.declares_error, e.voided";

/// `CROSS JOIN`: SQLite keeps that order. It would rather walk through all events of the party, for each one sent.
pub(super) fn by_hash_sql(backend: DbBackend, asserter: &PartyId, hashes: &[[u8; 32]]) -> (String, Vec<Value>) {
    let (table, mut binds) = Rows::default()
        .bytes("hash", hashes.iter().map(|hash| hash.to_vec()))
        .table(backend, 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!("{KNOWN} FROM {table} CROSS JOIN event e WHERE e.hash = r.hash AND e.asserter_id = $1");
    (sql, binds)
}

pub(super) fn by_event_id_sql(backend: DbBackend, asserter: &PartyId, ids: &[String]) -> (String, Vec<Value>) {
    let (table, mut binds) = Rows::default().texts("sent", ids.iter().map(Some)).table(backend, 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!("{KNOWN} FROM {table} CROSS JOIN event e WHERE e.event_id = r.sent AND e.asserter_id = $1");
    (sql, binds)
}

/// Stores events and the EPCs they name.
pub async fn insert(tx: &Tx, events: &[NewEvent<'_>]) -> Result<(), StorageError> {
    if events.is_empty() {
        return Ok(());
    }
    let bodies: Vec<String> = events
        .iter()
        .map(|new| serde_json::to_string(new.event))
        .collect::<Result<_, _>>()
        .map_err(unprintable)?;
    let place = |new: &NewEvent<'_>, biz: bool| {
        let location = if biz {
            new.event.biz_location.as_ref()
        } else {
            new.event.read_point.as_ref()
        };
        location.map(|location| {
            location
                .id
                .gln()
                .map_or_else(|| location.id.canonical().to_owned(), |gln| gln.to_string())
        })
    };
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|new| new.key.uuid()))
        .bytes("hash", events.iter().map(|new| new.hash.to_vec()))
        .ints("kind", events.iter().map(|new| i64::from(kind_number(new.event.kind))))
        .ints(
            "action",
            events
                .iter()
                .map(|new| new.event.action.map(|action| i64::from(action_number(action)))),
        )
        .ints("event_time", events.iter().map(|new| new.event.event_time.0))
        .ints("record_time", events.iter().map(|new| new.record_time.0))
        .texts("asserter_id", events.iter().map(|new| Some(new.asserter.as_str())))
        .texts("principal_id", events.iter().map(|new| new.principal.map(PartyId::as_str)))
        .texts("biz_step", events.iter().map(|new| Some(new.event.step())))
        .texts(
            "disposition",
            events
                .iter()
                .map(|new| Some(new.event.disposition.as_ref().map_or("", |term| term.as_str()))),
        )
        .texts("read_point", events.iter().map(|new| place(new, false)))
        .texts("biz_location", events.iter().map(|new| place(new, true)))
        .texts("event_id", events.iter().map(|new| Some(new.event_id.as_str())))
        .uuids(
            "parent",
            events.iter().map(|new| new.event.parent.as_ref().map(|epc| epc.key().0)),
        )
        .ints("listed", events.iter().map(|new| listed(new.event)))
        .ints("declares_error", events.iter().map(|new| new.declaration))
        .ints("voided", events.iter().map(|new| i64::from(new.voided)))
        .uuids("document_id", events.iter().map(|new| new.document.uuid()))
        .ints(
            "ordinal",
            events.iter().map(|new| i64::try_from(new.ordinal).unwrap_or(i64::MAX)),
        )
        .texts("body", bodies.iter().map(Some))
        .table(tx.backend(), 1);
    let columns = "id, hash, kind, action, event_time, record_time, asserter_id, principal_id, biz_step, disposition, read_point, biz_location,
                   event_id, parent, listed, declares_error, voided, document_id, ordinal, body";
    tx.execute(
        "storing events",
        &format!("INSERT INTO event ({columns}) SELECT {columns} FROM {table}"),
        binds,
    )
    .await?;
    insert_epcs(tx, events).await
}

/// How many things an event names besides a parent.
#[must_use]
pub fn listed(event: &Event) -> i64 {
    let named = event.epcs.len() + event.input_epcs.len() + event.output_epcs.len();
    i64::try_from(named + event.quantities.len()).unwrap_or(i64::MAX)
}

async fn insert_epcs(tx: &Tx, events: &[NewEvent<'_>]) -> Result<(), StorageError> {
    let named: Vec<(Uuid, &NewEvent<'_>, EpcRole)> = events
        .iter()
        .flat_map(|new| {
            // An EPC that a list names twice is one row.
            let roles: std::collections::BTreeSet<_> = new.event.roles().map(|(role, epc)| (epc.key(), role)).collect();
            roles.into_iter().map(move |(epc, role)| (epc.0, new, role))
        })
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", named.iter().map(|(epc, _, _)| *epc))
        .ints("event_time", named.iter().map(|(_, new, _)| new.event.event_time.0))
        .uuids("event_id", named.iter().map(|(_, new, _)| new.key.uuid()))
        .ints("role", named.iter().map(|(_, _, role)| i64::from(*role as i16)))
        .table(tx.backend(), 1);
    let sql =
        format!("INSERT INTO event_epc (epc, event_time, event_id, role) SELECT epc, event_time, event_id, role FROM {table}");
    tx.execute("storing the EPCs of events", &sql, binds).await?;
    Ok(())
}

fn unprintable(error: serde_json::Error) -> StorageError {
    StorageError::Inconsistent(format!("event.body cannot be written: {error}"))
}

/// Marks events as declared in error.
pub async fn void(tx: &Tx, events: &[EventKey]) -> Result<(), StorageError> {
    if events.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    tx.execute(
        "voiding events",
        &format!("UPDATE event SET voided = 1 WHERE id IN (SELECT r.id FROM {table})"),
        binds,
    )
    .await?;
    Ok(())
}

/// Bodies of events.
pub async fn bodies(tx: &Tx, events: &[EventKey]) -> Result<Vec<(EventKey, Event)>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let rows = tx
        .query(
            "reading events",
            &format!("SELECT e.id, e.body FROM {table} JOIN event e ON e.id = r.id"),
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| Ok((EventKey::new(column(row, "event", "id")?), json(row, "event", "body")?)))
        .collect()
}

/// One thing named by one stored event that counts (neither voided nor an error declaration).
#[derive(Debug, Clone)]
pub struct Named {
    /// The thing.
    pub epc: EpcKey,
    /// Its part in the event.
    pub role: EpcRole,
    /// The event.
    pub event: EventKey,
    /// When it happened.
    pub at: Micros,
    /// Its type.
    pub kind: EventType,
    /// Its action.
    pub action: Option<Action>,
    /// Its business step.
    pub step: String,
    /// Its disposition, `""` if none.
    pub disposition: String,
    /// Who says so.
    pub asserter: PartyId,
    /// In whose name.
    pub principal: Option<PartyId>,
    /// Its `parentID`.
    pub parent: Option<EpcKey>,
    /// How many things it names besides the parent.
    pub listed: i64,
    /// Where it came in.
    pub document: DocumentId,
    /// Its position there.
    pub ordinal: i64,
    /// Its sides, if it is a shipping event.
    pub handover: Option<Handover>,
}

/// Everything that counts about some things.
pub async fn history(tx: &Tx, epcs: &[EpcKey]) -> Result<Vec<Named>, StorageError> {
    if epcs.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", epcs.iter().map(|epc| epc.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT n.epc, n.role, e.id, e.event_time, e.kind, e.action, e.biz_step, e.disposition, e.asserter_id, e.principal_id, e.parent, e.listed,
                e.document_id, e.ordinal, s.sender_id, s.receiver_id, s.to_gln, s.seller_id, s.buyer_id
         FROM {table} JOIN event_epc n ON n.epc = r.epc JOIN event e ON e.id = n.event_id LEFT JOIN shipment s ON s.ship_event = e.id
         WHERE e.voided = 0 AND e.declares_error = 0"
    );
    tx.query("reading what is known of EPCs", &sql, binds)
        .await?
        .iter()
        .map(named)
        .collect()
}

pub(super) fn named(row: &QueryResult) -> Result<Named, StorageError> {
    let party = |name: &str| -> Result<Option<PartyId>, StorageError> {
        let text: Option<String> = column(row, "shipment", name)?;
        text.map(|_| parsed(row, "shipment", name)).transpose()
    };
    let handover = match party("sender_id")? {
        None => None,
        Some(sender) => {
            let to: Option<String> = column(row, "shipment", "to_gln")?;
            let receiver = match (party("receiver_id")?, to) {
                (Some(party), _) => Taker::Party(party),
                (None, Some(_)) => Taker::Outside,
                (None, None) => Taker::Unnamed,
            };
            Some(Handover {
                sender,
                receiver,
                seller: party("seller_id")?,
                buyer: party("buyer_id")?,
            })
        }
    };
    Ok(Named {
        epc: EpcKey(column(row, "event_epc", "epc")?),
        role: role_of(column(row, "event_epc", "role")?)?,
        event: EventKey::new(column(row, "event", "id")?),
        at: Micros(column(row, "event", "event_time")?),
        kind: kind_of(column(row, "event", "kind")?)?,
        action: column::<Option<i16>>(row, "event", "action")?.map(action_of).transpose()?,
        step: column(row, "event", "biz_step")?,
        disposition: column(row, "event", "disposition")?,
        asserter: parsed(row, "event", "asserter_id")?,
        principal: party("principal_id")?,
        parent: column::<Option<Uuid>>(row, "event", "parent")?.map(EpcKey),
        listed: column(row, "event", "listed")?,
        document: DocumentId::new(column(row, "event", "document_id")?),
        ordinal: column(row, "event", "ordinal")?,
        handover,
    })
}

/// Which parties are concerned by events, and how.
pub async fn relations(tx: &Tx, events: &[EventKey]) -> Result<Vec<(PartyId, EventKey, Relations)>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, binds) = relations_sql(tx.backend(), events);
    let rows = tx.query("reading who is concerned by events", &sql, binds).await?;
    let read = |row: &QueryResult| {
        let event = EventKey::new(column(row, "event_party", "event_id")?);
        Ok((
            parsed(row, "event_party", "party_id")?,
            event,
            Relations(column(row, "event_party", "relations")?),
        ))
    };
    rows.iter().map(read).collect()
}

/// Looked up by party, which is how the table is ordered; the parties are few.
pub(super) fn relations_sql(backend: DbBackend, events: &[EventKey]) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(backend, 1);
    let sql = format!(
        "SELECT p.party_id, p.event_id, p.relations FROM {table} CROSS JOIN party q CROSS JOIN event_party p
         WHERE p.party_id = q.id AND p.event_id = r.id"
    );
    (sql, binds)
}

/// Sets who is concerned by events.
pub async fn relate(tx: &Tx, relations: &[(PartyId, EventKey, Relations)]) -> Result<(), StorageError> {
    if relations.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .texts("party_id", relations.iter().map(|(party, _, _)| Some(party.as_str())))
        .uuids("event_id", relations.iter().map(|(_, event, _)| event.uuid()))
        .ints("relations", relations.iter().map(|(_, _, relations)| relations.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "INSERT INTO event_party (party_id, event_id, relations) SELECT party_id, event_id, relations FROM {table} WHERE true
         ON CONFLICT (party_id, event_id) DO UPDATE SET relations = EXCLUDED.relations"
    );
    tx.execute("storing who is concerned by events", &sql, binds).await?;
    Ok(())
}

//! Events and who is concerned by them: the write side.
//!
//! Rows are never changed but for `voided`, which a later error declaration sets.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::event::{Action, EpcRole, Event, EventType, Location};
use crate::domain::gs1::EpcKey;
use crate::domain::ids::{DocumentId, EventKey, PartyId};
use crate::domain::lens::Relations;
use crate::domain::shipment::{Handover, Taker};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::fact;
use super::item::Item;
use super::row::{column, parsed};
use super::shipment::sellers;
use super::write::{Cell, NewRows};
use super::{StorageError, Tx};

pub(super) mod body;

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

pub(super) fn role_of(number: i16) -> Result<EpcRole, StorageError> {
    [
        EpcRole::Object,
        EpcRole::Parent,
        EpcRole::Child,
        EpcRole::Input,
        EpcRole::Output,
    ]
    .into_iter()
    .find(|role| *role as i16 == number)
    .ok_or_else(|| StorageError::Inconsistent(format!("fact.role = `{number}`: no role")))
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

/// Stores events. What they name is stored beside: [`super::fact`].
pub async fn insert(tx: &Tx, events: &[NewEvent<'_>]) -> Result<(), StorageError> {
    let columns = "id, hash, kind, action, event_time, record_time, asserter_id, principal_id, biz_step, disposition, read_point,
                   biz_location, event_id, parent, listed, declares_error, voided, document_id, ordinal, body, packed";
    let mut rows = NewRows::new(tx.backend(), "event", columns);
    for new in events {
        rows.push(&EventRow::of(new)?.cells(new));
    }
    rows.store(tx).await
}

/// What of a row is not borrowed from the event.
struct EventRow {
    read_point: Option<String>,
    biz_location: Option<String>,
    body: String,
    packed: Option<Vec<u8>>,
}

impl EventRow {
    fn of(new: &NewEvent<'_>) -> Result<Self, StorageError> {
        let place = |location: Option<&Location>| {
            location.map(|location| {
                let gln = location.id.gln();
                gln.map_or_else(|| location.id.canonical().to_owned(), |gln| gln.to_string())
            })
        };
        let (body, packed) = body::pack(new.event)?;
        Ok(Self {
            read_point: place(new.event.read_point.as_ref()),
            biz_location: place(new.event.biz_location.as_ref()),
            body,
            packed,
        })
    }

    fn cells<'a>(&'a self, new: &'a NewEvent<'_>) -> [Cell<'a>; 21] {
        let event = new.event;
        [
            new.key.uuid().into(),
            Cell::Bytes(Some(&new.hash)),
            Cell::Small(Some(kind_number(event.kind))),
            Cell::Small(event.action.map(action_number)),
            event.event_time.0.into(),
            new.record_time.0.into(),
            new.asserter.as_str().into(),
            Cell::Text(new.principal.map(PartyId::as_str)),
            event.step().into(),
            event.disposition.as_ref().map_or("", |term| term.as_str()).into(),
            Cell::Text(self.read_point.as_deref()),
            Cell::Text(self.biz_location.as_deref()),
            new.event_id.as_str().into(),
            Cell::Uuid(event.parent.as_ref().map(|epc| epc.key().0)),
            listed(event).into(),
            Cell::Small(Some(i16::try_from(new.declaration).unwrap_or(i16::MAX))),
            Cell::Small(Some(i16::from(new.voided))),
            new.document.uuid().into(),
            i64::try_from(new.ordinal).unwrap_or(i64::MAX).into(),
            self.body.as_str().into(),
            Cell::Bytes(self.packed.as_deref()),
        ]
    }
}

/// How many things an event names besides a parent.
#[must_use]
pub fn listed(event: &Event) -> i64 {
    let named = event.epcs.len() + event.input_epcs.len() + event.output_epcs.len();
    i64::try_from(named + event.quantities.len()).unwrap_or(i64::MAX)
}

/// The ids of the events of a document, as sent or made.
pub async fn ids_of(tx: &Tx, document: DocumentId) -> Result<Vec<String>, StorageError> {
    let sql = "SELECT event_id FROM event WHERE document_id = $1";
    let rows = tx.query("reading ids of events", sql, vec![document.uuid().into()]).await?;
    rows.iter().map(|row| column(row, "event", "event_id")).collect()
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
            &format!("SELECT e.id, e.body, e.packed FROM {table} CROSS JOIN event e WHERE e.id = r.id"),
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| Ok((EventKey::new(column(row, "event", "id")?), body::read(row)?)))
        .collect()
}

/// The types of events.
pub async fn kinds(tx: &Tx, events: &[EventKey]) -> Result<HashMap<EventKey, EventType>, StorageError> {
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!("SELECT e.id, e.kind FROM {table} CROSS JOIN event e WHERE e.id = r.id");
    let rows = tx.query("reading types of events", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            Ok((
                EventKey::new(column(row, "event", "id")?),
                kind_of(column(row, "event", "kind")?)?,
            ))
        })
        .collect()
}

/// One thing named by one stored event that counts (neither voided nor an error declaration).
#[derive(Debug, Clone)]
pub struct Named {
    /// The thing.
    pub epc: EpcKey,
    /// Its part in the event.
    pub role: EpcRole,
    /// The event, which may name many.
    pub told: Arc<Told>,
}

impl std::ops::Deref for Named {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.told
    }
}

/// What a stored event says of whatever it names.
#[derive(Debug, Clone)]
pub struct Told {
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

/// Everything that counts about some things, which are locked.
pub async fn history(tx: &Tx, items: &[Item]) -> Result<Vec<Named>, StorageError> {
    let epcs: Vec<EpcKey> = items.iter().map(|item| item.epc).collect();
    let mut facts = fact::of_things(tx, &epcs).await?;
    facts.extend(items.iter().flat_map(fact::implied).map(|(fact, _)| fact));
    let mut events: Vec<Uuid> = facts.iter().map(|fact| fact.event.uuid()).collect();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default().uuids("id", events).table(tx.backend(), 1);
    let sql = format!(
        "SELECT e.id, e.event_time, e.kind, e.action, e.biz_step, e.disposition, e.asserter_id, e.principal_id, e.parent, e.listed,
                e.document_id, e.ordinal, s.sender_id, s.receiver_id, s.to_gln, s.seller_id, s.also_sellers, s.buyer_id
         FROM {table} CROSS JOIN event e LEFT JOIN shipment s ON s.ship_event = e.id
         WHERE e.id = r.id AND e.voided = 0 AND e.declares_error = 0"
    );
    let rows = tx.query("reading what is known of EPCs", &sql, binds).await?;
    let told = rows.iter().map(|row| told(row).map(|told| (told.event, Arc::new(told))));
    let told: HashMap<EventKey, Arc<Told>> = told.collect::<Result<_, _>>()?;
    let named = facts.iter().filter_map(|fact| {
        let told = Arc::clone(told.get(&fact.event)?);
        Some(Named {
            epc: fact.epc,
            role: fact.role.unwrap_or(fact::born_as(told.kind)),
            told,
        })
    });
    Ok(named.collect())
}

/// A row that has what an event says and the thing that it names.
pub(super) fn named(row: &QueryResult) -> Result<Named, StorageError> {
    Ok(Named {
        epc: EpcKey(column(row, "fact", "epc")?),
        role: role_of(column(row, "fact", "role")?)?,
        told: Arc::new(told(row)?),
    })
}

fn told(row: &QueryResult) -> Result<Told, StorageError> {
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
                sellers: sellers(row)?,
                buyer: party("buyer_id")?,
            })
        }
    };
    Ok(Told {
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

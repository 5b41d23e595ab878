//! Handovers that a party has a relation to.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::domain::event::BizTransaction;
use crate::domain::gs1::Epc;
use crate::domain::ids::{EventKey, GrantId, PartyId, ShipmentId};
use crate::domain::lens::Relations;
use crate::domain::provenance::Handover;
use crate::domain::time::Micros;
use crate::storage::row::{column, json, parsed};
use crate::storage::{Db, StorageError};

use super::event::showing;
use super::trace::handover;
use super::{Binds, limit};

/// One shipment with what the party has to do with it. Not masked yet.
#[derive(Debug, Clone)]
pub struct ShipmentRow {
    /// Who, when and where.
    pub handover: Handover,
    /// As stored.
    pub state: String,
    /// The shipping event.
    pub ship_event: EventKey,
    /// Its business documents.
    pub documents: Vec<BizTransaction>,
    /// The party's relations to it.
    pub relations: Relations,
}

const SELECT: &str =
    "SELECT sp.relations, s.id, s.ship_event, s.sender_id, s.receiver_id, s.seller_id, s.also_sellers, s.buyer_id, s.from_gln, s.to_gln,
       s.shipped_at, s.received_at, s.state, s.documents
FROM shipment_party sp CROSS JOIN shipment s";

/// Latest departure first, after a position, at most `rows`.
pub async fn list(db: &Db, party: &PartyId, after: Option<(i64, Uuid)>, rows: usize) -> Result<Vec<ShipmentRow>, StorageError> {
    let (sql, values) = list_sql(party, after, rows);
    db.query("listing shipments", &sql, values)
        .await?
        .iter()
        .map(shipment_row)
        .collect()
}

pub(super) fn list_sql(party: &PartyId, after: Option<(i64, Uuid)>, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let (party, showing) = (binds.push(party.as_str()), binds.push(showing()));
    let after = after.map_or(String::new(), |(at, id)| {
        format!(
            "AND (sp.shipped_at, sp.shipment_id) < ({}, {})",
            binds.push(at),
            binds.push(id)
        )
    });
    let limit = binds.push(limit(rows));
    let sql = format!(
        "{SELECT} WHERE sp.party_id = {party} AND s.id = sp.shipment_id AND (sp.relations & {showing}) <> 0 {after}
         ORDER BY sp.shipped_at DESC, sp.shipment_id DESC LIMIT {limit}"
    );
    (sql, binds.0)
}

/// One shipment.
pub async fn by_id(db: &Db, party: &PartyId, id: ShipmentId) -> Result<Option<ShipmentRow>, StorageError> {
    let sql =
        "SELECT sp.relations, s.id, s.ship_event, s.sender_id, s.receiver_id, s.seller_id, s.also_sellers, s.buyer_id, s.from_gln, s.to_gln,
                      s.shipped_at, s.received_at, s.state, s.documents
               FROM shipment s CROSS JOIN shipment_party sp
               WHERE s.id = $1 AND sp.party_id = $2 AND sp.shipped_at = s.shipped_at AND sp.shipment_id = s.id";
    let row = db
        .query_one("reading a shipment", sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(shipment_row).transpose()
}

/// A shipment by its shipping event, for who decides by that event what to tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The shipment.
    pub id: ShipmentId,
    /// When it left.
    pub shipped_at: Micros,
    /// The shipping event.
    pub event: EventKey,
}

fn departure(row: &QueryResult) -> Result<Departure, StorageError> {
    Ok(Departure {
        id: ShipmentId::new(column(row, "shipment", "id")?),
        shipped_at: Micros(column(row, "shipment", "shipped_at")?),
        event: EventKey::new(column(row, "shipment", "ship_event")?),
    })
}

/// One shipment, if one of these grants covers its shipping event.
pub async fn covered(db: &Db, grants: &[GrantId], id: ShipmentId) -> Result<Option<Departure>, StorageError> {
    if grants.is_empty() {
        return Ok(None);
    }
    let mut binds = Binds::default();
    let (id, grants) = (binds.push(id.uuid()), binds.list(grants.iter().map(|grant| grant.uuid())));
    let sql = format!(
        "SELECT s.id, s.shipped_at, s.ship_event FROM shipment s
         WHERE s.id = {id} AND EXISTS (SELECT 1 FROM grant_event ge WHERE ge.grant_id IN ({grants}) AND ge.event_id = s.ship_event)"
    );
    let row = db.query_one("reading a shipment by grants", &sql, binds.0).await?;
    row.as_ref().map(departure).transpose()
}

/// Shipments whose shipping events these grants cover, latest departure first, after a position, at most `rows`. The cost is by what the
/// grants cover, as of their events in the order of time.
pub async fn all_covered(
    db: &Db,
    grants: &[GrantId],
    after: Option<(i64, Uuid)>,
    rows: usize,
) -> Result<Vec<Departure>, StorageError> {
    if grants.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, values) = all_covered_sql(grants, after, rows);
    let rows = db.query("listing shipments by grants", &sql, values).await?;
    rows.iter().map(departure).collect()
}

pub(super) fn all_covered_sql(grants: &[GrantId], after: Option<(i64, Uuid)>, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let branches: Vec<String> = grants
        .iter()
        .map(|grant| {
            let grant = binds.push(grant.uuid());
            let after = after.map_or(String::new(), |(at, id)| {
                format!("AND (s.shipped_at, s.id) < ({}, {})", binds.push(at), binds.push(id))
            });
            let limit = binds.push(limit(rows));
            format!(
                "SELECT id, shipped_at, ship_event FROM (
                     SELECT s.id, s.shipped_at, s.ship_event FROM grant_event ge CROSS JOIN shipment s
                     WHERE ge.grant_id = {grant} AND s.ship_event = ge.event_id {after}
                     ORDER BY s.shipped_at DESC, s.id DESC LIMIT {limit}) w"
            )
        })
        .collect();
    let (branches, limit) = (branches.join(" UNION "), binds.push(limit(rows)));
    let sql = format!("SELECT id, shipped_at, ship_event FROM ({branches}) x ORDER BY shipped_at DESC, id DESC LIMIT {limit}");
    (sql, binds.0)
}

/// Which of the things of a shipment.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// All.
    All,
    /// Those of the party's brand or made for it, and logistic units in which something of its is.
    Own(&'a PartyId),
    /// Those of a party's own, and all but those of the brands of others.
    Without(&'a PartyId, &'a [PartyId]),
}

/// The first `rows` things of each of these shipments after a key, in order of key: one statement for the page.
pub async fn things(
    db: &Db,
    shipments: &[ShipmentId],
    part: Part<'_>,
    after: Option<Uuid>,
    rows: usize,
) -> Result<Vec<(ShipmentId, Uuid, Epc)>, StorageError> {
    if shipments.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let ids = binds.list(shipments.iter().map(|id| id.uuid()));
    let after = binds.push(after.unwrap_or_else(Uuid::nil));
    let limit = binds.push(limit(rows));
    let stake = |owner: &str| {
        format!(
            "EXISTS (SELECT 1 FROM unit_stake u WHERE u.epc = se.epc AND u.owner_id = {owner}
                     AND u.from_time <= se.shipped_at AND u.until_time >= se.shipped_at)"
        )
    };
    let only = match part {
        Part::All => String::new(),
        Part::Own(owner) => {
            let owner = binds.push(owner.as_str());
            format!("AND (k.owner_id = {owner} OR {})", stake(&owner))
        }
        Part::Without(_, []) => String::new(),
        Part::Without(owner, others) => {
            let (owner, others) = (binds.push(owner.as_str()), binds.list(others.iter().map(PartyId::as_str)));
            format!("AND (k.owner_id NOT IN ({others}) OR k.gtin = '' OR {})", stake(&owner))
        }
    };
    let sql = format!(
        "SELECT t.shipment_id, t.epc, t.uri
         FROM (SELECT se.shipment_id, se.epc, k.prefix || i.serial AS uri,
                      ROW_NUMBER() OVER (PARTITION BY se.shipment_id ORDER BY se.epc) AS place
               FROM shipment_epc se CROSS JOIN thing i CROSS JOIN thing_kind k
               WHERE se.shipment_id IN ({ids}) AND se.epc > {after} AND i.epc = se.epc AND k.no = i.kind
                     {only}) t
         WHERE t.place <= {limit} ORDER BY t.shipment_id, t.epc"
    );
    let rows = db.query("reading what was shipped", &sql, binds.0).await?;
    rows.iter()
        .map(|row| {
            let shipment = ShipmentId::new(column(row, "shipment_epc", "shipment_id")?);
            Ok((shipment, column(row, "shipment_epc", "epc")?, parsed(row, "item", "uri")?))
        })
        .collect()
}

fn shipment_row(row: &QueryResult) -> Result<ShipmentRow, StorageError> {
    let id = ShipmentId::new(column(row, "shipment", "id")?);
    Ok(ShipmentRow {
        handover: handover(row, id)?,
        state: column(row, "shipment", "state")?,
        ship_event: EventKey::new(column(row, "shipment", "ship_event")?),
        documents: json(row, "shipment", "documents")?,
        relations: Relations(column(row, "shipment_party", "relations")?),
    })
}

//! Handovers: the write side.

use std::collections::HashMap;

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::ledger::Moved;
use crate::domain::lens::Relations;
use crate::domain::shipment::{Handover, ShipmentState};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, parsed};
use super::write::{Cell, NewRows};
use super::{StorageError, Tx};

/// A shipping event, as a handover.
#[derive(Debug, Clone)]
pub struct NewShipment {
    /// Its id.
    pub id: ShipmentId,
    /// The shipping event.
    pub ship_event: EventKey,
    /// Its sides.
    pub handover: Handover,
    /// Giving place or party: GLN, or canonical URI.
    pub from: Option<String>,
    /// Taking place or party: GLN, or canonical URI.
    pub to: Option<String>,
    /// When.
    pub shipped_at: Micros,
    /// The business documents, as JSON.
    pub documents: String,
}

/// Stores handovers; nothing has moved by them yet.
pub async fn insert(tx: &Tx, shipments: &[NewShipment]) -> Result<(), StorageError> {
    if shipments.is_empty() {
        return Ok(());
    }
    let party = |party: Option<&PartyId>| party.map(|party| party.as_str().to_owned());
    let others = |new: &NewShipment| {
        let others: Vec<&str> = new.handover.sellers.iter().skip(1).map(PartyId::as_str).collect();
        (!others.is_empty()).then(|| others.join(" "))
    };
    let (table, binds) = Rows::default()
        .uuids("id", shipments.iter().map(|new| new.id.uuid()))
        .uuids("ship_event", shipments.iter().map(|new| new.ship_event.uuid()))
        .texts("sender_id", shipments.iter().map(|new| party(Some(&new.handover.sender))))
        .texts(
            "receiver_id",
            shipments.iter().map(|new| party(new.handover.receiver.party())),
        )
        .texts("seller_id", shipments.iter().map(|new| party(new.handover.sellers.first())))
        .texts("also_sellers", shipments.iter().map(others))
        .texts("buyer_id", shipments.iter().map(|new| party(new.handover.buyer.as_ref())))
        .texts("from_gln", shipments.iter().map(|new| new.from.as_deref()))
        .texts("to_gln", shipments.iter().map(|new| new.to.as_deref()))
        .ints("shipped_at", shipments.iter().map(|new| new.shipped_at.0))
        .texts("state", shipments.iter().map(|_| Some(ShipmentState::Unheld.as_str())))
        .texts("documents", shipments.iter().map(|new| Some(new.documents.as_str())))
        .table(tx.backend(), 1);
    let columns = "id, ship_event, sender_id, receiver_id, seller_id, also_sellers, buyer_id, from_gln, to_gln, shipped_at, state, documents";
    tx.execute(
        "storing shipments",
        &format!("INSERT INTO shipment ({columns}) SELECT {columns} FROM {table}"),
        binds,
    )
    .await?;
    Ok(())
}

/// A stored handover.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// Its id.
    pub id: ShipmentId,
    /// The shipping event.
    pub ship_event: EventKey,
    /// When.
    pub shipped_at: Micros,
    /// Gives custody.
    pub sender: PartyId,
    /// Takes custody.
    pub receiver: Option<PartyId>,
    /// Gives ownership.
    pub sellers: Vec<PartyId>,
    /// Takes ownership.
    pub buyer: Option<PartyId>,
}

/// Who gives up ownership, by the row of a shipment.
pub(super) fn sellers(row: &QueryResult) -> Result<Vec<PartyId>, StorageError> {
    let first: Option<String> = column(row, "shipment", "seller_id")?;
    let also: Option<String> = column(row, "shipment", "also_sellers")?;
    let named = first
        .iter()
        .map(String::as_str)
        .chain(also.iter().flat_map(|also| also.split(' ')));
    let parsed = named.map(|party| {
        let wrong = |error| StorageError::Inconsistent(format!("shipment.seller_id, also_sellers: `{party}`: {error}"));
        party.parse().map_err(wrong)
    });
    parsed.collect()
}

/// Handovers of shipping events.
pub async fn of_events(tx: &Tx, events: &[EventKey]) -> Result<Vec<Shipment>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT s.id, s.ship_event, s.shipped_at, s.sender_id, s.receiver_id, s.seller_id, s.also_sellers, s.buyer_id
         FROM {table} JOIN shipment s ON s.ship_event = r.id"
    );
    let party = |row: &QueryResult, name: &str| -> Result<Option<PartyId>, StorageError> {
        let text: Option<String> = column(row, "shipment", name)?;
        text.map(|_| parsed(row, "shipment", name)).transpose()
    };
    let read = |row: &QueryResult| {
        Ok(Shipment {
            id: ShipmentId::new(column(row, "shipment", "id")?),
            ship_event: EventKey::new(column(row, "shipment", "ship_event")?),
            shipped_at: Micros(column(row, "shipment", "shipped_at")?),
            sender: parsed(row, "shipment", "sender_id")?,
            receiver: party(row, "receiver_id")?,
            sellers: sellers(row)?,
            buyer: party(row, "buyer_id")?,
        })
    };
    tx.query("reading shipments", &sql, binds).await?.iter().map(read).collect()
}

/// Who sees shipments, and as what.
pub async fn shared(tx: &Tx, shipments: &[ShipmentId]) -> Result<HashMap<ShipmentId, Vec<(PartyId, Relations)>>, StorageError> {
    let mut shared: HashMap<ShipmentId, Vec<(PartyId, Relations)>> = HashMap::new();
    if shipments.is_empty() {
        return Ok(shared);
    }
    let (table, binds) = Rows::default()
        .uuids("id", shipments.iter().map(|id| id.uuid()))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT p.shipment_id, p.party_id, p.relations
         FROM {table} JOIN shipment s ON s.id = r.id CROSS JOIN party q
         JOIN shipment_party p ON p.party_id = q.id AND p.shipped_at = s.shipped_at AND p.shipment_id = s.id"
    );
    for row in tx.query("reading who sees shipments", &sql, binds).await? {
        let id = ShipmentId::new(column(&row, "shipment_party", "shipment_id")?);
        let party = parsed(&row, "shipment_party", "party_id")?;
        let relations = Relations(column(&row, "shipment_party", "relations")?);
        shared.entry(id).or_default().push((party, relations));
    }
    Ok(shared)
}

/// What of shipments is rewritten: for the things that were looked at, what moved.
#[derive(Debug)]
pub struct Rewrite<'a> {
    /// The shipments.
    pub shipments: &'a [Shipment],
    /// The things that were looked at: rows of others stay.
    pub epcs: &'a [EpcKey],
    /// What moved.
    pub moved: &'a [Moved],
    /// Taken back, by the sender or by an error declaration.
    pub voided: &'a [ShipmentId],
    /// Parties that see a shipment if anything moved.
    pub parties: &'a [(ShipmentId, PartyId, Relations)],
}

/// Rewrites what moved, and with it the state of the shipments and who sees them.
pub async fn rewrite(tx: &Tx, rewrite: &Rewrite<'_>) -> Result<(), StorageError> {
    if rewrite.shipments.is_empty() {
        return Ok(());
    }
    clear_moved(tx, rewrite).await?;
    insert_moved(tx, rewrite).await?;
    let (table, mut binds) = Rows::default()
        .uuids("id", rewrite.shipments.iter().map(|shipment| shipment.id.uuid()))
        .table(tx.backend(), 5);
    let (voided, more) = Rows::default()
        .uuids("id", rewrite.voided.iter().map(|id| id.uuid()))
        .table(tx.backend(), 5 + binds.len());
    let words = [
        ShipmentState::Unheld,
        ShipmentState::Received,
        ShipmentState::InTransit,
        ShipmentState::Voided,
    ];
    binds.splice(0..0, words.map(|state| state.as_str().into()));
    binds.extend(more);
    let sql = format!(
        "UPDATE shipment SET
            received_at = (SELECT MIN(x.received_at) FROM shipment_epc x WHERE x.shipment_id = shipment.id),
            receive_event = (SELECT x.receive_event FROM shipment_epc x WHERE x.shipment_id = shipment.id AND x.received_at IS NOT NULL
                             ORDER BY x.received_at, x.receive_event LIMIT 1),
            state = CASE
                WHEN EXISTS (SELECT 1 FROM shipment_epc x WHERE x.shipment_id = shipment.id AND x.received_at IS NOT NULL) THEN $2
                WHEN EXISTS (SELECT 1 FROM shipment_epc x WHERE x.shipment_id = shipment.id) THEN $3
                WHEN id IN (SELECT r.id FROM {voided}) THEN $4
                ELSE $1 END
         WHERE id IN (SELECT r.id FROM {table})"
    );
    tx.execute("storing the state of shipments", &sql, binds).await?;
    share(tx, rewrite).await
}

async fn clear_moved(tx: &Tx, rewrite: &Rewrite<'_>) -> Result<(), StorageError> {
    let (shipments, mut binds) = Rows::default()
        .uuids("id", rewrite.shipments.iter().map(|shipment| shipment.id.uuid()))
        .table(tx.backend(), 1);
    let (epcs, more) = Rows::default()
        .uuids("epc", rewrite.epcs.iter().map(|epc| epc.0))
        .table(tx.backend(), 1 + binds.len());
    binds.extend(more);
    let sql = format!(
        "DELETE FROM shipment_epc WHERE shipment_id IN (SELECT r.id FROM {shipments}) AND epc IN (SELECT r.epc FROM {epcs})"
    );
    tx.execute("removing what was shipped", &sql, binds).await?;
    Ok(())
}

async fn insert_moved(tx: &Tx, rewrite: &Rewrite<'_>) -> Result<(), StorageError> {
    let shipments: HashMap<EventKey, &Shipment> = rewrite
        .shipments
        .iter()
        .map(|shipment| (shipment.ship_event, shipment))
        .collect();
    let columns = "epc, shipped_at, shipment_id, receive_event, received_at";
    let mut rows = NewRows::new(tx.backend(), "shipment_epc", columns);
    for moved in rewrite.moved {
        let Some(shipment) = shipments.get(&moved.ship) else {
            continue;
        };
        rows.push(&[
            moved.epc.0.into(),
            shipment.shipped_at.0.into(),
            shipment.id.uuid().into(),
            Cell::Uuid(moved.received.map(|(_, event)| event.uuid())),
            Cell::Big(moved.received.map(|(at, _)| at.0)),
        ]);
    }
    rows.store(tx).await
}

/// Who sees the shipments: nobody but its teller sees one by which nothing moved.
async fn share(tx: &Tx, rewrite: &Rewrite<'_>) -> Result<(), StorageError> {
    let (table, binds) = Rows::default()
        .uuids("id", rewrite.shipments.iter().map(|shipment| shipment.id.uuid()))
        .ints("shipped_at", rewrite.shipments.iter().map(|shipment| shipment.shipped_at.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "DELETE FROM shipment_party WHERE (party_id, shipped_at, shipment_id) IN
            (SELECT q.id, r.shipped_at, r.id FROM {table} CROSS JOIN party q)"
    );
    tx.execute("removing who sees shipments", &sql, binds).await?;
    if rewrite.parties.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", rewrite.parties.iter().map(|(id, _, _)| id.uuid()))
        .texts("party_id", rewrite.parties.iter().map(|(_, party, _)| Some(party.as_str())))
        .ints("relations", rewrite.parties.iter().map(|(_, _, relations)| relations.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "INSERT INTO shipment_party (party_id, shipped_at, shipment_id, relations)
         SELECT r.party_id, s.shipped_at, s.id, r.relations FROM {table} JOIN shipment s ON s.id = r.id
         WHERE EXISTS (SELECT 1 FROM shipment_epc x WHERE x.shipment_id = s.id)"
    );
    tx.execute("storing who sees shipments", &sql, binds).await?;
    Ok(())
}

/// Things that shipments moved so far.
pub async fn moved_epcs(tx: &Tx, events: &[EventKey]) -> Result<Vec<EpcKey>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql =
        format!("SELECT x.epc FROM {table} JOIN shipment s ON s.ship_event = r.id JOIN shipment_epc x ON x.shipment_id = s.id");
    let rows = tx.query("reading what was shipped", &sql, binds).await?;
    rows.iter()
        .map(|row| column::<Uuid>(row, "shipment_epc", "epc").map(EpcKey))
        .collect()
}

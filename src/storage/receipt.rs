//! What receivers did not confirm of shipments that they confirmed in part.

use sea_orm::QueryResult;

use crate::domain::ids::{DocumentId, EventKey, PartyId};

use super::bulk::Rows;
use super::row::{column, parsed};
use super::view::limit;
use super::{StorageError, Tx};

/// A thing of a shipment that was not confirmed, though others were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The shipping event.
    pub ship_event: EventKey,
    /// Its teller.
    pub teller: PartyId,
    /// Where the event came in.
    pub document: DocumentId,
    /// Its position there.
    pub ordinal: i64,
    /// Who was to confirm it.
    pub receiver: Option<PartyId>,
    /// Canonical URI of the thing.
    pub uri: String,
}

/// Of these shipping events, at most `rows`, in the order of their keys.
pub async fn unconfirmed(tx: &Tx, ships: &[EventKey], rows: usize) -> Result<Vec<Unconfirmed>, StorageError> {
    if ships.is_empty() {
        return Ok(Vec::new());
    }
    let (table, mut binds) = Rows::default()
        .uuids("id", ships.iter().map(|event| event.uuid()))
        .table(tx.backend(), 2);
    binds.insert(0, limit(rows).into());
    let sql = format!(
        "SELECT s.ship_event, s.receiver_id, e.asserter_id, e.document_id, e.ordinal, i.uri
         FROM {table} CROSS JOIN shipment s CROSS JOIN shipment_epc x CROSS JOIN event e CROSS JOIN item i
         WHERE s.ship_event = r.id AND s.received_at IS NOT NULL AND x.shipment_id = s.id AND x.received_at IS NULL
           AND e.id = s.ship_event AND i.epc = x.epc
         ORDER BY s.ship_event, x.epc LIMIT $1"
    );
    let rows = tx.query("reading what was not confirmed", &sql, binds).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Unconfirmed, StorageError> {
    let receiver: Option<String> = column(row, "shipment", "receiver_id")?;
    Ok(Unconfirmed {
        ship_event: EventKey::new(column(row, "shipment", "ship_event")?),
        teller: parsed(row, "event", "asserter_id")?,
        document: DocumentId::new(column(row, "event", "document_id")?),
        ordinal: column(row, "event", "ordinal")?,
        receiver: receiver.map(|_| parsed(row, "shipment", "receiver_id")).transpose()?,
        uri: column(row, "item", "uri")?,
    })
}

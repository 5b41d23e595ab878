//! What receivers did not confirm of shipments that they confirmed in part.

use sea_orm::{DbBackend, QueryResult, Value};

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
    let (sql, binds) = unconfirmed_sql(tx.backend(), ships, rows);
    let rows = tx.query("reading what was not confirmed", &sql, binds).await?;
    rows.iter().map(read).collect()
}

pub(super) fn unconfirmed_sql(backend: DbBackend, ships: &[EventKey], rows: usize) -> (String, Vec<Value>) {
    let (table, mut binds) = Rows::default()
        .uuids("id", ships.iter().map(|event| event.uuid()))
        .table(backend, 2);
    binds.insert(0, limit(rows).into());
    let sql = format!(
        "SELECT s.ship_event, s.receiver_id, e.asserter_id, e.document_id, e.ordinal, k.prefix || i.serial AS uri
         FROM {table} CROSS JOIN shipment s CROSS JOIN shipment_epc x CROSS JOIN event e CROSS JOIN thing i CROSS JOIN thing_kind k
         WHERE s.ship_event = r.id AND s.received_at IS NOT NULL AND x.shipment_id = s.id AND x.received_at IS NULL
           AND e.id = s.ship_event AND i.epc = x.epc AND k.no = i.kind
         ORDER BY s.ship_event, x.epc LIMIT $1"
    );
    (sql, binds)
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

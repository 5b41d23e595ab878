//! Identified things and their current state: the write side.

use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, parsed};
use super::{StorageError, Tx};

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub epc: EpcKey,
    /// Canonical URI.
    pub uri: String,
    /// GTIN-14, if it has one.
    pub gtin: Option<String>,
    /// Lot.
    pub lot: Option<String>,
    /// Expiry, as sent.
    pub expiry: Option<String>,
    /// First owner: of the brand, or of what was first put into a logistic unit.
    pub owner: Option<PartyId>,
    /// Who commissioned it, when, by which event.
    pub commissioned: Option<(PartyId, Micros, EventKey)>,
    /// Its last disposition, and since when.
    pub disposition: Option<(String, Micros)>,
    /// What it is in.
    pub parent: Option<EpcKey>,
    /// Latest event time of an event that names it.
    pub last_at: Micros,
    /// Latest event time of an event that names something that was ever said to be in it.
    pub below_at: Micros,
}

/// Makes sure that things have a row.
pub async fn ensure(tx: &Tx, items: &[Item]) -> Result<(), StorageError> {
    if items.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", items.iter().map(|item| item.epc.0))
        .texts("uri", items.iter().map(|item| Some(item.uri.as_str())))
        .texts("gtin", items.iter().map(|item| item.gtin.as_deref()))
        .texts("owner_id", items.iter().map(|item| item.owner.as_ref().map(PartyId::as_str)))
        .ints("start", items.iter().map(|_| Micros::MIN.0))
        .table(tx.backend(), 1);
    // In the order of the key, as all locks on this table are taken.
    let sql = format!(
        "INSERT INTO item (epc, uri, gtin, owner_id, last_at, below_at) SELECT epc, uri, gtin, owner_id, start, start FROM {table}
         WHERE true ORDER BY epc ON CONFLICT (epc) DO NOTHING"
    );
    tx.execute("storing items", &sql, binds).await?;
    Ok(())
}

/// Reads things and keeps others from changing them until the end of the transaction.
pub async fn lock(tx: &Tx, epcs: &[EpcKey]) -> Result<Vec<Item>, StorageError> {
    if epcs.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", epcs.iter().map(|epc| epc.0))
        .table(tx.backend(), 1);
    let lock = match tx.backend() {
        DbBackend::Postgres => "FOR UPDATE",
        _ => "",
    };
    let sql = format!(
        "SELECT epc, uri, gtin, lot, expiry, owner_id, commissioned_by, commissioned_at, commission_event, disposition, disposition_at,
                parent, last_at, below_at
         FROM item WHERE epc IN (SELECT r.epc FROM {table}) ORDER BY epc {lock}"
    );
    tx.query("reading items", &sql, binds).await?.iter().map(item).collect()
}

pub(super) fn item(row: &QueryResult) -> Result<Item, StorageError> {
    let party = |name: &str| -> Result<Option<PartyId>, StorageError> {
        let text: Option<String> = column(row, "item", name)?;
        text.map(|_| parsed(row, "item", name)).transpose()
    };
    let commissioned_at: Option<i64> = column(row, "item", "commissioned_at")?;
    let commission_event: Option<Uuid> = column(row, "item", "commission_event")?;
    let disposition: Option<String> = column(row, "item", "disposition")?;
    let disposition_at: Option<i64> = column(row, "item", "disposition_at")?;
    Ok(Item {
        epc: EpcKey(column(row, "item", "epc")?),
        uri: column(row, "item", "uri")?,
        gtin: column(row, "item", "gtin")?,
        lot: column(row, "item", "lot")?,
        expiry: column(row, "item", "expiry")?,
        owner: party("owner_id")?,
        commissioned: match (party("commissioned_by")?, commissioned_at, commission_event) {
            (Some(by), Some(at), Some(event)) => Some((by, Micros(at), EventKey::new(event))),
            (_, _, _) => None,
        },
        disposition: disposition.zip(disposition_at.map(Micros)),
        parent: column::<Option<Uuid>>(row, "item", "parent")?.map(EpcKey),
        last_at: Micros(column(row, "item", "last_at")?),
        below_at: Micros(column(row, "item", "below_at")?),
    })
}

/// Writes the state of things.
pub async fn update(tx: &Tx, items: &[Item]) -> Result<(), StorageError> {
    if items.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", items.iter().map(|item| item.epc.0))
        .texts("lot", items.iter().map(|item| item.lot.as_deref()))
        .texts("expiry", items.iter().map(|item| item.expiry.as_deref()))
        .texts("owner_id", items.iter().map(|item| item.owner.as_ref().map(PartyId::as_str)))
        .texts(
            "commissioned_by",
            items
                .iter()
                .map(|item| item.commissioned.as_ref().map(|(by, _, _)| by.as_str())),
        )
        .ints(
            "commissioned_at",
            items.iter().map(|item| item.commissioned.as_ref().map(|(_, at, _)| at.0)),
        )
        .uuids(
            "commission_event",
            items
                .iter()
                .map(|item| item.commissioned.as_ref().map(|(_, _, event)| event.uuid())),
        )
        .texts(
            "disposition",
            items
                .iter()
                .map(|item| item.disposition.as_ref().map(|(term, _)| term.as_str())),
        )
        .ints(
            "disposition_at",
            items.iter().map(|item| item.disposition.as_ref().map(|(_, at)| at.0)),
        )
        .uuids("parent", items.iter().map(|item| item.parent.map(|parent| parent.0)))
        .ints("last_at", items.iter().map(|item| item.last_at.0))
        .ints("below_at", items.iter().map(|item| item.below_at.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "UPDATE item SET lot = r.lot, expiry = r.expiry, owner_id = r.owner_id, commissioned_by = r.commissioned_by,
                commissioned_at = r.commissioned_at, commission_event = r.commission_event, disposition = r.disposition,
                disposition_at = r.disposition_at, parent = r.parent, last_at = r.last_at, below_at = r.below_at
         FROM {table} WHERE item.epc = r.epc"
    );
    tx.execute("storing the state of items", &sql, binds).await?;
    Ok(())
}

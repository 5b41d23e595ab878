//! Transfers: numbers that their holder handed on to another party.
//!
//! A row says what was handed on and to whom; who has a number now follows from the order of the rows ([`super::state::books`]).

use roaring::RoaringBitmap;
use sea_orm::{QueryResult, Value};

use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, PartyId, TransferId};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::{bigint, read, written};

const TABLE: &str = "serial_transfer";
const COLUMNS: &str = "id, allocation_id, from_party, to_party, to_site, principal_id, agreement_id, gtin, request_key, request_hash, \
                       quantity, offsets, at";

/// One transfer.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTransfer {
    /// Its id.
    pub id: TransferId,
    /// Of which allocation.
    pub allocation: AllocationId,
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Who gave.
    pub from: PartyId,
    /// Who took.
    pub to: PartyId,
    /// For which site of the taker.
    pub site: Option<Gln>,
    /// Whose brand.
    pub principal: PartyId,
    /// Under which agreement the taker has them; none if it is the owner.
    pub agreement: Option<AgreementId>,
    /// The giver's name for the transfer.
    pub request_key: String,
    /// SHA-256 over what was asked for.
    pub request_hash: [u8; 32],
    /// Which numbers, by offset.
    pub offsets: RoaringBitmap,
    /// When.
    pub at: Micros,
}

/// Stores a transfer behind the earlier ones of its allocation, which the caller holds. [`StorageError::Conflict`] if the giver used the key
/// before.
pub async fn insert(tx: &Tx, transfer: &StoredTransfer) -> Result<(), StorageError> {
    let sql = "INSERT INTO serial_transfer (id, allocation_id, from_party, to_party, to_site, principal_id, agreement_id, gtin, request_key,
                                            request_hash, quantity, offsets, at, seq)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                       (SELECT COALESCE(MAX(t.seq), 0) + 1 FROM serial_transfer t WHERE t.allocation_id = $2))";
    let values = vec![
        transfer.id.uuid().into(),
        transfer.allocation.uuid().into(),
        transfer.from.as_str().into(),
        transfer.to.as_str().into(),
        transfer.site.map(|site| site.to_string()).into(),
        transfer.principal.as_str().into(),
        transfer.agreement.as_ref().map(AgreementId::as_str).into(),
        transfer.numbered.to_string().into(),
        transfer.request_key.as_str().into(),
        transfer.request_hash.to_vec().into(),
        bigint(transfer.offsets.len()).into(),
        written(&transfer.offsets, || format!("serial_transfer.offsets of {}", transfer.id))?.into(),
        transfer.at.0.into(),
    ];
    tx.execute("storing a transfer", sql, values).await?;
    Ok(())
}

/// The transfers of a party under one key: one for each allocation.
pub async fn by_key(tx: &Tx, from: &PartyId, key: &str) -> Result<Vec<StoredTransfer>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM serial_transfer WHERE from_party = $1 AND request_key = $2 ORDER BY allocation_id");
    let values = vec![from.as_str().into(), key.into()];
    let rows = tx.query("reading transfers by their key", &sql, values).await?;
    rows.iter().map(stored).collect()
}

/// A transfer that a party gave or took, or that is of its brand.
pub async fn visible(db: &Db, party: &PartyId, id: TransferId) -> Result<Option<StoredTransfer>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM serial_transfer WHERE id = $1 AND (from_party = $2 OR to_party = $2 OR principal_id = $2)"
    );
    let row = db
        .query_one("reading a transfer", &sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(stored).transpose()
}

/// Transfers that a party gave or took, or that are of its brands, newest first, at most `limit`, older than `before`.
pub async fn list(
    db: &Db,
    party: &PartyId,
    before: Option<TransferId>,
    limit: usize,
) -> Result<Vec<StoredTransfer>, StorageError> {
    let mut values: Vec<Value> = vec![party.as_str().into(), bigint(limit as u64).into()];
    let older = before.map_or("", |_| " AND id < $3");
    values.extend(before.map(|before| before.uuid().into()));
    // Each part reads its index backwards and stops; an OR would sort all of them.
    let part = |role: &str| {
        format!("SELECT * FROM (SELECT id FROM serial_transfer WHERE {role} = $1{older} ORDER BY id DESC LIMIT $2) AS by_{role}")
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM serial_transfer WHERE id IN ({} UNION {} UNION {}) ORDER BY id DESC LIMIT $2",
        part("from_party"),
        part("to_party"),
        part("principal_id")
    );
    db.query("listing transfers", &sql, values)
        .await?
        .iter()
        .map(stored)
        .collect()
}

fn stored(row: &QueryResult) -> Result<StoredTransfer, StorageError> {
    let id = TransferId::new(column(row, TABLE, "id")?);
    let site: Option<String> = column(row, TABLE, "to_site")?;
    let agreement: Option<String> = column(row, TABLE, "agreement_id")?;
    let (hash, offsets): (Vec<u8>, Vec<u8>) = (column(row, TABLE, "request_hash")?, column(row, TABLE, "offsets")?);
    Ok(StoredTransfer {
        id,
        allocation: AllocationId::new(column(row, TABLE, "allocation_id")?),
        numbered: parsed(row, TABLE, "gtin")?,
        from: parsed(row, TABLE, "from_party")?,
        to: parsed(row, TABLE, "to_party")?,
        site: site.map(|_| parsed(row, TABLE, "to_site")).transpose()?,
        principal: parsed(row, TABLE, "principal_id")?,
        agreement: agreement.map(|_| parsed(row, TABLE, "agreement_id")).transpose()?,
        request_key: column(row, TABLE, "request_key")?,
        request_hash: hash
            .try_into()
            .map_err(|_| StorageError::Inconsistent(format!("serial_transfer.request_hash of {id}")))?,
        offsets: read(&offsets, || format!("serial_transfer.offsets of {id}"))?,
        at: Micros(column(row, TABLE, "at")?),
    })
}

//! Serial numbers that somebody else made: a row each, by product and serial, and by pool and position.
//!
//! The primary key (product, serial) is the uniqueness of all numbers that the hub did not compute. Which rows are free to be stored is
//! decided under the locks of the product's pools ([`super::pool::lock_product`]); the key is what holds if that were wrong.

use sea_orm::QueryResult;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{ImportId, PartyId, PoolId};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

/// How many rows one statement takes: some megabytes of text.
pub const CHUNK: usize = 20_000;

/// A serial to be looked at, with the key of the thing that it would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Where it stands in its list.
    pub position: usize,
    /// The serial.
    pub serial: &'a str,
    /// The thing, if it is one that events can name.
    pub epc: Option<EpcKey>,
}

/// The positions whose serial somebody has: listed before, commissioned without an allocation, or known as a thing that was commissioned.
pub async fn taken(tx: &Tx, numbered: Numbered, candidates: &[Candidate<'_>]) -> Result<Vec<usize>, StorageError> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .ints("n", candidates.iter().map(|one| bigint(one.position as u64)))
        .texts("serial", candidates.iter().map(|one| Some(one.serial)))
        .uuids("epc", candidates.iter().map(|one| one.epc.map(|epc| epc.0)))
        .table(tx.backend(), 2);
    let sql = format!(
        "SELECT r.n FROM {table}
         WHERE EXISTS (SELECT 1 FROM listed_serial l WHERE l.gtin = $1 AND l.serial = r.serial)
            OR EXISTS (SELECT 1 FROM foreign_serial f WHERE f.gtin = $1 AND f.serial = r.serial)
            OR EXISTS (SELECT 1 FROM thing i WHERE i.epc = r.epc AND i.birth IS NOT NULL)"
    );
    let values = std::iter::once(numbered.to_string().into()).chain(binds).collect();
    let rows = tx.query("looking for serial numbers that are taken", &sql, values).await?;
    rows.iter()
        .map(|row| {
            let position: i64 = column(row, "listed_serial", "n")?;
            usize::try_from(position).map_err(|_| StorageError::Inconsistent(format!("listed_serial: position {position}")))
        })
        .collect()
}

/// Stores serials of a pool from a position on. [`StorageError::Conflict`] if one of them is there.
pub async fn insert(tx: &Tx, numbered: Numbered, pool: PoolId, first: u64, serials: &[&str]) -> Result<(), StorageError> {
    if serials.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .ints("n", (0..serials.len()).map(|offset| bigint(first + offset as u64)))
        .texts("serial", serials.iter().map(|serial| Some(*serial)))
        .table(tx.backend(), 3);
    let sql =
        format!("INSERT INTO listed_serial (gtin, serial, pool_id, number_index) SELECT $1, r.serial, $2, r.n FROM {table}");
    let values = [numbered.to_string().into(), pool.uuid().into()]
        .into_iter()
        .chain(binds)
        .collect();
    tx.execute("storing listed serial numbers", &sql, values).await?;
    Ok(())
}

/// How many serials a pool lists: the position of the next one.
pub async fn listed(tx: &Tx, pool: PoolId) -> Result<u64, StorageError> {
    let sql = "SELECT CAST(COALESCE(MAX(number_index) + 1, 0) AS BIGINT) AS n FROM listed_serial WHERE pool_id = $1";
    let row = tx
        .query_one("counting listed serial numbers", sql, vec![pool.uuid().into()])
        .await?;
    row.map_or(Ok(0), |row| count(&row, "listed_serial", "n"))
}

/// Serials of a pool at the positions `from..to`, in order.
pub async fn page(db: &Db, pool: PoolId, from: u64, to: u64) -> Result<Vec<String>, StorageError> {
    let sql =
        "SELECT serial FROM listed_serial WHERE pool_id = $1 AND number_index >= $2 AND number_index < $3 ORDER BY number_index";
    let values = vec![pool.uuid().into(), bigint(from).into(), bigint(to).into()];
    let rows = db.query("reading listed serial numbers", sql, values).await?;
    rows.iter().map(|row| column(row, "listed_serial", "serial")).collect()
}

/// Where serials of a product are listed: position in the call, pool, position in the pool.
pub async fn find(tx: &Tx, numbered: Numbered, serials: &[&str]) -> Result<Vec<(usize, PoolId, u64)>, StorageError> {
    let mut found = Vec::new();
    for (chunk, part) in serials.chunks(CHUNK).enumerate() {
        let (table, binds) = Rows::default()
            .ints("n", (0..part.len()).map(|at| bigint((chunk * CHUNK + at) as u64)))
            .texts("serial", part.iter().map(|serial| Some(*serial)))
            .table(tx.backend(), 2);
        let sql = format!(
            "SELECT r.n, l.pool_id, l.number_index FROM {table} JOIN listed_serial l ON l.gtin = $1 AND l.serial = r.serial"
        );
        let values = std::iter::once(numbered.to_string().into()).chain(binds).collect();
        for row in tx.query("finding listed serial numbers", &sql, values).await? {
            let at = count(&row, "listed_serial", "n")?;
            let pool = PoolId::new(column(&row, "listed_serial", "pool_id")?);
            found.push((at as usize, pool, count(&row, "listed_serial", "number_index")?));
        }
    }
    Ok(found)
}

/// Where a list of serial numbers came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// The brand owner sent it.
    Imported,
    /// The brand owner says that it exists, and that the hub must not issue it.
    Elsewhere,
    /// A packager registered numbers that it makes itself.
    Registered,
    /// The manufacturer's system gave it.
    Brokered,
}

impl ImportKind {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Elsewhere => "elsewhere",
            Self::Registered => "registered",
            Self::Brokered => "brokered",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Imported, Self::Elsewhere, Self::Registered, Self::Brokered]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// One list that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRecord {
    /// Its id.
    pub id: ImportId,
    /// What its numbers are for.
    pub numbered: Numbered,
    /// Where they are now.
    pub pool: PoolId,
    /// Who sent it.
    pub party: PartyId,
    /// Where it came from.
    pub kind: ImportKind,
    /// The sender's idempotency key.
    pub request_key: String,
    /// SHA-256 over product and numbers.
    pub sha256: Vec<u8>,
    /// Position of its first number in the pool.
    pub first_index: u64,
    /// How many numbers.
    pub quantity: u64,
    /// When.
    pub at: Micros,
}

const COLUMNS: &str = "id, gtin, pool_id, party_id, kind, request_key, sha256, first_index, quantity, at";

/// Notes a list. [`StorageError::Conflict`] if the party used the key in the meantime.
pub async fn record(tx: &Tx, import: &ImportRecord) -> Result<(), StorageError> {
    let sql = format!("INSERT INTO serial_import ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let values = vec![
        import.id.uuid().into(),
        import.numbered.to_string().into(),
        import.pool.uuid().into(),
        import.party.as_str().into(),
        import.kind.as_str().into(),
        import.request_key.as_str().into(),
        import.sha256.clone().into(),
        bigint(import.first_index).into(),
        bigint(import.quantity).into(),
        import.at.0.into(),
    ];
    tx.execute("recording a list of serial numbers", &sql, values).await?;
    Ok(())
}

/// A list of a party by its key.
pub async fn by_key(db: &Db, party: &PartyId, key: &str) -> Result<Option<ImportRecord>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM serial_import WHERE party_id = $1 AND request_key = $2");
    let row = db
        .query_one("reading a list by its key", &sql, vec![party.as_str().into(), key.into()])
        .await?;
    row.map(|row| import(&row)).transpose()
}

/// The same inside a transaction.
pub async fn by_key_in(tx: &Tx, party: &PartyId, key: &str) -> Result<Option<ImportRecord>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM serial_import WHERE party_id = $1 AND request_key = $2");
    let row = tx
        .query_one("reading a list by its key", &sql, vec![party.as_str().into(), key.into()])
        .await?;
    row.map(|row| import(&row)).transpose()
}

/// Lists that the party sent or that are in a pool of its own, newest first, at most `limit`, older than `before`.
pub async fn list(db: &Db, party: &PartyId, before: Option<ImportId>, limit: usize) -> Result<Vec<ImportRecord>, StorageError> {
    let mut values = vec![party.as_str().into(), bigint(limit as u64).into()];
    let mut older = "";
    if let Some(before) = before {
        values.push(before.uuid().into());
        older = " AND id < $3";
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM serial_import
         WHERE (party_id = $1 OR pool_id IN (SELECT p.id FROM pool p WHERE p.owner_id = $1)){older} ORDER BY id DESC LIMIT $2"
    );
    let rows = db.query("listing lists of serial numbers", &sql, values).await?;
    rows.iter().map(import).collect()
}

fn import(row: &QueryResult) -> Result<ImportRecord, StorageError> {
    const TABLE: &str = "serial_import";
    let id = ImportId::new(column(row, TABLE, "id")?);
    let kind: String = column(row, TABLE, "kind")?;
    Ok(ImportRecord {
        id,
        numbered: parsed(row, TABLE, "gtin")?,
        pool: PoolId::new(column(row, TABLE, "pool_id")?),
        party: parsed(row, TABLE, "party_id")?,
        kind: ImportKind::parse(&kind)
            .ok_or_else(|| StorageError::Inconsistent(format!("serial_import.kind of {id} = `{kind}`")))?,
        request_key: column(row, TABLE, "request_key")?,
        sha256: column(row, TABLE, "sha256")?,
        first_index: count(row, TABLE, "first_index")?,
        quantity: count(row, TABLE, "quantity")?,
        at: Micros(column(row, TABLE, "at")?),
    })
}

fn count(row: &QueryResult, table: &str, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, table, name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("{table}.{name} = {value}")))
}

//! What an owner is shown of its pools: how far each is, and how fast numbers go.
//!
//! Reads only. It adds up the allocations of the pools that it is asked for, so it is for people and not for the way of a request.

use sea_orm::{QueryResult, Value};

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::serial::capacity::Pace;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::PoolRecord;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::bigint;
use super::pool::{COLUMNS, Counter, counter};

/// How far a pool is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolLevel {
    /// The pool and its counter.
    pub counter: Counter,
    /// Numbers in allocations.
    pub issued: u64,
    /// Counter values that nobody has and nobody gets.
    pub burnt: u64,
    /// Serials that stand in its list.
    pub listed: u64,
    /// Serials of the product that were issued elsewhere, as its owner listed them, and that are no longer than this pool's.
    pub elsewhere: u64,
    /// When it was made.
    pub created_at: Micros,
}

/// Which pools an owner asks for.
#[derive(Debug, Clone, Copy)]
pub struct PoolsWanted<'a> {
    /// Whose.
    pub owner: &'a PartyId,
    /// Of this product alone.
    pub numbered: Option<Numbered>,
    /// Older than this one.
    pub before: Option<PoolId>,
    /// At most so many.
    pub limit: usize,
}

/// Pools of an owner, newest first: their ids, and what they are of.
pub async fn list(db: &Db, wanted: PoolsWanted<'_>) -> Result<Vec<(PoolId, Numbered)>, StorageError> {
    let mut values: Vec<Value> = vec![wanted.owner.as_str().into(), bigint(wanted.limit as u64).into()];
    let mut only = String::new();
    if let Some(numbered) = wanted.numbered {
        values.push(numbered.to_string().into());
        only.push_str(&format!(" AND gtin = ${}", values.len()));
    }
    if let Some(before) = wanted.before {
        values.push(before.uuid().into());
        only.push_str(&format!(" AND id < ${}", values.len()));
    }
    let sql = format!("SELECT id, gtin FROM pool WHERE owner_id = $1{only} ORDER BY id DESC LIMIT $2");
    let rows = db.query("listing pools", &sql, values).await?;
    let one = |row: &QueryResult| Ok((PoolId::new(column(row, "pool", "id")?), parsed(row, "pool", "gtin")?));
    rows.iter().map(one).collect()
}

/// All pools of these products, with how far they are.
pub async fn levels(db: &Db, products: &[Numbered]) -> Result<Vec<PoolLevel>, StorageError> {
    let (table, binds) = products_table(db, products);
    let sql = format!(
        "SELECT {COLUMNS}, created_at,
                CAST(COALESCE((SELECT SUM(a.quantity) FROM allocation a WHERE a.pool_id = pool.id), 0) AS BIGINT) AS issued,
                COALESCE((SELECT MAX(l.number_index) + 1 FROM listed_serial l WHERE l.pool_id = pool.id), 0) AS listed,
                (SELECT COUNT(*) FROM listed_serial l JOIN serial_import i ON i.id = l.pool_id
                 WHERE l.gtin = pool.gtin AND LENGTH(l.serial) <= pool.length) AS elsewhere,
                CAST(COALESCE((SELECT SUM(b.quantity) FROM burnt b WHERE b.pool_id = pool.id), 0) AS BIGINT) AS burnt
         FROM pool WHERE gtin IN (SELECT r.product FROM {table}) ORDER BY id DESC"
    );
    let rows = db.query("reading how far pools are", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            Ok(PoolLevel {
                counter: counter(row)?,
                issued: count(row, "issued")?,
                burnt: count(row, "burnt")?,
                listed: count(row, "listed")?,
                elsewhere: count(row, "elsewhere")?,
                created_at: Micros(column(row, "pool", "created_at")?),
            })
        })
        .collect()
}

/// How fast numbers of these products were issued since a day, to whomever; nothing of those that were not.
pub async fn paces(db: &Db, products: &[Numbered], since: i64, today: i64) -> Result<Vec<(Numbered, Pace)>, StorageError> {
    let (table, mut binds) = products_table(db, products);
    binds.push(since.into());
    let sql = format!(
        "SELECT d.gtin, CAST(SUM(d.issued) AS BIGINT) AS issued, MIN(d.day) AS first_day
         FROM serial_day d WHERE d.gtin IN (SELECT r.product FROM {table}) AND d.day >= $2 AND d.issued > 0 GROUP BY d.gtin"
    );
    let rows = db.query("reading how fast numbers go", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            let first_day: i64 = column(row, "serial_day", "first_day")?;
            let pace = Pace {
                issued: count(row, "issued")?,
                days: u64::try_from(today - first_day + 1).unwrap_or(1).max(1),
            };
            Ok((parsed(row, "serial_day", "gtin")?, pace))
        })
        .collect()
}

fn products_table(db: &Db, products: &[Numbered]) -> (String, Vec<Value>) {
    let texts = products.iter().map(|product| Some(product.to_string()));
    Rows::default().texts("product", texts).table(db.backend(), 1)
}

fn count(row: &QueryResult, name: &str) -> Result<u64, StorageError> {
    let count: i64 = column(row, "pool", name)?;
    u64::try_from(count).map_err(|_| StorageError::Inconsistent(format!("{name} of a pool = {count}")))
}

/// The pools among these that are of one product.
pub fn of_product<'l>(levels: &'l [PoolLevel], record: &PoolRecord) -> impl Iterator<Item = &'l PoolLevel> {
    let numbered = record.numbered;
    levels.iter().filter(move |level| level.counter.record.numbered == numbered)
}

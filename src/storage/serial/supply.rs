//! What the watch over the supply of serial numbers reads: stocks, use by day, allocations that nobody acknowledged or that end soon.
//!
//! Reads alone, outside any transaction: what follows from them is decided again where it is written.

use std::collections::BTreeMap;

use sea_orm::QueryResult;

use crate::domain::ids::{AllocationId, PartyId, PoolId};
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::account::AccountKey;
use super::bigint;

/// What of an account was issued, ever, and is unused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// Numbers issued, ever: only grows.
    pub issued: u64,
    /// Numbers that may still be used.
    pub unused: u64,
}

/// The stocks of keys; one that never had a number is missing.
pub async fn stocks(db: &Db, keys: &[AccountKey]) -> Result<BTreeMap<AccountKey, Stock>, StorageError> {
    let (table, binds) = rows(keys).table(db.backend(), 1);
    let sql = format!(
        "SELECT s.party_id, s.gtin, s.agreement_id, s.issued, s.settled FROM {table}
         JOIN serial_account s ON s.party_id = r.party AND s.gtin = r.gtin AND s.agreement_id = r.agreement"
    );
    let found = db.query("reading stocks of serial numbers", &sql, binds).await?;
    found
        .iter()
        .map(|row| {
            let (issued, settled) = (
                count(row, "serial_account", "issued")?,
                count(row, "serial_account", "settled")?,
            );
            let unused = issued.saturating_sub(settled);
            Ok((account(row)?, Stock { issued, unused }))
        })
        .collect()
}

/// What of numbers is counted by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daily {
    /// Given out.
    Issued,
    /// Commissioned, scrapped or sampled.
    Used,
}

/// How many numbers of accounts were issued or used on each day of `from..until` (days since 1970-01-01 UTC), oldest first, zeros filled in.
pub async fn by_day(
    db: &Db,
    keys: &[AccountKey],
    (what, from, until): (Daily, i64, i64),
) -> Result<BTreeMap<AccountKey, Vec<u64>>, StorageError> {
    let (table, binds) = rows(keys).table(db.backend(), 3);
    let counted = match what {
        Daily::Issued => "issued",
        Daily::Used => "used",
    };
    let sql = format!(
        "SELECT d.party_id, d.gtin, d.agreement_id, d.day, d.{counted} AS counted FROM {table}
         JOIN serial_day d ON d.party_id = r.party AND d.gtin = r.gtin AND d.agreement_id = r.agreement AND d.day >= $1 AND d.day < $2"
    );
    let values = [from.into(), until.into()].into_iter().chain(binds).collect();
    let length = usize::try_from(until - from).unwrap_or(0);
    let mut used: BTreeMap<AccountKey, Vec<u64>> = keys.iter().map(|one| (one.clone(), vec![0; length])).collect();
    for row in db.query("reading the use of serial numbers", &sql, values).await? {
        let (day, count): (i64, i64) = (column(&row, "serial_day", "day")?, column(&row, "serial_day", "counted")?);
        let slot = usize::try_from(day - from)
            .ok()
            .and_then(|day| used.get_mut(&account(&row).ok()?)?.get_mut(day));
        if let Some(slot) = slot {
            // Below zero on a day on which more was taken back than used.
            *slot = u64::try_from(count).unwrap_or(0);
        }
    }
    Ok(used)
}

/// How many numbers a listed pool can still give.
pub async fn stock_left(db: &Db, pool: PoolId) -> Result<u64, StorageError> {
    let sql =
        "SELECT CAST(COALESCE((SELECT MAX(l.number_index) + 1 FROM listed_serial l WHERE l.pool_id = p.id), 0) - p.next_index
                   AS BIGINT) AS rest
               FROM pool p WHERE p.id = $1";
    let row = db
        .query_one("reading the stock of a pool", sql, vec![pool.uuid().into()])
        .await?;
    row.map_or(Ok(0), |row| count(&row, "pool", "rest"))
}

/// The counter of a computed pool, read outside any transaction: for planning, not to decide by.
pub async fn counter(db: &Db, pool: PoolId) -> Result<u64, StorageError> {
    let sql = "SELECT next_index FROM pool WHERE id = $1";
    let row = db
        .query_one("reading the counter of a pool", sql, vec![pool.uuid().into()])
        .await?;
    row.map_or(Ok(0), |row| count(&row, "pool", "next_index"))
}

/// An allocation that somebody should act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: AllocationId,
    /// Whose.
    pub account: AccountKey,
    /// The brand owner.
    pub principal: PartyId,
    /// Since when, or until when.
    pub at: Micros,
}

/// Allocations made before `before` that are neither acknowledged nor closed and of which no number was commissioned: who uses its
/// numbers has them. Oldest first, at most `limit`.
pub async fn unacknowledged(db: &Db, before: Micros, limit: usize) -> Result<Vec<Waiting>, StorageError> {
    let sql = "SELECT a.id, a.party_id, a.gtin, COALESCE(a.agreement_id, '') AS agreement_id, a.principal_id, a.created_at AS at
               FROM allocation a
               WHERE a.acknowledged_at IS NULL AND a.closed_at IS NULL AND a.created_at < $1
                 AND NOT EXISTS (SELECT 1 FROM allocation_use u WHERE u.allocation_id = a.id AND u.commissioned_count > 0)
               ORDER BY a.created_at LIMIT $2";
    let found = db
        .query(
            "reading unacknowledged allocations",
            sql,
            vec![before.0.into(), bigint(limit as u64).into()],
        )
        .await?;
    found.iter().map(waiting).collect()
}

/// Open allocations that expire from `from` on and before `until`, the first to expire first, at most `limit`.
pub async fn expiring(db: &Db, from: Micros, until: Micros, limit: usize) -> Result<Vec<Waiting>, StorageError> {
    let sql = "SELECT a.id, a.party_id, a.gtin, COALESCE(a.agreement_id, '') AS agreement_id, a.principal_id, a.expires_at AS at
               FROM allocation a
               WHERE a.expires_at IS NOT NULL AND a.closed_at IS NULL AND a.expires_at >= $1 AND a.expires_at < $2
               ORDER BY a.expires_at LIMIT $3";
    let values = vec![from.0.into(), until.0.into(), bigint(limit as u64).into()];
    let found = db.query("reading allocations that expire", sql, values).await?;
    found.iter().map(waiting).collect()
}

fn waiting(row: &QueryResult) -> Result<Waiting, StorageError> {
    Ok(Waiting {
        id: AllocationId::new(column(row, "allocation", "id")?),
        account: account(row)?,
        principal: parsed(row, "allocation", "principal_id")?,
        at: Micros(column(row, "allocation", "at")?),
    })
}

fn rows(keys: &[AccountKey]) -> Rows {
    Rows::default()
        .texts("party", keys.iter().map(|one| Some(one.party.as_str())))
        .texts("gtin", keys.iter().map(|one| Some(one.numbered.to_string())))
        .texts("agreement", keys.iter().map(|one| Some(one.agreement_text())))
}

fn account(row: &QueryResult) -> Result<AccountKey, StorageError> {
    let agreement: String = column(row, "serial_account", "agreement_id")?;
    Ok(AccountKey {
        party: parsed(row, "serial_account", "party_id")?,
        numbered: parsed(row, "serial_account", "gtin")?,
        agreement: (!agreement.is_empty())
            .then(|| parsed(row, "serial_account", "agreement_id"))
            .transpose()?,
    })
}

fn count(row: &QueryResult, table: &str, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, table, name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("{table}.{name} = {value}")))
}

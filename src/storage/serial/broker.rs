//! Orders of serial numbers at manufacturers' own systems. At most one of a pool is open.

use sea_orm::QueryResult;

use crate::domain::ids::{BrokerOrderId, PoolId};
use crate::domain::time::Micros;
use crate::storage::row::column;
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

const TABLE: &str = "broker_order";

/// An order whose outcome is not known yet. Its id is the idempotency key it is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerOrder {
    /// Its id.
    pub id: BrokerOrderId,
    /// For which pool.
    pub pool: PoolId,
    /// How many numbers.
    pub quantity: u64,
    /// When it was made.
    pub created_at: Micros,
}

/// Stores an order unless one of the pool is open, and answers the one that stands.
pub async fn open_or_insert(tx: &Tx, order: BrokerOrder) -> Result<BrokerOrder, StorageError> {
    let insert = "INSERT INTO broker_order (id, pool_id, quantity, state, created_at) VALUES ($1, $2, $3, 'open', $4)
                  ON CONFLICT (pool_id) WHERE ended_at IS NULL DO NOTHING";
    let values = vec![
        order.id.uuid().into(),
        order.pool.uuid().into(),
        bigint(order.quantity).into(),
        order.created_at.0.into(),
    ];
    tx.execute("storing an order", insert, values).await?;
    open(tx, order.pool)
        .await?
        .ok_or_else(|| StorageError::Inconsistent(format!("broker_order: none of {} is open after storing one", order.pool)))
}

/// The open order of a pool.
pub async fn open(tx: &Tx, pool: PoolId) -> Result<Option<BrokerOrder>, StorageError> {
    let sql = "SELECT id, pool_id, quantity, created_at FROM broker_order WHERE pool_id = $1 AND ended_at IS NULL";
    let row = tx.query_one("reading an order", sql, vec![pool.uuid().into()]).await?;
    row.map(|row| order(&row)).transpose()
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEnd {
    /// Its numbers are in the pool.
    Filled {
        /// What the other system calls it.
        upstream: String,
    },
    /// Nothing of it is.
    Refused {
        /// For the operator; no serial number stands in it.
        reason: String,
    },
}

/// Ends an open order; false if another process did.
pub async fn end(tx: &Tx, id: BrokerOrderId, end: &OrderEnd, now: Micros) -> Result<bool, StorageError> {
    let (state, upstream, reason) = match end {
        OrderEnd::Filled { upstream } => ("filled", Some(upstream.as_str()), None),
        OrderEnd::Refused { reason } => ("refused", None, Some(reason.as_str())),
    };
    let sql =
        "UPDATE broker_order SET state = $1, upstream_id = $2, reason = $3, ended_at = $4 WHERE id = $5 AND ended_at IS NULL";
    let values = vec![state.into(), upstream.into(), reason.into(), now.0.into(), id.uuid().into()];
    Ok(tx.execute("ending an order", sql, values).await?.rows_affected() == 1)
}

/// When the last order of a pool was refused, if the last one was.
pub async fn last_refusal(db: &Db, pool: PoolId) -> Result<Option<Micros>, StorageError> {
    let sql = "SELECT state, ended_at FROM broker_order WHERE pool_id = $1 ORDER BY id DESC LIMIT 1";
    let Some(row) = db.query_one("reading the last order", sql, vec![pool.uuid().into()]).await? else {
        return Ok(None);
    };
    let (state, ended_at): (String, Option<i64>) = (column(&row, TABLE, "state")?, column(&row, TABLE, "ended_at")?);
    Ok(ended_at.filter(|_| state == "refused").map(Micros))
}

/// Filled orders of a pool that the other system does not know to have arrived: its name for each.
pub async fn unconfirmed(db: &Db, pool: PoolId) -> Result<Vec<(BrokerOrderId, String)>, StorageError> {
    let sql = "SELECT id, upstream_id FROM broker_order
               WHERE pool_id = $1 AND state = 'filled' AND confirmed_at IS NULL AND upstream_id IS NOT NULL ORDER BY id LIMIT 100";
    let rows = db.query("reading unconfirmed orders", sql, vec![pool.uuid().into()]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                BrokerOrderId::new(column(row, TABLE, "id")?),
                column(row, TABLE, "upstream_id")?,
            ))
        })
        .collect()
}

/// Notes that the other system knows.
pub async fn confirmed(tx: &Tx, id: BrokerOrderId, now: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE broker_order SET confirmed_at = $1 WHERE id = $2 AND confirmed_at IS NULL";
    tx.execute("noting a confirmation", sql, vec![now.0.into(), id.uuid().into()])
        .await?;
    Ok(())
}

fn order(row: &QueryResult) -> Result<BrokerOrder, StorageError> {
    let quantity: i64 = column(row, TABLE, "quantity")?;
    Ok(BrokerOrder {
        id: BrokerOrderId::new(column(row, TABLE, "id")?),
        pool: PoolId::new(column(row, TABLE, "pool_id")?),
        quantity: u64::try_from(quantity)
            .map_err(|_| StorageError::Inconsistent(format!("broker_order.quantity = {quantity}")))?,
        created_at: Micros(column(row, TABLE, "created_at")?),
    })
}

//! The clock of record times: they follow the order of commits, whatever the order in which transactions began.
//!
//! A transaction that stores events takes the clock's row as its last act and holds it until its end: what is stamped later
//! is committed later. Without that, who asks for all that is newer than the last event it saw would lose what a slow
//! transaction commits behind its back.

use crate::domain::ids::DocumentId;
use crate::domain::time::Micros;

use super::row::column;
use super::{StorageError, Tx};

/// The record time of what this transaction stores: `begun`, or just behind the last one given out. The last statement but
/// those that need it.
pub async fn stamp(tx: &Tx, begun: Micros) -> Result<Micros, StorageError> {
    let sql = "UPDATE record_clock SET at = CASE WHEN at >= $1 THEN at + 1 ELSE $1 END WHERE one = 1 RETURNING at";
    let row = tx.query_one("stamping a record time", sql, vec![begun.0.into()]).await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("record_clock: no row".to_owned()))?;
    Ok(Micros(column(&row, "record_clock", "at")?))
}

/// Gives the events of a document that were stored under `begun` their later time.
pub async fn restamp(tx: &Tx, document: DocumentId, begun: Micros, at: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE event SET record_time = $3 WHERE document_id = $1 AND record_time = $2";
    let values = vec![document.uuid().into(), begun.0.into(), at.0.into()];
    tx.execute("stamping events", sql, values).await?;
    let lag = at.0.saturating_sub(begun.0);
    let sql = "UPDATE record_clock SET lag = $1 WHERE one = 1 AND lag < $1";
    tx.execute("noting a lag", sql, vec![lag.into()]).await?;
    Ok(())
}

/// Lets no record time before `until` be given out any more: who reads up to it then has read all.
pub async fn close(tx: &Tx, until: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE record_clock SET at = $1 WHERE one = 1 AND at < $1";
    tx.execute("closing a span of record times", sql, vec![until.0.saturating_sub(1).into()])
        .await?;
    Ok(())
}

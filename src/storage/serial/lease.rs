//! Leases of allocations: until when numbers that were not used count as the holder's.

use crate::domain::ids::AllocationId;
use crate::domain::time::Micros;
use crate::storage::row::column;
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

/// Allocations whose lease has run out, the oldest first, at most `limit`.
pub async fn expired(db: &Db, now: Micros, limit: u64) -> Result<Vec<AllocationId>, StorageError> {
    let sql = "SELECT id FROM allocation WHERE expires_at IS NOT NULL AND expires_at <= $1 AND closed_at IS NULL
               ORDER BY expires_at LIMIT $2";
    let rows = db
        .query("finding leases that ran out", sql, vec![now.0.into(), bigint(limit).into()])
        .await?;
    rows.iter()
        .map(|row| Ok(AllocationId::new(column(row, "allocation", "id")?)))
        .collect()
}

/// Moves the end of a lease that has not run out.
pub async fn extend(tx: &Tx, id: AllocationId, until: Micros, now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE allocation SET expires_at = $1 WHERE id = $2 AND closed_at IS NULL AND expires_at IS NOT NULL AND expires_at > $3";
    let done = tx
        .execute("extending a lease", sql, vec![until.0.into(), id.uuid().into(), now.0.into()])
        .await?;
    Ok(done.rows_affected() == 1)
}

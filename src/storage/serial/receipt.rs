//! Receipts as they were first handed out.

use crate::domain::ids::AllocationId;
use crate::domain::serial::merkle::Hash;
use crate::domain::time::Micros;
use crate::storage::row::column;
use crate::storage::{Db, StorageError, Tx};

/// The receipt of an allocation, if one was made.
pub async fn of_allocation(db: &Db, id: AllocationId) -> Result<Option<String>, StorageError> {
    let row = db.query_one("reading a receipt", SELECT, vec![id.uuid().into()]).await?;
    row.map(|row| column(&row, "allocation_receipt", "jws")).transpose()
}

const SELECT: &str = "SELECT jws FROM allocation_receipt WHERE allocation_id = $1";

/// Stores a receipt unless there is one, and answers the one that stands.
pub async fn put(tx: &Tx, id: AllocationId, root: &Hash, jws: &str, now: Micros) -> Result<String, StorageError> {
    let sql = "INSERT INTO allocation_receipt (allocation_id, root, jws, made_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (allocation_id) DO NOTHING";
    let values = vec![id.uuid().into(), root.to_vec().into(), jws.into(), now.0.into()];
    tx.execute("storing a receipt", sql, values).await?;
    // On PostgreSQL a statement of its own: it sees what the insert waited for.
    let row = tx.query_one("reading a receipt", SELECT, vec![id.uuid().into()]).await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("allocation_receipt: no row of {id} after inserting it")))?;
    column(&row, "allocation_receipt", "jws")
}

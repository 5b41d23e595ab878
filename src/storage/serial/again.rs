//! Requests that come without a key of their own: which key the hub gave the last one that was alike, and whether its block is untouched.

use crate::domain::ids::{AllocationId, PartyId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

/// The greatest of a party's request keys from `low` to `high`, granted or waiting for approval. Both are of one length and made of
/// digits and small letters alone: such keys sort alike in every collation.
pub async fn latest_key(db: &Db, party: &PartyId, low: &str, high: &str) -> Result<Option<String>, StorageError> {
    let mut latest = None;
    for table in ["allocation", "allocation_request"] {
        let sql = format!(
            "SELECT request_key FROM {table} WHERE party_id = $1 AND request_key >= $2 AND request_key <= $3
             ORDER BY request_key DESC LIMIT 1"
        );
        let values = vec![party.as_str().into(), low.into(), high.into()];
        let row = db.query_one("looking for a request that was alike", &sql, values).await?;
        let found: Option<String> = row.map(|row| column(&row, table, "request_key")).transpose()?;
        latest = latest.max(found);
    }
    Ok(latest)
}

/// Whether anything is known of the numbers of an allocation but that they were issued.
pub async fn is_touched(db: &Db, id: AllocationId) -> Result<bool, StorageError> {
    let sql = "SELECT allocation_id FROM allocation_use WHERE allocation_id = $1 AND commissioned_count > 0
               UNION ALL SELECT allocation_id FROM serial_state WHERE allocation_id = $1 AND count > 0
               UNION ALL SELECT allocation_id FROM serial_transfer WHERE allocation_id = $1
               LIMIT 1";
    let row = db
        .query_one("looking whether numbers are in use", sql, vec![id.uuid().into()])
        .await?;
    Ok(row.is_some())
}

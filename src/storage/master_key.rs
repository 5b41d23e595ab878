//! Which master key a database was first used with: not the key, a one-way check value.

use super::row::column;
use super::{Db, StorageError};

/// Stores the check value if there is none yet; the one that is there.
pub async fn pin(db: &Db, check_value: [u8; 32]) -> Result<Vec<u8>, StorageError> {
    let pinned: Result<Vec<u8>, StorageError> = db
        .write(move |tx| {
            Box::pin(async move {
                let sql = "INSERT INTO master_key (one, check_value) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
                tx.execute("pinning the master key", sql, vec![check_value.to_vec().into()])
                    .await?;
                let sql = "SELECT check_value FROM master_key";
                let row = tx
                    .query_one("reading the check value of the master key", sql, Vec::new())
                    .await?;
                let row = row.ok_or_else(|| StorageError::Inconsistent("master_key: no row".to_owned()))?;
                column(&row, "master_key", "check_value")
            })
        })
        .await;
    pinned
}

/// Whether a key was pinned.
pub async fn is_pinned(db: &Db) -> Result<bool, StorageError> {
    Ok(db
        .query_one("looking for a master key", "SELECT one FROM master_key", Vec::new())
        .await?
        .is_some())
}

//! The audit log.

use crate::domain::audit::AuditEntry;

use super::{StorageError, Tx};

/// Appends an entry, in the transaction of what it tells of.
pub async fn append(tx: &Tx, entry: &AuditEntry) -> Result<(), StorageError> {
    let sql = "INSERT INTO audit (id, at, party_id, system_name, principal_id, action, object, outcome, detail, leaf_hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = vec![
        entry.id.uuid().into(),
        entry.at.0.into(),
        entry.actor.party.as_str().into(),
        entry.actor.system.as_str().into(),
        entry.principal.as_ref().map(|principal| principal.as_str()).into(),
        entry.action.as_str().into(),
        entry.object.as_str().into(),
        entry.outcome.as_str().into(),
        entry.detail.to_string().into(),
        entry.leaf_hash().to_vec().into(),
    ];
    tx.execute("appending to the audit log", sql, values).await?;
    Ok(())
}

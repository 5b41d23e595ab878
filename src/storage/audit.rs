//! The audit log.

use crate::domain::audit::AuditEntry;
use crate::domain::ids::PartyId;

use super::bulk::Rows;
use super::together::Part;
use super::{StorageError, Tx};

/// Appends an entry, in the transaction of what it tells of.
pub async fn append(tx: &Tx, entry: &AuditEntry) -> Result<(), StorageError> {
    let sql = "INSERT INTO audit (id, at, party_id, system_name, principal_id, action, object, outcome, detail, leaf_hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let (detail, leaf_hash) = entry.written();
    let values = vec![
        entry.id.uuid().into(),
        entry.at.0.into(),
        entry.actor.party.as_str().into(),
        entry.actor.system.as_str().into(),
        entry.principal.as_ref().map(|principal| principal.as_str()).into(),
        entry.action.as_str().into(),
        entry.object.as_str().into(),
        entry.outcome.as_str().into(),
        String::from(detail).into(),
        leaf_hash.to_vec().into(),
    ];
    tx.execute("appending to the audit log", sql, values).await?;
    Ok(())
}

/// Appends many at once.
pub async fn append_all(tx: &Tx, entries: &[AuditEntry]) -> Result<(), StorageError> {
    tx.together("appending to the audit log", Vec::new(), appending(tx, entries))
        .await?;
    Ok(())
}

/// The statement of [`append_all`].
pub(super) fn appending(tx: &Tx, entries: &[AuditEntry]) -> Part {
    let (details, hashes): (Vec<_>, Vec<_>) = entries.iter().map(AuditEntry::written).unzip();
    let rows = Rows::default()
        .uuids("id", entries.iter().map(|entry| entry.id.uuid()))
        .ints("at", entries.iter().map(|entry| Some(entry.at.0)))
        .texts("party_id", entries.iter().map(|entry| Some(entry.actor.party.as_str())))
        .texts("system_name", entries.iter().map(|entry| Some(entry.actor.system.as_str())))
        .texts(
            "principal_id",
            entries.iter().map(|entry| entry.principal.as_ref().map(PartyId::as_str)),
        )
        .texts("action", entries.iter().map(|entry| Some(entry.action.as_str())))
        .texts("object", entries.iter().map(|entry| Some(entry.object.as_str())))
        .texts("outcome", entries.iter().map(|entry| Some(entry.outcome.as_str())))
        .texts("detail", details.into_iter().map(Some))
        .bytes("leaf_hash", hashes.iter().map(|hash| hash.to_vec()));
    let (table, values) = rows.short_table(tx.backend(), 1);
    let names = "id, at, party_id, system_name, principal_id, action, object, outcome, detail, leaf_hash";
    let sql = format!("INSERT INTO audit ({names}) SELECT {names} FROM {table}");
    Part { sql, values }
}

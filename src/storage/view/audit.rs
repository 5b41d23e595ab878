//! Entries of the audit log about acts of a party, and about acts on its behalf.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::domain::ids::{AuditId, PartyId};
use crate::domain::time::Micros;
use crate::storage::row::{column, json, parsed};
use crate::storage::{Db, StorageError};

use super::trace::optional;
use super::{Binds, limit};

/// One entry as read: its action and outcome are the stable texts of [`crate::domain::audit`].
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Micros,
    /// Who acted.
    pub party: PartyId,
    /// With which of its systems.
    pub system: String,
    /// On whose behalf, if not its own.
    pub principal: Option<PartyId>,
    /// What.
    pub action: String,
    /// On what: a printed id.
    pub object: String,
    /// How it ended.
    pub outcome: String,
    /// Facts for people.
    pub detail: serde_json::Value,
}

/// Newest first, after an id, at most `rows`.
pub async fn list(db: &Db, party: &PartyId, after: Option<Uuid>, rows: usize) -> Result<Vec<AuditRow>, StorageError> {
    let (sql, values) = list_sql(party, after, rows);
    db.query("reading the audit log", &sql, values)
        .await?
        .iter()
        .map(audit_row)
        .collect()
}

/// Two scans of an index each, then the newest of both: `a OR b` would read the table.
pub(super) fn list_sql(party: &PartyId, after: Option<Uuid>, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let (party, after) = (binds.push(party.as_str()), binds.push(after.unwrap_or_else(Uuid::max)));
    let limit = binds.push(limit(rows));
    let columns = "id, at, party_id, system_name, principal_id, action, object, outcome, detail";
    let sql = format!(
        "SELECT {columns} FROM (
             SELECT * FROM (SELECT {columns} FROM audit WHERE party_id = {party} AND id < {after} ORDER BY id DESC LIMIT {limit}) own
             UNION ALL
             SELECT * FROM (SELECT {columns} FROM audit WHERE principal_id = {party} AND party_id <> {party} AND id < {after}
                            ORDER BY id DESC LIMIT {limit}) delegated
         ) both_sides ORDER BY id DESC LIMIT {limit}"
    );
    (sql, binds.0)
}

/// One entry.
pub async fn by_id(db: &Db, party: &PartyId, id: AuditId) -> Result<Option<AuditRow>, StorageError> {
    let sql = "SELECT id, at, party_id, system_name, principal_id, action, object, outcome, detail
               FROM audit WHERE id = $1 AND (party_id = $2 OR principal_id = $2)";
    let row = db
        .query_one("reading an audit entry", sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(audit_row).transpose()
}

fn audit_row(row: &QueryResult) -> Result<AuditRow, StorageError> {
    Ok(AuditRow {
        id: AuditId::new(column(row, "audit", "id")?),
        at: Micros(column(row, "audit", "at")?),
        party: parsed(row, "audit", "party_id")?,
        system: column(row, "audit", "system_name")?,
        principal: optional(row, "audit", "principal_id")?,
        action: column(row, "audit", "action")?,
        object: column(row, "audit", "object")?,
        outcome: column(row, "audit", "outcome")?,
        detail: json(row, "audit", "detail")?,
    })
}

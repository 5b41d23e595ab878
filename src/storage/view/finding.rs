//! What the hub noticed about a party's documents, and about things of its brand in others' documents.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::domain::ids::{DocumentId, FindingId, PartyId};
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::{Binds, limit};

/// One finding as read: code and severity are the stable texts of [`crate::domain::finding`].
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// Its id.
    pub id: FindingId,
    /// Whose document.
    pub party: PartyId,
    /// In which document.
    pub document: DocumentId,
    /// About which thing, as the sender spelt it.
    pub epc: Option<String>,
    /// Stable code.
    pub code: String,
    /// `warning`, `error` or `refusal`.
    pub severity: String,
    /// What is wrong.
    pub detail: String,
    /// Where in the document.
    pub pointer: String,
    /// When it was noticed.
    pub created_at: Micros,
    /// When it went away by itself.
    pub cleared_at: Option<Micros>,
}

/// Newest first, after an id, at most `rows`.
pub async fn list(db: &Db, party: &PartyId, after: Option<Uuid>, rows: usize) -> Result<Vec<FindingRow>, StorageError> {
    let (sql, values) = list_sql(party, after, rows);
    db.query("listing findings", &sql, values).await?.iter().map(finding_row).collect()
}

pub(super) fn list_sql(party: &PartyId, after: Option<Uuid>, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let (party, after) = (binds.push(party.as_str()), binds.push(after.unwrap_or_else(Uuid::max)));
    let limit = binds.push(limit(rows));
    let columns = "id, party_id, document_id, epc, code, severity, detail, pointer, created_at, cleared_at";
    let sql = format!(
        "SELECT {columns} FROM (
             SELECT * FROM (SELECT {columns} FROM finding WHERE party_id = {party} AND id < {after} ORDER BY id DESC LIMIT {limit}) own
             UNION ALL
             SELECT * FROM (SELECT {columns} FROM finding WHERE owner_id = {party} AND party_id <> {party} AND id < {after}
                            ORDER BY id DESC LIMIT {limit}) of_brand
         ) both_sides ORDER BY id DESC LIMIT {limit}"
    );
    (sql, binds.0)
}

/// One finding.
pub async fn by_id(db: &Db, party: &PartyId, id: FindingId) -> Result<Option<FindingRow>, StorageError> {
    let sql = "SELECT id, party_id, document_id, epc, code, severity, detail, pointer, created_at, cleared_at
               FROM finding WHERE id = $1 AND (party_id = $2 OR owner_id = $2)";
    let row = db.query_one("reading a finding", sql, vec![id.uuid().into(), party.as_str().into()]).await?;
    row.as_ref().map(finding_row).transpose()
}

fn finding_row(row: &QueryResult) -> Result<FindingRow, StorageError> {
    Ok(FindingRow {
        id: FindingId::new(column(row, "finding", "id")?),
        party: parsed(row, "finding", "party_id")?,
        document: DocumentId::new(column(row, "finding", "document_id")?),
        epc: column(row, "finding", "epc")?,
        code: column(row, "finding", "code")?,
        severity: column(row, "finding", "severity")?,
        detail: column(row, "finding", "detail")?,
        pointer: column(row, "finding", "pointer")?,
        created_at: Micros(column(row, "finding", "created_at")?),
        cleared_at: column::<Option<i64>>(row, "finding", "cleared_at")?.map(Micros),
    })
}

//! Findings.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::domain::finding::{FindingCode, Severity};
use crate::domain::ids::{DocumentId, EventKey, FindingId, PartyId};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, parsed};
use super::{Db, StorageError, Tx};

/// One stored finding.
#[derive(Debug, Clone)]
pub struct StoredFinding {
    /// Its id.
    pub id: FindingId,
    /// Who sent the document.
    pub party: PartyId,
    /// Brand owner of the thing it is about.
    pub owner: Option<PartyId>,
    /// The document.
    pub document: DocumentId,
    /// The event, if it is about one.
    pub event: Option<EventKey>,
    /// The EPC, if it is about one.
    pub epc: Option<String>,
    /// Which of the catalogue.
    pub code: FindingCode,
    /// What it meant for the party's document when it was noticed.
    pub severity: Severity,
    /// What is wrong here.
    pub detail: String,
    /// Where in the document.
    pub pointer: String,
    /// Since when.
    pub created_at: Micros,
    /// When it went away by itself.
    pub cleared_at: Option<Micros>,
}

const COLUMNS: &str = "f.id, f.party_id, f.owner_id, f.document_id, f.event_id, f.epc, f.code, f.severity, f.detail, f.pointer, f.created_at, f.cleared_at";

fn finding(row: &QueryResult) -> Result<StoredFinding, StorageError> {
    let owner: Option<String> = column(row, "finding", "owner_id")?;
    let code: String = column(row, "finding", "code")?;
    let severity: String = column(row, "finding", "severity")?;
    Ok(StoredFinding {
        id: FindingId::new(column(row, "finding", "id")?),
        party: parsed(row, "finding", "party_id")?,
        owner: owner.map(|_| parsed(row, "finding", "owner_id")).transpose()?,
        document: DocumentId::new(column(row, "finding", "document_id")?),
        event: column::<Option<Uuid>>(row, "finding", "event_id")?.map(EventKey::new),
        epc: column(row, "finding", "epc")?,
        code: FindingCode::from_code(&code)
            .ok_or_else(|| StorageError::Inconsistent(format!("finding.code = `{code}`: not in the catalogue")))?,
        severity: Severity::from_word(&severity)
            .ok_or_else(|| StorageError::Inconsistent(format!("finding.severity = `{severity}`: no severity")))?,
        detail: column(row, "finding", "detail")?,
        pointer: column(row, "finding", "pointer")?,
        created_at: Micros(column(row, "finding", "created_at")?),
        cleared_at: column::<Option<i64>>(row, "finding", "cleared_at")?.map(Micros),
    })
}

/// Stores findings.
pub async fn insert(tx: &Tx, findings: &[StoredFinding]) -> Result<(), StorageError> {
    if findings.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", findings.iter().map(|finding| finding.id.uuid()))
        .texts("party_id", findings.iter().map(|finding| Some(finding.party.as_str())))
        .texts(
            "owner_id",
            findings.iter().map(|finding| finding.owner.as_ref().map(PartyId::as_str)),
        )
        .uuids("document_id", findings.iter().map(|finding| finding.document.uuid()))
        .uuids("event_id", findings.iter().map(|finding| finding.event.map(EventKey::uuid)))
        .texts("epc", findings.iter().map(|finding| finding.epc.as_deref()))
        .texts("code", findings.iter().map(|finding| Some(finding.code.as_str())))
        .texts("severity", findings.iter().map(|finding| Some(finding.severity.as_str())))
        .texts("detail", findings.iter().map(|finding| Some(finding.detail.as_str())))
        .texts("pointer", findings.iter().map(|finding| Some(finding.pointer.as_str())))
        .ints("created_at", findings.iter().map(|finding| finding.created_at.0))
        .table(tx.backend(), 1);
    let columns = "id, party_id, owner_id, document_id, event_id, epc, code, severity, detail, pointer, created_at";
    tx.execute(
        "storing findings",
        &format!("INSERT INTO finding ({columns}) SELECT {columns} FROM {table}"),
        binds,
    )
    .await?;
    Ok(())
}

/// Findings of events that have not gone away.
pub async fn open_of_events(tx: &Tx, events: &[EventKey]) -> Result<Vec<StoredFinding>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("id", events.iter().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!("SELECT {COLUMNS} FROM {table} JOIN finding f ON f.event_id = r.id WHERE f.cleared_at IS NULL");
    tx.query("reading findings", &sql, binds).await?.iter().map(finding).collect()
}

/// Forgets findings that this transaction made and that are no longer so.
pub async fn remove(tx: &Tx, findings: &[&StoredFinding]) -> Result<(), StorageError> {
    if findings.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", findings.iter().map(|finding| finding.id.uuid()))
        .table(tx.backend(), 1);
    let sql = format!("DELETE FROM finding WHERE id IN (SELECT r.id FROM {table})");
    tx.execute("forgetting findings", &sql, binds).await?;
    Ok(())
}

/// Marks findings as gone; with the last of a code goes the note of its document that there were more.
pub async fn clear(tx: &Tx, findings: &[&StoredFinding], at: Micros) -> Result<(), StorageError> {
    if findings.is_empty() {
        return Ok(());
    }
    let (table, mut binds) = Rows::default()
        .uuids("id", findings.iter().map(|finding| finding.id.uuid()))
        .table(tx.backend(), 2);
    binds.insert(0, at.0.into());
    tx.execute(
        "clearing findings",
        &format!("UPDATE finding SET cleared_at = $1 WHERE id IN (SELECT r.id FROM {table})"),
        binds,
    )
    .await?;
    let documents: std::collections::BTreeSet<Uuid> = findings.iter().map(|finding| finding.document.uuid()).collect();
    let (table, more) = Rows::default().uuids("id", documents).table(tx.backend(), 3);
    let mut binds: Vec<Value> = vec![at.0.into(), FindingCode::Truncated.as_str().into()];
    binds.extend(more);
    // The `epc` of such a note is empty and its pointer is the code that it counts.
    let sql = format!(
        "UPDATE finding SET cleared_at = $1 WHERE code = $2 AND cleared_at IS NULL AND document_id IN (SELECT r.id FROM {table})
         AND NOT EXISTS (SELECT 1 FROM finding o WHERE o.document_id = finding.document_id AND o.code = finding.pointer AND o.cleared_at IS NULL)"
    );
    tx.execute("clearing findings", &sql, binds).await?;
    Ok(())
}

/// How many findings of each code a document has that have not gone away.
pub async fn counts(db: &Db, document: DocumentId) -> Result<Vec<(String, i64)>, StorageError> {
    let sql =
        "SELECT code, COUNT(*) AS many FROM finding WHERE document_id = $1 AND cleared_at IS NULL GROUP BY code ORDER BY code";
    let rows = db.query("counting findings", sql, vec![document.uuid().into()]).await?;
    rows.iter()
        .map(|row| Ok((column(row, "finding", "code")?, column(row, "finding", "many")?)))
        .collect()
}

/// One finding of a document with the event that it is about: position in the document and `eventID`.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The finding.
    pub finding: StoredFinding,
    /// Position and id of the event, if it is about one that is stored.
    pub event: Option<(i64, String)>,
}

/// Findings of a document, oldest first, after one; those that went away carry when.
pub async fn of_document(
    db: &Db,
    document: DocumentId,
    after: Option<FindingId>,
    limit: usize,
) -> Result<Vec<Placed>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS}, e.ordinal, e.event_id AS named FROM finding f LEFT JOIN event e ON e.id = f.event_id
         WHERE f.document_id = $1 AND f.id > $2 ORDER BY f.id LIMIT $3"
    );
    let values = vec![
        document.uuid().into(),
        after.map_or(Uuid::nil(), FindingId::uuid).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let placed = |row: &QueryResult| {
        let ordinal: Option<i64> = column(row, "event", "ordinal")?;
        let named: Option<String> = column(row, "event", "named")?;
        Ok(Placed {
            finding: finding(row)?,
            event: ordinal.zip(named),
        })
    };
    let rows = db.query("listing findings of a document", &sql, values).await?;
    rows.iter().map(placed).collect()
}

/// One finding that a party sees.
pub async fn find(db: &Db, party: &PartyId, id: FindingId) -> Result<Option<StoredFinding>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM finding f WHERE f.id = $1 AND (f.party_id = $2 OR f.owner_id = $2)");
    let row = db
        .query_one("reading a finding", &sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(finding).transpose()
}

/// What a party sees of one event and has not gone away, oldest first.
pub async fn of_event(db: &Db, party: &PartyId, event: EventKey, limit: usize) -> Result<Vec<StoredFinding>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM finding f
         WHERE f.event_id = $1 AND (f.party_id = $2 OR f.owner_id = $2) AND f.cleared_at IS NULL ORDER BY f.id LIMIT $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![event.uuid().into(), party.as_str().into(), limit.into()];
    let rows = db.query("reading what was noticed of an event", &sql, values).await?;
    rows.iter().map(finding).collect()
}

/// Findings that a party sees, newest first: of its own documents, and about its own brands.
pub async fn list(db: &Db, party: &PartyId, before: Option<FindingId>, limit: usize) -> Result<Vec<StoredFinding>, StorageError> {
    let before = before.map_or(Uuid::max(), FindingId::uuid);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Two index scans and a merge: one with OR would walk the table.
    let sql = format!(
        "SELECT {COLUMNS} FROM (
            SELECT * FROM (SELECT * FROM finding WHERE party_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3) AS mine
            UNION
            SELECT * FROM (SELECT * FROM finding WHERE owner_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3) AS about_mine
         ) AS f ORDER BY f.id DESC LIMIT $3"
    );
    let values = vec![party.as_str().into(), before.into(), limit.into()];
    db.query("listing findings", &sql, values)
        .await?
        .iter()
        .map(finding)
        .collect()
}

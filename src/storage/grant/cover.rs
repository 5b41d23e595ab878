//! Which events grants cover, and how far the events of before have been gone through.
//!
//! What it deliberately does not do: decide whether a grant covers an event.

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::grant::Grant;
use crate::domain::ids::{EventKey, GrantId, PartyId};
use crate::domain::lens::Relations;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, json};
use crate::storage::{Db, StorageError, Tx, event};

/// Notes which events grants cover.
pub async fn cover(tx: &Tx, covered: &[(GrantId, EventKey)]) -> Result<(), StorageError> {
    if covered.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("grant_id", covered.iter().map(|(grant, _)| grant.uuid()))
        .uuids("event_id", covered.iter().map(|(_, event)| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!(
        "INSERT INTO grant_event (grant_id, event_id) SELECT grant_id, event_id FROM {table} WHERE true
         ON CONFLICT (grant_id, event_id) DO NOTHING"
    );
    tx.execute("noting which events grants cover", &sql, binds).await?;
    Ok(())
}

/// How far the events of before have been gone through for a grant: newest first, down to this key; `None` for a grant not in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// All newer ones are done.
    pub after: Uuid,
    /// When it was done with all.
    pub done_at: Option<Micros>,
}

/// That of one grant.
pub async fn fill(db: &Db, grant: GrantId) -> Result<Option<Fill>, StorageError> {
    let sql = "SELECT after, done_at FROM grant_fill WHERE grant_id = $1";
    let row = db
        .query_one("reading how far a grant has come", sql, vec![grant.uuid().into()])
        .await?;
    row.as_ref()
        .map(|row| {
            Ok(Fill {
                after: column(row, "grant_fill", "after")?,
                done_at: column::<Option<i64>>(row, "grant_fill", "done_at")?.map(Micros),
            })
        })
        .transpose()
}

/// A grant in force of whose grantor older events are still to be gone through, and how far that is; kept from others until the end of
/// the transaction.
pub async fn unfilled(tx: &Tx) -> Result<Option<(Grant, Uuid)>, StorageError> {
    let lock = match tx.backend() {
        DbBackend::Postgres => "FOR UPDATE OF f SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "SELECT g.doc, f.after FROM grant_standing s CROSS JOIN grant_fill f CROSS JOIN access_grant g
         WHERE f.grant_id = s.grant_id AND g.id = s.grant_id AND f.done_at IS NULL ORDER BY f.grant_id LIMIT 1 {lock}"
    );
    let row = tx
        .query_one("looking for a grant to go through events for", &sql, Vec::new())
        .await?;
    row.as_ref()
        .map(|row| Ok((json(row, "access_grant", "doc")?, column(row, "grant_fill", "after")?)))
        .transpose()
}

/// The next events that a party has one of these relations to, newest first.
pub async fn related_before(
    tx: &Tx,
    (party, relations): (&PartyId, Relations),
    after: Uuid,
    rows: usize,
) -> Result<Vec<(EventKey, Event)>, StorageError> {
    let sql = "SELECT event_id FROM event_party WHERE party_id = $1 AND event_id < $2 AND (relations & $3) <> 0
               ORDER BY event_id DESC LIMIT $4";
    let values: Vec<Value> = vec![
        party.as_str().into(),
        after.into(),
        relations.0.into(),
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
    ];
    let found = tx.query("reading events of a grantor", sql, values).await?;
    let keys: Vec<EventKey> = found
        .iter()
        .map(|row| Ok(EventKey::new(column(row, "event_party", "event_id")?)))
        .collect::<Result<_, StorageError>>()?;
    event::bodies(tx, &keys).await
}

/// Notes how far it has come.
pub async fn filled(tx: &Tx, grant: GrantId, after: Uuid, done_at: Option<Micros>) -> Result<(), StorageError> {
    let sql = "UPDATE grant_fill SET after = $2, done_at = $3 WHERE grant_id = $1";
    let values = vec![grant.uuid().into(), after.into(), done_at.map(|at| at.0).into()];
    tx.execute("noting how far a grant has come", sql, values).await?;
    Ok(())
}

//! By which ids events go, and which events correct which.
//!
//! The same content from the same party is one event, whatever ids it was sent under: the first is the event's own, each other one an
//! alias. Whoever sees the event finds it by any of them.
//!
//! # Invariants
//! - An alias is of an event of the party that sent it, and never the id that the event has itself.
//! - `correction.is_known` is set in the transaction that stores the corrective event, or was set before: both sides hold the
//!   clock of record times while they look for one another ([`super::record`]).

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::domain::ids::{DocumentId, EventKey, PartyId};

use super::bulk::Rows;
use super::row::column;
use super::{Db, StorageError, Tx};

/// Longest id that can be looked for, in bytes.
const ID_BYTES: usize = 1_000;

/// Another id of an event.
#[derive(Debug, Clone)]
pub struct Alias {
    /// The event.
    pub event: EventKey,
    /// The id.
    pub event_id: String,
    /// Where it came in.
    pub document: DocumentId,
    /// Position in the document.
    pub ordinal: usize,
}

/// An id of an event that is not its own.
#[derive(Debug, Clone)]
pub struct Known {
    /// The event.
    pub event: EventKey,
    /// The id.
    pub event_id: String,
    /// Hash of the event.
    pub hash: Vec<u8>,
}

/// Stores aliases.
pub async fn insert(tx: &Tx, asserter: &PartyId, aliases: &[Alias]) -> Result<(), StorageError> {
    if aliases.is_empty() {
        return Ok(());
    }
    let (table, mut binds) = Rows::default()
        .texts("event_id", aliases.iter().map(|alias| Some(alias.event_id.as_str())))
        .uuids("event", aliases.iter().map(|alias| alias.event.uuid()))
        .uuids("document_id", aliases.iter().map(|alias| alias.document.uuid()))
        .ints(
            "ordinal",
            aliases.iter().map(|alias| i64::try_from(alias.ordinal).unwrap_or(i64::MAX)),
        )
        .table(tx.backend(), 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!(
        "INSERT INTO event_alias (event_id, event, asserter_id, document_id, ordinal)
         SELECT event_id, event, $1, document_id, ordinal FROM {table} WHERE true ON CONFLICT (event_id, event) DO NOTHING"
    );
    tx.execute("storing other ids of events", &sql, binds).await?;
    Ok(())
}

/// Events of a party that have one of these ids as an alias.
pub async fn known(tx: &Tx, asserter: &PartyId, ids: &[String]) -> Result<Vec<Known>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (table, mut binds) = Rows::default().texts("sent", ids.iter().map(Some)).table(tx.backend(), 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!(
        "SELECT a.event, a.event_id, e.hash FROM {table} CROSS JOIN event_alias a CROSS JOIN event e
         WHERE a.event_id = r.sent AND a.asserter_id = $1 AND e.id = a.event"
    );
    let read = |row: &QueryResult| {
        Ok(Known {
            event: EventKey::new(column(row, "event_alias", "event")?),
            event_id: column(row, "event_alias", "event_id")?,
            hash: column(row, "event", "hash")?,
        })
    };
    let rows = tx.query("looking up other ids of events", &sql, binds).await?;
    rows.iter().map(read).collect()
}

/// Events, of whichever party, that have one of these ids as an alias: the alias, the event, its own id.
pub async fn by_alias(db: &Db, ids: &[String]) -> Result<Vec<(String, EventKey, String)>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default().texts("sent", ids.iter().map(Some)).table(db.backend(), 1);
    let sql = format!(
        "SELECT a.event_id AS alias, a.event, e.event_id FROM {table} CROSS JOIN event_alias a CROSS JOIN event e
         WHERE a.event_id = r.sent AND e.id = a.event"
    );
    let read = |row: &QueryResult| {
        Ok((
            column(row, "event_alias", "alias")?,
            EventKey::new(column(row, "event_alias", "event")?),
            column(row, "event", "event_id")?,
        ))
    };
    let rows = db.query("looking up other ids of events", &sql, binds).await?;
    rows.iter().map(read).collect()
}

/// The id of an event of a party with this content.
pub async fn by_hash(db: &Db, asserter: &PartyId, hash: &[u8; 32]) -> Result<Option<String>, StorageError> {
    let sql = "SELECT event_id FROM event WHERE asserter_id = $1 AND hash = $2 ORDER BY declares_error LIMIT 1";
    let values = vec![asserter.as_str().into(), hash.to_vec().into()];
    let row = db.query_one("looking up the id of an event", sql, values).await?;
    row.map(|row| column(&row, "event", "event_id")).transpose()
}

/// Which of these ids an event of the party goes by.
pub async fn taken(tx: &Tx, asserter: &PartyId, ids: &[String]) -> Result<Vec<String>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (table, mut binds) = Rows::default().texts("sent", ids.iter().map(Some)).table(tx.backend(), 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!(
        "SELECT r.sent FROM {table} CROSS JOIN event e WHERE e.event_id = r.sent AND e.asserter_id = $1
         UNION SELECT r.sent FROM {table} CROSS JOIN event_alias a WHERE a.event_id = r.sent AND a.asserter_id = $1"
    );
    let rows = tx.query("looking up ids of events", &sql, binds).await?;
    rows.iter().map(|row| column(row, "event", "sent")).collect()
}

/// Notes which events an error declaration says correct the erroneous one, and which of them are known.
pub async fn correct(tx: &Tx, asserter: &PartyId, corrections: &[(EventKey, &str, bool)]) -> Result<(), StorageError> {
    // A longer one has no room in an index of PostgreSQL; no event goes by it.
    let corrections: Vec<_> = corrections.iter().filter(|(_, id, _)| id.len() <= ID_BYTES).collect();
    if corrections.is_empty() {
        return Ok(());
    }
    let (table, mut binds) = Rows::default()
        .texts("corrective_id", corrections.iter().map(|(_, id, _)| Some(*id)))
        .uuids("event", corrections.iter().map(|(event, _, _)| event.uuid()))
        .ints("is_known", corrections.iter().map(|(_, _, known)| i64::from(*known)))
        .table(tx.backend(), 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!(
        "INSERT INTO correction (asserter_id, corrective_id, event, is_known)
         SELECT $1, corrective_id, event, is_known FROM {table} WHERE true ON CONFLICT (asserter_id, corrective_id, event) DO NOTHING"
    );
    tx.execute("storing what corrects events", &sql, binds).await?;
    Ok(())
}

/// Whether a party has a declaration whose corrective events are not all known.
pub async fn any_open(tx: &Tx, asserter: &PartyId) -> Result<bool, StorageError> {
    let sql = "SELECT event FROM correction WHERE asserter_id = $1 AND is_known = 0 LIMIT 1";
    let row = tx
        .query_one("looking for open corrections", sql, vec![asserter.as_str().into()])
        .await?;
    Ok(row.is_some())
}

/// Events of a party with these ids are there now: the declarations that wait for no other.
pub async fn arrived(tx: &Tx, asserter: &PartyId, ids: &[String]) -> Result<Vec<EventKey>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (table, mut binds) = Rows::default().texts("sent", ids.iter().map(Some)).table(tx.backend(), 2);
    binds.insert(0, asserter.as_str().into());
    let sql = format!(
        "UPDATE correction SET is_known = 1 WHERE asserter_id = $1 AND is_known = 0 AND corrective_id IN (SELECT r.sent FROM {table})
         RETURNING event"
    );
    let rows = tx.query("closing corrections", &sql, binds).await?;
    let closed: std::collections::BTreeSet<Uuid> = rows
        .iter()
        .map(|row| column(row, "correction", "event"))
        .collect::<Result<_, _>>()?;
    let (table, binds) = Rows::default().uuids("id", closed).table(tx.backend(), 1);
    let sql =
        format!("SELECT r.id FROM {table} WHERE NOT EXISTS (SELECT 1 FROM correction c WHERE c.event = r.id AND c.is_known = 0)");
    let rows = tx.query("reading closed corrections", &sql, binds).await?;
    rows.iter()
        .map(|row| column(row, "correction", "id").map(EventKey::new))
        .collect()
}

//! Roots of events as they were first signed.

use crate::domain::ids::EventKey;
use crate::domain::lens::outline::Words;
use crate::domain::serial::merkle::Hash;
use crate::domain::slice::VERSION;
use crate::domain::time::Micros;

use super::row::column;
use super::{Db, StorageError, Tx};

/// What was signed of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoot {
    /// The words that are among the leaves; the month, which the event itself tells, is not stored.
    pub words: Words,
    /// The root.
    pub root: Hash,
    /// The statement that has it, signed.
    pub jws: String,
}

const SELECT: &str = "SELECT root, jws, country, role FROM event_root WHERE event_id = $1 AND version = $2";

/// What was signed of an event in the form of today, if its root was ever asked for.
pub async fn of_event(db: &Db, event: EventKey) -> Result<Option<SignedRoot>, StorageError> {
    let row = db
        .query_one(
            "reading the root of an event",
            SELECT,
            vec![event.uuid().into(), number().into()],
        )
        .await?;
    row.map(|row| read(&row, event)).transpose()
}

/// Stores what was signed unless there is something of that form, and answers what stands.
pub async fn put(tx: &Tx, event: EventKey, signed: &SignedRoot, now: Micros) -> Result<SignedRoot, StorageError> {
    let sql = "INSERT INTO event_root (event_id, root, jws, made_at, version, country, role) VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (event_id) DO UPDATE SET root = excluded.root, jws = excluded.jws, made_at = excluded.made_at,
                   version = excluded.version, country = excluded.country, role = excluded.role
               WHERE event_root.version < excluded.version";
    let values = vec![
        event.uuid().into(),
        signed.root.to_vec().into(),
        signed.jws.as_str().into(),
        now.0.into(),
        number().into(),
        signed.words.country.clone().into(),
        signed.words.role.clone().into(),
    ];
    tx.execute("storing the root of an event", sql, values).await?;
    // On PostgreSQL a statement of its own: it sees what the insert waited for.
    let row = tx
        .query_one(
            "reading the root of an event",
            SELECT,
            vec![event.uuid().into(), number().into()],
        )
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("event_root: no row of {event} after inserting it")))?;
    read(&row, event)
}

fn number() -> i16 {
    i16::try_from(VERSION).unwrap_or(i16::MAX)
}

fn read(row: &sea_orm::QueryResult, event: EventKey) -> Result<SignedRoot, StorageError> {
    let root: Vec<u8> = column(row, "event_root", "root")?;
    Ok(SignedRoot {
        words: Words {
            month: None,
            country: column(row, "event_root", "country")?,
            role: column(row, "event_root", "role")?,
        },
        root: root
            .try_into()
            .map_err(|_| StorageError::Inconsistent(format!("event_root.root of {event}: not 32 bytes")))?,
        jws: column(row, "event_root", "jws")?,
    })
}

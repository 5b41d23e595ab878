//! Events in the order of a time, and how far record times have come.
//!
//! The rows of the party are found by its index and put in order by the database; a record time bounds the keys that can
//! have it, so that asking for what is new does not read what is old.

use uuid::Uuid;

use sea_orm::Value;

use crate::domain::ids::PartyId;
use crate::domain::time::Micros;
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

use super::event::{EventRow, Filter, SELECT, Source, conditions, event_row};
use super::{Binds, limit};

/// A time that events are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeColumn {
    /// When it happened.
    Event,
    /// When the hub took it.
    Record,
}

/// Where a walk goes on.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// By which time.
    pub column: TimeColumn,
    /// Latest first.
    pub descending: bool,
    /// Behind this time and key.
    pub after: Option<(Micros, Uuid)>,
}

/// Rows in the order of a time, events of one time in the order of their records.
pub async fn by_time(db: &Db, party: &PartyId, filter: &Filter, walk: Walk, rows: usize) -> Result<Vec<EventRow>, StorageError> {
    let (sql, values) = by_time_sql(party, filter, walk, rows);
    db.query("listing events by time", &sql, values)
        .await?
        .iter()
        .map(event_row)
        .collect()
}

pub(super) fn by_time_sql(party: &PartyId, filter: &Filter, walk: Walk, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let (from, mut wheres) = conditions(&mut binds, Source::Party(party), filter);
    let column = match walk.column {
        TimeColumn::Event => "e.event_time",
        TimeColumn::Record => "e.record_time",
    };
    let (direction, test) = if walk.descending { ("DESC", "<") } else { ("ASC", ">") };
    if let Some((at, key)) = walk.after {
        let (at, key) = (binds.push(at.0), binds.push(key));
        wheres.push(format!("({column}, ep.event_id) {test} ({at}, {key})"));
    }
    let limit = binds.push(limit(rows));
    let wheres = wheres.join(" AND ");
    let sql = format!("{SELECT} FROM {from} WHERE {wheres} ORDER BY {column} {direction}, ep.event_id {direction} LIMIT {limit}");
    (sql, binds.0)
}

/// How far record times have come.
#[derive(Debug, Clone, Copy)]
pub struct RecordClock {
    /// The last one that was given out.
    pub at: Micros,
    /// The longest, in microseconds, by which one was later than the key of its event says.
    pub lag_micros: i64,
}

/// The clock as committed.
pub async fn record_clock(db: &Db) -> Result<RecordClock, StorageError> {
    let row = db
        .query_one(
            "reading the record clock",
            "SELECT at, lag FROM record_clock WHERE one = 1",
            Vec::new(),
        )
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("record_clock: no row".to_owned()))?;
    Ok(RecordClock {
        at: Micros(column(&row, "record_clock", "at")?),
        lag_micros: column(&row, "record_clock", "lag")?,
    })
}

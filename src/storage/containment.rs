//! What was in what, when: the write side.

use std::collections::HashMap;

use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::containment::Interval;
use crate::domain::gs1::EpcKey;
use crate::domain::ids::EventKey;
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::column;
use super::write::{Cell, NewRows};
use super::{StorageError, Tx};

/// The stays of things that ended, in the order of time; the one they are in stands with the thing.
pub async fn ended(tx: &Tx, children: &[EpcKey]) -> Result<HashMap<EpcKey, Vec<Interval>>, StorageError> {
    let mut stays: HashMap<EpcKey, Vec<Interval>> = HashMap::new();
    if children.is_empty() {
        return Ok(stays);
    }
    let (table, binds) = Rows::default()
        .uuids("child", children.iter().map(|child| child.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT c.child, c.parent, c.from_time, c.until_time, c.opened_by, c.closed_by
         FROM {table} CROSS JOIN stay c WHERE c.child = r.child ORDER BY c.child, c.from_time"
    );
    for row in tx.query("reading containment", &sql, binds).await? {
        stays
            .entry(EpcKey(column(&row, "containment", "child")?))
            .or_default()
            .push(interval(&row)?);
    }
    Ok(stays)
}

fn interval(row: &QueryResult) -> Result<Interval, StorageError> {
    Ok(Interval {
        parent: EpcKey(column(row, "containment", "parent")?),
        from: Micros(column(row, "containment", "from_time")?),
        until: Micros(column(row, "containment", "until_time")?),
        opened_by: EventKey::new(column(row, "containment", "opened_by")?),
        closed_by: column::<Option<Uuid>>(row, "containment", "closed_by")?.map(EventKey::new),
    })
}

/// Replaces the stays of things that ended.
pub async fn replace(tx: &Tx, before: &[EpcKey], stays: &[(EpcKey, &Interval)]) -> Result<(), StorageError> {
    if !before.is_empty() {
        let (table, binds) = Rows::default()
            .uuids("child", before.iter().map(|child| child.0))
            .table(tx.backend(), 1);
        let sql = format!("DELETE FROM stay WHERE child IN (SELECT r.child FROM {table})");
        tx.execute("removing containment", &sql, binds).await?;
    }
    let columns = "child, from_time, parent, until_time, opened_by, closed_by";
    let mut rows = NewRows::new(tx.backend(), "stay", columns);
    for (child, stay) in stays {
        rows.push(&[
            child.0.into(),
            stay.from.0.into(),
            stay.parent.0.into(),
            stay.until.0.into(),
            stay.opened_by.uuid().into(),
            Cell::Uuid(stay.closed_by.map(EventKey::uuid)),
        ]);
    }
    rows.store(tx).await
}

/// What was in containers after a moment of each: the candidates that a late event may concern, with that moment.
///
/// `busy` leaves out what no event names after that moment.
pub async fn inside_after(tx: &Tx, parents: &[(EpcKey, Micros)], busy: bool) -> Result<Vec<(EpcKey, Micros)>, StorageError> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, binds) = inside_after_sql(tx.backend(), parents, busy);
    let rows = tx.query("reading what was inside", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            Ok((
                EpcKey(column(row, "containment", "child")?),
                Micros(column(row, "containment", "since")?),
            ))
        })
        .collect()
}

pub(super) fn inside_after_sql(backend: DbBackend, parents: &[(EpcKey, Micros)], busy: bool) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default()
        .uuids("parent", parents.iter().map(|(parent, _)| parent.0))
        .ints("since", parents.iter().map(|(_, since)| since.0))
        .table(backend, 1);
    let only = if busy {
        "AND (t.last_at > r.since OR t.below_at > r.since)"
    } else {
        ""
    };
    let sql = format!(
        "SELECT t.epc AS child, r.since FROM {table} CROSS JOIN thing t WHERE t.parent = r.parent {only}
         UNION ALL
         SELECT t.epc, r.since FROM {table} CROSS JOIN stay c CROSS JOIN thing t
         WHERE c.parent = r.parent AND c.until_time >= r.since AND t.epc = c.child {only}"
    );
    (sql, binds)
}

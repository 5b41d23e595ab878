//! What was in what, when: the write side.

use std::collections::HashMap;

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::domain::containment::Interval;
use crate::domain::gs1::EpcKey;
use crate::domain::ids::EventKey;
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::column;
use super::{StorageError, Tx};

/// The stays of things, in the order of time.
pub async fn stays(tx: &Tx, children: &[EpcKey]) -> Result<HashMap<EpcKey, Vec<Interval>>, StorageError> {
    let mut stays: HashMap<EpcKey, Vec<Interval>> = HashMap::new();
    if children.is_empty() {
        return Ok(stays);
    }
    let (table, binds) = Rows::default()
        .uuids("child", children.iter().map(|child| child.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT c.child, c.parent, c.from_time, c.until_time, c.opened_by, c.closed_by
         FROM {table} JOIN containment c ON c.child = r.child ORDER BY c.child, c.from_time"
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

/// Replaces the stays of things.
pub async fn replace(tx: &Tx, before: &[EpcKey], stays: &[(EpcKey, &Interval)]) -> Result<(), StorageError> {
    if !before.is_empty() {
        let (table, binds) = Rows::default()
            .uuids("child", before.iter().map(|child| child.0))
            .table(tx.backend(), 1);
        let sql = format!("DELETE FROM containment WHERE child IN (SELECT r.child FROM {table})");
        tx.execute("removing containment", &sql, binds).await?;
    }
    if stays.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("child", stays.iter().map(|(child, _)| child.0))
        .ints("from_time", stays.iter().map(|(_, stay)| stay.from.0))
        .uuids("parent", stays.iter().map(|(_, stay)| stay.parent.0))
        .ints("until_time", stays.iter().map(|(_, stay)| stay.until.0))
        .uuids("opened_by", stays.iter().map(|(_, stay)| stay.opened_by.uuid()))
        .uuids("closed_by", stays.iter().map(|(_, stay)| stay.closed_by.map(EventKey::uuid)))
        .table(tx.backend(), 1);
    let columns = "child, from_time, parent, until_time, opened_by, closed_by";
    tx.execute(
        "storing containment",
        &format!("INSERT INTO containment ({columns}) SELECT {columns} FROM {table}"),
        binds,
    )
    .await?;
    Ok(())
}

/// What was in containers after a moment of each: the candidates that a late event may concern, with that moment.
///
/// `busy` leaves out what no event names after that moment.
pub async fn inside_after(tx: &Tx, parents: &[(EpcKey, Micros)], busy: bool) -> Result<Vec<(EpcKey, Micros)>, StorageError> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("parent", parents.iter().map(|(parent, _)| parent.0))
        .ints("since", parents.iter().map(|(_, since)| since.0))
        .table(tx.backend(), 1);
    let only = if busy {
        "AND (i.last_at > r.since OR i.below_at > r.since)"
    } else {
        ""
    };
    let sql = format!(
        "SELECT c.child, r.since FROM {table} JOIN containment c ON c.parent = r.parent AND c.until_time >= r.since
         JOIN item i ON i.epc = c.child {only}"
    );
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

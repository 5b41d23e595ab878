//! Events that make things of a lot.

use sea_orm::Value;
use uuid::Uuid;

use crate::domain::gs1::Gtin;
use crate::domain::ids::{EventKey, GrantId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

use super::{Binds, limit};

/// Those that one of these grants covers, in the order of their keys, behind one of them, at most `rows`.
pub async fn covered(
    db: &Db,
    grants: &[GrantId],
    (gtins, lot): (&[Gtin], &str),
    after: Option<EventKey>,
    rows: usize,
) -> Result<Vec<EventKey>, StorageError> {
    if grants.is_empty() || gtins.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, values) = covered_sql(grants, (gtins, lot), after, rows);
    let found = db.query("looking for events that make a lot", &sql, values).await?;
    found
        .iter()
        .map(|row| Ok(EventKey::new(column(row, "event_lot", "event_id")?)))
        .collect()
}

pub(super) fn covered_sql(
    grants: &[GrantId],
    (gtins, lot): (&[Gtin], &str),
    after: Option<EventKey>,
    rows: usize,
) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let gtins = binds.list(gtins.iter().map(Gtin::as_str));
    let (lot, after) = (binds.push(lot), binds.push(after.map_or(Uuid::nil(), |after| after.uuid())));
    let grants = binds.list(grants.iter().map(|grant| grant.uuid()));
    let limit = binds.push(limit(rows));
    let sql = format!(
        "SELECT DISTINCT l.event_id FROM event_lot l
         WHERE l.gtin IN ({gtins}) AND l.lot = {lot} AND l.event_id > {after}
           AND EXISTS (SELECT 1 FROM grant_event ge WHERE ge.grant_id IN ({grants}) AND ge.event_id = l.event_id)
         ORDER BY l.event_id LIMIT {limit}"
    );
    (sql, binds.0)
}

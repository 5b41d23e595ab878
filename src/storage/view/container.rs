//! What is inside a thing at a moment.

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::PartyId;
pub use crate::domain::seen::Inside;
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::trace::optional;
use super::{DEPTH, limit};

/// Which part of the contents.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The container.
    pub container: EpcKey,
    /// At this moment.
    pub at: Micros,
    /// Only things of this owner.
    pub owner: Option<PartyId>,
    /// After this depth and key.
    pub after: Option<(i64, Uuid)>,
    /// At most so many.
    pub rows: usize,
}

/// Contents, outermost first, then by key.
pub async fn contents(db: &Db, wanted: &Wanted) -> Result<Vec<Inside>, StorageError> {
    let rows = db
        .query("reading the contents of a container", &sql(db.backend()), values(wanted))
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Inside {
                key: EpcKey(column(row, "containment", "epc")?),
                epc: parsed(row, "item", "uri")?,
                gtin: optional(row, "item", "gtin")?,
                lot: column(row, "item", "lot")?,
                expiry: column(row, "item", "expiry")?,
                parent: EpcKey(column(row, "containment", "parent")?),
                depth: column(row, "containment", "depth")?,
            })
        })
        .collect()
}

/// A thing is in its parent as its own row says, and was where its ended stays say. SQLite takes two ways down in one recursion
/// and no UNION inside of one; PostgreSQL has it the other way round.
pub(super) fn sql(backend: DbBackend) -> String {
    let (now, then) = ("c.since <= $2", "c.from_time <= $2 AND c.until_time > $2");
    let down = match backend {
        DbBackend::Postgres => format!(
            "SELECT c.child, c.parent, inside.depth + 1 FROM inside CROSS JOIN LATERAL (
                 SELECT c.epc AS child, c.parent FROM thing c WHERE c.parent = inside.epc AND {now}
                 UNION ALL
                 SELECT c.child, c.parent FROM stay c WHERE c.parent = inside.epc AND {then}) c
             WHERE inside.depth < $3"
        ),
        _ => format!(
            "SELECT c.epc, c.parent, inside.depth + 1 FROM inside CROSS JOIN thing c
             WHERE c.parent = inside.epc AND {now} AND inside.depth < $3
             UNION ALL
             SELECT c.child, c.parent, inside.depth + 1 FROM inside CROSS JOIN stay c
             WHERE c.parent = inside.epc AND {then} AND inside.depth < $3"
        ),
    };
    format!(
        "WITH RECURSIVE inside (epc, parent, depth) AS (
             SELECT t.epc, t.parent, CAST(0 AS BIGINT) FROM thing t WHERE t.epc = $1
             UNION ALL
             {down}
         )
         SELECT inside.epc, inside.parent, inside.depth, k.prefix || i.serial AS uri, NULLIF(k.gtin, '') AS gtin, NULLIF(k.lot, '') AS lot,
                NULLIF(k.expiry, '') AS expiry
         FROM inside CROSS JOIN thing i CROSS JOIN thing_kind k
         WHERE inside.depth > 0 AND i.epc = inside.epc AND k.no = i.kind AND ($4 = '' OR k.owner_id = $4 OR EXISTS (SELECT 1 FROM unit_stake u
              WHERE u.epc = inside.epc AND u.owner_id = $4 AND u.from_time <= $2 AND u.until_time >= $2))
           AND (inside.depth > $5 OR (inside.depth = $5 AND inside.epc > $6))
         ORDER BY inside.depth, inside.epc
         LIMIT $7"
    )
}

pub(super) fn values(wanted: &Wanted) -> Vec<Value> {
    // Open intervals end at the last moment there is, which is not inside them.
    let at = wanted.at.0.min(i64::MAX - 1);
    let (depth, key) = wanted.after.unwrap_or((0, Uuid::nil()));
    let owner = wanted.owner.as_ref().map_or("", PartyId::as_str);
    vec![
        wanted.container.0.into(),
        at.into(),
        DEPTH.into(),
        owner.into(),
        depth.into(),
        key.into(),
        limit(wanted.rows).into(),
    ]
}

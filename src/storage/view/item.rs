//! Whose things are, and by which events they came to be what they are.

use std::collections::{HashMap, HashSet};

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

use super::trace::{optional, up};
use super::{Binds, DEPTH};

/// Most keys in one statement; far below what either database takes.
const CHUNK: usize = 500;

/// Placeholders for keys, filled up to a power of two with the last one, so that few statements are prepared.
fn filled(binds: &mut Binds, chunk: &[EpcKey]) -> String {
    let fill = chunk.len().next_power_of_two() - chunk.len();
    let padded = chunk.iter().chain(chunk.last().into_iter().cycle().take(fill));
    binds.list(padded.map(|key| key.0))
}

/// Brand owner, or principal they were made for, of those of these things that have one.
pub async fn owners(db: &Db, keys: &[EpcKey]) -> Result<HashMap<EpcKey, PartyId>, StorageError> {
    let mut owners = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        let list = filled(&mut binds, chunk);
        let sql = format!(
            "SELECT t.epc, k.owner_id FROM thing t CROSS JOIN thing_kind k WHERE t.epc IN ({list}) AND k.no = t.kind AND k.owner_id <> ''"
        );
        for row in db.query("reading whose things are", &sql, binds.0).await? {
            if let Some(owner) = optional(&row, "thing_kind", "owner_id")? {
                owners.insert(EpcKey(column::<Uuid>(&row, "thing", "epc")?), owner);
            }
        }
    }
    Ok(owners)
}

/// The events by which things came into being and into containers, as far as they count: that one, and those of all their stays.
pub async fn makings(db: &Db, keys: &[EpcKey]) -> Result<Vec<(EpcKey, EventKey)>, StorageError> {
    let mut makings = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        let list = filled(&mut binds, chunk);
        let sql = format!(
            "SELECT epc, birth AS event_id FROM thing WHERE epc IN ({list}) AND birth IS NOT NULL
             UNION SELECT epc, opened_by FROM thing WHERE epc IN ({list}) AND opened_by IS NOT NULL
             UNION SELECT child, opened_by FROM stay WHERE child IN ({list})"
        );
        for row in db.query("reading how things were made", &sql, binds.0).await? {
            let event: Uuid = column(&row, "event", "event_id")?;
            makings.push((EpcKey(column::<Uuid>(&row, "thing", "epc")?), EventKey::new(event)));
        }
    }
    Ok(makings)
}

/// Those of some things that a party bought, itself or with what they were in.
pub async fn bought(db: &Db, party: &PartyId, keys: &[EpcKey]) -> Result<HashSet<EpcKey>, StorageError> {
    let mut bought = HashSet::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        let (party, depth) = (binds.push(party.as_str()), binds.push(DEPTH));
        let list = filled(&mut binds, chunk);
        let sql = bought_sql(db.backend(), &party, &depth, &list);
        for row in db.query("reading what a party bought", &sql, binds.0).await? {
            bought.insert(EpcKey(column::<Uuid>(&row, "thing", "epc")?));
        }
    }
    Ok(bought)
}

/// Up from each thing as [`super::trace::sql`] goes up from one.
fn bought_sql(backend: DbBackend, party: &str, depth: &str, list: &str) -> String {
    let up = up(backend, "chain.thing, ", depth);
    format!(
        "WITH RECURSIVE chain (thing, epc, from_time, until_time, depth) AS (
             SELECT i.epc, i.epc, CAST(-9223372036854775807 AS BIGINT), 9223372036854775807, CAST(0 AS BIGINT) FROM thing i WHERE i.epc IN ({list})
             UNION ALL
             {up}
         )
         SELECT DISTINCT chain.thing AS epc FROM chain CROSS JOIN shipment_epc se CROSS JOIN shipment s
         WHERE se.epc = chain.epc AND se.shipped_at >= chain.from_time AND se.shipped_at < chain.until_time AND s.id = se.shipment_id
           AND s.buyer_id = {party} AND s.state IN ('in_transit', 'received')"
    )
}

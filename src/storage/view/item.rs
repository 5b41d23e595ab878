//! Whose things are, and by which events they came to be what they are.

use std::collections::{HashMap, HashSet};

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

use super::trace::optional;
use super::{Binds, DEPTH};

/// Most keys in one statement; far below what either database takes.
const CHUNK: usize = 500;

/// Brand owner, or principal they were made for, of those of these things that have one.
pub async fn owners(db: &Db, keys: &[EpcKey]) -> Result<HashMap<EpcKey, PartyId>, StorageError> {
    let mut owners = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        let mut binds = Binds::default();
        // Filled up to a power of two with the last key, so that few statements are prepared.
        let fill = chunk.len().next_power_of_two() - chunk.len();
        let padded = chunk.iter().chain(std::iter::repeat_n(&chunk[chunk.len() - 1], fill));
        let list = binds.list(padded.map(|key| key.0));
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
        let list = binds.list(chunk.iter().map(|key| key.0));
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
        let fill = chunk.len().next_power_of_two() - chunk.len();
        let list = binds.list(
            chunk
                .iter()
                .chain(std::iter::repeat_n(&chunk[chunk.len() - 1], fill))
                .map(|key| key.0),
        );
        let sql = bought_sql(db.backend(), &party, &depth, &list);
        for row in db.query("reading what a party bought", &sql, binds.0).await? {
            bought.insert(EpcKey(column::<Uuid>(&row, "thing", "epc")?));
        }
    }
    Ok(bought)
}

/// Up from each thing as [`super::trace::sql`] goes up from one.
fn bought_sql(backend: DbBackend, party: &str, depth: &str, list: &str) -> String {
    let span = |from: &str, until: &str| {
        format!(
            "CASE WHEN {from} > chain.from_time THEN {from} ELSE chain.from_time END,
             CASE WHEN {until} < chain.until_time THEN {until} ELSE chain.until_time END, chain.depth + 1"
        )
    };
    let within = format!("c.from_time < chain.until_time AND c.until_time > chain.from_time AND chain.depth < {depth}");
    let both = span("c.from_time", "c.until_time");
    let up = match backend {
        DbBackend::Postgres => format!(
            "SELECT chain.thing, c.parent, {both} FROM chain CROSS JOIN LATERAL (
                 SELECT c.parent, c.since AS from_time, 9223372036854775807 AS until_time FROM thing c
                 WHERE c.epc = chain.epc AND c.parent IS NOT NULL
                 UNION ALL
                 SELECT c.parent, c.from_time, c.until_time FROM stay c WHERE c.child = chain.epc) c
             WHERE {within}"
        ),
        _ => format!(
            "SELECT chain.thing, c.parent, {open} FROM chain CROSS JOIN thing c
             WHERE c.epc = chain.epc AND c.parent IS NOT NULL AND c.since < chain.until_time AND chain.depth < {depth}
             UNION ALL
             SELECT chain.thing, c.parent, {both} FROM chain CROSS JOIN stay c WHERE c.child = chain.epc AND {within}",
            open = span("c.since", "9223372036854775807")
        ),
    };
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

//! Whose things are, and by which events they came to be what they are.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError};

use super::Binds;
use super::trace::optional;

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

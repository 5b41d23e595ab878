//! Whose things are.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::PartyId;
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

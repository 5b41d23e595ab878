//! Which serials of a party were commissioned.
//!
//! No row a serial: each is decrypted to its counter value, the allocation that holds the value is found by search, and the offset is set
//! in the bitmap of allocation and lot. Serials that the party does not have are kept by name, for the lot's balance; somebody else's
//! and nobody's are not told apart.
//!
//! The caller (capture) owns the transaction. Allocations are locked until it ends: a caller with several products takes them in
//! ascending order of GTIN, and one call for all serials of a product and lot is much cheaper than one for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::serial::allocation::Standing;
use crate::domain::serial::pool::Pool;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::Tx;
use crate::storage::serial::pool;
use crate::storage::serial::slice;
use crate::storage::serial::usage::{self as store, ForeignScope};

use super::pools;

/// How many serials are decrypted before other tasks of the thread get their turn.
const CHUNK: usize = 2_048;

/// Where a serial of the call lies: its position in the call and its offset in the allocation.
type Offsets = Vec<(usize, u32)>;

/// Marks serials as commissioned in a lot by the party, and answers how each stood before, in the order of the call.
///
/// What stands `Again` or `NotAllocated` changes no bitmap. `lot` is empty if the event names none.
pub async fn commissioned(
    tx: &Tx,
    hub: &Hub,
    party: &PartyId,
    gtin: Gtin,
    lot: &str,
    serials: &[&str],
) -> Result<Vec<Standing>, ServiceError> {
    let mut standings = vec![Standing::NotAllocated; serials.len()];
    for (allocation, offsets) in locate(tx, hub, party, gtin, serials).await? {
        let mut lots = store::of_allocation(tx, allocation).await?;
        let mut mine = lots.remove(lot).unwrap_or_default();
        let before = mine.len();
        for (position, offset) in offsets {
            let elsewhere = lots.values().any(|bitmap| bitmap.contains(offset));
            standings[position] = if !elsewhere && mine.insert(offset) {
                Standing::Allocated
            } else {
                Standing::Again
            };
        }
        if mine.len() > before {
            store::put(tx, allocation, lot, &mine).await?;
        }
    }
    let foreign = of_standing(serials, &standings, Standing::NotAllocated);
    if !foreign.is_empty() {
        let owner = hub.registry().owner_of_gtin(gtin).unwrap_or(party).clone();
        store::add_foreign(tx, ForeignScope { gtin, lot, party }, &owner, &foreign, hub.now()).await?;
    }
    Ok(standings)
}

/// Takes back what [`commissioned`] marked, for an event that was declared in error; answers how many marks went.
///
/// Only for the serials that this event commissioned: one that stood `Again` was commissioned by another event, which still stands.
pub async fn uncommissioned(
    tx: &Tx,
    hub: &Hub,
    party: &PartyId,
    gtin: Gtin,
    lot: &str,
    serials: &[&str],
) -> Result<u64, ServiceError> {
    let (mut removed, mut found) = (0, vec![false; serials.len()]);
    for (allocation, offsets) in locate(tx, hub, party, gtin, serials).await? {
        let mut mine = store::of_allocation(tx, allocation).await?.remove(lot).unwrap_or_default();
        let before = mine.len();
        for (position, offset) in offsets {
            found[position] = true;
            mine.remove(offset);
        }
        if mine.len() < before {
            removed += before - mine.len();
            store::put(tx, allocation, lot, &mine).await?;
        }
    }
    let foreign: Vec<&str> = serials
        .iter()
        .zip(&found)
        .filter(|(_, found)| !**found)
        .map(|(serial, _)| *serial)
        .collect();
    Ok(removed + store::remove_foreign(tx, ForeignScope { gtin, lot, party }, &foreign).await?)
}

fn of_standing<'a>(serials: &[&'a str], standings: &[Standing], wanted: Standing) -> Vec<&'a str> {
    serials
        .iter()
        .zip(standings)
        .filter(|(_, standing)| **standing == wanted)
        .map(|(serial, _)| *serial)
        .collect()
}

/// The serials that lie in allocations of the party, by allocation; those are locked, pool by pool and in the order of the counter, so that
/// two callers lock alike.
async fn locate(
    tx: &Tx,
    hub: &Hub,
    party: &PartyId,
    gtin: Gtin,
    serials: &[&str],
) -> Result<BTreeMap<AllocationId, Offsets>, ServiceError> {
    let mut by_allocation: BTreeMap<AllocationId, Offsets> = BTreeMap::new();
    // Pools of one product have different lengths: a serial can lie in one of them only.
    for record in pool::of_product_in(tx, gtin.into()).await? {
        let pool = pools::prepare_in(hub, tx, record).await?;
        let indices = indices(&pool, serials).await;
        if indices.is_empty() {
            continue;
        }
        let values: Vec<u64> = indices.iter().map(|(index, _)| *index).collect();
        let slices = slice::locked(tx, pool.record().id, party, &values).await?;
        for (index, position) in &indices {
            if let Some((at, offset)) = slice::holder(&slices, *index) {
                by_allocation
                    .entry(slices[at].allocation)
                    .or_default()
                    .push((*position, offset));
            }
        }
    }
    Ok(by_allocation)
}

/// Counter values of the serials that can be this pool's, ascending, with their positions.
async fn indices(pool: &Arc<Pool>, serials: &[&str]) -> Vec<(u64, usize)> {
    let mut indices = Vec::with_capacity(serials.len());
    for (chunk, part) in serials.chunks(CHUNK).enumerate() {
        let found = part
            .iter()
            .enumerate()
            .filter_map(|(i, serial)| Some((pool.index_of(serial)?, chunk * CHUNK + i)));
        indices.extend(found);
        tokio::task::yield_now().await;
    }
    indices.sort_unstable();
    indices
}

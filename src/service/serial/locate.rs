//! Serials to numbers of allocations, held against other writers: what everything that changes books begins with.
//!
//! Which numbers a party has follows from the book (a part may have been handed on), so a caller looks at
//! [`crate::domain::serial::book::Book::held_by`] before it says anything of a number.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ids::{AllocationId, PoolId};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::Tx;
use crate::storage::serial::slice::{self, Reach};
use crate::storage::serial::state::{self, Kept};
use crate::storage::serial::{Reader, listed, pool};

use super::pools;

/// How many serials are decrypted before other tasks of the thread get their turn.
const CHUNK: usize = 2_048;

/// Serials of a call that lie in one allocation.
pub(super) struct Located {
    /// The allocation, with its book.
    pub(super) kept: Kept,
    /// Positions in the call and offsets in the allocation.
    pub(super) numbers: Vec<(usize, u32)>,
}

/// The serials that lie in allocations within reach, by allocation; those are locked, pool by pool and in the order of the counter, so
/// that two callers lock alike.
pub(super) async fn locate(
    tx: &Tx,
    hub: &Hub,
    reach: Reach<'_>,
    numbered: Numbered,
    serials: &[&str],
) -> Result<Vec<Located>, ServiceError> {
    let mut numbers: BTreeMap<AllocationId, Vec<(usize, u32)>> = BTreeMap::new();
    let records = pool::of_product_in(tx, numbered).await?;
    let listed = if records.iter().all(|record| record.source.is_computed()) {
        Vec::new()
    } else {
        listed::find(tx, numbered, serials).await?
    };
    // A serial lies in one pool only: what a newer epoch could meet of an older one stands in the holes of its allocations.
    for record in records {
        let pool = pools::prepare_in(hub, tx, record).await?;
        let indices = if pool.record().source.is_computed() {
            indices(&pool, serials).await
        } else {
            listed_in(&listed, pool.record().id)
        };
        if indices.is_empty() {
            continue;
        }
        let values: Vec<u64> = indices.iter().map(|(index, _)| *index).collect();
        let slices = slice::locked(tx, pool.record().id, reach, &values).await?;
        for (index, position) in &indices {
            if let Some((at, offset)) = slice::holder(&slices, *index) {
                numbers.entry(slices[at].allocation).or_default().push((*position, offset));
            }
        }
    }
    // After the locks: what whoever held them before has written is seen.
    let ids: Vec<AllocationId> = numbers.keys().copied().collect();
    let books = state::books(Reader::Tx(tx), &ids).await?;
    let located = |kept: Kept| Located {
        numbers: numbers.remove(&kept.stored.allocation.id).unwrap_or_default(),
        kept,
    };
    Ok(books.into_iter().map(located).collect())
}

/// Positions in a pool of the serials that it lists, ascending, with their positions in the call.
fn listed_in(listed: &[(usize, PoolId, u64)], pool: PoolId) -> Vec<(u64, usize)> {
    let mine = listed.iter().filter(|(_, known, _)| *known == pool);
    let mut indices: Vec<(u64, usize)> = mine.map(|(position, _, index)| (*index, *position)).collect();
    indices.sort_unstable();
    indices
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

//! Pools ready for use: opened on first need, verified against their known answers, kept for the life of the process.
//!
//! A prepared pool is used as long as its row is what it was made from, so which pools a product has, and which of them is retired, is
//! read each time: another hub process may have opened one, or rotated a key. Which epoch takes the place of which is the business of
//! [`super::epoch`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::party::SerialRule;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::{Pool, PoolRecord};
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::StoredAllocation;
use crate::storage::serial::{listed, pool as store};
use crate::storage::{StorageError, Tx};

use super::epoch;

/// How often a process that lost the race to open a pool looks again.
const TRIES: usize = 4;

/// The pools that this process has used, with their key schedules.
#[derive(Debug, Default)]
pub struct PoolCache {
    pools: RwLock<HashMap<PoolId, Arc<Pool>>>,
    /// By product, for those who look up numbers.
    products: RwLock<HashMap<Numbered, Arc<[Arc<Pool>]>>>,
}

impl PoolCache {
    /// The pool that was made from this row: its rule may have changed since, or it may be retired.
    fn get(&self, record: &PoolRecord) -> Option<Arc<Pool>> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        pools.get(&record.id).filter(|pool| pool.record() == record).cloned()
    }

    /// The pools of a product that were known last, newest first. There may be more by now; what serials the known ones have stays as it is,
    /// whether they were retired since or got another rule.
    pub(super) fn of_product(&self, numbered: &Numbered) -> Arc<[Arc<Pool>]> {
        let products = self.products.read().unwrap_or_else(PoisonError::into_inner);
        products.get(numbered).cloned().unwrap_or_default()
    }

    fn learn(&self, numbered: Numbered, pools: Vec<Arc<Pool>>) {
        let mut products = self.products.write().unwrap_or_else(PoisonError::into_inner);
        products.insert(numbered, pools.into());
    }

    fn put(&self, pool: Pool) -> Arc<Pool> {
        let pool = Arc::new(pool);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        pools.insert(pool.record().id, Arc::clone(&pool));
        pool
    }
}

/// Opens every pool and checks its known answers; for start-up, which must refuse to go on after an error.
///
/// An error names the pool or the owner: a wrong master key, an unknown algorithm, or an implementation that would give other numbers
/// than before. Answers how many pools there are.
pub async fn verify_pools(hub: &Hub) -> Result<usize, ServiceError> {
    let records = store::all(hub.db()).await?;
    let count = records.len();
    let mut products: HashMap<Numbered, Vec<Arc<Pool>>> = HashMap::new();
    for record in records.into_iter().rev() {
        let numbered = record.numbered;
        products.entry(numbered).or_default().push(prepare(hub, record).await?);
    }
    for (numbered, newest_first) in products {
        hub.pools().learn(numbered, newest_first);
    }
    Ok(count)
}

/// Takes note of the pools that a product has now.
pub(super) async fn learn(hub: &Hub, numbered: Numbered) -> Result<(), ServiceError> {
    let records = store::of_product(hub.db(), numbered).await?;
    if let Some(first) = records.first() {
        let sealed = store::owner_key(hub.db(), &first.owner).await?;
        hub.pools().learn(numbered, open_all(hub, records, sealed)?);
    }
    Ok(())
}

/// A stored pool, ready.
pub(super) async fn prepare(hub: &Hub, record: PoolRecord) -> Result<Arc<Pool>, ServiceError> {
    if let Some(pool) = hub.pools().get(&record) {
        return Ok(pool);
    }
    let records = store::of_product(hub.db(), record.numbered).await?;
    let sealed = store::owner_key(hub.db(), &record.owner).await?;
    find(open_all(hub, records, sealed)?, &record)
}

/// Serials of an allocation at some of its offsets.
pub(in crate::service) async fn serials_at(
    hub: &Hub,
    stored: &StoredAllocation,
    offsets: impl Iterator<Item = u32> + Send,
) -> Result<Vec<String>, ServiceError> {
    let record = store::by_id(hub.db(), stored.pool).await?;
    let missing = || StorageError::Inconsistent(format!("allocation.pool_id of {}: no such pool", stored.allocation.id));
    let pool = prepare(hub, record.ok_or_else(missing)?).await?;
    let mut serials = Vec::new();
    for offset in offsets {
        let index = stored.first_index + u64::from(offset);
        match pool.serial(index) {
            Some(serial) => serials.push(serial),
            None => serials.extend(listed::page(hub.db(), stored.pool, index, index + 1).await?),
        }
    }
    Ok(serials)
}

/// The same inside a transaction: a second connection there could wait for itself.
pub(super) async fn prepare_in(hub: &Hub, tx: &Tx, record: PoolRecord) -> Result<Arc<Pool>, ServiceError> {
    if let Some(pool) = hub.pools().get(&record) {
        return Ok(pool);
    }
    let records = store::of_product_in(tx, record.numbered).await?;
    let sealed = store::owner_key_in(tx, &record.owner).await?;
    find(open_all(hub, records, sealed)?, &record)
}

/// All pools of one product as their rows stand now, ready, in the order of the rows (newest epoch first).
pub(super) async fn prepare_all_in(hub: &Hub, tx: &Tx, records: Vec<PoolRecord>) -> Result<Vec<Arc<Pool>>, ServiceError> {
    let cached: Option<Vec<_>> = records.iter().map(|record| hub.pools().get(record)).collect();
    match (cached, records.first()) {
        (Some(pools), _) => Ok(pools),
        (None, None) => Ok(Vec::new()),
        (None, Some(first)) => {
            let sealed = store::owner_key_in(tx, &first.owner).await?;
            open_all(hub, records, sealed)
        }
    }
}

/// Opens the pools of one product, which must be all of it, newest epoch first.
fn open_all(hub: &Hub, records: Vec<PoolRecord>, sealed: Option<Vec<u8>>) -> Result<Vec<Arc<Pool>>, ServiceError> {
    let mut oldest_first: Vec<Arc<Pool>> = Vec::with_capacity(records.len());
    for record in records.into_iter().rev() {
        let pool = match hub.pools().get(&record) {
            Some(pool) => pool,
            None => hub.pools().put(unseal(hub, record, sealed.as_deref())?.behind(&oldest_first)),
        };
        oldest_first.push(pool);
    }
    oldest_first.reverse();
    Ok(oldest_first)
}

fn unseal(hub: &Hub, record: PoolRecord, sealed: Option<&[u8]>) -> Result<Pool, ServiceError> {
    let sealed = sealed
        .ok_or_else(|| ServiceError::Internal(format!("{} has no owner key: was the database restored in part?", record.id)))?;
    let key = hub
        .master_key()
        .open(&record.owner, sealed)?
        .pool_key(record.numbered, record.epoch)?;
    Ok(Pool::open(record, &key)?)
}

fn find(pools: Vec<Arc<Pool>>, record: &PoolRecord) -> Result<Arc<Pool>, ServiceError> {
    let found = pools.into_iter().find(|pool| pool.record().id == record.id);
    found.ok_or_else(|| ServiceError::Internal(format!("{} is no pool of `{}`", record.id, record.numbered)))
}

/// The pool that a product's serials come from, opened if there is none. It may be retired a moment later: whoever takes numbers holds the
/// locks of the product's pools and looks at the rows that come with them.
pub(super) async fn for_product(
    hub: &Hub,
    owner: &PartyId,
    numbered: Numbered,
    rule: &SerialRule,
) -> Result<Arc<Pool>, ServiceError> {
    for _ in 0..TRIES {
        let records = store::of_product(hub.db(), numbered).await?;
        if let Some(record) = records.into_iter().find(|record| record.follows(rule)) {
            return prepare(hub, record).await;
        }
        epoch::open(hub, owner, numbered, rule).await?;
    }
    Err(being_changed())
}

/// Another process, or another rule, was faster; nothing was done.
pub(super) fn being_changed() -> ServiceError {
    ServiceError::refused(
        Code::Unavailable,
        "the serial rule of the product is being changed: ask again with the same key",
    )
}

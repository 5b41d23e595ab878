//! Pools ready for use: opened on first need, verified against their known answers, kept for the life of the process.
//!
//! What never changes of a pool is cached, and only that; which pools a product has is read each time, since another hub process may
//! have opened one.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::party::SerialRule;
use crate::domain::serial::SerialError;
use crate::domain::serial::key::{NONCE_BYTES, OwnerKey};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::{Pool, PoolRecord};
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::StoredAllocation;
use crate::storage::serial::pool as store;
use crate::storage::{StorageError, Tx};

/// How often a process that lost the race to open a pool looks again.
const TRIES: usize = 4;

/// The pools that this process has used, with their key schedules.
#[derive(Debug, Default)]
pub struct PoolCache {
    pools: RwLock<HashMap<PoolId, Arc<Pool>>>,
}

impl PoolCache {
    fn get(&self, id: PoolId) -> Option<Arc<Pool>> {
        self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, pool: Pool) -> Arc<Pool> {
        let pool = Arc::new(pool);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry(pool.record().id).or_insert(pool))
    }
}

/// Opens every pool and checks its known answers; for start-up, which must refuse to go on after an error.
///
/// An error names the pool or the owner: a wrong master key, an unknown algorithm, or an implementation that would give other numbers
/// than before. Answers how many pools there are.
pub async fn verify_pools(hub: &Hub) -> Result<usize, ServiceError> {
    let records = store::all(hub.db()).await?;
    let count = records.len();
    for record in records {
        prepare(hub, record).await?;
    }
    Ok(count)
}

/// A stored pool, ready.
pub(super) async fn prepare(hub: &Hub, record: PoolRecord) -> Result<Arc<Pool>, ServiceError> {
    if let Some(pool) = hub.pools().get(record.id) {
        return Ok(pool);
    }
    let sealed = store::owner_key(hub.db(), &record.owner).await?;
    unseal(hub, record, sealed)
}

/// Serials of an allocation at some of its offsets.
pub(super) async fn serials_at(
    hub: &Hub,
    stored: &StoredAllocation,
    offsets: impl Iterator<Item = u32> + Send,
) -> Result<Vec<String>, ServiceError> {
    let record = store::by_id(hub.db(), stored.pool).await?;
    let missing = || StorageError::Inconsistent(format!("allocation.pool_id of {}: no such pool", stored.allocation.id));
    let pool = prepare(hub, record.ok_or_else(missing)?).await?;
    Ok(offsets
        .map(|offset| pool.serial(stored.first_index + u64::from(offset)))
        .collect())
}

/// The same inside a transaction: a second connection there could wait for itself.
pub(super) async fn prepare_in(hub: &Hub, tx: &Tx, record: PoolRecord) -> Result<Arc<Pool>, ServiceError> {
    if let Some(pool) = hub.pools().get(record.id) {
        return Ok(pool);
    }
    let sealed = store::owner_key_in(tx, &record.owner).await?;
    unseal(hub, record, sealed)
}

fn unseal(hub: &Hub, record: PoolRecord, sealed: Option<Vec<u8>>) -> Result<Arc<Pool>, ServiceError> {
    let sealed = sealed
        .ok_or_else(|| ServiceError::Internal(format!("{} has no owner key: was the database restored in part?", record.id)))?;
    let key = hub
        .master_key()
        .open(&record.owner, &sealed)?
        .pool_key(record.numbered, record.epoch)?;
    Ok(hub.pools().put(Pool::open(record, &key)?))
}

/// The pool that a product's serials come from, opened if there is none.
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
        open_epoch(hub, owner, numbered, rule).await?;
    }
    Err(ServiceError::refused(
        Code::Unavailable,
        "the serial rule of the product is being changed: ask again with the same key",
    ))
}

/// Makes the pool of a product's rule, unless another process does so first.
async fn open_epoch(hub: &Hub, owner: &PartyId, numbered: Numbered, rule: &SerialRule) -> Result<(), ServiceError> {
    let (hub, owner, rule, now) = (hub.clone(), owner.clone(), rule.clone(), hub.now());
    hub.db()
        .clone()
        .write(move |tx| {
            Box::pin(async move {
                let sealed = store::owner_key_or_insert(tx, &owner, fresh_key(&hub, &owner)?, now).await?;
                let records = store::of_product_in(tx, numbered).await?;
                if records.iter().any(|record| record.follows(&rule)) {
                    return Ok(());
                }
                refuse_same_length(&records, numbered, &rule)?;
                let epoch = records.iter().map(|record| record.epoch).max().unwrap_or(0) + 1;
                let key = hub.master_key().open(&owner, &sealed)?.pool_key(numbered, epoch)?;
                let pool = Pool::create(PoolId::new(hub.new_id(now)), owner, numbered, epoch, &rule, &key)?;
                Ok(store::insert(tx, pool.record(), now).await?)
            })
        })
        .await
}

/// Two epochs have two permutations: only serials of different length can never meet.
fn refuse_same_length(records: &[PoolRecord], numbered: Numbered, rule: &SerialRule) -> Result<(), ServiceError> {
    match records.iter().find(|record| record.length == rule.length) {
        None => Ok(()),
        Some(record) => {
            let detail = format!(
                "serial numbers of `{numbered}` were issued with the alphabet `{}` and {} characters; with another alphabet of the same \
                 length they could repeat: the brand owner must give the product another length, or the old alphabet",
                record.alphabet, record.length
            );
            Err(ServiceError::refused(Code::Conflict, detail))
        }
    }
}

/// A random key, sealed.
fn fresh_key(hub: &Hub, owner: &PartyId) -> Result<Vec<u8>, SerialError> {
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; NONCE_BYTES];
    hub.fill_random(key.as_mut_slice());
    hub.fill_random(&mut nonce);
    hub.master_key().seal(owner, &OwnerKey::new(key), nonce)
}

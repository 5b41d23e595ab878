//! Epochs of a product's serial numbers: which pool takes the place of which.
//!
//! A new epoch begins when the owner changes how serials look, or rotates the key. Pools that the new one could meet are retired in the
//! same transaction, under the locks of all pools of the product: their counters never move again, so that the new pool knows by a
//! decryption what they issued and leaves it out. Pools whose serials have another length are left open: the owner may go back to them.
//!
//! What it deliberately does not do: give out numbers.

use zeroize::Zeroizing;

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::party::SerialRule;
use crate::domain::serial::SerialError;
use crate::domain::serial::key::{NONCE_BYTES, OwnerKey};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::{NewPool, Pool, PoolRecord};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::floor as counted;
use crate::storage::serial::pool::{self as store, Counter};
use crate::storage::{Tx, party};

use super::floor;
use super::pools::{being_changed, prepare_all_in};

/// How many listed serials are looked at in one go.
const LISTED: usize = 10_000;

/// Makes the pool of a product's rule, unless another process does so first.
pub(super) async fn open(hub: &Hub, owner: &PartyId, numbered: Numbered, rule: &SerialRule) -> Result<(), ServiceError> {
    let (hub, owner, rule, now) = (hub.clone(), owner.clone(), rule.clone(), hub.now());
    hub.db()
        .clone()
        .write(move |tx| {
            Box::pin(async move {
                // A process that has not seen the newest contracts would go back to the old rule, and the others forth again.
                if party::registry_version_in(tx).await? > hub.registry().version() {
                    return Err(being_changed());
                }
                let states = store::lock_product(tx, numbered).await?;
                let records: Vec<PoolRecord> = states.iter().map(|state| state.record.clone()).collect();
                if records.iter().any(|record| record.follows(&rule)) {
                    return Ok(());
                }
                if let Some(other_words) = records.iter().find(|record| record.goes_on_under(&rule)) {
                    let rule = SerialRule {
                        banned_words: rule.banned_words.clone(),
                        ..other_words.rule()
                    };
                    return Ok(store::set_rule(tx, other_words.id, &rule).await?);
                }
                let wanted = Wanted {
                    owner,
                    numbered,
                    rule: &rule,
                    now,
                };
                succeed(tx, &hub, wanted, states).await?;
                Ok(())
            })
        })
        .await
}

/// What a new epoch is made for.
pub(super) struct Wanted<'a> {
    pub(super) owner: PartyId,
    pub(super) numbered: Numbered,
    pub(super) rule: &'a SerialRule,
    pub(super) now: Micros,
}

/// Retires the pools that the new one could meet, and makes it. The caller holds the locks of `states`, which are all of the product.
pub(super) async fn succeed(tx: &Tx, hub: &Hub, wanted: Wanted<'_>, states: Vec<Counter>) -> Result<Pool, ServiceError> {
    let Wanted {
        owner,
        numbered,
        rule,
        now,
    } = wanted;
    let lineage = counted::lineage_in(tx).await?;
    let sealed = store::owner_key_or_insert(tx, &owner, fresh_key(hub, &owner, lineage)?, now).await?;
    let mut records = Vec::with_capacity(states.len());
    for Counter { mut record, next } in states {
        if record.retired.is_none() && record.rule().meets(rule) {
            floor::check_end(tx, hub, &record, next).await?;
            record.retired = store::retire(tx, record.id, now).await?;
        }
        records.push(record);
    }
    let epoch = records.iter().map(|record| record.epoch).max().unwrap_or(0) + 1;
    let older = prepare_all_in(hub, tx, records).await?;
    let key = hub.master_key().open(&owner, &sealed)?.pool_key(numbered, epoch)?;
    let new = NewPool {
        id: PoolId::new(hub.new_id(now)),
        owner,
        numbered,
        epoch,
        rule,
        listed: store::listed_count(tx, numbered).await?,
    };
    let pool = Pool::succeed(new, &key, &older)?;
    store::insert(tx, pool.record(), now).await?;
    skip_listed(tx, &pool).await?;
    Ok(pool)
}

/// Serials that others made before and that the new pool would come upon: its counter passes over them.
async fn skip_listed(tx: &Tx, pool: &Pool) -> Result<(), ServiceError> {
    let record = pool.record();
    if !record.source.is_computed() {
        return Ok(());
    }
    let mut after = String::new();
    loop {
        let serials = store::listed_after(tx, record.numbered, &after, LISTED).await?;
        let Some(last) = serials.last() else { return Ok(()) };
        let found: Vec<u64> = serials.iter().filter_map(|serial| pool.index_of(serial)).collect();
        store::skip(tx, record.id, &found).await?;
        after.clone_from(last);
        tokio::task::yield_now().await;
    }
}

/// A key for an owner, sealed.
///
/// It follows from the master key, the owner and what the database was named when a hub first served from it. So a database that is
/// restored to before an owner's first number makes the same key again, and counter values that are passed over then are the numbers that
/// were issued; with another key the new numbers would meet them by chance.
fn fresh_key(hub: &Hub, owner: &PartyId, lineage: Option<String>) -> Result<Vec<u8>, SerialError> {
    let mut nonce = [0; NONCE_BYTES];
    hub.fill_random(&mut nonce);
    let key = match lineage {
        Some(lineage) => hub.master_key().owner_key(owner, &lineage)?,
        // No hub has served from here: there is nothing to be restored to.
        None => {
            let mut key = Zeroizing::new([0; 32]);
            hub.fill_random(key.as_mut_slice());
            OwnerKey::new(key)
        }
    };
    hub.master_key().seal(owner, &key, nonce)
}

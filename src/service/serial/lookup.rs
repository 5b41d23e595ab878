//! Was this number issued, to whom, when, which lot, what state: for one number or a hundred thousand.
//!
//! A number is decrypted to its counter value; whatever lies at or above the pool's counter was never issued, and no table is asked. What is
//! left is one step in the index of allocations a number, and each bitmap that is touched is read once.
//!
//! The brand owner sees everything; whoever has a number sees it; whoever handed it on sees that. To anybody else it was never issued. That
//! is decided before anything is searched where it can be: for a party that never had a number of the product nothing is. For one that had,
//! each number costs the same: where a made-up one would need no search, a place chosen by its text is searched in its stead, so that the
//! time tells nobody whose numbers others have.
//!
//! # Invariants
//! - How many statements are made depends on products, pools and allocations that the caller may see, never on how many numbers are asked for
//!   (but for one more every 20,000).
//! - Nothing is written, not even an audit entry: asking is free, and texts that somebody made up stay with whoever sent them.

mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{AllocationId, PoolId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::Allocation;
use crate::domain::serial::life::reuse_banned_until;
pub use crate::domain::serial::lookup::{Asked, Foreign, Issued, Lookup, LookupAnswer, Transferred, Unreadable};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::lookup as store;
use crate::storage::serial::pool::{self, Counter};
use crate::storage::serial::slice::{self, Slice};

use super::pools;
use place::Places;

/// How many serials are decrypted before other tasks of the thread get their turn.
const CHUNK: usize = 1_024;
/// Groups of bitmaps in memory at the same time.
const GROUPS: usize = 256;

/// Numbers of one product.
pub async fn lookup(hub: &Hub, actor: &Actor, numbered: Numbered, serials: &[&str]) -> Result<Vec<Lookup>, ServiceError> {
    let asked = serials.iter().map(|serial| Asked::new(numbered, *serial)).collect();
    lookup_all(hub, actor, asked).await
}

/// Numbers of any products, answered in the order of the call; at most `limits.lookup_numbers`.
pub async fn lookup_all(hub: &Hub, actor: &Actor, asked: Vec<Asked>) -> Result<Vec<Lookup>, ServiceError> {
    let most = hub.limits().lookup_numbers;
    if asked.len() > most {
        return Err(too_many(most));
    }
    let search = Search::new(hub, actor, &asked).await?;
    let hits = search.hits().await?;
    let mut answers: Vec<Lookup> = asked.iter().cloned().map(Lookup::never_issued).collect();
    search.describe(hits, &mut answers).await?;
    search.foreign(&mut answers).await?;
    Ok(answers)
}

/// The refusal of a call with more numbers than that.
pub fn too_many(most: usize) -> ServiceError {
    let detail = format!("at most {most} serial numbers are looked up in one call: send the rest in another");
    ServiceError::refused(Code::TooLarge, detail)
}

/// Pool and place of numbers that stand in lists, by position in the call.
type Listed = BTreeMap<usize, (PoolId, u64)>;

/// One call.
struct Search<'a> {
    hub: &'a Hub,
    actor: &'a Actor,
    asked: &'a [Asked],
    /// Positions in the call, by product; only of products that the caller has to do with.
    products: BTreeMap<Numbered, Vec<usize>>,
    /// Their pools, newest epoch first.
    pools: BTreeMap<Numbered, Vec<Counter>>,
    /// Products that are the caller's own.
    own: BTreeSet<Numbered>,
}

/// A number that lies in an allocation.
struct Hit {
    position: usize,
    allocation: Arc<Allocation>,
    offset: u32,
    /// Whether the caller is the owner of the pool.
    owner: bool,
}

impl<'a> Search<'a> {
    async fn new(hub: &'a Hub, actor: &'a Actor, asked: &'a [Asked]) -> Result<Self, ServiceError> {
        let mut products: BTreeMap<Numbered, Vec<usize>> = BTreeMap::new();
        for (position, one) in asked.iter().enumerate() {
            if let Some(numbered) = one.numbered {
                products.entry(numbered).or_default().push(position);
            }
        }
        let wanted: Vec<Numbered> = products.keys().copied().collect();
        // The same two statements whoever asks for whatever.
        let pools = pool::of_products(hub.db(), &wanted).await?;
        let known = store::known_products(hub.db(), &actor.party, &wanted).await?;
        let registry = hub.registry();
        let is_own = |numbered: &Numbered| {
            let brand = numbered.gtin().and_then(|gtin| registry.owner_of_gtin(gtin));
            brand == Some(&actor.party)
                || pools
                    .get(numbered)
                    .is_some_and(|pools| pools.iter().any(|pool| is_owner(pool, actor)))
        };
        let own: BTreeSet<Numbered> = wanted.iter().copied().filter(is_own).collect();
        products.retain(|numbered, _| own.contains(numbered) || known.contains(numbered));
        Ok(Self {
            hub,
            actor,
            asked,
            products,
            pools,
            own,
        })
    }

    /// The numbers that lie in allocations which the caller may know of.
    async fn hits(&self) -> Result<Vec<Hit>, ServiceError> {
        let mut hits = Vec::new();
        for (numbered, positions) in &self.products {
            let counters = self.pools.get(numbered).map_or(&[][..], Vec::as_slice);
            let listed = self.listed(*numbered, positions, counters).await?;
            let mut open: BTreeSet<usize> = positions.iter().copied().collect();
            for counter in counters {
                let from = hits.len();
                self.hits_in(counter, &open, &listed, &mut hits).await?;
                for hit in &hits[from..] {
                    open.remove(&hit.position);
                }
            }
        }
        Ok(hits)
    }

    /// Places of numbers in pools that are lists.
    async fn listed(&self, numbered: Numbered, positions: &[usize], counters: &[Counter]) -> Result<Listed, ServiceError> {
        if counters.iter().all(|counter| counter.record.source.is_computed()) {
            return Ok(BTreeMap::new());
        }
        let serials: Vec<&str> = positions
            .iter()
            .map(|position| self.asked[*position].serial.as_str())
            .collect();
        let found = store::listed(self.hub.db(), numbered, &serials).await?;
        Ok(found
            .into_iter()
            .map(|(at, pool, place)| (positions[at], (pool, place)))
            .collect())
    }

    async fn hits_in(
        &self,
        counter: &Counter,
        open: &BTreeSet<usize>,
        listed: &Listed,
        hits: &mut Vec<Hit>,
    ) -> Result<(), ServiceError> {
        let (id, owner) = (counter.record.id, is_owner(counter, self.actor));
        let mut indices: Vec<(usize, Option<u64>)> = if counter.record.source.is_computed() {
            let pool = pools::prepare(self.hub, counter.record.clone()).await?;
            self.decrypt(&pool, open).await
        } else {
            let place = |position: &usize| listed.get(position).filter(|(pool, _)| *pool == id).map(|(_, place)| *place);
            open.iter().map(|position| (*position, place(position))).collect()
        };
        for (_, index) in &mut indices {
            *index = index.filter(|index| *index < counter.next);
        }
        let searched: BTreeSet<u64> = indices
            .iter()
            .filter_map(|(position, index)| {
                index.or_else(|| (!owner).then(|| decoy(&self.asked[*position].serial, counter.next))?)
            })
            .collect();
        if searched.is_empty() {
            return Ok(());
        }
        let only = (!owner).then_some(&self.actor.party);
        let searched: Vec<u64> = searched.into_iter().collect();
        let stored = store::holding(self.hub.db(), id, only, &searched).await?;
        let (slices, allocations): (Vec<Slice>, Vec<Arc<Allocation>>) = stored
            .into_iter()
            .map(|stored| {
                let slice = Slice {
                    allocation: stored.allocation.id,
                    first_index: stored.first_index,
                    span: stored.span,
                    holes: Some(stored.holes).filter(|holes| !holes.is_empty()),
                };
                (slice, Arc::new(stored.allocation))
            })
            .unzip();
        hits.extend(indices.into_iter().filter_map(|(position, index)| {
            let (at, offset) = slice::holder(&slices, index?)?;
            let allocation = Arc::clone(&allocations[at]);
            let owner = owner || allocation.principal == self.actor.party;
            Some(Hit {
                position,
                allocation,
                offset,
                owner,
            })
        }));
        Ok(())
    }

    /// Counter values of the serials that can be this pool's.
    async fn decrypt(&self, pool: &Pool, open: &BTreeSet<usize>) -> Vec<(usize, Option<u64>)> {
        let mut indices = Vec::with_capacity(open.len());
        for position in open {
            indices.push((*position, pool.index_of(&self.asked[*position].serial)));
            if indices.len().is_multiple_of(CHUNK) {
                tokio::task::yield_now().await;
            }
        }
        indices
    }

    /// Fills in what became of the numbers, some allocations at a time.
    async fn describe(&self, mut hits: Vec<Hit>, answers: &mut [Lookup]) -> Result<(), ServiceError> {
        hits.sort_by_key(|hit| (hit.allocation.id, hit.offset));
        let mut rest = hits.as_slice();
        while let Some(first) = rest.first() {
            let (mut groups, mut end, mut last) = (BTreeSet::new(), 0, first.allocation.id);
            for hit in rest {
                // An allocation is never torn: its transfers and lots are read with its first number.
                if groups.len() >= GROUPS && hit.allocation.id != last {
                    break;
                }
                last = hit.allocation.id;
                groups.insert((last, hit.offset >> 16));
                end += 1;
            }
            let (part, behind) = rest.split_at(end);
            self.describe_part(part, &groups, answers).await?;
            rest = behind;
        }
        self.packs(answers).await
    }

    async fn describe_part(
        &self,
        part: &[Hit],
        groups: &BTreeSet<(AllocationId, u32)>,
        answers: &mut [Lookup],
    ) -> Result<(), ServiceError> {
        let places = Places::new(store::marks(self.hub.db(), groups).await?);
        for (done, hit) in part.iter().enumerate() {
            answers[hit.position].issued = places.issued(hit, &self.actor.party).map(Box::new);
            if done % CHUNK == CHUNK - 1 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// When packs were commissioned, for those whose state the caller sees.
    async fn packs(&self, answers: &mut [Lookup]) -> Result<(), ServiceError> {
        let on_packs: Vec<(usize, EpcKey)> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| {
                let state = answer.issued.as_ref().and_then(|issued| issued.state);
                state.is_some_and(|state| state.is_on_pack())
            })
            .filter_map(|(position, answer)| Some((position, thing(&answer.asked)?)))
            .collect();
        if on_packs.is_empty() {
            return Ok(());
        }
        let keys: Vec<EpcKey> = on_packs.iter().map(|(_, key)| *key).collect();
        for pack in store::packs(self.hub.db(), &keys).await? {
            let (position, _) = on_packs[pack.at];
            if let Some(issued) = &mut answers[position].issued {
                let expiry = pack.expiry.as_deref().and_then(end_of_day);
                issued.commissioned_at = Some(pack.commissioned_at);
                issued.reuse_banned_until = reuse_banned_until(expiry, Some(pack.commissioned_at));
            }
        }
        Ok(())
    }

    /// What others commissioned of the caller's own products without having it.
    async fn foreign(&self, answers: &mut [Lookup]) -> Result<(), ServiceError> {
        let own: Vec<(usize, Numbered)> = self
            .asked
            .iter()
            .enumerate()
            .filter_map(|(position, one)| Some((position, one.numbered.filter(|numbered| self.own.contains(numbered))?)))
            .collect();
        if own.is_empty() {
            return Ok(());
        }
        let numbers: Vec<(Numbered, &str)> = own
            .iter()
            .map(|(position, numbered)| (*numbered, self.asked[*position].serial.as_str()))
            .collect();
        for found in store::foreign(self.hub.db(), &self.actor.party, &numbers).await? {
            answers[own[found.at].0].foreign.push(Foreign {
                party: found.party,
                lot: found.lot,
                at: found.recorded_at,
            });
        }
        Ok(())
    }
}

fn is_owner(counter: &Counter, actor: &Actor) -> bool {
    counter.record.owner == actor.party
}

/// Where to search for a number that lies nowhere: spread over the pool as real numbers are; nothing if nothing was issued.
fn decoy(serial: &str, next: u64) -> Option<u64> {
    // FNV-1a: it need not be hard to guess, only not to tell made-up numbers from those of others.
    let hash = serial.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).checked_rem(next)
}

/// What events call the number.
fn thing(asked: &Asked) -> Option<EpcKey> {
    let epc = match asked.numbered? {
        Numbered::Trade(gtin) => Epc::sgtin(gtin, &asked.serial).ok()?,
        Numbered::Logistic(_) => Epc::from_sscc(asked.serial.parse().ok()?),
    };
    Some(epc.key())
}

/// The last moment of a date as events send it, `2028-12-31`.
fn end_of_day(date: &str) -> Option<Micros> {
    Micros::parse(&format!("{}T23:59:59Z", date.get(..10)?)).ok()
}

//! Was this number issued, to whom, when, which lot, what state: for one number or a hundred thousand.
//!
//! A number is decrypted in memory to the counter values that it would have in the pools of its product, and one statement finds out whether
//! they were given out and what became of them. A number that nobody issued is one look at where the counter stands.
//!
//! The brand owner sees everything; whoever has a number sees it; whoever handed it on sees that. To anybody else it was never issued: the
//! statement finds nothing, and takes the same way through the same indexes as for a number that somebody made up.
//!
//! # Invariants
//! - The statements are the same whatever there is to be found: one for up to [`TOGETHER`] numbers. Of more numbers, one every 20,000, and
//!   one for some hundred bitmaps that the caller may see.
//! - Which pools a product has is remembered, never relied on: every answer tells which there are, and one that this process did not know is
//!   learnt, and the numbers are asked for again.
//! - Nothing is written, not even an audit entry: asking is free, and texts that somebody made up stay with whoever sent them.

mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::AllocationId;
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::Allocation;
use crate::domain::serial::life::reuse_banned_until;
pub use crate::domain::serial::lookup::{Asked, Foreign, Issued, Lookup, LookupAnswer, Transferred, Unreadable};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::StoredAllocation;
use crate::storage::serial::lookup::{self as store, ForeignUse, Found, Pack, Place, Wanted};
use crate::storage::serial::slice::Slice;

use super::pools;
use place::Places;

/// How many serials are decrypted before other tasks of the thread get their turn.
const CHUNK: usize = 1_024;
/// Groups of bitmaps in memory at the same time.
const GROUPS: usize = 256;
/// Numbers whose bitmaps come with them: each can lie in a group of its own.
pub const TOGETHER: usize = GROUPS;
/// How often numbers are asked for while pools are being opened.
const TRIES: usize = 4;

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
    for _ in 0..TRIES {
        if let Some(answers) = Search::new(hub, actor, &asked).answers().await? {
            return Ok(answers);
        }
    }
    Err(ServiceError::refused(
        Code::Unavailable,
        "the pools of the product are being changed: ask again",
    ))
}

/// The refusal of a call with more numbers than that.
pub fn too_many(most: usize) -> ServiceError {
    let detail = format!("at most {most} serial numbers are looked up in one call: send the rest in another");
    ServiceError::refused(Code::TooLarge, detail)
}

/// One call.
struct Search<'a> {
    hub: &'a Hub,
    actor: &'a Actor,
    asked: &'a [Asked],
    /// Products that are asked for, with the pools that this process knows of.
    products: BTreeMap<Numbered, Arc<[Arc<Pool>]>>,
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
    fn new(hub: &'a Hub, actor: &'a Actor, asked: &'a [Asked]) -> Self {
        let wanted: BTreeSet<Numbered> = asked.iter().filter_map(|one| one.numbered).collect();
        let known = |numbered| (numbered, hub.pools().of_product(&numbered));
        let products: BTreeMap<Numbered, Arc<[Arc<Pool>]>> = wanted.into_iter().map(known).collect();
        let registry = hub.registry();
        let is_own = |(numbered, pools): &(&Numbered, &Arc<[Arc<Pool>]>)| {
            let brand = numbered.gtin().and_then(|gtin| registry.owner_of_gtin(gtin));
            brand == Some(&actor.party) || pools.iter().any(|pool| pool.record().owner == actor.party)
        };
        let own = products.iter().filter(is_own).map(|(numbered, _)| *numbered).collect();
        Self {
            hub,
            actor,
            asked,
            products,
            own,
        }
    }

    /// The answers; none if there is a pool that was not known.
    async fn answers(&self) -> Result<Option<Vec<Lookup>>, ServiceError> {
        let with_marks = self.asked.len() <= TOGETHER;
        let mut answers: Vec<Lookup> = self.asked.iter().cloned().map(Lookup::never_issued).collect();
        let (mut hits, mut packs, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        let positions: Vec<usize> = (0..self.asked.len())
            .filter(|position| self.asked[*position].numbered.is_some())
            .collect();
        for part in positions.chunks(store::BATCH) {
            let mut found = self.find(part, with_marks).await?;
            if self.learns(&found).await? {
                return Ok(None);
            }
            let marks = std::mem::take(&mut found.marks);
            packs.append(&mut found.packs);
            foreign.append(&mut found.foreign);
            let part = self.hits(found);
            if with_marks {
                self.fill_in(&Places::new(marks), &part, &mut answers).await;
            } else {
                hits.extend(part);
            }
        }
        self.describe(hits, &mut answers).await?;
        commissioned(packs, &mut answers);
        made_up(foreign, &mut answers);
        Ok(Some(answers))
    }

    async fn find(&self, positions: &[usize], with_marks: bool) -> Result<Found, ServiceError> {
        let places = self.places(positions).await;
        let products: BTreeSet<Numbered> = positions
            .iter()
            .filter_map(|position| self.asked[*position].numbered)
            .collect();
        let own: Vec<(usize, Numbered, &str)> = positions
            .iter()
            .filter_map(|position| {
                let one = &self.asked[*position];
                let numbered = one.numbered.filter(|numbered| self.own.contains(numbered))?;
                Some((*position, numbered, one.serial.as_str()))
            })
            .collect();
        let wanted = Wanted {
            party: &self.actor.party,
            products: &products.into_iter().collect::<Vec<_>>(),
            places: &places,
            own: &own,
            with_marks,
        };
        Ok(store::find(self.hub.db(), wanted).await?)
    }

    /// Where the numbers would lie, in each pool of their products.
    async fn places(&self, positions: &[usize]) -> Vec<Place<'a>> {
        let mut places = Vec::with_capacity(positions.len());
        for (done, position) in positions.iter().enumerate() {
            let asked = &self.asked[*position];
            let pools = asked.numbered.and_then(|numbered| self.products.get(&numbered));
            places.extend(pools.into_iter().flat_map(|pools| pools.iter()).map(|pool| {
                let is_computed = pool.record().source.is_computed();
                let index = if is_computed { pool.index_of(&asked.serial) } else { None };
                Place {
                    at: *position,
                    pool: pool.record().id,
                    index,
                    listed: (!is_computed).then_some(asked.serial.as_str()),
                    spare: spare(&asked.serial),
                    // What is nowhere is on no pack.
                    thing: if index.is_some() || !is_computed { thing(asked) } else { None },
                }
            }));
            if done % CHUNK == CHUNK - 1 {
                tokio::task::yield_now().await;
            }
        }
        places
    }

    /// Takes note of pools that this process did not know; whether there were any.
    async fn learns(&self, found: &Found) -> Result<bool, ServiceError> {
        let unknown: BTreeSet<Numbered> = found
            .pools
            .iter()
            .filter(|(numbered, id)| {
                let known = self.products.get(numbered);
                !known.is_some_and(|pools| pools.iter().any(|pool| pool.record().id == *id))
            })
            .map(|(numbered, _)| *numbered)
            .collect();
        for numbered in &unknown {
            pools::learn(self.hub, *numbered).await?;
        }
        Ok(!unknown.is_empty())
    }

    /// The numbers that lie in allocations which the caller may know of.
    fn hits(&self, found: Found) -> Vec<Hit> {
        let allocations: HashMap<AllocationId, (Slice, bool, Arc<Allocation>)> = found
            .allocations
            .into_iter()
            .map(|stored| {
                let is_own = stored.allocation.principal == self.actor.party || self.owns_pool(&stored);
                let owner = is_own || leaks(Leak::NumbersOfOthers);
                let slice = Slice {
                    allocation: stored.allocation.id,
                    first_index: stored.first_index,
                    span: stored.span,
                    holes: Some(stored.holes).filter(|holes| !holes.is_empty()),
                };
                (slice.allocation, (slice, owner, Arc::new(stored.allocation)))
            })
            .collect();
        let hit = |(position, id, offset): (usize, AllocationId, u64)| {
            let (slice, owner, allocation) = allocations.get(&id)?;
            let offset = slice.offset_of(slice.first_index.checked_add(offset)?)?;
            Some(Hit {
                position,
                allocation: Arc::clone(allocation),
                offset,
                owner: *owner,
            })
        };
        found.hits.into_iter().filter_map(hit).collect()
    }

    fn owns_pool(&self, stored: &StoredAllocation) -> bool {
        let pools = self.products.get(&stored.allocation.numbered);
        let pool = pools.and_then(|pools| pools.iter().find(|pool| pool.record().id == stored.pool));
        pool.is_some_and(|pool| pool.record().owner == self.actor.party)
    }

    /// Fills in what became of many numbers, some allocations at a time.
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
            let places = Places::new(store::marks(self.hub.db(), &groups).await?);
            self.fill_in(&places, part, answers).await;
            rest = behind;
        }
        Ok(())
    }

    async fn fill_in(&self, places: &Places, part: &[Hit], answers: &mut [Lookup]) {
        for (done, hit) in part.iter().enumerate() {
            answers[hit.position].issued = places.issued(hit, &self.actor.party).map(Box::new);
            if done % CHUNK == CHUNK - 1 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// When packs were commissioned, for those whose state the caller sees.
fn commissioned(packs: Vec<Pack>, answers: &mut [Lookup]) {
    for pack in packs {
        let issued = answers[pack.at].issued.as_mut();
        if let Some(issued) = issued.filter(|issued| issued.state.is_some_and(|state| state.is_on_pack())) {
            let expiry = pack.expiry.as_deref().and_then(end_of_day);
            issued.commissioned_at = Some(pack.commissioned_at);
            issued.reuse_banned_until = reuse_banned_until(expiry, Some(pack.commissioned_at));
        }
    }
}

/// What others commissioned of the caller's own products without having it.
fn made_up(foreign: Vec<ForeignUse>, answers: &mut [Lookup]) {
    for found in foreign {
        answers[found.at].foreign.push(Foreign {
            party: found.party,
            lot: found.lot,
            at: found.recorded_at,
        });
    }
}

/// Where to search for a number that lies nowhere: spread over the pool as real numbers are, once the counter has cut it down.
fn spare(serial: &str) -> u64 {
    // FNV-1a: it need not be hard to guess, only not to tell made-up numbers from those of others.
    let hash = serial.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The database knows no number above 2^63.
    (hash ^ (hash >> 29)) >> 1
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

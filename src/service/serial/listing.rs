//! Lists of numbers that somebody else made: what is wrong with them, and how they become numbers of a pool.
//!
//! A list is taken whole or not at all. What a row shows by itself, and what it would be in the pools that the hub computes, is reckoned
//! before the transaction; what is taken is looked up under the locks of the product's pools, so that it still holds when the list is
//! stored. A number that a computed pool would come upon later is passed over by its counter.
//!
//! Who may bring a list is decided by its callers: the owner ([`super::import`]), a delegate ([`super::registration`]), the
//! owner's own system ([`super::broker`]).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::domain::gs1::{Epc, EpcKey, Gtin};
use crate::domain::ids::{PartyId, PoolId};
use crate::domain::party::SerialRule;
use crate::domain::serial::listed::{RowFault, SerialList, faults};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::serial::rule::Source;
use crate::domain::serial::space::NumberSpace;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError, Violation};
use crate::storage::Tx;
use crate::storage::serial::listed::{self as store, Candidate};
use crate::storage::serial::pool::{self, Counter};

use super::pools;

/// A list as it came.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    /// What the numbers are for.
    pub(super) gtin: Gtin,
    /// The numbers.
    pub(super) serials: SerialList,
    /// On which line of what was sent the first of them stands.
    pub(super) first_line: u64,
    /// Whether they must look as the product's rule says. Those that are only kept from being issued again need not.
    pub(super) follow: bool,
}

/// A list in which no row is wrong by itself.
pub(super) struct Checked {
    gtin: Gtin,
    serials: Arc<SerialList>,
    first_line: u64,
    rule: SerialRule,
    /// All pools of the product, as they stood.
    pools: Vec<Arc<Pool>>,
    /// Where a row lies in a computed pool: row, pool, counter value.
    met: Vec<(usize, PoolId, u64)>,
    /// How many look as the rule says: they count for its density.
    in_space: u64,
    things: Vec<Option<EpcKey>>,
}

/// Where a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// Behind what a listed pool has.
    Pool(PoolId),
    /// Nowhere: its numbers are kept from being issued, under this id, which is no pool's.
    Nowhere(PoolId),
}

/// Looks at a list, outside any transaction. Refused with every row that is wrong by itself.
pub(super) async fn check(hub: &Hub, arrived: Arrived, owner: &PartyId, rule: &SerialRule) -> Result<Checked, ServiceError> {
    let numbered = Numbered::from(arrived.gtin);
    // A product's first list may come before its first pool.
    pools::for_product(hub, owner, numbered, rule).await?;
    let mut all = Vec::new();
    for record in pool::of_product(hub.db(), numbered).await? {
        all.push(pools::prepare(hub, record).await?);
    }
    let (rule, page) = (rule.clone(), hub.limits().findings_per_code);
    let work = tokio::task::spawn_blocking(move || reckon(arrived, rule, all, page));
    work.await.map_err(|error| ServiceError::Internal(error.to_string()))?
}

fn reckon(arrived: Arrived, rule: SerialRule, pools: Vec<Arc<Pool>>, shown: usize) -> Result<Checked, ServiceError> {
    let Arrived {
        gtin,
        serials,
        first_line,
        follow,
    } = arrived;
    let space = NumberSpace::new(&rule)?;
    let words: Vec<String> = rule.banned_words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let looks_right = |serial: &str| {
        let capitals = serial.to_ascii_uppercase();
        space.parse(serial).is_some() && !words.iter().any(|word| capitals.contains(word.as_str()))
    };
    let found = faults(&serials, |serial| !follow || looks_right(serial));
    if !found.is_empty() {
        return Err(refused(&serials, first_line, &found, shown));
    }
    let mut met = Vec::new();
    for pool in pools.iter().filter(|pool| pool.record().source.is_computed()) {
        let id = pool.record().id;
        let of_pool = serials.iter().enumerate();
        met.extend(of_pool.filter_map(|(row, serial)| Some((row, id, pool.index_of(serial)?))));
    }
    let thing = |serial| Epc::sgtin(gtin, serial).ok().map(|epc| epc.key());
    Ok(Checked {
        in_space: serials.iter().filter(|serial| space.parse(serial).is_some()).count() as u64,
        things: serials.iter().map(thing).collect(),
        serials: Arc::new(serials),
        gtin,
        first_line,
        rule,
        pools,
        met,
    })
}

impl Checked {
    /// How many numbers.
    pub(super) fn len(&self) -> u64 {
        self.serials.len() as u64
    }

    /// The pool that gives out what the product's rule asks for.
    pub(super) fn pool(&self) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.record().follows(&self.rule))
    }

    /// What the numbers are for.
    pub(super) fn gtin(&self) -> Gtin {
        self.gtin
    }

    /// Holds the pools of the product until the transaction ends.
    pub(super) async fn lock(&self, tx: &Tx) -> Result<Vec<Counter>, ServiceError> {
        let states = pool::lock_product(tx, self.gtin.into()).await?;
        let same = states
            .iter()
            .map(|state| &state.record)
            .eq(self.pools.iter().map(|pool| pool.record()));
        if same { Ok(states) } else { Err(pools::being_changed()) }
    }

    /// Stores the list under the locks of the product's pools ([`Self::lock`]); answers the position of its first number.
    ///
    /// Refused with every row that is taken, and if the product's density does not allow so many.
    pub(super) async fn store(&self, tx: &Tx, hub: &Hub, states: &[Counter], into: Home) -> Result<u64, ServiceError> {
        let numbered = Numbered::from(self.gtin);
        let skips = self.free(tx, hub, states).await?;
        let home = match into {
            Home::Pool(pool) => {
                self.check_density(tx, states).await?;
                pool
            }
            Home::Nowhere(id) => id,
        };
        let first = store::listed(tx, home).await?;
        for (at, chunk) in self.rows().chunks(store::CHUNK).enumerate() {
            let serials: Vec<&str> = chunk.iter().map(|row| self.serials.get(*row)).collect();
            store::insert(tx, numbered, home, first + (at * store::CHUNK) as u64, &serials).await?;
        }
        for id in self.pools.iter().map(|pool| pool.record().id) {
            let indices: Vec<u64> = skips
                .iter()
                .filter(|(pool, _)| *pool == id)
                .map(|(_, index)| *index)
                .collect();
            for chunk in indices.chunks(store::CHUNK) {
                pool::skip(tx, id, chunk).await?;
            }
        }
        self.thin_out(tx, states).await?;
        Ok(first)
    }

    /// What the list has of a space is no longer there for the pool that permutes it.
    async fn thin_out(&self, tx: &Tx, states: &[Counter]) -> Result<(), ServiceError> {
        for Counter { record, .. } in states {
            let open = record.source == Source::Permutation && record.retired.is_none();
            if open && record.rule().shares_lengths(&self.rule) {
                pool::lower_cap(tx, record.id, self.in_space).await?;
            }
        }
        Ok(())
    }

    fn rows(&self) -> Vec<usize> {
        (0..self.serials.len()).collect()
    }

    /// Refuses rows that are taken; answers the counter values that computed pools must pass over.
    async fn free(&self, tx: &Tx, hub: &Hub, states: &[Counter]) -> Result<Vec<(PoolId, u64)>, ServiceError> {
        let issued = |id: PoolId| {
            states
                .iter()
                .find(|state| state.record.id == id)
                .map_or(u64::MAX, |state| state.next)
        };
        let (mut taken, mut skips) = (Vec::new(), Vec::new());
        for (row, id, index) in &self.met {
            if *index < issued(*id) {
                taken.push(*row);
            } else {
                skips.push((*id, *index));
            }
        }
        for rows in self.rows().chunks(store::CHUNK) {
            let candidates: Vec<Candidate<'_>> = rows
                .iter()
                .map(|row| Candidate {
                    position: *row,
                    serial: self.serials.get(*row),
                    epc: self.things.get(*row).copied().flatten(),
                })
                .collect();
            taken.extend(store::taken(tx, self.gtin.into(), &candidates).await?);
        }
        if taken.is_empty() {
            return Ok(skips);
        }
        taken.sort_unstable();
        taken.dedup();
        let found: Vec<_> = taken.into_iter().map(|row| (row, RowFault::Taken)).collect();
        Err(refused(
            &self.serials,
            self.first_line,
            &found,
            hub.limits().findings_per_code,
        ))
    }

    /// All numbers of the product that look as its rule says count, whoever made them.
    async fn check_density(&self, tx: &Tx, states: &[Counter]) -> Result<(), ServiceError> {
        let computed = states
            .iter()
            .filter(|state| state.record.source.is_computed() && state.record.rule().shares_lengths(&self.rule));
        let issued: u64 = computed.map(|state| state.next).sum();
        let listed = pool::listed_count(tx, self.gtin.into()).await?;
        let cap = NumberSpace::new(&self.rule)?.cap();
        let left = cap.saturating_sub(issued).saturating_sub(listed);
        if self.in_space <= left {
            return Ok(());
        }
        let detail = format!(
            "{} more serial numbers of `{}` would pass the density that its serial rule allows: give the product longer serial numbers",
            self.in_space, self.gtin
        );
        Err(ServiceError::refused(Code::PoolExhausted, detail))
    }

    /// What makes two lists the same: product and numbers in their order.
    pub(super) fn sha256(&self) -> [u8; 32] {
        sha256(self.gtin, &self.serials)
    }
}

/// SHA-256 over product and numbers in their order.
pub(super) fn sha256(gtin: Gtin, serials: &SerialList) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"counterfoil/serial-list/v1|");
    context.update(gtin.as_str().as_bytes());
    for serial in serials.iter() {
        // No serial has a line break.
        context.update(b"\n");
        context.update(serial.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The report: how many rows are wrong, and the first of them with what is wrong. Only for whoever sent the list.
fn refused(serials: &SerialList, first_line: u64, found: &[(usize, RowFault)], shown: usize) -> ServiceError {
    let violation = |(row, fault): &(usize, RowFault)| Violation {
        code: fault.code().to_owned(),
        pointer: format!("line {}", first_line + *row as u64),
        detail: format!("`{}`: {}", serials.get(*row), fault.text()),
        ..Violation::default()
    };
    let violations: Vec<Violation> = found.iter().take(shown).map(violation).collect();
    let more = if found.len() > shown {
        format!("; the first {shown} are told")
    } else {
        String::new()
    };
    ServiceError::Refused {
        code: Code::SerialsRefused,
        detail: format!(
            "{} of {} rows cannot be taken, so none was{more}: mend them and send the list again",
            found.len(),
            serials.len()
        ),
        violations,
    }
}

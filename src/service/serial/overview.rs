//! What an owner sees of its pools: where numbers come from, how far each pool is, why nobody guesses one, when it is full.
//!
//! The owner alone: a delegate that saw how far a pool is would learn what the others take.

use std::sync::Arc;

use crate::domain::ids::PoolId;
use crate::domain::party::{Actor, Registry};
use crate::domain::serial::capacity::{DensityProof, Pace};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::PoolRecord;
use crate::domain::serial::rule::{SerialRule, Source};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::service::page::{Page, Paged};
use crate::storage::serial::overview::{self as store, PoolLevel, PoolsWanted};

/// Over how many days the pace is taken.
const PACE_DAYS: i64 = 90;

/// A pool as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOverview {
    /// What it is made of.
    pub record: PoolRecord,
    /// The rule that its product has today; that of the pool if the product has none any more.
    pub rule: SerialRule,
    /// When it was made.
    pub created_at: Micros,
    /// Numbers in allocations.
    pub issued: u64,
    /// Counter values that nobody has and nobody gets.
    pub burnt: u64,
    /// How many may still be issued; nothing of a retired pool.
    pub remaining: u64,
    /// Why nobody guesses a number; none for numbers that are counted.
    pub proof: Option<DensityProof>,
    /// How fast numbers of the product were issued lately, if they were.
    pub pace: Option<Pace>,
    /// The UTC day, counted from 1970-01-01, on which the pool is used up at this pace.
    pub full_on: Option<i64>,
    /// The shortest greater length that would last for ten years at this pace.
    pub longer: Option<u8>,
}

/// Pools of what the caller owns, newest first.
pub async fn pools(
    hub: &Hub,
    actor: &Actor,
    numbered: Option<Numbered>,
    page: Page,
) -> Result<Paged<PoolOverview>, ServiceError> {
    let wanted = PoolsWanted {
        owner: &actor.party,
        numbered,
        before: page.after.map(|cursor| PoolId::new(cursor.id)),
        limit: page.first.saturating_add(1),
    };
    let listed = store::list(hub.db(), wanted).await?;
    let mut products: Vec<Numbered> = listed.iter().map(|(_, numbered)| *numbered).collect();
    products.sort_unstable();
    products.dedup();
    let sight = Sight::read(hub, products).await?;
    let rows: Vec<PoolOverview> = listed.iter().filter_map(|(id, _)| sight.overview(*id)).collect();
    Ok(Paged::by_id(rows, page, |pool| pool.record.id.uuid()))
}

/// One pool of the caller's.
pub(super) async fn pool(hub: &Hub, id: PoolId, numbered: Numbered) -> Result<PoolOverview, ServiceError> {
    let found = Sight::read(hub, vec![numbered]).await?.overview(id);
    found.ok_or_else(|| ServiceError::Internal(format!("{id} is no pool of `{numbered}`")))
}

/// What is known of some products.
struct Sight {
    registry: Arc<Registry>,
    today: i64,
    levels: Vec<PoolLevel>,
    paces: Vec<(Numbered, Pace)>,
}

impl Sight {
    async fn read(hub: &Hub, products: Vec<Numbered>) -> Result<Self, ServiceError> {
        let today = hub.now().day();
        Ok(Self {
            registry: hub.registry(),
            today,
            levels: store::levels(hub.db(), &products).await?,
            paces: store::paces(hub.db(), &products, today - PACE_DAYS, today).await?,
        })
    }

    fn overview(&self, id: PoolId) -> Option<PoolOverview> {
        let level = self.levels.iter().find(|level| level.counter.record.id == id)?;
        let record = &level.counter.record;
        let made = record.rule();
        let today = self.registry.numbering(record.numbered).map(|(_, rule)| rule);
        let density = today.as_ref().map_or(made.density, |rule| rule.density);
        let rule = today
            .filter(|rule| record.goes_on_under(rule))
            .unwrap_or_else(|| made.clone());
        let proof = made.space().map(|space| DensityProof {
            space,
            density,
            issued: self.issued_beside(record).saturating_add(level.elsewhere),
        });
        let left = |proof: &DensityProof| proof.issuable().saturating_sub(proof.issued);
        let free = match record.source {
            Source::Permutation | Source::Sequential => record.cap.saturating_sub(level.counter.next),
            Source::Imported | Source::Brokered | Source::Delegate => level.listed.saturating_sub(level.counter.next),
        };
        let remaining = match (record.retired, record.source) {
            (Some(_), _) => 0,
            (None, Source::Permutation) => proof.as_ref().map_or(free, |proof| free.min(left(proof))),
            (None, Source::Sequential | Source::Imported | Source::Brokered | Source::Delegate) => free,
        };
        let pace = find(&self.paces, record.numbered);
        let open = pace.filter(|_| record.retired.is_none());
        Some(PoolOverview {
            record: record.clone(),
            created_at: level.created_at,
            issued: level.issued,
            burnt: level.burnt,
            remaining,
            proof,
            pace,
            full_on: open.and_then(|pace| pace.wall(remaining, self.today)),
            longer: open.and_then(|pace| pace.longer(&rule)),
            rule,
        })
    }

    /// Numbers of the product that lie in the space of this pool, as far as their lengths tell: in whatever epoch, whoever made them.
    fn issued_beside(&self, record: &PoolRecord) -> u64 {
        let made = record.rule();
        let all = store::of_product(&self.levels, record).filter(|other| other.counter.record.rule().shares_lengths(&made));
        let issued = all.map(|other| {
            if other.counter.record.source.is_computed() {
                other.issued.saturating_add(other.burnt)
            } else {
                other.listed
            }
        });
        issued.fold(0, u64::saturating_add)
    }
}

fn find<T: Copy>(all: &[(Numbered, T)], numbered: Numbered) -> Option<T> {
    all.iter().find(|(one, _)| *one == numbered).map(|(_, found)| *found)
}

//! Requests for one product, decided and stored together in one transaction.
//!
//! Everything that they meet is read at once, each is judged in its order against what those before it left, and what they were given is
//! written at once. A request that is refused leaves the others as they are. It does not queue: see [`super::writer`].
//!
//! # Invariants
//! - The product's pools are locked from before the first read to the end: what was read stays true.
//! - The counter moves once, by what all of them take together; blocks lie one behind the other in the order of the requests.
//! - A key that was answered once is answered the same, also if it comes twice in one batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState};
use crate::domain::serial::limits::{Account, Exceeded, Limit, Wanted, grant};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::serial::rule::Source;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::account::AccountKey;
use crate::storage::serial::allocation::StoredAllocation;
use crate::storage::serial::issue::{self, Issue};
use crate::storage::serial::pool::Counter;
use crate::storage::serial::request::{self as waiting, Decision, Standing, StoredRequest};
use crate::storage::serial::{listed, pool};
use crate::storage::{StorageError, Tx, audit};

use super::floor::{self, Floor};
use super::pools;
use super::request::{Basis, SerialRequest, is_verdict, lot_closed, refusal, replay};
use super::stretch::Stretch;

/// A request, with what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Who asks.
    pub(super) actor: Actor,
    /// For what.
    pub(super) request: SerialRequest,
    /// On what basis.
    pub(super) basis: Basis,
    /// What makes it the same request.
    pub(super) hash: [u8; 32],
    /// Set if it waited under this id and the principal approves it now.
    pub(super) approved: Option<Approved>,
}

/// An approval that is being carried out.
#[derive(Debug, Clone)]
pub(super) struct Approved {
    /// The request that waited, and the allocation it becomes.
    pub(super) id: AllocationId,
    /// Who approves.
    pub(super) by: Actor,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What the request was given.
    pub allocation: Allocation,
    /// Whether it was given now; false for what its key was given before.
    pub first_time: bool,
}

impl Answered {
    fn now(allocation: &Allocation) -> Self {
        Self {
            allocation: allocation.clone(),
            first_time: true,
        }
    }

    pub(super) fn before(allocation: Allocation) -> Self {
        Self {
            allocation,
            first_time: false,
        }
    }
}

/// How a request ended. A refusal that is a verdict stands in the audit log.
pub(super) type Verdict = Result<Answered, ServiceError>;

/// Decides on requests for one product that rest on the same serial rule, and stores what they get.
///
/// An error is one of all of them, and nothing was written.
pub(super) async fn commit(hub: &Hub, batch: &Arc<[Asked]>) -> Result<Vec<Verdict>, ServiceError> {
    let Some(first) = batch.first() else {
        return Ok(Vec::new());
    };
    if let Some(verdicts) = try_commit(hub, batch).await? {
        return Ok(verdicts);
    }
    // Opened in a transaction of its own, since it may be refused for reasons that have nothing to do with the requests.
    let Basis { principal, rule, .. } = &first.basis;
    pools::for_product(hub, principal, first.request.numbered, rule).await?;
    let verdicts = try_commit(hub, batch).await?;
    verdicts.ok_or_else(pools::being_changed)
}

/// What a transaction decided, and where the counter stands after it.
struct Committed {
    verdicts: Vec<Verdict>,
    pool: Arc<Pool>,
    reached: u64,
}

async fn try_commit(hub: &Hub, batch: &Arc<[Asked]>) -> Result<Option<Vec<Verdict>>, ServiceError> {
    let (work, batch) = (hub.clone(), Arc::clone(batch));
    let committed = hub
        .db()
        .write::<_, ServiceError, _>(move |tx| Box::pin(async move { decide_in(tx, &work, &batch).await }))
        .await?;
    Ok(committed.map(|Committed { verdicts, pool, reached }| {
        hub.floor().moved(pool.record(), reached);
        verdicts
    }))
}

/// None if the product has no pool yet that follows the rule.
async fn decide_in(tx: &Tx, hub: &Hub, batch: &[Asked]) -> Result<Option<Committed>, ServiceError> {
    let Some(first) = batch.first() else {
        return Ok(None);
    };
    let now = hub.now();
    // INVARIANT: from here on nobody else allocates numbers of this product; what the next reads find stays true.
    let states = pool::lock_product(tx, first.request.numbered).await?;
    let keys: Vec<(AccountKey, &str)> = batch
        .iter()
        .map(|asked| (account_key(asked), asked.request.idempotency_key.as_str()))
        .collect();
    let Some(Counter { record, next }) = states.into_iter().find(|state| state.record.follows(&first.basis.rule)) else {
        return Ok(None);
    };
    let lots: Vec<_> = batch.iter().map(|asked| asked.request.lot_and_line()).collect();
    let met = waiting::met(tx, &keys, &lots, now.day(), Some((record.id, next))).await?;
    let pool = pools::prepare_in(hub, tx, record).await?;
    let cap = pool.cap_under(&first.basis.rule)?.min(stocked(tx, &pool).await?);
    let judge = |remaining| Judge::new(hub, batch, &keys, &met.each, remaining).all();
    let mut decisions = judge(cap.saturating_sub(next));
    let stretch = Stretch::find(tx, &pool, next..cap, taken(&decisions), met.first_skip).await?;
    if stretch.numbers() < taken(&decisions) {
        // Counter values that are no numbers lie before the cap: there is less than it seemed.
        decisions = judge(stretch.numbers());
    }
    let book = Book {
        hub,
        batch,
        pool: &pool,
        now,
    };
    if taken(&decisions) > 0 {
        floor::check_found(hub, met.held)?;
        floor::check_start(hub, pool.record(), next)?;
    }
    let (verdicts, reached) = book.write(tx, cap, &keys, decisions, stretch).await?;
    Ok(Some(Committed { verdicts, pool, reached }))
}

/// Up to where the numbers of a pool are there: those of a list must have come first.
async fn stocked(tx: &Tx, pool: &Pool) -> Result<u64, StorageError> {
    if pool.record().source.is_computed() {
        return Ok(u64::MAX);
    }
    listed::listed(tx, pool.record().id).await
}

pub(super) fn account_key(asked: &Asked) -> AccountKey {
    AccountKey {
        party: asked.actor.party.clone(),
        numbered: asked.request.numbered,
        agreement: asked.basis.agreement.as_ref().map(|agreement| agreement.id.clone()),
    }
}

/// What a request is to get.
#[derive(Debug)]
enum Decided {
    /// What its key was given before.
    Before(Box<Allocation>),
    /// What the request of that place in the batch gets, which is the same.
    Like(usize),
    /// So many numbers.
    Numbers(u64),
    /// A place in the principal's list.
    Approval,
    /// Nothing.
    Refusal(ServiceError),
}

fn taken(decisions: &[Decided]) -> u64 {
    decisions
        .iter()
        .map(|decided| match decided {
            Decided::Numbers(quantity) => *quantity,
            Decided::Before(_) | Decided::Like(_) | Decided::Approval | Decided::Refusal(_) => 0,
        })
        .sum()
}

/// Judges one request after the other, in memory.
struct Judge<'a> {
    batch: &'a [Asked],
    keys: &'a [(AccountKey, &'a str)],
    standings: &'a [Standing],
    accounts: HashMap<&'a AccountKey, Account>,
    answered: HashMap<(&'a str, &'a str), usize>,
    remaining: u64,
    floor: &'a Floor,
}

impl<'a> Judge<'a> {
    fn new(
        hub: &'a Hub,
        batch: &'a [Asked],
        keys: &'a [(AccountKey, &'a str)],
        standings: &'a [Standing],
        remaining: u64,
    ) -> Self {
        let accounts = keys.iter().zip(standings);
        Self {
            batch,
            keys,
            standings,
            accounts: accounts.map(|((key, _), standing)| (key, standing.account)).collect(),
            answered: HashMap::new(),
            remaining,
            floor: hub.floor(),
        }
    }

    fn all(mut self) -> Vec<Decided> {
        let mut decisions = Vec::with_capacity(self.batch.len());
        for (place, (asked, (standing, (account, key)))) in
            self.batch.iter().zip(self.standings.iter().zip(self.keys)).enumerate()
        {
            let decided = self.one(place, asked, standing, account, key);
            decisions.push(decided.unwrap_or_else(Decided::Refusal));
        }
        decisions
    }

    fn one(
        &mut self,
        place: usize,
        asked: &Asked,
        standing: &Standing,
        account: &'a AccountKey,
        key: &'a str,
    ) -> Result<Decided, ServiceError> {
        let before =
            |allocation: &Allocation, hash| Ok(Decided::Before(Box::new(replay(allocation.clone(), hash, &asked.hash)?)));
        if let Some(stored) = &standing.allocation {
            return before(&stored.allocation, stored.request_hash);
        }
        if let Some(stored) = &standing.waiting
            && asked
                .approved
                .as_ref()
                .is_none_or(|approved| approved.id != stored.allocation.id)
        {
            return before(&stored.allocation, stored.request_hash);
        }
        let name = (account.party.as_str(), key);
        if let Some(first) = self.answered.get(&name).copied() {
            let same = self.batch.get(first).is_some_and(|first| first.hash == asked.hash);
            return if same {
                Ok(Decided::Like(first))
            } else {
                Err(reused_at_once())
            };
        }
        if standing.lot_closed {
            return Err(lot_closed(&asked.request));
        }
        let decided = self.grant(asked, account)?;
        self.answered.insert(name, place);
        Ok(decided)
    }

    fn grant(&mut self, asked: &Asked, account: &'a AccountKey) -> Result<Decided, ServiceError> {
        let SerialRequest {
            quantity, partial_ok, ..
        } = asked.request;
        let agreement = asked.basis.agreement.as_ref();
        let quota = agreement.map(|agreement| agreement.quota).unwrap_or_default();
        let counts = self.accounts.entry(account).or_default();
        let waits = asked.approved.is_none() && asked.basis.asks_approval(quantity);
        // The owner's own system is asked once the owner has said yes.
        let remaining = if waits && asked.basis.rule.source == Source::Brokered {
            u64::MAX
        } else {
            self.remaining
        };
        let granted =
            grant(Wanted { quantity, partial_ok }, &quota, counts, remaining).map_err(|exceeded| over(&exceeded, asked))?;
        if waits {
            return Ok(Decided::Approval);
        }
        self.floor.check()?;
        counts.issue(granted);
        self.remaining -= granted;
        Ok(Decided::Numbers(granted))
    }
}

fn reused_at_once() -> ServiceError {
    let detail = "the idempotency key is being used for another request at this moment: take a new key for a new request";
    ServiceError::refused(Code::KeyReused, detail)
}

/// Says which limit, and what it leaves; of the pool not even that: it would tell one delegate what the others took.
pub(super) fn over(exceeded: &Exceeded, asked: &Asked) -> ServiceError {
    let Exceeded { limit, allowed, left } = exceeded;
    let (quantity, numbered) = (asked.request.quantity, asked.request.numbered);
    let agreement = asked.basis.agreement.as_ref().map_or("", |agreement| agreement.id.as_str());
    let (code, rest) = match limit {
        Limit::PerRequest => (
            Code::QuotaExceeded,
            format!("agreement `{agreement}` allows {allowed} in one request"),
        ),
        Limit::Total => (
            Code::QuotaExceeded,
            format!("of the {allowed} that agreement `{agreement}` allows for `{numbered}`, {left} are left"),
        ),
        Limit::PerDay => (
            Code::DailyLimit,
            format!(
                "of the {allowed} a day that agreement `{agreement}` allows for `{numbered}`, {left} are left until midnight UTC"
            ),
        ),
        Limit::Outstanding => (
            Code::OutstandingLimit,
            format!(
                "agreement `{agreement}` allows {allowed} of `{numbered}` that are issued and neither used nor returned, so {left} more can be \
                 issued: report what was commissioned, scrapped or sampled, or return what is not needed"
            ),
        ),
        Limit::Remaining => (Code::PoolExhausted, used_up(asked.basis.rule.source, numbered)),
    };
    ServiceError::refused(code, format!("{quantity} serial numbers asked for; {rest}"))
}

/// Why a pool has not that many numbers, and who can do what about it.
fn used_up(source: Source, numbered: Numbered) -> String {
    match source {
        Source::Permutation | Source::Sequential => format!(
            "that many more of `{numbered}` would pass what its serial rule allows (its density, or its range): ask for fewer, or let the \
             brand owner give the product longer serial numbers"
        ),
        Source::Imported => format!(
            "the numbers of `{numbered}` are those of a list, which has not that many left: ask for fewer, or let the brand owner send more \
             with `POST /serials/v1/imports`"
        ),
        Source::Brokered => format!(
            "the numbers of `{numbered}` come from the brand owner's own system, and of those that it has delivered not that many are left: \
             ask for fewer, or again once it has delivered more"
        ),
        Source::Delegate => format!(
            "the packager makes the numbers of `{numbered}` itself, and of those that it has sent none are left to give out: send more with \
             `POST /serials/v1/registrations`"
        ),
    }
}

/// Writes a decided batch.
struct Book<'a> {
    hub: &'a Hub,
    batch: &'a [Asked],
    pool: &'a Pool,
    now: Micros,
}

impl Book<'_> {
    async fn write(
        &self,
        tx: &Tx,
        cap: u64,
        keys: &[(AccountKey, &str)],
        decisions: Vec<Decided>,
        mut stretch: Stretch,
    ) -> Result<(Vec<Verdict>, u64), ServiceError> {
        let (mut allocations, mut waits, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let mut issued: BTreeMap<&AccountKey, u64> = BTreeMap::new();
        let first = stretch.next();
        let mut verdicts: Vec<Verdict> = Vec::with_capacity(decisions.len());
        for ((asked, (account, _)), decided) in self.batch.iter().zip(keys).zip(decisions) {
            let verdict = match decided {
                Decided::Before(allocation) => Ok(Answered::before(*allocation)),
                Decided::Like(place) => match verdicts.get(place) {
                    Some(Ok(first)) => Ok(Answered::before(first.allocation.clone())),
                    Some(Err(_)) | None => Err(ServiceError::Internal("a batch lost an answer".to_owned())),
                },
                Decided::Numbers(quantity) => {
                    let stored = self.allocation(asked, quantity, &mut stretch)?;
                    *issued.entry(account).or_default() += quantity;
                    entries.extend(self.granted(asked, &stored.allocation));
                    let answered = Answered::now(&stored.allocation);
                    allocations.push(stored);
                    Ok(answered)
                }
                Decided::Approval => {
                    let stored = self.waiting(asked);
                    entries.extend(self.granted(asked, &stored.allocation));
                    let answered = Answered::now(&stored.allocation);
                    waits.push(stored);
                    Ok(answered)
                }
                Decided::Refusal(error) => {
                    if is_verdict(error.code()) {
                        entries.push(refusal(self.hub, &asked.actor, &asked.request, error.code(), self.now));
                    }
                    Err(error)
                }
            };
            verdicts.push(verdict);
        }
        if allocations.is_empty() {
            if !entries.is_empty() {
                audit::append_all(tx, &entries).await?;
            }
        } else {
            // Two products' batches that use the same keys lock them in the same order.
            allocations.sort_by(|a, b| {
                (&a.allocation.party, &a.allocation.request_key).cmp(&(&b.allocation.party, &b.allocation.request_key))
            });
            let accounts: Vec<(&AccountKey, u64)> = issued.into_iter().collect();
            let issue = Issue {
                pool: self.pool.record().id,
                span: stretch.next() - first,
                cap,
                allocations: &allocations,
                accounts: &accounts,
                entries: &entries,
                at: self.now,
            };
            if issue::issue(tx, &issue).await? != Some(first) {
                let detail = format!("pool.next_index of {} moved under its lock", issue.pool);
                return Err(StorageError::Inconsistent(detail).into());
            }
            self.decide(tx).await?;
        }
        if !waits.is_empty() {
            waiting::insert(tx, &waits).await?;
        }
        Ok((verdicts, stretch.next()))
    }

    fn allocation(&self, asked: &Asked, quantity: u64, stretch: &mut Stretch) -> Result<StoredAllocation, ServiceError> {
        let part = stretch.take(quantity)?;
        let lease = asked
            .basis
            .agreement
            .as_ref()
            .and_then(|agreement| agreement.quota.lease_days);
        let lease = lease.and_then(|days| i64::try_from(days).ok()?.checked_mul(86_400));
        Ok(StoredAllocation {
            allocation: Allocation {
                quantity,
                asked: Some(asked.request.quantity).filter(|asked| *asked > quantity),
                expires_at: lease.map(|seconds| self.now.plus_seconds(seconds)),
                ..self.blank(asked, AllocationState::Reserved)
            },
            pool: self.pool.record().id,
            first_index: part.first_index,
            span: part.span,
            holes: part.holes,
            request_hash: asked.hash,
        })
    }

    fn waiting(&self, asked: &Asked) -> StoredRequest {
        StoredRequest {
            allocation: self.blank(asked, AllocationState::Pending),
            partial_ok: asked.request.partial_ok,
            request_hash: asked.hash,
        }
    }

    fn blank(&self, asked: &Asked, state: AllocationState) -> Allocation {
        let approved = asked.approved.as_ref().map(|approved| approved.id);
        let request = asked.request.clone();
        Allocation {
            id: approved.unwrap_or_else(|| AllocationId::new(self.hub.new_id(self.now))),
            numbered: request.numbered,
            party: asked.actor.party.clone(),
            system: Some(asked.actor.system.clone()),
            principal: asked.basis.principal.clone(),
            agreement: asked.basis.agreement.as_ref().map(|agreement| agreement.id.clone()),
            quantity: request.quantity,
            asked: None,
            lot: request.lot,
            site: request.site,
            line: request.line,
            documents: request.documents,
            expires_at: None,
            state,
            request_key: request.idempotency_key,
            created_at: self.now,
        }
    }

    /// What the log says of it: of an approval, who approved.
    fn granted(&self, asked: &Asked, allocation: &Allocation) -> Option<AuditEntry> {
        let (actor, action) = match &asked.approved {
            Some(approved) => (&approved.by, AuditAction::ApproveSerials),
            None => (&asked.actor, AuditAction::RequestSerials),
        };
        let mut detail = serde_json::json!({
            "gtin": allocation.numbered, "quantity": allocation.quantity, "agreement": allocation.agreement,
            "lot": allocation.lot, "site": allocation.site, "key": allocation.request_key,
        });
        let facts = detail.as_object_mut()?;
        if let Some(line) = &allocation.line {
            facts.insert("line".to_owned(), line.as_str().into());
        }
        if !allocation.documents.is_empty() {
            facts.insert("documents".to_owned(), serde_json::json!(allocation.documents));
        }
        if let Some(asked) = allocation.asked {
            facts.insert("asked".to_owned(), asked.into());
        }
        if allocation.state == AllocationState::Pending {
            facts.insert("state".to_owned(), allocation.state.as_str().into());
        }
        Some(AuditEntry {
            id: AuditId::new(self.hub.new_id(self.now)),
            at: self.now,
            principal: Some(allocation.principal.clone()).filter(|principal| *principal != actor.party),
            actor: actor.clone(),
            action,
            object: allocation.id.to_string(),
            outcome: Outcome::Done,
            detail,
        })
    }

    /// Takes those that were approved now off the principal's list.
    async fn decide(&self, tx: &Tx) -> Result<(), ServiceError> {
        for approved in self.batch.iter().filter_map(|asked| asked.approved.as_ref()) {
            let decision = Decision {
                rejected: None,
                by: approved.by.party.clone(),
                at: self.now,
            };
            if !waiting::decide(tx, approved.id, &decision).await? {
                return Err(StorageError::Conflict("the request was decided on in the meantime").into());
            }
        }
        Ok(())
    }
}

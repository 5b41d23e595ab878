//! No number moves on data that may be older than what was issued from it.
//!
//! A backup that is restored would issue again what was issued since it was made. So a hub that starts asks itself whether its
//! database is the one it left ([`judge`]); if it cannot tell, it *holds*: every request that would move a counter is refused
//! with `FLOOR_UNCONFIRMED` until the operator has said how far numbers had gone ([`confirm`]). Nothing else stops: reading, capture,
//! and what a known idempotency key is answered.
//!
//! What it goes by:
//! - a witness file in the data folder: how far the counters had come, when the file itself was made and (SQLite) when the
//!   database file was, which no tool that copies or restores files can set;
//! - PostgreSQL: system, timeline, database and table, and how far the log is; a dump that was loaded, a point-in-time recovery and a
//!   standby that took over change one of them. This is asked again in each transaction that moves a counter;
//! - what this process has itself seen committed: a counter that is behind that has gone back.
//!
//! What it cannot see: a snapshot of the whole disk or machine that is rolled back, and a data folder that was moved aside and is moved
//! back. For those there is [`hold`]: `counterfoil serials floor hold`, before the hub is started.
//!
//! # Invariants
//! - A hold binds every process: it is a row that is read under the lock of the pool, in the transaction that moves its counter.
//! - A crash at any moment never holds a hub: the witness is written after the commit, and says no more than it.

mod confirm;
mod keeper;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::AuditId;
use crate::domain::party::Actor;
use crate::domain::serial::floor::{Counter, Counters};
use crate::domain::serial::pool::PoolRecord;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::{floor as store, pool};
use crate::storage::{Tx, audit};

pub use crate::domain::serial::floor::{Doubt, judge};
pub use confirm::{Burn, Confirmation, Confirmed, PoolView, Standing, confirm, reached_by, standing};
pub use keeper::Keeper;

/// How this process knows the floor to stand. Free until a [`Keeper`] has looked.
#[derive(Debug, Default)]
pub struct Floor {
    held: ArcSwapOption<String>,
    /// What this process has seen committed.
    reached: Mutex<Counters>,
    moved: AtomicBool,
}

impl Floor {
    /// Why no number moves; none if they do. For the operator alone.
    #[must_use]
    pub fn held(&self) -> Option<Arc<String>> {
        self.held.load_full()
    }

    /// Refuses while numbers are held.
    pub fn check(&self) -> Result<(), ServiceError> {
        match self.held.load().is_some() {
            true => Err(refusal()),
            false => Ok(()),
        }
    }

    /// Notes how far a counter has come; after the commit, never before.
    pub fn moved(&self, pool: &PoolRecord, next_index: u64) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reached.entry(counter(pool)).or_default();
        *known = next_index.max(*known);
        self.moved.store(true, Ordering::Release);
    }

    fn reached(&self, pool: &PoolRecord) -> u64 {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.get(&counter(pool)).copied().unwrap_or(0)
    }

    fn all_reached(&self) -> Counters {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, counters: Counters) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = counters;
        self.moved.store(true, Ordering::Release);
    }

    /// Stops numbers in this process at once; its [`Keeper`] finds out whether all must stop, or whether it is over already.
    fn stop(&self, why: String) {
        self.held.store(Some(Arc::new(why)));
    }
}

fn counter(pool: &PoolRecord) -> Counter {
    Counter {
        numbered: pool.numbered,
        epoch: pool.epoch,
    }
}

/// The partner learns that it is not its fault and that its key is still good, not why.
fn refusal() -> ServiceError {
    ServiceError::refused(
        Code::FloorUnconfirmed,
        "new serial numbers are held: the hub may have been restored from a backup, and its operator must first confirm which numbers \
         were issued since; allocations that you have can be read; ask again later with the same key",
    )
}

/// Moves the counter of a pool and answers the first counter value taken; none if that would pass `cap`. The caller holds the pool
/// ([`pool::lock_product`]), and tells [`Floor::moved`] after the commit.
///
/// The way for numbers to be issued: refused while they are held, and if the counter has gone back. Requests that wait together go
/// it in parts, see [`super::batch`].
pub(super) async fn take(tx: &Tx, hub: &Hub, pool: &PoolRecord, quantity: u64, cap: u64) -> Result<Option<u64>, ServiceError> {
    check_in(tx, hub).await?;
    let first = pool::take(tx, pool.id, quantity, cap).await?;
    if let Some(first) = first {
        check_start(hub, pool, first)?;
    }
    Ok(first)
}

/// Refuses numbers from a counter that has gone back, and stops all. For a caller that has seen to the rest of [`take`] itself.
pub(super) fn check_start(hub: &Hub, pool: &PoolRecord, first: u64) -> Result<(), ServiceError> {
    let reached = hub.floor().reached(pool);
    if first < reached {
        let counter = counter(pool);
        hub.floor().stop(format!(
            "the counter of `{counter}` was at {reached} and is at {first}: the database was restored under a running hub"
        ));
        return Err(refusal());
    }
    Ok(())
}

/// Refuses, and stops all, if a transaction found numbers held.
pub(super) fn check_found(hub: &Hub, held: Option<String>) -> Result<(), ServiceError> {
    hub.floor().check()?;
    match held {
        Some(why) => {
            hub.floor().stop(why);
            Err(refusal())
        }
        None => Ok(()),
    }
}

async fn check_in(tx: &Tx, hub: &Hub) -> Result<(), ServiceError> {
    check_found(hub, store::refusal_in(tx).await?)
}

/// Whether a pool may be retired where its counter stands: refused while numbers are held, and if the counter has gone back. A newer
/// epoch goes by where it ended.
pub(super) async fn check_end(tx: &Tx, hub: &Hub, pool: &PoolRecord, next_index: u64) -> Result<(), ServiceError> {
    check_in(tx, hub).await?;
    check_start(hub, pool, next_index)
}

/// Holds all numbers, in every process on this database; false if they were held already.
///
/// For a restore that no hub can see. No number moves any more when this returns. Without an actor (a hub that has no contracts)
/// there is no audit entry.
pub async fn hold(hub: &Hub, actor: Option<&Actor>, why: &str) -> Result<bool, ServiceError> {
    let identity = keeper::identity(hub).await?;
    let entry = actor.map(|actor| entry(hub, actor, AuditAction::HoldSerials, serde_json::json!({ "why": why })));
    let (why, at, lineage) = (why.to_owned(), hub.now(), keeper::fresh_lineage(hub));
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                let hold = store::Hold {
                    identity: &identity,
                    lineage: &lineage,
                    why: &why,
                    at,
                };
                let held = store::hold(tx, hold).await?;
                if let (true, Some(entry)) = (held, entry) {
                    audit::append(tx, &entry).await?;
                }
                Ok(held)
            })
        })
        .await
}

fn entry(hub: &Hub, actor: &Actor, action: AuditAction, detail: serde_json::Value) -> AuditEntry {
    let at = hub.now();
    AuditEntry {
        id: AuditId::new(hub.new_id(at)),
        at,
        actor: actor.clone(),
        principal: None,
        action,
        object: "serial-floor".to_owned(),
        outcome: Outcome::Done,
        detail,
    }
}

/// In whose name the hub itself acts; none before there are contracts.
fn hub_itself(hub: &Hub) -> Option<Actor> {
    Some(Actor {
        party: hub.registry().operator()?.clone(),
        system: "hub".to_owned(),
    })
}

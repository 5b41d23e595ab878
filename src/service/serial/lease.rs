//! Leases: numbers that their holder does not use in time are lost, and are not issued again.
//!
//! A line that is cut off works on with the numbers it has; while it lives it moves the end of its lease ([`extend`]). When a lease has run
//! out, what nobody has reported of the allocation is written off as lost, so that it stands in the balance of its lot and no longer
//! counts as outstanding. Such a number on a pack later is a finding; its owner can find it again by a report.
//!
//! # Invariants
//! - One allocation is one transaction: a process that dies leaves it whole for the next.
//! - Two processes that come to the same allocation at once write it off once.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::Allocation;
use crate::domain::serial::life::{SerialState, Who};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::state::Kept;
use crate::storage::serial::{Reader, lease as store, lot, state};
use crate::storage::{Tx, audit};

/// Allocations written off at a time.
const BATCH: u64 = 32;
/// Why an allocation is closed whose lease ran out.
const EXPIRED: &str = "the lease ran out";
const SECONDS_A_DAY: i64 = 86_400;

/// Writes off what is left of allocations whose lease has run out: a batch of them. How many there were; fewer than a batch: no more are due.
pub async fn expire_leases(hub: &Hub) -> Result<u64, ServiceError> {
    let due = store::expired(hub.db(), hub.now(), BATCH).await?;
    for id in &due {
        let (hub, id) = (hub.clone(), *id);
        hub.db()
            .clone()
            .write(move |tx| Box::pin(async move { expire(tx, &hub, id).await }))
            .await?;
    }
    Ok(due.len() as u64)
}

/// Whether there may be more after a batch of this size.
#[must_use]
pub fn may_be_more(batch: u64) -> bool {
    batch == BATCH
}

async fn expire(tx: &Tx, hub: &Hub, id: AllocationId) -> Result<(), ServiceError> {
    let now = hub.now();
    state::lock(tx, &[id]).await?;
    let Some(mut kept) = state::books(Reader::Tx(tx), &[id]).await?.pop() else {
        return Ok(());
    };
    let allocation = &kept.stored.allocation;
    // Extended or written off since it was found.
    if allocation.state.closed_at().is_some() || allocation.expires_at.is_none_or(|at| at > now) {
        return Ok(());
    }
    let lost = write_off(tx, &mut kept, now).await?;
    lot::close_allocations(tx, &[id], EXPIRED, now).await?;
    let allocation = &kept.stored.allocation;
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        // Nobody asked for it: it stands in the log of whoever had the numbers, and of the owner.
        actor: Actor {
            party: allocation.party.clone(),
            system: "hub".to_owned(),
        },
        principal: Some(allocation.principal.clone()).filter(|principal| *principal != allocation.party),
        action: AuditAction::ExpireLease,
        object: id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "gtin": allocation.numbered, "lost": lost, "expired_at": allocation.expires_at }),
    };
    Ok(audit::append(tx, &entry).await?)
}

/// What nobody has reported of an allocation is lost: of one whose lease ran out, or that its holder closes. The caller has locked it
/// ([`state::lock`]) before it read it. Answers how many numbers that were.
pub(super) async fn write_off(tx: &Tx, kept: &mut Kept, now: Micros) -> Result<u64, ServiceError> {
    let lot = kept.stored.allocation.lot.clone().unwrap_or_default();
    let unused = kept.book.unused();
    let shift = kept.book.shift(&unused, SerialState::Lost, Who::Hub, &lot);
    state::save(tx, &[kept], now).await?;
    Ok(shift.moved.len())
}

/// Moves the end of a lease: the holder's line lives. From now on it is as long as the agreement gives it today; a lease that has run out
/// does not come back.
pub async fn extend_lease(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    let (hub, actor) = (hub.clone(), actor.clone());
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { extend(tx, &hub, &actor, id).await }))
        .await
}

async fn extend(tx: &Tx, hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    let now = hub.now();
    state::lock(tx, &[id]).await?;
    let kept = state::books(Reader::Tx(tx), &[id]).await?.pop();
    let kept = kept.filter(|kept| kept.stored.allocation.party == actor.party || !kept.book.held_by(&actor.party).is_empty());
    let mut allocation = kept.ok_or_else(ServiceError::not_found)?.stored.allocation;
    let until = end(hub, &allocation, now)?;
    let before = allocation.expires_at;
    if allocation.state.closed_at().is_some() || before.is_some_and(|before| before <= now) {
        let detail = "the lease has run out or the allocation is closed: ask for new serial numbers";
        return Err(ServiceError::refused(Code::Conflict, detail));
    }
    if before.is_none_or(|before| before >= until) {
        return Ok(allocation);
    }
    if !store::extend(tx, id, until, now).await? {
        return Err(ServiceError::Internal(format!("allocation.expires_at of {id} did not move")));
    }
    allocation.expires_at = Some(until);
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: Some(allocation.principal.clone()).filter(|principal| *principal != actor.party),
        action: AuditAction::ExtendLease,
        object: id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "until": until }),
    };
    audit::append(tx, &entry).await?;
    Ok(allocation)
}

/// When a lease that begins now would end.
fn end(hub: &Hub, allocation: &Allocation, now: Micros) -> Result<Micros, ServiceError> {
    let registry = hub.registry();
    let agreement = allocation.agreement.as_ref().and_then(|id| registry.agreement(id));
    let days = agreement
        .filter(|agreement| agreement.holds_at(now))
        .and_then(|agreement| agreement.quota.lease_days);
    let days = days.and_then(|days| i64::try_from(days).ok()).ok_or_else(|| {
        let detail = "the allocation has no lease, or its agreement gives none any more: there is nothing to extend";
        ServiceError::refused(Code::NoAgreement, detail)
    })?;
    Ok(now.plus_seconds(days.saturating_mul(SECONDS_A_DAY)))
}

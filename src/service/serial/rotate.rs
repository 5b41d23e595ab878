//! The owner of a product takes a new key for its serial numbers.
//!
//! Numbers that are out stay good: they are read and looked up under the old key, which is never given up. New ones are of the new key
//! and leave out what was issued under the old. Needed if a key may be known to others: whoever has it can tell every number of its epoch.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AuditId, PoolId};
use crate::domain::party::Actor;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::rule::Source;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::pool::{self as store, Counter};
use crate::storage::{Tx, audit, party};

use super::epoch::{self, Wanted};
use super::overview::{self, PoolOverview};
use super::pools;

/// Longest reason, in characters.
const REASON_LENGTH: usize = 500;

/// What an owner asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// What the numbers are for.
    pub numbered: Numbered,
    /// The epoch whose key is given up: asked again for one that was, nothing more happens.
    pub epoch: i64,
    /// Why, for the audit: 1 to 500 characters.
    pub reason: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The pool that numbers come from now.
    pub pool: PoolOverview,
    /// Whether it was made by this call; if not, an earlier one gave the epoch up.
    pub fresh: bool,
}

/// Ends an epoch of one of the caller's products and begins the next, with a key of its own.
pub async fn rotate(hub: &Hub, actor: &Actor, rotation: Rotation) -> Result<Rotated, ServiceError> {
    let reason = rotation.reason.trim();
    if !(1..=REASON_LENGTH).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let detail = format!("`reason` has 1 to {REASON_LENGTH} characters on one line: it stands in the audit");
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    let numbered = rotation.numbered;
    let (id, fresh) = commit(hub, actor, rotation).await?;
    let pool = overview::pool(hub, id, numbered).await?;
    Ok(Rotated { pool, fresh })
}

async fn commit(hub: &Hub, actor: &Actor, rotation: Rotation) -> Result<(PoolId, bool), ServiceError> {
    let (hub, actor, now) = (hub.clone(), actor.clone(), hub.now());
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { rotate_in(tx, &hub, &actor, &rotation, now).await }))
        .await
}

async fn rotate_in(tx: &Tx, hub: &Hub, actor: &Actor, rotation: &Rotation, now: Micros) -> Result<(PoolId, bool), ServiceError> {
    let registry = hub.registry();
    let numbering = registry.numbering(rotation.numbered);
    let (owner, rule) = numbering
        .filter(|(owner, _)| owner.id == actor.party && owner.active)
        .ok_or_else(ServiceError::not_found)?;
    if party::registry_version_in(tx).await? > registry.version() {
        return Err(pools::being_changed());
    }
    let counters = store::lock_product(tx, rotation.numbered).await?;
    let Some(current) = counters.iter().find(|counter| counter.record.goes_on_under(&rule)) else {
        let detail = "no serial number was issued under the product's serial rule yet: there is no key to rotate";
        return Err(ServiceError::refused(Code::BadInput, detail));
    };
    if is_over(&counters, rotation.epoch) {
        return Ok((current.record.id, false));
    }
    if current.record.epoch != rotation.epoch {
        let detail = format!(
            "epoch {} is not the one in use: that is {}",
            rotation.epoch, current.record.epoch
        );
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    if current.record.source != Source::Permutation {
        let detail = format!("the serial numbers of `{}` are not made with a key", rotation.numbered);
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    let wanted = Wanted {
        owner: owner.id.clone(),
        numbered: rotation.numbered,
        rule: &rule,
        now,
    };
    let pool = epoch::succeed(tx, hub, wanted, counters).await?;
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::RotateSerialKey,
        object: rotation.numbered.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({
            "from_epoch": rotation.epoch, "to_epoch": pool.record().epoch, "pool": pool.record().id, "reason": rotation.reason.trim(),
        }),
    };
    audit::append(tx, &entry).await?;
    Ok((pool.record().id, true))
}

fn is_over(counters: &[Counter], epoch: i64) -> bool {
    let mut ended = counters.iter().filter(|counter| counter.record.retired.is_some());
    ended.any(|counter| counter.record.epoch == epoch)
}

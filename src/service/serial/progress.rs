//! An allocation moves on: its holder confirms that it has the numbers, and closes it when it is done.
//!
//! Both can be said twice. Closing takes no number away from anybody: what was not used is settled as returned or lost elsewhere;
//! it only ends the reading.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::audit;
use crate::storage::serial::allocation as store;

use super::allocation;

/// Longest reason, in characters.
const REASON_LENGTH: usize = 200;

/// Notes that the caller, who holds the allocation, has its numbers. It must have fetched them.
pub async fn confirm(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    let found = seen(hub, actor, id).await?;
    if found.party != actor.party {
        let detail = "only the party that has the numbers can confirm that it has them";
        return Err(ServiceError::refused(Code::NotEntitled, detail));
    }
    match &found.state {
        AllocationState::Acknowledged { .. } | AllocationState::Closed { .. } => return Ok(found),
        AllocationState::Pending | AllocationState::Rejected { .. } => return Err(no_numbers(&found)),
        AllocationState::Reserved => {
            let detail = format!("nobody has fetched the numbers of {id} yet: read them first, then confirm");
            return Err(ServiceError::refused(Code::Conflict, detail));
        }
        AllocationState::Transmitted { .. } => {}
    }
    let now = hub.now();
    let entry = entry(hub, actor, &found, (AuditAction::AcknowledgeSerials, now));
    let party = actor.party.clone();
    hub.db()
        .write::<_, ServiceError, _>(move |tx| {
            Box::pin(async move {
                // Somebody else of the party may have been faster: then it stands in the log already.
                if store::acknowledge(tx, id, &party, now).await? {
                    audit::append(tx, &entry).await?;
                }
                Ok(())
            })
        })
        .await?;
    seen(hub, actor, id).await
}

/// Ends the reading of an allocation, by its holder or by the party on whose behalf it was made. The first reason stands.
pub async fn close(hub: &Hub, actor: &Actor, id: AllocationId, reason: Option<String>) -> Result<Allocation, ServiceError> {
    let reason = reason.unwrap_or_default();
    check_reason(&reason, 0)?;
    let found = seen(hub, actor, id).await?;
    match &found.state {
        AllocationState::Closed { .. } => return Ok(found),
        AllocationState::Pending | AllocationState::Rejected { .. } => return Err(no_numbers(&found)),
        AllocationState::Reserved | AllocationState::Transmitted { .. } | AllocationState::Acknowledged { .. } => {}
    }
    let now = hub.now();
    let mut entry = entry(hub, actor, &found, (AuditAction::CloseSerials, now));
    if let Some(facts) = entry.detail.as_object_mut() {
        facts.insert("reason".to_owned(), reason.as_str().into());
    }
    hub.db()
        .write::<_, ServiceError, _>(move |tx| {
            Box::pin(async move {
                if store::close(tx, id, &reason, now).await? {
                    audit::append(tx, &entry).await?;
                }
                Ok(())
            })
        })
        .await?;
    seen(hub, actor, id).await
}

/// A reason in the words of a person.
pub(super) fn check_reason(reason: &str, least: usize) -> Result<(), ServiceError> {
    let length = reason.chars().count();
    if (least..=REASON_LENGTH).contains(&length) && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("a reason has {least} to {REASON_LENGTH} characters on one line");
    Err(ServiceError::refused(Code::BadInput, detail))
}

async fn seen(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    allocation(hub, actor, id).await?.ok_or_else(ServiceError::not_found)
}

/// Why an allocation without numbers cannot be read, confirmed or closed.
pub(super) fn no_numbers(found: &Allocation) -> ServiceError {
    match found.state.reason() {
        Some(reason) => {
            let detail = format!(
                "`{}` did not approve {}, so it has no numbers: {reason}",
                found.principal, found.id
            );
            ServiceError::refused(Code::RequestRejected, detail)
        }
        None => {
            let detail = format!(
                "{} has no numbers until `{}` approves it: ask again later",
                found.id, found.principal
            );
            ServiceError::refused(Code::AwaitingApproval, detail)
        }
    }
}

fn entry(hub: &Hub, actor: &Actor, of: &Allocation, (action, now): (AuditAction, Micros)) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: Some(of.principal.clone()).filter(|principal| *principal != actor.party),
        action,
        object: of.id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "gtin": of.numbered, "quantity": of.quantity }),
    }
}

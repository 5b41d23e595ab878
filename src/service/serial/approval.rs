//! Requests that wait for their principal: what waits, yes, and no.
//!
//! A request that waits has taken no number. An approval gives them out under the key and id of the request, on the agreement as it
//! stands then, with every limit judged again. Only the principal decides.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState};
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::page::{Page, Paged};
use crate::storage::audit;
use crate::storage::serial::request::{self as store, Decision, StoredRequest};

use super::allocation;
use super::batch::{Approved, Asked};
use super::progress::{check_reason, no_numbers};
use super::request::{SerialRequest, basis, no_agreement, supplied};

/// Requests that wait for the caller's approval, and its own that wait for another's; newest first.
pub async fn pending(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<Allocation>, ServiceError> {
    let before = page.after.map(|cursor| AllocationId::new(cursor.id));
    let rows = store::pending(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    let rows = rows.into_iter().map(|stored| stored.allocation).collect();
    Ok(Paged::by_id(rows, page, |row: &Allocation| row.id.uuid()))
}

/// Gives out the numbers of a request that waits for the caller. Said twice it is the same as once.
pub async fn approve(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    let Some(stored) = waiting(hub, actor, id).await? else {
        return decided(hub, actor, id).await;
    };
    let StoredRequest {
        allocation,
        partial_ok,
        request_hash,
    } = stored;
    if allocation.state != AllocationState::Pending {
        return Err(no_numbers(&allocation));
    }
    let asker = Actor {
        party: allocation.party,
        system: allocation.system.unwrap_or_default(),
    };
    let request = SerialRequest {
        agreement: allocation.agreement,
        lot: allocation.lot,
        site: allocation.site,
        line: allocation.line,
        documents: allocation.documents,
        partial_ok,
        ..SerialRequest::new(allocation.numbered, allocation.quantity, allocation.request_key)
    };
    let basis = basis(&hub.registry(), &asker, &request, hub.now()).ok_or_else(|| no_agreement(&request))?;
    // The stock of the first look may have gone to others since.
    let _turn = supplied(hub, &asker, &request, &basis, true).await?;
    let asked = Asked {
        actor: asker,
        request,
        basis,
        hash: request_hash,
        approved: Some(Approved { id, by: actor.clone() }),
    };
    hub.serial_writer()
        .submit(hub, asked)
        .await
        .map(|answered| answered.allocation)
}

/// Refuses a request that waits for the caller, and tells the party that asked why.
pub async fn reject(hub: &Hub, actor: &Actor, id: AllocationId, reason: String) -> Result<Allocation, ServiceError> {
    check_reason(&reason, 1)?;
    let Some(stored) = waiting(hub, actor, id).await? else {
        return decided(hub, actor, id).await.and_then(|found| Err(too_late(&found)));
    };
    if stored.allocation.state == AllocationState::Pending {
        let at = hub.now();
        let decision = Decision {
            rejected: Some(reason.clone()),
            by: actor.party.clone(),
            at,
        };
        let entry = AuditEntry {
            id: AuditId::new(hub.new_id(at)),
            at,
            actor: actor.clone(),
            principal: None,
            action: AuditAction::RejectSerials,
            object: id.to_string(),
            outcome: Outcome::Done,
            detail: serde_json::json!({
                "gtin": stored.allocation.numbered, "quantity": stored.allocation.quantity, "reason": reason,
            }),
        };
        hub.db()
            .write::<_, ServiceError, _>(move |tx| {
                Box::pin(async move {
                    // Somebody else of the principal may have been faster.
                    if store::decide(tx, id, &decision).await? {
                        audit::append(tx, &entry).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    match waiting(hub, actor, id).await? {
        Some(stored) => Ok(stored.allocation),
        None => decided(hub, actor, id).await.and_then(|found| Err(too_late(&found))),
    }
}

/// A request that is the caller's to decide on; to anybody else but the party that asked it does not exist.
async fn waiting(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Option<StoredRequest>, ServiceError> {
    let found = store::visible(hub.db(), &actor.party, id).await?;
    match found {
        Some(stored) if stored.allocation.principal != actor.party => Err(not_yours()),
        other => Ok(other),
    }
}

/// One that was approved before.
async fn decided(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Allocation, ServiceError> {
    let found = allocation(hub, actor, id).await?.ok_or_else(ServiceError::not_found)?;
    if found.principal == actor.party {
        Ok(found)
    } else {
        Err(not_yours())
    }
}

fn not_yours() -> ServiceError {
    let detail = "only the party on whose behalf the numbers are asked for decides on the request";
    ServiceError::refused(Code::NotEntitled, detail)
}

fn too_late(found: &Allocation) -> ServiceError {
    let detail = format!("{} has its numbers already: close it instead", found.id);
    ServiceError::refused(Code::Conflict, detail)
}

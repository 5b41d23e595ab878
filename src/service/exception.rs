//! What is wrong with a delivery, as a message that the caller may send to the other side: see [`crate::domain::exception`].
//!
//! It says nothing that the caller does not see already: the event under the lens, and the findings about it that are the caller's.

use crate::domain::exception::{Delivery, ExceptionReport, Noticed, Sender, report};
use crate::domain::party::Actor;
use crate::storage::finding;

use super::error::{Code, ServiceError};
use super::event::by_event_id;
use super::{Hub, master_data};

/// Findings that are read for one message.
const FINDINGS: usize = 50_000;

/// Whom the other side may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// E-mail; the form asks for it.
    pub email: String,
    /// Telephone.
    pub phone: Option<String>,
}

/// The message about a shipping or receiving event; `None`: the caller sees no such event.
pub async fn of_event(
    hub: &Hub,
    actor: &Actor,
    event_id: &str,
    contact: Contact,
) -> Result<Option<ExceptionReport>, ServiceError> {
    let seen = by_event_id(hub, actor, event_id).await?;
    // An error declaration has the id of the event that it takes back.
    let stands = seen
        .iter()
        .position(|seen| !seen.voided && seen.event.error_declaration.is_none());
    let Some(seen) = stands.or(Some(0)).and_then(|at| seen.into_iter().nth(at)) else {
        return Ok(None);
    };
    let registry = hub.registry();
    let party = registry
        .party(&actor.party)
        .ok_or_else(|| ServiceError::Internal(format!("{} is no party", actor.party)))?;
    let found = finding::of_event(hub.db(), &actor.party, seen.key, FINDINGS + 1).await?;
    if found.len() > FINDINGS {
        let detail = format!("more than {FINDINGS} findings stand about this event");
        return Err(ServiceError::refused(Code::QueryTooComplex, detail));
    }
    let noticed: Vec<Noticed> = found
        .into_iter()
        .map(|finding| Noticed {
            code: finding.code,
            epc: finding.epc,
            detail: finding.detail,
            at: finding.created_at,
        })
        .collect();
    let file = master_data::of_event(hub, actor, &seen).await?.instance_id;
    let delivery = Delivery {
        event: &seen.event,
        event_id: &seen.event_id,
        recorded: seen.record_time,
        file: file.as_deref().unwrap_or(&seen.event_id),
    };
    let sender = Sender {
        gln: party.gln.to_string(),
        email: contact.email,
        phone: contact.phone,
    };
    Ok(Some(report(&delivery, &noticed, sender)))
}

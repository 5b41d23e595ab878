//! What is wrong with a delivery, as a message that the caller may send to the other side: see [`crate::domain::exception`].
//!
//! It says nothing that the caller does not see already: the event under the lens, the findings about it that are the caller's, and
//! what was in logistic units when it happened, as far as [`super::container`] tells the caller.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::exception::{Contents, Delivery, ExceptionReport, Noticed, Sender, report};
use crate::domain::gs1::{Epc, Scheme};
use crate::domain::party::Actor;
use crate::storage::finding;

use super::error::{Code, ServiceError};
use super::event::{SeenEvent, by_event_id};
use super::moment::Moment;
use super::page::Page;
use super::{Hub, container, master_data};

/// Findings that are read for one message.
const FINDINGS: usize = 50_000;
/// Logistic units whose contents are read for one message, and things in them: where there are more, none is told.
const UNITS: usize = 200;
const THINGS: usize = 10_000;

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
    let contents = match noticed.is_empty() {
        true => None,
        false => contents(hub, actor, (&seen, &noticed)).await?,
    };
    let delivery = Delivery {
        contents: &contents.unwrap_or_default(),
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

/// What was in the logistic units that are named when the event happened; `None`: too much to be told.
async fn contents(hub: &Hub, actor: &Actor, (seen, noticed): (&SeenEvent, &[Noticed])) -> Result<Option<Contents>, ServiceError> {
    let named = seen.event.roles().map(|(_, epc)| epc.clone());
    let found = noticed.iter().filter_map(|one| one.epc.as_deref()?.parse::<Epc>().ok());
    let units = named.chain(found).filter(|epc| epc.scheme() == Scheme::Sscc);
    let units: BTreeMap<String, Epc> = units.map(|epc| (epc.canonical().to_owned(), epc)).collect();
    if units.len() > UNITS {
        return Ok(None);
    }
    let moment = Moment {
        as_of: Some(seen.event.event_time),
        known_at: None,
    };
    let (mut contents, mut room) = (Contents::default(), THINGS);
    for unit in units.values() {
        // A report goes to others: what grants show its sender is not passed on in it.
        let Some(opened) = container::by_relation(hub, actor, unit.key(), moment).await? else {
            continue;
        };
        let page = Page {
            first: room,
            after: None,
        };
        let inside = container::contents(hub, actor, &opened, page).await?;
        if inside.has_next {
            return Ok(None);
        }
        room = room.saturating_sub(inside.rows.len());
        // What is in a case stands for itself no more than what is in a pack.
        let packs: BTreeSet<_> = inside
            .rows
            .iter()
            .filter(|(_, row)| row.gtin.is_some())
            .map(|(_, row)| row.key)
            .collect();
        for (_, row) in inside.rows.iter().filter(|(_, row)| !packs.contains(&row.parent)) {
            contents.add(unit, &row.epc);
        }
    }
    Ok(Some(contents))
}

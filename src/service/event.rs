//! Events under the lens.
//!
//! Whether an event is in an answer, and what of it, is decided by [`mask`] alone; a filter is held against the masked
//! event as well, so that nothing is found by what is hidden.

use std::collections::{HashMap, HashSet};

use crate::domain::event::Event;
use crate::domain::gs1::{Epc, EpcClass, EpcKey};
use crate::domain::ids::{DocumentId, EventKey, PartyId};
use crate::domain::lens::mask::{has_brand, names};
use crate::domain::lens::{Relations, Viewer, mask};
use crate::domain::party::{Actor, Registry};
use crate::domain::time::Micros;
use crate::storage::view::event::EventRow;
use crate::storage::{identity, view};

use super::Hub;
use super::error::ServiceError;
use super::page::{Page, Paged};

pub use crate::storage::view::event::Filter;

/// One event as the caller may see it.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Its key.
    pub key: EventKey,
    /// `eventID` as sent, or the event hash of CBV 2.0 clause 8.9.
    pub event_id: String,
    /// When the hub took it.
    pub record_time: Micros,
    /// Who sent it.
    pub asserter: PartyId,
    /// In whose name, if not its own and if the caller may know.
    pub principal: Option<PartyId>,
    /// Declared to be in error since.
    pub voided: bool,
    /// What the caller may see of it.
    pub event: Event,
    /// The caller's relations to it.
    pub relations: Relations,
    /// The document that it came in: for [`super::master_data`], never shown.
    pub document: DocumentId,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// All that is given must hold; its `epcs` are set from those beside it.
    pub filter: Filter,
    /// Names one of these things, in any role; empty for any.
    pub epcs: Vec<Epc>,
}

impl Wanted {
    fn matches(&self, event: &Event) -> bool {
        self.epcs.is_empty() || self.epcs.iter().any(|epc| names(event, epc))
    }
}

/// As events are answered: the standard has the repository give the id where the sender gave none.
#[must_use]
pub fn told(seen: Vec<SeenEvent>) -> Vec<(Event, Micros)> {
    seen.into_iter()
        .map(|seen| {
            let mut event = seen.event;
            event.event_id.get_or_insert_with(|| seen.event_id.into());
            (event, seen.record_time)
        })
        .collect()
}

/// Events that the caller may see, newest record first.
pub async fn events(hub: &Hub, actor: &Actor, wanted: Wanted, page: Page) -> Result<Paged<SeenEvent>, ServiceError> {
    let filter = Filter {
        epcs: wanted.epcs.iter().map(Epc::key).collect(),
        ..wanted.filter.clone()
    };
    let probe = page.first.saturating_add(1);
    let mut after = page.after.map(|cursor| cursor.id);
    let mut found = Vec::new();
    // What the mask takes away altogether is made up for from the next rows, so that a short page always is the last.
    loop {
        let rows = view::event::list(hub.db(), &actor.party, &filter, after, probe).await?;
        let exhausted = rows.len() < probe;
        after = rows.last().map(|row| row.key.uuid()).or(after);
        let seen = seen(hub, actor, rows).await?;
        found.extend(seen.into_iter().filter(|event| wanted.matches(&event.event)));
        if exhausted || found.len() >= probe {
            break;
        }
    }
    Ok(Paged::by_id(found, page, |event| event.key.uuid()))
}

/// One event by the hub's key.
pub async fn event(hub: &Hub, actor: &Actor, key: EventKey) -> Result<Option<SeenEvent>, ServiceError> {
    let rows = view::event::by_keys(hub.db(), &actor.party, &[key]).await?;
    Ok(seen(hub, actor, rows).await?.into_iter().next())
}

/// Events by their `eventID`, oldest record first: an error declaration repeats that of the event it is about.
pub async fn by_event_id(hub: &Hub, actor: &Actor, event_id: &str) -> Result<Vec<SeenEvent>, ServiceError> {
    let mut rows = view::event::by_event_id(hub.db(), &actor.party, event_id).await?;
    let aliases = Aliases::of(hub, &[event_id.to_owned()]).await?;
    let keys: Vec<EventKey> = aliases.0.keys().copied().collect();
    rows.extend(view::event::by_keys(hub.db(), &actor.party, &keys).await?);
    rows.sort_by_key(|row| row.key.uuid());
    rows.dedup_by_key(|row| row.key);
    let seen = seen(hub, actor, rows).await?;
    Ok(seen.into_iter().map(|seen| aliases.named(seen)).collect())
}

/// Events that were sent under an id other than their own: they are shown under the one they are asked for by.
pub(super) struct Aliases(HashMap<EventKey, (String, String)>);

impl Aliases {
    /// Those that go by one of these ids, and by none of them as their own.
    pub(super) async fn of(hub: &Hub, asked: &[String]) -> Result<Self, ServiceError> {
        let found = identity::by_alias(hub.db(), asked).await?;
        let foreign = found.into_iter().filter(|(_, _, own)| !asked.contains(own));
        Ok(Self(foreign.map(|(alias, event, own)| (event, (alias, own))).collect()))
    }

    /// Under which ids they are stored.
    pub(super) fn own_ids(&self) -> impl Iterator<Item = String> {
        self.0.values().map(|(_, own)| own.clone())
    }

    /// The event by the id it was asked for.
    pub(super) fn named(&self, mut seen: SeenEvent) -> SeenEvent {
        if let Some((alias, _)) = self.0.get(&seen.key) {
            seen.event_id.clone_from(alias);
            seen.event.event_id = Some(alias.as_str().into());
        }
        seen
    }
}

/// Masks rows, with one more read for all of them at the most.
pub(super) async fn seen(hub: &Hub, actor: &Actor, rows: Vec<EventRow>) -> Result<Vec<SeenEvent>, ServiceError> {
    let registry = hub.registry();
    let mut keys: Vec<EpcKey> = rows
        .iter()
        .filter(|row| needs_owners(row.relations))
        .flat_map(|row| row.event.roles().filter(|(_, epc)| !has_brand(epc)).map(|(_, epc)| epc.key()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let owners = view::item::owners(hub.db(), &keys).await?;
    let principals: HashSet<PartyId> = registry
        .principals_of(&actor.party, hub.now())
        .map(|agreement| agreement.principal.clone())
        .collect();
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows {
        let others = registry
            .agreements_of(&row.asserter)
            .filter(|agreement| agreement.delegate == row.asserter);
        let others = others
            .map(|agreement| &agreement.principal)
            .filter(|principal| **principal != actor.party)
            .collect();
        let eyes = Eyes {
            party: &actor.party,
            registry: &registry,
            owners: &owners,
            principals: &principals,
            others,
        };
        let Some(event) = mask(&row.event, row.relations, &eyes) else {
            continue;
        };
        let EventRow {
            key,
            event_id,
            record_time,
            asserter,
            principal,
            voided,
            relations,
            document,
            ..
        } = row;
        let principal = principal.filter(|principal| may_know_principal(principal, actor, &asserter, relations));
        seen.push(SeenEvent {
            key,
            event_id,
            record_time,
            asserter,
            principal,
            voided,
            event,
            relations,
            document,
        });
    }
    Ok(seen)
}

/// For whom a delegate acts is between the two of them.
fn may_know_principal(principal: &PartyId, actor: &Actor, asserter: &PartyId, relations: Relations) -> bool {
    *principal == actor.party || *asserter == actor.party || relations.has(Relations::PRINCIPAL)
}

/// Whether the mask asks whose a thing is; with these relations it shows all that was handed over or asserted.
fn needs_owners(relations: Relations) -> bool {
    [
        Relations::ASSERTER,
        Relations::SELLER,
        Relations::BUYER,
        Relations::SENDER,
        Relations::RECEIVER,
    ]
    .iter()
    .all(|relation| !relations.has(*relation))
}

/// The caller, as a mask asks of it.
struct Eyes<'a> {
    party: &'a PartyId,
    registry: &'a Registry,
    owners: &'a HashMap<EpcKey, PartyId>,
    principals: &'a HashSet<PartyId>,
    /// The asserter's principals other than the caller, whatever the dates of their agreements.
    others: HashSet<&'a PartyId>,
}

impl Eyes<'_> {
    fn owner(&self, epc: &Epc) -> Option<&PartyId> {
        epc.gtin()
            .and_then(|gtin| self.registry.owner_of_gtin(gtin))
            .or_else(|| self.owners.get(&epc.key()))
    }

    fn owner_of_class(&self, class: &EpcClass) -> Option<&PartyId> {
        class.gtin().and_then(|gtin| self.registry.owner_of_gtin(gtin))
    }

    fn party_of(&self, id: &Epc) -> Option<&PartyId> {
        id.gln().and_then(|gln| self.registry.party_of_gln(gln))
    }
}

impl Viewer for Eyes<'_> {
    fn owns(&self, epc: &Epc) -> bool {
        self.owner(epc) == Some(self.party)
    }

    fn owns_class(&self, class: &EpcClass) -> bool {
        self.owner_of_class(class) == Some(self.party)
    }

    fn is_anothers(&self, epc: &Epc) -> bool {
        self.owner(epc).is_some_and(|owner| self.others.contains(owner))
    }

    fn is_anothers_class(&self, class: &EpcClass) -> bool {
        self.owner_of_class(class).is_some_and(|owner| self.others.contains(owner))
    }

    fn is_self(&self, id: &Epc) -> bool {
        self.party_of(id) == Some(self.party)
    }

    fn is_principal(&self, id: &Epc) -> bool {
        self.party_of(id).is_some_and(|party| self.principals.contains(party))
    }
}

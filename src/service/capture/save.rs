//! Writes what the ledger came to: items, containment, shipments. Only what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::containment::Interval;
use crate::domain::event::{EpcRole, Event, EventType};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::ledger::{Deed, Fact, Outcome};
use crate::domain::shipment::Handover;
use crate::domain::time::Micros;
use crate::storage::item::{self, Item};
use crate::storage::{Tx, containment, event, fact, shipment};

use super::admit::Admitted;
use super::apply::FUTURE_SECONDS;
use super::load::Loaded;
use super::{ServiceError, Work, share};

/// What a step of saving looks at.
pub(super) struct Folded<'a> {
    pub(super) work: &'a Work,
    pub(super) admitted: &'a Admitted,
    pub(super) loaded: &'a Loaded,
    /// Who said what when, of every event that was folded.
    pub(super) facts: &'a HashMap<EventKey, (PartyId, Option<PartyId>, Micros)>,
    pub(super) outcome: &'a Outcome,
}

/// Who said what when, for the steps after the fold.
pub(super) fn tellers(facts: &[Fact]) -> HashMap<EventKey, (PartyId, Option<PartyId>, Micros)> {
    facts
        .iter()
        .map(|fact| (fact.event, (fact.by.clone(), fact.principal.clone(), fact.at)))
        .collect()
}

/// Writes the things: what is new in the state it has come to, and what changed. Facts that rows of things say stand in no row of
/// their own.
pub(super) async fn items(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let Folded { loaded, outcome, .. } = folded;
    let mut now: HashMap<EpcKey, Item> = loaded.items.clone();
    let births = births(tx, folded).await?;
    for item in now.values_mut() {
        let open = |stays: &Vec<Interval>| stays.last().filter(|stay| stay.until == Micros::FOREVER).cloned();
        item.inside = outcome.intervals.get(&item.epc).and_then(open);
        item.owner = outcome.owners.get(&item.epc).cloned().or(item.owner.take());
        match outcome.commissioned.get(&item.epc).and_then(|event| births.get(event)) {
            Some(birth) if item.commissioned.as_ref() != Some(&birth.teller) => {
                item.commissioned = Some(birth.teller.clone());
                (item.lot, item.expiry) = (birth.lot.clone(), birth.expiry.clone());
            }
            Some(_) => {}
            None => (item.commissioned, item.lot, item.expiry) = (None, None, None),
        }
        if let Some((lot, expiry)) = outcome.attributes.get(&item.epc) {
            (item.lot, item.expiry) = (lot.clone(), expiry.clone());
        }
    }
    dispositions(folded, &mut now);
    last_times(folded, &mut now);
    facts(tx, folded, &now).await?;
    let (mut fresh, mut changed): (Vec<&Item>, Vec<&Item>) = (Vec::new(), Vec::new());
    for item in now.values() {
        if loaded.fresh.contains(&item.epc) {
            fresh.push(item);
        } else if loaded.items.get(&item.epc) != Some(item) {
            changed.push(item);
        }
    }
    fresh.sort_unstable_by_key(|item| item.epc);
    changed.sort_unstable_by_key(|item| item.epc);
    item::update(tx, &changed).await?;
    Ok(item::insert(tx, &fresh).await?)
}

/// Stores that the new events name what they name, where the things' own rows do not say it; and for things whose rows change, what
/// they no longer say, and removes what they say from now on.
async fn facts(tx: &Tx, folded: &Folded<'_>, now: &HashMap<EpcKey, Item>) -> Result<(), ServiceError> {
    let work = folded.work;
    let fresh: HashSet<EventKey> = folded.admitted.new.iter().map(|new| new.key).collect();
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for (epc, before) in folded
        .loaded
        .items
        .iter()
        .filter(|(epc, _)| !folded.loaded.fresh.contains(epc))
    {
        let Some(item) = now.get(epc) else { continue };
        let said: Vec<_> = fact::implied(before).collect();
        let says: Vec<_> = fact::implied(item).collect();
        kept.extend(said.iter().filter(|fact| !says.contains(fact)).copied());
        gone.extend(
            says.into_iter()
                .filter(|fact| !said.contains(fact) && !fresh.contains(&fact.0.event)),
        );
    }
    fact::remove(tx, &gone).await?;
    let births: Vec<EventKey> = kept
        .iter()
        .filter(|(fact, _)| fact.role.is_none())
        .map(|(fact, _)| fact.event)
        .collect();
    let kinds = event::kinds(tx, &births).await?;
    let mut rows = fact::NewFacts::new(tx);
    for (fact, at) in kept {
        if let Some(role) = fact.role.or_else(|| kinds.get(&fact.event).map(|kind| fact::born_as(*kind))) {
            rows.push(fact.epc, at, fact.event, role);
        }
    }
    for new in &folded.admitted.new {
        let event = &work.checked.events[new.ordinal].0.event;
        let mut named: Vec<(EpcKey, EpcRole)> = new.named(event).map(|(role, key, _)| (key, role)).collect();
        // An EPC that a list names twice is one row.
        named.sort_unstable();
        named.dedup();
        for (epc, role) in named {
            if !now.get(&epc).is_some_and(|item| says(item, new.key, event.kind, role)) {
                rows.push(epc, event.event_time, new.key, role);
            }
        }
    }
    Ok(rows.store(tx).await?)
}

/// Whether the row of a thing says that an event names it in a role.
fn says(item: &Item, event: EventKey, kind: EventType, role: EpcRole) -> bool {
    fact::implied(item).any(|(fact, _)| fact.event == event && fact.role.unwrap_or(fact::born_as(kind)) == role)
}

struct Birth {
    teller: (PartyId, Micros, EventKey),
    lot: Option<Arc<str>>,
    expiry: Option<Arc<str>>,
}

/// The commissionings that count; what stands in the database already is not read again.
async fn births(tx: &Tx, folded: &Folded<'_>) -> Result<HashMap<EventKey, Birth>, ServiceError> {
    let Folded {
        admitted,
        work,
        loaded,
        outcome,
        facts,
    } = folded;
    let new: HashMap<EventKey, &Event> = admitted.counting(work).map(|(new, event)| (new.key, event)).collect();
    let standing = |epc: &EpcKey, event: &EventKey| {
        loaded
            .items
            .get(epc)
            .and_then(|item| item.commissioned.as_ref())
            .is_some_and(|(_, _, known)| known == event)
    };
    let (mut unread, mut count) = (BTreeSet::new(), HashSet::new());
    for (epc, event) in &outcome.commissioned {
        count.insert(*event);
        if !new.contains_key(event) && !standing(epc, event) {
            unread.insert(*event);
        }
    }
    let read: HashMap<EventKey, Event> = event::bodies(tx, &unread.into_iter().collect::<Vec<_>>())
        .await?
        .into_iter()
        .collect();
    let birth = |event: EventKey| {
        let (by, _, at) = facts.get(&event)?;
        let body = new.get(&event).copied().or_else(|| read.get(&event));
        let birth = Birth {
            teller: (by.clone(), *at, event),
            lot: body.and_then(Event::lot).map(Arc::from),
            expiry: body.and_then(Event::expiry).map(Arc::from),
        };
        Some((event, birth))
    };
    Ok(count.into_iter().filter_map(birth).collect())
}

/// The last disposition in the order of time, of those who may know the thing: a stranger's word changes the state of nothing, and
/// a clock that runs ahead does not freeze it.
fn dispositions(folded: &Folded<'_>, items: &mut HashMap<EpcKey, Item>) {
    let Folded {
        admitted,
        work,
        loaded,
        outcome,
        ..
    } = folded;
    let present = work.now.plus_seconds(FUTURE_SECONDS);
    let mut last = HashMap::<EpcKey, (Micros, EventKey, &str)>::with_capacity(items.len());
    let mut hear = |epc: EpcKey, at: Micros, event: EventKey, term| {
        if at <= present && outcome.heard.contains(&(event, epc)) {
            let known = last.entry(epc).or_insert((at, event, term));
            *known = (at, event, term).max(*known);
        }
    };
    // Things of one event share the text.
    let mut texts = HashMap::<&str, Arc<str>>::new();
    let used_up = |role: EpcRole| role == EpcRole::Input;
    for named in loaded
        .stored
        .iter()
        .filter(|named| !named.disposition.is_empty() && !used_up(named.role))
    {
        hear(named.epc, named.at, named.event, named.disposition.as_str());
    }
    for (new, event) in admitted.counting(work) {
        let Some(term) = &event.disposition else { continue };
        for (_, key, _) in new.named(event).filter(|(role, ..)| !used_up(*role)) {
            hear(key, event.event_time, new.key, term.as_str());
        }
    }
    for item in items.values_mut() {
        item.disposition = last
            .get(&item.epc)
            .map(|(_, _, term)| Arc::clone(texts.entry(*term).or_insert_with(|| Arc::from(*term))));
    }
}

/// Raises the latest event times, and those of everything the things were ever said to be inside of.
fn last_times(folded: &Folded<'_>, items: &mut HashMap<EpcKey, Item>) {
    for (new, event) in folded.admitted.counting(folded.work) {
        for key in &new.keys {
            if let Some(item) = items.get_mut(key) {
                item.last_at = item.last_at.max(event.event_time);
            }
        }
    }
    let facts = folded.loaded.facts.iter();
    let packed = facts.filter_map(|fact| match &fact.deed {
        Deed::Pack { parent } => Some((*parent, &fact.epcs)),
        Deed::Commission
        | Deed::Unpack { .. }
        | Deed::Ship(_)
        | Deed::Receive
        | Deed::VoidShip
        | Deed::End
        | Deed::EndWithContents
        | Deed::Use => None,
    });
    let packed: Vec<(EpcKey, &Vec<EpcKey>)> = packed.collect();
    // As often as there are levels; what is said to be inside itself ends it too, for times only rise to the latest.
    loop {
        let mut raised = false;
        for (parent, children) in &packed {
            let latest = children
                .iter()
                .filter_map(|child| items.get(child))
                .map(|item| item.last_at.max(item.below_at))
                .max();
            let (Some(latest), Some(item)) = (latest, items.get_mut(parent)) else {
                continue;
            };
            if item.below_at < latest {
                item.below_at = latest;
                raised = true;
            }
        }
        if !raised {
            break;
        }
    }
}

/// Writes the stays that ended, where they changed. Those that have not stand with the things.
pub(super) async fn containment(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let Folded { loaded, outcome, .. } = folded;
    let known: BTreeSet<EpcKey> = loaded
        .stored
        .iter()
        .filter(|named| named.role == EpcRole::Child)
        .map(|named| named.epc)
        .collect();
    // A voided packing is no longer among what was said, but its stay is.
    let wrong = folded
        .admitted
        .erroneous
        .iter()
        .flat_map(|(_, event)| event.epcs.iter().map(Epc::key));
    let known: Vec<EpcKey> = known.into_iter().chain(wrong).collect::<BTreeSet<_>>().into_iter().collect();
    let before = containment::ended(tx, &known).await?;
    let ended = |stays: &[Interval]| stays.iter().take_while(|stay| stay.until < Micros::FOREVER).count();
    let now = outcome
        .intervals
        .iter()
        .map(|(child, stays)| (*child, &stays[..ended(stays)]));
    let now: BTreeMap<EpcKey, &[Interval]> = now.filter(|(_, stays)| !stays.is_empty()).collect();
    let gone: Vec<EpcKey> = before
        .iter()
        .filter(|(child, stays)| now.get(child).copied().unwrap_or_default() != stays.as_slice())
        .map(|(child, _)| *child)
        .collect();
    let rows: Vec<(EpcKey, &Interval)> = now
        .into_iter()
        .filter(|(child, stays)| before.get(child).map(Vec::as_slice).unwrap_or_default() != *stays)
        .flat_map(|(child, stays)| stays.iter().map(move |stay| (child, stay)))
        .collect();
    Ok(containment::replace(tx, &gone, &rows).await?)
}

/// Stores new handovers, and rewrites what moved by those that were folded.
pub(super) async fn shipments(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let Folded {
        work,
        admitted,
        loaded,
        outcome,
        ..
    } = folded;
    let new = admitted.counting(work).filter(|(_, event)| is_shipping(event));
    let new: Vec<shipment::NewShipment> = new.map(|(new, event)| handover_row(work, new.key, event)).collect();
    shipment::insert(tx, &new).await?;
    let voided_events: Vec<EventKey> = admitted
        .erroneous
        .iter()
        .filter(|(_, event)| is_shipping(event))
        .map(|(key, _)| *key)
        .collect();
    let shipped = loaded
        .facts
        .iter()
        .filter(|fact| matches!(fact.deed, Deed::Ship(_)))
        .map(|fact| fact.event);
    let events: BTreeSet<EventKey> = shipped.chain(voided_events.iter().copied()).collect();
    let shipments = shipment::of_events(tx, &events.into_iter().collect::<Vec<_>>()).await?;
    let gone = |event: &EventKey| outcome.voided.contains(event) || voided_events.contains(event);
    let voided: Vec<ShipmentId> = shipments
        .iter()
        .filter(|shipment| gone(&shipment.ship_event))
        .map(|shipment| shipment.id)
        .collect();
    let parties = share::parties(tx, folded, &shipments).await?;
    let epcs: Vec<EpcKey> = loaded.items.keys().copied().collect();
    let rewrite = shipment::Rewrite {
        shipments: &shipments,
        epcs: &epcs,
        moved: &outcome.moved,
        voided: &voided,
        parties: &parties,
    };
    Ok(shipment::rewrite(tx, &rewrite).await?)
}

pub(super) fn is_shipping(event: &Event) -> bool {
    event.kind == crate::domain::event::EventType::Object
        && event.action == Some(crate::domain::event::Action::Observe)
        && event.step() == "shipping"
}

fn handover_row(work: &Work, ship_event: EventKey, event: &Event) -> shipment::NewShipment {
    let end = |list: &[crate::domain::event::SourceDest]| {
        let kinds = ["location", "possessing_party", "owning_party"];
        let side = kinds
            .iter()
            .find_map(|kind| list.iter().find(|side| side.kind.as_str() == *kind))?;
        Some(
            side.id
                .gln()
                .map_or_else(|| side.id.canonical().to_owned(), |gln| gln.to_string()),
        )
    };
    shipment::NewShipment {
        id: ShipmentId::new(work.hub.new_id(work.now)),
        ship_event,
        handover: Handover::of(event, &work.job.actor.party, &work.registry),
        from: end(&event.sources),
        to: end(&event.destinations),
        shipped_at: event.event_time,
        documents: serde_json::json!(event.biz_transactions).to_string(),
    }
}

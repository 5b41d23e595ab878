//! How a thing stood at a moment, and as the hub knew it at another: all that was said of it, folded again.
//!
//! Nothing of this is stored: the ledger folds what happened by the one moment and was taken in by the other, of the thing and
//! of everything it was ever in. What was declared to be an error counts up to the moment at which the hub learnt that.
//! Parties, products and agreements are those of today.
//!
//! What it deliberately does not do: decide who may know it, see [`super::item`]; and look into a container. What is known of one by its
//! contents alone, that it arrived and whose it is, the present state has and the answer for a moment has not.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::event::{EpcRole, EventType};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::ledger::{self, Outcome, Standing};
use crate::domain::provenance::{Handover, Thing, Trace};
use crate::domain::time::Micros;
use crate::storage::StorageError;
use crate::storage::event::Named;
use crate::storage::item::Item;
use crate::storage::stake::of_units;
use crate::storage::view;
use crate::storage::view::facts::Told;

use super::capture::condition::{self, is_birth};
use super::capture::load;
use super::capture::stake::Contents;
use super::error::{Code, ServiceError};
use super::hub::Hub;

mod contents;

pub(super) use contents::contents;

/// Most that may have been said of a thing and of what it was in; more is not reckoned with in one answer.
const FACTS: usize = 50_000;
/// Most keys in one statement.
const CHUNK: usize = 500;
/// Deepest containment that is followed, as everywhere.
const DEPTH: usize = 16;

/// Which moments are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// What had happened by then; all of it if not given.
    pub as_of: Option<Micros>,
    /// What the hub had taken in by then; all of it if not given.
    pub known_at: Option<Micros>,
}

impl Moment {
    /// Whether anything but now is asked for.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.as_of.is_some() || self.known_at.is_some()
    }
}

/// A thing as it stood.
#[derive(Debug, Clone)]
pub(super) struct Recalled {
    /// With its handovers up to then.
    pub(super) trace: Trace,
    /// What it was like.
    pub(super) standing: Standing,
}

/// How a thing stood at `at` by what the hub knew at `known`; `None` where nothing had been said of it. For the sharer of a unit
/// that does not count which was said of it when only things of others were put in or taken out.
pub(super) async fn recall(
    hub: &Hub,
    (key, sharer): (EpcKey, Option<&PartyId>),
    (at, known): (Micros, Micros),
) -> Result<Option<Recalled>, ServiceError> {
    let mut told = view::facts::facts(hub.db(), key, FACTS + 1).await?;
    if told.len() > FACTS {
        return Err(too_much());
    }
    let births = born(&told, key);
    told.retain(|told| counted(told, at, known));
    if !told.iter().any(|told| told.named.epc == key) {
        return Ok(None);
    }
    if let Some(sharer) = sharer {
        let others = of_others(hub, key, sharer, &told).await?;
        told.retain(|told| told.named.epc != key || !others.contains(&told.named.event));
    }
    let keys: BTreeSet<EpcKey> = told.iter().map(|told| told.named.epc).collect();
    let items = view::facts::items(hub.db(), &keys.into_iter().collect::<Vec<_>>()).await?;
    let Some(item) = items.get(&key) else { return Ok(None) };
    let stored: Vec<Named> = told.iter().map(|told| told.named.clone()).collect();
    let statements = told
        .iter()
        .filter_map(|told| Some((told.named.event, told.statement.clone()?)))
        .collect();
    let mut conditions = condition::Told::of(&stored, &statements);
    made(hub, (&mut conditions, item), births).await?;
    let contents = contents_of(hub, &items).await?;
    let mut things = load::things((items.values(), &load::Names::new()), &hub.registry(), &contents)?;
    let mut facts = load::stored_facts(&stored);
    condition::complete(&conditions, &mut facts, &mut things);
    let (outcome, standing) = ledger::fold_for(&things, facts, key);
    let trace = trace(item, &items, (&told, &outcome))?;
    let standing = standing.ok_or_else(|| StorageError::Inconsistent(format!("item `{}` was not folded", item.uri)))?;
    let lot = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let thing = Thing {
        lot: lot(&standing.lot),
        expiry: lot(&standing.expiry),
        ..trace.thing
    };
    Ok(Some(Recalled {
        trace: Trace { thing, ..trace },
        standing,
    }))
}

/// Events that put things into a unit or take them out, none of which concerns a party.
async fn of_others(hub: &Hub, unit: EpcKey, party: &PartyId, told: &[Told]) -> Result<HashSet<EventKey>, ServiceError> {
    let of_contents = |named: &Named| named.kind == EventType::Aggregation && named.role == EpcRole::Parent && named.listed > 0;
    let named = told.iter().map(|told| &told.named);
    let events = named
        .filter(|named| named.epc == unit && of_contents(named))
        .map(|named| named.event);
    let mut others: HashSet<EventKey> = events.collect();
    let events: Vec<EventKey> = others.iter().copied().collect();
    for chunk in events.chunks(CHUNK) {
        let own = view::grant::relations(hub.db(), chunk, &[party]).await?;
        others.retain(|event| !own.contains_key(event));
    }
    Ok(others)
}

/// What is known of the contents of the units among some things.
async fn contents_of(hub: &Hub, items: &HashMap<EpcKey, Item>) -> Result<Contents, ServiceError> {
    let units = items.values().filter(|item| item.is_unit()).map(|item| item.epc);
    Ok(Contents {
        stakes: of_units(hub.db(), &units.collect::<Vec<_>>()).await?,
        ..Contents::default()
    })
}

fn too_much() -> ServiceError {
    let detail = format!(
        "more than {FACTS} things were said of this, of what it was in and of what was in it; ask for its events instead"
    );
    ServiceError::refused(Code::QueryTooWide, detail)
}

/// Whether it had happened and was known, and not as an error.
fn counted(told: &Told, at: Micros, known: Micros) -> bool {
    told.named.at <= at && told.recorded <= known && told.voided.is_none_or(|voided| voided > known)
}

/// The events that say that a thing came into being.
fn born(told: &[Told], key: EpcKey) -> Vec<EventKey> {
    let births = told.iter().map(|told| &told.named).filter(|named| named.epc == key);
    births
        .filter(|named| is_birth(named.kind, named.action, named.role))
        .map(|named| named.event)
        .collect()
}

/// Lot and expiry by the word of the events; where there is but one, its word is what stands in the row.
async fn made(hub: &Hub, (told, item): (&mut condition::Told, &Item), births: Vec<EventKey>) -> Result<(), ServiceError> {
    let counts = |event: &EventKey| item.commissioned.as_ref().is_some_and(|(_, _, known)| known == event);
    match births.as_slice() {
        [only] if counts(only) => told.attribute(*only, item),
        births => {
            for (key, event) in view::facts::bodies(hub.db(), births).await? {
                told.made(key, &event);
            }
        }
    }
    Ok(())
}

/// The thing with its handovers, as [`view::trace`] reads them of today.
fn trace(item: &Item, items: &HashMap<EpcKey, Item>, (told, outcome): (&[Told], &Outcome)) -> Result<Trace, StorageError> {
    let parsed = |item: &Item| -> Result<Epc, StorageError> {
        item.uri
            .parse()
            .map_err(|error| StorageError::Inconsistent(format!("item.uri = `{}`: {error}", item.uri)))
    };
    let epc = parsed(item)?;
    let birth = outcome.commissioned.get(&item.epc);
    let birth = birth.and_then(|event| {
        told.iter()
            .find(|told| told.named.event == *event && told.named.epc == item.epc)
    });
    let stay = outcome.intervals.get(&item.epc).and_then(|stays| stays.last());
    let parent = stay
        .filter(|stay| stay.until == Micros::FOREVER)
        .and_then(|stay| items.get(&stay.parent));
    let thing = Thing {
        key: item.epc,
        gtin: epc.gtin(),
        epc,
        lot: None,
        expiry: None,
        owner: item.owner.clone(),
        made_by: birth.map(|told| told.named.event),
        maker: birth.map(|told| told.named.asserter.clone()),
        made_at: birth.map(|told| told.named.at),
        made_where: birth.and_then(|told| told.place),
        disposition: said(told, item.epc, outcome),
        parent: parent.map(parsed).transpose()?,
        share: None,
    };
    Ok(Trace {
        thing,
        handovers: handovers(item.epc, told, outcome),
    })
}

/// The last disposition that was said of the thing itself.
fn said(told: &[Told], key: EpcKey, outcome: &Outcome) -> Option<String> {
    let named = told.iter().map(|told| &told.named);
    let heard = named.filter(|named| {
        named.epc == key
            && named.role != EpcRole::Input
            && !named.disposition.is_empty()
            && outcome.heard.contains(&(named.event, key))
    });
    let last = heard.max_by_key(|named| (named.at, named.event));
    last.map(|named| named.disposition.clone())
}

/// Handovers of the thing and of what it was in while it was in it, oldest first.
fn handovers(key: EpcKey, told: &[Told], outcome: &Outcome) -> Vec<Handover> {
    let of_event: HashMap<EventKey, &Handover> = told
        .iter()
        .filter_map(|told| Some((told.named.event, told.handover.as_ref()?)))
        .collect();
    let mut chain = vec![(key, Micros::MIN, Micros::FOREVER, 0)];
    let mut next = 0;
    while let Some((epc, from, until, depth)) = chain.get(next).copied() {
        next += 1;
        if depth == DEPTH {
            continue;
        }
        for stay in outcome.intervals.get(&epc).into_iter().flatten() {
            if stay.from < until && stay.until > from {
                chain.push((stay.parent, stay.from.max(from), stay.until.min(until), depth + 1));
            }
        }
    }
    let mut moved = Vec::new();
    for (epc, from, until, _) in chain {
        for handed in outcome.moved.iter().filter(|handed| handed.epc == epc) {
            let Some(handover) = of_event.get(&handed.ship) else {
                continue;
            };
            if from <= handover.shipped_at && handover.shipped_at < until {
                moved.push(Handover {
                    received_at: handed.received.map(|(at, _)| at),
                    ..(*handover).clone()
                });
            }
        }
    }
    moved.sort_by_key(|handover| {
        let received = handover.received_at;
        (handover.shipped_at, handover.id.uuid(), received.is_none(), received)
    });
    let mut seen = HashSet::new();
    moved.retain(|handover| seen.insert(handover.id.uuid()));
    moved
}

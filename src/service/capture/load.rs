//! What the ledger must know to fold a document's events: the things they touch, everything those were ever said to be inside
//! of, and, where the document comes late, what is inside of them and went on since.
//!
//! Things that nobody spoke of before cost one look-up for all of them together; they get no row before the fold is done. A container's contents are read only if
//! something was said of them after the moment the document speaks of (`item.below_at`, and events with that parent).
//!
//! # Invariants
//! - Every thing that is folded is locked first, those of the document in the order of their keys: two jobs about the same
//!   things follow one another, and a deadlock between their containers ends one of them, which is run again. So does a thing that two
//!   jobs bring into being at once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::event::{Action, EpcRole, Event, EventType};
use crate::domain::gs1::{Epc, EpcKey, Gtin, Scheme};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::ledger::{Deed, Fact, Kind, Makers, Says, Thing};
use crate::domain::party::Registry;
use crate::domain::shipment::Handover;
use crate::domain::time::Micros;
use crate::service::lens::prefix_holder;
use crate::storage::containment;
use crate::storage::event::{self, Named};
use crate::storage::item::{self, Item};
use crate::storage::{StorageError, Tx};

use super::admit::Admitted;
use super::stake::{self, Contents};
use super::{ServiceError, Work, condition};

/// What is folded.
pub(super) struct Loaded {
    /// The things, as they are stored; those that are not yet, as they would be if nothing had been said of them.
    pub(super) items: HashMap<EpcKey, Item>,
    /// Those that are not stored yet.
    pub(super) fresh: HashSet<EpcKey>,
    /// What was said of them before.
    pub(super) stored: Vec<Named>,
    /// All of it and the new, for the ledger.
    pub(super) facts: Vec<Fact>,
    /// What the ledger must know besides.
    pub(super) things: HashMap<EpcKey, Thing>,
}

pub(super) async fn load(tx: &Tx, work: &Work, admitted: &Admitted) -> Result<Loaded, ServiceError> {
    let Touched { since: touched, names } = Touched::of(work, admitted);
    let mut reach = Reach {
        items: HashMap::with_capacity(touched.len()),
        stored: Vec::new(),
    };
    let mut next: Vec<EpcKey> = touched.keys().copied().collect();
    next.sort_unstable();
    let mut late = touched.clone();
    let emptied = emptied(work, admitted);
    let inside = containment::inside_after(tx, &emptied, false).await?;
    next.extend(
        inside
            .iter()
            .map(|(child, _)| *child)
            .filter(|child| !touched.contains_key(child)),
    );
    for (child, since) in inside {
        earlier(&mut late, child, since);
    }
    let mut shipped = false;
    loop {
        if next.is_empty() {
            if std::mem::replace(&mut shipped, true) {
                break;
            }
            let doubtful = condition::doubtful(tx, work, admitted, (&touched, &reach.stored)).await?;
            next = doubtful.into_iter().filter(|epc| !reach.items.contains_key(epc)).collect();
            continue;
        }
        let mut found = reach.take(tx, &next).await?;
        let here: Vec<(EpcKey, Micros)> = next.iter().filter_map(|epc| Some((*epc, *late.get(epc)?))).collect();
        for (child, since) in reach.below(tx, &here).await? {
            earlier(&mut late, child, since);
            found.insert(child);
        }
        next = found.into_iter().filter(|epc| !reach.items.contains_key(epc)).collect();
    }
    let Reach { mut items, stored } = reach;
    let mut fresh = HashSet::new();
    for (key, epc) in &names {
        if let Entry::Vacant(slot) = items.entry(*key) {
            slot.insert(unknown(work, *key, epc));
            fresh.insert(*key);
        }
    }
    let new = new_facts(work, admitted);
    own_prefix((work, &names), &new, &mut items);
    let contents = stake::of(tx, (work, admitted), (&items, &fresh)).await?;
    let mut things = things((items.values(), &names), &work.registry, &contents)?;
    let mut facts: Vec<Fact> = stored_facts(&stored).into_iter().chain(new).collect();
    let told = condition::told(tx, work, admitted, (&items, &stored)).await?;
    condition::complete(&told, &mut facts, &mut things);
    Ok(Loaded {
        items,
        fresh,
        stored,
        facts,
        things,
    })
}

struct Reach {
    items: HashMap<EpcKey, Item>,
    stored: Vec<Named>,
}

impl Reach {
    /// Locks and reads things; answers with what they were said to be inside of.
    async fn take(&mut self, tx: &Tx, epcs: &[EpcKey]) -> Result<BTreeSet<EpcKey>, StorageError> {
        let items = item::lock(tx, epcs).await?;
        // After the lock: what a job that held it before has stored is seen.
        let history = event::history(tx, &items).await?;
        self.items.extend(items.into_iter().map(|item| (item.epc, item)));
        let inside = |named: &Named| named.kind == EventType::Aggregation && named.role == EpcRole::Child;
        let parents = history
            .iter()
            .filter(|named| inside(named))
            .filter_map(|named| named.parent)
            .collect();
        self.stored.extend(history);
        Ok(parents)
    }

    /// What a late word about containers may concern further down: what went on after it with what was in them by then, and
    /// whatever was said to be put in or taken out since, whether it fitted or not.
    async fn below(&self, tx: &Tx, late: &[(EpcKey, Micros)]) -> Result<Vec<(EpcKey, Micros)>, StorageError> {
        let busy: Vec<(EpcKey, Micros)> = late
            .iter()
            .copied()
            .filter(|(epc, since)| self.items.get(epc).is_some_and(|item| item.below_at > *since))
            .collect();
        let mut below = containment::inside_after(tx, &busy, true).await?;
        let since: HashMap<EpcKey, Micros> = late.iter().copied().collect();
        let after =
            |named: &&Named| named.role == EpcRole::Parent && since.get(&named.epc).is_some_and(|since| named.at >= *since);
        let (mut emptied, mut told) = (Vec::new(), HashMap::new());
        for named in self
            .stored
            .iter()
            .filter(after)
            .filter(|named| named.kind == EventType::Aggregation)
        {
            if named.action == Some(Action::Delete) && named.listed == 0 {
                emptied.push((named.epc, named.at));
            } else {
                told.insert(named.event, since[&named.epc]);
            }
        }
        below.extend(containment::inside_after(tx, &emptied, false).await?);
        for (event, body) in event::bodies(tx, &told.keys().copied().collect::<Vec<_>>()).await? {
            below.extend(
                body.epcs
                    .iter()
                    .filter(|epc| followed(epc))
                    .map(|epc| (epc.key(), told[&event])),
            );
        }
        Ok(below)
    }
}

fn earlier(late: &mut HashMap<EpcKey, Micros>, epc: EpcKey, since: Micros) {
    late.entry(epc)
        .and_modify(|known| *known = since.min(*known))
        .or_insert(since);
}

/// Things by their keys, where they are at hand: to read one again from its URI costs more than to find it.
pub(in crate::service) type Names<'a> = HashMap<EpcKey, &'a Epc>;

/// The things a document speaks of.
struct Touched<'a> {
    /// With the earliest moment.
    since: HashMap<EpcKey, Micros>,
    names: Names<'a>,
}

impl<'a> Touched<'a> {
    fn of(work: &'a Work, admitted: &'a Admitted) -> Self {
        let most = admitted.counting(work).map(|(new, _)| new.keys.len()).sum();
        let (mut since, mut names) = (HashMap::with_capacity(most), HashMap::with_capacity(most));
        for (new, event) in admitted.counting(work) {
            for (_, key, epc) in new.named(event).filter(|(_, _, epc)| followed(epc)) {
                earlier(&mut since, key, event.event_time);
                names.entry(key).or_insert(epc);
            }
        }
        for (_, event) in &admitted.erroneous {
            for (_, epc) in event.roles().filter(|(_, epc)| followed(epc)) {
                let key = epc.key();
                earlier(&mut since, key, event.event_time);
                names.entry(key).or_insert(epc);
            }
        }
        Self { since, names }
    }
}

/// Places and parties are no things that move.
fn followed(epc: &Epc) -> bool {
    match epc.scheme() {
        Scheme::Sgtin | Scheme::Sscc | Scheme::OtherGs1 | Scheme::Uri => true,
        Scheme::Sgln | Scheme::Pgln => false,
    }
}

fn unknown(work: &Work, key: EpcKey, epc: &Epc) -> Item {
    let gtin = epc.gtin();
    Item {
        epc: key,
        uri: Arc::from(epc.canonical()),
        gtin,
        lot: None,
        expiry: None,
        owner: gtin.and_then(|gtin| work.registry.owner_of_gtin(gtin)).cloned(),
        commissioned: None,
        disposition: None,
        inside: None,
        last_at: Micros::MIN,
        below_at: Micros::MIN,
    }
}

/// Containers that the document says were emptied, or were not emptied after all.
fn emptied(work: &Work, admitted: &Admitted) -> Vec<(EpcKey, Micros)> {
    let erroneous = admitted.erroneous.iter().map(|(_, event)| event);
    let all = admitted.counting(work).map(|(_, event)| event).chain(erroneous);
    let emptying = |event: &&Event| {
        event.kind == EventType::Aggregation && event.action == Some(Action::Delete) && event::listed(event) == 0
    };
    all.filter(emptying)
        .filter_map(|event| Some((event.parent.as_ref()?.key(), event.event_time)))
        .collect()
}

/// What the ledger must know of things besides the facts.
pub(in crate::service) fn things<'a>(
    (items, names): (impl ExactSizeIterator<Item = &'a Item>, &Names<'_>),
    registry: &Registry,
    contents: &Contents,
) -> Result<HashMap<EpcKey, Thing>, StorageError> {
    let mut makers = MakersOf {
        registry,
        products: HashMap::new(),
        holders: HashMap::new(),
    };
    let mut things = HashMap::with_capacity(items.len());
    for item in items {
        let thing = match names.get(&item.epc) {
            Some(epc) => thing((item, epc), &mut makers, contents),
            None => thing((item, &parse(item)?), &mut makers, contents),
        };
        things.insert(item.epc, thing);
    }
    Ok(things)
}

fn thing((item, epc): (&Item, &Epc), makers: &mut MakersOf<'_>, contents: &Contents) -> Thing {
    let (kind, makers) = match epc.scheme() {
        Scheme::Sgtin => (Kind::Item, item.gtin.and_then(|gtin| makers.of_product(gtin))),
        Scheme::Sscc => (Kind::Logistic, makers.of_unit(epc)),
        Scheme::Sgln | Scheme::Pgln | Scheme::OtherGs1 | Scheme::Uri => (Kind::Other, None),
    };
    let is_first = |owner: &PartyId| kind != Kind::Logistic || makers.as_ref().is_some_and(|makers| makers.owner == *owner);
    Thing {
        kind,
        owner: item.owner.clone().filter(is_first),
        stakes: contents.stakes.get(&item.epc).cloned().unwrap_or_default(),
        unseen: contents.unseen.get(&item.epc).cloned().unwrap_or_default(),
        makers,
        contested: false,
    }
}

/// Those who may commission, shared by all things of a product or prefix.
struct MakersOf<'a> {
    registry: &'a Registry,
    products: HashMap<Gtin, Option<Arc<Makers>>>,
    holders: HashMap<PartyId, Arc<Makers>>,
}

impl MakersOf<'_> {
    fn of_product(&mut self, gtin: Gtin) -> Option<Arc<Makers>> {
        let made = |gtin: &Gtin| Some(made(self.registry, self.registry.owner_of_gtin(*gtin)?, Some(*gtin)));
        self.products.entry(gtin).or_insert_with_key(made).clone()
    }

    fn of_unit(&mut self, epc: &Epc) -> Option<Arc<Makers>> {
        let holder = prefix_holder(self.registry, epc)?;
        let known = self.holders.get(holder).cloned();
        Some(known.unwrap_or_else(|| {
            let makers = made(self.registry, holder, None);
            self.holders.insert(holder.clone(), Arc::clone(&makers));
            makers
        }))
    }
}

fn made(registry: &Registry, owner: &PartyId, gtin: Option<Gtin>) -> Arc<Makers> {
    Arc::new(Makers {
        owner: owner.clone(),
        delegates: registry.commissioners(owner, gtin),
    })
}

fn parse(item: &Item) -> Result<Epc, StorageError> {
    item.uri
        .parse()
        .map_err(|error| StorageError::Inconsistent(format!("item.uri = `{}`: {error}", item.uri)))
}

/// A logistic unit that a delegate commissions with the company prefix of its principal is the principal's.
fn own_prefix((work, names): (&Work, &Names<'_>), facts: &[Fact], items: &mut HashMap<EpcKey, Item>) {
    for fact in facts.iter().filter(|fact| fact.deed == Deed::Commission) {
        for key in &fact.epcs {
            let Some(item) = items.get_mut(key).filter(|item| item.owner.is_none()) else {
                continue;
            };
            let holder = names.get(key).and_then(|epc| prefix_holder(&work.registry, epc));
            item.owner = holder.filter(|holder| **holder != fact.by).cloned();
        }
    }
}

/// An event as the ledger reads it: what, and in which part.
struct Said<'a> {
    kind: EventType,
    action: Option<Action>,
    step: &'a str,
    parent: Option<EpcKey>,
    listed: i64,
    role: EpcRole,
}

/// What an event does to the things of one role. `handover` is that of a shipping event.
fn deed(said: &Said<'_>, handover: impl FnOnce() -> Option<Handover>) -> Deed {
    match (said.kind, said.action, said.role) {
        (EventType::Object, Some(Action::Add), _) | (EventType::Transformation, _, EpcRole::Output) => Deed::Commission,
        (EventType::Object, Some(Action::Delete), _) | (EventType::Transformation, _, EpcRole::Input) => Deed::End,
        (EventType::Object, Some(Action::Observe), _) => match said.step {
            "shipping" => handover().map_or(Deed::Use, Deed::Ship),
            "receiving" => Deed::Receive,
            "void_shipping" => Deed::VoidShip,
            "decommissioning" | "destroying" => Deed::End,
            _ => Deed::Use,
        },
        (EventType::Aggregation, Some(Action::Add), _) => said.parent.map_or(Deed::Use, |parent| Deed::Pack { parent }),
        (EventType::Aggregation, Some(Action::Delete), _) => said.parent.map_or(Deed::Use, |parent| Deed::Unpack {
            parent,
            all: said.listed == 0,
        }),
        (EventType::Object | EventType::Aggregation, None, _)
        | (EventType::Aggregation, Some(Action::Observe), _)
        | (EventType::Transaction | EventType::Association, _, _)
        | (EventType::Transformation, _, EpcRole::Object | EpcRole::Parent | EpcRole::Child) => Deed::Use,
    }
}

/// Puts what is said of single things together to facts: one for each event and deed.
#[derive(Default)]
struct Facts {
    facts: Vec<Fact>,
    index: HashMap<(EventKey, EpcRole), usize>,
}

impl Facts {
    fn add(&mut self, (event, role): (EventKey, EpcRole), epc: EpcKey, fact: impl FnOnce() -> Fact) {
        // The parent of a packing stands in the deed; alone it still makes the fact.
        let folded = if role == EpcRole::Parent { EpcRole::Child } else { role };
        let position = *self.index.entry((event, folded)).or_insert_with(|| {
            self.facts.push(fact());
            self.facts.len() - 1
        });
        let fact = &mut self.facts[position];
        if role != EpcRole::Parent || !matches!(fact.deed, Deed::Pack { .. } | Deed::Unpack { .. }) {
            fact.epcs.push(epc);
        }
    }
}

pub(in crate::service) fn stored_facts(stored: &[Named]) -> Vec<Fact> {
    let mut facts = Facts::default();
    for named in stored {
        let said = Said {
            kind: named.kind,
            action: named.action,
            step: &named.step,
            parent: named.parent,
            listed: named.listed,
            role: named.role,
        };
        facts.add((named.event, named.role), named.epc, || Fact {
            event: named.event,
            at: named.at,
            by: named.asserter.clone(),
            principal: named.principal.clone(),
            deed: deed(&said, || named.handover.clone()),
            says: Says::default(),
            epcs: Vec::new(),
        });
    }
    facts.facts
}

fn new_facts(work: &Work, admitted: &Admitted) -> Vec<Fact> {
    let by: &PartyId = &work.job.actor.party;
    let mut facts = Facts::default();
    for (new, event) in admitted.counting(work) {
        let principal = &work.checked.events[new.ordinal].1;
        let parent = event.parent.as_ref().map(Epc::key);
        let (listed, step) = (event::listed(event), event.step());
        for (role, key, _) in new.named(event).filter(|(_, _, epc)| followed(epc)) {
            let said = Said {
                kind: event.kind,
                action: event.action,
                step,
                parent,
                listed,
                role,
            };
            facts.add((new.key, role), key, || Fact {
                event: new.key,
                at: event.event_time,
                by: by.clone(),
                principal: principal.clone(),
                deed: deed(&said, || Some(Handover::of(event, by, &work.registry))),
                says: Says::default(),
                epcs: Vec::new(),
            });
        }
    }
    facts.facts
}

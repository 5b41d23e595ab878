//! Who has what, who owns what, and what is inside what: one fold over what parties said, in the order of event time.
//!
//! The fold is given every fact about a set of things and about everything they were ever said to be inside of; the order in
//! which the facts reached the hub plays no part (among facts of one instant, the order of record decides). A fact that
//! does not fit the state changes nothing and is a [`Misfit`]; when a late fact makes it fit, the next fold says so.
//!
//! # Invariants
//! - Custody and ownership move only by the word of the party that has them, or of a delegate in its name.
//! - A party learns nothing of a thing that it has nothing to do with, not even whether it exists: see [`knowledge`].
//! - Contents follow their container: the holder of a thing is the holder of the outermost container it is in.
//! - What is inside of what: see [`super::containment`]; whose it is: see [`ownership`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::containment::{Forest, Interval, Stake};
use super::finding::FindingCode;
use super::gs1::EpcKey;
use super::ids::{EventKey, PartyId};
use super::lens::planted::{Leak, leaks};
use super::shipment::{Handover, Taker};
use super::time::Micros;

mod condition;
mod knowledge;
mod ownership;

use condition::Marks;
pub use condition::{Attributes, Condition, Says, Standing};
pub use knowledge::Makers;
use ownership::{Sale, Stakes};

/// What kind of thing is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A trade item: it is commissioned before it is used, and its brand has an owner.
    Item,
    /// A logistic unit: often not commissioned, and of everybody who owns something in it.
    Logistic,
    /// Anything else.
    Other,
}

/// What is known about a thing besides the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its kind.
    pub kind: Kind,
    /// Its first owner: of the brand for an item; of a logistic unit the one for whom it was made, under whose company prefix it is.
    pub owner: Option<PartyId>,
    /// Of a logistic unit: who is known to have something in it.
    pub stakes: Vec<Stake>,
    /// Of a logistic unit: who owns brands of things in it that are not folded.
    pub unseen: BTreeSet<PartyId>,
    /// Who may commission it; `None` where nobody on the hub may.
    pub makers: Option<Arc<Makers>>,
    /// Said to be commissioned more than once, or no longer: its lot and expiry are reckoned anew.
    pub contested: bool,
}

/// What one event says about some things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The event. Events of one instant are ordered by it.
    pub event: EventKey,
    /// When it happened.
    pub at: Micros,
    /// Who says so.
    pub by: PartyId,
    /// In whose name.
    pub principal: Option<PartyId>,
    /// What.
    pub deed: Deed,
    /// And what it says of them besides.
    pub says: Says,
    /// To which things; of those that are followed.
    pub epcs: Vec<EpcKey>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Came into being.
    Commission,
    /// Put into a parent.
    Pack {
        /// The parent.
        parent: EpcKey,
    },
    /// Taken out of a parent.
    Unpack {
        /// The parent.
        parent: EpcKey,
        /// The event lists no children: everything came out.
        all: bool,
    },
    /// Handed over.
    Ship(Handover),
    /// Taken over.
    Receive,
    /// An earlier shipping did not go.
    VoidShip,
    /// Decommissioned, destroyed, dispensed, used up.
    End,
    /// The same, of a container and everything in it.
    EndWithContents,
    /// Seen, moved, held: no change of state that is followed here.
    Use,
}

impl Fact {
    fn speaks_for(&self, party: &PartyId) -> bool {
        self.by == *party || self.principal.as_ref() == Some(party)
    }
}

/// A fact that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Misfit {
    /// The event.
    pub event: EventKey,
    /// The thing.
    pub epc: EpcKey,
    /// What is wrong.
    pub code: FindingCode,
}

/// A thing that a shipping event moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The shipping event.
    pub ship: EventKey,
    /// The thing, outermost.
    pub epc: EpcKey,
    /// The event that confirmed it, and when.
    pub received: Option<(Micros, EventKey)>,
}

/// What the facts come to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Stays in containers, of each thing in the order of time.
    pub intervals: HashMap<EpcKey, Vec<Interval>>,
    /// What moved.
    pub moved: Vec<Moved>,
    /// Shipping events that were taken back, at least for one thing.
    pub voided: HashSet<EventKey>,
    /// Facts that do not fit.
    pub misfits: Vec<Misfit>,
    /// The event that counts as the commissioning of a thing.
    pub commissioned: HashMap<EpcKey, EventKey>,
    /// First owners: brand owners of items, and for whom logistic units were made.
    pub owners: HashMap<EpcKey, PartyId>,
    /// Who has, or had, something in logistic units.
    pub stakes: HashMap<EpcKey, Vec<Stake>>,
    /// The things each event names, and whether each had changed owner before it.
    pub named: HashMap<EventKey, Vec<(EpcKey, bool)>>,
    /// Who has something in the logistic units that each event names, and whether that had changed owner before it.
    pub parts: HashMap<EventKey, BTreeSet<(PartyId, bool)>>,
    /// Which events have a say about which things: their teller may know them.
    pub heard: HashSet<(EventKey, EpcKey)>,
    /// Lot and expiry of contested things.
    pub attributes: HashMap<EpcKey, Attributes>,
}

/// Folds all facts about the `things`. A fact about anything else is not looked at.
#[must_use]
pub fn fold(things: &HashMap<EpcKey, Thing>, facts: Vec<Fact>) -> Outcome {
    folded(things, facts).finish()
}

/// The same, and how one thing stands after the last fact; `None` for a thing that is none of `things`.
#[must_use]
pub fn fold_for(things: &HashMap<EpcKey, Thing>, facts: Vec<Fact>, epc: EpcKey) -> (Outcome, Option<Standing>) {
    let fold = folded(things, facts);
    let standing = fold.standing(epc);
    (fold.finish(), standing)
}

fn folded(things: &HashMap<EpcKey, Thing>, mut facts: Vec<Fact>) -> Fold<'_> {
    for fact in &mut facts {
        fact.epcs.sort();
        fact.epcs.dedup();
    }
    facts.sort_by_key(|fact| (fact.at, fact.event, fact.deed == Deed::Commission));
    let mut fold = Fold::new(things);
    for fact in facts.iter().filter(|fact| fact.deed == Deed::Commission) {
        for epc in &fact.epcs {
            fold.born.entry(*epc).or_insert((fact.at, fact.event));
        }
    }
    for fact in &facts {
        fold.apply(fact);
    }
    fold
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    /// Nobody has said yet.
    Unknown,
    Party(PartyId),
    /// Somebody who is not on the hub.
    Outside,
}

#[derive(Debug, Clone)]
struct State {
    holder: Holder,
    first_owner: Option<PartyId>,
    sales: Vec<Sale>,
    /// The last handover that moved it, itself or inside something.
    inbound: Option<(EventKey, EpcKey)>,
    ended: bool,
}

/// A handover in progress, with what is needed to take it back.
#[derive(Debug)]
struct Sent {
    at: Micros,
    by: PartyId,
    receiver: Taker,
    before: State,
    received: Option<(Micros, EventKey)>,
    voided: bool,
}

struct Fold<'a> {
    things: &'a HashMap<EpcKey, Thing>,
    born: HashMap<EpcKey, (Micros, EventKey)>,
    states: HashMap<EpcKey, State>,
    marks: HashMap<EpcKey, Marks>,
    forest: Forest,
    sent: HashMap<(EventKey, EpcKey), Sent>,
    misfits: HashSet<Misfit>,
    named: HashMap<EventKey, Vec<(EpcKey, bool)>>,
    parts: HashMap<EventKey, BTreeSet<(PartyId, bool)>>,
    stakes: Stakes,
    heard: HashSet<(EventKey, EpcKey)>,
}

impl<'a> Fold<'a> {
    fn new(things: &'a HashMap<EpcKey, Thing>) -> Self {
        let fresh = |thing: &Thing| State {
            holder: Holder::Unknown,
            first_owner: thing.owner.clone(),
            sales: Vec::new(),
            inbound: None,
            ended: false,
        };
        Self {
            things,
            born: HashMap::with_capacity(things.len()),
            states: things.iter().map(|(epc, thing)| (*epc, fresh(thing))).collect(),
            marks: HashMap::new(),
            forest: Forest::default(),
            sent: HashMap::new(),
            misfits: HashSet::new(),
            named: HashMap::new(),
            parts: HashMap::new(),
            stakes: Stakes::new(things),
            heard: HashSet::with_capacity(things.len()),
        }
    }

    fn apply(&mut self, fact: &Fact) {
        // What the teller may not know stays as it is, whatever it says of it; and so does what is not followed.
        let epcs: Vec<EpcKey> = fact.epcs.iter().copied().filter(|epc| self.name(fact, *epc)).collect();
        match &fact.deed {
            Deed::Commission => epcs.iter().for_each(|epc| self.commission(fact, *epc)),
            Deed::Pack { parent } => self.pack(fact, *parent, &epcs),
            Deed::Unpack { parent, all } => {
                if self.name(fact, *parent) {
                    let out = if *all { self.forest.contents(*parent) } else { epcs.clone() };
                    let owners: BTreeSet<PartyId> = out.iter().flat_map(|epc| self.unpack(fact, *parent, *epc)).collect();
                    self.went_out(*parent, &owners, fact.at);
                    self.mark(fact, *parent);
                }
            }
            Deed::Ship(handover) => epcs.iter().for_each(|epc| self.ship(fact, handover, *epc)),
            Deed::Receive => epcs.iter().for_each(|epc| self.receive(fact, *epc)),
            Deed::VoidShip => epcs.iter().for_each(|epc| self.void(fact, *epc)),
            Deed::End | Deed::EndWithContents => epcs.iter().for_each(|epc| self.end(fact, *epc)),
            Deed::Use => {}
        }
        epcs.iter().for_each(|epc| self.mark(fact, *epc));
    }

    /// Notes that the event names a thing, and what is wrong with naming it; false if the teller may not know the thing.
    fn name(&mut self, fact: &Fact, epc: EpcKey) -> bool {
        let Some(state) = self.states.get(&epc) else { return false };
        let (ended, sold) = (state.ended, self.sold_before(epc));
        self.named.entry(fact.event).or_default().push((epc, sold));
        // What goes in or comes out is named itself, and concerns its own owners: not those of what is there besides.
        if !matches!(&fact.deed, Deed::Pack { .. } | Deed::Unpack { all: false, .. }) {
            self.name_parts(fact, epc);
        }
        if fact.deed == Deed::Commission {
            self.heard.insert((fact.event, epc));
            return true;
        }
        if !self.may_know(fact, epc) {
            let receives = fact.deed == Deed::Receive;
            let code = if receives {
                FindingCode::ReceivedWithoutShipment
            } else if leaks(Leak::FindingOfForeign) && self.born.contains_key(&epc) {
                FindingCode::NotInParent
            } else {
                FindingCode::NoCustody
            };
            self.misfit(fact, epc, code);
            return false;
        }
        self.heard.insert((fact.event, epc));
        match (self.born.get(&epc), self.things.get(&epc).map(|thing| thing.kind)) {
            (Some((at, _)), _) if fact.at < *at => self.misfit(fact, epc, FindingCode::UsedBeforeCommissioning),
            (Some(_), _) | (None, None | Some(Kind::Other)) => {}
            (None, Some(Kind::Item | Kind::Logistic)) => self.misfit(fact, epc, FindingCode::NotCommissioned),
        }
        if ended {
            let ships = matches!(fact.deed, Deed::Ship(_));
            let code = if ships {
                FindingCode::EndedShipped
            } else {
                FindingCode::AfterEndOfLife
            };
            self.misfit(fact, epc, code);
        }
        true
    }

    fn commission(&mut self, fact: &Fact, epc: EpcKey) {
        if self.born.get(&epc).is_some_and(|(_, event)| *event != fact.event) {
            // Whoever may not know the thing is not told its lot, not even by its being another one.
            if self.may_know(fact, epc) && !self.attribute(fact, epc) {
                self.misfit(fact, epc, FindingCode::LotMismatch);
            }
            return self.misfit(fact, epc, FindingCode::AlreadyCommissioned);
        }
        self.attribute(fact, epc);
        // Whoever packed it before it existed had no right to: it comes out again, unless it was its own maker.
        if let Some(place) = self.forest.place(epc)
            && !matches!(self.holder(epc), Holder::Party(party) if fact.speaks_for(&party))
        {
            self.settle(epc);
            // It is in this parent: that was just read.
            let _ = self.forest.unpack(epc, place.parent, fact.at, fact.event);
        }
        if let Some(state) = self.states.get_mut(&epc)
            && self.forest.place(epc).is_none()
            && state.inbound.is_none()
        {
            state.holder = Holder::Party(fact.by.clone());
        }
    }

    fn pack(&mut self, fact: &Fact, parent: EpcKey, epcs: &[EpcKey]) {
        if !self.name(fact, parent) {
            return;
        }
        self.mark(fact, parent);
        match self.holder(parent) {
            Holder::Unknown => self.claim(fact, parent),
            Holder::Party(party) if fact.speaks_for(&party) => {}
            Holder::Party(_) | Holder::Outside => return self.misfit(fact, parent, FindingCode::NoCustody),
        }
        for epc in epcs {
            match self.holder(*epc) {
                Holder::Party(party) if !fact.speaks_for(&party) => self.misfit(fact, *epc, FindingCode::NoCustody),
                Holder::Outside => self.misfit(fact, *epc, FindingCode::NoCustody),
                Holder::Unknown | Holder::Party(_) => match self.forest.pack(*epc, parent, fact.at, fact.event) {
                    Ok(()) => self.went_in(parent, *epc, fact.at),
                    Err(misfit) => self.misfit(fact, *epc, misfit.code()),
                },
            }
        }
    }

    /// The first to use a container that nobody commissioned has it.
    fn claim(&mut self, fact: &Fact, epc: EpcKey) {
        let top = self.forest.top(epc);
        if let Some(state) = self.states.get_mut(&top) {
            state.holder = Holder::Party(fact.by.clone());
        }
    }

    /// Takes a thing out; answers with whose it is, if it was in there.
    fn unpack(&mut self, fact: &Fact, parent: EpcKey, epc: EpcKey) -> BTreeSet<PartyId> {
        let Some(place) = self.forest.place(epc).filter(|place| place.parent == parent) else {
            self.misfit(fact, epc, FindingCode::NotInParent);
            return BTreeSet::new();
        };
        let holder = self.holder(epc);
        if matches!(&holder, Holder::Party(party) if !fact.speaks_for(party)) || holder == Holder::Outside {
            self.misfit(fact, epc, FindingCode::NoCustody);
            return BTreeSet::new();
        }
        let sales = self.sales_since(parent, place.since);
        let inbound = self.inbound(epc);
        let owners = self.owners_inside(parent, epc, fact.at);
        self.settle(epc);
        if self.forest.unpack(epc, parent, fact.at, fact.event).is_err() {
            self.misfit(fact, epc, FindingCode::NotInParent);
            return BTreeSet::new();
        }
        if let Some(state) = self.states.get_mut(&epc) {
            state.holder = holder;
            state.sales.extend(sales);
            state.inbound = inbound;
        }
        owners
    }

    fn ship(&mut self, fact: &Fact, handover: &Handover, epc: EpcKey) {
        if self.forest.place(epc).is_some() {
            return self.misfit(fact, epc, FindingCode::NotTopLevel);
        }
        let needs_birth = self.things.get(&epc).is_some_and(|thing| thing.kind != Kind::Other);
        match self.holder(epc) {
            // `MISSING_COMMISSIONING` says it already.
            Holder::Unknown if needs_birth => return,
            Holder::Unknown => self.claim(fact, epc),
            Holder::Party(party) if fact.speaks_for(&party) => {}
            Holder::Party(_) | Holder::Outside => return self.misfit(fact, epc, FindingCode::NoCustody),
        }
        let Some(state) = self.states.get_mut(&epc) else { return };
        let sent = Sent {
            at: fact.at,
            by: fact.by.clone(),
            receiver: handover.receiver.clone(),
            before: state.clone(),
            received: None,
            voided: false,
        };
        match &handover.receiver {
            Taker::Unnamed => {}
            Taker::Outside => state.holder = Holder::Outside,
            Taker::Party(party) => state.holder = Holder::Party(party.clone()),
        }
        if let Some(buyer) = handover.buyer.clone() {
            state.sales.push(Sale {
                at: fact.at,
                sellers: handover.sellers.clone(),
                by: fact.by.clone(),
                principal: fact.principal.clone(),
                buyer,
            });
        }
        state.inbound = Some((fact.event, epc));
        self.sent.insert((fact.event, epc), sent);
        self.unfit(fact, epc);
    }

    fn receive(&mut self, fact: &Fact, epc: EpcKey) {
        let inbound = self.inbound(epc).and_then(|key| self.sent.get_mut(&key));
        match inbound {
            Some(sent) if sent.receiver.party().is_some_and(|party| fact.speaks_for(party)) => {
                sent.received.get_or_insert((fact.at, fact.event));
            }
            Some(_) | None => self.misfit(fact, epc, FindingCode::ReceivedWithoutShipment),
        }
    }

    fn void(&mut self, fact: &Fact, epc: EpcKey) {
        let key = self
            .states
            .get(&epc)
            .and_then(|state| state.inbound)
            .filter(|(_, shipped)| *shipped == epc);
        let Some((key, sent)) = key.and_then(|key| self.sent.get_mut(&key).map(|sent| (key, sent))) else {
            return self.misfit(fact, epc, FindingCode::NoCustody);
        };
        if sent.received.is_some() || sent.voided || !fact.speaks_for(&sent.by) {
            return self.misfit(fact, epc, FindingCode::NoCustody);
        }
        sent.voided = true;
        let before = sent.before.clone();
        debug_assert_eq!(key.1, epc);
        self.states.insert(epc, before);
    }

    fn end(&mut self, fact: &Fact, epc: EpcKey) {
        let allowed = match self.holder(epc) {
            Holder::Unknown => true,
            Holder::Party(party) => fact.speaks_for(&party),
            Holder::Outside => false,
        };
        let parts = self.stakes_at(epc, fact.at);
        let Some(state) = self.states.get_mut(&epc) else { return };
        let is_owner = state.first_owner.iter().chain(&parts).any(|owner| fact.speaks_for(owner));
        if allowed || is_owner {
            state.ended = true;
            self.marks.entry(epc).or_default().ended = true;
            if fact.deed == Deed::EndWithContents {
                for inside in self.inside(epc) {
                    if let Some(state) = self.states.get_mut(&inside) {
                        state.ended = true;
                    }
                }
            }
        } else {
            self.misfit(fact, epc, FindingCode::NoCustody);
        }
    }

    /// Who has a thing: who has the outermost container it is in.
    fn holder(&self, epc: EpcKey) -> Holder {
        self.states
            .get(&self.forest.top(epc))
            .map_or(Holder::Unknown, |state| state.holder.clone())
    }

    /// The last handover that moved a thing, itself or inside something.
    fn inbound(&self, epc: EpcKey) -> Option<(EventKey, EpcKey)> {
        let mut last = self.states.get(&epc)?.inbound;
        let mut here = epc;
        while let Some(place) = self.forest.place(here) {
            let outer = self.states.get(&place.parent).and_then(|state| state.inbound);
            let at = |key: Option<(EventKey, EpcKey)>| key.and_then(|key| self.sent.get(&key)).map(|sent| sent.at);
            if at(outer) >= Some(place.since) && at(outer) >= at(last) {
                last = outer;
            }
            here = place.parent;
        }
        last
    }

    /// Changes of ownership of a thing since it was at hand, its containers' included.
    fn sales_since(&self, epc: EpcKey, since: Micros) -> Vec<Sale> {
        let mut sales = Vec::new();
        let (mut here, mut since) = (epc, since);
        loop {
            if let Some(state) = self.states.get(&here) {
                sales.extend(state.sales.iter().filter(|sale| sale.at >= since).cloned());
            }
            let Some(place) = self.forest.place(here) else { break };
            since = since.max(place.since);
            here = place.parent;
        }
        sales.sort_by_key(|sale| sale.at);
        sales
    }

    fn misfit(&mut self, fact: &Fact, epc: EpcKey, code: FindingCode) {
        self.misfits.insert(Misfit {
            event: fact.event,
            epc,
            code,
        });
    }

    fn finish(mut self) -> Outcome {
        self.keep_stakes();
        self.name_births();
        let mut outcome = Outcome {
            named: self.named,
            parts: self.parts,
            stakes: self.stakes.into_all(),
            heard: self.heard,
            ..Outcome::default()
        };
        for ((ship, epc), sent) in self.sent {
            if sent.voided {
                outcome.voided.insert(ship);
            } else {
                outcome.moved.push(Moved {
                    ship,
                    epc,
                    received: sent.received,
                });
            }
        }
        outcome.moved.sort_by_key(|moved| (moved.ship, moved.epc));
        outcome.misfits = self.misfits.into_iter().collect();
        outcome.misfits.sort();
        let contested = |epc: &EpcKey| self.things.get(epc).is_some_and(|thing| thing.contested);
        let told = |(epc, marks): (&EpcKey, &Marks)| contested(epc).then(|| (*epc, marks.attributes()));
        outcome.attributes = self.marks.iter().filter_map(told).collect();
        outcome.commissioned = self.born.into_iter().map(|(epc, (_, event))| (epc, event)).collect();
        let owned = |(epc, state): (EpcKey, State)| state.first_owner.map(|owner| (epc, owner));
        outcome.owners = self.states.into_iter().filter_map(owned).collect();
        outcome.intervals = self.forest.into_intervals();
        outcome
    }
}

#[cfg(test)]
mod tests;

//! Whose things are: of an item one owner, of a logistic unit everybody who owns something in it, each for as long as it does.
//!
//! A sale goes for what its sellers own: of a pallet with the goods of two, one can be sold, or both. So what the
//! hub makes of the goods of one owner never depends on what else is on the pallet, nor on which of them was put there first.
//!
//! # Invariants
//! - Whether an owner has a stake in a unit, and since when, follows from its own things alone.

use std::collections::{BTreeSet, HashMap};

use super::{EpcKey, Fact, Fold, Kind, Micros, PartyId};
use crate::domain::containment::Stake;

/// A change of ownership as it was told.
#[derive(Debug, Clone)]
pub(super) struct Sale {
    pub(super) at: Micros,
    pub(super) sellers: Vec<PartyId>,
    /// Who told it, and in whose name: where nobody is named as the seller, they can only sell what is theirs.
    pub(super) by: PartyId,
    pub(super) principal: Option<PartyId>,
    pub(super) buyer: PartyId,
}

impl Sale {
    /// Whether it sells what belongs to an owner; what belongs to nobody that is known can be sold by anybody who has it.
    fn sells(&self, owner: Option<&PartyId>) -> bool {
        owner.is_none_or(|owner| match self.sellers.is_empty() {
            true => self.by == *owner || self.principal.as_ref() == Some(owner),
            false => self.sellers.contains(owner),
        })
    }
}

/// Who owns something after sales in the order of time, and whether one of them changed it.
pub(super) fn after(sales: &[Sale], first: Option<&PartyId>) -> (Option<PartyId>, bool) {
    let mut owner = first;
    let mut sold = false;
    for sale in sales {
        if sale.sells(owner) {
            (owner, sold) = (Some(&sale.buyer), true);
        }
    }
    (owner.cloned(), sold)
}

/// Stakes in the logistic units that are folded.
#[derive(Debug, Default)]
pub(super) struct Stakes {
    of: HashMap<EpcKey, Vec<Stake>>,
}

impl Stakes {
    pub(super) fn new(things: &HashMap<EpcKey, super::Thing>) -> Self {
        let known = things.iter().filter(|(_, thing)| !thing.stakes.is_empty());
        Self {
            of: known.map(|(epc, thing)| (*epc, thing.stakes.clone())).collect(),
        }
    }

    fn at(&self, unit: EpcKey, at: Micros) -> impl Iterator<Item = &PartyId> {
        let stakes = self.of.get(&unit).into_iter().flatten();
        stakes.filter(move |stake| stake.holds_at(at)).map(|stake| &stake.owner)
    }

    /// Those that go on after a moment.
    fn beyond(&self, unit: EpcKey, at: Micros) -> impl Iterator<Item = &PartyId> {
        let stakes = self.of.get(&unit).into_iter().flatten();
        let lasting = stakes.filter(move |stake| stake.from <= at && at < stake.until);
        lasting.map(|stake| &stake.owner)
    }

    fn begin(&mut self, unit: EpcKey, owner: &PartyId, at: Micros) {
        let stakes = self.of.entry(unit).or_default();
        match stakes.iter_mut().find(|stake| stake.owner == *owner) {
            Some(stake) => {
                stake.from = stake.from.min(at);
                if stake.until < at {
                    stake.until = Micros::FOREVER;
                }
            }
            None => stakes.push(Stake {
                owner: owner.clone(),
                from: at,
                until: Micros::FOREVER,
            }),
        }
    }

    fn end(&mut self, unit: EpcKey, owner: &PartyId, at: Micros) {
        let stakes = self.of.get_mut(&unit).into_iter().flatten();
        for stake in stakes.filter(|stake| stake.owner == *owner && stake.from <= at) {
            stake.until = at;
        }
    }

    pub(super) fn into_all(self) -> HashMap<EpcKey, Vec<Stake>> {
        self.of
    }

    fn goes_on(&mut self, unit: EpcKey, owner: &PartyId) {
        let stakes = self.of.get_mut(&unit).into_iter().flatten();
        for stake in stakes.filter(|stake| stake.owner == *owner) {
            stake.until = Micros::FOREVER;
        }
    }
}

impl Fold<'_> {
    fn is_unit(&self, epc: EpcKey) -> bool {
        self.things.get(&epc).is_some_and(|thing| thing.kind == Kind::Logistic)
    }

    fn first_owner(&self, epc: EpcKey) -> Option<&PartyId> {
        self.states.get(&epc).and_then(|state| state.first_owner.as_ref())
    }

    /// Who owns a thing now: of a logistic unit the one for whom it was made.
    pub(super) fn owner(&self, epc: EpcKey) -> Option<PartyId> {
        after(&self.sales_since(epc, Micros::MIN), self.first_owner(epc)).0
    }

    /// Whether a thing had changed owner.
    pub(super) fn sold_before(&self, epc: EpcKey) -> bool {
        after(&self.sales_since(epc, Micros::MIN), self.first_owner(epc)).1
    }

    /// Who has something in a unit at a moment.
    pub(super) fn stakes_at(&self, unit: EpcKey, at: Micros) -> Vec<PartyId> {
        self.stakes.at(unit, at).cloned().collect()
    }

    /// Whether a party owns a thing now, or some of what is in a unit.
    pub(super) fn owns_of(&self, epc: EpcKey, at: Micros, party: &PartyId) -> bool {
        let sales = self.sales_since(epc, Micros::MIN);
        let mut parts = self.stakes.at(epc, at).peekable();
        let nobody = self.first_owner(epc).is_none() && parts.peek().is_none();
        let owns = |first: Option<&PartyId>| after(&sales, first).0.as_ref() == Some(party);
        (nobody || self.first_owner(epc).is_some()) && owns(self.first_owner(epc)) || parts.any(|part| owns(Some(part)))
    }

    /// Notes who has something in a unit that an event names, and whether that had been sold.
    pub(super) fn name_parts(&mut self, fact: &Fact, unit: EpcKey) {
        if self.stakes.of.contains_key(&unit) {
            let sales = self.sales_since(unit, Micros::MIN);
            let parts = self.stakes.at(unit, fact.at);
            let parts: Vec<_> = parts.map(|part| (part.clone(), after(&sales, Some(part)).1)).collect();
            self.parts.entry(fact.event).or_default().extend(parts);
        }
    }

    /// Who owned what is in a unit, or a thing itself, before it was put where it is: what was sold with its container counts once it is out.
    fn owners_of(&self, epc: EpcKey, at: Micros) -> BTreeSet<PartyId> {
        let sales = self.states.get(&epc).map_or(&[][..], |state| &state.sales);
        if self.is_unit(epc) {
            return self
                .stakes
                .beyond(epc, at)
                .filter_map(|part| after(sales, Some(part)).0)
                .collect();
        }
        after(sales, self.first_owner(epc)).0.into_iter().collect()
    }

    /// The unit itself and what it is in.
    fn around(&self, epc: EpcKey) -> Vec<EpcKey> {
        let outwards = std::iter::successors(Some(epc), |epc| self.forest.place(*epc).map(|place| place.parent));
        outwards.filter(|epc| self.is_unit(*epc)).collect()
    }

    /// Something was put into a container: its owners have a stake in it, and in what that is in.
    pub(super) fn went_in(&mut self, parent: EpcKey, child: EpcKey, at: Micros) {
        let units = self.around(parent);
        if units.is_empty() {
            return;
        }
        for owner in self.owners_of(child, at) {
            for unit in &units {
                self.stakes.begin(*unit, &owner, at);
            }
        }
    }

    /// Something was taken out of a container: a stake ends with the last of an owner's things. `owners` are those of before.
    pub(super) fn went_out(&mut self, parent: EpcKey, owners: &BTreeSet<PartyId>, at: Micros) {
        for unit in self.around(parent) {
            for owner in owners {
                if !self.has_more(unit, owner, at) {
                    self.stakes.end(unit, owner, at);
                }
            }
        }
    }

    /// The owners of what is about to be taken out; nobody is asked for where no unit is around.
    pub(super) fn owners_inside(&self, parent: EpcKey, child: EpcKey, at: Micros) -> BTreeSet<PartyId> {
        match self.around(parent).is_empty() {
            true => BTreeSet::new(),
            false => self.owners_of(child, at),
        }
    }

    /// Whether more of an owner's things are in a unit: of those that are folded, and of those that were only counted.
    fn has_more(&self, unit: EpcKey, owner: &PartyId, at: Micros) -> bool {
        let unseen = self.things.get(&unit).is_some_and(|thing| thing.unseen.contains(owner));
        unseen
            || self
                .forest
                .contents(unit)
                .into_iter()
                .any(|child| self.owners_of(child, at).contains(owner))
    }

    /// Whoever still has something in a unit has a stake in it: a packing that was told late may have come after the end of one.
    pub(super) fn keep_stakes(&mut self) {
        let ended = self
            .stakes
            .of
            .iter()
            .filter(|(_, stakes)| stakes.iter().any(|stake| stake.until < Micros::FOREVER));
        let units: Vec<EpcKey> = ended.map(|(unit, _)| *unit).collect();
        for unit in units {
            let now = Micros(Micros::FOREVER.0 - 1);
            let inside = self.forest.contents(unit).into_iter();
            let owners: BTreeSet<PartyId> = inside.flat_map(|child| self.owners_of(child, now)).collect();
            owners.iter().for_each(|owner| self.stakes.goes_on(unit, owner));
        }
    }

    /// Whoever ever had something in a unit learns of its making: nothing else was in it then.
    pub(super) fn name_births(&mut self) {
        for (unit, stakes) in &self.stakes.of {
            if let Some((_, event)) = self.born.get(unit) {
                let owners = stakes.iter().map(|stake| (stake.owner.clone(), false));
                self.parts.entry(*event).or_default().extend(owners);
            }
        }
    }
}

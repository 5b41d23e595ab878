//! Whether the teller of a fact may know the thing it names.
//!
//! Whoever may not gets the same finding for a thing that exists and for one that does not, and moves nothing: what the hub
//! says about a party's own events must not tell it whether others' goods exist. This file decides it, for every deed.

use super::{Deed, EpcKey, Fact, Fold, Holder, Kind, Micros, PartyId};

/// Who may bring a thing into being, and so may know of it while nobody holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Makers {
    /// Owner of the product, or holder of the company prefix.
    pub owner: PartyId,
    /// Its delegates, each from one moment up to another.
    pub delegates: Vec<(PartyId, Micros, Micros)>,
}

impl Makers {
    fn may_make(&self, party: &PartyId, at: Micros) -> bool {
        let may = |(delegate, from, until): &(PartyId, Micros, Micros)| delegate == party && *from <= at && at < *until;
        self.owner == *party || self.delegates.iter().any(may)
    }
}

impl Fold<'_> {
    /// Whether the teller speaks for the holder or is the owner (of the brand, as long as it was not sold), or, where nobody
    /// holds the thing yet, might be its maker. A sender may know what is still on the way.
    pub(super) fn may_know(&self, fact: &Fact, epc: EpcKey) -> bool {
        let Some(thing) = self.things.get(&epc) else { return false };
        match self.holder(epc) {
            // Whoever uses such a thing first has it; seeing it claims nothing.
            _ if thing.kind == Kind::Other && fact.deed == Deed::Use => true,
            Holder::Unknown if thing.kind == Kind::Other => true,
            Holder::Unknown => thing.makers.as_ref().is_some_and(|makers| makers.may_make(&fact.by, fact.at)),
            Holder::Party(holder) if fact.speaks_for(&holder) => true,
            Holder::Party(_) | Holder::Outside => self.is_owner(fact, epc) || self.sent_it(fact, epc),
        }
    }

    /// The owner itself: a delegate learns nothing of its principal's things that it does not hold.
    fn is_owner(&self, fact: &Fact, epc: EpcKey) -> bool {
        self.owns_of(epc, fact.at, &fact.by)
    }

    fn sent_it(&self, fact: &Fact, epc: EpcKey) -> bool {
        let sent = self.inbound(epc).and_then(|key| self.sent.get(&key));
        fact.deed == Deed::VoidShip && sent.is_some_and(|sent| sent.received.is_none() && fact.speaks_for(&sent.by))
    }
}

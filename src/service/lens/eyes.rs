//! What is whose, as one party sees it: what a mask asks to tell a party's own from what is another's.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::event::{Action, EventType};
use crate::domain::gs1::{Epc, EpcClass};
use crate::domain::ids::PartyId;
use crate::domain::lens::Viewer;
use crate::domain::party::Registry;

use super::EventFacts;

/// A party, as a mask asks of it.
pub(in crate::service) struct Eyes<'a> {
    pub(super) party: &'a PartyId,
    pub(super) facts: &'a EventFacts<'a>,
    pub(super) principals: Arc<HashSet<PartyId>>,
    /// The asserter's principals other than the party, whatever the dates of their agreements.
    pub(super) others: HashSet<&'a PartyId>,
}

impl Eyes<'_> {
    /// By what never changes: the product, or the company prefix of a unit that was made for its holder.
    fn owner(&self, epc: &Epc) -> Option<&PartyId> {
        let registry = self.facts.registry;
        match epc.sscc() {
            Some(_) => {
                let made_for = self.facts.ground.owners.get(&epc.key());
                made_for.filter(|owner| prefix_holder(registry, epc) == Some(owner))
            }
            None => epc
                .gtin()
                .and_then(|gtin| registry.owner_of_gtin(gtin))
                .or_else(|| self.facts.ground.owners.get(&epc.key())),
        }
    }

    /// Whether something of the party is in a logistic unit when the event happens; ever, if the event is its making.
    fn has_stake(&self, epc: &Epc) -> bool {
        let event = self.facts.event;
        let is_making = event.kind == EventType::Object && event.action == Some(Action::Add);
        let mut stakes = self.facts.ground.stakes.get(&epc.key()).into_iter().flatten();
        stakes.any(|stake| stake.owner == *self.party && (is_making || stake.holds_at(event.event_time)))
    }

    fn owner_of_class(&self, class: &EpcClass) -> Option<&PartyId> {
        class.gtin().and_then(|gtin| self.facts.registry.owner_of_gtin(gtin))
    }

    fn party_of(&self, id: &Epc) -> Option<&PartyId> {
        id.gln().and_then(|gln| self.facts.registry.party_of_gln(gln))
    }
}

/// Whose company prefix a logistic unit has.
pub(in crate::service) fn prefix_holder<'a>(registry: &'a Registry, epc: &Epc) -> Option<&'a PartyId> {
    let sscc = epc.sscc()?;
    registry.holder_of_prefix(sscc.as_str().get(1..)?).map(|(party, _)| party)
}

/// Whose document it is by its identifier (CBV 2.0 clause 8.5.2: `urn:epcglobal:cbv:bt:` with the GLN of who gave the number).
pub(in crate::service) fn document_holder<'a>(registry: &'a Registry, id: &str) -> Option<&'a PartyId> {
    let (gln, _) = id.strip_prefix("urn:epcglobal:cbv:bt:")?.split_once(':')?;
    registry.party_of_gln(gln.parse().ok()?)
}

impl Viewer for Eyes<'_> {
    fn owns(&self, epc: &Epc) -> bool {
        self.owner(epc) == Some(self.party) || self.has_stake(epc)
    }

    fn owns_class(&self, class: &EpcClass) -> bool {
        self.owner_of_class(class) == Some(self.party)
    }

    fn is_anothers(&self, epc: &Epc) -> bool {
        let owner = match epc.sscc() {
            Some(_) => prefix_holder(self.facts.registry, epc),
            None => self.owner(epc),
        };
        let bought = self.facts.ground.bought.get(self.party);
        owner.is_some_and(|owner| self.others.contains(owner)) && !bought.is_some_and(|bought| bought.contains(&epc.key()))
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

    fn is_anothers_document(&self, id: &str) -> bool {
        document_holder(self.facts.registry, id).is_some_and(|party| self.others.contains(party))
    }
}

//! The facts of one thing, and what a party has to do with it.
//!
//! The handovers of a thing are those of the thing itself and of everything it was inside at that time; whoever reads
//! them from the database gives them in order of time.

use crate::domain::gs1::{Epc, EpcKey, Gln, Gtin};
use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::lens::{Relations, When, sight};
use crate::domain::party::Registry;
use crate::domain::time::Micros;

/// A thing that was commissioned, or seen as a parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// Its key.
    pub key: EpcKey,
    /// Its identifier.
    pub epc: Epc,
    /// GTIN-14, if it is of a product.
    pub gtin: Option<Gtin>,
    /// Lot.
    pub lot: Option<String>,
    /// Expiry, as sent.
    pub expiry: Option<String>,
    /// Brand owner, or for a logistic unit the principal it was made for.
    pub owner: Option<PartyId>,
    /// The event that it was commissioned by.
    pub made_by: Option<EventKey>,
    /// Who commissioned it.
    pub maker: Option<PartyId>,
    /// When it was commissioned.
    pub made_at: Option<Micros>,
    /// Where it was commissioned.
    pub made_where: Option<Gln>,
    /// Current disposition.
    pub disposition: Option<String>,
    /// What it is in now.
    pub parent: Option<Epc>,
    /// Of a logistic unit that is its owner's for what is in it: from when to when something was.
    pub share: Option<(Micros, Micros)>,
}

/// The goods, or their ownership, going from one party to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// The shipment.
    pub id: ShipmentId,
    /// The shipping event.
    pub event: EventKey,
    /// Hands over.
    pub sender: PartyId,
    /// Takes over.
    pub receiver: Option<PartyId>,
    /// Gives up ownership, if that changes.
    pub seller: Option<PartyId>,
    /// Who else does, of other goods that are handed over with it.
    pub also: Vec<PartyId>,
    /// Takes ownership, if that changes.
    pub buyer: Option<PartyId>,
    /// From where.
    pub from: Option<Gln>,
    /// To where.
    pub to: Option<Gln>,
    /// Whether the goods left the sender: a shipping event that names no taker at all leaves them where they are.
    pub left: bool,
    /// When it left.
    pub shipped_at: Micros,
    /// When the taker said that it came.
    pub received_at: Option<Micros>,
}

impl Handover {
    /// Whether a party takes part in it.
    #[must_use]
    pub fn names(&self, party: &PartyId) -> bool {
        self.gives(party) || self.takes(party)
    }

    /// Whether ownership changes, be it to somebody who is not on the hub.
    #[must_use]
    pub fn sells(&self) -> bool {
        self.seller.is_some() || self.buyer.is_some()
    }

    /// Whether a party gives up the thing or its ownership.
    #[must_use]
    pub fn gives(&self, party: &PartyId) -> bool {
        self.sender == *party || self.seller.as_ref() == Some(party)
    }

    /// Whether a party takes the thing or its ownership.
    #[must_use]
    pub fn takes(&self, party: &PartyId) -> bool {
        self.receiver.as_ref() == Some(party) || self.buyer.as_ref() == Some(party)
    }

    /// Whether a party gets to know all that is handed over: it has it, or buys it. Who only sells knows what was its own.
    fn gets_to_know(&self, party: &PartyId) -> bool {
        self.sender == *party || self.takes(party)
    }

    /// A party's relations to it.
    #[must_use]
    pub fn relations(&self, party: &PartyId) -> Relations {
        let when = |is: bool, relation: Relations| if is { relation } else { Relations::default() };
        when(self.sender == *party, Relations::SENDER)
            .with(when(self.receiver.as_ref() == Some(party), Relations::RECEIVER))
            .with(when(self.seller.as_ref() == Some(party), Relations::SELLER))
            .with(when(self.buyer.as_ref() == Some(party), Relations::BUYER))
    }
}

/// A thing and all that happened to its custody and ownership, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The thing.
    pub thing: Thing,
    /// Oldest first.
    pub handovers: Vec<Handover>,
}

/// What a party has to do with a thing: made by [`Trace::standing`] alone, and only for a party that has something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    brand_owner: bool,
    /// It had the thing itself, as its maker or holder: as an owner it may know of earlier holders, too.
    owned: Option<usize>,
    /// Index of the last handover that it may know of; `None` if not even the first.
    until: Option<usize>,
    /// Index of the first change of ownership.
    sold: Option<usize>,
    /// What it does not know of any more begins here.
    pub to: Micros,
    /// What it may know of the inside of the thing begins here.
    pub from: Micros,
    /// Whether it may know the state of the thing as it is now.
    pub state_now: bool,
    /// Whether it has, had or made the thing: then it may know all that was inside, and not only its own.
    pub handled: bool,
}

impl Trace {
    /// The brand owner: of the product, or as commissioned.
    #[must_use]
    pub fn brand_owner(&self, registry: &Registry) -> Option<PartyId> {
        let of_product = self.thing.gtin.and_then(|gtin| registry.owner_of_gtin(gtin));
        of_product.or(self.thing.owner.as_ref()).cloned()
    }

    /// The same without the sales that are of other things on the same pallet. Whoever is named as a seller sells what is its own: a sale
    /// counts for the thing if its seller owned it by what was told before, beginning with `first`, or hands it over itself, or if nobody
    /// knows whose the thing is. `viewer`: whose own deals stay whatever they are of, as those of a unit in which something of its is.
    #[must_use]
    pub fn with_own_deals(mut self, first: Option<PartyId>, viewer: Option<&PartyId>) -> Self {
        let mut owners = first.map(|first| vec![first]);
        for handover in self.handovers.iter_mut().filter(|handover| handover.sells()) {
            let is_own =
                |seller: &&PartyId| owners.as_ref().is_some_and(|owners| owners.contains(seller)) || Some(*seller) == viewer;
            if let Some(seller) = handover.seller.iter().chain(&handover.also).find(is_own).cloned() {
                handover.seller = Some(seller);
            }
            let buyer = handover.buyer.clone();
            match (&handover.seller, &mut owners) {
                // Nobody says whose sale it is: it may be of this.
                (None, _) => {}
                (Some(_), None) => owners = buyer.is_some().then(Vec::new),
                (Some(seller), Some(owners)) if owners.contains(seller) => owners.clear(),
                // Who has the thing may sell it without having told how it bought it; whose unit it is in part knows of its own deals.
                (Some(seller), Some(_)) if *seller == handover.sender => {}
                (Some(_), Some(_)) if viewer.is_some_and(|viewer| handover.names(viewer)) => {}
                (Some(_), Some(_)) => {
                    (handover.seller, handover.buyer) = (None, None);
                    continue;
                }
            }
            if let Some(owners) = &mut owners {
                owners.extend(buyer);
            }
        }
        self
    }

    /// What `party` has to do with the thing, if anything.
    #[must_use]
    pub fn standing(&self, party: &PartyId, registry: &Registry) -> Option<Standing> {
        let made = self.thing.maker.as_ref() == Some(party);
        let brand_owner = self.brand_owner(registry).as_ref() == Some(party);
        let touched: Vec<usize> = (0..self.handovers.len())
            .filter(|index| self.handovers[*index].names(party))
            .collect();
        if !made && !brand_owner && touched.is_empty() {
            return None;
        }
        let sold = self.handovers.iter().position(Handover::sells);
        let last = self.handovers.len().checked_sub(1);
        let as_brand_owner = if brand_owner { sold.or(last) } else { None };
        let as_partner = touched
            .last()
            .copied()
            .max(touched.last().and_then(|last| self.onward(*last, party)));
        let as_maker = if made { self.onward_from_start(party) } else { None };
        let until = as_brand_owner.max(as_partner).max(as_maker);
        let has_it_still = self.holds_after_all(party, made);
        let share = self.thing.share.filter(|_| brand_owner);
        let left = share.map(|(_, until)| until).filter(|until| *until < Micros::FOREVER);
        let in_view = has_it_still || (brand_owner && sold.is_none() && left.is_none());
        let last_touch = touched.last().map_or(Micros::MIN, |last| self.handovers[*last].shipped_at);
        let to = match until {
            _ if in_view => Micros::FOREVER,
            _ if sold.is_none() && left.is_some() => left.unwrap_or(Micros::FOREVER).max(last_touch),
            Some(index) => self.handovers[index].shipped_at,
            None => self.handovers.first().map_or(Micros::FOREVER, |first| first.shipped_at),
        };
        let from = if made || (brand_owner && share.is_none()) {
            Micros::MIN
        } else if let Some((entered, _)) = share {
            let first_touch = touched.first().map_or(entered, |first| self.handovers[*first].shipped_at);
            entered.min(first_touch)
        } else {
            touched.first().map_or(Micros::MIN, |first| self.handovers[*first].shipped_at)
        };
        let owned = self
            .handovers
            .iter()
            .rposition(|handover| handover.buyer.as_ref() == Some(party));
        Some(Standing {
            brand_owner,
            owned,
            until,
            sold,
            to,
            from,
            state_now: (brand_owner && left.is_none()) || has_it_still,
            handled: made || touched.iter().any(|index| self.handovers[*index].gets_to_know(party)),
        })
    }

    /// The same up to a moment, that included: what had not happened by then is not there.
    #[must_use]
    pub fn until(&self, moment: Micros) -> Self {
        let mut trace = self.clone();
        trace.handovers.retain(|handover| handover.shipped_at <= moment);
        for handover in &mut trace.handovers {
            handover.received_at = handover.received_at.filter(|at| *at <= moment);
        }
        trace
    }

    /// The handover by which a party that took the thing at `index` gave it away: its own act, even where it named no one else.
    fn onward(&self, index: usize, party: &PartyId) -> Option<usize> {
        let next = index + 1;
        self.handovers
            .get(next)
            .filter(|handover| handover.gives(party))
            .map(|_| next)
    }

    fn onward_from_start(&self, party: &PartyId) -> Option<usize> {
        self.handovers.first().filter(|handover| handover.gives(party)).map(|_| 0)
    }

    /// Whether custody or ownership is with the party after the last handover.
    fn holds_after_all(&self, party: &PartyId, made: bool) -> bool {
        let custody = self.handovers.iter().rev().find(|handover| handover.left);
        let ownership = self.handovers.iter().rev().find(|handover| handover.sells());
        let holds = custody.map_or(made, |last| last.receiver.as_ref() == Some(party));
        holds || ownership.is_some_and(|last| last.buyer.as_ref() == Some(party))
    }
}

impl Standing {
    /// Whether it may know that this handover took place.
    #[must_use]
    pub fn reaches(&self, index: usize) -> bool {
        self.until.is_some_and(|until| index <= until)
    }

    /// Its relations to one handover of the thing.
    #[must_use]
    pub fn of_handover(&self, index: usize, handover: &Handover, party: &PartyId) -> Relations {
        let mut relations = handover.relations(party);
        if self.brand_owner {
            let before = self.sold.is_none_or(|sold| index <= sold);
            relations = relations.with(if before {
                Relations::BRAND_OWNER
            } else {
                Relations::BRAND_OWNER_AFTER
            });
        }
        if self.owned.is_some_and(|owned| index < owned) {
            relations = relations.with(Relations::LATER_OWNER);
        }
        relations
    }

    /// Whether it may know the moment of the making: as the maker, or as the brand owner.
    #[must_use]
    pub fn knows_making(&self, party: &PartyId, trace: &Trace) -> bool {
        sight(self.of_making(trace.thing.maker.as_ref() == Some(party))).when == When::Exact
    }

    /// Its relations, by what it bought, to what was done with the thing at a moment: what was done since is no longer its past.
    #[must_use]
    pub fn of_past(&self, trace: &Trace, at: Micros) -> Relations {
        let bought = self.owned.and_then(|owned| trace.handovers.get(owned));
        match bought.is_some_and(|bought| at < bought.shipped_at) {
            true => Relations::LATER_OWNER,
            false => Relations::default(),
        }
    }

    /// Its relations to the making of the thing.
    #[must_use]
    pub fn of_making(&self, made: bool) -> Relations {
        let when = |is: bool, relation: Relations| if is { relation } else { Relations::default() };
        when(made, Relations::ASSERTER)
            .with(when(self.brand_owner, Relations::BRAND_OWNER))
            .with(when(self.owned.is_some(), Relations::LATER_OWNER))
    }
}

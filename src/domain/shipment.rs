//! A handover: who gives and who takes, as the shipping event says it.
//!
//! Whether it counts is decided by [`super::ledger`]: only the word of whoever has the goods moves them.

use super::event::{Event, SourceDest};
use super::gs1::Gln;
use super::ids::PartyId;
use super::party::Registry;

/// Who takes the goods over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Taker {
    /// The event names nobody: the goods stay with the sender.
    Unnamed,
    /// Somebody who is not on the hub.
    Outside,
    /// A party of the hub.
    Party(PartyId),
}

impl Taker {
    /// The party, if it is one of the hub's.
    #[must_use]
    pub fn party(&self) -> Option<&PartyId> {
        match self {
            Self::Party(party) => Some(party),
            Self::Unnamed | Self::Outside => None,
        }
    }
}

/// The sides of a shipping event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Gives custody.
    pub sender: PartyId,
    /// Takes custody.
    pub receiver: Taker,
    /// Gives ownership; only where ownership changes.
    pub sellers: Vec<PartyId>,
    /// Takes ownership; only where ownership changes.
    pub buyer: Option<PartyId>,
}

/// The sides that an event names: all that can be said of a handover by who sees a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// Gives custody.
    pub sender: Option<PartyId>,
    /// Takes custody.
    pub receiver: Taker,
    /// Gives ownership; only where ownership changes.
    pub sellers: Vec<PartyId>,
    /// Takes ownership; only where ownership changes.
    pub buyer: Option<PartyId>,
}

/// How a shipment stands. The text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShipmentState {
    /// On the way.
    InTransit,
    /// The taker confirmed it.
    Received,
    /// Taken back by the sender before it was received.
    Voided,
    /// The sender did not have what it says it shipped: nothing moved.
    Unheld,
}

impl ShipmentState {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTransit => "in_transit",
            Self::Received => "received",
            Self::Voided => "voided",
            Self::Unheld => "unheld",
        }
    }
}

impl Sides {
    /// Reads the source and destination lists of an event (CBV 2.0 clause 7.4.2): possession before place before
    /// ownership for custody, `owning_party` alone for ownership.
    #[must_use]
    pub fn of(event: &Event, registry: &Registry) -> Self {
        let named = |list: &[SourceDest], kind: &str| list.iter().find(|side| side.kind.as_str() == kind).cloned();
        let party = |side: &SourceDest| side.id.gln().and_then(|gln: Gln| registry.party_of_gln(gln).cloned());
        let sender = ["possessing_party", "location"]
            .iter()
            .find_map(|kind| party(&named(&event.sources, kind)?));
        let taking = ["possessing_party", "location", "owning_party"]
            .iter()
            .find_map(|kind| named(&event.destinations, kind));
        let receiver = match taking.as_ref().map(party) {
            None => Taker::Unnamed,
            Some(None) => Taker::Outside,
            Some(Some(party)) => Taker::Party(party),
        };
        let owners = |list: &[SourceDest]| -> Vec<PartyId> {
            let owning = list.iter().filter(|side| side.kind.as_str() == "owning_party");
            owning.filter_map(party).collect()
        };
        let (before, after) = (owners(&event.sources), owners(&event.destinations));
        // Whoever is named on both sides keeps what is its own; the others sell what is theirs to the one that is new.
        let sellers = before.iter().filter(|owner| !after.contains(owner)).cloned();
        let buyer = after.iter().find(|owner| !before.contains(owner)).cloned();
        Self {
            sender,
            receiver,
            sellers: sellers.collect(),
            buyer,
        }
    }
}

impl Handover {
    /// The sides of a shipping event: who tells it hands over, if it names nobody else.
    #[must_use]
    pub fn of(event: &Event, asserter: &PartyId, registry: &Registry) -> Self {
        let Sides {
            sender,
            receiver,
            sellers,
            buyer,
        } = Sides::of(event, registry);
        Self {
            sender: sender.unwrap_or_else(|| asserter.clone()),
            receiver,
            sellers,
            buyer,
        }
    }
}

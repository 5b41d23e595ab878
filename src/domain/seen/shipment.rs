//! A handover, by the shipping event and the receipts that somebody sees.

use crate::domain::event::{BizTransaction, SourceDest};
use crate::domain::gs1::{Epc, EpcKey, Gln};
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::shipment::{ShipmentState, Sides};
use crate::domain::time::Micros;

use super::{Word, Words};

/// A handover as it is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Shipped {
    /// Hands over.
    pub sender: Option<PartyId>,
    /// Takes over.
    pub receiver: Option<PartyId>,
    /// Gives up ownership, if that changes.
    pub seller: Option<PartyId>,
    /// Takes ownership, if that changes.
    pub buyer: Option<PartyId>,
    /// From where.
    pub from: Option<Gln>,
    /// To where.
    pub to: Option<Gln>,
    /// When it left.
    pub shipped_at: Micros,
    /// When a receipt says that it came.
    pub received_at: Option<Micros>,
    /// On the way until a receipt or its taking back is seen.
    pub state: ShipmentState,
    /// Business documents.
    pub documents: Vec<BizTransaction>,
    /// What was shipped, by key.
    pub things: Vec<Epc>,
}

/// What a shipping event says, and whether one of the others says that the goods came or were taken back. `None` for an event that ships nothing.
#[must_use]
pub fn shipped(ship: &Word, others: &Words, registry: &Registry) -> Option<Shipped> {
    if !ship.is("shipping") {
        return None;
    }
    let event = &ship.event;
    let sides = Sides::of(event, registry);
    let keys: Vec<EpcKey> = event.epcs.iter().map(Epc::key).collect();
    let after = |step: &'static str| {
        let names = |word: &&Word| word.event.epcs.iter().any(|epc| keys.contains(&epc.key()));
        let is_after = |word: &&Word| word.event.event_time >= event.event_time && word.is(step);
        others.0.iter().filter(is_after).find(names).map(|word| word.event.event_time)
    };
    let (received_at, voided) = (after("receiving"), after("void_shipping").is_some());
    let mut things = event.epcs.clone();
    things.sort_by_cached_key(Epc::key);
    things.dedup();
    Some(Shipped {
        sender: sides.sender.or_else(|| ship.teller.clone()),
        receiver: sides.receiver.party().cloned(),
        seller: sides.sellers.first().filter(|_| ship.tells_deals()).cloned(),
        buyer: sides.buyer.filter(|_| ship.tells_deals()),
        from: place(&event.sources),
        to: place(&event.destinations),
        shipped_at: event.event_time,
        state: match (received_at, voided || ship.voided) {
            (Some(_), _) => ShipmentState::Received,
            (None, true) => ShipmentState::Voided,
            (None, false) => ShipmentState::InTransit,
        },
        received_at,
        documents: event.biz_transactions.clone(),
        things,
    })
}

pub(super) fn place(side: &[SourceDest]) -> Option<Gln> {
    let places = side.iter().filter(|end| end.kind.as_str() == "location");
    places.filter_map(|end| end.id.gln()).next()
}

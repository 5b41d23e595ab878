//! Who sees a handover, and as what: its sides, whoever told it, and the owners of what is handed over, each for its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::lens::Relations;
use crate::storage::{Tx, shipment};

use super::ServiceError;
use super::save::Folded;

/// Who sees handovers that were folded, and as what.
pub(super) async fn parties(
    tx: &Tx,
    folded: &Folded<'_>,
    shipments: &[shipment::Shipment],
) -> Result<Vec<(ShipmentId, PartyId, Relations)>, ServiceError> {
    let rest = owners_of_rest(tx, folded, shipments).await?;
    let of = |shipment: &shipment::Shipment| {
        let rest = rest.get(&shipment.id).map_or(&[][..], Vec::as_slice);
        of_shipment(folded, shipment, rest)
    };
    Ok(shipments.iter().flat_map(of).collect())
}

/// Owners of things that were handed over and are not folded now: what they have to do with it is as it was.
async fn owners_of_rest(
    tx: &Tx,
    folded: &Folded<'_>,
    shipments: &[shipment::Shipment],
) -> Result<HashMap<ShipmentId, Vec<(PartyId, Relations)>>, ServiceError> {
    let outcome = folded.outcome;
    let stored = folded.loaded.stored.iter();
    let listed: HashMap<EventKey, i64> = stored.map(|named| (named.event, named.listed)).collect();
    let in_part = |shipment: &&shipment::Shipment| {
        let here = outcome.named.get(&shipment.ship_event).map_or(0, Vec::len);
        let listed = listed.get(&shipment.ship_event);
        listed.is_some_and(|listed| i64::try_from(here).unwrap_or(i64::MAX) < *listed)
    };
    let part: HashMap<ShipmentId, EventKey> = shipments
        .iter()
        .filter(in_part)
        .map(|shipment| (shipment.id, shipment.ship_event))
        .collect();
    let mut rest = shipment::shared(tx, &part.keys().copied().collect::<Vec<_>>()).await?;
    for (id, known) in &mut rest {
        let Some(event) = part.get(id) else { continue };
        let named = outcome.named.get(event).into_iter().flatten();
        let parts = outcome.parts.get(event).into_iter().flatten();
        let folded: BTreeSet<&PartyId> = named
            .filter_map(|(epc, _)| outcome.owners.get(epc))
            .chain(parts.map(|(owner, _)| owner))
            .collect();
        for (_, relations) in &mut *known {
            *relations = relations.only(Relations::BRAND_OWNER.with(Relations::PART_OWNER));
        }
        known.retain(|(party, relations)| !relations.is_none() && !folded.contains(party));
    }
    Ok(rest)
}

/// `rest`: owners of what is not folded.
fn of_shipment(
    folded: &Folded<'_>,
    shipment: &shipment::Shipment,
    rest: &[(PartyId, Relations)],
) -> Vec<(ShipmentId, PartyId, Relations)> {
    let mut seen = BTreeMap::<PartyId, Relations>::new();
    let mut add = |party: Option<&PartyId>, relation: Relations| {
        if let Some(party) = party {
            let relations = seen.entry(party.clone()).or_default();
            *relations = relations.with(relation);
        }
    };
    add(Some(&shipment.sender), Relations::SENDER);
    add(shipment.receiver.as_ref(), Relations::RECEIVER);
    for seller in &shipment.sellers {
        add(Some(seller), Relations::SELLER);
    }
    add(shipment.buyer.as_ref(), Relations::BUYER);
    if let Some((by, principal, _)) = folded.facts.get(&shipment.ship_event) {
        add(Some(by), Relations::ASSERTER);
        add(principal.as_ref(), Relations::PRINCIPAL);
    }
    for (epc, sold) in folded.outcome.named.get(&shipment.ship_event).into_iter().flatten() {
        if !sold {
            add(folded.outcome.owners.get(epc), Relations::BRAND_OWNER);
        }
    }
    for (owner, sold) in folded.outcome.parts.get(&shipment.ship_event).into_iter().flatten() {
        let anothers = !shipment.sellers.is_empty() && !shipment.sellers.contains(owner);
        if !sold {
            add(
                Some(owner),
                if anothers {
                    Relations::PART_OWNER
                } else {
                    Relations::BRAND_OWNER
                },
            );
        }
    }
    for (owner, relations) in rest {
        add(Some(owner), *relations);
    }
    seen.into_iter()
        .map(|(party, relations)| (shipment.id, party, relations))
        .collect()
}

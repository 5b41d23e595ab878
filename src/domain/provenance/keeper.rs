//! Who has a thing and who owns it, as one viewer may know it.
//!
//! Both are told as of the last moment that the viewer may know of; whom it may not know by name there is not named.

use crate::domain::ids::PartyId;
use crate::domain::lens::{Who, sight};
use crate::domain::party::Registry;

use super::trace::{Handover, Standing, Trace};

/// Who has it: whoever took it last, the maker where nobody did. `None` too for somebody who is not on the hub.
#[must_use]
pub fn custodian(trace: &Trace, standing: &Standing, viewer: &PartyId) -> Option<PartyId> {
    let trace = trace.until(standing.to);
    let left = trace.handovers.iter().enumerate().rev().find(|(_, handover)| handover.left);
    match left {
        Some((index, handover)) => {
            let taker = handover.receiver.clone()?;
            named(&trace, (index, handover), standing, viewer).then_some(taker)
        }
        None => {
            let maker = trace.thing.maker.clone()?;
            let first = trace.handovers.first();
            let met = maker == *viewer || first.is_some_and(|first| first.names(viewer) && first.sender == maker);
            (met || sight(standing.of_making(maker == *viewer)).after >= Who::Name).then_some(maker)
        }
    }
}

/// Who owns it: whoever bought it last, the brand owner where nobody did. Who only carries or keeps goods is not told whose
/// they are, nor whether they were sold.
#[must_use]
pub fn owner(trace: &Trace, standing: &Standing, viewer: &PartyId, registry: &Registry) -> Option<PartyId> {
    let trace = trace.until(standing.to);
    match trace
        .handovers
        .iter()
        .enumerate()
        .rev()
        .find(|(_, handover)| handover.sells())
    {
        Some((index, handover)) => {
            let buyer = handover.buyer.clone()?;
            let deals = buyer == *viewer || handover.seller.as_ref() == Some(viewer);
            (deals || sight(standing.of_handover(index, handover, viewer)).after >= Who::Name).then_some(buyer)
        }
        None => {
            let owner = trace.brand_owner(registry)?;
            let made = trace.thing.maker.as_ref() == Some(viewer);
            (owner == *viewer || sight(standing.of_making(made)).after >= Who::Name).then_some(owner)
        }
    }
}

/// Whether the viewer may know by name who took a thing over: it took part, or its relation to the handover says so.
fn named(trace: &Trace, (index, handover): (usize, &Handover), standing: &Standing, viewer: &PartyId) -> bool {
    let taker = handover.receiver.as_ref();
    let next = trace.handovers.get(index + 1);
    let met = handover.names(viewer) || next.is_some_and(|next| next.names(viewer) && Some(&next.sender) == taker);
    met || sight(standing.of_handover(index, handover, viewer)).after >= Who::Name
}

//! What one viewer may see of one event.
//!
//! Fields are dropped and lists are cut; nothing in the result says that there was more. The hub's event stays
//! whole: a mask is made for each answer and stored nowhere.

use crate::domain::event::{CBV_MDA, Event, SourceDest};
use crate::domain::gs1::{Epc, EpcClass, Scheme};

use super::planted::{Leak, leaks};
use super::{Contents, Documents, Relations, Shown, Sight, Where, Who, sight};

/// What must be known of the viewer to cut an event to its size.
pub trait Viewer {
    /// Whether a thing is the viewer's own: its brand, or made on its behalf.
    fn owns(&self, epc: &Epc) -> bool;
    /// The same for a class of things.
    fn owns_class(&self, class: &EpcClass) -> bool;
    /// Whether a thing is that of another principal of the one who asserted the event.
    fn is_anothers(&self, epc: &Epc) -> bool;
    /// The same for a class of things.
    fn is_anothers_class(&self, class: &EpcClass) -> bool;
    /// Whether a location or party identifier is the viewer's.
    fn is_self(&self, id: &Epc) -> bool;
    /// Whether a party identifier is that of a principal of the viewer.
    fn is_principal(&self, id: &Epc) -> bool;
}

/// The event as the viewer may see it; `None` where it may not see that there is one.
#[must_use]
pub fn mask(event: &Event, relations: Relations, viewer: &impl Viewer) -> Option<Event> {
    let sight = sight(relations);
    if !sight.shows_event() {
        return None;
    }
    let mut shown = event.clone();
    mask_things(&mut shown, &sight, viewer);
    if event.roles().next().is_some() && shown.roles().next().is_none() {
        return None;
    }
    mask_places(&mut shown, &sight, viewer);
    mask_parties(&mut shown, &sight, viewer);
    mask_documents(&mut shown, &sight);
    mask_payload(&mut shown, &sight);
    Some(shown)
}

fn mask_things(event: &mut Event, sight: &Sight, viewer: &impl Viewer) {
    let sees = |epc: &Epc| match sight.contents {
        Contents::Nothing => false,
        Contents::Own | Contents::OnBehalf if leaks(Leak::Siblings) => true,
        Contents::Own => viewer.owns(epc),
        Contents::OnBehalf => !viewer.is_anothers(epc),
        Contents::Handed | Contents::Asserted => true,
    };
    let sees_class = |class: &EpcClass| match sight.contents {
        Contents::Nothing => false,
        Contents::Own => viewer.owns_class(class),
        Contents::OnBehalf => !viewer.is_anothers_class(class),
        Contents::Handed | Contents::Asserted => true,
    };
    for list in [&mut event.epcs, &mut event.input_epcs, &mut event.output_epcs] {
        list.retain(sees);
    }
    for list in [
        &mut event.quantities,
        &mut event.input_quantities,
        &mut event.output_quantities,
    ] {
        list.retain(|quantity| sees_class(&quantity.class));
    }
    // What an own thing is directly in belongs to what its owner may know of it.
    let beside_own = !event.epcs.is_empty() || !event.quantities.is_empty();
    event.parent.take_if(|parent| !sees(parent) && !beside_own);
    if sight.contents < Contents::Handed {
        event.transformation_id = None;
    }
}

fn mask_places(event: &mut Event, sight: &Sight, viewer: &impl Viewer) {
    for place in [&mut event.read_point, &mut event.biz_location] {
        *place = place.take().and_then(|mut location| {
            location.id = coarse(location.id, sight.place, viewer)?;
            if sight.place < Where::ReadPoint {
                location.extensions.clear();
            }
            Some(location)
        });
    }
}

/// A place at a level; what cannot be made coarse enough is not shown.
fn coarse(id: Epc, level: Where, viewer: &impl Viewer) -> Option<Epc> {
    match level {
        Where::Nothing | Where::Country => None,
        Where::OwnSites => viewer.is_self(&id).then_some(id),
        Where::Site if viewer.is_self(&id) => Some(id),
        Where::Site => id.gln().map(Epc::from_gln),
        Where::ReadPoint => Some(id),
    }
}

fn mask_parties(event: &mut Event, sight: &Sight, viewer: &impl Viewer) {
    for (list, who) in [(&mut event.sources, sight.before), (&mut event.destinations, sight.after)] {
        let all = std::mem::take(list);
        *list = all
            .into_iter()
            .filter_map(|endpoint| endpoint_for(endpoint, who, sight.place, viewer))
            .collect();
    }
}

fn endpoint_for(mut endpoint: SourceDest, who: Who, place: Where, viewer: &impl Viewer) -> Option<SourceDest> {
    let own = viewer.is_self(&endpoint.id);
    match (endpoint.kind.as_str(), who) {
        (_, Who::Asserted) => Some(endpoint),
        (_, Who::Nothing | Who::Role) => None,
        ("location", Who::Counterparty | Who::Name) => {
            endpoint.id = coarse(endpoint.id, place, viewer)?;
            Some(endpoint)
        }
        ("possessing_party", Who::Counterparty) | ("possessing_party" | "owning_party", Who::Name) => Some(endpoint),
        // A kind of the sender's own could hold anything.
        (_, Who::Counterparty | Who::Name) => (own || viewer.is_principal(&endpoint.id)).then_some(endpoint),
    }
}

fn mask_documents(event: &mut Event, sight: &Sight) {
    match sight.documents {
        Documents::Nothing => event.biz_transactions.clear(),
        Documents::Delivery if leaks(Leak::OrdersOfOthers) => {}
        Documents::Delivery => event
            .biz_transactions
            .retain(|document| matches!(document.kind.as_ref().map(|kind| kind.as_str()), Some("desadv" | "recadv"))),
        Documents::Handover | Documents::Asserted => {}
    }
}

/// Extensions can hold anything, prices too: they are of the raw payload.
fn mask_payload(event: &mut Event, sight: &Sight) {
    if sight.condition == Shown::Nothing {
        event.sensor_elements.clear();
    }
    if sight.product == Shown::Nothing {
        event.ilmd.clear();
    }
    if sight.raw == Shown::Full || leaks(Leak::Extensions) {
        return;
    }
    event.ilmd.retain(|node| &*node.name.namespace == CBV_MDA);
    event.extensions.clear();
    event.certification_info.clear();
    if let Some(declaration) = &mut event.error_declaration {
        declaration.extensions.clear();
    }
}

/// Whether a masked event still names this thing: a filter by EPC must not find what the mask hides.
#[must_use]
pub fn names(event: &Event, epc: &Epc) -> bool {
    event.roles().any(|(_, named)| named == epc)
}

/// Whether the thing is identified by a product and not by its own company prefix.
#[must_use]
pub fn has_brand(epc: &Epc) -> bool {
    epc.scheme() == Scheme::Sgtin
}

#[cfg(test)]
mod tests;

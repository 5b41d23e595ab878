//! What one viewer may see of one event.
//!
//! Fields are dropped and lists are cut; nothing in the result says that there was more. The hub's event stays
//! whole: a mask is made for each answer and stored nowhere.

use crate::domain::event::{BizTransaction, CBV_MDA, Event, SourceDest};
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
    /// Whether a business document is, by its identifier, one of another principal of the one who asserted the event.
    fn is_anothers_document(&self, id: &str) -> bool;
}

/// Which things a layer is about at all.
pub trait Things {
    /// Whether a thing is among them.
    fn covers(&self, epc: &Epc) -> bool;
    /// The same for a class of things.
    fn covers_class(&self, class: &EpcClass) -> bool;
}

/// An event seen with somebody's eyes at the levels of a sight.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The levels.
    pub sight: Sight,
    /// Whose eyes.
    pub viewer: &'a dyn Viewer,
    /// Only these things; none: all.
    pub things: Option<&'a dyn Things>,
}

/// One way in which an event may be seen: what every one of its steps leaves. The own relations of a viewer are one step; a grant is
/// two, what its grantor may see and of that what the grant gives, so that nobody gives what it may not see.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// At least one.
    pub steps: &'a [Step<'a>],
}

impl Step<'_> {
    fn sees(&self, epc: &Epc) -> bool {
        let shown = match self.sight.contents {
            Contents::Nothing => false,
            Contents::Own | Contents::OnBehalf if leaks(Leak::Siblings) => true,
            Contents::Own => self.viewer.owns(epc),
            Contents::OnBehalf => self.viewer.owns(epc) || !self.viewer.is_anothers(epc),
            Contents::Handed | Contents::Asserted => true,
        };
        shown && self.things.is_none_or(|things| things.covers(epc))
    }

    fn sees_class(&self, class: &EpcClass) -> bool {
        let shown = match self.sight.contents {
            Contents::Nothing => false,
            Contents::Own => self.viewer.owns_class(class),
            Contents::OnBehalf => self.viewer.owns_class(class) || !self.viewer.is_anothers_class(class),
            Contents::Handed | Contents::Asserted => true,
        };
        shown && self.things.is_none_or(|things| things.covers_class(class))
    }

    /// Whether it leaves out what concerns other principals of the asserter.
    fn is_partial(&self) -> bool {
        self.sight.contents <= Contents::OnBehalf
    }

    fn shows_document(&self, document: &BizTransaction) -> bool {
        let kind = || matches!(document.kind.as_ref().map(|kind| kind.as_str()), Some("desadv" | "recadv"));
        let shown = match self.sight.documents {
            Documents::Nothing => false,
            Documents::Delivery => kind() || leaks(Leak::OrdersOfOthers),
            Documents::Handover | Documents::Asserted => true,
        };
        shown && !(self.is_partial() && self.viewer.is_anothers_document(&document.id))
    }

    /// Whether an owner that is named is one of another deal: where the viewer is named too, and sees its own part alone.
    fn is_anothers_deal(&self, endpoint: &SourceDest, side: &[SourceDest]) -> bool {
        let own = |end: &SourceDest| end.kind.as_str() == OWNING && self.viewer.is_self(&end.id);
        let is_anothers = endpoint.kind.as_str() == OWNING && !own(endpoint) && side.iter().any(own);
        is_anothers && self.is_partial() && !leaks(Leak::OwnersBeside)
    }
}

/// Source or destination type of who owns (CBV 2.0 clause 7.4.2).
const OWNING: &str = "owning_party";

impl Layer<'_> {
    /// The lowest level of its steps, class by class; nothing of a layer without steps.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let lowest = self.steps.iter().map(|step| step.sight).reduce(Sight::meet);
        lowest.unwrap_or_default()
    }

    /// Whether it shows a thing.
    #[must_use]
    pub fn sees(&self, epc: &Epc) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.sees(epc))
    }

    /// The same for a class of things.
    #[must_use]
    pub fn sees_class(&self, class: &EpcClass) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.sees_class(class))
    }

    fn place(&self, id: &Epc) -> Option<Epc> {
        self.steps
            .iter()
            .try_fold(id.clone(), |id, step| coarse(id, step.sight.place, step.viewer))
    }

    fn endpoint(&self, endpoint: &SourceDest, side: &[SourceDest], who: fn(&Sight) -> Who) -> Option<SourceDest> {
        if self.steps.iter().any(|step| step.is_anothers_deal(endpoint, side)) {
            return None;
        }
        self.steps.iter().try_fold(endpoint.clone(), |endpoint, step| {
            endpoint_for(endpoint, who(&step.sight), step.sight.place, step.viewer)
        })
    }

    fn shows_document(&self, document: &BizTransaction) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.shows_document(document))
    }
}

/// The event as the viewer may see it by its relations alone; `None` where it may not see that there is one.
#[must_use]
pub fn mask(event: &Event, relations: Relations, viewer: &impl Viewer) -> Option<Event> {
    let own = Step {
        sight: sight(relations),
        viewer,
        things: None,
    };
    mask_layers(event, &[Layer { steps: &[own] }])
}

/// The event as all layers together show it: each field at the best level that one of them gives it, each thing that one of them
/// shows; `None` where they do not show that there is an event.
#[must_use]
pub fn mask_layers(event: &Event, layers: &[Layer<'_>]) -> Option<Event> {
    let sight = layers.iter().fold(Sight::default(), |sight, layer| sight.join(layer.sight()));
    if !sight.shows_event() {
        return None;
    }
    let mut shown = event.clone();
    mask_things(&mut shown, &sight, layers);
    if names_any(event) && !names_any(&shown) {
        return None;
    }
    // Of a container into which only others' things go, or out of which they come, nothing is told: not that something did.
    let children = |event: &Event| event.epcs.len() + event.quantities.len();
    if shown.parent.is_some() && children(event) > 0 && children(&shown) == 0 && sight.contents <= Contents::OnBehalf {
        return None;
    }
    mask_places(&mut shown, layers);
    mask_parties(&mut shown, layers);
    let documents = &mut shown.biz_transactions;
    documents.retain(|document| layers.iter().any(|layer| layer.shows_document(document)));
    mask_payload(&mut shown, &sight);
    Some(shown)
}

/// The event's fields in the forms that a mask can leave of them where it changes a form and does not only leave out: places without
/// extensions, places as their site, a declaration of error without extensions. Without its things, which have one form.
#[must_use]
pub fn coarser(event: &Event) -> [Event; 2] {
    let mut plain = Event {
        epcs: Vec::new(),
        quantities: Vec::new(),
        input_epcs: Vec::new(),
        input_quantities: Vec::new(),
        output_epcs: Vec::new(),
        output_quantities: Vec::new(),
        sensor_elements: Vec::new(),
        ilmd: Vec::new(),
        extensions: Vec::new(),
        ..event.clone()
    };
    if let Some(declaration) = &mut plain.error_declaration {
        declaration.extensions.clear();
    }
    for place in [&mut plain.read_point, &mut plain.biz_location].into_iter().flatten() {
        place.extensions.clear();
    }
    let mut sites = plain.clone();
    let site = |id: &mut Epc| {
        if let Some(site) = id.gln().map(Epc::from_gln) {
            *id = site;
        }
    };
    for place in [&mut sites.read_point, &mut sites.biz_location].into_iter().flatten() {
        site(&mut place.id);
    }
    for endpoint in sites.sources.iter_mut().chain(&mut sites.destinations) {
        if endpoint.kind.as_str() == "location" {
            site(&mut endpoint.id);
        }
    }
    [plain, sites]
}

fn mask_things(event: &mut Event, sight: &Sight, layers: &[Layer<'_>]) {
    let sees = |epc: &Epc| layers.iter().any(|layer| layer.sees(epc));
    let sees_class = |class: &EpcClass| layers.iter().any(|layer| layer.sees_class(class));
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

fn mask_places(event: &mut Event, layers: &[Layer<'_>]) {
    for place in [&mut event.read_point, &mut event.biz_location] {
        *place = place.take().and_then(|mut location| {
            let seen = layers
                .iter()
                .filter_map(|layer| Some((layer.sight().place, layer.place(&location.id)?)));
            let (level, id) = best(seen, |(level, _)| *level)?;
            location.id = id;
            if level < Where::ReadPoint {
                location.extensions.clear();
            }
            Some(location)
        });
    }
}

/// The first of those at the highest level.
fn best<T>(of: impl Iterator<Item = T>, level: impl Fn(&T) -> Where) -> Option<T> {
    of.reduce(|one, other| if level(&other) > level(&one) { other } else { one })
}

/// A place at a level; what cannot be made coarse enough is not shown.
fn coarse(id: Epc, level: Where, viewer: &dyn Viewer) -> Option<Epc> {
    match level {
        Where::Nothing | Where::Country => None,
        Where::OwnSites => viewer.is_self(&id).then_some(id),
        Where::Site if viewer.is_self(&id) => Some(id),
        Where::Site => id.gln().map(Epc::from_gln),
        Where::ReadPoint => Some(id),
    }
}

fn mask_parties(event: &mut Event, layers: &[Layer<'_>]) {
    let before: fn(&Sight) -> Who = |sight| sight.before;
    let after: fn(&Sight) -> Who = |sight| sight.after;
    for (list, who) in [(&mut event.sources, before), (&mut event.destinations, after)] {
        let all = std::mem::take(list);
        *list = all
            .iter()
            .filter_map(|endpoint| {
                let seen = layers.iter().filter_map(|layer| {
                    let (sight, seen) = (layer.sight(), layer.endpoint(endpoint, &all, who)?);
                    // As asserted, a place is shown as it is whatever the level of places.
                    let level = if who(&sight) == Who::Asserted {
                        Where::ReadPoint
                    } else {
                        sight.place
                    };
                    Some((level, seen))
                });
                best(seen, |(level, _)| *level).map(|(_, endpoint)| endpoint)
            })
            .collect();
    }
}

fn endpoint_for(mut endpoint: SourceDest, who: Who, place: Where, viewer: &dyn Viewer) -> Option<SourceDest> {
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

/// Extensions can hold anything, prices too: they are of the raw payload.
pub(super) fn mask_payload(event: &mut Event, sight: &Sight) {
    if sight.condition == Shown::Nothing {
        event.sensor_elements.clear();
    }
    if sight.product == Shown::Nothing {
        event.ilmd.clear();
    }
    if sight.state == Shown::Nothing {
        event.disposition = None;
        event.persistent_disposition = None;
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

/// Whether an event names a thing or a class of things: one of sensors at a place need not.
#[must_use]
pub fn names_any(event: &Event) -> bool {
    let classes = [&event.quantities, &event.input_quantities, &event.output_quantities];
    event.roles().next().is_some() || classes.iter().any(|list| !list.is_empty())
}

/// Whether the thing is identified by a product and not by its own company prefix.
#[must_use]
pub fn has_brand(epc: &Epc) -> bool {
    epc.scheme() == Scheme::Sgtin
}

#[cfg(test)]
mod tests;

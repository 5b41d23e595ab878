//! Who sees what of one event, decided in layers: the one function behind every answer and every explanation.
//!
//! | layer | gives |
//! |---|---|
//! | L1 | what the viewer's own relations give by the default table ([`lens::sight`]): statutory floor and defaults |
//! | L4 | raises state and place of affected goods for whoever has a relation to the event ([`Emergency`](super::grant::Emergency)) |
//! | L2 | each grant: its levels, of what its grantor sees by its own relations and no further |
//! | L3 | caps of owners lower each grant, never L1 |
//! | L0 | of an event that a grant shows in part, nothing that tells of the rest: no prices, no raw payload, no business documents but those that travel with the goods |
//!
//! A class is shown at the best level of L1 (with L4) and the grants; a thing is shown if the relations or one grant show it. [`decide`]
//! gives a [`Decision`]; what is answered ([`Decision::mask`]) and what is explained ([`Decision::rules`]) are read off the same one, so
//! that they cannot differ.
//!
//! What it deliberately does not do: find the events, read the clock, or know how grants are stored.
//!
//! # Invariants
//! - A further grant never hides anything; a further cap never shows anything (properties in the tests).
//! - A grant that is not in force, not meant for the viewer, or out of scope gives nothing.

mod explain;
mod total;

use std::collections::HashSet;

use super::event::Event;
use super::grant::{CapHeld, EmergencyHeld, GIVING, Held, Places, Scope, Uses};
use super::gs1::{Epc, EpcClass, EpcKey};
use super::ids::{CapId, EmergencyId, GrantId, PartyId};
use super::lens::mask::names_any;
use super::lens::planted::{Leak, leaks};
use super::lens::{self, Contents, Documents, Layer, Relations, Shown, Sight, Step, Things, Viewer, Where, mask_layers};
use super::party::Party;
use super::party::licence::Required;
use super::time::Micros;

pub use explain::{Blocked, ClassRule, Rule};
pub use total::Counting;

/// All that parties have laid down about sight, as of one version: those that ended are left out where it is for enforcement.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Counts up with every act on grants, caps or emergencies.
    pub version: i64,
    /// Grants.
    pub grants: Vec<Held>,
    /// Caps.
    pub caps: Vec<CapHeld>,
    /// Emergencies.
    pub emergencies: Vec<EmergencyHeld>,
}

impl Policy {
    /// Grants that are meant for a party and in force at a moment.
    pub fn of<'p>(&'p self, party: &'p Party, at: Micros) -> impl Iterator<Item = &'p Held> {
        self.grants
            .iter()
            .filter(move |held| held.grant.grantee.means(party) && held.is_in_force(at))
    }

    /// Whether an emergency holds at a moment.
    #[must_use]
    pub fn has_emergency(&self, at: Micros) -> bool {
        self.emergencies.iter().any(|held| held.holds_at(at))
    }
}

/// What must be known to decide about one event.
pub trait Facts: Places {
    /// A party, if it is known and active.
    fn party(&self, id: &PartyId) -> Option<&Party>;
    /// What a party has to do with the event, as stored.
    fn relations(&self, party: &PartyId) -> Relations;
    /// The event's things and places as a party is to them.
    fn eyes<'a>(&'a self, party: &'a PartyId) -> Box<dyn Viewer + 'a>;
}

/// One question.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who looks.
    pub viewer: &'a PartyId,
    /// When, for grants, caps and emergencies.
    pub at: Micros,
    /// At what.
    pub event: &'a Event,
    /// Things whose full identifier the question names.
    pub proved: &'a HashSet<EpcKey>,
    /// How many readings of the viewer used which grants on the UTC day of the question.
    pub uses: &'a Uses,
}

/// What one grant comes to for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It shows something, or would if a cap let it.
    Applies(Applied),
    /// Not signed by all, not begun, or ended.
    NotInForce,
    /// The viewer does not hold the role that it asks for.
    NoRole,
    /// The viewer did not hold the licence that it asks for when the event happened.
    NotLicensed,
    /// Neither the event nor any of its things is in its scope.
    OutOfScope,
    /// Its grantor is neither asserter, principal nor brand owner of the event.
    NotTheGrantors,
    /// The full identifier was not named.
    NotProved,
    /// It lets events be counted in totals of several, and shows none.
    InTotals,
    /// The readings that it gives in a day are used up.
    UsedUp,
}

/// What a grant gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What its grantor sees and could give.
    pub grantors: Sight,
    /// What is given of that after caps and invariants.
    pub given: Sight,
    /// The caps that touch the event.
    pub caps: Vec<CapId>,
    /// Whether it shows some of the event's things and not others.
    pub is_slice: bool,
}

impl Applied {
    /// The level of each class.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.grantors.meet(self.given)
    }
}

/// A grant and what it comes to.
#[derive(Debug, Clone)]
pub struct Considered<'p> {
    /// The grant.
    pub held: &'p Held,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Who sees what of one event, and by which rules.
#[derive(Debug, Clone)]
pub struct Decision<'p> {
    /// The viewer's own relations.
    pub relations: Relations,
    /// L1, raised by L4.
    pub own: Sight,
    /// Which emergencies raised it.
    pub emergencies: Vec<EmergencyId>,
    /// Each grant that was looked at.
    pub grants: Vec<Considered<'p>>,
}

/// Decides about one event: `grants` are those meant for the viewer.
#[must_use]
pub fn decide<'p>(asked: Asked<'_>, facts: &dyn Facts, policy: &'p Policy, grants: &[&'p Held]) -> Decision<'p> {
    let relations = facts.relations(asked.viewer);
    let mut own = lens::sight(relations);
    let mut emergencies = Vec::new();
    if !relations.is_none() {
        let affecting = policy
            .emergencies
            .iter()
            .filter(|held| held.holds_at(asked.at) && held.emergency.affects(asked.event, facts));
        emergencies.extend(affecting.map(|held| held.emergency.id));
    }
    if !emergencies.is_empty() {
        own.state = Shown::Full;
        own.place = own.place.max(Where::Site);
    }
    let grants = grants
        .iter()
        .map(|held| Considered {
            held,
            verdict: weigh(asked, facts, policy, held),
        })
        .collect();
    Decision {
        relations,
        own,
        emergencies,
        grants,
    }
}

fn weigh(asked: Asked<'_>, facts: &dyn Facts, policy: &Policy, held: &Held) -> Verdict {
    let grant = &held.grant;
    if !held.is_in_force(asked.at) || facts.party(&grant.grantor).is_none() {
        return Verdict::NotInForce;
    }
    let holds = |role| facts.party(asked.viewer).is_some_and(|party| party.roles.contains(&role));
    if !grant.conditions.role.is_none_or(holds) {
        return Verdict::NoRole;
    }
    let licensed = |licence: &Required| {
        let viewer = facts.party(asked.viewer);
        viewer.is_some_and(|party| licence.is_held_by(party, asked.event.event_time))
    };
    if !grant.conditions.licence.as_ref().is_none_or(licensed) {
        return Verdict::NotLicensed;
    }
    let giving = facts.relations(&grant.grantor).only(GIVING);
    if giving.is_none() {
        return Verdict::NotTheGrantors;
    }
    // What names nothing is of no product or lot.
    let names_nothing = !names_any(asked.event);
    if !grant.scope.admits(asked.event, facts) || (names_nothing && grant.scope.chooses_things()) {
        return Verdict::OutOfScope;
    }
    let eyes = facts.eyes(&grant.grantor);
    let grantors = lens::sight(giving);
    let step = |things| Step {
        sight: grantors,
        viewer: &*eyes,
        things: Some(things),
    };
    let in_scope = InScope::new(&grant.scope, facts, None);
    match shown(
        asked.event,
        &Layer {
            steps: &[step(&in_scope)],
        },
    ) {
        Part::Nothing => return Verdict::OutOfScope,
        Part::Some | Part::All => {}
    }
    let proved = grant.conditions.full_identifier.then_some(asked.proved);
    let in_hand = InScope::new(&grant.scope, facts, proved);
    let part = shown(
        asked.event,
        &Layer {
            steps: &[step(&in_hand)],
        },
    );
    if proved.is_some() && (part == Part::Nothing || names_nothing) {
        return Verdict::NotProved;
    }
    if grant.conditions.least_contributors.is_some() {
        return Verdict::InTotals;
    }
    if grant.is_used_up(asked.uses) {
        return Verdict::UsedUp;
    }
    let caps: Vec<&CapHeld> = policy
        .caps
        .iter()
        .filter(|held| held.holds_at(asked.at) && held.cap.means(asked.viewer) && !leaks(Leak::CapIgnored))
        .filter(|held| !facts.relations(&held.cap.owner).only(GIVING).is_none() && held.cap.touches(asked.event, facts))
        .collect();
    let mut given = caps.iter().fold(grant.levels, |given, held| given.meet(held.cap.levels));
    let is_slice = part == Part::Some;
    if is_slice {
        given = given.meet(of_a_slice());
    }
    Verdict::Applies(Applied {
        grantors,
        given,
        caps: caps.iter().map(|held| held.cap.id).collect(),
        is_slice,
    })
}

/// L0: the most that may be told of an event of which only some things are shown.
fn of_a_slice() -> Sight {
    Sight {
        documents: Documents::Delivery,
        commercial: Shown::Nothing,
        raw: Shown::Nothing,
        ..Sight::FULL
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Some,
    All,
}

/// How much of an event's things a layer shows; all of an event that names none. What the things are in does not count.
fn shown(event: &Event, layer: &Layer<'_>) -> Part {
    let lists = [&event.epcs, &event.input_epcs, &event.output_epcs];
    let classes = [&event.quantities, &event.input_quantities, &event.output_quantities];
    let things = lists.into_iter().flatten().map(|epc| layer.sees(epc));
    let mut seen = things.chain(
        classes
            .into_iter()
            .flatten()
            .map(|quantity| layer.sees_class(&quantity.class)),
    );
    let Some(first) = seen.next() else {
        return match &event.parent {
            Some(parent) if !layer.sees(parent) => Part::Nothing,
            Some(_) | None => Part::All,
        };
    };
    match (first, seen.all(|one| one == first)) {
        (true, true) => Part::All,
        (false, true) => Part::Nothing,
        (_, false) => Part::Some,
    }
}

/// The things of a scope, or of those the ones in hand.
struct InScope<'a> {
    scope: &'a Scope,
    places: &'a dyn Facts,
    proved: Option<&'a HashSet<EpcKey>>,
}

impl<'a> InScope<'a> {
    fn new(scope: &'a Scope, places: &'a dyn Facts, proved: Option<&'a HashSet<EpcKey>>) -> Self {
        Self { scope, places, proved }
    }
}

impl Things for InScope<'_> {
    fn covers(&self, epc: &Epc) -> bool {
        self.proved.is_none_or(|proved| proved.contains(&epc.key())) && self.scope.covers(epc, self.places)
    }

    fn covers_class(&self, class: &EpcClass) -> bool {
        self.proved.is_none() && self.scope.covers_class(class)
    }
}

impl Decision<'_> {
    /// The grants that apply, with what they give.
    pub fn applied(&self) -> impl Iterator<Item = (&Held, &Applied)> {
        self.grants.iter().filter_map(|considered| match &considered.verdict {
            Verdict::Applies(applied) => Some((considered.held, applied)),
            Verdict::NotInForce
            | Verdict::NoRole
            | Verdict::NotLicensed
            | Verdict::OutOfScope
            | Verdict::NotTheGrantors
            | Verdict::NotProved
            | Verdict::InTotals
            | Verdict::UsedUp => None,
        })
    }

    /// The grants whose readings are counted and by which the viewer is told something that its own relations do not tell.
    pub fn counted(&self) -> impl Iterator<Item = GrantId> {
        self.applied()
            .filter(|(held, applied)| held.grant.conditions.queries_per_day.is_some() && self.is_more(applied.sight()))
            .map(|(held, _)| held.grant.id)
    }

    /// Whether a grant tells something that the viewer's own relations do not.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.applied().any(|(_, applied)| self.is_more(applied.sight()))
    }

    fn is_more(&self, given: Sight) -> bool {
        let shows_things = given.contents > Contents::Nothing && self.own.contents < Contents::Handed;
        self.own.join(given) != self.own || shows_things
    }

    /// The level of each class.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.applied()
            .fold(self.own, |sight, (_, applied)| sight.join(applied.sight()))
    }

    /// The event as the viewer may see it; `None` where it may not see that there is one.
    #[must_use]
    pub fn mask(&self, asked: Asked<'_>, facts: &dyn Facts) -> Option<Event> {
        if !self.sight().shows_event() {
            return None;
        }
        let eyes = facts.eyes(asked.viewer);
        let own = [Step {
            sight: self.own,
            viewer: &*eyes,
            things: None,
        }];
        let applied: Vec<(&Held, &Applied, Box<dyn Viewer + '_>, InScope<'_>)> = self
            .applied()
            .map(|(held, applied)| {
                let grant = &held.grant;
                let proved = grant.conditions.full_identifier.then_some(asked.proved);
                (
                    held,
                    applied,
                    facts.eyes(&grant.grantor),
                    InScope::new(&grant.scope, facts, proved),
                )
            })
            .collect();
        let steps: Vec<[Step<'_>; 2]> = applied
            .iter()
            .map(|(_, applied, grantor, things)| {
                let grantors = Step {
                    sight: applied.grantors,
                    viewer: &**grantor,
                    things: None,
                };
                let given = Step {
                    sight: applied.given,
                    viewer: &*eyes,
                    things: Some(things),
                };
                [grantors, given]
            })
            .collect();
        let mut layers = vec![Layer { steps: &own }];
        layers.extend(steps.iter().map(|steps| Layer { steps }));
        let mut event = mask_layers(asked.event, &layers)?;
        // It would join the inputs of a transformation that are shown to outputs that are not.
        if !self.shows_whole() {
            event.transformation_id = None;
        }
        Some(event)
    }

    fn shows_whole(&self) -> bool {
        let wholly = |sight: Sight| sight.contents >= Contents::Handed;
        wholly(self.own)
            || self
                .applied()
                .any(|(_, applied)| !applied.is_slice && wholly(applied.sight()))
    }
}

#[cfg(test)]
mod tests;

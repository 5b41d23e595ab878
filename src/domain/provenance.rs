//! Where a thing comes from, as one viewer may know it.
//!
//! Pure: it is given the facts of the thing ([`Trace`]) and tells them under the viewer's [`Standing`]. A viewer that
//! has none gets the answer for a thing that does not exist, which is no answer.
//!
//! What it deliberately does not do: count. How many hops a viewer does not see is nowhere in the result, and whether
//! the chain is unbroken is judged over what the viewer sees.

mod keeper;
pub mod trace;

use std::collections::BTreeSet;

use crate::domain::grant::{Emergency, EmergencyHeld};
use crate::domain::gs1::{Gln, Gtin};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::lens::{Relations, Shown, Sight, When, Where, Who, sight};
use crate::domain::party::licence::licensed;
use crate::domain::party::{Party, Registry, Role};
use crate::domain::time::Micros;

pub use keeper::{custodian, owner};
pub use trace::{Handover, Standing, Thing, Trace};

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Made known by its maker, and each handover begins where the last one ended, with none unreported.
    pub unbroken: bool,
    /// GTIN-14, for a unit or case of a product.
    pub gtin: Option<Gtin>,
    /// Lot, from its commissioning.
    pub lot: Option<String>,
    /// Expiry, as sent.
    pub expiry: Option<String>,
    /// State, where the viewer has the thing or owns the brand.
    pub disposition: Option<String>,
    /// Brand owner.
    pub manufacturer: Option<PartyId>,
    /// From the maker to the last one that the viewer may know of.
    pub hops: Vec<Hop>,
    /// From whom the viewer bought it.
    pub previous_owner: Option<PartyId>,
    /// What the brand owner has declared about it, and holds: see [`recalls`].
    pub recalls: Vec<Recall>,
}

impl Provenance {
    /// What is declared about the thing at a moment, as far as its product and lot are told.
    pub fn declare(&mut self, declared: &[EmergencyHeld], at: Micros) {
        self.recalls = recalls((self.gtin, self.lot.as_deref()), declared, at);
    }
}

/// A recall, or a suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Why, in words.
    pub reason: String,
    /// First moment.
    pub from: Micros,
    /// First moment no longer.
    pub until: Micros,
}

/// What holds of a thing at a moment, of all that is declared, first what was declared first: of its product, and of its lot or of all lots.
/// A logistic unit is of no product; what is in it is asked for by itself.
fn recalls((gtin, lot): (Option<Gtin>, Option<&str>), declared: &[EmergencyHeld], at: Micros) -> Vec<Recall> {
    let concerns = |emergency: &Emergency| {
        let lots = &emergency.lots;
        gtin == Some(emergency.gtin) && (lots.is_empty() || lot.is_some_and(|lot| lots.iter().any(|named| named == lot)))
    };
    let mut found: Vec<&EmergencyHeld> = declared
        .iter()
        .filter(|held| held.holds_at(at) && concerns(&held.emergency))
        .collect();
    found.sort_by_key(|held| (held.declared_at, held.emergency.id));
    let recall = |held: &EmergencyHeld| Recall {
        reason: held.emergency.reason.clone(),
        from: held.emergency.from.max(held.declared_at),
        until: held.emergency.until,
    };
    found.into_iter().map(recall).collect()
}

/// Who is named in which events as the viewer sees those by a grant, or in an emergency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named(BTreeSet<(EventKey, PartyId)>);

impl Named {
    /// So much.
    pub fn of(named: impl IntoIterator<Item = (EventKey, PartyId)>) -> Self {
        Self(named.into_iter().collect())
    }

    fn names(&self, event: Option<EventKey>, party: &PartyId) -> bool {
        event.is_some_and(|event| self.0.contains(&(event, party.clone())))
    }
}

/// One party that had the thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Hop {
    /// What kind of party.
    pub role: Option<Role>,
    /// ISO 3166-1 alpha-2 country of the place.
    pub country: Option<String>,
    /// Month in which the party got the thing, `2026-11`.
    pub month: Option<String>,
    /// Whether its licences for this role, as far as the hub has them on record, held then: at the moment, or through the month where no
    /// more than that may be known; `None` where they did for a part of it, or none is on record.
    pub licence_valid: Option<bool>,
    /// Who, where that may be known.
    pub party: Option<PartyId>,
    /// The moment, where that may be known.
    pub at: Option<Micros>,
    /// The site, where that may be known.
    pub site: Option<Gln>,
    /// The party did not report that it received the thing.
    pub silent: bool,
}

/// Tells the provenance of a thing, without what was declared about it; `None` where the viewer has nothing to do with it. A grant names
/// parties of hops that the viewer knows of, and adds none.
#[must_use]
pub fn tell(trace: &Trace, viewer: &PartyId, registry: &Registry, named: &Named) -> Option<Provenance> {
    let standing = trace.standing(viewer, registry)?;
    let owner = trace.brand_owner(registry);
    let hops = hops(trace, (viewer, named), &standing, registry);
    let bought = trace
        .handovers
        .iter()
        .rev()
        .find(|handover| handover.buyer.as_ref() == Some(viewer));
    Some(Provenance {
        unbroken: trace.thing.maker.is_some() && is_unbroken(trace, viewer, &standing),
        gtin: trace.thing.gtin,
        lot: trace.thing.lot.clone(),
        expiry: trace.thing.expiry.clone(),
        disposition: trace.thing.disposition.clone().filter(|_| standing.state_now),
        manufacturer: owner,
        hops,
        previous_owner: bought.and_then(|handover| handover.seller.clone()),
        recalls: Vec::new(),
    })
}

/// The maker, then the taker of each handover that the standing reaches.
fn hops(trace: &Trace, (viewer, named): (&PartyId, &Named), standing: &Standing, registry: &Registry) -> Vec<Hop> {
    let mut hops = Vec::new();
    if let Some(maker) = &trace.thing.maker {
        let relations = standing.of_making(maker == viewer);
        let stop = Stop {
            party: maker,
            at: trace.thing.made_at,
            site: trace.thing.made_where,
            silent: false,
            granted: named.names(trace.thing.made_by, maker),
        };
        // The maker hands over to the first taker: whoever took part in that knows it.
        let met = trace
            .handovers
            .first()
            .is_some_and(|first| first.names(viewer) && first.sender == *maker);
        hops.extend(stop.seen(sight(relations), met || maker == viewer, registry));
    }
    for (index, handover) in trace.handovers.iter().enumerate() {
        let Some(taker) = &handover.receiver else { continue };
        let next = trace.handovers.get(index + 1);
        let met = handover.names(viewer) || next.is_some_and(|next| next.names(viewer) && next.sender == *taker);
        let stop = Stop {
            party: taker,
            at: handover.received_at.or(Some(handover.shipped_at)),
            site: handover.to,
            // That it went on says that it had come: for who may know that it went on.
            silent: handover.received_at.is_none() && next.is_some() && standing.reaches(index + 1),
            granted: named.names(Some(handover.event), taker),
        };
        hops.extend(stop.seen(sight(standing.of_handover(index, handover, viewer)), met, registry));
    }
    hops
}

fn is_unbroken(trace: &Trace, viewer: &PartyId, standing: &Standing) -> bool {
    let mut holder = trace.thing.maker.as_ref();
    for (index, handover) in trace.handovers.iter().enumerate() {
        if standing.of_handover(index, handover, viewer) == Relations::default() {
            holder = handover.receiver.as_ref();
            continue;
        }
        if !standing.reaches(index) {
            break;
        }
        let onward = standing.reaches(index + 1) && index + 1 < trace.handovers.len();
        if holder != Some(&handover.sender) || (onward && handover.received_at.is_none()) {
            return false;
        }
        holder = handover.receiver.as_ref();
    }
    true
}

/// One station of the thing, before it is known what of it may be seen.
struct Stop<'a> {
    party: &'a PartyId,
    at: Option<Micros>,
    site: Option<Gln>,
    silent: bool,
    /// Its name was granted.
    granted: bool,
}

impl Stop<'_> {
    fn seen(&self, sight: Sight, met: bool, registry: &Registry) -> Option<Hop> {
        if sight.existence == Shown::Nothing || sight.when == When::Nothing {
            return None;
        }
        let party = registry.party(self.party);
        let named = leaks(Leak::NamesOfHops) || sight.before.max(sight.after) >= Who::Name || met || self.granted;
        let exact = sight.when == When::Exact || leaks(Leak::ExactTime);
        let role = party.and_then(|party| main_role(party));
        // Where the month may be known, the month is judged: a licence that ended within it does not tell the day.
        let span = self.at.map(|at| {
            if exact {
                (at, Micros(at.0.saturating_add(1)))
            } else {
                at.month_bounds()
            }
        });
        let judged = party.zip(role).zip(span);
        Some(Hop {
            role,
            licence_valid: judged.and_then(|((party, role), span)| licensed(party, role, span)),
            country: (sight.place >= Where::Country)
                .then(|| country(registry, self.party, self.site))
                .flatten(),
            month: self.at.map(Micros::month),
            party: named.then(|| self.party.clone()),
            at: self.at.filter(|_| exact),
            site: self.site.filter(|site| match sight.place {
                Where::Nothing | Where::Country => false,
                Where::OwnSites => met && exact && registry.party_of_gln(*site) == Some(self.party),
                Where::Site | Where::ReadPoint => true,
            }),
            silent: self.silent,
        })
    }
}

/// ISO 3166-1 alpha-2 country of a place of a party; that of the party where nothing is known of the place.
#[must_use]
pub fn country(registry: &Registry, party: &PartyId, site: Option<Gln>) -> Option<String> {
    let site = site.and_then(|gln| registry.site(gln)).map(|(_, site)| site.country.clone());
    site.or_else(|| registry.party(party).map(|party| party.country.clone()))
}

/// A party may have several roles; the one it plays with goods comes first.
#[must_use]
pub fn main_role(party: &Party) -> Option<Role> {
    Role::ALL.into_iter().find(|role| party.roles.contains(role))
}

#[cfg(test)]
mod tests;

//! Grants: what a party lets others see beyond their own relations to an event; and what owners do to limit or raise it.
//!
//! A grant is immutable. A change is another grant that supersedes it, its end is a record of its own ([`Held`]); what was signed is
//! the text of [`Grant::canonical`], and that text is what is kept. What a grant comes to for one event is decided in [`super::policy`].
//!
//! # Invariants
//! - A grant gives nothing that its grantor may not see by being asserter, principal or brand owner of the event: what was seen by a
//!   grant cannot be granted on.
//! - A grant whose text has an unknown member, or a level that no class has, cannot be read: it never means less than it says.

mod canonical;
mod check;
mod limit;
pub mod signature;
mod written;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::gs1::{Epc, EpcClass, Gln, Gtin};
use super::ids::{GrantId, PartyId};
use super::lens::planted::{Leak, leaks};
use super::lens::{Relations, Sight};
use super::party::Role;
use super::party::licence::Required;
use super::time::Micros;

pub use canonical::canonical;
pub use check::{CONTRIBUTORS, ENTRIES, GrantFault, LONGEST_DAYS, QUERIES, TEXT};
pub use limit::{Cap, CapHeld, Emergency, EmergencyHeld};
pub use written::{WrittenCap, WrittenGrant, grant_id, named_id};

/// The relations to an event that let a party give sight of it.
pub const GIVING: Relations = Relations::ASSERTER.with(Relations::PRINCIPAL).with(Relations::BRAND_OWNER);

/// One version of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Of this version.
    pub id: GrantId,
    /// What it is called in the partner file of its grantor; none of one that was proposed otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 for the first.
    pub version: u32,
    /// The version that ends when this one comes into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<GrantId>,
    /// Who gives.
    pub grantor: PartyId,
    /// Who gets.
    pub grantee: Grantee,
    /// Of what.
    pub scope: Scope,
    /// At which levels; a class that is not named is not given.
    pub levels: Sight,
    /// What for, in words.
    pub purpose: String,
    /// On what the parties rest it: a contract, a law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// First moment.
    #[serde(with = "canonical::moment")]
    pub valid_from: Micros,
    /// First moment no longer.
    #[serde(with = "canonical::moment")]
    pub valid_until: Micros,
    /// What must be true besides.
    #[serde(default)]
    pub conditions: Conditions,
    /// Who must have signed before it is in force.
    pub signers: Signers,
    /// Whether what is seen may be granted on. There is one value: it is said so that a reader need not know.
    pub reshare: Reshare,
}

/// Who gets a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Grantee {
    /// One party.
    Party(PartyId),
    /// Every active party with this role.
    Role {
        /// The role.
        role: Role,
        /// Only those registered in this country (ISO 3166-1 alpha-2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        country: Option<String>,
    },
}

impl Grantee {
    /// Whether a party is meant.
    #[must_use]
    pub fn means(&self, party: &super::party::Party) -> bool {
        match self {
            Self::Party(id) => *id == party.id,
            Self::Role { role, country } => {
                party.active && party.roles.contains(role) && country.as_ref().is_none_or(|country| *country == party.country)
            }
        }
    }
}

/// Who must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signers {
    /// The grantor.
    Grantor,
    /// Grantor and grantee.
    Both,
}

/// Whether a grantee may grant on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reshare {
    /// It may not.
    #[default]
    None,
}

/// What must be true besides scope and dates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// Only things whose full identifier the question named: who has the pack in hand can, nobody else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub full_identifier: bool,
    /// Only while the grantee holds this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Only events that happened while the grantee held this licence: one that lapsed opens nothing new and leaves the old readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<Required>,
    /// At most so many readings of each grantee in a UTC day use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries_per_day: Option<u32>,
    /// Only figures that so many parties contribute to (k-anonymity), or the hub's own number of them if that is more. No single event is of several:
    /// such a grant shows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_contributors: Option<u32>,
}

/// How many readings of a party used which grants in one UTC day; a grant that is not here was not used.
pub type Uses = HashMap<GrantId, u64>;

/// Which events and which things of them. What is empty or absent does not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Products. A logistic unit is of no product.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gtins: Vec<Gtin>,
    /// Lots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<String>,
    /// Sites of the read point or business location.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Gln>,
    /// Business steps: `shipping` and `receiving` are the directions of a handover.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub biz_steps: Vec<String>,
    /// Countries (ISO 3166-1 alpha-2) of those sites; a site that the hub does not know is in none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// First event time.
    #[serde(with = "canonical::moments", skip_serializing_if = "Option::is_none")]
    pub event_from: Option<Micros>,
    /// First event time no longer.
    #[serde(with = "canonical::moments", skip_serializing_if = "Option::is_none")]
    pub event_until: Option<Micros>,
}

/// What a scope asks of the hub's knowledge.
pub trait Places {
    /// ISO 3166-1 country of a site, if it is one of the hub's.
    fn country_of(&self, site: Gln) -> Option<&str>;
    /// The lot of a thing, if it is known.
    fn lot_of(&self, epc: &Epc) -> Option<&str>;
}

impl Scope {
    /// Whether it is limited to some products or lots.
    #[must_use]
    pub fn chooses_things(&self) -> bool {
        !self.gtins.is_empty() || !self.lots.is_empty()
    }

    /// Whether an event is in it, whatever its things.
    #[must_use]
    pub fn admits(&self, event: &Event, places: &dyn Places) -> bool {
        let steps = self.biz_steps.is_empty() || self.biz_steps.iter().any(|step| step == event.step());
        let times = self.event_from.is_none_or(|from| from <= event.event_time)
            && self.event_until.is_none_or(|until| event.event_time < until);
        let sites = || {
            [&event.read_point, &event.biz_location]
                .into_iter()
                .flatten()
                .filter_map(|place| place.id.gln())
        };
        let sited = self.sites.is_empty() || sites().any(|site| self.sites.contains(&site));
        let country = |site: Gln| {
            places
                .country_of(site)
                .is_some_and(|country| self.countries.iter().any(|one| one == country))
        };
        steps && times && sited && (self.countries.is_empty() || sites().any(country))
    }

    /// Whether an event can be in it, by what never changes: lots and countries are looked up when it is read.
    #[must_use]
    pub fn may_cover(&self, event: &Event) -> bool {
        struct Nowhere;
        impl Places for Nowhere {
            fn country_of(&self, _: Gln) -> Option<&str> {
                None
            }
            fn lot_of(&self, _: &Epc) -> Option<&str> {
                None
            }
        }
        let fixed = Self {
            gtins: Vec::new(),
            lots: Vec::new(),
            countries: Vec::new(),
            ..self.clone()
        };
        let quantities = event
            .quantities
            .iter()
            .chain(&event.input_quantities)
            .chain(&event.output_quantities);
        let mut gtins = event
            .roles()
            .filter_map(|(_, epc)| epc.gtin())
            .chain(quantities.filter_map(|quantity| quantity.class.gtin()));
        fixed.admits(event, &Nowhere) && (self.gtins.is_empty() || gtins.any(|gtin| self.gtins.contains(&gtin)))
    }

    /// Whether a thing is in it.
    #[must_use]
    pub fn covers(&self, epc: &Epc, places: &dyn Places) -> bool {
        let product = self.gtins.is_empty() || epc.gtin().is_some_and(|gtin| self.gtins.contains(&gtin));
        product
            && (self.lots.is_empty()
                || leaks(Leak::LotIgnored)
                || places.lot_of(epc).is_some_and(|lot| self.lots.iter().any(|one| one == lot)))
    }

    /// Whether a class of things is in it.
    #[must_use]
    pub fn covers_class(&self, class: &EpcClass) -> bool {
        let product = self.gtins.is_empty() || class.gtin().is_some_and(|gtin| self.gtins.contains(&gtin));
        product && (self.lots.is_empty() || class.lot().is_some_and(|lot| self.lots.contains(&lot)))
    }
}

impl Grant {
    /// Whether it can count in totals, which are reckoned without looking at single things: not if it asks that they be at hand, or chooses lots.
    #[must_use]
    pub fn counts_in_totals(&self) -> bool {
        !self.conditions.full_identifier && self.scope.lots.is_empty()
    }

    /// Of how many parties it asks that a figure be; 0: of no more than the hub does.
    #[must_use]
    pub fn contributors(&self) -> usize {
        let least = self.conditions.least_contributors;
        least.map_or(0, |least| usize::try_from(least).unwrap_or(usize::MAX))
    }

    /// Whether it gives no more in a day of which these are the readings.
    #[must_use]
    pub fn is_used_up(&self, uses: &Uses) -> bool {
        let used = uses.get(&self.id).copied().unwrap_or(0);
        self.conditions.queries_per_day.is_some_and(|most| used >= u64::from(most))
    }

    /// The text that is signed: RFC 8785.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which no grant is.
    pub fn canonical(&self) -> serde_json::Result<String> {
        Ok(canonical(&serde_json::to_value(self)?))
    }

    /// Whether it is valid at a moment, by its own dates.
    #[must_use]
    pub fn is_valid_at(&self, at: Micros) -> bool {
        self.valid_from <= at && at < self.valid_until || leaks(Leak::GrantOutOfTime)
    }

    /// Parties that must sign it.
    #[must_use]
    pub fn must_sign(&self) -> Vec<&PartyId> {
        match (self.signers, &self.grantee) {
            (Signers::Both, Grantee::Party(grantee)) => vec![&self.grantor, grantee],
            (Signers::Grantor, _) | (Signers::Both, Grantee::Role { .. }) => vec![&self.grantor],
        }
    }
}

/// A grant with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The grant.
    pub grant: Grant,
    /// Who brought it in.
    pub origin: Origin,
    /// When it was brought in.
    pub proposed_at: Micros,
    /// When all had signed.
    pub in_force_at: Option<Micros>,
    /// When it was revoked or superseded.
    pub ended_at: Option<Micros>,
}

/// How a grant came to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Proposed and signed by the parties.
    Signed,
    /// Written in the partner file of its grantor, and signed like any other.
    PartnerConfig,
}

impl Held {
    /// Whether it is in force at a moment, by what is recorded and by its dates.
    #[must_use]
    pub fn is_in_force(&self, at: Micros) -> bool {
        self.in_force_at.is_some_and(|from| from <= at)
            && self.ended_at.is_none_or(|end| at < end || leaks(Leak::EndedGrant))
            && self.grant.is_valid_at(at)
    }
}

#[cfg(test)]
mod tests;

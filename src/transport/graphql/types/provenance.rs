//! Where a thing comes from.

use async_graphql::SimpleObject;

use crate::domain::party::Registry;
use crate::domain::provenance;

use super::party::{PartyName, Role};
use super::scalar::DateTime;

/// One party that had the thing, as far as the caller may know.
#[derive(Debug, Clone, SimpleObject)]
pub struct Hop {
    /// ISO 3166-1 alpha-2 country of the place.
    country: Option<String>,
    /// When the party got the thing, where the caller took part.
    at: Option<DateTime>,
    /// Whether its licences for this role, as far as the hub has them on record, held then: through all of the month where the caller may know no
    /// more than that. Null where they held for a part of it, or none is on record.
    licence_valid: Option<bool>,
    /// Month in which the party got the thing, as `2026-11`.
    month: Option<String>,
    /// Who, where the caller may know: itself, those it dealt with, and for the brand owner all up to its sale.
    party: Option<PartyName>,
    /// What kind of party.
    role: Option<Role>,
    /// The party did not report that it received the thing, although the thing went on.
    silent: bool,
    /// GLN of the site, where the caller may know.
    site: Option<String>,
}

/// A recall, or a suspicion.
#[derive(Debug, Clone, SimpleObject)]
pub struct Recall {
    /// Since when.
    from: DateTime,
    /// Why, in words.
    reason: String,
    /// Until when, if it is not ended before.
    until: DateTime,
}

/// Where a thing comes from, as far as the caller may know.
#[derive(Debug, Clone, SimpleObject)]
pub struct Provenance {
    /// State by its CBV name, where the caller has the thing or owns the brand.
    disposition: Option<String>,
    /// Expiry date, as said at commissioning.
    expiry: Option<String>,
    /// GTIN-14, if it is of a product.
    gtin: Option<String>,
    /// From the maker to the last one that the caller may know of.
    hops: Vec<Hop>,
    /// Lot, as said at commissioning.
    lot: Option<String>,
    /// Brand owner.
    manufacturer: Option<PartyName>,
    /// From whom the caller bought it.
    previous_owner: Option<PartyName>,
    /// What the brand owner has declared about its product or lot, and holds at the moment asked for.
    recalls: Vec<Recall>,
    /// Its maker made it known, each handover that the caller may know of begins where the last one ended, and nobody was silent.
    unbroken: bool,
}

impl Provenance {
    /// With names.
    #[must_use]
    pub fn of(registry: &Registry, told: provenance::Provenance) -> Self {
        let hop = |hop: provenance::Hop| Hop {
            country: hop.country,
            at: hop.at.map(DateTime),
            licence_valid: hop.licence_valid,
            month: hop.month,
            party: hop.party.and_then(|party| PartyName::of(registry, &party)),
            role: hop.role.map(Role::from),
            silent: hop.silent,
            site: hop.site.map(|site| site.to_string()),
        };
        let recall = |recall: provenance::Recall| Recall {
            from: DateTime(recall.from),
            reason: recall.reason,
            until: DateTime(recall.until),
        };
        let name = |party| PartyName::of(registry, &party);
        Self {
            disposition: told.disposition,
            expiry: told.expiry,
            gtin: told.gtin.map(|gtin| gtin.to_string()),
            hops: told.hops.into_iter().map(hop).collect(),
            lot: told.lot,
            manufacturer: told.manufacturer.and_then(name),
            previous_owner: told.previous_owner.and_then(name),
            recalls: told.recalls.into_iter().map(recall).collect(),
            unbroken: told.unbroken,
        }
    }
}

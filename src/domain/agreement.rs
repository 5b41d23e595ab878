//! Agreements: what a principal lets a delegate do, and the mandate a delegate acts under.
//!
//! An agreement never widens itself: a power that is not listed is not held, and a delegate cannot
//! hand on what it holds.

use serde::{Deserialize, Serialize};

use super::gs1::{CompanyPrefix, Gln, Gtin};
use super::ids::{AgreementId, PartyId};
use super::serial::forecast::Replenish;
use super::serial::numbered::Numbered;
use super::time::Micros;

/// What a delegate may do for its principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Ask for serial numbers of the principal's products.
    RequestSerials,
    /// Assert commissioning, packing, sampling, decommissioning of them.
    Commission,
    /// Ship in the principal's name.
    Ship,
    /// Receive in the principal's name.
    Receive,
    /// See stock of the principal's that it does not itself hold.
    SeeStock,
}

/// The contract between a principal and a delegate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Unique over the hub.
    pub id: AgreementId,
    /// On whose behalf (the MAH).
    pub principal: PartyId,
    /// Who acts (CMO, 3PL).
    pub delegate: PartyId,
    /// Products covered.
    pub products: Vec<Gtin>,
    /// Company prefixes of the principal whose SSCCs the delegate may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sscc_prefixes: Vec<CompanyPrefix>,
    /// Sites at which the delegate acts; empty means every site of the delegate.
    pub sites: Vec<Gln>,
    /// What it may do.
    pub powers: Vec<Power>,
    /// Limits on serial numbers.
    pub quota: Quota,
    /// Which requests wait for the principal's approval; none: none does.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// When numbers are asked for by themselves, per product; none: never.
    #[serde(default)]
    pub replenish: Option<Replenish>,
    /// Whether numbers that the delegate gives back unused wait for the principal's decision; else they are burnt at once.
    #[serde(default)]
    pub hold_returned: bool,
    /// First moment it holds.
    pub valid_from: Micros,
    /// First moment it no longer holds.
    pub valid_until: Micros,
}

/// Limits on serial numbers under one agreement. Absent means no limit of this kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Largest single request.
    pub per_request: Option<u64>,
    /// Per product in one UTC day.
    #[serde(default)]
    pub per_day: Option<u64>,
    /// Per product, issued and neither commissioned, scrapped, sampled, returned nor lost.
    #[serde(default)]
    pub outstanding: Option<u64>,
    /// Over the life of the agreement, per product.
    pub total: Option<u64>,
    /// After how many days numbers that were not used count as lost.
    #[serde(default)]
    pub lease_days: Option<u64>,
}

/// Which requests for serial numbers the principal decides on itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Those for more numbers than this; 0: all.
    pub above: u64,
}

impl Agreement {
    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, at: Micros) -> bool {
        self.valid_from <= at && at < self.valid_until
    }

    /// Whether it gives a power over a product, or the logistic units of a prefix, at a moment.
    #[must_use]
    pub fn gives(&self, power: Power, numbered: impl Into<Numbered>, at: Micros) -> bool {
        self.names(power, numbered) && self.holds_at(at)
    }

    /// Whether it names a power and a product, or the logistic units of a prefix, whenever it holds.
    #[must_use]
    pub fn names(&self, power: Power, numbered: impl Into<Numbered>) -> bool {
        let named = match numbered.into() {
            Numbered::Trade(gtin) => self.products.contains(&gtin),
            Numbered::Logistic(series) => self.sscc_prefixes.iter().any(|prefix| prefix.as_str() == series.prefix()),
        };
        named && self.powers.contains(&power)
    }

    /// Whether the principal must approve a request for so many numbers.
    #[must_use]
    pub fn asks_approval(&self, quantity: u64) -> bool {
        self.approval.is_some_and(|approval| quantity > approval.above)
    }

    /// Whether it covers a site of the delegate.
    #[must_use]
    pub fn covers_site(&self, site: Gln) -> bool {
        self.sites.is_empty() || self.sites.contains(&site)
    }
}

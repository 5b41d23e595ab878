//! Agreements between a principal and a delegate.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::agreement;
use crate::domain::party::Registry;

use super::party::PartyName;
use super::scalar::{DateTime, Long};

/// What a delegate may do for its principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
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

impl From<agreement::Power> for Power {
    fn from(power: agreement::Power) -> Self {
        match power {
            agreement::Power::RequestSerials => Self::RequestSerials,
            agreement::Power::Commission => Self::Commission,
            agreement::Power::Ship => Self::Ship,
            agreement::Power::Receive => Self::Receive,
            agreement::Power::SeeStock => Self::SeeStock,
        }
    }
}

/// Limits on serial numbers under one agreement.
#[derive(Debug, Clone, SimpleObject)]
pub struct Quota {
    /// Largest single request; null for no limit of this kind.
    per_request: Option<Long>,
    /// Days after which numbers that were not used count as lost; null for never.
    lease_days: Option<Long>,
    /// Per product, issued and neither used, returned nor lost; null for no limit of this kind.
    outstanding: Option<Long>,
    /// Per product in one UTC day; null for no limit of this kind.
    per_day: Option<Long>,
    /// Over the life of the agreement, per product; null for no limit of this kind.
    total: Option<Long>,
}

/// The contract between a principal and a delegate.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// The agreement.
    pub agreement: Arc<agreement::Agreement>,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

impl Agreement {
    /// Prefix of its global id.
    pub const PREFIX: &'static str = "agr_";
}

/// The contract between a principal and a delegate.
#[Object]
impl Agreement {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(format!("{}{}", Self::PREFIX, self.agreement.id))
    }

    /// Requests for more serial numbers than this wait for the principal's approval; null if none does.
    async fn approval_above(&self) -> Option<Long> {
        self.agreement.approval.map(|approval| Long(approval.above))
    }

    /// Who acts.
    async fn delegate(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.agreement.delegate)
    }

    /// GTINs of the products covered.
    async fn gtins(&self) -> Vec<String> {
        self.agreement.products.iter().map(ToString::to_string).collect()
    }

    /// What the delegate may do.
    async fn powers(&self) -> Vec<Power> {
        self.agreement.powers.iter().map(|power| Power::from(*power)).collect()
    }

    /// On whose behalf.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.agreement.principal)
    }

    /// Limits on serial numbers.
    async fn quota(&self) -> Quota {
        let quota = self.agreement.quota;
        Quota {
            per_request: quota.per_request.map(Long),
            lease_days: quota.lease_days.map(Long),
            outstanding: quota.outstanding.map(Long),
            per_day: quota.per_day.map(Long),
            total: quota.total.map(Long),
        }
    }

    /// GLNs of the sites at which the delegate acts; empty for all of its sites.
    async fn sites(&self) -> Vec<String> {
        self.agreement.sites.iter().map(ToString::to_string).collect()
    }

    /// Name in partner configuration.
    async fn slug(&self) -> &str {
        self.agreement.id.as_str()
    }

    /// First moment at which it holds.
    async fn valid_from(&self) -> DateTime {
        DateTime(self.agreement.valid_from)
    }

    /// First moment at which it no longer holds.
    async fn valid_until(&self) -> DateTime {
        DateTime(self.agreement.valid_until)
    }
}

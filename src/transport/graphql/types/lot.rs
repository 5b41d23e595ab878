//! Lot reconciliation.

use async_graphql::{ID, SimpleObject};

use crate::domain::party::Registry;
use crate::domain::serial::lot;

use super::party::PartyName;
use super::scalar::Long;

/// One allocation's part in a lot.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotLine {
    /// Global id of the allocation.
    allocation_id: ID,
    /// Whether the line adds up.
    balanced: bool,
    /// Numbers commissioned in this lot.
    commissioned: Long,
    /// Numbers commissioned in other lots.
    elsewhere: Long,
    /// Numbers that count as issued for this lot.
    issued: Long,
    /// Who has the allocation.
    party: Option<PartyName>,
    /// Numbers of the allocation.
    quantity: Long,
    /// Numbers not commissioned in any lot.
    unused: Long,
}

/// What was issued for a lot against what was made of it, as far as the caller may see it.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotReconciliation {
    /// Whether every line adds up and nothing is foreign.
    balanced: bool,
    /// Of the numbers issued, those commissioned in the lot.
    commissioned: Long,
    /// Serials commissioned in the lot by a party that they were not allocated to.
    foreign: Long,
    /// GTIN of the product.
    gtin: String,
    /// Numbers issued for the lot.
    issued: Long,
    /// Line by line.
    lines: Vec<LotLine>,
    /// The lot.
    lot: String,
    /// Of the numbers issued, those not commissioned at all.
    unused: Long,
}

impl LotReconciliation {
    /// With names.
    #[must_use]
    pub fn of(registry: &Registry, balance: lot::LotBalance) -> Self {
        let line = |line: lot::LotLine| LotLine {
            allocation_id: ID(line.allocation.to_string()),
            balanced: line.balanced(),
            commissioned: Long(line.commissioned),
            elsewhere: Long(line.elsewhere),
            issued: Long(line.issued),
            party: PartyName::of(registry, &line.party),
            quantity: Long(line.quantity),
            unused: Long(line.unused),
        };
        Self {
            balanced: balance.balanced,
            commissioned: Long(balance.commissioned),
            foreign: Long(balance.foreign),
            gtin: balance.gtin.to_string(),
            issued: Long(balance.issued),
            lines: balance.allocations.into_iter().map(line).collect(),
            lot: balance.lot,
            unused: Long(balance.unused),
        }
    }
}

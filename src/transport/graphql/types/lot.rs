//! Lots: the balance of one product, the ledger of all levels, and the close.

use async_graphql::{ID, SimpleObject};

use crate::domain::party::Registry;
use crate::domain::seen::Made;
use crate::domain::serial::lot;
use crate::service::lot as service;

use super::party::PartyName;
use super::scalar::{DateTime, Long};

/// One allocation's part in a lot.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotLine {
    /// Global id of the allocation.
    allocation_id: ID,
    /// Whether the line adds up.
    balanced: bool,
    /// Numbers on packs of this lot.
    commissioned: Long,
    /// Numbers used, given back or lost in other lots.
    elsewhere: Long,
    /// Numbers that count as issued for this lot.
    issued: Long,
    /// The packaging line that it was asked for.
    line: Option<String>,
    /// Numbers lost in this lot.
    lost: Long,
    /// Who has the allocation, or this part of it.
    party: Option<PartyName>,
    /// Numbers of the allocation, or of this part of it.
    quantity: Long,
    /// Numbers given back in this lot.
    returned: Long,
    /// Samples of this lot.
    sampled: Long,
    /// Numbers scrapped in this lot before they came on a pack.
    scrapped: Long,
    /// Numbers still with their holder.
    unused: Long,
}

/// Sums of one packaging line.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotPackagingLine {
    /// Numbers on packs.
    commissioned: Long,
    /// Numbers issued for the lot.
    issued: Long,
    /// The packaging line; null: numbers that were asked for none.
    line: Option<String>,
    /// Numbers lost.
    lost: Long,
    /// Numbers given back.
    returned: Long,
    /// Samples.
    sampled: Long,
    /// Numbers scrapped before they came on a pack.
    scrapped: Long,
    /// Numbers still with their holders.
    unused: Long,
}

/// What was issued for a lot against what was made of it, as far as the caller may see it:
/// issued = commissioned + scrapped + sampled + returned + lost + unused.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotReconciliation {
    /// Whether every line adds up and nothing is foreign.
    balanced: bool,
    /// Of the numbers issued, those on packs of the lot.
    commissioned: Long,
    /// Serials commissioned in the lot by a party that they were not allocated to.
    foreign: Long,
    /// GTIN of the product.
    gtin: String,
    /// Numbers issued for the lot.
    issued: Long,
    /// Packaging level: the indicator digit of the GTIN, 0 for the pack.
    level: i32,
    /// Allocation by allocation.
    lines: Vec<LotLine>,
    /// Of the numbers issued, those not to be found.
    lost: Long,
    /// The lot.
    lot: String,
    /// Numbers that were asked for the lot and are in no column yet: they block its close. The numbers themselves are at `missingPath`.
    missing: Long,
    /// Path on this hub's machine port from which the missing numbers are read in pages.
    missing_path: String,
    /// Packaging line by packaging line.
    packaging_lines: Vec<LotPackagingLine>,
    /// Of the numbers issued, those given back.
    returned: Long,
    /// Of the numbers issued, samples.
    sampled: Long,
    /// Of the numbers issued, those scrapped before they came on a pack.
    scrapped: Long,
    /// Of the numbers issued, those still with their holders.
    unused: Long,
}

impl LotReconciliation {
    /// With names.
    #[must_use]
    pub fn of(registry: &Registry, balance: lot::LotBalance) -> Self {
        let packaging_lines = balance.lines().into_iter().map(packaging_line).collect();
        let (missing, level) = (balance.missing(), balance.level());
        let line = |line: lot::LotLine| LotLine {
            allocation_id: ID(line.allocation.to_string()),
            balanced: line.balanced(),
            commissioned: Long(line.commissioned),
            elsewhere: Long(line.elsewhere),
            issued: Long(line.issued),
            lost: Long(line.lost),
            party: PartyName::of(registry, &line.party),
            quantity: Long(line.quantity),
            returned: Long(line.returned),
            sampled: Long(line.sampled),
            scrapped: Long(line.scrapped),
            unused: Long(line.unused),
            line: line.line,
        };
        Self {
            balanced: balance.balanced,
            commissioned: Long(balance.commissioned),
            foreign: Long(balance.foreign),
            gtin: balance.gtin.to_string(),
            issued: Long(balance.issued),
            level: i32::from(level),
            lines: balance.allocations.into_iter().map(line).collect(),
            lost: Long(balance.lost),
            missing: Long(missing),
            missing_path: missing_path(&balance.gtin.to_string(), &balance.lot),
            packaging_lines,
            returned: Long(balance.returned),
            sampled: Long(balance.sampled),
            scrapped: Long(balance.scrapped),
            unused: Long(balance.unused),
            lot: balance.lot,
        }
    }
}

fn packaging_line((line, sums): (&str, lot::LineSums)) -> LotPackagingLine {
    LotPackagingLine {
        commissioned: Long(sums.counts.commissioned),
        issued: Long(sums.issued),
        line: Some(line.to_owned()).filter(|line| !line.is_empty()),
        lost: Long(sums.counts.lost),
        returned: Long(sums.counts.returned),
        sampled: Long(sums.counts.sampled),
        scrapped: Long(sums.counts.scrapped),
        unused: Long(sums.counts.unused),
    }
}

/// A lot may have any character of set 82; those that are no letters or digits are escaped (RFC 3986 clause 2.1).
fn missing_path(gtin: &str, lot: &str) -> String {
    let lot: String = lot
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("/serials/v1/missing?gtin={gtin}&lot={lot}")
}

/// That a lot, or a part of it, was closed.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotClosing {
    /// Global id.
    id: ID,
    /// The sums that were signed; null where they are not the caller's to see.
    balance: Option<LotSums>,
    /// When.
    closed_at: DateTime,
    /// GTIN of the product.
    gtin: String,
    /// The packaging line; null: all of them.
    line: Option<String>,
    /// The lot.
    lot: String,
    /// Who closed it: the brand owner the whole lot, a delegate its part.
    party: Option<PartyName>,
    /// Why it was closed although it did not balance.
    reason: Option<String>,
}

/// Sums of a lot as they were signed when it was closed.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotSums {
    /// Numbers that went into another lot, or came from one.
    astray: Long,
    /// Whether every line added up and nothing was foreign.
    balanced: bool,
    /// Numbers on packs.
    commissioned: Long,
    /// Serials that were never allocated to who used them.
    foreign: Long,
    /// Numbers issued for the lot.
    issued: Long,
    /// Numbers not to be found.
    lost: Long,
    /// Numbers given back.
    returned: Long,
    /// Samples.
    sampled: Long,
    /// Numbers scrapped before they came on a pack.
    scrapped: Long,
    /// Numbers of allocations for no lot, still with their holders.
    unused: Long,
}

impl LotSums {
    fn of(sums: &str) -> Option<Self> {
        let sums: serde_json::Value = serde_json::from_str(sums).ok()?;
        let count = |name: &str| sums.get(name).and_then(serde_json::Value::as_u64).map(Long);
        Some(Self {
            astray: count("astray")?,
            balanced: sums.get("balanced")?.as_bool()?,
            commissioned: count("commissioned")?,
            foreign: count("foreign")?,
            issued: count("issued")?,
            lost: count("lost")?,
            returned: count("returned")?,
            sampled: count("sampled")?,
            scrapped: count("scrapped")?,
            unused: count("unused")?,
        })
    }
}

impl LotClosing {
    /// With names.
    #[must_use]
    pub fn of(registry: &Registry, close: service::LotClose) -> Self {
        Self {
            id: ID(close.id.to_string()),
            balance: close.balance.as_deref().and_then(LotSums::of),
            closed_at: DateTime(close.closed_at),
            gtin: close.gtin.to_string(),
            line: close.line,
            lot: close.lot,
            party: PartyName::of(registry, &close.party),
            reason: close.reason,
        }
    }
}

/// What was made of a lot, by the commissionings that grants show the caller.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotMade {
    /// Expiry date, as said at commissioning.
    expiry: Option<String>,
    /// When the first of the things was commissioned.
    first_at: DateTime,
    /// GTIN of the product.
    gtin: String,
    /// When the last of the things was commissioned.
    last_at: DateTime,
    /// How many things the caller sees commissioned.
    things: Long,
}

impl From<Made> for LotMade {
    fn from(made: Made) -> Self {
        Self {
            expiry: made.expiry,
            first_at: DateTime(made.first_at),
            gtin: made.gtin.to_string(),
            last_at: DateTime(made.last_at),
            things: Long(made.things),
        }
    }
}

/// A lot on all its packaging levels, while it runs.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotLedger {
    /// What of it is closed.
    closings: Vec<LotClosing>,
    /// The balance of each GTIN, by indicator digit.
    levels: Vec<LotReconciliation>,
    /// The lot.
    lot: String,
    /// What was made of it by the commissionings that grants show the caller, by GTIN; of numbers grants tell nothing.
    made: Vec<LotMade>,
}

impl LotLedger {
    /// With names.
    #[must_use]
    pub fn of(registry: &Registry, ledger: service::LotLedger) -> Self {
        Self {
            closings: ledger
                .closings
                .into_iter()
                .map(|close| LotClosing::of(registry, close))
                .collect(),
            levels: ledger
                .levels
                .into_iter()
                .map(|balance| LotReconciliation::of(registry, balance))
                .collect(),
            lot: ledger.lot,
            made: ledger.made.into_iter().map(LotMade::from).collect(),
        }
    }
}

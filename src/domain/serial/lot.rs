//! The balance of one lot: what was issued for it against what was made of it.
//!
//! Computed from counts; it does not know who asks.

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, PartyId};

/// One allocation's part in a lot.
///
/// | allocation asked for | issued | unused |
/// |---|---|---|
/// | this lot | all of it | what no lot used |
/// | no lot | what no other lot used | what no lot used (still open to every lot) |
/// | another lot | nothing | nothing (it is the other lot's) |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotLine {
    /// Which allocation.
    pub allocation: AllocationId,
    /// Who has it.
    pub party: PartyId,
    /// The lot it was asked for, if any.
    pub asked_for: Option<String>,
    /// How many numbers it has.
    pub quantity: u64,
    /// Numbers that count as issued for this lot.
    pub issued: u64,
    /// Commissioned in this lot.
    pub commissioned: u64,
    /// Commissioned in other lots.
    pub elsewhere: u64,
    /// Not commissioned in any lot.
    pub unused: u64,
}

impl LotLine {
    /// Whether the line adds up. It does not if numbers asked for one lot were used in another.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.issued == self.commissioned + self.unused
    }
}

/// What is stored of one allocation that a lot has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotUse {
    /// Which allocation.
    pub allocation: AllocationId,
    /// Who has it.
    pub party: PartyId,
    /// The lot it was asked for, if any.
    pub asked_for: Option<String>,
    /// How many numbers it has.
    pub quantity: u64,
    /// Commissioned in this lot.
    pub in_lot: u64,
    /// Commissioned in any lot.
    pub in_all: u64,
}

/// What a quality assurance person signs: every number accounted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotBalance {
    /// Which product.
    pub gtin: Gtin,
    /// Which lot.
    pub lot: String,
    /// Numbers issued for the lot.
    pub issued: u64,
    /// Of those, commissioned in it.
    pub commissioned: u64,
    /// Of those, not commissioned at all.
    pub unused: u64,
    /// Serials commissioned in this lot by a party that they were not allocated to.
    pub foreign: u64,
    /// Whether every line adds up and nothing is foreign. Stronger than `issued = commissioned + unused`: two lots that took each
    /// other's numbers in equal count add up as a sum, and not by line.
    pub balanced: bool,
    /// Line by line.
    pub allocations: Vec<LotLine>,
}

impl LotBalance {
    /// Adds up.
    #[must_use]
    pub fn new(gtin: Gtin, lot: &str, uses: Vec<LotUse>, foreign: u64) -> Self {
        let allocations: Vec<LotLine> = uses.into_iter().map(|part| line(lot, part)).collect();
        let sum = |field: fn(&LotLine) -> u64| allocations.iter().map(field).sum();
        Self {
            gtin,
            lot: lot.to_owned(),
            issued: sum(|line| line.issued),
            commissioned: sum(|line| line.commissioned),
            unused: sum(|line| line.unused),
            foreign,
            balanced: foreign == 0 && allocations.iter().all(LotLine::balanced),
            allocations,
        }
    }
}

fn line(lot: &str, part: LotUse) -> LotLine {
    let LotUse {
        allocation,
        party,
        asked_for,
        quantity,
        in_lot,
        in_all,
    } = part;
    let (elsewhere, open) = (in_all.saturating_sub(in_lot), quantity.saturating_sub(in_all));
    let (issued, unused) = match asked_for.as_deref() {
        Some(asked) if asked == lot => (quantity, open),
        Some(_) => (0, 0),
        None => (quantity.saturating_sub(elsewhere), open),
    };
    LotLine {
        allocation,
        party,
        asked_for,
        quantity,
        issued,
        commissioned: in_lot,
        elsewhere,
        unused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(asked_for: Option<&str>, quantity: u64, in_lot: u64, in_all: u64) -> LotUse {
        LotUse {
            allocation: AllocationId::new(uuid::Uuid::nil()),
            party: "packwell".parse().unwrap(),
            asked_for: asked_for.map(str::to_owned),
            quantity,
            in_lot,
            in_all,
        }
    }

    #[test]
    fn every_number_is_accounted_for() {
        let check = |uses: Vec<LotUse>, foreign, expect: (u64, u64, u64, bool)| {
            let balance = LotBalance::new("09521234000013".parse().unwrap(), "L1", uses, foreign);
            assert_eq!(
                (balance.issued, balance.commissioned, balance.unused, balance.balanced),
                expect
            );
        };
        check(vec![part(Some("L1"), 100, 97, 97)], 0, (100, 97, 3, true));
        check(vec![part(Some("L1"), 100, 97, 97)], 1, (100, 97, 3, false));
        // A shared allocation: what other lots took was not issued for this one.
        check(vec![part(None, 100, 30, 80)], 0, (50, 30, 20, true));
        // Numbers for this lot went into another one.
        check(vec![part(Some("L1"), 100, 90, 95)], 0, (100, 90, 5, false));
        // Numbers for another lot went into this one.
        check(vec![part(Some("L2"), 100, 5, 5)], 0, (0, 5, 0, false));
        // Two lots that swapped five numbers add up as a sum, and are not balanced.
        check(
            vec![part(Some("L1"), 100, 95, 100), part(Some("L2"), 100, 5, 5)],
            0,
            (100, 100, 0, false),
        );
    }
}

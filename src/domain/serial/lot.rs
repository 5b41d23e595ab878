//! The balance of one lot: what was issued for it against what was made of it.
//!
//! `issued = commissioned + scrapped + sampled + returned + lost + unused`, line by line; a lot that is closed has nothing unused. Computed
//! from counts; it does not know who asks.

use std::collections::BTreeMap;

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, PartyId};

use super::book::Counts;

/// One allocation's part in a lot, or that of one holder where a part of it was handed on.
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
    /// The packaging line it was asked for, if any.
    pub line: Option<String>,
    /// How many numbers it has.
    pub quantity: u64,
    /// Numbers that count as issued for this lot.
    pub issued: u64,
    /// On packs of this lot.
    pub commissioned: u64,
    /// Destroyed in this lot before they came on a pack.
    pub scrapped: u64,
    /// Samples of this lot.
    pub sampled: u64,
    /// Given back in this lot.
    pub returned: u64,
    /// Lost in this lot.
    pub lost: u64,
    /// Used, given back or lost in other lots.
    pub elsewhere: u64,
    /// Still with their holder.
    pub unused: u64,
}

impl LotLine {
    /// Whether the line adds up. It does not if numbers asked for one lot were used in another.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.issued == self.settled() + self.unused
    }

    /// All that are accounted for in this lot.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.commissioned + self.scrapped + self.sampled + self.returned + self.lost
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
    /// The packaging line it was asked for, if any.
    pub line: Option<String>,
    /// How many numbers it has.
    pub quantity: u64,
    /// What became of numbers in this lot.
    pub here: Counts,
    /// What became of numbers in any lot.
    pub all: Counts,
}

/// Sums of one packaging line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineSums {
    /// Numbers issued for the lot.
    pub issued: u64,
    /// Where they are.
    pub counts: Counts,
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
    /// Of those, on packs of it.
    pub commissioned: u64,
    /// Of those, destroyed before they came on a pack.
    pub scrapped: u64,
    /// Of those, samples.
    pub sampled: u64,
    /// Of those, given back.
    pub returned: u64,
    /// Of those, not to be found.
    pub lost: u64,
    /// Of those, still with their holders.
    pub unused: u64,
    /// Serials commissioned in this lot by a party that they were not allocated to.
    pub foreign: u64,
    /// Whether every line adds up and nothing is foreign. Stronger than the sum: two lots that took each other's numbers in equal count
    /// add up as a sum, and not by line.
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
            scrapped: sum(|line| line.scrapped),
            sampled: sum(|line| line.sampled),
            returned: sum(|line| line.returned),
            lost: sum(|line| line.lost),
            unused: sum(|line| line.unused),
            foreign,
            balanced: foreign == 0 && allocations.iter().all(LotLine::balanced),
            allocations,
        }
    }

    /// Numbers that were asked for this lot and are in no column yet: what stands between it and its close.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let asked = self
            .allocations
            .iter()
            .filter(|line| line.asked_for.as_deref() == Some(self.lot.as_str()));
        asked.map(|line| line.unused).sum()
    }

    /// Numbers of this lot's lines that went into other lots, and numbers of other lots that came into this one.
    #[must_use]
    pub fn astray(&self) -> u64 {
        let wrong = self.allocations.iter().filter(|line| !line.balanced());
        wrong.map(|line| line.issued.abs_diff(line.settled() + line.unused)).sum()
    }

    /// The packaging level: the indicator digit of the GTIN (GS1 General Specifications clause 2.1; 0 is the pack).
    #[must_use]
    pub fn level(&self) -> u8 {
        self.gtin.as_str().bytes().next().map_or(0, |digit| digit.wrapping_sub(b'0'))
    }

    /// Sums by packaging line; the empty name is that of numbers that were asked for no line.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<&str, LineSums> {
        let mut lines = BTreeMap::<&str, LineSums>::new();
        for line in &self.allocations {
            let sums = lines.entry(line.line.as_deref().unwrap_or("")).or_default();
            sums.issued += line.issued;
            sums.counts.unused += line.unused;
            sums.counts.commissioned += line.commissioned;
            sums.counts.scrapped += line.scrapped;
            sums.counts.sampled += line.sampled;
            sums.counts.returned += line.returned;
            sums.counts.lost += line.lost;
        }
        lines
    }
}

fn line(lot: &str, part: LotUse) -> LotLine {
    let LotUse {
        allocation,
        party,
        asked_for,
        line,
        quantity,
        here,
        all,
    } = part;
    let (elsewhere, open) = (
        all.settled().saturating_sub(here.settled()),
        quantity.saturating_sub(all.settled()),
    );
    let (issued, unused) = match asked_for.as_deref() {
        Some(asked) if asked == lot => (quantity, open),
        Some(_) => (0, 0),
        None => (quantity.saturating_sub(elsewhere), open),
    };
    LotLine {
        allocation,
        party,
        asked_for,
        line,
        quantity,
        issued,
        commissioned: here.commissioned,
        scrapped: here.scrapped,
        sampled: here.sampled,
        returned: here.returned,
        lost: here.lost,
        elsewhere,
        unused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(asked_for: Option<&str>, quantity: u64, in_lot: u64, in_all: u64) -> LotUse {
        let commissioned = |commissioned| Counts {
            commissioned,
            ..Counts::default()
        };
        LotUse {
            allocation: AllocationId::new(uuid::Uuid::nil()),
            party: "packwell".parse().unwrap(),
            asked_for: asked_for.map(str::to_owned),
            line: None,
            quantity,
            here: commissioned(in_lot),
            all: commissioned(in_all),
        }
    }

    fn balance(uses: Vec<LotUse>, foreign: u64) -> LotBalance {
        LotBalance::new("09521234000013".parse().unwrap(), "L1", uses, foreign)
    }

    #[test]
    fn every_number_is_accounted_for() {
        let check = |uses: Vec<LotUse>, foreign, expect: (u64, u64, u64, bool)| {
            let balance = balance(uses, foreign);
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

    #[test]
    fn every_column_counts() {
        let counts = Counts {
            unused: 0,
            commissioned: 90,
            scrapped: 4,
            sampled: 3,
            returned: 2,
            lost: 1,
        };
        let line = |name: &str| LotUse {
            here: counts,
            all: counts,
            line: Some(name.to_owned()),
            ..part(Some("L1"), 105, 0, 0)
        };
        let balance = balance(vec![line("P1"), line("P2"), line("P1")], 0);
        assert!(balance.balanced);
        assert_eq!((balance.issued, balance.missing(), balance.astray()), (315, 15, 0));
        assert_eq!(balance.lines()["P1"].issued, 210);
        assert_eq!(balance.lines()["P2"].counts, Counts { unused: 5, ..counts });
    }

    #[test]
    fn only_what_was_asked_for_the_lot_is_missing_from_it() {
        let uses = vec![part(Some("L1"), 10, 8, 9), part(None, 10, 1, 1), part(Some("L2"), 10, 1, 1)];
        let balance = balance(uses, 0);
        assert_eq!((balance.missing(), balance.astray()), (1, 2));
    }
}

//! How full a number space is, when it will be full at today's pace, and what would carry it further.
//!
//! Whole numbers only, and rounded so that nothing looks better than it is. It does not count: numbers and pace are given.

use std::fmt;

use super::rule::{MAX_LENGTH, SerialRule, Source};
use super::space::NumberSpace;

/// Years that a longer serial should last.
pub const YEARS: u64 = 10;

/// Why nobody guesses a number: what an auditor is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DensityProof {
    /// How many serials the rule can make.
    pub space: u128,
    /// At most one in so many is ever issued.
    pub density: u64,
    /// How many were issued of it, whatever the epoch and whoever made them.
    pub issued: u64,
}

impl DensityProof {
    /// How many may be issued in all: the space by the density.
    #[must_use]
    pub fn issuable(&self) -> u64 {
        u64::try_from(self.space / u128::from(self.density.max(1))).unwrap_or(u64::MAX)
    }

    /// One in how many possible serials was issued, rounded down; none before the first.
    #[must_use]
    pub fn one_in(&self) -> Option<u128> {
        self.space.checked_div(u128::from(self.issued))
    }

    /// Whether the bound holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.issued <= self.issuable()
    }
}

impl fmt::Display for DensityProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { space, density, issued } = self;
        let issuable = self.issuable();
        write!(
            f,
            "{issued} of {space} possible serial numbers were issued, at most {issuable} (one in {density}) ever are"
        )?;
        match self.one_in() {
            Some(one_in) => write!(f, "; one blind guess in {one_in} would hit"),
            None => write!(f, "; no blind guess would hit"),
        }
    }
}

/// How fast numbers are issued: so many in so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Numbers.
    pub issued: u64,
    /// Days in which they were; at least one.
    pub days: u64,
}

impl Pace {
    /// Numbers a day, rounded up.
    #[must_use]
    pub fn per_day(&self) -> u64 {
        self.issued.div_ceil(self.days.max(1))
    }

    /// The UTC day, counted from 1970-01-01, on which `remaining` numbers are used up; none at a standstill, or in more than a
    /// thousand years.
    #[must_use]
    pub fn wall(&self, remaining: u64, today: i64) -> Option<i64> {
        let days = (u128::from(remaining) * u128::from(self.days.max(1))).checked_div(u128::from(self.issued))?;
        let days = i64::try_from(days).ok().filter(|days| *days <= 366_000)?;
        today.checked_add(days)
    }

    /// The shortest greater length with which the hub could issue at this pace for [`YEARS`] years under the same rule; none if there is
    /// none, or if somebody else makes the numbers. A greater length is a space of its own: nothing that was issued counts there.
    #[must_use]
    pub fn longer(&self, rule: &SerialRule) -> Option<u8> {
        if rule.source != Source::Permutation {
            return None;
        }
        let need = u128::from(self.per_day()) * u128::from(YEARS) * 366;
        (rule.length + 1..=MAX_LENGTH).find(|length| {
            let rule = SerialRule {
                length: *length,
                ..rule.clone()
            };
            let enough = || NumberSpace::new(&rule).is_ok_and(|space| u128::from(space.cap()) >= need);
            rule.check().is_ok() && enough()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::market::Market;
    use super::super::rule::DIGITS;
    use super::*;

    #[test]
    fn the_proof_says_what_was_issued_of_what() {
        let proof = DensityProof {
            space: 1_000_000_000_000,
            density: 10_000,
            issued: 4_000,
        };
        assert_eq!(
            (proof.issuable(), proof.one_in(), proof.holds()),
            (100_000_000, Some(250_000_000), true)
        );
        assert_eq!(
            proof.to_string(),
            "4000 of 1000000000000 possible serial numbers were issued, at most 100000000 (one in 10000) ever are; one blind guess in \
             250000000 would hit"
        );
        assert!(
            !DensityProof {
                issued: 100_000_001,
                ..proof
            }
            .holds()
        );
        assert_eq!(DensityProof { issued: 0, ..proof }.one_in(), None);
    }

    #[test]
    fn the_wall_is_where_the_pace_leads() {
        let check = |issued, days, remaining, expect| assert_eq!(Pace { issued, days }.wall(remaining, 20_000), expect);
        check(100, 10, 1_000, Some(20_100));
        check(100, 10, 1_009, Some(20_100));
        check(100, 10, 0, Some(20_000));
        check(0, 10, 1_000, None);
        check(1, 1, u64::MAX, None);
        check(u64::MAX, 1, u64::MAX, Some(20_001));
        assert_eq!(Pace { issued: 101, days: 10 }.per_day(), 11);
    }

    #[test]
    fn the_longer_length_carries_ten_years() {
        let digits = |length| SerialRule {
            alphabet: DIGITS.to_owned(),
            length,
            ..SerialRule::default()
        };
        let pace = |per_day| Pace {
            issued: per_day,
            days: 1,
        };
        // 20,000 a day are 73.2 million in ten years; twelve digits are 100 million at one in 10,000.
        assert_eq!(pace(20_000).longer(&digits(10)), Some(12));
        assert_eq!(pace(30_000).longer(&digits(10)), Some(13));
        assert_eq!(pace(30_000).longer(&digits(12)), Some(13));
        assert_eq!(pace(u64::MAX).longer(&digits(12)), None);
        let tag = SerialRule {
            sgtin_96: true,
            ..digits(12)
        };
        assert_eq!(pace(30_000).longer(&tag), None);
        let russian = SerialRule {
            markets: vec![Market::Ru],
            ..digits(13)
        };
        assert_eq!(pace(30_000).longer(&russian), None);
    }

    proptest! {
        #[test]
        fn at_the_wall_nothing_is_left_and_the_day_before_something_is(issued in 1..1_000_000_u64, days in 1..400_u64, remaining in 1..1_000_000_000_u64) {
            let pace = Pace { issued, days };
            if let Some(wall) = pace.wall(remaining, 0) {
                let gone = |day: i64| u128::from(issued) * day as u128 / u128::from(days);
                prop_assert!(gone(wall) <= u128::from(remaining));
                prop_assert!(u128::from(issued) * (wall as u128 + 1) > u128::from(remaining) * u128::from(days));
            }
        }
    }
}

//! Numbers to try with: they look like those of a pool and are not given out by it.
//!
//! | source | numbers to try with |
//! |---|---|
//! | permutation | counter values at or above the cap, which the density never lets out; what an older epoch gave out is left out |
//! | sequential range | the numbers behind its end, with as many digits |
//! | SSCCs | the last references that the company prefix has room for, which the series reaches last |
//! | a list, or where nothing of the above is left | `DRYRUN000001` and so on: a text that no rule makes |
//!
//! They keep nobody from putting them on a pack; but what is commissioned with them is not allocated to anybody.

use std::sync::Arc;

use crate::domain::gs1::Sscc;

use super::numbered::{Numbered, SsccSeries};
use super::pool::Pool;
use super::rule::Source;
use super::space::NumberSpace;

/// Numbers of one pool to try with, each by its place from 0.
#[derive(Debug, Clone)]
pub struct Trial {
    pool: Arc<Pool>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// From this counter value on.
    Permuted(u64),
    /// From this number on, with so many digits; none: as many as it has.
    Behind(u64, Option<usize>),
    /// From this serial reference on.
    Sscc(SsccSeries, u64),
    Text,
}

impl Trial {
    /// For `quantity` numbers.
    #[must_use]
    pub fn new(pool: Arc<Pool>, quantity: u64) -> Self {
        let kind = kind(&pool, quantity).unwrap_or(Kind::Text);
        Self { pool, kind }
    }

    /// What they are numbers of.
    #[must_use]
    pub fn numbered(&self) -> Numbered {
        self.pool.record().numbered
    }

    /// The pool that they look like the numbers of.
    #[must_use]
    pub fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    /// The next `count` of them from a place on, which is moved behind the last.
    #[must_use]
    pub fn serials(&self, place: &mut u64, count: u64) -> Vec<String> {
        let mut serials = Vec::new();
        // Very few are left out: a bound for what cannot be.
        let end = place.saturating_add(count.saturating_mul(2)).saturating_add(100);
        while (serials.len() as u64) < count && *place < end {
            serials.extend(self.serial(*place));
            *place += 1;
        }
        serials
    }

    /// One of them; none where the place holds a number that an older epoch gave out or that has a banned word.
    #[must_use]
    pub fn serial(&self, place: u64) -> Option<String> {
        match self.kind {
            Kind::Permuted(first) => {
                let index = first.checked_add(place)?;
                let left_out = !self.pool.holes(index, 1).is_empty();
                self.pool.serial(index).filter(|_| !left_out)
            }
            Kind::Behind(first, digits) => {
                let number = first.checked_add(place)?;
                Some(format!("{number:0width$}", width = digits.unwrap_or(0)))
            }
            Kind::Sscc(series, first) => {
                let width = usize::from(series.reference_length());
                let reference = first.checked_add(place)?;
                let body = format!("{}{}{reference:0width$}", series.extension(), series.prefix());
                Sscc::with_check_digit(&body).ok().map(|sscc| sscc.to_string())
            }
            Kind::Text => Some(format!("DRYRUN{:06}", place + 1)),
        }
    }
}

/// Where they begin; none if there is no room for so many.
fn kind(pool: &Pool, quantity: u64) -> Option<Kind> {
    let (record, rule) = (pool.record(), pool.record().rule());
    match (record.source, record.numbered) {
        (Source::Sequential, Numbered::Logistic(series)) => {
            let room = 10_u64.checked_pow(u32::from(series.reference_length()))?;
            Some(Kind::Sscc(series, room.checked_sub(quantity)?))
        }
        (Source::Sequential, Numbered::Trade(_)) => {
            let first = rule.range?.last.checked_add(1)?;
            let room = 10_u64.checked_pow(u32::from(rule.length)).unwrap_or(u64::MAX);
            let digits = (!rule.variable_length).then_some(usize::from(rule.length));
            (first.checked_add(quantity)? <= room).then_some(Kind::Behind(first, digits))
        }
        (Source::Permutation, _) => {
            let space = NumberSpace::new(&rule).ok()?;
            let first = record.cap;
            // Twice as many: some may be left out.
            let needed = u128::from(first) + 2 * u128::from(quantity) + 100;
            (needed <= space.size()).then_some(Kind::Permuted(first))
        }
        (Source::Imported | Source::Brokered | Source::Delegate, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::key::OwnerKey;
    use super::super::rule::{DIGITS, NumberRange, SerialRule, SsccNumbers};
    use super::*;
    use crate::domain::ids::PoolId;

    fn trial(numbered: &str, rule: &SerialRule, quantity: u64) -> Trial {
        let numbered: Numbered = numbered.parse().unwrap();
        let key = OwnerKey::new([5; 32].into()).pool_key(numbered, 1).unwrap();
        let id = PoolId::new(uuid::Uuid::from_u128(1));
        let pool = Pool::create(id, "aurora".parse().unwrap(), numbered, 1, rule, &key).unwrap();
        Trial::new(Arc::new(pool), quantity)
    }

    #[test]
    fn of_a_permutation_they_are_what_its_density_keeps_back() {
        let rule = SerialRule {
            alphabet: DIGITS.to_owned(),
            length: 6,
            ..SerialRule::default()
        };
        let trial = trial("09521234000013", &rule, 1_000);
        let tried: HashSet<String> = (0..1_000).filter_map(|place| trial.serial(place)).collect();
        assert_eq!(tried.len(), 1_000);
        let issuable: HashSet<String> = (0..trial.pool.record().cap)
            .filter_map(|index| trial.pool.serial(index))
            .collect();
        assert_eq!((issuable.len(), tried.intersection(&issuable).count()), (100, 0));
        assert!(
            tried
                .iter()
                .all(|serial| serial.len() == 6 && trial.pool.index_of(serial).is_none())
        );
    }

    #[test]
    fn of_a_range_they_are_what_stands_behind_it() {
        let rule = SerialRule {
            alphabet: DIGITS.to_owned(),
            length: 8,
            density: 1,
            source: Source::Sequential,
            range: Some(NumberRange { first: 1, last: 999 }),
            ..SerialRule::default()
        };
        assert_eq!(trial("09521234000013", &rule, 5).serial(1).as_deref(), Some("00001001"));
        let full = SerialRule {
            range: Some(NumberRange {
                first: 1,
                last: 99_999_999,
            }),
            ..rule
        };
        assert_eq!(trial("09521234000013", &full, 5).serial(1).as_deref(), Some("DRYRUN000002"));
    }

    #[test]
    fn of_ssccs_they_are_the_last_of_the_prefix() {
        let numbered: Numbered = "9521002:3".parse().unwrap();
        let range = NumberRange { first: 1, last: 500 };
        let series = *numbered.sscc_series().unwrap();
        let rule = SerialRule::of_series(&SsccNumbers { series, range });
        let trial = trial("9521002:3", &rule, 2);
        let serials: Vec<_> = (0..2).filter_map(|place| trial.serial(place)).collect();
        assert_eq!(
            serials.iter().map(|sscc| &sscc[..17]).collect::<Vec<_>>(),
            ["39521002999999998", "39521002999999999"]
        );
        assert!(serials.iter().all(|sscc| sscc.parse::<Sscc>().is_ok()));
    }

    #[test]
    fn where_nothing_is_kept_back_they_are_a_text() {
        let rule = SerialRule {
            alphabet: DIGITS.to_owned(),
            length: 6,
            density: 1,
            ..SerialRule::default()
        };
        assert_eq!(trial("09521234000013", &rule, 1).serial(0).as_deref(), Some("DRYRUN000001"));
    }
}

//! Whoever has seen any number of issued serials cannot tell the next from a random one.
//!
//! Numbers are taken as a party gets them, in order, and put to three kinds of test:
//! - [`bits`]: tests of NIST SP 800-22 rev. 1a on the numbers as one string of bits;
//! - [`next::symbols`]: what stands at each place of a serial;
//! - [`next`]: attempts to foretell the next number from those before, as LFSRs, LCGs and counters are broken.
//!
//! Keys are fixed, so that the verdict is the same in every run. A single p-value must be at least [`ALPHA`]; over many keys the share
//! that passes at 0.01 and the spread of the p-values must be what SP 800-22 clause 4.2 asks for. With some 500 p-values, a perfect source
//! had a chance of 0.5 % to fail for the keys that were chosen before the first run. Each test is failed by a source
//! that is known to be weak ([`control`]): one that nothing fails would prove nothing.
//!
//! What this cannot show: that a source is strong. That rests on FF1 (NIST SP 800-38G), whose vectors and whose oracle stand in
//! `domain::serial::ff1`.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil::domain::ids::PoolId;
use counterfoil::domain::party::SerialRule;
use counterfoil::domain::serial::key::OwnerKey;
use counterfoil::domain::serial::numbered::Numbered;
use counterfoil::domain::serial::pool::Pool;

use crate::story::AUROXIN;

mod bits;
mod control;
mod next;

/// Least p-value of a single test.
const ALPHA: f64 = 1e-5;

/// Bits that a source is judged by: 2^19.
const BITS: usize = 1 << 19;

/// Numbers below `size`, in the order in which they were issued.
struct Numbers {
    size: u128,
    values: Vec<u128>,
}

impl Numbers {
    /// How many bits of a number are as good as uniform: a value more or less does not matter.
    fn bits_each(&self) -> u32 {
        (self.size.ilog2() - 16).min(32)
    }

    /// The leading bits of each number as a fraction of the size.
    fn words(&self) -> Vec<u32> {
        let scale = 1_u128 << self.bits_each();
        self.values.iter().map(|value| (value * scale / self.size) as u32).collect()
    }

    /// All of them behind each other, one a byte.
    fn bits(&self) -> Vec<u8> {
        let each = self.bits_each();
        self.words()
            .into_iter()
            .flat_map(|word| (0..each).rev().map(move |bit| (word >> bit & 1) as u8))
            .collect()
    }
}

/// The p-value of each test, by its name.
type Verdicts = BTreeMap<String, f64>;

/// Everything that a source of numbers is put to.
fn judged(numbers: &Numbers) -> Verdicts {
    let mut verdicts = bits::judged(&numbers.bits());
    verdicts.extend(next::judged(numbers));
    verdicts
}

fn failed(verdicts: &Verdicts) -> BTreeSet<&str> {
    verdicts
        .iter()
        .filter(|(_, p)| **p < ALPHA)
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Numbers that a rule's pool issues under a key, and their serials.
fn issued(rule: &SerialRule, key: u8, count: usize) -> (Numbers, Vec<String>) {
    let numbered: Numbered = AUROXIN.parse().unwrap();
    let key = OwnerKey::new([key; 32].into()).pool_key(numbered, 1).unwrap();
    let id = PoolId::new(uuid::Uuid::from_u128(1));
    let pool = Pool::create(id, "aurora".parse().unwrap(), numbered, 1, rule, &key).unwrap();
    let serials: Vec<String> = (0..count as u64).map(|index| pool.serial(index).unwrap()).collect();
    let alphabet = rule.characters();
    let rank = |c: char| alphabet.chars().position(|other| other == c).unwrap() as u128;
    let radix = alphabet.chars().count() as u128;
    let (first, last) = range(rule, radix);
    let value = |serial: &String| serial.chars().fold(0, |value, c| value * radix + rank(c)) - first;
    let values = serials.iter().map(value).collect();
    (
        Numbers {
            size: last - first,
            values,
        },
        serials,
    )
}

/// The numbers that a rule leaves, from the first to before the last.
fn range(rule: &SerialRule, radix: u128) -> (u128, u128) {
    let whole = radix.pow(u32::from(rule.length));
    let first = if rule.no_leading_zero { whole / radix } else { 0 };
    (first, if rule.sgtin_96 { whole.min(1 << 38) } else { whole })
}

fn rules() -> Vec<(&'static str, SerialRule)> {
    let digits = |length| SerialRule {
        alphabet: "0123456789".to_owned(),
        length,
        ..SerialRule::default()
    };
    vec![
        ("thirty characters, twelve places", SerialRule::default()),
        ("thirteen digits", digits(13)),
        (
            "twelve digits, none leading zero, that fit an SGTIN-96",
            SerialRule {
                no_leading_zero: true,
                sgtin_96: true,
                ..digits(12)
            },
        ),
    ]
}

/// As many numbers as make [`BITS`] bits.
fn enough(rule: &SerialRule, key: u8) -> (Numbers, Vec<String>) {
    let each = issued(rule, key, 1).0.bits_each() as usize;
    issued(rule, key, BITS.div_ceil(each))
}

#[test]
fn issued_serials_pass_every_test_of_randomness() {
    let mut least = (1.0, String::new());
    for (name, rule) in rules() {
        for key in [1, 2, 3] {
            let (numbers, serials) = enough(&rule, key);
            let mut verdicts = judged(&numbers);
            if !rule.no_leading_zero {
                verdicts.extend(next::symbols(&rule.characters(), &serials));
            }
            for (test, p) in &verdicts {
                assert!(*p >= ALPHA, "{name}, key {key}: {test} has p = {p:e}");
                if *p < least.0 {
                    least = (*p, format!("{name}, key {key}: {test}"));
                }
            }
        }
    }
    eprintln!("least p-value {:.2e}: {}", least.0, least.1);
}

/// SP 800-22 clause 4.2.1 and 4.2.2: over many keys, the share that passes and the spread of the p-values.
#[test]
fn over_many_keys_p_values_are_spread_evenly() {
    const KEYS: u8 = 60;
    const TENTHS: usize = 10;
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for key in 10..10 + KEYS {
        let (numbers, _) = issued(&SerialRule::default(), key, 1_024);
        for (test, p) in bits::short(&numbers.bits()) {
            all.entry(test).or_default().push(p);
        }
    }
    let keys = f64::from(KEYS);
    let least = 0.99 - 3.0 * (0.99 * 0.01 / keys).sqrt();
    for (test, p_values) in all {
        let passed = p_values.iter().filter(|p| **p >= 0.01).count() as f64 / keys;
        assert!(passed >= least, "{test}: {passed} of the keys pass at 0.01, not {least}");
        let mut tenths = [0_u64; TENTHS];
        for p in &p_values {
            tenths[((p * TENTHS as f64) as usize).min(TENTHS - 1)] += 1;
        }
        let spread = bits::chi_square(&tenths, &[keys / TENTHS as f64; TENTHS]);
        assert!(spread >= 1e-4, "{test}: p-values are spread with p = {spread:e}: {tenths:?}");
    }
}

/// Each weak source is told by the test that is there for it, and each test tells some weak source.
#[test]
fn control_weak_sources_fail_and_every_test_can() {
    let mut tellers = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (source, numbers, expected) in control::sources() {
        let verdicts = judged(&numbers);
        let failed = failed(&verdicts);
        for test in expected {
            assert!(failed.contains(test), "{source} is not told by {test}: {verdicts:#?}");
        }
        tellers.extend(failed.iter().map(|test| (*test).to_owned()));
        names.extend(verdicts.keys().cloned());
    }
    let blind: Vec<&String> = names.difference(&tellers).collect();
    assert!(blind.is_empty(), "nothing fails {blind:?}");
    let alphabet = SerialRule::default().alphabet;
    let biased = next::symbols(&alphabet, &control::biased_serials(&alphabet));
    assert!(biased.values().all(|p| *p < ALPHA), "{biased:#?}");
}

//! Attempts to foretell the next number from those before, and what stands at each place of a serial.

use std::collections::HashMap;

use statrs::function::erf::erfc;

use super::bits::{berlekamp_massey, chi_square};
use super::{Numbers, Verdicts};

/// How many numbers an attacker has who solves for a hidden register.
const SEEN: usize = 1_000;

pub(super) fn judged(numbers: &Numbers) -> Verdicts {
    let words = numbers.words();
    let each = numbers.bits_each();
    let unit: Vec<f64> = words.iter().map(|word| f64::from(*word) / 2_f64.powi(each as i32)).collect();
    let mut verdicts = Verdicts::from([
        ("next: difference to the last".to_owned(), differences(numbers)),
        ("next: exclusive or with the last".to_owned(), exclusive_or(&words, each)),
        ("next: bits that change".to_owned(), distance(&words, each)),
        ("next: correlation with the count".to_owned(), with_index(&unit)),
        ("next: correlation with those before".to_owned(), with_earlier(&unit)),
        ("next: what followed before".to_owned(), followed(&words, each)),
        ("next: linear register (Berlekamp-Massey)".to_owned(), register(&words, each)),
        (
            "next: congruential (common divisor)".to_owned(),
            congruential(&numbers.values),
        ),
    ]);
    verdicts.retain(|_, p| !p.is_nan());
    verdicts
}

/// Two-sided, of something that is normal with mean 0 and deviation 1.
fn normal(z: f64) -> f64 {
    erfc(z.abs() / 2_f64.sqrt())
}

fn evenly(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    chi_square(counts, &vec![expected; counts.len()])
}

/// A counter, or a sum of something, gives the same steps again and again.
fn differences(numbers: &Numbers) -> f64 {
    const CLASSES: usize = 256;
    let mut counts = [0; CLASSES];
    for pair in numbers.values.windows(2) {
        let step = (pair[1] + numbers.size - pair[0]) % numbers.size;
        counts[(step * CLASSES as u128 / numbers.size) as usize] += 1;
    }
    evenly(&counts)
}

fn exclusive_or(words: &[u32], each: u32) -> f64 {
    // The highest and the lowest bits: what changes slowly and what changes regularly.
    let mut counts = [0; 256];
    for pair in words.windows(2) {
        let changed = pair[0] ^ pair[1];
        counts[(changed >> (each - 4) << 4 | (changed & 15)) as usize] += 1;
    }
    evenly(&counts)
}

fn distance(words: &[u32], each: u32) -> f64 {
    let pairs = words.len() as f64 - 1.0;
    let changed: f64 = words.windows(2).map(|pair| f64::from((pair[0] ^ pair[1]).count_ones())).sum();
    let (mean, variance) = (f64::from(each) / 2.0, f64::from(each) / 4.0);
    normal((changed - pairs * mean) / (pairs * variance).sqrt())
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let n = one.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (a, b) = (mean(one), mean(other));
    let product = |x: &[f64], y: &[f64], (a, b): (f64, f64)| x.iter().zip(y).map(|(x, y)| (x - a) * (y - b)).sum::<f64>();
    product(one, other, (a, b)) / (product(one, one, (a, a)) * product(other, other, (b, b))).sqrt()
}

fn with_index(unit: &[f64]) -> f64 {
    let index: Vec<f64> = (0..unit.len()).map(|at| at as f64).collect();
    normal(correlation(&index, unit) * (unit.len() as f64).sqrt())
}

/// The worst of sixteen distances; it must be that many times as unlikely.
fn with_earlier(unit: &[f64]) -> f64 {
    const LAGS: usize = 16;
    let worst = (1..=LAGS)
        .map(|lag| correlation(&unit[lag..], &unit[..unit.len() - lag]) * (unit.len() as f64).sqrt())
        .fold(0.0, |worst: f64, z| worst.max(z.abs()));
    (normal(worst) * LAGS as f64).min(1.0)
}

/// Learns from the first half what follows what, and foretells the second: four bits from four, at each place of a number.
fn followed(words: &[u32], each: u32) -> f64 {
    let (learnt, judged) = words.split_at(words.len() / 2);
    let (mut hits, mut tries) = (0_u64, 0_u64);
    for place in (0..each / 4).map(|nibble| nibble * 4) {
        let at = |word: u32| (word >> place & 15) as usize;
        let mut seen = [[0_u32; 16]; 16];
        for pair in learnt.windows(2) {
            seen[at(pair[0])][at(pair[1])] += 1;
        }
        let foretold = seen.map(|after| (0..16).max_by_key(|next| after[*next]).unwrap_or(0));
        for pair in judged.windows(2) {
            hits += u64::from(foretold[at(pair[0])] == at(pair[1]));
            tries += 1;
        }
    }
    let (tries, chance) = (tries as f64, 1.0 / 16.0);
    normal((hits as f64 - tries * chance) / (tries * chance * (1.0 - chance)).sqrt())
}

/// A register of k bits shows itself in any of its bits after 2k of them, and then says all that follows. Of n random bits the shortest
/// register has n/2 bits; one that is t bits shorter comes with a chance below 4^(1-t).
fn register(words: &[u32], each: u32) -> f64 {
    let seen = &words[..SEEN.min(words.len())];
    let shortest = (0..each)
        .step_by(4)
        .map(|bit| berlekamp_massey(&seen.iter().map(|word| (word >> bit & 1) as u8).collect::<Vec<_>>()))
        .min()
        .unwrap_or(0);
    let shorter = (seen.len() / 2).saturating_sub(shortest) as f64;
    (f64::from(each / 4 + 1) * 4_f64.powf(1.0 - shorter)).min(1.0)
}

/// Of a congruential generator the differences d satisfy d(i)·d(i+2) = d(i+1)² modulo m: all of these have m in common (Marsaglia), and
/// with m the factor and all that follows. Of random numbers a dozen have a divisor above k in common with a chance below 1/k^11.
fn congruential(values: &[u128]) -> f64 {
    let step = |at: usize| values[at + 1] as i128 - values[at] as i128;
    let common = (0..12).fold(0, |common, at| {
        let zero = step(at) * step(at + 2) - step(at + 1) * step(at + 1);
        divisor(common, zero.unsigned_abs())
    });
    match common {
        // A counter: every step is the same.
        0 => 0.0,
        common => (common as f64).powi(-11),
    }
}

fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// At each place every character comes as often, and next to each place every pair.
pub(super) fn symbols(alphabet: &str, serials: &[String]) -> Verdicts {
    let ranks: HashMap<char, usize> = alphabet.chars().enumerate().map(|(rank, c)| (c, rank)).collect();
    let rows: Vec<Vec<usize>> = serials
        .iter()
        .map(|serial| serial.chars().map(|c| ranks[&c]).collect())
        .collect();
    let (radix, places) = (ranks.len(), rows[0].len());
    let mut verdicts = Verdicts::new();
    for place in 0..places {
        let mut counts = vec![0; radix];
        rows.iter().for_each(|row| counts[row[place]] += 1);
        verdicts.insert(format!("symbols: place {place}"), evenly(&counts));
        if place + 1 < places {
            let mut pairs = vec![0; radix * radix];
            rows.iter().for_each(|row| pairs[row[place] * radix + row[place + 1]] += 1);
            verdicts.insert(format!("symbols: places {place} and {}", place + 1), evenly(&pairs));
        }
    }
    verdicts
}

//! Tests of NIST SP 800-22 rev. 1a, by its clauses. One bit a byte.

use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_ur;

use super::Verdicts;

/// Those that want a long string.
pub(super) fn judged(bits: &[u8]) -> Verdicts {
    let mut verdicts = short(bits);
    let (serial, second) = serial(bits, 10);
    verdicts.extend([
        ("longest run of ones in a block (2.4)".to_owned(), longest_run(bits)),
        ("binary matrix rank (2.5)".to_owned(), matrix_rank(bits)),
        ("Maurer's universal statistic (2.9)".to_owned(), maurer(bits)),
        ("linear complexity (2.10)".to_owned(), linear_complexity(bits)),
        ("serial, first (2.11)".to_owned(), serial),
        ("serial, second (2.11)".to_owned(), second),
        ("approximate entropy (2.12)".to_owned(), approximate_entropy(bits, 8)),
    ]);
    verdicts
}

/// Those that a short string does for.
pub(super) fn short(bits: &[u8]) -> Verdicts {
    let (forward, backward) = cumulative_sums(bits);
    Verdicts::from([
        ("frequency (2.1)".to_owned(), frequency(bits)),
        ("frequency in a block (2.2)".to_owned(), block_frequency(bits, 128)),
        ("runs (2.3)".to_owned(), runs(bits)),
        ("cumulative sums, forward (2.13)".to_owned(), forward),
        ("cumulative sums, backward (2.13)".to_owned(), backward),
    ])
}

/// The p-value of counts against what was expected of them.
pub(super) fn chi_square(counts: &[u64], expected: &[f64]) -> f64 {
    let sum = counts
        .iter()
        .zip(expected)
        .map(|(count, expected)| (*count as f64 - expected).powi(2) / expected);
    upper(counts.len() as f64 - 1.0, sum.sum())
}

/// That chi-square with so many degrees of freedom is greater.
fn upper(freedom: f64, chi_square: f64) -> f64 {
    if chi_square <= 0.0 {
        1.0
    } else {
        gamma_ur(freedom / 2.0, chi_square / 2.0)
    }
}

fn ones(bits: &[u8]) -> f64 {
    bits.iter().map(|bit| f64::from(*bit)).sum()
}

fn frequency(bits: &[u8]) -> f64 {
    let n = bits.len() as f64;
    erfc((2.0 * ones(bits) - n).abs() / n.sqrt() / 2_f64.sqrt())
}

fn block_frequency(bits: &[u8], size: usize) -> f64 {
    let blocks = bits.chunks_exact(size);
    let count = blocks.len() as f64;
    let sum: f64 = blocks.map(|block| (ones(block) / size as f64 - 0.5).powi(2)).sum();
    upper(count, 4.0 * size as f64 * sum)
}

fn runs(bits: &[u8]) -> f64 {
    let n = bits.len() as f64;
    let share = ones(bits) / n;
    if (share - 0.5).abs() >= 2.0 / n.sqrt() {
        return 0.0;
    }
    let runs = 1.0 + bits.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
    let spread = share * (1.0 - share);
    erfc((runs - 2.0 * n * spread).abs() / (2.0 * (2.0 * n).sqrt() * spread))
}

/// Blocks of 128 bits, for strings of 6,272 to 750,000.
fn longest_run(bits: &[u8]) -> f64 {
    const EXPECTED: [f64; 6] = [0.1174, 0.2430, 0.2493, 0.1752, 0.1027, 0.1124];
    let blocks = bits.chunks_exact(128);
    let count = blocks.len() as f64;
    let mut classes = [0; EXPECTED.len()];
    for block in blocks {
        let longest = block.split(|bit| *bit == 0).map(<[u8]>::len).max().unwrap_or(0);
        classes[longest.clamp(4, 9) - 4] += 1;
    }
    chi_square(&classes, &EXPECTED.map(|share| share * count))
}

/// Ranks over GF(2) of matrices of 32 by 32.
fn matrix_rank(bits: &[u8]) -> f64 {
    const EXPECTED: [f64; 3] = [0.2888, 0.5776, 0.1336];
    let matrices = bits.chunks_exact(32 * 32);
    let count = matrices.len() as f64;
    let mut classes = [0; EXPECTED.len()];
    for matrix in matrices {
        let row = |bits: &[u8]| bits.iter().fold(0_u32, |row, bit| row << 1 | u32::from(*bit));
        let rank = rank(matrix.chunks_exact(32).map(row).collect());
        classes[(32 - rank).min(2)] += 1;
    }
    chi_square(&classes, &EXPECTED.map(|share| share * count))
}

fn rank(mut rows: Vec<u32>) -> usize {
    let mut rank = 0;
    for bit in (0..32).rev() {
        let Some(pivot) = (rank..rows.len()).find(|row| rows[*row] >> bit & 1 == 1) else {
            continue;
        };
        rows.swap(rank, pivot);
        let (done, rest) = rows.split_at_mut(rank + 1);
        rest.iter_mut()
            .filter(|row| **row >> bit & 1 == 1)
            .for_each(|row| *row ^= done[rank]);
        rank += 1;
    }
    rank
}

/// Blocks of six bits, for strings of 387,840 to 904,960.
fn maurer(bits: &[u8]) -> f64 {
    const LENGTH: usize = 6;
    const LEARNT: usize = 640;
    const EXPECTED: f64 = 5.217_705_2;
    const VARIANCE: f64 = 2.954;
    let mut last = [0_usize; 1 << LENGTH];
    let mut sum = 0.0;
    let blocks = bits.len() / LENGTH;
    for (at, block) in bits.chunks_exact(LENGTH).enumerate() {
        let value = block.iter().fold(0, |value, bit| value << 1 | usize::from(*bit));
        if at >= LEARNT {
            sum += ((at + 1 - last[value]) as f64).log2();
        }
        last[value] = at + 1;
    }
    let (length, judged) = (LENGTH as f64, (blocks - LEARNT) as f64);
    let c = 0.7 - 0.8 / length + (4.0 + 32.0 / length) * judged.powf(-3.0 / length) / 15.0;
    let sigma = c * (VARIANCE / judged).sqrt();
    erfc((sum / judged - EXPECTED).abs() / (2_f64.sqrt() * sigma))
}

/// Blocks of 500 bits.
fn linear_complexity(bits: &[u8]) -> f64 {
    const SIZE: usize = 500;
    const EXPECTED: [f64; 7] = [0.010_417, 0.031_25, 0.125, 0.5, 0.25, 0.062_5, 0.020_833];
    let m = SIZE as f64;
    let mean = m / 2.0 + (9.0 - 1.0) / 36.0 - (m / 3.0 + 2.0 / 9.0) / 2_f64.powf(m);
    let blocks = bits.chunks_exact(SIZE);
    let count = blocks.len() as f64;
    let mut classes = [0; EXPECTED.len()];
    for block in blocks {
        // SIZE is even.
        let t = berlekamp_massey(block) as f64 - mean + 2.0 / 9.0;
        let class = (t + 2.5).ceil().clamp(0.0, 6.0);
        classes[class as usize] += 1;
    }
    chi_square(&classes, &EXPECTED.map(|share| share * count))
}

/// The length of the shortest LFSR that gives the bits (Massey 1969).
pub(super) fn berlekamp_massey(bits: &[u8]) -> usize {
    let words = bits.len() / 64 + 1;
    // Polynomials and the bits so far, newest first, 64 to a word.
    let (mut c, mut b, mut seen) = (vec![0_u64; words], vec![0_u64; words], vec![0_u64; words]);
    (c[0], b[0]) = (1, 1);
    let (mut length, mut shift) = (0, 1);
    for (n, bit) in bits.iter().enumerate() {
        shift_by_one(&mut seen, *bit);
        let product = c.iter().zip(&seen).fold(0, |sum, (c, seen)| sum ^ (c & seen));
        if product.count_ones() % 2 == 0 {
            shift += 1;
            continue;
        }
        let before = c.clone();
        xor_shifted(&mut c, &b, shift);
        if 2 * length <= n {
            (length, b, shift) = (n + 1 - length, before, 1);
        } else {
            shift += 1;
        }
    }
    length
}

fn shift_by_one(words: &mut [u64], bit: u8) {
    let mut carried = u64::from(bit);
    for word in words {
        let next = *word >> 63;
        *word = *word << 1 | carried;
        carried = next;
    }
}

fn xor_shifted(into: &mut [u64], from: &[u64], shift: usize) {
    let (whole, part) = (shift / 64, shift % 64);
    for at in whole..into.len() {
        let low = from[at - whole] << part;
        let high = if part > 0 && at > whole {
            from[at - whole - 1] >> (64 - part)
        } else {
            0
        };
        into[at] ^= low | high;
    }
}

/// How often each pattern of `length` bits comes, the string taken as a ring.
fn patterns(bits: &[u8], length: usize) -> Vec<u64> {
    let mut counts = vec![0; 1 << length];
    if length == 0 {
        return counts;
    }
    let mask = (1 << length) - 1;
    let ring = bits.iter().chain(&bits[..length - 1]);
    let mut pattern = 0;
    for (at, bit) in ring.enumerate() {
        pattern = (pattern << 1 | usize::from(*bit)) & mask;
        if at + 1 >= length {
            counts[pattern] += 1;
        }
    }
    counts
}

fn serial(bits: &[u8], length: usize) -> (f64, f64) {
    let n = bits.len() as f64;
    let psi = |length: usize| {
        if length == 0 {
            return 0.0;
        }
        let squares: f64 = patterns(bits, length).iter().map(|count| (*count as f64).powi(2)).sum();
        squares * (1_u64 << length) as f64 / n - n
    };
    let (whole, one, two) = (psi(length), psi(length - 1), psi(length - 2));
    let half = |power: usize| (1_u64 << power) as f64;
    (
        upper(half(length - 1), whole - one),
        upper(half(length - 2), whole - 2.0 * one + two),
    )
}

fn approximate_entropy(bits: &[u8], length: usize) -> f64 {
    let n = bits.len() as f64;
    let phi = |length: usize| -> f64 {
        let shares = patterns(bits, length).into_iter().filter(|count| *count > 0);
        shares.map(|count| count as f64 / n).map(|share| share * share.ln()).sum()
    };
    let entropy = phi(length) - phi(length + 1);
    upper((1_u64 << length) as f64, 2.0 * n * (2_f64.ln() - entropy))
}

fn cumulative_sums(bits: &[u8]) -> (f64, f64) {
    (excursion(bits.iter()), excursion(bits.iter().rev()))
}

fn excursion<'a>(bits: impl ExactSizeIterator<Item = &'a u8>) -> f64 {
    let n = bits.len() as f64;
    let (mut sum, mut most) = (0_i64, 0_i64);
    for bit in bits {
        sum += 2 * i64::from(*bit) - 1;
        most = most.max(sum.abs());
    }
    let z = most as f64;
    let normal = |x: f64| erfc(-x / 2_f64.sqrt()) / 2.0;
    let at = |k: f64| normal(k * z / n.sqrt());
    let sum = |from: f64, to: f64, term: &dyn Fn(f64) -> f64| {
        let (from, to) = (from.trunc() as i64, to.trunc() as i64);
        (from..=to).map(|k| term(k as f64)).sum::<f64>()
    };
    let first = sum((-n / z + 1.0) / 4.0, (n / z - 1.0) / 4.0, &|k| {
        at(4.0 * k + 1.0) - at(4.0 * k - 1.0)
    });
    let second = sum((-n / z - 3.0) / 4.0, (n / z - 1.0) / 4.0, &|k| {
        at(4.0 * k + 3.0) - at(4.0 * k + 1.0)
    });
    1.0 - first + second
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of SP 800-22 rev. 1a.
    #[test]
    fn the_examples_of_the_standard_come_out() {
        let bits = |text: &str| text.bytes().map(|bit| bit - b'0').collect::<Vec<_>>();
        let check = |what: &str, found: f64, expect: f64| assert!((found - expect).abs() < 1e-5, "{what}: {found}, not {expect}");
        check("2.1.4", frequency(&bits("1011010101")), 0.527_089);
        check("2.2.4", block_frequency(&bits("0110011010"), 3), 0.801_252);
        check("2.3.4", runs(&bits("1001101011")), 0.147_232);
        let (first, second) = serial(&bits("0011011101"), 3);
        check("2.11.4", first, 0.808_792);
        check("2.11.4", second, 0.670_320);
        check("2.12.4", approximate_entropy(&bits("0100110101"), 3), 0.261_961);
        check("2.13.4", cumulative_sums(&bits("1011010111")).0, 0.411_658);
        assert_eq!(berlekamp_massey(&bits("1101011110001")), 4, "2.10.4");
        let pi_in_binary =
            bits("1100100100001111110110101010001000100001011010001100001000110100110001001100011001100010100010111000");
        check("2.1.8", frequency(&pi_in_binary), 0.109_599);
        check("2.3.8", runs(&pi_in_binary), 0.500_798);
        check("2.13.8", cumulative_sums(&pi_in_binary).0, 0.219_194);
        check("2.13.8", cumulative_sums(&pi_in_binary).1, 0.114_866);
    }
}

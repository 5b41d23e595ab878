//! Sources of numbers that are known to be weak: each is told by a test, and each test tells one.

use super::{BITS, Numbers};

/// Numbers of 32 bits of a space of 48.
const SIZE: u128 = 1 << 48;
const COUNT: usize = BITS / 32;

/// Name, numbers, and the tests that must tell them.
pub(super) type Source = (&'static str, Numbers, &'static [&'static str]);

pub(super) fn sources() -> Vec<Source> {
    vec![
        (
            "a counter in equal steps",
            numbers((0..COUNT as u128).map(|index| 5_000_000 + index * 65_537)),
            &[
                "next: difference to the last",
                "next: congruential (common divisor)",
                "next: correlation with the count",
            ],
        ),
        (
            "a counter with a random step",
            numbers(sparse()),
            &["next: difference to the last", "next: correlation with those before"],
        ),
        (
            "a linear feedback register, 48 steps a number",
            numbers(lfsr()),
            &["next: linear register (Berlekamp-Massey)"],
        ),
        (
            "a linear feedback register, bit by bit",
            numbers(bit_by_bit()),
            &[
                "next: linear register (Berlekamp-Massey)",
                "linear complexity (2.10)",
                "binary matrix rank (2.5)",
            ],
        ),
        (
            "a congruential generator",
            numbers(lcg()),
            &["next: congruential (common divisor)"],
        ),
        (
            "one round of a Feistel network",
            numbers(one_round()),
            &[
                "next: difference to the last",
                "next: exclusive or with the last",
                "serial, first (2.11)",
            ],
        ),
        (
            "a sum of what came before",
            numbers(drifting()),
            &["next: what followed before", "next: bits that change"],
        ),
        (
            "a source that sticks",
            numbers(sticking()),
            &[
                "runs (2.3)",
                "longest run of ones in a block (2.4)",
                "Maurer's universal statistic (2.9)",
            ],
        ),
    ]
}

fn numbers(values: impl Iterator<Item = u128>) -> Numbers {
    Numbers {
        size: SIZE,
        values: values.take(COUNT).collect(),
    }
}

/// SplitMix64: passes every test here, and is no secret.
fn mixed() -> impl Iterator<Item = u64> {
    (1_u64..).map(|at| {
        let mut z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Sparse ranges: the next is a little more.
fn sparse() -> impl Iterator<Item = u128> {
    mixed().scan(0, |at, step| {
        *at += 1 + u128::from(step % 20_000);
        Some(*at)
    })
}

/// x^48 + x^47 + x^21 + x^20 + 1, stepped 48 times a number, as a shipped product does it.
fn lfsr() -> impl Iterator<Item = u128> {
    (0..).scan(0x1234_5678_9abc_u64, |state, _| {
        for _ in 0..48 {
            let bit = (*state >> 47 ^ *state >> 46 ^ *state >> 20 ^ *state >> 19) & 1;
            *state = (*state << 1 | bit) & (SIZE as u64 - 1);
        }
        Some(u128::from(*state))
    })
}

/// x^31 + x^3 + 1, every bit of it used.
fn bit_by_bit() -> impl Iterator<Item = u128> {
    let mut state = 0x1357_9bdf_u32;
    std::iter::repeat_with(move || {
        let word = (0..32).fold(0_u128, |word, _| {
            let bit = (state >> 30 ^ state >> 2) & 1;
            state = (state << 1 | bit) & 0x7fff_ffff;
            word << 1 | u128::from(bit)
        });
        word << 16
    })
}

/// The 48-bit generator of POSIX `drand48`, whole.
fn lcg() -> impl Iterator<Item = u128> {
    (0..).scan(0x1234_5678_9abc_u128, |state, _| {
        *state = (*state * 0x5_deec_e66d + 11) % SIZE;
        Some(*state)
    })
}

/// Too few rounds: half of the input shows.
fn one_round() -> impl Iterator<Item = u128> {
    mixed()
        .enumerate()
        .map(|(index, random)| (index as u128) << 24 | u128::from(random >> 40))
}

/// Each number is near the one before.
fn drifting() -> impl Iterator<Item = u128> {
    mixed().scan(0_u128, |at, step| {
        *at = (*at + u128::from(step % (SIZE as u64 / 16))) % SIZE;
        Some(*at)
    })
}

/// Each bit is the one before with three chances in four.
fn sticking() -> impl Iterator<Item = u128> {
    let mut random = mixed();
    let mut bit = 0;
    std::iter::repeat_with(move || {
        (0..48).fold(0, |number, _| {
            bit ^= u128::from(random.next().is_some_and(|random| random >> 62 == 0));
            number << 1 | bit
        })
    })
}

/// Characters as the remainder of a byte: the first ones come more often.
pub(super) fn biased_serials(alphabet: &str) -> Vec<String> {
    let characters: Vec<char> = alphabet.chars().collect();
    let mut bytes = mixed().flat_map(u64::to_le_bytes);
    (0..COUNT)
        .map(|_| {
            (0..12)
                .filter_map(|_| bytes.next())
                .map(|byte| characters[usize::from(byte / 2) % characters.len()])
                .collect()
        })
        .collect()
}

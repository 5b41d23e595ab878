//! FF1 of NIST SP 800-38G over whole numbers: a keyed permutation of `0..radix^length`.
//!
//! Machine integers instead of numeral strings, since a serial never has more than twenty characters of at most 82 kinds: each half
//! fits 64 bits and the whole 128. Bit for bit what the standard (and the crate `fpe`, the oracle of the tests) gives.
//! It does not know characters: see [`super::space`].
//!
//! # Invariants
//! - `radix^length >= 10^6` (SP 800-38G revision 1, clause 5.2: a requirement).
//! - AES is the constant-time implementation of the crate `aes`; divisions are not constant time, and the timing of a number that is
//!   about to be handed out tells its receiver nothing about the key schedule.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Block};
use zeroize::Zeroize;

/// The smallest domain that may be encrypted.
pub const MIN_DOMAIN: u128 = 1_000_000;
/// AI (21) has at most twenty characters.
pub const MAX_LENGTH: u8 = 20;
/// The characters of GS1 AI encodable character set 82.
pub const MAX_RADIX: u32 = 82;

const ROUNDS: u8 = 10;

/// A domain that FF1 cannot or must not be used on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Length or radix out of range.
    #[error("a length of 2 to {MAX_LENGTH} and 2 to {MAX_RADIX} characters are needed")]
    Range,
    /// Too few numbers.
    #[error("fewer than 1,000,000 possible numbers: take more characters or a greater length")]
    TooSmall,
}

/// The two halves of a number: `whole = high * radix^low_len + low`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halves {
    /// The first `length / 2` numerals.
    pub high: u64,
    /// The others.
    pub low: u64,
}

/// Sizes that depend on radix and length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain {
    radix: u32,
    length: u8,
    /// `radix^(length / 2)`.
    high_size: u64,
    /// `radix^(length - length / 2)`.
    low_size: u64,
}

impl Domain {
    /// Checks the sizes.
    pub fn new(radix: u32, length: u8) -> Result<Self, DomainError> {
        if !(2..=MAX_RADIX).contains(&radix) || !(2..=MAX_LENGTH).contains(&length) {
            return Err(DomainError::Range);
        }
        // 82^10 < 2^64 and 82^20 < 2^128.
        let power = |exponent: u8| u64::from(radix).pow(u32::from(exponent));
        let domain = Self {
            radix,
            length,
            high_size: power(length / 2),
            low_size: power(length - length / 2),
        };
        if domain.size() < MIN_DOMAIN {
            Err(DomainError::TooSmall)
        } else {
            Ok(domain)
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn size(&self) -> u128 {
        u128::from(self.high_size) * u128::from(self.low_size)
    }

    /// How many numerals the low half has.
    #[must_use]
    pub fn low_len(&self) -> u8 {
        self.length - self.length / 2
    }

    /// A number below [`Self::size`] as halves; greater ones wrap.
    #[must_use]
    pub fn split(&self, number: u128) -> Halves {
        let (high, low) = (number / u128::from(self.low_size), number % u128::from(self.low_size));
        // INVARIANT: the remainders are below 64-bit sizes.
        Halves {
            high: (high % u128::from(self.high_size)) as u64,
            low: low as u64,
        }
    }

    /// The number again.
    #[must_use]
    pub fn join(&self, halves: Halves) -> u128 {
        u128::from(halves.high) * u128::from(self.low_size) + u128::from(halves.low)
    }

    /// `b` of the standard: bytes that hold a low half.
    fn half_bytes(&self) -> usize {
        (u64::BITS - (self.low_size - 1).leading_zeros()).div_ceil(8) as usize
    }
}

/// A key schedule with the first blocks of the round function's CBC-MAC already done. Both are wiped from memory when it is dropped: the
/// schedule by the crate `aes`, the blocks here. It lies in a box, so that moving an [`Ff1`] leaves no copy of it behind.
pub struct Ff1 {
    cipher: Box<Aes256>,
    domain: Domain,
    /// The MAC over P and all of Q but its last block, which do not change from round to round.
    prefix: Block,
    half_bytes: usize,
    /// `d` of the standard: bytes of the MAC that are used.
    round_bytes: usize,
}

impl Ff1 {
    /// Prepares a key. The tweak goes into every round.
    #[must_use]
    pub fn new(key: &[u8; 32], domain: Domain, tweak: &[u8]) -> Self {
        let cipher = Box::new(Aes256::new(key.into()));
        let half_bytes = domain.half_bytes();
        let prefix = mac_prefix(&cipher, &domain, half_bytes, tweak);
        Self {
            cipher,
            domain,
            prefix,
            half_bytes,
            round_bytes: 4 * half_bytes.div_ceil(4) + 4,
        }
    }

    /// The domain it permutes.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The image of a number, whose halves must be below their sizes (as [`Domain::split`] makes them).
    #[must_use]
    pub fn encrypt(&self, number: Halves) -> Halves {
        let (mut a, mut b) = (number.high, number.low);
        for round in 0..ROUNDS {
            let size = self.size_of(round);
            (a, b) = (b, add(a, self.round(round, b, size), size));
        }
        Halves { high: a, low: b }
    }

    /// The number whose image this is.
    #[must_use]
    pub fn decrypt(&self, image: Halves) -> Halves {
        let (mut a, mut b) = (image.high, image.low);
        for round in (0..ROUNDS).rev() {
            let size = self.size_of(round);
            (b, a) = (a, subtract(b, self.round(round, a, size), size));
        }
        Halves { high: a, low: b }
    }

    fn size_of(&self, round: u8) -> u64 {
        if round.is_multiple_of(2) {
            self.domain.high_size
        } else {
            self.domain.low_size
        }
    }

    /// The round function: `NUM(first d bytes of the MAC) mod size`.
    fn round(&self, round: u8, half: u64, size: u64) -> u64 {
        let mut block = self.prefix;
        block[15 - self.half_bytes] ^= round;
        for (place, byte) in block[16 - self.half_bytes..]
            .iter_mut()
            .zip(&half.to_be_bytes()[8 - self.half_bytes..])
        {
            *place ^= byte;
        }
        self.cipher.encrypt_block(&mut block);
        let whole = u128::from_be_bytes(block.into()) >> (8 * (16 - self.round_bytes));
        // Most spaces need 8 bytes; dividing 64 bits is several times faster than 128.
        u64::try_from(whole).map_or_else(|_| (whole % u128::from(size)) as u64, |whole| whole % size)
    }
}

impl Drop for Ff1 {
    fn drop(&mut self) {
        self.prefix.as_mut_slice().zeroize();
    }
}

impl std::fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ff1").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// `a + b mod size` of two numbers below `size`, which may be greater than half of the 64-bit range.
fn add(a: u64, b: u64, size: u64) -> u64 {
    let (sum, carried) = a.overflowing_add(b);
    if carried || sum >= size { sum.wrapping_sub(size) } else { sum }
}

/// `a - b mod size` of two numbers below `size`.
fn subtract(a: u64, b: u64, size: u64) -> u64 {
    let (difference, borrowed) = a.overflowing_sub(b);
    if borrowed { difference.wrapping_add(size) } else { difference }
}

/// Steps 5 and 6.i of algorithm 7: P, then Q without its last block.
fn mac_prefix(cipher: &Aes256, domain: &Domain, half_bytes: usize, tweak: &[u8]) -> Block {
    let mut input = vec![1, 2, 1];
    input.extend_from_slice(&domain.radix.to_be_bytes()[1..]);
    input.extend_from_slice(&[ROUNDS, domain.length / 2]);
    input.extend_from_slice(&u32::from(domain.length).to_be_bytes());
    // A tweak of 2^32 bytes would not fit a call.
    input.extend_from_slice(&(tweak.len() as u32).to_be_bytes());
    input.extend_from_slice(tweak);
    // Zeros up to where the round number and the half follow; those always lie in the last block.
    while !(input.len() + 1 + half_bytes).is_multiple_of(16) {
        input.push(0);
    }
    input.resize(input.len() + 1 + half_bytes, 0);
    let (fixed, last) = input.split_at(input.len() - 16);
    let mut state = Block::default();
    for chunk in fixed.chunks_exact(16) {
        state.iter_mut().zip(chunk).for_each(|(place, byte)| *place ^= byte);
        cipher.encrypt_block(&mut state);
    }
    // What the last block of Q begins with (the rest of the tweak, zeros) is the same in every round too.
    state.iter_mut().zip(last).for_each(|(place, byte)| *place ^= byte);
    state
}

#[cfg(test)]
mod tests {
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    use super::*;

    const NIST_KEY: [u8; 32] = [
        0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C, 0xEF, 0x43, 0x59, 0xD8,
        0xD5, 0x80, 0xAA, 0x4F, 0x7F, 0x03, 0x6D, 0x6F, 0x04, 0xFC, 0x6A, 0x94,
    ];

    fn number(text: &str, radix: u32) -> u128 {
        u128::from_str_radix(text, radix).unwrap()
    }

    #[test]
    fn nist_samples_of_aes_256() {
        // SP 800-38G, "FF1samples": samples 7, 8 and 9.
        let check = |radix, tweak: &[u8], plain: &str, cipher: &str| {
            let ff1 = Ff1::new(&NIST_KEY, Domain::new(radix, plain.len() as u8).unwrap(), tweak);
            let domain = ff1.domain();
            let image = ff1.encrypt(domain.split(number(plain, radix)));
            assert_eq!(domain.join(image), number(cipher, radix), "{plain}");
            assert_eq!(domain.join(ff1.decrypt(image)), number(plain, radix), "{plain}");
        };
        check(10, b"", "0123456789", "6657667009");
        check(10, b"9876543210", "0123456789", "1001623463");
        check(36, b"7777pqrs777", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd");
    }

    #[test]
    fn a_domain_below_a_million_is_refused() {
        let check = |radix, length, expect| assert_eq!(Domain::new(radix, length).map(|domain| domain.size()), expect);
        check(10, 5, Err(DomainError::TooSmall));
        check(10, 6, Ok(1_000_000));
        check(2, 19, Err(DomainError::TooSmall));
        check(2, 20, Ok(1 << 20));
        check(1, 20, Err(DomainError::Range));
        check(83, 12, Err(DomainError::Range));
        check(10, 21, Err(DomainError::Range));
        check(82, 1, Err(DomainError::Range));
        check(82, 20, Ok(82_u128.pow(20)));
    }

    fn by_fpe(key: &[u8; 32], radix: u32, length: u8, tweak: &[u8], number: u128) -> u128 {
        let mut rest = number;
        let mut numerals = vec![0_u16; usize::from(length)];
        for place in numerals.iter_mut().rev() {
            *place = (rest % u128::from(radix)) as u16;
            rest /= u128::from(radix);
        }
        let oracle = FF1::<Aes256>::new(key, radix).unwrap();
        let image: Vec<u16> = oracle.encrypt(tweak, &FlexibleNumeralString::from(numerals)).unwrap().into();
        image
            .into_iter()
            .fold(0, |whole, numeral| whole * u128::from(radix) + u128::from(numeral))
    }

    proptest! {
        #[test]
        fn the_same_as_other_hands_made(
            key: [u8; 32], radix in 2..=82_u32, length in 4..=20_u8, tweak in proptest::collection::vec(any::<u8>(), 0..40), seed: u128,
        ) {
            let Ok(domain) = Domain::new(radix, length) else { return Ok(()) };
            let ff1 = Ff1::new(&key, domain, &tweak);
            let number = seed % domain.size();
            let image = ff1.encrypt(domain.split(number));
            prop_assert_eq!(domain.join(image), by_fpe(&key, radix, length, &tweak, number));
            prop_assert_eq!(domain.join(ff1.decrypt(image)), number);
        }
    }
}

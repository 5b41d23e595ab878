//! Serials that nobody without the key can tell: FF1 over the domain of the space.
//!
//! A restricted space is a part of its domain. There the number is encrypted again until it falls into the part (cycle-walking, Black
//! and Rogaway 2002): the cycle of an allowed number comes back to an allowed one, so the walk ends, and what it makes of the part is a
//! permutation of the part. A walk takes `domain / part` steps on average: 1.1 without leading zeros, 3.6 to 5.7 for twelve digits
//! that fit an SGTIN-96 tag.

use super::super::SerialError;
use super::super::ff1::{Ff1, Halves};
use super::super::key::PoolKey;
use super::super::rule::SerialRule;
use super::super::space::NumberSpace;

/// A space and its key schedule.
#[derive(Debug)]
pub(in super::super) struct Permutation {
    space: NumberSpace,
    ff1: Ff1,
    /// Whether no number of the domain is left out: then there is nothing to walk.
    whole: bool,
}

impl Permutation {
    pub(in super::super) fn new(rule: &SerialRule, key: &PoolKey) -> Result<Self, SerialError> {
        let space = NumberSpace::new(rule)?;
        Ok(Self {
            ff1: Ff1::new(key.bytes(), *space.domain(), b""),
            whole: space.is_whole(),
            space,
        })
    }

    pub(in super::super) fn space(&self) -> &NumberSpace {
        &self.space
    }

    pub(in super::super) fn algorithm(&self) -> &'static str {
        if self.whole { "ff1-aes256-v1" } else { "ff1-aes256-walk-v1" }
    }

    /// The serial of a counter value below the size of the space.
    pub(in super::super) fn write(&self, index: u128, text: &mut String) {
        self.space.write(self.image(index), text);
    }

    fn image(&self, index: u128) -> Halves {
        let domain = self.space.domain();
        if self.whole {
            return self.ff1.encrypt(domain.split(index));
        }
        let mut number = self.ff1.encrypt(domain.split(self.space.number(index)));
        while !self.space.contains(domain.join(number)) {
            number = self.ff1.encrypt(number);
        }
        number
    }

    pub(in super::super) fn index_of(&self, serial: &str) -> Option<u128> {
        let domain = self.space.domain();
        let mut number = self.ff1.decrypt(self.space.parse(serial)?);
        if self.whole {
            return Some(domain.join(number));
        }
        while !self.space.contains(domain.join(number)) {
            number = self.ff1.decrypt(number);
        }
        Some(self.space.rank(domain.join(number)))
    }

    /// Four answers from the end of the space: with any density above 1 nobody is ever given these numbers, so keeping them in
    /// the clear tells a reader of the database nothing.
    pub(in super::super) fn known_answers(&self) -> Vec<(String, String)> {
        let size = self.space.size();
        [size - 1, size - 2, size - size / 7, size - size / 3]
            .into_iter()
            .map(|index| (index.to_string(), self.space.render(self.image(index))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use aes::Aes256;
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    use super::super::super::key::OwnerKey;
    use super::*;

    /// FF1 by other hands, on texts.
    fn by_fpe(key: &PoolKey, alphabet: &[u8], text: &str) -> String {
        let numeral = |byte: u8| alphabet.iter().position(|other| *other == byte).unwrap() as u16;
        let numerals: Vec<u16> = text.bytes().map(numeral).collect();
        let oracle = FF1::<Aes256>::new(key.bytes(), alphabet.len() as u32).unwrap();
        let image: Vec<u16> = oracle.encrypt(b"", &FlexibleNumeralString::from(numerals)).unwrap().into();
        image
            .into_iter()
            .map(|numeral| char::from(alphabet[usize::from(numeral)]))
            .collect()
    }

    proptest! {
        /// Whatever the rule leaves of its space: the oracle, walked until the rule allows what it gives, gives the same serial, and
        /// the serial leads back.
        #[test]
        fn the_same_as_other_hands_made_in_every_space(
            (alphabet, length) in prop_oneof![
                Just(("0123456789", 12_u8)), Just(("0123456789", 7)), Just(("0123456789", 20)),
                Just(("23456789ABCDEFGHJKLMNPQRTUVWXY", 12)), Just(("9876543210", 9)),
                Just(("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4)), Just(("ZY0123", 10)),
            ],
            no_leading_zero: bool, sgtin_96: bool, key: [u8; 32], seed: u64,
        ) {
            let rule = SerialRule {
                alphabet: alphabet.to_owned(),
                length,
                density: 1,
                no_leading_zero,
                sgtin_96: sgtin_96 && length <= 12 && alphabet == "0123456789",
                ..SerialRule::default()
            };
            let key = OwnerKey::new(key.into()).pool_key("09521234000013".parse().unwrap(), 1).unwrap();
            let permutation = Permutation::new(&rule, &key).unwrap();
            let index = u128::from(seed) % permutation.space.size();
            let (mut serial, mut plain) = (String::new(), String::new());
            permutation.write(index, &mut serial);
            let domain = permutation.space.domain();
            permutation.space.write(domain.split(permutation.space.number(index)), &mut plain);
            let mut image = by_fpe(&key, rule.characters().as_bytes(), &plain);
            while permutation.space.parse(&image).is_none() {
                image = by_fpe(&key, rule.characters().as_bytes(), &image);
            }
            prop_assert_eq!(&image, &serial);
            prop_assert_eq!(permutation.index_of(&serial), Some(index));
        }
    }
}

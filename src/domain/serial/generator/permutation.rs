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

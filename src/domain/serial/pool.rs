//! The serial numbers of one product in one epoch: counter value in, serial out, and back.
//!
//! It holds a prepared key but not the counter: that is a row, moved by one conditional statement.

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::party::SerialRule;

use super::SerialError;
use super::ff1::Ff1;
use super::key::PoolKey;
use super::numbered::Numbered;
use super::space::NumberSpace;

/// The one algorithm there is: FF1 with AES-256, empty tweak, key by HKDF-SHA-256, most significant character first.
pub const ALGORITHM: &str = "ff1-aes256-v1";

/// What a pool is made of and never changes; stored beside its counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRecord {
    /// Its id.
    pub id: PoolId,
    /// Whose key.
    pub owner: PartyId,
    /// What its numbers are for.
    pub numbered: Numbered,
    /// Counts up with each change of the product's serial rule.
    pub epoch: i64,
    /// [`ALGORITHM`], or that of a later version.
    pub algorithm: String,
    /// Characters in rank order.
    pub alphabet: String,
    /// Characters of a serial.
    pub length: u8,
    /// Counter values from here on are never issued.
    pub cap: u64,
    /// Known answers: number and serial.
    pub samples: Vec<(String, String)>,
}

impl PoolRecord {
    /// Whether its serials look as the rule says. Density is not part of it: a pool keeps the cap it was made with, or less.
    #[must_use]
    pub fn follows(&self, rule: &SerialRule) -> bool {
        self.alphabet == rule.alphabet && self.length == rule.length
    }
}

/// A pool ready for use.
#[derive(Debug)]
pub struct Pool {
    record: PoolRecord,
    space: NumberSpace,
    ff1: Ff1,
}

impl Pool {
    /// A new pool for a product, with its known answers.
    pub fn create(
        id: PoolId,
        owner: PartyId,
        numbered: Numbered,
        epoch: i64,
        rule: &SerialRule,
        key: &PoolKey,
    ) -> Result<Self, SerialError> {
        let space = NumberSpace::new(rule)?;
        let record = PoolRecord {
            id,
            owner,
            numbered,
            epoch,
            algorithm: ALGORITHM.to_owned(),
            alphabet: rule.alphabet.clone(),
            length: rule.length,
            cap: space.cap(),
            samples: Vec::new(),
        };
        let mut pool = Self {
            ff1: Ff1::new(key.bytes(), *space.domain(), b""),
            space,
            record,
        };
        pool.record.samples = pool.known_answers();
        Ok(pool)
    }

    /// A stored pool. Refused if it would not give the serials it gave when it was made.
    pub fn open(record: PoolRecord, key: &PoolKey) -> Result<Self, SerialError> {
        if record.algorithm != ALGORITHM {
            return Err(SerialError::Algorithm {
                pool: record.id,
                algorithm: record.algorithm,
            });
        }
        let space = NumberSpace::new(&SerialRule {
            alphabet: record.alphabet.clone(),
            length: record.length,
            density: 1,
        })?;
        let pool = Self {
            ff1: Ff1::new(key.bytes(), *space.domain(), b""),
            space,
            record,
        };
        if pool.record.samples.is_empty() || pool.record.samples != pool.known_answers() {
            return Err(SerialError::KnownAnswers { pool: pool.record.id });
        }
        Ok(pool)
    }

    /// What it is made of.
    #[must_use]
    pub fn record(&self) -> &PoolRecord {
        &self.record
    }

    /// The serial at a counter value below the cap.
    #[must_use]
    pub fn serial(&self, index: u64) -> String {
        self.serial_of(u128::from(index))
    }

    /// The counter value of a serial. None if it is not in the space, or lies where nothing is ever issued: all but one in
    /// `density` of the numbers that somebody makes up end here.
    #[must_use]
    pub fn index_of(&self, serial: &str) -> Option<u64> {
        let number = self.ff1.decrypt(self.space.parse(serial)?);
        u64::try_from(self.space.domain().join(number))
            .ok()
            .filter(|index| *index < self.record.cap)
    }

    fn serial_of(&self, number: u128) -> String {
        self.space.render(self.ff1.encrypt(self.space.domain().split(number)))
    }

    /// Four answers from the end of the space: with any density above 1 nobody is ever given these numbers, so keeping them in
    /// the clear tells a reader of the database nothing.
    fn known_answers(&self) -> Vec<(String, String)> {
        let size = self.space.domain().size();
        [size - 1, size - 2, size - size / 7, size - size / 3]
            .into_iter()
            .map(|number| (number.to_string(), self.serial_of(number)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::key::OwnerKey;
    use super::*;

    fn key() -> PoolKey {
        OwnerKey::new([5; 32].into())
            .pool_key("09521234000013".parse().unwrap(), 1)
            .unwrap()
    }

    fn pool(rule: &SerialRule) -> Pool {
        let id = PoolId::new(uuid::Uuid::from_u128(1));
        Pool::create(
            id,
            "aurora".parse().unwrap(),
            "09521234000013".parse().unwrap(),
            1,
            rule,
            &key(),
        )
        .unwrap()
    }

    fn digits() -> SerialRule {
        SerialRule {
            alphabet: "0123456789".to_owned(),
            length: 6,
            density: 1,
        }
    }

    #[test]
    fn a_whole_space_is_a_permutation() {
        let pool = pool(&digits());
        let seen: HashSet<String> = (0..20_000).map(|index| pool.serial(index)).collect();
        assert_eq!(seen.len(), 20_000);
        assert!(
            seen.iter()
                .all(|serial| pool.index_of(serial).is_some_and(|index| index < 20_000))
        );
    }

    #[test]
    fn these_are_the_numbers_for_ever() {
        // A change here means that every database in the field would repeat numbers: make a new algorithm id instead.
        let pool = pool(&SerialRule::default());
        let serials: Vec<_> = (0..3).map(|index| pool.serial(index)).collect();
        assert_eq!(serials, ["GWWF4L9KMCCX", "M4RRQYGCKUU2", "NJEX698YEFY4"]);
    }

    #[test]
    fn a_stored_pool_opens_only_if_it_answers_as_it_did() {
        let record = pool(&SerialRule::default()).record().clone();
        assert!(Pool::open(record.clone(), &key()).is_ok());
        let refuse = |change: &dyn Fn(&mut PoolRecord)| {
            let mut record = record.clone();
            change(&mut record);
            Pool::open(record, &key()).unwrap_err()
        };
        let differ = SerialError::KnownAnswers { pool: record.id };
        assert_eq!(refuse(&|record| record.samples[0].1 = "ABCDEFGHJKLM".to_owned()), differ);
        assert_eq!(refuse(&|record| record.samples.clear()), differ);
        assert_eq!(
            refuse(&|record| record.alphabet = record.alphabet.chars().rev().collect()),
            differ
        );
        assert!(matches!(
            refuse(&|record| record.algorithm = "ff1-v0".to_owned()),
            SerialError::Algorithm { .. }
        ));
        let other = OwnerKey::new([6; 32].into()).pool_key(record.numbered, record.epoch).unwrap();
        assert_eq!(Pool::open(record.clone(), &other).unwrap_err(), differ);
    }

    #[test]
    fn made_up_numbers_are_not_found() {
        let pool = pool(&SerialRule {
            density: 10_000,
            ..digits()
        });
        for foreign in ["", "12345", "1234567", "12345A", "12345٣", "ABCDEF"] {
            assert_eq!(pool.index_of(foreign), None, "{foreign}");
        }
        // Of the whole space exactly the cap is issuable.
        let found = (0..1_000_000_u32)
            .step_by(50)
            .filter(|number| pool.index_of(&format!("{number:06}")).is_some())
            .count();
        assert!(found <= 12, "{found} of 20,000 guesses");
    }

    proptest! {
        #[test]
        fn there_and_back(index in 0..5_000_000_000_u64) {
            let pool = pool(&SerialRule::default());
            prop_assert_eq!(pool.index_of(&pool.serial(index)), Some(index));
        }

        #[test]
        fn blocks_are_disjoint_in_whatever_order_they_are_taken(sizes in proptest::collection::vec(1..60_u64, 1..20), order: u64) {
            let pool = pool(&digits());
            let mut next = 0;
            let mut blocks: Vec<_> = sizes.iter().map(|size| { let first = next; next += size; first..next }).collect();
            // Callers write out their blocks in any order.
            for i in (1..blocks.len()).rev() {
                blocks.swap(i, (order.rotate_left(i as u32) % (i as u64 + 1)) as usize);
            }
            let serials: HashSet<String> = blocks.into_iter().flatten().map(|index| pool.serial(index)).collect();
            prop_assert_eq!(serials.len() as u64, next);
        }
    }
}

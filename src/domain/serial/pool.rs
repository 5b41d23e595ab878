//! The serial numbers of one product in one epoch: counter value in, serial out, and back.
//!
//! It holds a prepared key but not the counter: that is a row, moved by one conditional statement.
//!
//! # Invariants
//! - Within an epoch no serial comes twice: its generator is a bijection.
//! - Across epochs neither: an older pool whose serials could be met is retired when the newer is made, its counter never moves again,
//!   and the newer leaves out ([`Pool::holes`]) what the older issued. Whether a number was issued before is a decryption, so nothing is
//!   stored for it.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::time::Micros;

use super::SerialError;
use super::generator::Generator;
use super::key::PoolKey;
use super::numbered::Numbered;
use super::rule::{NumberRange, SerialRule, Source};

/// The algorithm of a permutation without restrictions: FF1 with AES-256, empty tweak, key by HKDF-SHA-256, most significant character
/// first.
pub const ALGORITHM: &str = "ff1-aes256-v1";

/// What a pool is made of; stored beside its counter. Only its end comes later, its cap goes down when others make numbers of its space,
/// and its banned words are those of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRecord {
    /// Its id.
    pub id: PoolId,
    /// Whose key.
    pub owner: PartyId,
    /// What its numbers are for.
    pub numbered: Numbered,
    /// Counts up with each change of the product's serial rule, and with each rotation of its key.
    pub epoch: i64,
    /// [`ALGORITHM`], or another of [`super::generator`], or that of a later version.
    pub algorithm: String,
    /// Where its numbers come from.
    pub source: Source,
    /// Characters in rank order.
    pub alphabet: String,
    /// Characters of a serial; the most it may have.
    pub length: u8,
    /// The rule it was made with; none for a permutation that alphabet and length say all of. The range of a sequence begins where this
    /// pool begins.
    pub rule: Option<SerialRule>,
    /// Counter values from here on are never issued.
    pub cap: u64,
    /// How many numbers of its space others made: `cap` is lower by them, and so is whatever a later density allows.
    pub thinned: u64,
    /// Known answers: counter value and serial.
    pub samples: Vec<(String, String)>,
    /// Its end, if a newer epoch took its place.
    pub retired: Option<Retirement>,
}

/// The end of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    /// When.
    pub at: Micros,
    /// Counter values below were taken, and no other ever will be.
    pub high_water: u64,
}

impl PoolRecord {
    /// The rule it was made with. Its density is that of today's partner file, not of the pool.
    #[must_use]
    pub fn rule(&self) -> SerialRule {
        self.rule.clone().unwrap_or_else(|| SerialRule {
            alphabet: self.alphabet.clone(),
            length: self.length,
            density: 1,
            ..SerialRule::default()
        })
    }

    /// Whether the rule's serials are given out from it as it stands. Density is not part of it: a pool keeps the cap it was made with,
    /// or less.
    #[must_use]
    pub fn follows(&self, rule: &SerialRule) -> bool {
        self.goes_on_under(rule) && self.rule.as_ref().map_or(&[][..], |made| &made.banned_words) == rule.banned_words
    }

    /// Whether no new epoch is needed for the rule, though banned words may have to be noted first.
    #[must_use]
    pub fn goes_on_under(&self, rule: &SerialRule) -> bool {
        let mine = self.rule();
        let within = match (mine.range, rule.range) {
            (Some(mine), Some(asked)) => asked.first <= mine.first && mine.last == asked.last,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.retired.is_none() && within && mine.looks_like(rule)
    }
}

/// What a new pool is made of.
#[derive(Debug, Clone)]
pub struct NewPool<'a> {
    /// Its id.
    pub id: PoolId,
    /// Whose key.
    pub owner: PartyId,
    /// What its numbers are for.
    pub numbered: Numbered,
    /// Greater than that of every older pool.
    pub epoch: i64,
    /// What its owner asks for.
    pub rule: &'a SerialRule,
    /// How many numbers of it others made: they count for the density.
    pub listed: u64,
}

/// A pool ready for use.
#[derive(Debug)]
pub struct Pool {
    record: PoolRecord,
    generator: Generator,
    /// Banned words in capital letters.
    banned: Vec<String>,
    /// Retired pools whose serials this one could meet, newest first.
    older: Vec<Arc<Pool>>,
}

impl Pool {
    /// The first pool of a product, with its known answers.
    pub fn create(
        id: PoolId,
        owner: PartyId,
        numbered: Numbered,
        epoch: i64,
        rule: &SerialRule,
        key: &PoolKey,
    ) -> Result<Self, SerialError> {
        let new = NewPool {
            id,
            owner,
            numbered,
            epoch,
            rule,
            listed: 0,
        };
        Self::succeed(new, key, &[])
    }

    /// A new pool of a product that has older ones; those that it could meet must be retired, or are about to be in the same transaction.
    pub fn succeed(new: NewPool<'_>, key: &PoolKey, older: &[Arc<Self>]) -> Result<Self, SerialError> {
        new.rule.check().map_err(|fault| SerialError::Rule(fault.to_string()))?;
        let mut rule = new.rule.clone();
        if let Some(range) = rule.range {
            let behind = after(range, &rule, older);
            rule.range = Some(behind.ok_or(SerialError::Exhausted { numbered: new.numbered })?);
        }
        let generator = Generator::new(new.numbered, &rule, key)?;
        let cap = generator.cap(&rule)?;
        let plain = rule.looks_like(&SerialRule {
            alphabet: rule.characters(),
            length: rule.length,
            ..SerialRule::default()
        }) && rule.banned_words.is_empty();
        let record = PoolRecord {
            id: new.id,
            owner: new.owner,
            numbered: new.numbered,
            epoch: new.epoch,
            algorithm: generator.algorithm().to_owned(),
            source: rule.source,
            alphabet: rule.characters(),
            length: rule.length,
            cap,
            thinned: 0,
            samples: generator.known_answers(),
            rule: (!plain).then_some(rule),
            retired: None,
        };
        let mut pool = Self::assemble(record, generator).behind(older);
        pool.record.thinned = pool.thinned_by(new.listed);
        pool.record.cap = cap.saturating_sub(pool.counted_before());
        if pool.record.cap == 0 {
            return Err(SerialError::Exhausted { numbered: new.numbered });
        }
        Ok(pool)
    }

    /// A stored pool. Refused if it would not give the serials it gave when it was made.
    pub fn open(record: PoolRecord, key: &PoolKey) -> Result<Self, SerialError> {
        let rule = record.rule();
        let generator = Generator::new(record.numbered, &rule, key)?;
        if record.algorithm != generator.algorithm() {
            return Err(SerialError::Algorithm {
                pool: record.id,
                algorithm: record.algorithm,
            });
        }
        let unknown = record.source.is_computed() && record.samples.is_empty();
        let another = (rule.source, rule.length) != (record.source, record.length) || rule.characters() != record.alphabet;
        if unknown || another || record.samples != generator.known_answers() {
            return Err(SerialError::KnownAnswers { pool: record.id });
        }
        Ok(Self::assemble(record, generator))
    }

    fn assemble(record: PoolRecord, generator: Generator) -> Self {
        let words = record.rule.as_ref().map(|rule| rule.banned_words.as_slice());
        Self {
            banned: words
                .unwrap_or_default()
                .iter()
                .map(|word| word.to_ascii_uppercase())
                .collect(),
            record,
            generator,
            older: Vec::new(),
        }
    }

    /// The same pool, with the older pools of its product at hand; those that it cannot meet are left out.
    #[must_use]
    pub fn behind(mut self, older: &[Arc<Self>]) -> Self {
        let rule = self.record.rule();
        let met = older.iter().filter(|older| {
            let older = &older.record;
            older.epoch < self.record.epoch && older.rule().meets(&rule)
        });
        self.older = met.cloned().collect();
        self.older.sort_by_key(|older| std::cmp::Reverse(older.record.epoch));
        self
    }

    /// What it is made of.
    #[must_use]
    pub fn record(&self) -> &PoolRecord {
        &self.record
    }

    /// Older pools of its product whose serials it could meet, newest first.
    #[must_use]
    pub fn older(&self) -> &[Arc<Self>] {
        &self.older
    }

    /// How many numbers the older pools issued, at the most, if they count for the density of this one: a sequence is not thinned out, it
    /// leaves out what was issued and no more.
    #[must_use]
    pub fn older_issued(&self) -> u64 {
        let issued = self.older.iter().map(|older| older.high_water());
        self.thinned_by(issued.fold(0, u64::saturating_add))
    }

    fn thinned_by(&self, issued: u64) -> u64 {
        match self.generator {
            Generator::Permutation(_) => issued,
            Generator::Sequence(_) | Generator::Sscc(_) | Generator::Listed => 0,
        }
    }

    /// Counter values from here on were never taken.
    fn high_water(&self) -> u64 {
        self.record.retired.map_or(self.record.cap, |retired| retired.high_water)
    }

    /// Up to where the counter may go today: a density that was raised since the pool was made holds at once, one that was lowered does
    /// not undo a promise.
    pub fn cap_under(&self, rule: &SerialRule) -> Result<u64, SerialError> {
        let cap = self.generator_cap(rule)?.saturating_sub(self.counted_before());
        Ok(self.record.cap.min(cap))
    }

    /// Numbers of its space that count for its density and are not its own.
    fn counted_before(&self) -> u64 {
        self.older_issued().saturating_add(self.record.thinned)
    }

    fn generator_cap(&self, rule: &SerialRule) -> Result<u64, SerialError> {
        match self.generator {
            Generator::Permutation(_) | Generator::Listed => Ok(super::space::NumberSpace::new(rule)?.cap()),
            Generator::Sequence(_) | Generator::Sscc(_) => Ok(self.record.cap),
        }
    }

    /// The serial at a counter value below the cap; none if it stands in a list.
    #[must_use]
    pub fn serial(&self, index: u64) -> Option<String> {
        let mut text = String::with_capacity(usize::from(self.record.length));
        self.write(index, &mut text).then_some(text)
    }

    /// The same behind what `text` holds, for whoever makes many; false, and nothing written, if it stands in a list.
    pub fn write(&self, index: u64, text: &mut String) -> bool {
        self.generator.write(index, text)
    }

    /// The counter value of a serial that this pool can have given out. None if it is not in the space, lies where nothing is ever
    /// issued (all but one in `density` of the numbers that somebody makes up end here), is of an older epoch, or stands in a list.
    ///
    /// A serial with a word that is banned today may have been given out before it was banned: whether an offset is a number of its
    /// allocation is what the allocation's holes say.
    #[must_use]
    pub fn index_of(&self, serial: &str) -> Option<u64> {
        let index = self.counter_value(serial)?;
        (!self.is_of_older(serial)).then_some(index)
    }

    /// The counter value of a serial below where this pool ends, whether it was given out or left out.
    fn counter_value(&self, serial: &str) -> Option<u64> {
        u64::try_from(self.generator.index_of(serial)?)
            .ok()
            .filter(|index| *index < self.high_water())
    }

    /// Which of the offsets of `first..first + span` are no numbers: a banned word, or a serial that an older epoch issued. A pure
    /// function of the pool; what was imported is not in it (`storage::serial::pool::skipped`).
    #[must_use]
    pub fn holes(&self, first: u64, span: u32) -> RoaringBitmap {
        let mut holes = RoaringBitmap::new();
        if self.banned.is_empty() && self.older.is_empty() {
            return holes;
        }
        let mut text = String::with_capacity(usize::from(super::rule::MAX_LENGTH));
        for offset in 0..span {
            text.clear();
            if self.write(first.saturating_add(u64::from(offset)), &mut text) && self.is_left_out(&text) {
                holes.insert(offset);
            }
        }
        holes
    }

    fn is_left_out(&self, serial: &str) -> bool {
        self.is_of_older(serial) || contains_word(serial, &self.banned)
    }

    fn is_of_older(&self, serial: &str) -> bool {
        self.older.iter().any(|older| older.counter_value(serial).is_some())
    }
}

/// Where a range begins behind what older sequences took from its beginning, so that it need not pass over all of it; none if
/// nothing is left.
fn after(range: NumberRange, rule: &SerialRule, older: &[Arc<Pool>]) -> Option<NumberRange> {
    let mut range = range;
    let taken = |first: u64| {
        older.iter().find_map(|pool| {
            let made = pool.record.rule.as_ref().filter(|made| made.looks_like(rule))?;
            let begun = made.range?.first;
            let next = begun.saturating_add(pool.high_water());
            (begun <= first && first < next).then_some(next)
        })
    };
    // INVARIANT: each step is past one more older pool.
    while let Some(next) = taken(range.first) {
        range.first = next;
    }
    (range.first <= range.last).then_some(range)
}

/// Whether one of the words, which are in capital letters, stands in the serial.
fn contains_word(serial: &str, words: &[String]) -> bool {
    words.iter().any(|word| {
        let mut windows = serial.as_bytes().windows(word.len());
        windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    })
}

#[cfg(test)]
mod tests;

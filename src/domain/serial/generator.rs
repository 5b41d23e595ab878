//! From a counter value to a serial and back: one kind for each way that the hub computes numbers.
//!
//! | kind | serial | algorithm |
//! |---|---|---|
//! | permutation of a whole space | `render(FF1_K(i))` | `ff1-aes256-v1` |
//! | permutation of a restricted space | the same, walked along its cycle until the number is allowed | `ff1-aes256-walk-v1` |
//! | sequence | the number itself | `sequence-v1` |
//! | SSCC | the number as serial reference, with its check digit | `sscc-v1` |
//! | listed | stands in a list, not here | `listed-v1` |
//!
//! It does not count, and it does not know what was issued.

mod permutation;
mod sequence;
mod sscc;

pub(super) use permutation::Permutation;
pub(super) use sequence::Sequence;
pub(super) use sscc::SsccSequence;

use super::SerialError;
use super::key::PoolKey;
use super::numbered::Numbered;
use super::rule::{SerialRule, Source};

/// How counter values become serials.
#[derive(Debug)]
pub(super) enum Generator {
    /// Nobody without the key can tell the next.
    Permutation(Box<Permutation>),
    /// Counted.
    Sequence(Sequence),
    /// Counted, under a company prefix.
    Sscc(SsccSequence),
    /// Somebody else made the numbers.
    Listed,
}

impl Generator {
    /// What a rule asks for.
    pub(super) fn new(numbered: Numbered, rule: &SerialRule, key: &PoolKey) -> Result<Self, SerialError> {
        let range = || {
            rule.range
                .ok_or_else(|| SerialError::Rule("a sequential range has a first and a last number".to_owned()))
        };
        Ok(match (rule.source, numbered) {
            (Source::Permutation, Numbered::Trade(_)) => Self::Permutation(Box::new(Permutation::new(rule, key)?)),
            (Source::Sequential, Numbered::Trade(_)) => Self::Sequence(Sequence::new(rule, range()?)),
            (Source::Sequential, Numbered::Logistic(series)) => Self::Sscc(SsccSequence::new(series, range()?)),
            (Source::Permutation, Numbered::Logistic(_)) => {
                let text = "SSCCs are counted: set `source = \"sequential\"`";
                return Err(SerialError::Rule(text.to_owned()));
            }
            (Source::Imported | Source::Brokered | Source::Delegate, _) => Self::Listed,
        })
    }

    /// What pools name it by.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Permutation(permutation) => permutation.algorithm(),
            Self::Sequence(_) => "sequence-v1",
            Self::Sscc(_) => "sscc-v1",
            Self::Listed => "listed-v1",
        }
    }

    /// How many counter values may be issued by the rule alone.
    pub(super) fn cap(&self, rule: &SerialRule) -> Result<u64, SerialError> {
        match self {
            Self::Permutation(permutation) => Ok(permutation.space().cap()),
            Self::Sequence(sequence) => Ok(sequence.count()),
            Self::Sscc(sequence) => Ok(sequence.count()),
            Self::Listed => Ok(super::space::NumberSpace::new(rule)?.cap()),
        }
    }

    /// Writes the serial of a counter value behind `text`; false, and nothing written, if it stands in a list.
    pub(super) fn write(&self, index: u64, text: &mut String) -> bool {
        match self {
            Self::Permutation(permutation) => permutation.write(u128::from(index), text),
            Self::Sequence(sequence) => sequence.write(index, text),
            Self::Sscc(sequence) => sequence.write(index, text),
            Self::Listed => return false,
        }
        true
    }

    /// The counter value whose serial this is, issuable or not.
    pub(super) fn index_of(&self, serial: &str) -> Option<u128> {
        match self {
            Self::Permutation(permutation) => permutation.index_of(serial),
            Self::Sequence(sequence) => sequence.index_of(serial).map(u128::from),
            Self::Sscc(sequence) => sequence.index_of(serial).map(u128::from),
            Self::Listed => None,
        }
    }

    /// Answers by which a later version of the hub is found out if it would give other numbers. None for a list.
    pub(super) fn known_answers(&self) -> Vec<(String, String)> {
        match self {
            Self::Permutation(permutation) => permutation.known_answers(),
            Self::Sequence(sequence) => known_answers_of(sequence.count(), |index, text| sequence.write(index, text)),
            Self::Sscc(sequence) => known_answers_of(sequence.count(), |index, text| sequence.write(index, text)),
            Self::Listed => Vec::new(),
        }
    }
}

/// Both ends of what is counted, and two values between.
fn known_answers_of(count: u64, write: impl Fn(u64, &mut String)) -> Vec<(String, String)> {
    let last = count.saturating_sub(1);
    [0, last / 7, last / 3, last]
        .into_iter()
        .map(|index| {
            let mut text = String::new();
            write(index, &mut text);
            (index.to_string(), text)
        })
        .collect()
}

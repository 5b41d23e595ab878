//! The numbers that serials of one product can be: alphabet, length, and how many of them may be issued.
//!
//! Rank and unrank only: it does not encrypt ([`super::ff1`]) and does not count.

use crate::domain::party::SerialRule;

use super::SerialError;
use super::ff1::{Domain, Halves};

/// GS1 AI encodable character set 82 (GS1 General Specifications, figure 7.11-1), beside letters and digits.
const CHARSET_82_OTHERS: &str = "!\"%&'()*+,-./:;<=>?_";

/// Whether a character may stand in AI (21).
#[must_use]
pub fn in_charset_82(character: char) -> bool {
    character.is_ascii_alphanumeric() || CHARSET_82_OTHERS.contains(character)
}

/// The characters of a serial, each once, in rank order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alphabet {
    characters: Box<[u8]>,
    /// Rank of each ASCII character; [`NONE`] for those that are not in the alphabet.
    ranks: [u8; 128],
}

const NONE: u8 = u8::MAX;

impl Alphabet {
    /// 2 to 82 characters of GS1 character set 82, none twice.
    pub fn new(text: &str) -> Result<Self, SerialError> {
        let mut ranks = [NONE; 128];
        for (rank, character) in text.chars().enumerate() {
            if !in_charset_82(character) {
                return Err(SerialError::Rule(format!(
                    "`{character}` is not in GS1 character set 82 and cannot stand in a serial number"
                )));
            }
            // INVARIANT: characters of the set are ASCII and there are 82 of them.
            let place = &mut ranks[character as usize];
            if *place != NONE {
                return Err(SerialError::Rule(format!("`{character}` stands twice in the alphabet")));
            }
            *place = rank as u8;
        }
        if text.len() < 2 {
            return Err(SerialError::Rule("an alphabet needs at least two characters".to_owned()));
        }
        Ok(Self {
            characters: text.as_bytes().into(),
            ranks,
        })
    }

    /// How many characters.
    #[must_use]
    pub fn radix(&self) -> u32 {
        self.characters.len() as u32
    }

    fn write(&self, number: u64, places: &mut [u8]) {
        let radix = self.characters.len() as u64;
        let mut rest = number;
        for place in places.iter_mut().rev() {
            *place = self.characters[(rest % radix) as usize];
            rest /= radix;
        }
    }

    fn read(&self, places: &[u8]) -> Option<u64> {
        let radix = self.characters.len() as u64;
        places.iter().try_fold(0, |number, character| {
            let rank = *self.ranks.get(usize::from(*character))?;
            (rank != NONE).then(|| number * radix + u64::from(rank))
        })
    }
}

/// All serials of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSpace {
    alphabet: Alphabet,
    length: u8,
    domain: Domain,
    cap: u64,
}

impl NumberSpace {
    /// Checks the rule. Also for whoever checks configuration: what this takes, a pool can be made of.
    pub fn new(rule: &SerialRule) -> Result<Self, SerialError> {
        let alphabet = Alphabet::new(&rule.alphabet)?;
        let domain = Domain::new(alphabet.radix(), rule.length).map_err(|error| SerialError::Rule(error.to_string()))?;
        if rule.density == 0 {
            return Err(SerialError::Rule(
                "density must be 1 or more: one number in how many is issued".to_owned(),
            ));
        }
        let cap = domain.size() / u128::from(rule.density);
        if cap == 0 {
            return Err(SerialError::Rule(format!(
                "a density of {} leaves no number of {} to issue",
                rule.density,
                domain.size()
            )));
        }
        // The counter is a signed 64-bit column on both databases.
        let cap = u64::try_from(cap).unwrap_or(u64::MAX).min(i64::MAX as u64);
        Ok(Self {
            alphabet,
            length: rule.length,
            domain,
            cap,
        })
    }

    /// The domain to permute.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// How many numbers may be issued: `size / density`, at most what a signed 64-bit counter holds.
    #[must_use]
    pub fn cap(&self) -> u64 {
        self.cap
    }

    /// The text of a number.
    #[must_use]
    pub fn render(&self, number: Halves) -> String {
        let mut places = [0; super::ff1::MAX_LENGTH as usize];
        let places = &mut places[..usize::from(self.length)];
        let (high, low) = places.split_at_mut(usize::from(self.length - self.domain.low_len()));
        self.alphabet.write(number.high, high);
        self.alphabet.write(number.low, low);
        places.iter().map(|byte| char::from(*byte)).collect()
    }

    /// The number of a text, if it is a serial of this space.
    #[must_use]
    pub fn parse(&self, serial: &str) -> Option<Halves> {
        let places = serial.as_bytes();
        if places.len() != usize::from(self.length) {
            return None;
        }
        let (high, low) = places.split_at(usize::from(self.length - self.domain.low_len()));
        Some(Halves {
            high: self.alphabet.read(high)?,
            low: self.alphabet.read(low)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(alphabet: &str, length: u8, density: u64) -> SerialRule {
        SerialRule {
            alphabet: alphabet.to_owned(),
            length,
            density,
        }
    }

    #[test]
    fn the_set_has_82_characters() {
        assert_eq!((0..=127_u8).filter(|byte| in_charset_82(char::from(*byte))).count(), 82);
    }

    #[test]
    fn rules_that_make_no_space_are_refused_with_the_reason() {
        let check = |alphabet, length, density, expect: &str| {
            let error = NumberSpace::new(&rule(alphabet, length, density)).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("0123456789", 5, 1, "fewer than 1,000,000");
        check("0123456789", 21, 1, "length of 2 to 20");
        check("01#", 12, 1, "`#` is not in GS1 character set 82");
        check("01é", 12, 1, "`é` is not in");
        check("0110", 12, 1, "`1` stands twice");
        check("0", 12, 1, "at least two");
        check("", 12, 1, "at least two");
        check("0123456789", 6, 0, "density");
        check("0123456789", 6, 1_000_001, "leaves no number");
    }

    #[test]
    fn the_cap_is_the_space_by_density() {
        let check = |rule: SerialRule, expect| assert_eq!(NumberSpace::new(&rule).unwrap().cap(), expect);
        check(SerialRule::default(), 30_u64.pow(12) / 10_000);
        check(rule("0123456789", 6, 10_000), 100);
        check(rule("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 20, 1), i64::MAX as u64);
    }

    proptest! {
        #[test]
        fn parse_reads_what_render_wrote(length in 4..=20_u8, seed: u128, radix in 32..=82_usize) {
            let alphabet: String = (0..=127_u8).map(char::from).filter(|character| in_charset_82(*character)).take(radix).collect();
            let space = NumberSpace::new(&rule(&alphabet, length, 1)).unwrap();
            let number = space.domain().split(seed % space.domain().size());
            let text = space.render(number);
            prop_assert_eq!(text.len(), usize::from(length));
            prop_assert_eq!(space.parse(&text), Some(number));
        }

        #[test]
        fn any_text_is_read_or_not_without_harm(text in ".{0,24}") {
            let space = NumberSpace::new(&SerialRule::default()).unwrap();
            if let Some(number) = space.parse(&text) {
                prop_assert_eq!(space.render(number), text);
            }
        }
    }
}

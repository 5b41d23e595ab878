//! The numbers that serials of one product can be: alphabet, length, restrictions, and how many of them may be issued.
//!
//! Rank and unrank only: it does not encrypt ([`super::ff1`]) and does not count. Restrictions (no leading zero, what fits an SGTIN-96
//! tag) take numbers out that lie together, so that the rest can be ranked by arithmetic.

use super::SerialError;
use super::ff1::{Domain, Halves, MAX_LENGTH};
use super::rule::{SGTIN_96_MAX, SerialRule};

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

    /// The rank of a character.
    fn rank(&self, character: u8) -> Option<u8> {
        self.ranks.get(usize::from(character)).copied().filter(|rank| *rank != NONE)
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
            let rank = self.rank(*character)?;
            Some(number * radix + u64::from(rank))
        })
    }
}

/// All serials of one rule: the texts of a length, less those that a restriction takes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSpace {
    alphabet: Alphabet,
    length: u8,
    /// Written with as many digits as they have; the alphabet is the ten digits then.
    variable_length: bool,
    domain: Domain,
    window: Window,
    cap: u64,
}

/// Which numbers of a domain are serials: those below `until`, but for `gap_from..gap_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    until: u128,
    gap_from: u128,
    gap_to: u128,
}

impl Window {
    /// Ranks of texts are in the order of the alphabet, so those that begin with `0` lie together, and so do the numbers that are too great.
    fn new(rule: &SerialRule, alphabet: &Alphabet, domain: &Domain) -> Self {
        let mut until = domain.size();
        let (mut gap_from, mut gap_to) = (0, 0);
        if (rule.no_leading_zero || rule.sgtin_96)
            && !rule.variable_length
            && let Some(zero) = alphabet.rank(b'0')
        {
            let block = domain.size() / u128::from(alphabet.radix());
            gap_from = u128::from(zero) * block;
            gap_to = gap_from + block;
        }
        // With fewer than twelve digits every number fits; with twelve all ten digits are asked for, so that ranks are values.
        if rule.sgtin_96 {
            until = until.min(u128::from(SGTIN_96_MAX) + 1);
        }
        gap_to = gap_to.min(until);
        gap_from = gap_from.min(gap_to);
        Self { until, gap_from, gap_to }
    }

    fn size(&self) -> u128 {
        self.until - (self.gap_to - self.gap_from)
    }

    fn contains(&self, number: u128) -> bool {
        number < self.until && !(self.gap_from..self.gap_to).contains(&number)
    }
}

impl NumberSpace {
    /// Of a rule that [`SerialRule::check`] takes; of any other an error or a space that is no use.
    pub fn new(rule: &SerialRule) -> Result<Self, SerialError> {
        let alphabet = Alphabet::new(&rule.characters())?;
        let domain = Domain::new(alphabet.radix(), rule.length).map_err(|error| SerialError::Rule(error.to_string()))?;
        if rule.density == 0 {
            return Err(SerialError::Rule(
                "density must be 1 or more: one number in how many is issued".to_owned(),
            ));
        }
        let window = Window::new(rule, &alphabet, &domain);
        let cap = window.size() / u128::from(rule.density);
        if cap == 0 {
            return Err(SerialError::Rule(format!(
                "a density of {} leaves no number of {} to issue",
                rule.density,
                window.size()
            )));
        }
        // The counter is a signed 64-bit column on both databases.
        let cap = u64::try_from(cap).unwrap_or(u64::MAX).min(i64::MAX as u64);
        Ok(Self {
            alphabet,
            length: rule.length,
            variable_length: rule.variable_length,
            domain,
            window,
            cap,
        })
    }

    /// The domain to permute.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// How many serials there are.
    #[must_use]
    pub fn size(&self) -> u128 {
        self.window.size()
    }

    /// Whether every number of the domain is a serial.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.size() == self.domain.size()
    }

    /// Whether a number of the domain is a serial.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        self.window.contains(number)
    }

    /// The `rank`-th number that is a serial; `rank` is below [`Self::size`].
    #[must_use]
    pub fn number(&self, rank: u128) -> u128 {
        let Window { gap_from, gap_to, .. } = self.window;
        if rank < gap_from { rank } else { rank + (gap_to - gap_from) }
    }

    /// The rank of a number that [`Self::contains`].
    #[must_use]
    pub fn rank(&self, number: u128) -> u128 {
        let Window { gap_from, gap_to, .. } = self.window;
        if number < gap_from {
            number
        } else {
            number - (gap_to - gap_from)
        }
    }

    /// How many numbers may be issued: `size / density`, at most what a signed 64-bit counter holds.
    #[must_use]
    pub fn cap(&self) -> u64 {
        self.cap
    }

    /// The text of a number, behind what `text` holds.
    pub fn write(&self, number: Halves, text: &mut String) {
        let mut places = [0; MAX_LENGTH as usize];
        let places = &mut places[..usize::from(self.length)];
        let (high, low) = places.split_at_mut(usize::from(self.length - self.domain.low_len()));
        self.alphabet.write(number.high, high);
        self.alphabet.write(number.low, low);
        let mut places = &*places;
        while self.variable_length
            && let [b'0', rest @ ..] = places
            && !rest.is_empty()
        {
            places = rest;
        }
        text.extend(places.iter().map(|byte| char::from(*byte)));
    }

    /// The text of a number.
    #[must_use]
    pub fn render(&self, number: Halves) -> String {
        let mut text = String::with_capacity(usize::from(self.length));
        self.write(number, &mut text);
        text
    }

    /// The number of a text, if it is a serial of this space.
    #[must_use]
    pub fn parse(&self, serial: &str) -> Option<Halves> {
        let number = if self.variable_length {
            self.parse_variable(serial)?
        } else {
            self.parse_padded(serial.as_bytes())?
        };
        (self.is_whole() || self.contains(self.domain.join(number))).then_some(number)
    }

    fn parse_padded(&self, places: &[u8]) -> Option<Halves> {
        if places.len() != usize::from(self.length) {
            return None;
        }
        let (high, low) = places.split_at(usize::from(self.length - self.domain.low_len()));
        Some(Halves {
            high: self.alphabet.read(high)?,
            low: self.alphabet.read(low)?,
        })
    }

    fn parse_variable(&self, serial: &str) -> Option<Halves> {
        let digits = serial.as_bytes();
        let mut places = [b'0'; MAX_LENGTH as usize];
        let places = &mut places[..usize::from(self.length)];
        if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') {
            return None;
        }
        let behind = places.len().checked_sub(digits.len())?;
        places[behind..].copy_from_slice(digits);
        self.parse_padded(places)
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
            ..SerialRule::default()
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

    fn tag(length: u8, variable_length: bool) -> SerialRule {
        SerialRule {
            sgtin_96: true,
            variable_length,
            ..rule("0123456789", length, 10_000)
        }
    }

    #[test]
    fn restrictions_take_out_what_they_name_and_no_more() {
        let space = |rule: SerialRule| NumberSpace::new(&rule).unwrap();
        assert_eq!(space(tag(12, false)).size(), (1 << 38) - 100_000_000_000);
        assert_eq!(space(tag(12, true)).size(), 1 << 38);
        assert_eq!(space(tag(12, true)).cap(), 27_487_790);
        assert_eq!(space(tag(11, false)).size(), 90_000_000_000);
        let no_zero = |alphabet| SerialRule {
            no_leading_zero: true,
            ..rule(alphabet, 6, 1)
        };
        assert_eq!(space(no_zero("0123456789")).size(), 900_000);
        assert_eq!(space(no_zero("ABCDE01234")).size(), 900_000);
        assert!(space(no_zero("ABCDEFGHIJ")).is_whole());
        let zero_in_the_middle = space(no_zero("ABCDE01234"));
        for rank in (0..900_000).step_by(991) {
            let number = zero_in_the_middle.number(rank);
            assert_eq!(zero_in_the_middle.rank(number), rank);
            let text = zero_in_the_middle.render(zero_in_the_middle.domain().split(number));
            assert!(!text.starts_with('0'), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_a_tag_is_no_serial_of_it() {
        let check = |variable: bool, text: &str, expect: bool| {
            assert_eq!(
                NumberSpace::new(&tag(12, variable)).unwrap().parse(text).is_some(),
                expect,
                "{text} {variable}"
            );
        };
        check(false, "274877906943", true);
        check(false, "274877906944", false);
        check(false, "100000000000", true);
        check(false, "099999999999", false);
        check(false, "99999999999", false);
        check(true, "274877906943", true);
        check(true, "274877906944", false);
        check(true, "99999999999", true);
        check(true, "099999999999", false);
        check(true, "0", true);
        check(true, "00", false);
        check(true, "", false);
        check(true, "1234567890123", false);
    }

    proptest! {
        #[test]
        fn variable_length_reads_what_it_wrote(number in 0..(1_u128 << 38)) {
            let space = NumberSpace::new(&tag(12, true)).unwrap();
            let text = space.render(space.domain().split(number));
            prop_assert_eq!(&text, &number.to_string());
            prop_assert_eq!(space.parse(&text), Some(space.domain().split(number)));
        }

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

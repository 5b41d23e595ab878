//! How the serial numbers of a product (or of a series of SSCCs) look and where they come from: what its owner says in its file.
//!
//! [`SerialRule::check`] is the one place that says whether a rule can be followed: whoever reads a partner file asks it, and so does
//! whoever makes a pool, so that a rule never fails on a packaging line. It knows nothing of keys and counters.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::market::{self, Market};
use super::numbered::SsccSeries;
use super::space::{NumberSpace, in_charset_82};

/// Longest serial of AI (21) (GS1 General Specifications clause 3.5.2).
pub const MAX_LENGTH: u8 = 20;
/// SGTIN-96 keeps a serial in 38 bits, as a number without leading zeros (GS1 EPC Tag Data Standard, table 14-4).
pub const SGTIN_96_MAX: u64 = (1 << 38) - 1;
/// The ten digits, in rank order.
pub const DIGITS: &str = "0123456789";
/// Words that may be banned, and characters of one.
const MAX_WORDS: usize = 200;

/// Where the serial numbers of a pool come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The hub computes them, and nobody can guess them.
    #[default]
    Permutation,
    /// The hub counts.
    Sequential,
    /// The owner gave the hub a list.
    Imported,
    /// The owner's own system makes them when the hub asks it.
    Brokered,
    /// The packager makes them and tells the hub.
    Delegate,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Permutation,
        Self::Sequential,
        Self::Imported,
        Self::Brokered,
        Self::Delegate,
    ];

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permutation => "permutation",
            Self::Sequential => "sequential",
            Self::Imported => "imported",
            Self::Brokered => "brokered",
            Self::Delegate => "delegate",
        }
    }

    /// Whether the hub computes the numbers from a counter; the others stand in a list.
    #[must_use]
    pub const fn is_computed(self) -> bool {
        match self {
            Self::Permutation | Self::Sequential => true,
            Self::Imported | Self::Brokered | Self::Delegate => false,
        }
    }
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|source| source.as_str() == text);
        found.ok_or_else(|| {
            format!(
                "`{}` is no source of serial numbers",
                text.chars().take(40).collect::<String>()
            )
        })
    }
}

/// The numbers of a sequential range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRange {
    /// The first number that is given out.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

/// SSCCs that a party gives out: the serial references of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SsccNumbers {
    /// Company prefix and extension digit.
    pub series: SsccSeries,
    /// Which serial references.
    pub range: NumberRange,
}

/// How serial numbers of a product look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialRule {
    /// Characters, each once, in rank order.
    pub alphabet: String,
    /// Characters a serial has; the most it may have if `variable_length`.
    pub length: u8,
    /// At most one in this many possible numbers is ever issued (EU 2016/161 art. 4: 10,000).
    pub density: u64,
    /// Where the numbers come from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source: Source,
    /// Markets whose rules they must follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markets: Vec<Market>,
    /// Characters of the alphabet that are not used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// No serial begins with `0`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_leading_zero: bool,
    /// Every serial fits an SGTIN-96 tag.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sgtin_96: bool,
    /// Numbers are written with as many digits as they have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub variable_length: bool,
    /// Words that no serial contains, in capital or small letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub banned_words: Vec<String>,
    /// Capital and small letters in one alphabet, though scanners with a wrong keyboard setting swap the case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mixed_case: bool,
    /// The numbers of a sequential range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<NumberRange>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for SerialRule {
    /// Thirty characters nobody confuses, twelve long: 5.3e13 issuable numbers at 1 in 10,000.
    fn default() -> Self {
        Self {
            alphabet: "23456789ABCDEFGHJKLMNPQRTUVWXY".to_owned(),
            length: 12,
            density: 10_000,
            source: Source::Permutation,
            markets: Vec::new(),
            exclude: String::new(),
            no_leading_zero: false,
            sgtin_96: false,
            variable_length: false,
            banned_words: Vec::new(),
            mixed_case: false,
            range: None,
        }
    }
}

/// Why a rule cannot be followed: which key of the product's table, what is wrong with it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The key, as it stands in partner files.
    pub key: &'static str,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

impl RuleFault {
    /// A fault of one key.
    pub(super) fn new(key: &'static str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            key,
            cause: cause.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.fix)
    }
}

impl SerialRule {
    /// The rule of a series of SSCCs: digits, counted, as many as the company prefix leaves room for.
    #[must_use]
    pub fn of_series(numbers: &SsccNumbers) -> Self {
        Self {
            length: numbers.series.reference_length(),
            ..Self::counted(numbers.range)
        }
    }

    /// The numbers of a range, padded to twelve digits.
    #[must_use]
    pub fn counted(range: NumberRange) -> Self {
        Self {
            alphabet: DIGITS.to_owned(),
            density: 1,
            source: Source::Sequential,
            range: Some(range),
            ..Self::default()
        }
    }

    /// The characters that serials are made of, in rank order.
    #[must_use]
    pub fn characters(&self) -> String {
        self.alphabet
            .chars()
            .filter(|character| !self.exclude.contains(*character))
            .collect()
    }

    /// Whether two rules make the same serials. Density, markets, banned words and the end of a range are not part of it: they
    /// say how many may be issued and which are left out, not how they look.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        self.source == other.source
            && self.characters() == other.characters()
            && (self.length, self.variable_length) == (other.length, other.variable_length)
            && (self.no_leading_zero, self.sgtin_96) == (other.no_leading_zero, other.sgtin_96)
    }

    /// How many serials the rule can make; none for a range, which is not thinned out.
    #[must_use]
    pub fn space(&self) -> Option<u128> {
        let dense = Self {
            density: 1,
            ..self.clone()
        };
        match self.source {
            Source::Sequential => None,
            Source::Permutation | Source::Imported | Source::Brokered | Source::Delegate => {
                NumberSpace::new(&dense).ok().map(|space| space.size())
            }
        }
    }

    /// Whether serials of both rules may have the same length; for SSCCs their references.
    #[must_use]
    pub fn shares_lengths(&self, other: &Self) -> bool {
        let fewest = |rule: &Self| if rule.variable_length { 1 } else { rule.length };
        fewest(self) <= other.length && fewest(other) <= self.length
    }

    /// Whether the hub could compute a number by both rules: never if their lengths differ. What stands in a list is skipped by its
    /// place.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.source.is_computed() && other.source.is_computed() && self.shares_lengths(other)
    }

    /// The first thing that is wrong with the rule, whether GS1, the arithmetic or one of its markets says so.
    pub fn check(&self) -> Result<(), RuleFault> {
        check_alphabet(self)?;
        check_words(&self.banned_words)?;
        match self.source {
            Source::Sequential => check_range(self)?,
            Source::Permutation | Source::Imported | Source::Brokered | Source::Delegate => {
                check_permuted(self)?;
            }
        }
        market::check(self)
    }
}

fn check_alphabet(rule: &SerialRule) -> Result<(), RuleFault> {
    let characters: Vec<char> = rule.alphabet.chars().collect();
    if let Some(foreign) = characters.iter().find(|character| !in_charset_82(**character)) {
        let cause = format!("`alphabet` has `{foreign}`, which no GS1 serial number may have");
        return Err(RuleFault::new(
            "alphabet",
            cause,
            "use digits and capital letters (GS1 General Specifications, 7.11)",
        ));
    }
    let mut earlier = characters.iter().enumerate();
    if let Some((_, twice)) = earlier.find(|(at, character)| characters[..*at].contains(character)) {
        let cause = format!("`alphabet` has `{twice}` twice");
        return Err(RuleFault::new("alphabet", cause, "name each character once"));
    }
    if let Some(foreign) = rule.exclude.chars().find(|character| !characters.contains(character)) {
        let cause = format!("`exclude` has `{foreign}`, which the alphabet does not have");
        return Err(RuleFault::new("exclude", cause, "name characters of the alphabet"));
    }
    let used = rule.characters();
    let mixed = used.chars().any(|c| c.is_ascii_lowercase()) && used.chars().any(|c| c.is_ascii_uppercase());
    if mixed && !rule.mixed_case {
        return Err(RuleFault::new(
            "alphabet",
            "`alphabet` mixes capital and small letters",
            "use one case: scanners with a wrong keyboard setting swap the case (or set `mixed_case = true`)",
        ));
    }
    if used.len() < 2 {
        return Err(RuleFault::new(
            "alphabet",
            "`alphabet` has fewer than two characters",
            "name at least two characters, such as the ten digits",
        ));
    }
    if !(1..=MAX_LENGTH).contains(&rule.length) {
        let cause = format!("`length` is `{}`", rule.length);
        return Err(RuleFault::new("length", cause, "give a whole number from 1 to 20"));
    }
    Ok(())
}

fn check_words(words: &[String]) -> Result<(), RuleFault> {
    let fix = "name at most 200 words of 2 to 20 characters that a serial could contain";
    if words.len() > MAX_WORDS {
        let cause = format!("`banned_words` has {} words, more than {MAX_WORDS}", words.len());
        return Err(RuleFault::new("banned_words", cause, fix));
    }
    let bad = words
        .iter()
        .find(|word| !(2..=usize::from(MAX_LENGTH)).contains(&word.chars().count()) || !word.chars().all(in_charset_82));
    match bad {
        None => Ok(()),
        Some(word) => {
            let word: String = word.chars().take(40).collect();
            let cause = format!("`banned_words` has `{word}`, which no serial number could contain, or almost every one");
            Err(RuleFault::new("banned_words", cause, fix))
        }
    }
}

/// What FF1 and the restrictions need; lists of others' numbers are held to the same space, so that their density can be told.
fn check_permuted(rule: &SerialRule) -> Result<(), RuleFault> {
    if rule.range.is_some() {
        return Err(RuleFault::new(
            "first",
            "`first` and `last` are the ends of a sequential range",
            "remove them, or set `source = \"sequential\"`",
        ));
    }
    if rule.variable_length && !rule.sgtin_96 {
        return Err(RuleFault::new(
            "variable_length",
            "`variable_length` needs numbers, not characters",
            "set `sgtin_96 = true` with it, or remove it",
        ));
    }
    if rule.sgtin_96 {
        check_tag(rule)?;
    }
    let radix = rule.characters().len() as u128;
    let whole = radix.saturating_pow(u32::from(rule.length));
    if whole < super::ff1::MIN_DOMAIN {
        let cause = format!(
            "{} characters of {radix} make {whole} serial numbers, fewer than 1000000",
            rule.length
        );
        return Err(RuleFault::new(
            "length",
            cause,
            "make the serials longer or the alphabet larger",
        ));
    }
    if rule.density == 0 {
        return Err(RuleFault::new(
            "density",
            "`density` is `0`",
            "give a whole number of 1 or more",
        ));
    }
    let dense = SerialRule {
        density: 1,
        ..rule.clone()
    };
    let space =
        NumberSpace::new(&dense).map_err(|error| RuleFault::new("length", error.to_string(), "make the serials longer"))?;
    if space.size() < u128::from(rule.density) {
        let cause = format!("one in {} of {} serial numbers is less than one", rule.density, space.size());
        return Err(RuleFault::new(
            "density",
            cause,
            "make the serials longer, the alphabet larger or the density smaller",
        ));
    }
    Ok(())
}

/// 38 bits for a number without leading zeros.
fn check_tag(rule: &SerialRule) -> Result<(), RuleFault> {
    let characters = rule.characters();
    if !characters.bytes().all(|character| character.is_ascii_digit()) {
        return Err(RuleFault::new(
            "sgtin_96",
            "an SGTIN-96 tag holds digits only, and the alphabet has others",
            "set `alphabet = \"0123456789\"`",
        ));
    }
    if rule.length > 12 {
        let cause = format!(
            "an SGTIN-96 tag holds numbers up to {SGTIN_96_MAX}, and `length` is {}",
            rule.length
        );
        return Err(RuleFault::new(
            "length",
            cause,
            "set a length of 12 or less, or use SGTIN-198 tags",
        ));
    }
    if characters != DIGITS && (rule.length == 12 || rule.variable_length) {
        return Err(RuleFault::new(
            "alphabet",
            "serials of 12 digits or of variable length fit an SGTIN-96 tag only with all ten digits in order",
            "set `alphabet = \"0123456789\"`, or a length of 11 or less",
        ));
    }
    Ok(())
}

fn check_range(rule: &SerialRule) -> Result<(), RuleFault> {
    let Some(NumberRange { first, last }) = rule.range else {
        return Err(RuleFault::new(
            "source",
            "a sequential range has a first and a last number",
            "add `first = 1` and `last = 99999999`",
        ));
    };
    if rule.characters() != DIGITS {
        return Err(RuleFault::new(
            "alphabet",
            "a sequential range is counted in digits",
            "remove `alphabet` and `exclude`",
        ));
    }
    if rule.density != 1 {
        return Err(RuleFault::new(
            "density",
            "a sequential range is issued from its first to its last number",
            "remove `density`, or let the hub permute the numbers",
        ));
    }
    let most = 10_u64
        .checked_pow(u32::from(rule.length))
        .map_or(i64::MAX as u64, |beyond| beyond - 1)
        .min(i64::MAX as u64);
    if first > last || last > most {
        let cause = format!("{first} to {last} is no range of numbers of at most {} digits", rule.length);
        return Err(RuleFault::new("last", cause, "give a greater `last`, or a greater `length`"));
    }
    let shortest = first.checked_ilog10().unwrap_or(0) + 1;
    let zero_padded = !rule.variable_length && shortest < u32::from(rule.length);
    if zero_padded && (rule.no_leading_zero || rule.sgtin_96) {
        let cause = format!("with {} digits the number {first} begins with `0`", rule.length);
        return Err(RuleFault::new(
            "first",
            cause,
            "give a greater `first`, or set `variable_length = true`",
        ));
    }
    if rule.sgtin_96 && last > SGTIN_96_MAX {
        let cause = format!("an SGTIN-96 tag holds numbers up to {SGTIN_96_MAX}, and `last` is {last}");
        return Err(RuleFault::new("last", cause, "give a smaller `last`"));
    }
    Ok(())
}

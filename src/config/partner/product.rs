//! What a party has serial numbers of: its products, and the SSCCs that the hub gives out for it.
//!
//! Whether a rule can be followed is not judged here ([`SerialRule::check`] does); here it gets its line.

use std::path::Path;

use crate::domain::gs1::{CompanyPrefix, Gtin};
use crate::domain::serial::market::{MARKETS, Market};
use crate::domain::serial::numbered::SsccSeries;
use crate::domain::serial::rule::{DIGITS, MAX_LENGTH, NumberRange, SerialRule, Source, SsccNumbers};
use crate::domain::serial::upstream::Supply;

use super::draft::{GTIN, KEY_FIX, NAME, key, label, once};
use super::reader::{Key, Located, Section, cut};
use super::supply;

const PREFIX: Key = key("prefix", "\"9521001\"");
const EXTENSION_DIGITS: Key = key("extension_digits", "\"0\"");
const SOURCE_FIX: &str = "use permutation, sequential, imported, brokered or delegate";

/// A `[[products]]` table.
#[derive(Debug)]
pub(super) struct ProductDraft {
    pub(super) gtin: Option<Located<Gtin>>,
    /// The line that says that it is an NTIN.
    pub(super) ntin: Option<usize>,
    pub(super) name: Option<String>,
    pub(super) serials: SerialRule,
    pub(super) supply: Supply,
}

/// One series of a `[[sscc]]` table.
#[derive(Debug)]
pub(super) struct SeriesDraft {
    pub(super) prefix: Located<CompanyPrefix>,
    pub(super) numbers: Located<SsccNumbers>,
}

/// Reads a `[[products]]` table.
pub(super) fn product(folder: &Path, mut section: Section<'_>) -> ProductDraft {
    let gtin = section.parsed(&GTIN, KEY_FIX);
    let ntin = section.flag(&key("ntin", "true")).then(|| section.line_of("ntin"));
    let name = label(&mut section, &NAME);
    let (serials, supply) = section
        .section(&key("serials", "{ length = 12 }"))
        .map(|section| serials(folder, section))
        .unwrap_or_default();
    section.finish();
    ProductDraft {
        gtin,
        ntin,
        name,
        serials,
        supply,
    }
}

fn serials(folder: &Path, mut section: Section<'_>) -> (SerialRule, Supply) {
    let problems_before = section.problem_count();
    let source: Option<Located<Source>> = section.optional_parsed(&key("source", "\"permutation\""), SOURCE_FIX);
    let usual = match source.as_ref().map(|source| source.value) {
        Some(Source::Sequential) => SerialRule {
            range: None,
            ..SerialRule::counted(NumberRange { first: 0, last: 0 })
        },
        Some(source @ (Source::Permutation | Source::Imported | Source::Brokered | Source::Delegate)) => SerialRule {
            source,
            ..SerialRule::default()
        },
        None => SerialRule::default(),
    };
    let rule = SerialRule {
        alphabet: text(&mut section, "alphabet", "\"0123456789\"").unwrap_or(usual.alphabet),
        exclude: text(&mut section, "exclude", "\"O0I1\"").unwrap_or(usual.exclude),
        length: section
            .integer(&key("length", "12"), 1..u64::from(MAX_LENGTH) + 1)
            .and_then(|length| u8::try_from(length.value).ok())
            .unwrap_or(usual.length),
        density: section
            .integer(&key("density", "10000"), 1..i64::MAX as u64)
            .map_or(usual.density, |density| density.value),
        source: usual.source,
        markets: markets(&mut section),
        no_leading_zero: section.flag(&key("no_leading_zero", "true")),
        sgtin_96: section.flag(&key("sgtin_96", "true")),
        variable_length: section.flag(&key("variable_length", "true")),
        mixed_case: section.flag(&key("mixed_case", "true")),
        banned_words: words(&mut section),
        range: range(&mut section),
    };
    if section.problem_count() == problems_before
        && let Err(fault) = rule.check()
    {
        section.problem(section.line_of(fault.key), fault.cause, fault.fix);
    }
    let supply = supply::read(folder, &mut section, rule.source);
    section.finish();
    (rule, supply)
}

fn text(section: &mut Section<'_>, name: &'static str, example: &'static str) -> Option<String> {
    section.optional_text(&key(name, example)).map(|text| text.value)
}

fn markets(section: &mut Section<'_>) -> Vec<Market> {
    let known: Vec<&str> = MARKETS.iter().map(|rule| rule.code).collect();
    let fix = format!(
        "use {}; for another market leave it out and give alphabet, length and density as its law asks",
        known.join(", ")
    );
    let found = section.list(&key("markets", "[\"eu\"]"), false, &fix);
    once(section, "markets", found)
}

fn words(section: &mut Section<'_>) -> Vec<String> {
    let found = section.list(&key("banned_words", "[\"SEX\"]"), false, "write each word in quotes");
    once(section, "banned_words", found)
}

/// Both ends, or none.
fn range(section: &mut Section<'_>) -> Option<NumberRange> {
    let whole = 0..i64::MAX as u64;
    let first = section.integer(&key("first", "1"), whole.clone());
    let last = section.integer(&key("last", "99999999"), whole);
    match (first, last) {
        (Some(first), Some(last)) => Some(NumberRange {
            first: first.value,
            last: last.value,
        }),
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => {
            section.problem(
                one.line,
                "a range has a first and a last number",
                "give both: `first = 1` and `last = 99999999`",
            );
            None
        }
    }
}

/// Reads a `[[sscc]]` table: one series for each extension digit.
pub(super) fn sscc(mut section: Section<'_>) -> Vec<SeriesDraft> {
    let fix = "name one of this party's `prefixes`";
    let prefix: Option<Located<CompanyPrefix>> = section.parsed(&PREFIX, fix);
    let digits = section.text(&EXTENSION_DIGITS);
    let references = |prefix: &CompanyPrefix| 10_u64.pow(u32::from(16 - prefix.as_str().len().min(16) as u8));
    let most = prefix.as_ref().map_or(u64::MAX, |prefix| references(&prefix.value));
    let first = section.integer(&key("first", "0"), 0..most);
    let last = section.integer(&key("last", "999999999"), 0..most);
    let line = section.line();
    let mut found = Vec::new();
    if let (Some(prefix), Some(digits)) = (prefix, digits) {
        let range = NumberRange {
            first: first.as_ref().map_or(0, |first| first.value),
            last: last.as_ref().map_or(most - 1, |last| last.value),
        };
        if range.first > range.last {
            let cause = format!("{} to {} is no range of serial references", range.first, range.last);
            section.problem(section.line_of("last"), cause, "give a greater `last`");
        }
        if digits.value.is_empty() || !digits.value.chars().all(|digit| DIGITS.contains(digit)) {
            let cause = format!("`extension_digits` is `{}`", cut(&digits.value));
            section.problem(
                digits.line,
                cause,
                "write one or more of the digits 0 to 9: `extension_digits = \"0\"`",
            );
        }
        let series = digits
            .value
            .bytes()
            .filter_map(|digit| SsccSeries::new(&prefix.value, digit.wrapping_sub(b'0')));
        found.extend(series.map(|series| SeriesDraft {
            prefix: prefix.clone(),
            numbers: Located {
                value: SsccNumbers { series, range },
                line,
            },
        }));
    }
    section.finish();
    found
}

//! The table of GS1 keys that have an EPC: their names, lengths and serial parts, one row a key.

use super::Scheme;
use super::charset::CharSet;

/// One GS1 key.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) scheme: Scheme,
    /// Name in `urn:epc:id:<name>:`.
    pub(super) urn: &'static str,
    /// Application identifier of the key.
    pub(super) ai: &'static str,
    /// Short name of the key in Digital Links before 1.2.
    pub(super) name: &'static str,
    pub(super) body: Body,
    pub(super) serial: Serial,
}

/// What the company prefix and the reference become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many digits of prefix and reference, then a check digit. `leading`: the first digit of the reference (indicator,
    /// extension digit) stands before the prefix in the key.
    Digits { count: usize, leading: bool },
    /// GRAI: a zero, 12 digits, a check digit.
    Asset,
    /// ITIP: a GTIN-14, two digits for the piece, two for the total.
    Pieces,
    /// Prefix and reference as they stand, at most 30 characters together.
    Text(CharSet),
}

/// What tells one instance from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serial {
    /// The key itself names one thing.
    None,
    /// Follows the key without a separator.
    Tail { set: CharSet, max: usize },
    /// An application identifier of its own.
    Part {
        ai: &'static str,
        name: &'static str,
        set: CharSet,
        max: usize,
    },
    /// GLN extension: its absence, written `0` in a URN, is a location of its own, not a class.
    Extension,
}

/// GLN extension component, AI 254.
pub(super) const EXTENSION: (&str, &str, usize) = ("254", "glnx", 20);
/// Batch or lot, AI 10.
pub(super) const LOT: (&str, &str, usize) = ("10", "lot", 20);
/// Third-party controlled serialised extension of a GTIN, AI 235.
pub(super) const CONTROLLED: (&str, &str, usize) = ("235", "tpx", 28);
/// Consumer product variant, AI 22: never part of an identity.
pub(super) const VARIANT: (&str, &str, usize) = ("22", "cpv", 20);

const GTIN: Body = digits(13, true);
const GLN: Body = digits(12, false);

// Most frequent first: the table is searched from the top. One row a line, so that it reads as the table it is.
#[rustfmt::skip]
pub(super) static RULES: [Rule; 15] = [
    Rule { scheme: Scheme::Sgtin,    urn: "sgtin", ai: "01",   name: "gtin",  body: GTIN,                  serial: part("21", "ser", CharSet::X, 20) },
    Rule { scheme: Scheme::Sscc,     urn: "sscc",  ai: "00",   name: "sscc",  body: digits(17, true),      serial: Serial::None },
    Rule { scheme: Scheme::Sgln,     urn: "sgln",  ai: "414",  name: "gln",   body: GLN,                   serial: Serial::Extension },
    Rule { scheme: Scheme::Pgln,     urn: "pgln",  ai: "417",  name: "party", body: GLN,                   serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "gdti",  ai: "253",  name: "gdti",  body: GLN,                   serial: tail(CharSet::X, 17) },
    Rule { scheme: Scheme::OtherGs1, urn: "grai",  ai: "8003", name: "grai",  body: Body::Asset,           serial: tail(CharSet::X, 16) },
    Rule { scheme: Scheme::OtherGs1, urn: "giai",  ai: "8004", name: "giai",  body: Body::Text(CharSet::X), serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "gsrn",  ai: "8018", name: "gsrn",  body: digits(17, false),     serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "gsrnp", ai: "8017", name: "gsrnp", body: digits(17, false),     serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "gsin",  ai: "402",  name: "gsin",  body: digits(16, false),     serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "ginc",  ai: "401",  name: "ginc",  body: Body::Text(CharSet::X), serial: Serial::None },
    Rule { scheme: Scheme::OtherGs1, urn: "cpi",   ai: "8010", name: "cpid",  body: Body::Text(CharSet::Y), serial: part("8011", "cpsn", CharSet::Numeric, 12) },
    Rule { scheme: Scheme::OtherGs1, urn: "sgcn",  ai: "255",  name: "gcn",   body: GLN,                   serial: tail(CharSet::Numeric, 12) },
    Rule { scheme: Scheme::OtherGs1, urn: "itip",  ai: "8006", name: "itip",  body: Body::Pieces,          serial: part("21", "ser", CharSet::X, 20) },
    UPUI,
];

/// A GTIN with a third-party controlled serial; in a Digital Link only its qualifier tells it from an SGTIN.
const UPUI: Rule = Rule {
    scheme: Scheme::OtherGs1,
    urn: "upui",
    ai: "01",
    name: "gtin",
    body: GTIN,
    serial: part(CONTROLLED.0, CONTROLLED.1, CharSet::X, CONTROLLED.2),
};

const fn digits(count: usize, leading: bool) -> Body {
    Body::Digits { count, leading }
}

const fn part(ai: &'static str, name: &'static str, set: CharSet, max: usize) -> Serial {
    Serial::Part { ai, name, set, max }
}

const fn tail(set: CharSet, max: usize) -> Serial {
    Serial::Tail { set, max }
}

impl Rule {
    /// By its name in a URN.
    pub(super) fn by_urn(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.urn == name)
    }

    /// By the segment of a Digital Link that announces the key: the SGTIN rule for GTINs.
    pub(super) fn by_key(segment: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.ai == segment || rule.name == segment)
    }

    /// The rule of GTINs with a third-party controlled serial.
    pub(super) fn upui() -> &'static Self {
        static RULE: Rule = UPUI;
        &RULE
    }
}

impl Body {
    /// Length of the key with its check digit (and pieces), in digits; a text key has none.
    pub(super) fn key_digits(self) -> Option<usize> {
        match self {
            Self::Digits { count, .. } => Some(count + 1),
            Self::Asset => Some(14),
            Self::Pieces => Some(18),
            Self::Text(_) => None,
        }
    }

    /// Digits that a URN gives for prefix and reference together; a text key has none.
    pub(super) fn urn_digits(self) -> Option<usize> {
        match self {
            Self::Digits { count, .. } => Some(count),
            Self::Asset => Some(12),
            Self::Pieces => Some(13),
            Self::Text(_) => None,
        }
    }

    /// Whether the first digit of the reference stands before the prefix in the key.
    pub(super) fn leading(self) -> bool {
        match self {
            Self::Digits { leading, .. } => leading,
            Self::Pieces => true,
            Self::Asset | Self::Text(_) => false,
        }
    }

    /// How many of the key's digits stand before the company prefix.
    pub(super) fn before_prefix(self) -> usize {
        match self {
            Self::Digits { leading: true, .. } | Self::Asset | Self::Pieces => 1,
            Self::Digits { leading: false, .. } | Self::Text(_) => 0,
        }
    }
}

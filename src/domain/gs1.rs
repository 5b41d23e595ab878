//! GS1 identification keys and EPCs: parsing, check digits, spellings.
//!
//! One thing has many spellings: an EPC URN (once for every assumed length of the company prefix), a GS1 Digital
//! Link on any domain, a Digital Link with short names, with a query, with a GTIN-13. All of them are parsed into one
//! [`Epc`] whose [`Epc::canonical`] text, the Digital Link of CBV 2.0 clause 8.9, is its identity; the spelling it came
//! in is kept beside it for those who want their own words back.
//!
//! Deliberately absent: reading tag encodings (`urn:epc:tag:`, binary; they are only written), compressed Digital Links, and any list
//! of company prefixes. The length of a prefix is never guessed: who wants a URN brings a function that knows it.
//!
//! INVARIANTS
//! - A value that exists is good: lengths, character sets and check digits were verified when it was made.
//! - `parse(epc.canonical()).canonical() == epc.canonical()`, and the same for `as_captured`.
//! - Two texts that name the same thing by the rules of GS1 give equal values; serials stay case-sensitive texts, so
//!   `01` and `1` are two things.
//!
//! The rules: GS1 EPC Tag Data Standard 1.13 (URN grammar: clause 6.3, characters: annex A), GS1 General
//! Specifications (AI: clause 3, check digit: clause 7.9), GS1 Digital Link URI Syntax 1.2, CBV 2.0.

mod charset;
mod check_digit;
mod class;
mod digital_link;
mod element_string;
mod epc;
mod identifier;
mod key;
mod other_epc;
#[cfg(test)]
mod properties;
mod rule;
mod spelling;
mod tag;
mod token;
mod uri;
mod urn;

pub use charset::{encode_link, encode_urn};
pub(in crate::domain) use check_digit::check_digit;
pub use class::EpcClass;
pub use element_string::read_element_string;
pub use epc::{Epc, EpcKey};
pub use key::{CompanyPrefix, Gln, Gtin, Sscc};
pub use tag::{MAX_FILTER, TagError, TagHead, TagScheme};

use self::charset::CharSet;
use super::finding::FindingCode;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Gs1Error {
    /// Stable code of the catalogue of findings: `INVALID_EPC_URI`, `INVALID_CHECK_DIGIT`, `INVALID_VALUE`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// What kind of thing an EPC names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Trade item: GTIN + serial.
    Sgtin,
    /// Logistic unit.
    Sscc,
    /// Location, with or without extension.
    Sgln,
    /// Party.
    Pgln,
    /// Any other GS1 key with a translation: GDTI, GRAI, GIAI, CPI, ITIP, UPUI, GSRN, GSRNP, GSIN, GINC, SGCN.
    OtherGs1,
    /// Passed through untranslated: GID, ADI, USDOD, BIC, IMOVN, private URIs.
    Uri,
}

/// Longest part of a refused text that an error repeats, in bytes.
const QUOTED_BYTES: usize = 100;

/// A broken rule, before the text that broke it is known.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    code: FindingCode,
    why: String,
}

impl Fault {
    fn epc(why: impl Into<String>) -> Self {
        Self {
            code: FindingCode::InvalidEpc,
            why: why.into(),
        }
    }

    fn check_digit(expected: u8) -> Self {
        Self {
            code: FindingCode::InvalidCheckDigit,
            why: format!("the check digit should be {}", char::from(expected)),
        }
    }

    fn value(why: impl Into<String>) -> Self {
        Self {
            code: FindingCode::InvalidValue,
            why: why.into(),
        }
    }

    /// `what` is the thing that the text should have been, `an EPC` or `a GTIN`.
    fn about(self, what: &str, text: &str) -> Gs1Error {
        let cut = (0..=QUOTED_BYTES.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let dots = if cut < text.len() { "…" } else { "" };
        let visible = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let quoted: String = text.get(..cut).unwrap_or_default().chars().map(visible).collect();
        Gs1Error {
            code: self.code.as_str(),
            message: format!("`{quoted}{dots}` is not {what}: {}", self.why),
        }
    }
}

//! An identified thing, location or party.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::charset::decode_link;
use super::identifier::Identifier;
use super::rule::Rule;
use super::spelling::{Spelling, deserialize};
use super::token::Token;
use super::urn::EpcUrn;
use super::{Fault, Gln, Gs1Error, Gtin, Scheme, Sscc, digital_link, uri, urn};

/// The key of an EPC in the database: the first 128 bits of SHA-256 over the canonical form, the first 32 of them replaced by where it
/// belongs, so that things of one product, and logistic units numbered one after the other, are neighbours in every index. What a lot
/// costs does not depend on how much else is stored then. 96 bits of the hash tell things apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpcKey(pub Uuid);

impl Hash for EpcKey {
    /// Half of it, which is all hash: what is captured is looked up by it some twenty times a thing.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.as_u64_pair().1);
    }
}

/// An identified thing, location or party. Equal when the canonical forms are equal, however spelt.
#[derive(Clone)]
pub struct Epc(Spelling);

// Where the key and the serial stand in `https://id.gs1.org/01/<14>/21/<serial>`, `/00/<18>`, `/414/<13>` and `/417/<13>`.
const AFTER_TWO: usize = "https://id.gs1.org/01/".len();
const AFTER_THREE: usize = "https://id.gs1.org/414/".len();
const AFTER_FOUR: usize = "https://id.gs1.org/8006/".len();
const SERIAL: usize = AFTER_TWO + 14 + "/21/".len();

impl Epc {
    /// Canonical GS1 Digital Link (`https://id.gs1.org/01/…/21/…`, percent-coding of CBV 2.0 clause 8.9), or the URI as
    /// it stands.
    #[must_use]
    pub fn canonical(&self) -> &str {
        self.0.canonical()
    }

    /// The spelling it came in, without white space around it.
    #[must_use]
    pub fn as_captured(&self) -> &str {
        self.0.captured()
    }

    /// Its kind.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.0.scheme()
    }

    /// Its database key.
    #[must_use]
    pub fn key(&self) -> EpcKey {
        let hash = digest(&SHA256, self.canonical().as_bytes());
        let mut key = [0_u8; 16];
        for (slot, byte) in key.iter_mut().zip(hash.as_ref()) {
            *slot = *byte;
        }
        if let Some(neighbourhood) = self.neighbourhood() {
            for (slot, byte) in key.iter_mut().zip(neighbourhood.to_be_bytes()) {
                *slot = byte;
            }
        }
        EpcKey(Uuid::from_bytes(key))
    }

    /// The low bits of its GTIN, or of the hundred that its SSCC is one of.
    fn neighbourhood(&self) -> Option<u32> {
        let number = match self.scheme() {
            Scheme::Sgtin => self.canonical().get(AFTER_TWO..AFTER_TWO + 14)?.parse::<u64>().ok()?,
            Scheme::Sscc => self.canonical().get(AFTER_TWO..)?.parse::<u64>().ok()? / 1_000,
            Scheme::Sgln | Scheme::Pgln | Scheme::OtherGs1 | Scheme::Uri => return None,
        };
        u32::try_from(number & u64::from(u32::MAX)).ok()
    }

    /// GTIN-14 of an SGTIN, ITIP or UPUI.
    #[must_use]
    pub fn gtin(&self) -> Option<Gtin> {
        let at = match self.scheme() {
            Scheme::Sgtin => AFTER_TWO,
            Scheme::OtherGs1 if self.canonical().get(AFTER_TWO - 3..AFTER_TWO) == Some("01/") => AFTER_TWO,
            Scheme::OtherGs1 if self.canonical().get(AFTER_FOUR - 5..AFTER_FOUR) == Some("8006/") => AFTER_FOUR,
            Scheme::OtherGs1 | Scheme::Sscc | Scheme::Sgln | Scheme::Pgln | Scheme::Uri => return None,
        };
        Gtin::from_verified(self.canonical().get(at..at + 14)?)
    }

    /// Serial of an SGTIN, without escapes.
    #[must_use]
    pub fn serial(&self) -> Option<Cow<'_, str>> {
        if self.scheme() != Scheme::Sgtin {
            return None;
        }
        let escaped = self.canonical().get(SERIAL..)?;
        if escaped.contains('%') {
            return decode_link(escaped).ok().map(|serial| Cow::Owned(serial.as_str().to_owned()));
        }
        Some(Cow::Borrowed(escaped))
    }

    /// SSCC of a logistic unit.
    #[must_use]
    pub fn sscc(&self) -> Option<Sscc> {
        let digits = self.canonical().get(AFTER_TWO..)?;
        if self.scheme() == Scheme::Sscc {
            Sscc::from_verified(digits)
        } else {
            None
        }
    }

    /// GLN of a location (with or without extension) or party.
    #[must_use]
    pub fn gln(&self) -> Option<Gln> {
        match self.scheme() {
            Scheme::Sgln | Scheme::Pgln => Gln::from_verified(self.canonical().get(AFTER_THREE..AFTER_THREE + 13)?),
            Scheme::Sgtin | Scheme::Sscc | Scheme::OtherGs1 | Scheme::Uri => None,
        }
    }

    /// SGTIN from its parts; the serial without escapes.
    ///
    /// # Errors
    /// `INVALID_EPC_URI` if the serial has not 1 to 20 characters of GS1 character set 82.
    pub fn sgtin(gtin: Gtin, serial: &str) -> Result<Self, Gs1Error> {
        let parse = || {
            let rule = Rule::by_key("01").ok_or_else(|| Fault::epc("there is no rule for GTINs"))?;
            let identifier = Identifier::new(rule, Token::from_bytes(gtin.as_str().as_bytes())?)?;
            identifier.with_serial(Token::from_bytes(serial.as_bytes())?)
        };
        let identifier = parse().map_err(|fault| fault.about("a serial", serial))?;
        Ok(Self(Spelling::of(&identifier, None)))
    }

    /// A logistic unit.
    #[must_use]
    pub fn from_sscc(sscc: Sscc) -> Self {
        Self(Spelling::plain(Scheme::Sscc, format!("https://id.gs1.org/00/{sscc}")))
    }

    /// A location without extension.
    #[must_use]
    pub fn from_gln(gln: Gln) -> Self {
        Self(Spelling::plain(Scheme::Sgln, format!("https://id.gs1.org/414/{gln}")))
    }

    /// A party.
    #[must_use]
    pub fn from_party_gln(gln: Gln) -> Self {
        Self(Spelling::plain(Scheme::Pgln, format!("https://id.gs1.org/417/{gln}")))
    }

    /// The EPC pure identity URN.
    ///
    /// `prefix_len` answers the length of the company prefix that the given digits of a GS1 key begin with (the key
    /// without indicator, extension digit or leading zero of a GRAI). Where it answers nothing, the URN is the one that
    /// was captured, if one was; a length is never guessed. A URI that is a URN of another kind is its own answer.
    #[must_use]
    pub fn to_urn(&self, prefix_len: impl Fn(&str) -> Option<usize>) -> Option<String> {
        self.0.urn(prefix_len)
    }

    /// Application identifiers in brackets, `(01)09506000134352(21)A1`; nothing for a URI.
    #[must_use]
    pub fn element_string(&self) -> Option<String> {
        self.0.identifier().map(|identifier| identifier.element_string())
    }

    /// A text that names no thing by any rule, kept as it stands: equal to itself and to nothing else. `None` where it is longer
    /// than an identifier may be.
    #[must_use]
    pub fn opaque(text: &str) -> Option<Self> {
        Spelling::kept(text.trim()).map(Self)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        if let Some(body) = urn::body(text) {
            return match urn::parse_instance(body)? {
                EpcUrn::Known(identifier) => Ok(Self(Spelling::of(&identifier, Some(text)))),
                EpcUrn::Opaque => {
                    uri::verify(text)?;
                    Ok(Self(Spelling::opaque(body, text)))
                }
            };
        }
        match digital_link::parse(text)? {
            Some(identifier) if identifier.is_class() => {
                Err(Fault::epc("it names a class, not one thing; send it in a quantity list"))
            }
            Some(identifier) => Ok(Self(Spelling::of(&identifier, Some(text)))),
            None => {
                uri::verify(text)?;
                Ok(Self(Spelling::plain(Scheme::Uri, text)))
            }
        }
    }
}

impl From<Spelling> for Epc {
    fn from(spelling: Spelling) -> Self {
        Self(spelling)
    }
}

impl FromStr for Epc {
    type Err = Gs1Error;

    /// Any spelling of one thing: EPC URN, Digital Link (any domain, short names; query dropped), other absolute URI.
    /// White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, Gs1Error> {
        let text = text.trim();
        Self::parse(text).map_err(|fault| fault.about("an EPC", text))
    }
}

impl fmt::Debug for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epc({})", self.as_captured())
    }
}

impl fmt::Display for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical())
    }
}

impl PartialEq for Epc {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Epc {}

impl Hash for Epc {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl PartialOrd for Epc {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Epc {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical().cmp(other.canonical())
    }
}

impl Serialize for Epc {
    /// As captured, so that the spelling survives storage.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.stored())
    }
}

impl<'de> Deserialize<'de> for Epc {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests;

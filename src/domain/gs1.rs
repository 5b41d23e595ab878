//! GS1 identification keys and EPCs: parsing, check digits, spellings.
//!
//! CONTRACT STUB: the owner of this room replaces bodies, keeps these names.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier it should be: `code` is stable (`INVALID_EPC_URI`, `INVALID_GTIN_CHECK_DIGIT`, …).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Gs1Error {
    /// Stable code of the findings catalogue.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

macro_rules! digits_key {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);
        impl $name {
            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or("")
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
        impl FromStr for $name {
            type Err = Gs1Error;
            fn from_str(text: &str) -> Result<Self, Gs1Error> {
                let bytes: [u8; $len] = text.as_bytes().try_into().map_err(|_| Gs1Error { code: "INVALID_KEY", message: format!("`{text}` must have {} digits", $len) })?;
                Ok(Self(bytes))
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digits_key!(/** GTIN-14, check digit right. Shorter GTINs are padded on parsing. */ Gtin, 14);
digits_key!(/** SSCC, check digit right. */ Sscc, 18);
digits_key!(/** GLN, check digit right. */ Gln, 13);

/// A GS1 Company Prefix, 6 to 12 digits (prefix zeros included).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CompanyPrefix(Box<str>);
impl CompanyPrefix {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str { &self.0 }
}
impl TryFrom<String> for CompanyPrefix { type Error = Gs1Error; fn try_from(text: String) -> Result<Self, Gs1Error> { Ok(Self(text.into())) } }
impl From<CompanyPrefix> for String { fn from(p: CompanyPrefix) -> Self { p.0.into() } }

/// What kind of thing an EPC names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// GTIN + serial
    Sgtin,
    /// Logistic unit
    Sscc,
    /// Location, with or without extension
    Sgln,
    /// Party
    Pgln,
    /// Any other GS1 key (GDTI, GRAI, GIAI, CPI, ITIP, UPUI, GSRN, GSRNP, GSIN, GINC, SGCN, …)
    OtherGs1,
    /// Passed through untranslated: GID, ADI, USDOD, BIC, IMOVN, private URIs
    Uri,
}

/// 128 bits of SHA-256 over the canonical form: the key of an EPC in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpcKey(pub uuid::Uuid);

/// An identified thing, location or party. Equal when the canonical Digital Links are equal, however spelt.
#[derive(Debug, Clone)]
pub struct Epc {
    canonical: Box<str>,
    captured: Option<Box<str>>,
    scheme: Scheme,
}
impl Epc {
    /// Canonical GS1 Digital Link (`https://id.gs1.org/01/…/21/…`, CBV 2.0 §8.9 percent-coding), or the URI as it stands.
    #[must_use]
    pub fn canonical(&self) -> &str { &self.canonical }
    /// The spelling it came in.
    #[must_use]
    pub fn as_captured(&self) -> &str { self.captured.as_deref().unwrap_or(&self.canonical) }
    /// Its kind.
    #[must_use]
    pub fn scheme(&self) -> Scheme { self.scheme }
    /// Its database key.
    #[must_use]
    pub fn key(&self) -> EpcKey { EpcKey(uuid::Uuid::nil()) }
    /// GTIN-14 of an SGTIN (any key that has one).
    #[must_use]
    pub fn gtin(&self) -> Option<Gtin> { None }
    /// Unescaped serial of an SGTIN.
    #[must_use]
    pub fn serial(&self) -> Option<std::borrow::Cow<'_, str>> { None }
    /// SSCC-18.
    #[must_use]
    pub fn sscc(&self) -> Option<Sscc> { None }
    /// GLN of an SGLN or PGLN.
    #[must_use]
    pub fn gln(&self) -> Option<Gln> { None }
    /// SGTIN from its parts.
    pub fn sgtin(gtin: Gtin, serial: &str) -> Result<Self, Gs1Error> { format!("https://id.gs1.org/01/{gtin}/21/{serial}").parse() }
    /// SSCC as EPC.
    #[must_use]
    pub fn from_sscc(sscc: Sscc) -> Self { Self { canonical: format!("https://id.gs1.org/00/{sscc}").into(), captured: None, scheme: Scheme::Sscc } }
    /// SGLN without extension.
    #[must_use]
    pub fn from_gln(gln: Gln) -> Self { Self { canonical: format!("https://id.gs1.org/414/{gln}").into(), captured: None, scheme: Scheme::Sgln } }
    /// The EPC pure identity URN. `prefix_len` answers the company prefix length of a GS1 key (GTIN-14 without
    /// indicator, SSCC without extension digit, GLN: always the digits that start with the prefix); `None` = unknown, never guessed.
    #[must_use]
    pub fn to_urn(&self, prefix_len: impl Fn(&str) -> Option<usize>) -> Option<String> { let _ = prefix_len; None }
}
impl PartialEq for Epc { fn eq(&self, other: &Self) -> bool { self.canonical == other.canonical } }
impl Eq for Epc {}
impl Hash for Epc { fn hash<H: Hasher>(&self, state: &mut H) { self.canonical.hash(state); } }
impl PartialOrd for Epc { fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> { Some(self.cmp(other)) } }
impl Ord for Epc { fn cmp(&self, other: &Self) -> std::cmp::Ordering { self.canonical.cmp(&other.canonical) } }
impl fmt::Display for Epc { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.canonical) } }
impl FromStr for Epc {
    type Err = Gs1Error;
    /// Any spelling: EPC URN, Digital Link (any domain, short names, query stripped), other URI.
    fn from_str(text: &str) -> Result<Self, Gs1Error> { Ok(Self { canonical: text.into(), captured: None, scheme: Scheme::Uri }) }
}
impl Serialize for Epc {
    /// As captured, so that the spelling survives storage.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_captured()) }
}
impl<'de> Deserialize<'de> for Epc {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A class of things: `urn:epc:idpat:sgtin:GCP.Ref.*`, `urn:epc:class:lgtin:…`, `/01/…`, `/01/…/10/…`, any class URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpcClass(Box<str>);
impl EpcClass {
    /// Canonical Digital Link, or the URI as it stands.
    #[must_use]
    pub fn canonical(&self) -> &str { &self.0 }
    /// The spelling it came in.
    #[must_use]
    pub fn as_captured(&self) -> &str { &self.0 }
    /// GTIN-14 of a GTIN or lot class.
    #[must_use]
    pub fn gtin(&self) -> Option<Gtin> { None }
}
impl FromStr for EpcClass { type Err = Gs1Error; fn from_str(text: &str) -> Result<Self, Gs1Error> { Ok(Self(text.into())) } }

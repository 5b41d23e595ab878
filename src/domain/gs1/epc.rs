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

/// The first 128 bits of SHA-256 over the canonical form: the key of an EPC in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpcKey(pub Uuid);

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
        EpcKey(Uuid::from_bytes(key))
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
        serializer.serialize_str(self.as_captured())
    }
}

impl<'de> Deserialize<'de> for Epc {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Epc {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn check(text: &str, canonical: &str) {
        let epc = parse(text);
        assert_eq!(epc.canonical(), canonical, "{text}");
        assert_eq!(epc.as_captured(), text.trim());
        assert_eq!(parse(canonical).canonical(), canonical);
    }

    fn refused(text: &str, code: &str) {
        match text.parse::<Epc>() {
            Ok(epc) => panic!("`{text}` was read as {epc}"),
            Err(error) => assert_eq!(error.code, code, "{error}"),
        }
    }

    #[test]
    fn every_scheme_has_its_digital_link() {
        check(
            "urn:epc:id:sgtin:0614141.812345.6789",
            "https://id.gs1.org/01/80614141123458/21/6789",
        );
        check(
            "urn:epc:id:sscc:4012345.3111111111",
            "https://id.gs1.org/00/340123451111111111",
        );
        check(
            "urn:epc:id:sgln:4012345.00005.12",
            "https://id.gs1.org/414/4012345000054/254/12",
        );
        check(
            "urn:epc:id:sgln:061411123456..01",
            "https://id.gs1.org/414/0614111234560/254/01",
        );
        check("urn:epc:id:pgln:999999999999.", "https://id.gs1.org/417/9999999999994");
        check("urn:epc:id:gdti:0614141.12345.400", "https://id.gs1.org/253/0614141123452400");
        check(
            "urn:epc:id:grai:0614141.12345.400",
            "https://id.gs1.org/8003/00614141123452400",
        );
        check("urn:epc:id:giai:0614141.1ABc%2FD", "https://id.gs1.org/8004/06141411ABc%2FD");
        check(
            "urn:epc:id:cpi:0614141.1%231456.123456789",
            "https://id.gs1.org/8010/06141411%231456/8011/123456789",
        );
        check(
            "urn:epc:id:itip:4012345.011111.01.02.987",
            "https://id.gs1.org/8006/040123451111180102/21/987",
        );
        check(
            "urn:epc:id:upui:1234567.089456.51qIgY)%3C%26Jp3*j7'SDB",
            "https://id.gs1.org/01/01234567894560/235/51qIgY%29%3C%26Jp3%2Aj7'SDB",
        );
        check(
            "urn:epc:id:gsrn:012345678901.01234",
            "https://id.gs1.org/8018/012345678901012342",
        );
        check(
            "urn:epc:id:gsrnp:4012345.0000000007",
            "https://id.gs1.org/8017/401234500000000074",
        );
        check(
            "urn:epc:id:gsin:4012345.222333444",
            "https://id.gs1.org/402/40123452223334442",
        );
        check(
            "urn:epc:id:ginc:0614141.xyz47%2F11",
            "https://id.gs1.org/401/0614141xyz47%2F11",
        );
        check(
            "urn:epc:id:sgcn:4012345.67890.04711",
            "https://id.gs1.org/255/401234567890104711",
        );
    }

    #[test]
    fn digital_links_in_all_forms() {
        check(
            "https://brand.example/a/b/01/09506000134352/21/A1",
            "https://id.gs1.org/01/09506000134352/21/A1",
        );
        check(
            "HTTP://User@Brand.Example:8443/gtin/9506000134352/ser/A1/?x=1#y",
            "https://id.gs1.org/01/09506000134352/21/A1",
        );
        check(
            "https://id.gs1.org/01/9506000134352/22/2A/10/L1/21/A1?17=291231",
            "https://id.gs1.org/01/09506000134352/21/A1",
        );
        check(
            "https://id.gs1.org/01/09506000134352/21/A%2b1",
            "https://id.gs1.org/01/09506000134352/21/A%2B1",
        );
        check(
            "https://id.gs1.org/01/09506000134352/21/A+1",
            "https://id.gs1.org/01/09506000134352/21/A%2B1",
        );
        check(
            "https://id.gs1.org/01/09506000134352/21/%41",
            "https://id.gs1.org/01/09506000134352/21/A",
        );
        check(
            "https://id.gs1.org/01/09506000134352/235/T1",
            "https://id.gs1.org/01/09506000134352/235/T1",
        );
        check(
            "https://id.gs1.org/414/9506000134352/254/0",
            "https://id.gs1.org/414/9506000134352",
        );
        check(
            "https://x.example/414/01/09506000134352/21/5",
            "https://id.gs1.org/01/09506000134352/21/5",
        );
    }

    #[test]
    fn other_uris_pass_as_they_stand() {
        check("urn:epc:id:gid:95100000.12345.400", "urn:epc:id:gid:95100000.12345.400");
        check("  urn:example:pump:7\n", "urn:example:pump:7");
        check("https://example.com/party/john", "https://example.com/party/john");
        check("https://example.com/01/42", "https://example.com/01/42");
        check(
            "https://id.gs1.org/01/09506000134352/99/x",
            "https://id.gs1.org/01/09506000134352/99/x",
        );
        check("geo:52.5,13.4", "geo:52.5,13.4");
        assert_eq!(parse("URN:EPC:id:imovn:9176187"), parse("urn:epc:id:imovn:9176187"));
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        refused("https://id.gs1.org/01/09506000134353/21/A1", "INVALID_CHECK_DIGIT");
        refused("https://brand.example/00/340123451111111112", "INVALID_CHECK_DIGIT");
        refused("https://id.gs1.org/01/0950600013435/21/A1", "INVALID_CHECK_DIGIT");
        refused("https://id.gs1.org/01/950600/21/A1", "INVALID_EPC_URI");
        refused(
            "https://id.gs1.org/01/09506000134352/21/123456789012345678901",
            "INVALID_EPC_URI",
        );
        refused("https://id.gs1.org/01/09506000134352/21/A%23", "INVALID_EPC_URI");
        refused("https://id.gs1.org/01/09506000134352/21/A%2", "INVALID_EPC_URI");
        refused("https://id.gs1.org/01/09506000134352", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.A%23", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.A%41", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.A&B", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.é", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:0614141.812345.123456789012345678901", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtin:06141.81234567.1", "INVALID_EPC_URI");
        refused("urn:epc:id:cpi:0614141.123456.01", "INVALID_EPC_URI");
        refused("urn:epc:id:sgtn:0614141.812345.1", "INVALID_EPC_URI");
        refused("urn:epcid:sgtin:0614141.812345.1", "INVALID_EPC_URI");
        refused("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "INVALID_EPC_URI");
        refused("urn:epc:class:lgtin:0614141.812345.L1", "INVALID_EPC_URI");
        refused("urn:epc:idpat:sgtin:0614141.812345.*", "INVALID_EPC_URI");
        refused("Hello World!", "INVALID_EPC_URI");
        refused("42", "INVALID_EPC_URI");
        refused("", "INVALID_EPC_URI");
        refused("urn:example:a b", "INVALID_EPC_URI");
    }

    #[test]
    fn serials_are_case_sensitive_texts() {
        let of = |serial: &str| parse(&format!("https://id.gs1.org/01/09506000134352/21/{serial}"));
        assert_ne!(of("01"), of("1"));
        assert_ne!(of("a"), of("A"));
        assert_ne!(of("1").key(), of("01").key());
    }

    #[test]
    fn one_thing_has_one_key() {
        let key = parse("urn:epc:id:sgtin:0614141.812345.A%2FB").key();
        for other in [
            "urn:epc:id:sgtin:06141411.82345.A%2FB",
            "https://x.example/gtin/80614141123458/ser/A%2fB?q",
            "https://id.gs1.org/01/80614141123458/10/L/21/A%2FB",
        ] {
            assert_eq!(parse(other).key(), key, "{other}");
        }
        assert_eq!(key, EpcKey(uuid::uuid!("249439f9-3cee-977f-b739-cc1cb3a1ea8c")));
    }

    #[test]
    fn parts_are_given_back() {
        let gtin: Gtin = "80614141123458".parse().unwrap();
        let epc = Epc::sgtin(gtin, "A/B%1").unwrap();
        assert_eq!(epc, parse("urn:epc:id:sgtin:0614141.812345.A%2FB%251"));
        assert_eq!((epc.gtin(), epc.serial().as_deref()), (Some(gtin), Some("A/B%1")));
        assert!(
            Epc::sgtin(gtin, "").is_err() && Epc::sgtin(gtin, "#").is_err() && Epc::sgtin(gtin, "123456789012345678901").is_err()
        );
        assert_eq!(
            parse("urn:epc:id:itip:4012345.011111.01.02.987")
                .gtin()
                .map(|gtin| gtin.to_string())
                .as_deref(),
            Some("04012345111118")
        );
        assert_eq!(
            parse("urn:epc:id:upui:123456789012.0.0")
                .gtin()
                .map(|gtin| gtin.to_string())
                .as_deref(),
            Some("01234567890128")
        );
        assert_eq!(parse("urn:epc:id:gdti:0614141.12345.400").gtin(), None);
        let sscc: Sscc = "340123451111111111".parse().unwrap();
        assert_eq!(
            (
                parse("urn:epc:id:sscc:4012345.3111111111").sscc(),
                Epc::from_sscc(sscc).sscc()
            ),
            (Some(sscc), Some(sscc))
        );
        let gln: Gln = "4012345000054".parse().unwrap();
        assert_eq!(
            (
                parse("urn:epc:id:sgln:4012345.00005.12").gln(),
                Epc::from_gln(gln).gln(),
                Epc::from_party_gln(gln).gln()
            ),
            (Some(gln), Some(gln), Some(gln))
        );
        assert_ne!(Epc::from_gln(gln), Epc::from_party_gln(gln));
    }

    #[test]
    fn a_urn_needs_the_length_of_the_prefix() {
        let seven = |digits: &str| digits.starts_with("4012345").then_some(7);
        for urn in [
            "urn:epc:id:sgtin:4012345.011111.A%2F1",
            "urn:epc:id:sscc:4012345.3111111111",
            "urn:epc:id:sgln:4012345.00005.0",
            "urn:epc:id:sgln:4012345.00005.12",
            "urn:epc:id:pgln:4012345.00005",
            "urn:epc:id:gdti:4012345.12345.A",
            "urn:epc:id:grai:4012345.12345.A",
            "urn:epc:id:giai:4012345.ABC345",
            "urn:epc:id:cpi:4012345.1%23.5",
            "urn:epc:id:itip:4012345.011111.01.02.987",
            "urn:epc:id:upui:4012345.011111.X",
            "urn:epc:id:gsrn:4012345.0000000007",
            "urn:epc:id:gsin:4012345.222333444",
            "urn:epc:id:ginc:4012345.x",
            "urn:epc:id:sgcn:4012345.67890.04711",
        ] {
            let epc = parse(parse(urn).canonical());
            assert_eq!(epc.to_urn(seven).as_deref(), Some(urn));
            assert_eq!(epc.to_urn(|_| None), None);
            assert_eq!(parse(urn).to_urn(|_| None).as_deref(), Some(urn));
        }
        let twelve = parse("https://id.gs1.org/414/0614111234560");
        assert_eq!(
            twelve.to_urn(|_| Some(12)).as_deref(),
            Some("urn:epc:id:sgln:061411123456..0")
        );
        assert_eq!(twelve.to_urn(|_| Some(5)), None);
        assert_eq!(twelve.to_urn(|_| Some(13)), None);
        assert_eq!(
            parse("urn:epc:id:imovn:9176187").to_urn(|_| None).as_deref(),
            Some("urn:epc:id:imovn:9176187")
        );
        assert_eq!(parse("https://example.com/x").to_urn(|_| Some(7)), None);
    }

    #[test]
    fn the_spelling_survives_serde_and_costs_one_allocation() {
        let epc = parse("urn:epc:id:sgtin:0614141.812345.6789");
        let text = serde_json::to_string(&epc).unwrap();
        assert_eq!(text, "\"urn:epc:id:sgtin:0614141.812345.6789\"");
        let back: Epc = serde_json::from_str(&text).unwrap();
        assert_eq!((back.as_captured(), back.canonical()), (epc.as_captured(), epc.canonical()));
        assert!(serde_json::from_str::<Epc>("\"x\"").is_err());
        assert_eq!(size_of::<Epc>(), 24);
    }
}

//! A class of things: what a quantity counts.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spelling::{Spelling, deserialize};
use super::urn::EpcUrn;
use super::{Fault, Gs1Error, Gtin, Scheme, digital_link, uri, urn};

/// A class of things: `urn:epc:idpat:sgtin:GCP.Ref.*`, `urn:epc:class:lgtin:…`, `/01/…`, `/01/…/10/…`, any class URI.
/// Equal when the canonical forms are equal, however spelt.
#[derive(Clone)]
pub struct EpcClass(Spelling);

impl EpcClass {
    /// Canonical Digital Link (CBV 2.0 clause 8.9), or the URI as it stands.
    #[must_use]
    pub fn canonical(&self) -> &str {
        self.0.canonical()
    }

    /// The spelling it came in, without white space around it.
    #[must_use]
    pub fn as_captured(&self) -> &str {
        self.0.captured()
    }

    /// GTIN-14 of a GTIN, lot or ITIP.
    #[must_use]
    pub fn gtin(&self) -> Option<Gtin> {
        let identifier = self.0.identifier()?;
        match identifier.rule.ai {
            "01" | "8006" => Gtin::from_verified(identifier.key.as_str().get(..14)?),
            _ => None,
        }
    }

    /// Lot, without escapes.
    #[must_use]
    pub fn lot(&self) -> Option<String> {
        let lot = self.0.identifier()?.lot;
        (!lot.is_empty()).then(|| lot.as_str().to_owned())
    }

    /// The EPC pattern or lot URN; `prefix_len` as in [`super::Epc::to_urn`].
    #[must_use]
    pub fn to_urn(&self, prefix_len: impl Fn(&str) -> Option<usize>) -> Option<String> {
        self.0.urn(prefix_len)
    }

    /// Application identifiers in brackets, `(01)09506000134352(10)L1`; nothing for a URI.
    #[must_use]
    pub fn element_string(&self) -> Option<String> {
        self.0.identifier().map(|identifier| identifier.element_string())
    }

    /// A text that names no class by any rule, kept as it stands: equal to itself and to nothing else. `None` where it is longer
    /// than an identifier may be.
    #[must_use]
    pub fn opaque(text: &str) -> Option<Self> {
        Spelling::kept(text.trim()).map(Self)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let known = |identifier| Ok(Self(Spelling::of(&identifier, Some(text))));
        if let Some(body) = urn::body(text) {
            return match urn::parse_class(body)? {
                EpcUrn::Known(identifier) => known(identifier),
                EpcUrn::Opaque => {
                    uri::verify(text)?;
                    Ok(Self(Spelling::opaque(body, text)))
                }
            };
        }
        if let Some(identifier) = digital_link::parse(text)? {
            return known(identifier);
        }
        uri::verify(text)?;
        Ok(Self(Spelling::plain(Scheme::Uri, text)))
    }
}

impl From<Spelling> for EpcClass {
    fn from(spelling: Spelling) -> Self {
        Self(spelling)
    }
}

impl FromStr for EpcClass {
    type Err = Gs1Error;

    /// Any spelling of a class. A single thing is a class of one. White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, Gs1Error> {
        let text = text.trim();
        Self::parse(text).map_err(|fault| fault.about("a class of EPCs", text))
    }
}

impl fmt::Debug for EpcClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpcClass({})", self.as_captured())
    }
}

impl fmt::Display for EpcClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical())
    }
}

impl PartialEq for EpcClass {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for EpcClass {}

impl Hash for EpcClass {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl Serialize for EpcClass {
    /// As captured, so that the spelling survives storage.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.stored())
    }
}

impl<'de> Deserialize<'de> for EpcClass {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> EpcClass {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn check(text: &str, canonical: &str) {
        let class = parse(text);
        assert_eq!(class.canonical(), canonical, "{text}");
        assert_eq!(class.as_captured(), text);
        assert_eq!(parse(canonical).canonical(), canonical);
    }

    #[test]
    fn classes_have_their_digital_links() {
        check("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652");
        check(
            "urn:epc:class:lgtin:4012345.012345.998877",
            "https://id.gs1.org/01/04012345123456/10/998877",
        );
        check("urn:epc:idpat:gdti:4012345.11111.*", "https://id.gs1.org/253/4012345111118");
        check("urn:epc:idpat:grai:4012345.11111.*", "https://id.gs1.org/8003/04012345111118");
        check("urn:epc:idpat:cpi:4012345.A-1.*", "https://id.gs1.org/8010/4012345A-1");
        check(
            "urn:epc:idpat:itip:4012345.012345.01.02.*",
            "https://id.gs1.org/8006/040123451234560102",
        );
        check(
            "https://x.example/gtin/4012345123456/cpv/3/lot/AB%21",
            "https://id.gs1.org/01/04012345123456/10/AB%21",
        );
        check(
            "https://id.gs1.org/8006/040123451234560102/10/L",
            "https://id.gs1.org/8006/040123451234560102/10/L",
        );
    }

    #[test]
    fn wider_patterns_and_private_classes_pass_as_they_stand() {
        check("urn:epc:idpat:sgtin:4012345.*.*", "urn:epc:idpat:sgtin:4012345.*.*");
        check("urn:epc:idpat:sgtin:*.*.*", "urn:epc:idpat:sgtin:*.*.*");
        check("urn:epc:idpat:sscc:4012345.*", "urn:epc:idpat:sscc:4012345.*");
        check("urn:epc:idpat:gid:1.2.*", "urn:epc:idpat:gid:1.2.*");
        check("http://epcis.example.com/class/7", "http://epcis.example.com/class/7");
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        let refused = |text: &str| assert!(text.parse::<EpcClass>().is_err(), "{text}");
        refused("urn:epc:idpat:sgtin:4012345.*.5");
        refused("urn:epc:idpat:sgtin:40123.*.*");
        refused("urn:epc:idpat:sgtn:4012345.098765.*");
        refused("urn:epc:class:lgtin:4012345.012345");
        refused("urn:epc:class:lgtin:4012345.012345.123456789012345678901");
        refused("urn:epc:class:other:1");
        refused("https://id.gs1.org/01/04012345123457/10/998877");
        refused("lot 5");
    }

    #[test]
    fn parts_and_urns_are_given_back() {
        let seven = |_: &str| Some(7);
        let lot = parse("https://id.gs1.org/01/04012345123456/10/99%2F8");
        assert_eq!(
            (lot.gtin().map(|gtin| gtin.to_string()).as_deref(), lot.lot().as_deref()),
            (Some("04012345123456"), Some("99/8"))
        );
        assert_eq!(
            lot.to_urn(seven).as_deref(),
            Some("urn:epc:class:lgtin:4012345.012345.99%2F8")
        );
        assert_eq!(lot.to_urn(|_| None), None);
        assert_eq!(
            parse("https://id.gs1.org/01/04012345123456").to_urn(seven).as_deref(),
            Some("urn:epc:idpat:sgtin:4012345.012345.*")
        );
        assert_eq!(
            parse("https://id.gs1.org/8006/040123451234560102").to_urn(seven).as_deref(),
            Some("urn:epc:idpat:itip:4012345.012345.01.02.*")
        );
        assert_eq!(parse("https://id.gs1.org/8006/040123451234560102/10/L").to_urn(seven), None);
        assert_eq!(parse("urn:epc:idpat:sgtin:4012345.*.*").gtin(), None);
    }
}

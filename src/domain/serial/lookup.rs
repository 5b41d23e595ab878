//! What is asked when somebody asks for a number, and what the hub knows of it.
//!
//! It reads texts and holds answers; it does not search.
//!
//! # Invariants
//! - What a caller may not see has the answer of a number that was never issued, and nothing else in it.

use std::sync::Arc;

use crate::domain::gs1::{CompanyPrefix, Epc, Gln, read_element_string};
use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::party::Registry;
use crate::domain::time::Micros;

use super::allocation::Allocation;
use super::life::SerialState;
use super::numbered::{Numbered, SsccSeries};

/// One number that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it is for; none for an SSCC whose company prefix nobody registered.
    pub numbered: Option<Numbered>,
    /// The serial of AI (21), or the 18 digits of an SSCC.
    pub serial: String,
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing says of which product it is.
    #[error(
        "it names no single thing: send an EPC URN, a GS1 Digital Link, an element string, the 18 digits of an SSCC, or a serial number \
         with the `gtin` that it belongs to"
    )]
    Text,
    /// What should be a product is none.
    #[error("`gtin` is no GTIN and no company prefix with extension digit as in `9521002:3`")]
    Product,
}

impl Asked {
    /// Of a product whose serial this is.
    #[must_use]
    pub fn new(numbered: impl Into<Numbered>, serial: impl Into<String>) -> Self {
        Self {
            numbered: Some(numbered.into()),
            serial: serial.into(),
        }
    }

    /// From a text as it was scanned, captured or typed; with `product` the text is a serial of it.
    pub fn read(registry: &Registry, product: Option<&str>, text: &str) -> Result<Self, Unreadable> {
        if let Some(product) = product {
            let numbered = product.parse::<Numbered>().map_err(|_| Unreadable::Product)?;
            return Ok(Self::new(numbered, text));
        }
        let text = text.trim_matches(' ');
        if text.len() == 18
            && let Ok(sscc) = text.parse()
        {
            return Self::of_epc(registry, &Epc::from_sscc(sscc)).ok_or(Unreadable::Text);
        }
        let epc = read_element_string(text).or_else(|| text.parse().ok());
        epc.and_then(|epc| Self::of_epc(registry, &epc)).ok_or(Unreadable::Text)
    }

    fn of_epc(registry: &Registry, epc: &Epc) -> Option<Self> {
        if let (Some(gtin), Some(serial)) = (epc.gtin(), epc.serial()) {
            return Some(Self::new(gtin, serial));
        }
        let sscc = epc.sscc()?;
        Some(Self {
            numbered: series(registry, sscc.as_str()),
            serial: sscc.as_str().to_owned(),
        })
    }
}

/// The series of an SSCC, if its company prefix is registered.
fn series(registry: &Registry, digits: &str) -> Option<Numbered> {
    let (extension, rest) = digits.split_at_checked(1)?;
    let (_, length) = registry.holder_of_prefix(rest)?;
    let prefix = CompanyPrefix::try_from(rest.get(..length)?.to_owned()).ok()?;
    SsccSeries::new(&prefix, extension.parse().ok()?).map(Numbered::Logistic)
}

/// What the hub answers about one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// What it was asked for.
    pub asked: Asked,
    /// Its allocation and life; none if it was never issued, or to nobody that the caller may know of.
    pub issued: Option<Box<Issued>>,
    /// Commissionings of the number by parties that did not have it; for the brand owner alone.
    pub foreign: Vec<Foreign>,
}

/// A number that was issued.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The block it is of.
    pub allocation: AllocationId,
    /// The block's terms; none for a party that has the number by transfer: they are between others.
    pub terms: Option<Arc<Allocation>>,
    /// When the caller's side got it: when it was issued, or handed on to a party that may not see the terms.
    pub at: Micros,
    /// Who has it.
    pub holder: PartyId,
    /// Its state; none for a party that handed it on.
    pub state: Option<SerialState>,
    /// The lot that it is in, if its state has one.
    pub lot: Option<String>,
    /// When its pack was commissioned, if it was and its event is known.
    pub commissioned_at: Option<Micros>,
    /// The last transfer of the number, if there was one.
    pub transferred: Option<Transferred>,
    /// Until when no other pack may have this number (EU 2016/161 art. 4 (d)); none while it was not used. Where the release is not known,
    /// its commissioning stands in for it.
    pub reuse_banned_until: Option<Micros>,
}

/// How a number came to who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// To whom.
    pub to: PartyId,
    /// For which site.
    pub site: Option<Gln>,
    /// When.
    pub at: Micros,
}

/// A commissioning by a party that did not have the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// By whom.
    pub party: PartyId,
    /// In which lot; empty if the event named none.
    pub lot: String,
    /// When the hub recorded it.
    pub at: Micros,
}

impl Lookup {
    /// The answer for a number that was never issued.
    #[must_use]
    pub fn never_issued(asked: Asked) -> Self {
        Self {
            asked,
            issued: None,
            foreign: Vec::new(),
        }
    }

    /// In one word.
    #[must_use]
    pub fn answer(&self) -> LookupAnswer {
        match (&self.issued, self.foreign.is_empty()) {
            (Some(_), _) => LookupAnswer::Issued,
            (None, false) => LookupAnswer::Foreign,
            (None, true) => LookupAnswer::NotIssued,
        }
    }
}

/// What a look-up comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupAnswer {
    /// It was issued, and the caller may know to whom.
    Issued,
    /// It was not issued; somebody commissioned it all the same.
    Foreign,
    /// It was never issued, or it is none of the caller's business: the two are not told apart.
    NotIssued,
}

impl LookupAnswer {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Foreign => "foreign",
            Self::NotIssued => "not_issued",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_read() {
        let registry = Registry::new(1, Vec::new(), Vec::new());
        let unit = Ok(Asked::new("09521234000013".parse::<Numbered>().unwrap(), "A1"));
        for text in [
            "https://id.gs1.org/01/09521234000013/21/A1",
            "https://example.org/01/09521234000013/10/L1/21/A1",
            "urn:epc:id:sgtin:9521234.000001.A1",
            "(01)09521234000013(21)A1",
            " 010952123400001321A1 ",
            "]d201095212340000132110",
        ] {
            let read = Asked::read(&registry, None, text);
            let expect = if text.ends_with("10") {
                Ok(Asked::new("09521234000013".parse::<Numbered>().unwrap(), "10"))
            } else {
                unit.clone()
            };
            assert_eq!(read, expect, "{text}");
        }
        assert_eq!(Asked::read(&registry, Some("09521234000013"), "A1"), unit);
        // With a product, a text is its serial, whatever it looks like.
        let numbered = Asked::read(&registry, Some("9521234000013"), "urn:x").unwrap();
        assert_eq!(
            (numbered.numbered, numbered.serial.as_str()),
            ("09521234000013".parse().ok(), "urn:x")
        );
    }

    #[test]
    fn an_sscc_whose_prefix_nobody_registered_is_one_all_the_same() {
        let registry = Registry::new(1, Vec::new(), Vec::new());
        for text in [
            "340123451111111111",
            "(00)340123451111111111",
            "urn:epc:id:sscc:4012345.3111111111",
        ] {
            let asked = Asked::read(&registry, None, text).unwrap();
            assert_eq!(
                (asked.numbered, asked.serial.as_str()),
                (None, "340123451111111111"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_told_why() {
        let registry = Registry::new(1, Vec::new(), Vec::new());
        let check = |product, text, expect| assert_eq!(Asked::read(&registry, product, text), Err(expect), "{text}");
        check(None, "", Unreadable::Text);
        check(None, "A1", Unreadable::Text);
        check(None, "https://example.org/A1", Unreadable::Text);
        check(None, "https://id.gs1.org/414/9521000000017", Unreadable::Text);
        check(Some("x"), "A1", Unreadable::Product);
        check(Some("09521234000014"), "A1", Unreadable::Product);
    }
}

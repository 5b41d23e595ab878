//! The ways to write one serial number with the key it belongs to: element string, EPC URI, Digital Link, tag.
//!
//! A [`SerialWriter`] is made once for a product or a series of SSCCs and writes any number of its serials. It does not know where they
//! come from, and it does not check what its callers made: whether a number fits a tag it says when it is asked.
//!
//! INVARIANT: the numbers of a series of SSCCs are whole SSCCs of 18 digits, check digit right.

use crate::domain::gs1::{TagError, TagHead, TagScheme, encode_link, encode_urn};

use super::numbered::Numbered;

/// A way to write a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is issued: AI (21), or the 18 digits of an SSCC.
    Bare,
    /// `(01)…(21)…` or `(00)…`, as printed below a barcode (GS1 General Specifications clause 4.14).
    ElementString,
    /// The same without brackets, as a scanner gives it; nothing follows, so no separator is needed.
    RawElementString,
    /// `urn:epc:id:sgtin:…` or `urn:epc:id:sscc:…` (Tag Data Standard 1.13 clause 6.3).
    EpcUri,
    /// `https://id.gs1.org/01/…/21/…` (CBV 2.0 clause 8.9).
    DigitalLink,
    /// The bits of a tag in hexadecimal digits, with a filter value.
    Hex(TagScheme, u8),
    /// `urn:epc:tag:…` (Tag Data Standard 1.13 clause 12), with a filter value.
    TagUri(TagScheme, u8),
}

/// Why numbers cannot be written in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A URN splits the key behind its company prefix, and is defined for 6 to 12 digits of it.
    #[error("the hub knows no company prefix of 6 to 12 digits that the key begins with")]
    Prefix,
    /// SGTIN tags are of products, SSCC tags of logistic units.
    #[error("an SGTIN tag is for a product, an SSCC tag for a logistic unit")]
    Kind,
    /// The tag encoding cannot hold it.
    #[error(transparent)]
    Tag(#[from] TagError),
}

/// Writes serial numbers of one product or series of SSCCs.
#[derive(Debug, Clone)]
pub struct SerialWriter {
    head: String,
    tail: Tail,
}

/// What is done with the number itself.
#[derive(Debug, Clone)]
enum Tail {
    Plain,
    Urn,
    Link,
    /// Extension digit and serial reference, without the check digit: the company prefix has so many digits.
    Reference(usize),
    Hex(TagHead),
    TagUri(TagHead),
    SsccTagUri(usize),
}

impl SerialWriter {
    /// For a product, of whose GTIN `prefix_len` digits behind the first are the company prefix (none: not known), or for a series.
    ///
    /// # Errors
    /// [`FormError`] if the form does not suit what is numbered.
    pub fn new(form: Form, numbered: &Numbered, prefix_len: Option<usize>) -> Result<Self, FormError> {
        let (head, tail) = match form {
            Form::Bare => (String::new(), Tail::Plain),
            Form::ElementString => (bracketed(numbered), Tail::Plain),
            Form::RawElementString => (bracketed(numbered).replace(['(', ')'], ""), Tail::Plain),
            Form::DigitalLink => match numbered {
                Numbered::Trade(gtin) => (format!("https://id.gs1.org/01/{gtin}/21/"), Tail::Link),
                Numbered::Logistic(_) => ("https://id.gs1.org/00/".to_owned(), Tail::Plain),
            },
            Form::EpcUri => match numbered {
                Numbered::Trade(_) => (format!("urn:epc:id:sgtin:{}.", key(numbered, prefix_len)?), Tail::Urn),
                Numbered::Logistic(series) => (
                    format!("urn:epc:id:sscc:{}.", key(numbered, prefix_len)?),
                    Tail::Reference(series.prefix().len()),
                ),
            },
            Form::Hex(scheme, filter) => (String::new(), Tail::Hex(tag(scheme, filter, numbered, prefix_len)?)),
            Form::TagUri(scheme, filter) => {
                let tag = tag(scheme, filter, numbered, prefix_len)?;
                let head = format!("urn:epc:tag:{}:{filter}.{}.", scheme.as_str(), key(numbered, prefix_len)?);
                match numbered {
                    Numbered::Trade(_) => (head, Tail::TagUri(tag)),
                    Numbered::Logistic(series) => (head, Tail::SsccTagUri(series.prefix().len())),
                }
            }
        };
        Ok(Self { head, tail })
    }

    /// Appends one number.
    ///
    /// # Errors
    /// [`FormError::Tag`] if its tag cannot hold it; nothing is appended then.
    pub fn write(&self, serial: &str, out: &mut String) -> Result<(), FormError> {
        match &self.tail {
            Tail::Plain => out.extend([self.head.as_str(), serial]),
            Tail::Urn => {
                out.push_str(&self.head);
                encode_urn(serial.as_bytes(), out);
            }
            Tail::Link => {
                out.push_str(&self.head);
                encode_link(serial.as_bytes(), out);
            }
            Tail::Reference(prefix_len) | Tail::SsccTagUri(prefix_len) => {
                let parts = (serial.get(..1), serial.get(1 + prefix_len..17));
                let (Some(extension), Some(reference)) = parts else {
                    return Err(FormError::Tag(TagError::Sscc));
                };
                out.extend([self.head.as_str(), extension, reference]);
            }
            Tail::Hex(tag) => out.push_str(&tag.hex(serial)?),
            Tail::TagUri(tag) => {
                tag.verify(serial)?;
                out.push_str(&self.head);
                encode_urn(serial.as_bytes(), out);
            }
        }
        Ok(())
    }

    /// Whether a number can be written; all can, but in the narrower tags.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn verify(&self, serial: &str) -> Result<(), FormError> {
        match &self.tail {
            Tail::Hex(tag) | Tail::TagUri(tag) => Ok(tag.verify(serial)?),
            Tail::Plain | Tail::Urn | Tail::Link | Tail::Reference(_) | Tail::SsccTagUri(_) => Ok(()),
        }
    }

    /// Whether [`Self::verify`] can refuse a number.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        match &self.tail {
            Tail::Hex(_) | Tail::TagUri(_) => true,
            Tail::Plain | Tail::Urn | Tail::Link | Tail::Reference(_) | Tail::SsccTagUri(_) => false,
        }
    }
}

fn bracketed(numbered: &Numbered) -> String {
    match numbered {
        Numbered::Trade(gtin) => format!("(01){gtin}(21)"),
        Numbered::Logistic(_) => "(00)".to_owned(),
    }
}

/// `GCP.indicator-and-reference` of a product, `GCP` of a series.
fn key(numbered: &Numbered, prefix_len: Option<usize>) -> Result<String, FormError> {
    match numbered {
        Numbered::Trade(gtin) => {
            let prefix_len = prefix_len
                .filter(|length| (6..=12).contains(length))
                .ok_or(FormError::Prefix)?;
            let digits = gtin.as_str();
            let parts = [digits.get(1..=prefix_len), digits.get(..1), digits.get(1 + prefix_len..13)];
            let [prefix, indicator, reference] = parts.map(Option::unwrap_or_default);
            Ok(format!("{prefix}.{indicator}{reference}"))
        }
        Numbered::Logistic(series) if series.prefix().len() >= 6 => Ok(series.prefix().to_owned()),
        Numbered::Logistic(_) => Err(FormError::Prefix),
    }
}

fn tag(scheme: TagScheme, filter: u8, numbered: &Numbered, prefix_len: Option<usize>) -> Result<TagHead, FormError> {
    match (numbered, scheme) {
        (Numbered::Trade(gtin), TagScheme::Sgtin96 | TagScheme::Sgtin198) => {
            let prefix_len = prefix_len
                .filter(|length| (6..=12).contains(length))
                .ok_or(FormError::Prefix)?;
            Ok(TagHead::sgtin(scheme, *gtin, prefix_len, filter)?)
        }
        (Numbered::Logistic(series), TagScheme::Sscc96) => {
            let prefix = series.prefix().parse().map_err(|_| FormError::Prefix)?;
            Ok(TagHead::sscc(&prefix, filter)?)
        }
        (Numbered::Trade(_), TagScheme::Sscc96) | (Numbered::Logistic(_), TagScheme::Sgtin96 | TagScheme::Sgtin198) => {
            Err(FormError::Kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRADE: &str = "80614141123458";
    const LOGISTIC: &str = "0614141:1";

    fn write(form: Form, numbered: &str, serial: &str) -> Result<String, FormError> {
        let writer = SerialWriter::new(form, &numbered.parse().unwrap(), Some(7))?;
        let mut out = String::new();
        writer.write(serial, &mut out)?;
        assert_eq!(writer.verify(serial), Ok(()));
        Ok(out)
    }

    fn check(form: Form, numbered: &str, serial: &str, expect: &str) {
        assert_eq!(write(form, numbered, serial).as_deref(), Ok(expect), "{form:?}");
    }

    #[test]
    fn a_serial_of_a_product_in_every_form() {
        let serial = "6789/&%\"!?()";
        check(Form::Bare, TRADE, serial, serial);
        check(Form::ElementString, TRADE, serial, "(01)80614141123458(21)6789/&%\"!?()");
        check(Form::RawElementString, TRADE, serial, "0180614141123458216789/&%\"!?()");
        check(
            Form::EpcUri,
            TRADE,
            serial,
            "urn:epc:id:sgtin:0614141.812345.6789%2F%26%25%22!%3F()",
        );
        check(
            Form::DigitalLink,
            TRADE,
            serial,
            "https://id.gs1.org/01/80614141123458/21/6789%2F%26%25%22%21%3F%28%29",
        );
        check(Form::Hex(TagScheme::Sgtin96, 3), TRADE, "6789", "3074257BF7194E4000001A85");
        check(
            Form::TagUri(TagScheme::Sgtin198, 3),
            TRADE,
            "32a/b",
            "urn:epc:tag:sgtin-198:3.0614141.812345.32a%2Fb",
        );
    }

    #[test]
    fn an_sscc_in_every_form() {
        let sscc = "106141412345678908";
        check(Form::Bare, LOGISTIC, sscc, sscc);
        check(Form::ElementString, LOGISTIC, sscc, "(00)106141412345678908");
        check(Form::RawElementString, LOGISTIC, sscc, "00106141412345678908");
        check(Form::EpcUri, LOGISTIC, sscc, "urn:epc:id:sscc:0614141.1234567890");
        check(Form::DigitalLink, LOGISTIC, sscc, "https://id.gs1.org/00/106141412345678908");
        check(Form::Hex(TagScheme::Sscc96, 3), LOGISTIC, sscc, "3174257BF4499602D2000000");
        check(
            Form::TagUri(TagScheme::Sscc96, 3),
            LOGISTIC,
            sscc,
            "urn:epc:tag:sscc-96:3.0614141.1234567890",
        );
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_anything_is() {
        let none = |form| SerialWriter::new(form, &TRADE.parse().unwrap(), None).map(drop);
        assert_eq!(none(Form::EpcUri), Err(FormError::Prefix));
        assert_eq!(none(Form::Hex(TagScheme::Sgtin96, 0)), Err(FormError::Prefix));
        assert_eq!(none(Form::DigitalLink), Ok(()));
        let tag = |scheme, filter, numbered: &str| {
            SerialWriter::new(Form::Hex(scheme, filter), &numbered.parse().unwrap(), Some(7)).map(drop)
        };
        assert_eq!(tag(TagScheme::Sscc96, 0, TRADE), Err(FormError::Kind));
        assert_eq!(tag(TagScheme::Sgtin96, 0, LOGISTIC), Err(FormError::Kind));
        assert_eq!(tag(TagScheme::Sgtin96, 8, TRADE), Err(FormError::Tag(TagError::Filter)));
        assert_eq!(tag(TagScheme::Sscc96, 0, "0614:1"), Err(FormError::Tag(TagError::Prefix)));
        assert_eq!(write(Form::EpcUri, "0614:1", "106141234567890128"), Err(FormError::Prefix));
        assert_eq!(
            write(Form::Hex(TagScheme::Sgtin96, 0), TRADE, "A1"),
            Err(FormError::Tag(TagError::Serial96))
        );
    }
}

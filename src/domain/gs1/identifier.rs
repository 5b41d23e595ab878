//! A GS1 key taken apart, and its spellings: canonical Digital Link, EPC URN, element string.

use super::charset::{CharSet, encode_link, encode_urn, encoded_link_bytes};
use super::check_digit::verify;
use super::rule::{Body, EXTENSION, LOT, Rule, Serial};
use super::token::Token;
use super::{Fault, Scheme, digital_link};

/// Where canonical Digital Links live (CBV 2.0 clause 8.9).
const DOMAIN: &str = "https://id.gs1.org/";

/// A verified GS1 identifier. INVARIANT: `key` has the digits and the check digit that its rule wants, serial and lot
/// their character set and length, and a lot never stands beside a serial.
#[derive(Clone, Copy)]
pub(super) struct Identifier {
    pub(super) rule: &'static Rule,
    /// All digits with the check digit and pieces, or the text of a text key.
    pub(super) key: Token,
    /// Serial or extension; empty if there is none.
    pub(super) serial: Token,
    /// Lot; empty if there is none.
    pub(super) lot: Token,
}

impl Identifier {
    /// From a key as a Digital Link or barcode gives it, with its check digit.
    pub(super) fn new(rule: &'static Rule, key: Token) -> Result<Self, Fault> {
        match rule.body {
            Body::Digits { .. } => {
                CharSet::Numeric.verify(key.bytes())?;
                verify(key.bytes())?;
            }
            Body::Asset => {
                CharSet::Numeric.verify(key.bytes())?;
                if key.bytes().first() != Some(&b'0') {
                    return Err(Fault::epc("a GRAI begins with 0 in a Digital Link"));
                }
                verify(key.bytes())?;
            }
            Body::Pieces => {
                CharSet::Numeric.verify(key.bytes())?;
                let (gtin, pieces) = key.bytes().split_at_checked(14).unwrap_or_default();
                verify(gtin)?;
                let (piece, total) = pieces.split_at_checked(2).unwrap_or_default();
                if piece > total {
                    return Err(Fault::epc("the piece of an ITIP is not greater than the total"));
                }
            }
            Body::Text(set) => set.verify(key.bytes())?,
        }
        if rule.body.key_digits().is_some_and(|digits| digits != key.len()) {
            return Err(Fault::epc("the key has the wrong number of digits"));
        }
        Ok(Self {
            rule,
            key,
            serial: Token::EMPTY,
            lot: Token::EMPTY,
        })
    }

    /// From a canonical Digital Link.
    pub(super) fn read(canonical: &str) -> Option<Self> {
        digital_link::parse(canonical).ok().flatten()
    }

    /// Adds a serial (or extension), already without escapes.
    pub(super) fn with_serial(self, serial: Token) -> Result<Self, Fault> {
        let (set, max) = match self.rule.serial {
            Serial::None => return Err(Fault::epc("this kind of key has no serial")),
            Serial::Tail { set, max } | Serial::Part { set, max, .. } => (set, max),
            Serial::Extension => (CharSet::X, EXTENSION.2),
        };
        set.verify(serial.bytes())?;
        if serial.is_empty() || serial.len() > max {
            return Err(Fault::epc(format!(
                "the serial must have 1 to {max} characters, not {}",
                serial.len()
            )));
        }
        match self.rule.serial {
            // An extension of 0 says that there is none (Tag Data Standard clause 6.3.3).
            Serial::Extension if serial.bytes() == b"0" => Ok(self),
            Serial::Part {
                set: CharSet::Numeric, ..
            } if serial.len() > 1 && serial.bytes().first() == Some(&b'0') => {
                Err(Fault::epc("the serial of a CPI must not begin with 0"))
            }
            Serial::None | Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension => Ok(Self {
                serial,
                lot: Token::EMPTY,
                ..self
            }),
        }
    }

    /// Adds a lot, already without escapes.
    pub(super) fn with_lot(self, lot: Token) -> Result<Self, Fault> {
        CharSet::X.verify(lot.bytes())?;
        if lot.is_empty() || lot.len() > LOT.2 {
            return Err(Fault::epc(format!(
                "the lot must have 1 to {} characters, not {}",
                LOT.2,
                lot.len()
            )));
        }
        Ok(Self { lot, ..self })
    }

    /// Whether it names many things: a key that needs a serial, without one.
    pub(super) fn is_class(&self) -> bool {
        match self.rule.serial {
            Serial::None | Serial::Extension => false,
            Serial::Tail { .. } | Serial::Part { .. } => self.serial.is_empty(),
        }
    }

    /// Length of [`Self::write_canonical`]'s text, in bytes.
    pub(super) fn canonical_bytes(&self) -> usize {
        let part = |ai: &str, value: &Token| {
            if value.is_empty() {
                0
            } else {
                ai.len() + 2 + encoded_link_bytes(value.bytes())
            }
        };
        let serial = match self.rule.serial {
            Serial::None => 0,
            Serial::Tail { .. } => encoded_link_bytes(self.serial.bytes()),
            Serial::Part { ai, .. } => part(ai, &self.serial),
            Serial::Extension => part(EXTENSION.0, &self.serial),
        };
        DOMAIN.len() + self.rule.ai.len() + 1 + encoded_link_bytes(self.key.bytes()) + serial + part(LOT.0, &self.lot)
    }

    /// Appends the canonical Digital Link.
    pub(super) fn write_canonical(&self, out: &mut String) {
        let part = |ai: &str, value: &Token, out: &mut String| {
            if !value.is_empty() {
                out.push('/');
                out.push_str(ai);
                out.push('/');
                encode_link(value.bytes(), out);
            }
        };
        out.push_str(DOMAIN);
        out.push_str(self.rule.ai);
        out.push('/');
        encode_link(self.key.bytes(), out);
        match self.rule.serial {
            Serial::None => {}
            Serial::Tail { .. } => encode_link(self.serial.bytes(), out),
            Serial::Part { ai, .. } => part(ai, &self.serial, out),
            Serial::Extension => part(EXTENSION.0, &self.serial, out),
        }
        part(LOT.0, &self.lot, out);
    }

    /// The EPC URN (class, pattern or pure identity), if the length of the company prefix is known and a URN can say it.
    pub(super) fn urn(&self, prefix_len: impl Fn(&str) -> Option<usize>) -> Option<String> {
        let (before, digits) = self.key.as_str().split_at_checked(self.rule.body.before_prefix())?;
        let length = prefix_len(digits).filter(|length| (6..=12).contains(length))?;
        let (prefix, rest) = digits.split_at_checked(length)?;
        let mut out = String::with_capacity(64);
        out.push_str("urn:epc:");
        if self.lot.is_empty() {
            out.push_str(if self.is_class() { "idpat:" } else { "id:" });
            out.push_str(self.rule.urn);
        } else if self.rule.scheme == Scheme::Sgtin {
            out.push_str("class:lgtin");
        } else {
            return None; // no URN names the lot of an ITIP
        }
        out.push(':');
        out.push_str(prefix);
        out.push('.');
        match self.rule.body.urn_digits() {
            // A text reference must not be empty; a number may be, if the prefix takes all digits.
            None if rest.is_empty() => return None,
            None => encode_urn(rest.as_bytes(), &mut out),
            Some(count) => {
                let leading = self.rule.body.leading();
                out.push_str(if leading { before } else { "" });
                out.push_str(rest.get(..count.checked_sub(usize::from(leading) + length)?)?);
            }
        }
        if self.rule.body == Body::Pieces {
            let pieces = self.key.as_str().get(14..18)?;
            for two in [pieces.get(..2)?, pieces.get(2..)?] {
                out.push('.');
                out.push_str(two);
            }
        }
        self.write_urn_end(&mut out);
        Some(out)
    }

    fn write_urn_end(&self, out: &mut String) {
        let last = if self.lot.is_empty() { &self.serial } else { &self.lot };
        match self.rule.serial {
            Serial::None => {}
            Serial::Extension if last.is_empty() => out.push_str(".0"),
            Serial::Tail { .. } | Serial::Part { .. } if last.is_empty() => out.push_str(".*"),
            Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension => {
                out.push('.');
                encode_urn(last.bytes(), out);
            }
        }
    }

    /// Application identifiers in brackets, as printed below a barcode.
    pub(super) fn element_string(&self) -> String {
        let mut out = format!("({}){}", self.rule.ai, self.key.as_str());
        let mut part = |ai: &str, value: &Token| {
            if !value.is_empty() {
                out.push_str(&format!("({ai}){}", value.as_str()));
            }
        };
        match self.rule.serial {
            Serial::None | Serial::Tail { .. } => {}
            Serial::Part { ai, .. } => part(ai, &self.serial),
            Serial::Extension => part(EXTENSION.0, &self.serial),
        }
        part(LOT.0, &self.lot);
        if let Serial::Tail { .. } = self.rule.serial {
            out.push_str(self.serial.as_str());
        }
        out
    }
}

//! The canonical and the captured text of one identifier, in one allocation: what [`super::Epc`] and
//! [`super::EpcClass`] are made of.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::identifier::Identifier;
use super::{Gs1Error, Scheme, uri};

/// What the canonical form of a text begins with that breaks the rules of its scheme.
const OPAQUE: &str = "urn:counterfoil:opaque:";

/// Documents have a hundred thousand of these: one allocation each, and the captured text only if it differs.
#[derive(Clone)]
pub(super) struct Spelling {
    /// Canonical text, then the captured one unless it is the same.
    text: Box<str>,
    canonical_bytes: u32,
    scheme: Scheme,
}

impl Spelling {
    /// Of a text that is its own canonical form.
    pub(super) fn plain(scheme: Scheme, text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        Self {
            canonical_bytes: length(&text),
            text,
            scheme,
        }
    }

    /// Of an EPC URN without a GS1 key, whose `body` behind `urn:epc:` was verified.
    pub(super) fn opaque(body: &str, captured: &str) -> Self {
        let mut text = format!("urn:epc:{body}");
        let canonical_bytes = length(&text);
        push_if_other(&mut text, captured);
        Self {
            text: text.into(),
            canonical_bytes,
            scheme: Scheme::Uri,
        }
    }

    /// Of an identifier that was read from `captured`; nothing captured means the canonical text.
    pub(super) fn of(identifier: &Identifier, captured: Option<&str>) -> Self {
        let mut text = String::with_capacity(identifier.canonical_bytes() + captured.map_or(0, str::len));
        identifier.write_canonical(&mut text);
        let canonical_bytes = length(&text);
        push_if_other(&mut text, captured.unwrap_or_default());
        Self {
            text: text.into(),
            canonical_bytes,
            scheme: identifier.rule.scheme,
        }
    }

    /// Of a text that breaks the rules of its scheme and is kept all the same. Its canonical form is a URN of ours, so that it
    /// is never taken for the thing it fails to name. `None` where it is too long for an identifier.
    pub(super) fn kept(captured: &str) -> Option<Self> {
        let mut text = OPAQUE.to_owned();
        for byte in captured.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        if captured.is_empty() || text.len() > uri::MAX_BYTES {
            return None;
        }
        let canonical_bytes = length(&text);
        text.push_str(captured);
        Some(Self {
            text: text.into(),
            canonical_bytes,
            scheme: Scheme::Uri,
        })
    }

    /// As it is stored: the captured text, or where that cannot be parsed again, the canonical one, which holds it.
    pub(super) fn stored(&self) -> &str {
        if self.canonical().starts_with(OPAQUE) {
            self.canonical()
        } else {
            self.captured()
        }
    }

    /// The kept text that a stored one stands for.
    fn restored(stored: &str) -> Option<Self> {
        let bytes = stored.strip_prefix(OPAQUE)?.as_bytes();
        let mut text = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter();
        while let Some(&byte) = rest.next() {
            if byte == b'%' {
                let digit = |hex: Option<&u8>| char::from(*hex?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                text.push(u8::try_from(value).ok()?);
            } else {
                text.push(byte);
            }
        }
        Self::kept(&String::from_utf8(text).ok()?)
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The identifier taken apart again; nothing if it has no GS1 key.
    pub(super) fn identifier(&self) -> Option<Identifier> {
        if self.scheme == Scheme::Uri {
            None
        } else {
            Identifier::read(self.canonical())
        }
    }

    /// The URN: with the prefix length that `prefix_len` answers for the digits of the key, else as captured.
    pub(super) fn urn(&self, prefix_len: impl Fn(&str) -> Option<usize>) -> Option<String> {
        let written = self.identifier().and_then(|identifier| identifier.urn(prefix_len));
        let is_urn = |text: &str| text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:"));
        written.or_else(|| is_urn(self.captured()).then(|| self.captured().to_owned()))
    }

    pub(super) fn canonical(&self) -> &str {
        self.text.get(..self.canonical_bytes as usize).unwrap_or(&self.text)
    }

    pub(super) fn captured(&self) -> &str {
        match self.text.get(self.canonical_bytes as usize..) {
            Some(captured) if !captured.is_empty() => captured,
            Some(_) | None => self.canonical(),
        }
    }
}

// INVARIANT: identifiers are limited to far less than 4 GiB (`uri::MAX_BYTES`); a longer one would keep its whole text.
fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

fn push_if_other(text: &mut String, captured: &str) {
    if text != captured {
        text.push_str(captured);
    }
}

/// Reads a stored text and parses it, without a copy of the text in between.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = Gs1Error> + From<Spelling>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err = Gs1Error> + From<Spelling>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an identifier as text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            match Spelling::restored(text) {
                Some(kept) => Ok(kept.into()),
                None => text.parse().map_err(E::custom),
            }
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

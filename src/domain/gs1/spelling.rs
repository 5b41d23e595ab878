//! The canonical and the captured text of one identifier, in one allocation: what [`super::Epc`] and
//! [`super::EpcClass`] are made of.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::identifier::Identifier;
use super::{Gs1Error, Scheme};

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

/// Reads a text and parses it, without a copy of the text in between.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = Gs1Error>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err = Gs1Error>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an identifier as text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

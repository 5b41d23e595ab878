//! What serial numbers are given out for: a trade item (GTIN-14; an NTIN has the same form) or the SSCCs of a company prefix.
//!
//! Other systems call it the object key. It does not know whose it is or how its numbers look.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::gs1::{CompanyPrefix, Gs1Error, Gtin};

/// What serial numbers are given out for. Prints as it is stored: `09521001001014`, or `9521002:3` for SSCCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Numbered {
    /// Serial numbers of a trade item: AI (21) under AI (01).
    Trade(Gtin),
    /// Serial references of SSCCs: AI (00).
    Logistic(SsccSeries),
}

/// The SSCCs of one company prefix that begin with one extension digit (GS1 General Specifications clause 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SsccSeries {
    /// Left-aligned digits; behind them zeros.
    prefix: [u8; 12],
    length: u8,
    extension: u8,
}

/// Why a text names nothing that is numbered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberedError {
    /// Neither a GTIN nor a company prefix.
    #[error(transparent)]
    Key(#[from] Gs1Error),
    /// Behind the colon stands no single digit.
    #[error("behind the company prefix and its colon stands one digit, the extension digit of the SSCCs: `9521002:3`")]
    Extension,
}

impl Numbered {
    /// The GTIN of a trade item.
    #[must_use]
    pub fn gtin(&self) -> Option<Gtin> {
        match self {
            Self::Trade(gtin) => Some(*gtin),
            Self::Logistic(_) => None,
        }
    }

    /// The series of SSCCs.
    #[must_use]
    pub fn sscc_series(&self) -> Option<&SsccSeries> {
        match self {
            Self::Trade(_) => None,
            Self::Logistic(series) => Some(series),
        }
    }
}

impl SsccSeries {
    /// Of a company prefix and an extension digit; none if `extension` is above 9.
    #[must_use]
    pub fn new(prefix: &CompanyPrefix, extension: u8) -> Option<Self> {
        let digits = prefix.as_str().as_bytes();
        let mut series = Self {
            prefix: [0; 12],
            length: u8::try_from(digits.len()).ok()?,
            extension,
        };
        // INVARIANT: a company prefix has at most 12 digits.
        series.prefix.get_mut(..digits.len())?.copy_from_slice(digits);
        (extension <= 9).then_some(series)
    }

    /// The company prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        // INVARIANT: `length` ASCII digits.
        let digits = self.prefix.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }

    /// The extension digit, 0 to 9.
    #[must_use]
    pub fn extension(&self) -> u8 {
        self.extension
    }

    /// Digits of a serial reference: with extension digit, prefix and check digit they are 18.
    #[must_use]
    pub fn reference_length(&self) -> u8 {
        16 - self.length
    }
}

impl From<Gtin> for Numbered {
    fn from(gtin: Gtin) -> Self {
        Self::Trade(gtin)
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trade(gtin) => gtin.fmt(f),
            Self::Logistic(series) => series.fmt(f),
        }
    }
}

impl fmt::Display for SsccSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix(), self.extension)
    }
}

impl FromStr for Numbered {
    type Err = NumberedError;

    fn from_str(text: &str) -> Result<Self, NumberedError> {
        if text.contains(':') {
            text.parse().map(Self::Logistic)
        } else {
            Ok(Self::Trade(text.parse()?))
        }
    }
}

impl FromStr for SsccSeries {
    type Err = NumberedError;

    fn from_str(text: &str) -> Result<Self, NumberedError> {
        let (prefix, extension) = text.split_once(':').ok_or(NumberedError::Extension)?;
        let prefix: CompanyPrefix = prefix.parse()?;
        let digit = match extension.as_bytes() {
            [digit] if digit.is_ascii_digit() => digit - b'0',
            _ => return Err(NumberedError::Extension),
        };
        Self::new(&prefix, digit).ok_or(NumberedError::Extension)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Cow<'de, str>>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Numbered, SsccSeries);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_printed() {
        for text in ["09521001001014", "9521002:3", "0614:0", "061411123456:9"] {
            assert_eq!(text.parse::<Numbered>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ":",
            "9521002:",
            "9521002:12",
            "9521002:x",
            "95210a2:3",
            "952:3",
            "09521001001015",
        ] {
            assert!(text.parse::<Numbered>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_reference_of_an_sscc_fills_what_the_prefix_leaves() {
        let length = |text: &str| text.parse::<Numbered>().unwrap().sscc_series().unwrap().reference_length();
        assert_eq!((length("9521002:3"), length("0614:0"), length("061411123456:9")), (9, 12, 4));
    }
}

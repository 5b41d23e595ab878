//! GTIN, SSCC, GLN and company prefix as values of their own.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::check_digit::{check_digit, verify};
use super::{Fault, Gs1Error};

macro_rules! digits_key {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal, $($accepted:literal)|+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The digits, check digit last.
            #[must_use]
            pub fn as_str(&self) -> &str {
                // INVARIANT: ASCII digits only.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// The key whose digits before the check digit these are; shorter ones are padded with zeros on the left.
            ///
            /// # Errors
            /// `INVALID_VALUE` if they are not digits, or too many.
            pub fn with_check_digit(body: &str) -> Result<Self, Gs1Error> {
                let faulty = |why: String| Fault::value(why).about(concat!($what, " without its check digit"), body);
                if body.is_empty() || body.len() >= $len || !body.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(faulty(format!("it must have 1 to {} digits", $len - 1)));
                }
                let mut digits = [b'0'; $len];
                let (last, before) = digits.split_last_mut().ok_or_else(|| faulty("it has no digits".to_owned()))?;
                for (slot, digit) in before.iter_mut().rev().zip(body.bytes().rev()) {
                    *slot = digit;
                }
                *last = check_digit(before);
                Ok(Self(digits))
            }

            /// From digits that were verified before.
            pub(super) fn from_verified(digits: &str) -> Option<Self> {
                digits.as_bytes().try_into().ok().map(Self)
            }

            fn parse(text: &str) -> Result<Self, Fault> {
                if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Fault::value("it must consist of digits"));
                }
                match text.len() {
                    $($accepted)|+ => {}
                    other => return Err(Fault::value(format!("it has {other} digits instead of {}", stringify!($($accepted)|+)))),
                }
                let mut digits = [b'0'; $len];
                for (slot, digit) in digits.iter_mut().rev().zip(text.bytes().rev()) {
                    *slot = digit;
                }
                verify(&digits)?;
                Ok(Self(digits))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Gs1Error;

            /// Digits only, no spaces. `INVALID_VALUE` if that or the length is wrong, `INVALID_CHECK_DIGIT` if the check
            /// digit is.
            fn from_str(text: &str) -> Result<Self, Gs1Error> {
                Self::parse(text).map_err(|fault| fault.about($what, text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digits_key!(
    /// Global Trade Item Number as GTIN-14, check digit right. GTIN-8, -12 and -13 are padded with zeros.
    Gtin, 14, "a GTIN", 8 | 12 | 13 | 14
);
digits_key!(
    /// Serial Shipping Container Code, check digit right.
    Sscc, 18, "an SSCC", 18
);
digits_key!(
    /// Global Location Number, check digit right.
    Gln, 13, "a GLN", 13
);

impl Gtin {
    /// Without the indicator: the digits begin with the company prefix (not so for a GTIN-8).
    #[must_use]
    pub fn prefix_digits(&self) -> &str {
        self.as_str().get(1..).unwrap_or_default()
    }
}

impl Sscc {
    /// Without the extension digit: the digits begin with the company prefix.
    #[must_use]
    pub fn prefix_digits(&self) -> &str {
        self.as_str().get(1..).unwrap_or_default()
    }
}

/// A GS1 Company Prefix: 4 to 12 digits, leading zeros included (GS1 General Specifications clause 1.4.4). EPC URNs can
/// only be written with 6 to 12 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CompanyPrefix(Box<str>);

impl CompanyPrefix {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn verify(text: &str) -> Result<(), Gs1Error> {
        if (4..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(());
        }
        Err(Fault::value("it must have 4 to 12 digits").about("a GS1 company prefix", text))
    }
}

impl fmt::Display for CompanyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for CompanyPrefix {
    type Error = Gs1Error;

    fn try_from(text: String) -> Result<Self, Gs1Error> {
        Self::verify(&text)?;
        Ok(Self(text.into()))
    }
}

impl FromStr for CompanyPrefix {
    type Err = Gs1Error;

    fn from_str(text: &str) -> Result<Self, Gs1Error> {
        Self::verify(text)?;
        Ok(Self(text.into()))
    }
}

impl From<CompanyPrefix> for String {
    fn from(prefix: CompanyPrefix) -> Self {
        prefix.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = Gs1Error> + fmt::Display>(text: &str, expect: Result<&str, &str>) {
        let found = text.parse::<T>().map(|key| key.to_string()).map_err(|error| error.code);
        assert_eq!(found.as_deref().map_err(|code| *code), expect, "{text}");
    }

    #[test]
    fn gtins() {
        check::<Gtin>("09506000134352", Ok("09506000134352"));
        check::<Gtin>("9506000134352", Ok("09506000134352"));
        check::<Gtin>("012345678905", Ok("00012345678905"));
        check::<Gtin>("96385074", Ok("00000096385074"));
        check::<Gtin>("09506000134353", Err("INVALID_CHECK_DIGIT"));
        check::<Gtin>("950600013435", Err("INVALID_CHECK_DIGIT"));
        check::<Gtin>("0950600013435", Err("INVALID_CHECK_DIGIT"));
        check::<Gtin>("095060001343520", Err("INVALID_VALUE"));
        check::<Gtin>("9506000134", Err("INVALID_VALUE"));
        check::<Gtin>("0950600013435X", Err("INVALID_VALUE"));
        check::<Gtin>(" 9506000134352", Err("INVALID_VALUE"));
        check::<Gtin>("", Err("INVALID_VALUE"));
        check::<Gtin>("０９５０６０", Err("INVALID_VALUE"));
    }

    #[test]
    fn other_keys() {
        check::<Sscc>("340123451111111111", Ok("340123451111111111"));
        check::<Sscc>("340123451111111112", Err("INVALID_CHECK_DIGIT"));
        check::<Sscc>("40123451111111111", Err("INVALID_VALUE"));
        check::<Gln>("4012345000054", Ok("4012345000054"));
        check::<Gln>("4012345000055", Err("INVALID_CHECK_DIGIT"));
        check::<Gln>("401234500005", Err("INVALID_VALUE"));
        check::<CompanyPrefix>("4012", Ok("4012"));
        check::<CompanyPrefix>("061411123456", Ok("061411123456"));
        check::<CompanyPrefix>("401", Err("INVALID_VALUE"));
        check::<CompanyPrefix>("0614111234567", Err("INVALID_VALUE"));
        check::<CompanyPrefix>("40123a", Err("INVALID_VALUE"));
    }

    #[test]
    fn check_digits_are_made() {
        assert_eq!(Gtin::with_check_digit("950600013435").unwrap().as_str(), "09506000134352");
        assert_eq!(
            Sscc::with_check_digit("34012345111111111").unwrap().as_str(),
            "340123451111111111"
        );
        assert_eq!(Gln::with_check_digit("401234500005").unwrap().as_str(), "4012345000054");
        assert!(
            Gln::with_check_digit("").is_err()
                && Gln::with_check_digit("4012345000054").is_err()
                && Gln::with_check_digit("x").is_err()
        );
    }

    #[test]
    fn errors_repeat_the_text_but_not_all_of_it() {
        let error = "09506000134353".parse::<Gtin>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`09506000134353` is not a GTIN: the check digit should be 2"
        );
        assert!("é".repeat(1000).parse::<Gtin>().unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn serde_verifies() {
        assert_eq!(
            serde_json::from_str::<Gtin>("\"9506000134352\"").unwrap().as_str(),
            "09506000134352"
        );
        assert!(serde_json::from_str::<Gtin>("\"9506000134353\"").is_err());
        assert!(serde_json::from_str::<CompanyPrefix>("\"12\"").is_err());
    }
}

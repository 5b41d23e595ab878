//! What all dialects are read into and written from: one canonical ask, one answer, one refusal.
//!
//! An adapter is three pure functions over these types: its `read`, and the [`Reply`] that `read` hands back, which writes the answer
//! or the refusal in the words of the message that was read. It decides nothing: no rule stands in an adapter.

use std::fmt;
use std::str::FromStr;

use axum::http::StatusCode;

use crate::domain::gs1::Gln;
use crate::domain::ids::AllocationId;
use crate::domain::serial::allocation::Documents;
use crate::domain::serial::form::Form;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::service::{Code, ServiceError};

use super::soap;

/// A message as it was understood.
pub(super) struct Message {
    /// What it asks for; a value that is wrong is answered in the message's own words.
    pub(super) ask: Result<Ask, Refusal>,
    /// How it is answered.
    pub(super) reply: Box<dyn Reply>,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Numbers, in the answer.
    Numbers(Want),
    /// Numbers, to be fetched later.
    Create(Want),
    /// The numbers of an allocation, again as often as it likes.
    Fetch(Handle, Form),
    /// To note that the numbers have arrived.
    Confirm(Handle),
}

/// What a message names that was answered before. Prints as `alc_…`, or as `dry-09521001001014-25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    /// An allocation.
    Allocation(AllocationId),
    /// A dry run of so many numbers of something: it says all there is of itself, as nothing is kept.
    Dry(Numbered, u64),
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocation(id) => id.fmt(f),
            Self::Dry(numbered, quantity) => write!(f, "dry-{numbered}-{quantity}"),
        }
    }
}

impl FromStr for Handle {
    type Err = Refusal;

    /// What is none is treated like an allocation that is not the caller's.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let dry = |rest: &str| {
            let (numbered, quantity) = rest.split_once('-')?;
            Some(Self::Dry(numbered.parse().ok()?, quantity.parse().ok()?))
        };
        let read = match text.strip_prefix("dry-") {
            Some(rest) => dry(rest),
            None => text.parse().ok().map(Self::Allocation),
        };
        read.ok_or_else(|| Refusal::new(Code::NotFound, Code::NotFound.title()))
    }
}

/// Numbers that are asked for, whatever the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    /// What for.
    pub(super) numbered: Numbered,
    /// How many.
    pub(super) quantity: u64,
    /// The message's own name for the request; without one a retry is told by what it asks for.
    pub(super) key: Option<String>,
    /// The place named.
    pub(super) site: Option<Gln>,
    pub(super) lot: Option<String>,
    pub(super) line: Option<String>,
    pub(super) documents: Documents,
    /// How the numbers are to be spelled.
    pub(super) form: Form,
    /// Whether a range is welcome where the numbers are one.
    pub(super) range_welcome: bool,
    /// What else must be alike for two messages without a key to be the same request.
    pub(super) alike: Vec<String>,
}

impl Want {
    /// Numbers, and nothing said of what they are for.
    pub(super) fn new(numbered: Numbered, quantity: u64) -> Self {
        Self {
            numbered,
            quantity,
            key: None,
            site: None,
            lot: None,
            line: None,
            documents: Documents::default(),
            form: Form::Bare,
            range_welcome: false,
            alike: Vec::new(),
        }
    }
}

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The allocation or dry run.
    pub(super) handle: Handle,
    pub(super) numbered: Numbered,
    pub(super) quantity: u64,
    /// First and last number, spelled as the others would be, where they are a range and one is welcome: then none is listed.
    pub(super) range: Option<(String, String)>,
    /// Now.
    pub(super) at: Micros,
}

/// Why a message is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// The status where it is not the message's fault and worth sending again.
    pub(super) fn later(&self) -> Option<StatusCode> {
        Some(self.status()).filter(StatusCode::is_server_error)
    }

    /// The status of its code.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A value of the message that cannot be.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(Code::BadInput, detail)
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let code = error.code();
        match error {
            ServiceError::Refused { detail, .. } => Self { code, detail },
            ServiceError::Storage(_) | ServiceError::Internal(_) => {
                // The whole chain, once; the caller gets the title alone.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    code = code.as_str(),
                    "request failed"
                );
                Self::new(code, code.title())
            }
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) text: String,
}

/// A message that cannot be read at all, answered in the dialect as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DialectFault(pub(super) Wire, pub(super) Refusal);

impl DialectFault {
    /// A SOAP fault.
    pub(super) fn soap(version: soap::Version, refusal: Refusal) -> Self {
        Self(version.fault(&refusal), refusal)
    }
}

/// Writes what a message is answered.
pub(super) trait Reply: Send + Sync + 'static {
    /// Media type of the answer.
    fn content_type(&self) -> &'static str;

    /// What stands before the numbers.
    fn head(&self, answer: &Answer) -> String;

    /// Appends one number, spelled in the form that was asked for.
    fn number(&self, answer: &Answer, spelled: &str, out: &mut String);

    /// What stands behind the numbers.
    fn tail(&self, answer: &Answer) -> String;

    /// The refusal.
    fn refused(&self, refusal: &Refusal) -> Wire;
}

/// An integer that may be too great for any type, as it stands in a message.
pub(super) fn quantity(name: &str, text: &str) -> Result<u64, Refusal> {
    text.trim().parse().map_err(|_| {
        let shown: String = text.chars().take(24).collect();
        Refusal::bad(format!(
            "`{name}` is `{shown}`: it must be a whole number, 1 or more, in decimal digits"
        ))
    })
}

/// A GTIN or NTIN.
pub(super) fn gtin(name: &str, text: &str) -> Result<Numbered, Refusal> {
    let gtin: Result<crate::domain::gs1::Gtin, _> = text.parse();
    gtin.map(Numbered::from)
        .map_err(|error| Refusal::bad(format!("`{name}`: {error}")))
}

/// The place of a GLN, or of an SGLN with or without `urn:epc:id:sgln:`.
pub(super) fn place(name: &str, text: &str) -> Result<Gln, Refusal> {
    let bare = text.trim();
    if let Ok(gln) = bare.parse() {
        return Ok(gln);
    }
    let urn = if bare.starts_with("urn:") {
        bare.to_owned()
    } else {
        format!("urn:epc:id:sgln:{bare}")
    };
    let epc: Option<crate::domain::gs1::Epc> = urn.parse().ok();
    epc.and_then(|epc| epc.gln()).ok_or_else(|| {
        let shown: String = bare.chars().take(60).collect();
        Refusal::bad(format!(
            "`{name}` is `{shown}`: it must be a GLN of 13 digits or an SGLN (`urn:epc:id:sgln:…` or its last part)"
        ))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The whole answer of a reply to two numbers.
    pub(in crate::transport::dialect) fn written(reply: &dyn Reply, numbered: &str, numbers: &[&str]) -> String {
        let answer = answer(numbered, numbers.len());
        let mut text = reply.head(&answer);
        for number in numbers {
            reply.number(&answer, number, &mut text);
        }
        text + &reply.tail(&answer)
    }

    pub(in crate::transport::dialect) fn answer(numbered: &str, quantity: usize) -> Answer {
        Answer {
            handle: Handle::Allocation(AllocationId::new(uuid::Uuid::from_u128(7))),
            numbered: numbered.parse().unwrap(),
            quantity: quantity as u64,
            range: None,
            at: Micros::parse("2026-03-02T08:00:00Z").unwrap(),
        }
    }

    #[test]
    fn numbers_that_are_none_are_named() {
        assert_eq!(quantity("Size", " 12 "), Ok(12));
        assert_eq!(quantity("Size", "9223372036854775808"), Ok(1 << 63));
        for bad in ["", "-1", "1.5", "1e3", "99999999999999999999", "ten"] {
            assert_eq!(quantity("Size", bad).unwrap_err().code, Code::BadInput, "{bad}");
        }
    }

    #[test]
    fn a_handle_is_read_as_it_is_printed() {
        for text in [
            "alc_00000000000000000000000000000007",
            "dry-09521001001014-25",
            "dry-9521002:3-1",
        ] {
            assert_eq!(text.parse::<Handle>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "alc_7",
            "dry-",
            "dry-09521001001015-2",
            "dry-09521001001014-x",
            "dry-09521001001014",
        ] {
            assert_eq!(text.parse::<Handle>().unwrap_err().code, Code::NotFound, "{text}");
        }
    }

    #[test]
    fn places_have_three_spellings() {
        let gln: Gln = "9521002000115".parse().unwrap();
        for text in ["9521002000115", "urn:epc:id:sgln:9521002.00011.0", "9521002.00011.4"] {
            assert_eq!(place("siteId", text), Ok(gln), "{text}");
        }
        assert!(place("siteId", "Ulm").is_err() && place("siteId", "9521002000116").is_err());
    }
}

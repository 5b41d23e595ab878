//! Identifiers of the hub's own things.
//!
//! Each is its own type with a printable prefix (`evt_…`, `alc_…`), so that an id in a log line or a
//! support mail says what it is and an id of one kind cannot be passed for another. Identifiers that
//! the field defines (GTIN, SSCC, GLN, …) live in [`super::gs1`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        // An id is short; what is longer is cut, so that an error never echoes a document.
        let text = text.chars().take(64).collect();
        Self { text, expected }
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl Hash for $name {
            /// The half that is random, and counts the things of one document.
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write_u64(self.0.as_u64_pair().1);
            }
        }

        impl $name {
            /// The prefix of the printed form.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a stored or freshly made UUID.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for storage.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::new(text, $expected))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id!(
    /// One captured event. Time-ordered (UUID version 7, record time), so that it is also a cursor.
    EventKey, "evt", "an event id (`evt_…`)"
);
uuid_id!(
    /// One document as it came in.
    DocumentId, "doc", "a document id (`doc_…`)"
);
uuid_id!(
    /// One capture job.
    CaptureId, "cap", "a capture job id (`cap_…`)"
);
uuid_id!(
    /// One block of serial numbers given to one party.
    AllocationId, "alc", "an allocation id (`alc_…`)"
);
uuid_id!(
    /// Serial numbers that their holder handed on to another party.
    TransferId, "trf", "a transfer id (`trf_…`)"
);
uuid_id!(
    /// Moves of serial numbers that were asked for and that there are not.
    ExceptionId, "exc", "an exception id (`exc_…`)"
);
uuid_id!(
    /// The close of a lot.
    LotCloseId, "lcl", "the id of a lot's close (`lcl_…`)"
);
uuid_id!(
    /// The serial numbers of one product in one epoch.
    PoolId, "pool", "a pool id (`pool_…`)"
);
uuid_id!(
    /// One handover, derived from a shipping event.
    ShipmentId, "shp", "a shipment id (`shp_…`)"
);
uuid_id!(
    /// One thing the hub noticed.
    FindingId, "fnd", "a finding id (`fnd_…`)"
);
uuid_id!(
    /// One list of serial numbers that somebody else made.
    ImportId, "imp", "an import id (`imp_…`)"
);
uuid_id!(
    /// One order of serial numbers at a manufacturer's own system.
    BrokerOrderId, "bor", "a broker order id (`bor_…`)"
);
uuid_id!(
    /// One thing to act on about the supply of serial numbers.
    SerialAlertId, "sal", "an alert id (`sal_…`)"
);
uuid_id!(
    /// One entry of the audit log.
    AuditId, "aud", "an audit entry id (`aud_…`)"
);
uuid_id!(
    /// One version of a grant.
    GrantId, "grt", "a grant id (`grt_…`)"
);
uuid_id!(
    /// One cap of an owner on what is granted of its data.
    CapId, "gcp", "a cap id (`gcp_…`)"
);
uuid_id!(
    /// One emergency.
    EmergencyId, "emg", "an emergency id (`emg_…`)"
);
uuid_id!(
    /// One answer about who may see what.
    DecisionId, "dec", "a decision id (`dec_…`)"
);

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_slug(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::new(text, $expected))
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

slug_id!(
    /// A party: the name of its file in `partner-config` and the `<id>` of its certificate's URI.
    PartyId, "a party id: 2 to 40 of a-z, 0-9 and inner hyphens"
);
slug_id!(
    /// An agreement, unique over the hub.
    AgreementId, "an agreement id: 2 to 40 of a-z, 0-9 and inner hyphens"
);
slug_id!(
    /// A system of a party: the `<name>` of its certificate's URI.
    SystemName, "a system name: 2 to 40 of a-z, 0-9 and inner hyphens"
);

slug_id!(
    /// A grant or cap in the partner file of whoever gives it.
    RuleName, "a name: 2 to 40 of a-z, 0-9 and inner hyphens"
);

/// Lower case only and no dots or slashes: the text stands in file names and in certificate URIs.
fn is_slug(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_with_its_prefix() {
        let id = EventKey::new(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "evt_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse::<EventKey>(), Ok(id));
        assert!(id.to_string().parse::<CaptureId>().is_err());
    }

    #[test]
    fn a_slug_is_safe_in_file_names_and_uris() {
        for good in ["aurora", "cmo-1", "a1"] {
            assert!(good.parse::<PartyId>().is_ok(), "{good}");
        }
        for bad in ["", "a", "-a1", "a1-", "A1", "a/b", "..", "a.b", "a b", "é1", &"x".repeat(41)] {
            assert!(bad.parse::<PartyId>().is_err(), "{bad}");
        }
    }
}

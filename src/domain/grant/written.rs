//! Grants and caps that are written in the partner file of whoever gives them.
//!
//! A written grant has a name and a version in its file, and its id is made of them: the same file names the same grant in every process
//! and on every database, and its text can be signed before it is applied. A version never changes; what is to be otherwise is another one.

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Builder;

use super::{Cap, Grant};
use crate::domain::ids::{GrantId, PartyId};
use crate::domain::time::Micros;

/// Random bytes of a UUID of version 7.
const RANDOM: usize = 10;

/// A grant as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenGrant {
    /// The grant, with name and id.
    pub grant: Grant,
    /// Signatures that stand beside it; each fits the text.
    pub signatures: Vec<String>,
}

/// A cap as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCap {
    /// Its name.
    pub name: String,
    /// The cap; its id is made when it is set.
    pub cap: Cap,
}

/// The id of a version of a written grant.
#[must_use]
pub fn grant_id(grantor: &PartyId, name: &str, version: u32, valid_from: Micros) -> GrantId {
    GrantId::new(named_id(valid_from, &["grant", grantor.as_str(), name, &version.to_string()]))
}

/// A UUID of version 7 whose random part is made of names.
#[must_use]
pub fn named_id(at: Micros, names: &[&str]) -> uuid::Uuid {
    // A name has no line break.
    let hash = digest(&SHA256, names.join("\n").as_bytes());
    let mut random = [0; RANDOM];
    random.copy_from_slice(&hash.as_ref()[..RANDOM]);
    let millis = u64::try_from(at.0 / 1_000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_one_version_of_one_name_of_one_party() {
        let (aurora, zenith): (PartyId, PartyId) = ("aurora".parse().unwrap(), "zenith".parse().unwrap());
        let at = Micros(1_772_000_000_000_000);
        let id = grant_id(&aurora, "follow", 1, at);
        assert_eq!(id, grant_id(&aurora, "follow", 1, at));
        for other in [
            grant_id(&zenith, "follow", 1, at),
            grant_id(&aurora, "follow-1", 1, at),
            grant_id(&aurora, "follow", 11, at),
            grant_id(&aurora, "follow1", 1, at),
        ] {
            assert_ne!(id, other);
        }
    }
}

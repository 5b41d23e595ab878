//! Slices: what one party may see of an event, proved to belong to the whole that the hub signed, which the party does not see.
//!
//! An event is taken apart into leaves, texts that say one thing each (one of its things, its business step, its place at one level of
//! detail). The leaves stand in a tree of 2^48 places ([`HEIGHT`]), whose root the hub signs ([`Statement`]). A leaf is proved by its salt,
//! its place and the hashes beside its way up ([`Opening`]); that is an inclusion proof of RFC 9162 clause 2.1.3 in a tree of that size.
//!
//! | what could be learnt | why it is not |
//! |---|---|
//! | how much else there is | each proof has 48 hashes; where nothing is, stands a pseudo-random value that no one can tell from a hash |
//! | what else there is | a leaf is hashed with 192 bits of salt, so that no guess can be tried |
//! | its neighbours | the place of a leaf follows from the leaf and a secret: it says nothing of other leaves |
//!
//! Salts, places and the values of empty subtrees follow from the master key and the id of the event. Nothing is kept for it, and whoever
//! asks, whenever, of whichever process, is answered the same root. What leaves an event has is said in [`crate::epcis`]. The statement
//! names the event by a text that follows from the same secret ([`SliceKey::name`]), because the hub's own id tells when it was recorded.
//!
//! What it deliberately does not do: keep a root, or know who may see what. A slice proves what it shows; what it leaves out it does not
//! prove to be absent, and its holder can cut it further.
//!
//! # Invariants
//! - The root follows from event id, leaves and master key alone: not from who asks or the clock.
//! - Salt, place and length of a proof follow from the leaf alone: a sibling more or less changes hashes of the path and nothing else.

mod tree;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};

use super::ids::PartyId;
use super::serial::SerialError;
use super::serial::merkle::{Hash, leaf_hash, root_by_path};
use super::serial::receipt::{ReceiptError, ReceiptKey, verify_as};

pub use tree::{SliceKey, SliceTree, TreeError};

/// Bits of a place, and hashes of a proof. Among the leaves of the largest event (some millions) two meet at one place with a chance of
/// some percent, and then all are placed anew.
pub const HEIGHT: u32 = 48;
/// Bytes of a salt.
pub(crate) const SALT_BYTES: usize = 24;
/// What `typ` of the signature's header says.
pub const TYPE: &str = "counterfoil-event-root+jwt";
/// How the leaves become a root, by the form of the payload. The first form named an event by the hub's id and had no [words]; it is read
/// and no longer made.
///
/// [words]: super::lens::outline::Words
const TREES: [(u32, &str); 2] = [
    (1, "rfc9162-sha256-48/counterfoil-leaves-1"),
    (VERSION, "rfc9162-sha256-48/counterfoil-leaves-2"),
];
/// The form of the payload that is made.
pub const VERSION: u32 = 2;

/// What the hub signs of an event: the members of the payload, in their order. It is the same for all who see anything of the event, and
/// says nothing of when it was first asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The form of the payload: 2, or 1.
    pub version: u32,
    /// Who runs the hub.
    pub hub: Option<PartyId>,
    /// What the event is called here. Two statements of one form with one name and two roots prove that the hub has said two things.
    pub event: String,
    /// How the root follows from the event.
    pub tree: String,
    /// The root, base64url.
    pub root: String,
}

/// Why a statement proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not one at all.
    #[error("its `signature` is none of an event by a hub: {0}")]
    Form(&'static str),
    /// Signed by somebody else.
    #[error("it names the signing key `{kid}`, which is not among the keys given: it is of another hub, or it was changed")]
    UnknownKey {
        /// The id that it names.
        kid: String,
    },
    /// A key under a false name.
    #[error("the key `{kid}` of the key set is not what its id says (RFC 7638): the key set was changed")]
    FalseKey {
        /// Its id.
        kid: String,
    },
    /// The signature is none.
    #[error("the signature does not fit: it was changed after it was made, or made with another key")]
    Signature,
}

impl Statement {
    /// Of an event whose leaves have this root.
    #[must_use]
    pub fn new(hub: Option<PartyId>, event: String, root: &Hash) -> Self {
        let (version, tree) = TREES[1];
        Self {
            version,
            hub,
            event,
            tree: tree.to_owned(),
            root: written(root),
        }
    }

    /// As a JSON Web Signature in compact form. The same statement gives the same bytes.
    pub fn sign(&self, key: &ReceiptKey) -> Result<String, SerialError> {
        key.sign_as(TYPE, self)
    }

    /// What a signed statement says, if one of these keys signed it.
    pub fn verify(jws: &str, keys: &JwkSet) -> Result<Self, StatementError> {
        let said: Self = verify_as(TYPE, jws, keys).map_err(|error| match error {
            ReceiptError::Form(what) => StatementError::Form(what),
            ReceiptError::UnknownKey { kid } => StatementError::UnknownKey { kid },
            ReceiptError::FalseKey { kid } => StatementError::FalseKey { kid },
            ReceiptError::Signature | ReceiptError::Position | ReceiptError::Crypto(_) => StatementError::Signature,
        })?;
        if !TREES.contains(&(said.version, said.tree.as_str())) {
            return Err(StatementError::Form(
                "it was made by a later version of the hub: take a later version of this program",
            ));
        }
        Ok(said)
    }
}

/// What proves one leaf. All of it as text has one length, whatever the leaf and whatever else there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// What the leaf is hashed with.
    pub salt: [u8; SALT_BYTES],
    /// Its place, from 0 to 2^48 - 1.
    pub index: u64,
    /// The hashes beside its way, from the leaf up.
    pub path: Vec<Hash>,
}

impl Opening {
    /// Whether it leads from a leaf to the root of a statement.
    #[must_use]
    pub fn proves(&self, leaf: &str, statement: &Statement) -> bool {
        let root = root_by_path(hash(leaf, &self.salt), self.index, 1 << HEIGHT, &self.path);
        root.is_some_and(|root| written(&root) == statement.root)
    }

    /// Salt (base64url), place (hexadecimal) and path (base64url), as they are written.
    #[must_use]
    pub fn texts(&self) -> [String; 3] {
        [
            URL_SAFE_NO_PAD.encode(self.salt),
            format!("{:012x}", self.index),
            URL_SAFE_NO_PAD.encode(self.path.concat()),
        ]
    }

    /// Reads them; each text has one meaning and each meaning one text.
    #[must_use]
    pub fn read([salt, index, path]: [&str; 3]) -> Option<Self> {
        let path = URL_SAFE_NO_PAD.decode(path).ok()?;
        let (hashes, rest) = path.as_chunks();
        let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let opening = Self {
            salt: URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?,
            index: u64::from_str_radix(index, 16).ok()?,
            path: hashes.to_vec(),
        };
        (rest.is_empty() && hashes.len() == HEIGHT as usize && index.len() == 12 && is_plain(index)).then_some(opening)
    }
}

/// A root as it is written.
#[must_use]
pub fn written(root: &Hash) -> String {
    URL_SAFE_NO_PAD.encode(root)
}

/// The hash of a leaf.
fn hash(leaf: &str, salt: &[u8; SALT_BYTES]) -> Hash {
    leaf_hash(&[salt.as_slice(), leaf.as_bytes()].concat())
}

#[cfg(test)]
mod tests;

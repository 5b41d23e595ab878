//! Receipts: what was given to whom, signed by the hub, for whoever must prove it without the hub.
//!
//! A receipt is a JSON Web Signature in compact form (RFC 7515, EdDSA of RFC 8037) over the terms of an allocation and the root of a Merkle
//! tree ([`super::merkle`]) over its numbers in their order. It names none of them: who has the list can prove the list, who has one
//! number and its path can prove that one. Where the block lies in its pool stands in it sealed: it would tell a delegate how much the
//! others took, and after the loss of a database it tells the operator from where on numbers are unused.
//!
//! It does not read allocations or make numbers.
//!
//! # Invariants
//! - A receipt follows from the allocation and the master key alone: made again, it has the same bytes.
//! - Every process of a hub signs with the same key; its id is its thumbprint (RFC 7638), so that no key can pass for another.

mod position;
mod proof;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, PartyId};

use super::SerialError;
use super::allocation::Allocation;
use super::key::MasterKey;
use super::merkle::Hash;
use super::numbered::Numbered;

pub use position::{Position, open_position};
pub use proof::{Mismatch, Numbers, Proof};

/// What `typ` of the signature's header says.
pub const TYPE: &str = "counterfoil-receipt+jwt";
/// The form of the payload.
const VERSION: u32 = 1;
/// How the numbers become a root.
const TREE: &str = "rfc6962-sha256/gs1-element-string";

/// What a receipt says; the members of its payload, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The form of the payload: 1.
    pub version: u32,
    /// Who runs the hub.
    pub hub: Option<PartyId>,
    /// The allocation.
    pub allocation: AllocationId,
    /// Who got the numbers.
    pub party: PartyId,
    /// The brand owner, on whose behalf.
    pub principal: PartyId,
    /// The agreement it was asked for under.
    pub agreement: Option<AgreementId>,
    /// What the numbers are for: GTIN, or company prefix and extension digit.
    #[serde(rename = "gtin")]
    pub numbered: Numbered,
    /// How many numbers.
    pub quantity: u64,
    /// The lot they were asked for.
    pub lot: Option<String>,
    /// The site they were asked for.
    pub site: Option<Gln>,
    /// The party's own name for its request.
    pub request_key: String,
    /// When they were given, RFC 3339.
    pub issued_at: String,
    /// How the root follows from the numbers: RFC 6962 over `01…21…` or `00…` each.
    pub tree: String,
    /// The root, base64url.
    pub root: String,
    /// Where the block lies in its pool: for the hub's master key alone.
    pub position: String,
}

/// Why a text proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt at all.
    #[error("this is no receipt of a hub: {0}")]
    Form(&'static str),
    /// Signed by somebody else.
    #[error(
        "it names the signing key `{kid}`, which is not among the keys given: it is a receipt of another hub, or it was changed"
    )]
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
    #[error("the signature does not fit: the receipt was changed after it was signed, or signed with another key")]
    Signature,
    /// The position is sealed under another master key.
    #[error("the sealed position does not open with this master key")]
    Position,
    /// The crypto library failed.
    #[error(transparent)]
    Crypto(#[from] SerialError),
}

impl Receipt {
    /// Of an allocation whose numbers have this root.
    pub fn new(
        hub: Option<PartyId>,
        allocation: &Allocation,
        root: &Hash,
        position: Position,
        master_key: &MasterKey,
    ) -> Result<Self, SerialError> {
        Ok(Self {
            version: VERSION,
            hub,
            allocation: allocation.id,
            party: allocation.party.clone(),
            principal: allocation.principal.clone(),
            agreement: allocation.agreement.clone(),
            numbered: allocation.numbered,
            quantity: allocation.quantity,
            lot: allocation.lot.clone(),
            site: allocation.site,
            request_key: allocation.request_key.clone(),
            issued_at: allocation.created_at.rfc3339(),
            tree: TREE.to_owned(),
            root: text(root),
            position: position.seal(allocation.id, master_key)?,
        })
    }
}

/// The key that a hub signs receipts with. Never printed, never stored.
pub struct ReceiptKey {
    signing: EncodingKey,
    public: Jwk,
    kid: String,
}

impl ReceiptKey {
    /// Follows from the master key.
    pub fn of(master_key: &MasterKey) -> Result<Self, SerialError> {
        let failed = |_| SerialError::Crypto("preparing the signing key of receipts");
        let seed = master_key.derive(&[b"counterfoil/receipt-signing/v1"])?;
        let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map_err(|_| SerialError::Crypto("preparing the signing key of receipts"))?;
        let der = pair
            .to_pkcs8v1()
            .map_err(|_| SerialError::Crypto("writing the signing key of receipts"))?;
        let signing = EncodingKey::from_ed_der(der.as_ref());
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(failed)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(failed)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { signing, public, kid })
    }

    /// The public half, as `/.well-known/jwks.json` gives it (RFC 7517).
    #[must_use]
    pub fn key_set(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }

    /// The receipt as it is handed out. The same receipt gives the same bytes.
    pub fn sign(&self, receipt: &Receipt) -> Result<String, SerialError> {
        self.sign_as(TYPE, receipt)
    }

    /// Another statement of the hub, under a type of its own: no statement can pass for one of another type.
    pub(in crate::domain) fn sign_as(&self, typ: &str, statement: &impl Serialize) -> Result<String, SerialError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, statement, &self.signing).map_err(|_| SerialError::Crypto("signing a statement"))
    }
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceiptKey({})", self.kid)
    }
}

/// What a receipt says, if one of these keys signed it.
pub fn verify(jws: &str, keys: &JwkSet) -> Result<Receipt, ReceiptError> {
    let receipt: Receipt = verify_as(TYPE, jws, keys)?;
    if receipt.version != VERSION || receipt.tree != TREE {
        return Err(ReceiptError::Form(
            "it was made by a later version of the hub: take a later version of this program",
        ));
    }
    Ok(receipt)
}

/// What a statement of a type says, if one of these keys signed it as one.
pub(in crate::domain) fn verify_as<T: DeserializeOwned + Clone>(typ: &str, jws: &str, keys: &JwkSet) -> Result<T, ReceiptError> {
    let header =
        jsonwebtoken::decode_header(jws).map_err(|_| ReceiptError::Form("it is no signed text in compact form (RFC 7515)"))?;
    if header.typ.as_deref() != Some(typ) || header.alg != Algorithm::EdDSA {
        return Err(ReceiptError::Form("its header does not say that it is one"));
    }
    let kid = header.kid.ok_or(ReceiptError::Form("its header names no key"))?;
    let key = keys.find(&kid).ok_or_else(|| ReceiptError::UnknownKey { kid: kid.clone() })?;
    if key.thumbprint(ThumbprintHash::SHA256).ok().as_ref() != Some(&kid) {
        return Err(ReceiptError::FalseKey { kid });
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| ReceiptError::FalseKey { kid })?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    // A statement about the past does not expire and is meant for anybody.
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_aud) = (false, false);
    let statement = jsonwebtoken::decode::<T>(jws, &key, &rules).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => ReceiptError::Form("its payload has another form"),
        _ => ReceiptError::Signature,
    })?;
    Ok(statement.claims)
}

/// How hashes and sealed bytes stand in a receipt.
fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests;

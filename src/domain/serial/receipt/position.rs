//! Where a block lies in its pool, sealed into its receipt.
//!
//! AES-256-GCM under a key that follows from the master key and the allocation's id. The key seals one text in its life (an allocation
//! never moves), so that the nonce is zero and the sealed text is the same each time. Only the hub opens it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use uuid::Uuid;

use crate::domain::ids::{AllocationId, PoolId};
use crate::domain::serial::SerialError;
use crate::domain::serial::key::MasterKey;

use super::{ReceiptError, ReceiptKey, bytes, text, verify};

const LABEL: &[u8] = b"counterfoil/receipt-position/v1|";
/// Pool, first counter value, span.
const BYTES: usize = 16 + 8 + 8;

/// The counter values that an allocation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of which pool.
    pub pool: PoolId,
    /// The first.
    pub first_index: u64,
    /// How many.
    pub span: u64,
}

/// The position in a receipt of this master key's hub: after the loss of a database, `first_index + span` is where its pool goes on at
/// the earliest.
pub fn open_position(master_key: &MasterKey, jws: &str) -> Result<Position, ReceiptError> {
    let receipt = verify(jws, &ReceiptKey::of(master_key)?.key_set())?;
    let mut sealed = bytes(&receipt.position).ok_or(ReceiptError::Position)?;
    let opened = cipher(master_key, receipt.allocation)?
        .open_in_place(nonce(), Aad::empty(), &mut sealed)
        .map_err(|_| ReceiptError::Position)?;
    let (pool, rest) = opened.split_first_chunk::<16>().ok_or(ReceiptError::Position)?;
    let (first, rest) = rest.split_first_chunk::<8>().ok_or(ReceiptError::Position)?;
    Ok(Position {
        pool: PoolId::new(Uuid::from_bytes(*pool)),
        first_index: u64::from_be_bytes(*first),
        span: u64::from_be_bytes(<[u8; 8]>::try_from(rest).map_err(|_| ReceiptError::Position)?),
    })
}

impl Position {
    pub(super) fn seal(self, allocation: AllocationId, master_key: &MasterKey) -> Result<String, SerialError> {
        let mut sealed = Vec::with_capacity(BYTES + AES_256_GCM.tag_len());
        sealed.extend_from_slice(self.pool.uuid().as_bytes());
        sealed.extend_from_slice(&self.first_index.to_be_bytes());
        sealed.extend_from_slice(&self.span.to_be_bytes());
        cipher(master_key, allocation)?
            .seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed)
            .map_err(|_| SerialError::Crypto("sealing a position"))?;
        Ok(text(&sealed))
    }
}

fn cipher(master_key: &MasterKey, allocation: AllocationId) -> Result<LessSafeKey, SerialError> {
    let key = master_key.derive(&[LABEL, allocation.uuid().as_bytes()])?;
    UnboundKey::new(&AES_256_GCM, key.as_slice())
        .map(LessSafeKey::new)
        .map_err(|_| SerialError::Crypto("preparing the key of a position"))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

//! Keys of serial number pools, and how they are kept.
//!
//! Each owner has one key: random, or as unpredictable as the master key that it follows from. It is stored sealed under the master key (AES-256-GCM, the owner's id as additional data, so that one
//! owner's key cannot be put in another's place); the key of a pool is derived from it (HKDF-SHA-256 over product and epoch) and is never
//! stored. Where the master key comes from is the business of `app`. Nothing here makes randomness: it is given.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::domain::ids::PartyId;

use super::SerialError;
use super::numbered::Numbered;

/// Bytes that [`MasterKey::seal`] wants for its nonce.
pub const NONCE_BYTES: usize = NONCE_LEN;

/// The first byte of a sealed key: which form it has.
const SEALED_FORM: u8 = 1;

/// The key that seals owners' keys at rest. Never printed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The key of one owner. Never printed.
pub struct OwnerKey(Zeroizing<[u8; 32]>);

/// The key of one pool. Never printed, never stored.
pub struct PoolKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of an owner in a database of this lineage. A copy of the database from before the owner had a key makes the same again.
    pub fn owner_key(&self, owner: &PartyId, lineage: &str) -> Result<OwnerKey, SerialError> {
        // An owner's id has no `|`: no two inputs spell the same.
        self.derive(&[
            b"counterfoil/owner-key/v1|",
            owner.as_str().as_bytes(),
            b"|",
            lineage.as_bytes(),
        ])
        .map(OwnerKey)
    }

    /// Seals an owner's key for storage: form, nonce, ciphertext, tag.
    ///
    /// The nonce must be fresh: an owner's key is sealed once in its life, so 96 random bits do not repeat.
    pub fn seal(&self, owner: &PartyId, key: &OwnerKey, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, SerialError> {
        let mut sealed = key.0.to_vec();
        self.aead()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), additional_data(owner), &mut sealed)
            .map_err(|_| SerialError::Crypto("sealing a serial key"))?;
        Ok([&[SEALED_FORM], &nonce[..], &sealed].concat())
    }

    /// Opens an owner's key.
    pub fn open(&self, owner: &PartyId, stored: &[u8]) -> Result<OwnerKey, SerialError> {
        let unknown_form = || SerialError::KeyForm { owner: owner.clone() };
        let sealed = stored.strip_prefix(&[SEALED_FORM]).ok_or_else(unknown_form)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(unknown_form)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let opened = self
            .aead()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), additional_data(owner), &mut buffer)
            .map_err(|_| SerialError::WrongMasterKey { owner: owner.clone() })?;
        let bytes: &[u8; 32] = (&*opened).try_into().map_err(|_| unknown_form())?;
        Ok(OwnerKey(Zeroizing::new(*bytes)))
    }

    /// Seals a text for storage under a label that says what and whose it is, so that it cannot be put in another's place. The nonce
    /// must be fresh.
    pub fn seal_text(&self, label: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, SerialError> {
        let mut sealed = text.as_bytes().to_vec();
        self.aead()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), text_data(label), &mut sealed)
            .map_err(|_| SerialError::Crypto("sealing a text"))?;
        Ok([&[SEALED_FORM], &nonce[..], &sealed].concat())
    }

    /// Opens a text that was sealed under the same label.
    pub fn open_text(&self, label: &str, stored: &[u8]) -> Result<Zeroizing<String>, SerialError> {
        let failed = || SerialError::Crypto("opening a sealed text");
        let sealed = stored.strip_prefix(&[SEALED_FORM]).ok_or_else(failed)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(failed)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let opened = self
            .aead()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), text_data(label), &mut buffer)
            .map_err(|_| failed())?;
        let text = std::str::from_utf8(opened).map_err(|_| failed())?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// A key for a purpose of the hub's own, which `info` names: no two purposes may spell the same. Every process of a hub has the same.
    pub(in crate::domain) fn derive(&self, info: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, SerialError> {
        expand(&self.0, info).map_err(|_| SerialError::Crypto("deriving a key from the master key"))
    }

    fn aead(&self) -> Result<LessSafeKey, SerialError> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice());
        key.map(LessSafeKey::new)
            .map_err(|_| SerialError::Crypto("preparing the master key"))
    }
}

fn additional_data(owner: &PartyId) -> Aad<String> {
    Aad::from(format!("counterfoil/owner-key/v1|{owner}"))
}

/// Apart from that of an owner's key: no label makes the one out of the other.
fn text_data(label: &str) -> Aad<String> {
    Aad::from(format!("counterfoil/text/v1|{label}"))
}

impl OwnerKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key of one pool in one epoch: HKDF-SHA-256 (RFC 5869), no salt since the input is uniformly random.
    pub fn pool_key(&self, numbered: Numbered, epoch: i64) -> Result<PoolKey, SerialError> {
        // No `|` stands in what is numbered and the epoch has eight bytes: no two inputs spell the same info.
        let numbered = numbered.to_string();
        let info: [&[u8]; 5] = [
            b"counterfoil/serial/v1",
            b"|",
            numbered.as_bytes(),
            b"|",
            &epoch.to_be_bytes(),
        ];
        let key = expand(&self.0, &info).map_err(|_| SerialError::Crypto("deriving a pool key"))?;
        Ok(PoolKey(key))
    }
}

/// HKDF-SHA-256 (RFC 5869) without salt: the secret is uniformly random.
fn expand(secret: &[u8; 32], info: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let mut key = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, &[])
        .extract(secret)
        .expand(info, HKDF_SHA256)?
        .fill(key.as_mut_slice())?;
    Ok(key)
}

impl PoolKey {
    /// For the cipher alone.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

macro_rules! never_printed {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

never_printed!(MasterKey, OwnerKey, PoolKey);

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str) -> PartyId {
        id.parse().unwrap()
    }

    #[test]
    fn a_sealed_key_opens_for_its_owner_under_its_master_key_alone() {
        let (master, other) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let sealed = master
            .seal(&party("aurora"), &OwnerKey::new([7; 32].into()), [3; 12])
            .unwrap();
        assert!(!sealed.windows(8).any(|window| window == [7; 8]));
        assert_eq!(*master.open(&party("aurora"), &sealed).unwrap().0, [7; 32]);
        assert_eq!(
            master.open(&party("zenith"), &sealed).unwrap_err(),
            SerialError::WrongMasterKey { owner: party("zenith") }
        );
        assert_eq!(
            other.open(&party("aurora"), &sealed).unwrap_err(),
            SerialError::WrongMasterKey { owner: party("aurora") }
        );
    }

    #[test]
    fn a_sealed_text_opens_under_its_label_alone() {
        let master = MasterKey::new([1; 32]);
        let sealed = master.seal_text("a|1", "open sesame", [3; 12]).unwrap();
        assert_eq!(master.open_text("a|1", &sealed).unwrap().as_str(), "open sesame");
        assert!(!sealed.windows(4).any(|window| window == b"open"));
        assert!(master.open_text("a|2", &sealed).is_err());
        assert!(MasterKey::new([2; 32]).open_text("a|1", &sealed).is_err());
        assert!(master.open_text("a|1", &sealed[..sealed.len() - 1]).is_err());
        assert!(master.open(&party("aurora"), &sealed).is_err());
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let master = MasterKey::new([1; 32]);
        let sealed = master
            .seal(&party("aurora"), &OwnerKey::new([7; 32].into()), [3; 12])
            .unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(master.open(&party("aurora"), &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(master.open(&party("aurora"), &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn pool_keys_differ_by_owner_product_and_epoch() {
        let gtin = |text: &str| text.parse::<Numbered>().unwrap();
        let key = |owner: u8, text: &str, epoch| *OwnerKey::new([owner; 32].into()).pool_key(gtin(text), epoch).unwrap().0;
        let keys = [
            key(1, "09521234000013", 1),
            key(2, "09521234000013", 1),
            key(1, "09521234000020", 1),
            key(1, "09521234000013", 2),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| other != one));
        }
        assert_eq!(keys[0], key(1, "09521234000013", 1));
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", MasterKey::new([1; 32])), "MasterKey(…)");
        assert_eq!(format!("{:?}", OwnerKey::new([1; 32].into())), "OwnerKey(…)");
    }
}

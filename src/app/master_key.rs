//! The master key: from the environment or from its file, made at first start, and always the one that the database was
//! first used with.
//!
//! A key is made only for a database that has never seen one: a lost key must be found again, not replaced, or no serial
//! number that was issued could ever be computed again.

use std::path::PathBuf;

use aws_lc_rs::{constant_time, hmac};
use zeroize::Zeroizing;

use crate::config::settings::{Secret, Settings};
use crate::domain::serial::key::MasterKey;
use crate::service::hub::Random;
use crate::storage::certificate::write_private;
use crate::storage::{Db, StorageError, master_key};

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Its file.
    #[error("the file {} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Not 64 hexadecimal digits.
    #[error("{0} does not hold 64 hexadecimal digits")]
    Malformed(String),
    /// The database was used with a key and none is given.
    #[error("this database has a master key already, and {} is not there: restore it, or set COUNTERFOIL_MASTER_KEY", .0.display())]
    Missing(PathBuf),
    /// Another key than the database's.
    #[error("this is not the master key that the database was first used with: nothing sealed under that one could be opened")]
    Other,
    /// The database.
    #[error("the database cannot tell which master key it was used with")]
    Storage(#[from] StorageError),
}

/// The key, after it was held against the database.
pub(super) async fn open(settings: &Settings, db: &Db, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
    let key = match &settings.master_key {
        Some(text) => parse(text, "COUNTERFOIL_MASTER_KEY")?,
        None => from_file(settings.master_key_file(), db, random).await?,
    };
    let check_value = check_value(&key);
    let pinned = master_key::pin(db, check_value).await?;
    if constant_time::verify_slices_are_equal(&pinned, &check_value).is_err() {
        return Err(MasterKeyError::Other);
    }
    Ok(MasterKey::new(*key))
}

async fn from_file(path: PathBuf, db: &Db, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
    let failed = |source| MasterKeyError::File {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&Secret::new(text), &path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if master_key::is_pinned(db).await? {
                return Err(MasterKeyError::Missing(path));
            }
            let mut key = Zeroizing::new([0; 32]);
            random.fill(key.as_mut_slice());
            let text = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            write_private(&path, text.as_bytes()).map_err(failed)?;
            tracing::warn!(file = %path.display(), "a new master key was made: keep a copy of it apart from the database");
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

fn parse(text: &Secret, from: &str) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
    let malformed = || MasterKeyError::Malformed(from.to_owned());
    let digits = text.expose().trim().as_bytes();
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 64 {
        return Err(malformed());
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
            return Err(malformed());
        };
        *byte = high << 4 | low;
    }
    Ok(key)
}

/// Says which key it is and nothing about it (HMAC-SHA-256 of a fixed text).
fn check_value(key: &[u8; 32]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"counterfoil master key check");
    let mut value = [0; 32];
    value.copy_from_slice(tag.as_ref());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_64_digits_and_nothing_else() {
        let read = |text: &str| parse(&Secret::new(text.to_owned()), "test").ok().map(|key| *key);
        assert_eq!(read(&format!("{}\n", "0f".repeat(32))), Some([0x0f; 32]));
        for bad in ["", "00", &"0g".repeat(32), &"00".repeat(33), &"é".repeat(32)] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

//! Issued certificates, and the files of the hub's own CA.
//!
//! The private keys of issued certificates are never stored; the CA's key is a file that only its owner may read.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::domain::ids::{PartyId, SystemName};
use crate::domain::time::Micros;

use super::row::{column, parsed};
use super::{Db, StorageError, Tx};

/// One issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The party it names.
    pub party: PartyId,
    /// The system it names.
    pub system: SystemName,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Its last moment.
    pub not_after: Micros,
    /// When the hub signed it.
    pub issued_at: Micros,
}

/// Records a certificate before it is handed out.
pub async fn insert(tx: &Tx, record: &CertificateRecord) -> Result<(), StorageError> {
    let sql = "INSERT INTO certificate (fingerprint, party_id, system_name, serial, not_after, issued_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = vec![
        record.fingerprint.to_vec().into(),
        record.party.as_str().into(),
        record.system.as_str().into(),
        record.serial.as_str().into(),
        record.not_after.0.into(),
        record.issued_at.0.into(),
    ];
    tx.execute("recording a certificate", sql, values).await?;
    Ok(())
}

/// Revokes a certificate and makes every hub process read its contracts anew; whose it was, or `None` if it is not
/// there or revoked already.
pub async fn revoke(tx: &Tx, fingerprint: [u8; 32], at: Micros) -> Result<Option<(PartyId, SystemName)>, StorageError> {
    let sql =
        "UPDATE certificate SET revoked_at = $2 WHERE fingerprint = $1 AND revoked_at IS NULL RETURNING party_id, system_name";
    let row = tx
        .query_one("revoking a certificate", sql, vec![fingerprint.to_vec().into(), at.0.into()])
        .await?;
    let Some(row) = row else { return Ok(None) };
    tx.execute(
        "announcing a revocation",
        "UPDATE registry SET version = version + 1",
        Vec::new(),
    )
    .await?;
    let party = parsed(&row, "certificate", "party_id")?;
    Ok(Some((party, parsed(&row, "certificate", "system_name")?)))
}

/// Whose a certificate is that the hub issued, if it is neither revoked nor expired; kept as it is until the transaction ends.
pub async fn active(tx: &Tx, fingerprint: [u8; 32], now: Micros) -> Result<Option<(PartyId, SystemName)>, StorageError> {
    let lock = match tx.backend() {
        sea_orm::DbBackend::Postgres => "FOR SHARE",
        _ => "",
    };
    let sql = format!(
        "SELECT party_id, system_name FROM certificate WHERE fingerprint = $1 AND revoked_at IS NULL AND not_after >= $2 {lock}"
    );
    let row = tx
        .query_one(
            "looking for a certificate",
            &sql,
            vec![fingerprint.to_vec().into(), now.0.into()],
        )
        .await?;
    row.as_ref()
        .map(|row| {
            Ok((
                parsed(row, "certificate", "party_id")?,
                parsed(row, "certificate", "system_name")?,
            ))
        })
        .transpose()
}

/// Fingerprints of revoked certificates that have not expired by themselves.
pub async fn revoked(db: &Db, now: Micros) -> Result<Vec<[u8; 32]>, StorageError> {
    let sql = "SELECT fingerprint FROM certificate WHERE revoked_at IS NOT NULL AND not_after >= $1";
    let rows = db.query("reading revoked certificates", sql, vec![now.0.into()]).await?;
    let fingerprints = rows.iter().map(|row| {
        let bytes: Vec<u8> = column(row, "certificate", "fingerprint")?;
        bytes
            .try_into()
            .map_err(|_| StorageError::Inconsistent("certificate.fingerprint: not 32 bytes".to_owned()))
    });
    fingerprints.collect()
}

/// The files of the hub's CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityFiles {
    /// `ca.pem`.
    pub certificate_pem: String,
    /// `ca.key`.
    pub key_pem: String,
}

/// The CA in a folder, if there is one.
pub fn read_authority(folder: &Path) -> std::io::Result<Option<AuthorityFiles>> {
    let certificate_pem = match std::fs::read_to_string(certificate_file(folder)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    Ok(Some(AuthorityFiles {
        certificate_pem,
        key_pem: std::fs::read_to_string(key_file(folder))?,
    }))
}

/// Writes a new CA. The key comes first: a certificate whose key is not there would be taken for a CA.
pub fn write_authority(folder: &Path, files: &AuthorityFiles) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // A key without a certificate is what a first start left that was cut short: no one trusts it yet.
    match std::fs::remove_file(key_file(folder)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    write_private(&key_file(folder), files.key_pem.as_bytes())?;
    std::fs::write(certificate_file(folder), &files.certificate_pem)
}

/// Where the CA's certificate is: what a caller is given to trust the hub by.
#[must_use]
pub fn certificate_file(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("ca.key")
}

/// Writes a new file that only its owner may read; one that is there already is an error.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_readable_by_its_owner_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca");
        assert_eq!(read_authority(&ca).unwrap(), None);
        let files = AuthorityFiles {
            certificate_pem: "certificate".to_owned(),
            key_pem: "key".to_owned(),
        };
        write_authority(&ca, &files).unwrap();
        assert_eq!(read_authority(&ca).unwrap(), Some(files));
        assert_eq!(std::fs::metadata(key_file(&ca)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&key_file(&ca), b"other").is_err());
    }
}

//! CAs that may vouch for a party's systems: certificates in PEM files beside the configuration.
//!
//! Only CA certificates; a private key in such a file is refused, because it does not belong on the hub.

use std::path::{Component, Path};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The largest PEM file that is read.
const FILE_BYTES: u64 = 256 << 10;

/// The text of a PEM file that holds CA certificates only, or what is wrong with it.
pub(super) fn read(folder: &Path, name: &str) -> Result<String, (String, String)> {
    let fault = |cause: String, fix: &str| Err((cause, fix.to_owned()));
    let path = Path::new(name);
    if name.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return fault(
            "the file is not named relative to this folder".to_owned(),
            "put the PEM file into this folder or below it, and name it without `..`",
        );
    }
    let path = folder.join(path);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > FILE_BYTES) {
        return fault(
            format!("the file has more than {FILE_BYTES} bytes"),
            "give the CA certificates of this party alone",
        );
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            return fault(
                format!("cannot read the file: {error}"),
                "put the CA's certificate (PEM) there",
            );
        }
    };
    if text.contains("PRIVATE KEY-----") {
        return fault(
            "the file holds a private key".to_owned(),
            "remove the key from this folder; give the certificate alone, and replace the key: it was shared",
        );
    }
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    if certificates.is_empty() {
        return fault(
            "the file holds no certificate".to_owned(),
            "give the CA's certificate in PEM (`-----BEGIN CERTIFICATE-----`)",
        );
    }
    for certificate in certificates {
        let is_ca = certificate.ok().and_then(|der| {
            x509_parser::parse_x509_certificate(&der)
                .ok()
                .map(|(_, parsed)| parsed.is_ca())
        });
        match is_ca {
            Some(true) => {}
            Some(false) => {
                return fault(
                    "a certificate in the file is not that of a CA".to_owned(),
                    "give the certificate of the CA that issues the party's client certificates",
                );
            }
            None => {
                return fault(
                    "a certificate in the file cannot be read".to_owned(),
                    "export it again as PEM",
                );
            }
        }
    }
    Ok(text)
}

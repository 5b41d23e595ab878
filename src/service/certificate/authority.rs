//! The hub's own CA: P-256, one level, made at first start.
//!
//! It signs certificates of partners' systems (`clientAuth`) and the hub's own server certificate (`serverAuth`), never
//! both in one, and no certificate of another CA.

use std::path::Path;

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::domain::ids::{PartyId, SystemName};
use crate::domain::time::Micros;
use crate::storage::certificate::{AuthorityFiles, CertificateRecord, read_authority, write_authority};

use super::{CertificateRequest, IssuedCertificate, hex};

const DAY_SECONDS: i64 = 86_400;
const AUTHORITY_DAYS: i64 = 3_650;
/// A caller whose clock is late still takes a new certificate.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// Why the CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its folder.
    #[error("the CA folder cannot be read or written")]
    Files(#[source] std::io::Error),
    /// Signing, or a key that is none.
    #[error("the CA cannot sign")]
    Signing(#[from] rcgen::Error),
    /// `ca.pem` and `ca.key` are of different keys, or `ca.pem` is no certificate.
    #[error("ca.pem and ca.key do not belong together")]
    Mismatch,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct KeyAndCertificate {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS #8.
    pub key_pem: Zeroizing<String>,
}

impl std::fmt::Debug for KeyAndCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyAndCertificate").finish_non_exhaustive()
    }
}

/// The hub's CA.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    trust_domain: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("trust_domain", &self.trust_domain)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the CA in a folder, or makes it.
    pub fn open(folder: &Path, trust_domain: &str, now: Micros) -> Result<Self, AuthorityError> {
        let files = match read_authority(folder).map_err(AuthorityError::Files)? {
            Some(files) => files,
            None => {
                let key = KeyPair::generate()?;
                let certificate_pem = authority_params(&key, now).self_signed(&key)?.pem();
                let files = AuthorityFiles {
                    certificate_pem,
                    key_pem: key.serialize_pem(),
                };
                write_authority(folder, &files).map_err(AuthorityError::Files)?;
                files
            }
        };
        Self::from_files(files, trust_domain, now)
    }

    fn from_files(files: AuthorityFiles, trust_domain: &str, now: Micros) -> Result<Self, AuthorityError> {
        let key_pem = Zeroizing::new(files.key_pem);
        let key = KeyPair::from_pem(&key_pem)?;
        let certificate =
            CertificateDer::from_pem_slice(files.certificate_pem.as_bytes()).map_err(|_| AuthorityError::Mismatch)?;
        let parsed = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| AuthorityError::Mismatch)?
            .1;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(AuthorityError::Mismatch);
        }
        let issuer = Issuer::new(authority_params(&key, now), key);
        let certificate_pem = files.certificate_pem;
        Ok(Self {
            issuer,
            certificate,
            certificate_pem,
            trust_domain: trust_domain.to_owned(),
        })
    }

    /// What callers trust the hub by, and the hub its partners.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The `<domain>` of the identities it vouches for.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    pub(super) fn issue_client(
        &self,
        request: &CertificateRequest,
        serial: [u8; 16],
        now: Micros,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let CertificateRequest {
            party,
            system,
            validity_days,
        } = request;
        let mut params = leaf_params(&format!("{party}/{system}"), ExtendedKeyUsagePurpose::ClientAuth);
        let uri = spiffe_uri(&self.trust_domain, party, system);
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
        // RFC 5280 clause 4.1.2.2: positive, at most 20 octets.
        let mut serial = serial;
        serial[0] &= 0x7f;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let not_after = set_validity(&mut params, now, i64::from(*validity_days));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, certificate.der()).as_ref());
        let record = CertificateRecord {
            fingerprint,
            party: party.clone(),
            system: system.clone(),
            serial: hex(&serial),
            not_after,
            issued_at: now,
        };
        let files = KeyAndCertificate {
            certificate_pem: certificate.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        };
        Ok(IssuedCertificate { record, files })
    }

    /// The hub's own certificate for `names` (host names and addresses). It is not recorded: it opens nothing.
    pub fn issue_server(&self, names: &[String], now: Micros) -> Result<KeyAndCertificate, AuthorityError> {
        let mut params = leaf_params("counterfoil hub", ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names = CertificateParams::new(names.to_vec())?.subject_alt_names;
        set_validity(&mut params, now, i64::from(super::MAX_VALIDITY_DAYS));
        let key = KeyPair::generate()?;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(KeyAndCertificate {
            certificate_pem,
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }
}

/// The one URI SAN of a system of a party.
#[must_use]
pub fn spiffe_uri(trust_domain: &str, party: &PartyId, system: &SystemName) -> String {
    format!("spiffe://{trust_domain}/party/{party}/system/{system}")
}

/// The name depends on the key alone, so that an opened CA signs under the same name as when it was made.
fn authority_params(key: &KeyPair, now: Micros) -> CertificateParams {
    let key_id = hex(&digest::digest(&digest::SHA256, key.public_key_raw()).as_ref()[..4]);
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(&format!("Counterfoil hub CA {key_id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now, AUTHORITY_DAYS);
    params
}

fn leaf_params(name: &str, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// From a little before `now` to `days` after it; the end, as it stands in the certificate.
fn set_validity(params: &mut CertificateParams, now: Micros, days: i64) -> Micros {
    // Certificates know whole seconds.
    let now = Micros(now.0 - now.0.rem_euclid(1_000_000));
    let not_after = now.plus_seconds(days * DAY_SECONDS);
    params.not_before = now.plus_seconds(-CLOCK_SKEW_SECONDS).to_datetime();
    params.not_after = not_after.to_datetime();
    not_after
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_763_000_000_123_456);

    #[test]
    fn an_opened_authority_signs_under_the_name_it_was_made_with() {
        let folder = tempfile::tempdir().unwrap();
        let made = Authority::open(folder.path(), "hub.example", NOW).unwrap();
        let opened = Authority::open(folder.path(), "hub.example", NOW.plus_seconds(1_000)).unwrap();
        assert_eq!(made.certificate(), opened.certificate());
        let (_, root) = x509_parser::parse_x509_certificate(opened.certificate()).unwrap();
        let request = CertificateRequest {
            party: "aurora".parse().unwrap(),
            system: "erp".parse().unwrap(),
            validity_days: 30,
        };
        let issued = opened.issue_client(&request, [0xff; 16], NOW).unwrap();
        let der = CertificateDer::from_pem_slice(issued.files.certificate_pem.as_bytes()).unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert_eq!(leaf.issuer(), root.subject());
        assert_eq!(leaf.validity().not_after.timestamp() * 1_000_000, issued.record.not_after.0);
        assert!(root.is_ca() && !leaf.is_ca());
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any);
    }

    #[test]
    fn files_of_two_authorities_do_not_make_one() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Authority::open(one.path(), "hub.example", NOW).unwrap();
        Authority::open(other.path(), "hub.example", NOW).unwrap();
        std::fs::copy(one.path().join("ca.pem"), other.path().join("ca.pem")).unwrap();
        assert!(matches!(
            Authority::open(other.path(), "hub.example", NOW),
            Err(AuthorityError::Mismatch)
        ));
    }
}

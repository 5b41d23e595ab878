//! From a client certificate to the identity it names: exactly one URI SAN of the form
//! `spiffe://<domain>/party/<id>/system/<name>`, or none at all.
//!
//! Pure parsing. It does not ask whether the certificate is genuine ([`super::tls`] does) nor whether the party exists.
//!
//! # Invariants
//! - One spelling: what does not match byte by byte (upper case, percent-encoding, a trailing slash, a port) is no
//!   identity. "The first SAN that fits" is never taken.
//! - Subject, common name and SANs of other kinds are not looked at.

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::domain::ids::{PartyId, SystemName};
use crate::domain::time::Micros;

/// Who a certificate names, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The party.
    pub party: PartyId,
    /// Its system.
    pub system: SystemName,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The certificate's last moment.
    pub not_after: Micros,
}

/// Why a certificate names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not a certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// No URI SAN.
    #[error("the certificate has no URI SAN: it needs exactly one, `spiffe://<domain>/party/<id>/system/<name>`")]
    NoUri,
    /// More than one URI SAN.
    #[error("the certificate has {0} URI SANs: it needs exactly one")]
    SeveralUris(usize),
    /// A SPIFFE id of somebody else's trust domain.
    #[error("the URI SAN is not of this hub's trust domain")]
    OtherDomain,
    /// In the domain, but not of the form.
    #[error("the URI SAN is not of the form `spiffe://<domain>/party/<id>/system/<name>`")]
    Malformed,
}

/// Reads the identity from a DER certificate.
pub fn of_certificate(der: &[u8], trust_domain: &str) -> Result<PeerIdentity, IdentityError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
    if !rest.is_empty() {
        return Err(IdentityError::Unreadable);
    }
    // An error here is a SAN extension that is there twice.
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| IdentityError::Unreadable)?;
    let names = names
        .map(|extension| extension.value.general_names.as_slice())
        .unwrap_or_default();
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
        .collect();
    // A name that the parser could not read may be a second URI.
    if names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
        return Err(IdentityError::Unreadable);
    }
    let (party, system) = match uris.as_slice() {
        [] => return Err(IdentityError::NoUri),
        [uri] => of_uri(uri, trust_domain)?,
        several => return Err(IdentityError::SeveralUris(several.len())),
    };
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    let not_after = Micros(certificate.validity().not_after.timestamp().saturating_mul(1_000_000));
    Ok(PeerIdentity {
        party,
        system,
        fingerprint,
        not_after,
    })
}

/// Reads `spiffe://<domain>/party/<id>/system/<name>`.
pub fn of_uri(uri: &str, trust_domain: &str) -> Result<(PartyId, SystemName), IdentityError> {
    let rest = uri.strip_prefix("spiffe://").ok_or(IdentityError::Malformed)?;
    let path = match rest.split_once('/') {
        Some((domain, path)) if domain == trust_domain => path,
        Some(_) | None => return Err(IdentityError::OtherDomain),
    };
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        // The ids themselves allow only a-z, 0-9 and hyphens.
        ["party", party, "system", system] => {
            let party = party.parse().map_err(|_| IdentityError::Malformed)?;
            Ok((party, system.parse().map_err(|_| IdentityError::Malformed)?))
        }
        _ => Err(IdentityError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;
    use crate::service::certificate::spiffe_uri;

    const DOMAIN: &str = "hub.example";

    fn check(uri: &str, expect: Result<(&str, &str), IdentityError>) {
        let read = of_uri(uri, DOMAIN);
        let read = read.as_ref().map(|(party, system)| (party.as_str(), system.as_str()));
        assert_eq!(read, expect.as_ref().map(|names| *names), "{uri}");
    }

    #[test]
    fn reads_the_one_form() {
        check("spiffe://hub.example/party/aurora/system/erp-1", Ok(("aurora", "erp-1")));
    }

    #[test]
    fn refuses_every_other_spelling() {
        for uri in [
            "",
            "spiffe:/hub.example/party/aurora/system/erp",
            "SPIFFE://hub.example/party/aurora/system/erp",
            "https://hub.example/party/aurora/system/erp",
            " spiffe://hub.example/party/aurora/system/erp",
            "spiffe://hub.example/party/aurora/system/erp/",
            "spiffe://hub.example/party/aurora/system/erp/more",
            "spiffe://hub.example//party/aurora/system/erp",
            "spiffe://hub.example/party//aurora/system/erp",
            "spiffe://hub.example/party/aurora/system",
            "spiffe://hub.example/party/aurora",
            "spiffe://hub.example/aurora/erp",
            "spiffe://hub.example/Party/aurora/system/erp",
            "spiffe://hub.example/party/Aurora/system/erp",
            "spiffe://hub.example/party/%61urora/system/erp",
            "spiffe://hub.example/party/aurora%2fsystem%2ferp/system/erp",
            "spiffe://hub.example/party/aurora/system/erp?x=1",
            "spiffe://hub.example/party/aurora/system/erp#x",
            "spiffe://hub.example/party/aurora\0/system/erp",
            "spiffe://hub.example/party/aurora/system/erp\0",
            "spiffe://hub.example/party/../party/aurora/system/erp",
            "spiffe://hub.example/party/a/system/erp",
            "spiffe://hub.example/party/аurora/system/erp",
        ] {
            check(uri, Err(IdentityError::Malformed));
        }
    }

    #[test]
    fn refuses_every_other_domain() {
        for uri in [
            "spiffe://",
            "spiffe://hub.example",
            "spiffe://other.example/party/aurora/system/erp",
            "spiffe://Hub.example/party/aurora/system/erp",
            "spiffe://hub.example./party/aurora/system/erp",
            "spiffe://hub.example:443/party/aurora/system/erp",
            "spiffe://user@hub.example/party/aurora/system/erp",
            "spiffe://hub.example.evil.example/party/aurora/system/erp",
            "spiffe:///party/aurora/system/erp",
            "spiffe://hub.example\0/party/aurora/system/erp",
        ] {
            check(uri, Err(IdentityError::OtherDomain));
        }
    }

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn uri_name(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    #[test]
    fn a_certificate_with_one_uri_names_its_party() {
        let name = "spiffe://hub.example/party/aurora/system/erp";
        let der = certificate(vec![
            SanType::DnsName("erp.aurora.example".try_into().unwrap()),
            uri_name(name),
        ]);
        let peer = of_certificate(&der, DOMAIN).unwrap();
        assert_eq!(spiffe_uri(DOMAIN, &peer.party, &peer.system), name);
        assert!(peer.not_after > Micros(0));
    }

    #[test]
    fn none_or_several_uris_name_nobody() {
        let good = "spiffe://hub.example/party/aurora/system/erp";
        let check = |names, expect| assert_eq!(of_certificate(&certificate(names), DOMAIN), Err(expect));
        check(vec![], IdentityError::NoUri);
        check(vec![SanType::DnsName(DOMAIN.try_into().unwrap())], IdentityError::NoUri);
        check(
            vec![SanType::Rfc822Name("aurora@hub.example".try_into().unwrap())],
            IdentityError::NoUri,
        );
        check(
            vec![uri_name(good), uri_name("https://aurora.example")],
            IdentityError::SeveralUris(2),
        );
        check(vec![uri_name(good), uri_name(good)], IdentityError::SeveralUris(2));
        check(vec![uri_name("https://aurora.example")], IdentityError::Malformed);
    }

    #[test]
    fn refuses_what_is_not_a_certificate_or_more_than_one() {
        let mut der = certificate(vec![uri_name("spiffe://hub.example/party/aurora/system/erp")]);
        assert!(of_certificate(&der, DOMAIN).is_ok());
        der.push(0);
        assert_eq!(of_certificate(&der, DOMAIN), Err(IdentityError::Unreadable));
        assert_eq!(of_certificate(&der[..der.len() - 2], DOMAIN), Err(IdentityError::Unreadable));
        assert_eq!(of_certificate(b"", DOMAIN), Err(IdentityError::Unreadable));
    }
}

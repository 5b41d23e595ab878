//! Signatures under grants: JWS in compact form with detached payload (RFC 7515 appendix F), the signer's certificate in `x5c`.
//!
//! The payload is the text of the grant in canonical form (RFC 8785), so that whoever has the grant as JSON can make it again and verify.
//! Whether the certificate is an active one of the party is not decided here.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Longest signature that is looked at, in bytes: a header with a chain of RSA certificates has a few thousand.
const LONGEST: usize = 16_384;

/// Why a text is no signature of the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not `header..signature`.
    #[error(
        "the signature is no JWS with detached payload: send `header..signature` (RFC 7515 appendix F), 16,384 bytes at the most"
    )]
    Form,
    /// The header cannot be taken.
    #[error("the header of the signature needs `alg` and `x5c` with the certificate of the signer, and no `crit`")]
    Header,
    /// The algorithm is not known here.
    #[error("`alg` of the signature is not taken: use ES256, ES384, EdDSA, PS256 or RS256")]
    Algorithm,
    /// The certificate cannot be read.
    #[error("the first certificate of `x5c` cannot be read: it is the DER in base64 (RFC 7515 clause 4.1.6)")]
    Certificate,
    /// It does not verify.
    #[error("the signature does not fit the text of the grant: sign its `text` as it is, byte for byte")]
    Mismatch,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5c: Vec<String>,
    crit: Option<serde_json::Value>,
}

/// SHA-256 of the certificate whose key signed this text.
pub fn verify(jws: &str, text: &str) -> Result<[u8; 32], SignatureError> {
    if jws.len() > LONGEST {
        return Err(SignatureError::Form);
    }
    let mut parts = jws.split('.');
    let (Some(header), Some(""), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(SignatureError::Form);
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| SignatureError::Form);
    let signature = decoded(signature)?;
    let read: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| SignatureError::Header)?;
    if read.crit.is_some() {
        return Err(SignatureError::Header);
    }
    let algorithm: &'static dyn VerificationAlgorithm = match read.alg.as_str() {
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        "ES384" => &ECDSA_P384_SHA384_FIXED,
        "EdDSA" => &ED25519,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(SignatureError::Algorithm),
    };
    let der = read.x5c.first().ok_or(SignatureError::Header)?;
    let der = STANDARD.decode(der).map_err(|_| SignatureError::Certificate)?;
    let (rest, certificate) = X509Certificate::from_der(&der).map_err(|_| SignatureError::Certificate)?;
    if !rest.is_empty() {
        return Err(SignatureError::Certificate);
    }
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(text));
    UnparsedPublicKey::new(algorithm, &certificate.public_key().subject_public_key.data)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| SignatureError::Mismatch)?;
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, &der).as_ref());
    Ok(fingerprint)
}

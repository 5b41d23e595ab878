//! Calls that the hub makes to systems of its partners; the only place that does.
//!
//! It decides nothing: what is asked, when, and what becomes of the answer is the business of `service`. What comes back is
//! read with a limit and a time, and believed only in its form.
//!
//! # Invariants
//! - TLS alone (but for tests, to this machine), with the one crypto provider and the CA that the partner file names; no redirects, no proxy from the environment.
//! - Secrets are named in partner files and stand in a folder of the hub; they are read when they are used, so that a new one
//!   holds from the next call on, and stand in no error.

pub mod serial;
pub mod webhook;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use zeroize::Zeroizing;

use crate::domain::time::Micros;

/// Largest secret that is read.
const SECRET_BYTES: u64 = 64 << 10;

/// Why a call cannot even be made: for the operator. No secret stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A secret that is named and not there.
    #[error("the secret `{name}` cannot be read from the secrets folder: {why}")]
    Secret {
        /// As the partner file names it.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up with them.
    #[error("TLS to the partner cannot be set up: {0}")]
    Tls(String),
}

/// Whether a call timed out, was not reached or broke off; an error of the library itself may name the address.
fn broken(error: &reqwest::Error) -> &'static str {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let certificate = causes.any(|cause| {
        cause
            .downcast_ref::<rustls::Error>()
            .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
            || cause.to_string().contains("invalid peer certificate")
    });
    if error.is_timeout() {
        "did not answer in time"
    } else if certificate {
        "shows a certificate that its CA file does not vouch for"
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "broke off its answer"
    }
}

/// Makes the calls.
#[derive(Debug, Clone)]
pub struct Outbound {
    secrets: PathBuf,
    timeout: Duration,
    /// Plain HTTP to this machine, for tests.
    loopback: bool,
}

impl Outbound {
    /// With the folder of the secrets and the time that one call may take in all.
    #[must_use]
    pub fn new(secrets: PathBuf, timeout: Duration) -> Self {
        Self {
            secrets,
            timeout,
            loopback: false,
        }
    }

    /// For tests alone: events may also be delivered by plain HTTP to this machine.
    #[must_use]
    pub fn with_loopback(self, loopback: bool) -> Self {
        Self { loopback, ..self }
    }

    /// A client that trusts one CA and shows the certificate of `identity`, if there is one.
    fn client(&self, ca: &str, identity: Option<&str>, now: Micros) -> Result<reqwest::Client, SetupError> {
        let builder = self.builder(ca, identity, now)?;
        builder.build().map_err(|error| tls(&error.to_string()))
    }

    /// The same before it is made.
    fn builder(&self, ca: &str, identity: Option<&str>, now: Micros) -> Result<reqwest::ClientBuilder, SetupError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let certificate = certificate.map_err(|_| tls("its CA file is no PEM"))?;
            roots
                .add(certificate)
                .map_err(|_| tls("its CA file holds no usable certificate"))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error.to_string()))?
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(name) => {
                let pem = self.secret(name)?;
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
                let unusable = |why: &str| SetupError::Secret {
                    name: name.to_owned(),
                    why: why.to_owned(),
                };
                let chain = chain.map_err(|_| unusable("it holds no certificate in PEM"))?;
                let key =
                    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable("it holds no private key in PEM"))?;
                config
                    .with_client_auth_cert(chain, key)
                    .map_err(|_| unusable("certificate and key do not belong together"))?
            }
        };
        Ok(reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
            .user_agent("counterfoil"))
    }

    /// A secret by its name.
    fn secret(&self, name: &str) -> Result<Zeroizing<String>, SetupError> {
        let unusable = |why: String| SetupError::Secret {
            name: name.chars().take(60).collect(),
            why,
        };
        // The reader of partner files says the same with a line; what is stored may be older than that.
        if !is_secret_name(name) {
            return Err(unusable("it is no plain file name".to_owned()));
        }
        let path = self.secrets.join(name);
        let size = std::fs::metadata(&path)
            .map_err(|error| unusable(error.kind().to_string()))?
            .len();
        if size > SECRET_BYTES {
            return Err(unusable(format!("it has more than {SECRET_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.kind().to_string()))?;
        Ok(Zeroizing::new(text))
    }
}

/// Whether a text can name a secret: one file in the folder, no way out of it.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    plain && name.len() <= 100 && matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

fn tls(why: &str) -> SetupError {
    SetupError::Tls(why.to_owned())
}

/// Certificates are judged by the hub's clock, as it was when the call began.
#[derive(Debug)]
struct At(Micros);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.0.div_euclid(1_000_000)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_file_of_its_folder() {
        for good in ["upstream.pem", "aurora_token", "a-1.key"] {
            assert!(is_secret_name(good), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a b", "ä", &"x".repeat(101)] {
            assert!(!is_secret_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let outbound = Outbound::new(folder.path().to_owned(), Duration::from_secs(1));
        let missing = outbound.client("", Some("none.pem"), Micros(0)).unwrap_err().to_string();
        assert!(missing.contains("`none.pem`"), "{missing}");
        std::fs::write(folder.path().join("bad.pem"), "HUSH").unwrap();
        let bad = outbound.client("", Some("bad.pem"), Micros(0)).unwrap_err().to_string();
        assert!(bad.contains("private key") && !bad.contains("HUSH"), "{bad}");
        assert!(outbound.client("", None, Micros(0)).is_ok());
    }
}

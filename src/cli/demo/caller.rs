//! One party's system as the demo plays it: a client certificate and the hub's public interfaces, nothing else.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use super::documents::Dialect;

/// How often a job is looked at, and how many times.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 180_000;

/// A party's system.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Caller {
    /// Its party id.
    pub(in crate::cli) party: String,
    http: reqwest::Client,
    base: String,
}

impl Caller {
    /// A client that trusts the hub's CA alone and shows one certificate.
    pub(in crate::cli) fn new(
        party: &str,
        base: &str,
        ca_pem: &str,
        certificate_pem: &str,
        key_pem: &str,
    ) -> anyhow::Result<Self> {
        let tls = client_tls(ca_pem, certificate_pem, key_pem).with_context(|| format!("TLS of {party}"))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(Duration::from_secs(60))
            .build()
            .with_context(|| format!("HTTP client of {party}"))?;
        Ok(Self {
            party: party.to_owned(),
            http,
            base: base.to_owned(),
        })
    }

    /// Runs a GraphQL operation; any error in the answer is an error.
    pub(in crate::cli) async fn graphql(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let body = self.graphql_raw(query, variables).await?;
        if let Some(errors) = body.get("errors") {
            bail!("{}: GraphQL answered {errors}", self.party);
        }
        body.get("data")
            .cloned()
            .ok_or_else(|| anyhow!("{}: GraphQL answered no data", self.party))
    }

    /// Runs a GraphQL operation and gives the whole answer.
    pub(in crate::cli) async fn graphql_raw(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}/graphql", self.base))
            .json(&serde_json::json!({"query": query, "variables": variables}));
        let response = request
            .send()
            .await
            .with_context(|| format!("{}: POST /graphql", self.party))?;
        response
            .json()
            .await
            .with_context(|| format!("{}: answer of /graphql", self.party))
    }

    /// Sends a document and waits until its job has ended. The answer is the job.
    pub(in crate::cli) async fn capture(&self, dialect: Dialect, document: impl Into<reqwest::Body>) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}/epcis/capture", self.base))
            .header("content-type", dialect.content_type())
            .timeout(LOOK * LOOKS)
            .body(document);
        let response = request
            .send()
            .await
            .with_context(|| format!("{}: POST /epcis/capture", self.party))?;
        let status = response.status();
        let location = response
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        if status.as_u16() != 202 {
            bail!(
                "{}: capture answered {status}: {}",
                self.party,
                response.text().await.unwrap_or_default()
            );
        }
        let location = location.ok_or_else(|| anyhow!("{}: 202 without Location", self.party))?;
        self.finished(&location).await
    }

    async fn finished(&self, location: &str) -> anyhow::Result<Value> {
        for _ in 0..LOOKS {
            let job: Value = self.get(location).await?.json().await?;
            if job["running"] == Value::Bool(false) {
                return Ok(job);
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("{}: job {location} did not end within an hour", self.party)
    }

    /// POST of a JSON body under an idempotency key; an answer that is no success is an error.
    pub(in crate::cli) async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("idempotency-key", format!("\"{key}\""));
        let response = request
            .json(body)
            .send()
            .await
            .with_context(|| format!("{}: POST {path}", self.party))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .with_context(|| format!("{}: answer of {path}", self.party))?;
        if !status.is_success() {
            bail!("{}: {path} answered {status}: {}", self.party, String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("{}: answer of {path}", self.party))
    }

    /// The body of a resource, as text.
    pub(in crate::cli) async fn text(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.get(path).await?.error_for_status()?.text().await?)
    }

    /// A resource, whatever its status.
    pub(in crate::cli) async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        self.http
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .with_context(|| format!("{}: GET {path}", self.party))
    }
}

fn client_tls(ca_pem: &str, certificate_pem: &str, key_pem: &str) -> anyhow::Result<rustls::ClientConfig> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};

    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

//! A packaging line as the fault driver plays it: one client certificate, the hub's public interfaces, and an exact word
//! for what came of each call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::document::{Document, Syntax};

/// What a packaging line packs, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) party: &'static str,
    pub(crate) gtin: &'static str,
    pub(crate) site: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) lot: &'static str,
    pub(crate) syntax: Syntax,
    /// Keeps the event ids of two lines apart.
    pub(crate) tag: u16,
}

/// The two contract packagers of `partner-config`.
pub(crate) const LINES: [Line; 2] = [
    Line {
        party: "packwell",
        gtin: "09521001001014",
        site: "9521002000115",
        prefix: "9521002",
        lot: "FLT-P1",
        syntax: Syntax::Xml,
        tag: 0xa,
    },
    Line {
        party: "sigmapack",
        gtin: "09521001002011",
        site: "9521003000114",
        prefix: "9521003",
        lot: "FLT-S1",
        syntax: Syntax::Json,
        tag: 0xb,
    },
];

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    /// The hub said yes: it must be there for ever.
    Acknowledged(T),
    /// The hub said no, and why: nothing may have happened.
    Refused(String),
    /// No answer, or one that says "ask again": it may have happened or not.
    Unknown(String),
}

/// PEM texts of one system.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) ca: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// One system of a party.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
}

impl Caller {
    /// A client with connections of its own, as a system that has just been switched on.
    pub(crate) fn new(identity: &Identity, port: u16) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(identity.ca.as_bytes()) {
            roots.add(certificate.expect("CA certificate")).expect("CA certificate");
        }
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .expect("certificate");
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("key");
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions");
        let tls = tls
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .expect("client certificate");
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("client");
        Self {
            http,
            base: format!("https://localhost:{port}"),
        }
    }

    /// Asks for serials; the answer is the path they are read from, one for each allocation.
    ///
    /// By GraphQL and by REST in turn, so that a key that is asked again goes the other way: that makes no difference.
    pub(crate) async fn request_serials(&self, line: &Line, quantity: u64, key: &str) -> Answer<String> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        match CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            true => self.request_by_graphql(line, quantity, key).await,
            false => self.request_by_rest(line, quantity, key).await,
        }
    }

    async fn request_by_rest(&self, line: &Line, quantity: u64, key: &str) -> Answer<String> {
        let body = json!({"gtin": line.gtin, "quantity": quantity, "lot": line.lot});
        for _ in 0..200 {
            let request = self
                .http
                .post(format!("{}/serials/v1/allocations", self.base))
                .header("idempotency-key", format!("\"{key}\""));
            match self.text(request.json(&body)).await {
                Answer::Acknowledged((Some(location), _)) => return Answer::Acknowledged(format!("{location}/serials")),
                Answer::Acknowledged((None, body)) => return Answer::Refused(format!("no Location: {body}")),
                // The other of two at the same time is not answered yet.
                Answer::Refused(why) if why.contains("IDEMPOTENCY_KEY_IN_FLIGHT") => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Answer::Refused(why) => return Answer::Refused(why),
                Answer::Unknown(why) => return Answer::Unknown(why),
            }
        }
        Answer::Unknown("the same key is under way for seconds".to_owned())
    }

    async fn request_by_graphql(&self, line: &Line, quantity: u64, key: &str) -> Answer<String> {
        let query = "mutation ($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason downloadPath } }";
        let input = json!({"gtin": line.gtin, "quantity": quantity, "idempotencyKey": key, "lot": line.lot});
        match self.graphql(query, json!({"input": input})).await {
            Answer::Acknowledged(data) => match data["requestSerials"]["downloadPath"].as_str() {
                Some(path) => Answer::Acknowledged(path.to_owned()),
                None => Answer::Refused(data.to_string()),
            },
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// The numbers of an allocation, in their order.
    pub(crate) async fn serials(&self, path: &str) -> Answer<Vec<String>> {
        match self
            .text(self.http.get(format!("{}{path}", self.base)).header("accept", "text/csv"))
            .await
        {
            Answer::Acknowledged((_, text)) => Answer::Acknowledged(read_csv(&text)),
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// Any resource as it comes.
    pub(crate) async fn resource(&self, path: &str) -> Answer<String> {
        match self.text(self.http.get(format!("{}{path}", self.base))).await {
            Answer::Acknowledged((_, text)) => Answer::Acknowledged(text),
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// Sends a document; the answer is where its job is.
    pub(crate) async fn capture(&self, document: &Document) -> Answer<String> {
        let request = self
            .http
            .post(format!("{}/epcis/capture", self.base))
            .header("content-type", document.content_type());
        match self.text(request.body(document.text.clone())).await {
            Answer::Acknowledged((Some(location), _)) => Answer::Acknowledged(location),
            Answer::Acknowledged((None, body)) => Answer::Refused(format!("no Location: {body}")),
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// Makes a resource; the answer is where it is.
    pub(crate) async fn make(&self, path: &str, body: &Value) -> Answer<String> {
        match self.text(self.http.post(format!("{}{path}", self.base)).json(body)).await {
            Answer::Acknowledged((location, _)) => Answer::Acknowledged(location.unwrap_or_default()),
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// A resource of the EPCIS binding, and the address of the next page if there is one.
    pub(crate) async fn json(&self, path: &str) -> Answer<Value> {
        match self
            .text(
                self.http
                    .get(format!("{}{path}", self.base))
                    .header("accept", "application/json"),
            )
            .await
        {
            Answer::Acknowledged((_, text)) => Answer::Acknowledged(serde_json::from_str(&text).expect("JSON")),
            Answer::Refused(why) => Answer::Refused(why),
            Answer::Unknown(why) => Answer::Unknown(why),
        }
    }

    /// `eventID`s of everything this party may see of its own, page by page.
    pub(crate) async fn event_ids(&self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut next = Some("/epcis/events?perPage=200".to_owned());
        while let Some(path) = next {
            let url = if path.starts_with("http") {
                path
            } else {
                format!("{}{path}", self.base)
            };
            let response = self.http.get(url).send().await.map_err(|error| error.to_string())?;
            next = response.headers().get("link").and_then(|link| next_page(link.to_str().ok()?));
            let status = response.status();
            let text = response.text().await.map_err(|error| error.to_string())?;
            let page: Value = serde_json::from_str(&text).map_err(|error| format!("{status}: {error}: {text}"))?;
            let list = page
                .pointer("/epcisBody/queryResults/resultsBody/eventList")
                .or_else(|| page.pointer("/epcisBody/eventList"));
            let list = list
                .and_then(Value::as_array)
                .ok_or_else(|| format!("{status}: no event list: {text}"))?;
            found.extend(list.iter().filter_map(|event| event["eventID"].as_str().map(str::to_owned)));
        }
        Ok(found)
    }

    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Answer<Value> {
        let request = self
            .http
            .post(format!("{}/graphql", self.base))
            .json(&json!({"query": query, "variables": variables}));
        let body = match self.text(request).await {
            Answer::Acknowledged((_, text)) => text,
            Answer::Refused(why) => return Answer::Refused(why),
            Answer::Unknown(why) => return Answer::Unknown(why),
        };
        let body: Value = serde_json::from_str(&body).expect("JSON");
        match body.get("errors") {
            None => Answer::Acknowledged(body["data"].clone()),
            Some(errors)
                if ["UNAVAILABLE", "INTERNAL"]
                    .iter()
                    .any(|code| errors.to_string().contains(code)) =>
            {
                Answer::Unknown(errors.to_string())
            }
            Some(errors) => Answer::Refused(errors.to_string()),
        }
    }

    /// `Location` and body of a 2xx. A 5xx promises nothing: the commit may have come through.
    async fn text(&self, request: reqwest::RequestBuilder) -> Answer<(Option<String>, String)> {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::Unknown(error.to_string()),
        };
        let status = response.status();
        let location = response
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        match response.text().await {
            Err(error) => Answer::Unknown(error.to_string()),
            Ok(text) if status.is_success() => Answer::Acknowledged((location, text)),
            // The hub has decided: nothing has happened.
            Ok(text) if text.contains("FLOOR_UNCONFIRMED") => Answer::Refused(format!("{status}: {text}")),
            Ok(text) if status.is_server_error() || status.as_u16() == 429 => Answer::Unknown(format!("{status}: {text}")),
            Ok(text) => Answer::Refused(format!("{status}: {text}")),
        }
    }
}

/// The serial is the last column; a header line is left out.
fn read_csv(text: &str) -> Vec<String> {
    let serial = |line: &str| {
        line.rsplit(',')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('"')
            .to_owned()
    };
    let header = |line: &&str| !line.to_ascii_lowercase().contains("serial");
    text.lines()
        .filter(header)
        .filter(|line| !line.trim().is_empty())
        .map(serial)
        .collect()
}

/// `<…>; rel="next"` of RFC 8288.
fn next_page(link: &str) -> Option<String> {
    let next = link
        .split(',')
        .find(|part| part.contains("rel=\"next\"") || part.contains("rel=next"))?;
    Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
}

//! A manufacturer's own system for one test, over real TLS: it gives numbers, or does what such systems do on a bad day.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path as Route, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use counterfoil::domain::time::Micros;
use counterfoil::service::certificate::{Authority, KeyAndCertificate};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// Takes the order and fails before it answers.
    LosesAnswer,
    /// Takes the order and answers after everybody has gone.
    Slow,
    /// Names one number twice.
    Twice,
    /// Gives the numbers of its first order again.
    Again,
    /// Gives fewer than were ordered.
    Short,
    /// Gives one more.
    Long,
    /// Numbers of another form.
    OtherForm,
    /// Something else altogether.
    Garbage,
    /// Sends the caller elsewhere.
    Redirects,
    /// This status.
    Status(u16),
}

#[derive(Debug)]
pub struct Told {
    pub mood: Mood,
    /// Key to first number and quantity.
    pub orders: HashMap<String, (u64, u64)>,
    pub posts: usize,
    pub confirmed: HashSet<String>,
    next: u64,
    authorized: bool,
}

/// A running one.
pub struct Upstream {
    pub told: Arc<Mutex<Told>>,
    pub url: String,
    pub ca: String,
}

pub const TOKEN: &str = "open-sesame";

impl Upstream {
    pub async fn start(folder: &Path, now: Micros) -> Self {
        let authority = Authority::open(&folder.join("upstream-ca"), "upstream.example", now).unwrap();
        let certificate = authority.issue_server(&["localhost".to_owned()], now).unwrap();
        let told = Arc::new(Mutex::new(Told {
            mood: Mood::Good,
            orders: HashMap::new(),
            posts: 0,
            confirmed: HashSet::new(),
            next: 0,
            authorized: true,
        }));
        let router = Router::new()
            .route("/serials/v1/allocations", post(order))
            .route("/serials/v1/allocations/{id}/serials", get(serials))
            .route("/serials/v1/allocations/{id}/confirm", post(confirm))
            .with_state(Arc::clone(&told));
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let acceptor = acceptor(&certificate);
        tokio::spawn(async move { axum::serve(Tls { tcp, acceptor }, router).await });
        Self {
            told,
            url,
            ca: authority.certificate_pem().to_owned(),
        }
    }

    pub fn set(&self, mood: Mood) {
        self.told.lock().unwrap().mood = mood;
    }

    pub fn orders(&self) -> usize {
        self.told.lock().unwrap().orders.len()
    }
}

/// The number at a place of its counter: 12 of the 30 characters of the product's rule.
pub fn number(at: u64) -> String {
    format!("UPSXYZ{at:06}")
        .replace('0', "V")
        .replace('1', "W")
        .replace('S', "T")
        .replace('Z', "R")
}

async fn order(State(told): State<Arc<Mutex<Told>>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let (mood, id) = {
        let mut told = told.lock().unwrap();
        told.posts += 1;
        told.authorized &= headers[header::AUTHORIZATION] == format!("Bearer {TOKEN}");
        assert!(told.authorized, "the token must come with each call");
        if let Mood::Status(status) = told.mood {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        if told.mood == Mood::Redirects {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "https://localhost:1/")]).into_response();
        }
        let key = headers["idempotency-key"].to_str().unwrap().trim_matches('"').to_owned();
        let quantity = body["quantity"].as_u64().unwrap();
        let first = told.next;
        let known = told.orders.get(&key).copied();
        if known.is_none() {
            told.next += quantity;
            told.orders.insert(key.clone(), (first, quantity));
        }
        (told.mood, key)
    };
    match mood {
        Mood::LosesAnswer => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Slow => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            StatusCode::OK.into_response()
        }
        Mood::Garbage => "<html>no</html>".into_response(),
        Mood::Good
        | Mood::Twice
        | Mood::Again
        | Mood::Short
        | Mood::Long
        | Mood::OtherForm
        | Mood::Redirects
        | Mood::Status(_) => (StatusCode::CREATED, Json(json!({ "id": id, "state": "reserved" }))).into_response(),
    }
}

async fn serials(State(told): State<Arc<Mutex<Told>>>, Route(id): Route<String>) -> Response {
    let told = told.lock().unwrap();
    let (first, quantity) = told.orders[&id];
    let mut list: Vec<String> = (first..first + quantity).map(number).collect();
    match told.mood {
        Mood::Twice => list[1] = list[0].clone(),
        Mood::Again => list = (0..quantity).map(number).collect(),
        Mood::Short => drop(list.pop()),
        Mood::Long => list.push(number(first + quantity)),
        Mood::OtherForm => list[0] = "12".to_owned(),
        Mood::Good | Mood::LosesAnswer | Mood::Slow | Mood::Garbage | Mood::Redirects | Mood::Status(_) => {}
    }
    let lines = list.iter().map(|serial| format!("{}\n", json!({ "serial": serial })));
    lines.collect::<String>().into_response()
}

async fn confirm(State(told): State<Arc<Mutex<Told>>>, Route(id): Route<String>) -> StatusCode {
    told.lock().unwrap().confirmed.insert(id);
    StatusCode::OK
}

fn acceptor(server: &KeyAndCertificate) -> TlsAcceptor {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(server.certificate_pem.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, from) = self.tcp.accept().await.unwrap();
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

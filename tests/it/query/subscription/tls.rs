//! Receivers behind TLS: called only where the certificate is of the CA that the operator named, for this name, and valid now.

use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What stands in a server certificate.
struct Leaf {
    name: &'static str,
    until: i32,
}

const GOOD: Leaf = Leaf {
    name: "localhost",
    until: 2_030,
};

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a CA").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn server(&self, leaf: &Leaf) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![leaf.name.to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2_025, 1, 1);
        params.not_after = date_time_ymd(leaf.until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a configuration"))
    }
}

/// TLS in front of a receiver; what it shows may change. `None`: it speaks no TLS.
struct Door {
    origin: String,
    shows: Arc<Mutex<Option<Arc<ServerConfig>>>>,
}

impl Door {
    async fn open(receiver: &Receiver) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let shows = Arc::new(Mutex::new(None::<Arc<ServerConfig>>));
        let (shown, router) = (Arc::clone(&shows), receiver.router());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let serve = auto::Builder::new(TokioExecutor::new());
                    match config {
                        Some(config) => {
                            let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else {
                                return;
                            };
                            drop(serve.serve_connection(TokioIo::new(stream), service).await);
                        }
                        None => drop(serve.serve_connection(TokioIo::new(stream), service).await),
                    }
                });
            }
        });
        Self { origin, shows }
    }

    fn show(&self, config: Option<Arc<ServerConfig>>) {
        *self.shows.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

#[tokio::test]
async fn a_receiver_is_known_by_the_ca_that_the_operator_named() {
    let (world, ca) = (World::start().await, Ca::new());
    let door = Door::open(&world.receiver).await;
    let partners = world.test.folder().join("partners");
    std::fs::write(partners.join("receiver.pem"), &ca.pem).expect("a file");
    let file = partners.join("packwell.toml");
    let text = std::fs::read_to_string(&file).expect("a text");
    let origin = &door.origin;
    std::fs::write(
        &file,
        format!("{text}\n[[webhooks]]\norigin = \"{origin}\"\nca = \"receiver.pem\"\n"),
    )
    .expect("a file");
    world.test.apply_partners(&partners).await;
    let asked = json!({ "dest": format!("{origin}/hook"), "stream": true });
    let made = world.ask("packwell", &asked).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    label(&world.test, 1, 2).await;
    let other = Ca::new();
    let (named, ended) = (
        Leaf {
            name: "elsewhere.example",
            ..GOOD
        },
        Leaf { until: 2_026, ..GOOD },
    );
    let wrong = [
        ("another CA", Some(other.server(&GOOD))),
        ("another name", Some(ca.server(&named))),
        ("an expired certificate", Some(ca.server(&ended))),
        ("no TLS", None),
    ];
    for (what, config) in wrong {
        door.show(config);
        world.work().await;
        assert!(world.receiver.got().is_empty(), "{what}: not a byte of an event is sent");
        let shown = world.shown(&path).await;
        assert!(shown["lastError"].is_string(), "{what}: {shown}");
        world.test.advance_seconds(3_600);
    }
    // The right one at last: what waited comes, once.
    door.show(Some(ca.server(&GOOD)));
    world.work().await;
    assert_eq!(world.receiver.taken(), [1, 2]);
    let shown = world.shown(&path).await;
    assert_eq!((&shown["failures"], shown.get("lastError")), (&json!(0), None));
}

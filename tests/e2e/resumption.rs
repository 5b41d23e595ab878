//! A resumed TLS session would not show its certificate again, so there is none to resume.

use std::sync::Arc;

use counterfoil::service::certificate::Revocations;
use counterfoil::transport::tls::admission::Admission;
use counterfoil::transport::tls::server_config;
use rustls::server::ServerSessionMemoryCache;
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::caller::{self, Connection};
use crate::hub::TestHub;

/// How the second of two connections of one client begins.
async fn second_handshake(hub: &TestHub, server: ServerConfig, version: &'static SupportedProtocolVersion) -> HandshakeKind {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(Arc::new(server));
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.expect("a connection");
            let mut tls = acceptor.accept(tcp).await.expect("a handshake");
            // Tickets travel with the first bytes.
            tls.write_all(b"x").await.expect("written");
            tls.shutdown().await.expect("closed");
            let _ = tls.read(&mut [0; 8]).await;
        }
    });
    let (identity, _) = hub.issue("meridian").await;
    let client = Arc::new(caller::tls(hub, Some(identity), &[version]));
    for _ in 0..2 {
        let mut connection = Connection::with_config(addr, Arc::clone(&client))
            .await
            .expect("a connection");
        connection.ended().await;
    }
    let connection = Connection::with_config(addr, client).await.expect("a connection");
    connection.tls().handshake_kind().expect("a finished handshake")
}

#[tokio::test]
async fn every_connection_shows_its_certificate() {
    let hub = TestHub::start().await;
    let admission = Admission::new(hub.hub().clone(), hub.running.authority(), Revocations::default()).expect("an admission");
    let certificate = hub
        .running
        .authority()
        .issue_server(&["localhost".to_owned()], hub.hub().now())
        .expect("a certificate");
    let ours = server_config(&Arc::new(admission), &certificate).expect("a configuration");
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let kind = second_handshake(&hub, ServerConfig::clone(&ours), version).await;
        assert!(
            matches!(kind, HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest),
            "{kind:?}"
        );

        // The control: the library's defaults put back, and the certificate is not asked for again.
        let mut defaults = ServerConfig::clone(&ours);
        defaults.session_storage = ServerSessionMemoryCache::new(256);
        defaults.send_tls13_tickets = 2;
        assert_eq!(second_handshake(&hub, defaults, version).await, HandshakeKind::Resumed);
    }
    hub.stop().await;
}

//! The machine port: mutual TLS in front of the HTTP router.
//!
//! Its own accept loop, because a caller must get a readable alert when it is refused, because handshake, headers and idle
//! connections have their times, and because a connection of a party that is suspended must end.
//! It decides who is there ([`super::identity`], [`admission`]), never what they may do.
//!
//! # Invariants
//! - No request reaches the router without an [`crate::domain::party::Actor`] that was checked for this request.
//! - No session resumption: a resumed session would skip the verification of the client certificate.
//! - Every connection has an end: a stalled handshake, half a header, an idle or a blocked connection is cut.

pub mod admission;
mod connection;
mod count;
mod gather;
mod unread;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::Hub;
use crate::service::certificate::KeyAndCertificate;

use super::metrics::{HandshakeOutcome, Metrics};
use admission::Admission;
use count::{Caps, Counted};

/// How long a refused caller is given to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no machine port.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The hub's own certificate or key.
    #[error("the server certificate cannot be read")]
    Certificate(#[source] rustls_pki_types::pem::Error),
    /// What rustls says to them.
    #[error("the TLS configuration is refused")]
    Config(#[from] rustls::Error),
}

/// The one TLS configuration: client certificate required, nothing remembered between connections.
pub fn server_config(admission: &Arc<Admission>, server: &KeyAndCertificate) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(server.certificate_pem.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).map_err(TlsError::Certificate)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(HubTime(admission.hub().clone())))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::<Admission>::clone(admission))
        .with_single_cert(chain.map_err(TlsError::Certificate)?, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Certificates are judged by the hub's clock.
struct HubTime(Hub);

impl std::fmt::Debug for HubTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubTime")
    }
}

impl rustls::time_provider::TimeProvider for HubTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().0.div_euclid(1_000_000)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// What the accept loop works with.
#[derive(Clone)]
pub struct TlsServer {
    /// From [`server_config`].
    pub config: Arc<ServerConfig>,
    /// Decides who is there, at the handshake and at each request.
    pub admission: Arc<Admission>,
    /// Answers the requests.
    pub router: axum::Router,
    /// Counts connections and refusals.
    pub metrics: Metrics,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// Accepts until `stop`, then lets running requests end, for at most `limits.drain_timeout_ms`.
pub async fn serve(listener: TcpListener, server: TlsServer, stop: CancellationToken) {
    let limits = server.admission.hub().limits().clone();
    let caps = Caps::new(&limits);
    let tasks = TaskTracker::new();
    loop {
        let (tcp, from) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: what is open must end first.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(counted) = caps.connection(from.ip()) else {
            server.metrics.handshake(HandshakeOutcome::TooMany);
            continue;
        };
        let (server, caps, stop) = (server.clone(), caps.clone(), stop.clone());
        tasks.spawn(async move { greet(tcp, from, server, caps, counted, stop).await });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(Duration::from_millis(limits.drain_timeout_ms), tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = tasks.len(),
            "connections were still busy when the time to end them was over"
        );
    }
}

/// The handshake, then the connection.
async fn greet(tcp: TcpStream, from: SocketAddr, server: TlsServer, caps: Caps, counted: Counted, stop: CancellationToken) {
    let within = Duration::from_millis(server.admission.hub().limits().handshake_timeout_ms);
    // Small answers leave at once; without it a keep-alive caller may wait 40 ms for each.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let accept = TlsAcceptor::from(Arc::clone(&server.config)).accept(tcp).into_fallible();
    let tls = match tokio::time::timeout(within, accept).await {
        Ok(Ok(tls)) => tls,
        Ok(Err((error, tcp))) => {
            server.metrics.handshake(HandshakeOutcome::Refused);
            tracing::info!(%from, reason = %error, "handshake refused");
            linger(tcp).await;
            return;
        }
        Err(_) => {
            server.metrics.handshake(HandshakeOutcome::TimedOut);
            tracing::info!(%from, "handshake not finished in time");
            return;
        }
    };
    let Some(peer) = server.admission.peer_of(tls.get_ref().1) else {
        // The verifier read the same certificate a moment ago: only a party that has just been taken off gets here.
        server.metrics.handshake(HandshakeOutcome::Refused);
        return;
    };
    let Some(of_party) = caps.party(&peer.identity().party) else {
        server.metrics.handshake(HandshakeOutcome::TooMany);
        tracing::warn!(%from, party = %peer.identity().party, "too many connections of this party");
        return;
    };
    server.metrics.handshake(HandshakeOutcome::Accepted);
    let counted = counted.authenticated(of_party);
    connection::run(tls, peer, &server, stop).await;
    drop(counted);
}

/// Lets a TLS 1.3 alert arrive: closing a socket with unread data sends an RST that overtakes it.
async fn linger(mut tcp: TcpStream) {
    let drain = async {
        tcp.shutdown().await?;
        let mut scratch = [0; 1024];
        while tcp.read(&mut scratch).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Gone already is as good as read.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

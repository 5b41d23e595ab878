//! A caller that speaks TLS and HTTP/1.1 byte by byte, so that it can misbehave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::hub::{Identity, TestHub};

/// Longer than anything here may take; a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A client's TLS configuration; `versions` for what a test is about.
pub fn tls(hub: &TestHub, identity: Option<Identity>, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(hub.running.authority().certificate().clone())
        .expect("the hub's CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions");
    let builder = builder.with_root_certificates(roots);
    match identity {
        Some(identity) => builder
            .with_client_auth_cert(identity.chain, identity.key)
            .expect("an identity"),
        None => builder.with_no_client_auth(),
    }
}

/// One connection to the machine port.
#[derive(Debug)]
pub struct Connection(TlsStream<TcpStream>);

impl Connection {
    pub async fn open(hub: &TestHub, identity: Option<Identity>) -> io::Result<Self> {
        let config = tls(hub, identity, &[&rustls::version::TLS13, &rustls::version::TLS12]);
        Self::with_config(hub.running.machine_addr, Arc::new(config)).await
    }

    pub async fn with_config(addr: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Self> {
        let tcp = TcpStream::connect(addr).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        Ok(Self(TlsConnector::from(config).connect(name, tcp).await?))
    }

    pub fn tls(&self) -> &rustls::ClientConnection {
        self.0.get_ref().1
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// One request on this connection.
    pub async fn call(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.send(head.as_bytes()).await?;
        // A body that is too large is answered before it is read.
        let _refused_early = self.send(body).await;
        self.reply().await
    }

    pub async fn reply(&mut self) -> io::Result<Reply> {
        tokio::time::timeout(PATIENCE, self.read_reply())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn read_reply(&mut self) -> io::Result<Reply> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
                if body.len() >= length {
                    let status = head.split(' ').nth(1).expect("a status").parse().expect("a status");
                    return Ok(Reply {
                        status,
                        head: head.clone(),
                        body: body.to_owned(),
                    });
                }
            }
            if self.0.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits until the hub ends the connection.
    pub async fn ended(&mut self) {
        let mut scratch = Vec::new();
        // A reset is an end too.
        let _ = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut scratch))
            .await
            .expect("an end");
    }

    /// Whether the hub leaves the connection alone for so long.
    pub async fn is_left_alone(&mut self, time: Duration) -> bool {
        let mut scratch = Vec::new();
        tokio::time::timeout(time, self.0.read_to_end(&mut scratch)).await.is_err()
    }
}

/// The smallest GraphQL request.
pub async fn ask(hub: &TestHub, identity: Option<Identity>) -> io::Result<Reply> {
    let mut connection = Connection::open(hub, identity).await?;
    connection
        .call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
        .await
}

pub const JSON: &str = "content-type: application/json\r\n";

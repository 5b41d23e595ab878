//! Callers that begin and do not go on.

use std::time::Duration;

use counterfoil::config::settings::Limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::caller::{Connection, JSON, PATIENCE};
use crate::hub::TestHub;

const SHORT: Limits3 = Limits3 {
    handshake_ms: 300,
    header_ms: 300,
    idle_ms: 300,
};

struct Limits3 {
    handshake_ms: u64,
    header_ms: u64,
    idle_ms: u64,
}

impl Limits3 {
    fn limits(&self) -> Limits {
        Limits {
            handshake_timeout_ms: self.handshake_ms,
            header_timeout_ms: self.header_ms,
            idle_timeout_ms: self.idle_ms,
            ..Limits::default()
        }
    }
}

async fn ends(mut tcp: TcpStream) {
    let mut scratch = Vec::new();
    // A reset is an end too.
    let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut scratch))
        .await
        .expect("an end");
}

async fn half_a_header(hub: &TestHub) -> Connection {
    let (meridian, _) = hub.issue("meridian").await;
    let mut connection = Connection::open(hub, Some(meridian)).await.expect("a connection");
    connection.send(b"POST /graphql HTTP/1.1\r\nhost: loc").await.expect("sent");
    connection
}

#[tokio::test]
async fn a_connection_without_a_client_hello_ends() {
    let hub = TestHub::with_limits(SHORT.limits()).await;
    ends(TcpStream::connect(hub.running.machine_addr).await.expect("a connection")).await;
    hub.stop().await;
}

#[tokio::test]
async fn half_a_header_ends() {
    // Idle for long may it be, half a header not.
    let hub = TestHub::with_limits(
        Limits3 {
            idle_ms: 600_000,
            ..SHORT
        }
        .limits(),
    )
    .await;
    half_a_header(&hub).await.ended().await;
    hub.stop().await;
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_own_time() {
    let hub = TestHub::with_limits(
        Limits3 {
            header_ms: 600_000,
            ..SHORT
        }
        .limits(),
    )
    .await;
    let (meridian, _) = hub.issue("meridian").await;
    let mut connection = Connection::open(&hub, Some(meridian)).await.expect("a connection");
    let reply = connection
        .call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 200);
    connection.ended().await;
    hub.stop().await;
}

#[tokio::test]
async fn with_longer_times_they_stay() {
    let long = Limits3 {
        handshake_ms: 600_000,
        header_ms: 600_000,
        idle_ms: 600_000,
    };
    let hub = TestHub::with_limits(Limits {
        drain_timeout_ms: 100,
        ..long.limits()
    })
    .await;
    let mut silent = TcpStream::connect(hub.running.machine_addr).await.expect("a connection");
    let mut half = half_a_header(&hub).await;
    let longer_than_short = Duration::from_secs(1);
    let mut scratch = [0; 1];
    let silent_stays = async {
        tokio::time::timeout(longer_than_short, silent.read(&mut scratch))
            .await
            .is_err()
    };
    let (silent_stays, half_stays) = tokio::join!(silent_stays, half.is_left_alone(longer_than_short));
    assert!(silent_stays && half_stays);
    hub.stop().await;
}

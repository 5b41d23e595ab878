//! WebSockets over real TLS: a socket goes on beside its connection's requests, and ends with its certificate or with the hub.

use std::time::{Duration, Instant};

use counterfoil::service::certificate::revoke;

use crate::caller::{Connection, JSON};
use crate::hub::{Identity, TestHub, actor};

const UPGRADE: &str = "GET /epcis/queries/all/events?stream=true HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// What a revoked certificate may last.
const AT_MOST: Duration = Duration::from_secs(5);

async fn socket(hub: &TestHub, identity: &Identity) -> Connection {
    let mut connection = Connection::open(hub, Some(identity.clone())).await.expect("a connection");
    let kept = connection
        .call("POST", "/epcis/queries", JSON, br#"{"name":"all","query":{}}"#)
        .await
        .expect("an answer");
    assert!([201, 409].contains(&kept.status), "{}", kept.body);
    connection.send(UPGRADE.as_bytes()).await.expect("sent");
    let reply = connection.reply().await.expect("an answer");
    assert_eq!(reply.status, 101, "{}", reply.body);
    // The example of RFC 6455 clause 1.3.
    assert!(
        reply.head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{}",
        reply.head
    );
    connection
}

#[tokio::test]
async fn a_socket_ends_with_its_certificate() {
    let hub = TestHub::start().await;
    let (revoked, fingerprint) = hub.issue("halden").await;
    let (other, _) = hub.issue("halden").await;
    let mut cut = socket(&hub, &revoked).await;
    let mut stays = socket(&hub, &other).await;
    assert!(cut.is_left_alone(Duration::from_secs(1)).await, "nobody has done anything");
    let begun = Instant::now();
    revoke(hub.hub(), &actor("hub-operator"), fingerprint).await.expect("revoked");
    cut.ended().await;
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    assert!(
        stays.is_left_alone(Duration::from_millis(500)).await,
        "another certificate of the party"
    );
    hub.advance_days(31);
    let begun = Instant::now();
    stays.ended().await;
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    hub.stop().await;
}

#[tokio::test]
async fn a_socket_ends_when_the_hub_stops() {
    let hub = TestHub::start().await;
    let (identity, _) = hub.issue("halden").await;
    let mut open = socket(&hub, &identity).await;
    hub.stop().await;
    open.ended().await;
}

//! A named query as a WebSocket: the same lens and order as a poll, and an end for who may not be there or does not read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::Request as AxumRequest;
use axum::middleware::{self, Next};
use counterfoil::config::settings::Limits;
use counterfoil::domain::party::Actor;
use counterfoil::transport::rest::socket::Standing;
use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hub that is called over a real connection, by packwell unless the path says otherwise.
struct World {
    test: TestHub,
    address: SocketAddr,
    stands: Arc<AtomicBool>,
}

type Socket = WebSocketStream<TcpStream>;

impl World {
    async fn start(limits: Limits) -> Self {
        let test = TestHub::start_with(limits).await;
        let stands = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&stands);
        let standing = Standing::new(move || asked.load(Ordering::SeqCst));
        let router = test
            .router()
            .layer(middleware::from_fn(move |mut request: AxumRequest, next: Next| {
                let party = match request.headers().get("x-test-party") {
                    Some(party) => party.to_str().expect("a party").to_owned(),
                    None => "packwell".to_owned(),
                };
                request.extensions_mut().insert(Actor {
                    party: party.parse().expect("a party"),
                    system: "erp".to_owned(),
                });
                request.extensions_mut().insert(standing.clone());
                next.run(request)
            }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        let world = Self { test, address, stands };
        for party in ["packwell", "zenith"] {
            let body = json!({ "name": "labels", "query": { "eventType": ["ObjectEvent"] } }).to_string();
            let kept = world
                .test
                .post(&world.test.actor(party), "/epcis/queries", "application/json", body)
                .await;
            kept.expect(StatusCode::CREATED);
        }
        world
    }

    async fn open_as(&self, party: &str, name: &str, query: &str) -> Result<Socket, StatusCode> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        let stream = socket.connect(self.address).await.expect("a connection");
        let request = axum::http::Request::get(format!("ws://{}/epcis/queries/{name}/events?{query}", self.address))
            .header("host", self.address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("x-test-party", party)
            .body(())
            .expect("a request");
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(StatusCode::from_u16(response.status().as_u16()).expect("a status")),
            Err(error) => panic!("{error}"),
        }
    }

    async fn open(&self, query: &str) -> Result<Socket, StatusCode> {
        self.open_as("packwell", "labels", query).await
    }
}

/// The numbers in the next message, or how the socket was closed.
async fn next(socket: &mut Socket) -> Result<Vec<u32>, (CloseCode, String)> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("a message in time");
        match message.expect("a message before the end").expect("a good message") {
            Message::Text(text) => {
                let document: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(document["epcisBody"]["queryResults"]["queryName"], "labels");
                let events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].clone();
                let ids = events
                    .as_array()
                    .expect("events")
                    .iter()
                    .map(|event| event["eventID"].as_str().expect("an id").to_owned());
                return Ok(ids.map(|id| id[id.len() - 12..].parse().expect("a number")).collect());
            }
            Message::Close(Some(frame)) => return Err((frame.code, frame.reason.to_string())),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stream_brings_what_comes_until_its_party_may_not_be_there() {
    let world = World::start(Limits::default()).await;
    label(&world.test, 1, 1).await;
    let mut socket = world.open("stream=true").await.expect("a socket");
    let mut all = world
        .open("stream=true&initialRecordTime=2020-01-01T00:00:00Z")
        .await
        .expect("a socket");
    let mut other = world.open_as("zenith", "labels", "stream=true").await.expect("a socket");
    assert_eq!(next(&mut all).await, Ok(vec![1]));
    label(&world.test, 2, 1).await;
    assert_eq!(next(&mut socket).await, Ok(vec![2]));
    assert_eq!(next(&mut all).await, Ok(vec![2]));
    let begun = std::time::Instant::now();
    world.stands.store(false, Ordering::SeqCst);
    label(&world.test, 3, 1).await;
    // Nobody is told of what came after, and zenith saw nothing all the time.
    for socket in [&mut socket, &mut all, &mut other] {
        let (code, reason) = next(socket).await.expect_err("an end");
        assert_eq!(code, CloseCode::Policy, "{reason}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_suspended_party_is_cut() {
    let world = World::start(Limits::default()).await;
    let mut socket = world.open("stream=true").await.expect("a socket");
    let folder = world.test.folder().join("suspended");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = std::fs::read_to_string(crate::hub::story_partners().join("packwell.toml")).expect("the story");
    std::fs::write(folder.join("packwell.toml"), format!("suspended = true\n{text}")).expect("a file");
    world.test.apply_partners(&folder).await;
    let (code, _) = next(&mut socket).await.expect_err("an end");
    assert_eq!(code, CloseCode::Policy);
}

#[tokio::test]
async fn a_schedule_speaks_when_it_is_due() {
    let world = World::start(Limits::default()).await;
    let mut quiet = world.open("second=30").await.expect("a socket");
    let mut always = world.open("second=30&reportIfEmpty=true").await.expect("a socket");
    world.test.advance_seconds(30);
    assert_eq!(next(&mut always).await, Ok(vec![]));
    label(&world.test, 1, 2).await;
    world.test.advance_seconds(60);
    assert_eq!(next(&mut always).await, Ok(vec![1, 2]));
    // It says nothing of a run that finds nothing, so that its first one may have been before or after the first event.
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(next(&mut quiet).await.expect("a message"));
    }
    assert_eq!(found, [1, 2]);
}

#[tokio::test]
async fn what_is_no_subscription_is_refused() {
    let world = World::start(Limits {
        sockets_per_party: 1,
        ..Limits::default()
    })
    .await;
    for bad in [
        "",
        "stream=false",
        "stream=true&second=1",
        "second=61",
        "stream=true&EQ_action=ADD",
        "perPage=3",
    ] {
        assert_eq!(world.open(bad).await.err(), Some(StatusCode::BAD_REQUEST), "{bad}");
    }
    assert_eq!(
        world.open_as("packwell", "none", "stream=true").await.err(),
        Some(StatusCode::NOT_FOUND)
    );
    let held = world.open("stream=true").await.expect("a socket");
    assert_eq!(world.open("stream=true").await.err(), Some(StatusCode::CONFLICT));
    world
        .open_as("zenith", "labels", "stream=true")
        .await
        .expect("another party's socket");
    drop(held);
    tokio::time::timeout(PATIENCE, async { while world.open("stream=true").await.is_err() {} })
        .await
        .expect("room again");
    // Without an upgrade it is a page, which has no such parameter.
    let page = world
        .test
        .get(&world.test.actor("packwell"), "/epcis/queries/labels/events?stream=true")
        .await;
    page.expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let world = World::start(Limits {
        sockets_per_party: 1,
        socket_send_timeout_ms: 300,
        ..Limits::default()
    })
    .await;
    let slow = world.open("stream=true").await.expect("a socket");
    let events: Vec<Value> = (1..=24)
        .map(|number| {
            let sscc = story::packwell_sscc(number);
            let mut event = story::commission_sscc("2026-03-01T08:00:00Z", story::PACKWELL_HALL_1, &sscc);
            event["ex:note"] = json!("x".repeat(300_000));
            event["@context"] = json!([{ "ex": "https://example.com/" }]);
            event
        })
        .collect();
    let job = world
        .test
        .capture(&world.test.actor("packwell"), story::document(&events))
        .await;
    assert_eq!(job["success"], true, "{job}");
    let again = async { while world.open("stream=true").await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("its place is free again");
    drop(slow);
}

#[tokio::test]
async fn each_query_route_says_what_it_takes() {
    let test = TestHub::start().await;
    for (path, allow) in [
        ("/epcis/queries", "GET, HEAD, POST, OPTIONS"),
        ("/epcis/queries/x", "GET, HEAD, DELETE, OPTIONS"),
        ("/epcis/queries/x/events", "GET, HEAD, OPTIONS"),
        ("/epcis/queries/x/subscriptions", "GET, HEAD, POST, OPTIONS"),
        ("/epcis/queries/x/subscriptions/y", "GET, HEAD, DELETE, OPTIONS"),
        ("/epcis", "GET, HEAD, OPTIONS"),
        ("/epcis/capture", "GET, HEAD, POST, OPTIONS"),
        ("/epcis/capture/x", "GET, HEAD, OPTIONS"),
        ("/epcis/events", "GET, HEAD, POST, OPTIONS"),
        ("/epcis/events/x", "GET, HEAD, OPTIONS"),
        ("/epcis/eventTypes", "GET, HEAD, OPTIONS"),
        ("/epcis/eventTypes/x/events", "GET, HEAD, OPTIONS"),
        ("/epcis/epcs", "GET, HEAD, OPTIONS"),
        ("/epcis/bizSteps/x", "GET, HEAD, OPTIONS"),
        ("/epcis/readPoints/x/events", "GET, HEAD, OPTIONS"),
    ] {
        let request = Request::options(path).body(Body::empty()).expect("a request");
        let told = test
            .call(&test.actor("packwell"), request)
            .await
            .expect(StatusCode::NO_CONTENT);
        assert_eq!(
            (told.header("allow"), told.header("gs1-epcis-max")),
            (allow, "2.0.0"),
            "{path}"
        );
    }
}

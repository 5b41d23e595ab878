//! GraphQL over HTTP: what is taken, what is refused, and what refusing costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_graphql::{Context, EmptySubscription, Object, Schema};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use counterfoil::transport::http::router;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::caller::{Connection, JSON};
use crate::hub::{TestHub, actor};

/// How often the mutation ran.
type Count = Arc<AtomicUsize>;

struct Query;

#[Object]
impl Query {
    async fn ping(&self) -> &str {
        "pong"
    }

    async fn child(&self) -> Query {
        Query
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn count(&self, context: &Context<'_>) -> usize {
        context.data_unchecked::<Count>().fetch_add(1, Ordering::SeqCst)
    }
}

type TestSchema = Schema<Query, Mutation, EmptySubscription>;

/// A schema with every limit that the library has.
fn schema(count: &Count) -> TestSchema {
    Schema::build(Query, Mutation, EmptySubscription)
        .data(Arc::clone(count))
        .limit_depth(8)
        .limit_complexity(200)
        .limit_recursive_depth(16)
        .limit_directives(3)
        .disable_suggestions()
        .finish()
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let mut request = request;
    request.extensions_mut().insert(actor("meridian"));
    let response = router.clone().oneshot(request).await.expect("a router answers");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}

fn post(query: &str) -> Request<Body> {
    let body = serde_json::json!({ "query": query }).to_string();
    let request = Request::post("/graphql").header("content-type", "application/json");
    request
        .header("accept", "application/graphql-response+json")
        .body(Body::from(body))
        .expect("a request")
}

fn get(query: &str) -> Request<Body> {
    let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    Request::get(format!("/graphql?query={query}"))
        .body(Body::empty())
        .expect("a request")
}

/// Each level spreads the next one eight times.
fn bomb(levels: usize) -> String {
    let mut text = "{...a0}".to_owned();
    for level in 0..levels {
        text.push_str(&format!(
            "fragment a{level} on Query{{{}}}",
            format!("...a{} ", level + 1).repeat(8)
        ));
    }
    text.push_str(&format!("fragment a{levels} on Query{{ping}}"));
    text
}

#[tokio::test]
async fn nothing_changes_by_get() {
    let hub = TestHub::start().await;
    let count = Count::default();
    let router = router(hub.hub().clone(), schema(&count));
    for mutation in ["mutation { count }", "query A { ping } mutation B { count }"] {
        let (status, _) = send(&router, get(mutation)).await;
        assert_eq!((status, count.load(Ordering::SeqCst)), (StatusCode::METHOD_NOT_ALLOWED, 0));
    }
    let (status, body) = send(&router, get("{ ping }")).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"data":{"ping":"pong"}}"#));
    let (status, _) = send(&router, post("mutation { count }")).await;
    assert_eq!((status, count.load(Ordering::SeqCst)), (StatusCode::OK, 1));
    hub.stop().await;
}

#[tokio::test]
async fn a_fragment_bomb_is_refused_before_it_goes_off() {
    let hub = TestHub::start().await;
    let schema = schema(&Count::default());
    let router = router(hub.hub().clone(), schema.clone());
    for levels in [4, 5, 6, 12, 1_000] {
        let query = bomb(levels);
        let started = Instant::now();
        let (status, body) = send(&router, post(&query)).await;
        let took = started.elapsed();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(body.contains("QUERY_TOO_COMPLEX") && body.len() < 300, "{body}");
        assert!(
            took < Duration::from_millis(100),
            "{levels} levels, {} bytes: {took:?}",
            query.len()
        );
    }

    // The control: the library walks the expanded document before any of its limits says no.
    let own = async |levels| {
        let started = Instant::now();
        let _refused_or_not = schema.execute(bomb(levels)).await;
        started.elapsed()
    };
    let _first = own(1).await;
    let (few, more) = (own(3).await, own(6).await);
    assert!(
        more > few * 10,
        "{few:?} for 3 levels, {more:?} for 6: has the library learned to count?"
    );
    hub.stop().await;
}

#[tokio::test]
async fn no_error_is_long_or_repeats_what_came_in() {
    let hub = TestHub::start().await;
    let router = router(hub.hub().clone(), schema(&Count::default()));
    let canary = "canary4711".repeat(4_000);
    for query in [
        canary.clone(),
        format!("{{ {canary} }}"),
        format!("{{ ping(x: \"{canary}\") }}"),
        format!("{{ ping @{canary} }}"),
        format!("{{ ...{canary} }}"),
        format!("query($x: {canary}) {{ ping }}"),
    ] {
        let (status, body) = send(&router, post(&query)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.len() < 1_000 && !body.contains("canary4711canary4711"), "{body}");
    }
    let (_, body) = send(&router, post("{ pin }")).await;
    assert!(
        body.contains("INVALID_QUERY") && !body.contains("ping"),
        "a suggestion tells of the schema: {body}"
    );
    hub.stop().await;
}

#[tokio::test]
async fn only_json_is_taken_and_only_so_much() {
    let hub = TestHub::start().await;
    let (meridian, _) = hub.issue("meridian").await;
    let query = br#"{"query":"{__typename}"}"#;
    let mut connection = Connection::open(&hub, Some(meridian.clone())).await.expect("a connection");
    let mut status = async |headers: &str, body: &[u8]| {
        connection
            .call("POST", "/graphql", headers, body)
            .await
            .expect("an answer")
            .status
    };
    assert_eq!(status(JSON, query).await, 200);
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        assert_eq!(status(&format!("content-type: {media}\r\n"), query).await, 415, "{media}");
    }
    assert_eq!(status("", query).await, 415);
    assert_eq!(status(&format!("{JSON}accept: text/html\r\n"), query).await, 406);
    assert_eq!(status(JSON, br#"[{"query":"{__typename}"}]"#).await, 400);
    assert_eq!(status(JSON, br#"{"query":"{a}","query":"{__typename}"}"#).await, 400);

    let largest = hub.hub().limits().graphql_bytes;
    let padded = |length: usize| {
        let mut body = query.to_vec();
        body.resize(length, b' ');
        body
    };
    assert_eq!(status(JSON, &padded(largest)).await, 200);
    let mut connection = Connection::open(&hub, Some(meridian)).await.expect("a connection");
    let reply = connection
        .call("POST", "/graphql", JSON, &padded(largest + 1))
        .await
        .expect("an answer");
    assert_eq!(reply.status, 413);
    assert!(
        reply.head.contains("content-type: application/problem+json"),
        "{}",
        reply.head
    );
    hub.stop().await;
}

#[tokio::test]
async fn without_an_actor_there_is_no_answer_but_401() {
    let hub = TestHub::start().await;
    let router = router(hub.hub().clone(), schema(&Count::default()));
    for path in ["/graphql", "/epcis/capture", "/nothing"] {
        let request = Request::post(path)
            .header("x-client-cert", "aurora")
            .body(Body::empty())
            .expect("a request");
        let response = router.clone().oneshot(request).await.expect("a router answers");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let (status, body) = send(&router, Request::get("/nothing").body(Body::empty()).expect("a request")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("urn:counterfoil:problem:NOT_FOUND"), "{body}");
    hub.stop().await;
}

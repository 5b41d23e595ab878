//! A hub for one test: its own database, a clock that stands still, seeded randomness, the parties of the story.
//!
//! Calls go through the public router with the [`Actor`] that the TLS layer would have made; nothing here
//! reaches past the services.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use counterfoil::config::partner;
use counterfoil::config::settings::Limits;
use counterfoil::domain::ids::AuditId;
use counterfoil::domain::party::Actor;
use counterfoil::domain::serial::key::MasterKey;
use counterfoil::domain::time::Micros;
use counterfoil::outbound::Outbound;
use counterfoil::service::event::SeenEvent;
use counterfoil::service::hub::{Clock, Hub, HubParts, Random};
use counterfoil::service::page::{Page, Paged};
use counterfoil::service::partner::{Missing, Stamp, apply, plan};
use counterfoil::service::{ServiceError, capture, query};
use counterfoil::storage::object::ObjectStore;
use counterfoil::storage::party::load_registry;
use counterfoil::transport::{graphql, http};
use tower::ServiceExt;

use database::TestDatabase;

mod database;

/// The moment at which every test starts.
pub const START: &str = "2026-03-02T08:00:00Z";

/// A hub for one test.
pub struct TestHub {
    /// The hub itself, for what has no channel.
    pub hub: Hub,
    clock: Arc<TestClock>,
    random: Arc<TestRandom>,
    router: Router,
    folder: tempfile::TempDir,
    database: TestDatabase,
}

/// What a call was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer in UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("a header in ASCII"))
    }

    /// Ids of the events on a page of the EPCIS query interface, in its order.
    pub fn event_ids(&self) -> Vec<String> {
        let events = self.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].clone();
        let events = events.as_array().expect("an event list").clone();
        events
            .iter()
            .map(|event| event["eventID"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// The path of the next page, if there is one.
    pub fn next_page(&self) -> Option<String> {
        let (path, rest) = self.header("link").strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"next\"").then(|| path.to_owned())
    }

    /// Panics with the body unless the status is this.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl TestHub {
    /// With the parties of the story.
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    /// The same with other limits.
    pub async fn start_with(limits: Limits) -> Self {
        let test = Self::empty_with(limits).await;
        test.apply_partners(&story_partners()).await;
        test
    }

    /// Without any party.
    pub async fn empty() -> Self {
        Self::empty_with(Limits::default()).await
    }

    async fn empty_with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let database = TestDatabase::create(folder.path()).await;
        Self::on((folder, database), limits).await
    }

    /// Without any party, for tests that make many: it does not wait for the disk.
    pub async fn quick(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let database = TestDatabase::copy(folder.path()).await.with_synchronous("OFF");
        Self::on((folder, database), limits).await
    }

    async fn on((folder, database): (tempfile::TempDir, TestDatabase), limits: Limits) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(micros(START).0)));
        let random = Arc::new(TestRandom::new(1 << 48));
        let hub = open(&database, folder.path(), (&clock, &random), limits).await;
        let router = http::router(hub.clone(), graphql::build(hub.clone()));
        Self {
            hub,
            clock,
            random,
            router,
            folder,
            database,
        }
    }

    /// On a database that had come so many steps far when `fill` put something into it, and was brought to the present then.
    pub async fn start_at_step(steps: u32, fill: impl AsyncFnOnce(&sea_orm::DatabaseConnection)) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let database = TestDatabase::create_at_step(folder.path(), steps, fill).await;
        Self::on((folder, database), Limits::default()).await
    }

    /// Another process on the same database and objects, with the same clock.
    pub async fn second(&self) -> Hub {
        self.second_with(self.hub.limits().clone()).await
    }

    /// The same with other limits.
    pub async fn second_with(&self, limits: Limits) -> Hub {
        let random = Arc::new(TestRandom::new(2 << 48));
        open(&self.database, self.folder.path(), (&self.clock, &random), limits).await
    }

    /// Sets what the hub makes its random bytes of, and has it count its ids.
    pub fn reseed(&self, seed: u64) {
        self.random.reseed(seed);
    }

    /// A folder that is gone after the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Checks and applies a folder of partner files and swaps the registry.
    pub async fn apply_partners(&self, folder: &Path) {
        let files = partner::load(folder).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let plan = plan(self.hub.db(), &files, Missing::Keep).await.expect("a plan");
        apply(self.hub.db(), plan, self.stamp()).await.expect("the plan applied");
        self.hub
            .set_registry(load_registry(self.hub.db()).await.expect("the registry"));
    }

    /// The operator, now.
    pub fn stamp(&self) -> Stamp {
        let at = self.hub.now();
        Stamp {
            at,
            actor: self.actor("hub-operator"),
            audit_id: AuditId::new(self.hub.new_id(at)),
        }
    }

    /// A system of a party, as its certificate would name it.
    pub fn actor(&self, party: &str) -> Actor {
        Actor {
            party: party.parse().expect("a party id"),
            system: "erp".to_owned(),
        }
    }

    /// Sets the clock.
    pub fn set_time(&self, text: &str) {
        self.clock.0.store(micros(text).0, Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// The public router, for a test that calls it over a real connection.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The public router of another hub process on the same database.
    pub fn router_of(&self, hub: Hub) -> TestRouter {
        TestRouter(http::router(hub.clone(), graphql::build(hub)))
    }

    /// Any call.
    pub async fn call(&self, actor: &Actor, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(actor.clone());
        self.call_anonymous(request).await
    }

    /// A call of somebody whom no certificate names.
    pub async fn call_anonymous(&self, request: Request<Body>) -> Answer {
        TestRouter(self.router.clone()).answer(request).await
    }

    /// GET.
    pub async fn get(&self, actor: &Actor, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.call(actor, request).await
    }

    /// POST.
    pub async fn post(&self, actor: &Actor, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
        self.call(actor, request.body(Body::from(body.into())).expect("a request"))
            .await
    }

    /// Sends a JSON-LD document, lets the hub work until nothing is due, and answers the finished job.
    pub async fn capture(&self, actor: &Actor, document: String) -> serde_json::Value {
        let sent = self.post(actor, "/epcis/capture", "application/ld+json", document).await;
        let job = sent.expect(StatusCode::ACCEPTED).header("location").to_owned();
        while capture::run_due(&self.hub).await.expect("a capture job").is_some() {}
        let job = self.get(actor, &job).await.expect(StatusCode::OK).json();
        assert_eq!(job["running"], false, "{job:#}");
        job
    }

    /// What became of a document: the problem it was answered with, or its job when it has ended; and the status of what went wrong.
    pub async fn outcome(&self, actor: &Actor, answer: Answer) -> (StatusCode, serde_json::Value) {
        if answer.status != StatusCode::ACCEPTED {
            return (answer.status, answer.json());
        }
        while capture::run_due(&self.hub).await.expect("a capture job").is_some() {}
        let job = self.get(actor, answer.header("location")).await.expect(StatusCode::OK).json();
        assert_eq!(job["running"], false, "{job:#}");
        let statuses = job["errors"].as_array().expect("errors").iter().map(|error| &error["status"]);
        // As one answer has it: 403 if rights are all that is wrong.
        let status = statuses.filter_map(serde_json::Value::as_u64).min();
        let status = status.and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
        (status.unwrap_or(StatusCode::ACCEPTED), job)
    }

    /// A GraphQL operation; the whole answer, with `data` and `errors`.
    pub async fn graphql(&self, actor: &Actor, query: &str, variables: serde_json::Value) -> serde_json::Value {
        let body = serde_json::json!({ "query": query, "variables": variables }).to_string();
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json, application/json");
        self.call(actor, request.body(Body::from(body)).expect("a request"))
            .await
            .json()
    }

    /// The `data` of a GraphQL operation that must not have errors.
    pub async fn graphql_data(&self, actor: &Actor, query: &str, variables: serde_json::Value) -> serde_json::Value {
        let answer = self.graphql(actor, query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }
}

/// Events that a caller sees, newest record first, without a transport.
pub async fn newest(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<SeenEvent>, ServiceError> {
    let asked = query::Asked {
        query: &counterfoil::domain::query::Query::default(),
        first: page.first,
        after: None,
        acting_for: None,
        reading: query::Reading::Question,
    };
    assert!(page.after.is_none(), "the first page only");
    query::listed(hub, actor, asked).await
}

/// The public router of one hub process.
pub struct TestRouter(Router);

impl TestRouter {
    /// POST.
    pub async fn post(&self, actor: &Actor, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, content_type)
            .extension(actor.clone());
        self.answer(request.body(Body::from(body.into())).expect("a request")).await
    }

    /// Any call.
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.expect("a router answers");
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 30).await.expect("the whole body");
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }
}

/// The shipped examples are the parties of the tests.
pub fn story_partners() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("partner-config")
}

/// A time in RFC 3339.
pub fn micros(text: &str) -> Micros {
    Micros::parse(text).expect("a time")
}

async fn open(
    database: &TestDatabase,
    folder: &Path,
    (clock, random): (&Arc<TestClock>, &Arc<TestRandom>),
    limits: Limits,
) -> Hub {
    let db = database.open().await;
    let registry = load_registry(&db).await.expect("the registry");
    Hub::new(HubParts {
        db,
        objects: ObjectStore::open(folder.join("objects")).expect("an object store"),
        master_key: MasterKey::new([7; 32]),
        clock: clock.clone(),
        random: random.clone(),
        outbound: Outbound::new(folder.join("secrets"), Duration::from_millis(limits.upstream_timeout_ms)).with_loopback(true),
        limits,
        registry,
    })
}

/// A clock that moves only when it is told to.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same bytes in every run.
struct TestRandom {
    state: AtomicU64,
    /// What ids that are made since begin with, and how many were; zero: they are as random as anything.
    ids: AtomicU64,
    made: AtomicU32,
}

/// Random bits of a UUID of version 7.
const ID_BYTES: usize = 10;

impl TestRandom {
    fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
            ids: AtomicU64::new(0),
            made: AtomicU32::new(0),
        }
    }

    /// From here on ids are made in order, so that one more among them changes the order of no two others.
    fn reseed(&self, seed: u64) {
        self.state.store(seed, Ordering::SeqCst);
        let mut prefix = [0; 8];
        self.random(&mut prefix);
        self.ids.store(u64::from_le_bytes(prefix) | 1, Ordering::SeqCst);
        self.made.store(0, Ordering::SeqCst);
    }

    fn random(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self
                .state
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
                .wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let ids = self.ids.load(Ordering::SeqCst);
        if ids == 0 || buffer.len() != ID_BYTES {
            return self.random(buffer);
        }
        let (prefix, count) = buffer.split_at_mut(ID_BYTES - 4);
        prefix.copy_from_slice(&ids.to_be_bytes()[..ID_BYTES - 4]);
        count.copy_from_slice(&self.made.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    }
}

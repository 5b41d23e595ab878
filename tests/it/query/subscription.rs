//! Subscriptions to named queries: delivered at least once in the order of records, to whom the operator named, as the subscriber may see.

use counterfoil::config::settings::Limits;
use counterfoil::domain::time::Micros;
use counterfoil::domain::webhook::signature;
use counterfoil::service::{Hub, subscription};

use super::*;
use crate::hub::{START, micros, story_partners};
use receiver::{Mood, Receiver};

mod failure;
mod owner;
pub mod receiver;
mod tls;

const LIST: &str = "/epcis/queries/labels/subscriptions";

/// A hub whose parties may be delivered to at the receiver, and where packwell and aurora keep a query.
struct World {
    test: TestHub,
    receiver: Receiver,
}

impl World {
    async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    async fn start_with(limits: Limits) -> Self {
        let world = Self {
            test: TestHub::start_with(limits).await,
            receiver: Receiver::start().await,
        };
        world.allow("").await;
        for party in ["packwell", "aurora"] {
            world.keep(party, "labels", json!({ "EQ_bizStep": ["commissioning"] })).await;
        }
        world
    }

    /// Applies the story's files with the receiver as a webhook of two parties; `more` stands in packwell's.
    async fn allow(&self, more: &str) {
        let folder = self.test.folder().join("partners");
        std::fs::create_dir_all(&folder).expect("a folder");
        for entry in std::fs::read_dir(story_partners()).expect("the story") {
            let path = entry.expect("a file").path();
            let Some(name) = path.file_name().filter(|_| path.is_file()) else {
                continue;
            };
            let mut text = std::fs::read_to_string(&path).expect("a text");
            if name == "packwell.toml" {
                text = format!("{more}\n{text}\n[[webhooks]]\norigin = \"{}\"\n", self.receiver.origin);
            } else if name == "aurora.toml" {
                text = format!("{text}\n[[webhooks]]\norigin = \"{}\"\n", self.receiver.origin);
            }
            std::fs::write(folder.join(name), text).expect("a file");
        }
        self.test.apply_partners(&folder).await;
    }

    async fn keep(&self, party: &str, name: &str, query: Value) {
        let body = json!({ "name": name, "query": query }).to_string();
        let actor = self.test.actor(party);
        let kept = self.test.post(&actor, "/epcis/queries", "application/json", body).await;
        kept.expect(StatusCode::CREATED);
    }

    async fn ask(&self, party: &str, body: &Value) -> Answer {
        let actor = self.test.actor(party);
        self.test.post(&actor, LIST, "application/json", body.to_string()).await
    }

    /// Subscribes packwell with these members beside the destination; answers its path.
    async fn subscribe(&self, more: Value) -> String {
        let mut body = json!({ "dest": format!("{}/hook", self.receiver.origin) });
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        let made = self.ask("packwell", &body).await.expect(StatusCode::CREATED);
        made.header("location").to_owned()
    }

    async fn stream(&self) -> String {
        self.subscribe(json!({ "stream": true })).await
    }

    async fn shown(&self, path: &str) -> Value {
        let shown = self.test.get(&self.test.actor("packwell"), path).await;
        shown.expect(StatusCode::OK).json()
    }

    async fn work(&self) {
        work(&self.test.hub).await;
    }
}

/// All that is due.
async fn work(hub: &Hub) {
    while subscription::run_due(hub).await.expect("a delivery") {}
}

async fn delete(test: &TestHub, party: &str, path: &str) -> Answer {
    let request = Request::delete(path).body(Body::empty()).expect("a request");
    test.call(&test.actor(party), request).await
}

#[tokio::test]
async fn a_stream_brings_what_comes_after_it_and_is_signed() {
    let world = World::start().await;
    label(&world.test, 1, 2).await;
    let path = world
        .subscribe(json!({ "stream": true, "signatureToken": "hush-hush" }))
        .await;
    world.work().await;
    assert!(world.receiver.got().is_empty(), "what was there before is not new");
    label(&world.test, 3, 2).await;
    world.work().await;
    let got = world.receiver.got();
    assert_eq!(got.iter().flat_map(|got| got.numbers()).collect::<Vec<_>>(), [3, 4]);
    let first = &got[0];
    assert_eq!(
        (first.path.as_str(), first.header("content-type")),
        ("/hook", "application/json")
    );
    let results = &first.json()["epcisBody"]["queryResults"];
    let id = world.shown(&path).await["subscriptionID"].as_str().expect("an id").to_owned();
    assert_eq!(
        (&results["queryName"], &results["subscriptionID"]),
        (&json!("labels"), &json!(id))
    );
    assert_eq!(first.json()["type"], "EPCISQueryDocument");
    let at: i64 = first.header("webhook-timestamp").parse().expect("seconds");
    let expect = signature("hush-hush", first.header("webhook-id"), Micros(at * 1_000_000), &first.body);
    assert_eq!(
        (first.header("gs1-signature"), first.header("webhook-signature")),
        (expect.as_str(), expect.as_str())
    );
    assert_eq!(at, micros(START).0 / 1_000_000);
    let shown = world.shown(&path).await;
    assert_eq!(
        (&shown["stream"], &shown["active"], &shown["signed"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert!(
        shown["lastNotifiedAt"].is_string() && !shown.to_string().contains("hush-hush"),
        "{shown}"
    );
    // An event of long ago that is captured now is as new as any.
    label(&world.test, 60, 1).await;
    world.work().await;
    assert_eq!(world.receiver.taken(), [60]);
    delete(&world.test, "packwell", &path).await.expect(StatusCode::NO_CONTENT);
    label(&world.test, 5, 1).await;
    world.work().await;
    assert!(world.receiver.got().is_empty());
}

#[tokio::test]
async fn what_is_delivered_is_what_a_poll_shows_that_party() {
    let world = World::start().await;
    let path = world.stream().await;
    let body = json!({ "dest": format!("{}/aurora", world.receiver.origin), "stream": true });
    world.ask("aurora", &body).await.expect(StatusCode::CREATED);
    label(&world.test, 1, 3).await;
    let units = story::sgtins(story::AUROXIN, &["A1", "A2"]);
    let event = story::commission("2026-03-01T09:00:00Z", story::PACKWELL_HALL_1, &units, "L1");
    world
        .test
        .capture(&world.test.actor("packwell"), story::document(&[event]))
        .await;
    world.work().await;
    for party in ["packwell", "aurora"] {
        let path = "/epcis/queries/labels/events?perPage=100";
        let poll = world
            .test
            .get(&world.test.actor(party), path)
            .await
            .expect(StatusCode::OK)
            .json();
        let polled = poll["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
            .as_array()
            .expect("events")
            .clone();
        let got: Vec<Value> = world
            .receiver
            .got_at(if party == "aurora" { "/aurora" } else { "/hook" })
            .iter()
            .flat_map(|got| got.events())
            .collect();
        let ids = |events: &[Value]| {
            events
                .iter()
                .map(|event| event["eventID"].to_string())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(ids(&got), ids(&polled), "{party}");
        for event in &got {
            assert!(polled.contains(event), "{party}: {event:#}");
        }
    }
    assert_eq!(world.shown(&path).await["failures"], 0);
}

#[tokio::test]
async fn a_schedule_asks_when_its_fields_say() {
    let world = World::start().await;
    // It is 08:00:00.
    let quiet = world
        .subscribe(json!({ "schedule": { "minute": "[0-59]", "second": 30 } }))
        .await;
    let body = json!({ "dest": format!("{}/even-empty", world.receiver.origin), "schedule": { "hour": "9", "minute": "5" }, "reportIfEmpty": true,
        "initialRecordTime": "2020-01-01T00:00:00Z" });
    world.ask("packwell", &body).await.expect(StatusCode::CREATED);
    label(&world.test, 1, 2).await;
    world.work().await;
    assert!(world.receiver.got().is_empty(), "not due yet");
    world.test.advance_seconds(29);
    world.work().await;
    assert!(world.receiver.got().is_empty(), "not due yet");
    world.test.advance_seconds(1);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1, 2]);
    world.test.advance_seconds(60);
    world.work().await;
    assert!(world.receiver.got().is_empty(), "nothing new and nothing said");
    world.test.set_time("2026-03-02T09:05:00Z");
    label(&world.test, 3, 1).await;
    world.work().await;
    let got = world.receiver.got();
    let at = |path: &str| -> Vec<Vec<u32>> { got.iter().filter(|got| got.path == path).map(|got| got.numbers()).collect() };
    assert_eq!(at("/even-empty"), [[1, 2, 3]], "from the initial record time on");
    assert_eq!(at("/hook"), [[3]]);
    // A hub that was down over several moments asks once.
    world.test.set_time("2026-03-05T12:00:00Z");
    world.work().await;
    let got = world.receiver.got();
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!((got[0].path.as_str(), got[0].numbers()), ("/even-empty", vec![]));
    assert_eq!(
        world.shown(&quiet).await["schedule"],
        json!({ "minute": "[0-59]", "second": "30" })
    );
}

#[tokio::test]
async fn more_than_the_query_allows_at_once_is_told_instead() {
    let world = World::start().await;
    let actor = world.test.actor("packwell");
    world.keep("packwell", "few", json!({ "maxEventCount": 2 })).await;
    let dest = format!("{}/few", world.receiver.origin);
    let body = json!({ "dest": dest, "schedule": { "second": "0" } }).to_string();
    let path = "/epcis/queries/few/subscriptions";
    world
        .test
        .post(&actor, path, "application/json", body)
        .await
        .expect(StatusCode::CREATED);
    label(&world.test, 1, 3).await;
    world.test.advance_seconds(60);
    world.work().await;
    let got = world.receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!(
        (got[0].header("content-type"), &got[0].json()["type"]),
        ("application/problem+json", &json!("epcisException:QueryTooLargeException"))
    );
    label(&world.test, 4, 2).await;
    world.test.advance_seconds(60);
    world.work().await;
    assert_eq!(world.receiver.taken(), [4, 5], "the next time is judged by itself");
}

//! Subscriptions to named queries: delivered at least once in the order of records, to whom the operator named, as the subscriber may see.

use std::time::Duration;

use counterfoil::config::settings::Limits;
use counterfoil::domain::time::Micros;
use counterfoil::domain::webhook::signature;
use counterfoil::service::{Hub, subscription};

use super::*;
use crate::hub::{START, micros, story_partners};
use receiver::{Mood, Receiver};

mod receiver;

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
async fn what_is_not_taken_is_sent_again_with_the_same_id() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 1).await;
    let mut ids = BTreeSet::new();
    for (at, status) in (10..).zip([500, 404, 401, 302, 429]) {
        world.receiver.set(Mood::Status(status));
        world.work().await;
        let got = world.receiver.got();
        assert_eq!(got.len(), 1, "{status}: once, then it waits");
        ids.insert(got[0].header("webhook-id").to_owned());
        let shown = world.shown(&path).await;
        assert!(
            shown["lastError"].as_str().expect("a cause").contains(&status.to_string()),
            "{shown}"
        );
        // What comes meanwhile comes afterwards.
        label(&world.test, at, 1).await;
        world.work().await;
        assert!(world.receiver.got().is_empty(), "it waits");
        world.test.advance_seconds(3_600);
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    world.receiver.set(Mood::Redirects);
    world.work().await;
    assert_eq!(world.receiver.got().len(), 1, "no redirect is followed");
    world.test.advance_seconds(3_600);
    world.receiver.set(Mood::Takes);
    world.work().await;
    let got = world.receiver.got();
    assert!(ids.contains(got[0].header("webhook-id")));
    assert_eq!(got[0].numbers(), [1]);
    assert_eq!(got[1].numbers().len(), 5);
    let shown = world.shown(&path).await;
    assert_eq!((&shown["failures"], shown.get("lastError")), (&json!(0), None));
}

#[tokio::test]
async fn a_receiver_gets_smaller_deliveries_if_it_asks_for_them() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 9).await;
    world.receiver.set(Mood::AtMost(2));
    world.work().await;
    let got = world.receiver.got();
    let taken: Vec<u32> = got.iter().filter(|got| got.taken).flat_map(|got| got.numbers()).collect();
    assert_eq!(taken, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let refused = got.iter().filter(|got| !got.taken).count();
    assert!((2..12).contains(&refused), "{refused}");
    let ids: BTreeSet<&str> = got
        .iter()
        .filter(|got| got.taken)
        .map(|got| got.header("webhook-id"))
        .collect();
    assert_eq!(ids.len(), got.len() - refused, "each delivery has its own id");
    // One event that is too large is a failure like any other: it is not left out.
    label(&world.test, 10, 1).await;
    world.receiver.set(Mood::AtMost(0));
    world.work().await;
    assert_eq!(world.receiver.got().len(), 1);
    world.test.advance_seconds(60);
    world.receiver.set(Mood::Takes);
    world.work().await;
    assert_eq!(world.receiver.taken(), [10]);
}

#[tokio::test]
async fn a_large_delivery_is_parted_before_it_is_sent() {
    let world = World::start_with(Limits {
        delivery_bytes: 2_000,
        ..Limits::default()
    })
    .await;
    world.stream().await;
    label(&world.test, 1, 7).await;
    world.work().await;
    let got = world.receiver.got();
    assert!(got.len() > 2 && got.iter().all(|got| got.body.len() <= 2_000));
    assert_eq!(
        got.iter().flat_map(|got| got.numbers()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7]
    );
}

#[tokio::test]
async fn a_subscription_that_fails_too_long_is_disabled_and_can_be_resumed() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 2).await;
    world.receiver.set(Mood::Status(503));
    world.work().await;
    for _ in 0..200 {
        world.test.advance_seconds(3_600);
        world.work().await;
    }
    let tries = world.receiver.got().len();
    assert!((100..=200).contains(&tries), "{tries}");
    let shown = world.shown(&path).await;
    assert_eq!(shown["active"], false, "{shown}");
    assert!(
        shown["disabledReason"].as_str().expect("a reason").contains("168 hours"),
        "{shown}"
    );
    world.receiver.set(Mood::Takes);
    world.test.advance_seconds(86_400);
    world.work().await;
    assert!(world.receiver.got().is_empty(), "disabled is disabled");
    let packwell = world.test.actor("packwell");
    let stranger = world.test.actor("zenith");
    let resume = format!("{path}/resume");
    world
        .test
        .post(&stranger, &resume, "application/json", "")
        .await
        .expect(StatusCode::NOT_FOUND);
    let resumed = world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::OK);
    assert_eq!(resumed.json()["active"], true);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1, 2], "nothing is lost");
    // 410 ends it at once.
    label(&world.test, 3, 1).await;
    world.receiver.set(Mood::Status(410));
    world.work().await;
    let shown = world.shown(&path).await;
    assert!(shown["disabledReason"].as_str().expect("a reason").contains("410"), "{shown}");
    let log = world
        .test
        .graphql_data(&packwell, "{ auditEntries(first: 50) { nodes { action } } }", json!({}))
        .await;
    let actions = log.to_string().to_ascii_lowercase();
    for action in ["subscribe", "disable_subscription", "resume_subscription"] {
        assert!(actions.contains(action), "{action}: {actions}");
    }
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

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let world = World::start().await;
    let dest = format!("{}/hook", world.receiver.origin);
    let check = async |body: Value, status: StatusCode, kind: &str| {
        let answer = world.ask("packwell", &body).await.expect(status).json();
        let told = answer["type"].as_str().expect("a type").to_owned();
        assert!(told.ends_with(kind), "{body}: {answer}");
    };
    let bad = StatusCode::BAD_REQUEST;
    check(json!({ "dest": dest }), bad, ":SubscriptionControlsException").await;
    check(
        json!({ "dest": dest, "stream": false }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    check(
        json!({ "dest": dest, "stream": true, "schedule": { "hour": "1" } }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    for schedule in [
        json!({}),
        json!({ "second": "61" }),
        json!({ "hour": "24" }),
        json!({ "month": "2", "dayOfMonth": "30" }),
    ] {
        check(
            json!({ "dest": dest, "schedule": schedule }),
            bad,
            ":SubscriptionControlsException",
        )
        .await;
    }
    check(
        json!({ "dest": dest, "stream": true, "initialRecordTime": "yesterday" }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    check(json!({ "dest": dest, "schedule": { "seconds": "1" } }), bad, "BAD_INPUT").await;
    check(json!({ "dest": dest, "stream": true, "secret": "x" }), bad, "BAD_INPUT").await;
    check(
        json!({ "dest": dest, "stream": true, "signatureToken": "" }),
        bad,
        "BAD_INPUT",
    )
    .await;
    for dest in [
        "htto://127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://events.example/",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data",
        "https://user@127.0.0.1/",
        "",
    ] {
        check(json!({ "dest": dest, "stream": true }), bad, ":InvalidURIException").await;
    }
    // A host that begins like the one that is allowed is another.
    check(
        json!({ "dest": format!("{}.example/", world.receiver.origin), "stream": true }),
        bad,
        ":InvalidURIException",
    )
    .await;
    let (packwell, zenith) = (world.test.actor("packwell"), world.test.actor("zenith"));
    let body = json!({ "dest": dest, "stream": true }).to_string();
    let none = world
        .test
        .post(
            &packwell,
            "/epcis/queries/none/subscriptions",
            "application/json",
            body.clone(),
        )
        .await;
    assert_eq!(
        none.expect(StatusCode::NOT_FOUND).json()["type"],
        "epcisException:NoSuchNameException"
    );
    let other = world.test.post(&zenith, LIST, "application/json", body.clone()).await;
    assert_eq!(
        other.expect(StatusCode::NOT_FOUND).json()["type"],
        "epcisException:NoSuchNameException"
    );
    let text = world.test.post(&packwell, LIST, "text/plain", body).await;
    text.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let few = World::start_with(Limits {
        subscriptions_per_party: 1,
        ..Limits::default()
    })
    .await;
    few.stream().await;
    let dest = format!("{}/x", few.receiver.origin);
    few.ask("packwell", &json!({ "dest": dest, "stream": true }))
        .await
        .expect(StatusCode::CONFLICT);
    world
        .keep("packwell", "first", json!({ "orderBy": "eventTime", "eventCountLimit": 3 }))
        .await;
    let body = json!({ "dest": dest, "stream": true }).to_string();
    let first = world
        .test
        .post(&packwell, "/epcis/queries/first/subscriptions", "application/json", body)
        .await;
    assert_eq!(
        first.expect(bad).json()["type"],
        "epcisException:SubscribeNotPermittedException"
    );
}

#[tokio::test]
async fn subscriptions_are_their_partys_own() {
    let world = World::start().await;
    let mut paths = vec![world.stream().await, world.stream().await];
    paths.sort();
    let packwell = world.test.actor("packwell");
    let aurora = world.test.actor("aurora");
    let listed = world.test.get(&packwell, LIST).await.expect(StatusCode::OK).json();
    let ids: Vec<String> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{LIST}/{}", one["subscriptionID"].as_str().expect("an id")))
        .collect();
    assert_eq!(ids, paths);
    let page = world
        .test
        .get(&packwell, &format!("{LIST}?perPage=1"))
        .await
        .expect(StatusCode::OK);
    let rest = world
        .test
        .get(&packwell, &page.next_page().expect("more"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (rest.json()[0]["subscriptionID"].clone(), rest.next_page()),
        (listed[1]["subscriptionID"].clone(), None)
    );
    // Aurora has a query of that name, and no subscription.
    assert_eq!(world.test.get(&aurora, LIST).await.expect(StatusCode::OK).json(), json!([]));
    let foreign = world.test.get(&aurora, &paths[0]).await.expect(StatusCode::NOT_FOUND);
    let absent = world
        .test
        .get(&aurora, &format!("{LIST}/none"))
        .await
        .expect(StatusCode::NOT_FOUND);
    assert_eq!(foreign.text(), absent.text());
    delete(&world.test, "aurora", &paths[0]).await.expect(StatusCode::NOT_FOUND);
    // Of another query it is none either.
    world.keep("packwell", "other", json!({})).await;
    let wrong = paths[0].replace("/labels/", "/other/");
    world.test.get(&packwell, &wrong).await.expect(StatusCode::NOT_FOUND);
    delete(&world.test, "packwell", &wrong).await.expect(StatusCode::NOT_FOUND);
    // A query with subscriptions stays until they are gone.
    let query = "/epcis/queries/labels";
    delete(&world.test, "packwell", query).await.expect(StatusCode::CONFLICT);
    delete(&world.test, "aurora", query).await.expect(StatusCode::NO_CONTENT);
    for path in &paths {
        delete(&world.test, "packwell", path).await.expect(StatusCode::NO_CONTENT);
        delete(&world.test, "packwell", path).await.expect(StatusCode::NOT_FOUND);
    }
    delete(&world.test, "packwell", query).await.expect(StatusCode::NO_CONTENT);
    world.test.get(&packwell, LIST).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn two_processes_never_deliver_the_same_at_the_same_time() {
    let world = World::start_with(Limits {
        delivery_events: 3,
        ..Limits::default()
    })
    .await;
    for _ in 0..3 {
        world.stream().await;
    }
    let second = world.test.second().await;
    label(&world.test, 1, 20).await;
    let (one, other) = (world.test.hub.clone(), second);
    tokio::join!(work(&one), work(&other), work(&one), work(&other));
    let got = world.receiver.got();
    let ids: BTreeSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), got.len(), "each once");
    let mut numbers: Vec<u32> = got.iter().flat_map(|got| got.numbers()).collect();
    numbers.sort_unstable();
    let expect: Vec<u32> = (1..=20).flat_map(|number| [number; 3]).collect();
    assert_eq!(numbers, expect);
}

#[tokio::test]
async fn a_process_that_dies_while_it_delivers_loses_nothing() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 2).await;
    world.receiver.set(Mood::Hangs);
    let dying = world.test.second().await;
    let running = tokio::spawn(async move { work(&dying).await });
    world.receiver.reached().await;
    running.abort();
    assert!(running.await.is_err());
    // It had been sent and is not known to have been taken; more has come since.
    label(&world.test, 3, 1).await;
    world.receiver.set(Mood::Takes);
    let before = world.receiver.got();
    world.work().await;
    assert!(world.receiver.got().is_empty(), "its lease still runs");
    world.test.advance_seconds(120);
    world.work().await;
    let after = world.receiver.got();
    assert_eq!(after[0].header("webhook-id"), before[0].header("webhook-id"));
    assert_eq!(after[0].numbers(), before[0].numbers());
    assert_eq!(after.iter().flat_map(|got| got.numbers()).collect::<Vec<_>>(), [1, 2, 3]);
    // A process that is alone knows at once that nobody holds anything.
    label(&world.test, 4, 1).await;
    drop(subscription::take(&world.test.hub, &[]).await.expect("a turn"));
    world.work().await;
    assert!(world.receiver.got().is_empty());
    subscription::release_all(&world.test.hub).await.expect("released");
    world.work().await;
    assert_eq!(world.receiver.taken(), [4]);
}

#[tokio::test]
async fn who_is_suspended_is_sent_nothing() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 1).await;
    world.receiver.set(Mood::Hangs);
    let hub = world.test.hub.clone();
    let running = tokio::spawn(async move { work(&hub).await });
    world.receiver.reached().await;
    world.allow("suspended = true").await;
    // Cut while it was under way, long before its own time is over.
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .expect("cut")
        .expect("ended");
    assert_eq!(world.receiver.got().len(), 1);
    world.receiver.set(Mood::Takes);
    world.test.advance_seconds(600);
    world.work().await;
    assert!(world.receiver.got().is_empty());
    world.allow("").await;
    world.test.advance_seconds(60);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1]);
}

#[tokio::test]
async fn an_origin_that_is_taken_back_is_called_no_more() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 1).await;
    world.test.apply_partners(&story_partners()).await;
    world.work().await;
    assert!(world.receiver.got().is_empty());
    let shown = world.shown(&path).await;
    assert!(
        shown["disabledReason"]
            .as_str()
            .expect("a reason")
            .contains("not named for you"),
        "{shown}"
    );
    let resume = format!("{path}/resume");
    let packwell = world.test.actor("packwell");
    world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::BAD_REQUEST);
    world.allow("").await;
    world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::OK);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1]);
}

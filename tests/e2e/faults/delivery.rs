//! kill -9 while events go out to a subscriber: each event that was captured comes at least once, in the order of the records, and what
//! comes again comes under the same `webhook-id`.
//!
//! The subscriber is slow now and then, so that kills fall into the middle of a delivery: before it is sent, while it is answered, and
//! after it was taken and before the hub has written that down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use counterfoil::domain::time::Micros;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::caller::{Answer, Caller, LINES, Line};
use super::disk::Coin;
use super::document::Document;
use super::house::{House, HubProcess, Start, copy_folder};

const KILLS: u32 = 12;
const LINE: &Line = &LINES[1];

/// An event as it came: when it was recorded, and its id.
type Event = (Micros, String);

/// What the subscriber took: the id of each delivery, and the events in it.
type Taken = Arc<Mutex<Vec<(String, Vec<Event>)>>>;

async fn subscriber(seed: u64) -> (String, Taken) {
    let taken = Taken::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let state = (Arc::clone(&taken), Arc::new(Mutex::new(Coin(seed))));
    let router = Router::new().fallback(take).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, taken)
}

async fn take(State((taken, coin)): State<(Taken, Arc<Mutex<Coin>>)>, headers: HeaderMap, body: String) -> StatusCode {
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let list = body["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        .as_array()
        .expect("events")
        .clone();
    let events = list
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().expect(name);
            (Micros::parse(text("recordTime")).expect("a time"), text("eventID").to_owned())
        })
        .collect();
    let id = headers["webhook-id"].to_str().expect("ASCII").to_owned();
    let (before, after, fails) = {
        let mut coin = coin.lock().expect("the coin");
        (coin.below(40), coin.below(40), coin.below(8) == 0)
    };
    tokio::time::sleep(Duration::from_millis(before)).await;
    if fails {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    taken.lock().expect("what was taken").push((id, events));
    // It has it now, and the hub does not know yet.
    tokio::time::sleep(Duration::from_millis(after)).await;
    StatusCode::NO_CONTENT
}

/// A house whose packer may have events sent to the subscriber.
fn opened(mut house: House, origin: &str) -> House {
    let partners = house.aside().join("partners");
    copy_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/partner-config").as_ref(), &partners);
    let file = partners.join(format!("{}.toml", LINE.party));
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, format!("{text}\n[[webhooks]]\norigin = \"{origin}\"\n")).expect("a file");
    house.set("COUNTERFOIL_PARTNER_CONFIG", partners.display().to_string());
    house.set("COUNTERFOIL_WEBHOOK_LOOPBACK", "true".to_owned());
    house.run(&["partner", "apply"]);
    house
}

async fn subscribe(caller: &Caller, origin: &str) {
    let query = json!({ "name": "all", "query": { "EQ_bizStep": ["commissioning", "packing"] } });
    let subscription = json!({ "dest": format!("{origin}/hook"), "stream": true });
    for (path, body) in [("/epcis/queries", query), ("/epcis/queries/all/subscriptions", subscription)] {
        let made = caller.make(path, &body).await;
        assert!(matches!(made, Answer::Acknowledged(_)), "{path}: {made:?}");
    }
}

/// Sends documents until the hub is gone; those that were not acknowledged stay at the head of the list.
async fn send(caller: &Caller, waiting: &mut Vec<Document>, next: &mut u64) {
    loop {
        if waiting.is_empty() {
            *next += 1;
            let serials: Vec<String> = (0..3).map(|unit| format!("{next:08}{unit}")).collect();
            waiting.push(Document::packing(LINE, *next, &serials));
        }
        match caller.capture(&waiting[0]).await {
            Answer::Acknowledged(_) => drop(waiting.remove(0)),
            Answer::Refused(why) => panic!("{why}"),
            Answer::Unknown(_) => return,
        }
    }
}

async fn killed_again_and_again(house: &House, hub: HubProcess, coin: &mut Coin) -> (HubProcess, u64) {
    let (mut hub, mut waiting, mut next) = (hub, Vec::new(), 0);
    for _ in 0..KILLS {
        let caller = house.caller(LINE, &hub);
        let moment = Duration::from_millis(100 + coin.below(400));
        let work = send(&caller, &mut waiting, &mut next);
        tokio::pin!(work);
        assert!(
            tokio::time::timeout(moment, &mut work).await.is_err(),
            "the line stopped before the kill"
        );
        hub.kill();
        work.await;
        house.deliveries_of_the_dead_end().await;
        hub = house.start(Start::default());
        house.leases_of_the_dead_end(&hub).await;
    }
    // The last one, whose answer nobody has heard.
    while let Some(document) = waiting.first() {
        let sent = house.caller(LINE, &hub).capture(document).await;
        assert!(matches!(sent, Answer::Acknowledged(_)), "{sent:?}");
        waiting.remove(0);
    }
    (hub, next)
}

/// What is wrong with what was taken, if `count` documents were captured.
fn wrong(taken: &[(String, Vec<Event>)], count: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let expect: BTreeSet<String> = (1..=count)
        .flat_map(|number| Document::packing(LINE, number, &[]).events)
        .collect();
    let found: BTreeSet<&String> = taken.iter().flat_map(|(_, events)| events).map(|(_, id)| id).collect();
    wrong.extend(
        expect
            .iter()
            .filter(|id| !found.contains(id))
            .map(|id| format!("{id} never came")),
    );
    wrong.extend(
        found
            .iter()
            .filter(|id| !expect.contains(**id))
            .map(|id| format!("{id} was never sent")),
    );
    let mut known = BTreeMap::<&str, &[Event]>::new();
    for (id, events) in taken {
        if *known.entry(id).or_insert(events) != events.as_slice() {
            wrong.push(format!("{id} is two deliveries"));
        }
    }
    // The first time; what comes again is behind it.
    let mut seen = BTreeSet::new();
    let first: Vec<&Event> = taken
        .iter()
        .flat_map(|(_, events)| events)
        .filter(|(_, id)| seen.insert(id))
        .collect();
    wrong.extend(
        first
            .windows(2)
            .filter(|pair| pair[0].0 > pair[1].0)
            .map(|pair| format!("{:?} before {:?}", pair[0], pair[1])),
    );
    wrong
}

async fn delivered(house: House, seed: u64) -> House {
    let (origin, taken) = subscriber(seed).await;
    let house = opened(house, &origin);
    let hub = house.start(Start::default());
    subscribe(&house.caller(LINE, &hub), &origin).await;
    let (hub, count) = killed_again_and_again(&house, hub, &mut Coin(seed)).await;
    let began = Instant::now();
    let told = loop {
        let told = taken.lock().expect("what was taken").clone();
        let wrong = wrong(&told, count);
        if wrong.is_empty() {
            break told;
        }
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "seed {seed}: {wrong:#?}\n{}",
            hub.words()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let distinct: BTreeSet<&String> = told.iter().map(|(id, _)| id).collect();
    eprintln!(
        "{KILLS} kills, {count} documents, {} deliveries taken, {} of them again: none lost",
        told.len(),
        told.len() - distinct.len()
    );
    // The control: a subscriber that forgets one delivery, or takes them from the last to the first, is found out.
    let last = told.last().map(|(id, _)| id.clone()).expect("a delivery");
    let forgetful: Vec<_> = told.iter().filter(|(id, _)| *id != last).cloned().collect();
    assert!(!wrong(&forgetful, count).is_empty(), "nothing is missed");
    let backwards: Vec<_> = told
        .into_iter()
        .rev()
        .map(|(id, events)| (id, events.into_iter().rev().collect()))
        .collect();
    assert!(!wrong(&backwards, count).is_empty(), "any order is right");
    drop(hub);
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_delivers_a_hub_on_sqlite_loses_no_event() {
    delivered(House::on_sqlite().await, 0x5eed_0001).await;
}

/// The hub on PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_delivers_a_hub_on_postgres_loses_no_event() {
    let Some(house) = House::on_postgres().await else { return };
    delivered(house, 0x5eed_0002).await.tear_down().await;
}

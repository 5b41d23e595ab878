//! Two hubs that are told of the same worlds, one of them of more; and what each answers.
//!
//! Clock and randomness of both are set before every call, so that not even ids and times differ where nothing else does: answers are
//! compared byte for byte, headers too. Only where they differ is the count taken out of ids ([`plain`]): what is hidden may have ids of its
//! own between those that are seen, and would have others on a hub that does not count them. Serial numbers need the same of the keys of
//! owners, which are random: each is made at both hubs before anything else ([`super::desk`]).

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Request, header};
use counterfoil::config::settings::Limits;
use counterfoil::domain::party::Actor;
use counterfoil::service::{capture, subscription};
use serde_json::{Value, json};

use super::cast::{Cast, PACKER, STORE, STRANGER, Who};
use super::desk::Desk;
use super::dice::Dice;
use super::plot::{ASKED, Step, TURNS, Told, World};
use super::question::{self, Question};
use super::slice;
use crate::hub::TestHub;
use crate::query::subscription::receiver::Receiver;

/// Longer than any test runs.
const NEVER_MS: u64 = 3_600_000;
/// Most pages of one list.
const PAGES: usize = 4;
/// Events of a family that are asked for by their ids: so many that the asker sees, and so many that it does not.
const IDS: usize = 10;
/// Numbers of one look-up.
const NUMBERS: usize = 8;

/// What must come up in answers, or the comparison says nothing about it: totals of others, a grant in force, a number that was given out; a
/// thing or a shipment that is told by grants alone, one that is told by grants too, and what was made of a lot by grants.
pub const MARKS: [&str; 6] = [
    "\"basis\":\"OTHERS\"",
    "\"state\":\"IN_FORCE\"",
    "\"answer\":\"ISSUED\"",
    "\"basis\":\"GRANTS\"",
    "\"basis\":\"BOTH\"",
    "\"made\":[{",
];
/// How many answers had each.
pub static MET: [AtomicUsize; 6] = [const { AtomicUsize::new(0) }; 6];

/// The worlds of one asker.
#[derive(Debug, Clone)]
pub struct Family {
    pub cast: Cast,
    pub asker: Who,
    pub worlds: Vec<World>,
    pub seed: u64,
}

/// An answer that is not the same.
#[derive(Debug, Clone)]
pub struct Difference {
    pub family: usize,
    /// The question, as a line.
    pub question: String,
    pub less: String,
    pub more: String,
}

/// Two hubs with the same parties.
pub struct House {
    pub less: TestHub,
    pub more: TestHub,
    receiver: Receiver,
    pub desk: Desk,
}

/// Tells and asks all of it; the first answer that differs, and how many questions there were.
pub async fn differ(families: &[Family]) -> (Option<Difference>, usize) {
    let mut house = House::open(families).await;
    house.subscribe(families).await;
    house.make_keys(families).await;
    let mut asked = 0;
    for turn in 0..TURNS {
        for (index, family) in families.iter().enumerate() {
            if let Some(difference) = house.lay_down(family, index, turn).await {
                return (Some(difference), asked);
            }
            if let Some(difference) = house.tell(family, index, turn).await {
                return (Some(difference), asked);
            }
        }
    }
    house.set_time(ASKED);
    if let Some(difference) = house.delivered(families).await {
        return (Some(difference), asked);
    }
    for (index, family) in families.iter().enumerate() {
        let mut questions: Vec<[Question; 2]> = question::all(family)
            .into_iter()
            .map(|question| [question.clone(), question])
            .collect();
        questions.extend(house.found(family, index).await);
        for pair in questions {
            asked += 1;
            if let Some(difference) = house.ask(family, index, pair, &mut asked).await {
                return (Some(difference), asked);
            }
        }
    }
    (None, asked)
}

impl House {
    async fn open(families: &[Family]) -> Self {
        let receiver = Receiver::start().await;
        // What is compared is never that a machine was busy.
        let limits = Limits {
            request_timeout_ms: NEVER_MS,
            upstream_timeout_ms: NEVER_MS,
            delivery_timeout_ms: NEVER_MS,
            ..Limits::default()
        };
        let (less, more) = (TestHub::quick(limits.clone()).await, TestHub::quick(limits).await);
        let folder = less.folder().join("partners");
        std::fs::create_dir(&folder).expect("a folder");
        for family in families {
            family.cast.write(&folder, family.asker, &receiver.origin);
        }
        for hub in [&less, &more] {
            hub.reseed(1);
            hub.apply_partners(&folder).await;
        }
        Self {
            less,
            more,
            receiver,
            desk: Desk::default(),
        }
    }

    /// Each asker keeps a query, and subscribes to it and to what is new.
    async fn subscribe(&self, families: &[Family]) {
        for family in families {
            for hub in [&self.less, &self.more] {
                hub.reseed(family.seed ^ 2);
                let actor = hub.actor(&family.cast.party(family.asker));
                let kept =
                    json!({"name": "moves", "query": {"EQ_bizStep": ["shipping", "receiving", "packing", "commissioning"]}})
                        .to_string();
                let kept = hub.post(&actor, "/epcis/queries", "application/json", kept).await;
                assert_eq!(kept.status, 201, "{}", kept.text());
                let asked = json!({"dest": format!("{}/{}", self.receiver.origin, family.cast.family), "stream": true});
                let made = hub
                    .post(
                        &actor,
                        "/epcis/queries/moves/subscriptions",
                        "application/json",
                        asked.to_string(),
                    )
                    .await;
                assert_eq!(made.status, 201, "{}", made.text());
            }
        }
    }

    /// One turn of one family: what only one hub is told comes before, between and after.
    async fn tell(&self, family: &Family, index: usize, turn: usize) -> Option<Difference> {
        for who in 0..=STRANGER {
            let seed = family.seed ^ ((turn * 16 + who) as u64) << 8;
            let of = |side: fn(&Step) -> &Option<Told>, shared: bool| -> Vec<Value> {
                let steps = family
                    .worlds
                    .iter()
                    .flat_map(|world| &world.steps)
                    .filter(|step| step.turn == turn);
                let steps = steps.filter(|step| (step.less.is_some() && step.more.is_some()) == shared);
                let told = steps.filter_map(|step| side(step).as_ref()).filter(|told| told.by == who);
                told.map(|told| told.event.clone()).collect()
            };
            let extra = of(|step| &step.more, false);
            // Before, after, or on both sides: each document costs.
            let (before, after) = extra.split_at([0, extra.len(), extra.len() / 2][(turn + who + index) % 3]);
            self.capture(&self.more, family, who, before, seed ^ 1).await;
            // Record times are of one clock for all: two documents of one microsecond would be told apart by it.
            self.tick();
            let less = self
                .capture(&self.less, family, who, &of(|step| &step.less, true), seed)
                .await;
            let more = self
                .capture(&self.more, family, who, &of(|step| &step.more, true), seed)
                .await;
            let answers = (less.unwrap_or_default(), more.unwrap_or_default());
            if let Some((less, more)) = difference(answers.0, answers.1).filter(|_| who == family.asker) {
                return Some(Difference {
                    family: index,
                    question: format!("what the document of turn {turn} is answered"),
                    less,
                    more,
                });
            }
            self.tick();
            self.capture(&self.more, family, who, after, seed ^ 3).await;
            self.tick();
        }
        None
    }

    /// The hubs that are told something.
    pub fn hubs(&self, shared: bool) -> impl Iterator<Item = &TestHub> {
        shared.then_some(&self.less).into_iter().chain([&self.more])
    }

    fn set_time(&self, text: &str) {
        for hub in self.hubs(true) {
            hub.set_time(text);
        }
    }

    pub fn tick(&self) {
        for hub in [&self.less, &self.more] {
            hub.advance_seconds(1);
        }
    }

    /// Sends a document, if it has events, and has it done; the job as the sender reads it.
    async fn capture(&self, hub: &TestHub, family: &Family, who: Who, events: &[Value], seed: u64) -> Option<String> {
        if events.is_empty() {
            return None;
        }
        hub.reseed(seed);
        let actor = hub.actor(&family.cast.party(who));
        let sent = hub
            .post(&actor, "/epcis/capture", "application/ld+json", document(events))
            .await;
        assert_eq!(sent.status, 202, "{}: {}", actor.party, sent.text());
        hub.reseed(seed ^ 7);
        while capture::run_due(&hub.hub).await.expect("a capture job").is_some() {}
        let job = hub.get(&actor, sent.header("location")).await;
        assert_eq!(job.json()["success"], true, "{}: {}", actor.party, job.text());
        Some(shown(&job))
    }

    /// What came to the askers' subscriptions.
    async fn delivered(&self, families: &[Family]) -> Option<Difference> {
        let mut came = Vec::new();
        for hub in [&self.less, &self.more] {
            hub.reseed(5);
            while subscription::run_due(&hub.hub).await.expect("a delivery") {}
            came.push(self.receiver.got());
        }
        families.iter().enumerate().find_map(|(index, family)| {
            let path = format!("/{}", family.cast.family);
            let brought = |side: usize| -> Vec<String> {
                let got = came[side].iter().filter(|got| got.path == path);
                got.map(|got| String::from_utf8_lossy(&got.body).into_owned()).collect()
            };
            let (less, more) = difference(brought(0).join("\n"), brought(1).join("\n"))?;
            Some(Difference {
                family: index,
                question: "what the subscription brought".to_owned(),
                less,
                more,
            })
        })
    }

    /// Questions about what is only known once it is there: events by their ids, numbers that were given out.
    async fn found(&self, family: &Family, index: usize) -> Vec<[Question; 2]> {
        let mut dice = Dice::new(family.seed ^ 21);
        let of = self.desk.issued.iter().filter(|(of, _, _)| *of == index);
        let numbers: Vec<(&str, &str)> = of.map(|(_, gtin, serial)| (gtin.as_str(), serial.as_str())).collect();
        let mut found: Vec<[Question; 2]> = numbers
            .chunks(NUMBERS)
            .flat_map(question::of_numbers)
            .map(|question| [question.clone(), question])
            .collect();
        let asker = self.less.actor(&family.cast.party(family.asker));
        let mut own = Vec::new();
        for hub in self.hubs(true) {
            own.push(ids(hub, &asker, 100).await);
        }
        for _ in 0..IDS.min(own[0].len()) {
            let at = dice.below(own[0].len());
            let (less, more) = (question::of_event(&own[0][at]), question::of_event(&own[1][at]));
            found.extend(less.into_iter().zip(more).map(|(less, more)| [less, more]));
        }
        // And events and shipments of others, of which one hub may know nothing.
        let packer = self
            .more
            .actor(&family.cast.party(if family.asker == PACKER { STORE } else { PACKER }));
        let shipments = shipments(&self.more, &packer, 100).await;
        for _ in 0..IDS.min(shipments.len()) {
            let question = question::of_shipment(&dice.one(&shipments));
            if self.more.call(&asker, question.request()).await.json()["data"]["node"].is_null() {
                found.push([question.clone(), question]);
            }
        }
        let theirs = ids(&self.more, &packer, 100).await;
        for _ in 0..IDS.min(theirs.len()) {
            let id = dice.one(&theirs);
            let [event, rest @ ..] = &question::of_event(&id)[..] else {
                continue;
            };
            if self.more.call(&asker, event.request()).await.json()["data"]["event"].is_null() {
                let all = [event].into_iter().chain(rest);
                found.extend(all.map(|question| [question.clone(), question.clone()]));
            }
        }
        found
    }

    async fn ask(&self, family: &Family, index: usize, mut questions: [Question; 2], asked: &mut usize) -> Option<Difference> {
        let seed = family.seed ^ 11;
        for _ in 0..PAGES {
            let mut answers = Vec::new();
            for (hub, question) in [&self.less, &self.more].into_iter().zip(&questions) {
                hub.reseed(seed);
                let actor = hub.actor(&family.cast.party(question.by.unwrap_or(family.asker)));
                answers.push(hub.call(&actor, question.request()).await);
            }
            let (less, more) = (&answers[0], &answers[1]);
            let found = match questions[0].slice_of_same {
                Some(same) => slice::difference(shown(less), shown(more), same),
                None => difference(shown(less), shown(more)),
            };
            if let Some((less, more)) = found {
                let (family, question) = (index, questions[0].line());
                return Some(Difference {
                    family,
                    question,
                    less,
                    more,
                });
            }
            questions[0].check(less);
            for (mark, met) in MARKS.iter().zip(&MET) {
                met.fetch_add(usize::from(less.text().contains(mark)), Ordering::Relaxed);
            }
            let (Some(next), Some(same)) = (questions[0].next(less), questions[1].next(more)) else {
                return None;
            };
            questions = [next, same];
            *asked += 1;
        }
        None
    }
}

/// Global ids of the newest events that a party sees.
async fn ids(hub: &TestHub, actor: &Actor, first: usize) -> Vec<String> {
    let query = format!("{{ events(first: {first}) {{ edges {{ node {{ id }} }} }} }}");
    let data = hub.graphql_data(actor, &query, json!({})).await;
    let edges = data["events"]["edges"].as_array().expect("edges");
    edges
        .iter()
        .map(|edge| edge["node"]["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Global ids of the newest shipments that a party sees.
async fn shipments(hub: &TestHub, actor: &Actor, first: usize) -> Vec<String> {
    let query = format!("{{ shipments(first: {first}) {{ nodes {{ id }} }} }}");
    let data = hub.graphql_data(actor, &query, json!({})).await;
    let nodes = data["shipments"]["nodes"].as_array().expect("nodes");
    nodes
        .iter()
        .map(|node| node["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// The two answers, if they differ in more than the count in ids.
pub fn difference(less: String, more: String) -> Option<(String, String)> {
    (less != more && plain(&less) != plain(&more)).then_some((less, more))
}

/// Without the count in ids, and without cursors, which hold them under a seal.
fn plain(answer: &str) -> String {
    let mut plain = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(at) = rest.find(['_', 'C', 'c']) {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        let hex = after[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let cursor = ["Cursor\":\"", "cursor\":\""]
            .into_iter()
            .find(|name| after.starts_with(name));
        let kept = match cursor {
            Some(name) => name.len(),
            None if after.starts_with('_') && hex == 32 => 1 + 32 - 8,
            None => 1,
        };
        plain.push_str(&after[..kept]);
        rest = match cursor {
            Some(name) => after[name.len()..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
            None if kept > 1 => &after[33..],
            None => &after[1..],
        };
    }
    plain + rest
}

/// Status, headers and body.
pub fn shown(answer: &crate::hub::Answer) -> String {
    format!(
        "{} {:?}\n{}",
        answer.status,
        answer.headers,
        String::from_utf8_lossy(&answer.body)
    )
}

fn document(events: &[Value]) -> String {
    json!({
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"cbvmda": "urn:epcglobal:cbv:mda:", "ex": "https://ns.example/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T08:00:00Z",
        "epcisBody": {"eventList": events},
    })
    .to_string()
}

/// A request of these parts.
pub fn request(method: &str, path: &str, content_type: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

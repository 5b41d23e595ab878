//! Two hubs that are told of the same worlds, one of them of more; and what each answers.
//!
//! Clock and randomness of both are set before every call, so that not even ids and times differ where nothing else does: answers are
//! compared byte for byte, headers too. Only where they differ is the count taken out of ids ([`plain`]): what is hidden may have ids of its
//! own between those that are seen, and would have others on a hub that does not count them.

use axum::body::Body;
use axum::http::{Request, header};
use counterfoil::config::settings::Limits;
use counterfoil::service::{capture, subscription};
use serde_json::{Value, json};

use super::cast::{Cast, STRANGER, Who};
use super::plot::{Step, TURNS, Told, World};
use super::question::{self, Question};
use super::slice;
use crate::hub::TestHub;
use crate::query::subscription::receiver::Receiver;

/// Most pages of one list.
const PAGES: usize = 4;

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
struct House {
    less: TestHub,
    more: TestHub,
    receiver: Receiver,
}

/// Tells and asks all of it; the first answer that differs, and how many questions there were.
pub async fn differ(families: &[Family]) -> (Option<Difference>, usize) {
    let house = House::open(families).await;
    house.subscribe(families).await;
    let mut asked = 0;
    for turn in 0..TURNS {
        for (index, family) in families.iter().enumerate() {
            if let Some(difference) = house.tell(family, index, turn).await {
                return (Some(difference), asked);
            }
        }
    }
    if let Some(difference) = house.delivered(families).await {
        return (Some(difference), asked);
    }
    for (index, family) in families.iter().enumerate() {
        for question in question::all(family) {
            asked += 1;
            if let Some(difference) = house.ask(family, index, question, &mut asked).await {
                return (Some(difference), asked);
            }
        }
    }
    (None, asked)
}

impl House {
    async fn open(families: &[Family]) -> Self {
        let receiver = Receiver::start().await;
        let (less, more) = (
            TestHub::quick(Limits::default()).await,
            TestHub::quick(Limits::default()).await,
        );
        let folder = less.folder().join("partners");
        std::fs::create_dir(&folder).expect("a folder");
        for family in families {
            family.cast.write(&folder, family.asker, &receiver.origin);
        }
        for hub in [&less, &more] {
            hub.reseed(1);
            hub.apply_partners(&folder).await;
        }
        Self { less, more, receiver }
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
            let (before, after) = extra.split_at(extra.len() / 2);
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

    fn tick(&self) {
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

    async fn ask(&self, family: &Family, index: usize, question: Question, asked: &mut usize) -> Option<Difference> {
        let seed = family.seed ^ 11;
        let mut questions = [question.clone(), question];
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
            let (Some(next), Some(same)) = (questions[0].next(less), questions[1].next(more)) else {
                return None;
            };
            questions = [next, same];
            *asked += 1;
        }
        None
    }
}

/// The two answers, if they differ in more than the count in ids.
fn difference(less: String, more: String) -> Option<(String, String)> {
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
fn shown(answer: &crate::hub::Answer) -> String {
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

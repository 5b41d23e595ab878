//! What the hub says about a party's own documents does not tell it whether others' goods exist.
//!
//! Two hubs that differ only in whether packwell, northway and meridian told their story. A party sends the same random
//! documents about the same things to both, and everything it can ask is compared, with nothing taken out but generated ids.

use axum::http::StatusCode;
use counterfoil::service::capture::run_due;
use serde_json::{Value, json};

use crate::hub::{Answer, TestHub, micros};
use crate::story::{self, AUROXIN, AUROXIN_CASE, HALDEN_HALMSTAD, Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1};

/// Documents that the asker sends before, between and after the parts of the story.
const DOCUMENTS_A_PART: usize = 14;

/// Who asks, and from where.
#[derive(Clone, Copy)]
struct Asker {
    party: &'static str,
    site: &'static str,
    prefix: &'static str,
}

const HALDEN: Asker = Asker {
    party: "halden",
    site: HALDEN_HALMSTAD,
    prefix: "9521006",
};
const PACKWELL: Asker = Asker {
    party: "packwell",
    site: PACKWELL_HALL_1,
    prefix: "9521002",
};

#[tokio::test]
async fn a_stranger_learns_from_its_own_events_nothing_about_what_exists() {
    for seed in 1..=2 {
        assert_eq!(difference(HALDEN, seed).await, None, "seed {seed}");
    }
}

#[tokio::test]
async fn the_comparison_finds_what_a_party_of_the_story_may_know() {
    assert_ne!(difference(PACKWELL, 1).await, None);
}

/// The first answer that is not the same in both worlds.
async fn difference(asker: Asker, seed: u64) -> Option<String> {
    let (with, without) = (TestHub::start().await, TestHub::start().await);
    let mut random = Dice(seed);
    let mut sent = Vec::new();
    for part in story_in_parts(&with).into_iter().map(Some).chain([None]) {
        for _ in 0..DOCUMENTS_A_PART {
            let events = document(&with, asker, &mut random, &mut sent);
            let answers = (
                tell(&with, asker.party, &events).await,
                tell(&without, asker.party, &events).await,
            );
            if answers.0 != answers.1 {
                return Some(format!("{events:#?}\n{:#}\n{:#}", answers.0, answers.1));
            }
        }
        if let Some((party, events)) = part {
            assert!(tell(&with, party, &events).await["success"] == true, "{party}");
            without.advance_seconds(1);
        }
        let (seen, unseen) = (everything(&with, asker).await, everything(&without, asker).await);
        if seen != unseen {
            let only = |here: &[String], there: &[String]| {
                let only: Vec<&String> = here.iter().filter(|answer| !there.contains(answer)).collect();
                only.into_iter().cloned().collect::<Vec<_>>().join("\n")
            };
            return Some(format!("{}\n--\n{}", only(&seen, &unseen), only(&unseen, &seen)));
        }
    }
    let refused = sent.iter().filter(|sent: &&Value| sent["bizStep"] == "commissioning").count();
    assert!(
        refused > 0 && sent.len() > 2 * refused,
        "the dice do not reach every kind of event"
    );
    None
}

/// Sends a document and has its job done: the job, or the refusal.
async fn tell(test: &TestHub, party: &str, events: &[Value]) -> Value {
    test.advance_seconds(1);
    let actor = test.actor(party);
    let sent = test
        .post(&actor, "/epcis/capture", "application/ld+json", story::document(events))
        .await;
    while run_due(&test.hub).await.expect("a run").is_some() {}
    if sent.status != StatusCode::ACCEPTED {
        return json!([sent.status.as_u16(), normal(sent.json())]);
    }
    normal(test.get(&actor, sent.header("location")).await.json())
}

/// Lists of the caller, a page after the other.
const LISTS: [(&str, &str); 4] = [
    ("findings", "clearedAt code detail epc fix noticedAt party { legalName } pointer severity"),
    (
        "shipments",
        "state shippedAt receivedAt sender { legalName } receiver { legalName } seller { legalName } buyer { legalName } fromGln toGln
         things { edges { node { epc } } }",
    ),
    (
        "events",
        "eventId eventTime bizStep disposition asserter { legalName } readPoint bizLocation epcs { edges { node { epc } } }
         parent { epc } sources { kind } destinations { kind }",
    ),
    ("auditEntries", "__typename"),
];
const OF_A_THING: &str = "query ($epc: String!) {
  item(epc: $epc) { id lot disposition dispositionInferred persistentDispositions custodian { legalName } owner { legalName } parent { epc } }
  then: item(epc: $epc, asOf: \"2026-03-01T13:00:00Z\") { id asOf disposition custodian { legalName } owner { legalName } parent { epc } }
  known: item(epc: $epc, knownAt: \"2030-01-01T00:00:00Z\") { id asOf disposition custodian { legalName } owner { legalName } parent { epc } }
  past: provenance(epc: $epc, asOf: \"2026-03-01T13:00:00Z\", knownAt: \"2030-01-01T00:00:00Z\") { unbroken hops { role } }
  held: container(epc: $epc, asOf: \"2026-03-01T13:00:00Z\", knownAt: \"2030-01-01T00:00:00Z\") { asOf contents { edges { node { thing { epc } } } } }
  provenance(epc: $epc) { unbroken hops { role } }
  container(epc: $epc) { asOf contents { edges { node { thing { epc } } } } }
  events(filter: {epc: $epc}) { edges { node { eventId } } pageInfo { hasNextPage } }
}";

/// All that a party can ask, each answer as text.
async fn everything(test: &TestHub, asker: Asker) -> Vec<String> {
    let actor = test.actor(asker.party);
    let mut answers = Vec::new();
    for (list, fields) in LISTS {
        let mut rows = list_of(test, asker, list, fields).await;
        // Of one moment they are in the order of random ids.
        rows.sort();
        answers.extend(rows);
    }
    for path in ["/epcis/events?perPage=100", "/epcis/capture?perPage=100"] {
        answers.push(plain(test.get(&actor, path).await));
    }
    for epc in things(asker) {
        let graphql = test.graphql(&actor, OF_A_THING, json!({"epc": epc})).await;
        answers.push(format!("{epc} {:#}", normal(graphql)));
        answers.push(plain(test.get(&actor, &format!("/epcis/events?MATCH_anyEPC={epc}")).await));
    }
    answers
}

/// Every row of a list.
async fn list_of(test: &TestHub, asker: Asker, list: &str, fields: &str) -> Vec<String> {
    let query = format!(
        "query ($after: String) {{ {list}(first: 25, after: $after) {{ edges {{ node {{ {fields} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let (mut rows, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = test
            .graphql_data(&test.actor(asker.party), &query, json!({"after": after}))
            .await;
        let edges = page[list]["edges"].as_array().expect("edges");
        rows.extend(edges.iter().map(|edge| format!("{list} {}", normal(edge["node"].clone()))));
        if page[list]["pageInfo"]["hasNextPage"] == false {
            return rows;
        }
        after = page[list]["pageInfo"]["endCursor"].clone();
    }
}

fn plain(answer: Answer) -> String {
    format!("{} {:#}", answer.status, normal(answer.json()))
}

/// Without what is made of random bits.
fn normal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(if is_generated(&text) { "<id>".to_owned() } else { text }),
        Value::Array(list) => list.into_iter().map(normal).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, normal(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// `evt_` and the like with 32 hexadecimal digits.
fn is_generated(text: &str) -> bool {
    let id = text.split_once('_').map(|(_, id)| id);
    id.is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn handover(test: &TestHub, owner: (&str, &str), possessor: (&str, &str), place: (&str, &str), epcs: &[String]) -> Handover {
    let gln = |party: &str| story::gln_of(test, party);
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln(owner.0), gln(owner.1)),
        possessor: (gln(possessor.0), gln(possessor.1)),
        place: (place.0.to_owned(), place.1.to_owned()),
    }
}

fn pallet() -> Vec<String> {
    vec![story::packwell_sscc(1)]
}

fn units() -> Vec<String> {
    story::sgtins(AUROXIN, &["UNIT1", "UNIT2", "UNIT3"])
}

fn cases() -> Vec<String> {
    story::sgtins(AUROXIN_CASE, &["CASE1"])
}

/// Made and packed; one unit stays, one is destroyed; shipped to northway; on to meridian; received and unpacked.
fn story_in_parts(test: &TestHub) -> Vec<(&'static str, Vec<Value>)> {
    let (site, pallet, units, cases) = (PACKWELL_HALL_1, pallet(), units(), cases());
    let to_northway = handover(
        test,
        ("aurora", "aurora"),
        ("packwell", "northway"),
        (site, NORTHWAY_VENLO),
        &pallet,
    );
    let to_meridian = handover(
        test,
        ("aurora", "meridian"),
        ("northway", "meridian"),
        (NORTHWAY_VENLO, MERIDIAN_LYON),
        &pallet,
    );
    vec![
        (
            "packwell",
            vec![
                story::commission("2026-03-01T06:00:00Z", site, &units, "LOT1"),
                story::commission("2026-03-01T06:01:00Z", site, &cases, "LOT1"),
                story::commission_sscc("2026-03-01T06:02:00Z", site, &pallet[0]),
                story::pack("2026-03-01T06:03:00Z", site, &cases[0], &units[..1]),
                story::pack("2026-03-01T06:04:00Z", site, &pallet[0], &cases),
                story::object("2026-03-01T06:05:00Z", site, "DELETE", "destroying", "destroyed", &units[2..]),
            ],
        ),
        ("packwell", vec![story::ship("2026-03-01T12:00:00Z", &to_northway)]),
        (
            "northway",
            vec![
                story::receive("2026-03-01T15:00:00Z", &to_northway),
                story::ship("2026-03-01T18:00:00Z", &to_meridian),
            ],
        ),
        (
            "meridian",
            vec![
                story::receive("2026-03-02T03:00:00Z", &to_meridian),
                story::unpack("2026-03-02T04:00:00Z", MERIDIAN_LYON, &pallet[0], &[]),
            ],
        ),
    ]
}

/// Of the story, of nobody, and the asker's own.
fn things(asker: Asker) -> Vec<String> {
    let own = (1..=3).map(|number| story::sscc(asker.prefix, 700 + number));
    let strange = [
        story::sgtin(AUROXIN, "NONE9"),
        story::packwell_sscc(9),
        story::sscc("9529999", 1),
    ];
    let story = units().into_iter().chain(cases()).chain(pallet());
    story.chain(strange).chain(own).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("a side")
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn some(&mut self, of: &[String]) -> Vec<String> {
        let mut some: Vec<String> = (0..1 + self.below(3)).map(|_| self.one(of)).collect();
        some.sort();
        some.dedup();
        some
    }
}

/// One to three events; an event that may not be said refuses the whole, so it comes alone.
fn document(test: &TestHub, asker: Asker, random: &mut Dice, sent: &mut Vec<Value>) -> Vec<Value> {
    let events = if random.below(9) == 0 {
        vec![forbidden(asker, random)]
    } else {
        (0..1 + random.below(3)).map(|_| event(test, asker, random, sent)).collect()
    };
    sent.extend(events.iter().cloned());
    events
}

fn moment(random: &mut Dice) -> String {
    micros("2026-03-01T05:00:00Z")
        .plus_seconds(random.below(24 * 3600) as i64)
        .rfc3339()
}

fn forbidden(asker: Asker, random: &mut Dice) -> Value {
    let (at, epcs) = (moment(random), random.some(&units()));
    match random.below(3) {
        0 => story::commission(&at, asker.site, &epcs, "LOT1"),
        1 => story::object(&at, asker.site, "DELETE", "decommissioning", "inactive", &epcs),
        _ => story::pack(&at, asker.site, &pallet()[0], &epcs),
    }
}

fn event(test: &TestHub, asker: Asker, random: &mut Dice, sent: &[Value]) -> Value {
    let (at, all, site) = (moment(random), things(asker), asker.site);
    let own = &all[all.len() - 3..];
    let epcs = random.some(&all);
    let sides = |random: &mut Dice, takes: bool| {
        let (other, place) = random.one(&[
            ("meridian", MERIDIAN_LYON),
            ("northway", NORTHWAY_VENLO),
            ("packwell", PACKWELL_HALL_1),
        ]);
        let (from, to) = if takes {
            ((other, place), (asker.party, site))
        } else {
            ((asker.party, site), (other, place))
        };
        handover(test, (from.0, to.0), (from.0, to.0), (from.1, to.1), &epcs)
    };
    match random.below(12) {
        0 | 1 => story::object(&at, site, "OBSERVE", "inspecting", "in_progress", &epcs),
        2 | 3 => story::ship(&at, &sides(random, false)),
        4 | 5 => story::receive(&at, &sides(random, true)),
        6 => {
            let mut void = story::ship(&at, &sides(random, false));
            void["bizStep"] = json!("void_shipping");
            void
        }
        7 => story::pack(&at, site, &random.one(own), &epcs),
        8 => {
            let parent = random.one(&all);
            let listed = if random.below(2) == 0 { &[][..] } else { &epcs[..] };
            story::unpack(&at, site, &parent, listed)
        }
        9 => story::object(&at, site, "DELETE", "destroying", "destroyed", &epcs),
        10 => story::commission_sscc(&at, site, &random.one(own)),
        _ => {
            let earlier = sent
                .iter()
                .filter(|event| event["type"] == "ObjectEvent" && event["action"] == "OBSERVE");
            let earlier: Vec<Value> = earlier
                .filter(|event| event.get("errorDeclaration").is_none())
                .cloned()
                .collect();
            if earlier.is_empty() {
                return story::object(&at, site, "OBSERVE", "storing", "in_progress", &epcs);
            }
            let mut wrong = random.one(&earlier);
            wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-02T07:59:00Z", "reason": "did_not_occur"});
            wrong
        }
    }
}

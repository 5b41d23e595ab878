//! Grants: proposed, signed, in force, ended; what they show in each channel, and what they never show.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use counterfoil::domain::gs1::Epc;
use counterfoil::service::certificate::{Authority, CertificateRequest, IssuedCertificate, issue, revoke};
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, AUROXIN_CASE, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL, gln_of};

mod condition;
mod contributors;
mod day;
mod explain;
mod limit;
mod provenance;
mod race;
mod signature;
mod thing;
mod total;
mod written;

const EVENTS: &str = "query ($first: Int, $after: String, $epc: String) {
  events(first: $first, after: $after, filter: {epc: $epc}) {
    edges { node { id eventId bizStep readPoint disposition asserter { legalName } epcs { edges { node { epc } } } parent { epc }
                   bizTransactions { id } } }
    pageInfo { hasNextPage endCursor }
  }
}";

/// What a manufacturer gives whom it lets follow its packs.
pub const FOLLOW: [(&str, &str); 8] = [
    ("EXISTENCE", "full"),
    ("PRODUCT", "full"),
    ("STATE", "full"),
    ("WHEN", "exact"),
    ("WHERE", "site"),
    ("BEFORE", "name"),
    ("CONTAINMENT", "as asserted"),
    ("DOCUMENTS", "as asserted"),
];

pub fn levels(levels: &[(&str, &str)]) -> Value {
    levels
        .iter()
        .map(|(class, level)| json!({"class": class, "level": level}))
        .collect()
}

/// A grant to one party, valid all year, with more or other members.
fn grant_to(test: &TestHub, grantee: &str, more: Value) -> Value {
    let mut input = json!({
        "granteeGln": gln_of(test, grantee), "levels": levels(&FOLLOW), "purpose": "following a batch",
        "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z",
    });
    let members = input.as_object_mut().expect("an object");
    for (name, value) in more.as_object().expect("an object") {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    input
}

async fn propose(test: &TestHub, party: &str, input: Value) -> Value {
    let mutation = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id text state version } } }";
    let data = test.graphql_data(&test.actor(party), mutation, json!({"input": input})).await;
    data["proposeGrant"]["grant"].clone()
}

/// A certificate of a party, with its key.
pub async fn certificate(test: &TestHub, party: &str) -> IssuedCertificate {
    let authority = Authority::open(&test.folder().join("ca"), "hub.test", test.hub.now()).expect("a CA");
    let request = CertificateRequest {
        party: party.parse().expect("a party id"),
        system: "signing-desk".parse().expect("a system"),
        validity_days: 30,
    };
    issue(&test.hub, &authority, &test.actor("hub-operator"), request)
        .await
        .expect("a certificate")
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .collect();
    STANDARD.decode(body).expect("base64")
}

/// A JWS with detached payload, made by other hands than the hub's.
pub fn signed(with: &IssuedCertificate, text: &str) -> String {
    let header = json!({"alg": "ES256", "x5c": [STANDARD.encode(der(&with.files.certificate_pem))]});
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(&with.files.key_pem)).expect("a key");
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(text));
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).expect("a signature");
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

const SIGN: &str = "mutation ($grant: ID!, $jws: String!) {
  signGrant(input: {grant: $grant, jws: $jws}) { grant { state signatures { party { legalName } system jws } pastCoveredAt } }
}";

async fn sign(test: &TestHub, party: &str, grant: &Value) -> Value {
    let jws = signed(&certificate(test, party).await, grant["text"].as_str().expect("a text"));
    let variables = json!({"grant": grant["id"], "jws": jws});
    let data = test.graphql_data(&test.actor(party), SIGN, variables).await;
    data["signGrant"]["grant"].clone()
}

/// A grant of aurora's that is in force.
pub async fn given(test: &TestHub, grantee: &str, more: Value) -> Value {
    let grant = propose(test, "aurora", grant_to(test, grantee, more)).await;
    assert_eq!(sign(test, "aurora", &grant).await["state"], "IN_FORCE");
    grant["id"].clone()
}

async fn end(test: &TestHub, party: &str, grant: &Value) {
    let mutation = "mutation ($grant: ID!) { revokeGrant(input: {grant: $grant, reason: \"over\"}) { grant { state } } }";
    let data = test.graphql_data(&test.actor(party), mutation, json!({"grant": grant})).await;
    assert_eq!(data["revokeGrant"]["grant"]["state"], "ENDED");
}

/// The events that a party sees: step and things, oldest first.
async fn sees(test: &TestHub, party: &str) -> Vec<String> {
    let data = test.graphql_data(&test.actor(party), EVENTS, json!({})).await;
    let mut seen: Vec<String> = data["events"]["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| line(&edge["node"]))
        .collect();
    seen.reverse();
    seen
}

fn line(node: &Value) -> String {
    let tail = |text: &Value| text.as_str().unwrap_or("-").rsplit('/').next().unwrap_or_default().to_owned();
    let epcs = node["epcs"]["edges"].as_array().expect("edges");
    let epcs: Vec<String> = epcs.iter().map(|edge| tail(&edge["node"]["epc"])).collect();
    format!(
        "{} {} in {}",
        node["bizStep"].as_str().unwrap_or("-"),
        epcs.join(","),
        tail(&node["parent"]["epc"])
    )
}

fn units(serials: &[&str]) -> Vec<String> {
    story::sgtins(AUROXIN, serials)
}

/// Two units of aurora's in a case, and one of zenith's: all packed by packwell.
async fn packed(test: &TestHub) {
    test.set_time("2026-03-06T12:00:00Z");
    let case = story::sgtins(AUROXIN_CASE, &["CASE1"]);
    let events = [
        story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_1, &units(&["UNIT1", "UNIT2"]), "LOT1"),
        story::commission("2026-03-02T06:01:00Z", PACKWELL_HALL_1, &case, "LOT1"),
        story::pack("2026-03-02T06:03:00Z", PACKWELL_HALL_1, &case[0], &units(&["UNIT1", "UNIT2"])),
        story::commission(
            "2026-03-02T06:10:00Z",
            PACKWELL_HALL_2,
            &story::sgtins(ZENITHOL, &["ZEN1"]),
            "LOTZ",
        ),
    ];
    for event in events {
        test.capture(&test.actor("packwell"), story::document(&[event])).await;
        test.advance_seconds(1);
    }
}

#[tokio::test]
async fn a_grant_shows_what_it_covers_once_it_is_signed_and_until_it_is_revoked() {
    let test = TestHub::start().await;
    packed(&test).await;
    let nothing: Vec<String> = Vec::new();
    assert_eq!(sees(&test, "halden").await, nothing);
    let grant = propose(
        &test,
        "aurora",
        grant_to(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})),
    )
    .await;
    assert_eq!(grant["state"], "PROPOSED");
    assert_eq!(sees(&test, "halden").await, nothing, "a proposal gives nothing");
    sign(&test, "aurora", &grant).await;
    // Neither the case as a thing of its own nor what is zenith's; what the units are in is theirs to know.
    let covered = ["commissioning UNIT1,UNIT2 in -", "packing UNIT1,UNIT2 in CASE1"];
    assert_eq!(sees(&test, "halden").await, covered);
    let more = story::commission("2026-03-02T07:00:00Z", PACKWELL_HALL_1, &units(&["UNIT3"]), "LOT2");
    test.capture(&test.actor("packwell"), story::document(&[more])).await;
    assert_eq!(
        sees(&test, "halden").await.last().expect("an event"),
        "commissioning UNIT3 in -"
    );
    assert_eq!(sees(&test, "cornerstone").await, nothing, "a grant is for its grantee alone");
    end(&test, "aurora", &grant["id"]).await;
    assert_eq!(sees(&test, "halden").await, nothing);
    let last = story::commission("2026-03-02T08:00:00Z", PACKWELL_HALL_1, &units(&["UNIT4"]), "LOT2");
    test.capture(&test.actor("packwell"), story::document(&[last])).await;
    assert_eq!(sees(&test, "halden").await, nothing);
}

#[tokio::test]
async fn every_channel_shows_the_same() {
    let test = TestHub::start().await;
    packed(&test).await;
    let stranger = async |epc: &str| {
        test.get(&test.actor("halden"), &format!("/epcis/events?MATCH_epc={epc}"))
            .await
    };
    let unit = story::sgtin(AUROXIN, "UNIT1").replace(':', "%3A").replace('/', "%2F");
    assert_eq!(stranger(&unit).await.event_ids().len(), 0);
    let grant = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    assert_eq!(stranger(&unit).await.event_ids().len(), 2);
    let halden = test.actor("halden");
    for query in [
        "",
        "?orderBy=eventTime",
        "?orderBy=recordTime&orderDirection=ASC",
        "?EQ_bizStep=commissioning%7Cpacking",
        "?perPage=1",
    ] {
        let (mut path, mut ids) = (Some(format!("/epcis/events{query}")), Vec::new());
        while let Some(here) = path {
            let page = test.get(&halden, &here).await;
            ids.extend(page.event_ids());
            path = page.next_page();
        }
        assert_eq!(ids.len(), 2, "{query}: {ids:?}");
        for id in ids {
            let one = test
                .get(
                    &halden,
                    &format!(
                        "/epcis/events/{}",
                        id.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F")
                    ),
                )
                .await;
            assert_eq!(one.status, 200, "{}", one.text());
            assert!(!one.text().contains("ZEN1"));
        }
    }
    // A page token of before tells nothing after.
    let next = test
        .get(&halden, "/epcis/events?perPage=1")
        .await
        .next_page()
        .expect("a second page");
    end(&test, "aurora", &grant).await;
    let page = test.get(&halden, &next).await;
    assert!(page.status != 200 || page.event_ids().is_empty(), "{}", page.text());
    let data = test.graphql_data(&halden, EVENTS, json!({})).await;
    assert_eq!(
        data,
        json!({"events": {"edges": [], "pageInfo": {"hasNextPage": false, "endCursor": null}}})
    );
}

#[tokio::test]
async fn levels_are_those_of_the_grant_and_no_more_than_its_grantors() {
    let test = TestHub::start().await;
    packed(&test).await;
    let bare = [
        ("EXISTENCE", "full"),
        ("WHEN", "exact"),
        ("CONTAINMENT", "as asserted"),
        ("RAW", "full"),
    ];
    given(
        &test,
        "halden",
        json!({"levels": levels(&bare), "scope": {"bizSteps": ["commissioning"], "gtins": [AUROXIN]}}),
    )
    .await;
    let data = test.graphql_data(&test.actor("halden"), EVENTS, json!({})).await;
    let node = &data["events"]["edges"][0]["node"];
    assert_eq!(line(node), "commissioning UNIT1,UNIT2 in -");
    assert_eq!(data["events"]["edges"].as_array().expect("edges").len(), 1);
    for hidden in ["readPoint", "disposition", "asserter"] {
        assert_eq!(node[hidden], Value::Null, "{hidden}");
    }
    let event = test.get(&test.actor("halden"), "/epcis/events").await.text().to_owned();
    assert!(!event.contains("LOT1") && !event.contains("9521002000115"), "{event}");
}

#[tokio::test]
async fn an_event_comes_once_however_many_grants_cover_it() {
    let test = TestHub::start().await;
    packed(&test).await;
    for number in 0..5 {
        let unit = units(&[&format!("MORE{number}")]);
        let event = story::commission(&format!("2026-03-02T09:0{number}:00Z"), PACKWELL_HALL_1, &unit, "LOT3");
        test.capture(&test.actor("packwell"), story::document(&[event])).await;
        test.advance_seconds(1);
    }
    let whole = sees(&test, "aurora").await;
    for more in [
        json!({}),
        json!({"scope": {"gtins": [AUROXIN]}}),
        json!({"granteeGln": null, "granteeRole": "WHOLESALER"}),
    ] {
        given(&test, "halden", more).await;
    }
    // To packwell too, which has all of it already.
    given(&test, "packwell", json!({})).await;
    let packwells = sees(&test, "packwell").await;
    assert_eq!(packwells.len(), whole.len() + 1, "{packwells:?}");
    for first in [1, 2, 3, 50] {
        let (mut after, mut ids) = (Value::Null, Vec::new());
        loop {
            let page = test
                .graphql_data(&test.actor("halden"), EVENTS, json!({"first": first, "after": after}))
                .await["events"]
                .clone();
            ids.extend(
                page["edges"]
                    .as_array()
                    .expect("edges")
                    .iter()
                    .map(|edge| edge["node"]["id"].to_string()),
            );
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!((distinct.len(), ids.len()), (whole.len(), whole.len()), "{first}");
    }
}

#[tokio::test]
async fn only_things_in_hand_where_the_grant_says_so() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"fullIdentifier": true})).await;
    assert_eq!(sees(&test, "halden").await, Vec::<String>::new());
    let of = async |epc: &str| {
        let data = test.graphql_data(&test.actor("halden"), EVENTS, json!({"epc": epc})).await;
        let lines: Vec<String> = data["events"]["edges"]
            .as_array()
            .expect("edges")
            .iter()
            .map(|edge| line(&edge["node"]))
            .collect();
        lines
    };
    assert_eq!(
        of(&story::sgtin(AUROXIN, "UNIT1")).await,
        ["packing UNIT1 in CASE1", "commissioning UNIT1 in -"]
    );
    assert_eq!(of(&story::sgtin(AUROXIN, "UNIT9")).await, Vec::<String>::new());
    assert_eq!(of(&story::sgtin(ZENITHOL, "ZEN1")).await, Vec::<String>::new());
}

#[tokio::test]
async fn lots_and_sites_and_times_bound_a_grant() {
    let test = TestHub::start().await;
    packed(&test).await;
    let other = story::commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &units(&["UNIT8"]), "LOT2");
    test.capture(&test.actor("packwell"), story::document(&[other])).await;
    let check = async |scope: Value, expect: &[&str]| {
        let grant = given(&test, "halden", json!({"scope": scope})).await;
        assert_eq!(sees(&test, "halden").await, expect, "{scope}");
        end(&test, "aurora", &grant).await;
    };
    check(json!({"lots": ["LOT2"]}), &["commissioning UNIT8 in -"]).await;
    check(json!({"sites": [PACKWELL_HALL_2]}), &[]).await;
    check(json!({"countries": ["XX"]}), &[]).await;
    check(json!({"eventFrom": "2026-03-02T08:00:00Z"}), &["commissioning UNIT8 in -"]).await;
    check(json!({"gtins": [AUROXIN_CASE]}), &["commissioning CASE1 in -"]).await;
    check(json!({"gtins": [ZENITHOL]}), &[]).await;
}

#[tokio::test]
async fn a_grant_is_between_the_two() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = given(&test, "halden", json!({})).await;
    let lists = "{ given: grants(side: GIVEN) { edges { node { id purpose state } } } received: grants(side: RECEIVED) { edges { node { id } } } }";
    for (party, counts) in [
        ("aurora", (1, 0)),
        ("halden", (0, 1)),
        ("zenith", (0, 0)),
        ("packwell", (0, 0)),
    ] {
        let data = test.graphql_data(&test.actor(party), lists, json!({})).await;
        let count = |side: &str| data[side]["edges"].as_array().expect("edges").len();
        assert_eq!((count("given"), count("received")), counts, "{party}");
    }
    let none = "grt_00000000000000000000000000000007";
    let queries = [
        "query ($id: ID!) { grant(id: $id) { id } }",
        "query ($id: ID!) { node(id: $id) { id } }",
        "mutation ($id: ID!) { revokeGrant(input: {grant: $id, reason: \"mine\"}) { grant { id } } }",
        "mutation ($id: ID!) { signGrant(input: {grant: $id, jws: \"a..b\"}) { grant { id } } }",
    ];
    for query in queries {
        let answer = async |id: &Value| {
            test.graphql(&test.actor("zenith"), query, json!({"id": id}))
                .await
                .to_string()
        };
        assert_eq!(answer(&grant).await, answer(&json!(none)).await, "{query}");
    }
    assert_eq!(sees(&test, "halden").await.len(), 3);
    end(&test, "halden", &grant).await;
    assert_eq!(sees(&test, "halden").await.len(), 0, "the grantee gave it back");
    let entries = "{ auditEntries { edges { node { action object } } } }";
    let data = test.graphql_data(&test.actor("aurora"), entries, json!({})).await.to_string();
    assert!(data.contains("propose_grant") && data.contains("sign_grant"), "{data}");
}

fn key_of(text: &str) -> String {
    text.parse::<Epc>().expect("an epc").canonical().to_owned()
}

#[tokio::test]
async fn a_later_version_takes_the_place_of_the_one_before() {
    let test = TestHub::start().await;
    packed(&test).await;
    let first = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let second = propose(
        &test,
        "aurora",
        grant_to(
            &test,
            "halden",
            json!({"scope": {"gtins": [AUROXIN_CASE]}, "supersedes": first}),
        ),
    )
    .await;
    assert_eq!(second["version"], 2);
    assert_eq!(
        sees(&test, "halden").await.len(),
        2,
        "the first stands until the second is signed"
    );
    sign(&test, "aurora", &second).await;
    assert_eq!(sees(&test, "halden").await, ["commissioning CASE1 in -"]);
    let case = key_of(&story::sgtin(AUROXIN_CASE, "CASE1"));
    assert!(test.get(&test.actor("halden"), "/epcis/events").await.text().contains(&case));
    let again = test
        .graphql(
            &test.actor("aurora"),
            "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id } } }",
            json!({"input": grant_to(&test, "halden", json!({"supersedes": first}))}),
        )
        .await;
    assert_eq!(again["errors"][0]["extensions"]["code"], "CONFLICT");
    test.set_time("2027-01-01T00:00:00Z");
    assert_eq!(sees(&test, "halden").await.len(), 0, "its time is over");
}

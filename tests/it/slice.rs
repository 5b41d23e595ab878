//! Slices of events: exactly what the caller sees, proved offline against one signed whole, and nothing about the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use axum::http::StatusCode;
use counterfoil::config::settings::Limits;
use counterfoil::epcis::slice::verify;
use serde_json::{Value, json};

use crate::grant::given;
use crate::hub::{Answer, TestHub};
use crate::story::{self, AUROXIN, AUROXIN_CASE, PACKWELL_HALL_1};

const SLICE: &str = "query ($id: ID!, $epcs: [String!]) { eventSlice(id: $id, epcs: $epcs) { file root } }";
const PARTIES: [&str; 6] = ["aurora", "packwell", "northway", "meridian", "halden", "hub-operator"];

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn path(event_id: &str, epcs: &[String]) -> String {
    let epcs: Vec<String> = epcs.iter().map(|epc| format!("epc={}", escaped(epc))).collect();
    format!("/epcis/events/{}/slice?{}", escaped(event_id), epcs.join("&"))
}

async fn download(test: &TestHub, party: &str, event_id: &str, epcs: &[String]) -> Answer {
    test.get(&test.actor(party), &path(event_id, epcs)).await
}

async fn keys(test: &TestHub) -> String {
    test.get(&test.actor("meridian"), "/.well-known/jwks.json")
        .await
        .text()
        .to_owned()
}

/// Units of one commissioning, and of the case and pallet they were packed into.
fn units(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| story::sgtin(AUROXIN, &format!("U{number:05}")))
        .collect()
}

async fn made(test: &TestHub, count: usize) -> Vec<String> {
    test.set_time("2026-03-06T12:00:00Z");
    let (units, case) = (units(count), story::sgtins(AUROXIN_CASE, &["CASE1"]));
    let mut events = [
        story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_1, &units, "LOT1"),
        story::commission("2026-03-02T06:01:00Z", PACKWELL_HALL_1, &case, "LOT1"),
        story::pack("2026-03-02T06:03:00Z", PACKWELL_HALL_1, &case[0], &units),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-8000-00000000000{number}"));
    }
    let job = test.capture(&test.actor("packwell"), story::document(&events)).await;
    assert_eq!(job["success"], true, "{job:#}");
    units
}

const COMMISSIONING: &str = "urn:uuid:00000000-0000-4000-8000-000000000000";
const PACKING: &str = "urn:uuid:00000000-0000-4000-8000-000000000002";

/// Things in a list of the event of a slice.
fn named(file: &str, list: &str) -> Vec<String> {
    let file: Value = serde_json::from_str(file).expect("JSON");
    let list = file["event"][list].as_array().cloned().unwrap_or_default();
    list.iter().map(|epc| epc.as_str().expect("an EPC").to_owned()).collect()
}

#[tokio::test]
async fn a_wholesaler_has_its_48_proved_and_learns_nothing_of_the_rest() {
    let test = TestHub::start().await;
    let units = made(&test, 700).await;
    let follow = json!({"fullIdentifier": true, "scope": {"gtins": [AUROXIN]}});
    given(&test, "meridian", follow.clone()).await;
    given(&test, "halden", follow).await;
    let keys = serde_json::from_str(&keys(&test).await).expect("keys");
    let (mine, theirs) = (&units[100..148], &units[300..348]);
    for (event, list) in [(COMMISSIONING, "epcList"), (PACKING, "childEPCs")] {
        let answer = download(&test, "meridian", event, mine).await.expect(StatusCode::OK);
        assert_eq!(answer.header("content-type"), "application/jsonl");
        let file = answer.text().strip_suffix('\n').expect("a line").to_owned();
        assert_eq!(named(&file, list), mine, "exactly its own");
        let proved = verify(&file, &keys).expect("a slice");
        assert_eq!(
            proved.things,
            48 + usize::from(event == PACKING),
            "what they are in is theirs to know"
        );
        for other in units.iter().filter(|unit| !mine.contains(unit)) {
            assert!(!file.contains(other.as_str()));
        }
        // A colleague's has the same whole, size and shape.
        let colleagues = download(&test, "halden", event, theirs).await.expect(StatusCode::OK);
        let colleagues = colleagues.text().trim_end();
        assert_eq!(verify(colleagues, &keys).expect("a slice").statement, proved.statement);
        assert_eq!(named(colleagues, list), theirs);
        assert_eq!(colleagues.len(), file.len());
        // By its things instead of the event: this one among those that made and packed them.
        let all = test
            .get(&test.actor("meridian"), &of_things(mine))
            .await
            .expect(StatusCode::OK);
        assert!(all.text().lines().any(|line| line == file), "{}", all.text());
        // As many things of others more or less: another hub, where the lot has 60.
        let small = TestHub::start().await;
        made(&small, 148).await;
        given(
            &small,
            "meridian",
            json!({"fullIdentifier": true, "scope": {"gtins": [AUROXIN]}}),
        )
        .await;
        let few = download(&small, "meridian", event, mine).await.expect(StatusCode::OK);
        assert_eq!(few.text().len(), file.len() + 1);
    }
    // Not a word without the packs at hand.
    for epcs in [
        &[][..],
        &[story::sgtin(AUROXIN, "NONE")],
        &[story::sgtin(AUROXIN_CASE, "CASE1")],
    ] {
        download(&test, "meridian", COMMISSIONING, epcs)
            .await
            .expect(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn whoever_sees_an_event_has_what_it_sees_proved_against_one_root() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    story::tell(&test).await;
    let keys = serde_json::from_str(&keys(&test).await).expect("keys");
    let (mut roots, mut slices) = (BTreeMap::<String, BTreeSet<String>>::new(), 0);
    for party in PARTIES {
        let actor = test.actor(party);
        let list = "{ events(first: 100) { edges { node { id eventId asserter { gln } principal { gln } } } } }";
        let data = test.graphql_data(&actor, list, json!({})).await;
        for edge in data["events"]["edges"].as_array().expect("edges") {
            let (node, id) = (&edge["node"], &edge["node"]["id"]);
            let data = test.graphql_data(&actor, SLICE, json!({"id": id})).await;
            let file = data["eventSlice"]["file"].as_str().expect("a file");
            let proved = verify(file, &keys).unwrap_or_else(|error| panic!("{error}: {file}"));
            assert_eq!(proved.statement.root, data["eventSlice"]["root"]);
            assert!(!proved.statement.event.contains(id.as_str().expect("an id")));
            for name in ["asserter", "principal"] {
                let told = proved.beside.iter().find(|(beside, _)| *beside == name);
                let gln = told.map(|(_, party)| story::gln_of(&test, party));
                assert_eq!(
                    json!(gln),
                    node[name].get("gln").cloned().unwrap_or(Value::Null),
                    "{party}: {name}"
                );
            }
            let event_id = node["eventId"].as_str().expect("an id");
            assert_eq!(download(&test, party, event_id, &[]).await.text(), format!("{file}\n"));
            assert_eq!(without_form(file), answered(&test, party, event_id).await, "{party}");
            roots.entry(id.to_string()).or_default().insert(proved.statement.root);
            slices += 1;
        }
    }
    assert!(
        slices > roots.len() && roots.len() > 5,
        "{slices} slices of {} events",
        roots.len()
    );
    assert!(roots.values().all(|roots| roots.len() == 1), "{roots:?}");
}

/// The event of a slice, but for the order of its lists.
fn without_form(file: &str) -> Value {
    let file: Value = serde_json::from_str(file).expect("JSON");
    in_order(file["event"].clone())
}

/// The event as it is answered, in the same order.
async fn answered(test: &TestHub, party: &str, event_id: &str) -> Value {
    let one = test
        .get(&test.actor(party), &format!("/epcis/events/{}", escaped(event_id)))
        .await
        .expect(StatusCode::OK);
    let mut event = one.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0].clone();
    event["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    in_order(event)
}

fn in_order(mut event: Value) -> Value {
    for (_, member) in event.as_object_mut().expect("an event") {
        if let Some(list) = member.as_array_mut() {
            list.sort_by_key(Value::to_string);
        }
    }
    event
        .as_object_mut()
        .expect("an event")
        .retain(|_, value| *value != json!([]));
    event
}

#[tokio::test]
async fn what_is_not_seen_is_answered_like_what_does_not_exist() {
    let test = TestHub::start().await;
    made(&test, 3).await;
    let mine = test
        .graphql_data(&test.actor("packwell"), "{ events { edges { node { id } } } }", json!({}))
        .await;
    let id = mine["events"]["edges"][0]["node"]["id"].clone();
    for party in ["zenith", "halden", "hub-operator"] {
        let told = async |event: &str, epcs: &[String]| {
            let mut answer = download(&test, party, event, epcs).await.expect(StatusCode::NOT_FOUND);
            assert!(answer.headers.remove("x-request-id").is_some());
            (answer.headers, answer.body)
        };
        let none = told("urn:uuid:none", &[]).await;
        assert_eq!(told(COMMISSIONING, &[]).await, none, "{party}");
        assert_eq!(told(COMMISSIONING, &units(1)).await, none, "{party}");
        let actor = test.actor(party);
        let ask = async |id: &Value| {
            test.graphql(&actor, SLICE, json!({"id": id, "epcs": units(1)}))
                .await
                .to_string()
        };
        assert_eq!(ask(&id).await, ask(&json!(format!("evt_{}", "7".repeat(32)))).await);
        assert_eq!(ask(&id).await, json!({"data": {"eventSlice": null}}).to_string());
    }
    // Of a thing that is not in the event there is no slice either.
    download(&test, "packwell", COMMISSIONING, &[story::sgtin(AUROXIN, "NONE")])
        .await
        .expect(StatusCode::NOT_FOUND);
    let data = test.graphql_data(&test.actor("packwell"), SLICE, json!({"id": "x"})).await;
    assert_eq!(data["eventSlice"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_before_anything_is_computed() {
    let limits = Limits {
        slice_things: 3,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let units = made(&test, 5).await;
    let packwell = test.actor("packwell");
    let refused = async |query: &str, status: u16| {
        let answer = test.get(&packwell, &format!("{}{query}", path(COMMISSIONING, &[]))).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        answer.json()["detail"].as_str().expect("a detail").to_owned()
    };
    assert!(refused("MATCH_epc=x", 400).await.contains("they take `epc`"));
    refused("epc=%20", 400).await;
    refused("epc=%ff", 400).await;
    assert!(refused("", 413).await.contains("you see 5 things in this event"));
    download(&test, "packwell", COMMISSIONING, &units[..4])
        .await
        .expect(StatusCode::PAYLOAD_TOO_LARGE);
    let some = download(&test, "packwell", COMMISSIONING, &units[..3])
        .await
        .expect(StatusCode::OK);
    assert_eq!(named(some.text(), "epcList"), &units[..3]);
    let mut many = String::from("{");
    for number in 0..20 {
        many.push_str(&format!(" s{number}: eventSlice(id: \"evt_{}\") {{ root }}", "7".repeat(32)));
    }
    let answer = test.graphql(&packwell, &format!("{many} }}"), json!({})).await;
    assert!(answer["errors"].is_array(), "twenty at once cost too much");
}

#[tokio::test]
async fn the_root_is_one_for_all_processes_and_whatever_becomes_of_the_event() {
    let test = TestHub::start().await;
    let units = made(&test, 40).await;
    let first = download(&test, "packwell", COMMISSIONING, &units[..1])
        .await
        .text()
        .to_owned();
    let second = test.router_of(test.second().await);
    let request = axum::http::Request::get(path(COMMISSIONING, &units[..1]))
        .extension(test.actor("packwell"))
        .body(axum::body::Body::empty())
        .expect("a request");
    assert_eq!(second.answer(request).await.text(), first);
    // Declared to be in error: that is an event of its own, with a root of its own.
    test.advance_seconds(86_400);
    let mut wrong = story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_1, &units, "LOT1");
    wrong["eventID"] = json!(COMMISSIONING);
    wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-06T11:00:00Z", "reason": "did_not_occur"});
    let job = test.capture(&test.actor("packwell"), story::document(&[wrong])).await;
    assert_eq!(job["success"], true, "{job:#}");
    let after = download(&test, "packwell", COMMISSIONING, &units[..1]).await;
    let lines: Vec<&str> = after.text().lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, first.trim_end()));
    let keys = serde_json::from_str(&keys(&test).await).expect("keys");
    let statements = lines.iter().map(|line| verify(line, &keys).expect("a slice").statement);
    let roots: BTreeSet<String> = statements.map(|statement| statement.root).collect();
    assert_eq!(roots.len(), 2);
}

fn of_things(epcs: &[String]) -> String {
    let epcs: Vec<String> = epcs.iter().map(|epc| format!("epc={}", escaped(epc))).collect();
    format!("/epcis/slices?{}", epcs.join("&"))
}

/// What each slice says, without what proves it.
fn said(answer: &Answer) -> Vec<Value> {
    let line = |line: &str| {
        let mut said: Value = serde_json::from_str(line).expect("JSON");
        let members = said.as_object_mut().expect("an object");
        for name in ["proofs", "signature", "type", "version"] {
            members.remove(name);
        }
        said["event"].as_object_mut().expect("an event").remove("@context");
        said
    };
    answer.text().lines().map(line).collect()
}

#[tokio::test]
async fn who_bought_packs_has_their_making_and_packing_proved_in_words() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = story::tell(&test).await;
    let keys = serde_json::from_str(&keys(&test).await).expect("keys");
    let ask = async |party: &str, epcs: &[String]| test.get(&test.actor(party), &of_things(epcs)).await;
    let meridians = ask("meridian", &told.units).await.expect(StatusCode::OK);
    let beside = |mut event: Value| {
        event["type"] = event["type"].take();
        json!({"country": "DE", "month": "2026-03", "role": "cmo", "event": event})
    };
    let lot = json!({"cbvmda:lotNumber": "LOT-1", "cbvmda:itemExpirationDate": "2028-03-31"});
    let (mut units, ilmd) = (told.units.clone(), said(&meridians)[0]["event"]["ilmd"].clone());
    units.sort();
    assert_eq!(
        ilmd.as_object().map(serde_json::Map::len),
        lot.as_object().map(serde_json::Map::len),
        "{ilmd}"
    );
    let expect = [
        beside(
            json!({"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active", "epcList": units, "ilmd": ilmd}),
        ),
        beside(
            json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "disposition": "in_progress", "childEPCs": units}),
        ),
    ];
    assert_eq!(said(&meridians), expect);
    // Proved, and against the root of which its maker has the exact word.
    let roots = |answer: &Answer| -> BTreeSet<(String, String)> {
        let lines = answer.text().lines();
        let proved = lines.map(|line| verify(line, &keys).expect("a slice").statement);
        proved.map(|statement| (statement.event, statement.root)).collect()
    };
    let makers = ask("packwell", &told.units).await.expect(StatusCode::OK);
    assert_eq!(roots(&makers), roots(&meridians));
    assert!(makers.text().contains("eventTime"));
    for hidden in [
        "eventTime",
        "eventID",
        "packwell",
        PACKWELL_HALL_1,
        &told.case,
        &told.left_behind,
    ] {
        assert!(!meridians.text().contains(hidden), "{hidden}");
    }
    // Of one pack alone; of the case, which it has too; by GraphQL the same.
    let one = ask("meridian", &told.units[..1]).await.expect(StatusCode::OK);
    assert_eq!((said(&one).len(), roots(&one)), (2, roots(&meridians)));
    assert_eq!(named(one.text().lines().next().expect("a line"), "epcList"), told.units[..1]);
    assert_eq!(said(&ask("meridian", std::slice::from_ref(&told.case)).await).len(), 2);
    let query = "query ($epcs: [String!]!) { eventSlices(epcs: $epcs) { file root } }";
    let data = test
        .graphql_data(&test.actor("meridian"), query, json!({"epcs": told.units}))
        .await;
    let files = data["eventSlices"].as_array().expect("slices");
    let files: String = files
        .iter()
        .map(|slice| format!("{}\n", slice["file"].as_str().expect("a file")))
        .collect();
    assert_eq!(files, meridians.text());
    // Who carried them sees no event of before, who never had them nothing; of things that are not there nobody.
    let nothing = ask("meridian", &[story::sgtin(AUROXIN, "NONE")])
        .await
        .expect(StatusCode::NOT_FOUND);
    for (party, epcs) in [
        ("northway", &told.units[..]),
        ("halden", &told.units[..]),
        ("hub-operator", &told.units[..]),
        ("meridian", std::slice::from_ref(&told.left_behind)),
    ] {
        let answer = ask(party, epcs).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(answer.text(), nothing.text(), "{party}");
    }
    ask("meridian", &[]).await.expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn words_are_those_of_the_day_of_the_signature() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = story::tell(&test).await;
    let ask = async || {
        test.get(&test.actor("meridian"), &of_things(&told.units))
            .await
            .expect(StatusCode::OK)
    };
    let before = ask().await;
    test.hub
        .db()
        .write(|tx| {
            Box::pin(async move {
                let sql = "UPDATE event_root SET version = 1, country = NULL, role = NULL";
                tx.execute("a test makes roots old", sql, Vec::new()).await?;
                Ok::<(), counterfoil::storage::StorageError>(())
            })
        })
        .await
        .expect("a change");
    // A root of the first form is replaced once, and is then what it would have been.
    let other = test.router_of(test.second().await);
    let request = || {
        axum::http::Request::get(of_things(&told.units))
            .extension(test.actor("meridian"))
            .body(axum::body::Body::empty())
            .expect("a request")
    };
    assert_eq!(other.answer(request()).await.text(), before.text());
    test.hub
        .db()
        .write(|tx| {
            Box::pin(async move {
                let sql = "UPDATE event_root SET country = 'XX'";
                tx.execute("a test moves a site", sql, Vec::new()).await?;
                Ok::<(), counterfoil::storage::StorageError>(())
            })
        })
        .await
        .expect("a change");
    // What was signed counts; that it does not fit the stored words is noticed.
    let third = test.router_of(test.second().await);
    assert_eq!(third.answer(request()).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_hub_does_not_hand_out_a_second_root_of_an_event() {
    let test = TestHub::start().await;
    let units = made(&test, 4).await;
    download(&test, "packwell", COMMISSIONING, &units)
        .await
        .expect(StatusCode::OK);
    let changed: Result<(), counterfoil::storage::StorageError> = test
        .hub
        .db()
        .write(|tx| {
            Box::pin(async move {
                let sql = "UPDATE event_root SET root = $1";
                tx.execute("a test changes a root", sql, vec![vec![0_u8; 32].into()]).await?;
                Ok(())
            })
        })
        .await;
    changed.expect("a change");
    // This process remembers the tree; another one computes it, and says no.
    let other = test.router_of(test.second().await);
    let request = axum::http::Request::get(path(COMMISSIONING, &units))
        .extension(test.actor("packwell"))
        .body(axum::body::Body::empty())
        .expect("a request");
    assert_eq!(other.answer(request).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn many_at_once_are_answered_the_same() {
    let test = TestHub::start().await;
    let units = made(&test, 60).await;
    let ask = |number: usize| {
        download(
            &test,
            if number.is_multiple_of(2) { "packwell" } else { "aurora" },
            PACKING,
            &units[..5],
        )
    };
    let answers = futures_util::future::join_all((0..12).map(ask)).await;
    let signature = |answer: &Answer| serde_json::from_str::<Value>(answer.text()).expect("a slice")["signature"].to_string();
    let signatures: BTreeSet<String> = answers.iter().map(signature).collect();
    assert_eq!(signatures.len(), 1);
}

fn verify_offline(test: &TestHub, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counterfoil"))
        .args(["audit", "verify-slice"])
        .args(arguments)
        .env_clear()
        .current_dir(test.folder())
        .output()
        .expect("the command")
}

#[tokio::test]
async fn without_a_hub_the_command_says_what_is_proven_and_what_does_not_fit() {
    let test = TestHub::start().await;
    let units = made(&test, 30).await;
    let write = |name: &str, text: &str| std::fs::write(test.folder().join(name), text).expect("a file");
    let keys = keys(&test).await;
    write("keys.json", &keys);
    let slice = download(&test, "aurora", PACKING, &units[..2]).await.text().to_owned();
    let more = download(&test, "aurora", COMMISSIONING, &[]).await.text().to_owned();
    let check = |text: &str, code: i32, expect: &str| {
        write("slices.jsonl", text);
        let output = verify_offline(&test, &["slices.jsonl", "--jwks", "keys.json"]);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expect), "{said}");
    };
    check(&slice, 0, "sent by     packwell");
    check(slice.trim_end(), 0, "things      3");
    check(&format!("{slice}{more}"), 0, "things      30");
    check(
        &slice.replace("packing", "storing"),
        1,
        "slices.jsonl, line 1: `/event/bizStep` is not proved: \"storing\"",
    );
    check(
        &format!("{more}{}", slice.replace("packwell", "sigmapack")),
        1,
        "line 2: `/asserter` is not proved",
    );
    check(&format!("{slice}\n"), 1, "line 2: this is no slice");
    check(&slice.replace('\n', "\r\n"), 1, "canonical JSON");
    check("", 1, "this is no slice");
    write("keys.json", "{\"keys\":[]}");
    check(&slice, 1, "another hub");
    write("keys.json", &keys.replace("\"x\":\"", "\"x\":\"A"));
    check(&slice, 1, "key set was changed");
    write("keys.json", "no keys");
    check(&slice, 2, "no key set");
    let output = verify_offline(&test, &["absent.jsonl", "--jwks", "keys.json"]);
    assert_eq!(output.status.code(), Some(2));
}

//! How things stood at a moment, and as the hub knew them at another: what is told of the past is what would have been told
//! then, from what had happened or was known by then.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::hub::{TestHub, micros};
use crate::story::{
    self, AUROXIN, AUROXIN_CASE, Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1, commission, commission_sscc, document,
    gln_of, object, pack, packwell_sscc, receive, sgtins, ship, unpack,
};

const ITEM: &str = "query ($epc: String!, $asOf: DateTime, $knownAt: DateTime) {
  item(epc: $epc, asOf: $asOf, knownAt: $knownAt) {
    asOf lot expiry disposition dispositionInferred persistentDispositions custodian { legalName } owner { legalName }
    parent { epc } commissionedAt manufacturer { legalName }
    provenance { unbroken hops { at month country party { legalName } role silent site } previousOwner { legalName } lot disposition }
  }
  provenance(epc: $epc, asOf: $asOf, knownAt: $knownAt) {
    unbroken hops { at month country party { legalName } role silent site } previousOwner { legalName } lot disposition
  }
}";
const CONTENTS: &str = "query ($epc: String!, $asOf: DateTime, $knownAt: DateTime) {
  container(epc: $epc, asOf: $asOf, knownAt: $knownAt) {
    asOf contents(first: 100) { nodes { depth lot expiry thing { epc } } }
  }
}";

async fn ask(test: &TestHub, party: &str, query: &str, (epc, as_of, known_at): (&str, Option<&str>, Option<&str>)) -> Value {
    let variables = json!({"epc": epc, "asOf": as_of, "knownAt": known_at});
    test.graphql_data(&test.actor(party), query, variables).await
}

async fn capture(test: &TestHub, party: &str, events: &[Value]) {
    let job = test.capture(&test.actor(party), document(events)).await;
    assert_eq!(job["success"], true, "{job:#}");
}

fn handover(test: &TestHub, owner: (&str, &str), possessor: (&str, &str), place: (&str, &str), epcs: &[String]) -> Handover {
    let gln = |party| gln_of(test, party);
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln(owner.0), gln(owner.1)),
        possessor: (gln(possessor.0), gln(possessor.1)),
        place: (place.0.to_owned(), place.1.to_owned()),
    }
}

fn pallet() -> String {
    packwell_sscc(1)
}

fn case() -> String {
    story::sgtin(AUROXIN_CASE, "C1")
}

fn units() -> Vec<String> {
    sgtins(AUROXIN, &["A1", "A2", "A3"])
}

/// Who sends what, in the order of events.
fn documents(test: &TestHub) -> Vec<(&'static str, Vec<Value>)> {
    let (site, pallet, case, units) = (PACKWELL_HALL_1, pallet(), case(), units());
    let (pallets, cases) = (std::slice::from_ref(&pallet), std::slice::from_ref(&case));
    let northway = handover(
        test,
        ("aurora", "aurora"),
        ("packwell", "northway"),
        (site, NORTHWAY_VENLO),
        pallets,
    );
    let meridian = handover(
        test,
        ("aurora", "meridian"),
        ("northway", "meridian"),
        (NORTHWAY_VENLO, MERIDIAN_LYON),
        pallets,
    );
    let mut held = object(
        "2026-03-01T12:30:00Z",
        NORTHWAY_VENLO,
        "OBSERVE",
        "holding",
        "damaged",
        pallets,
    );
    held["persistentDisposition"] = json!({"set": ["recalled"]});
    let mut released = object(
        "2026-03-01T12:45:00Z",
        NORTHWAY_VENLO,
        "OBSERVE",
        "inspecting",
        "conformant",
        pallets,
    );
    released["persistentDisposition"] = json!({"unset": ["recalled"]});
    vec![
        (
            "packwell",
            vec![
                commission("2026-03-01T08:00:00Z", site, &units, "L1"),
                commission("2026-03-01T08:01:00Z", site, cases, "L1"),
            ],
        ),
        (
            "packwell",
            vec![
                commission_sscc("2026-03-01T08:02:00Z", site, &pallet),
                pack("2026-03-01T09:00:00Z", site, &case, &units),
            ],
        ),
        ("packwell", vec![unpack("2026-03-01T09:10:00Z", site, &case, &units[2..])]),
        ("packwell", vec![pack("2026-03-01T09:30:00Z", site, &pallet, cases)]),
        ("packwell", vec![ship("2026-03-01T10:00:00Z", &northway)]),
        ("northway", vec![receive("2026-03-01T12:00:00Z", &northway), held, released]),
        ("northway", vec![ship("2026-03-01T13:00:00Z", &meridian)]),
        ("meridian", vec![receive("2026-03-01T15:00:00Z", &meridian)]),
        ("meridian", vec![unpack("2026-03-01T16:00:00Z", MERIDIAN_LYON, &pallet, &[])]),
        (
            "meridian",
            vec![object(
                "2026-03-01T17:00:00Z",
                MERIDIAN_LYON,
                "DELETE",
                "dispensing",
                "dispensed",
                &units[..1],
            )],
        ),
    ]
}

const PARTIES: [&str; 5] = ["aurora", "packwell", "northway", "meridian", "halden"];

fn things() -> Vec<String> {
    [units(), vec![case(), pallet()]].concat()
}

/// A hub that was told these documents, only as far as had happened by a moment.
async fn replayed(documents: &[(&'static str, Vec<Value>)], until: &str) -> TestHub {
    let test = TestHub::start().await;
    for (party, events) in documents {
        let at = |event: &Value| event["eventTime"].as_str().expect("a time").to_owned();
        let events: Vec<Value> = events.iter().filter(|event| at(event).as_str() <= until).cloned().collect();
        if !events.is_empty() {
            capture(&test, party, &events).await;
        }
    }
    test
}

/// As plain questions are answered, but for the moment that the answer is of.
async fn plain(test: &TestHub, party: &str, epc: &str) -> Value {
    let mut data = ask(test, party, ITEM, (epc, None, None)).await;
    if let Some(item) = data["item"].as_object_mut() {
        item.remove("asOf");
    }
    // Of a thing by itself the past is told from all that was said, the present from what is stored: both without containers.
    data
}

#[tokio::test]
async fn what_is_told_of_a_moment_is_what_a_hub_tells_that_knows_nothing_later() {
    let test = TestHub::start().await;
    let all = documents(&test);
    for (party, events) in &all {
        capture(&test, party, events).await;
    }
    let mut hubs: HashMap<String, TestHub> = HashMap::new();
    let (mut told, mut earlier) = (0, 0);
    for moment in [
        "07:00", "08:00", "09:05", "09:45", "10:30", "12:00", "12:31", "12:50", "13:00", "14:00", "16:30", "20:00",
    ] {
        let moment = format!("2026-03-01T{moment}:00Z");
        for party in PARTIES {
            for epc in things() {
                // Whose a logistic unit is follows from what was first packed into it, and is taken as it is known today.
                if epc == pallet() && moment.as_str() < "2026-03-01T09:30:00Z" {
                    continue;
                }
                let mut past = ask(&test, party, ITEM, (&epc, Some(&moment), None)).await;
                let of = past["item"]["asOf"]
                    .as_str()
                    .map_or(moment.clone(), |at| at.replace(".000Z", "Z"));
                earlier += i32::from(of != moment);
                told += i32::from(!past["item"].is_null());
                if let Some(item) = past["item"].as_object_mut() {
                    item.remove("asOf");
                }
                if !hubs.contains_key(&of) {
                    hubs.insert(of.clone(), replayed(&all, &of).await);
                }
                assert_eq!(past, plain(&hubs[&of], party, &epc).await, "{party} {epc} {moment}");
            }
        }
    }
    println!("{told} answers about the past, {earlier} of them of the last moment the caller may know");
    assert!(told > 100 && earlier > 10, "{told} {earlier}");
}

/// The whole story, and as far as nothing was sold; late, and in no order.
#[tokio::test]
async fn what_was_known_at_a_moment_is_what_the_hub_told_then() {
    compare_with_what_was_known(&[3, 1, 0, 4, 2, 5, 7, 6, 10, 8, 9], 15).await;
    compare_with_what_was_known(&[3, 1, 0, 4, 2, 10, 5], 50).await;
}

async fn compare_with_what_was_known(order: &[usize], least: usize) {
    let test = TestHub::start().await;
    let mut all = documents(&test);
    let mut wrong = all[2].1[0].clone();
    wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-01T19:00:00Z", "reason": "did_not_occur"});
    all.push(("packwell", vec![wrong]));
    let mut known = Vec::new();
    let mut answers = Vec::new();
    for position in order {
        test.advance_seconds(60);
        let (party, events) = &all[*position];
        capture(&test, party, events).await;
        test.advance_seconds(60);
        let now = test.hub.now().rfc3339();
        for party in PARTIES {
            for epc in things() {
                let contents = ask(&test, party, CONTENTS, (&epc, None, None)).await;
                answers.push((known.len(), party, epc.clone(), plain(&test, party, &epc).await, contents));
            }
        }
        known.push(now);
    }
    let (mut same, mut hidden) = (0, 0);
    for (index, party, epc, then, inside) in answers {
        let at = Some(known[index].as_str());
        let today = ask(&test, party, ITEM, (&epc, None, None)).await;
        let mut past = ask(&test, party, ITEM, (&epc, None, at)).await;
        // Who let go of a thing since is told up to then; who may still know of it is told what it was told.
        let holds = today["item"]["asOf"]
            .as_str()
            .is_some_and(|of| micros(of) >= micros("2026-03-02T00:00:00Z"));
        if !holds || then["item"].is_null() {
            hidden += 1;
            assert!(today["item"].is_null() <= past["item"].is_null(), "{party} {epc}");
            continue;
        }
        same += 1;
        if let Some(item) = past["item"].as_object_mut() {
            item.remove("asOf");
        }
        assert_eq!(past, then, "{party} {epc} after {index}");
        let past = ask(&test, party, CONTENTS, (&epc, None, at)).await;
        assert_eq!(
            past["container"]["contents"], inside["container"]["contents"],
            "{party} {epc} after {index}"
        );
    }
    println!("{same} answers as they were, {hidden} not compared");
    assert!(same >= least, "{same} {hidden}");
}

#[tokio::test]
async fn thirteen_in_the_new_top_and_twelve_in_the_old_one_before() {
    let test = TestHub::start().await;
    let serials: Vec<String> = (1..=11).map(|n| format!("S{n}")).collect();
    let units: Vec<String> = serials.iter().map(|serial| story::sgtin(AUROXIN, serial)).collect();
    let (site, case, top, new) = (PACKWELL_HALL_1, case(), packwell_sscc(1), packwell_sscc(2));
    let events = [
        commission("2026-03-01T08:00:00Z", site, &units, "L1"),
        commission("2026-03-01T08:01:00Z", site, std::slice::from_ref(&case), "L1"),
        commission_sscc("2026-03-01T08:02:00Z", site, &top),
        commission_sscc("2026-03-01T08:03:00Z", site, &new),
        pack("2026-03-01T09:00:00Z", site, &case, &units),
        pack("2026-03-01T09:01:00Z", site, &top, std::slice::from_ref(&case)),
        pack("2026-03-01T10:00:00Z", site, &new, std::slice::from_ref(&top)),
    ];
    capture(&test, "packwell", &events).await;
    let known = test.hub.now().plus_seconds(1).rfc3339();
    for known in [None, Some(known.as_str())] {
        let count = async |epc: &str, at: &str| {
            let data = ask(&test, "packwell", CONTENTS, (epc, Some(at), known)).await;
            data["container"]["contents"]["nodes"].as_array().map(Vec::len)
        };
        let (before, after) = ("2026-03-01T09:59:59Z", "2026-03-01T10:00:00Z");
        assert_eq!((count(&new, after).await, count(&top, after).await), (Some(13), Some(12)));
        assert_eq!((count(&new, before).await, count(&top, before).await), (Some(0), Some(12)));
    }
}

#[tokio::test]
async fn a_return_of_a_pallet_is_inferred_of_the_twelve_in_it_and_marked() {
    let test = TestHub::start().await;
    let serials: Vec<String> = (1..=12).map(|n| format!("S{n}")).collect();
    let units: Vec<String> = serials.iter().map(|serial| story::sgtin(AUROXIN, serial)).collect();
    let (site, pallet) = (PACKWELL_HALL_1, pallet());
    let pallets = std::slice::from_ref(&pallet);
    let mut back = object("2026-03-01T12:00:00Z", site, "OBSERVE", "receiving", "returned", pallets);
    back["bizStep"] = json!("storing");
    let events = [
        commission("2026-03-01T08:00:00Z", site, &units, "L1"),
        commission_sscc("2026-03-01T08:02:00Z", site, &pallet),
        pack("2026-03-01T09:00:00Z", site, &pallet, &units),
        back,
    ];
    capture(&test, "packwell", &events).await;
    let state = async |epc: &str, at: Option<&str>| {
        let item = ask(&test, "packwell", ITEM, (epc, at, None)).await["item"].clone();
        (item["disposition"].clone(), item["dispositionInferred"].clone())
    };
    for unit in &units {
        assert_eq!(state(unit, None).await, (json!("returned"), json!(true)), "{unit}");
        assert_eq!(
            state(unit, Some("2026-03-01T11:00:00Z")).await,
            (json!("in_progress"), json!(false))
        );
    }
    assert_eq!(state(&pallet, None).await, (json!("returned"), json!(false)));
}

#[tokio::test]
async fn a_persistent_disposition_stays_until_it_is_unset() {
    let test = TestHub::start().await;
    let (site, units) = (PACKWELL_HALL_1, units());
    let lasting = |at: &str, disposition: &str, change: Value| {
        let mut event = object(at, site, "OBSERVE", "inspecting", disposition, &units[..1]);
        event["persistentDisposition"] = change;
        event
    };
    let recalled = lasting(
        "2026-03-01T09:00:00Z",
        "recalled",
        json!({"set": ["recalled", "completeness_verified"]}),
    );
    let plain = object("2026-03-01T10:00:00Z", site, "OBSERVE", "storing", "in_progress", &units[..1]);
    let unset = lasting("2026-03-01T11:00:00Z", "conformant", json!({"unset": ["recalled"]}));
    // The last first: whenever a document comes, it counts where it stands in time.
    for events in [
        vec![unset],
        vec![commission("2026-03-01T08:00:00Z", site, &units, "L1")],
        vec![plain],
        vec![recalled.clone()],
    ] {
        capture(&test, "packwell", &events).await;
    }
    let state = async |at: Option<&str>| {
        let item = ask(&test, "packwell", ITEM, (&units[0], at, None)).await["item"].clone();
        (item["disposition"].clone(), item["persistentDispositions"].clone())
    };
    let both = json!(["completeness_verified", "recalled"]);
    assert_eq!(state(Some("2026-03-01T08:30:00Z")).await, (json!("active"), json!([])));
    assert_eq!(state(Some("2026-03-01T09:30:00Z")).await, (json!("recalled"), both.clone()));
    assert_eq!(state(Some("2026-03-01T10:30:00Z")).await, (json!("in_progress"), both));
    assert_eq!(state(None).await, (json!("conformant"), json!(["completeness_verified"])));
    let mut wrong = recalled;
    wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-01T19:00:00Z", "reason": "did_not_occur"});
    test.advance_seconds(60);
    let before = test.hub.now().rfc3339();
    test.advance_seconds(60);
    capture(&test, "packwell", &[wrong]).await;
    assert_eq!(state(None).await, (json!("conformant"), json!([])));
    let item = ask(&test, "packwell", ITEM, (&units[0], None, Some(&before))).await["item"].clone();
    assert_eq!(
        item["persistentDispositions"],
        json!(["completeness_verified"]),
        "known before it was found wrong"
    );
}

#[tokio::test]
async fn what_a_receipt_leaves_out_is_found_by_both_sides_until_it_is_confirmed() {
    let first = [packwell_sscc(1), packwell_sscc(2), packwell_sscc(3)];
    let receipts = |test: &TestHub| {
        let to = |epcs: &[String]| {
            handover(
                test,
                ("aurora", "aurora"),
                ("packwell", "northway"),
                (PACKWELL_HALL_1, NORTHWAY_VENLO),
                epcs,
            )
        };
        let made = first
            .iter()
            .map(|sscc| commission_sscc("2026-03-01T08:00:00Z", PACKWELL_HALL_1, sscc))
            .collect::<Vec<_>>();
        vec![
            ("packwell", [made, vec![ship("2026-03-01T10:00:00Z", &to(&first))]].concat()),
            ("northway", vec![receive("2026-03-01T12:00:00Z", &to(&first[..1]))]),
            ("northway", vec![receive("2026-03-01T13:00:00Z", &to(&first[1..2]))]),
        ]
    };
    let open = async |test: &TestHub, party: &str| -> Vec<String> {
        let query = "{ findings { nodes { code epc clearedAt severity } } }";
        let data = test.graphql_data(&test.actor(party), query, json!({})).await;
        let nodes = data["findings"]["nodes"].as_array().expect("nodes").clone();
        let mut open: Vec<String> = nodes
            .iter()
            .filter(|node| node["code"] == "SHIPPED_NOT_RECEIVED" && node["clearedAt"].is_null())
            .map(|node| node["epc"].as_str().expect("an epc").to_owned())
            .collect();
        open.sort();
        open
    };
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let test = TestHub::start().await;
        let parts = receipts(&test);
        for position in order {
            let (party, events) = &parts[position];
            capture(&test, party, events).await;
        }
        for party in ["packwell", "northway"] {
            assert_eq!(open(&test, party).await, first[2..], "{party} {order:?}");
        }
        assert_eq!(open(&test, "halden").await, [""; 0]);
        let rest = handover(
            &test,
            ("aurora", "aurora"),
            ("packwell", "northway"),
            (PACKWELL_HALL_1, NORTHWAY_VENLO),
            &first[2..],
        );
        capture(&test, "northway", &[receive("2026-03-01T14:00:00Z", &rest)]).await;
        assert_eq!(open(&test, "packwell").await, [""; 0]);
    }
}

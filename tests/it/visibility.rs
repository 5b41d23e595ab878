//! Who sees what of one pack: the story as far as the wholesaler, seen by each party.

use axum::http::StatusCode;
use counterfoil::service::capture::run_due;
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, AUROXIN_CASE, Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1};

const UNIT: &str = "https://id.gs1.org/01/09521001001014/21/UNIT1";
const NO_UNIT: &str = "https://id.gs1.org/01/09521001001014/21/NONE9";
/// A party, as it is said in the matrix.
const PARTIES: [&str; 8] = [
    "aurora",
    "packwell",
    "northway",
    "meridian",
    "halden",
    "cornerstone",
    "zenith",
    "hub-operator",
];

/// Sends a document and has its job done.
async fn capture(test: &TestHub, party: &str, events: &[Value]) {
    let answer = test
        .post(
            &test.actor(party),
            "/epcis/capture",
            "application/json",
            story::document(events),
        )
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{party}: {}", answer.text());
    while run_due(&test.hub).await.expect("a run").is_some() {}
}

fn handover(test: &TestHub, owner: (&str, &str), possessor: (&str, &str), place: (&str, &str)) -> Handover {
    let gln = |party: &str| story::gln_of(test, party);
    Handover {
        epcs: vec![story::packwell_sscc(1)],
        owner: (gln(owner.0), gln(owner.1)),
        possessor: (gln(possessor.0), gln(possessor.1)),
        place: (place.0.to_owned(), place.1.to_owned()),
    }
}

/// Packed by packwell, stored by northway, sold to meridian.
async fn played() -> TestHub {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (site, pallet) = (PACKWELL_HALL_1, story::packwell_sscc(1));
    let (units, case) = (
        story::sgtins(AUROXIN, &["UNIT1", "UNIT2"]),
        story::sgtins(AUROXIN_CASE, &["CASE1"]),
    );
    let to_northway = handover(&test, ("aurora", "aurora"), ("packwell", "northway"), (site, NORTHWAY_VENLO));
    let to_meridian = handover(
        &test,
        ("aurora", "meridian"),
        ("northway", "meridian"),
        (NORTHWAY_VENLO, MERIDIAN_LYON),
    );
    let packed = [
        story::commission("2026-03-02T06:00:00Z", site, &units, "LOT1"),
        story::commission("2026-03-02T06:01:00Z", site, &case, "LOT1"),
        story::commission_sscc("2026-03-02T06:02:00Z", site, &pallet),
        story::pack("2026-03-02T06:03:00Z", site, &case[0], &units),
        story::pack("2026-03-02T06:04:00Z", site, &pallet, &case),
        story::ship("2026-03-02T07:00:00Z", &to_northway),
    ];
    capture(&test, "packwell", &packed).await;
    let stored = [
        story::receive("2026-03-03T07:00:00Z", &to_northway),
        story::ship("2026-03-04T07:00:00Z", &to_meridian),
    ];
    capture(&test, "northway", &stored).await;
    capture(&test, "meridian", &[story::receive("2026-03-05T07:00:00Z", &to_meridian)]).await;
    test
}

const OF_A_THING: &str = "query ($epc: String!) {
  item(epc: $epc) { id lot custodian { legalName } owner { legalName } persistentDispositions }
  then: item(epc: $epc, asOf: \"2026-03-03T12:00:00Z\") { id asOf }
  known: item(epc: $epc, knownAt: \"2030-01-01T00:00:00Z\") { id asOf }
  past: provenance(epc: $epc, asOf: \"2026-03-03T12:00:00Z\") { unbroken }
  held: container(epc: $epc, knownAt: \"2030-01-01T00:00:00Z\") { asOf }
  provenance(epc: $epc) { unbroken hops { role } }
  container(epc: $epc) { asOf contents { edges { node { thing { epc } } } } }
  events(filter: {epc: $epc}) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } }
}";

#[tokio::test]
async fn a_stranger_gets_for_a_unit_the_bytes_that_it_gets_for_none() {
    let test = played().await;
    for stranger in ["halden", "cornerstone", "zenith", "hub-operator"] {
        let actor = test.actor(stranger);
        let ask = async |epc: &str| test.graphql(&actor, OF_A_THING, json!({"epc": epc})).await.to_string();
        assert_eq!(ask(UNIT).await, ask(NO_UNIT).await, "{stranger}");
        assert_eq!(
            ask(&story::packwell_sscc(1)).await,
            ask(&story::packwell_sscc(2)).await,
            "{stranger}"
        );
        for path in ["/epcis/events?MATCH_epc=", "/epcis/events/"] {
            let (of_unit, of_none) = (
                test.get(&actor, &format!("{path}{UNIT}")).await,
                test.get(&actor, &format!("{path}{NO_UNIT}")).await,
            );
            assert_eq!(
                (of_unit.status, &of_unit.body),
                (of_none.status, &of_none.body),
                "{stranger} {path}"
            );
        }
        let lists = test
            .graphql_data(
                &actor,
                "{ shipments { edges { node { id } } } events { edges { node { id } } } }",
                json!({}),
            )
            .await;
        assert_eq!(
            lists,
            json!({"shipments": {"edges": []}, "events": {"edges": []}}),
            "{stranger}"
        );
    }
}

#[tokio::test]
async fn a_strangers_node_is_nobodys_node() {
    let test = played().await;
    let ids =
        "{ events { edges { node { id eventId } } } shipments { edges { node { id } } } auditEntries { edges { node { id } } } }";
    let mut seen: Vec<String> = Vec::new();
    for party in ["packwell", "northway", "meridian", "aurora"] {
        let data = test.graphql_data(&test.actor(party), ids, json!({})).await;
        let lists = ["events", "shipments", "auditEntries"].map(|list| data[list]["edges"].as_array().expect("edges").clone());
        seen.extend(
            lists
                .iter()
                .flatten()
                .map(|edge| edge["node"]["id"].as_str().expect("an id").to_owned()),
        );
    }
    assert!(seen.len() > 10, "{seen:?}");
    let node = |id: &str| (json!({"id": id}), "query ($id: ID!) { node(id: $id) { id } }");
    for id in &seen {
        let (prefix, _) = id.split_once('_').expect("a prefix");
        let none = format!("{prefix}_{}", "7".repeat(32));
        let halden = test.actor("halden");
        let (variables, query) = node(id);
        let (none, _) = node(&none);
        assert_eq!(
            test.graphql(&halden, query, variables).await.to_string(),
            test.graphql(&halden, query, none).await.to_string()
        );
    }
}

#[tokio::test]
async fn each_partys_view_of_one_pack_is_as_written() {
    let test = played().await;
    let mut written = String::from(
        "What each party sees of one pack that was made by packwell for aurora and sold to meridian by way of northway.\n",
    );
    for party in PARTIES {
        written.push_str(&format!("\n{party}\n{}", view(&test, party).await));
    }
    let committed = include_str!("matrix/views.txt");
    assert_eq!(written, committed, "who sees what has changed:\n{written}");
}

/// The lines of one party.
async fn view(test: &TestHub, party: &str) -> String {
    let query = "query ($epc: String!, $pallet: String!) {
      item(epc: $epc) { lot expiry disposition commissionedAt manufacturer { legalName } parent { epc } }
      state: item(epc: $epc) { asOf custodian { legalName } owner { legalName } disposition dispositionInferred persistentDispositions }
      packed: item(epc: $epc, asOf: \"2026-03-02T06:30:00Z\") { asOf custodian { legalName } owner { legalName } disposition dispositionInferred parent { epc } }
      stored: item(epc: $epc, asOf: \"2026-03-03T12:00:00Z\") { asOf custodian { legalName } owner { legalName } disposition dispositionInferred parent { epc } }
      sold: item(epc: $epc, asOf: \"2026-03-05T12:00:00Z\") { asOf custodian { legalName } owner { legalName } disposition dispositionInferred parent { epc } }
      provenance(epc: $epc) { unbroken previousOwner { legalName } hops { role country month at party { legalName } site silent } }
      container(epc: $pallet) { asOf contents { edges { node { depth thing { epc } } } } }
      events { edges { node { bizStep type readPoint epcs { edges { node { epc } } } parent { epc } sources { kind } destinations { kind } } } }
      shipments { edges { node { state sender { legalName } receiver { legalName } seller { legalName } buyer { legalName } fromGln toGln
                                 things { edges { node { epc } } } } } }
    }";
    let variables = json!({"epc": UNIT, "pallet": story::packwell_sscc(1)});
    let data = test.graphql_data(&test.actor(party), query, variables).await;
    let mut lines = String::new();
    for name in [
        "item",
        "state",
        "packed",
        "stored",
        "sold",
        "provenance",
        "container",
        "events",
        "shipments",
    ] {
        lines.push_str(&format!("  {name}: {}\n", plain(&data[name])));
    }
    lines
}

/// A value in one line, without the wrapping of connections.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.trim_start_matches("https://id.gs1.org/").to_owned(),
        Value::Array(list) => format!("[{}]", list.iter().map(plain).collect::<Vec<_>>().join("; ")),
        Value::Object(fields) => match (fields.get("edges"), fields.get("node")) {
            (Some(inner), _) | (None, Some(inner)) => plain(inner),
            (None, None) => fields
                .iter()
                .map(|(name, value)| format!("{name}={}", plain(value)))
                .collect::<Vec<_>>()
                .join(" "),
        },
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

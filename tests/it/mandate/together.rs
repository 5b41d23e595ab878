//! Two principals in one act of a 3PL, or in one document: each gets what it would get if the other were not there.

use std::path::Path;

use axum::http::StatusCode;
use counterfoil::config::settings::Limits;
use serde_json::{Value, json};

use super::{Load, consolidated, handover, stored, told, without_documents};
use crate::hub::TestHub;
use crate::story::{self, AUROXIN, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL};

const THING: &str = "query ($epc: String!) {
  item(epc: $epc) { disposition } provenance(epc: $epc) { unbroken } container(epc: $epc) { asOf } events(filter: {epc: $epc}) { nodes { eventId } }
}";
const SHIPMENTS: &str =
    "{ shipments { nodes { state seller { legalName } buyer { legalName } documents { id } things { nodes { epc } } } } }";
const SOLD: &str = "query ($unit: String!) {
  item(epc: $unit) { owner { legalName } disposition } provenance(epc: $unit) { previousOwner { legalName } hops { role party { legalName } } }
  shipments { nodes { seller { legalName } buyer { legalName } things { nodes { epc } } } }
  events { nodes { bizStep sources { id } destinations { id } epcs { nodes { epc } } parent { epc } } }
  auditEntries { nodes { action facts { name value } principal { legalName } } }
}";

#[tokio::test]
async fn who_sells_something_on_a_pallet_has_nothing_to_do_with_the_rest() {
    let (test, load) = consolidated(true).await;
    let aurora = test.actor("aurora");
    let asked = async |epc: &str| test.graphql_data(&aurora, THING, json!({"epc": epc})).await.to_string();
    assert_eq!(asked(&load.theirs[0]).await, asked(&story::sgtin(ZENITHOL, "NONE")).await);
    assert!(
        asked(&load.ours[0]).await.contains("disposition\":\"in_"),
        "{}",
        asked(&load.ours[0]).await
    );
}

#[tokio::test]
async fn slices_of_what_is_done_to_a_mixed_pallet_prove_to_each_its_own() {
    let (test, load) = consolidated(true).await;
    for (party, own, anothers) in [
        ("aurora", &load.ours, [ZENITHOL, "9521008"]),
        ("zenith", &load.theirs, [AUROXIN, "9521001"]),
    ] {
        let actor = test.actor(party);
        let data = test
            .graphql_data(&actor, "{ events(first: 100) { nodes { id eventId bizStep } } }", json!({}))
            .await;
        let mut shown = String::new();
        for node in data["events"]["nodes"].as_array().expect("events") {
            let query = "query ($id: ID!) { eventSlice(id: $id) { file } }";
            let slice = test.graphql_data(&actor, query, json!({"id": node["id"]})).await;
            let file = slice["eventSlice"]["file"].as_str().expect("a file");
            let id = node["eventId"]
                .as_str()
                .expect("an id")
                .replace(':', "%3A")
                .replace('/', "%2F")
                .replace(';', "%3B");
            let path = format!("/epcis/events/{}/slice", id.replace('?', "%3F"));
            assert_eq!(test.get(&actor, &path).await.text(), format!("{file}\n"));
            for word in anothers {
                assert!(!file.contains(word), "{party}: {node}: {file}");
            }
            shown.push_str(file);
            // Of the others' things alone nothing is proved, as of things that are none.
            let query = "query ($id: ID!, $epcs: [String!]) { eventSlice(id: $id, epcs: $epcs) { file } }";
            let of = async |epcs: &[String]| {
                let answer = test.graphql(&actor, query, json!({"id": node["id"], "epcs": epcs})).await;
                answer.to_string()
            };
            let others = if party == "aurora" { &load.theirs } else { &load.ours };
            assert_eq!(of(others).await, of(&[story::sgtin(ZENITHOL, "NONE")]).await);
        }
        assert!(shown.contains(&own[0]) && shown.contains(&load.mixed), "{party}: {shown}");
    }
}

/// Both sell what is theirs to meridian, on one pallet and by one event; `first` is named first.
async fn sold_together(zenith: Option<&str>) -> (TestHub, Load) {
    let (test, load) = stored(zenith.is_some()).await;
    let mut goods = load.ours.clone();
    goods.extend(zenith.iter().flat_map(|_| load.theirs.clone()));
    let pallet = std::slice::from_ref(&load.mixed);
    let places = (NORTHWAY_VENLO, MERIDIAN_LYON);
    let sold = handover(&test, pallet, ("aurora", "meridian"), ("northway", "meridian"), places);
    let theirs = json!({"type": "owning_party", "source": format!("https://id.gs1.org/417/{}", story::gln_of(&test, "zenith"))});
    let with_both = |mut event: Value| {
        let sources = event["sourceList"].as_array_mut().expect("sources");
        match zenith {
            Some("first") => sources.insert(0, theirs.clone()),
            Some(_) => sources.push(theirs.clone()),
            None => {}
        }
        event
    };
    let shipped = [
        story::commission_sscc("2026-03-03T06:00:00Z", NORTHWAY_VENLO, &load.mixed),
        story::pack("2026-03-03T07:00:00Z", NORTHWAY_VENLO, &load.mixed, &goods),
        with_both(story::ship("2026-03-03T08:00:00Z", &sold)),
    ];
    told(&test, "northway", &shipped).await;
    let received = with_both(story::receive("2026-03-04T08:00:00Z", &sold));
    told(&test, "meridian", &[received]).await;
    let mut later = vec![story::unpack("2026-03-05T07:00:00Z", MERIDIAN_LYON, &load.mixed, &[])];
    later.extend(goods.iter().map(|epc| {
        let things = std::slice::from_ref(epc);
        story::object(
            "2026-03-05T08:00:00Z",
            MERIDIAN_LYON,
            "OBSERVE",
            "inspecting",
            "in_progress",
            things,
        )
    }));
    told(&test, "meridian", &later).await;
    (test, load)
}

#[tokio::test]
async fn several_sell_on_one_pallet_each_what_is_its_own_in_whatever_order() {
    let view = async |zenith: Option<&str>, party: &str| -> String {
        let (test, load) = sold_together(zenith).await;
        let unit = if party == "zenith" { &load.theirs[0] } else { &load.ours[0] };
        let data = test.graphql_data(&test.actor(party), SOLD, json!({"unit": unit})).await;
        without_documents(&data.to_string())
    };
    let alone = view(None, "aurora").await;
    assert!(!alone.contains("inspecting") && alone.contains("Meridian"), "{alone}");
    for order in ["first", "last"] {
        assert_eq!(view(Some(order), "aurora").await, alone, "{order}");
        let zenith = view(Some(order), "zenith").await;
        assert!(
            !zenith.contains("inspecting") && zenith.contains("Meridian"),
            "{order}: {zenith}"
        );
        assert!(!zenith.contains("Aurora") && !zenith.contains("9521001"), "{order}: {zenith}");
        // The buyer has both, each from its seller.
        let (test, load) = sold_together(Some(order)).await;
        for (unit, seller) in [(&load.ours[0], "Aurora"), (&load.theirs[0], "Zenith")] {
            let data = test.graphql_data(&test.actor("meridian"), SOLD, json!({"unit": unit})).await;
            assert!(
                data["item"]["owner"]["legalName"].to_string().contains("Meridian"),
                "{data:#}"
            );
            assert!(
                data["provenance"]["previousOwner"]["legalName"].to_string().contains(seller),
                "{data:#}"
            );
        }
        // Each has the slice of the event, with its own name on it.
        for party in ["aurora", "zenith"] {
            let actor = test.actor(party);
            let list = "{ events(first: 100) { nodes { id bizStep eventTime principal { gln } } } }";
            let data = test.graphql_data(&actor, list, json!({})).await;
            let nodes = data["events"]["nodes"].as_array().expect("events");
            let is_sale = |node: &&Value| node["eventTime"].to_string().contains("2026-03-03T08:00:00");
            let node = nodes.iter().find(is_sale).expect("the sale");
            assert_eq!(node["principal"]["gln"], story::gln_of(&test, party).as_str());
            let query = "query ($id: ID!) { eventSlice(id: $id) { file } }";
            let slice = test.graphql_data(&actor, query, json!({"id": node["id"]})).await;
            let keys = test.get(&actor, "/.well-known/jwks.json").await;
            let keys = serde_json::from_str(keys.text()).expect("keys");
            let file = slice["eventSlice"]["file"].as_str().expect("a file");
            let proved = counterfoil::epcis::slice::verify(file, &keys).expect("a proof");
            let principal = proved.beside.iter().find(|(name, _)| *name == "principal");
            assert_eq!(principal.map(|(_, named)| named.as_str()), Some(party));
        }
    }
}

#[tokio::test]
async fn a_later_word_on_the_goods_of_one_takes_nothing_from_the_other() {
    let (test, load) = stored(true).await;
    let both = [load.ours[0].clone(), load.theirs[0].clone()];
    let moved = handover(
        &test,
        &both,
        ("aurora", "aurora"),
        ("northway", "meridian"),
        (NORTHWAY_VENLO, MERIDIAN_LYON),
    );
    told(&test, "northway", &[story::ship("2026-03-03T08:00:00Z", &moved)]).await;
    let seen = async |party: &str| test.graphql_data(&test.actor(party), SHIPMENTS, json!({})).await.to_string();
    let before = (seen("aurora").await, seen("zenith").await);
    assert!(
        before.0.contains(&load.ours[0]) && !before.0.contains(ZENITHOL),
        "{}",
        before.0
    );
    for thing in [&load.theirs[0], &load.ours[0]] {
        let word = story::object(
            "2026-03-02T20:00:00Z",
            NORTHWAY_VENLO,
            "OBSERVE",
            "inspecting",
            "in_progress",
            std::slice::from_ref(thing),
        );
        told(&test, "northway", &[word]).await;
        assert_eq!((seen("aurora").await, seen("zenith").await), before);
    }
}

#[tokio::test]
async fn how_much_is_wrong_with_the_goods_of_one_hides_nothing_from_the_other() {
    let limits = Limits {
        findings_per_code: 2,
        ..Limits::default()
    };
    let test = TestHub::quick(limits).await;
    test.apply_partners(Path::new(env!("CARGO_MANIFEST_DIR")).join("partner-config").as_path())
        .await;
    test.set_time("2026-03-10T12:00:00Z");
    // None of these numbers was allocated.
    let theirs = story::sgtins(ZENITHOL, &["Z1", "Z2", "Z3", "Z4"]);
    let ours = story::sgtins(AUROXIN, &["A1", "A2", "A3"]);
    let events = [
        story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_2, &theirs, "LOT9"),
        story::commission("2026-03-02T06:30:00Z", PACKWELL_HALL_1, &ours, "LOT1"),
    ];
    let job = test.capture(&test.actor("packwell"), story::document(&events)).await;
    assert_eq!(job["success"], true, "{job:#}");
    let found = async |party: &str| {
        let query = "{ findings(first: 50) { nodes { code epc detail pointer } } }";
        let data = test.graphql_data(&test.actor(party), query, json!({})).await;
        data["findings"]["nodes"].as_array().expect("findings").clone()
    };
    for (party, own) in [("aurora", AUROXIN), ("zenith", ZENITHOL)] {
        let findings = found(party).await;
        assert_eq!(findings.len(), 2, "{party}: {findings:#?}");
        for finding in findings {
            assert_eq!(finding["code"], "SERIAL_NOT_ALLOCATED");
            assert!(finding["epc"].as_str().expect("an EPC").contains(own), "{finding}");
            assert_eq!(finding["pointer"], "", "{finding}");
        }
    }
    // The sender is told how many more there are.
    let sender = found("packwell").await;
    assert!(
        sender
            .iter()
            .any(|finding| finding["detail"] == "3 more of SERIAL_NOT_ALLOCATED, from event 0 to event 1"),
        "{sender:#?}"
    );
}

#[tokio::test]
async fn what_is_asked_in_anothers_name_is_answered_as_if_there_were_no_such_principal() {
    let (test, load) = consolidated(true).await;
    let query = "query ($gln: String) { events(actingForGln: $gln) { nodes { id } } }";
    let graphql = async |party: &str, gln: &str| {
        let answer = test.graphql(&test.actor(party), query, json!({"gln": gln})).await;
        answer.to_string().replace(gln, "GLN")
    };
    let rest = async |party: &str, gln: &str| {
        let request = axum::http::Request::get("/epcis/events?perPage=3").header("Counterfoil-Acting-For", gln);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let answer = test.call(&test.actor(party), request).await;
        (answer.status, answer.text().replace(gln, "GLN"))
    };
    let nobody = "9520001000010";
    // Neither a party that it does not act for, nor itself, nor, for a stranger, one that others act for.
    for (party, principal) in [
        ("northway", "meridian"),
        ("northway", "northway"),
        ("halden", "aurora"),
        ("aurora", "zenith"),
        ("zenith", "northway"),
    ] {
        let gln = story::gln_of(&test, principal);
        assert_eq!(
            graphql(party, &gln).await,
            graphql(party, nobody).await,
            "{party} for {principal}"
        );
        assert_eq!(rest(party, &gln).await, rest(party, nobody).await, "{party} for {principal}");
        assert_eq!(rest(party, &gln).await.0, StatusCode::NOT_FOUND);
    }
    let (status, listed) = rest("northway", &story::gln_of(&test, "aurora")).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    assert!(!listed.contains(&load.theirs[0]), "{listed}");
}

//! Mandates: who acts for whom, and that two principals of one 3PL learn nothing of each other from what it does for both.

use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL};

mod power;
mod together;

/// Aurora's goods, zenith's, and the pallet of the 3PL that both go on.
struct Load {
    ours: Vec<String>,
    theirs: Vec<String>,
    mixed: String,
}

/// A handover between possessors; `owners` of the goods before and after.
fn handover(test: &TestHub, epcs: &[String], owners: (&str, &str), possessors: (&str, &str), places: (&str, &str)) -> Handover {
    let gln = |party: &str| story::gln_of(test, party);
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln(owners.0), gln(owners.1)),
        possessor: (gln(possessors.0), gln(possessors.1)),
        place: (places.0.to_owned(), places.1.to_owned()),
    }
}

async fn told(test: &TestHub, party: &str, events: &[Value]) -> Value {
    // Records of one instant are in the order of chance.
    test.advance_seconds(1);
    let job = test.capture(&test.actor(party), story::document(events)).await;
    assert_eq!(job["success"], true, "{party}: {job:#}");
    let mut findings = job["findings"].as_object().expect("counts").clone();
    // The numbers were not asked for here.
    findings.remove("SERIAL_NOT_ALLOCATED");
    assert!(findings.is_empty(), "{party}: {job:#}");
    job
}

/// Packwell packs for both, northway gets both. With `zenith`: of zenith too, told before what is aurora's.
async fn stored(zenith: bool) -> (TestHub, Load) {
    let test = TestHub::start().await;
    test.set_time("2026-03-10T12:00:00Z");
    let load = Load {
        ours: story::sgtins(AUROXIN, &["A1", "A2"]),
        theirs: story::sgtins(ZENITHOL, &["Z1", "Z2"]),
        mixed: story::sscc("9521004", 77),
    };
    let mut sides = vec![("aurora", &load.ours, PACKWELL_HALL_1, 1, 0)];
    if zenith {
        sides.insert(0, ("zenith", &load.theirs, PACKWELL_HALL_2, 2, 1));
    }
    for (owner, goods, hall, number, minute) in sides {
        let pallet = story::packwell_sscc(number);
        let at = |hour: u32| format!("2026-03-02T{hour:02}:{minute:02}:00Z");
        let moved = handover(
            &test,
            std::slice::from_ref(&pallet),
            (owner, owner),
            ("packwell", "northway"),
            (hall, NORTHWAY_VENLO),
        );
        let packed = [
            story::commission(&at(6), hall, goods, "LOT1"),
            story::commission_sscc(&at(6), hall, &pallet),
            story::pack(&at(7), hall, &pallet, goods),
            story::ship(&at(8), &moved),
        ];
        told(&test, "packwell", &packed).await;
        let arrived = [
            story::receive(&at(12), &moved),
            story::unpack(&at(13), NORTHWAY_VENLO, &pallet, &[]),
        ];
        told(&test, "northway", &arrived).await;
    }
    (test, load)
}

/// What northway does with the goods: on one pallet, zenith's first, to meridian; aurora sells what is its own.
async fn consolidated(zenith: bool) -> (TestHub, Load) {
    let (test, load) = stored(zenith).await;
    let mut goods = if zenith { load.theirs.clone() } else { Vec::new() };
    goods.extend(load.ours.clone());
    let pallet = std::slice::from_ref(&load.mixed);
    let places = (NORTHWAY_VENLO, MERIDIAN_LYON);
    let sold = handover(&test, pallet, ("aurora", "meridian"), ("northway", "meridian"), places);
    let shipped = [
        story::commission_sscc("2026-03-03T06:00:00Z", NORTHWAY_VENLO, &load.mixed),
        story::pack("2026-03-03T07:00:00Z", NORTHWAY_VENLO, &load.mixed, &goods),
        story::object(
            "2026-03-03T07:30:00Z",
            NORTHWAY_VENLO,
            "OBSERVE",
            "storing",
            "in_progress",
            pallet,
        ),
        story::ship("2026-03-03T08:00:00Z", &sold),
    ];
    told(&test, "northway", &shipped).await;
    told(&test, "meridian", &[story::receive("2026-03-04T08:00:00Z", &sold)]).await;
    (test, load)
}

const EVERYTHING: &str = "query ($mixed: String!, $unit: String!) {
  item(epc: $mixed) { asOf disposition persistentDispositions custodian { legalName } owner { legalName } manufacturer { legalName } commissionedAt }
  unit: item(epc: $unit) { disposition custodian { legalName } owner { legalName } parent { epc } }
  provenance(epc: $mixed) { unbroken disposition manufacturer { legalName } previousOwner { legalName } hops { role month party { legalName } silent } }
  container(epc: $mixed) { asOf contents { nodes { depth thing { epc } } } }
  before: container(epc: $mixed, asOf: \"2026-03-03T07:45:00Z\") { asOf contents { nodes { depth thing { epc } } } }
  then: container(epc: $mixed, asOf: \"2026-03-03T07:45:00Z\", knownAt: \"2026-03-20T00:00:00Z\") { contents { nodes { thing { epc } } } }
  events { nodes { bizStep epcs { nodes { epc } } parent { epc } sources { kind id } destinations { kind id } } pageInfo { hasNextPage } }
  shipments { nodes { state seller { legalName } buyer { legalName } things { nodes { epc } } } }
  findings { nodes { code epc pointer detail } }
  auditEntries { nodes { action facts { name value } principal { legalName } } }
}";

/// What a party is answered, without what is the same whatever happened: ids and the hashes made of them.
async fn answers(test: &TestHub, party: &str, load: &Load) -> String {
    let actor = test.actor(party);
    let variables = json!({"mixed": load.mixed, "unit": load.ours[0]});
    test.graphql_data(&actor, EVERYTHING, variables).await.to_string()
}

#[tokio::test]
async fn what_else_is_on_the_pallet_changes_nothing_for_a_principal() {
    let (alone, load) = consolidated(false).await;
    let (mixed, same) = consolidated(true).await;
    assert_eq!(load.mixed, same.mixed);
    let plain = |text: String| without_documents(&text);
    let (less, more) = (
        plain(answers(&alone, "aurora", &load).await),
        plain(answers(&mixed, "aurora", &load).await),
    );
    assert_eq!(less, more);
    assert!(less.contains(&load.mixed) && less.contains(&load.ours[0]), "{less}");
    assert!(!more.contains(ZENITHOL) && !more.contains("Zenith"), "{more}");
    // And the 3PL has both before its eyes.
    let northway = answers(&mixed, "northway", &load).await;
    assert!(
        northway.contains(&load.theirs[0]) && northway.contains(&load.ours[0]),
        "{northway}"
    );
}

/// The ids of documents, which are chosen by the hub, blanked.
fn without_documents(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("doc_") {
        kept.push_str(&rest[..at + 4]);
        rest = rest[at + 4..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    kept + rest
}

#[tokio::test]
async fn goods_go_on_without_their_former_neighbours_being_told() {
    let (test, load) = stored(true).await;
    let all: Vec<String> = load.theirs.iter().chain(&load.ours).cloned().collect();
    let pallet = std::slice::from_ref(&load.mixed);
    let on = handover(
        &test,
        pallet,
        ("zenith", "zenith"),
        ("northway", "meridian"),
        (NORTHWAY_VENLO, MERIDIAN_LYON),
    );
    let packed = [
        story::commission_sscc("2026-03-03T06:00:00Z", NORTHWAY_VENLO, &load.mixed),
        story::pack("2026-03-03T07:00:00Z", NORTHWAY_VENLO, &load.mixed, &all),
        story::unpack("2026-03-03T09:00:00Z", NORTHWAY_VENLO, &load.mixed, &load.ours[..1]),
    ];
    told(&test, "northway", &packed).await;
    let storing = |at: &str| story::object(at, NORTHWAY_VENLO, "OBSERVE", "storing", "in_progress", pallet);
    told(&test, "northway", &[storing("2026-03-03T10:00:00Z")]).await;
    let times = "query ($epc: String!) { events(filter: {epc: $epc}) { nodes { eventTime bizStep } } container(epc: $epc) { asOf contents { nodes { thing { epc } } } }
                 item(epc: $epc) { asOf custodian { legalName } disposition } }";
    let seen = async |party: &str| {
        test.graphql_data(&test.actor(party), times, json!({"epc": load.mixed}))
            .await
            .to_string()
    };
    // One of its own is still there.
    assert!(seen("aurora").await.contains("T10:00:00"), "{}", seen("aurora").await);
    let last = [story::unpack(
        "2026-03-03T11:00:00Z",
        NORTHWAY_VENLO,
        &load.mixed,
        &load.ours[1..],
    )];
    told(&test, "northway", &last).await;
    let before = seen("aurora").await;
    told(
        &test,
        "northway",
        &[storing("2026-03-03T12:00:00Z"), story::ship("2026-03-03T13:00:00Z", &on)],
    )
    .await;
    assert_eq!(
        seen("aurora").await,
        before,
        "a pallet without goods of its own is not its business"
    );
    let zenith = seen("zenith").await;
    assert!(zenith.contains("T13:00:00") && zenith.contains("Meridian"), "{zenith}");
}

#[tokio::test]
async fn a_sale_goes_for_what_the_seller_owns() {
    let (test, load) = consolidated(true).await;
    let owner = async |party: &str, epc: &str| {
        let query = "query ($epc: String!) { item(epc: $epc) { owner { legalName } disposition custodian { legalName } } }";
        test.graphql_data(&test.actor(party), query, json!({"epc": epc})).await["item"].clone()
    };
    let kept = owner("meridian", &load.ours[0]).await;
    assert_eq!(kept["owner"]["legalName"], "Meridian Répartition SAS", "{kept}");
    // Sold, the one's later way is no longer its business; the other's still is.
    let later = |epc: &str| {
        story::object(
            "2026-03-05T08:00:00Z",
            MERIDIAN_LYON,
            "OBSERVE",
            "inspecting",
            "in_progress",
            &[epc.to_owned()],
        )
    };
    let unpacked = story::unpack("2026-03-05T07:00:00Z", MERIDIAN_LYON, &load.mixed, &[]);
    told(&test, "meridian", &[unpacked, later(&load.ours[0]), later(&load.theirs[0])]).await;
    let steps = async |party: &str| {
        let data = test
            .graphql_data(&test.actor(party), "{ events { nodes { bizStep } } }", json!({}))
            .await;
        data.to_string().matches("inspecting").count()
    };
    assert_eq!((steps("aurora").await, steps("zenith").await), (0, 1));
}

#[tokio::test]
async fn the_queries_of_epcis_and_soap_keep_principals_apart_too() {
    let (test, load) = consolidated(true).await;
    let aurora = test.actor("aurora");
    for path in [
        "/epcis/events?perPage=100".to_owned(),
        "/epcis/epcs".to_owned(),
        format!("/epcis/events?MATCH_anyEPC={}", load.mixed),
    ] {
        let answer = test.get(&aurora, &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains(&load.mixed), "{path}: {}", answer.text());
        assert!(
            !answer.text().contains(ZENITHOL) && !answer.text().contains("9521008"),
            "{path}: {}",
            answer.text()
        );
    }
    let none = test
        .get(&aurora, &format!("/epcis/events?MATCH_anyEPC={}", load.theirs[0]))
        .await;
    assert!(none.event_ids().is_empty(), "{}", none.text());
    let poll = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><q:Poll xmlns:q='urn:epcglobal:epcis-query:xsd:1'>\
                <queryName>SimpleEventQuery</queryName><params/></q:Poll></s:Body></s:Envelope>";
    let polled = test.post(&aurora, "/epcis/soap", "text/xml", poll.to_owned()).await;
    assert_eq!(polled.status, 200, "{}", polled.text());
    assert!(
        polled.text().contains("9521001") && !polled.text().contains("9521008"),
        "{}",
        polled.text()
    );
}

#[tokio::test]
async fn each_principal_is_told_what_was_done_for_it_and_how_much_of_that() {
    let test = TestHub::start().await;
    test.set_time("2026-03-10T12:00:00Z");
    let (ours, theirs) = (story::sgtins(AUROXIN, &["A1"]), story::sgtins(ZENITHOL, &["Z1"]));
    let events = [
        story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_2, &theirs, "LOT9"),
        story::commission("2026-03-02T06:30:00Z", PACKWELL_HALL_1, &ours, "LOT1"),
        story::object(
            "2026-03-02T07:00:00Z",
            PACKWELL_HALL_2,
            "OBSERVE",
            "inspecting",
            "in_progress",
            &theirs,
        ),
        story::commission_sscc("2026-03-02T07:30:00Z", PACKWELL_HALL_1, &story::packwell_sscc(4)),
    ];
    told(&test, "packwell", &events).await;
    let acts = async |party: &str| -> Vec<(String, i64)> {
        let query = "{ auditEntries { nodes { action facts { name value } principal { legalName } party { legalName } } } }";
        let data = test.graphql_data(&test.actor(party), query, json!({})).await;
        let nodes = data["auditEntries"]["nodes"].as_array().expect("entries").clone();
        let captured = nodes.iter().filter(|node| node["action"] == "capture");
        let mut acts: Vec<_> = captured
            .map(|node| {
                let facts = node["facts"].as_array().expect("facts");
                let events = facts.iter().find(|fact| fact["name"] == "events").expect("a count");
                let principal = node["principal"]["legalName"].as_str().unwrap_or("-").to_owned();
                (
                    principal,
                    events["value"].as_str().expect("a text").parse().expect("a number"),
                )
            })
            .collect();
        acts.sort();
        acts
    };
    let (aurora, zenith) = (acts("aurora").await, acts("zenith").await);
    assert_eq!(aurora.iter().map(|(_, events)| *events).collect::<Vec<_>>(), [1]);
    assert_eq!(zenith.len(), 1, "{zenith:?}");
    let all = acts("packwell").await;
    assert_eq!(all.iter().map(|(_, events)| *events).sum::<i64>(), 4, "{all:?}");
    assert!(all.contains(&aurora[0]) && all.contains(&zenith[0]), "{all:?}");
}

#[tokio::test]
async fn whoever_acts_for_one_principal_can_ask_for_what_is_that_ones() {
    let (test, load) = consolidated(true).await;
    let northway = test.actor("northway");
    let query = "query ($gln: String, $after: String) { events(actingForGln: $gln, first: 4, after: $after) {
                 nodes { bizStep epcs { nodes { epc } } parent { epc } sources { id } destinations { id } } pageInfo { hasNextPage endCursor } } }";
    let asked = async |gln: Option<String>| -> String {
        let (mut all, mut after) = (String::new(), Value::Null);
        loop {
            let data = test.graphql_data(&northway, query, json!({"gln": gln, "after": after})).await;
            all.push_str(&data["events"]["nodes"].to_string());
            if data["events"]["pageInfo"]["hasNextPage"] != true {
                return all;
            }
            after = data["events"]["pageInfo"]["endCursor"].clone();
        }
    };
    let (aurora, zenith, meridian) = (
        story::gln_of(&test, "aurora"),
        story::gln_of(&test, "zenith"),
        story::gln_of(&test, "meridian"),
    );
    let own = asked(None).await;
    assert!(own.contains(&load.ours[0]) && own.contains(&load.theirs[0]), "{own}");
    let for_aurora = asked(Some(aurora.clone())).await;
    assert!(
        for_aurora.contains(&load.ours[0]) && for_aurora.contains(&load.mixed),
        "{for_aurora}"
    );
    assert!(
        !for_aurora.contains(ZENITHOL) && !for_aurora.contains(&zenith),
        "{for_aurora}"
    );
    let for_zenith = asked(Some(zenith)).await;
    assert!(
        for_zenith.contains(&load.theirs[0]) && !for_zenith.contains(AUROXIN),
        "{for_zenith}"
    );
    // No principal of its own, nobody at all, and no number: the first two are the same.
    let refused = async |gln: &str| test.graphql(&northway, query, json!({"gln": gln})).await.to_string();
    assert!(refused(&meridian).await.contains("NOT_FOUND"));
    assert_eq!(refused(&meridian).await, refused("9520001000010").await);
    assert!(refused("12").await.contains("BAD_INPUT"), "{}", refused("12").await);
    let request = axum::http::Request::get("/epcis/events?perPage=100").header("Counterfoil-Acting-For", &aurora);
    let listed = test
        .call(&northway, request.body(axum::body::Body::empty()).expect("a request"))
        .await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    assert!(
        listed.text().contains(&load.ours[0]) && !listed.text().contains(ZENITHOL),
        "{}",
        listed.text()
    );
}

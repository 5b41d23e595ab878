//! Header, master data and transaction statement: kept by document, looked for and shown to whoever sees an event of it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{JSON, SITE, capture, count, found, lines, settle, to_northway};
use crate::hub::TestHub;
use crate::story::{self, commission_sscc, document, packwell_sscc, sgln, ship};

const LOCATION: &str = "urn:epcglobal:epcis:vtype:Location";
const CAMPUS: &str = "https://packwell.example/campus";
const ELSEWHERE: &str = "https://packwell.example/other";

/// `Location` vocabulary: the hall, the campus that it lies on, where the goods go, and a place that no event names.
fn places(hall: &str) -> Value {
    let entry = |id: &str, name: &str, children: &[&str]| {
        let mut entry = json!({"id": id, "attributes": [{"id": "urn:epcglobal:cbv:mda#name", "attribute": name}]});
        if !children.is_empty() {
            entry["children"] = json!(children);
        }
        entry
    };
    let hall_id = "urn:epc:id:sgln:9521002.00011.0";
    json!([
        {"type": LOCATION, "vocabularyElementList": [
            entry(hall_id, hall, &[]), entry(CAMPUS, "The campus", &[hall_id]), entry(ELSEWHERE, "Secret", &[]),
            entry("urn:epc:id:sgln:9521004.00011.0", "Venlo", &[]),
        ]},
    ])
}

fn with_header(events: &[Value], hall: &str, receiver: &str) -> String {
    let mut document: Value = serde_json::from_str(&document(events)).unwrap();
    document["@context"][1]["gs1ushc"] = json!("http://epcis.gs1us.org/hc/ns#");
    document["receiver"] = json!(sgln(receiver));
    document["instanceIdentifier"] = json!("PW-4711");
    document["gs1ushc:dscsaTransactionStatement"] =
        json!({"gs1ushc:affirmTransactionStatement": true, "gs1ushc:legalNotice": "Seller has complied."});
    document["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": places(hall)}});
    document.to_string()
}

async fn told(test: &TestHub, party: &str, media_type: &str, body: String) -> Value {
    let actor = test.actor(party);
    let answer = test
        .post(&actor, "/epcis/capture", media_type, body)
        .await
        .expect(StatusCode::ACCEPTED);
    settle(test).await;
    test.get(&actor, answer.header("location")).await.json()
}

/// Packwell ships to northway, with a header.
async fn shipped(test: &TestHub, hall: &str) {
    let pallet = packwell_sscc(1);
    capture(test, "packwell", &[commission_sscc("2026-03-01T08:00:00Z", SITE, &pallet)]).await;
    let event = ship("2026-03-01T10:00:00Z", &to_northway(test, &[pallet]));
    let body = with_header(&[event], hall, &story::gln_of(test, "northway"));
    let job = told(test, "packwell", JSON, body).await;
    assert_eq!((&job["success"], &job["eventsStored"]), (&json!(true), &json!(1)), "{job:#}");
}

async fn matched(test: &TestHub, party: &str, query: &str) -> usize {
    let path = format!("/epcis/events?EQ_bizStep=shipping&{query}");
    test.get(&test.actor(party), &path)
        .await
        .expect(StatusCode::OK)
        .event_ids()
        .len()
}

const NAMED: &str = "EQATTR_destination_name=Venlo";
const HAS: &str = "HASATTR_destination=urn:epcglobal:cbv:mda%23name";
/// About the place that the goods leave, which the lens takes out for who receives them.
const HIDDEN: [&str; 2] = [
    "EQ_ATTR_readPoint_name=North%20hall",
    "HASATTR_readPoint=urn:epcglobal:cbv:mda%23name",
];

#[tokio::test]
async fn master_data_are_asked_for_by_whoever_sees_an_event_of_their_document() {
    let test = TestHub::start().await;
    shipped(&test, "North hall").await;
    let below = format!("WD_readPoint={}", CAMPUS.replace(':', "%3A").replace('/', "%2F"));
    for party in ["packwell", "northway"] {
        for query in [NAMED, HAS] {
            assert_eq!(matched(&test, party, query).await, 1, "{party}: {query}");
        }
        let wrong = NAMED.replace("Venlo", "Lyon");
        assert_eq!(matched(&test, party, &wrong).await, 0, "{party}");
        assert_eq!(matched(&test, party, &HAS.replace("name", "city")).await, 0, "{party}");
    }
    for query in [HIDDEN[0], HIDDEN[1], below.as_str()] {
        assert_eq!(matched(&test, "packwell", query).await, 1, "{query}");
        assert_eq!(matched(&test, "northway", query).await, 0, "{query}");
    }
    assert_eq!(matched(&test, "packwell", &below.replace("campus", "other")).await, 0);
    for query in [NAMED, HAS, HIDDEN[0], HIDDEN[1], below.as_str()] {
        assert_eq!(matched(&test, "halden", query).await, 0, "{query}");
    }
}

#[tokio::test]
async fn what_one_party_calls_a_place_tells_nothing_of_another_ones_events() {
    let test = TestHub::start().await;
    let pallet = packwell_sscc(1);
    capture(&test, "packwell", &[commission_sscc("2026-03-01T08:00:00Z", SITE, &pallet)]).await;
    capture(
        &test,
        "packwell",
        &[ship("2026-03-01T10:00:00Z", &to_northway(&test, &[pallet]))],
    )
    .await;
    // A document of master data alone, of somebody who does not have the place.
    let body = |name: &str| {
        format!(
            "<m:EPCISMasterDataDocument xmlns:m=\"urn:epcglobal:epcis-masterdata:xsd:1\" schemaVersion=\"1.2\" creationDate=\"2026-03-01T10:00:00Z\">
             <EPCISBody><VocabularyList><Vocabulary type=\"{LOCATION}\"><VocabularyElementList>
             <VocabularyElement id=\"urn:epc:id:sgln:9521004.00011.0\"><attribute id=\"urn:epcglobal:cbv:mda#name\">{name}</attribute></VocabularyElement>
             </VocabularyElementList></Vocabulary></VocabularyList></EPCISBody></m:EPCISMasterDataDocument>"
        )
    };
    let job = told(&test, "halden", "application/xml", body("Venlo")).await;
    assert_eq!(job["success"], true, "{job:#}");
    for party in ["packwell", "northway", "halden"] {
        assert_eq!(matched(&test, party, NAMED).await, 0, "{party}");
    }
    // Northway's own say what northway calls it, for northway; the newest that speaks of it counts.
    for (name, expect) in [("Venlo", 1), ("Old name", 0), ("Venlo ", 1)] {
        test.advance_seconds(1);
        told(&test, "northway", "application/xml", body(name)).await;
        assert_eq!(matched(&test, "northway", NAMED).await, expect, "{name}");
        assert_eq!(matched(&test, "packwell", NAMED).await, 0, "{name}");
    }
}

const DOCUMENT: &str = "query { events(first: 10, filter: {bizSteps: [\"shipping\"]}) { edges { node { document {
    sender receiver instanceIdentifier transactionStatement { affirmed legalNotice }
    masterData { identifier vocabulary attributes { name value } } } } } } }";

#[tokio::test]
async fn the_document_of_an_event_is_shown_as_far_as_it_concerns_the_caller() {
    let test = TestHub::start().await;
    shipped(&test, "North hall").await;
    let seen = async |party: &str| {
        let data = test.graphql_data(&test.actor(party), DOCUMENT, json!({})).await;
        let edges = data["events"]["edges"].as_array().unwrap().clone();
        edges.first().map(|edge| edge["node"]["document"].clone())
    };
    let entry = |gln: &str, name: &str| {
        json!({"identifier": sgln(gln), "vocabulary": LOCATION,
            "attributes": [{"name": "urn:epcglobal:cbv:mda#name", "value": name}]})
    };
    // Northway does not see where the goods came from, and so not what that place is called.
    let (hall, venlo) = (entry(SITE, "North hall"), entry(story::NORTHWAY_VENLO, "Venlo"));
    for (party, expect) in [("packwell", json!([hall, venlo])), ("northway", json!([venlo]))] {
        let seen = seen(party).await.unwrap();
        assert_eq!(seen["masterData"], expect, "{party}: {seen:#}");
        assert_eq!(
            seen["transactionStatement"],
            json!({"affirmed": true, "legalNotice": "Seller has complied."}),
            "{party}"
        );
        assert_eq!(seen["instanceIdentifier"], "PW-4711", "{party}: {seen:#}");
        assert_eq!(seen["receiver"], sgln(&story::gln_of(&test, "northway")), "{party}: {seen:#}");
    }
    assert_eq!(seen("halden").await, None);
    // Not sent again with the same bytes, and told once where the same events come in another document.
    shipped_again(&test).await;
    assert_eq!(count(&test, "document_header").await, 2);
    assert_eq!(seen("packwell").await.unwrap()["masterData"], json!([hall, venlo]));
}

/// The same event under a header that says something else: it is of the document that it came in first.
async fn shipped_again(test: &TestHub) {
    let event = ship("2026-03-01T10:00:00Z", &to_northway(test, &[packwell_sscc(1)]));
    let body = with_header(&[event], "South hall", &story::gln_of(test, "northway"));
    assert_eq!(told(test, "packwell", JSON, body).await["eventsStored"], 0);
}

#[tokio::test]
async fn master_data_that_contradict_one_another_are_a_finding() {
    let test = TestHub::start().await;
    let mut document: Value = serde_json::from_str(&with_header(&[], "North hall", SITE)).unwrap();
    let list = &mut document["epcisHeader"]["epcisMasterData"]["vocabularyList"];
    // The same again is no contradiction, whatever the spelling of the identifier.
    let mut same = list[0].clone();
    same["vocabularyElementList"][0]["id"] = json!(sgln(SITE));
    list.as_array_mut().unwrap().push(same.clone());
    let job = told(&test, "packwell", JSON, document.to_string()).await;
    assert_eq!(job["findings"], json!({}), "{job:#}");
    same["vocabularyElementList"][0]["attributes"][0]["attribute"] = json!("South hall");
    document["epcisHeader"]["epcisMasterData"]["vocabularyList"][1] = same;
    let job = told(&test, "packwell", JSON, document.to_string()).await;
    assert_eq!(job["findings"], json!({"MASTER_DATA_CONFLICT": 1}), "{job:#}");
    assert_eq!(found(&test, "MASTER_DATA_CONFLICT").await, ["-"]);
    let pointer = lines(&test, "SELECT pointer AS line FROM finding", Vec::new()).await;
    assert_eq!(pointer, ["/epcisHeader/epcisMasterData"]);
}

//! What is looked for has a longest length, that both databases can keep: longer is refused with a word, and does no harm.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{JSON, SITE, count, lines, send, settle, units};
use crate::hub::TestHub;
use crate::story::{commission, document, object};

/// So many bytes that no database makes much shorter.
fn noise(length: usize, seed: u64) -> String {
    let mut random = seed + 1;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        char::from(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_"[usize::try_from(random % 59).unwrap()])
    };
    (0..length).map(|_| next()).collect()
}

fn uri(length: usize, seed: u64) -> String {
    let prefix = "https://packwell.example/";
    format!("{prefix}{}", noise(length - prefix.len(), seed))
}

/// An event that has a text of a length wherever one is looked for, and a document with such master data.
fn document_with(length: usize) -> String {
    let mut made = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), &noise(length, 1));
    made["eventID"] = json!(uri(length, 2));
    made["disposition"] = json!(uri(length, 3));
    made["bizStep"] = json!("commissioning");
    made["ilmd"]["cbvmda:itemExpirationDate"] = json!(noise(length, 4));
    made["bizTransactionList"] = json!([{"type": uri(length, 5), "bizTransaction": uri(length, 6)}]);
    let mut wrong = object(
        "2026-03-01T09:00:00Z",
        SITE,
        "OBSERVE",
        "inspecting",
        "in_progress",
        &units(&["A1"]),
    );
    wrong["eventID"] = json!(uri(length, 7));
    wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-02T07:59:00Z", "correctiveEventIDs": [uri(length, 8)]});
    let mut whole: Value = serde_json::from_str(&document(&[made, wrong])).unwrap();
    whole["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": [{
        "type": "urn:epcglobal:epcis:vtype:Location",
        "vocabularyElementList": [{
            "id": uri(length, 9),
            "attributes": [{"id": "urn:epcglobal:cbv:mda#name", "attribute": "A"}],
            "children": [uri(length, 10)],
        }],
    }]}});
    whole.to_string()
}

#[tokio::test]
async fn the_longest_texts_have_room_in_every_index() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let body = document_with(512);
    let answer = test
        .post(&packwell, "/epcis/capture", JSON, body)
        .await
        .expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = test.get(&packwell, answer.header("location")).await.json();
    assert_eq!((&job["success"], &job["eventsStored"]), (&json!(true), &json!(2)), "{job:#}");
    let stored = "SELECT event_id AS line FROM event ORDER BY event_time";
    assert_eq!(lines(&test, stored, Vec::new()).await, [uri(512, 2), uri(512, 7)]);
    assert_eq!(
        lines(&test, "SELECT lot || expiry || disposition AS line FROM item", Vec::new()).await,
        [noise(512, 1) + &noise(512, 4) + &uri(512, 3)]
    );
}

#[tokio::test]
async fn longer_texts_are_refused_one_by_one() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let whole: Value = serde_json::from_str(&document_with(513)).unwrap();
    let short: Value = serde_json::from_str(&document_with(512)).unwrap();
    let places = [
        "/epcisBody/eventList/0/eventID",
        "/epcisBody/eventList/0/disposition",
        "/epcisBody/eventList/0/bizTransactionList/0/type",
        "/epcisBody/eventList/0/bizTransactionList/0/bizTransaction",
        "/epcisBody/eventList/0/ilmd/cbvmda:lotNumber",
        "/epcisBody/eventList/0/ilmd/cbvmda:itemExpirationDate",
        "/epcisBody/eventList/1/errorDeclaration/correctiveEventIDs/0",
        "/epcisHeader/epcisMasterData/vocabularyList/0/vocabularyElementList/0/id",
        "/epcisHeader/epcisMasterData/vocabularyList/0/vocabularyElementList/0/children/0",
    ];
    for place in places {
        let mut sent = short.clone();
        *sent.pointer_mut(place).unwrap() = whole.pointer(place).unwrap().clone();
        let answer = test.post(&packwell, "/epcis/capture", JSON, sent.to_string()).await;
        assert_eq!(answer.status == StatusCode::BAD_REQUEST, place.contains("Header"), "{place}");
        let (status, problem) = test.outcome(&packwell, answer).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{place}");
        let errors = problem["errors"].as_array().unwrap();
        assert!(
            errors.iter().all(|error| error["code"] == "VALUE_TOO_LONG"),
            "{place}: {problem:#}"
        );
        let pointer = errors[0]["pointer"].as_str().unwrap();
        assert!(place.starts_with(pointer), "{place}: {pointer}");
    }
    assert_eq!(count(&test, "event").await, 0);
}

/// Five kilobytes of an id would be more than an index of PostgreSQL takes: the job would fail again and again.
#[tokio::test]
async fn an_id_beyond_all_measure_does_not_keep_the_others_out() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let mut long = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    long["eventID"] = json!(uri(5_000, 1));
    let good = commission("2026-03-01T08:01:00Z", SITE, &units(&["A2"]), "L1");
    let alone = send(&test, "packwell", std::slice::from_ref(&long)).await;
    assert_eq!(test.outcome(&packwell, alone).await.0, StatusCode::BAD_REQUEST);
    let request = axum::http::Request::post("/epcis/capture")
        .header("content-type", JSON)
        .header("gs1-capture-error-behaviour", "proceed")
        .body(document(&[long, good]).into())
        .unwrap();
    let answer = test.call(&packwell, request).await.expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = test.get(&packwell, answer.header("location")).await.json();
    assert_eq!(job["eventsStored"], 1, "{job:#}");
    assert_eq!(job["errors"][0]["code"], "VALUE_TOO_LONG", "{job:#}");
}

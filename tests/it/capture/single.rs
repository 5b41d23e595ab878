//! One event by itself, stored when it is answered.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{JSON, SITE, capture, count, findings, units};
use crate::hub::{Answer, TestHub};
use crate::story::{self, commission, document};

const ID: &str = "urn:uuid:5d7d1b8e-6c0f-4b5a-9f59-1f8f3f9d0a01";

async fn post(test: &TestHub, party: &str, media_type: &str, body: String) -> Answer {
    test.post(&test.actor(party), "/epcis/events", media_type, body).await
}

fn bare(mut event: Value) -> Value {
    event["@context"] =
        json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"cbvmda": "urn:epcglobal:cbv:mda:"}]);
    event
}

fn made(serial: &str) -> Value {
    bare(commission("2026-03-01T08:00:00Z", SITE, &units(&[serial]), "L1"))
}

#[tokio::test]
async fn an_event_is_there_when_it_is_answered() {
    let test = TestHub::start().await;
    let mut named = made("A1");
    named["eventID"] = json!(ID);
    let mut places = Vec::new();
    for event in [named.clone(), made("A2")] {
        let answer = post(&test, "packwell", JSON, event.to_string())
            .await
            .expect(StatusCode::CREATED);
        let place = answer.header("location").to_owned();
        let shown = test.get(&test.actor("packwell"), &place).await.expect(StatusCode::OK).json();
        let listed = &shown["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
        assert_eq!(
            (listed.as_array().unwrap().len(), &listed[0]["epcList"]),
            (1, &event["epcList"]),
            "{place}"
        );
        // The same bytes, and the same in others.
        for body in [event.to_string(), serde_json::to_string_pretty(&event).unwrap()] {
            let again = post(&test, "packwell", JSON, body).await.expect(StatusCode::CREATED);
            assert_eq!(again.header("location"), place);
        }
        assert_eq!(test.get(&test.actor("halden"), &place).await.status, StatusCode::NOT_FOUND);
        places.push(place);
    }
    assert_eq!(places[0], "/epcis/events/urn%3Auuid%3A5d7d1b8e-6c0f-4b5a-9f59-1f8f3f9d0a01");
    assert!(places[1].starts_with("/epcis/events/ni%3A%2F%2F%2Fsha-256%3B"), "{places:?}");
    assert_eq!((count(&test, "event").await, count(&test, "item").await), (2, 2));
    // Findings as of a document; its job is in the list like any other.
    assert_eq!(findings(&test).await.len(), 2);
    let jobs = test.get(&test.actor("packwell"), "/epcis/capture").await.json();
    assert!(
        jobs.as_array()
            .unwrap()
            .iter()
            .all(|job| job["success"] == true && job["running"] == false),
        "{jobs:#}"
    );
    // Without its id it is the event that has one.
    let again = post(&test, "packwell", JSON, made("A1").to_string())
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(again.header("location"), places[0]);
}

#[tokio::test]
async fn an_event_in_xml_is_the_same_event() {
    let test = TestHub::start().await;
    let event = |namespaces: &str, name: &str| {
        format!(
            "<{name} {namespaces}><eventTime>2026-03-01T08:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
             <epcList><epc>urn:epc:id:sgtin:9521001.000101.A1</epc></epcList><action>OBSERVE</action>
             <bizStep>https://ref.gs1.org/cbv/BizStep-inspecting</bizStep>
             <readPoint><id>urn:epc:id:sgln:9521002.00011.0</id></readPoint></{name}>"
        )
    };
    let bodies = [
        event("", "ObjectEvent"),
        event("xmlns:e=\"urn:epcglobal:epcis:xsd:2\"", "e:ObjectEvent"),
    ];
    let mut places = Vec::new();
    for body in bodies {
        let answer = post(&test, "packwell", "application/xml", body)
            .await
            .expect(StatusCode::CREATED);
        places.push(answer.header("location").to_owned());
    }
    assert_eq!(places[0], places[1]);
    assert_eq!(count(&test, "event").await, 1);
}

#[tokio::test]
async fn an_id_that_another_event_has_is_a_conflict() {
    let test = TestHub::start().await;
    let mut first = made("A1");
    first["eventID"] = json!(ID);
    post(&test, "packwell", JSON, first.to_string())
        .await
        .expect(StatusCode::CREATED);
    let mut other = made("A2");
    other["eventID"] = json!(ID);
    for _ in 0..2 {
        let refused = post(&test, "packwell", JSON, other.to_string())
            .await
            .expect(StatusCode::CONFLICT)
            .json();
        assert_eq!(
            [&refused["type"], &refused["code"], &refused["errors"][0]["code"]],
            [
                "epcisException:ResourceAlreadyExistsException",
                "CONFLICT",
                "EVENT_ID_CONFLICT"
            ],
            "{refused:#}"
        );
        assert_eq!((count(&test, "event").await, count(&test, "item").await), (1, 1));
    }
    let jobs = test.get(&test.actor("packwell"), "/epcis/capture").await.json();
    let ended = |success: bool| {
        jobs.as_array()
            .unwrap()
            .iter()
            .filter(|job| job["running"] == false && job["success"] == success)
            .count()
    };
    assert_eq!((ended(true), ended(false)), (1, 2), "{jobs:#}");
    // Another party's ids are its own; as a document it is stored, with a finding.
    let mut foreign = story::object(
        "2026-03-01T09:00:00Z",
        story::HALDEN_HALMSTAD,
        "OBSERVE",
        "inspecting",
        "in_progress",
        &units(&["A9"]),
    );
    foreign["eventID"] = json!(ID);
    post(&test, "halden", JSON, bare(foreign).to_string())
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(capture(&test, "packwell", &[other]).await["findings"]["EVENT_ID_CONFLICT"], 1);
    // A declaration of the error has the id of what it is about.
    let mut declared = first.clone();
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-02T07:59:00Z", "reason": "did_not_occur"});
    let answer = post(&test, "packwell", JSON, declared.to_string())
        .await
        .expect(StatusCode::CREATED);
    let both = test
        .get(&test.actor("packwell"), answer.header("location"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(both.event_ids().len(), 3);
}

#[tokio::test]
async fn what_is_not_one_event_or_not_the_senders_is_refused() {
    let test = TestHub::start().await;
    let mut unzoned = made("A1");
    unzoned["eventTime"] = json!("2026-03-01T08:00:00");
    let mut foreign = made("A1");
    foreign["epcList"] = json!(story::sgtins(story::LUMIVAR, &["1"]));
    let cases = [
        (document(&[made("A1")]), StatusCode::BAD_REQUEST, "ValidationException"),
        (document(&[]), StatusCode::BAD_REQUEST, "ValidationException"),
        (unzoned.to_string(), StatusCode::BAD_REQUEST, "ValidationException"),
        (foreign.to_string(), StatusCode::FORBIDDEN, "SecurityException"),
        (String::new(), StatusCode::BAD_REQUEST, "ValidationException"),
        ("[]".to_owned(), StatusCode::BAD_REQUEST, "ValidationException"),
    ];
    for (body, status, exception) in cases {
        let refused = post(&test, "packwell", JSON, body).await.expect(status).json();
        assert_eq!(refused["type"], format!("epcisException:{exception}"), "{refused:#}");
    }
    post(&test, "packwell", "text/csv", made("A1").to_string())
        .await
        .expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for table in ["document", "capture_job", "event"] {
        assert_eq!(count(&test, table).await, 0, "{table}");
    }
    let request = Request::options("/epcis/events").body(Body::empty()).unwrap();
    let options = test
        .call(&test.actor("packwell"), request)
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(options.header("allow"), "GET, HEAD, POST, OPTIONS");
}

#[tokio::test]
async fn an_event_whose_job_waits_is_taken_over_by_who_sends_it_by_itself() {
    let test = TestHub::start().await;
    let event = made("A1");
    let waiting = test
        .post(&test.actor("packwell"), "/epcis/capture", JSON, event.to_string())
        .await;
    let job = waiting.expect(StatusCode::ACCEPTED).header("location").to_owned();
    post(&test, "packwell", JSON, event.to_string())
        .await
        .expect(StatusCode::CREATED);
    let job = test.get(&test.actor("packwell"), &job).await.json();
    assert_eq!((&job["running"], &job["eventsStored"]), (&json!(false), &json!(1)), "{job:#}");
}

#[tokio::test]
async fn many_at_once_with_one_id_are_one_event() {
    let test = TestHub::start().await;
    let bodies: Vec<String> = (0..6)
        .map(|spaces| {
            let mut event = made("A1");
            event["eventID"] = json!(ID);
            format!("{}{event}", " ".repeat(spaces))
        })
        .collect();
    let answers = futures_util::future::join_all(bodies.into_iter().map(|body| post(&test, "packwell", JSON, body))).await;
    for answer in answers {
        answer.expect(StatusCode::CREATED);
    }
    assert_eq!(count(&test, "event").await, 1);
}

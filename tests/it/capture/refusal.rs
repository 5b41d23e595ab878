//! What is refused, and that nothing of it stays.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{JSON, SITE, count, lines, send, settle, to_northway, units};
use crate::hub::{Answer, TestHub};
use crate::story::{self, commission, document, ship};

/// Nothing but the audit tells that the document was ever sent.
async fn nothing_stored(test: &TestHub) {
    settle(test).await;
    for table in [
        "document",
        "capture_job",
        "event",
        "event_epc",
        "event_party",
        "item",
        "containment",
        "shipment",
        "finding",
    ] {
        assert_eq!(count(test, table).await, 0, "{table}");
    }
    let objects: Vec<_> = std::fs::read_dir(test.hub.objects().folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(objects, [""; 0]);
}

#[track_caller]
fn problem(answer: Answer, status: StatusCode, code: &str) -> Value {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    assert!(errors.iter().any(|error| error["code"] == code), "{code}: {problem:#}");
    problem
}

#[tokio::test]
async fn a_document_that_breaks_a_rule_leaves_nothing() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    let twice = document(std::slice::from_ref(&event)).replacen("{", "{\"type\":\"EPCISDocument\",", 1);
    let mut unzoned = event.clone();
    unzoned["eventTime"] = json!("2026-03-01T08:00:00");
    let cases = [
        (JSON, "{\"type\": ".to_owned(), "MALFORMED_DOCUMENT"),
        (JSON, "{}".to_owned(), "UNKNOWN_DOCUMENT_TYPE"),
        (JSON, twice, "DUPLICATE_KEY"),
        (JSON, document(&[unzoned]), "INVALID_TIME"),
        (
            "application/xml",
            "<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:1\"><EPCISBody></e:EPCISDocument>".to_owned(),
            "MALFORMED_DOCUMENT",
        ),
        (
            "text/xml",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_owned(),
            "DTD_FORBIDDEN",
        ),
    ];
    for (media_type, body, code) in cases {
        problem(
            test.post(&packwell, "/epcis/capture", media_type, body).await,
            StatusCode::BAD_REQUEST,
            code,
        );
        nothing_stored(&test).await;
    }
    let audited = lines(
        &test,
        "SELECT outcome AS line FROM audit WHERE action = 'capture'",
        Vec::new(),
    )
    .await;
    assert_eq!(audited, ["refused"; 6]);
}

#[tokio::test]
async fn a_document_past_the_limit_is_refused_with_the_limits() {
    let test = TestHub::start().await;
    let limit = test.hub.limits().document_bytes;
    // Sent without a length, in pieces, as a client that does not know it would.
    let piece = axum::body::Bytes::from(vec![b' '; 1 << 20]);
    let pieces = (0..=limit >> 20).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let request = Request::post("/epcis/capture")
        .header("content-type", JSON)
        .body(body)
        .unwrap();
    let answer = test
        .call(&test.actor("packwell"), request)
        .await
        .expect(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.header("GS1-EPCIS-Capture-File-Size-Limit"), limit.to_string());
    assert!(!answer.header("GS1-EPCIS-Capture-Limit").is_empty());
    nothing_stored(&test).await;
}

#[tokio::test]
async fn other_media_types_and_behaviours_are_refused() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    for media_type in ["text/plain", "application/octet-stream", "application/soap+xml", ""] {
        test.post(&packwell, "/epcis/capture", media_type, "{}")
            .await
            .expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let request = |name: &str, value: &str| {
        let request = Request::post("/epcis/capture")
            .header("content-type", JSON)
            .header(name, value);
        request.body(Body::from(document(&[]))).unwrap()
    };
    test.call(&packwell, request("content-encoding", "gzip"))
        .await
        .expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = test
        .call(&packwell, request("GS1-Capture-Error-Behaviour", "proceed"))
        .await
        .expect(StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("rollback"), "{}", answer.text());
    nothing_stored(&test).await;
}

#[tokio::test]
async fn nobody_asserts_what_is_not_its_own() {
    let test = TestHub::start().await;
    let ours = units(&["A1"]);
    let mut by_header: Value = serde_json::from_str(&document(&[commission("2026-03-01T08:00:00Z", SITE, &ours, "L1")])).unwrap();
    by_header["sender"] = json!(story::gln_of(&test, "meridian"));
    let check = async |party: &str, event: Value, code: &str, pointer: &str| {
        let problem = problem(send(&test, party, &[event]).await, StatusCode::FORBIDDEN, code);
        assert!(
            problem["errors"][0]["pointer"].as_str().unwrap().ends_with(pointer),
            "{problem:#}"
        );
        nothing_stored(&test).await;
    };
    let at = "2026-03-01T08:00:00Z";
    check(
        "packwell",
        commission(at, story::MERIDIAN_LYON, &ours, "L1"),
        "LOCATION_NOT_YOURS",
        "/epcisBody/eventList/0/readPoint",
    )
    .await;
    check(
        "halden",
        commission(at, story::HALDEN_HALMSTAD, &ours, "L1"),
        "EPC_NOT_YOURS",
        "/epcisBody/eventList/0/epcList/0",
    )
    .await;
    let lumivar = story::sgtins(story::LUMIVAR, &["1"]);
    check(
        "packwell",
        commission(at, SITE, &lumivar, "L1"),
        "EPC_NOT_YOURS",
        "/epcList/0",
    )
    .await;
    let handover = to_northway(&test, &ours);
    let mut foreign = ship(at, &handover);
    foreign["readPoint"] = json!({"id": story::sgln(story::HALDEN_HALMSTAD)});
    check("halden", foreign, "PARTY_NOT_YOURS", "/sourceList/0").await;
    let pallet = story::packwell_sscc(9);
    check(
        "northway",
        story::pack(at, story::NORTHWAY_VENLO, &pallet, &ours),
        "EPC_NOT_YOURS",
        "/parentID",
    )
    .await;
}

#[tokio::test]
async fn a_header_that_names_another_sender_is_refused() {
    let test = TestHub::start().await;
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    for (sender, status) in [
        ("meridian", StatusCode::FORBIDDEN),
        ("zenith", StatusCode::ACCEPTED),
        ("packwell", StatusCode::ACCEPTED),
    ] {
        let mut document: Value = serde_json::from_str(&document(std::slice::from_ref(&event))).unwrap();
        document["sender"] = json!(story::sgln(&story::gln_of(&test, sender)));
        let answer = test
            .post(&test.actor("packwell"), "/epcis/capture", JSON, document.to_string())
            .await
            .expect(status);
        if status == StatusCode::FORBIDDEN {
            problem(answer, status, "SENDER_MISMATCH");
            nothing_stored(&test).await;
        }
    }
}

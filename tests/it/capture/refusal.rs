//! What is refused, and that nothing of it stays.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use counterfoil::config::settings::Limits;
use serde_json::{Value, json};

use super::{JSON, SITE, count, lines, send, settle, to_northway, units};
use crate::hub::{Answer, TestHub};
use crate::story::{self, Handover, commission, document, ship};

/// Nothing but the audit tells that the document was ever sent.
async fn nothing_stored(test: &TestHub) {
    no_event_stored(test).await;
    for table in ["document", "capture_job"] {
        assert_eq!(count(test, table).await, 0, "{table}");
    }
    let objects: Vec<_> = std::fs::read_dir(test.hub.objects().folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(objects, [""; 0]);
}

/// Nothing but its job and the audit tells of the document.
async fn no_event_stored(test: &TestHub) {
    settle(test).await;
    for table in [
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

/// An event that cannot be taken in refuses its document through the job, whichever the size of the document: the job.
async fn refused_by_job(test: &TestHub, party: &str, answer: Answer, (status, code): (StatusCode, &str)) -> Value {
    let answer = answer.expect(StatusCode::ACCEPTED);
    let (found, job) = test.outcome(&test.actor(party), answer).await;
    assert_eq!((&job["running"], &job["success"]), (&json!(false), &json!(false)), "{job:#}");
    assert_eq!(
        (found, &job["eventsStored"], &job["findings"]),
        (status, &json!(0), &json!({})),
        "{job:#}"
    );
    let errors = job["errors"].as_array().unwrap_or_else(|| panic!("{job}"));
    assert!(
        errors
            .iter()
            .any(|error| error["code"] == code && error["eventIndex"].is_u64()),
        "{code}: {job:#}"
    );
    no_event_stored(test).await;
    job
}

/// EPCIS 2.0 clause 12.6: what can be received has a job, and the job names the event.
#[tokio::test]
async fn a_bad_event_of_a_small_document_is_told_by_its_job_and_again_by_the_same() {
    let test = TestHub::start().await;
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    let mut unzoned = event.clone();
    unzoned["eventTime"] = json!("2026-03-01T08:00:00");
    let (first, again) = (
        send(&test, "packwell", &[event.clone(), unzoned.clone()]).await,
        send(&test, "packwell", &[event.clone(), unzoned.clone()]).await,
    );
    assert_eq!(first.header("location"), again.header("location"));
    let told = (StatusCode::BAD_REQUEST, "INVALID_TIME");
    let job = refused_by_job(&test, "packwell", first, told).await;
    assert_eq!(job["errors"][0]["eventIndex"], 1, "{job:#}");
    assert_eq!(job["errors"][0]["type"], "epcisException:ValidationException", "{job:#}");
    // What was refused is judged anew, because a contract may have changed since; of the same document comes the same.
    let later = send(&test, "packwell", &[event.clone(), unzoned]).await;
    let later = refused_by_job(&test, "packwell", later, told).await;
    assert_eq!(later["errors"], job["errors"]);
    assert_eq!(count(&test, "document").await, 1);
    let audited = lines(
        &test,
        "SELECT outcome AS line FROM audit WHERE action = 'capture'",
        Vec::new(),
    )
    .await;
    assert_eq!(audited, ["refused"; 2]);
    super::capture(&test, "packwell", &[event]).await;
}

#[tokio::test]
async fn a_document_that_breaks_a_rule_leaves_nothing() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    let twice = document(std::slice::from_ref(&event)).replacen("{", "{\"type\":\"EPCISDocument\",", 1);
    let cases = [
        (JSON, "{\"type\": ".to_owned(), "MALFORMED_DOCUMENT"),
        (JSON, "{}".to_owned(), "UNKNOWN_DOCUMENT_TYPE"),
        (JSON, twice, "DUPLICATE_KEY"),
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
    assert_eq!(audited, ["refused"; 5]);
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
async fn more_events_than_the_limit_are_refused_with_the_limits() {
    for checked_at_once_bytes in [1 << 20, 10] {
        let limits = Limits {
            events_per_document: 2,
            checked_at_once_bytes,
            ..Limits::default()
        };
        let test = TestHub::start_with(limits).await;
        let event = |serial| commission("2026-03-01T08:00:00Z", SITE, &units(&[serial]), "L1");
        send(&test, "packwell", &[event("A1"), event("A2")])
            .await
            .expect(StatusCode::ACCEPTED);
        let answer = send(&test, "packwell", &[event("A1"), event("A2"), event("A3")]).await;
        let error = if checked_at_once_bytes > 10 {
            let answer = answer.expect(StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(answer.header("GS1-EPCIS-Capture-Limit"), "2");
            assert!(!answer.header("GS1-EPCIS-Capture-File-Size-Limit").is_empty());
            let problem = answer.json();
            assert_eq!(problem["type"], "epcisException:CaptureLimitExceededException");
            problem["errors"][0].clone()
        } else {
            let path = answer.expect(StatusCode::ACCEPTED).header("location").to_owned();
            settle(&test).await;
            let job = test.get(&test.actor("packwell"), &path).await.json();
            assert_eq!(job["errors"][0]["type"], "epcisException:CaptureLimitExceededException");
            job["errors"][0].clone()
        };
        assert_eq!(error["code"], "TOO_MANY_EVENTS", "{error}");
    }
}

#[tokio::test]
async fn a_length_past_the_limit_is_refused_alike_before_anything_is_sent() {
    let limits = Limits {
        document_bytes: 1_000,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let piece = axum::body::Bytes::from(vec![b' '; 1_001]);
    let request = || Request::post("/epcis/capture").header("content-type", JSON);
    let announced = request().header("content-length", "1001").body(Body::empty()).unwrap();
    let stream = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(piece)]));
    let mut answers = Vec::new();
    for request in [announced, request().body(stream).unwrap()] {
        let answer = test.call(&test.actor("packwell"), request).await;
        let answer = answer.expect(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.header("GS1-EPCIS-Capture-File-Size-Limit"), "1000");
        assert_eq!(answer.header("GS1-EPCIS-Capture-Limit"), "100000");
        answers.push(answer.json());
    }
    assert_eq!(answers[0], answers[1]);
    nothing_stored(&test).await;
}

#[tokio::test]
async fn a_document_too_large_to_be_checked_at_once_is_refused_by_its_job() {
    let limits = Limits {
        checked_at_once_bytes: 10,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    let good = document(std::slice::from_ref(&event));
    let mut foreign = event.clone();
    foreign["readPoint"] = json!({"id": story::sgln(story::MERIDIAN_LYON)});
    let cases = [
        (JSON, good[..good.len() - 9].to_owned(), "MALFORMED_DOCUMENT"),
        (
            "application/xml",
            "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\"><b></a>".to_owned(),
            "MALFORMED_DOCUMENT",
        ),
        (JSON, document(&[event, foreign]), "LOCATION_NOT_YOURS"),
    ];
    let packwell = test.actor("packwell");
    for (media_type, body, code) in cases {
        let answer = test.post(&packwell, "/epcis/capture", media_type, body).await;
        let path = answer.expect(StatusCode::ACCEPTED).header("location").to_owned();
        settle(&test).await;
        let job = test.get(&packwell, &path).await.expect(StatusCode::OK).json();
        assert_eq!((&job["running"], &job["success"]), (&json!(false), &json!(false)), "{job:#}");
        assert_eq!((&job["eventsStored"], &job["findings"]), (&json!(0), &json!({})), "{job:#}");
        assert_eq!(job["errors"][0]["code"], code, "{job:#}");
        for table in ["event", "event_epc", "event_party", "item", "finding"] {
            assert_eq!(count(&test, table).await, 0, "{table}");
        }
    }
    // The right one goes the same way, and to its end.
    let answer = test
        .post(&packwell, "/epcis/capture", JSON, good)
        .await
        .expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = test.get(&packwell, answer.header("location")).await.json();
    assert_eq!((&job["success"], &job["eventsStored"]), (&json!(true), &json!(1)), "{job:#}");
}

#[tokio::test]
async fn the_character_nul_is_refused_wherever_it_stands() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let event = document(&[commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "LOTX")]);
    let xml = |lot: &str| {
        format!(
            "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" xmlns:x=\"https://x.example/\" schemaVersion=\"2.0\"
              creationDate=\"2026-03-01T10:00:00Z\"><EPCISBody><EventList><ObjectEvent><eventTime>2026-03-01T09:00:00Z</eventTime>
              <eventTimeZoneOffset>+00:00</eventTimeZoneOffset><epcList><epc>urn:epc:id:sgtin:9521001.000101.A1</epc></epcList>
              <action>OBSERVE</action><x:note>{lot}</x:note></ObjectEvent></EventList></EPCISBody></epcis:EPCISDocument>"
        )
    };
    let cases = [
        (JSON, event.replace("LOTX", "L\\u0000T")),
        (JSON, event.replace("LOTX", "L\0T")),
        (JSON, event.replace("lotNumber", "lot\\u0000Number")),
        (JSON, event.replace("/21/A1", "/21/A1%00")),
        (JSON, event.replace("/21/A1", "/21/A1\\u0000")),
        (JSON, event.replace("commissioning", "commission\\u0000ing")),
        ("application/xml", xml("L&#0;T")),
        ("application/xml", xml("L&#x0;T")),
        ("application/xml", xml("L\0T")),
        ("application/xml", xml("<![CDATA[L\0T]]>")),
        (
            "application/xml",
            xml("T").replace("schemaVersion=\"2.0\"", "schemaVersion=\"2.0\" x:a=\"\0\""),
        ),
        ("application/xml", xml("T").replace("<x:note>", "<x:note x:a=\"&#0;\">")),
    ];
    let named = xml("T").replace("x:note", "x:no\0te");
    let in_namespace = xml("T").replace("https://x.example/", "https://x.example/&#0;");
    let cases = cases
        .into_iter()
        .chain([("application/xml", named), ("application/xml", in_namespace)]);
    for (number, (media_type, body)) in cases.enumerate() {
        let answer = test.post(&packwell, "/epcis/capture", media_type, body).await;
        let (status, told) = test.outcome(&packwell, answer).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{number}: {told}");
        let code = &told["errors"][0]["code"];
        assert!(code == "MALFORMED_DOCUMENT" || code == "INVALID_EPC_URI", "{number}: {code}");
        no_event_stored(&test).await;
    }
    test.post(&packwell, "/epcis/capture", "application/xml", xml("T"))
        .await
        .expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_delegate_acts_for_a_principal_at_the_sites_of_their_agreement() {
    let test = TestHub::start().await;
    let at = "2026-03-01T08:00:00Z";
    let hall_2 = story::PACKWELL_HALL_2;
    let refused = [
        commission(at, hall_2, &units(&["A1"]), "L1"),
        ship(
            at,
            &Handover {
                place: (hall_2.to_owned(), story::NORTHWAY_VENLO.to_owned()),
                ..to_northway(&test, &units(&["A1"]))
            },
        ),
    ];
    for event in refused {
        let answer = send(&test, "packwell", &[event]).await;
        let problem = refused_by_job(&test, "packwell", answer, (StatusCode::FORBIDDEN, "LOCATION_NOT_YOURS")).await;
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("your agreement with aurora"), "{detail}");
    }
    // What it does in its own name is nobody's to say, and zenith has agreed to this hall.
    let taken = [
        story::commission_sscc(at, hall_2, &story::packwell_sscc(1)),
        commission(at, hall_2, &story::sgtins(story::ZENITHOL, &["Z1"]), "L1"),
        commission(at, SITE, &units(&["A1"]), "L1"),
    ];
    send(&test, "packwell", &taken).await.expect(StatusCode::ACCEPTED);
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
    test.call(&packwell, request("content-encoding", "br"))
        .await
        .expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = test
        .call(&packwell, request("GS1-Capture-Error-Behaviour", "commit"))
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
        let answer = send(&test, party, &[event]).await;
        let job = refused_by_job(&test, party, answer, (StatusCode::FORBIDDEN, code)).await;
        assert!(job["errors"][0]["pointer"].as_str().unwrap().ends_with(pointer), "{job:#}");
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

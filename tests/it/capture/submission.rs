//! Documents, jobs, and who sees them.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{JSON, SITE, capture, count, send, settle, units};
use crate::hub::TestHub;
use crate::story::{commission, document};

#[tokio::test]
async fn the_same_document_again_is_the_same_job() {
    let test = TestHub::start().await;
    let events = [commission("2026-03-01T08:00:00Z", SITE, &units(&["A1", "A2"]), "L1")];
    let first = send(&test, "packwell", &events).await.expect(StatusCode::ACCEPTED);
    assert!(
        first.header("location").starts_with("/epcis/capture/cap_"),
        "{}",
        first.header("location")
    );
    let waiting = send(&test, "packwell", &events).await.expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let done = send(&test, "packwell", &events).await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        [waiting.header("location"), done.header("location")],
        [first.header("location"); 2]
    );
    settle(&test).await;
    assert_eq!(
        (
            count(&test, "document").await,
            count(&test, "capture_job").await,
            count(&test, "event").await
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn the_same_events_in_other_bytes_are_stored_once() {
    let test = TestHub::start().await;
    let events = [
        commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1"),
        commission("2026-03-01T08:01:00Z", SITE, &units(&["A2"]), "L1"),
    ];
    assert_eq!(capture(&test, "packwell", &events[..1]).await["eventsStored"], 1);
    assert_eq!(capture(&test, "packwell", &events).await["eventsStored"], 1);
    assert_eq!(
        capture(&test, "packwell", &[events[1].clone(), events[1].clone()]).await["eventsStored"],
        0
    );
    assert_eq!(
        (
            count(&test, "event").await,
            count(&test, "event_epc").await,
            count(&test, "item").await
        ),
        (2, 2, 2)
    );
}

const XML_EVENT: &str = "<ObjectEvent><eventTime>2026-03-01T09:00:00+01:00</eventTime><eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
    <epcList><epc>urn:epc:id:sgtin:9521001.000101.A1</epc></epcList><action>ADD</action><bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
    <disposition>urn:epcglobal:cbv:disp:active</disposition><readPoint><id>urn:epc:id:sgln:9521002.00011.0</id></readPoint>
    <bizLocation><id>urn:epc:id:sgln:9521002.00011.0</id></bizLocation>ILMD</ObjectEvent>";

fn xml(version: &str) -> String {
    let ilmd =
        "<ilmd><cbvmda:lotNumber>L1</cbvmda:lotNumber><cbvmda:itemExpirationDate>2029-06-30</cbvmda:itemExpirationDate></ilmd>";
    let ilmd = if version == "1" {
        format!("<extension>{ilmd}</extension>")
    } else {
        ilmd.to_owned()
    };
    let schema = if version == "1" { "1.2" } else { "2.0" };
    let event = XML_EVENT.replace("ILMD", &ilmd);
    format!(
        "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:{version}\" xmlns:cbvmda=\"urn:epcglobal:cbv:mda\" schemaVersion=\"{schema}\"
          creationDate=\"2026-03-01T10:00:00Z\"><EPCISBody><EventList>{event}</EventList></EPCISBody></epcis:EPCISDocument>"
    )
}

#[tokio::test]
async fn three_syntaxes_of_one_event_are_one_event() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let mut event = commission("2026-03-01T09:00:00+01:00", SITE, &units(&["A1"]), "L1");
    event["eventTimeZoneOffset"] = "+01:00".into();
    for (media_type, body) in [
        ("application/xml", xml("1")),
        ("text/xml; charset=utf-8", xml("2")),
        (JSON, document(&[event])),
    ] {
        test.post(&packwell, "/epcis/capture", media_type, body)
            .await
            .expect(StatusCode::ACCEPTED);
        settle(&test).await;
        assert_eq!(count(&test, "event").await, 1, "{media_type}");
    }
    assert_eq!(count(&test, "document").await, 3);
    assert_eq!(super::lines(&test, "SELECT lot AS line FROM item", Vec::new()).await, ["L1"]);
}

#[tokio::test]
async fn a_job_is_seen_by_whoever_sent_the_document_and_nobody_else() {
    let test = TestHub::start().await;
    let sent = send(
        &test,
        "packwell",
        &[commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1")],
    )
    .await;
    let path = sent.header("location");
    let job = test.get(&test.actor("packwell"), path).await.expect(StatusCode::OK).json();
    assert_eq!(
        (
            job["running"].clone(),
            job["success"].clone(),
            job["captureErrorBehaviour"].clone()
        ),
        (true.into(), true.into(), "rollback".into())
    );
    assert!(job.get("finishedAt").is_none());
    let foreign = test.get(&test.actor("aurora"), path).await.expect(StatusCode::NOT_FOUND);
    let unknown = test
        .get(&test.actor("aurora"), "/epcis/capture/cap_00000000000070008000000000000000")
        .await
        .expect(StatusCode::NOT_FOUND);
    assert_eq!(foreign.body, unknown.body);
    assert_eq!(test.get(&test.actor("aurora"), "/epcis/capture/1").await.body, unknown.body);
    settle(&test).await;
    assert_eq!(test.get(&test.actor("packwell"), path).await.json()["running"], false);
}

#[tokio::test]
async fn jobs_are_paged_newest_first() {
    let test = TestHub::start().await;
    let mut sent = Vec::new();
    for serial in ["A1", "A2", "A3"] {
        test.advance_seconds(1);
        let answer = send(
            &test,
            "packwell",
            &[commission("2026-03-01T08:00:00Z", SITE, &units(&[serial]), "L1")],
        )
        .await;
        sent.insert(0, answer.header("location").replace("/epcis/capture/", ""));
    }
    let packwell = test.actor("packwell");
    let (mut path, mut seen) = ("/epcis/capture?perPage=2".to_owned(), Vec::new());
    loop {
        let page = test.get(&packwell, &path).await.expect(StatusCode::OK);
        seen.extend(
            page.json()
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["captureID"].as_str().unwrap().to_owned()),
        );
        let Some((next, _)) = page.header("link").split_once('>') else {
            break;
        };
        path = next.trim_start_matches('<').to_owned();
    }
    assert_eq!(seen, sent);
    assert_eq!(
        test.get(&test.actor("halden"), "/epcis/capture").await.json(),
        serde_json::json!([])
    );
    // A token is of one caller.
    let first = test.get(&packwell, "/epcis/capture?perPage=1").await;
    let foreign = first.next_page().expect("a second page");
    test.get(&packwell, &foreign).await.expect(StatusCode::OK);
    test.get(&test.actor("halden"), &foreign)
        .await
        .expect(StatusCode::BAD_REQUEST);
    for query in ["perPage=0", "perPage=x", "perpage=1", "nextPageToken=!"] {
        test.get(&packwell, &format!("/epcis/capture?{query}"))
            .await
            .expect(StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn limits_are_announced() {
    let test = TestHub::start().await;
    let request = Request::options("/epcis/capture").body(Body::empty()).unwrap();
    let answer = test
        .call(&test.actor("packwell"), request)
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(
        answer.header("GS1-EPCIS-Capture-File-Size-Limit"),
        test.hub.limits().document_bytes.to_string()
    );
    assert_eq!(
        answer.header("GS1-EPCIS-Capture-Limit"),
        test.hub.limits().events_per_document.to_string()
    );
    assert_eq!(answer.header("GS1-Capture-Error-Behaviour"), "all");
}

/// Aurora's example file with a `[capture]` table, applied.
pub(super) async fn with_capture(test: &TestHub, party: &str, table: &str) {
    let folder = test.folder().join("partners");
    std::fs::create_dir_all(&folder).unwrap();
    copy(&crate::hub::story_partners(), &folder);
    let file = folder.join(format!("{party}.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.split("\n[capture]").next().unwrap();
    std::fs::write(&file, format!("{text}\n[capture]\n{table}\n")).unwrap();
    test.apply_partners(&folder).await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An event whose list names one thing twice, which the schema does not allow and nobody can misunderstand.
fn repeated() -> serde_json::Value {
    commission("2026-03-01T08:00:00Z", SITE, &units(&["A1", "A1"]), "L1")
}

#[tokio::test]
async fn what_a_document_is_told_does_not_depend_on_what_came_before_it() {
    let test = TestHub::start().await;
    let first = capture(&test, "packwell", &[repeated()]).await;
    assert_eq!(first["eventsStored"], 1);
    assert_eq!(first["findings"]["SCHEMA_REPEATED"], 1, "{first}");
    let later = commission("2026-03-01T08:01:00Z", SITE, &units(&["A2"]), "L1");
    let second = capture(&test, "packwell", &[repeated(), later]).await;
    assert_eq!(second["eventsStored"], 1);
    assert_eq!(second["findings"]["SCHEMA_REPEATED"], 1, "{second}");
}

#[tokio::test]
async fn a_partys_profile_decides_what_becomes_of_its_documents() {
    let test = TestHub::start().await;
    with_capture(&test, "packwell", "profile = \"strict\"").await;
    let refused = send(&test, "packwell", &[repeated()]).await.expect(StatusCode::ACCEPTED);
    let (_, refused) = test.outcome(&test.actor("packwell"), refused).await;
    assert_eq!(refused["errors"][0]["code"], "SCHEMA_REPEATED", "{refused}");
    assert_eq!(refused["errors"][0]["pointer"], "/epcisBody/eventList/0/epcList", "{refused}");
    with_capture(
        &test,
        "packwell",
        "severity = { SCHEMA_REPEATED = \"error\", SERIAL_NOT_ALLOCATED = \"ignore\" }",
    )
    .await;
    let job = capture(&test, "packwell", &[repeated()]).await;
    assert_eq!(job["findings"], serde_json::json!({ "SCHEMA_REPEATED": 1 }), "{job}");
    let severities = "SELECT severity AS line FROM finding";
    assert_eq!(super::lines(&test, severities, Vec::new()).await, ["error"]);
}

#[tokio::test]
async fn an_identifier_that_breaks_the_rules_is_stored_and_shown_as_it_was_sent() {
    let test = TestHub::start().await;
    with_capture(&test, "packwell", "severity = { INVALID_EPC_URI = \"warning\" }").await;
    let mut event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    event["action"] = "OBSERVE".into();
    event["bizStep"] = "inspecting".into();
    event.as_object_mut().unwrap().remove("ilmd");
    let bad = "urn:epc:id:sscc:0614141.1";
    event["epcList"] = serde_json::json!([bad]);
    let job = capture(&test, "packwell", &[event]).await;
    assert_eq!(
        (&job["eventsStored"], &job["findings"]["INVALID_EPC_URI"]),
        (&1.into(), &1.into()),
        "{job}"
    );
    let shown = async |format: &str| {
        let request = Request::get("/epcis/events").header("GS1-EPC-Format", format);
        let answer = test.call(&test.actor("packwell"), request.body(Body::empty()).unwrap()).await;
        let page = answer.expect(StatusCode::OK).json();
        page["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["epcList"][0].clone()
    };
    assert_eq!(shown("Never_Translates").await, bad);
    let canonical = "urn:counterfoil:opaque:urn%3Aepc%3Aid%3Asscc%3A0614141.1";
    assert_eq!(shown("Always_GS1_Digital_Link").await, canonical);
}

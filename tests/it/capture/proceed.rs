//! `GS1-Capture-Error-Behaviour: proceed`: the good events of a document are stored, the others are reported one by one.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use counterfoil::config::settings::Limits;
use counterfoil::storage::StorageError;
use counterfoil::storage::capture as store;
use serde_json::{Value, json};

use super::{JSON, SITE, count, lines, settle, units};
use crate::hub::{Answer, TestHub};
use crate::story::{self, commission, document};

/// Sends a document with a behaviour.
async fn with(test: &TestHub, behaviour: &str, media_type: &str, body: String) -> Answer {
    let request = Request::post("/epcis/capture")
        .header("content-type", media_type)
        .header("GS1-Capture-Error-Behaviour", behaviour);
    test.call(&test.actor("packwell"), request.body(Body::from(body)).unwrap())
        .await
}

async fn job(test: &TestHub, answer: &Answer) -> Value {
    let path = answer.header("location");
    test.get(&test.actor("packwell"), path).await.expect(StatusCode::OK).json()
}

/// Events of which the second breaks a rule, the fourth is not the sender's to say, and the others are good.
fn mixed() -> Vec<Value> {
    let at = |minute: u32, serial: &str| commission(&format!("2026-03-01T08:{minute:02}:00Z"), SITE, &units(&[serial]), "L1");
    let mut events: Vec<Value> = ["A0", "A1", "A2", "A3", "A4"]
        .iter()
        .zip(0..)
        .map(|(serial, minute)| at(minute, serial))
        .collect();
    events[1]["eventTime"] = json!("2026-03-01T08:01:00");
    events[3]["epcList"] = json!(story::sgtins(story::LUMIVAR, &["1"]));
    events
}

#[tokio::test]
async fn what_is_good_is_stored_and_what_is_not_is_reported_with_its_place() {
    let test = TestHub::start().await;
    let answer = with(&test, "proceed", JSON, document(&mixed()))
        .await
        .expect(StatusCode::ACCEPTED);
    assert_eq!(answer.header("GS1-Capture-Error-Behaviour"), "proceed");
    settle(&test).await;
    let job = job(&test, &answer).await;
    assert_eq!(
        [
            &job["running"],
            &job["success"],
            &job["captureErrorBehaviour"],
            &job["eventsStored"],
            &job["eventsRefused"]
        ],
        [&json!(false), &json!(false), &json!("proceed"), &json!(3), &json!(2)],
        "{job:#}"
    );
    let errors = job["errors"].as_array().unwrap();
    let told: Vec<Value> = errors
        .iter()
        .map(|error| {
            json!([
                error["type"],
                error["status"],
                error["code"],
                error["eventIndex"],
                error["pointer"],
                error["severity"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([
                "epcisException:ValidationException",
                400,
                "INVALID_TIME",
                1,
                "/epcisBody/eventList/1/eventTime",
                "refusal"
            ]),
            json!([
                "epcisException:SecurityException",
                403,
                "EPC_NOT_YOURS",
                3,
                "/epcisBody/eventList/3/epcList/0",
                "refusal"
            ]),
        ],
        "{job:#}"
    );
    assert_eq!(errors[1]["epc"], "https://id.gs1.org/01/09521001002011/21/1", "{job:#}");
    // The events keep the places they had in the document.
    let ordinals = lines(
        &test,
        "SELECT CAST(ordinal AS TEXT) AS line FROM event ORDER BY ordinal",
        Vec::new(),
    )
    .await;
    assert_eq!(ordinals, ["0", "2", "4"]);
    assert_eq!(count(&test, "item").await, 3);
    // Findings of the good ones are of them, by those places.
    let path = format!("{}/findings", answer.header("location"));
    let found = test.get(&test.actor("packwell"), &path).await.expect(StatusCode::OK).json();
    let mut found: Vec<(String, i64)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["code"].as_str().unwrap().to_owned(),
                finding["eventIndex"].as_i64().unwrap(),
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [0, 2, 4].map(|index| ("SERIAL_NOT_ALLOCATED".to_owned(), index)));
    // Again, and as a rollback: the same job. Those that were refused can be sent by themselves.
    for behaviour in ["proceed", "rollback"] {
        let again = with(&test, behaviour, JSON, document(&mixed()))
            .await
            .expect(StatusCode::ACCEPTED);
        assert_eq!(again.header("location"), answer.header("location"));
    }
    let mut corrected = mixed();
    corrected[1]["eventTime"] = json!("2026-03-01T08:01:00Z");
    let answer = with(&test, "proceed", JSON, document(&corrected))
        .await
        .expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = self::job(&test, &answer).await;
    assert_eq!(
        [&job["eventsStored"], &job["eventsRefused"]],
        [&json!(1), &json!(1)],
        "{job:#}"
    );
}

fn xml(events: &str) -> String {
    format!(
        "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" schemaVersion=\"2.0\" creationDate=\"2026-03-01T10:00:00Z\">
         <EPCISBody><EventList>{events}</EventList></EPCISBody></epcis:EPCISDocument>"
    )
}

fn xml_event(serial: &str, action: &str) -> String {
    format!(
        "<ObjectEvent><eventTime>2026-03-01T09:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
         <epcList><epc>urn:epc:id:sgtin:9521001.000101.{serial}</epc></epcList><action>{action}</action>
         <bizStep>https://ref.gs1.org/cbv/BizStep-inspecting</bizStep>
         <readPoint><id>urn:epc:id:sgln:9521002.00011.0</id></readPoint></ObjectEvent>"
    )
}

#[tokio::test]
async fn in_xml_the_place_is_an_xpath() {
    let test = TestHub::start().await;
    let body = xml(&[
        xml_event("A1", "OBSERVE"),
        xml_event("A2", "LOOK"),
        xml_event("A3", "OBSERVE"),
    ]
    .concat());
    let answer = with(&test, "proceed", "application/xml", body)
        .await
        .expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = job(&test, &answer).await;
    assert_eq!(
        [&job["eventsStored"], &job["errors"][0]["eventIndex"]],
        [&json!(2), &json!(1)],
        "{job:#}"
    );
    let pointer = "/EPCISDocument/EPCISBody/EventList/ObjectEvent[2]/action";
    assert_eq!(job["errors"][0]["pointer"], pointer, "{job:#}");
    // Also where a later document makes a finding of an earlier one in XML.
    let mut second = crate::story::object(
        "2026-03-01T10:00:00Z",
        SITE,
        "DELETE",
        "decommissioning",
        "inactive",
        &units(&["A3"]),
    );
    second["eventTime"] = json!("2026-03-01T08:30:00Z");
    let made = commission("2026-03-01T08:00:00Z", SITE, &units(&["A3"]), "L1");
    super::capture(&test, "packwell", &[made]).await;
    super::capture(&test, "packwell", &[second]).await;
    let sql = "SELECT pointer AS line FROM finding WHERE code = 'DECOMMISSIONED_SERIAL_USED'";
    assert_eq!(lines(&test, sql, Vec::new()).await, ["//EventList/*[3]"]);
}

#[tokio::test]
async fn what_is_wrong_with_the_document_itself_refuses_all_of_it() {
    let test = TestHub::start().await;
    let good = document(&mixed()[..1]);
    let mut foreign: Value = serde_json::from_str(&good).unwrap();
    foreign["sender"] = json!(story::gln_of(&test, "meridian"));
    let cases = [
        (
            good[..good.len() - 9].to_owned(),
            StatusCode::BAD_REQUEST,
            "MALFORMED_DOCUMENT",
        ),
        (foreign.to_string(), StatusCode::FORBIDDEN, "SENDER_MISMATCH"),
    ];
    for (body, status, code) in cases {
        let answer = with(&test, "proceed", JSON, body).await.expect(status);
        assert_eq!(answer.json()["errors"][0]["code"], code);
    }
    for table in ["document", "capture_job", "event", "finding"] {
        assert_eq!(count(&test, table).await, 0, "{table}");
    }
    // None of its events is good: that is no matter of the document, and its job says it.
    for (bad, code) in [(&mixed()[1..2], "INVALID_TIME"), (&mixed()[3..4], "EPC_NOT_YOURS")] {
        let answer = with(&test, "proceed", JSON, document(bad)).await.expect(StatusCode::ACCEPTED);
        let (_, job) = test.outcome(&test.actor("packwell"), answer).await;
        assert_eq!(
            (&job["success"], &job["errors"][0]["code"]),
            (&json!(false), &json!(code)),
            "{job:#}"
        );
    }
    assert_eq!(count(&test, "event").await, 0);
    let wrong = with(&test, "continue", JSON, good)
        .await
        .expect(StatusCode::BAD_REQUEST)
        .json();
    assert_eq!(
        (&wrong["type"], &wrong["code"]),
        (&json!("epcisException:ValidationException"), &json!("BAD_INPUT"))
    );
}

#[tokio::test]
async fn many_bad_events_are_reported_up_to_the_limit_and_counted() {
    let limits = Limits {
        findings_per_code: 3,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let mut events = mixed();
    let bad = events.remove(1);
    for minute in 10..20 {
        let mut bad = bad.clone();
        bad["eventTime"] = json!(format!("2026-03-01T08:{minute}:00"));
        events.insert(0, bad);
    }
    let answer = with(&test, "proceed", JSON, document(&events))
        .await
        .expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let job = job(&test, &answer).await;
    assert_eq!(
        [&job["eventsStored"], &job["eventsRefused"]],
        [&json!(3), &json!(11)],
        "{job:#}"
    );
    let codes: Vec<&str> = job["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect();
    let count = |code: &str| codes.iter().filter(|known| **known == code).count();
    assert_eq!(
        (count("INVALID_TIME"), count("EPC_NOT_YOURS"), count("FINDINGS_TRUNCATED")),
        (3, 1, 1),
        "{job:#}"
    );
    // Ten before the three good ones, of which the first three are told; the same without the others.
    let told = |job: &Value| {
        let errors = job["errors"].as_array().unwrap().iter();
        let rest = errors.filter(|error| error["code"] == "FINDINGS_TRUNCATED");
        rest.map(|error| error["detail"].as_str().unwrap().split(": ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&job), ["7 more of INVALID_TIME, from event 3 to event 9"]);
    let answer = with(&test, "rollback", JSON, document(&events).replace("A0", "A9")).await;
    let (_, refused) = test.outcome(&test.actor("packwell"), answer).await;
    assert_eq!(told(&refused), told(&job), "{refused:#}");
}

/// EPCIS 2.0 clause 12.6.2.
#[tokio::test]
async fn running_and_success_say_how_it_stands() {
    let limits = Limits {
        checked_at_once_bytes: 10,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let stands = async |answer: &Answer| {
        let job = job(&test, answer).await;
        assert_eq!(job.get("finishedAt").is_some(), job["running"] == false, "{job:#}");
        (
            job["running"].as_bool().unwrap(),
            job["success"].as_bool().unwrap(),
            job["eventsStored"].as_i64().unwrap(),
        )
    };
    let good = document(&mixed()[..1]);
    for behaviour in ["rollback", "proceed"] {
        let bad = document(&mixed()).replace("A0", behaviour);
        let answer = with(&test, behaviour, JSON, bad).await.expect(StatusCode::ACCEPTED);
        assert_eq!(stands(&answer).await, (true, true, 0), "{behaviour}");
        if behaviour == "proceed" {
            // As a worker leaves it that stops after it has looked at the document.
            let now = test.hub.now();
            let noted = test.hub.db().write::<_, StorageError, _>(move |tx| {
                Box::pin(async move {
                    let (job, _) = store::claim(tx, now, now.plus_seconds(10)).await?.expect("a job");
                    let errors = r#"[{"code":"INVALID_TIME","pointer":"","detail":""}]"#;
                    store::note_errors(tx, (job.id, job.attempts), errors).await?;
                    Ok((job.id, job.attempts))
                })
            });
            let claim = noted.await.unwrap();
            assert_eq!(stands(&answer).await, (true, false, 0));
            let released = test
                .hub
                .db()
                .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::release(tx, claim, now).await }));
            released.await.unwrap();
        }
        settle(&test).await;
        assert_eq!(
            stands(&answer).await,
            (false, false, if behaviour == "proceed" { 3 } else { 0 }),
            "{behaviour}"
        );
        let good = good.replace("A0", &format!("good-{behaviour}"));
        let answer = with(&test, behaviour, JSON, good).await.expect(StatusCode::ACCEPTED);
        settle(&test).await;
        assert_eq!(stands(&answer).await, (false, true, 1), "{behaviour}");
    }
}

#[tokio::test]
async fn findings_of_a_job_are_paged_for_whoever_sent_it() {
    let test = TestHub::start().await;
    let serials: Vec<String> = (0..7).map(|number| format!("B{number}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&serials), "L1");
    let answer = super::send(&test, "packwell", &[event]).await.expect(StatusCode::ACCEPTED);
    settle(&test).await;
    let path = format!("{}/findings", answer.header("location"));
    let packwell = test.actor("packwell");
    let (mut next, mut seen) = (Some(format!("{path}?perPage=3")), Vec::new());
    let mut pages = 0;
    while let Some(page) = next {
        let page = test.get(&packwell, &page).await.expect(StatusCode::OK);
        seen.extend(page.json().as_array().unwrap().clone());
        next = page.next_page();
        pages += 1;
    }
    let mut epcs: Vec<&str> = seen.iter().map(|finding| finding["epc"].as_str().unwrap()).collect();
    epcs.sort_unstable();
    assert_eq!((pages, epcs), (3, units(&serials).iter().map(String::as_str).collect()));
    assert_eq!(
        [
            &seen[0]["code"],
            &seen[0]["number"],
            &seen[0]["severity"],
            &seen[0]["eventIndex"]
        ],
        [&json!("SERIAL_NOT_ALLOCATED"), &json!(502), &json!("error"), &json!(0)]
    );
    let unknown = test
        .get(
            &test.actor("aurora"),
            "/epcis/capture/cap_00000000000070008000000000000000/findings",
        )
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(test.get(&test.actor("aurora"), &path).await.body, unknown.body);
    let foreign = test.get(&packwell, &format!("{path}?nextPageToken=!")).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST);
}

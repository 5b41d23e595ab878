//! `GET /epcis/events`: pages, parameters, spellings.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;

use crate::hub::{Answer, TestHub};
use crate::story::{PACKWELL_HALL_1, commission_sscc, document, packwell_sscc, tell};

async fn label(test: &TestHub, number: u32) {
    let event = commission_sscc("2026-03-01T08:00:00Z", PACKWELL_HALL_1, &packwell_sscc(number));
    test.capture(&test.actor("packwell"), document(&[event])).await;
    test.advance_seconds(1);
}

#[tokio::test]
async fn each_event_is_on_one_page_even_while_others_are_captured() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    for number in 1..=7 {
        label(&test, number).await;
    }
    let before: BTreeSet<String> = test.get(&packwell, "/epcis/events").await.event_ids().into_iter().collect();
    assert_eq!(before.len(), 7);
    let (mut path, mut seen) = (Some("/epcis/events?perPage=2".to_owned()), Vec::new());
    let mut late = 100;
    while let Some(here) = path {
        let page = test.get(&packwell, &here).await.expect(StatusCode::OK);
        assert!(page.event_ids().len() <= 2);
        seen.extend(page.event_ids());
        path = page.next_page();
        late += 1;
        label(&test, late).await;
    }
    let distinct: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "an event stood on two pages");
    assert!(distinct.is_superset(&before), "an event stood on no page");
}

#[tokio::test]
async fn a_page_token_is_of_one_caller_and_one_query() {
    let test = TestHub::start().await;
    tell(&test).await;
    let page = test
        .get(&test.actor("packwell"), "/epcis/events?perPage=1")
        .await
        .expect(StatusCode::OK);
    let next = page.next_page().expect("more than one event");
    test.get(&test.actor("packwell"), &next).await.expect(StatusCode::OK);
    test.get(&test.actor("aurora"), &next).await.expect(StatusCode::BAD_REQUEST);
    let other = next.replace("/epcis/events?", "/epcis/events?EQ_bizStep=shipping&");
    test.get(&test.actor("packwell"), &other)
        .await
        .expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn parameters_choose_and_unknown_ones_are_refused() {
    let test = TestHub::start().await;
    let (told, _) = tell(&test).await;
    let aurora = test.actor("aurora");
    let count = async |query: &str| {
        let page = test.get(&aurora, &format!("/epcis/events?{query}")).await;
        page.expect(StatusCode::OK).event_ids().len()
    };
    assert_eq!(count("perPage=100").await, 10);
    assert_eq!(count("EQ_bizStep=shipping").await, 2);
    assert_eq!(count("EQ_bizStep=shipping%7Creceiving").await, 4);
    assert_eq!(count("eventType=AggregationEvent").await, 3);
    // From is inclusive, until is not.
    assert_eq!(
        count("GE_eventTime=2026-03-01T09:00:00Z&LT_eventTime=2026-03-01T09:10:00Z").await,
        2
    );
    let urn = format!(
        "urn:epc:id:sscc:9521002.0{}",
        &told.pallet[told.pallet.len() - 10..told.pallet.len() - 1]
    );
    let link = told.pallet.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(
        count(&format!("MATCH_epc={link}")).await,
        count(&format!("MATCH_epc={}", urn.replace(':', "%3A"))).await
    );
    assert!(count(&format!("MATCH_epc={link}")).await > 0);
    for wrong in [
        "EQ_bizStepp=shipping",
        "perPage=0",
        "perPage=x",
        "GE_eventTime=yesterday",
        "eventType=Nothing",
        "MATCH_epc=x%20y",
    ] {
        let refused = test
            .get(&aurora, &format!("/epcis/events?{wrong}"))
            .await
            .expect(StatusCode::BAD_REQUEST);
        assert_eq!(refused.header("content-type"), "application/problem+json", "{wrong}");
    }
}

#[tokio::test]
async fn identifiers_come_in_the_spelling_that_is_asked_for() {
    let test = TestHub::start().await;
    let (told, _) = tell(&test).await;
    let spelt = async |format: &str| {
        let request = Request::get("/epcis/events?EQ_bizStep=receiving").header("GS1-EPC-Format", format);
        test.call(&test.actor("meridian"), request.body(Body::empty()).expect("a request"))
            .await
    };
    let epc = |answer: Answer| -> Value {
        let answer = answer.expect(StatusCode::OK).json();
        answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["epcList"][0].clone()
    };
    assert_eq!(epc(spelt("Always_GS1_Digital_Link").await), told.pallet);
    assert_eq!(epc(spelt("Never_Translates").await), told.pallet);
    let urn = epc(spelt("Always_EPC_URN").await);
    assert!(
        urn.as_str().expect("an epc").starts_with("urn:epc:id:sscc:9521002.0"),
        "{urn}"
    );
    spelt("Sometimes").await.expect(StatusCode::BAD_REQUEST);
}

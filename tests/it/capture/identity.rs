//! One content, one event: by whatever ids it is sent; error declarations told apart; what corrects what.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{SITE, capture, count, findings, found, in_error, send, settle, to_northway, units};
use crate::hub::{Answer, TestHub};
use crate::story::{commission, commission_sscc, packwell_sscc, ship};

const FIRST: &str = "urn:uuid:5d7d1b8e-6c0f-4b5a-9f59-1f8f3f9d0a01";
const OTHER: &str = "https://packwell.example/events/4711";

fn named(event: &Value, id: &str) -> Value {
    let mut event = event.clone();
    event["eventID"] = json!(id);
    event
}

fn made() -> Value {
    commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1")
}

fn escaped(id: &str) -> String {
    id.replace('%', "%25")
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace(';', "%3B")
        .replace('?', "%3F")
        .replace('=', "%3D")
}

async fn by_id(test: &TestHub, party: &str, id: &str) -> Answer {
    test.get(&test.actor(party), &format!("/epcis/events/{}", escaped(id))).await
}

/// What a query answers.
async fn asked(test: &TestHub, party: &str, query: &str) -> Vec<String> {
    let answer = test.get(&test.actor(party), &format!("/epcis/events?{query}")).await;
    answer.expect(StatusCode::OK).event_ids()
}

#[tokio::test]
async fn the_same_content_is_found_by_every_id_it_was_sent_under() {
    let test = TestHub::start().await;
    let pallet = packwell_sscc(1);
    let shipped = ship("2026-03-01T10:00:00Z", &to_northway(&test, std::slice::from_ref(&pallet)));
    let made = commission_sscc("2026-03-01T08:00:00Z", SITE, &pallet);
    capture(&test, "packwell", &[made, named(&shipped, FIRST)]).await;
    let state = "SELECT state || sender_id || receiver_id AS line FROM shipment";
    let before = super::lines(&test, state, Vec::new()).await;
    for _ in 0..2 {
        let job = capture(&test, "packwell", &[named(&shipped, OTHER)]).await;
        assert_eq!(job["eventsStored"], 0);
        assert_eq!((count(&test, "event").await, count(&test, "event_alias").await), (2, 1));
        assert_eq!(super::lines(&test, state, Vec::new()).await, before);
        assert_eq!(findings(&test).await, [""; 0]);
    }
    // Whoever sees the event sees it by both; whoever does not learns of neither.
    for party in ["packwell", "northway"] {
        for id in [FIRST, OTHER] {
            let answer = by_id(&test, party, id).await.expect(StatusCode::OK);
            assert_eq!(answer.event_ids(), [id], "{party}");
            assert_eq!(
                asked(&test, party, &format!("EQ_eventID={}", escaped(id))).await,
                [id],
                "{party}"
            );
        }
        let both = asked(&test, party, &format!("EQ_eventID={}%7C{}", escaped(FIRST), escaped(OTHER))).await;
        assert_eq!(both, [FIRST], "one event, once");
        assert_eq!(asked(&test, party, "EQ_bizStep=shipping").await, [FIRST]);
    }
    let unknown = by_id(&test, "halden", "urn:uuid:none").await.expect(StatusCode::NOT_FOUND);
    assert_eq!(by_id(&test, "halden", OTHER).await.body, unknown.body);
    assert_eq!(
        asked(&test, "halden", &format!("EQ_eventID={}", escaped(OTHER))).await,
        [""; 0]
    );
}

#[tokio::test]
async fn two_ids_of_one_content_in_one_document_are_two_ids() {
    let test = TestHub::start().await;
    let job = capture(&test, "packwell", &[named(&made(), FIRST), named(&made(), OTHER), made()]).await;
    assert_eq!(job["eventsStored"], 1);
    assert_eq!((count(&test, "event").await, count(&test, "event_alias").await), (1, 1));
    assert_eq!(
        by_id(&test, "packwell", OTHER).await.expect(StatusCode::OK).event_ids(),
        [OTHER]
    );
    // An id that an event goes by beside its own is taken all the same.
    let elsewhere = commission("2026-03-01T08:00:00Z", SITE, &units(&["A2"]), "L1");
    capture(&test, "packwell", &[named(&elsewhere, OTHER)]).await;
    assert_eq!(found(&test, "EVENT_ID_CONFLICT").await.len(), 1);
    assert_eq!(by_id(&test, "packwell", OTHER).await.event_ids(), [OTHER, OTHER]);
}

#[tokio::test]
async fn an_id_given_to_an_event_that_was_stored_without_one_finds_it() {
    let test = TestHub::start().await;
    capture(&test, "packwell", &[made()]).await;
    capture(&test, "packwell", &[named(&made(), OTHER)]).await;
    assert_eq!((count(&test, "event").await, count(&test, "event_alias").await), (1, 1));
    assert_eq!(
        by_id(&test, "packwell", OTHER).await.expect(StatusCode::OK).event_ids(),
        [OTHER]
    );
    // The same id by another party is another event's.
    assert_eq!(
        asked(&test, "aurora", &format!("EQ_eventID={}", escaped(OTHER))).await,
        [OTHER]
    );
}

fn declared(event: &Value, at: &str, corrections: &[&str]) -> Value {
    let mut event = in_error(event);
    event["errorDeclaration"]["declarationTime"] = json!(at);
    if !corrections.is_empty() {
        event["errorDeclaration"]["correctiveEventIDs"] = json!(corrections);
    }
    event
}

#[tokio::test]
async fn each_declaration_of_an_error_is_stored_and_none_of_them_twice() {
    let test = TestHub::start().await;
    let event = named(&made(), FIRST);
    let first = declared(&event, "2026-03-02T07:00:00Z", &[]);
    let later = declared(&event, "2026-03-02T07:30:00Z", &[]);
    let corrected = declared(&event, "2026-03-02T07:30:00Z", &[OTHER]);
    capture(&test, "packwell", std::slice::from_ref(&event)).await;
    for (index, declaration) in [&first, &later, &corrected].into_iter().enumerate() {
        assert_eq!(
            capture(&test, "packwell", std::slice::from_ref(declaration)).await["eventsStored"],
            1
        );
        assert_eq!(count(&test, "event").await, index as i64 + 2);
    }
    // In other bytes, and beside a fourth that another system spells with an extension.
    let mut extended = corrected.clone();
    extended["errorDeclaration"]["cbvmda:note"] = json!("by hand");
    let again = [
        later.clone(),
        first.clone(),
        corrected.clone(),
        event.clone(),
        extended.clone(),
        extended,
    ];
    assert_eq!(capture(&test, "packwell", &again).await["eventsStored"], 1);
    assert_eq!(count(&test, "event").await, 5);
    assert_eq!(by_id(&test, "packwell", FIRST).await.event_ids(), [FIRST; 5]);
    let query = format!("EQ_correctiveEventID={}", escaped(OTHER));
    assert_eq!(asked(&test, "packwell", &query).await, [FIRST; 2]);
    assert_eq!(asked(&test, "packwell", "EXISTS_errorDeclaration=true").await.len(), 4);
    // The event is out of the state, once and for all.
    let item = "SELECT COALESCE(lot, '-') || COALESCE(commissioned_by, '-') AS line FROM item";
    assert_eq!(super::lines(&test, item, Vec::new()).await, ["--"]);
}

#[tokio::test]
async fn several_declarations_before_the_event_void_it_when_it_comes() {
    let test = TestHub::start().await;
    let event = named(&made(), FIRST);
    let first = declared(&event, "2026-03-02T07:00:00Z", &[]);
    let later = declared(&event, "2026-03-02T07:30:00Z", &[]);
    assert_eq!(capture(&test, "packwell", &[later, first]).await["eventsStored"], 2);
    assert_eq!(capture(&test, "packwell", &[event]).await["eventsStored"], 1);
    assert_eq!(
        super::lines(&test, "SELECT event_id AS line FROM event WHERE voided = 1", Vec::new()).await,
        [FIRST]
    );
    assert_eq!(count(&test, "item").await, 0);
}

#[tokio::test]
async fn a_corrective_event_that_is_not_there_is_a_finding_until_it_comes() {
    let test = TestHub::start().await;
    let event = named(&made(), FIRST);
    let third = "urn:uuid:5d7d1b8e-6c0f-4b5a-9f59-1f8f3f9d0a03";
    let declaration = declared(&event, "2026-03-02T07:00:00Z", &[OTHER, third]);
    let job = capture(&test, "packwell", &[event.clone(), declaration.clone()]).await;
    assert_eq!(job["findings"]["DANGLING_CORRECTION"], 1, "{job}");
    let pointer = "SELECT pointer AS line FROM finding WHERE code = 'DANGLING_CORRECTION'";
    let place = "/epcisBody/eventList/1/errorDeclaration/correctiveEventIDs";
    assert_eq!(super::lines(&test, pointer, Vec::new()).await, [place]);
    // Again, and it is not told twice; a stranger's event by that id is none of the declarer's.
    capture(&test, "packwell", &[declaration, event]).await;
    let foreign = crate::story::object(
        "2026-03-01T09:00:00Z",
        crate::story::HALDEN_HALMSTAD,
        "OBSERVE",
        "inspecting",
        "in_progress",
        &units(&["A9"]),
    );
    let answer = send(&test, "halden", &[named(&foreign, OTHER), named(&foreign, third)]).await;
    answer.expect(StatusCode::ACCEPTED);
    settle(&test).await;
    assert_eq!(found(&test, "DANGLING_CORRECTION").await.len(), 1);
    // The first of the two is not enough; the second may come as another id of an event that is known.
    let right = commission("2026-03-01T08:10:00Z", SITE, &units(&["A1"]), "L1");
    capture(&test, "packwell", &[named(&right, OTHER)]).await;
    assert_eq!(found(&test, "DANGLING_CORRECTION").await.len(), 1);
    capture(&test, "packwell", &[named(&right, third)]).await;
    assert_eq!(found(&test, "DANGLING_CORRECTION").await, [""; 0]);
}

#[tokio::test]
async fn a_corrective_event_that_came_before_or_with_the_declaration_is_no_finding() {
    let right = named(&commission("2026-03-01T08:10:00Z", SITE, &units(&["A1"]), "L1"), OTHER);
    let wrong = named(&made(), FIRST);
    let declaration = declared(&wrong, "2026-03-02T07:00:00Z", &[OTHER]);
    for documents in [
        vec![vec![right.clone()], vec![declaration.clone()], vec![wrong.clone()]],
        vec![vec![declaration.clone(), right.clone(), wrong.clone()]],
        vec![vec![wrong.clone()], vec![right.clone(), declaration.clone()]],
    ] {
        let test = TestHub::start().await;
        for document in documents {
            capture(&test, "packwell", &document).await;
        }
        assert_eq!(
            findings(&test).await,
            ["SERIAL_NOT_ALLOCATED https://id.gs1.org/01/09521001001014/21/A1"]
        );
        assert_eq!(count(&test, "correction").await, 1);
    }
}

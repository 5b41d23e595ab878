//! Numbers that a packager makes itself: they become an allocation like any other, and nobody else's.

use axum::body::Body;
use axum::http::Request;
use counterfoil::domain::serial::rule::Source;
use counterfoil::service::page::Page;
use counterfoil::service::serial::Standing;
use serde_json::json;

use super::import::{commission, csv, made, report, set_source, with_source};
use super::*;
use crate::hub::Answer;

async fn send(test: &TestHub, party: &str, key: &str, query: &str, serials: &[String]) -> Answer {
    let request = Request::post(format!("/serials/v1/registrations{query}"))
        .header("content-type", "text/csv")
        .header("idempotency-key", key);
    test.call(&test.actor(party), request.body(Body::from(csv(serials))).unwrap())
        .await
}

#[tokio::test]
async fn they_become_an_allocation_of_the_packager() {
    let test = with_source(Source::Delegate).await;
    let own = made("QRT", 30);
    let answer = send(&test, "packwell", "run-1", "?lot=L1&site=9521002000115", &own)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        (&answer.json()["state"], &answer.json()["quantity"]),
        (&json!("acknowledged"), &json!(30))
    );
    let id = answer.json()["id"].as_str().unwrap().parse().unwrap();
    let allocation = allocation(&test.hub, &test.actor("packwell"), id).await.unwrap().unwrap();
    assert_eq!(
        (
            allocation.party.as_str(),
            allocation.principal.as_str(),
            allocation.lot.as_deref()
        ),
        ("packwell", "aurora", Some("L1"))
    );
    assert_eq!(numbers(&test, &allocation).await, own);
    // The brand owner sees it, a stranger does not.
    assert!(
        super::allocation(&test.hub, &test.actor("aurora"), id)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        super::allocation(&test.hub, &test.actor("zenith"), id)
            .await
            .unwrap()
            .is_none()
    );
    use Standing::{Again, Allocated, NotAllocated};
    let call = [own[0].clone(), own[29].clone(), "NEVER2222222".to_owned(), own[0].clone()];
    assert_eq!(commission(&test, &call).await, [Allocated, Allocated, NotAllocated, Again]);
    // A second run goes on behind the first.
    let more = made("WVW", 5);
    send(&test, "packwell", "run-2", "", &more).await.expect(StatusCode::CREATED);
    assert_eq!(commission(&test, &more[4..]).await, [Allocated]);
}

#[tokio::test]
async fn a_retry_is_the_same_allocation_and_another_list_is_refused() {
    let test = with_source(Source::Delegate).await;
    let own = made("QRT", 10);
    let (one, two) = tokio::join!(
        send(&test, "packwell", "run-1", "", &own),
        send(&test, "packwell", "run-1", "", &own)
    );
    let first = one.expect(StatusCode::CREATED).json();
    assert_eq!(two.expect(StatusCode::CREATED).json()["id"], first["id"]);
    assert_eq!(send(&test, "packwell", "run-1", "", &own).await.json()["id"], first["id"]);
    send(&test, "packwell", "run-1", "?lot=L2", &own)
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    send(&test, "packwell", "run-1", "", &own[1..])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    let page = Page { first: 10, after: None };
    let packwell = test.actor("packwell");
    let listed = allocations(&test.hub, &packwell, None, page);
    assert_eq!(listed.await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn no_number_is_two_parties() {
    let test = with_source(Source::Delegate).await;
    let own = made("QRT", 3);
    send(&test, "packwell", "run-1", "", &own).await.expect(StatusCode::CREATED);
    // The owner makes some too, one of them again.
    let clash = [made("WVW", 1), own[..1].to_vec()].concat();
    let answer = send(&test, "aurora", "run-1", "", &clash)
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(report(&answer), [("line 3".to_owned(), "SERIAL_TAKEN".to_owned())]);
    assert!(!answer.text().contains("packwell"), "{}", answer.text());
    send(&test, "aurora", "run-1", "", &clash[..1])
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn limits_and_powers_hold_as_for_any_request() {
    let test = with_source(Source::Delegate).await;
    amend(
        &test.hub,
        |_| {},
        |agreement| {
            if agreement.id.as_str() == "aurora-packwell-2024" {
                agreement.quota.per_request = Some(10);
                agreement.quota.total = Some(15);
            }
        },
    );
    let own = made("QRT", 30);
    let code = async |key: &str, party: &str, part: &[String]| {
        let answer = send(&test, party, key, "", part).await;
        let kind = answer.json()["type"].as_str().map(str::to_owned);
        kind.map_or("CREATED".to_owned(), |kind| kind.rsplit(':').next().unwrap().to_owned())
    };
    assert_eq!(code("1", "packwell", &own[..11]).await, "QUOTA_EXCEEDED");
    assert_eq!(code("2", "packwell", &own[..10]).await, "CREATED");
    assert_eq!(code("3", "packwell", &own[10..16]).await, "QUOTA_EXCEEDED");
    assert_eq!(code("4", "packwell", &own[10..15]).await, "CREATED");
    assert_eq!(code("5", "sigmapack", &own[20..21]).await, "NO_AGREEMENT");
    assert_eq!(code("5", "halden", &own[20..21]).await, "NO_AGREEMENT");
}

#[tokio::test]
async fn the_hub_gives_none_of_such_a_product_and_takes_none_of_any_other() {
    let test = TestHub::start().await;
    let before = granted(&test, "before", 5).await;
    let refused = send(&test, "packwell", "run-1", "", &made("QRT", 2))
        .await
        .expect(StatusCode::CONFLICT);
    assert!(refused.text().contains("ask for them"), "{}", refused.text());
    set_source(&test, Source::Delegate);
    let (code, text) = refusal(request(&test.hub, &test.actor("packwell"), wanted("1", 5)).await);
    assert_eq!(code, Code::Conflict);
    assert!(text.contains("/serials/v1/registrations"), "{text}");
    // What was granted stays granted, and nobody can register it.
    assert_eq!(granted(&test, "before", 5).await.id, before.id);
    let issued = numbers(&test, &before).await;
    let taken = send(&test, "packwell", "run-1", "", &issued[..1])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(report(&taken), [("line 2".to_owned(), "SERIAL_TAKEN".to_owned())]);
}

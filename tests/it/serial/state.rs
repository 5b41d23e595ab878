//! Reserved, transmitted, acknowledged, closed; and the REST calls for it.

use axum::body::Body;
use axum::http::{Request, header};
use counterfoil::domain::agreement::Approval;
use counterfoil::service::serial::{AllocationState, close, confirm};
use counterfoil::storage::serial::allocation::unacknowledged;
use serde_json::json;

use crate::hub::Answer;

use super::*;

/// POST of a JSON body, with an idempotency key or without.
async fn post(test: &TestHub, party: &str, path: &str, (key, body): (Option<&str>, serde_json::Value)) -> Answer {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    test.call(&test.actor(party), request.body(Body::from(body.to_string())).unwrap())
        .await
}

const PATH: &str = "/serials/v1/allocations";

#[tokio::test]
async fn an_allocation_moves_on_and_each_step_can_be_said_twice() {
    let test = TestHub::start().await;
    let (packwell, aurora) = (test.actor("packwell"), test.actor("aurora"));
    let granted = granted(&test, "1", 5).await;
    let early = confirm(&test.hub, &packwell, granted.id).await;
    assert_eq!(refusal(early).0, Code::Conflict);
    let first = numbers(&test, &granted).await;
    test.advance_seconds(60);
    assert_eq!(refusal(confirm(&test.hub, &aurora, granted.id).await).0, Code::NotEntitled);
    let confirmed = confirm(&test.hub, &packwell, granted.id).await.unwrap();
    assert_eq!(
        confirmed.state,
        AllocationState::Acknowledged {
            transmitted_at: granted.created_at,
            at: test.hub.now()
        }
    );
    test.advance_seconds(60);
    assert_eq!(confirm(&test.hub, &packwell, granted.id).await.unwrap(), confirmed);
    assert_eq!(numbers(&test, &granted).await, first);
    let closed = close(&test.hub, &packwell, granted.id, Some("run is over".to_owned()))
        .await
        .unwrap();
    assert_eq!(closed.state.reason(), Some("run is over"));
    let again = close(&test.hub, &aurora, granted.id, Some("too late".to_owned()))
        .await
        .unwrap();
    assert_eq!(again, closed);
    // Its holder reads it no more, the brand owner does; a repeated request is still answered.
    let path = format!("{PATH}/{}/serials", granted.id);
    let gone = test.get(&packwell, &path).await.expect(StatusCode::GONE);
    assert!(gone.text().contains("ALLOCATION_CLOSED"), "{}", gone.text());
    assert!(
        test.get(&aurora, &path)
            .await
            .expect(StatusCode::OK)
            .text()
            .contains(&first[0])
    );
    let repeated = request(&test.hub, &packwell, wanted("1", 5)).await.unwrap();
    assert_eq!(repeated, closed);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM audit WHERE action IN ('acknowledge_serials', 'close_serials')";
    let row = test.hub.db().query_one("counting", sql, Vec::new()).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 2);
}

#[tokio::test]
async fn what_nobody_confirmed_is_found_by_its_age() {
    let test = TestHub::start().await;
    let (old, confirmed, closed) = (
        granted(&test, "1", 1).await,
        granted(&test, "2", 1).await,
        granted(&test, "3", 1).await,
    );
    numbers(&test, &confirmed).await;
    confirm(&test.hub, &test.actor("packwell"), confirmed.id).await.unwrap();
    close(&test.hub, &test.actor("packwell"), closed.id, None).await.unwrap();
    test.advance_seconds(3_600);
    granted(&test, "4", 1).await;
    let found = unacknowledged(test.hub.db(), test.hub.now(), 10).await.unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [old.id]);
}

#[tokio::test]
async fn asking_over_rest_is_created_once_and_told_again() {
    let test = TestHub::start().await;
    let body = json!({"gtin": AUROXIN, "quantity": 12, "lot": "L1", "site": "9521002000115", "line": "Line 4",
        "agreement": "aurora-packwell-2024", "documents": {"purchaseOrder": "PO-1", "purchaseOrderLine": "10"}});
    let first = post(&test, "packwell", PATH, (Some("\"order-1\""), body.clone()))
        .await
        .expect(StatusCode::CREATED);
    let told = first.json();
    assert_eq!(first.header("location"), format!("{PATH}/{}", told["id"].as_str().unwrap()));
    assert_eq!(
        (&told["state"], &told["quantity"], &told["documents"]["purchaseOrder"]),
        (&json!("reserved"), &json!(12), &json!("PO-1"))
    );
    let again = post(&test, "packwell", PATH, (Some("order-1"), body))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again.body, first.body);
    let other = post(
        &test,
        "packwell",
        PATH,
        (Some("order-1"), json!({"gtin": AUROXIN, "quantity": 13})),
    )
    .await;
    assert!(
        other
            .expect(StatusCode::UNPROCESSABLE_ENTITY)
            .text()
            .contains("IDEMPOTENCY_KEY_REUSED")
    );
    let one = test
        .get(&test.actor("aurora"), first.header("location"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(one.json(), told);
    test.get(&test.actor("sigmapack"), first.header("location"))
        .await
        .expect(StatusCode::NOT_FOUND);
    test.get(&test.actor("packwell"), &format!("{PATH}/none"))
        .await
        .expect(StatusCode::NOT_FOUND);
    let list = test
        .get(&test.actor("packwell"), &format!("{PATH}?first=1&gtin={AUROXIN}"))
        .await
        .expect(StatusCode::OK)
        .json();
    assert_eq!((&list["allocations"][0], &list["next"]), (&told, &json!(null)));
    let serials = test
        .get(&test.actor("packwell"), told["serials"].as_str().unwrap())
        .await
        .expect(StatusCode::OK);
    assert_eq!(serials.text().lines().count(), 13);
    let confirm = format!("{}/confirm", first.header("location"));
    assert_eq!(
        post(&test, "packwell", &confirm, (None, json!(null)))
            .await
            .expect(StatusCode::OK)
            .json()["state"],
        "acknowledged"
    );
    let close = format!("{}/close", first.header("location"));
    let closed = post(&test, "packwell", &close, (None, json!({"reason": "done"})))
        .await
        .expect(StatusCode::OK)
        .json();
    assert_eq!((&closed["state"], &closed["reason"]), (&json!("closed"), &json!("done")));
}

#[tokio::test]
async fn a_request_that_waits_is_accepted_and_not_created() {
    let test = TestHub::start().await;
    amend(
        &test.hub,
        |_| (),
        |agreement| agreement.approval = Some(Approval { above: 0 }),
    );
    let body = json!({"gtin": AUROXIN, "quantity": 3});
    for _ in 0..2 {
        let told = post(&test, "packwell", PATH, (Some("order-1"), body.clone()))
            .await
            .expect(StatusCode::ACCEPTED)
            .json();
        assert_eq!((&told["state"], told.get("serials")), (&json!("pending"), None));
    }
    let list = test
        .get(&test.actor("aurora"), &format!("{PATH}?state=pending"))
        .await
        .expect(StatusCode::OK)
        .json();
    assert_eq!(list["allocations"][0]["quantity"], 3);
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong_and_move_nothing() {
    let test = TestHub::start().await;
    let good = json!({"gtin": AUROXIN, "quantity": 3});
    let check = async |key: Option<&str>, body: serde_json::Value, status: StatusCode, code: &str, text: &str| {
        let answer = post(&test, "packwell", PATH, (key, body)).await.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.json()["type"].as_str().unwrap().ends_with(code), "{}", answer.text());
        assert!(answer.text().contains(text), "{}", answer.text());
    };
    let bad = StatusCode::BAD_REQUEST;
    check(None, good.clone(), bad, "IDEMPOTENCY_KEY_MISSING", "Idempotency-Key").await;
    check(Some("two words"), good, bad, "BAD_INPUT", "string in quotes").await;
    let with = |name: &str, value: serde_json::Value| {
        let mut body = json!({"gtin": AUROXIN, "quantity": 3});
        body[name] = value;
        body
    };
    for wrong in [
        json!(-1),
        json!(1.5),
        json!(18_446_744_073_709_551_616.0),
        json!("5"),
        json!([1]),
    ] {
        check(Some("k"), with("quantity", wrong), bad, "BAD_INPUT", "whole number").await;
    }
    for wrong in [json!(0), json!(1_u64 << 63), json!(u64::MAX)] {
        check(Some("k"), with("quantity", wrong), bad, "BAD_INPUT", "1 to 1000000").await;
    }
    check(Some("k"), json!({"gtin": AUROXIN}), bad, "BAD_INPUT", "`quantity` is missing").await;
    check(Some("k"), json!({"quantity": 1}), bad, "BAD_INPUT", "either `gtin`").await;
    check(Some("k"), with("gtin", json!("09521001001015")), bad, "BAD_INPUT", "no GTIN").await;
    check(Some("k"), with("site", json!("1")), bad, "BAD_INPUT", "no GLN").await;
    check(
        Some("k"),
        with("colour", json!(1)),
        bad,
        "BAD_INPUT",
        "unknown field `colour`",
    )
    .await;
    check(
        Some("k"),
        with("line", json!("a\u{7}")),
        bad,
        "BAD_INPUT",
        "control characters",
    )
    .await;
    check(
        Some("k"),
        with("gtin", json!("09521999001010")),
        StatusCode::FORBIDDEN,
        "NO_AGREEMENT",
        "agreement",
    )
    .await;
    let xml = Request::post(PATH)
        .header("idempotency-key", "k")
        .header(header::CONTENT_TYPE, "text/xml");
    test.call(&test.actor("packwell"), xml.body(Body::from("<a/>")).unwrap())
        .await
        .expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM allocation";
    let row = test.hub.db().query_one("counting", sql, Vec::new()).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 0);
}

#[tokio::test]
async fn a_key_that_is_under_way_is_a_conflict_until_it_is_answered() {
    let test = TestHub::start().await;
    let body = json!({"gtin": AUROXIN, "quantity": 3});
    let under_way = counterfoil::service::serial::under_way(&test.hub, &test.actor("packwell"), "order-1");
    let answer = post(&test, "packwell", PATH, (Some("order-1"), body.clone()))
        .await
        .expect(StatusCode::CONFLICT);
    assert!(answer.text().contains("IDEMPOTENCY_KEY_IN_FLIGHT"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "1");
    // Of another party it is another key.
    post(&test, "aurora", PATH, (Some("order-1"), body.clone()))
        .await
        .expect(StatusCode::CREATED);
    drop(under_way);
    post(&test, "packwell", PATH, (Some("order-1"), body))
        .await
        .expect(StatusCode::CREATED);
}

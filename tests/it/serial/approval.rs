//! Requests that the brand owner decides on itself.

use counterfoil::domain::agreement::Approval;
use counterfoil::service::page::Page;
use counterfoil::service::serial::{AllocationState, approve, pending, reject};

use super::*;

/// Every request for more than `above` numbers waits.
fn above(hub: &Hub, above: u64) {
    amend(hub, |_| (), |agreement| agreement.approval = Some(Approval { above }));
}

async fn asked(test: &TestHub, key: &str, quantity: u64) -> Allocation {
    request(&test.hub, &test.actor("packwell"), wanted(key, quantity))
        .await
        .unwrap()
}

async fn waits_for(test: &TestHub, party: &str) -> Vec<String> {
    let page = Page { first: 10, after: None };
    let found = pending(&test.hub, &test.actor(party), page).await.unwrap();
    found.rows.into_iter().map(|(_, row)| row.request_key).collect()
}

/// How many numbers the counter has given out.
async fn moved(test: &TestHub) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(next_index), 0) AS BIGINT) AS n FROM pool";
    let row = test
        .hub
        .db()
        .query_one("reading the counters", sql, Vec::new())
        .await
        .unwrap();
    row.unwrap().try_get::<i64>("", "n").unwrap()
}

#[tokio::test]
async fn a_large_request_waits_and_becomes_the_allocation_of_its_id_and_key() {
    let test = TestHub::start().await;
    above(&test.hub, 100);
    assert_eq!(asked(&test, "small", 100).await.state, AllocationState::Reserved);
    let waiting = asked(&test, "large", 101).await;
    assert_eq!((&waiting.state, waiting.quantity), (&AllocationState::Pending, 101));
    assert_eq!(moved(&test).await, 100);
    // Asking again tells the same; another body is another request.
    assert_eq!(asked(&test, "large", 101).await, waiting);
    let other = request(&test.hub, &test.actor("packwell"), wanted("large", 102)).await;
    assert_eq!(refusal(other).0, Code::KeyReused);
    assert_eq!(
        (waits_for(&test, "aurora").await, waits_for(&test, "packwell").await),
        (vec!["large".to_owned()], vec!["large".to_owned()])
    );
    assert!(waits_for(&test, "sigmapack").await.is_empty());

    let approved = approve(&test.hub, &test.actor("aurora"), waiting.id).await.unwrap();
    assert_eq!(
        (approved.id, approved.party.as_str(), approved.quantity),
        (waiting.id, "packwell", 101)
    );
    assert_eq!(approved.state, AllocationState::Reserved);
    assert_eq!(moved(&test).await, 201);
    assert_eq!(asked(&test, "large", 101).await, approved);
    assert_eq!(approve(&test.hub, &test.actor("aurora"), waiting.id).await.unwrap(), approved);
    assert_eq!(moved(&test).await, 201);
    assert!(waits_for(&test, "aurora").await.is_empty());
    assert_eq!(numbers(&test, &approved).await.len(), 101);
    let late = reject(&test.hub, &test.actor("aurora"), waiting.id, "no".to_owned()).await;
    assert_eq!(refusal(late).0, Code::Conflict);
}

#[tokio::test]
async fn a_rejected_request_says_why_and_stays_rejected() {
    let test = TestHub::start().await;
    above(&test.hub, 0);
    let waiting = asked(&test, "order-1", 1).await;
    for reason in ["", "two\nlines"] {
        let wrong = reject(&test.hub, &test.actor("aurora"), waiting.id, reason.to_owned()).await;
        assert_eq!(refusal(wrong).0, Code::BadInput);
    }
    let rejected = reject(&test.hub, &test.actor("aurora"), waiting.id, "order is void".to_owned())
        .await
        .unwrap();
    assert_eq!(rejected.state.reason(), Some("order is void"));
    assert_eq!(asked(&test, "order-1", 1).await.state, rejected.state);
    let (code, text) = refusal(approve(&test.hub, &test.actor("aurora"), waiting.id).await);
    assert_eq!(code, Code::RequestRejected);
    assert!(text.contains("order is void"), "{text}");
    assert_eq!(moved(&test).await, 0);
}

#[tokio::test]
async fn only_the_principal_decides_and_to_strangers_there_is_nothing() {
    let test = TestHub::start().await;
    above(&test.hub, 0);
    let waiting = asked(&test, "order-1", 5).await;
    let code = async |party: &str| refusal(approve(&test.hub, &test.actor(party), waiting.id).await).0;
    assert_eq!(code("packwell").await, Code::NotEntitled);
    for stranger in ["sigmapack", "zenith", "halden", "hub-operator"] {
        assert_eq!(code(stranger).await, Code::NotFound, "{stranger}");
        assert_eq!(allocation(&test.hub, &test.actor(stranger), waiting.id).await.unwrap(), None);
    }
    let path = format!("/serials/v1/allocations/{}/serials", waiting.id);
    let answer = test.get(&test.actor("packwell"), &path).await.expect(StatusCode::CONFLICT);
    assert!(answer.text().contains("AWAITING_APPROVAL"), "{}", answer.text());
}

#[tokio::test]
async fn limits_are_judged_again_when_a_request_is_approved() {
    let test = TestHub::start().await;
    amend(
        &test.hub,
        |_| (),
        |agreement| (agreement.quota.total, agreement.approval) = (Some(100), Some(Approval { above: 50 })),
    );
    let refused = request(&test.hub, &test.actor("packwell"), wanted("too-large", 101)).await;
    assert_eq!(refusal(refused).0, Code::QuotaExceeded);
    let first = asked(&test, "first", 60).await;
    let second = asked(&test, "second", 60).await;
    approve(&test.hub, &test.actor("aurora"), first.id).await.unwrap();
    let (code, text) = refusal(approve(&test.hub, &test.actor("aurora"), second.id).await);
    assert_eq!(code, Code::QuotaExceeded);
    assert!(text.contains("40 are left"), "{text}");
    // It still waits.
    assert_eq!(waits_for(&test, "aurora").await, ["second"]);
    amend(&test.hub, |_| (), |agreement| agreement.quota.total = Some(120));
    approve(&test.hub, &test.actor("aurora"), second.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approved_many_times_at_once_is_approved_once() {
    let test = TestHub::start().await;
    above(&test.hub, 0);
    let waiting = asked(&test, "order-1", 5).await;
    let second = test.second().await;
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..20 {
        let (hub, actor) = ([test.hub.clone(), second.clone()][i % 2].clone(), test.actor("aurora"));
        calls.spawn(async move { approve(&hub, &actor, waiting.id).await.map(|approved| approved.id) });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.unwrap(), waiting.id);
    }
    assert_eq!(moved(&test).await, 5);
}

#[tokio::test]
async fn the_same_over_graphql() {
    let test = TestHub::start().await;
    above(&test.hub, 0);
    let ask = "mutation($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason downloadPath allocation { id state } } }";
    let input = serde_json::json!({"input": {"gtin": AUROXIN, "quantity": 5, "idempotencyKey": "g1", "line": "L4", "partialOk": true,
        "documents": {"purchaseOrder": "PO-7", "workOrder": "WO-9"}}});
    let packwell = test.actor("packwell");
    let answer = test.graphql_data(&packwell, ask, input.clone()).await;
    let answer = &answer["requestSerials"];
    assert_eq!(
        (&answer["status"], &answer["allocation"]["state"]),
        (&"PENDING_APPROVAL".into(), &"PENDING".into())
    );
    assert!(answer["downloadPath"].is_null());
    let list = "{ pendingAllocations { nodes { id line quantity documents { purchaseOrder workOrder } party { legalName } } } }";
    let waiting = test.graphql_data(&test.actor("aurora"), list, serde_json::json!({})).await;
    let waiting = &waiting["pendingAllocations"]["nodes"][0];
    assert_eq!(
        (&waiting["line"], &waiting["documents"]["purchaseOrder"]),
        (&"L4".into(), &"PO-7".into())
    );
    let approve = "mutation($id: String!) { approveAllocation(id: $id) { status allocation { state quantity } } }";
    let approved = test
        .graphql_data(&test.actor("aurora"), approve, serde_json::json!({"id": waiting["id"]}))
        .await;
    assert_eq!(approved["approveAllocation"]["status"], "ALLOCATED");
    let again = test.graphql_data(&packwell, ask, input).await;
    assert_eq!(again["requestSerials"]["status"], "ALLOCATED");
    assert!(again["requestSerials"]["downloadPath"].is_string());
}

#[tokio::test]
async fn the_same_over_rest() {
    let test = TestHub::start().await;
    above(&test.hub, 0);
    let decide = async |party: &str, id: &str, what: &str, body: &str| {
        let path = format!("/serials/v1/allocations/{id}/{what}");
        test.post(&test.actor(party), &path, "application/json", body.to_owned())
            .await
    };
    let waiting = asked(&test, "yes", 5).await.id.to_string();
    let list = test.get(&test.actor("aurora"), "/serials/v1/allocations?state=pending").await;
    assert_eq!(list.json()["allocations"][0]["id"], waiting.as_str());
    decide("packwell", &waiting, "approve", "")
        .await
        .expect(StatusCode::FORBIDDEN);
    for (party, id) in [("sigmapack", waiting.as_str()), ("aurora", "alc_x"), ("aurora", "x/y")] {
        decide(party, id, "approve", "").await.expect(StatusCode::NOT_FOUND);
        decide(party, id, "reject", "{\"reason\":\"no\"}")
            .await
            .expect(StatusCode::NOT_FOUND);
    }
    assert_eq!(moved(&test).await, 0);
    for _ in 0..2 {
        let approved = decide("aurora", &waiting, "approve", "").await.expect(StatusCode::OK).json();
        assert_eq!(
            (&approved["id"], &approved["state"], &approved["party"]),
            (&waiting.as_str().into(), &"reserved".into(), &"packwell".into())
        );
        assert!(approved["serials"].is_string());
    }
    assert_eq!(moved(&test).await, 5);
    let late = decide("aurora", &waiting, "reject", "{\"reason\":\"no\"}").await;
    assert_eq!(
        late.expect(StatusCode::CONFLICT).json()["type"],
        "urn:counterfoil:problem:CONFLICT"
    );

    let waiting = asked(&test, "no", 5).await.id.to_string();
    for (body, status) in [
        ("", 400),
        ("{}", 400),
        ("{\"reason\":\"\"}", 400),
        ("{\"reason\":\"no\",\"why\":1}", 400),
    ] {
        assert_eq!(
            decide("aurora", &waiting, "reject", body).await.status.as_u16(),
            status,
            "{body}"
        );
    }
    for reason in ["the order is void", "another reason"] {
        let body = format!("{{\"reason\":\"{reason}\"}}");
        let rejected = decide("aurora", &waiting, "reject", &body)
            .await
            .expect(StatusCode::OK)
            .json();
        assert_eq!(
            (&rejected["state"], &rejected["reason"]),
            (&"rejected".into(), &"the order is void".into())
        );
    }
    let refused = decide("aurora", &waiting, "approve", "").await.expect(StatusCode::CONFLICT);
    assert_eq!(refused.json()["type"], "urn:counterfoil:problem:REQUEST_REJECTED");
    assert_eq!(moved(&test).await, 5);
}

//! Numbers for a lot that is closed: refused before any moves, in every channel; what was answered before stays answered.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use counterfoil::domain::agreement::Approval;
use counterfoil::domain::serial::rule::Source;
use counterfoil::service::lot::{CloseLot, Closing, close};
use counterfoil::service::serial::approve;
use serde_json::{Value, json};

use super::import::{csv, made, set_source, with_source};
use super::life::{captured, packs};
use super::*;
use crate::hub::Answer;
use crate::story::{PACKWELL_HALL_1, commission};

fn for_lot(key: &str, line: Option<&str>, quantity: u64) -> SerialRequest {
    SerialRequest {
        lot: Some("L1".to_owned()),
        line: line.map(str::to_owned),
        ..wanted(key, quantity)
    }
}

async fn ask(test: &TestHub, wanted: SerialRequest) -> Result<Allocation, ServiceError> {
    request(&test.hub, &test.actor("packwell"), wanted).await
}

async fn close_lot(hub: &Hub, actor: &Actor, line: Option<&str>, reason: Option<&str>) -> Closing {
    let request = CloseLot {
        gtin: AUROXIN.parse().unwrap(),
        lot: "L1".to_owned(),
        line: line.map(str::to_owned),
        reason: reason.map(str::to_owned),
        unused_as: None,
    };
    close(hub, actor, request).await.unwrap()
}

async fn closed(test: &TestHub, party: &str, line: Option<&str>) {
    let closing = close_lot(&test.hub, &test.actor(party), line, Some("over")).await;
    assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
}

/// Counters, allocations and accounts.
async fn moved(test: &TestHub) -> (i64, i64, i64) {
    let sql = "SELECT CAST((SELECT COALESCE(SUM(next_index), 0) FROM pool) AS BIGINT) AS a, CAST((SELECT COUNT(*) FROM allocation) AS BIGINT) AS b,
               CAST((SELECT COALESCE(SUM(issued), 0) FROM serial_account) AS BIGINT) AS c";
    let row = test.hub.db().query_one("reading what moved", sql, Vec::new()).await;
    let row = row.unwrap().unwrap();
    let read = |name: &str| row.try_get::<i64>("", name).unwrap();
    (read("a"), read("b"), read("c"))
}

/// A request for one number over REST.
async fn post(test: &TestHub, path: &str, key: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    let request = request.body(Body::from(body.to_string())).unwrap();
    test.call(&test.actor("packwell"), request).await
}

fn opsm(lot: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:t='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/applicationModule/common/types/' \
         xmlns:c='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/view/common/'><s:Body>\
         <t:createProcessSerialGenerationRequest><t:serialGenerationRequest><c:SerialQuantity>1</c:SerialQuantity><c:Gtin>{AUROXIN}</c:Gtin>\
         <c:LotNumber>{lot}</c:LotNumber></t:serialGenerationRequest></t:createProcessSerialGenerationRequest></s:Body></s:Envelope>"
    )
}

#[tokio::test]
async fn every_channel_refuses_and_known_keys_answer_as_before() {
    let test = TestHub::start().await;
    let before = ask(&test, for_lot("before", None, 3)).await.unwrap();
    let serials = numbers(&test, &before).await;
    closed(&test, "packwell", None).await;
    let counted = moved(&test).await;

    let (code, text) = refusal(ask(&test, for_lot("late", None, 1)).await);
    assert_eq!((code, code.status()), (Code::LotClosed, 409));
    assert!(text.contains("`L1`") && text.contains("check the lot"), "{text}");
    let body = json!({"gtin": AUROXIN, "quantity": 1, "lot": "L1"});
    for path in ["/serials/v1/allocations", "/dry-run/serials/v1/allocations"] {
        let answer = post(&test, path, "\"rest\"", body.clone()).await.expect(StatusCode::CONFLICT);
        assert_eq!(answer.json()["type"], "urn:counterfoil:problem:LOT_CLOSED", "{path}");
    }
    let mutation = "mutation($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason } }";
    let input = json!({"input": {"gtin": AUROXIN, "quantity": 1, "lot": "L1", "idempotencyKey": "graphql"}});
    let answer = test.graphql_data(&test.actor("packwell"), mutation, input).await;
    assert_eq!(answer["requestSerials"]["status"], "LOT_CLOSED");
    let line = format!("gtin,quantity,lot,key\r\n{AUROXIN},1,L1,csv\r\n");
    let dialects = [
        ("/dialects/csv", "text/csv", line, "code,message\r\nLOT_CLOSED,"),
        (
            "/dialects/opsm",
            "text/xml; charset=utf-8",
            opsm("L1"),
            "<ns0:StatusMessage>LOT_CLOSED: ",
        ),
    ];
    for (path, media_type, message, marker) in dialects {
        for path in [path.to_owned(), format!("/dry-run{path}")] {
            let answer = test.post(&test.actor("packwell"), &path, media_type, message.clone()).await;
            assert!(answer.text().contains(marker), "{path}: {}", answer.text());
        }
        let report = test
            .post(&test.actor("packwell"), &format!("{path}/self-test"), media_type, message)
            .await;
        assert!(report.text().contains("name a lot that still runs"), "{}", report.text());
    }
    assert_eq!(moved(&test).await, counted);

    // The key of before is good for ever, and another lot is another lot.
    let again = ask(&test, for_lot("before", None, 3)).await.unwrap();
    assert_eq!((again.id, again.quantity), (before.id, 3));
    assert_eq!(refusal(ask(&test, for_lot("before", None, 4)).await).0, Code::KeyReused);
    assert_eq!(serials.len(), 3);
    granted(&test, "no lot", 1).await;
    let other = SerialRequest {
        lot: Some("L2".to_owned()),
        ..wanted("other lot", 1)
    };
    ask(&test, other).await.unwrap();
    let answer = test
        .post(
            &test.actor("packwell"),
            "/dialects/opsm",
            "text/xml; charset=utf-8",
            opsm("L2"),
        )
        .await;
    assert!(!answer.header("counterfoil-allocation").is_empty(), "{}", answer.text());
}

#[tokio::test]
async fn a_close_covers_a_part_a_line_or_the_whole() {
    let test = TestHub::start().await;
    let check = async |key: &str, party: &str, line: Option<&str>, open: bool| {
        let answer = request(&test.hub, &test.actor(party), for_lot(key, line, 1)).await;
        match open {
            true => drop(answer.unwrap()),
            false => assert_eq!(refusal(answer).0, Code::LotClosed, "{key}"),
        }
    };
    check("1", "packwell", Some("P1"), true).await;
    check("2", "packwell", Some("P2"), true).await;
    check("3", "aurora", Some("P1"), true).await;
    closed(&test, "packwell", Some("P1")).await;
    check("4", "packwell", Some("P1"), false).await;
    check("5", "packwell", Some("P2"), true).await;
    check("6", "packwell", None, true).await;
    check("7", "aurora", Some("P1"), true).await;
    closed(&test, "packwell", None).await;
    check("8", "packwell", Some("P2"), false).await;
    check("9", "aurora", Some("P2"), true).await;
    // The owner's close is everybody's.
    let test = TestHub::start().await;
    let check =
        async |key: &str, party: &str| refusal(request(&test.hub, &test.actor(party), for_lot(key, Some("P1"), 1)).await).0;
    request(&test.hub, &test.actor("aurora"), for_lot("1", None, 1))
        .await
        .unwrap();
    closed(&test, "aurora", None).await;
    assert_eq!(check("2", "packwell").await, Code::LotClosed);
    assert_eq!(check("2", "aurora").await, Code::LotClosed);
    assert_eq!(check("2", "halden").await, Code::NoAgreement);
    let sql = "SELECT COUNT(*) AS n FROM audit WHERE outcome = 'refused' AND detail LIKE '%LOT_CLOSED%'";
    let row = test.hub.db().query_one("reading the audit", sql, Vec::new()).await.unwrap();
    assert_eq!(row.unwrap().try_get::<i64>("", "n").unwrap(), 2);
}

#[tokio::test]
async fn an_approval_and_a_registration_come_too_late_as_well() {
    let test = TestHub::start().await;
    ask(&test, for_lot("first", None, 1)).await.unwrap();
    amend(
        &test.hub,
        |_| (),
        |agreement| agreement.approval = Some(Approval { above: 1 }),
    );
    let waiting = ask(&test, for_lot("waits", None, 5)).await.unwrap();
    closed(&test, "packwell", None).await;
    let counted = moved(&test).await;
    let late = approve(&test.hub, &test.actor("aurora"), waiting.id).await;
    assert_eq!(refusal(late).0, Code::LotClosed);
    assert_eq!(moved(&test).await, counted);
    // It still waits, and says so.
    assert_eq!(ask(&test, for_lot("waits", None, 5)).await.unwrap(), waiting);

    let test = with_source(Source::Delegate).await;
    let send = async |key: &str, serials: &[String]| {
        let request = Request::post("/serials/v1/registrations?lot=L1")
            .header("content-type", "text/csv")
            .header("idempotency-key", key);
        let request = request.body(Body::from(csv(serials))).unwrap();
        test.call(&test.actor("packwell"), request).await
    };
    let own = made("QRT", 4);
    let first = send("1", &own[..2]).await.expect(StatusCode::CREATED).json();
    closed(&test, "packwell", None).await;
    let late = send("2", &own[2..]).await.expect(StatusCode::CONFLICT);
    assert_eq!(late.json()["type"], "urn:counterfoil:problem:LOT_CLOSED");
    assert_eq!(
        send("1", &own[..2]).await.expect(StatusCode::CREATED).json()["id"],
        first["id"]
    );
    // Nothing of the list was kept.
    set_source(&test, Source::Imported);
    let listed = test
        .hub
        .db()
        .query_one("counting", "SELECT COUNT(*) AS n FROM listed_serial", Vec::new());
    assert_eq!(listed.await.unwrap().unwrap().try_get::<i64>("", "n").unwrap(), 2);
}

/// Whatever comes first: numbers are in the balance that is signed, or they are not given out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_and_a_close_at_once_follow_one_another() {
    let test = Arc::new(TestHub::start().await);
    let second = test.second().await;
    ask(&test, for_lot("first", None, 7)).await.unwrap();
    let mut work = tokio::task::JoinSet::new();
    for n in 0..40_usize {
        let (hub, actor) = ([test.hub.clone(), second.clone()][n % 2].clone(), test.actor("packwell"));
        work.spawn(async move {
            if n == 13 {
                let closing = close_lot(&hub, &actor, None, Some("at once")).await;
                assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
                return 0;
            }
            match request(&hub, &actor, for_lot(&format!("k{n}"), None, 1)).await {
                Ok(granted) => granted.quantity,
                Err(error) => {
                    assert_eq!(error.code(), Code::LotClosed);
                    0
                }
            }
        });
    }
    let given: u64 = work.join_all().await.into_iter().sum();
    let row = test
        .hub
        .db()
        .query_one("reading the close", "SELECT balance FROM lot_close", Vec::new())
        .await;
    let signed: Value = serde_json::from_str(&row.unwrap().unwrap().try_get::<String>("", "balance").unwrap()).unwrap();
    assert_eq!(signed["issued"], 7 + given);
    assert_eq!(moved(&test).await.2 as u64, 7 + given);
}

#[tokio::test]
async fn the_line_that_is_closed_last_answers_for_serials_that_nobody_was_given() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let mut serials = Vec::new();
    for line in ["P1", "P2"] {
        serials.extend(numbers(&test, &ask(&test, for_lot(line, Some(line), 2)).await.unwrap()).await);
    }
    let strange = commission(
        "2026-03-02T09:00:00Z",
        PACKWELL_HALL_1,
        &packs(&["STRANGE22222".to_owned()]),
        "L1",
    );
    let good = commission("2026-03-02T09:10:00Z", PACKWELL_HALL_1, &packs(&serials), "L1");
    captured(&test, &[strange, good]).await;
    let actor = test.actor("packwell");
    let first = close_lot(&test.hub, &actor, Some("P1"), None).await;
    assert!(matches!(first, Closing::Closed(_)), "{first:?}");
    let blocked = close_lot(&test.hub, &actor, Some("P2"), None).await;
    let Closing::Unbalanced {
        balance,
        missing,
        astray,
    } = blocked
    else {
        panic!("{blocked:?}")
    };
    assert_eq!((balance.foreign, missing, astray), (1, 0, 0));
    let last = close_lot(&test.hub, &actor, Some("P2"), Some("one pack was relabelled")).await;
    let Closing::Closed(last) = last else { panic!("{last:?}") };
    let signed: Value = serde_json::from_str(&last.balance.unwrap()).unwrap();
    assert_eq!((&signed["foreign"], &signed["balanced"]), (&json!(1), &json!(false)));
    // The owner has closed no line yet: it answers for it at its own last one.
    let owner = test.actor("aurora");
    assert!(matches!(
        close_lot(&test.hub, &owner, Some("P1"), None).await,
        Closing::Closed(_)
    ));
    assert!(matches!(
        close_lot(&test.hub, &owner, Some("P2"), None).await,
        Closing::Unbalanced { .. }
    ));
}

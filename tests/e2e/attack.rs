//! Bad requests for serial numbers over mutual TLS, byte by byte: a clear refusal in the words of the caller, and no number moves.
//!
//! Every refusal says its code, what is wrong and where. The control is the same call with the one thing put right.

use counterfoil::service::error::Code;
use serde_json::{Value, json};

use crate::caller::{Connection, JSON, Reply};
use crate::hub::{DOMAIN, Identity, TestHub, TestIssuer, name};

mod dialect;

const AUROXIN: &str = "09521001001014";
const REST: &str = "/serials/v1/allocations";

/// Everything that moves when numbers do.
async fn moved(hub: &TestHub) -> Vec<i64> {
    let sql = "SELECT (SELECT COALESCE(SUM(next_index), 0) FROM pool) AS a, (SELECT COUNT(*) FROM allocation) AS b,
               (SELECT COALESCE(SUM(issued), 0) FROM serial_account) AS c, (SELECT COUNT(*) FROM allocation_request) AS d";
    let row = hub.hub().db().query_one("reading what moved", sql, Vec::new()).await;
    let row = row.expect("an answer").expect("a row");
    ["a", "b", "c", "d"]
        .map(|name| row.try_get("", name).expect("a number"))
        .to_vec()
}

/// One call on a connection of its own.
async fn post(hub: &TestHub, identity: &Identity, path: &str, headers: &str, body: &[u8]) -> Reply {
    let mut connection = Connection::open(hub, Some(identity.clone())).await.expect("a connection");
    connection.call("POST", path, headers, body).await.expect("an answer")
}

fn with_key(headers: &str) -> String {
    format!("{JSON}idempotency-key: \"attack\"\r\n{headers}")
}

/// Panics unless it is a problem of that code, which says more than its title and has these words.
#[track_caller]
fn is_refused(what: &str, reply: &Reply, code: Code, words: &str) {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{what}: {error}: {reply:?}"));
    assert_eq!(
        (body["type"].as_str(), reply.status),
        (
            Some(format!("urn:counterfoil:problem:{}", code.as_str()).as_str()),
            code.status()
        ),
        "{what}: {body}"
    );
    assert!(
        reply.head.contains("content-type: application/problem+json"),
        "{what}: {}",
        reply.head
    );
    let detail = body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(words) && detail.len() < 700, "{what}: {detail}");
    assert_ne!(detail, code.title(), "{what}: it does not say where");
}

#[tokio::test]
async fn a_bad_request_over_rest_says_what_is_wrong_and_moves_nothing() {
    let hub = TestHub::start().await;
    let (line, _) = hub.issue("packwell").await;
    let good = json!({ "gtin": AUROXIN, "quantity": 2, "lot": "L1", "site": "9521002000115", "line": "P1" });
    let reply = post(
        &hub,
        &line,
        REST,
        &with_key("").replace("attack", "good"),
        good.to_string().as_bytes(),
    )
    .await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let before = moved(&hub).await;
    assert_eq!(before, [2, 1, 2, 0]);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let raw = |quantity: &str| {
        good.to_string()
            .replace("\"quantity\":2", &format!("\"quantity\":{quantity}"))
    };
    let long = "x".repeat(10_000);
    let cases: Vec<(&str, String, Code, &str)> = vec![
        ("zero", raw("0"), Code::BadInput, "1 to 1000000"),
        ("negative", raw("-1"), Code::BadInput, "whole number"),
        ("2^63", raw("9223372036854775808"), Code::BadInput, "1 to 1000000"),
        ("2^64", raw("18446744073709551616"), Code::BadInput, "`quantity` is"),
        ("float", raw("1.5"), Code::BadInput, "whole number"),
        ("whole float", raw("2.0"), Code::BadInput, "whole number"),
        ("exponent", raw("1e3"), Code::BadInput, "whole number"),
        ("endless", raw(&"9".repeat(20_000)), Code::BadInput, "number out of range"),
        ("not a number", raw("NaN"), Code::BadInput, "the body is not"),
        ("string", raw("\"2\""), Code::BadInput, "without quotes"),
        ("null", raw("null"), Code::BadInput, "`quantity` is"),
        ("list", raw("[2]"), Code::BadInput, "whole number"),
        (
            "missing",
            json!({ "gtin": AUROXIN }).to_string(),
            Code::BadInput,
            "`quantity` is missing",
        ),
        ("twice", raw("2,\"quantity\":3"), Code::BadInput, "duplicate field"),
        ("more than the contract", raw("500001"), Code::QuotaExceeded, "allows 500000"),
        (
            "unknown product",
            with("gtin", json!("09521001009997")),
            Code::NoAgreement,
            "09521001009997",
        ),
        (
            "another's product",
            with("gtin", json!("09521008001017")),
            Code::NoAgreement,
            "09521008001017",
        ),
        ("check digit", with("gtin", json!("09521001001015")), Code::BadInput, "`gtin`"),
        (
            "a number for a name",
            with("gtin", json!(9_521_001_001_014_u64)),
            Code::BadInput,
            "the body is not",
        ),
        ("long product", with("gtin", json!(long)), Code::BadInput, "`gtin`"),
        ("no product", json!({ "quantity": 2 }).to_string(), Code::BadInput, "`gtin`"),
        (
            "foreign site",
            with("site", json!("9521001000116")),
            Code::NoAgreement,
            "site",
        ),
        ("no site", with("site", json!("9521002000116")), Code::BadInput, "`site`"),
        (
            "another's agreement",
            with("agreement", json!("aurora-sigmapack-2024")),
            Code::NoAgreement,
            "agreement",
        ),
        (
            "no agreement",
            with("agreement", json!("Ünbekannt")),
            Code::BadInput,
            "`agreement`",
        ),
        ("empty lot", with("lot", json!("")), Code::BadInput, "lot"),
        ("long lot", with("lot", json!(long)), Code::BadInput, "lot"),
        ("unicode lot", with("lot", json!("Łot–1")), Code::BadInput, "lot"),
        ("lot with NUL", with("lot", json!("L\u{0}1")), Code::BadInput, "lot"),
        ("long line", with("line", json!(long)), Code::BadInput, "line"),
        ("two lines", with("line", json!("P1\r\nP2")), Code::BadInput, "line"),
        (
            "documents",
            with("documents", json!({ "workOrder": long })),
            Code::BadInput,
            "documents",
        ),
        (
            "unknown document",
            with("documents", json!({ "order": "1" })),
            Code::BadInput,
            "unknown field `order`",
        ),
        (
            "unknown member",
            with("quantitty", json!(2)),
            Code::BadInput,
            "unknown field `quantitty`",
        ),
        ("unknown and long", with(&long, json!(2)), Code::BadInput, "unknown field"),
        ("no object", "[1]".to_owned(), Code::BadInput, "the body is not"),
        ("nothing", String::new(), Code::BadInput, "the body is not"),
        ("half", good.to_string()[..20].to_owned(), Code::BadInput, "the body is not"),
        ("two", good.to_string().repeat(2), Code::BadInput, "trailing characters"),
        (
            "deep",
            format!("{{\"documents\":{}", "[".repeat(30_000)),
            Code::BadInput,
            "the body is not",
        ),
        ("huge", with("lot", json!("x".repeat(1 << 20))), Code::TooLarge, "65536 bytes"),
    ];
    for (what, body, code, words) in &cases {
        let reply = post(&hub, &line, REST, &with_key(""), body.as_bytes()).await;
        is_refused(what, &reply, *code, words);
    }
    let reply = post(&hub, &line, REST, &with_key(""), b"{\"gtin\":\"\xff\xfe\",\"quantity\":2}").await;
    is_refused("no UTF-8", &reply, Code::BadInput, "the body is not");
    assert_eq!(moved(&hub).await, before);
    // The key that all of them came with is still free.
    let reply = post(&hub, &line, REST, &with_key(""), good.to_string().as_bytes()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    hub.stop().await;
}

#[tokio::test]
async fn a_bad_head_over_rest_says_what_is_wrong_and_moves_nothing() {
    let hub = TestHub::start().await;
    let (line, _) = hub.issue("packwell").await;
    let good = json!({ "gtin": AUROXIN, "quantity": 2 }).to_string();
    let key = |value: &str| format!("{JSON}idempotency-key: {value}\r\n");
    let json_of = |media_type: &str| with_key("").replace("application/json", media_type);
    let cases = [
        ("no key", JSON.to_owned(), Code::KeyMissing, "Idempotency-Key"),
        (
            "two keys",
            key("a") + "idempotency-key: b\r\n",
            Code::BadInput,
            "stands twice",
        ),
        (
            "the same key twice",
            key("a") + "Idempotency-Key: a\r\n",
            Code::BadInput,
            "stands twice",
        ),
        ("a list of keys", key("\"a\", \"b\""), Code::BadInput, "in quotes"),
        ("empty key", key(""), Code::BadInput, "in quotes"),
        ("empty string", key("\"\""), Code::BadInput, "1 to 200 characters"),
        (
            "long key",
            key(&format!("\"{}\"", "k".repeat(10_000))),
            Code::BadInput,
            "1 to 200 characters",
        ),
        ("unicode key", key("\"schlüssel\""), Code::BadInput, "ASCII"),
        ("open key", key("\"a"), Code::BadInput, "in quotes"),
        (
            "no type",
            "idempotency-key: a\r\n".to_owned(),
            Code::UnsupportedMediaType,
            "application/json",
        ),
        (
            "XML",
            json_of("application/xml"),
            Code::UnsupportedMediaType,
            "application/json",
        ),
        (
            "form",
            json_of("application/x-www-form-urlencoded"),
            Code::UnsupportedMediaType,
            "application/json",
        ),
        (
            "almost",
            json_of("application/jsonl"),
            Code::UnsupportedMediaType,
            "application/json",
        ),
    ];
    for (what, headers, code, words) in cases {
        let reply = post(&hub, &line, REST, &headers, good.as_bytes()).await;
        is_refused(what, &reply, code, words);
    }
    for (method, path, code) in [
        ("PUT", REST, Code::MethodNotAllowed),
        ("DELETE", REST, Code::MethodNotAllowed),
        ("POST", "/serials/v1/allocation", Code::NotFound),
        ("POST", "/serials/v1/allocations/x/confirm", Code::NotFound),
        (
            "POST",
            "/serials/v1/allocations/alc_00000000000000000000000000000000/approve",
            Code::NotFound,
        ),
        ("POST", "/serials/v1/allocations/%00/close", Code::NotFound),
        ("POST", "/serials/v1/allocations/%ff/close", Code::NotFound),
    ] {
        let mut connection = Connection::open(&hub, Some(line.clone())).await.expect("a connection");
        let reply = connection
            .call(method, path, &with_key(""), good.as_bytes())
            .await
            .expect("an answer");
        assert_eq!(reply.status, code.status(), "{method} {path}: {}", reply.body);
        assert!(reply.body.contains(code.as_str()), "{method} {path}: {}", reply.body);
    }
    assert_eq!(moved(&hub).await, [0, 0, 0, 0]);
    let reply = post(&hub, &line, REST, &key("\"schluessel\""), good.as_bytes()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    hub.stop().await;
}

#[tokio::test]
async fn a_bad_request_over_graphql_says_what_is_wrong_and_moves_nothing() {
    let hub = TestHub::start().await;
    let (line, _) = hub.issue("packwell").await;
    let ask = async |input: Value| {
        let query = "mutation($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason } }";
        let body = json!({ "query": query, "variables": { "input": input } }).to_string();
        let reply = post(&hub, &line, "/graphql", JSON, body.as_bytes()).await;
        serde_json::from_str::<Value>(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
    };
    let good = json!({ "gtin": AUROXIN, "quantity": 2, "idempotencyKey": "attack" });
    let with = |name: &str, value: Value| {
        let mut input = good.clone();
        input[name] = value;
        input
    };
    let long = "x".repeat(10_000);
    for (input, code, words) in [
        (with("quantity", json!(0)), "BAD_INPUT", "1 to 1000000"),
        (with("quantity", json!(-1)), "BAD_INPUT", "a Long is a whole number from 0"),
        (
            with("quantity", json!(9_223_372_036_854_775_808_u64)),
            "BAD_INPUT",
            "a Long is a whole number from 0",
        ),
        (with("quantity", json!(1.5)), "BAD_INPUT", "a Long is a whole number from 0"),
        (with("quantity", json!("two")), "BAD_INPUT", "Long"),
        (with("quantity", Value::Null), "", "quantity"),
        (json!({ "gtin": AUROXIN, "idempotencyKey": "attack" }), "", "quantity"),
        (with("gtin", json!("09521001001015")), "BAD_INPUT", "`gtin`"),
        (with("idempotencyKey", json!("")), "BAD_INPUT", "idempotency key"),
        (with("idempotencyKey", json!(long)), "BAD_INPUT", "idempotency key"),
        (with("idempotencyKey", json!("a\u{0}b")), "BAD_INPUT", "idempotency key"),
        (with("lot", json!("Ł")), "BAD_INPUT", "lot"),
        (with("site", json!("9521002000116")), "BAD_INPUT", "`site`"),
        (with("agreementId", json!("x")), "BAD_INPUT", "`agreementId`"),
        (with("quantitty", json!(2)), "", "quantitty"),
    ] {
        let answer = ask(input.clone()).await;
        let error = &answer["errors"][0];
        let text = error["message"].as_str().unwrap_or_default();
        assert!(text.contains(words), "{input}: {answer}");
        let told = error["extensions"]["code"].as_str().unwrap_or_default();
        assert!(!told.is_empty() && told != "INTERNAL", "{input}: {answer}");
        assert!(code.is_empty() || told == code, "{input}: {answer}");
    }
    for (input, status) in [
        (with("gtin", json!("09521001009997")), "NO_AGREEMENT"),
        (with("site", json!("9521001000116")), "NO_AGREEMENT"),
        (with("quantity", json!(500_001)), "QUOTA_EXCEEDED"),
    ] {
        let answer = ask(input.clone()).await;
        assert_eq!(answer["data"]["requestSerials"]["status"], status, "{input}: {answer}");
    }
    assert_eq!(moved(&hub).await, [0, 0, 0, 0]);
    // A key may be any text here.
    let answer = ask(with("idempotencyKey", json!("schlüssel 🔑"))).await;
    assert_eq!(answer["data"]["requestSerials"]["status"], "ALLOCATED", "{answer}");
    hub.stop().await;
}

#[tokio::test]
async fn whoever_is_nobody_here_moves_nothing() {
    let hub = TestHub::start().await;
    let (line, _) = hub.issue("packwell").await;
    let good = json!({ "gtin": AUROXIN, "quantity": 2 }).to_string();
    let ask = async |identity: Option<Identity>| match Connection::open(&hub, identity).await {
        Ok(mut connection) => connection.call("POST", REST, &with_key(""), good.as_bytes()).await,
        Err(error) => Err(error),
    };
    assert!(ask(None).await.is_err());
    // Of another CA, with the right name in it.
    let impostor = TestIssuer::new("another").sign(&[name(DOMAIN, "packwell")]);
    assert!(ask(Some(impostor)).await.is_err());
    hub.advance_days(31);
    assert!(ask(Some(line)).await.is_err(), "the certificate is of last month");
    assert_eq!(moved(&hub).await, [0, 0, 0, 0]);
    let (renewed, _) = hub.issue("packwell").await;
    assert_eq!(ask(Some(renewed)).await.expect("an answer").status, 201);
    hub.stop().await;
}

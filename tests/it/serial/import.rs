//! Lists of serial numbers that the brand owner made itself: whole or not at all, and no number twice.

use axum::body::Body;
use axum::http::Request;
use counterfoil::domain::serial::rule::Source;
use counterfoil::service::serial::{Standing, commissioned};
use serde_json::{Value, json};

use super::*;
use crate::hub::Answer;

/// Sends a list as a party.
pub(super) async fn send(test: &TestHub, party: &str, key: &str, content_type: &str, body: String) -> Answer {
    let request = Request::post("/serials/v1/imports")
        .header("content-type", content_type)
        .header("idempotency-key", format!("\"{key}\""));
    let actor = test.actor(party);
    test.call(&actor, request.body(Body::from(body)).unwrap()).await
}

pub(super) fn csv(serials: &[String]) -> String {
    let rows = serials.iter().map(|serial| format!("{AUROXIN},{serial}\r\n"));
    format!("gtin,serial\r\n{}", rows.collect::<String>())
}

/// Serials that the rule of the product allows: 12 of its 30 characters.
pub(super) fn made(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            let digits = format!("{n:06}").replace('0', "X").replace('1', "Y");
            format!("{prefix:A<6}{digits}")
        })
        .collect()
}

/// A hub whose Auroxin has numbers of this source.
pub(super) async fn with_source(source: Source) -> TestHub {
    let test = TestHub::start().await;
    set_source(&test, source);
    test
}

pub(super) fn set_source(test: &TestHub, source: Source) {
    amend(
        &test.hub,
        |party| {
            let products = party.products.iter_mut().filter(|product| product.gtin.as_str() == AUROXIN);
            products.for_each(|product| product.serials.source = source);
        },
        |_| {},
    );
}

pub(super) fn report(answer: &Answer) -> Vec<(String, String)> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    errors.iter().map(|row| (text(row, "pointer"), text(row, "code"))).collect()
}

#[tokio::test]
async fn requests_draw_from_the_list_in_its_order() {
    let test = with_source(Source::Imported).await;
    let list = made("QRT", 5_000);
    let answer = send(&test, "aurora", "list-1", "text/csv", csv(&list))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        (answer.json()["quantity"].as_u64(), &answer.json()["kind"]),
        (Some(5_000), &json!("imported"))
    );
    let first = granted(&test, "1", 4_500).await;
    assert_eq!(numbers(&test, &first).await, list[..4_500]);
    // A page of its own, and the rest of the list.
    let path = format!("/serials/v1/allocations/{}/serials?format=jsonl&after=4498&limit=2", first.id);
    let page = test.get(&test.actor("packwell"), &path).await.expect(StatusCode::OK);
    let expect: String = list[4_498..4_500]
        .iter()
        .map(|serial| format!("{{\"gtin\":\"{AUROXIN}\",\"serial\":\"{serial}\"}}\n"))
        .collect();
    assert_eq!(page.text(), expect);
    let second = granted(&test, "2", 500).await;
    assert_eq!(numbers(&test, &second).await, list[4_500..]);
    let (code, text) = refusal(request(&test.hub, &test.actor("packwell"), wanted("3", 1)).await);
    assert_eq!(code, Code::PoolExhausted);
    assert!(
        text.contains("list") && text.contains("/serials/v1/imports") && !text.contains("density"),
        "{text}"
    );
    // A dry run says the same.
    let dry = Request::post("/dry-run/serials/v1/allocations")
        .header("content-type", "application/json")
        .header("idempotency-key", "\"3\"");
    let body = json!({"gtin": AUROXIN, "quantity": 1}).to_string();
    let dry = test.call(&test.actor("packwell"), dry.body(Body::from(body)).unwrap()).await;
    assert_eq!(dry.expect(StatusCode::CONFLICT).json()["detail"], text);
    // More of it: the same pool goes on.
    let more = made("WVW", 10);
    send(&test, "aurora", "list-2", "text/csv", csv(&more))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(numbers(&test, &granted(&test, "3", 10).await).await, more);
}

#[tokio::test]
async fn the_same_key_and_list_are_the_same_import_and_another_list_is_refused() {
    let test = with_source(Source::Imported).await;
    let list = made("QRT", 20);
    let first = send(&test, "aurora", "list-1", "text/csv", csv(&list))
        .await
        .expect(StatusCode::CREATED);
    let lines: String = list
        .iter()
        .map(|serial| format!("{{\"gtin\":\"{AUROXIN}\",\"serial\":\"{serial}\"}}\n"))
        .collect();
    let again = send(&test, "aurora", "list-1", "application/jsonl", lines)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(again.json(), first.json());
    let other = send(&test, "aurora", "list-1", "text/csv", csv(&list[..19])).await;
    assert_eq!(
        other.expect(StatusCode::UNPROCESSABLE_ENTITY).json()["type"],
        "urn:counterfoil:problem:IDEMPOTENCY_KEY_REUSED"
    );
    // Two at once: one import.
    let fresh = made("WVW", 50);
    let (one, two) = tokio::join!(
        send(&test, "aurora", "list-2", "text/csv", csv(&fresh)),
        send(&test, "aurora", "list-2", "text/csv", csv(&fresh))
    );
    assert_eq!(one.expect(StatusCode::CREATED).json(), two.expect(StatusCode::CREATED).json());
    let listed = test
        .get(&test.actor("aurora"), "/serials/v1/imports?perPage=1")
        .await
        .expect(StatusCode::OK);
    assert_eq!(listed.json()[0]["idempotencyKey"], "list-2");
    let next = listed.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let rest = test.get(&test.actor("aurora"), &next).await.expect(StatusCode::OK);
    assert_eq!((rest.json().as_array().unwrap().len(), rest.header("link")), (1, ""));
    assert_eq!(rest.json()[0], first.json());
}

#[tokio::test]
async fn one_bad_row_refuses_the_list_and_each_is_told() {
    let test = with_source(Source::Imported).await;
    let before = made("QRT", 3);
    send(&test, "aurora", "list-1", "text/csv", csv(&before))
        .await
        .expect(StatusCode::CREATED);
    let mut list = made("WVW", 4);
    list.extend([
        String::new(),
        "WVWAAA 22222".to_owned(),
        "WVWAAA2222".to_owned(),
        "WVWAAA22222222222222222".to_owned(),
        "wvwaaa222222".to_owned(),
        list[1].clone(),
    ]);
    let wrong = send(&test, "aurora", "list-2", "text/csv", csv(&list))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    let expect = [
        ("line 6", "SERIAL_EMPTY"),
        ("line 7", "SERIAL_CHARSET"),
        ("line 8", "SERIAL_RULE"),
        ("line 9", "SERIAL_TOO_LONG"),
        ("line 10", "SERIAL_RULE"),
        ("line 11", "SERIAL_TWICE"),
    ];
    assert_eq!(report(&wrong), expect.map(|(line, code)| (line.to_owned(), code.to_owned())));
    let taken = [made("WVW", 2), before.clone()].concat();
    let taken = send(&test, "aurora", "list-2", "text/csv", csv(&taken))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    let expect = ["line 4", "line 5", "line 6"].map(|line| (line.to_owned(), "SERIAL_TAKEN".to_owned()));
    assert_eq!(report(&taken), expect);
    assert!(taken.json()["detail"].as_str().unwrap().starts_with("3 of 5 rows"));
    // Nothing of either stayed.
    send(&test, "aurora", "list-2", "text/csv", csv(&made("WVW", 4)))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        numbers(&test, &granted(&test, "1", 7).await).await,
        [before, made("WVW", 4)].concat()
    );
}

#[tokio::test]
async fn numbers_that_were_issued_or_commissioned_are_not_taken_again() {
    let test = TestHub::start().await;
    let issued = numbers(&test, &granted(&test, "1", 5).await).await;
    commission(&test, &["QRTAAA222222".to_owned()]).await;
    set_source(&test, Source::Imported);
    let list = [
        issued[3..].to_vec(),
        vec!["QRTAAA222222".to_owned(), "QRTAAA222223".to_owned()],
    ]
    .concat();
    let answer = send(&test, "aurora", "list-1", "text/csv", csv(&list))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    let lines: Vec<String> = report(&answer).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, ["line 2", "line 3", "line 4"]);
}

pub(super) async fn commission(test: &TestHub, serials: &[String]) -> Vec<Standing> {
    let (hub, party, serials) = (test.hub.clone(), test.actor("packwell").party, serials.to_vec());
    let work = test.hub.db().write(move |tx| {
        Box::pin(async move {
            let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
            commissioned(tx, &hub, &party, AUROXIN.parse().unwrap(), "L1", &serials).await
        })
    });
    work.await.unwrap()
}

#[tokio::test]
async fn commissioning_finds_numbers_of_a_list() {
    let test = with_source(Source::Imported).await;
    let list = made("QRT", 10);
    send(&test, "aurora", "list-1", "text/csv", csv(&list))
        .await
        .expect(StatusCode::CREATED);
    granted(&test, "1", 6).await;
    let call = [list[2].clone(), list[8].clone(), "NEVER2222222".to_owned(), list[2].clone()];
    use Standing::{Again, Allocated, NotAllocated};
    assert_eq!(commission(&test, &call).await, [Allocated, NotAllocated, NotAllocated, Again]);
}

#[tokio::test]
async fn a_computed_pool_passes_over_numbers_that_exist_elsewhere() {
    let test = TestHub::start().await;
    // Another hub process with the same key would issue exactly these next.
    amend(
        &test.hub,
        |party| party.products.iter_mut().for_each(|product| product.serials.density = 1),
        |_| {},
    );
    let whole = numbers(&test, &granted(&test, "1", 10).await).await;
    let twin = TestHub::start().await;
    amend(
        &twin.hub,
        |party| party.products.iter_mut().for_each(|product| product.serials.density = 1),
        |_| {},
    );
    let ahead = numbers(&twin, &granted(&twin, "1", 30).await).await;
    assert_eq!(ahead[..10], whole);
    let elsewhere = vec![ahead[12].clone(), "LEGACY-1".to_owned(), ahead[20].clone()];
    let answer = send(&test, "aurora", "old", "text/csv", csv(&elsewhere))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(answer.json()["kind"], "elsewhere");
    let next = numbers(&test, &granted(&test, "2", 15).await).await;
    let expect: Vec<_> = ahead[10..]
        .iter()
        .filter(|serial| !elsewhere.contains(serial))
        .take(15)
        .cloned()
        .collect();
    assert_eq!(next, expect);
    // A second list with one of them is refused.
    let again = send(&test, "aurora", "old-2", "text/csv", csv(&elsewhere[1..2])).await;
    assert_eq!(report(&again), [("line 2".to_owned(), "SERIAL_TAKEN".to_owned())]);
}

#[tokio::test]
async fn only_the_owner_imports_and_the_stranger_learns_nothing() {
    let test = with_source(Source::Imported).await;
    let list = made("QRT", 2);
    let texts: Vec<String> = {
        let mut texts = Vec::new();
        for party in ["packwell", "halden", "zenith"] {
            let answer = send(&test, party, "list-1", "text/csv", csv(&list))
                .await
                .expect(StatusCode::FORBIDDEN);
            texts.push(answer.text().to_owned());
        }
        let unknown = csv(&list).replace(AUROXIN, "09521009999993");
        let unknown = send(&test, "halden", "list-1", "text/csv", unknown)
            .await
            .expect(StatusCode::FORBIDDEN);
        texts.push(unknown.text().replace("09521009999993", AUROXIN));
        texts
    };
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    send(&test, "aurora", "list-1", "text/csv", csv(&list))
        .await
        .expect(StatusCode::CREATED);
    let listed = test
        .get(&test.actor("packwell"), "/serials/v1/imports")
        .await
        .expect(StatusCode::OK);
    assert_eq!(listed.json(), json!([]));
}

#[tokio::test]
async fn what_is_no_list_is_refused_before_anything_is_looked_at() {
    let test = with_source(Source::Imported).await;
    let check = async |content_type: &str, body: &str, status: u16| {
        let answer = send(&test, "aurora", "k", content_type, body.to_owned()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
    };
    check("text/plain", "serial\nA", 415).await;
    check("text/csv", "", 400).await;
    check("text/csv", "gtin,serial\n", 400).await;
    check("text/csv", "serial\nQRTAAA222222", 400).await;
    check("application/jsonl", "[1]", 400).await;
    let no_key = test
        .post(&test.actor("aurora"), "/serials/v1/imports", "text/csv", "serial\nA")
        .await;
    no_key.expect(StatusCode::BAD_REQUEST);
}

/// A million possible numbers, one in so many of them.
fn one_in(test: &TestHub, density: u64) {
    amend(
        &test.hub,
        |party| {
            for product in party.products.iter_mut().filter(|product| product.gtin.as_str() == AUROXIN) {
                product.serials.alphabet = "0123456789".to_owned();
                product.serials.length = 6;
                product.serials.density = density;
            }
        },
        |_| {},
    );
}

#[tokio::test]
async fn listed_numbers_count_for_a_density_that_is_raised_later() {
    let test = TestHub::start().await;
    one_in(&test, 10_000);
    granted(&test, "1", 10).await;
    let list: Vec<String> = (0..30).map(|n| format!("9{n:05}")).collect();
    let request = Request::post("/serials/v1/imports")
        .header("content-type", "text/csv")
        .header("idempotency-key", "list");
    let request = request.body(Body::from(csv(&list))).unwrap();
    test.call(&test.actor("aurora"), request).await.expect(StatusCode::CREATED);
    let most = async |key: &str| {
        let all = SerialRequest {
            partial_ok: true,
            ..wanted(key, 100)
        };
        request_of(&test, all).await
    };
    // One in 20,000: fifty, of which thirty are listed and ten issued.
    one_in(&test, 20_000);
    assert_eq!(most("2").await, Ok(10));
    assert_eq!(most("3").await, Err(Code::PoolExhausted));
    // Lowered again: what was promised holds, and no more than that.
    one_in(&test, 10_000);
    assert_eq!(most("4").await, Ok(50));
    assert_eq!(most("5").await, Err(Code::PoolExhausted));
}

async fn request_of(test: &TestHub, wanted: SerialRequest) -> Result<u64, Code> {
    let answer = request(&test.hub, &test.actor("packwell"), wanted).await;
    answer.map(|granted| granted.quantity).map_err(|error| error.code())
}

#[tokio::test]
async fn a_list_that_passes_the_density_is_refused() {
    let test = with_source(Source::Imported).await;
    // Ten.
    one_in(&test, 100_000);
    let list = |from: u32, to: u32| csv(&(from..to).map(|n| format!("{n:06}")).collect::<Vec<_>>());
    send(&test, "aurora", "1", "text/csv", list(0, 8))
        .await
        .expect(StatusCode::CREATED);
    let over = send(&test, "aurora", "2", "text/csv", list(8, 11))
        .await
        .expect(StatusCode::CONFLICT);
    assert_eq!(over.json()["type"], "urn:counterfoil:problem:POOL_EXHAUSTED");
    send(&test, "aurora", "3", "text/csv", list(8, 10))
        .await
        .expect(StatusCode::CREATED);
}

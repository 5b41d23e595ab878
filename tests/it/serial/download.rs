//! Downloads: formats, ranges, and who gets them.

use axum::body::Body;
use axum::http::{Request, header};
use counterfoil::service::serial::{AllocationState, SerialRange, serials};

use super::*;

fn path(allocation: &Allocation, query: &str) -> String {
    format!("/serials/v1/allocations/{}/serials{query}", allocation.id)
}

#[tokio::test]
async fn the_same_numbers_in_every_format() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 3).await;
    let serials = numbers(&test, &granted).await;
    let actor = test.actor("packwell");
    let csv = test.get(&actor, &path(&granted, "")).await.expect(StatusCode::OK);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(
        csv.header("content-disposition"),
        format!("attachment; filename=\"{}.csv\"", granted.id)
    );
    assert_eq!(csv.header("cache-control"), "no-store");
    let rows: String = serials.iter().map(|serial| format!("{AUROXIN},{serial}\r\n")).collect();
    assert_eq!(csv.text(), format!("gtin,serial\r\n{rows}"));
    let jsonl = Request::get(path(&granted, ""))
        .header(header::ACCEPT, "application/jsonl")
        .body(Body::empty())
        .unwrap();
    let jsonl = test.call(&actor, jsonl).await.expect(StatusCode::OK);
    assert_eq!(jsonl.header("content-type"), "application/jsonl");
    let lines: Vec<serde_json::Value> = jsonl.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expect: Vec<_> = serials
        .iter()
        .map(|serial| serde_json::json!({ "gtin": AUROXIN, "serial": serial }))
        .collect();
    assert_eq!(lines, expect);
    assert_eq!(test.get(&actor, &path(&granted, "?format=jsonl")).await.text(), jsonl.text());
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let test = TestHub::start().await;
    // More than two pieces of the stream.
    let granted = granted(&test, "1", 9_000).await;
    let all = numbers(&test, &granted).await;
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 9_000);
    let part = async |query: &str| {
        let answer = test
            .get(&test.actor("packwell"), &path(&granted, query))
            .await
            .expect(StatusCode::OK);
        answer
            .text()
            .lines()
            .skip(1)
            .map(|row| row.split_once(',').unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(part("?after=4096").await, all[4096..]);
    assert_eq!(part("?after=100&limit=5000").await, all[100..5100]);
    assert_eq!(part("?limit=1").await, all[..1]);
    assert!(part("?after=9000").await.is_empty());
    assert!(part("?limit=0").await.is_empty());
}

#[tokio::test]
async fn the_holder_and_the_owner_download_and_to_others_it_does_not_exist() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5).await;
    let absent = "/serials/v1/allocations/alc_00000000000000000000000000000000/serials";
    for party in ["halden", "zenith", "sigmapack", "northway", "hub-operator"] {
        let actor = test.actor(party);
        let told = async |path: &str| {
            let mut answer = test.get(&actor, path).await.expect(StatusCode::NOT_FOUND);
            assert!(answer.headers.remove("x-request-id").is_some());
            (answer.headers, answer.body)
        };
        let expect = told(absent).await;
        for query in ["", "?after=99"] {
            assert_eq!(told(&path(&granted, query)).await, expect, "{party} {query}");
        }
        assert_eq!(told("/serials/v1/allocations/alc_7/serials").await, expect, "{party}");
    }
    let state = async || {
        allocation(&test.hub, &test.actor("aurora"), granted.id)
            .await
            .unwrap()
            .unwrap()
            .state
    };
    let owners = test
        .get(&test.actor("aurora"), &path(&granted, ""))
        .await
        .expect(StatusCode::OK);
    // The holder has not fetched them, only the owner has.
    assert_eq!(state().await, AllocationState::Reserved);
    test.advance_seconds(60);
    let first = test.hub.now();
    assert_eq!(
        test.get(&test.actor("packwell"), &path(&granted, "")).await.text(),
        owners.text()
    );
    test.advance_seconds(60);
    assert_eq!(numbers(&test, &granted).await.len(), 5);
    assert_eq!(state().await, AllocationState::Transmitted { at: first });
}

#[tokio::test]
async fn asking_for_the_headers_is_no_download() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5).await;
    let head = async |party: &str| {
        let request = Request::head(path(&granted, "")).body(Body::empty()).unwrap();
        test.call(&test.actor(party), request).await
    };
    let answer = head("packwell").await.expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(answer.body.is_empty());
    head("halden").await.expect(StatusCode::NOT_FOUND);
    assert_eq!(
        allocation(&test.hub, &test.actor("packwell"), granted.id)
            .await
            .unwrap()
            .unwrap()
            .state,
        AllocationState::Reserved
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_the_reason() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5).await;
    let check = async |query: &str, expect: &str| {
        let answer = test
            .get(&test.actor("packwell"), &path(&granted, query))
            .await
            .expect(StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["type"], "urn:counterfoil:problem:BAD_INPUT");
        assert!(answer.text().contains(expect), "{}", answer.text());
    };
    check("?format=xml", "ask for csv, jsonl").await;
    check("?after=-1", "whole numbers").await;
    check("?after=6", "has 5 serial numbers").await;
    check("?after=18446744073709551616", "whole numbers").await;
    check("?limit=x", "whole numbers").await;
    check("?page=2", "nothing else").await;
    let xml = Request::get(path(&granted, ""))
        .header(header::ACCEPT, "application/xml")
        .body(Body::empty())
        .unwrap();
    test.call(&test.actor("packwell"), xml)
        .await
        .expect(StatusCode::NOT_ACCEPTABLE);
    let post = Request::post(path(&granted, "")).body(Body::empty()).unwrap();
    test.call(&test.actor("packwell"), post)
        .await
        .expect(StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn numbers_are_computed_piece_by_piece() {
    let test = TestHub::start().await;
    // A million numbers: the stream is there at once, and each piece is small.
    let own = request(&test.hub, &test.actor("aurora"), wanted("1", 1_000_000))
        .await
        .unwrap();
    let range = SerialRange {
        after: 999_000,
        limit: None,
    };
    let mut end: SerialStream = serials(&test.hub, &test.actor("aurora"), own.id, range).await.unwrap();
    assert_eq!(end.remaining(), 1_000);
    assert_eq!(end.next_chunk().unwrap().map(|chunk| chunk.len()), Some(1_000));
    assert_eq!(end.next_chunk().unwrap(), None);
    let mut whole = serials(&test.hub, &test.actor("aurora"), own.id, SerialRange::default())
        .await
        .unwrap();
    assert_eq!(whole.remaining(), 1_000_000);
    assert_eq!(whole.next_chunk().unwrap().map(|chunk| chunk.len()), Some(4_096));
    assert_eq!(whole.remaining(), 1_000_000 - 4_096);
}

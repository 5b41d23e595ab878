//! Formats of downloads: the same numbers however they are written, and what a format cannot hold.

use axum::body::Body;
use axum::http::{Request, header};
use counterfoil::domain::gs1::Epc;
use counterfoil::service::serial::AllocationState;

use super::*;

fn path(allocation: &Allocation, query: &str) -> String {
    format!("/serials/v1/allocations/{}/serials{query}", allocation.id)
}

async fn lines(test: &TestHub, allocation: &Allocation, format: &str) -> Vec<String> {
    let actor = Actor {
        party: allocation.party.clone(),
        system: "line-1".to_owned(),
    };
    let answer = test
        .get(&actor, &path(allocation, &format!("?format={format}")))
        .await
        .expect(StatusCode::OK);
    answer
        .text()
        .split("\r\n")
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_same_numbers_of_a_product_in_every_form() {
    let test = TestHub::start().await;
    // More than one piece of the stream.
    let granted = granted(&test, "1", 5_000).await;
    let serials = numbers(&test, &granted).await;
    let of = |make: &dyn Fn(&String) -> String| serials.iter().map(make).collect::<Vec<_>>();
    let epc = |serial: &String| Epc::sgtin(AUROXIN.parse().unwrap(), serial).unwrap();
    assert_eq!(
        lines(&test, &granted, "digital-link").await,
        of(&|serial| epc(serial).canonical().to_owned())
    );
    assert_eq!(
        lines(&test, &granted, "epc-uri").await,
        of(&|serial| epc(serial).to_urn(|_| Some(7)).unwrap())
    );
    assert_eq!(
        lines(&test, &granted, "element-string").await,
        of(&|serial| epc(serial).element_string().unwrap())
    );
    assert_eq!(
        lines(&test, &granted, "element-string-raw").await,
        of(&|serial| format!("01{AUROXIN}21{serial}"))
    );
    let json = test
        .get(&test.actor("packwell"), &path(&granted, "?format=json"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(json.header("content-type"), "application/json");
    let objects = of(&|serial| serde_json::json!({ "gtin": AUROXIN, "serial": serial }).to_string());
    assert_eq!(
        json.json()
            .as_array()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        objects
    );
    let tags: HashSet<_> = lines(&test, &granted, "sgtin-198&filter=1").await.into_iter().collect();
    // Header, filter 1, partition 5 and company prefix.
    assert!(tags.len() == 5_000 && tags.iter().all(|tag| tag.len() == 52 && tag.starts_with("3636")));
}

#[tokio::test]
async fn a_tag_that_cannot_hold_a_number_is_refused_before_the_first_byte_and_nothing_is_noted() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5).await;
    let ask = async |query: &str| test.get(&test.actor("packwell"), &path(&granted, query)).await;
    let refused = ask("?format=sgtin-96").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["type"], "urn:counterfoil:problem:NOT_ENCODABLE");
    let serials = serials(&test, &granted).await;
    assert!(serials.iter().all(|serial| !refused.text().contains(serial)));
    for (query, expect) in [
        ("?format=sscc-96", "logistic unit"),
        ("?format=sgtin-198&filter=8", "0 to 7"),
        ("?format=csv&filter=1", "sgtin-96"),
    ] {
        let answer = ask(query).await.expect(StatusCode::BAD_REQUEST);
        assert!(answer.text().contains(expect), "{}", answer.text());
    }
}

/// The numbers as the owner reads them, which is no fetching by their holder; and that the holder has not fetched them.
async fn serials(test: &TestHub, granted: &Allocation) -> Vec<String> {
    let owner = test.actor("aurora");
    let seen = allocation(&test.hub, &owner, granted.id).await.unwrap().unwrap();
    assert_eq!(seen.state, AllocationState::Reserved);
    let answer = test.get(&owner, &path(granted, "?format=jsonl")).await.expect(StatusCode::OK);
    let rows = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.map(|row| row["serial"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn ssccs_have_no_product() {
    let test = TestHub::start().await;
    let wanted = SerialRequest::new("9521002:3".parse::<Numbered>().unwrap(), 3, "pallets");
    let granted = request(&test.hub, &test.actor("packwell"), wanted).await.unwrap();
    let rows = lines(&test, &granted, "csv").await;
    assert_eq!(rows[0], "sscc");
    let epcs: Vec<Epc> = lines(&test, &granted, "epc-uri")
        .await
        .iter()
        .map(|uri| uri.parse().unwrap())
        .collect();
    assert_eq!(
        epcs.iter().map(|epc| epc.sscc().unwrap().to_string()).collect::<Vec<_>>(),
        rows[1..]
    );
    let links: Vec<Epc> = lines(&test, &granted, "digital-link")
        .await
        .iter()
        .map(|uri| uri.parse().unwrap())
        .collect();
    assert_eq!(links, epcs);
    let tags = lines(&test, &granted, "sscc-96").await;
    assert!(
        tags.len() == 3
            && tags
                .iter()
                .all(|tag| tag.len() == 24 && tag.starts_with("31") && tag.ends_with("000000"))
    );
}

#[tokio::test]
async fn accept_chooses_where_no_format_is_named() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 2).await;
    for (accept, expect) in [
        ("text/uri-list", "text/uri-list"),
        ("application/json", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/csv, text/uri-list;q=0.5", "text/csv; charset=utf-8; header=present"),
    ] {
        let request = Request::get(path(&granted, ""))
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .unwrap();
        let answer = test.call(&test.actor("packwell"), request).await.expect(StatusCode::OK);
        assert_eq!(answer.header("content-type"), expect, "{accept}");
    }
}

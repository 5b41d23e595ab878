//! Numbers that go from the printer of labels to the packer, and leases.

use counterfoil::service::serial::expire_leases;
use serde_json::{Value, json};

use super::life::{account, captured, packs, report, reported};
use super::*;
use crate::story::{self, PACKWELL_HALL_1, commission};

/// Sigmapack may commission Auroxin too, without asking for numbers of it.
pub(super) fn with_packer(test: &TestHub) {
    amend(
        &test.hub,
        |_| (),
        |agreement| {
            if agreement.id.as_str() == "aurora-sigmapack-2024" {
                agreement.products.push(AUROXIN.parse().unwrap());
            }
        },
    );
}

pub(super) const SIGMAPACK: &str = "sigmapack";

async fn transfer(test: &TestHub, party: &str, key: &str, body: Value) -> crate::hub::Answer {
    let request = axum::http::Request::post("/serials/v1/transfers")
        .header("content-type", "application/json")
        .header("idempotency-key", format!("\"{key}\""));
    test.call(
        &test.actor(party),
        request.body(axum::body::Body::from(body.to_string())).unwrap(),
    )
    .await
}

pub(super) async fn hand_on(test: &TestHub, party: &str, key: &str, mut body: Value, to: &str) -> Value {
    body["gtin"] = json!(AUROXIN);
    body["to"] = json!(story::gln_of(test, to));
    let answer = transfer(test, party, key, body).await;
    answer.expect(StatusCode::CREATED).json()["transfers"].clone()
}

async fn read(test: &TestHub, party: &str, path: &str) -> Option<Vec<String>> {
    let answer = test.get(&test.actor(party), path).await;
    if answer.status == StatusCode::NOT_FOUND {
        return None;
    }
    let answer = answer.expect(StatusCode::OK);
    let rows = answer
        .text()
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap().to_owned());
    Some(rows.collect())
}

#[tokio::test]
async fn who_has_a_number_is_who_took_it_over_last() {
    let test = TestHub::start().await;
    with_packer(&test);
    let allocation = granted(&test, "1", 10).await;
    let serials = numbers(&test, &allocation).await;
    reported(&test, "packwell", "encoded", &serials[..4]).await;
    let part = json!({"allocation": allocation.id.to_string(), "after": 2, "limit": 4});
    let transfers = hand_on(&test, "packwell", "t-1", part.clone(), SIGMAPACK).await;
    assert_eq!(
        (transfers.as_array().unwrap().len(), &transfers[0]["quantity"]),
        (1, &json!(4))
    );
    // The same again is the same; another one under the key is none.
    assert_eq!(hand_on(&test, "packwell", "t-1", part, SIGMAPACK).await, transfers);
    let mut other = json!({"gtin": AUROXIN, "serials": serials[8..], "to": story::gln_of(&test, SIGMAPACK)});
    let answer = transfer(&test, "packwell", "t-1", other.clone()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    // The taker reads its part, and no more; the giver what it was given.
    let path = transfers[0]["serials"].as_str().unwrap().to_owned();
    for party in [SIGMAPACK, "packwell", "aurora"] {
        assert_eq!(read(&test, party, &path).await.unwrap(), serials[2..6], "{party}");
    }
    assert_eq!(
        read(&test, SIGMAPACK, &format!("{path}?after=1&limit=2")).await.unwrap(),
        serials[3..5]
    );
    assert_eq!(read(&test, "zenith", &path).await, None);
    assert_eq!(
        read(
            &test,
            SIGMAPACK,
            &format!("/serials/v1/allocations/{}/serials", allocation.id)
        )
        .await,
        None
    );
    assert_eq!(numbers(&test, &allocation).await, serials);
    // Who has it says what becomes of it.
    assert_eq!(
        reported(&test, "packwell", "label_scrapped", &serials[1..3]).await,
        ["moved", "unknown"]
    );
    assert_eq!(
        reported(&test, SIGMAPACK, "label_scrapped", &serials[1..3]).await,
        ["unknown", "moved"]
    );
    test.set_time("2026-03-03T08:00:00Z");
    let event = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &packs(&serials[3..5]), "L1");
    assert_eq!(captured(&test, &[event]).await, ["SERIAL_NOT_ALLOCATED"; 2]);
    // Used numbers stay where they are, and nothing of a list goes if one stays.
    other["serials"] = json!(serials[..2]);
    let answer = transfer(&test, "packwell", "t-2", other.clone()).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("1 of the 2"), "{}", answer.text());
    // A part of a part goes back.
    let back = json!({"serials": serials[5..6]});
    hand_on(&test, SIGMAPACK, "t-1", back, "packwell").await;
    assert_eq!(reported(&test, "packwell", "lost", &serials[5..6]).await, ["moved"]);
    // Outstanding is what each has: ten numbers, four went and one came back.
    let outstanding = async |party: &str| {
        let sql = "SELECT CAST(SUM(issued - settled) AS BIGINT) AS n FROM serial_account WHERE party_id = $1";
        let row = test
            .hub
            .db()
            .query_one("reading an account", sql, vec![party.into()])
            .await
            .unwrap()
            .unwrap();
        row.try_get::<i64>("", "n").unwrap()
    };
    assert_eq!((outstanding("packwell").await, outstanding(SIGMAPACK).await), (5, 2));
    let data = test
        .graphql_data(
            &test.actor("aurora"),
            "{ serialTransfers(first: 5) { nodes { quantity to { gln } } } }",
            json!({}),
        )
        .await;
    assert_eq!(data["serialTransfers"]["nodes"][1]["quantity"], 4);
}

/// Labels of pallets come from the printer like labels of packs.
#[tokio::test]
async fn ssccs_go_to_who_may_commission_with_their_prefix() {
    let test = TestHub::start().await;
    let series: counterfoil::service::serial::Numbered = "9521001:0".parse().unwrap();
    let granted = request(&test.hub, &test.actor("packwell"), SerialRequest::new(series, 5, "1"))
        .await
        .unwrap();
    let path = format!("/serials/v1/allocations/{}/serials", granted.id);
    let answer = test.get(&test.actor("packwell"), &path).await.expect(StatusCode::OK);
    let digits: Vec<String> = answer.text().lines().skip(1).map(str::to_owned).collect();
    let body =
        |to: &str| json!({"ssccPrefix": "9521001", "extensionDigit": 0, "serials": digits[..2], "to": story::gln_of(&test, to)});
    // It may commission products of the owner, and its agreement names no prefix.
    let refused = transfer(&test, "packwell", "t-1", body(SIGMAPACK)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    amend(
        &test.hub,
        |_| (),
        |agreement| {
            if agreement.id.as_str() == "aurora-sigmapack-2024" {
                agreement.sscc_prefixes.push("9521001".parse().unwrap());
            }
        },
    );
    let given = transfer(&test, "packwell", "t-1", body(SIGMAPACK)).await;
    let given = given.expect(StatusCode::CREATED).json()["transfers"][0].clone();
    assert_eq!((&given["gtin"], &given["quantity"]), (&json!("9521001:0"), &json!(2)));
    let answer = test.get(&test.actor(SIGMAPACK), given["serials"].as_str().unwrap()).await;
    let read: Vec<String> = answer
        .expect(StatusCode::OK)
        .text()
        .lines()
        .skip(1)
        .map(str::to_owned)
        .collect();
    assert_eq!(read, digits[..2]);
    // The owner takes what is its own; what went is the giver's no more.
    let gone = transfer(&test, "packwell", "t-2", body("aurora")).await;
    assert_eq!(gone.status, StatusCode::CONFLICT, "{}", gone.text());
    let back = transfer(&test, SIGMAPACK, "t-1", body("aurora")).await;
    assert_eq!(back.status, StatusCode::CREATED, "{}", back.text());
}

#[tokio::test]
async fn numbers_go_to_nobody_who_may_not_use_them() {
    let test = TestHub::start().await;
    let serials = numbers(&test, &granted(&test, "1", 3).await).await;
    let check = async |to: String, site: Option<&str>, status: StatusCode| {
        let mut body = json!({"gtin": AUROXIN, "serials": serials, "to": to});
        if let Some(site) = site {
            body["site"] = json!(site);
        }
        let answer = transfer(&test, "packwell", "t-1", body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        answer.text().to_owned()
    };
    // No agreement for the product, none with the owner, nobody at all, itself.
    let (sigmapack, halden, packwell) = (
        story::gln_of(&test, SIGMAPACK),
        story::gln_of(&test, "halden"),
        story::gln_of(&test, "packwell"),
    );
    let refused = check(sigmapack.clone(), None, StatusCode::FORBIDDEN).await;
    assert_eq!(
        check(halden.clone(), None, StatusCode::FORBIDDEN)
            .await
            .replace(&halden, &sigmapack),
        refused
    );
    let nobody = "9521999000013".to_owned();
    let none = check(nobody.clone(), None, StatusCode::FORBIDDEN).await;
    assert_eq!(none.replace(&nobody, &sigmapack), refused);
    check("9521999000014".to_owned(), None, StatusCode::BAD_REQUEST).await;
    assert_eq!(
        check(packwell.clone(), None, StatusCode::FORBIDDEN)
            .await
            .replace(&packwell, &sigmapack),
        refused
    );
    with_packer(&test);
    // A site of somebody else.
    check(sigmapack.clone(), Some(PACKWELL_HALL_1), StatusCode::FORBIDDEN).await;
    // Numbers of somebody else answer like numbers of nobody.
    let mine = transfer(
        &test,
        "zenith",
        "t-1",
        json!({"gtin": AUROXIN, "serials": serials[..1], "to": sigmapack}),
    )
    .await;
    let none = transfer(
        &test,
        "zenith",
        "t-2",
        json!({"gtin": AUROXIN, "serials": ["NEVERISSUED2"], "to": sigmapack}),
    )
    .await;
    assert_eq!((mine.status, mine.text()), (none.status, none.text()));
    check(sigmapack, None, StatusCode::CREATED).await;
}

#[tokio::test]
async fn what_a_lease_leaves_is_lost_and_never_issued_again() {
    let test = TestHub::start().await;
    amend(&test.hub, |_| (), |agreement| agreement.quota.lease_days = Some(10));
    let allocation = granted(&test, "1", 10).await;
    let serials = numbers(&test, &allocation).await;
    reported(&test, "packwell", "label_scrapped", &serials[..3]).await;
    reported(&test, "packwell", "encoded", &serials[3..4]).await;
    let extend = "mutation($id: String!) { extendLease(allocationId: $id) { id state } }";
    let id = json!({"id": allocation.id.to_string()});
    test.set_time("2026-03-10T08:00:00Z");
    test.graphql_data(&test.actor("packwell"), extend, id.clone()).await;
    for stranger in ["sigmapack", "halden"] {
        let answer = test.graphql(&test.actor(stranger), extend, id.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{stranger}");
    }
    // The first end has passed, the second has not.
    test.set_time("2026-03-13T08:00:00Z");
    assert_eq!(expire_leases(&test.hub).await.unwrap(), 0);
    test.set_time("2026-03-20T08:00:00Z");
    // Two processes at once.
    let second = test.second().await;
    let (here, there) = tokio::join!(expire_leases(&test.hub), expire_leases(&second));
    assert!(here.unwrap() + there.unwrap() >= 1);
    assert_eq!(expire_leases(&test.hub).await.unwrap(), 0);
    assert_eq!(account(&test, "packwell").await, (10, 3));
    assert_eq!(
        reported(&test, "packwell", "allocated", &serials[2..5]).await,
        ["illegal from label_scrapped", "illegal from lost", "illegal from lost"]
    );
    let late = test.graphql(&test.actor("packwell"), extend, id).await;
    assert_eq!(late["errors"][0]["extensions"]["code"], "CONFLICT");
    let again = numbers(&test, &granted(&test, "2", 100).await).await;
    assert!(again.iter().all(|serial| !serials.contains(serial)));
    // Found again by the owner, it can be used, and not given back.
    assert_eq!(reported(&test, "aurora", "encoded", &serials[4..5]).await, ["moved"]);
    let rest = report(
        &test,
        "packwell",
        json!({"gtin": AUROXIN, "serials": serials[4..5], "to": "returned"}),
    )
    .await;
    assert_eq!(rest["illegal"], 1);
}

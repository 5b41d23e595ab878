//! The live ledger of a lot and its close: every number is named, and signed for once.

use std::sync::Arc;

use counterfoil::service::capture::run_due;
use counterfoil::service::lot::{CloseLot, Closing, close};
use serde_json::{Value, json};

use super::life::{captured, packs, reported};
use super::*;
use crate::story::{AUROXIN_CASE, PACKWELL_HALL_1, commission, document};

/// Numbers for lot L1 on a line.
async fn for_line(test: &TestHub, party: &str, (key, line): (&str, Option<&str>), quantity: u64) -> Vec<String> {
    let wanted = SerialRequest {
        lot: Some("L1".to_owned()),
        line: line.map(str::to_owned),
        ..wanted(key, quantity)
    };
    let granted = request(&test.hub, &test.actor(party), wanted).await.unwrap();
    numbers(test, &granted).await
}

const COLUMNS: &str = "issued commissioned scrapped sampled returned lost unused";

/// The columns of Auroxin's level in the order of [`COLUMNS`], and whether it balances.
async fn columns(test: &TestHub, party: &str) -> Option<(Vec<u64>, bool)> {
    let query = format!(
        "query($gtin: String!) {{ lotLedger(gtin: $gtin, lot: \"L1\") {{ levels {{ gtin level balanced foreign missing {COLUMNS} \
         packagingLines {{ line {COLUMNS} }} lines {{ {COLUMNS} }} }} closings {{ line reason balance {{ issued }} }} }} }}"
    );
    let data = test.graphql_data(&test.actor(party), &query, json!({"gtin": AUROXIN})).await;
    let levels = data["lotLedger"]["levels"].as_array()?;
    let level = levels.iter().find(|level| level["gtin"] == AUROXIN)?;
    let read = |of: &Value| {
        COLUMNS
            .split(' ')
            .map(|name| of[name].as_u64().unwrap())
            .collect::<Vec<u64>>()
    };
    // Lines, packaging lines and the whole say the same.
    for parts in ["lines", "packagingLines"] {
        let sums = level[parts].as_array().unwrap().iter().map(read);
        let sum = sums.fold(vec![0; 7], |all, part| all.iter().zip(part).map(|(a, b)| a + b).collect());
        assert_eq!(sum, read(level), "{parts}");
    }
    let columns = read(level);
    assert_eq!(columns[0], columns[1..].iter().sum::<u64>(), "{columns:?}");
    Some((columns, level["balanced"].as_bool().unwrap()))
}

async fn close_lot(test: &TestHub, party: &str, mut input: Value) -> Value {
    input["gtin"] = json!(AUROXIN);
    input["lot"] = json!("L1");
    let mutation = "mutation($input: CloseLotInput!) { closeLot(input: $input) { status reason balance { missing missingPath } \
                    closing { id line reason party { gln } balance { issued lost returned scrapped unused balanced } } } }";
    let data = test.graphql_data(&test.actor(party), mutation, json!({"input": input})).await;
    data["closeLot"].clone()
}

#[tokio::test]
async fn both_parties_see_the_same_ledger_while_the_lot_runs() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let serials = for_line(&test, "packwell", ("1", Some("P1")), 100).await;
    let second = for_line(&test, "packwell", ("2", Some("P2")), 10).await;
    let event = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &packs(&serials[..90]), "L1");
    captured(&test, &[event]).await;
    for (to, range) in [
        ("label_scrapped", 90..94),
        ("label_sampled", 94..95),
        ("returned", 95..97),
        ("lost", 97..98),
        ("encoded", 98..99),
    ] {
        reported(&test, "packwell", to, &serials[range]).await;
    }
    reported(&test, "packwell", "sampled", &serials[..2]).await;
    reported(&test, "packwell", "destroyed", &serials[2..5]).await;
    reported(&test, "packwell", "invalid", &second[..1]).await;
    let expect = Some((vec![110, 88, 5, 3, 2, 1, 11], true));
    for party in ["packwell", "aurora"] {
        assert_eq!(columns(&test, party).await, expect, "{party}");
    }
    for stranger in ["sigmapack", "zenith", "halden"] {
        assert_eq!(columns(&test, stranger).await, None, "{stranger}");
    }
}

#[tokio::test]
async fn an_imbalance_names_what_is_missing_and_blocks_the_close() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let serials = for_line(&test, "packwell", ("1", None), 10).await;
    let other = for_line(&test, "packwell", ("2", Some("P2")), 5).await;
    let event = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &packs(&serials[..7]), "L1");
    captured(&test, &[event]).await;
    reported(&test, "packwell", "encoded", &serials[7..8]).await;
    let blocked = close_lot(&test, "packwell", json!({})).await;
    assert_eq!(
        (&blocked["status"], &blocked["balance"]["missing"]),
        (&json!("UNBALANCED"), &json!(8))
    );
    let path = blocked["balance"]["missingPath"].as_str().unwrap();
    let page = |answer: crate::hub::Answer| -> Vec<(String, String)> {
        let page = answer.expect(StatusCode::OK).json();
        assert_eq!(page["total"], 8);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = page["serials"].as_array().unwrap().iter();
        rows.map(|row| (text(&row["serial"]), text(&row["state"]))).collect()
    };
    let mut missing = Vec::new();
    for after in [0, 3, 6] {
        missing.extend(page(
            test.get(&test.actor("aurora"), &format!("{path}&after={after}&limit=3"))
                .await,
        ));
    }
    let mut expect: Vec<(String, String)> = serials[8..]
        .iter()
        .chain(&other)
        .map(|serial| (serial.clone(), "allocated".to_owned()))
        .collect();
    expect.push((serials[7].clone(), "encoded".to_owned()));
    missing.sort();
    expect.sort();
    assert_eq!(missing, expect);
    assert_eq!(test.get(&test.actor("sigmapack"), path).await.status, StatusCode::NOT_FOUND);
    // What may be on paper is not given back: it still blocks, and nothing of the rest has moved.
    let blocked = close_lot(&test, "packwell", json!({"unusedAs": "RETURNED"})).await;
    assert_eq!(
        (&blocked["status"], &blocked["balance"]["missing"]),
        (&json!("UNBALANCED"), &json!(1))
    );
    assert_eq!(columns(&test, "aurora").await.unwrap().0, [15, 7, 0, 0, 0, 0, 8]);
    // One line first, then the rest with a reason.
    let closed = close_lot(&test, "packwell", json!({"line": "P2", "unusedAs": "RETURNED"})).await;
    assert_eq!(
        (&closed["status"], &closed["closing"]["balance"]["returned"]),
        (&json!("CLOSED"), &json!(5))
    );
    assert_eq!(
        close_lot(&test, "packwell", json!({"line": "P2"})).await["closing"]["id"],
        closed["closing"]["id"]
    );
    let why = json!({"reason": "reel fell into the press"});
    let closed = close_lot(&test, "packwell", why.clone()).await;
    let sums = &closed["closing"]["balance"];
    assert_eq!(
        (&sums["lost"], &sums["returned"], &sums["unused"]),
        (&json!(3), &json!(5), &json!(0))
    );
    assert_eq!(close_lot(&test, "packwell", json!({"unusedAs": "SCRAPPED"})).await, closed);
    for party in ["packwell", "aurora"] {
        assert_eq!(columns(&test, party).await.unwrap().0, [15, 7, 0, 0, 5, 3, 0], "{party}");
        let query =
            "query($gtin: String!) { lotLedger(gtin: $gtin, lot: \"L1\") { closings { line reason balance { issued } } } }";
        let data = test.graphql_data(&test.actor(party), query, json!({"gtin": AUROXIN})).await;
        let mut closings = data["lotLedger"]["closings"].as_array().unwrap().iter();
        assert!(closings.any(|closing| closing["line"].is_null() && closing["reason"] == why["reason"]));
    }
    // The owner signs over its delegate's close.
    let owners = close_lot(&test, "aurora", json!({})).await;
    assert_eq!(
        (&owners["status"], &owners["closing"]["balance"]["issued"]),
        (&json!("CLOSED"), &json!(15))
    );
    let states = "{ allocations(first: 5) { nodes { state } } }";
    let data = test.graphql_data(&test.actor("packwell"), states, json!({})).await;
    assert_eq!(
        data["allocations"]["nodes"],
        json!([{"state": "CLOSED"}, {"state": "CLOSED"}])
    );
}

#[tokio::test]
async fn after_the_close_the_balance_stands() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let serials = for_line(&test, "packwell", ("1", None), 10).await;
    let open = numbers(&test, &granted(&test, "2", 4).await).await;
    captured(
        &test,
        &[commission(
            "2026-03-02T09:00:00Z",
            PACKWELL_HALL_1,
            &packs(&serials[..9]),
            "L1",
        )],
    )
    .await;
    assert_eq!(
        close_lot(&test, "aurora", json!({"unusedAs": "SCRAPPED"})).await["status"],
        "CLOSED"
    );
    // The owner's sums are the owner's; that it is closed is for both.
    let again = close_lot(&test, "packwell", json!({})).await;
    assert_eq!(
        (&again["status"], &again["closing"]["balance"]),
        (&json!("CLOSED"), &Value::Null)
    );
    // Packs go on; what would change the balance does not.
    assert_eq!(
        reported(&test, "packwell", "released", &serials[..2]).await,
        ["moved", "moved"]
    );
    assert_eq!(reported(&test, "packwell", "destroyed", &serials[..1]).await, ["moved"]);
    assert_eq!(
        reported(&test, "packwell", "sampled", &serials[2..3]).await,
        ["lot_closed from commissioned"]
    );
    assert_eq!(
        reported(&test, "packwell", "label_scrapped", &serials[9..]).await,
        ["already"]
    );
    // A pack that comes late is marked, and noticed.
    let late = [packs(&serials[9..]), packs(&open[..1])].concat();
    let event = commission("2026-03-02T10:00:00Z", PACKWELL_HALL_1, &late, "L1");
    assert_eq!(captured(&test, &[event]).await, ["LOT_CLOSED", "SERIAL_WITHDRAWN"]);
    assert_eq!(columns(&test, "aurora").await.unwrap().0, [14, 10, 1, 0, 0, 0, 3]);
}

#[tokio::test]
async fn a_lot_that_is_nobodys_is_not_closed() {
    let test = TestHub::start().await;
    for_line(&test, "packwell", ("1", None), 10).await;
    let mutation = "mutation($input: CloseLotInput!) { closeLot(input: $input) { status } }";
    for (party, lot, line) in [
        ("sigmapack", "L1", None),
        ("halden", "L1", None),
        ("packwell", "L2", None),
        ("aurora", "L1", Some("P9")),
    ] {
        let input = json!({"input": {"gtin": AUROXIN, "lot": lot, "line": line, "reason": "none"}});
        let answer = test.graphql(&test.actor(party), mutation, input).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{party} {lot}");
    }
}

#[tokio::test]
async fn a_serial_that_was_never_allocated_and_numbers_astray_block_the_close() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let serials = for_line(&test, "packwell", ("1", None), 3).await;
    let wrong = commission(
        "2026-03-02T09:00:00Z",
        PACKWELL_HALL_1,
        &packs(&["STRANGE22222".to_owned()]),
        "L1",
    );
    let here = commission("2026-03-02T09:10:00Z", PACKWELL_HALL_1, &packs(&serials[..2]), "L1");
    let astray = commission("2026-03-02T09:20:00Z", PACKWELL_HALL_1, &packs(&serials[2..]), "L2");
    captured(&test, &[wrong, here, astray]).await;
    let blocked = close_lot(&test, "aurora", json!({"unusedAs": "LOST"})).await;
    let reason = blocked["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("0 serial numbers are missing, 1 went astray between lots, 1 were never allocated"),
        "{reason}"
    );
    let closed = close_lot(&test, "aurora", json!({"reason": "one pack relabelled"})).await;
    assert_eq!(closed["closing"]["balance"]["balanced"], false);
}

#[tokio::test]
async fn every_packaging_level_of_the_product_is_in_the_ledger() {
    let test = TestHub::start().await;
    for_line(&test, "packwell", ("1", None), 24).await;
    let cases = SerialRequest {
        numbered: AUROXIN_CASE.parse().unwrap(),
        lot: Some("L1".to_owned()),
        ..wanted("2", 1)
    };
    request(&test.hub, &test.actor("packwell"), cases).await.unwrap();
    let other = SerialRequest {
        numbered: LUMIVAR.parse().unwrap(),
        lot: Some("L1".to_owned()),
        ..wanted("3", 7)
    };
    request(&test.hub, &test.actor("aurora"), other).await.unwrap();
    let query = "query($gtin: String!) { lotLedger(gtin: $gtin, lot: \"L1\") { levels { gtin level issued } } }";
    for gtin in [AUROXIN, AUROXIN_CASE] {
        let data = test.graphql_data(&test.actor("aurora"), query, json!({"gtin": gtin})).await;
        let expect = json!([
            {"gtin": AUROXIN, "level": 0, "issued": 24},
            {"gtin": AUROXIN_CASE, "level": 5, "issued": 1},
        ]);
        assert_eq!(data["lotLedger"]["levels"], expect);
    }
}

/// Whatever comes first, a pack either counts in the balance that is signed, or finds the lot closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_close_and_commissionings_at_once_follow_one_another() {
    let test = Arc::new(TestHub::start().await);
    test.set_time("2026-03-03T08:00:00Z");
    let asked = for_line(&test, "packwell", ("1", None), 40).await;
    let shared = numbers(&test, &granted(&test, "2", 40).await).await;
    let mut work = tokio::task::JoinSet::new();
    for part in 0..8 {
        let range = part * 5..part * 5 + 5;
        let serials = [&asked[range.clone()], &shared[range]].concat();
        let test = Arc::clone(&test);
        work.spawn(async move {
            let event = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &packs(&serials), "L1");
            let sent = test
                .post(
                    &test.actor("packwell"),
                    "/epcis/capture",
                    "application/ld+json",
                    document(&[event]),
                )
                .await;
            sent.expect(StatusCode::ACCEPTED);
            while run_due(&test.hub).await.unwrap().is_some() {}
        });
    }
    for party in ["packwell", "aurora"] {
        let test = Arc::clone(&test);
        work.spawn(async move {
            let request = CloseLot {
                gtin: AUROXIN.parse().unwrap(),
                lot: "L1".to_owned(),
                line: None,
                reason: Some("at once".to_owned()),
                unused_as: None,
            };
            let closed = close(&test.hub, &test.actor(party), request).await.unwrap();
            assert!(matches!(closed, Closing::Closed(_)));
        });
    }
    work.join_all().await;
    while run_due(&test.hub).await.unwrap().is_some() {}
    let rows = test
        .hub
        .db()
        .query("reading closes", "SELECT balance FROM lot_close ORDER BY id", Vec::new())
        .await
        .unwrap();
    let signed: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str(&row.try_get::<String>("", "balance").unwrap()).unwrap())
        .collect();
    let first = signed
        .iter()
        .map(|sums| sums["commissioned"].as_u64().unwrap())
        .min()
        .unwrap();
    let count = async |code: &str| {
        let sql = "SELECT COUNT(*) AS n FROM finding WHERE code = $1";
        let row = test
            .hub
            .db()
            .query_one("counting", sql, vec![code.into()])
            .await
            .unwrap()
            .unwrap();
        row.try_get::<i64>("", "n").unwrap() as u64
    };
    let (late, withdrawn) = (count("LOT_CLOSED").await, count("SERIAL_WITHDRAWN").await);
    // Packs that were signed for, those that came later, and those whose numbers had been written off by then.
    assert_eq!(first + late + withdrawn, 80, "{signed:?}");
    let lost = signed.iter().map(|sums| sums["lost"].as_u64().unwrap()).max().unwrap();
    assert_eq!(lost, withdrawn);
}

//! Stocks that run low: who is told, and what is asked for by itself, once, whatever the number of processes.

use counterfoil::domain::serial::forecast::Replenish;
use counterfoil::domain::serial::rule::Source;
use counterfoil::service::page::Page;
use counterfoil::service::serial::Watch;
use serde_json::{Value, json};

use super::import::{commission, set_source};
use super::*;

/// Agreements with packwell say this of stocks of Auroxin.
fn agree(test: &TestHub, rule: Replenish) {
    amend_all(&test.hub, rule);
}

fn amend_all(hub: &Hub, rule: Replenish) {
    amend(
        hub,
        |_| {},
        |agreement| {
            if agreement.id.as_str() == "aurora-packwell-2024" {
                agreement.products = vec![AUROXIN.parse().unwrap()];
                agreement.replenish = Some(rule);
            }
        },
    );
}

const RULE: Replenish = Replenish {
    minimum: 100,
    maximum: Some(1_000),
    days_of_cover: None,
};

async fn alerts(test: &TestHub, party: &str) -> Vec<Value> {
    let query = "{ serialAlerts { nodes { kind gtin detail subject clearedAt party { legalName } agreementId } } }";
    let data = test.graphql_data(&test.actor(party), query, json!({})).await;
    data["serialAlerts"]["nodes"].as_array().unwrap().clone()
}

async fn kinds(test: &TestHub, party: &str) -> Vec<(String, bool)> {
    let alerts = alerts(test, party).await;
    let shown = |alert: &Value| (alert["kind"].as_str().unwrap().to_owned(), alert["clearedAt"].is_null());
    alerts.iter().map(shown).collect()
}

async fn owned(test: &TestHub) -> Vec<Allocation> {
    let page = Page { first: 100, after: None };
    let rows = allocations(&test.hub, &test.actor("packwell"), None, page)
        .await
        .unwrap()
        .rows;
    rows.into_iter().map(|(_, row)| row).collect()
}

#[tokio::test]
async fn a_low_stock_is_told_to_both_and_filled_up_once() {
    let test = TestHub::start().await;
    agree(&test, RULE);
    let mut watch = Watch::default();
    assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    let mine = owned(&test).await;
    assert_eq!(mine.len(), 1);
    assert_eq!(
        (mine[0].quantity, mine[0].party.as_str(), mine[0].system.as_deref()),
        (1_000, "packwell", Some("hub/supply"))
    );
    let low = vec![("LOW_WATER".to_owned(), true)];
    assert_eq!(
        (kinds(&test, "packwell").await, kinds(&test, "aurora").await),
        (low.clone(), low)
    );
    assert_eq!(kinds(&test, "zenith").await, []);
    // The stock is back: the alert goes away by itself, and nothing more is asked for.
    assert_eq!(watch.round(&test.hub).await.unwrap(), 0);
    assert_eq!(kinds(&test, "packwell").await, [("LOW_WATER".to_owned(), false)]);
    assert_eq!(owned(&test).await.len(), 1);
    // 901 used: 99 left.
    let serials = numbers(&test, &mine[0]).await;
    commission(&test, &serials[..900]).await;
    assert_eq!(watch.round(&test.hub).await.unwrap(), 0);
    commission(&test, &serials[900..901]).await;
    assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    assert_eq!(owned(&test).await[0].quantity, 901);
    let told = alerts(&test, "aurora").await;
    let open = told.iter().find(|alert| alert["clearedAt"].is_null()).unwrap();
    let detail = open["detail"].as_str().unwrap();
    assert!(detail.starts_with("99 unused numbers, fewer than 100"), "{detail}");
}

#[tokio::test]
async fn two_processes_at_once_ask_for_one_allocation() {
    let test = TestHub::start().await;
    agree(&test, RULE);
    let second = test.second().await;
    amend_all(&second, RULE);
    let mut before = Vec::new();
    for round in 1..=3_usize {
        let (mut one, mut other) = (Watch::default(), Watch::default());
        let (first, second) = tokio::join!(one.round(&test.hub), other.round(&second));
        first.unwrap();
        second.unwrap();
        let mut mine = owned(&test).await;
        if mine.len() < round {
            // Each stood in the other's way: the next look makes up for it.
            one.round(&test.hub).await.unwrap();
            mine = owned(&test).await;
        }
        assert_eq!(mine.len(), round, "{:?}", alerts(&test, "packwell").await);
        // Of one instant and two processes: which of them a list names first is left to chance.
        let new = mine.iter().find(|allocation| !before.contains(&allocation.id)).unwrap();
        let serials = numbers(&test, new).await;
        commission(&test, &serials[..serials.len() - 10]).await;
        before = mine.iter().map(|allocation| allocation.id).collect();
    }
    assert_eq!(kinds(&test, "packwell").await.iter().filter(|(_, stands)| *stands).count(), 1);
}

#[tokio::test]
async fn what_is_asked_for_by_itself_meets_the_same_limits() {
    let test = TestHub::start().await;
    agree(&test, RULE);
    amend(&test.hub, |_| {}, |agreement| agreement.quota.total = Some(0));
    let mut watch = Watch::default();
    for _ in 0..3 {
        assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    }
    assert_eq!(owned(&test).await, []);
    let detail = alerts(&test, "packwell").await[0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with("refused: QUOTA_EXCEEDED"), "{detail}");
    // Asked once, not at every round; again after an hour.
    let refusals = async || {
        let query = "{ auditEntries(first: 50) { nodes { action outcome } } }";
        let data = test.graphql_data(&test.actor("packwell"), query, json!({})).await;
        data["auditEntries"]["nodes"].as_array().unwrap().len()
    };
    assert_eq!(refusals().await, 1);
    test.advance_seconds(3_601);
    watch.round(&test.hub).await.unwrap();
    assert_eq!(refusals().await, 2);
}

#[tokio::test]
async fn cover_is_reckoned_from_use() {
    let test = TestHub::start().await;
    let days = Replenish {
        minimum: 0,
        maximum: None,
        days_of_cover: Some(10),
    };
    agree(&test, days);
    let serials = numbers(&test, &granted(&test, "1", 1_000).await).await;
    let mut watch = Watch::default();
    for day in 0..5 {
        commission(&test, &serials[day * 100..(day + 1) * 100]).await;
        test.advance_seconds(86_400);
    }
    // 500 left at 100 a day: five days.
    let query = "{ serialStock(gtin: \"09521001001014\") { nodes { unused ratePerDay daysOfCover lowBelow low minimum maximum agreementId } } }";
    let stock = test.graphql_data(&test.actor("packwell"), query, json!({})).await;
    let node = &stock["serialStock"]["nodes"][0];
    assert_eq!(
        (&node["unused"], &node["lowBelow"], &node["low"], &node["maximum"]),
        (&json!(500), &json!(1_000), &json!(true), &Value::Null)
    );
    assert!((node["daysOfCover"].as_f64().unwrap() - 5.0).abs() < 0.01, "{node}");
    watch.round(&test.hub).await.unwrap();
    assert_eq!(kinds(&test, "packwell").await, [("LOW_WATER".to_owned(), true)]);
    assert_eq!(owned(&test).await.len(), 1, "no maximum: nothing is asked for");
    // The owner sees the delegate's stock, a stranger nothing.
    let owner = test.graphql_data(&test.actor("aurora"), query, json!({})).await;
    assert_eq!(owner["serialStock"]["nodes"][1]["unused"], 500, "{owner:#}");
    let stranger = test.graphql_data(&test.actor("zenith"), query, json!({})).await;
    assert_eq!(stranger["serialStock"]["nodes"], json!([]));
}

#[tokio::test]
async fn what_nobody_confirms_is_told() {
    let test = TestHub::start().await;
    let late = granted(&test, "1", 10).await;
    let used = granted(&test, "2", 10).await;
    commission(&test, &numbers(&test, &used).await[..1]).await;
    let mut watch = Watch::default();
    assert_eq!(watch.round(&test.hub).await.unwrap(), 0);
    test.advance_seconds(24 * 3_600 + 1);
    assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    let told = alerts(&test, "aurora").await;
    assert_eq!(
        (&told[0]["kind"], &told[0]["subject"]),
        (&json!("UNACKNOWLEDGED"), &json!(late.id.to_string()))
    );
    // Who uses its numbers has them.
    commission(&test, &numbers(&test, &late).await[..1]).await;
    assert_eq!(watch.round(&test.hub).await.unwrap(), 0);
    assert_eq!(kinds(&test, "packwell").await, [("UNACKNOWLEDGED".to_owned(), false)]);
}

#[tokio::test]
async fn the_owner_is_told_when_a_product_nears_its_density() {
    let test = TestHub::start().await;
    let narrow = |density: u64| {
        amend(
            &test.hub,
            |party| {
                for product in party.products.iter_mut().filter(|product| product.gtin.as_str() == AUROXIN) {
                    product.serials.alphabet = "0123456789".to_owned();
                    product.serials.length = 10;
                    product.serials.density = density;
                }
            },
            |_| {},
        );
    };
    // A million numbers, 1,000 of them today.
    narrow(10_000);
    granted(&test, "1", 1_000).await;
    test.advance_seconds(86_400);
    let query = "{ serialForecast(gtin: \"09521001001014\") { left ratePerDay daysLeft wallAt } }";
    let forecast = test.graphql_data(&test.actor("aurora"), query, json!({})).await;
    assert_eq!(
        (&forecast["serialForecast"]["left"], &forecast["serialForecast"]["daysLeft"]),
        (&json!(999_000), &json!(999.0))
    );
    assert_eq!(
        test.graphql_data(&test.actor("packwell"), query, json!({})).await["serialForecast"],
        Value::Null
    );
    let mut watch = Watch::default();
    assert_eq!(watch.round(&test.hub).await.unwrap(), 0);
    // A tenth of it: 99 days.
    narrow(100_000);
    assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    assert_eq!(
        (kinds(&test, "aurora").await, kinds(&test, "packwell").await),
        (vec![("DENSITY_WALL".to_owned(), true)], vec![])
    );
}

#[tokio::test]
async fn the_owner_is_told_when_a_list_runs_out() {
    let test = TestHub::start().await;
    set_source(&test, Source::Imported);
    amend(
        &test.hub,
        |party| {
            party
                .products
                .iter_mut()
                .for_each(|product| product.supply.low_water = Some(5))
        },
        |_| {},
    );
    let mut watch = Watch::default();
    assert_eq!(watch.round(&test.hub).await.unwrap(), 1);
    assert_eq!(
        (kinds(&test, "aurora").await, kinds(&test, "packwell").await),
        (vec![("LOW_WATER".to_owned(), true)], vec![])
    );
}

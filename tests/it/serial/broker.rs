//! Numbers that the manufacturer's own system makes: asked for once, checked, passed on; a bad day there moves nothing here.

use counterfoil::config::settings::Limits;
use counterfoil::domain::agreement::Approval;
use counterfoil::domain::serial::rule::Source;
use counterfoil::domain::serial::upstream::Upstream as Configured;
use counterfoil::service::serial::{AllocationState, Watch, approve, reject};
use serde_json::json;

use super::*;
use upstream::{Mood, TOKEN, Upstream, number};

mod upstream;

/// A hub whose Auroxin comes from a manufacturer's system, a hundred at a time.
async fn brokered() -> (TestHub, Upstream) {
    let limits = Limits {
        upstream_timeout_ms: 1_500,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let upstream = Upstream::start(test.folder(), test.hub.now()).await;
    std::fs::create_dir(test.folder().join("secrets")).unwrap();
    std::fs::write(test.folder().join("secrets/token"), format!("{TOKEN}\n")).unwrap();
    configure(&test, &upstream, |_| {});
    (test, upstream)
}

fn configure(test: &TestHub, upstream: &Upstream, change: impl Fn(&mut Configured)) {
    amend(
        &test.hub,
        |party| {
            for product in party.products.iter_mut().filter(|product| product.gtin.as_str() == AUROXIN) {
                product.serials.source = Source::Brokered;
                let mut configured = Configured {
                    url: upstream.url.clone(),
                    ca: upstream.ca.clone(),
                    identity: None,
                    token: Some("token".to_owned()),
                    batch: 100,
                    minimum: None,
                };
                change(&mut configured);
                product.supply.upstream = Some(configured);
            }
        },
        |_| {},
    );
}

async fn ask(test: &TestHub, key: &str, quantity: u64) -> Result<Allocation, ServiceError> {
    request(&test.hub, &test.actor("packwell"), wanted(key, quantity)).await
}

/// Alerts of the owner: kind and whether it stands.
async fn alerts(test: &TestHub) -> Vec<(String, bool)> {
    let query = "{ serialAlerts { nodes { kind clearedAt } } }";
    let data = test.graphql_data(&test.actor("aurora"), query, json!({})).await;
    let nodes = data["serialAlerts"]["nodes"].as_array().unwrap().clone();
    nodes
        .iter()
        .map(|node| (node["kind"].as_str().unwrap().to_owned(), node["clearedAt"].is_null()))
        .collect()
}

#[tokio::test]
async fn numbers_are_ordered_in_batches_and_passed_on_in_their_order() {
    let (test, upstream) = brokered().await;
    let first = ask(&test, "1", 30).await.unwrap();
    assert_eq!(numbers(&test, &first).await, (0..30).map(number).collect::<Vec<_>>());
    let second = ask(&test, "2", 70).await.unwrap();
    assert_eq!(numbers(&test, &second).await, (30..100).map(number).collect::<Vec<_>>());
    assert_eq!(upstream.orders(), 1, "the first batch was enough");
    // More than a batch is one order.
    let third = ask(&test, "3", 250).await.unwrap();
    assert_eq!(numbers(&test, &third).await, (100..350).map(number).collect::<Vec<_>>());
    assert_eq!((upstream.orders(), upstream.told.lock().unwrap().confirmed.len()), (2, 2));
    // A retry orders nothing.
    assert_eq!(ask(&test, "3", 250).await.unwrap().id, third.id);
    assert_eq!(upstream.told.lock().unwrap().posts, 2);
    assert_eq!(alerts(&test).await, []);
}

#[tokio::test]
async fn nothing_is_ordered_for_a_request_that_waits_for_approval() {
    let (test, upstream) = brokered().await;
    amend(
        &test.hub,
        |_| (),
        |agreement| agreement.approval = Some(Approval { above: 20 }),
    );
    let waiting = ask(&test, "1", 30).await.unwrap();
    assert_eq!(waiting.state, AllocationState::Pending);
    // Asked again while it waits, and refused: still nothing.
    assert_eq!(ask(&test, "1", 30).await.unwrap(), waiting);
    let second = ask(&test, "2", 40).await.unwrap();
    reject(&test.hub, &test.actor("aurora"), second.id, "too many".to_owned())
        .await
        .unwrap();
    assert_eq!((upstream.orders(), upstream.told.lock().unwrap().posts), (0, 0));
    // Yes means an order, also if the other system has a bad day first.
    upstream.set(Mood::Status(503));
    let (code, _) = refusal(approve(&test.hub, &test.actor("aurora"), waiting.id).await);
    assert_eq!(code, Code::Unavailable);
    upstream.set(Mood::Good);
    let approved = approve(&test.hub, &test.actor("aurora"), waiting.id).await.unwrap();
    assert_eq!(numbers(&test, &approved).await, (0..30).map(number).collect::<Vec<_>>());
    assert_eq!(upstream.orders(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let (test, upstream) = brokered().await;
    upstream.set(Mood::LosesAnswer);
    let (code, text) = refusal(ask(&test, "1", 30).await);
    assert_eq!(code, Code::Unavailable);
    assert!(
        text.contains("answered 500") && text.contains("no number was given out"),
        "{text}"
    );
    assert_eq!(alerts(&test).await, [("UPSTREAM_FAILED".to_owned(), true)]);
    upstream.set(Mood::Good);
    // Another process goes on where this one was stopped.
    let second = test.second().await;
    second.set_registry(Registry::new(9, Vec::new(), Vec::new()));
    let first = ask(&test, "1", 30).await.unwrap();
    assert_eq!(numbers(&test, &first).await, (0..30).map(number).collect::<Vec<_>>());
    assert_eq!((upstream.orders(), upstream.told.lock().unwrap().posts), (1, 2));
    assert_eq!(alerts(&test).await, [("UPSTREAM_FAILED".to_owned(), false)]);
}

#[tokio::test]
async fn many_at_once_cause_no_more_orders_than_they_need() {
    let (test, upstream) = brokered().await;
    let asked = (0..20).map(|n| {
        let test = &test;
        async move { ask(test, &format!("k{n}"), 10).await.unwrap() }
    });
    let granted = futures_util::future::join_all(asked).await;
    let mut all = HashSet::new();
    for allocation in &granted {
        all.extend(numbers(&test, allocation).await);
    }
    assert_eq!(all.len(), 200);
    assert!(upstream.orders() <= 3, "{} orders", upstream.orders());
}

#[tokio::test]
async fn a_bad_batch_is_refused_whole_and_the_owner_is_told() {
    for mood in [
        Mood::Twice,
        Mood::Again,
        Mood::Short,
        Mood::Long,
        Mood::OtherForm,
        Mood::Garbage,
        Mood::Redirects,
        Mood::Status(409),
    ] {
        let (test, upstream) = brokered().await;
        let before = ask(&test, "0", 100).await.unwrap();
        upstream.set(mood);
        let (code, text) = refusal(ask(&test, "1", 30).await);
        assert_eq!(code, Code::Unavailable, "{mood:?}: {text}");
        assert!((0..300).all(|at| !text.contains(&number(at))), "{text}");
        assert_eq!(alerts(&test).await, [("UPSTREAM_FAILED".to_owned(), true)], "{mood:?}");
        // Not again within a minute.
        let posts = upstream.told.lock().unwrap().posts;
        assert_eq!(refusal(ask(&test, "1", 30).await).0, Code::Unavailable);
        assert_eq!(upstream.told.lock().unwrap().posts, posts, "{mood:?}");
        upstream.set(Mood::Good);
        test.advance_seconds(61);
        let after = ask(&test, "1", 30).await.unwrap();
        let taken: HashSet<_> = numbers(&test, &before).await.into_iter().collect();
        assert!(
            numbers(&test, &after).await.iter().all(|serial| !taken.contains(serial)),
            "{mood:?}"
        );
        assert_eq!(alerts(&test).await, [("UPSTREAM_FAILED".to_owned(), false)], "{mood:?}");
    }
}

#[tokio::test]
async fn a_system_that_cannot_be_asked_moves_nothing() {
    let (test, upstream) = brokered().await;
    let check = async |expect: &str| {
        let (code, text) = refusal(ask(&test, "1", 30).await);
        assert_eq!(code, Code::Unavailable);
        assert!(text.contains(expect), "{text}");
    };
    upstream.set(Mood::Slow);
    check("did not answer in time").await;
    upstream.set(Mood::Status(503));
    check("answered 503").await;
    upstream.set(Mood::Good);
    let other = Upstream::start(&test.folder().join("other"), test.hub.now()).await;
    configure(&test, &upstream, |configured| configured.ca = other.ca.clone());
    check("certificate").await;
    configure(&test, &upstream, |configured| {
        configured.url = "https://localhost:1".to_owned()
    });
    check("cannot be reached").await;
    // Which secret is missing is the owner's to know.
    configure(&test, &upstream, |configured| configured.token = Some("missing".to_owned()));
    check("the hub cannot ask it").await;
    configure(&test, &upstream, |_| {});
    assert_eq!(numbers(&test, &ask(&test, "1", 30).await.unwrap()).await.len(), 30);
    assert_eq!(upstream.orders(), 1, "all tries had one key");
}

#[tokio::test]
async fn the_watch_fills_the_stock_up_before_anybody_asks() {
    let (test, upstream) = brokered().await;
    configure(&test, &upstream, |configured| configured.minimum = Some(50));
    let mut watch = Watch::default();
    watch.round(&test.hub).await.unwrap();
    assert_eq!(upstream.orders(), 1);
    watch.round(&test.hub).await.unwrap();
    assert_eq!(upstream.orders(), 1);
    ask(&test, "1", 60).await.unwrap();
    watch.round(&test.hub).await.unwrap();
    assert_eq!(upstream.orders(), 2);
}

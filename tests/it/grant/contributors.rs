//! Grants that ask for so many contributors: they count in totals of as many, and open nothing else.

use super::condition::{refused, unlocked};
use super::explain::{event_of, explain};
use super::total::{IN_TOTALS, all_give, all_store, german, gives, hub, releases, told, told_on};
use super::*;

#[tokio::test]
async fn a_figure_is_of_as_many_as_each_in_it_asks_for() {
    let test = hub().await;
    all_store(
        &test,
        &[("w-one", 10), ("w-two", 11), ("w-three", 12), ("w-four", 30), ("w-five", 14)],
    )
    .await;
    gives(&test, "w-four", "watcher", json!({"leastContributors": 5})).await;
    all_give(&test, &["w-one", "w-two"], "watcher").await;
    let nothing: Vec<String> = Vec::new();
    assert_eq!(told(&test, "watcher").await, nothing, "three, and one of them asks for five");
    assert_eq!(releases(&test).await, 0);
    all_give(&test, &["w-three"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, german(30), "the three without the fourth");
    // The fifth comes: the difference would tell of two.
    all_give(&test, &["w-five"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, german(30));
    // Who asks for the first time, with all five there, is told of all five: by every process, and again.
    for grantor in ["w-one", "w-two", "w-three", "w-four", "w-five"] {
        gives(&test, grantor, "other", json!({"leastContributors": 5})).await;
    }
    assert_eq!(told(&test, "other").await, german(80));
    let second = test.second().await;
    assert_eq!(told_on(&second, &test, "other").await, [("DE".to_owned(), 80)]);
    assert_eq!(told_on(&second, &test, "watcher").await, [("DE".to_owned(), 30)]);
    assert_eq!(sees(&test, "other").await, nothing, "no event is shown");
}

#[tokio::test]
async fn it_is_stricter_than_the_hub_and_never_laxer() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 11), ("w-three", 12)]).await;
    for grantor in ["w-one", "w-two"] {
        gives(&test, grantor, "watcher", json!({"leastContributors": 2})).await;
    }
    let nothing: Vec<String> = Vec::new();
    assert_eq!(told(&test, "watcher").await, nothing, "the hub asks for three");
    gives(&test, "w-three", "watcher", json!({"leastContributors": 4})).await;
    assert_eq!(told(&test, "watcher").await, nothing);
    // The same events by a grant that asks for less: that one gives them.
    gives(&test, "w-three", "watcher", json!({})).await;
    assert_eq!(told(&test, "watcher").await, german(30));
}

#[tokio::test]
async fn readings_and_licences_bound_totals_too() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 11), ("w-three", 12)]).await;
    gives(&test, "w-one", "watcher", json!({"queriesPerDay": 1})).await;
    all_give(&test, &["w-two", "w-three"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, german(30));
    let nothing: Vec<String> = Vec::new();
    assert_eq!(told(&test, "watcher").await, nothing, "used up, and two are none");
    test.advance_seconds(86_400);
    assert_eq!(told(&test, "watcher").await, german(30));
    for grantor in ["w-one", "w-two", "w-three"] {
        gives(&test, grantor, "other", json!({"licensedAs": "WHOLESALER"})).await;
    }
    assert_eq!(told(&test, "other").await, nothing, "no licence is on record");
}

#[tokio::test]
async fn a_grant_that_opens_single_events_cannot_ask_for_several() {
    let test = TestHub::start().await;
    packed(&test).await;
    let totals = levels(&IN_TOTALS);
    let mut shown = IN_TOTALS.to_vec();
    shown.extend([("WHEN", "exact"), ("CONTAINMENT", "own units")]);
    for draft in [
        json!({"leastContributors": 5}),
        json!({"leastContributors": 5, "levels": levels(&shown)}),
        json!({"leastContributors": 5, "levels": levels(&IN_TOTALS[..4])}),
        json!({"leastContributors": 5, "levels": totals, "fullIdentifier": true}),
        json!({"leastContributors": 5, "levels": totals, "scope": {"lots": ["LOT1"]}}),
    ] {
        assert_eq!(refused(&test, draft.clone()).await, "GRANT_NOT_ANONYMOUS", "{draft}");
    }
    for bad in [json!(0), json!(1), json!(-1), json!(1_001)] {
        let draft = json!({"leastContributors": bad, "levels": totals});
        assert_eq!(refused(&test, draft).await, "BAD_INPUT", "{bad}");
    }
    let draft = json!({"leastContributors": 9_223_372_036_854_775_808_u64, "levels": totals});
    assert_eq!(refused(&test, draft).await, "INVALID_QUERY");
}

#[tokio::test]
async fn it_shows_nothing_of_an_event_that_is_seen_otherwise() {
    let test = TestHub::start().await;
    packed(&test).await;
    let little = [("EXISTENCE", "full"), ("WHEN", "exact"), ("CONTAINMENT", "as asserted")];
    given(&test, "halden", json!({"levels": levels(&little)})).await;
    let place = [
        ("EXISTENCE", "full"),
        ("PRODUCT", "full"),
        ("STATE", "full"),
        ("WHEN", "month"),
        ("WHERE", "site"),
    ];
    let event = event_of(&test, "aurora", "packing").await;
    let asked = json!({"gln": gln_of(&test, "halden"), "event": event});
    let level = async || {
        let why = explain(&test, "aurora", asked.clone()).await;
        (super::explain::class(&why, "WHERE")["level"].clone(), unlocked(&why))
    };
    let impact = "query ($input: ProposeGrantInput!) { grantImpact(input: $input) { gained { events things } inferenceRisk { figures ofFew } } }";
    let draft = json!({"levels": levels(&place), "leastContributors": 2});
    let input = json!({"input": grant_to(&test, "halden", draft.clone())});
    let changes = test.graphql_data(&test.actor("aurora"), impact, input).await["grantImpact"]["gained"].clone();
    assert_eq!(changes, json!({"events": 0, "things": 0}));
    let grant = given(&test, "halden", draft).await;
    let (level_now, unlock) = level().await;
    assert_eq!(level_now, "-");
    assert!(unlock.contains("in totals of several"), "{unlock}");
    let words = "query ($id: ID!) { grant(id: $id) { leastContributors queriesPerDay } }";
    let words = test.graphql_data(&test.actor("halden"), words, json!({"id": grant})).await["grant"].clone();
    assert_eq!(words, json!({"leastContributors": 2, "queriesPerDay": null}));
    // Without the number the same grant shows the place.
    given(&test, "halden", json!({"levels": levels(&place)})).await;
    assert_eq!(level().await.0, "site");
}

//! Two processes: what was revoked on one shows nothing on the other of what comes after.

use counterfoil::domain::ids::GrantId;
use counterfoil::service::capture::run_due;
use counterfoil::service::grant::revoke as end_grant;
use counterfoil::service::page::Page;

use super::*;
use crate::hub::newest;

/// More in the long run: `tests/run revoke N`.
fn rounds() -> usize {
    let given = std::env::var("COUNTERFOIL_REVOKE_ROUNDS").ok();
    given.map_or(300, |text| text.parse().expect("a number of rounds"))
}

/// Of all grants those that ended are not looked at again, and all others are.
const ASTRAY: &str = "SELECT g.id FROM access_grant g
    WHERE EXISTS (SELECT 1 FROM grant_standing s WHERE s.grant_id = g.id) = EXISTS (SELECT 1 FROM grant_end x WHERE x.grant_id = g.id)";

#[tokio::test]
async fn revoked_then_written_then_read_never_shows() {
    let test = TestHub::start().await;
    packed(&test).await;
    let second = test.second().await;
    let (halden, aurora) = (test.actor("halden"), test.actor("aurora"));
    let page = Page { first: 100, after: None };
    let key = certificate(&test, "aurora").await;
    let begun = std::time::Instant::now();
    for round in 0..rounds() {
        let grant = propose(&test, "aurora", grant_to(&test, "halden", json!({}))).await;
        let jws = signed(&key, grant["text"].as_str().expect("a text"));
        test.graphql_data(&aurora, SIGN, json!({"grant": grant["id"], "jws": jws}))
            .await;
        let before = newest(&second, &halden, page).await.expect("a page");
        assert!(
            !before.rows.is_empty(),
            "round {round}: the other process goes by the new grant at once"
        );
        let id: GrantId = grant["id"].as_str().expect("an id").parse().expect("a grant id");
        // Revoked here, written there, read on both; the other way round in the next round.
        let (one, other) = if round % 2 == 0 {
            (&test.hub, &second)
        } else {
            (&second, &test.hub)
        };
        end_grant(one, &aurora, id, "over".to_owned()).await.expect("revoked");
        let unit = units(&[&format!("R{round}")]);
        let event = story::commission("2026-03-03T06:00:00Z", PACKWELL_HALL_1, &unit, "LOT9");
        let sent = test
            .post(
                &test.actor("packwell"),
                "/epcis/capture",
                "application/ld+json",
                story::document(&[event]),
            )
            .await;
        assert_eq!(sent.status, 202, "{}", sent.text());
        while run_due(other).await.expect("a capture job").is_some() {}
        for hub in [one, other] {
            let after = newest(hub, &halden, page).await.expect("a page");
            assert_eq!(after.rows.len(), 0, "round {round}");
        }
        if (round + 1) % 1_000 == 0 {
            println!("{} rounds in {:.0} s", round + 1, begun.elapsed().as_secs_f64());
        }
    }
    let astray = test.hub.db().query("comparing", ASTRAY, Vec::new()).await.expect("grants");
    assert_eq!(astray.len(), 0);
}

#[tokio::test]
async fn events_and_grants_that_come_at_the_same_time_find_each_other() {
    let test = TestHub::start().await;
    packed(&test).await;
    let second = test.second().await;
    let (halden, aurora) = (test.actor("halden"), test.actor("aurora"));
    let key = certificate(&test, "aurora").await;
    for round in 0..5 {
        let grant = propose(&test, "aurora", grant_to(&test, "halden", json!({}))).await;
        let jws = signed(&key, grant["text"].as_str().expect("a text"));
        let unit = units(&[&format!("C{round}")]);
        let event = story::commission("2026-03-03T06:00:00Z", PACKWELL_HALL_1, &unit, "LOT9");
        let sent = test
            .post(
                &test.actor("packwell"),
                "/epcis/capture",
                "application/ld+json",
                story::document(&[event]),
            )
            .await;
        assert_eq!(sent.status, 202);
        let capture = async { while run_due(&second).await.expect("a capture job").is_some() {} };
        let (_, signed) = tokio::join!(
            capture,
            test.graphql_data(&aurora, SIGN, json!({"grant": grant["id"], "jws": jws}))
        );
        assert_eq!(signed["signGrant"]["grant"]["state"], "IN_FORCE");
        let seen = sees(&test, "halden").await;
        assert!(
            seen.iter().any(|line| line.contains(&format!("C{round} "))),
            "round {round}: {seen:?}"
        );
        let page = Page { first: 100, after: None };
        let there = newest(&second, &halden, page).await.expect("a page");
        assert_eq!(there.rows.len(), seen.len());
        end(&test, "aurora", &grant["id"]).await;
    }
}

#[tokio::test]
async fn the_past_is_gone_through_in_steps_that_anybody_may_do() {
    let test = TestHub::start().await;
    packed(&test).await;
    let many: Vec<Value> = (0..1_100)
        .map(|number| {
            let at = format!(
                "2026-03-02T1{}:{:02}:{:02}Z",
                number / 600 % 10,
                number / 60 % 10,
                number % 60
            );
            story::commission(&at, PACKWELL_HALL_1, &units(&[&format!("M{number}")]), "LOT5")
        })
        .collect();
    test.capture(&test.actor("packwell"), story::document(&many)).await;
    let grant = propose(
        &test,
        "aurora",
        grant_to(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})),
    )
    .await;
    let state = sign(&test, "aurora", &grant).await;
    assert_eq!((&state["state"], &state["pastCoveredAt"]), (&json!("IN_FORCE"), &Value::Null));
    let halden = test.actor("halden");
    let count = async || {
        let page = Page {
            first: 5_000,
            after: None,
        };
        newest(&test.hub, &halden, page).await.expect("a page").rows.len()
    };
    assert_eq!(count().await, 500);
    while counterfoil::service::grant::fill_due(&test.hub).await.expect("a step") {}
    assert_eq!(count().await, 1_102);
    let query = "query ($id: ID!) { grant(id: $id) { pastCoveredAt } }";
    let data = test
        .graphql_data(&test.actor("aurora"), query, json!({"id": grant["id"]}))
        .await;
    assert!(data["grant"]["pastCoveredAt"].is_string());
}

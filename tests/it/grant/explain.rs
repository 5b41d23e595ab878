//! Why, and through whose eyes.

use super::*;

const EXPLAIN: &str = "query ($gln: String, $event: ID!, $asOf: DateTime) {
  explainAccess(partyGln: $gln, event: $event, asOf: $asOf) {
    decision shown classes { class level givenBy { layer rule } blockedBy { by { layer rule } level unlockedBy } } }
}";

pub async fn explain(test: &TestHub, asker: &str, variables: Value) -> Value {
    test.graphql_data(&test.actor(asker), EXPLAIN, variables).await["explainAccess"].clone()
}

pub fn class<'a>(explanation: &'a Value, name: &str) -> &'a Value {
    let classes = explanation["classes"].as_array().expect("classes");
    classes.iter().find(|class| class["class"] == name).expect("the class")
}

/// The event of a step that a party sees.
pub async fn event_of(test: &TestHub, party: &str, step: &str) -> Value {
    let data = test.graphql_data(&test.actor(party), EVENTS, json!({})).await;
    let edges = data["events"]["edges"].as_array().expect("edges").clone();
    let found = edges
        .into_iter()
        .find(|edge| edge["node"]["bizStep"] == step)
        .expect("an event");
    found["node"]["id"].clone()
}

#[tokio::test]
async fn an_explanation_names_the_rule_and_stays_what_it_was() {
    let test = TestHub::start().await;
    packed(&test).await;
    let event = event_of(&test, "aurora", "packing").await;
    let (halden, northway) = (gln_of(&test, "halden"), gln_of(&test, "northway"));
    let before = explain(&test, "aurora", json!({"gln": halden, "event": event})).await;
    assert_eq!(
        (&before["shown"], &class(&before, "WHERE")["level"]),
        (&json!(false), &json!("-"))
    );
    let grant = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let now = explain(&test, "aurora", json!({"gln": halden, "event": event})).await;
    assert_eq!(now["shown"], true);
    let place = class(&now, "WHERE");
    assert_eq!(
        (&place["level"], &place["givenBy"]),
        (&json!("site"), &json!({"layer": "GRANT", "rule": grant}))
    );
    let own = explain(&test, "halden", json!({"event": event})).await;
    assert_eq!(own["classes"], now["classes"], "the owner is told what the grantee sees");
    // The grantor is asserter of nothing here, so what it gives of the raw document is nothing: the principal may not see it.
    let then = explain(
        &test,
        "aurora",
        json!({"gln": halden, "event": event, "asOf": "2026-03-01T00:00:00Z"}),
    )
    .await;
    assert_eq!(then["shown"], false);
    end(&test, "aurora", &grant).await;
    let ended = explain(&test, "aurora", json!({"gln": halden, "event": event})).await;
    assert_eq!(
        (&ended["shown"], &class(&ended, "WHERE")["blockedBy"][0]["by"]["layer"]),
        (&json!(false), &json!("GRANT"))
    );
    let kept = "query ($id: ID!) { decision(id: $id) { shown classes { class level givenBy { layer rule } blockedBy { by { layer rule } level unlockedBy } } } }";
    let answer = async |party: &str| {
        test.graphql_data(&test.actor(party), kept, json!({"id": now["decision"]}))
            .await["decision"]
            .clone()
    };
    assert_eq!(answer("aurora").await["classes"], now["classes"]);
    assert_eq!(answer("halden").await, Value::Null, "an answer is for who asked");
    // Strangers get what they get for nothing.
    for variables in [json!({"event": event}), json!({"gln": northway, "event": event})] {
        assert_eq!(explain(&test, "zenith", variables).await, Value::Null);
    }
}

#[tokio::test]
async fn a_preview_is_the_part_of_the_callers_own_that_the_partner_sees() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let preview = EVENTS.replace("$epc: String", "$gln: String!").replace(
        "events(first: $first, after: $after, filter: {epc: $epc})",
        "events: previewAs(first: $first, after: $after, partyGln: $gln)",
    );
    let through = async |asker: &str, partner: &str| {
        let variables = json!({"gln": gln_of(&test, partner)});
        test.graphql_data(&test.actor(asker), &preview, variables).await
    };
    let halden = test.graphql_data(&test.actor("halden"), EVENTS, json!({})).await;
    assert_eq!(
        through("aurora", "halden").await["events"]["edges"][0]["node"],
        halden["events"]["edges"][0]["node"]
    );
    assert_eq!(
        through("aurora", "halden").await["events"]["edges"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(through("zenith", "halden").await["events"]["edges"], json!([]));
    // packwell told of all of it, and of zenith's besides: aurora sees its own part alone.
    let packwells = through("aurora", "packwell").await.to_string();
    assert!(packwells.contains("UNIT1") && !packwells.contains("ZEN1"), "{packwells}");
    // That packwell is zenith's delegate too is not aurora's to learn.
    assert_eq!(through("aurora", "zenith").await["events"]["edges"], json!([]));
}

#[tokio::test]
async fn the_impact_of_a_draft_is_what_its_grantee_sees_then() {
    let test = TestHub::start().await;
    packed(&test).await;
    let query = "query ($input: ProposeGrantInput!) {
      grantImpact(input: $input) { lookedAt isAll gained { events things samples classes { class events } } lost { events things } } }";
    let ask = async |party: &str, more: Value| {
        let variables = json!({"input": grant_to(&test, "halden", more)});
        test.graphql_data(&test.actor(party), query, variables).await["grantImpact"].clone()
    };
    let impact = ask("aurora", json!({"scope": {"gtins": [AUROXIN]}})).await;
    assert_eq!(
        (&impact["gained"]["events"], &impact["lost"]["events"]),
        (&json!(2), &json!(0)),
        "{impact}"
    );
    // Two units and, with the case that they are in, two and one.
    assert_eq!((&impact["gained"]["things"], &impact["isAll"]), (&json!(5), &json!(true)));
    assert_eq!(sees(&test, "halden").await.len(), 0, "nothing was stored");
    given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    assert_eq!(sees(&test, "halden").await.len(), 2);
    let again = ask("aurora", json!({"scope": {"gtins": [AUROXIN]}})).await;
    assert_eq!(again["gained"]["events"], 0, "it has that already");
    assert_eq!(ask("cornerstone", json!({})).await["lookedAt"], 0);
    let diff = "query ($gln: String!, $from: DateTime!, $to: DateTime!) {
      accessDiff(partyGln: $gln, from: $from, to: $to) { gained { events } lost { events } } }";
    let between = async |from: &str, to: &str| {
        let variables = json!({"gln": gln_of(&test, "halden"), "from": from, "to": to});
        let diff = test.graphql_data(&test.actor("aurora"), diff, variables).await["accessDiff"].clone();
        (diff["gained"]["events"].clone(), diff["lost"]["events"].clone())
    };
    assert_eq!(
        between("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z").await,
        (json!(2), json!(0))
    );
    assert_eq!(
        between("2026-04-01T00:00:00Z", "2027-04-01T00:00:00Z").await,
        (json!(0), json!(2))
    );
}

#[tokio::test]
async fn who_can_see_is_for_who_gives_and_tells_no_other_principal() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let event = event_of(&test, "aurora", "packing").await;
    let query = "query ($event: ID!) { whoCanSee(event: $event) { party { legalName } grants } }";
    let names = async |party: &str, event: &Value| {
        let data = test.graphql_data(&test.actor(party), query, json!({"event": event})).await;
        let seers = data["whoCanSee"].as_array().expect("a list").clone();
        seers
            .into_iter()
            .map(|seer| {
                (
                    seer["party"]["legalName"].as_str().unwrap_or("-").to_owned(),
                    seer["grants"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let seen = names("aurora", &event).await;
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, grants)| *grants == json!([grant])).count(), 1);
    for stranger in ["halden", "zenith", "northway"] {
        assert_eq!(names(stranger, &event).await, Vec::new(), "{stranger}");
        assert_eq!(
            names(stranger, &json!("evt_00000000000000000000000000000007")).await,
            Vec::new()
        );
    }
}

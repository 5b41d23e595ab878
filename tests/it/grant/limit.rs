//! Caps, and emergencies.

use super::*;

#[tokio::test]
async fn an_owners_cap_lowers_what_its_delegate_grants_and_not_what_others_see_by_themselves() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = propose(&test, "packwell", grant_to(&test, "halden", json!({}))).await;
    sign(&test, "packwell", &grant).await;
    assert_eq!(
        sees(&test, "halden").await.len(),
        4,
        "packwell told of aurora's and of zenith's"
    );
    let before = sees(&test, "packwell").await;
    let mutation = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
    let cap = async |levels: Value| {
        let data = test
            .graphql_data(&test.actor("aurora"), mutation, json!({"input": {"levels": levels}}))
            .await;
        data["setCap"]["cap"].clone()
    };
    let none = cap(json!([{"class": "EXISTENCE", "level": "-"}])).await;
    assert_eq!(
        sees(&test, "halden").await,
        ["commissioning ZEN1 in -"],
        "of zenith's nothing is capped"
    );
    assert_eq!(sees(&test, "packwell").await, before);
    let lift = "mutation ($cap: ID!) { liftCap(input: {cap: $cap}) { cap } }";
    let strangers = test.graphql(&test.actor("halden"), lift, json!({"cap": none})).await;
    assert_eq!(strangers["errors"][0]["extensions"]["code"], "NOT_FOUND");
    test.graphql_data(&test.actor("aurora"), lift, json!({"cap": none})).await;
    assert_eq!(sees(&test, "halden").await.len(), 4);
    cap(json!([{"class": "WHERE", "level": "-"}])).await;
    let data = test.graphql_data(&test.actor("halden"), EVENTS, json!({})).await;
    let places = data["events"]["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| edge["node"]["readPoint"].is_null());
    assert_eq!(places.filter(|hidden| *hidden).count(), 3);
}

#[tokio::test]
async fn an_emergency_shows_the_sites_of_affected_goods_for_its_time_to_those_concerned() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    crate::story::tell(&test).await;
    let places = async |party: &str| {
        let data = test.graphql_data(&test.actor(party), EVENTS, json!({})).await;
        let edges = data["events"]["edges"].as_array().expect("edges").clone();
        (
            edges.len(),
            edges.iter().filter(|edge| !edge["node"]["readPoint"].is_null()).count(),
        )
    };
    let (meridians, shown) = places("meridian").await;
    let declare = "mutation ($gtin: String!, $until: DateTime!) {
      declareEmergency(input: {gtin: $gtin, reason: \"particles\", until: $until}) { emergency } }";
    let ask = async |party: &str, gtin: &str, until: &str| {
        test.graphql(&test.actor(party), declare, json!({"gtin": gtin, "until": until}))
            .await
    };
    let code = |answer: Value| answer["errors"][0]["extensions"]["code"].clone();
    assert_eq!(code(ask("meridian", AUROXIN, "2026-03-20T00:00:00Z").await), "NOT_FOUND");
    assert_eq!(code(ask("aurora", AUROXIN, "2026-12-20T00:00:00Z").await), "BAD_INPUT");
    assert_eq!(code(ask("aurora", AUROXIN, "2026-03-01T00:00:00Z").await), "BAD_INPUT");
    let declared = ask("aurora", AUROXIN, "2026-03-20T00:00:00Z").await["data"]["declareEmergency"]["emergency"].clone();
    assert!(declared.is_string());
    let (events, now_shown) = places("meridian").await;
    assert_eq!(events, meridians, "no further event is shown");
    assert!(now_shown >= shown);
    assert_eq!(places("halden").await, (0, 0));
    let finish = "mutation ($id: ID!) { endEmergency(input: {emergency: $id}) { emergency } }";
    test.graphql_data(&test.actor("aurora"), finish, json!({"id": declared}))
        .await;
    assert_eq!(places("meridian").await, (meridians, shown));
}

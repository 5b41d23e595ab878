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

#[tokio::test]
async fn what_is_declared_of_a_product_is_told_with_its_packs_while_it_holds_and_of_the_past_as_it_was() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = crate::story::tell(&test).await;
    let query = "query ($epc: String!, $at: DateTime) {
      provenance(epc: $epc, asOf: $at) { recalls { reason from until } hops { role licenceValid at } } }";
    let ask = async |party: &str, epc: &str, at: Option<&str>| {
        let data = test
            .graphql_data(&test.actor(party), query, json!({"epc": epc, "at": at}))
            .await;
        data["provenance"].clone()
    };
    let reasons = |provenance: &Value| -> Vec<String> {
        let recalls = provenance["recalls"].as_array().expect("recalls").iter();
        recalls
            .map(|recall| recall["reason"].as_str().expect("a reason").to_owned())
            .collect()
    };
    let pack = told.units[0].as_str();
    assert_eq!(reasons(&ask("meridian", pack, None).await), [""; 0]);
    let declare = "mutation ($lots: [String!]!, $reason: String!) { declareEmergency(input: {
      gtin: \"09521001001014\", lots: $lots, reason: $reason, until: \"2026-03-20T00:00:00Z\"}) { emergency } }";
    let mut ids = Vec::new();
    for (lot, reason) in [("LOT-1", "particles"), ("LOT-2", "another lot")] {
        let input = json!({"lots": [lot], "reason": reason});
        let done = test.graphql_data(&test.actor("aurora"), declare, input).await;
        ids.push(done["declareEmergency"]["emergency"].clone());
    }
    let meridians = ask("meridian", pack, None).await;
    assert_eq!(reasons(&meridians), ["particles"]);
    for party in ["aurora", "packwell", "northway"] {
        assert_eq!(reasons(&ask(party, pack, None).await), ["particles"], "{party}");
    }
    // A stranger learns of a pack what it learns of none; a pallet is of no product.
    assert_eq!(ask("halden", pack, None).await, Value::Null);
    assert_eq!(reasons(&ask("meridian", &told.pallet, None).await), [""; 0]);
    // Wholesalers have a licence on record in the shipped contracts, the others none.
    let hops: Vec<(&str, &Value)> = meridians["hops"]
        .as_array()
        .expect("hops")
        .iter()
        .map(|hop| (hop["role"].as_str().expect("a role"), &hop["licenceValid"]))
        .collect();
    assert_eq!(
        hops,
        [
            ("CMO", &Value::Null),
            ("LOGISTICS", &Value::Null),
            ("WHOLESALER", &json!(true))
        ]
    );
    test.advance_seconds(3_600);
    let finish = "mutation ($id: ID!) { endEmergency(input: {emergency: $id}) { emergency } }";
    test.graphql_data(&test.actor("aurora"), finish, json!({"id": ids[0]})).await;
    assert_eq!(reasons(&ask("meridian", pack, None).await), [""; 0]);
    // It held then, and not before.
    assert_eq!(
        reasons(&ask("meridian", pack, Some("2026-03-06T12:30:00Z")).await),
        ["particles"]
    );
    assert_eq!(reasons(&ask("meridian", pack, Some("2026-03-05T12:00:00Z")).await), [""; 0]);
}

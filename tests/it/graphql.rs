//! The GraphQL API as such: pages, cursors, limits, ids, codes.

use serde_json::json;

use crate::hub::TestHub;

const AGREEMENTS: &str = "query ($first: Int, $after: String) {
  agreements(first: $first, after: $after) { edges { cursor node { id slug } } pageInfo { hasNextPage hasPreviousPage endCursor } }
}";

#[tokio::test]
async fn pages_follow_one_another_and_end() {
    let test = TestHub::start().await;
    let aurora = test.actor("aurora");
    let (mut after, mut slugs) = (json!(null), Vec::new());
    loop {
        let page = test
            .graphql_data(&aurora, AGREEMENTS, json!({"first": 1, "after": after}))
            .await["agreements"]
            .clone();
        slugs.extend(
            page["edges"]
                .as_array()
                .expect("edges")
                .iter()
                .map(|edge| edge["node"]["slug"].clone()),
        );
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let all = test.graphql_data(&aurora, AGREEMENTS, json!({})).await["agreements"].clone();
    let all: Vec<_> = all["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| edge["node"]["slug"].clone())
        .collect();
    assert!(all.len() > 1, "{all:?}");
    assert_eq!(slugs, all);
}

#[tokio::test]
async fn a_cursor_is_of_one_caller_and_one_list() {
    let test = TestHub::start().await;
    let page = test
        .graphql_data(&test.actor("aurora"), AGREEMENTS, json!({"first": 1}))
        .await;
    let cursor = &page["agreements"]["pageInfo"]["endCursor"];
    let code = |answer: serde_json::Value| answer["errors"][0]["extensions"]["code"].clone();
    let other = test
        .graphql(&test.actor("northway"), AGREEMENTS, json!({"after": cursor}))
        .await;
    assert_eq!(code(other), json!("BAD_INPUT"));
    let list = "query ($after: String) { events(after: $after) { edges { cursor } } }";
    assert_eq!(
        code(test.graphql(&test.actor("aurora"), list, json!({"after": cursor})).await),
        json!("BAD_INPUT")
    );
}

#[tokio::test]
async fn every_id_resolves_for_whom_it_was_told() {
    let test = TestHub::start().await;
    let aurora = test.actor("aurora");
    let data = test
        .graphql_data(&aurora, "{ me { id } agreements { edges { node { id } } } }", json!({}))
        .await;
    let ids = data["agreements"]["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| &edge["node"]["id"]);
    for id in ids.chain([&data["me"]["id"]]) {
        let node = test
            .graphql_data(&aurora, "query ($id: ID!) { node(id: $id) { id } }", json!({"id": id}))
            .await;
        assert_eq!(&node["node"]["id"], id);
    }
    for id in ["", "x", "evt_", "evt_zz", "pty_halden", "agr_nothing", "itm_0", "ä_ö"] {
        let node = test
            .graphql_data(&aurora, "query ($id: ID!) { node(id: $id) { id } }", json!({"id": id}))
            .await;
        assert_eq!(node["node"], json!(null), "{id}");
    }
}

#[tokio::test]
async fn what_costs_too_much_is_refused() {
    let test = TestHub::start().await;
    let aurora = test.actor("aurora");
    for first in [-1, 201, 1_000_000] {
        let answer = test.graphql(&aurora, AGREEMENTS, json!({"first": first})).await;
        assert_eq!(answer["data"], json!(null), "{first}");
        assert!(answer["errors"].is_array(), "{first}");
    }
    let deep = "{ events(first: 200) { edges { node { epcs(first: 200) { edges { node { epc gtin serial } } } } } } }";
    assert!(test.graphql(&aurora, deep, json!({})).await["errors"].is_array());
}

#[test]
fn every_type_is_described() {
    let schema = include_str!("../../schema/counterfoil.graphql");
    let lines: Vec<&str> = schema.lines().collect();
    let is_type = |line: &str| {
        ["type ", "input ", "enum ", "interface ", "scalar ", "union "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let types = lines.windows(2).filter(|pair| is_type(pair[1]));
    let (mut count, mut bare) = (0, Vec::new());
    for pair in types {
        count += 1;
        if pair[0] != "\"\"\"" {
            bare.push(pair[1]);
        }
    }
    assert!(count > 100, "{count} types");
    assert_eq!(
        bare, [""; 0],
        "types without a description: the lists of `transport::graphql::described` name pages"
    );
}

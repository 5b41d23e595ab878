//! What is in a container: now, and at any past instant; and the lot that came of it.

use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{AUROXIN, MERIDIAN_LYON, Told, document, sgtin, tell, unpack};

const CONTENTS: &str = "query ($epc: String!, $asOf: DateTime) {
  container(epc: $epc, asOf: $asOf) { contents { nodes { depth thing { epc } } } }
}";

/// The things inside with their depth, in the order of their names; null if the party sees no such container.
async fn contents(test: &TestHub, party: &str, epc: &str, as_of: Option<&str>) -> Value {
    let data = test
        .graphql_data(&test.actor(party), CONTENTS, json!({"epc": epc, "asOf": as_of}))
        .await;
    let Some(nodes) = data["container"]["contents"]["nodes"].as_array() else {
        return Value::Null;
    };
    let mut inside: Vec<(String, i64)> = nodes
        .iter()
        .map(|node| {
            (
                node["thing"]["epc"].as_str().expect("an epc").to_owned(),
                node["depth"].as_i64().expect("a depth"),
            )
        })
        .collect();
    inside.sort();
    json!(inside)
}

/// As `contents` gives it.
fn expected(depths: &[(&String, i64)]) -> Value {
    let mut depths = depths.to_vec();
    depths.sort();
    json!(depths)
}

#[tokio::test]
async fn contents_are_those_of_the_instant_that_is_asked_for() {
    let test = TestHub::start().await;
    let (
        Told {
            units,
            left_behind,
            case,
            pallet,
        },
        _,
    ) = tell(&test).await;
    let in_case = |depth| [(&units[0], depth), (&units[1], depth)];
    let packwell = async |epc: &str, at: &str| contents(&test, "packwell", epc, Some(at)).await;
    // Before anything was packed, packed by three, one taken out, and the case put into the pallet.
    assert_eq!(packwell(&case, "2026-03-01T08:59:59Z").await, json!([]));
    let all = [(&units[0], 1), (&units[1], 1), (&left_behind, 1)];
    assert_eq!(packwell(&case, "2026-03-01T09:00:00Z").await, expected(&all));
    assert_eq!(packwell(&case, "2026-03-01T09:04:59Z").await, expected(&all));
    assert_eq!(packwell(&case, "2026-03-01T09:05:00Z").await, expected(&in_case(1)));
    assert_eq!(packwell(&pallet, "2026-03-01T09:09:59Z").await, json!([]));
    let whole = expected(&[in_case(2).as_slice(), &[(&case, 1)]].concat());
    assert_eq!(packwell(&pallet, "2026-03-01T09:10:00Z").await, whole);
    // Whoever has it now sees it; the stranger sees no container at all, as for one that does not exist.
    assert_eq!(contents(&test, "meridian", &pallet, None).await, whole);
    assert_eq!(contents(&test, "halden", &pallet, None).await, Value::Null);
}

#[tokio::test]
async fn unpacking_empties_it_from_then_on_and_not_before() {
    let test = TestHub::start().await;
    let (Told { units, case, pallet, .. }, _) = tell(&test).await;
    let opened = unpack("2026-03-02T07:00:00Z", MERIDIAN_LYON, &pallet, &[]);
    let job = test.capture(&test.actor("meridian"), document(&[opened])).await;
    assert_eq!((&job["success"], &job["findings"]), (&json!(true), &json!({})), "{job:#}");
    let at = async |epc: &str, as_of: &str| contents(&test, "meridian", epc, Some(as_of)).await;
    assert_eq!(at(&pallet, "2026-03-02T07:00:00Z").await, json!([]));
    assert_ne!(at(&pallet, "2026-03-02T06:59:59Z").await, json!([]));
    // The case itself was not opened.
    assert_eq!(
        at(&case, "2026-03-02T07:00:00Z").await,
        expected(&[(&units[0], 1), (&units[1], 1)])
    );
}

#[tokio::test]
async fn the_lot_balances_for_its_owner_and_its_packer_and_for_nobody_else() {
    let test = TestHub::start().await;
    tell(&test).await;
    let query = "query ($gtin: String!) { lotReconciliation(gtin: $gtin, lot: \"LOT-1\") { issued commissioned unused foreign balanced } }";
    let balance = async |party: &str| {
        let data = test.graphql_data(&test.actor(party), query, json!({"gtin": AUROXIN})).await;
        data["lotReconciliation"].clone()
    };
    let owner = balance("aurora").await;
    assert_eq!(owner["balanced"], true, "{owner}");
    assert_eq!(
        (&owner["issued"], &owner["commissioned"], &owner["unused"]),
        (&json!(3), &json!(3), &json!(0)),
        "{owner}"
    );
    assert_eq!(balance("packwell").await, owner);
    for stranger in ["halden", "sigmapack", "zenith", "meridian", "northway"] {
        assert_eq!(balance(stranger).await, Value::Null, "{stranger}");
    }
}

#[tokio::test]
async fn a_number_that_was_never_allocated_is_noticed_by_the_owner_too() {
    let test = TestHub::start().await;
    let made_up = sgtin(AUROXIN, "222222222222");
    let event = crate::story::commission("2026-03-01T08:00:00Z", crate::story::PACKWELL_HALL_1, &[made_up], "LOT-9");
    let job = test.capture(&test.actor("packwell"), document(&[event])).await;
    assert_eq!(job["findings"], json!({"SERIAL_NOT_ALLOCATED": 1}), "{job:#}");
    for party in ["packwell", "aurora"] {
        let data = test
            .graphql_data(&test.actor(party), "{ findings { nodes { code } } }", json!({}))
            .await;
        assert_eq!(
            data["findings"]["nodes"],
            json!([{"code": "SERIAL_NOT_ALLOCATED"}]),
            "{party}"
        );
    }
    let stranger = test
        .graphql_data(&test.actor("halden"), "{ findings { nodes { code } } }", json!({}))
        .await;
    assert_eq!(stranger["findings"]["nodes"], json!([]));
}

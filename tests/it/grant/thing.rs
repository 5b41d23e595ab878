//! What grants open of things, containers and shipments: what the events that they show say of them, and nothing else.

use counterfoil::config::settings::Limits;

use super::*;
use crate::story::{MERIDIAN_LYON, NORTHWAY_VENLO, Told};

const ASK: &str = "query ($epc: String!, $asOf: DateTime, $knownAt: DateTime) {
  item(epc: $epc, asOf: $asOf, knownAt: $knownAt) {
    basis asOf commissionedAt custodian { legalName } disposition dispositionInferred expiry lot manufacturer { legalName }
    owner { legalName } parent { epc } persistentDispositions thing { epc }
  }
  provenance(epc: $epc, asOf: $asOf, knownAt: $knownAt) {
    unbroken lot disposition previousOwner { legalName } recalls { reason }
    hops { role country month at site silent licenceValid party { legalName } }
  }
  container(epc: $epc, asOf: $asOf, knownAt: $knownAt) { basis asOf contents { nodes { depth lot thing { epc } } } }
}";

const SHIPMENTS: &str = "query ($first: Int, $after: String) {
  shipments(first: $first, after: $after) {
    nodes { id basis state sender { legalName } receiver { legalName } seller { legalName } buyer { legalName } fromGln toGln shippedAt
            receivedAt documents { id } things { nodes { epc } } }
    pageInfo { hasNextPage endCursor }
  }
}";

async fn ask(test: &TestHub, party: &str, epc: &str) -> Value {
    test.graphql_data(&test.actor(party), ASK, json!({"epc": epc})).await
}

async fn ask_at(test: &TestHub, party: &str, epc: &str, as_of: &str) -> Value {
    let variables = json!({"epc": epc, "asOf": as_of});
    test.graphql_data(&test.actor(party), ASK, variables).await
}

async fn shipments(test: &TestHub, party: &str) -> Vec<Value> {
    let data = test.graphql_data(&test.actor(party), SHIPMENTS, json!({})).await;
    data["shipments"]["nodes"].as_array().expect("nodes").clone()
}

fn nothing() -> Value {
    json!({"item": null, "provenance": null, "container": null})
}

async fn told() -> (TestHub, Told) {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = story::tell(&test).await;
    (test, told)
}

/// Names of parties that hops have.
fn names(provenance: &Value) -> Vec<&str> {
    let hops = provenance["hops"].as_array().expect("hops").iter();
    hops.map(|hop| hop["party"]["legalName"].as_str().unwrap_or("-")).collect()
}

async fn name(test: &TestHub, party: &str) -> String {
    let data = test.graphql_data(&test.actor(party), "{ me { legalName } }", json!({})).await;
    data["me"]["legalName"].as_str().expect("a name").to_owned()
}

fn with_after() -> Value {
    let mut all = FOLLOW.to_vec();
    all.push(("AFTER", "name"));
    levels(&all)
}

#[tokio::test]
async fn a_pack_is_told_by_what_the_events_say_that_are_granted() {
    let (test, told) = told().await;
    let unit = &told.units[0];
    assert_eq!(ask(&test, "halden", unit).await, nothing());
    let grant = given(&test, "halden", json!({"levels": with_after()})).await;
    let answer = ask(&test, "halden", unit).await;
    let item = &answer["item"];
    let (packwell, northway, aurora) = (
        name(&test, "packwell").await,
        name(&test, "northway").await,
        name(&test, "aurora").await,
    );
    assert_eq!(item["basis"], "GRANTS");
    assert_eq!((&item["lot"], &item["expiry"]), (&json!("LOT-1"), &json!("2029-06-30")));
    assert_eq!(item["commissionedAt"], "2026-03-01T08:00:00.000Z");
    assert_eq!(item["manufacturer"]["legalName"], aurora.as_str());
    assert_eq!(item["parent"]["epc"], told.case.as_str());
    // Aurora sees up to the sale; what meridian did with the pack is not its own to give.
    assert_eq!(
        (&item["disposition"], &item["dispositionInferred"]),
        (&json!("in_transit"), &json!(true))
    );
    assert_eq!(item["asOf"], "2026-03-01T20:00:00.000Z");
    let meridian = name(&test, "meridian").await;
    assert_eq!(item["custodian"]["legalName"], meridian.as_str());
    assert_eq!(item["owner"]["legalName"], meridian.as_str());
    let provenance = &answer["provenance"];
    assert_eq!(names(provenance), [packwell.as_str(), &northway, &meridian]);
    assert_eq!(provenance["hops"][1]["at"], "2026-03-01T16:00:00.000Z");
    assert_eq!(provenance["hops"][1]["site"], NORTHWAY_VENLO);
    assert_eq!(provenance["unbroken"], true);
    assert_eq!(provenance["previousOwner"], Value::Null);
    // Before it was put into the case, and before it was made.
    let before = ask_at(&test, "halden", unit, "2026-03-01T08:30:00Z").await;
    assert_eq!(
        (&before["item"]["parent"], &before["item"]["disposition"]),
        (&Value::Null, &json!("active"))
    );
    assert_eq!(before["item"]["custodian"]["legalName"], packwell.as_str());
    assert_eq!(names(&before["provenance"]), [packwell.as_str()]);
    assert_eq!(ask_at(&test, "halden", unit, "2026-03-01T07:59:59Z").await, nothing());
    // By what the hub knew before it was told anything.
    let known = json!({"epc": unit, "knownAt": "2026-03-06T11:59:59Z"});
    assert_eq!(test.graphql_data(&test.actor("halden"), ASK, known).await, nothing());
    // By its global id too; and to nobody else.
    let id = format!("itm_{}", unit.parse::<Epc>().expect("an epc").key().0.simple());
    let node = "query ($id: ID!) { node(id: $id) { ... on Item { basis lot } } }";
    let by_id = test.graphql_data(&test.actor("halden"), node, json!({"id": id})).await;
    assert_eq!(by_id["node"], json!({"basis": "GRANTS", "lot": "LOT-1"}));
    assert_eq!(ask(&test, "cornerstone", unit).await, nothing());
    // On another process, and not a moment longer than it stands.
    end(&test, "aurora", &grant).await;
    assert_eq!(ask(&test, "halden", unit).await, nothing());
    assert_eq!(ask_at(&test, "halden", unit, "2026-03-01T12:00:00Z").await, nothing());
    let by_id = test.graphql_data(&test.actor("halden"), node, json!({"id": id})).await;
    assert_eq!(by_id["node"], Value::Null);
}

#[tokio::test]
async fn each_class_opens_its_own_fields_of_a_thing() {
    let (test, told) = told().await;
    let unit = &told.units[0];
    let all = [
        ("EXISTENCE", "full"),
        ("PRODUCT", "full"),
        ("STATE", "full"),
        ("WHEN", "exact"),
        ("WHERE", "site"),
        ("BEFORE", "name"),
        ("AFTER", "name"),
        ("CONTAINMENT", "as asserted"),
    ];
    let without = async |classes: &[&str]| {
        let some: Vec<_> = all.into_iter().filter(|(class, _)| !classes.contains(class)).collect();
        let grant = given(&test, "halden", json!({"levels": levels(&some)})).await;
        let answer = ask(&test, "halden", unit).await;
        end(&test, "aurora", &grant).await;
        answer
    };
    let whole = without(&[]).await;
    let fields = [
        "lot",
        "expiry",
        "manufacturer",
        "disposition",
        "custodian",
        "owner",
        "parent",
        "commissionedAt",
    ];
    let absent = |answer: &Value| -> Vec<&str> { fields.into_iter().filter(|field| answer["item"][field].is_null()).collect() };
    assert_eq!(absent(&whole), [""; 0], "{whole:#}");
    let bare = without(&["PRODUCT"]).await;
    assert_eq!(absent(&bare), ["lot", "expiry", "manufacturer"]);
    assert!(!bare.to_string().contains("LOT-1"), "{bare}");
    assert_eq!(absent(&without(&["STATE"]).await), ["disposition"]);
    let unplaced = without(&["WHERE"]).await;
    for hop in unplaced["provenance"]["hops"].as_array().expect("hops") {
        assert_eq!((&hop["site"], &hop["country"]), (&Value::Null, &Value::Null), "{hop}");
    }
    // Who took it over is not told; who tells of the receipt is.
    let after = without(&["AFTER"]).await;
    assert_eq!(absent(&after), ["custodian", "owner"]);
    assert_eq!(names(&after["provenance"])[2], "-");
    let nameless = without(&["AFTER", "BEFORE"]).await;
    assert_eq!(names(&nameless["provenance"]), ["-", "-", "-"]);
    assert_eq!(nameless["provenance"]["unbroken"], false);
    // No event is shown without these.
    for class in ["EXISTENCE", "WHEN", "CONTAINMENT"] {
        assert_eq!(without(&[class]).await, nothing(), "{class}");
    }
}

#[tokio::test]
async fn what_is_not_granted_is_answered_as_what_is_not() {
    let (test, told) = told().await;
    let unit = &told.units[0];
    let check = async |more: Value, signed: bool| {
        let grant = match signed {
            true => {
                let grant = propose(&test, "aurora", grant_to(&test, "halden", more.clone())).await;
                sign(&test, "aurora", &grant).await;
                grant["id"].clone()
            }
            false => propose(&test, "aurora", grant_to(&test, "halden", more.clone())).await["id"].clone(),
        };
        assert_eq!(ask(&test, "halden", unit).await, nothing(), "{more}");
        assert_eq!(ask(&test, "halden", &told.pallet).await, nothing(), "{more}");
        assert_eq!(shipments(&test, "halden").await, [Value::Null; 0], "{more}");
        end(&test, "aurora", &grant).await;
    };
    check(json!({}), false).await;
    check(json!({"scope": {"lots": ["LOT-2"], "gtins": [AUROXIN]}}), true).await;
    check(json!({"scope": {"gtins": [ZENITHOL]}}), true).await;
    check(json!({"requiredRole": "REGULATOR"}), true).await;
    check(json!({"licensedAs": "WHOLESALER"}), true).await;
    check(json!({"scope": {"eventFrom": "2026-03-04T00:00:00Z"}}), true).await;
    check(json!({"validFrom": "2026-05-01T00:00:00Z"}), true).await;
    // A figure of several opens no single thing.
    let figures = [
        ("EXISTENCE", "full"),
        ("PRODUCT", "full"),
        ("STATE", "full"),
        ("WHEN", "month"),
        ("WHERE", "country"),
    ];
    check(json!({"levels": levels(&figures), "leastContributors": 3}), true).await;
    // Nor does what a cap takes away.
    let cap = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
    let input = json!({"granteeGlns": [gln_of(&test, "halden")], "levels": levels(&[("EXISTENCE", "-")]), "scope": {}});
    test.graphql_data(&test.actor("aurora"), cap, json!({"input": input})).await;
    check(json!({}), true).await;
}

#[tokio::test]
async fn a_thing_in_hand_is_told_where_it_must_be_named_in_full() {
    let (test, told) = told().await;
    let unit = &told.units[0];
    given(&test, "halden", json!({"fullIdentifier": true})).await;
    let item = ask(&test, "halden", unit).await["item"].clone();
    assert_eq!((&item["basis"], &item["lot"]), (&json!("GRANTS"), &json!("LOT-1")));
    // The case and the pallet are not in hand: what was done with them is not told with the pack.
    assert_eq!(item["asOf"], "2026-03-01T09:00:00.000Z");
    // Its global id may have come from anybody; a list names nothing.
    let id = format!("itm_{}", unit.parse::<Epc>().expect("an epc").key().0.simple());
    let node = test
        .graphql_data(
            &test.actor("halden"),
            "query ($id: ID!) { node(id: $id) { id } }",
            json!({"id": id}),
        )
        .await;
    assert_eq!(node["node"], Value::Null);
    assert_eq!(shipments(&test, "halden").await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_question_for_a_thing_is_one_reading() {
    let (test, told) = told().await;
    given(&test, "halden", json!({"queriesPerDay": 2})).await;
    let item = "query ($epc: String!) { item(epc: $epc) { basis } }";
    let ask = async |epc: &str| {
        let data = test.graphql_data(&test.actor("halden"), item, json!({"epc": epc})).await;
        data["item"]["basis"].clone()
    };
    assert_eq!(ask(&told.units[0]).await, "GRANTS");
    // What is not there uses nothing.
    assert_eq!(ask(&story::sgtin(AUROXIN, "NONE")).await, Value::Null);
    assert_eq!(shipments(&test, "halden").await.len(), 2);
    assert_eq!(ask(&told.units[0]).await, Value::Null, "used up");
    assert_eq!(shipments(&test, "halden").await.len(), 0);
    test.set_time("2026-03-07T00:00:00Z");
    assert_eq!(ask(&told.units[0]).await, "GRANTS");
}

#[tokio::test]
async fn a_container_holds_what_the_granted_packings_say() {
    let (test, told) = told().await;
    let inside = |answer: &Value| -> Vec<(i64, String)> {
        let nodes = answer["container"]["contents"]["nodes"].as_array().expect("nodes");
        let node = |node: &Value| {
            let epc = node["thing"]["epc"].as_str().expect("an epc").to_owned();
            (node["depth"].as_i64().expect("a depth"), epc)
        };
        let mut inside: Vec<_> = nodes.iter().map(node).collect();
        inside.sort();
        inside
    };
    let mut whole = vec![(1, told.case.clone()), (2, told.units[0].clone()), (2, told.units[1].clone())];
    whole.sort();
    let grant = given(&test, "halden", json!({})).await;
    let answer = ask(&test, "halden", &told.pallet).await;
    assert_eq!(answer["container"]["basis"], "GRANTS");
    assert_eq!(inside(&answer), whole);
    let lots: Vec<&Value> = answer["container"]["contents"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| &node["lot"])
        .collect();
    assert_eq!(lots, [&json!("LOT-1"); 3]);
    let earlier = ask_at(&test, "halden", &told.case, "2026-03-01T09:02:00Z").await;
    assert_eq!(inside(&earlier).len(), 3);
    end(&test, "aurora", &grant).await;
    // Of packs alone: of the pallet nothing is told, the case holds the packs.
    let grant = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    assert_eq!(ask(&test, "halden", &told.pallet).await, nothing());
    assert_eq!(inside(&ask(&test, "halden", &told.case).await).len(), 2);
    end(&test, "aurora", &grant).await;
    assert_eq!(ask(&test, "halden", &told.case).await, nothing());
}

#[tokio::test]
async fn shipments_are_told_by_the_shipping_events_that_are_granted() {
    let (test, told) = told().await;
    assert_eq!(shipments(&test, "halden").await, [Value::Null; 0]);
    let grant = given(&test, "halden", json!({"levels": with_after()})).await;
    let seen = shipments(&test, "halden").await;
    assert_eq!(seen.len(), 2);
    let (sold, moved) = (&seen[0], &seen[1]);
    let owners = shipments(&test, "aurora").await;
    for (seen, owners) in seen.iter().zip(&owners) {
        for field in [
            "id",
            "sender",
            "receiver",
            "fromGln",
            "toGln",
            "shippedAt",
            "things",
            "documents",
        ] {
            assert_eq!(seen[field], owners[field], "{field}");
        }
        assert_eq!((&seen["basis"], &owners["basis"]), (&json!("GRANTS"), &json!("RELATIONS")));
    }
    assert_eq!(
        (&moved["state"], &moved["receivedAt"]),
        (&json!("RECEIVED"), &json!("2026-03-01T16:00:00.000Z"))
    );
    assert_eq!(moved["toGln"], NORTHWAY_VENLO);
    // Meridian's receipt is not aurora's to give.
    assert_eq!((&sold["state"], &sold["receivedAt"]), (&json!("IN_TRANSIT"), &Value::Null));
    assert_eq!(sold["toGln"], MERIDIAN_LYON);
    assert_eq!(sold["buyer"]["legalName"], name(&test, "meridian").await.as_str());
    assert_eq!(sold["things"]["nodes"], json!([{"epc": told.pallet}]));
    // One by one, in the same order.
    let (mut after, mut one_by_one) = (Value::Null, Vec::new());
    loop {
        let variables = json!({"first": 1, "after": after});
        let page = test.graphql_data(&test.actor("halden"), SHIPMENTS, variables).await["shipments"].clone();
        one_by_one.extend(page["nodes"].as_array().expect("nodes").clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(one_by_one, seen);
    let node = "query ($id: ID!) { node(id: $id) { ... on Shipment { basis state } } }";
    let id = json!({"id": sold["id"]});
    let by_id = async || test.graphql_data(&test.actor("halden"), node, id.clone()).await["node"].clone();
    assert_eq!(by_id().await, json!({"basis": "GRANTS", "state": "IN_TRANSIT"}));
    end(&test, "aurora", &grant).await;
    assert_eq!(by_id().await, Value::Null);
    assert_eq!(shipments(&test, "halden").await, [Value::Null; 0]);
    // Without names, places and documents; and of one side alone nothing is said of a sale.
    let bare = [("EXISTENCE", "full"), ("WHEN", "exact"), ("CONTAINMENT", "as asserted")];
    let grant = given(&test, "halden", json!({"levels": levels(&bare)})).await;
    for seen in shipments(&test, "halden").await {
        for field in ["sender", "receiver", "seller", "buyer", "fromGln", "toGln"] {
            assert_eq!(seen[field], Value::Null, "{field}");
        }
        assert_eq!(seen["documents"], json!([]));
    }
    end(&test, "aurora", &grant).await;
    given(&test, "halden", json!({})).await;
    for seen in shipments(&test, "halden").await {
        assert_eq!((&seen["seller"], &seen["buyer"]), (&Value::Null, &Value::Null));
    }
}

#[tokio::test]
async fn what_a_party_has_to_do_with_a_thing_stands_and_grants_add_to_it() {
    let (test, told) = told().await;
    let unit = &told.units[0];
    let before = ask(&test, "meridian", unit).await;
    assert_eq!(before["item"]["basis"], "RELATIONS");
    assert_eq!(before["item"]["commissionedAt"], Value::Null);
    let shipped = shipments(&test, "meridian").await;
    let grant = given(&test, "meridian", json!({})).await;
    let granted = ask(&test, "meridian", unit).await;
    assert_eq!(granted["item"]["basis"], "BOTH");
    assert_eq!(granted["item"]["commissionedAt"], "2026-03-01T08:00:00.000Z");
    let mut but_for_it = granted["item"].clone();
    for field in ["basis", "commissionedAt"] {
        but_for_it[field] = before["item"][field].clone();
    }
    assert_eq!(but_for_it, before["item"]);
    // It has the whole pallet, and takes part in the sale; the way to the store is told by the grant.
    assert_eq!(granted["container"], before["container"]);
    let now = shipments(&test, "meridian").await;
    assert_eq!((shipped.len(), now.len()), (1, 2));
    assert_eq!(now[0]["things"], shipped[0]["things"]);
    assert_eq!(now[1]["basis"], "GRANTS");
    end(&test, "aurora", &grant).await;
    assert_eq!(ask(&test, "meridian", unit).await, before);
    assert_eq!(shipments(&test, "meridian").await, shipped);
    // A grant to the packer, which knows all of it, changes nothing.
    let own = ask(&test, "packwell", unit).await;
    let grant = given(&test, "packwell", json!({})).await;
    assert_eq!(ask(&test, "packwell", unit).await["provenance"], own["provenance"]);
    end(&test, "aurora", &grant).await;
}

#[tokio::test]
async fn what_was_declared_about_a_pack_is_told_with_its_state() {
    let (test, told) = told().await;
    let declare = "mutation ($input: DeclareEmergencyInput!) { declareEmergency(input: $input) { emergency } }";
    let input = json!({"gtin": AUROXIN, "lots": ["LOT-1"], "reason": "particles", "until": "2026-03-20T00:00:00Z"});
    test.graphql_data(&test.actor("aurora"), declare, json!({"input": input}))
        .await;
    let recalls = async |without: &str| {
        let some: Vec<_> = FOLLOW.into_iter().filter(|(class, _)| *class != without).collect();
        let grant = given(&test, "halden", json!({"levels": levels(&some)})).await;
        let answer = ask(&test, "halden", &told.units[0]).await["provenance"]["recalls"].clone();
        end(&test, "aurora", &grant).await;
        answer
    };
    assert_eq!(ask(&test, "halden", &told.units[0]).await, nothing());
    assert_eq!(recalls("-").await, json!([{"reason": "particles"}]));
    assert_eq!(recalls("STATE").await, json!([]));
    assert_eq!(recalls("PRODUCT").await, json!([]), "the lot is not known");
}

const LOT: &str = "query ($gtin: String!, $lot: String!) {
  lotLedger(gtin: $gtin, lot: $lot) { levels { gtin issued } closings { id } made { gtin expiry things firstAt lastAt } }
}";

#[tokio::test]
async fn a_lot_is_told_by_the_commissionings_that_are_granted() {
    let (test, told) = told().await;
    let more = story::commission("2026-03-02T08:00:00Z", PACKWELL_HALL_1, &units(&["MORE1"]), "LOT-1");
    let other = story::commission("2026-03-02T08:00:00Z", PACKWELL_HALL_1, &units(&["MORE2"]), "LOT-2");
    test.capture(&test.actor("packwell"), story::document(&[more, other])).await;
    let ask = async |party: &str, gtin: &str, lot: &str| {
        let variables = json!({"gtin": gtin, "lot": lot});
        test.graphql_data(&test.actor(party), LOT, variables).await["lotLedger"].clone()
    };
    assert_eq!(ask("halden", AUROXIN, "LOT-1").await, Value::Null);
    let owners = ask("aurora", AUROXIN, "LOT-1").await;
    let check = async |more: Value, expect: Value| {
        let grant = given(&test, "halden", more.clone()).await;
        let answer = ask("halden", AUROXIN, "LOT-1").await;
        assert_eq!(ask("halden", AUROXIN, "LOT-9").await, Value::Null, "{more}");
        end(&test, "aurora", &grant).await;
        match expect.is_null() {
            true => assert_eq!(answer, Value::Null, "{more}"),
            false => {
                assert_eq!((&answer["levels"], &answer["closings"]), (&json!([]), &json!([])), "{more}");
                assert_eq!(answer["made"], expect, "{more}");
            }
        }
        assert_eq!(ask("halden", AUROXIN, "LOT-1").await, Value::Null, "it ended");
    };
    let made = |gtin: &str, things: u64, first: &str, last: &str| json!({"gtin": gtin, "expiry": "2029-06-30", "things": things, "firstAt": first, "lastAt": last});
    let packs = made(AUROXIN, 4, "2026-03-01T08:00:00.000Z", "2026-03-02T08:00:00.000Z");
    let cases = made(AUROXIN_CASE, 1, "2026-03-01T08:05:00.000Z", "2026-03-01T08:05:00.000Z");
    check(json!({}), json!([packs, cases])).await;
    check(json!({"scope": {"gtins": [AUROXIN]}}), json!([packs])).await;
    check(
        json!({"scope": {"gtins": [AUROXIN], "eventFrom": "2026-03-02T00:00:00Z"}}),
        json!([made(AUROXIN, 1, "2026-03-02T08:00:00.000Z", "2026-03-02T08:00:00.000Z")]),
    )
    .await;
    check(json!({"scope": {"lots": ["LOT-2"]}}), Value::Null).await;
    check(json!({"scope": {"bizSteps": ["packing"]}}), Value::Null).await;
    // A lot is of a product's class: without it nothing is told of one, and nothing is in hand here.
    check(json!({"levels": levels(&[FOLLOW[0], FOLLOW[3], FOLLOW[6]])}), Value::Null).await;
    check(json!({"fullIdentifier": true}), Value::Null).await;
    // Whoever has numbers of it sees its balance as before.
    let grant = given(&test, "packwell", json!({})).await;
    assert_eq!(ask("aurora", AUROXIN, "LOT-1").await, owners);
    assert_eq!(ask("packwell", AUROXIN, "LOT-1").await["made"], json!([]));
    end(&test, "aurora", &grant).await;
    assert!(!told.units.is_empty());
}

#[tokio::test]
async fn of_more_events_than_are_folded_in_one_answer_the_relation_tells_and_nobody_else_is_told() {
    let limits = Limits {
        query_rows: 3,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = story::tell(&test).await;
    let item = "query ($epc: String!) { item(epc: $epc) { basis } }";
    let ask = async |party: &str| test.graphql(&test.actor(party), item, json!({"epc": told.pallet})).await;
    let (stranger, own) = (ask("halden").await, ask("meridian").await);
    assert_eq!(stranger, json!({"data": {"item": null}}));
    for party in ["halden", "meridian"] {
        given(&test, party, json!({})).await;
    }
    assert_eq!(ask("halden").await["errors"][0]["extensions"]["code"], "QUERY_TOO_WIDE");
    assert_eq!(ask("meridian").await, own);
    // What is hidden does not count.
    let cap = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
    let input = json!({"granteeGlns": [gln_of(&test, "halden")], "levels": levels(&[("EXISTENCE", "-")]), "scope": {}});
    test.graphql_data(&test.actor("aurora"), cap, json!({"input": input})).await;
    assert_eq!(ask("halden").await, stranger);
}

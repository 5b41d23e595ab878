//! Totals of events that the caller sees: sums by month, country, business step and product, and never of what it does not see.

use counterfoil_migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::grant::{FOLLOW, given, levels};
use crate::hub::TestHub;
use crate::story::{self, AUROXIN, AUROXIN_CASE, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL};

const TOTALS: &str = "query ($filter: EventTotalFilter, $first: Int, $after: String) {
  eventTotals(filter: $filter, first: $first, after: $after) {
    edges { node { basis bizStep country gtin month roundedTo units } } pageInfo { hasNextPage endCursor }
  }
}";

fn line(total: &Value) -> String {
    let word = |name: &str| total[name].as_str().unwrap_or("-").to_owned();
    assert_eq!((&total["basis"], &total["roundedTo"]), (&json!("SEEN"), &Value::Null));
    format!(
        "{} {} {} {} {}",
        word("month"),
        word("gtin"),
        word("country"),
        word("bizStep"),
        total["units"]
    )
}

/// Sorted: steps of one product and country have an order of the caller's own.
async fn told(test: &TestHub, party: &str, filter: Value) -> Vec<String> {
    let data = test.graphql_data(&test.actor(party), TOTALS, json!({"filter": filter})).await;
    let edges = data["eventTotals"]["edges"].as_array().expect("edges").clone();
    let mut lines: Vec<String> = edges.iter().map(|edge| line(&edge["node"])).collect();
    lines.sort();
    lines
}

/// The story, and something of zenith's that packwell makes on the same day.
async fn played() -> TestHub {
    let test = TestHub::start().await;
    story::tell(&test).await;
    let units = story::sgtins(ZENITHOL, &["ZEN1", "ZEN2"]);
    let event = story::commission("2026-03-01T09:00:00Z", PACKWELL_HALL_2, &units, "LOTZ");
    test.capture(&test.actor("packwell"), story::document(&[event])).await;
    test
}

#[tokio::test]
async fn each_counts_what_it_sees() {
    let test = played().await;
    let expect = |lines: &[&str]| {
        let mut lines: Vec<String> = lines.iter().map(|line| format!("2026-03 {line}")).collect();
        lines.sort();
        lines
    };
    let auroras = [
        "09521001001014 DE commissioning 3",
        "09521001001014 DE packing 3",
        "09521001001014 DE unpacking 1",
        "59521001001019 DE commissioning 1",
        "59521001001019 DE packing 1",
    ];
    let zeniths = ["09521008001017 DE commissioning 2"];
    // What became of its pallet at the next place it is told, but not where that is.
    let pallets = ["- DE commissioning 1", "- DE shipping 1", "- - receiving 1"];
    let packwells = [&auroras[..], &zeniths, &pallets].concat();
    assert_eq!(told(&test, "packwell", json!({})).await, expect(&packwells));
    // Its own products, at the sites of who packs them.
    assert_eq!(told(&test, "aurora", json!({})).await, expect(&auroras));
    assert_eq!(told(&test, "zenith", json!({})).await, expect(&zeniths));
    // Whoever takes the pallet over sees that it was shipped, but no place but its own.
    let meridians = told(&test, "meridian", json!({})).await;
    assert_eq!(meridians, expect(&["- FR receiving 1", "- - shipping 1"]));
    for party in ["halden", "cornerstone", "hub-operator"] {
        assert_eq!(told(&test, party, json!({})).await, Vec::<String>::new(), "{party}");
    }
}

/// Month, step and product, with how many things.
type Counts = std::collections::BTreeMap<(String, String, String), u64>;

#[tokio::test]
async fn no_sum_is_of_more_than_the_events_show() {
    let test = played().await;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let query = "{ events(first: 50) { nodes { bizStep eventTime epcs(first: 50) { nodes { gtin } } } }
                   eventTotals { nodes { bizStep month gtin units } } }";
    for party in [
        "aurora",
        "packwell",
        "northway",
        "meridian",
        "halden",
        "cornerstone",
        "zenith",
        "hub-operator",
    ] {
        let data = test.graphql_data(&test.actor(party), query, json!({})).await;
        let (mut shown, mut summed) = (Counts::new(), Counts::new());
        for event in data["events"]["nodes"].as_array().expect("nodes") {
            let month: String = word(&event["eventTime"]).chars().take(7).collect();
            for epc in event["epcs"]["nodes"].as_array().expect("nodes") {
                *shown
                    .entry((month.clone(), word(&event["bizStep"]), word(&epc["gtin"])))
                    .or_default() += 1;
            }
        }
        for total in data["eventTotals"]["nodes"].as_array().expect("nodes") {
            let cell = (word(&total["month"]), word(&total["bizStep"]), word(&total["gtin"]));
            *summed.entry(cell).or_default() += total["units"].as_u64().expect("a number");
        }
        // Of events that are seen in part only own products count, so that pallets are left out.
        let products = |counts: &Counts| -> Counts {
            let of_products = counts.iter().filter(|((_, _, gtin), _)| gtin != "-");
            of_products.map(|(cell, units)| (cell.clone(), *units)).collect()
        };
        assert_eq!(products(&summed), products(&shown), "{party}");
        assert!(
            summed
                .iter()
                .all(|(cell, units)| shown.get(cell).is_some_and(|shown| units <= shown)),
            "{party}"
        );
        if party == "packwell" || party == "meridian" {
            assert_eq!(summed, shown, "{party} sees all that is in its events");
        }
    }
}

#[tokio::test]
async fn filters_and_pages_leave_the_figures_as_they_are() {
    let test = played().await;
    let aurora = test.actor("aurora");
    let filter = json!({"gtins": [AUROXIN], "bizSteps": ["packing", "unpacking"]});
    let some = ["2026-03 09521001001014 DE packing 3", "2026-03 09521001001014 DE unpacking 1"];
    assert_eq!(told(&test, "aurora", filter).await, some);
    assert_eq!(
        told(&test, "aurora", json!({"gtins": [ZENITHOL]})).await,
        Vec::<String>::new()
    );
    for (from, to, many) in [
        ("2026-03", "2026-03", 5),
        ("2025-04", "2026-03", 5),
        ("2026-04", "2026-04", 0),
        ("2026-01", "2026-02", 0),
    ] {
        assert_eq!(
            told(&test, "aurora", json!({"fromMonth": from, "toMonth": to})).await.len(),
            many,
            "{from} to {to}"
        );
    }
    let (mut after, mut lines) = (Value::Null, Vec::new());
    loop {
        let page = test.graphql_data(&aurora, TOTALS, json!({"first": 2, "after": after})).await["eventTotals"].clone();
        lines.extend(
            page["edges"]
                .as_array()
                .expect("edges")
                .iter()
                .map(|edge| line(&edge["node"])),
        );
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    lines.sort();
    assert_eq!(lines, told(&test, "aurora", json!({})).await);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_what_can() {
    let test = TestHub::start().await;
    let many: Vec<&str> = vec![AUROXIN; 101];
    for (filter, says) in [
        (
            json!({"fromMonth": "2026"}),
            "`fromMonth`: a month is written as year and month",
        ),
        (
            json!({"toMonth": "2026-13"}),
            "`toMonth`: a month is written as year and month",
        ),
        (
            json!({"fromMonth": "2026-03", "toMonth": "2026-02"}),
            "ask for 1 to 12 months",
        ),
        (
            json!({"fromMonth": "2025-03", "toMonth": "2026-03"}),
            "ask for 1 to 12 months",
        ),
        (
            json!({"fromMonth": "1970-01", "toMonth": "9999-12"}),
            "ask for 1 to 12 months",
        ),
        (json!({"gtins": ["09521001001015"]}), "`gtins`"),
        (json!({"gtins": many}), "more than 100 products"),
    ] {
        let answer = test.graphql(&test.actor("aurora"), TOTALS, json!({"filter": filter})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT", "{filter}");
        let said = answer["errors"][0]["message"].as_str().expect("a message");
        assert!(said.contains(says), "{filter}: {said}");
    }
}

#[tokio::test]
async fn what_was_declared_wrong_is_not_counted() {
    let test = TestHub::start().await;
    let units = story::sgtins(AUROXIN, &["UNIT1", "UNIT2"]);
    let mut event = story::commission("2026-03-01T09:00:00Z", PACKWELL_HALL_1, &units, "LOT1");
    event["eventID"] = json!("urn:uuid:00000000-0000-4000-8000-000000000001");
    test.capture(&test.actor("packwell"), story::document(std::slice::from_ref(&event)))
        .await;
    assert_eq!(
        told(&test, "aurora", json!({})).await,
        ["2026-03 09521001001014 DE commissioning 2"]
    );
    event["errorDeclaration"] = json!({"declarationTime": "2026-03-02T07:00:00Z", "reason": "did_not_occur"});
    test.capture(&test.actor("packwell"), story::document(&[event])).await;
    assert_eq!(told(&test, "aurora", json!({})).await, Vec::<String>::new());
}

#[tokio::test]
async fn amounts_of_a_lot_count_as_pieces_and_a_month_is_one_of_utc() {
    let test = TestHub::start().await;
    let mut event = story::object(
        "2026-02-28T23:30:00Z",
        PACKWELL_HALL_1,
        "OBSERVE",
        "storing",
        "in_progress",
        &[],
    );
    event["eventTime"] = json!("2026-03-01T00:30:00+01:00");
    event["eventTimeZoneOffset"] = json!("+01:00");
    let class = format!("https://id.gs1.org/01/{AUROXIN}/10/LOT1");
    let case = format!("https://id.gs1.org/01/{AUROXIN_CASE}/10/LOT1");
    event["quantityList"] = json!([
        {"epcClass": class, "quantity": 40},
        {"epcClass": class.replace("LOT1", "LOT2"), "quantity": 2},
        {"epcClass": case, "quantity": 7.5, "uom": "KGM"},
    ]);
    test.capture(&test.actor("packwell"), story::document(&[event])).await;
    assert_eq!(
        told(&test, "packwell", json!({})).await,
        ["2026-02 09521001001014 DE storing 42"]
    );
}

#[tokio::test]
async fn an_event_that_is_seen_in_several_ways_counts_once_and_by_a_grant_as_far_as_it_goes() {
    let test = played().await;
    let halden = json!({"scope": {"gtins": [AUROXIN]}});
    given(&test, "halden", halden.clone()).await;
    let expect = [
        "2026-03 09521001001014 DE commissioning 3",
        "2026-03 09521001001014 DE packing 3",
        "2026-03 09521001001014 DE unpacking 1",
    ];
    assert_eq!(told(&test, "halden", json!({})).await, expect);
    given(&test, "halden", halden).await;
    assert_eq!(told(&test, "halden", json!({})).await, expect, "two grants of the same");
    // Without the place, and of the grantee's own things alone: of which there are none.
    let without = |class: &str| -> Vec<(&str, &str)> { FOLLOW.iter().copied().filter(|(one, _)| *one != class).collect() };
    given(
        &test,
        "cornerstone",
        json!({"levels": levels(&without("WHERE")), "scope": {"gtins": [AUROXIN_CASE]}}),
    )
    .await;
    let cases = [
        "2026-03 59521001001019 - commissioning 1",
        "2026-03 59521001001019 - packing 1",
    ];
    assert_eq!(told(&test, "cornerstone", json!({})).await, cases);
    let own = [&without("CONTAINMENT")[..], &[("CONTAINMENT", "own units")]].concat();
    given(&test, "sigmapack", json!({"levels": levels(&own)})).await;
    assert_eq!(told(&test, "sigmapack", json!({})).await, Vec::<String>::new());
}

/// What each event counts for, as stored.
async fn stored(test: &TestHub) -> Vec<String> {
    let sql = "SELECT e.event_id || ' ' || u.gtin || ' ' || u.units || ' ' || u.country AS line FROM event_unit u JOIN event e ON e.id = u.event_id
               ORDER BY line";
    let rows = test.hub.db().query("reading", sql, Vec::new()).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "line").expect("a line")).collect()
}

#[tokio::test]
async fn what_was_stored_before_there_were_totals_is_counted_the_same() {
    let test = played().await;
    let before = stored(&test).await;
    assert!(before.len() > 10, "{before:#?}");
    let connection = test.hub.db().writer();
    for sql in [
        "DROP TABLE event_unit",
        "DROP TABLE total_release",
        "DELETE FROM seaql_migrations WHERE version = 'm20261123_000014_total'",
    ] {
        connection.execute_unprepared(sql).await.expect("a statement");
    }
    Migrator::up(connection, None).await.expect("the step");
    assert_eq!(stored(&test).await, before);
}

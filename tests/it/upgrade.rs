//! A database of before things had narrow rows is brought to the present: nothing of it is lost, and the hub tells of it what the hub
//! of that time told.
//!
//! `upgrade/seed.sql` are rows of that time, `upgrade/answers.json` what that hub answered when it had written them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use counterfoil::domain::gs1::Epc;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, AUROXIN_CASE, MERIDIAN_LYON, PACKWELL_HALL_1, document, pack, sgtin, sgtins, unpack};

/// Steps before the one in question.
const STEPS: u32 = 6;
const SEED: &str = include_str!("upgrade/seed.sql");
const ANSWERS: &str = include_str!("upgrade/answers.json");

/// Everything that names a thing, by what it names and not by key.
const TOLD: [&str; 7] = [
    "SELECT i.uri || ' ' || COALESCE(i.gtin, '-') || ' ' || COALESCE(i.lot, '-') || ' ' || COALESCE(i.expiry, '-') || ' '
            || COALESCE(i.owner_id, '-') || ' ' || COALESCE(i.commissioned_by, '-') || ' ' || COALESCE(i.commissioned_at, 0) || ' '
            || COALESCE(i.disposition, '-') || ' ' || i.last_at || ' ' || i.below_at AS line FROM item i ORDER BY line",
    "SELECT i.uri || ' made by ' || e.event_id AS line FROM item i JOIN event e ON e.id = i.commission_event ORDER BY line",
    "SELECT i.uri || ' in ' || p.uri AS line FROM item i JOIN item p ON p.epc = i.parent ORDER BY line",
    "SELECT c.uri || ' in ' || p.uri || ' ' || n.from_time || ' ' || n.until_time || ' ' || o.event_id || ' ' || COALESCE(x.event_id, '-') AS line
     FROM containment n JOIN item p ON p.epc = n.parent JOIN item c ON c.epc = n.child JOIN event o ON o.id = n.opened_by
     LEFT JOIN event x ON x.id = n.closed_by ORDER BY line",
    "SELECT i.uri || ' in role ' || n.role || ' ' || n.event_time || ' ' || e.event_id || ' ' || COALESCE(p.uri, '-') AS line
     FROM event_epc n JOIN item i ON i.epc = n.epc JOIN event e ON e.id = n.event_id LEFT JOIN item p ON p.epc = e.parent ORDER BY line",
    "SELECT i.uri || ' shipped by ' || e.event_id || ' ' || x.shipped_at || ' ' || COALESCE(x.received_at, 0) AS line
     FROM shipment_epc x JOIN item i ON i.epc = x.epc JOIN shipment s ON s.id = x.shipment_id JOIN event e ON e.id = s.ship_event
     ORDER BY line",
    "SELECT i.uri || ' stated by ' || e.event_id AS line FROM statement_thing t JOIN item i ON i.epc = t.epc JOIN event e ON e.id = t.event_id
     ORDER BY line",
];

/// The seed in the words of a database.
async fn fill(connection: &DatabaseConnection) {
    let backend = connection.get_database_backend();
    let bytes = |hex: &str| match backend {
        DbBackend::Postgres if hex.len() == 32 => format!("'{hex}'"),
        DbBackend::Postgres => format!("'\\x{hex}'"),
        _ => format!("X'{hex}'"),
    };
    for line in SEED.lines().filter(|line| !line.starts_with("--")) {
        let parts = line.split("@@").enumerate();
        let sql: String = parts
            .map(|(place, part)| if place % 2 == 1 { bytes(part) } else { part.to_owned() })
            .collect();
        connection
            .execute_unprepared(&sql)
            .await
            .unwrap_or_else(|error| panic!("{error} in {sql}"));
    }
}

async fn told(connection: &impl ConnectionTrait) -> Vec<Vec<String>> {
    let mut told = Vec::new();
    for sql in TOLD {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.expect("a query of the test");
        let lines: Vec<String> = rows.iter().map(|row| row.try_get("", "line").expect("a line")).collect();
        assert!(!lines.is_empty(), "nothing of `{sql}`");
        told.push(lines);
    }
    told
}

async fn upgraded() -> (TestHub, Vec<Vec<String>>) {
    let mut before = Vec::new();
    let test = TestHub::start_at_step(STEPS, async |connection| {
        fill(connection).await;
        before = told(connection).await;
    })
    .await;
    test.set_time("2026-12-01T08:00:00Z");
    (test, before)
}

async fn lines(test: &TestHub, sql: &str) -> Vec<String> {
    let rows = test
        .hub
        .db()
        .query("a test looks", sql, Vec::new())
        .await
        .expect("a query of the test");
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).expect("a line"))
        .collect()
}

#[tokio::test]
async fn nothing_is_lost() {
    let (test, before) = upgraded().await;
    for (sql, before) in TOLD.into_iter().zip(before) {
        assert_eq!(lines(&test, sql).await, before, "{sql}");
    }
}

#[tokio::test]
async fn things_have_the_keys_by_which_they_are_looked_up() {
    let (test, _) = upgraded().await;
    let keys = match test.hub.db().backend() {
        DbBackend::Postgres => "SELECT uri || ' ' || replace(CAST(epc AS TEXT), '-', '') AS line FROM item",
        _ => "SELECT uri || ' ' || lower(hex(epc)) AS line FROM item",
    };
    let keys = lines(&test, keys).await;
    assert_eq!(keys.len(), 10);
    for line in keys {
        let (uri, key) = line.split_once(' ').expect("two words");
        let epc: Epc = uri.parse().expect("an EPC");
        assert_eq!(epc.key().0.simple().to_string(), key, "{uri}");
    }
}

fn in_order(told: &mut Value) {
    if let Some(nodes) = told.pointer_mut("/container/contents/nodes").and_then(Value::as_array_mut) {
        nodes.sort_by_key(|node| (node["depth"].as_i64(), node["thing"]["epc"].to_string()));
    }
}

/// What is answered of things, contents, provenance and events.
#[tokio::test]
async fn the_hub_answers_what_it_answered_before() {
    let (test, _) = upgraded().await;
    let answers: Value = serde_json::from_str(ANSWERS).expect("JSON");
    let query = answers["query"].as_str().expect("a query");
    let (mut things, mut events) = (0, 0);
    for asked in answers["asked"].as_array().expect("a list") {
        let party = test.actor(asked["party"].as_str().expect("a party"));
        let epc = asked["epc"].as_str().expect("an EPC");
        let mut told = test
            .graphql_data(&party, query, json!({"epc": epc, "asOf": asked["asOf"]}))
            .await;
        if told.as_object().is_some_and(|told| told.values().all(Value::is_null)) {
            told = Value::Null;
        }
        // In the order of keys, which are others now.
        let mut expected = asked["told"].clone();
        in_order(&mut told);
        in_order(&mut expected);
        assert_eq!(told, expected, "{} of {epc} at {}", asked["party"], asked["asOf"]);
        things += usize::from(!told.is_null());
        if let Some(expected) = asked["events"].as_array() {
            let form: String = epc.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let answer = test.get(&party, &format!("/epcis/events?MATCH_anyEPC={form}")).await;
            assert_eq!(json!(answer.event_ids()), asked["events"], "{} of {epc}", asked["party"]);
            events += expected.len();
        }
    }
    assert_eq!((things, events), (75, 69));
}

/// Ids of things that were given out before name the same things.
#[tokio::test]
async fn former_ids_name_the_same_things() {
    let (test, _) = upgraded().await;
    let former = match test.hub.db().backend() {
        DbBackend::Postgres => {
            "SELECT i.uri || ' ' || replace(CAST(f.former AS TEXT), '-', '') AS line FROM former_key f JOIN item i ON i.epc = f.epc"
        }
        _ => "SELECT i.uri || ' ' || lower(hex(f.former)) AS line FROM former_key f JOIN item i ON i.epc = f.epc",
    };
    let former: BTreeMap<String, String> = lines(&test, former)
        .await
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(uri, key)| (uri.to_owned(), key.to_owned()))
        .collect();
    // All but the one that is named by no GS1 key.
    assert_eq!(former.len(), 9);
    let packwell = test.actor("packwell");
    let query = "query ($id: ID!, $epc: String!) {
        node(id: $id) { id ... on Item { lot disposition parent { epc } } }
        item(epc: $epc) { id lot disposition parent { epc } }
    }";
    for (uri, key) in &former {
        let variables = json!({"id": format!("itm_{key}"), "epc": uri});
        let told = test.graphql_data(&packwell, query, variables).await;
        assert_eq!(told["node"], told["item"], "{uri}");
        // Nobody knows of the one whose making was an error.
        assert_eq!(told["item"].is_null(), uri.ends_with("/K9"), "{uri}");
        assert_ne!(told["item"]["id"], format!("itm_{key}"), "{uri}");
    }
}

/// What is told from now on meets what was told before.
#[tokio::test]
async fn documents_go_on_where_they_were() {
    let (test, _) = upgraded().await;
    let units = sgtins(AUROXIN, &["K1", "K2", "K3"]);
    let cases = [sgtin(AUROXIN_CASE, "KC1"), sgtin(AUROXIN_CASE, "KC2")];
    let capture = async |party: &str, events: &[Value]| {
        let job = test.capture(&test.actor(party), document(events)).await;
        assert_eq!(job["success"], true, "{job:#}");
        job["eventsStored"].clone()
    };
    // That it was put into the second case was an error; what was taken out of that one later was not.
    let wrong = pack("2026-03-01T09:20:00Z", PACKWELL_HALL_1, &cases[1], &units[1..2]);
    let mut declared = wrong.clone();
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-02T08:00:00Z", "reason": "did_not_occur"});
    assert_eq!(
        capture("packwell", &[wrong]).await,
        0,
        "an event that was known is taken for another"
    );
    assert_eq!(capture("packwell", &[declared]).await, 1);
    let taken_out = unpack("2026-03-01T18:00:00Z", MERIDIAN_LYON, &cases[1], &units[2..]);
    assert_eq!(capture("meridian", &[taken_out]).await, 1);
    let stays = "SELECT c.uri || ' in ' || p.uri || CASE WHEN n.until_time = 9223372036854775807 THEN '' ELSE ' once' END AS line
                 FROM containment n JOIN item c ON c.epc = n.child JOIN item p ON p.epc = n.parent ORDER BY line";
    let pallet = story::packwell_sscc(900);
    let expected = [
        format!("{} in {} once", units[1], cases[0]),
        format!("{} in {} once", units[2], cases[1]),
        format!("{} in {pallet} once", cases[0]),
        format!("{} in {pallet} once", cases[1]),
        format!("{} in {}", units[0], cases[0]),
    ];
    let told = lines(&test, stays).await;
    let missing: Vec<&String> = expected.iter().filter(|line| !told.contains(line)).collect();
    assert!(
        missing.is_empty() && told.len() == expected.len(),
        "missing {missing:#?} of {told:#?}"
    );
    // Every fact once: what the rows of things say, no other row says.
    let twice =
        "SELECT i.uri || ' ' || n.role AS line FROM event_epc n JOIN item i ON i.epc = n.epc GROUP BY i.uri, n.event_id, n.role
                 HAVING COUNT(*) > 1";
    assert_eq!(lines(&test, twice).await, Vec::<String>::new());
    let unknown = Request::get("/epcis/events?MATCH_anyEPC=urn%3Ax-example%3Aasset%3A78");
    let answer = test
        .call(&test.actor("packwell"), unknown.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(answer.event_ids(), Vec::<String>::new());
}

//! The plans of the hot statements: each step a look-up in an index, none a walk through a table.

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::domain::event::EventType;
use crate::domain::gs1::{EpcKey, Gtin};
use crate::domain::ids::{AllocationId, EventKey, GrantId, PartyId, PoolId};
use crate::domain::time::{Micros, Month};
use crate::storage::Db;
use crate::storage::db::DbOptions;
use crate::storage::serial::{lookup, slice};
use crate::storage::{containment, event as stored, fact, item as things, receipt, statement};

use super::event::Filter;
use super::{DEPTH, audit, container, event, facts, lot, query, shipment, total, trace};

async fn database(folder: &std::path::Path) -> Db {
    let options = DbOptions {
        url: format!("sqlite://{}", folder.join("plan.db").display()),
        max_connections: 2,
        acquire_timeout: std::time::Duration::from_secs(30),
        sqlite_synchronous: "FULL",
    };
    crate::storage::migration::migrate(&options.url).await.unwrap();
    Db::open(&options).await.unwrap()
}

/// The statements that answer most calls, by name.
fn hot(backend: DbBackend) -> Vec<(&'static str, String, Vec<Value>)> {
    let party: PartyId = "meridian".parse().unwrap();
    let key = EpcKey(Uuid::from_u128(1));
    let by_time = Filter {
        kinds: vec![EventType::Object],
        biz_steps: vec!["shipping".to_owned()],
        event_from: Some(Micros(1)),
        ..Filter::default()
    };
    let product = "09521001001014".parse().unwrap();
    let groups = [(AllocationId::new(Uuid::from_u128(1)), 0)].into_iter().collect();
    let by_epc = Filter {
        epcs: vec![key],
        ..Filter::default()
    };
    let after = Some(Uuid::from_u128(9));
    let by_id = Filter {
        event_ids: vec!["urn:uuid:1".to_owned()],
        key_from: after,
        ..Filter::default()
    };
    let walk = query::Walk {
        column: query::TimeColumn::Record,
        descending: false,
        after: Some((Micros(1), Uuid::from_u128(9))),
    };
    let inside = container::Wanted {
        container: key,
        at: Micros(1),
        owner: None,
        after: None,
        rows: 51,
    };
    let (grant, month) = (GrantId::new(Uuid::from_u128(1)), Month::of(Micros(1)));
    let gtin: Gtin = "09521001001014".parse().unwrap();
    let months = total::Filter {
        from: month,
        to: month.plus(2),
        gtins: vec![gtin],
    };
    let counted = ["one", "other"].map(|grantor| total::Counted {
        id: grant,
        grantor: grantor.parse().unwrap(),
        gtins: vec![gtin],
        countries: vec!["CH".to_owned()],
        whole: false,
        placed: true,
        least: 5,
        times: Some(vec![(Micros(1), Micros(2))]),
        caps: vec![(party.clone(), vec![gtin])],
    });
    let others = total::Others {
        party: &party,
        grants: &counted,
        showing: &[grant],
    };
    let places = [1, 5, 9].map(|index| lookup::Place {
        at: 0,
        pool: PoolId::new(Uuid::from_u128(1)),
        index: Some(index),
        listed: Some("A1"),
        spare: 7,
        thing: Some(key),
    });
    let (products, own) = ([product], [(0, product, "A1")]);
    let wanted = |with_marks| lookup::Wanted {
        party: &party,
        products: &products,
        places: &places,
        own: &own,
        with_marks,
    };
    let named = |name, (sql, values): (String, Vec<Value>)| (name, sql, values);
    vec![
        ("history of a thing", trace::sql(backend), vec![key.0.into(), DEPTH.into()]),
        (
            "all that was said of a thing",
            facts::facts_sql(backend),
            vec![key.0.into(), DEPTH.into(), 51_i64.into()],
        ),
        named("all that was said of things", facts::of_things_sql(backend, &[key], 51)),
        named("things as they stand", things::joined_sql(backend, &[key])),
        ("contents", container::sql(backend), container::values(&inside)),
        named("events", event::list_sql(&party, &Filter::default(), after, 51)),
        named("events by type, step and time", event::list_sql(&party, &by_time, after, 51)),
        named("events of a thing", event::list_sql(&party, &by_epc, after, 51)),
        named("events by id", event::list_sql(&party, &by_id, after, 51)),
        named(
            "events in the order of their time",
            query::by_time_sql(&party, &by_time, walk, 51),
        ),
        named("shipments", shipment::list_sql(&party, Some((1, Uuid::from_u128(9))), 51)),
        named(
            "shipments by grants",
            shipment::all_covered_sql(&[grant, grant], Some((1, Uuid::from_u128(9))), 51),
        ),
        named(
            "makings of a lot by grants",
            lot::covered_sql(&[grant], (&[gtin], "L1"), None, 51),
        ),
        named("totals of what is seen", total::seen_sql(&party, &counted, &months, 51)),
        named("totals of what is not", total::of_others_sql(others, &months, 51)),
        named("audit", audit::list_sql(&party, after, 51)),
        named(
            "slices of a pool",
            slice::covering(backend, PoolId::new(Uuid::from_u128(1)), &[1, 5, 9], slice::COLUMNS),
        ),
        named("look-up", lookup::find_sql(backend, wanted(true))),
        named("look-up of many", lookup::find_sql(backend, wanted(false))),
        named("look-up: bitmaps", lookup::marks_sql(backend, &groups)),
        named("capture: events by hash", stored::by_hash_sql(backend, &party, &[[1; 32]])),
        named(
            "capture: events by id",
            stored::by_event_id_sql(backend, &party, &["urn:uuid:1".to_owned()]),
        ),
        named("capture: things", things::lock_sql(backend, &[key])),
        named("capture: what names things", fact::of_things_sql(backend, &[key])),
        named(
            "what was inside",
            containment::inside_after_sql(backend, &[(key, Micros(1))], true),
        ),
        named(
            "what was not confirmed",
            receipt::unconfirmed_sql(backend, &[EventKey::new(Uuid::from_u128(1))], 5),
        ),
        named(
            "what should not be shipped",
            statement::doubtful_sql(backend, &[key], Micros(1), Micros(2)),
        ),
        named(
            "capture: who is concerned",
            stored::relations_sql(backend, &[EventKey::new(Uuid::from_u128(1))]),
        ),
    ]
}

/// A list that is sent must lead to the rows, not the rows to the list: what is stored grows.
#[tokio::test]
async fn what_a_document_names_is_looked_up_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    for (name, sql, values) in hot(db.backend())
        .into_iter()
        .filter(|(name, ..)| name.starts_with("capture: "))
    {
        let plan = db
            .query("explaining", &format!("EXPLAIN QUERY PLAN {sql}"), values)
            .await
            .unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(steps[0].starts_with("SCAN json_each"), "{name}: {steps:#?}");
        let last = steps.last().unwrap();
        let whole = [
            "(asserter_id=? AND hash=?",
            "(event_id=?",
            "(party_id=? AND event_id=?",
            "(epc=?",
        ];
        assert!(whole.iter().any(|columns| last.contains(columns)), "{name}: {steps:#?}");
    }
}

/// Names of what SQLite may read from end to end: rows that the statement itself made, and the parties, who are few.
const OWN: [&str; 15] = [
    "SCAN CONSTANT ROW",
    "SCAN asked",
    "SCAN q USING COVERING INDEX sqlite_autoindex_party_1",
    "SCAN json_each VIRTUAL TABLE INDEX 1:",
    "SCAN chain",
    "SCAN inside",
    "SCAN reach",
    "SCAN h",
    "SCAN r",
    "SCAN w",
    "SCAN x",
    "SCAN t",
    "SCAN both_sides",
    "SCAN own",
    "SCAN delegated",
];

/// On PostgreSQL, told to avoid walks through tables wherever there is another way: what still walks has no index to use.
#[tokio::test]
async fn every_hot_statement_has_its_indexes_on_postgresql() {
    // Set by `tests/run`; without a PostgreSQL there is nothing to ask.
    let Ok(server) = std::env::var("COUNTERFOIL_TEST_DATABASE_URL") else {
        return;
    };
    let options = |url: String| DbOptions {
        url,
        // One connection: the planner's setting below is its own.
        max_connections: 1,
        acquire_timeout: std::time::Duration::from_secs(30),
        sqlite_synchronous: "FULL",
    };
    let admin = Db::open(&options(server.clone())).await.unwrap();
    let name = format!("counterfoil_plan_{}", std::process::id());
    admin
        .query("making a database", &format!("CREATE DATABASE {name}"), vec![])
        .await
        .unwrap();
    let url = on_database(&server, &name);
    crate::storage::migration::migrate(&url).await.unwrap();
    let db = Db::open(&options(url)).await.unwrap();
    db.query("setting the planner", "SET enable_seqscan = off", vec![])
        .await
        .unwrap();
    let mut bad = Vec::new();
    for (name, sql, values) in hot(db.backend()) {
        let plan = db.query("explaining", &format!("EXPLAIN {sql}"), values).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.try_get("", "QUERY PLAN").unwrap()).collect();
        bad.extend(
            steps
                .into_iter()
                .filter(|step| step.contains("Seq Scan"))
                .map(|step| format!("{name}: {step}")),
        );
    }
    db.close().await;
    admin
        .query("dropping a database", &format!("DROP DATABASE {name}"), vec![])
        .await
        .unwrap();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The same server, another database; what follows `?` (a socket's folder) stays.
fn on_database(server: &str, name: &str) -> String {
    let (address, options) = server
        .split_once('?')
        .map_or((server, None), |(address, options)| (address, Some(options)));
    let (host, _) = address.rsplit_once('/').unwrap();
    options.map_or_else(|| format!("{host}/{name}"), |options| format!("{host}/{name}?{options}"))
}

#[tokio::test]
async fn no_hot_statement_scans_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    for (name, sql, values) in hot(db.backend()) {
        let plan = db
            .query("explaining", &format!("EXPLAIN QUERY PLAN {sql}"), values)
            .await
            .unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        let bad: Vec<&String> = steps
            .iter()
            .filter(|step| {
                step.starts_with("SCAN")
                    && !OWN.contains(&step.trim_end_matches(" LEFT-JOIN"))
                    && !step.starts_with("SCAN CONSTANT")
                    && !step.starts_with("SCAN (subquery")
            })
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?} of {steps:#?}");
        // All numbers of a product that were made up are no less than a table.
        let by_product = steps
            .iter()
            .find(|step| step.starts_with("SEARCH f ") && step.contains("(gtin=?)"));
        assert_eq!(by_product, None, "{name}");
    }
}

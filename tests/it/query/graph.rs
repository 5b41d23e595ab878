//! The same query language in GraphQL: each parameter finds there what it finds in the EPCIS binding, and nothing by what is hidden.

use super::parameter::{CASES, world};
use super::*;
use crate::story::{Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1};
use counterfoil::config::settings::Limits;

const ASK: &str = "query ($filter: EventFilter, $first: Int, $after: String) {
  events(filter: $filter, first: $first, after: $after) { nodes { eventId } pageInfo { hasNextPage endCursor } } }";

fn parameter(name: &str, values: &[&str]) -> Value {
    json!({ "name": name, "values": values })
}

fn ids(answer: &Value) -> Vec<String> {
    let nodes = answer["data"]["events"]["nodes"].as_array();
    let id = |node: &Value| node["eventId"].as_str().expect("an id").to_owned();
    nodes.unwrap_or_else(|| panic!("{answer:#}")).iter().map(id).collect()
}

/// All pages, some events each.
async fn all(test: &TestHub, party: &str, filter: Value, first: u32) -> Vec<String> {
    let (actor, mut after, mut found) = (test.actor(party), Value::Null, Vec::new());
    loop {
        let answer = test
            .graphql(&actor, ASK, json!({ "filter": filter, "first": first, "after": after }))
            .await;
        found.extend(ids(&answer));
        let page = &answer["data"]["events"]["pageInfo"];
        if page["hasNextPage"] == false {
            return found;
        }
        after = page["endCursor"].clone();
    }
}

async fn refused(test: &TestHub, filter: Value) -> (String, String) {
    let answer = test
        .graphql(&test.actor("packwell"), ASK, json!({ "filter": filter, "first": 5 }))
        .await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned();
    let error = &answer["errors"][0];
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

#[tokio::test]
async fn each_parameter_finds_in_graphql_what_it_finds_in_the_binding() {
    let test = world().await;
    let packwell = test.actor("packwell");
    let mut asked = 0;
    for case in CASES.iter().filter(|case| case.name != "eventCountLimit") {
        let path = format!("/epcis/events?{}={}", escaped(case.name), escaped(case.finds));
        let binding = test.get(&packwell, &path).await.expect(StatusCode::OK).event_ids();
        let values: Vec<&str> = case.finds.split('|').collect();
        let filter = json!({ "epcis": [parameter(case.name, &values)] });
        assert_eq!(all(&test, "packwell", filter, 2).await, binding, "{}", case.name);
        assert!(!binding.is_empty(), "{}", case.name);
        asked += 1;
    }
    assert_eq!(asked, CASES.len() - 1);
    // Beside what the filter had before, all of which must hold too; no value at all where none is needed.
    let both = json!({ "bizSteps": ["commissioning"], "epcis": [{ "name": "EXISTS_ILMD_cbvmda:lotNumber" }] });
    assert_eq!(all(&test, "packwell", both, 5).await.len(), 1);
    let neither = json!({ "bizSteps": ["shipping"], "epcis": [{ "name": "EXISTS_ILMD_cbvmda:lotNumber" }] });
    assert_eq!(all(&test, "packwell", neither, 5).await.len(), 0);
    let in_full = json!({ "epcis": [parameter("EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber", &["L-77"])] });
    assert_eq!(all(&test, "packwell", in_full, 5).await.len(), 1);
}

#[tokio::test]
async fn pages_keep_the_order_that_is_asked_for() {
    let test = TestHub::start().await;
    label(&test, 1, 9).await;
    for (by, direction) in [
        ("eventTime", "ASC"),
        ("eventTime", "DESC"),
        ("recordTime", "ASC"),
        ("ex:none", "ASC"),
    ] {
        let order = json!([parameter("orderBy", &[by]), parameter("orderDirection", &[direction])]);
        let whole = all(&test, "packwell", json!({ "epcis": order }), 50).await;
        assert_eq!(
            all(&test, "packwell", json!({ "epcis": order }), 2).await,
            whole,
            "{by} {direction}"
        );
        assert_eq!(whole.len(), 9);
        if by != "ex:none" {
            assert_eq!(whole.is_sorted(), direction == "ASC", "{by} {direction}: {whole:?}");
        }
    }
    // A cursor is of one query.
    let packwell = test.actor("packwell");
    let order = json!({ "epcis": [parameter("orderBy", &["eventTime"])] });
    let page = test.graphql(&packwell, ASK, json!({ "filter": order, "first": 2 })).await;
    let after = &page["data"]["events"]["pageInfo"]["endCursor"];
    let elsewhere = test.graphql(&packwell, ASK, json!({ "first": 2, "after": after })).await;
    assert_eq!(elsewhere["errors"][0]["extensions"]["code"], "BAD_INPUT", "{elsewhere:#}");
}

#[tokio::test]
async fn what_graphql_does_not_know_is_refused_by_name() {
    let test = TestHub::start().await;
    label(&test, 1, 3).await;
    for (name, values, says) in [
        ("EQ_bizStepp", &["shipping"][..], "`EQ_bizStepp` is no query parameter"),
        ("EQ_action", &["ADDED"], "`EQ_action` has the value `ADDED`"),
        ("EQ_action", &[], "`EQ_action` is a list"),
        ("perPage", &["2"], "`perPage` is no query parameter"),
        ("eventCountLimit", &["1"], "`eventCountLimit`"),
    ] {
        let (code, message) = refused(&test, json!({ "epcis": [parameter(name, values)] })).await;
        assert_eq!(code, "QUERY_PARAMETER", "{name}: {message}");
        assert!(message.contains(says), "{message}");
    }
    let ordered = json!([parameter("eventCountLimit", &["1"]), parameter("orderBy", &["eventTime"])]);
    let (_, message) = refused(&test, json!({ "epcis": ordered })).await;
    assert!(message.contains("`first`"), "{message}");
    let twice = json!([parameter("EQ_action", &["ADD"]), parameter("EQ_action", &["ADD"])]);
    assert!(refused(&test, json!({ "epcis": twice })).await.1.contains("twice"));
    let (code, _) = refused(&test, json!({ "epcis": [parameter("maxEventCount", &["2"])] })).await;
    assert_eq!(code, "QUERY_TOO_LARGE");
}

#[tokio::test]
async fn a_search_looks_at_so_many_events_and_counts_for_what_it_may_look_at() {
    let limits = Limits {
        query_rows: 5,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    label(&test, 1, 12).await;
    let added = json!({ "epcis": [parameter("EQ_action", &["ADD"])] });
    assert_eq!(all(&test, "packwell", added, 10).await.len(), 12);
    let (code, message) = refused(&test, json!({ "epcis": [parameter("EQ_action", &["DELETE"])] })).await;
    assert_eq!(code, "QUERY_TOO_WIDE", "{message}");
    let search = |index: u32| {
        format!(
            "s{index}: events(first: 1, filter: {{ epcis: [{{ name: \"EQ_action\", values: [\"ADD\"] }}] }}) {{ nodes {{ id }} }} "
        )
    };
    let ask = async |many: u32| {
        let query: String = (0..many).map(search).collect();
        test.graphql(&test.actor("packwell"), &format!("{{ {query} }}"), json!({}))
            .await
    };
    assert!(ask(10).await.get("errors").is_none());
    let many = ask(20).await;
    assert!(
        many["errors"][0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("complex")),
        "{many:#}"
    );
}

/// A parameter with its values, and whether an event shows what it asks for.
type Asked = (&'static str, &'static [&'static str], fn(&Value) -> bool);

/// Whoever the reader, a filter finds exactly the events that show what it asks for.
#[tokio::test]
async fn a_filter_finds_what_its_reader_is_shown_and_nothing_else() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (units, pallet) = (story::sgtins(story::AUROXIN, &["U1", "U2"]), story::packwell_sscc(1));
    let gln = |party: &str| story::gln_of(&test, party);
    let sale = |epcs: &[String]| Handover {
        epcs: epcs.to_vec(),
        owner: (gln("aurora"), gln("meridian")),
        possessor: (gln("packwell"), gln("northway")),
        place: (PACKWELL_HALL_1.to_owned(), NORTHWAY_VENLO.to_owned()),
    };
    let mut sold = story::ship("2026-03-02T08:00:00Z", &sale(std::slice::from_ref(&pallet)));
    sold["ex:secret"] = json!("S-1");
    sold["bizTransactionList"] = json!([{ "type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521002000016:PO-7" }]);
    let mut onward = story::ship(
        "2026-03-03T08:00:00Z",
        &Handover {
            possessor: (gln("northway"), gln("meridian")),
            place: (NORTHWAY_VENLO.to_owned(), MERIDIAN_LYON.to_owned()),
            ..sale(std::slice::from_ref(&pallet))
        },
    );
    onward["ex:secret"] = json!("S-2");
    let packed = [
        story::commission("2026-03-02T06:00:00Z", PACKWELL_HALL_1, &units, "LOT1"),
        story::commission_sscc("2026-03-02T06:02:00Z", PACKWELL_HALL_1, &pallet),
        story::pack("2026-03-02T06:03:00Z", PACKWELL_HALL_1, &pallet, &units),
        sold,
    ];
    for (party, events) in [("packwell", &packed[..]), ("northway", &[onward][..])] {
        let mut document: Value = serde_json::from_str(&story::document(events)).expect("a document");
        document["@context"] = json!([
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            { "cbvmda": "urn:epcglobal:cbv:mda:", "ex": "https://ns.example/query#" }
        ]);
        let job = test.capture(&test.actor(party), document.to_string()).await;
        assert_eq!(job["success"], true, "{job}");
    }
    let asked: [Asked; 6] = [
        ("EXISTS_ex:secret", &[], |event| event.get("ex:secret").is_some()),
        ("EXISTS_ILMD_cbvmda:lotNumber", &[], |event| event.get("ilmd").is_some()),
        ("EQ_bizStep", &["shipping"], |event| event["bizStep"] == "shipping"),
        ("EQ_readPoint", &["urn:epc:id:sgln:9521002.00010.0"], |event| {
            event["readPoint"]["id"] == "https://id.gs1.org/414/9521002000108"
        }),
        (
            "EQ_bizTransaction_po",
            &["urn:epcglobal:cbv:bt:9521002000016:PO-7"],
            |event| event.get("bizTransactionList").is_some(),
        ),
        ("MATCH_epc", &["urn:epc:idpat:sgtin:9521001.*.*"], |event| {
            let lists = ["epcList", "childEPCs"].map(|list| event[list].to_string());
            lists.iter().any(|list| list.contains("/01/"))
        }),
    ];
    let mut hidden = BTreeSet::new();
    for party in ["aurora", "packwell", "northway", "meridian", "halden"] {
        let shown = test
            .get(&test.actor(party), "/epcis/events?perPage=100")
            .await
            .expect(StatusCode::OK)
            .json();
        let events = shown["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
            .as_array()
            .expect("events")
            .clone();
        for (name, values, shows) in &asked {
            let shows: BTreeSet<String> = events
                .iter()
                .filter(|event| shows(event))
                .map(|event| event["eventID"].as_str().expect("an id").to_owned())
                .collect();
            let found = all(&test, party, json!({ "epcis": [parameter(name, values)] }), 3).await;
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), shows, "{party} {name}");
            if !events.is_empty() && shows.is_empty() {
                hidden.insert(format!("{party} {name}"));
            }
        }
    }
    println!("{hidden:?}");
    assert!(
        hidden.iter().any(|pair| pair.ends_with("EXISTS_ex:secret")),
        "nobody was shown an event without its extension"
    );
}

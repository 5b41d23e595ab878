//! Exception reports of a delivery: what both sides are told, and nobody else; held against the schema of the shared corpus.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::corpus_documents::corpus;
use crate::hub::TestHub;
use crate::story::{
    AUROXIN, AUROXIN_CASE, Handover, NORTHWAY_VENLO, PACKWELL_HALL_1, commission, commission_sscc, document, gln_of, pack,
    packwell_sscc, receive, sgtins, ship,
};

const SHIPPED: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";
const RECEIVED: &str = "urn:uuid:00000000-0000-4000-8000-000000000002";

fn handover(test: &TestHub, serials: &[&str]) -> Handover {
    let gln = |party| gln_of(test, party);
    Handover {
        epcs: sgtins(AUROXIN, serials),
        owner: (gln("aurora"), gln("aurora")),
        possessor: (gln("packwell"), gln("northway")),
        place: (PACKWELL_HALL_1.to_owned(), NORTHWAY_VENLO.to_owned()),
    }
}

async fn capture(test: &TestHub, party: &str, events: &[Value]) {
    let job = test.capture(&test.actor(party), document(events)).await;
    assert_eq!(job["success"], true, "{job:#}");
}

fn with_id(mut event: Value, id: &str) -> Value {
    event["eventID"] = json!(id);
    event
}

/// Four are shipped; two of them are received, and one that was not shipped.
async fn delivered() -> TestHub {
    let test = TestHub::start().await;
    let made = commission(
        "2026-03-01T08:00:00Z",
        PACKWELL_HALL_1,
        &sgtins(AUROXIN, &["U1", "U2", "U3", "U4", "U5"]),
        "L1",
    );
    let mut shipped = with_id(
        ship("2026-03-01T10:00:00Z", &handover(&test, &["U1", "U2", "U3", "U4"])),
        SHIPPED,
    );
    shipped["bizTransactionList"] =
        json!([{"type": "po", "bizTransaction": format!("urn:epcglobal:cbv:bt:{}:PO-9", gln_of(&test, "northway"))}]);
    capture(&test, "packwell", &[made, shipped]).await;
    let received = receive("2026-03-01T12:00:00Z", &handover(&test, &["U1", "U2", "U5"]));
    capture(&test, "northway", &[with_id(received, RECEIVED)]).await;
    test
}

async fn report(test: &TestHub, party: &str, event: &str) -> Value {
    let path = format!("/epcis/events/{event}/exceptions?email=dock@northway.example&phone=%2B31%2077");
    test.get(&test.actor(party), &path).await.expect(StatusCode::OK).json()
}

fn serials(list: &Value) -> Vec<&str> {
    let lines = list.as_array().expect("a list").iter();
    lines.map(|line| line["product_serial"].as_str().expect("a serial")).collect()
}

#[tokio::test]
async fn both_sides_are_told_what_is_short_and_what_is_over() {
    let test = delivered().await;
    let schema = corpus().map(|corpus| {
        let text = std::fs::read_to_string(corpus.join("pdg-exceptions/schemas/report_schema.json")).expect("the schema");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let short = report(&test, "northway", SHIPPED).await;
    let exceptions = &short["exceptions"];
    assert_eq!(serials(&exceptions["missing_product"]), ["U3", "U4"]);
    let count = &exceptions["underages"][0];
    assert_eq!(
        (&count["quantity_ordered"], &count["quantity_received"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(
        (exceptions.get("overages"), exceptions.get("missing_product_data")),
        (None, None)
    );
    assert_eq!(short["case_resolved"], false);
    let sender = &short["sender_information"];
    assert_eq!(sender["gln"], json!(gln_of(&test, "northway")));
    assert_eq!(
        (&sender["email"], &sender["phone"]),
        (&json!("dock@northway.example"), &json!("+31 77"))
    );
    assert_eq!(
        report(&test, "northway", SHIPPED).await,
        short,
        "asked again it is the same message"
    );
    // The same by the sender is a case of its own.
    let theirs = report(&test, "packwell", SHIPPED).await;
    assert_eq!(serials(&theirs["exceptions"]["missing_product"]), ["U3", "U4"]);
    // Orders are not for who stores the goods.
    assert_eq!((&theirs["po_number"], &short["po_number"]), (&json!("PO-9"), &json!("")));
    assert_ne!(theirs["exception_case_uuid"], short["exception_case_uuid"]);
    let over = report(&test, "northway", RECEIVED).await;
    assert_eq!(serials(&over["exceptions"]["missing_product_data"]), ["U5"]);
    let count = &over["exceptions"]["overages"][0];
    assert_eq!(
        (&count["quantity_ordered"], &count["quantity_received"]),
        (&json!(2), &json!(3))
    );
    // The rest comes: resolved, and still the same case.
    let rest = receive("2026-03-01T14:00:00Z", &handover(&test, &["U3", "U4"]));
    capture(&test, "northway", &[rest]).await;
    let resolved = report(&test, "northway", SHIPPED).await;
    assert_eq!(
        (&resolved["case_resolved"], &resolved["exceptions"]),
        (&json!(true), &json!({}))
    );
    assert_eq!(resolved["exception_case_uuid"], short["exception_case_uuid"]);
    assert_ne!(resolved["message_uuid"], short["message_uuid"]);
    let Some(schema) = schema else { return };
    for told in [&short, &theirs, &over, &resolved] {
        assert_eq!(faults(&schema, &schema, told, ""), [""; 0], "{told:#}");
    }
    let mut broken = short.clone();
    broken["exceptions"]["underages"][0]["quantity_ordered"] = json!("4");
    broken["exceptions"]["missing_product"][0]["resolution_request"] = json!("Send love");
    assert_eq!(
        faults(&schema, &schema, &broken, "").len(),
        1,
        "a list that breaks the schema is found"
    );
}

/// Two pallets are shipped and one of them comes: of the other the packs are listed to whoever may know what is in it.
#[tokio::test]
async fn of_a_pallet_that_did_not_come_the_packs_are_listed() {
    let test = TestHub::start().await;
    let (lost, come) = (packwell_sscc(1), packwell_sscc(2));
    let units = sgtins(AUROXIN, &["P1", "P2", "P3", "P4", "P5"]);
    let case = sgtins(AUROXIN_CASE, &["C1"]);
    let tote = packwell_sscc(3);
    let at = |minute: u32| format!("2026-03-01T08:{minute:02}:00Z");
    let pack_in = |minute: u32, parent: &str, children: &[String]| pack(&at(minute), PACKWELL_HALL_1, parent, children);
    let on = |sscc: &[&String]| Handover {
        epcs: sscc.iter().map(|sscc| (*sscc).clone()).collect(),
        ..handover(&test, &[])
    };
    let events = [
        commission(&at(0), PACKWELL_HALL_1, &units, "L1"),
        commission(&at(1), PACKWELL_HALL_1, &case, "L1"),
        commission_sscc(&at(2), PACKWELL_HALL_1, &lost),
        commission_sscc(&at(2), PACKWELL_HALL_1, &come),
        commission_sscc(&at(2), PACKWELL_HALL_1, &tote),
        pack_in(3, &case[0], &units[..1]),
        pack_in(4, &tote, &units[1..2]),
        pack_in(5, &lost, &[case[0].clone(), tote, units[2].clone()]),
        pack_in(6, &come, &units[3..]),
        with_id(ship("2026-03-01T10:00:00Z", &on(&[&lost, &come])), SHIPPED),
    ];
    capture(&test, "packwell", &events).await;
    let received = receive("2026-03-01T12:00:00Z", &on(&[&come]));
    capture(&test, "northway", &[with_id(received, RECEIVED)]).await;
    let told = report(&test, "packwell", SHIPPED).await;
    // The case for itself, what is in the tote, and the single one.
    assert_eq!(
        serials(&told["exceptions"]["missing_product"]),
        ["P2", "P3", "C1"],
        "{told:#}"
    );
    let counts: Vec<(&Value, &Value)> = told["exceptions"]["underages"]
        .as_array()
        .expect("counts")
        .iter()
        .map(|count| (&count["quantity_ordered"], &count["quantity_received"]))
        .collect();
    assert_eq!(counts, [(&json!(4), &json!(2)), (&json!(1), &json!(0))], "{told:#}");
    assert!(
        told["other_errors"][0]
            .as_str()
            .expect("a line")
            .ends_with("the 3 packs in it are listed"),
        "{told:#}"
    );
    // Who stores goods for others, and did not get these, is told no more of the pallet than its number.
    let theirs = report(&test, "northway", SHIPPED).await;
    let inside = test
        .graphql_data(
            &test.actor("northway"),
            "query ($epc: String!) { container(epc: $epc) { contents(first: 10) { nodes { thing { epc } } } } }",
            json!({ "epc": lost }),
        )
        .await;
    let knows = inside["container"]["contents"]["nodes"]
        .as_array()
        .is_some_and(|nodes| !nodes.is_empty());
    assert_eq!(
        theirs["exceptions"].get("missing_product").is_some(),
        knows,
        "{theirs:#} {inside:#}"
    );
    if let Some(corpus) = corpus() {
        let text = std::fs::read_to_string(corpus.join("pdg-exceptions/schemas/report_schema.json")).expect("the schema");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(faults(&schema, &schema, &told, ""), [""; 0], "{told:#}");
    }
}

#[tokio::test]
async fn who_sees_no_such_event_gets_what_he_gets_for_none() {
    let test = delivered().await;
    let ask = async |party: &str, event: &str, more: &str| {
        let path = format!("/epcis/events/{event}/exceptions{more}");
        let answer = test.get(&test.actor(party), &path).await;
        (answer.status, answer.text().to_owned())
    };
    let none = "urn:uuid:00000000-0000-4000-8000-00000000000f";
    for stranger in ["halden", "meridian", "zenith"] {
        let (hidden, absent) = (
            ask(stranger, SHIPPED, "?email=a@b").await,
            ask(stranger, none, "?email=a@b").await,
        );
        assert_eq!((hidden.0, &hidden.1), (StatusCode::NOT_FOUND, &absent.1), "{stranger}");
    }
    // A brand owner sees the event, and no finding that is not its own.
    let brand = report(&test, "aurora", SHIPPED).await;
    assert_eq!(brand["exceptions"], json!({}), "{brand:#}");
    for wrong in [
        "",
        "?email=",
        "?email=nobody",
        "?email=a@b&email=c@d",
        "?email=a@b&fax=1",
        "?email=a@b%0a",
    ] {
        assert_eq!(ask("northway", SHIPPED, wrong).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// Where a value breaks a JSON Schema of the few words that this one has; of alternatives that all fail one line.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let place = name.trim_start_matches('#');
        return faults(root, root.pointer(place).expect("a definition"), value, at);
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        let fits = ways.iter().any(|way| faults(root, way, value, at).is_empty());
        return if fits {
            Vec::new()
        } else {
            vec![format!("{at}: none of the alternatives")]
        };
    }
    let is_of = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}: not read here"),
    };
    let mut found = Vec::new();
    if let Some(kind) = schema["type"].as_str().filter(|kind| !is_of(kind)) {
        found.push(format!("{at}: no {kind}"));
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        found.push(format!("{at}: none of {words:?}"));
    }
    let names = schema["required"].as_array().into_iter().flatten();
    let missing = names.filter_map(Value::as_str).filter(|name| value.get(name).is_none());
    found.extend(missing.map(|name| format!("{at}/{name}: missing")));
    for (name, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(of) => found.extend(faults(root, of, inner, &format!("{at}/{name}"))),
            None => found.push(format!("{at}/{name}: unknown")),
        }
    }
    for (place, inner) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(root, &schema["items"], inner, &format!("{at}/{place}")));
    }
    found
}

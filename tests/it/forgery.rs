//! What a member of the hub says about goods it has nothing to do with: kept as its word, and without effect on anybody.

use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{
    HALDEN_HALMSTAD, Handover, MERIDIAN_LYON, Told, commission_sscc, document, gln_of, pack, receive, ship, sscc, tell,
};

const PROVENANCE: &str =
    "query ($epc: String!) { provenance(epc: $epc) { unbroken disposition hops { party { legalName } role } } }";
const STATE: &str = "query ($epc: String!) {
  item(epc: $epc) { disposition dispositionInferred persistentDispositions custodian { legalName } owner { legalName } parent { epc } }
  then: item(epc: $epc, asOf: \"2026-03-01T18:00:00Z\") { asOf disposition custodian { legalName } owner { legalName } parent { epc } }
}";

async fn provenance(test: &TestHub, party: &str, epc: &str) -> Value {
    test.graphql_data(&test.actor(party), PROVENANCE, json!({"epc": epc})).await["provenance"].clone()
}

/// What everybody knows of the goods.
async fn views(test: &TestHub, told: &Told) -> Vec<Value> {
    let mut views = Vec::new();
    for party in ["aurora", "packwell", "northway", "meridian", "halden"] {
        for epc in [&told.units[0], &told.left_behind, &told.case, &told.pallet] {
            views.push(provenance(test, party, epc).await);
            views.push(test.graphql_data(&test.actor(party), STATE, json!({"epc": epc})).await);
        }
    }
    views
}

fn from_halden(test: &TestHub, epcs: &[String], to: (&str, &str)) -> Handover {
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln_of(test, "halden"), gln_of(test, to.0)),
        possessor: (gln_of(test, "halden"), gln_of(test, to.0)),
        place: (HALDEN_HALMSTAD.to_owned(), to.1.to_owned()),
    }
}

#[tokio::test]
async fn packing_somebodys_goods_into_ones_own_container_takes_nothing() {
    let test = TestHub::start().await;
    let (told, _) = tell(&test).await;
    test.set_time("2026-04-01T00:00:00Z");
    let before = views(&test, &told).await;
    let own = sscc("9521006", 1);
    let goods = [told.units[0].clone(), told.left_behind.clone(), told.pallet.clone()];
    let onward = from_halden(&test, std::slice::from_ref(&own), ("meridian", MERIDIAN_LYON));
    // Before the goods existed, while they were at packwell, and after.
    for day in ["2026-02-20", "2026-03-01", "2026-03-05"] {
        let at = |time: &str| format!("{day}T{time}Z");
        let claims = [
            commission_sscc(&at("00:00:01"), HALDEN_HALMSTAD, &own),
            pack(&at("00:00:02"), HALDEN_HALMSTAD, &own, &goods),
            ship(&at("23:00:00"), &onward),
        ];
        test.capture(&test.actor("halden"), document(&claims)).await;
    }
    assert_eq!(views(&test, &told).await, before);
}

#[tokio::test]
async fn calling_somebodys_goods_recalled_or_dispensed_changes_nothing() {
    let test = TestHub::start().await;
    let (told, _) = tell(&test).await;
    test.set_time("2026-04-01T00:00:00Z");
    let before = views(&test, &told).await;
    assert_eq!(before[0]["unbroken"], true, "{before:#?}");
    for (action, step, disposition, at) in [
        ("OBSERVE", "inspecting", "recalled", "2026-03-05T00:00:00Z"),
        ("DELETE", "dispensing", "dispensed", "2026-02-20T00:00:00Z"),
        ("DELETE", "dispensing", "dispensed", "2026-03-06T00:00:00Z"),
        ("OBSERVE", "inspecting", "recalled", "9999-12-31T00:00:00Z"),
    ] {
        let mut event = commission_sscc(at, HALDEN_HALMSTAD, &told.units[0]);
        event["action"] = action.into();
        event["bizStep"] = step.into();
        event["disposition"] = disposition.into();
        event["persistentDisposition"] = json!({"set": ["recalled"]});
        test.capture(&test.actor("halden"), document(&[event])).await;
    }
    assert_eq!(views(&test, &told).await, before);
    // The control: whoever has them may say so.
    let mut event = commission_sscc("2026-03-05T00:00:00Z", MERIDIAN_LYON, &told.case);
    event["action"] = "OBSERVE".into();
    event["bizStep"] = "holding".into();
    event["disposition"] = "recalled".into();
    test.capture(&test.actor("meridian"), document(&[event])).await;
    assert_eq!(provenance(&test, "meridian", &told.case).await["disposition"], "recalled");
}

#[tokio::test]
async fn a_handover_of_what_one_does_not_have_reaches_nobody() {
    let test = TestHub::start().await;
    let (told, _) = tell(&test).await;
    test.set_time("2026-04-01T00:00:00Z");
    let count = async |party: &str| {
        let data = test
            .graphql_data(
                &test.actor(party),
                "{ events(first: 100) { nodes { id } } shipments { nodes { id } } }",
                json!({}),
            )
            .await;
        let length = |list: &str| data[list]["nodes"].as_array().expect("nodes").len();
        (length("events"), length("shipments"))
    };
    let before = count("meridian").await;
    let forged = from_halden(&test, std::slice::from_ref(&told.pallet), ("meridian", MERIDIAN_LYON));
    let job = test
        .capture(&test.actor("halden"), document(&[ship("2026-03-05T00:00:00Z", &forged)]))
        .await;
    assert_eq!(job["findings"], json!({"NO_CUSTODY": 1}), "{job:#}");
    assert_eq!(count("meridian").await, before);
}

#[tokio::test]
async fn a_handover_told_before_the_goods_were_known_reaches_its_receiver_once_they_are() {
    let test = TestHub::start().await;
    let gln = |party: &str| gln_of(&test, party);
    let pallet = crate::story::packwell_sscc(7);
    let handover = Handover {
        epcs: vec![pallet.clone()],
        owner: (gln("aurora"), gln("aurora")),
        possessor: (gln("packwell"), gln("northway")),
        place: (
            crate::story::PACKWELL_HALL_1.to_owned(),
            crate::story::NORTHWAY_VENLO.to_owned(),
        ),
    };
    let events = async |party: &str| {
        let data = test
            .graphql_data(&test.actor(party), "{ events(first: 100) { nodes { bizStep } } }", json!({}))
            .await;
        data["events"]["nodes"].clone()
    };
    let northway = test.actor("northway");
    test.capture(&northway, document(&[receive("2026-03-01T16:00:00Z", &handover)]))
        .await;
    assert_eq!(
        events("packwell").await,
        json!([]),
        "nobody said yet that northway may have it"
    );
    let late = [
        commission_sscc("2026-03-01T08:00:00Z", crate::story::PACKWELL_HALL_1, &pallet),
        ship("2026-03-01T12:00:00Z", &handover),
    ];
    test.capture(&test.actor("packwell"), document(&late)).await;
    let steps = |events: Value| -> Vec<String> {
        let mut steps: Vec<String> = events
            .as_array()
            .expect("nodes")
            .iter()
            .map(|event| event["bizStep"].as_str().expect("a step").to_owned())
            .collect();
        steps.sort();
        steps
    };
    assert_eq!(steps(events("packwell").await), ["commissioning", "receiving", "shipping"]);
    assert_eq!(steps(events("northway").await), ["receiving", "shipping"]);
}

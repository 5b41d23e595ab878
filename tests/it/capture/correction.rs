//! Error declarations and voided shipments.

use serde_json::json;

use super::{SITE, capture, case, contents, count, found, in_error, lines, to_northway, units};
use crate::hub::TestHub;
use crate::story::{commission, commission_sscc, pack, packwell_sscc, ship};

const STATES: &str = "SELECT state AS line FROM shipment ORDER BY line";

#[tokio::test]
async fn a_declared_error_takes_the_event_out_of_the_state_whichever_comes_first() {
    let units = units(&["A1"]);
    let made = [
        commission("2026-03-01T08:00:00Z", SITE, &units, "L1"),
        commission("2026-03-01T08:01:00Z", SITE, &[case("C1"), case("C2")], "L1"),
    ];
    let wrong = pack("2026-03-01T09:00:00Z", SITE, &case("C1"), &units);
    let right = pack("2026-03-01T09:30:00Z", SITE, &case("C2"), &units);
    let declared = in_error(&wrong);
    for order in [
        [&wrong, &right, &declared],
        [&declared, &wrong, &right],
        [&right, &declared, &wrong],
    ] {
        let test = TestHub::start().await;
        capture(&test, "packwell", &made).await;
        for event in order {
            capture(&test, "packwell", std::slice::from_ref(event)).await;
        }
        assert_eq!(count(&test, "event").await, 5);
        assert_eq!(contents(&test, &case("C1"), "2026-03-02T00:00:00Z").await, [""; 0]);
        assert_eq!(contents(&test, &case("C2"), "2026-03-02T00:00:00Z").await, units);
        assert_eq!(found(&test, "MULTIPLE_PARENTS").await, [""; 0]);
    }
}

#[tokio::test]
async fn a_commissioning_in_error_is_as_if_it_never_was() {
    let test = TestHub::start().await;
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    capture(&test, "packwell", std::slice::from_ref(&event)).await;
    capture(&test, "packwell", &[in_error(&event)]).await;
    let sql = "SELECT COALESCE(lot, '-') || COALESCE(commissioned_by, '-') || COALESCE(disposition, '-') AS line FROM item";
    assert_eq!(lines(&test, sql, Vec::new()).await, ["---"]);
    assert_eq!(super::findings(&test).await, [""; 0]);
}

#[tokio::test]
async fn a_voided_shipment_returns_custody() {
    let test = TestHub::start().await;
    let pallet = packwell_sscc(1);
    let handover = to_northway(&test, std::slice::from_ref(&pallet));
    let shipped = ship("2026-03-01T10:00:00Z", &handover);
    let mut void = ship("2026-03-01T10:30:00Z", &handover);
    void["bizStep"] = json!("void_shipping");
    capture(
        &test,
        "packwell",
        &[commission_sscc("2026-03-01T08:00:00Z", SITE, &pallet), shipped],
    )
    .await;
    assert_eq!(lines(&test, STATES, Vec::new()).await, ["in_transit"]);
    capture(&test, "packwell", &[void]).await;
    assert_eq!(lines(&test, STATES, Vec::new()).await, ["voided"]);
    assert_eq!(
        (count(&test, "shipment_epc").await, count(&test, "shipment_party").await),
        (0, 0)
    );
    // It may be shipped again, and that in error too.
    let again = ship("2026-03-01T11:00:00Z", &handover);
    capture(&test, "packwell", std::slice::from_ref(&again)).await;
    assert_eq!(lines(&test, STATES, Vec::new()).await, ["in_transit", "voided"]);
    capture(&test, "packwell", &[in_error(&again)]).await;
    assert_eq!(lines(&test, STATES, Vec::new()).await, ["voided", "voided"]);
    assert_eq!(found(&test, "NO_CUSTODY").await, [""; 0]);
}

#[tokio::test]
async fn one_event_id_for_two_events_is_a_finding() {
    let test = TestHub::start().await;
    let mut events = [
        commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1"),
        commission("2026-03-01T08:00:00Z", SITE, &units(&["A2"]), "L1"),
    ];
    for event in &mut events {
        event["eventID"] = json!("urn:uuid:5d7d1b8e-6c0f-4b5a-9f59-1f8f3f9d0a01");
    }
    capture(&test, "packwell", &events[..1]).await;
    capture(&test, "packwell", &events[1..]).await;
    assert_eq!(found(&test, "EVENT_ID_CONFLICT").await.len(), 1);
    assert_eq!(count(&test, "event").await, 2);
}

//! Containment, custody and findings, as documents tell of them.

use super::{SITE, capture, case, concerns, contents, findings, found, lines, to_meridian, to_northway, units};
use crate::hub::TestHub;
use crate::story::{self, commission, commission_sscc, pack, packwell_sscc, receive, ship, unpack};

#[tokio::test]
async fn contents_now_and_at_any_past_moment() {
    let test = TestHub::start().await;
    let (units, case) = (units(&["A1", "A2", "A3"]), case("C1"));
    let events = [
        commission("2026-03-01T08:00:00Z", SITE, &units, "L1"),
        commission("2026-03-01T08:01:00Z", SITE, std::slice::from_ref(&case), "L1"),
        pack("2026-03-01T09:00:00Z", SITE, &case, &units),
        unpack("2026-03-01T10:00:00Z", SITE, &case, &units[..1]),
        unpack("2026-03-01T11:00:00Z", SITE, &case, &[]),
        pack("2026-03-01T12:00:00Z", SITE, &case, &units[..1]),
    ];
    capture(&test, "packwell", &events).await;
    let check = async |at: &str, expected: &[String]| assert_eq!(contents(&test, &case, at).await, expected, "{at}");
    check("2026-03-01T08:59:59Z", &[]).await;
    check("2026-03-01T09:00:00Z", &units).await;
    check("2026-03-01T10:00:00Z", &units[1..]).await;
    check("2026-03-01T11:30:00Z", &[]).await;
    check("2026-03-02T00:00:00Z", &units[..1]).await;
}

#[tokio::test]
async fn a_second_parent_and_a_cycle_change_nothing_and_are_found() {
    let test = TestHub::start().await;
    let units = units(&["A1"]);
    let cases = [case("C1"), case("C2")];
    let events = [
        commission("2026-03-01T08:00:00Z", SITE, &units, "L1"),
        commission("2026-03-01T08:01:00Z", SITE, &cases, "L1"),
        pack("2026-03-01T09:00:00Z", SITE, &cases[0], &units),
        pack("2026-03-01T09:01:00Z", SITE, &cases[1], &units),
        pack("2026-03-01T09:02:00Z", SITE, &cases[0], &cases[1..]),
        pack("2026-03-01T09:03:00Z", SITE, &cases[1], &cases[..1]),
    ];
    let job = capture(&test, "packwell", &events).await;
    assert_eq!(job["eventsStored"], 6);
    assert_eq!(job["findings"]["MULTIPLE_PARENTS"], 1, "{job}");
    assert_eq!(found(&test, "MULTIPLE_PARENTS").await, units);
    assert_eq!(found(&test, "CONTAINMENT_CYCLE").await, cases[..1]);
    assert_eq!(contents(&test, &cases[1], "2026-03-02T00:00:00Z").await, [""; 0]);
}

#[tokio::test]
async fn a_serial_that_was_never_allocated_is_a_finding_for_sender_and_brand_owner() {
    let test = TestHub::start().await;
    capture(
        &test,
        "packwell",
        &[commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1")],
    )
    .await;
    assert_eq!(found(&test, "SERIAL_NOT_ALLOCATED").await, units(&["A1"]));
    let seen = async |party: &str| {
        let page = counterfoil::service::page::Page { first: 10, after: None };
        counterfoil::service::finding::findings(&test.hub, &test.actor(party), page)
            .await
            .unwrap()
            .rows
            .len()
    };
    assert_eq!(
        (seen("packwell").await, seen("aurora").await, seen("halden").await),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn only_whoever_has_the_goods_moves_them() {
    let test = TestHub::start().await;
    let pallet = packwell_sscc(1);
    let pallets = std::slice::from_ref(&pallet);
    capture(&test, "packwell", &[commission_sscc("2026-03-01T08:00:00Z", SITE, &pallet)]).await;
    // Northway says it ships a pallet that it does not have.
    capture(
        &test,
        "northway",
        &[ship("2026-03-01T09:00:00Z", &to_meridian(&test, pallets))],
    )
    .await;
    assert_eq!(found(&test, "NO_CUSTODY").await, pallets);
    let shipments = "SELECT sender_id || ' ' || state AS line FROM shipment ORDER BY line";
    assert_eq!(lines(&test, shipments, Vec::new()).await, ["northway unheld"]);
    assert_eq!(super::count(&test, "shipment_party").await, 0);
    // The buyer that it names learns nothing: words about goods that the teller does not have concern nobody else.
    assert_eq!(concerns(&test, "meridian").await, Vec::<String>::new());
    // Receiving what was shipped to somebody else gives nothing but the own event.
    capture(
        &test,
        "packwell",
        &[ship("2026-03-01T10:00:00Z", &to_northway(&test, pallets))],
    )
    .await;
    let stolen = story::Handover {
        owner: (story::gln_of(&test, "aurora"), story::gln_of(&test, "halden")),
        possessor: (story::gln_of(&test, "packwell"), story::gln_of(&test, "halden")),
        place: (SITE.to_owned(), story::HALDEN_HALMSTAD.to_owned()),
        epcs: pallets.to_vec(),
    };
    capture(&test, "halden", &[receive("2026-03-01T11:00:00Z", &stolen)]).await;
    assert_eq!(found(&test, "RECEIVED_WITHOUT_SHIPMENT").await, pallets);
    assert_eq!(concerns(&test, "halden").await, ["receiving 1"]);
    assert_eq!(
        lines(&test, shipments, Vec::new()).await,
        ["northway unheld", "packwell in_transit"]
    );
}

#[tokio::test]
async fn nobody_puts_foreign_goods_into_a_container_of_its_own() {
    let test = TestHub::start().await;
    let units = units(&["A1"]);
    capture(&test, "packwell", &[commission("2026-03-01T08:00:00Z", SITE, &units, "L1")]).await;
    let halden_case = "https://id.gs1.org/00/095210060000000011";
    let body: String = halden_case.chars().filter(char::is_ascii_digit).collect();
    let sscc = sscc_of(&body[3..20]);
    let event = pack("2026-03-01T09:00:00Z", story::HALDEN_HALMSTAD, &sscc, &units);
    capture(&test, "halden", &[event]).await;
    assert_eq!(found(&test, "NO_CUSTODY").await, units);
    assert_eq!(super::count(&test, "containment").await, 0);
}

/// Seventeen digits with their check digit, as an SSCC.
fn sscc_of(body: &str) -> String {
    let digits = body.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = digits.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("https://id.gs1.org/00/{body}{}", (10 - sum % 10) % 10)
}

#[tokio::test]
async fn the_brand_owner_sees_whole_events_until_the_first_sale() {
    let test = TestHub::start().await;
    let (units, pallet) = (units(&["A1"]), packwell_sscc(1));
    let pallets = std::slice::from_ref(&pallet);
    let made = [
        commission("2026-03-01T08:00:00Z", SITE, &units, "L1"),
        commission_sscc("2026-03-01T08:01:00Z", SITE, &pallet),
        pack("2026-03-01T09:00:00Z", SITE, &pallet, &units),
        ship("2026-03-01T10:00:00Z", &to_northway(&test, pallets)),
    ];
    capture(&test, "packwell", &made).await;
    let moved = [
        receive("2026-03-01T12:00:00Z", &to_northway(&test, pallets)),
        ship("2026-03-01T13:00:00Z", &to_meridian(&test, pallets)),
    ];
    capture(&test, "northway", &moved).await;
    let kept = [
        receive("2026-03-01T15:00:00Z", &to_meridian(&test, pallets)),
        unpack("2026-03-01T16:00:00Z", story::MERIDIAN_LYON, &pallet, &units),
    ];
    capture(&test, "meridian", &kept).await;
    // Brand owner 4, principal 2, seller 8; after the sale 128, and it is still named as the seller when meridian receives.
    let expected = [
        "commissioning 6",
        "commissioning 4",
        "packing 4",
        "shipping 6",
        "receiving 6",
        "shipping 14",
        "receiving 136",
        "unpacking 128",
    ];
    assert_eq!(concerns(&test, "aurora").await, expected);
    assert_eq!(concerns(&test, "zenith").await, [""; 0]);
    assert_eq!(findings(&test).await.len(), 1);
}

//! The order in which documents reach the hub plays no part: the state is that of the order of events.

use serde_json::Value;

use super::{capture, case, findings, lines, to_meridian, to_northway, units};
use crate::hub::TestHub;
use crate::story::{self, commission, commission_sscc, pack, packwell_sscc, receive, ship, unpack};

/// Who sends what, in the order of events: made, packed, shipped, received, sold on, received, unpacked, and unpacked further.
fn story(test: &TestHub) -> Vec<(&'static str, Vec<Value>)> {
    let (site, lyon) = (super::SITE, story::MERIDIAN_LYON);
    let (pallet, units) = (packwell_sscc(1), units(&["A1", "A2", "A3", "A4"]));
    let cases = [case("C1"), case("C2")];
    let made = vec![
        commission("2026-03-01T08:00:00Z", site, &units, "L1"),
        commission("2026-03-01T08:01:00Z", site, &cases, "L1"),
        commission_sscc("2026-03-01T08:02:00Z", site, &pallet),
    ];
    let cased = vec![
        pack("2026-03-01T09:00:00Z", site, &cases[0], &units[..2]),
        pack("2026-03-01T09:01:00Z", site, &cases[1], &units[2..]),
    ];
    let pallets = std::slice::from_ref(&pallet);
    vec![
        ("packwell", made),
        ("packwell", cased),
        ("packwell", vec![pack("2026-03-01T09:30:00Z", site, &pallet, &cases)]),
        ("packwell", vec![ship("2026-03-01T10:00:00Z", &to_northway(test, pallets))]),
        ("northway", vec![receive("2026-03-01T12:00:00Z", &to_northway(test, pallets))]),
        ("northway", vec![ship("2026-03-01T13:00:00Z", &to_meridian(test, pallets))]),
        ("meridian", vec![receive("2026-03-01T15:00:00Z", &to_meridian(test, pallets))]),
        ("meridian", vec![unpack("2026-03-01T16:00:00Z", lyon, &pallet, &[])]),
        ("meridian", vec![unpack("2026-03-01T17:00:00Z", lyon, &cases[0], &units[..1])]),
    ]
}

/// Everything that is derived, told with what does not depend on when it was derived.
pub(super) async fn state(test: &TestHub) -> Vec<String> {
    let mut state = findings(test).await;
    for sql in [
        "SELECT c.uri || ' in ' || p.uri || ' ' || n.from_time || ' ' || n.until_time || ' ' || o.event_id || ' ' || COALESCE(x.event_id, '-') AS line
         FROM containment n JOIN item p ON p.epc = n.parent JOIN item c ON c.epc = n.child JOIN event o ON o.id = n.opened_by
         LEFT JOIN event x ON x.id = n.closed_by ORDER BY line",
        "SELECT i.uri || ' ' || COALESCE(i.lot, '-') || ' ' || COALESCE(i.owner_id, '-') || ' ' || COALESCE(i.commissioned_by, '-') || ' '
                || COALESCE(e.event_id, '-') || ' ' || COALESCE(i.disposition, '-') || ' ' || COALESCE(p.uri, '-') || ' ' || i.last_at || ' ' || i.below_at AS line
         FROM item i LEFT JOIN item p ON p.epc = i.parent LEFT JOIN event e ON e.id = i.commission_event ORDER BY line",
        "SELECT e.event_id || ' ' || s.state || ' ' || COALESCE(r.event_id, '-') || ' ' || s.sender_id || ' ' || COALESCE(s.receiver_id, '-') || ' '
                || COALESCE(s.seller_id, '-') || ' ' || COALESCE(s.buyer_id, '-') AS line
         FROM shipment s JOIN event e ON e.id = s.ship_event LEFT JOIN event r ON r.id = s.receive_event ORDER BY line",
        "SELECT i.uri || ' ' || e.event_id || ' ' || COALESCE(x.received_at, 0) AS line
         FROM shipment_epc x JOIN item i ON i.epc = x.epc JOIN shipment s ON s.id = x.shipment_id JOIN event e ON e.id = s.ship_event ORDER BY line",
        "SELECT p.party_id || ' ' || e.event_id || ' ' || p.relations AS line
         FROM shipment_party p JOIN shipment s ON s.id = p.shipment_id JOIN event e ON e.id = s.ship_event ORDER BY line",
        "SELECT p.party_id || ' ' || e.event_id || ' ' || p.relations AS line FROM event_party p JOIN event e ON e.id = p.event_id ORDER BY line",
    ] {
        state.extend(lines(test, sql, Vec::new()).await);
    }
    state
}

async fn arrived(order: &[usize]) -> Vec<String> {
    let test = TestHub::start().await;
    let story = story(&test);
    for position in order {
        let (party, events) = &story[*position];
        capture(&test, party, events).await;
    }
    state(&test).await
}

/// Fisher and Yates with a generator of Park and Miller: the same orders in every run.
fn shuffled(seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..9).collect();
    let mut random = seed * 7919 + 1;
    for last in (1..order.len()).rev() {
        random = random * 48_271 % 2_147_483_647;
        order.swap(last, random as usize % (last + 1));
    }
    order
}

#[tokio::test]
async fn the_state_is_the_same_in_whatever_order_documents_arrive() {
    let expected = arrived(&[0, 1, 2, 3, 4, 5, 6, 7, 8]).await;
    assert!(expected.iter().any(|line| line.contains(" received ")), "{expected:#?}");
    // Nothing but the serials, which the test made up, is wrong with the story.
    assert!(
        expected
            .iter()
            .take_while(|line| !line.contains(" in "))
            .all(|line| line.starts_with("SERIAL_NOT_ALLOCATED ")),
        "{expected:#?}"
    );
    let mut orders = vec![
        vec![8, 7, 6, 5, 4, 3, 2, 1, 0],
        vec![4, 3, 0, 1, 2, 6, 5, 8, 7],
        vec![1, 0, 2, 3, 4, 5, 6, 7, 8],
    ];
    orders.extend((0..8).map(shuffled));
    for order in orders {
        let state = arrived(&order).await;
        let (missing, surplus): (Vec<_>, Vec<_>) = (
            expected.iter().filter(|line| !state.contains(line)).collect(),
            state.iter().filter(|line| !expected.contains(line)).collect(),
        );
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{order:?}: missing {missing:#?}, surplus {surplus:#?}"
        );
    }
}

//! A document that is stored piece by piece comes to what it would have come to at once, whatever the size of the pieces.

use counterfoil::config::settings::Limits;
use serde_json::Value;

use super::{SITE, capture, case, count, in_error, lines, order, to_northway, units};
use crate::hub::TestHub;
use crate::story::{commission, commission_sscc, pack, packwell_sscc, receive, ship, unpack};

/// Documents in which events depend on each other, and some do not fit: every way in which a piece could miss another.
fn documents(test: &TestHub) -> Vec<(&'static str, Vec<Value>)> {
    let (pallet, made) = (packwell_sscc(1), units(&["A1", "A2", "A3", "A4"]));
    let cases = [case("C1"), case("C2")];
    let pallets = std::slice::from_ref(&pallet);
    let wrong = commission("2026-03-01T08:05:00Z", SITE, &units(&["E1"]), "L1");
    let mut renamed = commission("2026-03-01T08:06:00Z", SITE, &units(&["E2"]), "L1");
    let mut other = commission("2026-03-01T08:07:00Z", SITE, &units(&["E3"]), "L1");
    for event in [&mut renamed, &mut other] {
        event["eventID"] = "urn:uuid:00000000-0000-4000-8000-000000000001".into();
    }
    let strangers: Vec<Value> = (0..8)
        .map(|number| {
            pack(
                "2026-03-01T09:45:00Z",
                SITE,
                &case(&format!("X{number}")),
                &units(&[&format!("N{number}")]),
            )
        })
        .collect();
    let mut first = vec![
        // Before they were made, in the order of the document.
        pack("2026-03-01T09:00:00Z", SITE, &cases[0], &made[..2]),
        commission("2026-03-01T08:00:00Z", SITE, &made, "L1"),
        commission("2026-03-01T08:01:00Z", SITE, &cases, "L1"),
        commission_sscc("2026-03-01T08:02:00Z", SITE, &pallet),
        pack("2026-03-01T09:01:00Z", SITE, &cases[1], &made[2..]),
        // A second parent, and out of where it is not.
        pack("2026-03-01T09:02:00Z", SITE, &cases[1], &made[..1]),
        unpack("2026-03-01T09:03:00Z", SITE, &cases[0], &made[3..]),
        unpack("2026-03-01T09:04:00Z", SITE, &cases[0], &made[1..2]),
        pack("2026-03-01T09:30:00Z", SITE, &pallet, &cases),
        // Twice made; the same event again.
        commission("2026-03-01T08:30:00Z", SITE, &made[..1], "L2"),
        commission("2026-03-01T08:00:00Z", SITE, &made, "L1"),
        in_error(&wrong),
        wrong,
        renamed,
        other,
    ];
    first.extend(strangers);
    vec![
        ("packwell", first),
        (
            "packwell",
            vec![
                ship("2026-03-01T10:00:00Z", &to_northway(test, pallets)),
                unpack("2026-03-01T09:50:00Z", SITE, &pallet, &[]),
                pack("2026-03-01T09:55:00Z", SITE, &pallet, &cases[..1]),
            ],
        ),
        (
            "packwell",
            vec![in_error(&unpack("2026-03-01T09:50:00Z", SITE, &pallet, &[]))],
        ),
        ("northway", vec![receive("2026-03-01T12:00:00Z", &to_northway(test, pallets))]),
    ]
}

async fn told(limits: Limits) -> Vec<String> {
    let test = TestHub::start_with(limits).await;
    let mut told = Vec::new();
    for (party, events) in documents(&test) {
        let job = capture(&test, party, &events).await;
        told.push(format!("{} events stored", job["eventsStored"]));
    }
    told.extend(order::state(&test).await);
    let all = "SELECT code || ' ' || COALESCE(epc, '-') || ' ' || pointer || ' ' || detail || ' ' || COALESCE(cleared_at, 0) AS line FROM finding
               ORDER BY line";
    told.extend(lines(&test, all, Vec::new()).await);
    for table in [
        "event",
        "event_epc",
        "item",
        "containment",
        "shipment_epc",
        "finding",
        "audit",
    ] {
        told.push(format!("{table}: {}", count(&test, table).await));
    }
    let facts = "SELECT i.uri || ' ' || e.event_id || ' ' || n.role || ' ' || COUNT(*) AS line FROM event_epc n JOIN item i ON i.epc = n.epc
                 JOIN event e ON e.id = n.event_id GROUP BY i.uri, e.event_id, n.role ORDER BY line";
    told.extend(lines(&test, facts, Vec::new()).await);
    told
}

/// From memory and from the disk.
const SIZES: [(usize, u64); 5] = [(1, 8 << 20), (3, 8 << 20), (1, 10), (5, 10), (20_000, 10)];

fn limits((things_per_piece, checked_at_once_bytes): (usize, u64), findings_per_code: usize) -> Limits {
    Limits {
        things_per_piece,
        checked_at_once_bytes,
        findings_per_code,
        ..Limits::default()
    }
}

fn compare(size: (usize, u64), whole: &[String], pieces: &[String]) {
    let (missing, surplus): (Vec<_>, Vec<_>) = (
        whole.iter().filter(|line| !pieces.contains(line)).collect(),
        pieces.iter().filter(|line| !whole.contains(line)).collect(),
    );
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{size:?}: missing {missing:#?}, surplus {surplus:#?}"
    );
}

#[tokio::test]
async fn pieces_come_to_what_the_document_comes_to() {
    let whole = told(limits((20_000, 8 << 20), 100)).await;
    assert!(whole.iter().any(|line| line.starts_with("MULTIPLE_PARENTS ")), "{whole:#?}");
    for size in SIZES {
        compare(size, &whole, &told(limits(size, 100)).await);
    }
}

#[tokio::test]
async fn findings_of_all_pieces_are_counted_together() {
    let counted = |lines: Vec<String>| -> Vec<String> {
        let counts = |line: &String| line.contains(" more of ") || line.starts_with("finding: ");
        lines.into_iter().filter(counts).collect()
    };
    let whole = counted(told(limits((20_000, 8 << 20), 5)).await);
    assert!(whole.len() > 1, "{whole:#?}");
    for size in SIZES {
        compare(size, &whole, &counted(told(limits(size, 5)).await));
    }
}

//! Commissioning marks and the balance of a lot.

use std::sync::Arc;

use counterfoil::service::lot::{LotBalance, reconcile};
use counterfoil::service::serial::{Standing, commissioned, uncommissioned};

use super::*;

/// What capture does with a commissioning event of a party.
async fn commission(test: &TestHub, party: &str, lot: &str, serials: &[String]) -> Vec<Standing> {
    let (hub, party, lot, serials) = (test.hub.clone(), test.actor(party).party, lot.to_owned(), serials.to_vec());
    let work = test.hub.db().write(move |tx| {
        Box::pin(async move {
            let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
            commissioned(tx, &hub, &party, AUROXIN.parse().unwrap(), &lot, &serials).await
        })
    });
    work.await.unwrap()
}

/// What capture does when that event is declared in error.
async fn take_back(test: &TestHub, party: &str, lot: &str, serials: &[String]) -> u64 {
    let (hub, party, lot, serials) = (test.hub.clone(), test.actor(party).party, lot.to_owned(), serials.to_vec());
    let work = test.hub.db().write(move |tx| {
        Box::pin(async move {
            let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
            uncommissioned(tx, &hub, &party, AUROXIN.parse().unwrap(), &lot, &serials).await
        })
    });
    work.await.unwrap()
}

async fn balance(test: &TestHub, party: &str, lot: &str) -> Option<LotBalance> {
    reconcile(&test.hub, &test.actor(party), AUROXIN.parse().unwrap(), lot)
        .await
        .unwrap()
}

/// Issued, commissioned, unused, foreign, balanced.
fn figures(balance: Option<LotBalance>) -> Option<(u64, u64, u64, u64, bool)> {
    balance.map(|balance| {
        (
            balance.issued,
            balance.commissioned,
            balance.unused,
            balance.foreign,
            balance.balanced,
        )
    })
}

async fn for_lot(test: &TestHub, party: &str, key: &str, lot: Option<&str>, quantity: u64) -> Vec<String> {
    let wanted = SerialRequest {
        lot: lot.map(str::to_owned),
        ..wanted(key, quantity)
    };
    let granted = request(&test.hub, &test.actor(party), wanted).await.unwrap();
    numbers(test, &granted).await
}

#[tokio::test]
async fn each_serial_stands_as_it_should() {
    use Standing::{Again, Allocated, NotAllocated};
    let test = TestHub::start().await;
    let first = for_lot(&test, "packwell", "1", None, 10).await;
    let owners = for_lot(&test, "aurora", "2", None, 10).await;
    let second = for_lot(&test, "packwell", "3", None, 10).await;
    let call: Vec<String> = [
        &first[3],
        &owners[0],
        &second[9],
        &first[3],
        "NEVERISSUED2",
        "short",
        "",
        "ÄÖÜ",
        &second[0],
    ]
    .into_iter()
    .map(|serial| serial.to_string())
    .collect();
    assert_eq!(
        commission(&test, "packwell", "L1", &call).await,
        [
            Allocated,
            NotAllocated,
            Allocated,
            Again,
            NotAllocated,
            NotAllocated,
            NotAllocated,
            NotAllocated,
            Allocated
        ]
    );
    assert_eq!(
        commission(&test, "packwell", "L1", &first[2..5]).await,
        [Allocated, Again, Allocated]
    );
    assert_eq!(
        commission(&test, "packwell", "L2", &first[2..6]).await,
        [Again, Again, Again, Allocated]
    );
    assert_eq!(commission(&test, "sigmapack", "L1", &first[..1]).await, [NotAllocated]);
    assert_eq!(commission(&test, "packwell", "L1", &[]).await, []);
    // Another process knows the same.
    assert_eq!(commission(&test, "aurora", "L1", &owners[..1]).await, [Allocated]);
}

#[tokio::test]
async fn a_lot_balances_when_every_number_is_accounted_for() {
    let test = TestHub::start().await;
    let serials = for_lot(&test, "packwell", "1", Some("L1"), 100).await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((100, 0, 100, 0, true)));
    commission(&test, "packwell", "L1", &serials[..97]).await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((100, 97, 3, 0, true)));
    // Twice is once.
    commission(&test, "packwell", "L1", &serials[..97]).await;
    assert_eq!(figures(balance(&test, "packwell", "L1").await), Some((100, 97, 3, 0, true)));
    // A serial nobody gave it.
    commission(
        &test,
        "packwell",
        "L1",
        &["STRANGE22222".to_owned(), "STRANGE22222".to_owned()],
    )
    .await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((100, 97, 3, 1, false)));
    assert_eq!(
        take_back(
            &test,
            "packwell",
            "L1",
            &["STRANGE22222".to_owned(), serials[0].clone(), serials[99].clone()]
        )
        .await,
        2
    );
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((100, 96, 4, 0, true)));
    // Numbers of this lot in another one.
    commission(&test, "packwell", "L2", &serials[98..]).await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((100, 96, 2, 0, false)));
    assert_eq!(figures(balance(&test, "aurora", "L2").await), Some((0, 2, 0, 0, false)));
}

#[tokio::test]
async fn an_allocation_for_no_lot_serves_several() {
    let test = TestHub::start().await;
    let serials = for_lot(&test, "packwell", "1", None, 100).await;
    assert_eq!(balance(&test, "aurora", "L1").await, None);
    commission(&test, "packwell", "L1", &serials[..30]).await;
    commission(&test, "packwell", "L2", &serials[30..80]).await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((50, 30, 20, 0, true)));
    assert_eq!(figures(balance(&test, "aurora", "L2").await), Some((70, 50, 20, 0, true)));
    take_back(&test, "packwell", "L2", &serials[30..80]).await;
    assert_eq!(balance(&test, "aurora", "L2").await, None);
}

#[tokio::test]
async fn the_owner_sees_the_whole_lot_and_a_packager_its_part() {
    let test = TestHub::start().await;
    let packed = for_lot(&test, "packwell", "1", Some("L1"), 10).await;
    let own = for_lot(&test, "aurora", "2", Some("L1"), 5).await;
    commission(&test, "packwell", "L1", &packed).await;
    commission(&test, "aurora", "L1", &own[..4]).await;
    commission(&test, "sigmapack", "L1", &own[4..]).await;
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((15, 14, 1, 1, false)));
    assert_eq!(figures(balance(&test, "packwell", "L1").await), Some((10, 10, 0, 0, true)));
    assert_eq!(figures(balance(&test, "sigmapack", "L1").await), Some((0, 0, 0, 1, false)));
    let lines = balance(&test, "aurora", "L1").await.unwrap().allocations;
    assert_eq!(
        lines
            .iter()
            .map(|line| (line.party.as_str(), line.unused))
            .collect::<HashSet<_>>(),
        [("packwell", 0), ("aurora", 1)].into()
    );
    for stranger in ["halden", "zenith", "northway", "hub-operator"] {
        assert_eq!(balance(&test, stranger, "L1").await, None, "{stranger}");
    }
    assert_eq!(balance(&test, "aurora", "L9").await, None);
}

#[tokio::test]
async fn ten_thousand_serials_in_any_order_are_one_small_row() {
    let test = TestHub::start().await;
    let serials = for_lot(&test, "packwell", "1", Some("L1"), 10_000).await;
    let (even, odd): (Vec<_>, Vec<_>) = serials.iter().cloned().enumerate().partition(|(i, _)| i % 2 == 0);
    for half in [odd, even] {
        let half: Vec<String> = half.into_iter().rev().map(|(_, serial)| serial).collect();
        assert!(
            commission(&test, "packwell", "L1", &half)
                .await
                .iter()
                .all(|standing| *standing == Standing::Allocated)
        );
    }
    assert_eq!(
        figures(balance(&test, "packwell", "L1").await),
        Some((10_000, 10_000, 0, 0, true))
    );
    let row = test
        .hub
        .db()
        .query_one("reading a bitmap", "SELECT commissioned FROM allocation_use", Vec::new())
        .await
        .unwrap()
        .unwrap();
    assert!(row.try_get::<Vec<u8>>("", "commissioned").unwrap().len() < 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn marks_of_many_lines_at_once_are_all_kept() {
    let test = Arc::new(TestHub::start().await);
    let serials = for_lot(&test, "packwell", "1", Some("L1"), 320).await;
    let mut lines = tokio::task::JoinSet::new();
    for part in serials.chunks(10).map(<[String]>::to_vec) {
        let test = Arc::clone(&test);
        lines.spawn(async move { commission(&test, "packwell", "L1", &part).await });
    }
    let standings: Vec<Standing> = lines.join_all().await.into_iter().flatten().collect();
    assert!(standings.iter().all(|standing| *standing == Standing::Allocated));
    assert_eq!(figures(balance(&test, "aurora", "L1").await), Some((320, 320, 0, 0, true)));
}

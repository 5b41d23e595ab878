//! Two jobs about the same things at the same time.

use counterfoil::service::ServiceError;
use counterfoil::service::capture::run_due;
use counterfoil::storage::StorageError;

use super::{SITE, capture, case, contents, count, found, send, units};
use crate::hub::TestHub;
use crate::story::{commission, pack};
use counterfoil::service::Hub;

/// Runs jobs until none is due; one that met another is due again.
async fn work(hub: Hub) {
    loop {
        match run_due(&hub).await {
            Ok(Some(_)) | Err(ServiceError::Storage(StorageError::Conflict(_) | StorageError::Unavailable { .. })) => {}
            Ok(None) => break,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_jobs_that_pack_the_same_children_leave_one_parent() {
    let test = TestHub::start().await;
    let serials: Vec<String> = (0..40).map(|n| format!("R{n}")).collect();
    let units = units(&serials.iter().map(String::as_str).collect::<Vec<_>>());
    let cases: Vec<String> = (0..6).map(|n| case(&format!("C{n}"))).collect();
    let made = [
        commission("2026-03-01T08:00:00Z", SITE, &units, "L1"),
        commission("2026-03-01T08:01:00Z", SITE, &cases, "L1"),
    ];
    capture(&test, "packwell", &made).await;
    for (n, case) in cases.iter().enumerate() {
        let mut children = units.clone();
        children.rotate_left(n * 7);
        send(
            &test,
            "packwell",
            &[pack(&format!("2026-03-01T09:00:0{n}Z"), SITE, case, &children)],
        )
        .await;
    }
    let second = test.second().await;
    let hubs = [test.hub.clone(), second.clone(), test.hub.clone(), second];
    for worker in hubs.map(|hub| tokio::spawn(work(hub))) {
        worker.await.expect("a worker ends");
    }
    // A failure other than a conflict made a job wait.
    test.advance_seconds(120);
    super::settle(&test).await;
    assert_eq!(count(&test, "event").await, 8);
    assert_eq!(count(&test, "containment").await, 40);
    let mut expected = units.clone();
    expected.sort();
    assert_eq!(contents(&test, &cases[0], "2026-03-02T00:00:00Z").await, expected);
    assert_eq!(found(&test, "MULTIPLE_PARENTS").await.len(), 5 * 40);
}

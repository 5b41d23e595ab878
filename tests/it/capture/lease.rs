//! Jobs of a process that is no more.

use axum::http::StatusCode;
use counterfoil::domain::ids::CaptureId;
use counterfoil::service::capture::{LEASE_SECONDS, release_all, run_due};
use counterfoil::storage::StorageError;
use counterfoil::storage::capture as store;

use super::{SITE, count, send, units};
use crate::hub::TestHub;
use crate::story::commission;

/// A job that a process claimed before it died, and the number of the attempt.
async fn abandoned(test: &TestHub) -> (CaptureId, i64) {
    let event = commission("2026-03-01T08:00:00Z", SITE, &units(&["A1"]), "L1");
    send(test, "packwell", &[event]).await.expect(StatusCode::ACCEPTED);
    let now = test.hub.now();
    let claim = test.hub.db().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { store::claim(tx, now, now.plus_seconds(LEASE_SECONDS)).await })
    });
    let (job, _) = claim.await.expect("a claim").expect("a job");
    (job.id, job.attempts)
}

async fn renew(test: &TestHub, held: (CaptureId, i64)) {
    let until = test.hub.now().plus_seconds(LEASE_SECONDS);
    let renewed = test
        .hub
        .db()
        .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::renew(tx, held, until).await }));
    renewed.await.expect("renewed");
}

async fn release(test: &TestHub, held: (CaptureId, i64)) {
    let now = test.hub.now();
    let released = test
        .hub
        .db()
        .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::release(tx, held, now).await }));
    released.await.expect("released");
}

#[tokio::test]
async fn a_job_is_taken_over_when_its_lease_has_run_out_and_not_before() {
    let test = TestHub::start().await;
    let (job, _) = abandoned(&test).await;
    let second = test.second().await;
    test.advance_seconds(LEASE_SECONDS - 1);
    assert_eq!(run_due(&second).await.expect("a run"), None);
    test.advance_seconds(1);
    assert_eq!(run_due(&second).await.expect("a run"), Some(job));
    assert_eq!(count(&test, "event").await, 1);
}

#[tokio::test]
async fn a_lease_that_is_renewed_holds_on() {
    let test = TestHub::start().await;
    let held = abandoned(&test).await;
    test.advance_seconds(LEASE_SECONDS - 1);
    renew(&test, held).await;
    test.advance_seconds(LEASE_SECONDS - 1);
    assert_eq!(run_due(&test.hub).await.expect("a run"), None);
    // Who lost the job neither keeps it nor lets go of it.
    test.advance_seconds(1);
    let now = test.hub.now();
    let taken = test.hub.db().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { store::claim(tx, now, now.plus_seconds(LEASE_SECONDS)).await })
    });
    let (job, _) = taken.await.expect("a claim").expect("the job");
    assert_eq!((job.id, job.attempts), (held.0, held.1 + 1));
    release(&test, held).await;
    assert_eq!(run_due(&test.hub).await.expect("a run"), None);
    test.advance_seconds(LEASE_SECONDS - 1);
    renew(&test, held).await;
    test.advance_seconds(1);
    assert_eq!(run_due(&test.hub).await.expect("a run"), Some(held.0));
    assert_eq!(count(&test, "event").await, 1);
}

#[tokio::test]
async fn the_only_process_waits_for_nobody() {
    let test = TestHub::start().await;
    let (job, _) = abandoned(&test).await;
    assert_eq!(run_due(&test.hub).await.expect("a run"), None);
    assert_eq!(release_all(&test.hub).await.expect("released"), 1);
    assert_eq!(run_due(&test.hub).await.expect("a run"), Some(job));
    assert_eq!(count(&test, "event").await, 1);
}

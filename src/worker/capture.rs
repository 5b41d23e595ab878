//! Runs capture jobs: woken by a submission in this process, and by the clock for those of other processes.
//!
//! It decides nothing: what a job does, and when it is due again after a failure, is the service's. Stopping lets the jobs that
//! run come to their end; one that does not is taken over by another process when its lease has run out.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::service::{Hub, capture};

/// How often jobs of other processes, and those that wait after a failure, are looked for.
const POLL: Duration = Duration::from_millis(500);

/// Jobs at the same time. SQLite has one writer; more only overlap the reading of documents.
const AT_ONCE: usize = 4;

/// Runs until `stop`.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let mut lanes = JoinSet::new();
    for _ in 0..AT_ONCE {
        lanes.spawn(lane(hub.clone(), stop.clone()));
    }
    while let Some(ended) = lanes.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a capture lane ended early");
            if !stop.is_cancelled() {
                lanes.spawn(lane(hub.clone(), stop.clone()));
            }
        }
    }
}

/// One job after the other.
async fn lane(hub: Hub, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match capture::run_due(&hub).await {
            Ok(Some(job)) => tracing::debug!(%job, "captured"),
            Ok(None) => rest(&stop).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a capture job failed and will be tried again"
                );
                rest(&stop).await;
            }
        }
    }
}

async fn rest(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = capture::submitted() => {}
        () = tokio::time::sleep(POLL) => {}
    }
}

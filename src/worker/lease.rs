//! Writes off the numbers of leases that have run out.
//!
//! It decides nothing: what is due, and what becomes of it, is the service's. Every process runs it; each allocation is written off once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::{Hub, ServiceError, serial};

use super::{Rounds, tell};

/// How long after its end a lease may still stand.
const EVERY: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let mut rounds = Rounds::every(EVERY, &stop);
    while rounds.next().await {
        tell(
            expire(&hub, &stop).await,
            "leases that ran out were not written off; they will be tried again",
        );
    }
}

/// All that are due, batch by batch.
async fn expire(hub: &Hub, stop: &CancellationToken) -> Result<(), ServiceError> {
    while !stop.is_cancelled() {
        let count = serial::expire_leases(hub).await?;
        if count > 0 {
            tracing::info!(count, "leases of serial numbers ran out");
        }
        if !serial::may_be_more(count) {
            break;
        }
    }
    Ok(())
}

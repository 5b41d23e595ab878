//! Goes through the events that were there before grants came into force.
//!
//! It decides nothing: what a grant covers is the service's. Every process runs it; each step is done once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::{Hub, ServiceError, grant};

use super::{Rounds, tell};

/// How long a grant may wait for its next step.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let mut rounds = Rounds::every(EVERY, &stop);
    while rounds.next().await {
        tell(
            fill(&hub, &stop).await,
            "events of before were not gone through for a grant; it will be tried again",
        );
    }
}

async fn fill(hub: &Hub, stop: &CancellationToken) -> Result<(), ServiceError> {
    while !stop.is_cancelled() && grant::fill_due(hub).await? {}
    Ok(())
}

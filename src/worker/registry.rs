//! Follows the contracts: when another process has applied partner configuration or revoked a certificate, this one swaps
//! its registry whole.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::certificate::Revocations;
use crate::service::partner;
use crate::storage::StorageError;

use super::{Rounds, tell};

/// A revoked certificate or a suspended party is refused everywhere after at most this and one query.
const EVERY: Duration = Duration::from_millis(500);

/// Runs until `stop`. A database that does not answer changes nothing: the last known contracts hold.
pub async fn run(hub: Hub, revocations: Revocations, stop: CancellationToken) {
    let mut rounds = Rounds::every(EVERY, &stop);
    while rounds.next().await {
        tell(
            follow(&hub, &revocations).await,
            "the contracts could not be read; the last known ones hold",
        );
    }
}

async fn follow(hub: &Hub, revocations: &Revocations) -> Result<(), StorageError> {
    // Before the registry: its version is what tells that there is something new, so it must come last.
    revocations.refresh(hub).await?;
    if partner::refresh(hub).await? {
        tracing::info!(version = hub.registry().version(), "the contracts have changed");
    }
    Ok(())
}

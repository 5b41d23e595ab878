//! Looks at the supply of serial numbers again and again.
//!
//! It decides nothing: what is low, what is asked for and what is told is the service's. Several processes may do it at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::serial::Watch;

use super::{Rounds, tell};

/// Runs until `stop`. A round that fails is made again at the next tick.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let mut watch = Watch::default();
    let mut rounds = Rounds::every(Duration::from_millis(hub.limits().replenish_interval_ms.max(1)), &stop);
    while rounds.next().await {
        tell(watch.round(&hub).await, "the supply of serial numbers could not be looked at");
    }
}

//! Looks at the supply of serial numbers again and again.
//!
//! It decides nothing: what is low, what is asked for and what is told is the service's. Several processes may do it at once.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::serial::Watch;

/// Runs until `stop`. A round that fails is made again at the next tick.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(hub.limits().replenish_interval_ms.max(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = watch.round(&hub).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the supply of serial numbers could not be looked at"
            );
        }
    }
}

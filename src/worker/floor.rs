//! Follows the floor of serial numbers: what other processes held or confirmed, and how far numbers have moved.
//!
//! It decides nothing: what holds numbers and what frees them is the service's.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::serial::floor::Keeper;

/// A hold or a confirmation is followed after at most this and one query.
const EVERY: Duration = Duration::from_millis(500);

/// Runs until `stop`, when nothing moves any more. A database that does not answer changes nothing.
pub async fn run(hub: Hub, mut keeper: Keeper, stop: CancellationToken) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        if let Err(error) = keeper.follow(&hub).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the floor of serial numbers could not be looked after"
            );
        }
    }
    if let Err(error) = keeper.finish(&hub).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the witness of serial numbers could not be written: the next start may ask for a confirmation"
        );
    }
}

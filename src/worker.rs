//! Loops that call services.

pub mod capture;
pub mod floor;
pub mod grant;
pub mod lease;
pub mod registry;
pub mod replenish;
pub mod subscription;

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The rounds of a loop: one at once, and then again and again until it is to stop.
struct Rounds {
    tick: Interval,
    stop: CancellationToken,
}

impl Rounds {
    fn every(time: Duration, stop: &CancellationToken) -> Self {
        let mut tick = interval(time);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            tick,
            stop: stop.clone(),
        }
    }

    /// Waits for the next; false at the end.
    async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            _ = self.tick.tick() => true,
        }
    }
}

/// Tells what failed in a round; the next one tries it again.
fn tell<T, E: std::error::Error + 'static>(done: Result<T, E>, failed: &'static str) {
    if let Err(error) = done {
        tracing::warn!(error = &error as &dyn std::error::Error, "{failed}");
    }
}

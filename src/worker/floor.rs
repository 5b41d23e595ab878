//! Follows the floor of serial numbers: what other processes held or confirmed, and how far numbers have moved.
//!
//! It decides nothing: what holds numbers and what frees them is the service's.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::serial::floor::Keeper;

use super::{Rounds, tell};

/// A hold or a confirmation is followed after at most this and one query.
const EVERY: Duration = Duration::from_millis(500);

/// Runs until `stop`, when nothing moves any more. A database that does not answer changes nothing.
pub async fn run(hub: Hub, mut keeper: Keeper, stop: CancellationToken) {
    let mut rounds = Rounds::every(EVERY, &stop);
    while rounds.next().await {
        tell(
            keeper.follow(&hub).await,
            "the floor of serial numbers could not be looked after",
        );
    }
    tell(
        keeper.finish(&hub).await,
        "the witness of serial numbers could not be written: the next start may ask for a confirmation",
    );
}

//! Delivers events to subscribers: looks for subscriptions that are due, again and again, and works on several at once.
//!
//! It decides nothing: what is due, and what becomes of a failure, is the service's. No party has more than a quarter of the places,
//! so that receivers that hang hold up their own party alone. Stopping lets the deliveries that run come to their end.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::ids::PartyId;
use crate::service::{Hub, subscription};

/// How often it is looked.
const POLL: Duration = Duration::from_millis(250);

/// Runs until `stop`.
pub async fn run(hub: Hub, stop: CancellationToken) {
    let places = hub.limits().deliveries_at_once.max(1);
    let mut running: JoinSet<PartyId> = JoinSet::new();
    let mut of_party: HashMap<PartyId, usize> = HashMap::new();
    while !stop.is_cancelled() {
        while let Some(ended) = running.try_join_next() {
            forget(&mut of_party, ended);
        }
        if running.len() < places && start(&hub, &mut running, &mut of_party).await {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = running.join_next() => forget(&mut of_party, ended),
            () = tokio::time::sleep(POLL) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// Starts the next; false if there is none.
async fn start(hub: &Hub, running: &mut JoinSet<PartyId>, of_party: &mut HashMap<PartyId, usize>) -> bool {
    let share = (hub.limits().deliveries_at_once / 4).max(1);
    let busy: Vec<PartyId> = of_party
        .iter()
        .filter(|(_, count)| **count >= share)
        .map(|(party, _)| party.clone())
        .collect();
    let turn = match subscription::take(hub, &busy).await {
        Ok(Some(turn)) => turn,
        Ok(None) => return false,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "subscriptions that are due could not be looked for"
            );
            return false;
        }
    };
    let (hub, party) = (hub.clone(), turn.party().clone());
    *of_party.entry(party.clone()).or_insert(0) += 1;
    running.spawn(async move {
        if let Err(error) = turn.run(&hub).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a subscription could not be delivered and will be tried again"
            );
        }
        party
    });
    true
}

fn forget(of_party: &mut HashMap<PartyId, usize>, ended: Result<PartyId, tokio::task::JoinError>) {
    match ended {
        Ok(party) => {
            if let Some(count) = of_party.get_mut(&party) {
                *count -= 1;
                if *count == 0 {
                    of_party.remove(&party);
                }
            }
        }
        // Whose it was is not known any more; its lease runs out by itself.
        Err(error) => {
            tracing::error!(%error, "a delivery ended early");
            of_party.clear();
        }
    }
}

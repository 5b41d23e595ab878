//! Goes through the events that were there before a grant came into force, newest first, in bounded steps.
//!
//! The first step is part of the act that brings the grant into force; the rest is a worker's. How far it has come is stored and shown.

use uuid::Uuid;

use crate::domain::grant::{GIVING, Grant};
use crate::domain::time::Micros;
use crate::service::{Hub, ServiceError};
use crate::storage::{Tx, grant as store};

/// Events of one step.
const STEP: usize = 500;

/// Does one step for one grant that waits for it; false if none does.
pub async fn fill_due(hub: &Hub) -> Result<bool, ServiceError> {
    let now = hub.now();
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                let Some((grant, after)) = store::unfilled(tx).await? else {
                    return Ok(false);
                };
                batch(tx, &grant, after, now).await?;
                Ok(true)
            })
        })
        .await
}

/// The next step behind a key. Captures meanwhile note their own events: this goes backwards from where they began.
pub(super) async fn batch(tx: &Tx, grant: &Grant, after: Uuid, now: Micros) -> Result<(), ServiceError> {
    let events = store::related_before(tx, (&grant.grantor, GIVING), after, STEP).await?;
    let covered: Vec<_> = events
        .iter()
        .filter(|(_, event)| grant.scope.may_cover(event))
        .map(|(key, _)| (grant.id, *key))
        .collect();
    store::cover(tx, &covered).await?;
    let done_at = (events.len() < STEP).then_some(now);
    let after = events.iter().map(|(key, _)| key.uuid()).min().unwrap_or(after);
    Ok(store::filled(tx, grant.id, after, done_at).await?)
}

//! A page of events with a cursor each, where the caller's protocol hands one out with every row (GraphQL).

use crate::domain::party::Actor;
use crate::service::error::ServiceError;
use crate::service::event::SeenEvent;
use crate::service::page::{Cursor, Paged};
use crate::service::{Hub, query};

/// A page of the events that answer.
///
/// # Errors
/// As [`query::run`]; refused too if none is found within the budget of one call and there is more to look at: no row could carry
/// the cursor to go on from.
pub async fn listed(hub: &Hub, actor: &Actor, asked: query::Asked<'_>) -> Result<Paged<SeenEvent>, ServiceError> {
    let way = query::Way::of(asked.query.order.as_ref());
    let first = asked.first;
    // A page of nothing still says whether there is more.
    let probe = query::Asked {
        first: first.max(1),
        ..asked
    };
    let found = query::run(hub, actor, probe).await?;
    if found.events.is_empty() && found.next.is_some() {
        return Err(query::too_wide(hub));
    }
    let cursor = |seen: &SeenEvent| Cursor {
        at: way.time((seen.event.event_time, seen.record_time)).0,
        id: seen.key.uuid(),
    };
    let mut rows: Vec<_> = found.events.into_iter().map(|seen| (cursor(&seen), seen)).collect();
    let has_next = found.next.is_some() || rows.len() > first;
    // Where the budget ended the page, the next begins behind the last row that was looked at.
    if let (Some(next), Some((last, _))) = (found.next, rows.last_mut()) {
        *last = Cursor {
            at: next.at,
            id: next.id,
        };
    }
    rows.truncate(first);
    Ok(Paged { rows, has_next })
}

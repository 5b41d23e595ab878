//! The next events of a standing query, in the order of their records, as its party may see them now.
//!
//! The record clock says how far one can read without missing what is committed later; up to there a cursor moves on even where
//! nothing answers.

use uuid::Uuid;

use crate::domain::ids::EventKey;
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::query::field::Compare;
use crate::domain::query::order::{Order, OrderBy};
use crate::domain::query::{Clause, Count, Query};
use crate::domain::time::Micros;
use crate::service::event::SeenEvent;
use crate::service::query::{self, Asked, Position, Reading, subject};
use crate::service::{Hub, ServiceError};
use crate::storage::subscription::Place;
use crate::storage::view;
use crate::storage::view::query::record_clock;

/// Events, and how far one has come with them.
#[derive(Debug)]
pub struct Batch {
    /// In the order of the query, if it has one.
    pub events: Vec<SeenEvent>,
    /// All up to here was looked at.
    pub until: Place,
}

/// The last place of a record time.
pub(super) fn end_of(at: Micros) -> Place {
    (at, Uuid::max())
}

/// How far can be read now.
pub(super) async fn readable(hub: &Hub) -> Result<Micros, ServiceError> {
    Ok(record_clock(hub.db()).await?.at)
}

/// Where a standing query begins that is asked for now: at a record time, or behind all there is.
pub async fn cursor_now(hub: &Hub, initial_record_time: Option<Micros>) -> Result<Place, ServiceError> {
    match initial_record_time {
        Some(from) => Ok(end_of(Micros(from.0.saturating_sub(1)))),
        None => readable(hub).await.map(end_of),
    }
}

/// Which events.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Behind here.
    pub cursor: Place,
    /// Up to here; none: as far as can be read now.
    pub until: Option<Place>,
    /// At most so many.
    pub most: usize,
    /// Whether they were told before: then they count for no further reading.
    pub again: bool,
}

/// The next events; nothing if there is nothing to look at.
pub async fn next_batch(hub: &Hub, actor: &Actor, query: &Query, window: Window) -> Result<Option<Batch>, ServiceError> {
    let Window {
        cursor,
        until,
        most,
        again,
    } = window;
    let readable = end_of(readable(hub).await?);
    let until = until.map_or(readable, |until| until.min(readable));
    if until <= cursor {
        return Ok(None);
    }
    let bounded = windowed(query, cursor, until.0, Count::All);
    let asked = Asked {
        query: &bounded,
        first: most.max(1),
        after: Some(Position {
            at: cursor.0.0,
            id: cursor.1,
            returned: 0,
        }),
        acting_for: None,
        reading: if again { Reading::Again } else { Reading::Batch },
    };
    let found = query::run(hub, actor, asked).await?;
    let until = found.next.map_or(until, |next| (Micros(next.at), next.id).min(until));
    let mut events = found.events;
    if leaks(Leak::UnmaskedDelivery) {
        unmask(hub, actor, &mut events).await?;
    }
    // Of the last record time only what is not behind the end.
    events.retain(|seen| (seen.record_time, seen.key.uuid()) <= until);
    if let Some(order) = &query.order {
        events.sort_by(|one, other| {
            let (one_key, other_key) = (order.key(subject(one)), order.key(subject(other)));
            order.compare((&one_key, &one.key.uuid()), (&other_key, &other.key.uuid()))
        });
    }
    Ok(Some(Batch { events, until }))
}

/// What [`Leak::UnmaskedDelivery`] sends.
async fn unmask(hub: &Hub, actor: &Actor, events: &mut [SeenEvent]) -> Result<(), ServiceError> {
    let keys: Vec<EventKey> = events.iter().map(|seen| seen.key).collect();
    for row in view::event::by_keys(hub.db(), &actor.party, &keys).await? {
        for seen in events.iter_mut().filter(|seen| seen.key == row.key) {
            seen.event = row.event.clone();
        }
    }
    Ok(())
}

/// Refused if more events answer between two places than the query allows at once (`maxEventCount`).
pub(super) async fn check_count(
    hub: &Hub,
    actor: &Actor,
    query: &Query,
    (cursor, until): (Place, Micros),
) -> Result<(), ServiceError> {
    let Count::AtMost(_) = query.count else { return Ok(()) };
    let bounded = windowed(query, cursor, until, query.count);
    let asked = Asked {
        query: &bounded,
        first: 1,
        after: None,
        acting_for: None,
        reading: Reading::Look,
    };
    query::run(hub, actor, asked).await.map(|_| ())
}

fn windowed(query: &Query, cursor: Place, until: Micros, count: Count) -> Query {
    let mut clauses = query.clauses.clone();
    // An empty rest of the cursor's own time is not read again.
    let from = if cursor.1 == Uuid::max() {
        cursor.0.0.saturating_add(1)
    } else {
        cursor.0.0
    };
    clauses.push(Clause::RecordTime(Compare::GreaterOrEqual, Micros(from)));
    clauses.push(Clause::RecordTime(Compare::Less, Micros(until.0.saturating_add(1))));
    Query {
        clauses,
        order: Some(Order {
            by: OrderBy::RecordTime,
            descending: false,
        }),
        count,
    }
}

//! EPCIS queries under the lens: which events answer, in which order, on which page.
//!
//! The database is asked only for what it has an index for; everything else is held against each event as its reader may see
//! it, so that neither an answer nor a count tells of what is hidden. A call looks at a limited number of events: in an order
//! that the database knows, the page ends early then and the next goes on; otherwise the query is refused.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::gs1::Gln;
use crate::domain::ids::GrantId;
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::query::order::{Key, Order, OrderBy};
use crate::domain::query::{Count, Query, Subject};
use crate::domain::time::Micros;
use crate::storage::record;
use crate::storage::view::event::EventRow;
use crate::storage::view::query::{self as store, TimeColumn, Walk};

use super::Hub;
use super::error::{Code, ServiceError};
use super::event::{self, Filter, SeenEvent};
use super::lens::{Attempts, Lens};

use self::prefilter::Prefilter;

mod knowledge;
mod listed;
pub mod position;
mod prefilter;
mod vocabulary;
mod whole;

pub use super::lens::Reading;
pub use knowledge::Known;
pub use listed::listed;
pub use position::Position;
pub use vocabulary::{Element, vocabulary};
pub use whole::whole;

/// Rows of one read.
const CHUNK: usize = 200;

/// Which page of which query.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The query.
    pub query: &'a Query,
    /// Most events on the page; already held against `limits.page`.
    pub first: usize,
    /// Behind which event; none: the first page.
    pub after: Option<Position>,
    /// GLN of the principal in whose name is asked, if not in the caller's own.
    pub acting_for: Option<Gln>,
    /// How it counts against grants that give so many readings a day.
    pub reading: Reading,
}

/// A page.
#[derive(Debug)]
pub struct Found {
    /// The events, as the caller may see them.
    pub events: Vec<SeenEvent>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<Position>,
}

impl Found {
    const NOTHING: Self = Self {
        events: Vec::new(),
        next: None,
    };
}

/// A page of the events that answer a query.
pub async fn run(hub: &Hub, actor: &Actor, asked: Asked<'_>) -> Result<Found, ServiceError> {
    let prefilter = match Prefilter::of(&asked.query.clauses) {
        Prefilter::Nothing => return Ok(Found::NOTHING),
        Prefilter::Of(filter) => filter,
    };
    let returned = asked.after.map_or(0, |after| after.returned);
    let first = match asked.query.count {
        Count::First(most) => asked.first.min(most.saturating_sub(returned)),
        Count::All | Count::AtMost(_) => asked.first,
    };
    if first == 0 {
        return Ok(Found::NOTHING);
    }
    let mut filter = bounded_keys(hub, prefilter).await?;
    let aliases = event::Aliases::of(hub, &filter.event_ids).await?;
    filter.event_ids.extend(aliases.own_ids());
    let mut attempts = Attempts::default();
    loop {
        let mut scan = Scan {
            hub,
            actor,
            lens: Lens::acting_for(hub, actor, asked.acting_for, filter.epcs.iter().copied())
                .await?
                .read_as(asked.reading),
            query: asked.query,
            knows: Known::to(hub, actor),
            aliases: &aliases,
            filter: &filter,
            way: Way::of(asked.query.order.as_ref()),
            after: None,
            left: hub.limits().query_rows,
            read: 0,
            exhausted: false,
            used: BTreeSet::new(),
        };
        let found = match (&asked.query.order, scan.way) {
            (Some(order), Way::Key) => scan.sorted(order, first, asked.after).await,
            (_, Way::Key | Way::Time { .. }) => {
                scan.after = asked.after.map(|after| (Micros(after.at), after.id));
                scan.streamed(first, asked.after.is_none()).await
            }
        };
        // A refusal tells something as well: it stands only if the grants stood.
        let may_tell = match &found {
            Ok(found) => scan.lens.may_tell(hub, &found.events).await?,
            Err(_) => scan.lens.still_holds(hub).await? && scan.lens.take(hub, scan.used).await?,
        };
        if may_tell {
            return Ok(counted(found?, asked.query.count, returned));
        }
        attempts.again()?;
    }
}

/// `eventCountLimit` ends the pages.
fn counted(mut found: Found, count: Count, returned: usize) -> Found {
    let so_far = returned.saturating_add(found.events.len());
    found.next = found.next.map(|next| Position {
        returned: so_far,
        ..next
    });
    match count {
        Count::First(most) if so_far >= most => found.next = None,
        Count::First(_) | Count::All | Count::AtMost(_) => {}
    }
    found
}

/// Record times bound the keys that can have them; a span that ends in the past is closed, so that it stays as it was read.
async fn bounded_keys(hub: &Hub, mut filter: Filter) -> Result<Filter, ServiceError> {
    if filter.record_from.is_none() && filter.record_before.is_none() {
        return Ok(filter);
    }
    let clock = store::record_clock(hub.db()).await?;
    if let Some(before) = filter.record_before {
        let until = before.min(hub.now());
        // The last time that counts is the one before.
        if until.0 > clock.at.0.saturating_add(1) {
            hub.db()
                .write(move |tx| Box::pin(async move { record::close(tx, until).await }))
                .await?;
        }
        filter.key_before = Some(first_key(before.plus_seconds(1)));
    }
    // Once more, after the span was closed: what waited for it may have been later than ever.
    let lag = store::record_clock(hub.db()).await?.lag_micros;
    filter.key_from = filter
        .record_from
        .map(|from| first_key(Micros(from.0.saturating_sub(lag)).plus_seconds(-1)));
    Ok(filter)
}

/// No key of an event that began at this time or later is lower (UUID version 7).
fn first_key(at: Micros) -> Uuid {
    let millis = u128::try_from(at.0.div_euclid(1_000)).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(millis << 80)
}

/// In which order rows are read.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Newest record first.
    Key,
    /// By a time.
    Time { column: TimeColumn, descending: bool },
}

impl Way {
    fn of(order: Option<&Order>) -> Self {
        let time = |column, order: &Order| Self::Time {
            column,
            descending: order.descending,
        };
        match order {
            None => Self::Key,
            Some(order) => match &order.by {
                OrderBy::EventTime => time(TimeColumn::Event, order),
                OrderBy::RecordTime => time(TimeColumn::Record, order),
                OrderBy::Field(_) => Self::Key,
            },
        }
    }

    fn position(self, row: &EventRow) -> (Micros, Uuid) {
        (self.time((row.event.event_time, row.record_time)), row.key.uuid())
    }

    /// The one of the two times that the rows are read by.
    fn time(self, (event, record): (Micros, Micros)) -> Micros {
        match self {
            Self::Key => Micros(0),
            Self::Time { column, .. } => match column {
                TimeColumn::Event => event,
                TimeColumn::Record => record,
            },
        }
    }
}

/// A walk through the rows that may answer.
struct Scan<'a> {
    hub: &'a Hub,
    actor: &'a Actor,
    lens: Lens,
    query: &'a Query,
    knows: Known,
    aliases: &'a event::Aliases,
    filter: &'a Filter,
    way: Way,
    after: Option<(Micros, Uuid)>,
    /// How many more rows this call may look at.
    left: usize,
    read: usize,
    exhausted: bool,
    /// Grants of which a reading is used if it is told that events answer, and not which.
    used: BTreeSet<GrantId>,
}

/// An event that answers, and where it stands in the walk.
type Hit = ((Micros, Uuid), SeenEvent);

impl Scan<'_> {
    /// The events of the next rows that answer; nothing if there are no more rows, or no more may be looked at.
    async fn next(&mut self, rows: usize) -> Result<Option<Vec<Hit>>, ServiceError> {
        let rows = rows.clamp(1, CHUNK).min(self.left);
        if self.exhausted || rows == 0 {
            return Ok(None);
        }
        let read = match self.way {
            Way::Key => {
                let after = self.after.map(|(_, key)| key);
                self.lens.list(self.hub, self.filter, after, rows).await?
            }
            Way::Time { column, descending } => {
                let walk = Walk {
                    column,
                    descending,
                    after: self.after,
                };
                let way = self.way;
                let place = |row: &EventRow| way.position(row);
                self.lens.by_time(self.hub, self.filter, walk, rows, place).await?
            }
        };
        self.exhausted = read.len() < rows;
        self.left -= read.len();
        self.read += read.len();
        let positions: std::collections::HashMap<Uuid, (Micros, Uuid)> =
            read.iter().map(|row| (row.key.uuid(), self.way.position(row))).collect();
        self.after = read.last().map(|row| self.way.position(row)).or(self.after);
        if Known::is_asked(self.query) {
            self.knows.learn(self.hub, self.actor, &read).await?;
        }
        let seen = event::seen(self.hub, (self.actor, &self.lens), read).await?;
        let seen = seen.into_iter().map(|seen| self.aliases.named(seen));
        let hits = seen.filter(|seen| self.query.matches(subject(seen), &self.knows.about(seen.document)));
        let hits: Vec<Hit> = hits
            .filter_map(|seen| Some((*positions.get(&seen.key.uuid())?, seen)))
            .collect();
        self.used.extend(hits.iter().flat_map(|(_, seen)| &seen.counted));
        Ok(Some(hits))
    }

    /// A page in the order of the rows.
    async fn streamed(&mut self, first: usize, is_first: bool) -> Result<Found, ServiceError> {
        // `maxEventCount` is of the whole answer: the first page says whether there is one.
        let counts_to = match self.query.count {
            Count::AtMost(most) if is_first => Some(most),
            Count::AtMost(_) | Count::All | Count::First(_) => None,
        };
        let (mut hits, mut matched) = (Vec::new(), 0);
        let enough = |matched: usize| matched > counts_to.map_or(first, |most| most.max(first));
        while let Some(more) = self.next(first.saturating_add(1)).await? {
            matched += more.len();
            hits.extend(more);
            hits.truncate(first.saturating_add(1));
            if counts_to.is_some_and(|most| matched > most) {
                return Err(too_large(counts_to.unwrap_or_default()));
            }
            if enough(matched) {
                break;
            }
        }
        if counts_to.is_some() && !self.exhausted && !enough(matched) {
            return Err(self.too_wide());
        }
        let has_more = hits.len() > first;
        hits.truncate(first);
        let next = if has_more {
            hits.last().map(|(position, _)| *position)
        } else if self.exhausted
            && !(leaks(Leak::CursorOnHidden) && hits.is_empty())
            && !(leaks(Leak::CountBeforeFilter) && self.read > matched)
        {
            None
        } else {
            self.after
        };
        Ok(Found {
            events: hits.into_iter().map(|(_, seen)| seen).collect(),
            next: next.map(|(at, id)| Position {
                at: at.0,
                id,
                returned: 0,
            }),
        })
    }

    /// A page in an order that only the events themselves tell: all of them are looked at.
    async fn sorted(&mut self, order: &Order, first: usize, after: Option<Position>) -> Result<Found, ServiceError> {
        let behind = match after {
            None => None,
            Some(position) => Some((self.key_of(order, position).await?, position.id)),
        };
        let most = match self.query.count {
            Count::AtMost(most) => most,
            Count::All | Count::First(_) => usize::MAX,
        };
        let by_place =
            |one: &(Key, Uuid, SeenEvent), other: &(Key, Uuid, SeenEvent)| order.compare((&one.0, &one.1), (&other.0, &other.1));
        let (mut kept, mut matched) = (Vec::new(), 0_usize);
        while let Some(hits) = self.next(CHUNK).await? {
            for (_, seen) in hits {
                matched += 1;
                let (key, id) = (order.key(subject(&seen)), seen.key.uuid());
                let is_behind = |(at, than): &(Key, Uuid)| order.compare((&key, &id), (at, than)).is_gt();
                if behind.as_ref().is_none_or(is_behind) {
                    kept.push((key, id, seen));
                }
            }
            if matched > most {
                return Err(too_large(most));
            }
            kept.sort_by(by_place);
            kept.truncate(first.saturating_add(1));
        }
        if !self.exhausted {
            return Err(self.too_wide());
        }
        let has_more = kept.len() > first;
        kept.truncate(first);
        let next = kept.last().filter(|_| has_more).map(|(_, id, _)| Position {
            at: 0,
            id: *id,
            returned: 0,
        });
        Ok(Found {
            events: kept.into_iter().map(|(_, _, seen)| seen).collect(),
            next,
        })
    }

    /// What the event that the last page ended with is ordered by.
    async fn key_of(&self, order: &Order, position: Position) -> Result<Key, ServiceError> {
        let key = crate::domain::ids::EventKey::new(position.id);
        let rows = self.lens.by_keys(self.hub, &[key]).await?;
        let seen = event::seen(self.hub, (self.actor, &self.lens), rows).await?;
        let last = seen.first().ok_or_else(position::gone)?;
        Ok(order.key(subject(last)))
    }

    fn too_wide(&self) -> ServiceError {
        too_wide(self.hub)
    }
}

fn too_wide(hub: &Hub) -> ServiceError {
    let most = hub.limits().query_rows;
    let detail = format!(
        "the query would look at more than {most} events: narrow it by GE_eventTime, GE_recordTime, EQ_bizStep or MATCH_anyEPC"
    );
    ServiceError::refused(Code::QueryTooWide, detail)
}

fn too_large(most: usize) -> ServiceError {
    let detail = format!("more than {most} events answer, and `maxEventCount` allows no more: narrow the query");
    ServiceError::refused(Code::QueryTooLarge, detail)
}

/// An event as a query looks at it.
pub(super) fn subject(seen: &SeenEvent) -> Subject<'_> {
    Subject {
        event: &seen.event,
        event_id: &seen.event_id,
        record_time: seen.record_time,
    }
}

/// A parameter that cannot be taken, as the caller is told.
#[must_use]
pub fn wrong(error: &crate::epcis::query::Wrong) -> ServiceError {
    ServiceError::Refused {
        code: Code::QueryParameter,
        detail: error.to_string(),
        violations: vec![super::Violation {
            code: Code::QueryParameter.as_str().to_owned(),
            pointer: error.parameter.clone(),
            detail: error.detail.clone(),
            ..super::Violation::default()
        }],
    }
}

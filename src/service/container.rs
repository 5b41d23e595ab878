//! What is inside a thing, now and at any past moment that the caller may know of.
//!
//! A party knows the inside of what it has: from the handover that brought it to the one that took it away. The brand
//! owner knows of its own things inside, up to their first change of ownership.

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::storage::view;
pub use crate::storage::view::container::Inside;
use crate::storage::view::container::Wanted;

use super::Hub;
use super::error::ServiceError;
use super::item::{known, known_at};
use super::moment::{self, Moment};
use super::page::{Cursor, Page, Paged};

/// A container whose contents the caller may know.
#[derive(Debug, Clone)]
pub struct SeenContainer {
    /// Its key.
    pub key: EpcKey,
    /// Its identifier.
    pub epc: Epc,
    /// The moment that the contents are told for: the one asked for, or the last that the caller may know of.
    pub as_of: Micros,
    /// By what the hub had taken in by then, if that was asked for.
    pub known_at: Option<Micros>,
    /// Only the caller's own things.
    own_only: bool,
}

/// A container at a moment, now if none is given; `None` for one that is not known, or not to the caller, or not yet then.
pub async fn container(hub: &Hub, actor: &Actor, key: EpcKey, moment: Moment) -> Result<Option<SeenContainer>, ServiceError> {
    // What happened by a moment stands in the rows; what was known by one does not.
    let (known, as_of) = match moment.known_at {
        None => (known(hub, actor, key).await?, moment.as_of),
        Some(_) => {
            let known = known_at(hub, actor, key, moment).await?;
            let as_of = known.as_ref().map(|known| known.as_of);
            (known, as_of)
        }
    };
    let Some(known) = known else { return Ok(None) };
    let as_of = as_of.unwrap_or_else(|| hub.now()).min(known.standing.to);
    if as_of < known.standing.from {
        return Ok(None);
    }
    Ok(Some(SeenContainer {
        key: known.trace.thing.key,
        epc: known.trace.thing.epc,
        as_of,
        known_at: moment.known_at,
        own_only: !known.standing.handled,
    }))
}

/// Its contents, outermost first.
pub async fn contents(hub: &Hub, actor: &Actor, of: &SeenContainer, page: Page) -> Result<Paged<Inside>, ServiceError> {
    let wanted = Wanted {
        container: of.key,
        at: of.as_of,
        owner: of.own_only.then(|| actor.party.clone()),
        after: page.after.map(|cursor| (cursor.at, cursor.id)),
        rows: page.first.saturating_add(1),
    };
    let rows = match of.known_at {
        None => view::container::contents(hub.db(), &wanted).await?,
        Some(known) => moment::contents(hub, &wanted, known).await?,
    };
    let rows = rows
        .into_iter()
        .map(|row| {
            (
                Cursor {
                    at: row.depth,
                    id: row.key.0,
                },
                row,
            )
        })
        .collect();
    Ok(Paged::from_probe(rows, page))
}

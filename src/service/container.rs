//! What is inside a thing, now and at any past moment that the caller may know of.
//!
//! A party knows the inside of what it has: from the handover that brought it to the one that took it away. The brand
//! owner knows of its own things inside, up to their first change of ownership. Whoever is granted events of it knows what those pack and unpack.

use std::collections::HashSet;

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::party::Actor;
use crate::domain::seen::{self as told, Basis, Way};
use crate::domain::time::Micros;
use crate::storage::view;
pub use crate::storage::view::container::Inside;
use crate::storage::view::container::Wanted;

use super::Hub;
use super::error::ServiceError;
use super::item::{known, known_at};
use super::moment::{self, Moment};
use super::page::{Cursor, Page, Paged};
use super::seen::{self, Asked};

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
    /// By what it is told.
    pub basis: Basis,
    contents: Contents,
}

/// Which contents.
#[derive(Debug, Clone)]
enum Contents {
    /// All.
    All,
    /// The caller's own things.
    Own,
    /// These.
    Listed(Vec<Inside>),
}

/// A container at a moment, now if none is given; `None` for one that is not known, or not to the caller, or not yet then.
pub async fn container(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<SeenContainer>, ServiceError> {
    let related = by_relation(hub, actor, asked.key, asked.moment).await?;
    match related {
        Some(related) if matches!(related.contents, Contents::Own) => and_granted(hub, actor, asked, related).await.map(Some),
        Some(related) => Ok(Some(related)),
        None => granted(hub, actor, asked).await,
    }
}

/// The same without what grants show.
pub(super) async fn by_relation(
    hub: &Hub,
    actor: &Actor,
    key: EpcKey,
    moment: Moment,
) -> Result<Option<SeenContainer>, ServiceError> {
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
        basis: Basis::Relations,
        contents: if known.standing.handled {
            Contents::All
        } else {
            Contents::Own
        },
    }))
}

async fn granted(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<SeenContainer>, ServiceError> {
    let words = seen::about(hub, actor, asked, Way::In).await?;
    let Some((epc, as_of)) = words.epc(asked.key).cloned().zip(words.last_at(asked.key)) else {
        return Ok(None);
    };
    Ok(Some(SeenContainer {
        key: asked.key,
        epc,
        as_of,
        known_at: asked.moment.known_at,
        basis: Basis::Grants,
        contents: Contents::Listed(told::contents(&words, asked.key)),
    }))
}

/// The caller's own things in it, and those that grants show, at the moment up to which it may know of its own. Where that is too much to be
/// put together in one answer, its own.
async fn and_granted(hub: &Hub, actor: &Actor, asked: Asked, related: SeenContainer) -> Result<SeenContainer, ServiceError> {
    let moment = Moment {
        as_of: Some(related.as_of),
        ..asked.moment
    };
    let words = match seen::about(hub, actor, Asked { moment, ..asked }, Way::In).await {
        Err(error) if seen::is_too_much(&error) => return Ok(related),
        words => words?,
    };
    if words.epc(asked.key).is_none() {
        return Ok(related);
    }
    let most = hub.limits().query_rows;
    let mut all = read(hub, actor, &related, None, most.saturating_add(1)).await?;
    if all.len() > most {
        return Ok(related);
    }
    let own: HashSet<EpcKey> = all.iter().map(|own| own.key).collect();
    let granted = told::contents(&words, asked.key).into_iter();
    all.extend(granted.filter(|inside| !own.contains(&inside.key)));
    all.sort_by_key(|row| (row.depth, row.key));
    Ok(SeenContainer {
        basis: Basis::Both,
        contents: Contents::Listed(all),
        ..related
    })
}

/// Its contents, outermost first.
pub async fn contents(hub: &Hub, actor: &Actor, of: &SeenContainer, page: Page) -> Result<Paged<Inside>, ServiceError> {
    let after = page.after.map(|cursor| (cursor.at, cursor.id));
    let rows = read(hub, actor, of, after, page.first.saturating_add(1)).await?;
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

async fn read(
    hub: &Hub,
    actor: &Actor,
    of: &SeenContainer,
    after: Option<(i64, uuid::Uuid)>,
    rows: usize,
) -> Result<Vec<Inside>, ServiceError> {
    let owner = match &of.contents {
        Contents::All => None,
        Contents::Own => Some(actor.party.clone()),
        Contents::Listed(all) => {
            let behind = all
                .iter()
                .filter(|row| after.is_none_or(|after| (row.depth, row.key.0) > after));
            return Ok(behind.take(rows).cloned().collect());
        }
    };
    let wanted = Wanted {
        container: of.key,
        at: of.as_of,
        owner,
        after,
        rows,
    };
    match of.known_at {
        None => Ok(view::container::contents(hub.db(), &wanted).await?),
        Some(known) => moment::contents(hub, &wanted, known).await,
    }
}

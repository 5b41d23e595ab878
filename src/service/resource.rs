//! The top-level resources of the EPCIS binding: which things, steps, dispositions and places the events name that the
//! caller may see (EPCIS 2.0 clause 12.6).
//!
//! A list is read from the masked events themselves, in the order of its texts, so that it cannot name what is hidden.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::Event;
use crate::domain::gs1::Epc;
use crate::domain::ids::GrantId;
use crate::domain::party::Actor;
use crate::domain::query::pattern::EpcPattern;
use crate::domain::query::{Clause, EpcField, PlaceField, Query, TermField};
use crate::epcis::vocabulary::Vocabulary;

use super::Hub;
use super::error::{Code, ServiceError};
use super::event::{self, Filter};
use super::lens::{Attempts, Lens};
use super::query::{self, Asked, Reading};

/// What events have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `/epcs`
    Epc,
    /// `/bizSteps`
    BizStep,
    /// `/bizLocations`
    BizLocation,
    /// `/readPoints`
    ReadPoint,
    /// `/dispositions`
    Disposition,
}

/// One of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A term, by its bare name.
    Term(String),
    /// An identifier.
    Identifier(Epc),
}

impl Member {
    /// Its place in the list.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Term(term) => term,
            Self::Identifier(epc) => epc.canonical(),
        }
    }
}

/// A page of a list, and whether there are more.
pub async fn list(
    hub: &Hub,
    actor: &Actor,
    resource: Resource,
    (first, after): (usize, Option<&str>),
) -> Result<(Vec<Member>, bool), ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let (found, has_more, used) = page(hub, (actor, &lens), resource, (first, after)).await?;
        if lens.still_holds(hub).await? && lens.take(hub, used).await? {
            return Ok((found, has_more));
        }
        attempts.again()?;
    }
}

/// A page, and the grants of which a reading was used for it: the list is made of all events.
async fn page(
    hub: &Hub,
    (actor, lens): (&Actor, &Lens),
    resource: Resource,
    (first, after): (usize, Option<&str>),
) -> Result<(Vec<Member>, bool, BTreeSet<GrantId>), ServiceError> {
    let mut used = BTreeSet::new();
    let most = hub.limits().query_rows;
    let (mut left, mut key) = (most, None);
    let mut found: BTreeMap<String, Member> = BTreeMap::new();
    loop {
        let rows = left.min(200);
        let read = lens.list(hub, &Filter::default(), key, rows).await?;
        let exhausted = read.len() < rows;
        left -= read.len();
        key = read.last().map(|row| row.key.uuid()).or(key);
        for seen in event::seen(hub, (actor, lens), read).await? {
            used.extend(&seen.counted);
            for member in members(&seen.event, resource) {
                let text = member.text();
                if after.is_none_or(|after| text > after) && !found.contains_key(text) {
                    found.insert(text.to_owned(), member);
                }
                if found.len() > first.saturating_add(1) {
                    found.pop_last();
                }
            }
        }
        if exhausted {
            break;
        }
        if left == 0 {
            let detail = format!("the list would be made of more than {most} events: ask /epcis/events for a span of time");
            return Err(ServiceError::refused(Code::QueryTooWide, detail));
        }
    }
    let has_more = found.len() > first;
    Ok((found.into_values().take(first).collect(), has_more, used))
}

fn members(event: &Event, resource: Resource) -> Vec<Member> {
    let identifier = |epc: &Epc| Member::Identifier(epc.clone());
    match resource {
        Resource::Epc => event.roles().map(|(_, epc)| identifier(epc)).collect(),
        Resource::BizLocation => event.biz_location.iter().map(|place| identifier(&place.id)).collect(),
        Resource::ReadPoint => event.read_point.iter().map(|place| identifier(&place.id)).collect(),
        Resource::BizStep => event
            .biz_step
            .iter()
            .map(|term| Member::Term(term.as_str().to_owned()))
            .collect(),
        Resource::Disposition => event
            .disposition
            .iter()
            .map(|term| Member::Term(term.as_str().to_owned()))
            .collect(),
    }
}

/// The condition that an event names this one; nothing if the text can be none of them.
#[must_use]
pub fn clause(resource: Resource, text: &str) -> Option<Clause> {
    let term = |field, vocabulary: Vocabulary| (!text.is_empty()).then(|| Clause::Term(field, vec![vocabulary.read(text).term]));
    let place = |field| {
        Some(Clause::Place {
            field,
            ids: vec![text.parse().ok()?],
            descendants: false,
        })
    };
    match resource {
        Resource::Epc => Some(Clause::Epc(EpcField::Any, vec![EpcPattern::One(text.parse().ok()?)])),
        Resource::BizStep => term(TermField::BizStep, Vocabulary::BizStep),
        Resource::Disposition => term(TermField::Disposition, Vocabulary::Disposition),
        Resource::BizLocation => place(PlaceField::BizLocation),
        Resource::ReadPoint => place(PlaceField::ReadPoint),
    }
}

/// Refuses what no event names that the caller may see.
pub async fn find(hub: &Hub, actor: &Actor, clause: Clause) -> Result<(), ServiceError> {
    let query = Query {
        clauses: vec![clause],
        ..Query::default()
    };
    let asked = Asked {
        query: &query,
        first: 1,
        after: None,
        acting_for: None,
        reading: Reading::Question,
    };
    let found = query::run(hub, actor, asked).await?;
    if found.events.is_empty() {
        return Err(ServiceError::not_found());
    }
    Ok(())
}

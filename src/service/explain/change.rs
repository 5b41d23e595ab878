//! What a grant would change before it is signed, what changed between two moments, and who sees an event at all.
//!
//! All of it is counted over the newest events that the caller may ask about, a limited number; a count that is not of all says so.

use std::collections::BTreeSet;

use crate::domain::event::Event;
use crate::domain::grant::{Grantee, Held, Origin};
use crate::domain::ids::{EventKey, GrantId, PartyId};
use crate::domain::lens::{Class, Sight};
use crate::domain::party::{Actor, Role};
use crate::domain::time::Micros;
use crate::service::error::{Code, ServiceError};
use crate::service::grant::{Draft, drawn_up};
use crate::service::{Hub, lens};
use crate::storage::view::event::{EventRow, Filter};
use crate::storage::{grant as store, view};

use super::risk::{Risk, risk};
use super::{Looks, gives};

/// Most events that are gone through for one answer.
const EVENTS: usize = 500;
/// Most events that are named as samples.
const SAMPLES: usize = 10;
/// Most parties that are told of as seeing one event.
const SEERS: usize = 200;

/// What one state shows and another does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Events that were not shown at all.
    pub events: usize,
    /// Things that were not shown, counted once for each event that shows them.
    pub things: usize,
    /// Classes with a higher level, and in how many events.
    pub classes: Vec<(Class, usize)>,
    /// Some of the events with any of that, newest first.
    pub samples: Vec<EventKey>,
}

impl Difference {
    fn note(&mut self, key: EventKey, before: &Look, after: &Look) {
        let mut differs = false;
        if before.event.is_none() && after.event.is_some() {
            self.events += 1;
            differs = true;
        }
        let things = |look: &Look| -> BTreeSet<String> {
            let roles = look.event.iter().flat_map(Event::roles);
            roles.map(|(_, epc)| epc.canonical().to_owned()).collect()
        };
        let more = things(after).difference(&things(before)).count();
        self.things += more;
        differs |= more > 0;
        for class in Class::ALL {
            if after.sight.rank(class) <= before.sight.rank(class) {
                continue;
            }
            differs = true;
            match self.classes.iter_mut().find(|(one, _)| *one == class) {
                Some((_, count)) => *count += 1,
                None => self.classes.push((class, 1)),
            }
        }
        if differs && self.samples.len() < SAMPLES {
            self.samples.push(key);
        }
    }
}

/// A difference, and over how many events it was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// What is shown more.
    pub gained: Difference,
    /// What is shown no longer.
    pub lost: Difference,
    /// Over how many events.
    pub looked_at: usize,
    /// Whether these are all that the caller may ask about.
    pub is_all: bool,
    /// What a grant would let be known of them in totals.
    pub risk: Option<Risk>,
}

struct Look {
    sight: Sight,
    event: Option<Event>,
}

/// What a draft of the caller would show its grantee of the caller's events, if it were in force now.
pub async fn impact(hub: &Hub, actor: &Actor, draft: Draft) -> Result<Change, ServiceError> {
    let now = hub.now();
    let mut grant = drawn_up(&hub.registry(), actor, draft, now)?;
    let Grantee::Party(partner) = grant.grantee.clone() else {
        let detail = "the impact is worked out for one party: name one that holds the role by `granteeGln`";
        return Err(ServiceError::refused(Code::BadInput, detail));
    };
    grant.valid_from = grant.valid_from.min(now);
    let replaced = grant.supersedes;
    let policy = store::ever(hub.db(), &partner).await?;
    let mut with = policy.clone();
    with.grants.retain(|held| Some(held.grant.id) != replaced);
    with.grants.push(Held {
        grant: grant.clone(),
        origin: Origin::Signed,
        proposed_at: now,
        in_force_at: Some(now),
        ended_at: None,
    });
    let (rows, is_all) = newest(hub, actor).await?;
    let before = Looks::of(hub, actor, &partner, policy, (rows.clone(), [now, now])).await?;
    let after = Looks::of(hub, actor, &partner, with, (rows, [now, now])).await?;
    let unseen = before
        .rows
        .iter()
        .filter(|row| before.through(hub, actor, row, now).is_none());
    let risk = risk(hub, actor, &grant, unseen);
    Ok(Change {
        risk,
        ..changed(hub, actor, (&before, now), (&after, now), is_all)
    })
}

/// What a partner sees of the caller's events by the grants, caps and emergencies of one moment and of another.
pub async fn access_diff(
    hub: &Hub,
    actor: &Actor,
    partner: &PartyId,
    (from, to): (Micros, Micros),
) -> Result<Change, ServiceError> {
    let policy = store::ever(hub.db(), partner).await?;
    let (rows, is_all) = newest(hub, actor).await?;
    let looks = Looks::of(hub, actor, partner, policy, (rows, [from, to])).await?;
    Ok(changed(hub, actor, (&looks, from), (&looks, to), is_all))
}

async fn newest(hub: &Hub, actor: &Actor) -> Result<(Vec<EventRow>, bool), ServiceError> {
    let mut rows = view::event::list(hub.db(), &actor.party, &Filter::default(), None, EVENTS).await?;
    let is_all = rows.len() < EVENTS;
    rows.retain(gives);
    Ok((rows, is_all))
}

fn changed(hub: &Hub, actor: &Actor, (before, from): (&Looks, Micros), (after, to): (&Looks, Micros), is_all: bool) -> Change {
    let mut change = Change {
        looked_at: before.rows.len(),
        is_all,
        ..Change::default()
    };
    for (row, same) in before.rows.iter().zip(&after.rows) {
        let look = |looks: &Looks, row: &EventRow, at: Micros| {
            let seen = looks.through(hub, actor, row, at);
            Look {
                sight: seen.as_ref().map(|seen| seen.sight).unwrap_or_default(),
                event: seen.map(|seen| seen.event),
            }
        };
        let (then, now) = (look(before, row, from), look(after, same, to));
        change.gained.note(row.key, &then, &now);
        change.lost.note(row.key, &now, &then);
    }
    change
}

/// Somebody who sees an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seer {
    /// The party; none where a grant is to a role.
    pub party: Option<PartyId>,
    /// All parties with this role.
    pub role: Option<Role>,
    /// By which grants, besides what it has to do with the event.
    pub grants: Vec<GrantId>,
    /// At which levels.
    pub sight: Sight,
}

/// Who sees an event that the caller gives sight of, as far as the caller may know; nobody of any other event.
pub async fn who_can_see(hub: &Hub, actor: &Actor, key: EventKey) -> Result<Vec<Seer>, ServiceError> {
    let mut rows = view::event::by_keys(hub.db(), &actor.party, &[key]).await?;
    rows.retain(gives);
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (policy, now) = (lens::policy(hub).await?, hub.now());
    let mut parties: BTreeSet<PartyId> = view::grant::concerned(hub.db(), key)
        .await?
        .into_iter()
        .map(|(party, _)| party)
        .collect();
    parties.extend(policy.grants.iter().filter_map(|held| match &held.grant.grantee {
        Grantee::Party(party) => Some(party.clone()),
        Grantee::Role { .. } => None,
    }));
    let mut seers = Vec::new();
    for party in parties {
        let mut own = (*policy).clone();
        own.grants.retain(|held| matches!(held.grant.grantee, Grantee::Party(_)));
        let looks = Looks::of(hub, actor, &party, own, (rows.clone(), [now, now])).await?;
        let Some(row) = looks.rows.first() else { continue };
        let (decision, shown) = looks.at(hub, row, &row.event, now);
        if shown.is_some() && seers.len() < SEERS {
            seers.push(Seer {
                party: Some(party.clone()),
                role: None,
                grants: decision.applied().map(|(held, _)| held.grant.id).collect(),
                sight: decision.sight(),
            });
        }
    }
    let to_roles = policy
        .grants
        .iter()
        .filter(|held| held.grant.grantor == actor.party && held.is_in_force(now))
        .filter(|held| held.grant.conditions.least_contributors.is_none());
    seers.extend(to_roles.filter_map(|held| match held.grant.grantee {
        Grantee::Role { role, .. } if rows.iter().any(|row| held.grant.scope.may_cover(&row.event)) => Some(Seer {
            party: None,
            role: Some(role),
            grants: vec![held.grant.id],
            sight: held.grant.levels,
        }),
        Grantee::Role { .. } | Grantee::Party(_) => None,
    }));
    Ok(seers)
}

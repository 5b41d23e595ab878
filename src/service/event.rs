//! Events under the lens.
//!
//! Whether an event is in an answer, and what of it, is decided by [`mask`], and where something was granted by
//! [`decide`]. Lists of events are those of [`super::query`].

use std::collections::HashMap;

use crate::domain::event::Event;
use crate::domain::ids::{DocumentId, EventKey, GrantId, PartyId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::lens::{self, Relations, Sight, Who, mask};
use crate::domain::party::Actor;
use crate::domain::policy::{Asked, decide};
use crate::domain::seen::Word;
use crate::domain::time::Micros;
use crate::storage::identity;
use crate::storage::view::event::EventRow;

use super::Hub;
use super::error::ServiceError;
use super::lens::{Attempts, EventFacts, Ground, Lens, principals};

pub use crate::storage::view::event::Filter;

/// One event as the caller may see it.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Its key.
    pub key: EventKey,
    /// `eventID` as sent, or the event hash of CBV 2.0 clause 8.9.
    pub event_id: String,
    /// When the hub took it.
    pub record_time: Micros,
    /// Who sent it.
    pub asserter: PartyId,
    /// In whose name, if not its own and if the caller may know.
    pub principal: Option<PartyId>,
    /// Declared to be in error since.
    pub voided: bool,
    /// What the caller may see of it.
    pub event: Event,
    /// The caller's relations to it.
    pub relations: Relations,
    /// At which levels the caller sees it.
    pub sight: Sight,
    /// Grants of which only so many readings a day are given and by which something of it is seen.
    pub(super) counted: Vec<GrantId>,
    /// A grant shows something of it that the caller's relations do not.
    pub(super) granted: bool,
    /// The document that it came in: for [`super::master_data`], never shown.
    pub document: DocumentId,
}

/// As events are answered: the standard has the repository give the id where the sender gave none.
#[must_use]
pub fn told(seen: Vec<SeenEvent>) -> Vec<(Event, Micros)> {
    seen.into_iter()
        .map(|seen| {
            let mut event = seen.event;
            event.event_id.get_or_insert_with(|| seen.event_id.into());
            (event, seen.record_time)
        })
        .collect()
}

/// One event by the hub's key.
pub async fn event(hub: &Hub, actor: &Actor, key: EventKey) -> Result<Option<SeenEvent>, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let rows = lens.by_keys(hub, &[key]).await?;
        let seen = seen(hub, (actor, &lens), rows).await?;
        if lens.may_tell(hub, &seen).await? {
            return Ok(seen.into_iter().next());
        }
        attempts.again()?;
    }
}

/// Events by their `eventID`, oldest record first: an error declaration repeats that of the event it is about.
pub async fn by_event_id(hub: &Hub, actor: &Actor, event_id: &str) -> Result<Vec<SeenEvent>, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let mut rows = lens.by_event_id(hub, event_id).await?;
        let aliases = Aliases::of(hub, &[event_id.to_owned()]).await?;
        let keys: Vec<EventKey> = aliases.0.keys().copied().collect();
        rows.extend(lens.by_keys(hub, &keys).await?);
        rows.sort_by_key(|row| row.key.uuid());
        rows.dedup_by_key(|row| row.key);
        let seen = seen(hub, (actor, &lens), rows).await?;
        if lens.may_tell(hub, &seen).await? {
            return Ok(seen.into_iter().map(|seen| aliases.named(seen)).collect());
        }
        attempts.again()?;
    }
}

/// Events that were sent under an id other than their own: they are shown under the one they are asked for by.
pub(super) struct Aliases(HashMap<EventKey, (String, String)>);

impl Aliases {
    /// Those that go by one of these ids, and by none of them as their own.
    pub(super) async fn of(hub: &Hub, asked: &[String]) -> Result<Self, ServiceError> {
        let found = identity::by_alias(hub.db(), asked).await?;
        let foreign = found.into_iter().filter(|(_, _, own)| !asked.contains(own));
        Ok(Self(foreign.map(|(alias, event, own)| (event, (alias, own))).collect()))
    }

    /// Under which ids they are stored.
    pub(super) fn own_ids(&self) -> impl Iterator<Item = String> {
        self.0.values().map(|(_, own)| own.clone())
    }

    /// The event by the id it was asked for.
    pub(super) fn named(&self, mut seen: SeenEvent) -> SeenEvent {
        if let Some((alias, _)) = self.0.get(&seen.key) {
            seen.event_id.clone_from(alias);
            seen.event.event_id = Some(alias.as_str().into());
        }
        seen
    }
}

/// Masks rows, with one more read for all of them at the most; three where something was granted.
pub(super) async fn seen(hub: &Hub, (actor, lens): (&Actor, &Lens), rows: Vec<EventRow>) -> Result<Vec<SeenEvent>, ServiceError> {
    let registry = hub.registry();
    let meant = lens.meant();
    let ground = match lens.is_plain() {
        true => Ground::plain(hub, &actor.party, &rows, needs_owners).await?,
        false => {
            let events: Vec<_> = rows.iter().map(|row| (row.key, &row.event)).collect();
            Ground::of(hub, &[&actor.party], (&lens.policy, &meant), &events).await?
        }
    };
    let acting = match &lens.acting {
        Some(acting) => Some(acting.ground(hub, &rows).await?),
        None => None,
    };
    let principals = principals(&registry, &actor.party, hub.now());
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows {
        let facts = EventFacts {
            registry: &registry,
            ground: &ground,
            key: row.key,
            asserter: &row.asserter,
            own: (&actor.party, row.relations),
            now: hub.now(),
            event: &row.event,
        };
        let (event, sight, counted, granted) = match lens.is_plain() {
            true => {
                let eyes = facts.eyes_with(&actor.party, principals.clone());
                let event = mask(&row.event, row.relations, &eyes);
                (event, lens::sight(row.relations), Vec::new(), false)
            }
            false => {
                let asked = Asked {
                    viewer: &actor.party,
                    at: lens.at,
                    event: &row.event,
                    proved: &lens.proved,
                    uses: &lens.uses,
                };
                let decision = decide(asked, &facts, &lens.policy, &meant);
                let (counted, granted) = (decision.counted().collect(), decision.is_granted());
                (decision.mask(asked, &facts), decision.sight(), counted, granted)
            }
        };
        let event = match &acting {
            Some(acting) if !leaks(Leak::ActingForAll) => event.and_then(|event| acting.shown(hub, &row, &event)),
            Some(_) | None => event,
        };
        if let Some(event) = event {
            seen.push(SeenEvent {
                counted,
                granted,
                ..told_to(actor, row, event, sight)
            });
        }
    }
    Ok(seen)
}

fn told_to(actor: &Actor, row: EventRow, event: Event, sight: Sight) -> SeenEvent {
    let EventRow {
        key,
        event_id,
        record_time,
        asserter,
        principal,
        voided,
        relations,
        document,
        ..
    } = row;
    // For whom a delegate acts is between the two of them; it may act for several at once.
    let principal = match relations.has(Relations::PRINCIPAL) {
        true => Some(actor.party.clone()),
        false => principal.filter(|principal| *principal == actor.party || asserter == actor.party),
    };
    SeenEvent {
        key,
        event_id,
        record_time,
        asserter,
        principal,
        voided,
        event,
        relations,
        sight,
        counted: Vec::new(),
        granted: false,
        document,
    }
}

impl SeenEvent {
    /// Whether the caller may know who sent it: whoever has to do with it does, others by a grant that names parties.
    #[must_use]
    pub fn shows_asserter(&self) -> bool {
        !self.relations.is_none() || self.sight.before >= Who::Name
    }

    /// What it says, for who folds events to things.
    pub(super) fn word(self) -> Word {
        Word {
            teller: Some(self.asserter.clone()).filter(|_| self.shows_asserter()),
            key: self.key,
            event_id: self.event_id,
            recorded: self.record_time,
            voided: self.voided,
            granted: self.granted,
            sight: self.sight,
            event: self.event,
        }
    }
}

/// Whether the mask asks whose a thing is; with these relations it shows all that was handed over or asserted.
fn needs_owners(relations: Relations) -> bool {
    [Relations::ASSERTER, Relations::BUYER, Relations::SENDER, Relations::RECEIVER]
        .iter()
        .all(|relation| !relations.has(*relation))
}

//! Who sees what of an event, and why: the engine of every answer, asked for its reasons.
//!
//! A party may ask about itself; whoever gives sight of an event (asserter, principal, brand owner) may ask what another sees of it. To
//! anybody else the event does not exist. Who asks about another is told of what it may know: the other's sides in a handover, grants of
//! its own, and as principal or brand owner those of whoever asserted the event for it. That the other is, say, principal of the same
//! delegate is not among it.
//!
//! A grant that gives so many readings a day gives none here when those of the day in question are used up. To ask counts for none, and whoever
//! used them up is told so of each event that it would see otherwise.
//!
//! Each answer is kept under an id, for who asked: what was said can be shown later, whatever has changed since.

mod change;
mod risk;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::domain::event::Event;
use crate::domain::grant::{GIVING, Held, Uses};
use crate::domain::ids::{DecisionId, EventKey, GrantId, PartyId};
use crate::domain::lens::{Class, Relations, mask};
use crate::domain::party::Actor;
use crate::domain::policy::{Asked, ClassRule, Decision, Policy, Rule, decide};
use crate::domain::time::Micros;
use crate::storage::decision as kept;
use crate::storage::view::event::{EventRow, Filter};
use crate::storage::{grant as store, view};

use super::Hub;
use super::error::ServiceError;
use super::event::SeenEvent;
use super::lens::{EventFacts, Ground};
use super::page::{Page, Paged};

pub use change::{Change, Difference, Seer, access_diff, impact, who_can_see};
pub use risk::Risk;

/// What a party sees of one event, class by class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who looks.
    pub party: PartyId,
    /// At which event.
    pub event: EventKey,
    /// For which moment of grants, caps and emergencies, RFC 3339.
    pub as_of: String,
    /// Whether it is shown as an event.
    pub shown: bool,
    /// Each class.
    pub classes: Vec<ClassLine>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassLine {
    /// The class.
    pub class: Class,
    /// Name of the level; `-` for nothing.
    pub level: String,
    /// What gave it.
    pub by: RuleLine,
    /// What stood in the way of more.
    pub blocked: Vec<BlockedLine>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleLine {
    /// `none`, `relations`, `grant`, `cap`, `emergency`, `invariant` or `grantor`.
    pub layer: String,
    /// Of the grant, cap or emergency.
    pub id: Option<String>,
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedLine {
    /// What.
    pub by: RuleLine,
    /// The level that it stands before.
    pub level: String,
    /// What would lift it.
    pub unlock: String,
}

/// What one party asks about another's sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose sight.
    pub party: PartyId,
    /// Of which event.
    pub event: EventKey,
    /// As of which moment of grants, caps and emergencies; now if not given.
    pub as_of: Option<Micros>,
}

/// Explains, and keeps the answer; `None` for an event that the caller may not ask about.
pub async fn explain(hub: &Hub, actor: &Actor, asked: Question) -> Result<Option<(DecisionId, Explanation)>, ServiceError> {
    let (now, itself) = (hub.now(), asked.party == actor.party);
    let at = asked.as_of.unwrap_or(now);
    let mut rows = view::event::by_keys(hub.db(), &actor.party, &[asked.event]).await?;
    let policy = store::ever(hub.db(), &asked.party).await?;
    if itself && rows.is_empty() {
        let ids: Vec<_> = policy.grants.iter().map(|held| held.grant.id).collect();
        let by = view::grant::By {
            party: &actor.party,
            grants: &ids,
        };
        rows = view::grant::by_keys(hub.db(), by, &[asked.event]).await?;
    }
    rows.retain(|row| itself || gives(row));
    let looks = Looks::of(hub, actor, &asked.party, policy, (rows, [at, at])).await?;
    let Some(row) = looks.rows.first() else { return Ok(None) };
    let (decision, shown) = looks.at(hub, row, &row.event, at);
    // Of an event that it does not see a party learns nothing by asking about itself: but that it has seen enough for a day.
    if itself && shown.is_none() && looks.by(hub, row, &row.event, (at, &Uses::new())).1.is_none() {
        return Ok(None);
    }
    let explanation = Explanation {
        party: asked.party.clone(),
        event: asked.event,
        as_of: at.rfc3339(),
        shown: shown.is_some(),
        classes: decision.rules().iter().map(line).collect(),
    };
    let id = DecisionId::new(hub.new_id(now));
    let answer = serde_json::to_string(&explanation).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let party = actor.party.clone();
    hub.db()
        .write::<_, ServiceError, _>(move |tx| Box::pin(async move { Ok(kept::keep(tx, id, (&party, now), &answer).await?) }))
        .await?;
    Ok(Some((id, explanation)))
}

/// What was answered before, for who asked.
pub async fn decision(hub: &Hub, actor: &Actor, id: DecisionId) -> Result<Option<Explanation>, ServiceError> {
    let Some(answer) = kept::find(hub.db(), &actor.party, id).await? else {
        return Ok(None);
    };
    let read = serde_json::from_str(&answer);
    read.map(Some)
        .map_err(|error| ServiceError::Internal(format!("decision.answer of {id}: {error}")))
}

/// The caller's own events as a partner sees them by what the caller may know of: never more than the caller sees itself.
pub async fn preview(hub: &Hub, actor: &Actor, partner: &PartyId, page: Page) -> Result<Paged<SeenEvent>, ServiceError> {
    let (probe, at) = (page.first.saturating_add(1), hub.now());
    let mut after = page.after.map(|cursor| cursor.id);
    let mut found = Vec::new();
    loop {
        let mut rows = view::event::list(hub.db(), &actor.party, &Filter::default(), after, probe).await?;
        let exhausted = rows.len() < probe;
        after = rows.last().map(|row| row.key.uuid()).or(after);
        rows.retain(gives);
        let policy = store::ever(hub.db(), partner).await?;
        let looks = Looks::of(hub, actor, partner, policy, (rows, [at, at])).await?;
        for row in &looks.rows {
            found.extend(looks.through(hub, actor, row, at));
        }
        if exhausted || found.len() >= probe {
            return Ok(Paged::by_id(found, page, |seen| seen.key.uuid()));
        }
    }
}

fn gives(row: &EventRow) -> bool {
    !row.relations.only(GIVING).is_none()
}

/// Some of the asker's events, with what is needed to decide what a party sees of them.
struct Looks {
    party: PartyId,
    asker: PartyId,
    policy: Policy,
    rows: Vec<EventRow>,
    ground: Ground,
    relations: HashMap<EventKey, Relations>,
    /// How often the party used grants on the UTC days in question.
    uses: HashMap<(i64, GrantId), u64>,
}

impl Looks {
    async fn of(
        hub: &Hub,
        actor: &Actor,
        party: &PartyId,
        mut policy: Policy,
        (rows, moments): (Vec<EventRow>, [Micros; 2]),
    ) -> Result<Self, ServiceError> {
        let registry = hub.registry();
        let me = registry.party(party);
        policy.grants.retain(|held| me.is_some_and(|me| held.grant.grantee.means(me)));
        let events: Vec<_> = rows.iter().map(|row| (row.key, &row.event)).collect();
        let grants: Vec<&Held> = policy.grants.iter().collect();
        let ground = Ground::of(hub, &[party, &actor.party], (&policy, &grants), &events).await?;
        let keys: Vec<EventKey> = rows.iter().map(|row| row.key).collect();
        let found = view::grant::relations(hub.db(), &keys, &[party]).await?;
        let is_counted = policy
            .grants
            .iter()
            .any(|held| held.grant.conditions.queries_per_day.is_some());
        let uses = match is_counted {
            true => store::uses(hub.db(), party, moments.map(Micros::day)).await?,
            false => HashMap::new(),
        };
        let of = |list: Vec<(PartyId, Relations)>| list.first().map(|(_, relations)| *relations).unwrap_or_default();
        Ok(Self {
            party: party.clone(),
            asker: actor.party.clone(),
            policy,
            relations: found.into_iter().map(|(key, list)| (key, of(list))).collect(),
            ground,
            rows,
            uses,
        })
    }

    /// The relations of the party that the asker may know of.
    fn known(&self, row: &EventRow) -> Relations {
        let relations = self.relations.get(&row.key).copied().unwrap_or_default();
        if self.party == self.asker {
            return relations;
        }
        let sides = Relations::SELLER
            .with(Relations::BUYER)
            .with(Relations::SENDER)
            .with(Relations::RECEIVER)
            .with(Relations::ASSERTER);
        relations.only(sides)
    }

    /// Grants to the party that the asker may know of.
    fn grants(&self, row: &EventRow) -> Vec<&Held> {
        let is_owner = !row
            .relations
            .only(Relations::PRINCIPAL.with(Relations::BRAND_OWNER))
            .is_none();
        let told = |held: &&Held| {
            let grantor = &held.grant.grantor;
            self.party == self.asker || *grantor == self.asker || (is_owner && *grantor == row.asserter)
        };
        self.policy.grants.iter().filter(told).collect()
    }

    /// What is decided about an event, and what that leaves of it or of a part of it.
    fn at(&self, hub: &Hub, row: &EventRow, part: &Event, at: Micros) -> (Decision<'_>, Option<Event>) {
        let of_the_day = self.uses.iter().filter(|((day, _), _)| *day == at.day());
        let uses: Uses = of_the_day.map(|((_, grant), uses)| (*grant, *uses)).collect();
        self.by(hub, row, part, (at, &uses))
    }

    /// The same after so many readings of the day.
    fn by(&self, hub: &Hub, row: &EventRow, part: &Event, (at, uses): (Micros, &Uses)) -> (Decision<'_>, Option<Event>) {
        let (registry, proved) = (hub.registry(), std::collections::HashSet::new());
        let facts = EventFacts {
            registry: &registry,
            ground: &self.ground,
            key: row.key,
            asserter: &row.asserter,
            own: (&self.party, self.known(row)),
            now: at,
            event: &row.event,
        };
        let asked = Asked {
            viewer: &self.party,
            at,
            event: &row.event,
            proved: &proved,
            uses,
        };
        let decision = decide(asked, &facts, &self.policy, &self.grants(row));
        let shown = decision.mask(Asked { event: part, ..asked }, &facts);
        (decision, shown)
    }

    /// What the party sees of what the asker sees of an event.
    fn through(&self, hub: &Hub, actor: &Actor, row: &EventRow, at: Micros) -> Option<SeenEvent> {
        let registry = hub.registry();
        let facts = EventFacts {
            registry: &registry,
            ground: &self.ground,
            key: row.key,
            asserter: &row.asserter,
            own: (&actor.party, row.relations),
            now: at,
            event: &row.event,
        };
        let eyes = facts.eyes_with(&actor.party, super::lens::principals(&registry, &actor.party, at));
        let own = mask(&row.event, row.relations, &eyes)?;
        let (decision, shown) = self.at(hub, row, &own, at);
        let event = shown?;
        Some(SeenEvent {
            key: row.key,
            event_id: row.event_id.clone(),
            record_time: row.record_time,
            asserter: row.asserter.clone(),
            principal: None,
            voided: row.voided,
            event,
            // Not those of the party: what hangs on them beside the event is not the asker's to see.
            relations: Relations::default(),
            sight: decision.sight(),
            counted: Vec::new(),
            granted: false,
            document: row.document,
        })
    }
}

fn line(rule: &ClassRule) -> ClassLine {
    ClassLine {
        class: rule.class,
        level: rule.level.to_owned(),
        by: rule_line(rule.by),
        blocked: rule
            .blocked
            .iter()
            .map(|blocked| BlockedLine {
                by: rule_line(blocked.by),
                level: blocked.level.to_owned(),
                unlock: blocked.unlock.clone(),
            })
            .collect(),
    }
}

fn rule_line(rule: Rule) -> RuleLine {
    let (layer, id) = match rule {
        Rule::Nothing => ("none", None),
        Rule::Relations => ("relations", None),
        Rule::Grant(id) => ("grant", Some(id.to_string())),
        Rule::Cap(id) => ("cap", Some(id.to_string())),
        Rule::Emergency(id) => ("emergency", Some(id.to_string())),
        Rule::Invariant => ("invariant", None),
        Rule::Grantor(id) => ("grantor", Some(id.to_string())),
    };
    RuleLine {
        layer: layer.to_owned(),
        id,
    }
}

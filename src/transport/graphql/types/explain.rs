//! Why a party sees what it sees.

use std::sync::Arc;

use async_graphql::{Enum, ID, SimpleObject};

use crate::domain::ids::DecisionId;
use crate::domain::lens::Class;
use crate::domain::party::Registry;
use crate::service::explain::{BlockedLine, Change, ClassLine, Difference, Explanation, RuleLine, Seer};

use super::grant::{AccessLevel, DataClass};
use super::party::{PartyName, Role};

/// What gave a level, or stood in the way of a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccessLayer {
    /// Nothing gives it.
    None,
    /// The default table, by what the party has to do with the event.
    Relations,
    /// A grant.
    Grant,
    /// A cap of an owner.
    Cap,
    /// An emergency.
    Emergency,
    /// A part of an event tells nothing of the rest.
    Invariant,
    /// A grantor gives no more than it may see itself.
    Grantor,
}

/// A rule.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessRule {
    /// Which layer it is of.
    layer: AccessLayer,
    /// Id of the grant, cap or emergency.
    rule: Option<ID>,
}

impl AccessRule {
    fn of(line: RuleLine) -> Self {
        let layer = match line.layer.as_str() {
            "relations" => AccessLayer::Relations,
            "grant" => AccessLayer::Grant,
            "cap" => AccessLayer::Cap,
            "emergency" => AccessLayer::Emergency,
            "invariant" => AccessLayer::Invariant,
            "grantor" => AccessLayer::Grantor,
            _ => AccessLayer::None,
        };
        Self {
            layer,
            rule: line.id.map(ID),
        }
    }
}

/// Something that stands in the way of a higher level.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessBlock {
    /// What.
    by: AccessRule,
    /// The level that it stands before.
    level: String,
    /// What would lift it.
    unlocked_by: String,
}

/// One class of data.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClassAccess {
    /// What stands in the way of more.
    blocked_by: Vec<AccessBlock>,
    /// The class.
    class: DataClass,
    /// What gives the level.
    given_by: AccessRule,
    /// Name of the level; `-` for nothing.
    level: String,
}

impl ClassAccess {
    fn of(line: ClassLine) -> Self {
        let block = |block: BlockedLine| AccessBlock {
            by: AccessRule::of(block.by),
            level: block.level,
            unlocked_by: block.unlock,
        };
        Self {
            blocked_by: line.blocked.into_iter().map(block).collect(),
            class: line.class.into(),
            given_by: AccessRule::of(line.by),
            level: line.level,
        }
    }
}

/// What a party sees of one event, class by class, and by which rules. It is kept under its decision id.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessExplanation {
    /// For which moment of grants, caps and emergencies.
    as_of: String,
    /// Each class of data.
    classes: Vec<ClassAccess>,
    /// Under which this answer can be shown again.
    decision: ID,
    /// Global id of the event.
    event: ID,
    /// Who looks.
    party: Option<PartyName>,
    /// Whether the event is shown as one.
    shown: bool,
}

impl AccessExplanation {
    /// As GraphQL has it.
    #[must_use]
    pub fn of(registry: &Arc<Registry>, id: DecisionId, explanation: Explanation) -> Self {
        Self {
            as_of: explanation.as_of,
            classes: explanation.classes.into_iter().map(ClassAccess::of).collect(),
            decision: ID(id.to_string()),
            event: ID(explanation.event.to_string()),
            party: PartyName::of(registry, &explanation.party),
            shown: explanation.shown,
        }
    }
}

/// Somebody who sees an event.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessSeer {
    /// Global ids of the grants that give it, besides what the party has to do with the event.
    grants: Vec<ID>,
    /// At which levels.
    levels: Vec<AccessLevel>,
    /// The party; null where a grant is to a role.
    party: Option<PartyName>,
    /// All parties with this role; null for one party.
    role: Option<Role>,
}

impl AccessSeer {
    /// As GraphQL has it.
    #[must_use]
    pub fn of(registry: &Registry, seer: &Seer) -> Self {
        Self {
            grants: seer.grants.iter().map(|id| ID(id.to_string())).collect(),
            levels: AccessLevel::of(&seer.sight),
            party: seer.party.as_ref().and_then(|party| PartyName::of(registry, party)),
            role: seer.role.map(Role::from),
        }
    }
}

/// A class with a higher level.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClassChange {
    /// The class.
    class: DataClass,
    /// In how many events.
    events: usize,
}

/// What one state shows and another does not.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessDifference {
    /// Classes with a higher level.
    classes: Vec<ClassChange>,
    /// Events that the other does not show at all.
    events: usize,
    /// Global ids of some of the events, newest first.
    samples: Vec<ID>,
    /// Things that the other does not show, counted once for each event that shows them.
    things: usize,
}

impl AccessDifference {
    fn of(difference: Difference) -> Self {
        let class = |(class, events): (Class, usize)| ClassChange {
            class: class.into(),
            events,
        };
        Self {
            classes: difference.classes.into_iter().map(class).collect(),
            events: difference.events,
            samples: difference.samples.iter().map(|key| ID(key.to_string())).collect(),
            things: difference.things,
        }
    }
}

/// What a grant would let its grantee know in totals of events that it does not see.
#[derive(Debug, Clone, SimpleObject)]
pub struct InferenceRisk {
    /// Figures, each of one month, country, business step and product, that events of the caller would be counted in.
    figures: usize,
    /// Those to which, as far as the caller may know, fewer parties contribute than a figure must be of, or one contributes too much: they
    /// are told together with what others grant, or not at all.
    of_few: usize,
}

/// How what a party sees of the caller's newest events differs between two states.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessChange {
    /// What is shown more.
    gained: AccessDifference,
    /// Of a grant that lets events be counted in totals and does not show them.
    inference_risk: Option<InferenceRisk>,
    /// Whether it was counted over all events that the caller may ask about.
    is_all: bool,
    /// Over how many events it was counted.
    looked_at: usize,
    /// What is shown no longer.
    lost: AccessDifference,
}

impl AccessChange {
    /// As GraphQL has it.
    #[must_use]
    pub fn of(change: Change) -> Self {
        Self {
            gained: AccessDifference::of(change.gained),
            inference_risk: change.risk.map(|risk| InferenceRisk {
                figures: risk.figures,
                of_few: risk.of_few,
            }),
            is_all: change.is_all,
            looked_at: change.looked_at,
            lost: AccessDifference::of(change.lost),
        }
    }
}

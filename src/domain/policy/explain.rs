//! Why a class is shown at its level: read off a [`Decision`], never worked out a second time.

use super::{Applied, Decision, Verdict};
use crate::domain::ids::{CapId, EmergencyId, GrantId};
use crate::domain::lens::{self, Class, Sight};
use crate::domain::party::licence::Required;

/// Something that gave a level or stood in the way of a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing gives it.
    Nothing,
    /// L1: the default table for the viewer's own relations.
    Relations,
    /// L2: a grant.
    Grant(GrantId),
    /// L3: a cap of an owner.
    Cap(CapId),
    /// L4: an emergency.
    Emergency(EmergencyId),
    /// L0: an invariant of the hub: a part of an event tells nothing of the rest.
    Invariant,
    /// A grantor cannot give what it may not see itself.
    Grantor(GrantId),
}

/// Something in the way of a higher level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What.
    pub by: Rule,
    /// The level that it stands before.
    pub level: &'static str,
    /// What would lift it, in words.
    pub unlock: String,
}

/// One class: its level, what gave it, what stood in the way of more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRule {
    /// The class.
    pub class: Class,
    /// Its level.
    pub level: &'static str,
    /// What gave it.
    pub by: Rule,
    /// What stood in the way, each for a level higher than this.
    pub blocked: Vec<Blocked>,
}

impl Decision<'_> {
    /// Each class with its rule chain.
    #[must_use]
    pub fn rules(&self) -> Vec<ClassRule> {
        let sight = self.sight();
        Class::ALL.into_iter().map(|class| self.rule(class, sight)).collect()
    }

    fn rule(&self, class: Class, sight: Sight) -> ClassRule {
        let rank = sight.rank(class);
        let by = if rank == 0 {
            Rule::Nothing
        } else if lens::sight(self.relations).rank(class) == rank {
            Rule::Relations
        } else if self.own.rank(class) == rank {
            self.emergencies.first().map_or(Rule::Nothing, |id| Rule::Emergency(*id))
        } else {
            let giver = self.applied().find(|(_, applied)| applied.sight().rank(class) == rank);
            giver.map_or(Rule::Nothing, |(held, _)| Rule::Grant(held.grant.id))
        };
        let mut blocked = Vec::new();
        for considered in &self.grants {
            let grant = &considered.held.grant;
            if grant.levels.rank(class) <= rank {
                continue;
            }
            let (by, unlock) = match &considered.verdict {
                Verdict::Applies(applied) => in_the_way(grant.id, class, applied),
                Verdict::NotInForce => (
                    Rule::Grant(grant.id),
                    "the grant is not in force: it must be signed by all, within its dates and not revoked".to_owned(),
                ),
                Verdict::NoRole => (
                    Rule::Grant(grant.id),
                    "the viewer must hold the role that the grant asks for".to_owned(),
                ),
                Verdict::NotLicensed => (Rule::Grant(grant.id), not_licensed(grant.conditions.licence.as_ref())),
                Verdict::OutOfScope => (
                    Rule::Grant(grant.id),
                    "the grant must cover the event and one of its things".to_owned(),
                ),
                Verdict::NotTheGrantors => (
                    Rule::Grantor(grant.id),
                    "the grantor must be asserter, principal or brand owner of the event".to_owned(),
                ),
                Verdict::NotProved => (
                    Rule::Grant(grant.id),
                    "the question must name the full identifier of the thing".to_owned(),
                ),
                Verdict::InTotals => (
                    Rule::Grant(grant.id),
                    "the grant lets events be counted in totals of several parties, and shows none: it must not ask for so many contributors".to_owned(),
                ),
                Verdict::UsedUp => (
                    Rule::Grant(grant.id),
                    "the readings that the grant gives in a UTC day are used up: it gives again on the next day".to_owned(),
                ),
            };
            blocked.push(Blocked {
                by,
                level: grant.levels.level(class),
                unlock,
            });
        }
        ClassRule {
            class,
            level: sight.level(class),
            by,
            blocked,
        }
    }
}

fn not_licensed(licence: Option<&Required>) -> String {
    let place = licence.and_then(|licence| licence.country.as_ref());
    let place = place.map_or(String::new(), |country| format!(" in {country}"));
    let role = licence.map_or("", |licence| licence.role.as_str());
    format!("the viewer must have held a licence as {role}{place} when the event happened, on record with the hub")
}

fn in_the_way(grant: crate::domain::ids::GrantId, class: Class, applied: &Applied) -> (Rule, String) {
    if applied.grantors.rank(class) <= applied.given.rank(class) {
        return (Rule::Grantor(grant), "nobody gives more than it may see itself".to_owned());
    }
    match applied.caps.first() {
        Some(cap) => (Rule::Cap(*cap), "the owner must raise or lift its cap".to_owned()),
        None => (Rule::Invariant, "the grant must cover all things of the event".to_owned()),
    }
}

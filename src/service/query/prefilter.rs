//! What of a query the database can answer: never less than the query, often more.

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::query::field::Compare;
use crate::domain::query::pattern::EpcPattern;
use crate::domain::query::{Clause, TermField};
use crate::domain::time::Micros;
use crate::service::event::Filter;

/// What the database is asked.
pub(super) enum Prefilter {
    /// No event can answer.
    Nothing,
    /// Only these can.
    Of(Filter),
}

impl Prefilter {
    pub(super) fn of(clauses: &[Clause]) -> Self {
        let mut filter = Filter::default();
        for clause in clauses {
            match clause {
                Clause::Kind(kinds) if kinds.is_empty() => return Self::Nothing,
                // Of two clauses about the same the first is enough: each event is held against both anyway.
                Clause::Kind(kinds) if filter.kinds.is_empty() => filter.kinds.clone_from(kinds),
                Clause::Term(TermField::BizStep, terms) if filter.biz_steps.is_empty() => {
                    filter.biz_steps = terms.iter().map(|term| term.as_str().to_owned()).collect();
                }
                Clause::EventTime(compare, bound) => {
                    narrow(*compare, *bound, &mut filter.event_from, &mut filter.event_before);
                }
                Clause::RecordTime(compare, bound) => {
                    narrow(*compare, *bound, &mut filter.record_from, &mut filter.record_before);
                }
                Clause::Epc(_, patterns) if filter.epcs.is_empty() => {
                    filter.epcs = all_named(patterns).unwrap_or_default();
                }
                Clause::EventId(ids) if filter.event_ids.is_empty() => {
                    filter.event_ids = ids.iter().map(|id| id.clone().into()).collect();
                }
                Clause::Kind(_)
                | Clause::Term(..)
                | Clause::Epc(..)
                | Clause::EventId(_)
                | Clause::Action(_)
                | Clause::Place { .. }
                | Clause::Transaction { .. }
                | Clause::Endpoint { .. }
                | Clause::Transformation(_)
                | Clause::Class(..)
                | Clause::Quantity { .. }
                | Clause::DeclaresError
                | Clause::DeclarationTime(..)
                | Clause::CorrectiveId(_)
                | Clause::HasSensors
                | Clause::SensorTime(..)
                | Clause::SensorText(..)
                | Clause::SensorNumber { .. }
                | Clause::Field { .. }
                | Clause::MasterData { .. } => {}
            }
        }
        Self::Of(filter)
    }
}

/// The keys, if no pattern among them covers more than one thing.
fn all_named(patterns: &[EpcPattern]) -> Option<Vec<EpcKey>> {
    let key = |pattern: &EpcPattern| match pattern {
        EpcPattern::One(epc) => Some(Epc::key(epc)),
        EpcPattern::Class(_) | EpcPattern::Wide(_) => None,
    };
    patterns.iter().map(key).collect()
}

fn narrow(compare: Compare, bound: Micros, from: &mut Option<Micros>, before: &mut Option<Micros>) {
    let next = Micros(bound.0.saturating_add(1));
    match compare {
        Compare::GreaterOrEqual => *from = Some(from.map_or(bound, |known| known.max(bound))),
        Compare::Greater => *from = Some(from.map_or(next, |known| known.max(next))),
        Compare::Less => *before = Some(before.map_or(bound, |known| known.min(bound))),
        Compare::LessOrEqual => *before = Some(before.map_or(next, |known| known.min(next))),
    }
}

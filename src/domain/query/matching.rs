//! Whether one clause holds for one event.

use super::field::{self, number};
use super::sensor;
use super::{AttributeTest, ClassField, Clause, EpcField, Knowledge, MasterField, PlaceField, Side, Subject, TermField, Within};
use crate::domain::event::{Content, Event, Location, Node, Quantity, Term};
use crate::domain::gs1::Epc;
use crate::domain::lens::planted::{Leak, leaks};

impl Clause {
    pub(super) fn holds(&self, subject: Subject<'_>, knows: &impl Knowledge) -> bool {
        let event = subject.event;
        match self {
            Self::Kind(kinds) => kinds.contains(&event.kind),
            Self::EventTime(compare, bound) => compare.allows(event.event_time.cmp(bound)),
            Self::RecordTime(compare, bound) => compare.allows(subject.record_time.cmp(bound)),
            Self::Action(actions) => event.action.is_some_and(|action| actions.contains(&action)),
            Self::Term(field, terms) => held_terms(event, *field).iter().any(|held| terms.contains(held)),
            Self::Place { field, ids, descendants } => place(event, *field).is_some_and(|held| {
                ids.iter()
                    .any(|id| *id == held.id || (*descendants && knows.is_below(&held.id, id)))
            }),
            Self::Transaction { kind, ids } => event
                .biz_transactions
                .iter()
                .any(|held| held.kind.as_ref() == Some(kind) && ids.iter().any(|id| same_uri(id, &held.id))),
            Self::Endpoint { side, kind, ids } => {
                let list = match side {
                    Side::Source => &event.sources,
                    Side::Destination => &event.destinations,
                };
                list.iter().any(|held| held.kind == *kind && ids.contains(&held.id))
            }
            Self::Transformation(ids) => event.transformation_id.as_ref().is_some_and(|held| ids.contains(held)),
            Self::Epc(field, patterns) => {
                leaks(Leak::FilterByHidden) || epcs(event, *field).any(|epc| patterns.iter().any(|pattern| pattern.covers(epc)))
            }
            Self::Class(field, patterns) => {
                quantities(event, *field).any(|held| patterns.iter().any(|pattern| pattern.covers(&held.class)))
            }
            Self::Quantity { unit, test } => quantities(event, ClassField::Any).any(|held| {
                let value = held.quantity.as_deref().and_then(number);
                value.is_some_and(|value| test.passes(value, held.uom.as_deref(), unit.as_deref(), false))
            }),
            Self::EventId(ids) => ids.iter().any(|id| **id == *subject.event_id),
            Self::HasSensors => !event.sensor_elements.is_empty(),
            Self::SensorTime(field, compare, bound) => sensor::has_time(event, *field, *compare, *bound),
            Self::SensorText(field, values) => sensor::has_text(event, *field, values),
            Self::SensorNumber { field, unit, test } => sensor::has_number(event, *field, unit.as_deref(), test),
            Self::Field {
                within,
                inner,
                name,
                test,
            } => roots(event, *within)
                .into_iter()
                .any(|nodes| field::find(nodes, name, *inner).into_iter().any(|node| test.passes(node))),
            Self::MasterData { field, test } => identified(event, *field).iter().any(|id| has_attribute(id, test, knows)),
            Self::DeclaresError => event.error_declaration.is_some(),
            Self::DeclarationTime(compare, bound) => event
                .error_declaration
                .as_ref()
                .is_some_and(|held| compare.allows(held.declaration_time.cmp(bound))),
            Self::CorrectiveId(ids) => event
                .error_declaration
                .as_ref()
                .is_some_and(|held| held.corrective_event_ids.iter().any(|held| ids.contains(held))),
        }
    }
}

fn held_terms(event: &Event, field: TermField) -> Vec<&Term> {
    match field {
        TermField::BizStep => event.biz_step.iter().collect(),
        TermField::Disposition => event.disposition.iter().collect(),
        TermField::Set => event.persistent_disposition.iter().flat_map(|held| &held.set).collect(),
        TermField::Unset => event.persistent_disposition.iter().flat_map(|held| &held.unset).collect(),
        TermField::ErrorReason => event
            .error_declaration
            .iter()
            .filter_map(|held| held.reason.as_ref())
            .collect(),
    }
}

fn place(event: &Event, field: PlaceField) -> Option<&Location> {
    match field {
        PlaceField::ReadPoint => event.read_point.as_ref(),
        PlaceField::BizLocation => event.biz_location.as_ref(),
    }
}

/// Business transactions are any URI; where they are GS1 keys, their spelling does not count.
fn same_uri(one: &str, other: &str) -> bool {
    one == other || matches!((one.parse::<Epc>(), other.parse::<Epc>()), (Ok(one), Ok(other)) if one == other)
}

/// The EPCs of a list.
fn epcs(event: &Event, field: EpcField) -> Box<dyn Iterator<Item = &Epc> + '_> {
    match field {
        EpcField::Listed => Box::new(event.epcs.iter()),
        EpcField::Parent => Box::new(event.parent.iter()),
        EpcField::Input => Box::new(event.input_epcs.iter()),
        EpcField::Output => Box::new(event.output_epcs.iter()),
        EpcField::Any => Box::new(event.roles().map(|(_, epc)| epc)),
    }
}

fn quantities(event: &Event, field: ClassField) -> Box<dyn Iterator<Item = &Quantity> + '_> {
    let (listed, input, output) = (&event.quantities, &event.input_quantities, &event.output_quantities);
    match field {
        ClassField::Listed => Box::new(listed.iter()),
        ClassField::Input => Box::new(input.iter()),
        ClassField::Output => Box::new(output.iter()),
        ClassField::Any => Box::new(listed.iter().chain(input).chain(output)),
    }
}

/// The lists of nodes that fields are looked for in.
pub(super) fn roots(event: &Event, within: Within) -> Vec<&[Node]> {
    match within {
        Within::Event => vec![&event.extensions],
        Within::Ilmd => vec![&event.ilmd],
        Within::ErrorDeclaration => event
            .error_declaration
            .iter()
            .map(|held| held.extensions.as_slice())
            .collect(),
        Within::Place(field) => place(event, field)
            .map(|held| held.extensions.as_slice())
            .into_iter()
            .collect(),
        Within::Sensor(part) => sensor::extended(event, part)
            .into_iter()
            .filter_map(|node| match &node.content {
                Content::Nodes(inside) => Some(inside.as_slice()),
                Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_) => None,
            })
            .collect(),
    }
}

fn identified(event: &Event, field: MasterField) -> Vec<&str> {
    match field {
        MasterField::ReadPoint => event.read_point.iter().map(|held| held.id.canonical()).collect(),
        MasterField::BizLocation => event.biz_location.iter().map(|held| held.id.canonical()).collect(),
        MasterField::Class => quantities(event, ClassField::Any)
            .map(|held| held.class.canonical())
            .collect(),
        MasterField::Source => event.sources.iter().map(|held| held.id.canonical()).collect(),
        MasterField::Destination => event.destinations.iter().map(|held| held.id.canonical()).collect(),
    }
}

fn has_attribute(id: &str, test: &AttributeTest, knows: &impl Knowledge) -> bool {
    match test {
        AttributeTest::Has(names) => names.iter().any(|name| !knows.attribute(id, name).is_empty()),
        AttributeTest::Equals(name, values) => knows
            .attribute(id, name)
            .iter()
            .any(|held| values.iter().any(|wanted| **wanted == **held)),
    }
}

//! Rules of EPCIS 2.0 that its schemas miss or that only the whole event can show.
//!
//! They need nothing but the event; rules that need history or parties live with capture. Each broken rule names the
//! field it is about, so that the reader can point to it.

use crate::domain::event::{Action, Event, EventType, Quantity, Term};
use crate::domain::finding::FindingCode;

mod sensor;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which of the catalogue.
    pub code: FindingCode,
    /// The field it is about, by its EPCIS name.
    pub field: &'static str,
    /// What is wrong.
    pub detail: String,
}

/// All rules the event breaks.
#[must_use]
pub fn rules(event: &Event) -> Vec<Violation> {
    let mut broken = Vec::new();
    let mut say = |code, field, detail: &str| {
        broken.push(Violation {
            code,
            field,
            detail: detail.to_owned(),
        })
    };
    if event.action.is_none() && event.kind != EventType::Transformation {
        say(FindingCode::MissingField, "action", "the event has no `action`");
    }
    match event.kind {
        EventType::Object => object(event, &mut say),
        EventType::Aggregation => aggregation(event, &mut say),
        EventType::Transaction => transaction(event, &mut say),
        EventType::Transformation => transformation(event, &mut say),
        EventType::Association => association(event, &mut say),
    }
    dispositions(event, &mut say);
    sensor::sensors(event, &mut say);
    quantities(event, &mut say);
    lengths(event, &mut say);
    broken
}

/// What is looked for stands in indexes, and those of PostgreSQL have no room for long texts: 2.7 kB for all columns of an entry.
fn lengths(event: &Event, say: &mut Say<'_>) {
    let word = |term: &Option<Term>| term.as_ref().is_some_and(|term| is_long(term.as_str()));
    let id = |id: &Option<Box<str>>| id.as_deref().is_some_and(is_long);
    let persistent = event.persistent_disposition.as_ref();
    let mut terms = persistent
        .into_iter()
        .flat_map(|persistent| persistent.set.iter().chain(&persistent.unset));
    let mut corrective = event.error_declaration.iter().flat_map(|error| &error.corrective_event_ids);
    let made = [event.lot(), event.expiry()];
    let long = [
        ("eventID", id(&event.event_id)),
        ("transformationID", id(&event.transformation_id)),
        ("errorDeclaration", corrective.any(|id| is_long(id))),
        ("bizStep", word(&event.biz_step)),
        ("disposition", word(&event.disposition)),
        ("persistentDisposition", terms.any(|term| is_long(term.as_str()))),
        (
            "bizTransactionList",
            event
                .biz_transactions
                .iter()
                .any(|named| is_long(&named.id) || word(&named.kind)),
        ),
        ("ilmd", made.into_iter().flatten().any(is_long)),
    ];
    for (field, _) in long.into_iter().filter(|(_, long)| *long) {
        say(FindingCode::TooLong, field, &format!("longer than {MAX_TEXT_BYTES} bytes"));
    }
}

/// Longest text that is looked for.
pub const MAX_TEXT_BYTES: usize = 512;

/// Whether a text is longer than what is looked for may be.
#[must_use]
pub fn is_long(text: &str) -> bool {
    text.len() > MAX_TEXT_BYTES
}

type Say<'a> = dyn FnMut(FindingCode, &'static str, &str) + 'a;

fn object(event: &Event, say: &mut Say<'_>) {
    let sensed = !event.sensor_elements.is_empty() && event.read_point.is_some();
    if event.epcs.is_empty() && event.quantities.is_empty() && !sensed {
        say(
            FindingCode::MissingField,
            "epcList",
            "an object event names EPCs or quantities, or has sensor data and a read point",
        );
    }
    if !event.ilmd.is_empty() && event.action.is_some_and(|action| action != Action::Add) {
        say(
            FindingCode::UnexpectedField,
            "ilmd",
            "`ilmd` describes what is created: only with action ADD",
        );
    }
}

fn aggregation(event: &Event, say: &mut Say<'_>) {
    let no_children = event.epcs.is_empty() && event.quantities.is_empty();
    match event.action {
        Some(Action::Add | Action::Delete) if event.parent.is_none() => {
            say(
                FindingCode::InvalidAction,
                "parentID",
                "an aggregation without `parentID` can only be OBSERVE",
            );
        }
        Some(Action::Add | Action::Observe) if no_children => {
            say(
                FindingCode::InvalidAction,
                "childEPCs",
                "an aggregation without children can only be DELETE",
            );
        }
        Some(Action::Add | Action::Observe | Action::Delete) | None => {}
    }
}

fn transaction(event: &Event, say: &mut Say<'_>) {
    if event.biz_transactions.is_empty() {
        say(
            FindingCode::MissingField,
            "bizTransactionList",
            "a transaction event names at least one business transaction",
        );
    }
    let no_objects = event.epcs.is_empty() && event.quantities.is_empty() && event.parent.is_none();
    if no_objects && event.action.is_some_and(|action| action != Action::Delete) {
        say(
            FindingCode::InvalidAction,
            "epcList",
            "a transaction event without EPCs and quantities can only be DELETE",
        );
    }
}

fn transformation(event: &Event, say: &mut Say<'_>) {
    if event.transformation_id.is_some() {
        return;
    }
    if event.input_epcs.is_empty() && event.input_quantities.is_empty() {
        say(
            FindingCode::MissingField,
            "inputEPCList",
            "a transformation without `transformationID` needs inputs",
        );
    }
    if event.output_epcs.is_empty() && event.output_quantities.is_empty() {
        say(
            FindingCode::MissingField,
            "outputEPCList",
            "a transformation without `transformationID` needs outputs",
        );
    }
}

/// Test conformance requirement 54: schemas let an association without children pass.
fn association(event: &Event, say: &mut Say<'_>) {
    if event.parent.is_none() {
        say(FindingCode::MissingField, "parentID", "an association event has a `parentID`");
    }
    let no_children = event.epcs.is_empty() && event.quantities.is_empty();
    if no_children && event.action.is_some_and(|action| action != Action::Delete) {
        say(
            FindingCode::InvalidAction,
            "childEPCs",
            "an association without children can only be DELETE",
        );
    }
}

fn dispositions(event: &Event, say: &mut Say<'_>) {
    let Some(persistent) = &event.persistent_disposition else {
        return;
    };
    if persistent.set.is_empty() && persistent.unset.is_empty() {
        say(
            FindingCode::MissingField,
            "persistentDisposition",
            "neither sets nor unsets anything",
        );
    }
    if persistent.set.iter().any(|term| persistent.unset.contains(term)) {
        say(
            FindingCode::InvalidValue,
            "persistentDisposition",
            "sets and unsets the same disposition",
        );
    }
}

fn quantities(event: &Event, say: &mut Say<'_>) {
    let list = match event.kind {
        EventType::Aggregation | EventType::Association => "childQuantityList",
        EventType::Object | EventType::Transaction | EventType::Transformation => "quantityList",
    };
    let lists = [
        (list, &event.quantities),
        ("inputQuantityList", &event.input_quantities),
        ("outputQuantityList", &event.output_quantities),
    ];
    for (field, quantities) in lists {
        for quantity in quantities {
            if let Some(detail) = quantity_fault(quantity) {
                say(FindingCode::InvalidValue, field, &detail);
            }
        }
    }
}

/// Without a unit the quantity counts things; a unit is a UN/ECE Recommendation 20 code.
fn quantity_fault(quantity: &Quantity) -> Option<String> {
    let amount = quantity.quantity.as_deref();
    if amount.is_some_and(|amount| amount.starts_with('-')) {
        return Some("a quantity is not negative".to_owned());
    }
    match (&quantity.uom, amount) {
        (Some(uom), _) if !is_unit(uom) => {
            Some("`uom` is no UN/ECE Recommendation 20 code of two or three characters".to_owned())
        }
        (Some(_), None) => Some("`uom` without `quantity`".to_owned()),
        (None, Some(amount)) if amount.contains('.') => {
            Some("a fraction needs a `uom`; without one the quantity counts things".to_owned())
        }
        (Some(_) | None, _) => None,
    }
}

fn is_unit(uom: &str) -> bool {
    matches!(uom.len(), 2..=3) && uom.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Micros;

    fn codes(event: &Event) -> Vec<(FindingCode, &'static str)> {
        rules(event).into_iter().map(|broken| (broken.code, broken.field)).collect()
    }

    fn new(kind: EventType, action: Option<Action>) -> Event {
        Event::new(kind, action, Micros(0), 0)
    }

    #[test]
    fn the_table_of_action_parent_and_children() {
        let epc: crate::domain::gs1::Epc = "urn:epc:id:sgtin:0614141.107346.2017".parse().unwrap();
        let check = |kind, action, parent: bool, children: bool, expect: &[(FindingCode, &'static str)]| {
            let mut event = new(kind, Some(action));
            event.parent = parent.then(|| "urn:epc:id:sscc:0614141.1234567890".parse().unwrap());
            event.epcs = if children { vec![epc.clone()] } else { vec![] };
            assert_eq!(
                codes(&event),
                expect,
                "{kind:?} {action:?} parent {parent} children {children}"
            );
        };
        use FindingCode::{InvalidAction, MissingField};
        check(EventType::Aggregation, Action::Add, true, true, &[]);
        check(
            EventType::Aggregation,
            Action::Add,
            false,
            true,
            &[(InvalidAction, "parentID")],
        );
        check(
            EventType::Aggregation,
            Action::Add,
            true,
            false,
            &[(InvalidAction, "childEPCs")],
        );
        check(EventType::Aggregation, Action::Observe, false, true, &[]);
        check(EventType::Aggregation, Action::Delete, true, false, &[]);
        check(
            EventType::Aggregation,
            Action::Delete,
            false,
            true,
            &[(InvalidAction, "parentID")],
        );
        check(
            EventType::Association,
            Action::Observe,
            true,
            false,
            &[(InvalidAction, "childEPCs")],
        );
        check(
            EventType::Association,
            Action::Delete,
            false,
            true,
            &[(MissingField, "parentID")],
        );
        check(EventType::Object, Action::Observe, false, false, &[(MissingField, "epcList")]);
    }

    #[test]
    fn a_transformation_has_both_sides_or_an_id() {
        let mut event = new(EventType::Transformation, None);
        assert_eq!(codes(&event).len(), 2);
        event.transformation_id = Some("urn:x:1".into());
        assert_eq!(codes(&event), []);
    }

    #[test]
    fn what_is_looked_for_is_short() {
        let mut event = new(EventType::Transformation, None);
        event.transformation_id = Some("urn:x:1".into());
        event.event_id = Some("x".repeat(MAX_TEXT_BYTES).into());
        event.disposition = Some(Term("y".repeat(MAX_TEXT_BYTES).into()));
        assert_eq!(codes(&event), []);
        event.event_id = Some("x".repeat(MAX_TEXT_BYTES + 1).into());
        event.disposition = Some(Term("y".repeat(MAX_TEXT_BYTES + 1).into()));
        assert_eq!(
            codes(&event),
            [(FindingCode::TooLong, "eventID"), (FindingCode::TooLong, "disposition")]
        );
    }

    #[test]
    fn quantities_count_or_measure() {
        let check = |quantity: Option<&str>, uom: Option<&str>, good: bool| {
            let mut event = new(EventType::Object, Some(Action::Observe));
            let class = "urn:epc:idpat:sgtin:4012345.012345.*".parse().unwrap();
            event.quantities.push(Quantity {
                class,
                quantity: quantity.map(Into::into),
                uom: uom.map(Into::into),
            });
            assert_eq!(codes(&event).is_empty(), good, "{quantity:?} {uom:?}");
        };
        check(Some("5"), None, true);
        check(Some("5.5"), Some("KGM"), true);
        check(None, None, true);
        check(Some("5.5"), None, false);
        check(Some("-5"), None, false);
        check(Some("5"), Some("kilo"), false);
        check(None, Some("KGM"), false);
    }
}

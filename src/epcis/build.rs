//! From the tree of one event to the [`Event`], for both syntaxes.
//!
//! Dispatch by field name stands here; what a value means stands in `build/`. Unknown fields with a namespace are
//! extensions and kept whole; `extension` and `baseExtension` of EPCIS 1.x are wrappers without meaning of their own.

mod list;
mod node;
mod value;

pub(super) use node::{extensions, nodes};

use super::check;
use super::document::Syntax;
use super::escape::CARRIER;
use super::reading::{Reading, quoted};
use super::tree::{Kind, View};
use super::vocabulary::Vocabulary;
use crate::domain::event::{Action, Event, EventType, Quantity};
use crate::domain::finding::FindingCode;
use crate::domain::gs1::EpcClass;
use crate::domain::time::Micros;

/// Builds the event, or says in the findings why there is none.
pub(super) fn event(reading: &mut Reading<'_>, root: View<'_>, base: &str) -> Option<Event> {
    let (kind, is_quantity_event) = event_type(reading, root, base)?;
    let mut builder = Builder {
        event: Event::new(kind, None, Micros(0), 0),
        reading,
        base,
        event_time: None,
        offset: None,
        class: None,
        amount: None,
    };
    builder.members(root);
    builder.finish(root, is_quantity_event)
}

/// Whether a name is that of an event.
pub(super) fn is_event_name(name: &str) -> bool {
    type_of(name).is_some()
}

fn type_of(name: &str) -> Option<(EventType, bool)> {
    match name {
        "ObjectEvent" => Some((EventType::Object, false)),
        "QuantityEvent" => Some((EventType::Object, true)),
        "AggregationEvent" => Some((EventType::Aggregation, false)),
        "TransactionEvent" => Some((EventType::Transaction, false)),
        "TransformationEvent" => Some((EventType::Transformation, false)),
        "AssociationEvent" => Some((EventType::Association, false)),
        _ => None,
    }
}

fn event_type(reading: &mut Reading<'_>, root: View<'_>, base: &str) -> Option<(EventType, bool)> {
    let named = match reading.syntax {
        Syntax::Xml1 | Syntax::Xml2 => Some(root),
        Syntax::Json => root.get("type").or_else(|| is_a(reading, root, base)),
    };
    let Some(named) = named else {
        reading.find(FindingCode::MissingField, root, base, "the event has no `type`");
        return None;
    };
    let name = if reading.syntax == Syntax::Json {
        named.value()
    } else {
        named.local()
    };
    let found = type_of(name.strip_prefix("epcis:").unwrap_or(name));
    if found.is_none() {
        reading.find(
            FindingCode::InvalidValue,
            named,
            base,
            format!("{} is no event type", quoted(name)),
        );
    }
    found
}

/// The word for `type` of drafts of EPCIS 2.0.
pub(super) fn is_a<'t>(reading: &mut Reading<'_>, root: View<'t>, base: &str) -> Option<View<'t>> {
    let found = root.get("isA")?;
    reading.find(FindingCode::StructureCorrected, found, base, "`isA` must be `type`");
    Some(found)
}

struct Builder<'b, 'r> {
    reading: &'b mut Reading<'r>,
    base: &'b str,
    event: Event,
    event_time: Option<Micros>,
    offset: Option<i16>,
    /// `epcClass` and `quantity` of a `QuantityEvent`.
    class: Option<Box<str>>,
    amount: Option<Box<str>>,
}

impl Builder<'_, '_> {
    fn find(&mut self, code: FindingCode, view: View<'_>, detail: impl Into<String>) {
        self.reading.find(code, view, self.base, detail);
    }

    fn members(&mut self, container: View<'_>) {
        for child in container.children() {
            match child.kind() {
                Kind::Attribute | Kind::Null => {}
                Kind::Text if child.local().is_empty() => {
                    if !child.value().trim().is_empty() {
                        self.find(
                            FindingCode::Ignored,
                            child,
                            format!("text {} between elements is ignored", quoted(child.value().trim())),
                        );
                    }
                }
                Kind::Object | Kind::Array | Kind::Text | Kind::Number | Kind::Bool => self.member(child),
            }
        }
    }

    fn member(&mut self, field: View<'_>) {
        let name = field.local();
        if !self.is_standard(field) {
            return self.extension(field);
        }
        if !has_field(self.event.kind, name) {
            let detail = format!("{} does not belong to this event type", quoted(name));
            return self.find(FindingCode::UnexpectedField, field, detail);
        }
        if self.stands_already(name) {
            return self.find(FindingCode::UnexpectedField, field, "stands twice");
        }
        match name {
            "@context" | "type" | "isA" if self.reading.syntax == Syntax::Json => {}
            "extension" | "baseExtension" if self.reading.syntax != Syntax::Json => self.members(field),
            // The hub sets its own record time: an incoming one must never survive.
            "recordTime" => {}
            "eventTime" => self.event_time(field),
            "eventTimeZoneOffset" => self.offset(field),
            "action" => self.action(field),
            "eventID" => self.once(field, |event| &mut event.event_id),
            "transformationID" => self.once(field, |event| &mut event.transformation_id),
            "parentID" => self.parent(field),
            "certificationInfo" => self.certification(field),
            "errorDeclaration" => self.error_declaration(field),
            "bizStep" => self.event.biz_step = self.term(field, Vocabulary::BizStep),
            "disposition" => self.event.disposition = self.term(field, Vocabulary::Disposition),
            "persistentDisposition" => self.persistent_disposition(field),
            "readPoint" => self.event.read_point = self.location(field),
            "bizLocation" => self.event.biz_location = self.location(field),
            "epcList" | "childEPCs" => self.epcs(field, |event| &mut event.epcs),
            "inputEPCList" => self.epcs(field, |event| &mut event.input_epcs),
            "outputEPCList" => self.epcs(field, |event| &mut event.output_epcs),
            "quantityList" | "childQuantityList" => self.quantities(field, |event| &mut event.quantities),
            "inputQuantityList" => self.quantities(field, |event| &mut event.input_quantities),
            "outputQuantityList" => self.quantities(field, |event| &mut event.output_quantities),
            "bizTransactionList" => self.biz_transactions(field),
            "sourceList" => self.endpoints(field, "source", |event| &mut event.sources),
            "destinationList" => self.endpoints(field, "destination", |event| &mut event.destinations),
            "sensorElementList" => self
                .event
                .sensor_elements
                .extend(node::sensors(self.reading, field, self.base)),
            "ilmd" => self.ilmd(field),
            "epcClass" => self.class = self.uri(field),
            "quantity" => self.amount = self.decimal(field),
            _ => self.extension(field),
        }
    }

    /// Whether a field that may stand once was read before. JSON has no such thing: its reader refuses a second member.
    fn stands_already(&self, name: &str) -> bool {
        let event = &self.event;
        match name {
            "action" => event.action.is_some(),
            "bizStep" => event.biz_step.is_some(),
            "disposition" => event.disposition.is_some(),
            "persistentDisposition" => event.persistent_disposition.is_some(),
            "readPoint" => event.read_point.is_some(),
            "bizLocation" => event.biz_location.is_some(),
            "errorDeclaration" => event.error_declaration.is_some(),
            "epcClass" => self.class.is_some(),
            "quantity" => self.amount.is_some(),
            _ => false,
        }
    }

    /// Whether the name is of the standard's own namespace: none, or EPCIS's by partners who qualify everything.
    fn is_standard(&mut self, field: View<'_>) -> bool {
        if self.reading.syntax == Syntax::Json {
            return !field.local().contains(':');
        }
        if field.namespace() == 0 {
            return true;
        }
        let namespace = self.reading.namespaces.uri(field.namespace());
        // A field of 2.0 that had to stand elsewhere.
        if namespace == CARRIER {
            return true;
        }
        let qualified = namespace.starts_with("urn:epcglobal:epcis");
        if qualified && !self.reading.told_qualified {
            self.reading.told_qualified = true;
            self.find(
                FindingCode::QualifiedField,
                field,
                format!("{} must not be qualified; reported once", quoted(field.local())),
            );
        }
        qualified
    }

    fn extension(&mut self, field: View<'_>) {
        let mut found = Vec::new();
        node::nodes(self.reading, field, self.base, &mut found);
        let nameless = found.first().is_some_and(|node| node.name.namespace.is_empty());
        if nameless && self.reading.syntax == Syntax::Json && !field.local().contains(':') {
            let detail = format!("{} is no EPCIS field and has no namespace", quoted(field.local()));
            return self.find(FindingCode::UnexpectedField, field, detail);
        }
        if nameless {
            self.find(
                FindingCode::NoNamespace,
                field,
                format!("{} has no namespace; kept as an extension", quoted(field.local())),
            );
        }
        self.event.extensions.append(&mut found);
    }

    fn ilmd(&mut self, field: View<'_>) {
        for child in field.members() {
            // EPCIS 1.2 allows an `extension` wrapper inside ilmd.
            if child.local() == "extension" && child.namespace() == 0 && child.kind() == Kind::Object {
                self.ilmd(child);
            } else if child.local() != "@context" {
                node::extensions(self.reading, child, self.base, &mut self.event.ilmd);
            }
        }
    }

    fn action(&mut self, field: View<'_>) {
        let Some(text) = self.text(field) else { return };
        let action = match text.to_ascii_uppercase().as_str() {
            "ADD" => Action::Add,
            "OBSERVE" => Action::Observe,
            "DELETE" => Action::Delete,
            _ => {
                return self.find(
                    FindingCode::InvalidValue,
                    field,
                    format!("{} is none of ADD, OBSERVE, DELETE", quoted(&text)),
                );
            }
        };
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            self.find(
                FindingCode::ValueCorrected,
                field,
                format!("{} must be upper case", quoted(&text)),
            );
        }
        self.event.action = Some(action);
    }

    fn finish(mut self, root: View<'_>, is_quantity_event: bool) -> Option<Event> {
        if is_quantity_event {
            self.finish_quantity(root);
        }
        if self.event_time.is_none() && !mentions(root, "eventTime") {
            self.find(FindingCode::MissingField, root, "the event has no `eventTime`");
        }
        if self.offset.is_none() && !mentions(root, "eventTimeZoneOffset") {
            self.find(FindingCode::MissingField, root, "the event has no `eventTimeZoneOffset`");
        }
        self.event.event_time = self.event_time.unwrap_or(Micros(0));
        self.event.offset_minutes = self.offset.unwrap_or(0);
        for broken in check::rules(&self.event) {
            self.violation(root, broken);
        }
        (self.event_time.is_some() && self.offset.is_some()).then_some(self.event)
    }

    fn violation(&mut self, root: View<'_>, broken: check::Violation) {
        let place = find_field(root, broken.field);
        // A list holds what was found wrong already; these hold what the rule is about.
        let whole = matches!(broken.field, "sensorElementList" | "persistentDisposition");
        let present = place.filter(|_| broken.code == FindingCode::MissingField && !whole);
        match present {
            // What stands in it was found wrong already.
            Some(field) if field.text().map_or(!field.items().is_empty(), |text| !text.trim().is_empty()) => {}
            // The 1.2 schema demands the element and lets it be empty.
            Some(field) if broken.field == "epcList" => self.find(FindingCode::EmptyValue, field, broken.detail),
            Some(_) | None => self.find(broken.code, place.unwrap_or(root), broken.detail),
        }
    }

    /// A 1.x `QuantityEvent` is an object event that saw a quantity.
    fn finish_quantity(&mut self, root: View<'_>) {
        self.event.action = Some(Action::Observe);
        let Some(class) = self.class.take() else {
            return self.find(FindingCode::MissingField, root, "the event has no `epcClass`");
        };
        let known = match class.parse() {
            Ok(class) => Some(class),
            Err(error) => {
                let code = self.gs1_error(root, &class, &error);
                self.opaque(code, root, EpcClass::opaque(&class))
            }
        };
        let quantity = self.amount.take();
        self.event.quantities.extend(known.map(|class| Quantity {
            class,
            quantity,
            uom: None,
        }));
    }
}

/// Which fields only some types have (EPCIS 2.0 clause 7.4). Everything not named here is common, or nobody's.
fn has_field(kind: EventType, name: &str) -> bool {
    use EventType::{Aggregation, Association, Object, Transaction, Transformation};
    match name {
        "epcList" | "quantityList" => matches!(kind, Object | Transaction),
        "childEPCs" | "childQuantityList" => matches!(kind, Aggregation | Association),
        "parentID" => matches!(kind, Aggregation | Association | Transaction),
        "inputEPCList" | "inputQuantityList" | "outputEPCList" | "outputQuantityList" | "transformationID" => {
            kind == Transformation
        }
        "action" => kind != Transformation,
        "ilmd" => matches!(kind, Object | Transformation),
        "epcClass" | "quantity" => kind == Object,
        _ => true,
    }
}

/// Whether the field is there, however it is spelt inside.
fn mentions(root: View<'_>, name: &str) -> bool {
    find_field(root, name).is_some()
}

fn find_field<'t>(container: View<'t>, name: &str) -> Option<View<'t>> {
    container.members().find_map(|child| {
        if child.local() == name {
            return Some(child);
        }
        let wrapper = matches!(child.local(), "extension" | "baseExtension") && child.kind() == Kind::Object;
        if wrapper { find_field(child, name) } else { None }
    })
}

//! Holds events and documents of EPCIS 2.0.0 JSON against what the JSON Schema of the standard says, formats included.
//!
//! The shapes are those of the schema's definitions. Objects whose names are not closed take any further name that is a URI
//! (`prefix:name` is one); extensions themselves are not looked into.

use std::collections::HashSet;

use super::super::reading::{Reading, quoted};
use super::super::tree::{Kind, View};
use super::super::vocabulary::measurement;
use super::{datatype, uri};
use crate::domain::finding::{Finding, FindingCode};
use shape::{COMMON, DOCUMENT, Members, Names, QUERY_DOCUMENT, Shape, own};

mod shape;

/// Holds an event against its schema.
pub(in crate::epcis) fn event(reading: &mut Reading<'_>, root: View<'_>, base: &str) {
    let Some(kind) = root.get("type") else {
        return no_type(reading, root, base);
    };
    let Some((properties, required)) = own(kind.value()) else {
        if !uri::is_uri(kind.value()) {
            reading.find(
                FindingCode::SchemaValue,
                kind,
                base,
                format!("{} is no event type", quoted(kind.value())),
            );
        }
        return;
    };
    for member in root.members() {
        let name = member.local();
        let found = properties.iter().chain(COMMON).find(|(known, _)| *known == name);
        match found {
            Some((_, shape)) => value(reading, member, base, *shape),
            None => unknown(reading, member, base, Names::Uri),
        }
    }
    for name in ["eventTime", "eventTimeZoneOffset"].iter().chain(required) {
        missing(reading, root, base, name);
    }
    combination(reading, root, base, kind.value());
}

/// A document or event that does not say what it is.
fn no_type(reading: &mut Reading<'_>, root: View<'_>, base: &str) {
    match root.get("isA") {
        Some(draft) => reading.find(FindingCode::SchemaUnknown, draft, base, "`isA` must be `type`"),
        None => reading.find(FindingCode::SchemaMissing, root, base, "the schema asks for `type`"),
    }
}

/// What must stand together, by type (the `anyOf` of each type's definition).
fn combination(reading: &mut Reading<'_>, root: View<'_>, base: &str, kind: &str) {
    let has = |name: &str, least: usize| {
        let list = root.get(name).filter(|list| list.kind() == Kind::Array);
        list.is_some_and(|list| list.children().take(least.max(1)).count() >= least)
    };
    let delete = root.get("action").is_some_and(|action| action.value() == "DELETE") || root.get("action").is_none();
    let good = match kind {
        "ObjectEvent" => {
            has("epcList", 0) || has("quantityList", 1) || has("sensorElementList", 1) && root.get("readPoint").is_some()
        }
        "TransactionEvent" => delete || has("epcList", 0) || has("quantityList", 1),
        "AggregationEvent" | "AssociationEvent" => delete || has("childEPCs", 1) || has("childQuantityList", 1),
        "TransformationEvent" => {
            let input = has("inputEPCList", 1) || has("inputQuantityList", 1);
            let output = has("outputEPCList", 1) || has("outputQuantityList", 1);
            input && output || root.get("transformationID").is_some() && (input || output)
        }
        _ => true,
    };
    if !good {
        reading.find(
            FindingCode::SchemaMissing,
            root,
            base,
            "the schema asks for a list of what the event is about",
        );
    }
    let description = root.get("ilmd").filter(|_| kind == "ObjectEvent");
    let add = root.get("action").is_none_or(|action| action.value() == "ADD");
    if let Some(description) = description.filter(|_| !add) {
        reading.find(
            FindingCode::SchemaUnknown,
            description,
            base,
            "the schema has `ilmd` only with action ADD",
        );
    }
}

/// What of a body was met, by the names of the schema.
#[derive(Debug, Default)]
pub(in crate::epcis) struct Body {
    pub(in crate::epcis) event_list: bool,
    pub(in crate::epcis) query_results: bool,
    pub(in crate::epcis) query_name: bool,
    pub(in crate::epcis) results_body: bool,
    pub(in crate::epcis) result_list: bool,
}

/// Holds all of a document but its events against its schema.
pub(in crate::epcis) fn document(reading: &mut Reading<'_>, root: View<'_>, body: Option<&Body>) {
    let Some(kind) = root.get("type") else {
        return no_type(reading, root, "");
    };
    let query = kind.value() == "EPCISQueryDocument";
    let declared = if query { &QUERY_DOCUMENT } else { &DOCUMENT };
    members(reading, root, "", declared);
    let Some(body) = body else { return };
    let asked = if query {
        [
            ("queryResults", body.query_results),
            ("queryName", body.query_name),
            ("resultsBody", body.results_body),
            ("eventList", body.result_list),
        ]
    } else {
        [("eventList", body.event_list), ("", true), ("", true), ("", true)]
    };
    if let Some((name, _)) = asked.into_iter().find(|(_, found)| !found) {
        let detail = format!("the schema asks for `{name}` inside");
        reading
            .findings
            .push(Finding::new(FindingCode::SchemaMissing, "/epcisBody", detail));
    }
}

fn members(reading: &mut Reading<'_>, object: View<'_>, base: &str, declared: &'static Members) {
    for member in object.members() {
        let found = declared.properties.iter().find(|(known, _)| *known == member.local());
        match found {
            Some((_, shape)) => value(reading, member, base, *shape),
            None => unknown(reading, member, base, declared.names),
        }
    }
    for name in declared.required {
        missing(reading, object, base, name);
    }
}

fn unknown(reading: &mut Reading<'_>, member: View<'_>, base: &str, names: Names) {
    let good = match names {
        Names::Any => true,
        Names::Uri => uri::is_uri(member.local()),
        Names::None => false,
    };
    if !good {
        let detail = format!("the schema has no member {} here", quoted(member.local()));
        reading.find(FindingCode::SchemaUnknown, member, base, detail);
    }
}

fn missing(reading: &mut Reading<'_>, object: View<'_>, base: &str, name: &str) {
    if object.get(name).is_none() {
        reading.find(
            FindingCode::SchemaMissing,
            object,
            base,
            format!("the schema asks for `{name}`"),
        );
    }
}

fn value(reading: &mut Reading<'_>, view: View<'_>, base: &str, shape: Shape) {
    let kind = match shape {
        Shape::Any => return,
        Shape::Number => Kind::Number,
        Shape::Boolean => Kind::Bool,
        Shape::List(..) => Kind::Array,
        Shape::Object(_) => Kind::Object,
        Shape::Context | Shape::Uris if view.kind() == Kind::Array => Kind::Array,
        Shape::Context if view.kind() == Kind::Object => Kind::Object,
        Shape::Text
        | Shape::Uri
        | Shape::Time
        | Shape::HexBinary
        | Shape::Offset
        | Shape::Unit
        | Shape::Version
        | Shape::Action
        | Shape::Term(_)
        | Shape::Measurement
        | Shape::Alert
        | Shape::Context
        | Shape::Uris => Kind::Text,
    };
    if view.kind() != kind {
        return reading.find(FindingCode::SchemaKind, view, base, format!("must be {}", word(kind)));
    }
    match shape {
        Shape::Object(declared) => members(reading, view, base, declared),
        Shape::List(item, least, distinct) => list(reading, view, base, item, least, distinct),
        Shape::Uris if kind == Kind::Array => view.children().for_each(|item| value(reading, item, base, Shape::Uri)),
        Shape::Context if kind == Kind::Array => context(reading, view, base),
        Shape::Context if kind == Kind::Object => {}
        Shape::Any | Shape::Number | Shape::Boolean | Shape::Text => {}
        Shape::Uri
        | Shape::Time
        | Shape::HexBinary
        | Shape::Offset
        | Shape::Unit
        | Shape::Version
        | Shape::Action
        | Shape::Term(_)
        | Shape::Measurement
        | Shape::Alert
        | Shape::Context
        | Shape::Uris => {
            if let Some(expected) = mismatch(shape, view.value()) {
                reading.find(
                    FindingCode::SchemaValue,
                    view,
                    base,
                    format!("{} is no {expected}", quoted(view.value())),
                );
            }
        }
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::Text | Kind::Attribute => "a string",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
        Kind::Null => "null",
    }
}

fn list(reading: &mut Reading<'_>, view: View<'_>, base: &str, item: &'static Shape, least: usize, distinct: bool) {
    let (mut count, mut seen, mut twice) = (0, HashSet::new(), false);
    for child in view.children() {
        count += 1;
        value(reading, child, base, *item);
        twice |= distinct && child.kind() == Kind::Text && !seen.insert(child.value());
    }
    if count < least {
        reading.find(
            FindingCode::SchemaEmptyList,
            view,
            base,
            "the schema asks for at least one item",
        );
    }
    if twice {
        reading.find(FindingCode::SchemaRepeated, view, base, "the schema allows each item once");
    }
}

fn context(reading: &mut Reading<'_>, view: View<'_>, base: &str) {
    let (mut seen, mut twice) = (HashSet::new(), false);
    for child in view.children() {
        value(reading, child, base, Shape::Context);
        twice |= child.kind() == Kind::Text && !seen.insert(child.value());
    }
    if twice {
        reading.find(FindingCode::SchemaRepeated, view, base, "the schema allows each item once");
    }
}

/// What the text of a value should be and is not.
fn mismatch(shape: Shape, text: &str) -> Option<&'static str> {
    let foreign = |starts: &[&str]| uri::is_uri(text) && !starts.iter().any(|start| text.starts_with(start));
    let (good, expected) = match shape {
        Shape::Uri | Shape::Context | Shape::Uris => (uri::is_uri(text), "URI"),
        Shape::Time => (datatype::rfc3339(text), "time of RFC 3339 with its zone"),
        Shape::HexBinary => (
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "text of hexadecimal digits",
        ),
        Shape::Offset => (offset(text), "offset such as +01:00"),
        Shape::Unit => (
            matches!(text.len(), 2..=3) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            "unit of two or three capital letters and digits",
        ),
        Shape::Version => (version(text), "version such as 2.0"),
        Shape::Action => (matches!(text, "ADD" | "OBSERVE" | "DELETE"), "ADD, OBSERVE or DELETE"),
        Shape::Term(vocabulary) => (
            vocabulary.terms().contains(&text)
                || foreign(&["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"]),
            "bare term of CBV 2.0, and no URI of another vocabulary",
        ),
        Shape::Measurement => (
            measurement::is_bare(text) || foreign(VOC),
            "measurement type of GS1, and no URI of another vocabulary",
        ),
        Shape::Alert => (
            matches!(text, "ALARM_CONDITION" | "ERROR_CONDITION") || foreign(VOC),
            "alert type of GS1, and no URI of another vocabulary",
        ),
        Shape::Any | Shape::Text | Shape::Number | Shape::Boolean | Shape::List(..) | Shape::Object(_) => (true, ""),
    };
    (!good).then_some(expected)
}

/// GS1's own web vocabulary, whose types are sent bare.
const VOC: &[&str] = &[
    "http://gs1.org/voc/",
    "https://gs1.org/voc/",
    "http://www.gs1.org/voc/",
    "https://www.gs1.org/voc/",
];

fn offset(text: &str) -> bool {
    let bytes = text.as_bytes();
    let &[b'+' | b'-', h1, h2, b':', m1, m2] = bytes else {
        return false;
    };
    let hours = h1.is_ascii_digit() && h2.is_ascii_digit() && (h1 == b'0' || h1 == b'1' && h2 <= b'3');
    hours && (b'0'..=b'5').contains(&m1) && m2.is_ascii_digit() || &text[1..] == "14:00"
}

fn version(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

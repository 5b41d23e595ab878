//! From a tree to [`Node`]s: extensions, ILMD and sensors, kept whole.
//!
//! White space between elements is dropped, text beside elements is not. A JSON array becomes its elements, repeated
//! under one name; arrays in arrays are joined.

use super::super::decimal::{decimal, is_json_number};
use super::super::document::Syntax;
use super::super::escape;
use super::super::format::SCHEMA_INSTANCE;
use super::super::reading::{Reading, quoted};
use super::super::tree::{Kind, View};
use crate::domain::event::{Content, MixedPart, Name, Node};
use crate::domain::finding::FindingCode;

/// Adds the node or nodes of one element or member.
pub(in crate::epcis) fn nodes(reading: &mut Reading<'_>, view: View<'_>, base: &str, out: &mut Vec<Node>) {
    match reading.syntax {
        Syntax::Xml1 | Syntax::Xml2 => out.push(xml_node(reading, view)),
        Syntax::Json => {
            if let Some(name) = json_name(reading, view, base) {
                json_nodes(reading, view, base, &name, out);
            }
        }
    }
}

/// The same where only names with a namespace belong: one without is kept, and noticed.
pub(in crate::epcis) fn extensions(reading: &mut Reading<'_>, view: View<'_>, base: &str, out: &mut Vec<Node>) {
    let before = out.len();
    nodes(reading, view, base, out);
    let nameless = out.get(before).is_some_and(|node| node.name.namespace.is_empty());
    // A keyword of JSON-LD is no name.
    if nameless && !view.local().starts_with('@') {
        let detail = format!("{} has no namespace; kept as an extension", quoted(view.local()));
        reading.find(FindingCode::NoNamespace, view, base, detail);
    }
}

/// `sensorElementList`: fields of metadata and reports are child nodes, whichever syntax they came in.
pub(super) fn sensors(reading: &mut Reading<'_>, field: View<'_>, base: &str) -> Vec<Node> {
    let mut found = Vec::new();
    for item in field.items() {
        match reading.syntax {
            Syntax::Xml1 | Syntax::Xml2 => found.push(without_markers(sensor_element(xml_node(reading, item)), true)),
            Syntax::Json => {
                let reports = item.get("sensorReport").map_or_else(Vec::new, View::items);
                // The standard's text is content with an exception; its JSON schema is not.
                for report in reports
                    .iter()
                    .filter(|report| report.get("type").is_none() && report.get("exception").is_some())
                {
                    reading.find(
                        FindingCode::SensorData,
                        *report,
                        base,
                        "has no `type`, which the JSON schema asks for",
                    );
                }
                let name = Name {
                    namespace: "".into(),
                    local: "sensorElement".into(),
                    prefix: "".into(),
                };
                let mut read = Vec::new();
                json_nodes(reading, item, base, &name, &mut read);
                found.extend(read.into_iter().map(|element| without_markers(element, false)));
            }
        }
    }
    found
}

/// Takes out what stood only because a schema demands it; with `reports`, whole reports.
fn without_markers(mut element: Node, reports: bool) -> Node {
    let is_marker =
        |field: &Node| &*field.name.local == "type" && field.name.namespace.is_empty() && field.text() == Some(escape::NONE);
    if let Content::Nodes(parts) = &mut element.content {
        parts.retain_mut(|part| {
            let Content::Nodes(fields) = &mut part.content else {
                return true;
            };
            let marked = fields.iter().any(is_marker);
            fields.retain(|field| !is_marker(field));
            let empty = fields.is_empty();
            if empty && marked {
                part.content = Content::Empty;
            }
            !(empty && marked && reports)
        });
    }
    element
}

fn xml_name(reading: &Reading<'_>, view: View<'_>) -> Name {
    Name {
        namespace: reading.namespaces.uri(view.namespace()).into(),
        local: escape::from_xml_name(view.local()).into(),
        prefix: view.prefix().into(),
    }
}

fn xml_node(reading: &Reading<'_>, view: View<'_>) -> Node {
    let attributes = view.children().filter(|child| child.kind() == Kind::Attribute);
    let attributes = attributes
        .map(|child| (xml_name(reading, child), escape::from_xml_text(child.value()).into()))
        .collect();
    Node {
        name: xml_name(reading, view),
        attributes,
        content: xml_content(reading, view),
    }
}

fn xml_content(reading: &Reading<'_>, view: View<'_>) -> Content {
    if let Some(text) = view.text() {
        return if text.is_empty() {
            Content::Empty
        } else {
            Content::Text(escape::from_xml_text(&text).into())
        };
    }
    let inside = || view.children().filter(|child| child.kind() != Kind::Attribute);
    let blank = |child: &View<'_>| child.kind() == Kind::Text && child.value().trim().is_empty();
    if inside().all(|child| child.kind() != Kind::Text || blank(&child)) {
        return Content::Nodes(
            inside()
                .filter(|child| child.kind() != Kind::Text)
                .map(|child| xml_node(reading, child))
                .collect(),
        );
    }
    let parts = inside().map(|child| match child.kind() {
        Kind::Text => MixedPart::Text(escape::from_xml_text(child.value()).into()),
        Kind::Object | Kind::Array | Kind::Attribute | Kind::Number | Kind::Bool | Kind::Null => {
            MixedPart::Node(xml_node(reading, child))
        }
    });
    Content::Mixed(parts.collect())
}

fn json_name(reading: &mut Reading<'_>, view: View<'_>, base: &str) -> Option<Name> {
    let prefix = match reading.contexts.name(view) {
        Ok(name) => return Some(name),
        Err(prefix) => prefix,
    };
    let Some((name, first)) = reading.contexts.foreign_name(view) else {
        let detail = format!("nothing declares the prefix {}", quoted(&prefix));
        reading.find(FindingCode::UndeclaredPrefix, view, base, detail);
        return None;
    };
    if first {
        let detail = format!(
            "the prefix {} is of a context that is not fetched; its names are kept under {}",
            quoted(&prefix),
            quoted(&name.namespace)
        );
        reading.find(FindingCode::ForeignContext, view, base, detail);
    }
    Some(name)
}

fn json_nodes(reading: &mut Reading<'_>, view: View<'_>, base: &str, name: &Name, out: &mut Vec<Node>) {
    if view.kind() == Kind::Array {
        for item in view.children() {
            json_nodes(reading, item, base, name, out);
        }
        return;
    }
    let mut attributes = Vec::new();
    let content = match view.kind() {
        Kind::Text | Kind::Attribute if view.value().is_empty() => Content::Empty,
        Kind::Text | Kind::Attribute => Content::Text(view.value().into()),
        Kind::Number => Content::Number(view.value().into()),
        Kind::Bool => Content::Bool(view.value() == "true"),
        Kind::Null | Kind::Array => Content::Empty,
        Kind::Object => json_object(reading, view, base, &mut attributes),
    };
    out.push(Node {
        name: name.clone(),
        attributes,
        content,
    });
}

fn json_object(reading: &mut Reading<'_>, view: View<'_>, base: &str, attributes: &mut Vec<(Name, Box<str>)>) -> Content {
    let mut inside = Vec::new();
    let (mut own_text, mut mixed) = (None, None);
    for member in view.children() {
        let key = member.local();
        if key == "@context" {
            continue;
        }
        // How the text of an element with attributes or children is spelt in JSON.
        if key == "#text" && member.kind() == Kind::Text {
            own_text = Some(MixedPart::Text(member.value().into()));
            continue;
        }
        if key == "#mixed" && member.kind() == Kind::Array {
            mixed = Some(json_mixed(reading, member, base));
            continue;
        }
        if key.starts_with('@') && member.kind() == Kind::Text {
            attributes.push((
                Name {
                    namespace: "".into(),
                    local: key.into(),
                    prefix: "".into(),
                },
                member.value().into(),
            ));
        } else if let Some(name) = json_name(reading, member, base) {
            json_nodes(reading, member, base, &name, &mut inside);
        }
    }
    if let Some(mut parts) = mixed {
        // What stands beside it were attributes.
        parts.extend(inside.into_iter().map(MixedPart::Node));
        return Content::Mixed(parts);
    }
    match own_text {
        Some(text) => Content::Mixed(std::iter::once(text).chain(inside.into_iter().map(MixedPart::Node)).collect()),
        None if inside.is_empty() => Content::Empty,
        None => Content::Nodes(inside),
    }
}

/// Text between elements, as the hub prints it.
fn json_mixed(reading: &mut Reading<'_>, list: View<'_>, base: &str) -> Vec<MixedPart> {
    let mut parts = Vec::new();
    for item in list.children() {
        if item.kind() == Kind::Text {
            parts.push(MixedPart::Text(item.value().into()));
            continue;
        }
        for member in item.members() {
            let mut inside = Vec::new();
            nodes(reading, member, base, &mut inside);
            parts.extend(inside.into_iter().map(MixedPart::Node));
        }
    }
    parts
}

/// Turns the attributes of XML metadata and reports into the child nodes they are in JSON.
fn sensor_element(mut element: Node) -> Node {
    let Content::Nodes(parts) = &mut element.content else {
        return element;
    };
    for part in parts
        .iter_mut()
        .filter(|part| matches!(&*part.name.local, "sensorMetadata" | "sensorReport"))
    {
        let (schema, fields): (Vec<_>, Vec<_>) = std::mem::take(&mut part.attributes)
            .into_iter()
            .partition(|(name, _)| is_schema_instance(name));
        part.attributes = schema;
        let mut inside: Vec<Node> = fields.into_iter().map(|(name, value)| sensor_field(name, &value)).collect();
        match std::mem::take(&mut part.content) {
            Content::Nodes(more) => inside.extend(more),
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_) => {}
        }
        part.content = if inside.is_empty() {
            Content::Empty
        } else {
            Content::Nodes(inside)
        };
    }
    element
}

fn sensor_field(name: Name, value: &str) -> Node {
    let content = match &*name.local {
        "value" | "minValue" | "maxValue" | "meanValue" | "sDev" | "percRank" | "percValue" if is_json_number(value) => {
            Content::Number(value.into())
        }
        "value" | "minValue" | "maxValue" | "meanValue" | "sDev" | "percRank" | "percValue" => {
            decimal(value).map_or(Content::Text(value.into()), |number| Content::Number(number.into()))
        }
        "booleanValue" if matches!(value, "true" | "1") => Content::Bool(true),
        "booleanValue" if matches!(value, "false" | "0") => Content::Bool(false),
        _ => Content::Text(value.into()),
    };
    Node {
        name,
        attributes: Vec::new(),
        content,
    }
}

fn is_schema_instance(name: &Name) -> bool {
    &*name.namespace == SCHEMA_INSTANCE
}

//! Extensions, ILMD and sensors in the event hash.

use std::borrow::Cow;

use super::super::decimal::decimal;
use super::super::format::SCHEMA_INSTANCE;
use super::super::vocabulary::Vocabulary;
use super::super::vocabulary::measurement::{METADATA_FIELDS, REPORT_FIELDS};
use super::{milliseconds, push_sorted};
use crate::domain::event::{Content, MixedPart, Name, Node};
use crate::domain::gs1::{Epc, EpcClass, Scheme};
use crate::domain::time::Micros;

/// Nodes of one level, sorted.
pub(super) fn all(nodes: &[Node]) -> String {
    let mut text = String::new();
    push_sorted(nodes.iter().filter_map(one), &mut text);
    text
}

/// `{namespace}local=value` and what is inside; `None` for a comment.
pub(super) fn one(node: &Node) -> Option<String> {
    if is_comment(&node.name) {
        return None;
    }
    let mut text = name(&node.name);
    let value = own_text(node);
    if !value.trim().is_empty() {
        text.push('=');
        text.push_str(&canonical(&value));
    }
    let attributes = node.attributes.iter().filter(|(name, _)| &*name.namespace != SCHEMA_INSTANCE);
    let mut inside: Vec<String> = attributes
        .map(|(attribute, value)| format!("{}={}", name(attribute), canonical(value)))
        .collect();
    inside.extend(children(node).filter_map(one));
    push_sorted(inside.into_iter(), &mut text);
    Some(text)
}

fn is_comment(name: &Name) -> bool {
    &*name.local == "comment" && matches!(&*name.namespace, "" | "http://www.w3.org/2000/01/rdf-schema#")
}

fn name(name: &Name) -> String {
    if name.namespace.is_empty() {
        name.local.to_string()
    } else {
        format!("{{{}}}{}", name.namespace, name.local)
    }
}

fn own_text(node: &Node) -> Cow<'_, str> {
    match &node.content {
        Content::Empty | Content::Nodes(_) => Cow::Borrowed(""),
        Content::Text(text) | Content::Number(text) => Cow::Borrowed(text),
        Content::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        // The text before the first element is the element's; text between elements is formatting.
        Content::Mixed(parts) => match parts.first() {
            Some(MixedPart::Text(text)) => Cow::Borrowed(text),
            Some(MixedPart::Node(_)) | None => Cow::Borrowed(""),
        },
    }
}

fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let (nodes, parts): (&[Node], &[MixedPart]) = match &node.content {
        Content::Nodes(nodes) => (nodes, &[]),
        Content::Mixed(parts) => (&[], parts),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => (&[], &[]),
    };
    nodes.iter().chain(parts.iter().filter_map(|part| match part {
        MixedPart::Node(node) => Some(node),
        MixedPart::Text(_) => None,
    }))
}

/// One value in its canonical spelling: Web vocabulary, GS1 Digital Link, number without needless zeros.
pub(super) fn canonical(text: &str) -> String {
    let text = text.trim();
    if let Some(number) = decimal(text) {
        return number;
    }
    for vocabulary in [
        Vocabulary::BizStep,
        Vocabulary::Disposition,
        Vocabulary::BizTransactionType,
        Vocabulary::SourceDestType,
        Vocabulary::ErrorReason,
    ] {
        let term = vocabulary.read(text).term;
        if text.starts_with("urn:epcglobal:cbv:") && term.as_str() != text {
            return vocabulary.web_uri(term.as_str());
        }
    }
    if let Some(local) = text.strip_prefix("gs1:") {
        return format!("{GS1_VOC}{local}");
    }
    if let Some(local) = text.strip_prefix("cbv:") {
        return format!("https://ref.gs1.org/cbv/{local}");
    }
    identifier(text).unwrap_or_else(|| text.to_owned())
}

const GS1_VOC: &str = "https://gs1.org/voc/";

/// The canonical Digital Link of a GS1 key, in whichever of its spellings; `None` for anything else.
fn identifier(text: &str) -> Option<String> {
    if text.starts_with("urn:epc:class:") || text.starts_with("urn:epc:idpat:") {
        return text.parse::<EpcClass>().ok().map(|class| class.canonical().to_owned());
    }
    if !text.starts_with("urn:epc:") && !text.starts_with("http") {
        return None;
    }
    let epc = text.parse::<Epc>().ok().filter(|epc| epc.scheme() != Scheme::Uri);
    epc.map(|epc| epc.canonical().to_owned())
        .or_else(|| text.parse::<EpcClass>().ok().map(|class| class.canonical().to_owned()))
}

/// One `sensorElement`: metadata, reports sorted, then its own extensions.
pub(super) fn sensor_element(element: &Node) -> String {
    let mut text = "sensorElement".to_owned();
    push_sorted(
        parts(element, "sensorMetadata").map(|part| sensor_part("sensorMetadata", METADATA_FIELDS, part)),
        &mut text,
    );
    push_sorted(
        parts(element, "sensorReport").map(|part| sensor_part("sensorReport", REPORT_FIELDS, part)),
        &mut text,
    );
    let extensions = children(element).filter(|part| !matches!(&*part.name.local, "sensorMetadata" | "sensorReport"));
    push_sorted(extensions.filter_map(one), &mut text);
    text
}

fn parts<'a>(node: &'a Node, local: &'static str) -> impl Iterator<Item = &'a Node> {
    children(node).filter(move |part| part.name.namespace.is_empty() && &*part.name.local == local)
}

fn sensor_part(name: &str, order: &'static [&'static str], part: &Node) -> String {
    let mut text = String::new();
    for field in order {
        push_sorted(
            parts(part, field).map(|value| format!("{field}={}", sensor_value(field, &own_text(value)))),
            &mut text,
        );
    }
    let known = |node: &Node| node.name.namespace.is_empty() && order.contains(&&*node.name.local);
    push_sorted(children(part).filter(|child| !known(child)).filter_map(one), &mut text);
    if text.is_empty() { text } else { format!("{name}{text}") }
}

fn sensor_value(field: &str, value: &str) -> String {
    let value = value.trim();
    match field {
        "time" | "startTime" | "endTime" => Micros::parse(value).map_or_else(|_| value.to_owned(), milliseconds),
        "type" | "exception" if !value.contains(':') => format!("{GS1_VOC}{value}"),
        "component" if !value.contains(':') => Vocabulary::Component.web_uri(value),
        _ => canonical(value),
    }
}

//! Extension fields by name, and what their values are compared with.
//!
//! A field is found by its namespace and local name. A prefix that nobody declared stands for the prefix the field came
//! with, because that is what its sender and the answers call it.

use std::cmp::Ordering;

use crate::domain::event::{Content, MixedPart, Name, Node};
use crate::domain::time::Micros;

/// The name of an extension field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldName {
    /// Its namespace is known.
    Qualified {
        /// Without `#`, `/` or `:` at the end, in which contexts differ.
        namespace: Box<str>,
        /// Local name.
        local: Box<str>,
    },
    /// Only a prefix is known.
    Prefixed {
        /// As captured.
        prefix: Box<str>,
        /// Local name.
        local: Box<str>,
    },
}

impl FieldName {
    /// With a namespace, in whichever way its end is spelt.
    #[must_use]
    pub fn qualified(namespace: &str, local: &str) -> Self {
        Self::Qualified {
            namespace: stem(namespace).into(),
            local: local.into(),
        }
    }

    /// Whether this is the name.
    #[must_use]
    pub fn is(&self, name: &Name) -> bool {
        match self {
            Self::Qualified { namespace, local } => *name.local == **local && stem(&name.namespace) == &**namespace,
            Self::Prefixed { prefix, local } => *name.local == **local && *name.prefix == **prefix,
        }
    }
}

fn stem(namespace: &str) -> &str {
    namespace.trim_end_matches(['#', '/', ':'])
}

/// Which way a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `GT_`
    Greater,
    /// `GE_`
    GreaterOrEqual,
    /// `LT_`
    Less,
    /// `LE_`
    LessOrEqual,
}

impl Compare {
    /// Whether a value that lies so to the bound passes.
    #[must_use]
    pub const fn allows(self, lies: Ordering) -> bool {
        match self {
            Self::Greater => lies.is_gt(),
            Self::GreaterOrEqual => lies.is_ge(),
            Self::Less => lies.is_lt(),
            Self::LessOrEqual => lies.is_le(),
        }
    }
}

/// A value that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Equal by its characters; a number or a time of the event by its worth.
    Text(Box<str>),
    /// A number.
    Number(f64),
    /// A time or a date: the date is its first moment in UTC.
    Time(Micros),
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// Is there.
    Exists,
    /// Has one of these values.
    In(Vec<Value>),
    /// Lies so to a number or time; what is neither does not lie at all.
    Against(Compare, Value),
    /// Has one of these attributes.
    HasAttribute(Vec<Box<str>>),
    /// Has this attribute with one of these values.
    Attribute(Box<str>, Vec<Box<str>>),
}

impl FieldTest {
    /// Whether a node passes.
    #[must_use]
    pub fn passes(&self, node: &Node) -> bool {
        match self {
            Self::Exists => true,
            Self::In(values) => values.iter().any(|value| equals(node, value)),
            Self::Against(compare, value) => {
                text(node).is_some_and(|text| lies(text, value).is_some_and(|lies| compare.allows(lies)))
            }
            Self::HasAttribute(names) => node
                .attributes
                .iter()
                .any(|(name, _)| names.iter().any(|wanted| names_attribute(name, wanted))),
            Self::Attribute(wanted, values) => node
                .attributes
                .iter()
                .any(|(name, value)| names_attribute(name, wanted) && values.iter().any(|wanted| **wanted == *value.trim())),
        }
    }
}

/// By local name, by `prefix:name`, or in full.
fn names_attribute(name: &Name, wanted: &str) -> bool {
    // What came in JSON as `@unit` came in XML as `unit`.
    let local = name.local.trim_start_matches('@');
    if local == wanted.trim_start_matches('@') {
        return true;
    }
    let Some(before) = wanted.strip_suffix(local) else {
        return false;
    };
    before.strip_suffix(':').is_some_and(|prefix| *prefix == *name.prefix)
        || (!name.namespace.is_empty() && stem(before) == stem(&name.namespace))
}

/// The text of a node that holds nothing else, without white space around it.
fn text(node: &Node) -> Option<&str> {
    let own = match &node.content {
        // Text of an element that has attributes too came in parts.
        Content::Mixed(parts) => parts.first().filter(|_| parts.len() == 1).and_then(MixedPart::text),
        Content::Empty => Some(""),
        Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Nodes(_) => node.text(),
    };
    own.map(str::trim)
}

fn equals(node: &Node, value: &Value) -> bool {
    let Some(text) = text(node) else { return false };
    match value {
        // `007` is not `7`, unless it was sent as a number.
        Value::Text(wanted) if matches!(node.content, Content::Number(_)) => {
            wanted.parse::<f64>().is_ok_and(|wanted| number(text) == Some(wanted))
        }
        Value::Text(wanted) => text == &**wanted || moment(text).is_some_and(|at| moment(wanted) == Some(at)),
        Value::Number(_) | Value::Time(_) => lies(text, value) == Some(Ordering::Equal),
    }
}

/// How the value of an event lies to the one that is asked for.
fn lies(text: &str, value: &Value) -> Option<Ordering> {
    match value {
        Value::Number(bound) => number(text)?.partial_cmp(bound),
        Value::Time(bound) => Some(time(text)?.cmp(bound)),
        Value::Text(bound) => Some(text.cmp(bound)),
    }
}

/// A decimal; neither `inf` nor `NaN` is one.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

fn moment(text: &str) -> Option<Micros> {
    // Only what is written as a moment: `2026-01-01` and a lot `2026-01-01` are the same text anyway.
    text.contains('T').then(|| Micros::parse(text).ok()).flatten()
}

/// A time of RFC 3339, or a date as its first moment in UTC.
#[must_use]
pub fn time(text: &str) -> Option<Micros> {
    let text = text.trim();
    if text.len() == 10 {
        return Micros::parse(&format!("{text}T00:00:00Z")).ok();
    }
    Micros::parse(text).ok()
}

/// The fields directly in `nodes`, or (`inner`) anywhere below them, that have this name.
pub fn find<'a>(nodes: &'a [Node], name: &FieldName, inner: bool) -> Vec<&'a Node> {
    if !inner {
        return nodes.iter().filter(|node| name.is(&node.name)).collect();
    }
    let mut found = Vec::new();
    let mut open: Vec<&Node> = nodes.iter().filter(|node| !is_sensor_part(node)).flat_map(children).collect();
    while let Some(node) = open.pop() {
        if name.is(&node.name) {
            found.push(node);
        }
        open.extend(children(node));
    }
    found
}

/// The parts of a sensor element are asked about by their own names; they are no extensions of it.
fn is_sensor_part(node: &Node) -> bool {
    node.name.namespace.is_empty() && matches!(&*node.name.local, "sensorMetadata" | "sensorReport")
}

/// The elements in a node.
pub fn children(node: &Node) -> Box<dyn Iterator<Item = &Node> + '_> {
    match &node.content {
        Content::Nodes(inside) => Box::new(inside.iter()),
        Content::Mixed(parts) => Box::new(parts.iter().filter_map(MixedPart::node)),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => Box::new(std::iter::empty()),
    }
}

/// The text of the standard's own children of this name.
pub fn texts<'a>(node: &'a Node, local: &'a str) -> impl Iterator<Item = &'a str> {
    children(node)
        .filter(move |child| child.name.namespace.is_empty() && *child.name.local == *local)
        .filter_map(|child| child.text().map(str::trim))
}

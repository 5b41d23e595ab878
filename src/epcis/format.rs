//! How events are printed, whichever syntax: what document they stand in and how identifiers are spelt.

use std::borrow::Cow;

use crate::domain::event::{Action, Content, Event, EventType, MixedPart, Name, Node};
use crate::domain::gs1::{Epc, EpcClass, Scheme};
use crate::domain::time::Micros;

/// The `GS1-EPC-Format` of EPCIS 2.0 clause 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EpcFormat {
    /// As each identifier was captured.
    #[default]
    NeverTranslates,
    /// GS1 Digital Link.
    AlwaysDigitalLink,
    /// EPC URN where the company prefix length is known, else Digital Link: it is never guessed.
    AlwaysUrn,
}

/// The document around the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind<'a> {
    /// `EPCISDocument`
    Document,
    /// `EPCISQueryDocument`
    Query {
        /// `queryName`
        name: &'a str,
        /// `subscriptionID`, where the document is a delivery.
        subscription: Option<&'a str>,
    },
}

/// What to print and how.
#[derive(Clone, Copy)]
pub struct Format<'a> {
    /// The document around the events.
    pub document: DocumentKind<'a>,
    /// Spelling of identifiers.
    pub epc: EpcFormat,
    /// `creationDate`.
    pub created: Micros,
    /// The company prefix length of a GS1 key, see [`Epc::to_urn`].
    pub prefix_len: &'a dyn Fn(&str) -> Option<usize>,
}

impl Format<'_> {
    pub(super) fn epc<'e>(&self, epc: &'e Epc) -> Cow<'e, str> {
        match self.epc {
            EpcFormat::NeverTranslates => Cow::Borrowed(epc.as_captured()),
            EpcFormat::AlwaysDigitalLink => Cow::Borrowed(epc.canonical()),
            EpcFormat::AlwaysUrn => epc.to_urn(self.prefix_len).map_or(Cow::Borrowed(epc.canonical()), Cow::Owned),
        }
    }

    pub(super) fn class<'e>(&self, class: &'e EpcClass) -> Cow<'e, str> {
        match self.epc {
            EpcFormat::NeverTranslates => Cow::Borrowed(class.as_captured()),
            EpcFormat::AlwaysDigitalLink => Cow::Borrowed(class.canonical()),
            EpcFormat::AlwaysUrn => class
                .to_urn(self.prefix_len)
                .map_or(Cow::Borrowed(class.canonical()), Cow::Owned),
        }
    }

    /// A document number: translated only where it is a GS1 key.
    pub(super) fn id<'e>(&self, id: &'e str) -> Cow<'e, str> {
        if self.epc == EpcFormat::NeverTranslates {
            return Cow::Borrowed(id);
        }
        match id.parse::<Epc>() {
            Ok(epc) if epc.scheme() != Scheme::Uri => Cow::Owned(self.epc(&epc).into_owned()),
            Ok(_) | Err(_) => Cow::Borrowed(id),
        }
    }
}

/// Stands for "no namespace" where a syntax cannot do without one.
pub(super) const NO_NAMESPACE: &str = "urn:counterfoil:no-namespace:";

/// `xsi:type` and the like: hints to an XML parser, no content.
pub(super) const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

pub(super) fn type_name(kind: EventType) -> &'static str {
    match kind {
        EventType::Object => "ObjectEvent",
        EventType::Aggregation => "AggregationEvent",
        EventType::Transaction => "TransactionEvent",
        EventType::Transformation => "TransformationEvent",
        EventType::Association => "AssociationEvent",
    }
}

pub(super) fn action_name(action: Action) -> &'static str {
    match action {
        Action::Add => "ADD",
        Action::Observe => "OBSERVE",
        Action::Delete => "DELETE",
    }
}

pub(super) fn offset(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Prefixes for the namespaces of one event.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    chosen: Vec<(Box<str>, Box<str>)>,
}

impl Prefixes {
    /// Chooses one for every namespace in the event: the one it came with where that is free.
    pub(super) fn of(event: &Event, reserved: &[(&str, &str)]) -> Self {
        let mut prefixes = Self {
            chosen: reserved
                .iter()
                .map(|(prefix, uri)| ((*uri).into(), (*prefix).into()))
                .collect(),
        };
        let places = [event.read_point.as_ref(), event.biz_location.as_ref()];
        let declared = event.error_declaration.iter().flat_map(|declaration| &declaration.extensions);
        event.sensor_elements.iter().for_each(|element| prefixes.node(element, false));
        let nodes = event.ilmd.iter().chain(&event.extensions).chain(declared);
        let placed = places.into_iter().flatten().flat_map(|place| &place.extensions);
        nodes.chain(placed).for_each(|node| prefixes.node(node, true));
        prefixes
    }

    /// All that were chosen, namespace first.
    pub(super) fn all(&self) -> &[(Box<str>, Box<str>)] {
        &self.chosen
    }

    /// The prefix of a namespace, `""` for none.
    pub(super) fn get(&self, namespace: &str) -> &str {
        self.chosen
            .iter()
            .find(|(known, _)| **known == *namespace)
            .map_or("", |(_, prefix)| prefix)
    }

    fn node(&mut self, node: &Node, top: bool) {
        self.name(&node.name, top);
        node.attributes.iter().for_each(|(name, _)| self.name(name, false));
        match &node.content {
            Content::Nodes(inside) => inside.iter().for_each(|node| self.node(node, false)),
            Content::Mixed(parts) => parts.iter().for_each(|part| match part {
                MixedPart::Node(node) => self.node(node, false),
                MixedPart::Text(_) => {}
            }),
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => {}
        }
    }

    fn name(&mut self, name: &Name, top: bool) {
        let namespace = if name.namespace.is_empty() && top {
            NO_NAMESPACE
        } else {
            &name.namespace
        };
        if namespace.is_empty() || self.chosen.iter().any(|(known, _)| **known == *namespace) {
            return;
        }
        let free = |prefix: &str| !prefix.is_empty() && !self.chosen.iter().any(|(_, taken)| **taken == *prefix);
        let prefix = if is_prefix(&name.prefix) && free(&name.prefix) {
            name.prefix.clone()
        } else {
            let mut number = 1;
            while !free(&format!("ns{number}")) {
                number += 1;
            }
            format!("ns{number}").into()
        };
        self.chosen.push((namespace.into(), prefix));
    }
}

/// Names that would be read as something else are not used as prefixes.
fn is_prefix(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = text
        .chars()
        .all(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.'));
    starts && rest && !matches!(text, "urn" | "http" | "https" | "xml" | "xmlns" | "epcis")
}

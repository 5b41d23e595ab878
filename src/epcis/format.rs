//! How events are printed, whichever syntax: what document they stand in and how identifiers are spelt.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::escape::NO_NAMESPACE;
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

impl EpcFormat {
    /// As the header has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverTranslates => "Never_Translates",
            Self::AlwaysDigitalLink => "Always_GS1_Digital_Link",
            Self::AlwaysUrn => "Always_EPC_URN",
        }
    }
}

impl std::str::FromStr for EpcFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::NeverTranslates, Self::AlwaysDigitalLink, Self::AlwaysUrn]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or("no GS1-EPC-Format")
    }
}

/// The `GS1-CBV-XML-Format` of EPCIS 2.0 clause 12; JSON-LD has bare names alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CbvFormat {
    /// URNs in EPCIS 1.2, where many receivers know no other; Web URIs in 2.0.
    #[default]
    OfVersion,
    /// `https://ref.gs1.org/cbv/BizStep-shipping`
    AlwaysWebUri,
    /// `urn:epcglobal:cbv:bizstep:shipping`
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
    /// Spelling of CBV terms in XML.
    pub cbv: CbvFormat,
    /// `creationDate`.
    pub created: Micros,
    /// The company prefix length of a GS1 key, see [`Epc::to_urn`].
    pub prefix_len: &'a dyn Fn(&str) -> Option<usize>,
}

impl Format<'_> {
    /// How an identifier is spelt.
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

/// Prefixes for the namespaces of one event, or of the header.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// Namespace and prefix, the reserved ones first.
    chosen: Vec<(Box<str>, Box<str>)>,
    reserved: usize,
    by_namespace: HashMap<Box<str>, usize>,
    taken: HashSet<Box<str>>,
    /// The last number tried for a made-up prefix.
    number: usize,
}

impl Prefixes {
    /// None chosen but those the syntax itself declares.
    pub(super) fn new(reserved: &[(&str, &str)]) -> Self {
        let mut prefixes = Self::default();
        for (prefix, uri) in reserved {
            prefixes.choose(uri, prefix);
        }
        prefixes.reserved = prefixes.chosen.len();
        prefixes
    }

    /// Chooses one for every namespace in the event: the one it came with where that is free.
    pub(super) fn of(event: &Event, reserved: &[(&str, &str)]) -> Self {
        let mut prefixes = Self::new(reserved);
        let places = [event.read_point.as_ref(), event.biz_location.as_ref()];
        let declared = event.error_declaration.iter().flat_map(|declaration| &declaration.extensions);
        let nodes = event.ilmd.iter().chain(&event.extensions).chain(declared);
        let placed = places.into_iter().flatten().flat_map(|place| &place.extensions);
        let nodes: Vec<&Node> = nodes.chain(placed).collect();
        let all = || event.sensor_elements.iter().chain(nodes.iter().copied());
        all().for_each(|node| prefixes.spare(node));
        event.sensor_elements.iter().for_each(|element| prefixes.node(element, false));
        nodes.iter().for_each(|node| prefixes.node(node, true));
        prefixes
    }

    /// What was chosen beside the reserved ones: namespace and prefix.
    pub(super) fn declared(&self) -> &[(Box<str>, Box<str>)] {
        self.chosen.get(self.reserved..).unwrap_or_default()
    }

    /// The prefix of a namespace, `""` for none.
    pub(super) fn get(&self, namespace: &str) -> &str {
        let index = self.by_namespace.get(namespace).copied();
        index
            .and_then(|index| self.chosen.get(index))
            .map_or("", |(_, prefix)| prefix)
    }

    /// Keeps names without namespace from becoming prefixes: to JSON-LD they would be one and the same term.
    fn spare(&mut self, node: &Node) {
        let attributes = node.attributes.iter().map(|(name, _)| name);
        for name in attributes.chain([&node.name]).filter(|name| name.namespace.is_empty()) {
            self.taken.insert(name.local.clone());
        }
        match &node.content {
            Content::Nodes(inside) => inside.iter().for_each(|node| self.spare(node)),
            Content::Mixed(parts) => parts.iter().filter_map(MixedPart::node).for_each(|node| self.spare(node)),
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => {}
        }
    }

    /// Adds what a node needs; `top` where every name must have a namespace.
    pub(super) fn node(&mut self, node: &Node, top: bool) {
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
        self.add(namespace(name, top), &name.prefix);
    }

    /// Adds a namespace; the wish is met where that prefix is free.
    pub(super) fn add(&mut self, namespace: &str, wish: &str) {
        if namespace.is_empty() || self.by_namespace.contains_key(namespace) {
            return;
        }
        if is_prefix(wish) && !self.taken.contains(wish) {
            return self.choose(namespace, wish);
        }
        loop {
            self.number += 1;
            let made_up = format!("ns{}", self.number);
            if !self.taken.contains(&*made_up) {
                return self.choose(namespace, &made_up);
            }
        }
    }

    fn choose(&mut self, namespace: &str, prefix: &str) {
        self.by_namespace.insert(namespace.into(), self.chosen.len());
        self.taken.insert(prefix.into());
        self.chosen.push((namespace.into(), prefix.into()));
    }
}

/// The namespace a name is printed in; `top` where it must have one.
pub(super) fn namespace(name: &Name, top: bool) -> &str {
    if name.namespace.is_empty() && top {
        NO_NAMESPACE
    } else {
        &name.namespace
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

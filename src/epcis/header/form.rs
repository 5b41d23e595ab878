//! A header in the one form that every syntax is printed from.
//!
//! The readers keep master data and the Standard Business Document Header (SBDH) in the shape of the syntax they came in: XML
//! attributes or JSON members, lists in elements or arrays. Here both become the same. Nothing is judged, nothing is left out.

use super::super::document::Header;
use super::super::escape::{CARRIER, NONE};
use super::super::format::Prefixes;
use crate::domain::event::{Content, MixedPart, Name, Node};
use crate::domain::time::Micros;

/// Namespace of the SBDH.
pub(in crate::epcis) const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";

/// The header.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::epcis) struct Form {
    /// `StandardBusinessDocumentHeader`, in the shape of XML.
    pub(in crate::epcis) sbdh: Option<Node>,
    /// Master data.
    pub(in crate::epcis) vocabularies: Vec<Vocabulary>,
    /// Transaction statements and whatever else stands there.
    pub(in crate::epcis) extensions: Vec<Node>,
}

/// `Vocabulary`
#[derive(Debug, Clone, PartialEq)]
pub(in crate::epcis) struct Vocabulary {
    /// Its type; [`NONE`] where it came without.
    pub(in crate::epcis) kind: Box<str>,
    pub(in crate::epcis) elements: Vec<Element>,
    pub(in crate::epcis) extensions: Vec<Node>,
}

/// `VocabularyElement`
#[derive(Debug, Clone, PartialEq)]
pub(in crate::epcis) struct Element {
    /// Its id; [`NONE`] where it came without.
    pub(in crate::epcis) id: Box<str>,
    /// Id and value of each attribute.
    pub(in crate::epcis) attributes: Vec<(Box<str>, Content)>,
    pub(in crate::epcis) children: Vec<Box<str>>,
    pub(in crate::epcis) extensions: Vec<Node>,
}

/// Adds the prefixes that the parts of a header need.
pub(in crate::epcis) fn prefixes<'a>(
    prefixes: &mut Prefixes,
    sbdh: Option<&Node>,
    extensions: impl Iterator<Item = &'a Node>,
    vocabularies: &[Vocabulary],
) {
    if let Some(sbdh) = sbdh {
        prefixes.add(SBDH, "sbdh");
        prefixes.node(sbdh, true);
    }
    extensions.for_each(|node| prefixes.node(node, true));
    for vocabulary in vocabularies {
        vocabulary.extensions.iter().for_each(|node| prefixes.node(node, true));
        for element in &vocabulary.elements {
            element.extensions.iter().for_each(|node| prefixes.node(node, true));
            let attributes = element.attributes.iter();
            attributes.for_each(|(id, value)| prefixes.node(&attribute(id, value), false));
        }
    }
}

/// An attribute of master data as an element of its own.
pub(in crate::epcis) fn attribute(id: &str, value: &Content) -> Node {
    let name = |local: &str| Name {
        namespace: "".into(),
        local: local.into(),
        prefix: "".into(),
    };
    Node {
        name: name("attribute"),
        attributes: vec![(name("id"), id.into())],
        content: value.clone(),
    }
}

impl Form {
    /// The form of a header as it was read.
    pub(in crate::epcis) fn of(header: &Header) -> Self {
        let mut form = Self {
            vocabularies: header.master_data.iter().map(vocabulary).collect(),
            ..Self::default()
        };
        // The one that its schema refuses is the one that was sent: the other was made to stand in its place.
        let named = |node: &&Node, namespace: &str| {
            &*node.name.local == "StandardBusinessDocumentHeader" && &*node.name.namespace == namespace
        };
        let find = |namespace: &str| header.extensions.iter().find(|node| named(node, namespace));
        let refused = find(CARRIER);
        let chosen = refused.or_else(|| find(SBDH));
        form.sbdh = chosen.map(sbdh);
        for node in &header.extensions {
            let taken = chosen.is_some_and(|chosen| std::ptr::eq(chosen, node)) || (refused.is_some() && named(&node, SBDH));
            if !taken {
                form.extension(node);
            }
        }
        form
    }

    /// Master data of JSON by the name it has in XML are master data too.
    fn extension(&mut self, node: &Node) {
        let lists = || {
            children(node)
                .into_iter()
                .filter(|child| &*child.name.local == "vocabularyList")
        };
        let misnamed = &*node.name.local == "EPCISMasterData" && node.name.namespace.is_empty();
        if misnamed && lists().count() == children(node).len() {
            self.vocabularies.extend(lists().map(vocabulary));
        } else {
            self.extensions.push(node.clone());
        }
    }

    /// The SBDH, or one made of what JSON says in its place; `needed` where the schema asks for one at any rate.
    pub(in crate::epcis) fn sbdh_or_made(&self, header: &Header, created: Micros, needed: bool) -> Option<Node> {
        if let Some(sbdh) = &self.sbdh {
            return Some(sbdh.clone());
        }
        let says_something = header.sender.is_some() || header.receiver.is_some() || header.instance_id.is_some();
        (says_something || needed).then(|| made(header, created))
    }
}

fn made(header: &Header, created: Micros) -> Node {
    let partner = |local: &str, partner: Option<&super::super::document::Correspondent>| {
        let mut identifier = leaf("Identifier", partner.map_or(NONE, |partner| &partner.identifier));
        if let Some(authority) = partner.and_then(|partner| partner.authority.as_deref()) {
            identifier.attributes.push((name("", "Authority"), authority.into()));
        }
        branch(local, vec![identifier])
    };
    let identification = vec![
        leaf("Standard", "EPCglobal"),
        leaf("TypeVersion", "1.0"),
        leaf("InstanceIdentifier", header.instance_id.as_deref().unwrap_or(NONE)),
        leaf("Type", "Events"),
        leaf("CreationDateAndTime", &created.rfc3339()),
    ];
    branch(
        "StandardBusinessDocumentHeader",
        vec![
            leaf("HeaderVersion", "1.0"),
            partner("Sender", header.sender.as_ref()),
            partner("Receiver", header.receiver.as_ref()),
            branch("DocumentIdentification", identification),
        ],
    )
}

fn name(namespace: &str, local: &str) -> Name {
    Name {
        namespace: namespace.into(),
        local: local.into(),
        prefix: if namespace.is_empty() { "".into() } else { "sbdh".into() },
    }
}

fn leaf(local: &str, text: &str) -> Node {
    Node {
        name: name(SBDH, local),
        attributes: Vec::new(),
        content: Content::Text(text.into()),
    }
}

fn branch(local: &str, inside: Vec<Node>) -> Node {
    Node {
        name: name(SBDH, local),
        attributes: Vec::new(),
        content: Content::Nodes(inside),
    }
}

/// An SBDH whose attributes are attributes: all its elements have a namespace, and none of its attributes has.
fn sbdh(node: &Node) -> Node {
    let mut attributes = node.attributes.clone();
    let mut parts = Vec::new();
    let inside: Vec<MixedPart> = match &node.content {
        Content::Nodes(nodes) => nodes.iter().cloned().map(MixedPart::Node).collect(),
        Content::Mixed(parts) => parts.clone(),
        Content::Empty => Vec::new(),
        Content::Text(text) | Content::Number(text) => vec![MixedPart::Text(text.clone())],
        Content::Bool(value) => vec![MixedPart::Text(value.to_string().into())],
    };
    for part in inside {
        match part {
            MixedPart::Node(child) if child.name.namespace.is_empty() && child.text().is_some() => {
                let value = child.text().unwrap_or("").into();
                attributes.push((child.name, value));
            }
            MixedPart::Node(child) => parts.push(MixedPart::Node(sbdh(&child))),
            MixedPart::Text(text) => parts.push(MixedPart::Text(text)),
        }
    }
    let namespace = if &*node.name.namespace == CARRIER {
        SBDH
    } else {
        &node.name.namespace
    };
    Node {
        name: name(namespace, &node.name.local),
        attributes,
        content: content(parts),
    }
}

fn content(mut parts: Vec<MixedPart>) -> Content {
    if parts.iter().all(|part| part.node().is_some()) {
        let nodes: Vec<Node> = parts.into_iter().filter_map(|part| part.node().cloned()).collect();
        return if nodes.is_empty() {
            Content::Empty
        } else {
            Content::Nodes(nodes)
        };
    }
    if let [MixedPart::Text(text)] = parts.as_mut_slice() {
        return Content::Text(std::mem::take(text));
    }
    Content::Mixed(parts)
}

/// The children of a node.
pub(in crate::epcis) fn children(node: &Node) -> Vec<&Node> {
    match &node.content {
        Content::Nodes(nodes) => nodes.iter().collect(),
        Content::Mixed(parts) => parts.iter().filter_map(MixedPart::node).collect(),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => Vec::new(),
    }
}

/// The own value of a node that XML has as an attribute and JSON as a member.
fn field(node: &Node, local: &str) -> Box<str> {
    let attribute = node.attributes.iter().find(|(name, _)| &*name.local == local);
    let member = || {
        children(node)
            .into_iter()
            .find(|child| &*child.name.local == local)
            .and_then(Node::text)
    };
    let text = attribute.map(|(_, value)| &**value).or_else(member).unwrap_or(NONE);
    text.trim().into()
}

fn vocabulary(node: &Node) -> Vocabulary {
    let mut found = Vocabulary {
        kind: field(node, "type"),
        elements: Vec::new(),
        extensions: others(node, "type"),
    };
    for child in children(node) {
        match &*child.name.local {
            "type" => {}
            "VocabularyElementList" => found.elements.extend(children(child).into_iter().map(element)),
            "vocabularyElementList" => found.elements.push(element(child)),
            _ => found.extensions.push(child.clone()),
        }
    }
    found
}

fn element(node: &Node) -> Element {
    let mut found = Element {
        id: field(node, "id"),
        attributes: Vec::new(),
        children: Vec::new(),
        extensions: others(node, "id"),
    };
    for child in children(node) {
        match &*child.name.local {
            "id" => {}
            "attribute" => {
                let mut value = child.content.clone();
                // An empty element and an empty string are one value.
                if value == Content::Text("".into()) {
                    value = Content::Empty;
                }
                found.attributes.push((field(child, "id"), value));
            }
            "attributes" => {
                let values = children(child)
                    .into_iter()
                    .filter(|inside| &*inside.name.local == "attribute");
                let id = field(child, "id");
                found
                    .attributes
                    .extend(values.map(|value| (id.clone(), value.content.clone())));
            }
            "children" => match child.text() {
                Some(id) => found.children.push(id.trim().into()),
                None => {
                    let ids = children(child).into_iter().filter_map(Node::text);
                    found.children.extend(ids.map(|id| Box::<str>::from(id.trim())));
                }
            },
            _ => found.extensions.push(child.clone()),
        }
    }
    found
}

/// Attributes that the schema does not name, as elements.
fn others(node: &Node, known: &str) -> Vec<Node> {
    let others = node
        .attributes
        .iter()
        .filter(|(name, _)| &*name.local != known && &*name.namespace != super::super::format::SCHEMA_INSTANCE);
    others
        .map(|(name, value)| Node {
            name: name.clone(),
            attributes: Vec::new(),
            content: Content::Text(value.clone()),
        })
        .collect()
}

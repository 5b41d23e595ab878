//! ILMD and extensions in JSON-LD.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use super::EventWriter;
use crate::domain::event::{Content, MixedPart, Name, Node};
use crate::epcis::decimal::is_json_number;
use crate::epcis::escape;
use crate::epcis::format::{SCHEMA_INSTANCE, namespace};

/// What becomes one member.
enum Member<'n> {
    Node(&'n Node),
    Attribute(&'n str),
}

impl<W: Write> EventWriter<'_, W> {
    /// Members for nodes, those of one name in one array.
    pub(super) fn nodes<'n>(&mut self, nodes: impl Iterator<Item = &'n Node>, top: bool) -> io::Result<()> {
        self.members(nodes.map(|node| (&node.name, Member::Node(node))), top)
    }

    fn members<'n>(&mut self, all: impl Iterator<Item = (&'n Name, Member<'n>)>, top: bool) -> io::Result<()> {
        let mut order: Vec<(&Name, Vec<Member<'n>>)> = Vec::new();
        let mut places: HashMap<(&str, &str), usize> = HashMap::new();
        for (name, member) in all {
            let place = *places.entry((&name.namespace, &name.local)).or_insert(order.len());
            match order.get_mut(place) {
                Some((_, group)) => group.push(member),
                None => order.push((name, vec![member])),
            }
        }
        for (name, group) in order {
            self.printer.key(&self.key(name, top))?;
            if group.len() > 1 {
                self.printer.open(b'[')?;
            }
            for member in &group {
                match member {
                    Member::Node(node) => self.node(node)?,
                    Member::Attribute(value) => self.printer.string(value)?,
                }
            }
            if group.len() > 1 {
                self.printer.close(b']')?;
            }
        }
        Ok(())
    }

    fn key(&self, name: &Name, top: bool) -> String {
        let namespace = namespace(name, top);
        if namespace.is_empty() {
            name.local.to_string()
        } else {
            format!("{}:{}", self.prefixes.get(namespace), escape::json_key(&name.local))
        }
    }

    pub(super) fn node(&mut self, node: &Node) -> io::Result<()> {
        let said = |name: &Name| *name.namespace != *SCHEMA_INSTANCE;
        let parts = match &node.content {
            Content::Nodes(_) | Content::Mixed(_) => true,
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => false,
        };
        if !parts && !node.attributes.iter().any(|(name, _)| said(name)) {
            return self.content(&node.content);
        }
        self.printer.open(b'{')?;
        let (keywords, attributes): (Vec<_>, Vec<_>) = node
            .attributes
            .iter()
            .filter(|(name, _)| said(name))
            .partition(|(name, _)| name.namespace.is_empty() && name.local.starts_with('@'));
        for (name, value) in keywords {
            self.printer.member(&name.local, value)?;
        }
        let attributes = attributes.into_iter().map(|(name, value)| (name, Member::Attribute(value)));
        match &node.content {
            Content::Mixed(parts) if text_leads(parts) => {
                self.printer
                    .member("#text", parts.first().and_then(MixedPart::text).unwrap_or(""))?;
                let nodes = parts.iter().filter_map(MixedPart::node);
                self.members(attributes.chain(nodes.map(|node| (&node.name, Member::Node(node)))), false)?;
            }
            Content::Mixed(parts) => {
                self.mixed(parts)?;
                self.members(attributes, false)?;
            }
            Content::Nodes(nodes) => {
                self.members(
                    attributes.chain(nodes.iter().map(|node| (&node.name, Member::Node(node)))),
                    false,
                )?;
            }
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => {
                if let Some(text) = own_text(&node.content) {
                    self.printer.member("#text", &text)?;
                }
                self.members(attributes, false)?;
            }
        }
        self.printer.close(b'}')
    }

    /// Text between elements, in its order: strings and objects of one member.
    fn mixed(&mut self, parts: &[MixedPart]) -> io::Result<()> {
        self.printer.key("#mixed")?;
        self.printer.open(b'[')?;
        for part in parts {
            match part {
                MixedPart::Text(text) => self.printer.string(text)?,
                MixedPart::Node(node) => {
                    self.printer.open(b'{')?;
                    self.nodes(std::iter::once(node), false)?;
                    self.printer.close(b'}')?;
                }
            }
        }
        self.printer.close(b']')
    }

    pub(super) fn content(&mut self, content: &Content) -> io::Result<()> {
        match content {
            Content::Text(text) => self.printer.string(text),
            Content::Number(digits) if is_json_number(digits) => self.printer.raw(digits),
            Content::Number(digits) => self.printer.string(digits),
            Content::Bool(value) => self.printer.raw(if *value { "true" } else { "false" }),
            Content::Empty | Content::Nodes(_) | Content::Mixed(_) => self.printer.string(""),
        }
    }
}

/// Whether the text comes first and nothing but elements after it.
fn text_leads(parts: &[MixedPart]) -> bool {
    let mut parts = parts.iter();
    parts.next().is_some_and(|first| first.text().is_some()) && parts.all(|part| part.node().is_some())
}

fn own_text(content: &Content) -> Option<Cow<'_, str>> {
    match content {
        Content::Text(text) | Content::Number(text) => Some(Cow::Borrowed(text)),
        Content::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Content::Empty | Content::Nodes(_) | Content::Mixed(_) => None,
    }
}

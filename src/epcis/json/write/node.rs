//! Sensors, ILMD and extensions in JSON-LD.

use std::io::{self, Write};

use super::EventWriter;
use crate::domain::event::{Content, Event, MixedPart, Name, Node};
use crate::epcis::decimal::is_json_number;
use crate::epcis::format::{NO_NAMESPACE, SCHEMA_INSTANCE};

impl<W: Write> EventWriter<'_, W> {
    pub(super) fn sensors(&mut self, event: &Event) -> io::Result<()> {
        if event.sensor_elements.is_empty() {
            return Ok(());
        }
        self.printer.key("sensorElementList")?;
        self.printer.open(b'[')?;
        for element in &event.sensor_elements {
            self.printer.open(b'{')?;
            let Content::Nodes(parts) = &element.content else {
                self.printer.close(b'}')?;
                continue;
            };
            let named = |name: &'static str| parts.iter().filter(move |part| &*part.name.local == name);
            for metadata in named("sensorMetadata").take(1) {
                self.printer.key("sensorMetadata")?;
                self.sensor_fields(metadata)?;
            }
            self.printer.key("sensorReport")?;
            self.printer.open(b'[')?;
            for report in named("sensorReport") {
                self.sensor_fields(report)?;
            }
            self.printer.close(b']')?;
            self.nodes(
                parts
                    .iter()
                    .filter(|part| !matches!(&*part.name.local, "sensorMetadata" | "sensorReport")),
                false,
            )?;
            self.printer.close(b'}')?;
        }
        self.printer.close(b']')
    }

    fn sensor_fields(&mut self, part: &Node) -> io::Result<()> {
        self.printer.open(b'{')?;
        if let Content::Nodes(fields) = &part.content {
            for field in fields.iter().filter(|field| field.name.namespace.is_empty()) {
                self.printer.key(&field.name.local)?;
                self.sensor_value(field)?;
            }
            self.nodes(fields.iter().filter(|field| !field.name.namespace.is_empty()), false)?;
        }
        self.printer.close(b'}')
    }

    /// Vocabulary values are bare in JSON; numbers are numbers.
    fn sensor_value(&mut self, field: &Node) -> io::Result<()> {
        let bare = |text: &'static str, value: &str| value.strip_prefix(text).map(str::to_owned);
        match (&*field.name.local, &field.content) {
            ("type" | "exception", Content::Text(value)) => {
                let short = bare("gs1:", value).or_else(|| bare("https://gs1.org/voc/", value));
                self.printer.string(&short.unwrap_or_else(|| value.to_string()))
            }
            ("component", Content::Text(value)) => {
                let short = bare("cbv:Comp-", value).or_else(|| bare("https://ref.gs1.org/cbv/Comp-", value));
                self.printer.string(&short.unwrap_or_else(|| value.to_string()))
            }
            (_, content) => self.content(content),
        }
    }

    /// Members for nodes, those of one name in one array.
    pub(super) fn nodes<'n>(&mut self, nodes: impl Iterator<Item = &'n Node>, top: bool) -> io::Result<()> {
        let nodes: Vec<&Node> = nodes.collect();
        let same = |one: &Name, other: &Name| one.namespace == other.namespace && one.local == other.local;
        for (index, node) in nodes.iter().enumerate() {
            if nodes[..index].iter().any(|earlier| same(&earlier.name, &node.name)) {
                continue;
            }
            let all: Vec<&&Node> = nodes[index..].iter().filter(|other| same(&other.name, &node.name)).collect();
            self.printer.key(&self.key(&node.name, top))?;
            if all.len() > 1 {
                self.printer.open(b'[')?;
            }
            for one in &all {
                self.node(one)?;
            }
            if all.len() > 1 {
                self.printer.close(b']')?;
            }
        }
        Ok(())
    }

    fn key(&self, name: &Name, top: bool) -> String {
        let namespace = if name.namespace.is_empty() && top {
            NO_NAMESPACE
        } else {
            &name.namespace
        };
        if namespace.is_empty() {
            name.local.to_string()
        } else {
            format!("{}:{}", self.prefixes.get(namespace), name.local)
        }
    }

    fn node(&mut self, node: &Node) -> io::Result<()> {
        let attributes: Vec<_> = node
            .attributes
            .iter()
            .filter(|(name, _)| &*name.namespace != SCHEMA_INSTANCE)
            .collect();
        let inside: Vec<&Node> = match &node.content {
            Content::Nodes(nodes) => nodes.iter().collect(),
            Content::Mixed(parts) => parts.iter().filter_map(MixedPart::node).collect(),
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => Vec::new(),
        };
        if attributes.is_empty() && !matches!(node.content, Content::Nodes(_) | Content::Mixed(_)) {
            return self.content(&node.content);
        }
        self.printer.open(b'{')?;
        for (name, value) in attributes {
            self.printer.member(&self.key(name, false), value)?;
        }
        self.own_text(&node.content)?;
        self.nodes(inside.into_iter(), false)?;
        self.printer.close(b'}')
    }

    fn own_text(&mut self, content: &Content) -> io::Result<()> {
        let text: String = match content {
            Content::Text(text) | Content::Number(text) => text.to_string(),
            Content::Bool(value) => value.to_string(),
            Content::Mixed(parts) => parts.iter().filter_map(MixedPart::text).collect(),
            Content::Empty | Content::Nodes(_) => return Ok(()),
        };
        self.printer.member("#text", &text)
    }

    fn content(&mut self, content: &Content) -> io::Result<()> {
        match content {
            Content::Text(text) => self.printer.string(text),
            Content::Number(digits) if is_json_number(digits) => self.printer.raw(digits),
            Content::Number(digits) => self.printer.string(digits),
            Content::Bool(value) => self.printer.raw(if *value { "true" } else { "false" }),
            Content::Empty | Content::Nodes(_) | Content::Mixed(_) => self.printer.string(""),
        }
    }
}

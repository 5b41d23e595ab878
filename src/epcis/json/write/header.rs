//! What stands above the events, in JSON-LD: sender and receiver, master data, everything else as extensions.
//!
//! JSON has no Standard Business Document Header: it stands whole among the extensions of `epcisHeader`, beside the members
//! that say its main part.

use std::io::{self, Write};

use super::EventWriter;
use crate::domain::event::Content;
use crate::epcis::context::STANDARD;
use crate::epcis::document::Header;
use crate::epcis::escape::{self, Demand};
use crate::epcis::format::Prefixes;
use crate::epcis::header::form::{self, Element, Form, Vocabulary, attribute};

/// The prefixes a header needs.
pub(super) fn prefixes(form: &Form) -> Prefixes {
    let mut prefixes = Prefixes::new(STANDARD);
    form::prefixes(&mut prefixes, form.sbdh.as_ref(), form.extensions.iter(), &form.vocabularies);
    prefixes
}

impl<W: Write> EventWriter<'_, W> {
    pub(super) fn header(&mut self, header: &Header, form: &Form) -> io::Result<()> {
        let identifier =
            |partner: &Option<crate::epcis::Correspondent>| partner.as_ref().map(|partner| partner.identifier.clone());
        self.optional("sender", identifier(&header.sender).as_deref())?;
        self.optional("receiver", identifier(&header.receiver).as_deref())?;
        self.optional("instanceIdentifier", header.instance_id.as_deref())?;
        if form.sbdh.is_none() && form.vocabularies.is_empty() && form.extensions.is_empty() {
            return Ok(());
        }
        self.printer.key("epcisHeader")?;
        self.printer.open(b'{')?;
        if !form.vocabularies.is_empty() {
            self.printer.key("epcisMasterData")?;
            self.printer.open(b'{')?;
            self.printer.key("vocabularyList")?;
            self.printer.open(b'[')?;
            form.vocabularies
                .iter()
                .try_for_each(|vocabulary| self.vocabulary(vocabulary))?;
            self.printer.close(b']')?;
            self.printer.close(b'}')?;
        }
        self.nodes(form.sbdh.iter().chain(&form.extensions), true)?;
        self.printer.close(b'}')
    }

    fn vocabulary(&mut self, vocabulary: &Vocabulary) -> io::Result<()> {
        self.printer.open(b'{')?;
        self.uri("type", Some(&vocabulary.kind))?;
        if !vocabulary.elements.is_empty() {
            self.printer.key("vocabularyElementList")?;
            self.printer.open(b'[')?;
            vocabulary.elements.iter().try_for_each(|element| self.element(element))?;
            self.printer.close(b']')?;
        }
        self.nodes(vocabulary.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    fn element(&mut self, element: &Element) -> io::Result<()> {
        self.printer.open(b'{')?;
        self.uri("id", Some(&element.id))?;
        if !element.attributes.is_empty() {
            self.printer.key("attributes")?;
            self.printer.open(b'[')?;
            for (id, value) in &element.attributes {
                self.printer.open(b'{')?;
                self.uri("id", Some(id))?;
                self.printer.key("attribute")?;
                self.attribute_value(value)?;
                self.printer.close(b'}')?;
            }
            self.printer.close(b']')?;
        }
        if !element.children.is_empty() {
            self.printer.key("children")?;
            self.printer.open(b'[')?;
            for child in &element.children {
                self.printer.string(&escape::uri(child, Demand::Absolute))?;
            }
            self.printer.close(b']')?;
        }
        self.nodes(element.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    /// A string, a number or an object: the schema has no booleans here.
    fn attribute_value(&mut self, value: &Content) -> io::Result<()> {
        match value {
            Content::Bool(value) => self.printer.string(if *value { "true" } else { "false" }),
            Content::Empty | Content::Text(_) | Content::Number(_) | Content::Nodes(_) | Content::Mixed(_) => {
                let mut node = attribute("", value);
                node.attributes.clear();
                self.node(&node)
            }
        }
    }
}

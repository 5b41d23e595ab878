//! The parts of an event in XML: lists, places, extensions.

use std::borrow::Cow;
use std::io::{self, Write};

use super::super::super::escape::{self, Demand};
use super::super::super::format::{CbvFormat, SCHEMA_INSTANCE, action_name, namespace};
use super::super::super::vocabulary::Vocabulary;
use super::{EventWriter, Version};
use crate::domain::event::{Content, Event, EventType, Location, MixedPart, Name, Node, Quantity, SourceDest, Term};
use crate::domain::gs1::Epc;

impl<W: Write> EventWriter<'_, W> {
    /// A term as the reader of the document wants it.
    fn term(&self, vocabulary: Vocabulary, term: &Term) -> String {
        let spelt = match (self.format.cbv, self.version) {
            (CbvFormat::AlwaysUrn, _) | (CbvFormat::OfVersion, Version::V1_2) => vocabulary.urn(term.as_str()),
            (CbvFormat::AlwaysWebUri, _) | (CbvFormat::OfVersion, Version::V2_0) => vocabulary.web_uri(term.as_str()),
        };
        match escape::uri(&spelt, Demand::Reference) {
            Cow::Borrowed(_) => spelt,
            Cow::Owned(_) => escape::never_a_uri(term.as_str()),
        }
    }

    /// An element that holds a URI.
    pub(super) fn uri(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.printer.element(name, &escape::uri(text, Demand::Reference))
    }

    pub(super) fn action_and_places(&mut self, event: &Event) -> io::Result<()> {
        if let Some(action) = event.action {
            self.printer.element("action", action_name(action))?;
        }
        if let Some(step) = &event.biz_step {
            self.printer.element("bizStep", &self.term(Vocabulary::BizStep, step))?;
        }
        if let Some(disposition) = &event.disposition {
            self.printer
                .element("disposition", &self.term(Vocabulary::Disposition, disposition))?;
        }
        self.location("readPoint", event.read_point.as_ref())?;
        self.location("bizLocation", event.biz_location.as_ref())
    }

    pub(super) fn parent(&mut self, event: &Event) -> io::Result<()> {
        match &event.parent {
            Some(parent) => self.uri("parentID", &self.format.epc(parent)),
            // An association must have one: a reader who may not see it is told so.
            None if event.kind == EventType::Association => self.uri("parentID", escape::NONE),
            None => Ok(()),
        }
    }

    /// `mandatory` lists are printed although empty: the schema asks for the element.
    pub(super) fn epcs(&mut self, name: &str, list: &[Epc], mandatory: bool) -> io::Result<()> {
        if list.is_empty() && !mandatory {
            return Ok(());
        }
        self.printer.open(name)?;
        for epc in list {
            self.uri("epc", &self.format.epc(epc))?;
        }
        self.printer.close(name)
    }

    pub(super) fn quantities(&mut self, name: &str, list: &[Quantity]) -> io::Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        self.printer.open(name)?;
        for quantity in list {
            self.printer.open("quantityElement")?;
            self.uri("epcClass", &self.format.class(&quantity.class))?;
            if let Some(amount) = &quantity.quantity {
                self.printer.element("quantity", amount)?;
            }
            if let Some(uom) = &quantity.uom {
                self.printer.element("uom", uom)?;
            }
            self.printer.close("quantityElement")?;
        }
        self.printer.close(name)
    }

    pub(super) fn biz_transactions(&mut self, event: &Event) -> io::Result<()> {
        // A transaction event must have some: a reader who may see none of them is told so.
        let hidden = event.kind == EventType::Transaction && event.biz_transactions.is_empty();
        if event.biz_transactions.is_empty() && !hidden {
            return Ok(());
        }
        self.printer.open("bizTransactionList")?;
        if hidden {
            self.typed("bizTransaction", None, escape::NONE)?;
        }
        for transaction in &event.biz_transactions {
            let kind = transaction
                .kind
                .as_ref()
                .map(|kind| self.term(Vocabulary::BizTransactionType, kind));
            self.typed("bizTransaction", kind.as_deref(), &self.format.id(&transaction.id))?;
        }
        self.printer.close("bizTransactionList")
    }

    pub(super) fn endpoints(&mut self, list: &str, name: &str, endpoints: &[SourceDest]) -> io::Result<()> {
        if endpoints.is_empty() {
            return Ok(());
        }
        self.printer.open(list)?;
        for endpoint in endpoints {
            let kind = self.term(Vocabulary::SourceDestType, &endpoint.kind);
            self.typed(name, Some(&kind), &self.format.epc(&endpoint.id))?;
        }
        self.printer.close(list)
    }

    fn typed(&mut self, name: &str, kind: Option<&str>, text: &str) -> io::Result<()> {
        self.printer.raw(&format!("<{name}"))?;
        if let Some(kind) = kind {
            self.printer.attribute("type", kind)?;
        }
        self.printer.raw(">")?;
        self.printer.text(&escape::uri(text, Demand::Reference))?;
        self.printer.close(name)
    }

    fn location(&mut self, name: &str, location: Option<&Location>) -> io::Result<()> {
        let Some(location) = location else { return Ok(()) };
        self.printer.open(name)?;
        self.uri("id", &self.format.epc(&location.id))?;
        self.nodes(location.extensions.iter(), true)?;
        self.printer.close(name)
    }

    pub(super) fn error_declaration(&mut self, event: &Event) -> io::Result<()> {
        let Some(declaration) = &event.error_declaration else {
            return Ok(());
        };
        self.printer.open("errorDeclaration")?;
        self.printer
            .element("declarationTime", &declaration.declaration_time.rfc3339())?;
        if let Some(reason) = &declaration.reason {
            self.printer.element("reason", &self.term(Vocabulary::ErrorReason, reason))?;
        }
        if !declaration.corrective_event_ids.is_empty() {
            self.printer.open("correctiveEventIDs")?;
            for id in &declaration.corrective_event_ids {
                self.uri("correctiveEventID", id)?;
            }
            self.printer.close("correctiveEventIDs")?;
        }
        self.nodes(declaration.extensions.iter(), true)?;
        self.printer.close("errorDeclaration")
    }

    pub(super) fn persistent_disposition(&mut self, name: &str, event: &Event) -> io::Result<()> {
        let Some(persistent) = &event.persistent_disposition else {
            return Ok(());
        };
        self.printer.open(name)?;
        // The schema has `unset` before `set`.
        for (list, terms) in [("unset", &persistent.unset), ("set", &persistent.set)] {
            for term in terms {
                self.printer.element(list, &self.term(Vocabulary::Disposition, term))?;
            }
        }
        self.printer.close(name)
    }

    pub(super) fn ilmd(&mut self, event: &Event) -> io::Result<()> {
        if event.ilmd.is_empty() {
            return Ok(());
        }
        self.printer.open("ilmd")?;
        self.nodes(event.ilmd.iter(), true)?;
        self.printer.close("ilmd")
    }

    pub(super) fn nodes<'n>(&mut self, mut nodes: impl Iterator<Item = &'n Node>, top: bool) -> io::Result<()> {
        nodes.try_for_each(|node| self.node(node, top))
    }

    pub(super) fn name(&self, name: &Name, top: bool) -> String {
        let (namespace, local) = (namespace(name, top), escape::xml_name(&name.local));
        if namespace.is_empty() {
            local.into_owned()
        } else {
            format!("{}:{local}", self.prefixes.get(namespace))
        }
    }

    pub(super) fn node(&mut self, node: &Node, top: bool) -> io::Result<()> {
        let name = self.name(&node.name, top);
        self.printer.raw(&format!("<{name}"))?;
        // Schema hints may name prefixes and types that nobody declares here.
        let attributes = node.attributes.iter().filter(|(name, _)| &*name.namespace != SCHEMA_INSTANCE);
        for (attribute, value) in attributes {
            self.printer.attribute(&self.name(attribute, false), value)?;
        }
        self.printer.raw(">")?;
        match &node.content {
            Content::Empty => {}
            Content::Text(text) | Content::Number(text) => self.printer.text(text)?,
            Content::Bool(value) => self.printer.text(if *value { "true" } else { "false" })?,
            Content::Nodes(inside) => self.nodes(inside.iter(), false)?,
            Content::Mixed(parts) => {
                for part in parts {
                    match part {
                        MixedPart::Text(text) => self.printer.text(text)?,
                        MixedPart::Node(node) => self.node(node, false)?,
                    }
                }
            }
        }
        self.printer.close(&name)
    }
}

//! What stands above the events, in XML.
//!
//! `EPCISHeader` of 1.2 holds the Standard Business Document Header (SBDH), master data and extensions, and must have an SBDH;
//! that of 2.0 has no room for extensions, so that they stand behind the body. So does an SBDH that its schema refuses.

use std::io::{self, Write};

use super::super::super::document::Header;
use super::super::super::escape::{self, CARRIER};
use super::super::super::format::Prefixes;
use super::super::super::header::business;
use super::super::super::header::form::{self, Element, Form, Vocabulary, attribute};
use super::{EventWriter, Version};
use crate::domain::event::Node;
use crate::domain::time::Micros;

/// A header, told apart by where its parts stand.
pub(super) struct Placed {
    /// In the header.
    sbdh: Option<Node>,
    vocabularies: Vec<Vocabulary>,
    inside: Vec<Node>,
    /// Behind the body.
    behind: Vec<Node>,
}

impl Placed {
    pub(super) fn of(header: &Header, version: Version, created: Micros) -> Self {
        let mut form = Form::of(header);
        let mut behind = Vec::new();
        if let Some(mut refused) = form.sbdh.take_if(|sbdh| !business::fits_schema(sbdh)) {
            refused.name.namespace = CARRIER.into();
            refused.name.prefix = "".into();
            behind.push(refused);
        }
        let needed = version == Version::V1_2 && !form.vocabularies.is_empty();
        let placed = behind.is_empty() || needed;
        let sbdh = placed.then(|| form.sbdh_or_made(header, created, needed)).flatten();
        let extensions = std::mem::take(&mut form.extensions);
        let room = version == Version::V1_2 && sbdh.is_some();
        let (inside, after) = if room {
            (extensions, Vec::new())
        } else {
            (Vec::new(), extensions)
        };
        behind.extend(after);
        Self {
            sbdh,
            vocabularies: form.vocabularies,
            inside,
            behind,
        }
    }

    /// Adds the prefixes it needs.
    pub(super) fn prefixes(&self, prefixes: &mut Prefixes) {
        let extensions = self.inside.iter().chain(&self.behind);
        form::prefixes(prefixes, self.sbdh.as_ref(), extensions, &self.vocabularies);
    }
}

impl<W: Write> EventWriter<'_, W> {
    pub(super) fn header(&mut self, placed: &Placed) -> io::Result<()> {
        let empty = placed.sbdh.is_none() && placed.vocabularies.is_empty() && placed.inside.is_empty();
        if empty {
            return Ok(());
        }
        self.printer.open("EPCISHeader")?;
        self.nodes(placed.sbdh.iter(), true)?;
        if !placed.vocabularies.is_empty() {
            self.printer.raw("<extension><EPCISMasterData><VocabularyList>")?;
            placed
                .vocabularies
                .iter()
                .try_for_each(|vocabulary| self.vocabulary(vocabulary))?;
            self.printer.raw("</VocabularyList></EPCISMasterData></extension>")?;
        }
        self.nodes(placed.inside.iter(), true)?;
        self.printer.close("EPCISHeader")
    }

    /// What stands behind the body.
    pub(super) fn behind(&mut self, placed: &Placed) -> io::Result<()> {
        self.nodes(placed.behind.iter(), true)
    }

    fn vocabulary(&mut self, vocabulary: &Vocabulary) -> io::Result<()> {
        self.printer.raw("<Vocabulary")?;
        self.printer
            .attribute("type", &escape::uri(&vocabulary.kind, escape::Demand::Reference))?;
        self.printer.raw(">")?;
        if !vocabulary.elements.is_empty() {
            self.printer.open("VocabularyElementList")?;
            vocabulary.elements.iter().try_for_each(|element| self.element(element))?;
            self.printer.close("VocabularyElementList")?;
        }
        self.nodes(vocabulary.extensions.iter(), true)?;
        self.printer.close("Vocabulary")
    }

    fn element(&mut self, element: &Element) -> io::Result<()> {
        self.printer.raw("<VocabularyElement")?;
        self.printer
            .attribute("id", &escape::uri(&element.id, escape::Demand::Reference))?;
        self.printer.raw(">")?;
        for (id, value) in &element.attributes {
            self.node(&attribute(&escape::uri(id, escape::Demand::Reference), value), false)?;
        }
        if !element.children.is_empty() {
            self.printer.open("children")?;
            for child in &element.children {
                self.uri("id", child)?;
            }
            self.printer.close("children")?;
        }
        self.nodes(element.extensions.iter(), true)?;
        self.printer.close("VocabularyElement")
    }
}

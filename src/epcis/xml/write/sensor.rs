//! Sensor elements in XML, where fields of metadata and reports are attributes.
//!
//! A field that its schema does not take, because of its value or because it holds more fields, gets a namespace that the
//! reader takes away again; a report with fields that no attribute can be is printed with elements in their place.

use std::io::{self, Write};

use super::super::super::decimal::decimal;
use super::super::super::escape::{self, Demand};
use super::super::super::vocabulary::{SensorParts, Vocabulary, sensor_parts};
use super::EventWriter;
use crate::domain::event::{Content, Event, Node};
use crate::domain::time::Micros;

/// Whether something of the event's sensor elements needs the namespace that stands for none.
pub(super) fn has_odd_fields(event: &Event) -> bool {
    event.sensor_elements.iter().any(|element| {
        let SensorParts { metadata, reports, rest } = sensor_parts(element);
        let odd =
            |part: &&Node| !has_only_attributes(part) || fields(part).any(|field| is_plain(field) && value(field).is_none());
        metadata.len() > 1 || metadata.iter().chain(&reports).any(odd) || rest.iter().any(|part| part.name.namespace.is_empty())
    })
}

impl<W: Write> EventWriter<'_, W> {
    pub(super) fn sensors(&mut self, list: &str, event: &Event) -> io::Result<()> {
        if event.sensor_elements.is_empty() {
            return Ok(());
        }
        self.printer.open(list)?;
        for element in &event.sensor_elements {
            let SensorParts { metadata, reports, rest } = sensor_parts(element);
            self.printer.open("sensorElement")?;
            // The schema has room for one.
            let (first, mut others): (Vec<_>, Vec<_>) = metadata
                .into_iter()
                .enumerate()
                .partition(|(index, part)| *index == 0 && has_only_attributes(part));
            for (_, part) in &first {
                self.flat(part)?;
            }
            let (flat, deep): (Vec<_>, Vec<_>) = reports.into_iter().partition(|part| has_only_attributes(part));
            for part in &flat {
                self.flat(part)?;
            }
            if flat.is_empty() {
                // The schema demands one; the reader drops it.
                self.printer.raw("<sensorReport")?;
                self.printer.attribute("type", escape::NONE)?;
                self.printer.raw("/>")?;
            }
            let metadata = others.drain(..).map(|(_, part)| part);
            self.nodes(metadata.chain(deep).chain(rest), true)?;
            self.printer.close("sensorElement")?;
        }
        self.printer.close(list)
    }

    fn flat(&mut self, part: &Node) -> io::Result<()> {
        self.printer.raw(&format!("<{}", part.name.local))?;
        for field in fields(part) {
            let Some(text) = field.text() else { continue };
            match value(field).filter(|_| is_plain(field)) {
                Some(value) => self.printer.attribute(&field.name.local, &value)?,
                None => self.printer.attribute(&self.name(&field.name, true), text)?,
            }
        }
        self.printer.raw("/>")
    }
}

fn fields(part: &Node) -> std::slice::Iter<'_, Node> {
    match &part.content {
        Content::Nodes(fields) => fields.iter(),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_) => [].iter(),
    }
}

fn is_plain(field: &Node) -> bool {
    field.name.namespace.is_empty()
}

/// Whether each field can be an attribute: it holds a value, and stands once.
fn has_only_attributes(part: &Node) -> bool {
    let mut seen = std::collections::HashSet::new();
    let nested = matches!(
        &part.content,
        Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_)
    );
    !nested
        && fields(part).all(|field| {
            field.attributes.is_empty() && field.text().is_some() && seen.insert((&field.name.namespace, &field.name.local))
        })
}

/// What the attribute says, if the schema takes it.
fn value(field: &Node) -> Option<String> {
    let text = field.text()?;
    match &*field.name.local {
        // Vocabulary values are URIs in XML.
        "type" | "exception" if !text.contains(':') => reference(format!("https://gs1.org/voc/{text}")),
        "component" => reference(Vocabulary::Component.web_uri(text)),
        "value" | "minValue" | "maxValue" | "meanValue" | "sDev" | "percRank" | "percValue" => {
            decimal(text).map(|_| text.to_owned())
        }
        "booleanValue" => matches!(text, "true" | "false" | "1" | "0").then(|| text.to_owned()),
        "hexBinaryValue" => {
            let whole = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            whole.then(|| text.to_owned())
        }
        "time" | "startTime" | "endTime" => {
            let shaped = text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
            (shaped && Micros::parse(text).is_ok()).then(|| text.to_owned())
        }
        "stringValue" | "uom" => Some(text.to_owned()),
        "type"
        | "exception"
        | "deviceID"
        | "deviceMetadata"
        | "rawData"
        | "dataProcessingMethod"
        | "bizRules"
        | "uriValue"
        | "chemicalSubstance"
        | "microorganism"
        | "coordinateReferenceSystem" => reference(text.to_owned()),
        // Nobody's attribute.
        _ => None,
    }
}

fn reference(text: String) -> Option<String> {
    let good = text != escape::NONE && matches!(escape::uri(&text, Demand::Reference), std::borrow::Cow::Borrowed(_));
    good.then_some(text)
}

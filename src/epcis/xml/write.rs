//! Prints EPCIS XML, 2.0 and 1.2, in the element order of their schemas.
//!
//! Extensions declare their prefixes on the event, because its namespaces are not known before. EPCIS 1.2 cannot say
//! everything: `certificationInfo`, `persistentDisposition` and sensors have no place in it and are left out, and an
//! association event becomes none of its five; [`fits_version_1`] says so beforehand.

mod part;

use std::io::{self, Write};

use super::super::format::{DocumentKind, Format, Prefixes, offset, type_name};
use super::printer::Printer;
use crate::domain::event::{Event, EventType};
use crate::domain::time::Micros;

/// Which schema to print for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// EPCIS 1.2
    V1_2,
    /// EPCIS 2.0
    V2_0,
}

/// Whether EPCIS 1.2 can say all of the event.
#[must_use]
pub fn fits_version_1(event: &Event) -> bool {
    let only_2 =
        !event.certification_info.is_empty() || event.persistent_disposition.is_some() || !event.sensor_elements.is_empty();
    event.kind != EventType::Association && !only_2
}

/// Prints a document with these events and their record times. Association events are left out of version 1.2.
pub fn write_events<'e>(
    out: impl Write,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
    version: Version,
) -> io::Result<()> {
    let mut printer = Printer::new(out);
    let (root, prefix, family) = match format.document {
        DocumentKind::Document => ("EPCISDocument", "epcis", "urn:epcglobal:epcis:xsd:"),
        DocumentKind::Query { .. } => ("EPCISQueryDocument", "epcisq", "urn:epcglobal:epcis-query:xsd:"),
    };
    let (number, schema_version) = match version {
        Version::V1_2 => ("1", "1.2"),
        Version::V2_0 => ("2", "2.0"),
    };
    printer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    printer.raw(&format!(
        "<{prefix}:{root} xmlns:{prefix}=\"{family}{number}\" schemaVersion=\"{schema_version}\""
    ))?;
    printer.attribute("creationDate", &format.created.rfc3339())?;
    printer.raw("><EPCISBody>")?;
    if let DocumentKind::Query { name, subscription } = format.document {
        printer.raw("<epcisq:QueryResults>")?;
        printer.element("queryName", name)?;
        if let Some(subscription) = subscription {
            printer.element("subscriptionID", subscription)?;
        }
        printer.raw("<resultsBody>")?;
    }
    printer.raw("<EventList>")?;
    for (event, record_time) in events {
        if version == Version::V2_0 || event.kind != EventType::Association {
            EventWriter {
                printer: &mut printer,
                prefixes: Prefixes::of(event, &[]),
                format,
                version,
            }
            .event(event, record_time)?;
        }
    }
    printer.raw("</EventList>")?;
    if matches!(format.document, DocumentKind::Query { .. }) {
        printer.raw("</resultsBody></epcisq:QueryResults>")?;
    }
    printer.raw(&format!("</EPCISBody></{prefix}:{root}>\n"))?;
    printer.finish()
}

struct EventWriter<'p, W> {
    printer: &'p mut Printer<W>,
    prefixes: Prefixes,
    format: &'p Format<'p>,
    version: Version,
}

impl<W: Write> EventWriter<'_, W> {
    fn event(&mut self, event: &Event, record_time: Micros) -> io::Result<()> {
        let name = type_name(event.kind);
        let wrapped = self.version == Version::V1_2 && event.kind == EventType::Transformation;
        if wrapped {
            self.printer.open("extension")?;
        }
        self.printer.raw(&format!("<{name}"))?;
        for (namespace, prefix) in self.prefixes.all() {
            self.printer.attribute(&format!("xmlns:{prefix}"), namespace)?;
        }
        self.printer.raw(">")?;
        self.common(event, record_time)?;
        match event.kind {
            EventType::Object => self.object(event)?,
            EventType::Aggregation => self.aggregation(event)?,
            EventType::Association => self.association(event)?,
            EventType::Transaction => self.transaction(event)?,
            EventType::Transformation => self.transformation(event)?,
        }
        self.nodes(event.extensions.iter(), true)?;
        self.printer.close(name)?;
        if wrapped { self.printer.close("extension") } else { Ok(()) }
    }

    fn common(&mut self, event: &Event, record_time: Micros) -> io::Result<()> {
        self.printer.element("eventTime", &event.event_time.rfc3339())?;
        self.printer.element("recordTime", &record_time.rfc3339())?;
        self.printer.element("eventTimeZoneOffset", &offset(event.offset_minutes))?;
        let base = self.version == Version::V1_2 && (event.event_id.is_some() || event.error_declaration.is_some());
        if base {
            self.printer.open("baseExtension")?;
        }
        if let Some(id) = &event.event_id {
            self.printer.element("eventID", id)?;
        }
        self.error_declaration(event)?;
        if base {
            self.printer.close("baseExtension")?;
        }
        if self.version == Version::V2_0 {
            // The schema has room for one.
            if let Some(certification) = event.certification_info.first() {
                self.printer.element("certificationInfo", certification)?;
            }
        }
        Ok(())
    }

    fn object(&mut self, event: &Event) -> io::Result<()> {
        self.epcs("epcList", &event.epcs, true)?;
        self.steps(event)?;
        self.tail(event, Some("quantityList"))
    }

    fn aggregation(&mut self, event: &Event) -> io::Result<()> {
        self.parent(event)?;
        self.epcs("childEPCs", &event.epcs, true)?;
        self.steps(event)?;
        self.tail(event, Some("childQuantityList"))
    }

    /// Unlike an aggregation it has its quantities beside the children.
    fn association(&mut self, event: &Event) -> io::Result<()> {
        self.parent(event)?;
        self.epcs("childEPCs", &event.epcs, true)?;
        self.quantities("childQuantityList", &event.quantities)?;
        self.steps(event)?;
        self.tail(event, None)
    }

    fn transaction(&mut self, event: &Event) -> io::Result<()> {
        self.biz_transactions(event)?;
        self.parent(event)?;
        self.epcs("epcList", &event.epcs, true)?;
        self.action_and_places(event)?;
        self.tail(event, Some("quantityList"))
    }

    fn transformation(&mut self, event: &Event) -> io::Result<()> {
        self.epcs("inputEPCList", &event.input_epcs, false)?;
        self.quantities("inputQuantityList", &event.input_quantities)?;
        self.epcs("outputEPCList", &event.output_epcs, false)?;
        self.quantities("outputQuantityList", &event.output_quantities)?;
        if let Some(id) = &event.transformation_id {
            self.printer.element("transformationID", id)?;
        }
        self.action_and_places(event)?;
        self.biz_transactions(event)?;
        self.endpoints("sourceList", "source", &event.sources)?;
        self.endpoints("destinationList", "destination", &event.destinations)?;
        if self.version == Version::V1_2 {
            return self.ilmd(event);
        }
        self.sensors(event)?;
        self.persistent_disposition(event)?;
        self.ilmd(event)
    }

    fn steps(&mut self, event: &Event) -> io::Result<()> {
        self.action_and_places(event)?;
        self.biz_transactions(event)
    }

    /// Quantities, transfers, sensors and ILMD: flat in 2.0, inside `extension` in 1.2.
    fn tail(&mut self, event: &Event, quantities: Option<&str>) -> io::Result<()> {
        let needed =
            !(event.quantities.is_empty() && event.sources.is_empty() && event.destinations.is_empty() && event.ilmd.is_empty());
        let wrapped = self.version == Version::V1_2 && needed;
        if wrapped {
            self.printer.open("extension")?;
        }
        if let Some(name) = quantities {
            self.quantities(name, &event.quantities)?;
        }
        self.endpoints("sourceList", "source", &event.sources)?;
        self.endpoints("destinationList", "destination", &event.destinations)?;
        if self.version == Version::V2_0 {
            self.sensors(event)?;
            self.persistent_disposition(event)?;
        }
        self.ilmd(event)?;
        if wrapped { self.printer.close("extension") } else { Ok(()) }
    }
}

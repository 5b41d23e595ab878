//! Prints EPCIS XML, 2.0 and 1.2, in the element order of their schemas.
//!
//! Extensions declare their prefixes on the event, because its namespaces are not known before. EPCIS 1.2 has no place for
//! everything: `certificationInfo`, `persistentDisposition`, sensors and association events stand in it as extensions that
//! only a hub of this kind understands; [`fits_version_1`] says so beforehand. What a schema has no room for otherwise
//! stands in a disguise of `escape`.

mod header;
mod part;
mod sensor;

use std::io::{self, Write};

use super::super::document::Header;
use super::super::escape::{self, CARRIER};
use super::super::format::{DocumentKind, Format, Prefixes, offset, type_name};
use super::printer::Printer;
use crate::domain::event::{Event, EventType};
use crate::domain::time::Micros;
use header::Placed;

/// Which schema to print for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// EPCIS 1.2
    V1_2,
    /// EPCIS 2.0
    V2_0,
}

/// Whether EPCIS 1.2 can say all of the event in its own words.
#[must_use]
pub fn fits_version_1(event: &Event) -> bool {
    let only_2 =
        !event.certification_info.is_empty() || event.persistent_disposition.is_some() || !event.sensor_elements.is_empty();
    event.kind != EventType::Association && !only_2
}

/// Prints a document with these events and their record times.
pub fn write_events<'e>(
    out: impl Write,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
    version: Version,
) -> io::Result<()> {
    document(out, None, events, format, version)
}

/// Prints an `EPCISDocument` with its header, whatever the format says the document is.
pub fn write_document<'e>(
    out: impl Write,
    header: &Header,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
    version: Version,
) -> io::Result<()> {
    let format = Format {
        document: DocumentKind::Document,
        ..*format
    };
    let placed = Placed::of(header, version, format.created);
    document(out, Some(&placed), events, &format, version)
}

/// Prints the `QueryResults` of EPCIS 1.2 alone, as they stand in another message.
pub fn write_results<'e>(
    out: impl Write,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
) -> io::Result<()> {
    let mut printer = Printer::new(out);
    printer.raw("<epcisq:QueryResults xmlns:epcisq=\"urn:epcglobal:epcis-query:xsd:1\">")?;
    match format.document {
        DocumentKind::Query { name, subscription } => query(&mut printer, name, subscription)?,
        DocumentKind::Document => printer.raw("<resultsBody>")?,
    }
    list(&mut printer, events, format, Version::V1_2)?;
    printer.raw("</resultsBody></epcisq:QueryResults>")?;
    printer.finish()
}

/// What stands before the events of a query.
fn query<W: Write>(printer: &mut Printer<W>, name: &str, subscription: Option<&str>) -> io::Result<()> {
    printer.element("queryName", name)?;
    if let Some(subscription) = subscription {
        printer.element("subscriptionID", subscription)?;
    }
    printer.raw("<resultsBody>")
}

fn list<'e, W: Write>(
    printer: &mut Printer<W>,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
    version: Version,
) -> io::Result<()> {
    printer.raw("<EventList>")?;
    for (event, record_time) in events {
        EventWriter {
            printer,
            prefixes: prefixes_of(event, version),
            format,
            version,
        }
        .event(event, record_time)?;
    }
    printer.raw("</EventList>")
}

fn document<'e>(
    out: impl Write,
    header: Option<&Placed>,
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
    let uri = format!("{family}{number}");
    let mut prefixes = Prefixes::new(&[RESERVED[0], (prefix, &uri)]);
    if let Some(header) = header {
        header.prefixes(&mut prefixes);
    }
    for (namespace, prefix) in prefixes.declared() {
        printer.attribute(&format!("xmlns:{prefix}"), namespace)?;
    }
    printer.raw(">")?;
    let mut around = EventWriter {
        printer: &mut printer,
        prefixes,
        format,
        version,
    };
    if let Some(header) = header {
        around.header(header)?;
    }
    let prefixes = around.prefixes;
    printer.raw("<EPCISBody>")?;
    if let DocumentKind::Query { name, subscription } = format.document {
        printer.raw("<epcisq:QueryResults>")?;
        query(&mut printer, name, subscription)?;
    }
    list(&mut printer, events, format, version)?;
    if matches!(format.document, DocumentKind::Query { .. }) {
        printer.raw("</resultsBody></epcisq:QueryResults>")?;
    }
    printer.raw("</EPCISBody>")?;
    if let Some(header) = header {
        EventWriter {
            printer: &mut printer,
            prefixes,
            format,
            version,
        }
        .behind(header)?;
    }
    printer.raw(&format!("</{prefix}:{root}>\n"))?;
    printer.finish()
}

/// The namespace every XML document knows by this prefix, which may not be declared otherwise.
const RESERVED: &[(&str, &str)] = &[("xml", "http://www.w3.org/XML/1998/namespace")];

fn prefixes_of(event: &Event, version: Version) -> Prefixes {
    let mut prefixes = Prefixes::of(event, RESERVED);
    if sensor::has_odd_fields(event) {
        prefixes.add(escape::NO_NAMESPACE, "");
    }
    let crowded = event.certification_info.len() > 1;
    if crowded || (version == Version::V1_2 && !fits_version_1(event)) {
        prefixes.add(CARRIER, "");
    }
    prefixes
}

struct EventWriter<'p, W> {
    printer: &'p mut Printer<W>,
    prefixes: Prefixes,
    format: &'p Format<'p>,
    version: Version,
}

impl<W: Write> EventWriter<'_, W> {
    fn event(&mut self, event: &Event, record_time: Micros) -> io::Result<()> {
        let carried = self.version == Version::V1_2 && event.kind == EventType::Association;
        let name = if carried {
            self.carried(type_name(event.kind))
        } else {
            type_name(event.kind).to_owned()
        };
        let wrapped = self.version == Version::V1_2 && event.kind == EventType::Transformation;
        if wrapped {
            self.printer.open("extension")?;
        }
        self.printer.raw(&format!("<{name}"))?;
        for (namespace, prefix) in self.prefixes.declared() {
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
        self.crowded_out(event)?;
        self.nodes(event.extensions.iter(), true)?;
        self.printer.close(&name)?;
        if wrapped { self.printer.close("extension") } else { Ok(()) }
    }

    /// The name of a field that stands where its schema does not have it.
    fn carried(&self, name: &str) -> String {
        format!("{}:{name}", self.prefixes.get(CARRIER))
    }

    /// Fields of 2.0 for which the schema has no room.
    fn crowded_out(&mut self, event: &Event) -> io::Result<()> {
        let placed = usize::from(self.version == Version::V2_0);
        for certification in event.certification_info.iter().skip(placed) {
            self.uri(&self.carried("certificationInfo"), certification)?;
        }
        if self.version == Version::V1_2 {
            self.sensors(&self.carried("sensorElementList"), event)?;
            self.persistent_disposition(&self.carried("persistentDisposition"), event)?;
        }
        Ok(())
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
            self.uri("eventID", id)?;
        }
        self.error_declaration(event)?;
        if base {
            self.printer.close("baseExtension")?;
        }
        if self.version == Version::V2_0 {
            // The schema has room for one.
            if let Some(certification) = event.certification_info.first() {
                self.uri("certificationInfo", certification)?;
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
            self.uri("transformationID", id)?;
        }
        self.action_and_places(event)?;
        self.biz_transactions(event)?;
        self.endpoints("sourceList", "source", &event.sources)?;
        self.endpoints("destinationList", "destination", &event.destinations)?;
        if self.version == Version::V1_2 {
            return self.ilmd(event);
        }
        self.sensors("sensorElementList", event)?;
        self.persistent_disposition("persistentDisposition", event)?;
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
            self.sensors("sensorElementList", event)?;
            self.persistent_disposition("persistentDisposition", event)?;
        }
        self.ilmd(event)?;
        if wrapped { self.printer.close("extension") } else { Ok(()) }
    }
}

//! Prints EPCIS 2.0 JSON-LD, valid under the ratified 2.0.0 schema.
//!
//! Events are printed as they come, so prefixes of extensions are declared with each event: its namespaces are not
//! known before. Attributes of XML extensions become members, their text `#text`; `xsi:` hints are left out.

mod node;

use std::io::{self, Write};

use super::printer::Printer;
use crate::domain::event::{Event, EventType, Location, Quantity, SourceDest, Term};
use crate::domain::gs1::Epc;
use crate::domain::time::Micros;
use crate::epcis::context::STANDARD;
use crate::epcis::format::{DocumentKind, Format, Prefixes, action_name, offset, type_name};

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Prints a document with these events and their record times.
pub fn write_events<'e>(
    out: impl Write,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
) -> io::Result<()> {
    let mut printer = Printer::new(out);
    printer.open(b'{')?;
    printer.key("@context")?;
    printer.open(b'[')?;
    printer.string(CONTEXT)?;
    printer.close(b']')?;
    printer.member(
        "type",
        match format.document {
            DocumentKind::Document => "EPCISDocument",
            DocumentKind::Query { .. } => "EPCISQueryDocument",
        },
    )?;
    printer.member("schemaVersion", "2.0")?;
    printer.member("creationDate", &format.created.rfc3339())?;
    printer.key("epcisBody")?;
    printer.open(b'{')?;
    if let DocumentKind::Query { name, subscription } = format.document {
        printer.key("queryResults")?;
        printer.open(b'{')?;
        if let Some(subscription) = subscription {
            printer.member("subscriptionID", subscription)?;
        }
        printer.member("queryName", name)?;
        printer.key("resultsBody")?;
        printer.open(b'{')?;
    }
    printer.key("eventList")?;
    printer.open(b'[')?;
    for (event, record_time) in events {
        EventWriter {
            printer: &mut printer,
            prefixes: Prefixes::of(event, STANDARD),
            format,
        }
        .event(event, record_time, false)?;
    }
    printer.close(b']')?;
    if matches!(format.document, DocumentKind::Query { .. }) {
        printer.close(b'}')?;
        printer.close(b'}')?;
    }
    printer.close(b'}')?;
    printer.close(b'}')?;
    printer.finish()
}

/// Prints one event as a document of its own, as `GET /events/{eventID}` answers.
pub fn write_event(out: impl Write, event: &Event, record_time: Micros, format: &Format<'_>) -> io::Result<()> {
    let mut printer = Printer::new(out);
    EventWriter {
        printer: &mut printer,
        prefixes: Prefixes::of(event, STANDARD),
        format,
    }
    .event(event, record_time, true)?;
    printer.finish()
}

struct EventWriter<'p, W> {
    printer: &'p mut Printer<W>,
    prefixes: Prefixes,
    format: &'p Format<'p>,
}

impl<W: Write> EventWriter<'_, W> {
    fn event(&mut self, event: &Event, record_time: Micros, alone: bool) -> io::Result<()> {
        self.printer.open(b'{')?;
        self.context(alone)?;
        self.printer.member("type", type_name(event.kind))?;
        self.optional("eventID", event.event_id.as_deref())?;
        self.printer.member("eventTime", &event.event_time.rfc3339())?;
        self.printer.member("recordTime", &record_time.rfc3339())?;
        self.printer.member("eventTimeZoneOffset", &offset(event.offset_minutes))?;
        self.error_declaration(event)?;
        if !event.certification_info.is_empty() {
            self.strings("certificationInfo", event.certification_info.iter().map(|uri| &**uri))?;
        }
        self.what(event)?;
        self.why(event)?;
        self.location("readPoint", event.read_point.as_ref())?;
        self.location("bizLocation", event.biz_location.as_ref())?;
        self.transfers(event)?;
        self.sensors(event)?;
        if !event.ilmd.is_empty() {
            self.printer.key("ilmd")?;
            self.printer.open(b'{')?;
            self.nodes(event.ilmd.iter(), true)?;
            self.printer.close(b'}')?;
        }
        self.nodes(event.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    fn context(&mut self, alone: bool) -> io::Result<()> {
        let declared = self.prefixes.all().get(STANDARD.len()..).unwrap_or_default();
        if declared.is_empty() && !alone {
            return Ok(());
        }
        self.printer.key("@context")?;
        self.printer.open(b'[')?;
        if alone {
            self.printer.string(CONTEXT)?;
        }
        for (namespace, prefix) in declared {
            self.printer.open(b'{')?;
            self.printer.member(prefix, namespace)?;
            self.printer.close(b'}')?;
        }
        self.printer.close(b']')
    }

    fn what(&mut self, event: &Event) -> io::Result<()> {
        let has_children = matches!(event.kind, EventType::Aggregation | EventType::Association);
        if let Some(parent) = &event.parent {
            self.printer.member("parentID", &self.format.epc(parent))?;
        }
        let empty = event.kind == EventType::Object
            && event.epcs.is_empty()
            && event.quantities.is_empty()
            && event.sensor_elements.is_empty();
        if empty {
            // The schema demands the member where nothing else says what the event is about.
            self.strings("epcList", std::iter::empty())?;
        }
        self.epcs(if has_children { "childEPCs" } else { "epcList" }, &event.epcs)?;
        self.quantities(
            if has_children { "childQuantityList" } else { "quantityList" },
            &event.quantities,
        )?;
        self.epcs("inputEPCList", &event.input_epcs)?;
        self.quantities("inputQuantityList", &event.input_quantities)?;
        self.epcs("outputEPCList", &event.output_epcs)?;
        self.quantities("outputQuantityList", &event.output_quantities)?;
        self.optional("transformationID", event.transformation_id.as_deref())
    }

    fn why(&mut self, event: &Event) -> io::Result<()> {
        self.optional("action", event.action.map(action_name))?;
        self.optional("bizStep", event.biz_step.as_ref().map(Term::as_str))?;
        self.optional("disposition", event.disposition.as_ref().map(Term::as_str))?;
        let Some(persistent) = &event.persistent_disposition else {
            return Ok(());
        };
        self.printer.key("persistentDisposition")?;
        self.printer.open(b'{')?;
        for (key, terms) in [("set", &persistent.set), ("unset", &persistent.unset)] {
            if !terms.is_empty() {
                self.strings(key, terms.iter().map(Term::as_str))?;
            }
        }
        self.printer.close(b'}')
    }

    fn transfers(&mut self, event: &Event) -> io::Result<()> {
        if !event.biz_transactions.is_empty() {
            self.printer.key("bizTransactionList")?;
            self.printer.open(b'[')?;
            for transaction in &event.biz_transactions {
                self.printer.open(b'{')?;
                self.optional("type", transaction.kind.as_ref().map(Term::as_str))?;
                self.printer.member("bizTransaction", &self.format.id(&transaction.id))?;
                self.printer.close(b'}')?;
            }
            self.printer.close(b']')?;
        }
        self.endpoints("sourceList", "source", &event.sources)?;
        self.endpoints("destinationList", "destination", &event.destinations)
    }

    fn endpoints(&mut self, list: &str, key: &str, endpoints: &[SourceDest]) -> io::Result<()> {
        if endpoints.is_empty() {
            return Ok(());
        }
        self.printer.key(list)?;
        self.printer.open(b'[')?;
        for endpoint in endpoints {
            self.printer.open(b'{')?;
            self.printer.member("type", endpoint.kind.as_str())?;
            self.printer.member(key, &self.format.epc(&endpoint.id))?;
            self.printer.close(b'}')?;
        }
        self.printer.close(b']')
    }

    fn error_declaration(&mut self, event: &Event) -> io::Result<()> {
        let Some(declaration) = &event.error_declaration else {
            return Ok(());
        };
        self.printer.key("errorDeclaration")?;
        self.printer.open(b'{')?;
        self.printer
            .member("declarationTime", &declaration.declaration_time.rfc3339())?;
        self.optional("reason", declaration.reason.as_ref().map(Term::as_str))?;
        if !declaration.corrective_event_ids.is_empty() {
            self.strings("correctiveEventIDs", declaration.corrective_event_ids.iter().map(|id| &**id))?;
        }
        self.nodes(declaration.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    fn location(&mut self, key: &str, location: Option<&Location>) -> io::Result<()> {
        let Some(location) = location else { return Ok(()) };
        self.printer.key(key)?;
        self.printer.open(b'{')?;
        self.printer.member("id", &self.format.epc(&location.id))?;
        self.nodes(location.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    fn epcs(&mut self, key: &str, list: &[Epc]) -> io::Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        self.printer.key(key)?;
        self.printer.open(b'[')?;
        for epc in list {
            self.printer.string(&self.format.epc(epc))?;
        }
        self.printer.close(b']')
    }

    fn quantities(&mut self, key: &str, list: &[Quantity]) -> io::Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        self.printer.key(key)?;
        self.printer.open(b'[')?;
        for quantity in list {
            self.printer.open(b'{')?;
            self.printer.member("epcClass", &self.format.class(&quantity.class))?;
            if let Some(amount) = &quantity.quantity {
                self.printer.key("quantity")?;
                self.printer.raw(amount)?;
            }
            self.optional("uom", quantity.uom.as_deref())?;
            self.printer.close(b'}')?;
        }
        self.printer.close(b']')
    }

    fn optional(&mut self, key: &str, text: Option<&str>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.printer.member(key, text))
    }

    fn strings<'s>(&mut self, key: &str, texts: impl Iterator<Item = &'s str>) -> io::Result<()> {
        self.printer.key(key)?;
        self.printer.open(b'[')?;
        for text in texts {
            self.printer.string(text)?;
        }
        self.printer.close(b']')
    }
}

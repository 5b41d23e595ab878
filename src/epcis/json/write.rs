//! Prints EPCIS 2.0 JSON-LD, valid under the ratified 2.0.0 schema.
//!
//! Events are printed as they come, so prefixes of extensions are declared with each event: its namespaces are not
//! known before. Attributes of XML extensions become members, their text `#text`; `xsi:` hints are left out. What the schema
//! has no room for stands in a disguise of `escape`.

mod header;
mod node;
mod nothing;
mod sensor;

use std::collections::HashSet;
use std::io::{self, Write};

use super::printer::Printer;
use crate::domain::event::{Event, EventType, Location, Quantity, SourceDest, Term};
use crate::domain::gs1::Epc;
use crate::domain::time::Micros;
use crate::epcis::context::STANDARD;
use crate::epcis::document::Header;
use crate::epcis::escape::{self, Demand};
use crate::epcis::format::{DocumentKind, Format, Prefixes, action_name, offset, type_name};
use crate::epcis::header::form::Form;
use crate::epcis::vocabulary::Vocabulary;
use nothing::{Nothing, nothing_named};

pub(in crate::epcis) const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Prints a document with these events and their record times.
pub fn write_events<'e>(
    out: impl Write,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
) -> io::Result<()> {
    document(out, None, events, format)
}

/// Prints an `EPCISDocument` with its header, whatever the format says the document is: a query document has no header.
pub fn write_document<'e>(
    out: impl Write,
    header: &Header,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
) -> io::Result<()> {
    let format = Format {
        document: DocumentKind::Document,
        ..*format
    };
    document(out, Some(header), events, &format)
}

fn document<'e>(
    out: impl Write,
    above: Option<&Header>,
    events: impl IntoIterator<Item = (&'e Event, Micros)>,
    format: &Format<'_>,
) -> io::Result<()> {
    let mut printer = Printer::new(out);
    let form = above.map(Form::of).unwrap_or_default();
    let prefixes = header::prefixes(&form);
    printer.open(b'{')?;
    printer.key("@context")?;
    printer.open(b'[')?;
    printer.string(CONTEXT)?;
    for (namespace, prefix) in prefixes.declared() {
        printer.open(b'{')?;
        printer.member(prefix, namespace)?;
        printer.close(b'}')?;
    }
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
    if let Some(header) = above {
        EventWriter {
            printer: &mut printer,
            prefixes,
            format,
        }
        .header(header, &form)?;
    }
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
            prefixes: prefixes_of(event),
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
        prefixes: prefixes_of(event),
        format,
    }
    .event(event, record_time, true)?;
    printer.finish()
}

fn prefixes_of(event: &Event) -> Prefixes {
    let mut prefixes = Prefixes::of(event, STANDARD);
    if sensor::has_odd_fields(event) {
        prefixes.add(escape::NO_NAMESPACE, "");
    }
    prefixes
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
        self.uri("eventID", event.event_id.as_deref())?;
        self.printer.member("eventTime", &event.event_time.rfc3339())?;
        self.printer.member("recordTime", &record_time.rfc3339())?;
        self.printer.member("eventTimeZoneOffset", &offset(event.offset_minutes))?;
        self.error_declaration(event)?;
        if !event.certification_info.is_empty() {
            self.uris("certificationInfo", &event.certification_info)?;
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
        let declared = self.prefixes.declared();
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
        let parent = event.parent.as_ref().map(|parent| self.format.epc(parent));
        // The schema asks for what a reader who may not see it does not get.
        let missing = (event.kind == EventType::Association).then_some(escape::NONE);
        self.uri("parentID", parent.as_deref().or(missing))?;
        match nothing_named(event) {
            Some(Nothing::Empty) => self.list("epcList", std::iter::empty())?,
            Some(Nothing::Marked(lists)) => lists
                .iter()
                .try_for_each(|list| self.list(list, std::iter::once(escape::NONE)))?,
            None => {}
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
        self.uri("transformationID", event.transformation_id.as_deref())
    }

    fn why(&mut self, event: &Event) -> io::Result<()> {
        self.optional("action", event.action.map(action_name))?;
        self.term("bizStep", Vocabulary::BizStep, event.biz_step.as_ref())?;
        self.term("disposition", Vocabulary::Disposition, event.disposition.as_ref())?;
        let Some(persistent) = &event.persistent_disposition else {
            return Ok(());
        };
        self.printer.key("persistentDisposition")?;
        self.printer.open(b'{')?;
        for (key, terms) in [("set", &persistent.set), ("unset", &persistent.unset)] {
            let mut spelt: Vec<String> = terms.iter().map(|term| term_text(Vocabulary::Disposition, term)).collect();
            // The schema wants each once.
            let mut seen = HashSet::new();
            spelt.retain(|text| seen.insert(text.clone()));
            if !spelt.is_empty() {
                self.list(key, spelt.iter().map(String::as_str))?;
            }
        }
        self.printer.close(b'}')
    }

    fn transfers(&mut self, event: &Event) -> io::Result<()> {
        let hidden = event.kind == EventType::Transaction && event.biz_transactions.is_empty();
        if hidden || !event.biz_transactions.is_empty() {
            self.printer.key("bizTransactionList")?;
            self.printer.open(b'[')?;
            for transaction in &event.biz_transactions {
                self.printer.open(b'{')?;
                self.term("type", Vocabulary::BizTransactionType, transaction.kind.as_ref())?;
                self.uri("bizTransaction", Some(&self.format.id(&transaction.id)))?;
                self.printer.close(b'}')?;
            }
            if hidden {
                self.printer.open(b'{')?;
                self.printer.member("bizTransaction", escape::NONE)?;
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
            self.term("type", Vocabulary::SourceDestType, Some(&endpoint.kind))?;
            self.uri(key, Some(&self.format.epc(&endpoint.id)))?;
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
        self.term("reason", Vocabulary::ErrorReason, declaration.reason.as_ref())?;
        if !declaration.corrective_event_ids.is_empty() {
            self.uris("correctiveEventIDs", &declaration.corrective_event_ids)?;
        }
        self.nodes(declaration.extensions.iter(), true)?;
        self.printer.close(b'}')
    }

    fn location(&mut self, key: &str, location: Option<&Location>) -> io::Result<()> {
        let Some(location) = location else { return Ok(()) };
        self.printer.key(key)?;
        self.printer.open(b'{')?;
        self.uri("id", Some(&self.format.epc(&location.id)))?;
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
            self.printer.string(&escape::uri(&self.format.epc(epc), Demand::Absolute))?;
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
            self.uri("epcClass", Some(&self.format.class(&quantity.class)))?;
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

    /// A member that holds a URI.
    fn uri(&mut self, key: &str, text: Option<&str>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.printer.member(key, &escape::uri(text, Demand::Absolute)))
    }

    fn term(&mut self, key: &str, vocabulary: Vocabulary, term: Option<&Term>) -> io::Result<()> {
        term.map_or(Ok(()), |term| self.printer.member(key, &term_text(vocabulary, term)))
    }

    fn uris(&mut self, key: &str, texts: &[Box<str>]) -> io::Result<()> {
        self.printer.key(key)?;
        self.printer.open(b'[')?;
        for text in texts {
            self.printer.string(&escape::uri(text, Demand::Absolute))?;
        }
        self.printer.close(b']')
    }

    fn list<'s>(&mut self, key: &str, texts: impl Iterator<Item = &'s str>) -> io::Result<()> {
        self.printer.key(key)?;
        self.printer.open(b'[')?;
        for text in texts {
            self.printer.string(text)?;
        }
        self.printer.close(b']')
    }
}

/// The bare name of what CBV has; a URI of anything else. Old spellings of CBV are no URIs to the schema.
fn term_text(vocabulary: Vocabulary, term: &Term) -> String {
    let text = term.as_str();
    if vocabulary.has(text) {
        return text.to_owned();
    }
    let web = vocabulary.web_uri(text);
    let refused = ["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"];
    if !escape::is_uri(&web) || refused.iter().any(|old| web.starts_with(old)) {
        return escape::never_a_uri(text);
    }
    web
}

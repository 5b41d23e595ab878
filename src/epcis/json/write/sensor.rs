//! Sensor elements in JSON-LD.
//!
//! The schema knows the fields of metadata and reports and what each may hold. A field that it does not know, that stands
//! twice or holds something else is printed with a namespace that the reader takes away again.

use std::io::{self, Write};

use super::EventWriter;
use crate::domain::event::{Content, Event, Node};
use crate::domain::time::Micros;
use crate::epcis::decimal::{decimal, is_json_number};
use crate::epcis::escape;
use crate::epcis::vocabulary::measurement::{self, METADATA_FIELDS, REPORT_FIELDS};
use crate::epcis::vocabulary::{Vocabulary, sensor_parts};

/// Whether a sensor element of the event has something that the schema refuses as it is.
pub(super) fn has_odd_fields(event: &Event) -> bool {
    let odd_part = |part: &Node, index: usize| match &*part.name.local {
        "sensorMetadata" if index == 0 => split(part, METADATA_FIELDS)
            .1
            .iter()
            .any(|field| field.name.namespace.is_empty()),
        "sensorReport" => split(part, REPORT_FIELDS)
            .1
            .iter()
            .any(|field| field.name.namespace.is_empty()),
        _ => part.name.namespace.is_empty(),
    };
    event.sensor_elements.iter().any(|element| {
        let parts = sensor_parts(element);
        let metadata = parts.metadata.iter().enumerate().any(|(index, part)| odd_part(part, index));
        metadata || parts.reports.iter().any(|part| odd_part(part, 0)) || parts.rest.iter().any(|part| odd_part(part, 0))
    })
}

impl<W: Write> EventWriter<'_, W> {
    pub(super) fn sensors(&mut self, event: &Event) -> io::Result<()> {
        if event.sensor_elements.is_empty() {
            return Ok(());
        }
        self.printer.key("sensorElementList")?;
        self.printer.open(b'[')?;
        for element in &event.sensor_elements {
            let parts = sensor_parts(element);
            self.printer.open(b'{')?;
            if let Some(metadata) = parts.metadata.first() {
                self.printer.key("sensorMetadata")?;
                self.part(metadata, METADATA_FIELDS)?;
            }
            self.printer.key("sensorReport")?;
            self.printer.open(b'[')?;
            for report in &parts.reports {
                self.part(report, REPORT_FIELDS)?;
            }
            self.printer.close(b']')?;
            // The schema has room for one.
            let more = parts.metadata.iter().skip(1);
            self.nodes(more.chain(&parts.rest).copied(), true)?;
            self.printer.close(b'}')?;
        }
        self.printer.close(b']')
    }

    fn part(&mut self, part: &Node, known: &[&str]) -> io::Result<()> {
        let (fields, others) = split(part, known);
        self.printer.open(b'{')?;
        let typed = fields.iter().any(|(field, _)| &*field.name.local == "type");
        if known == REPORT_FIELDS && !typed {
            // The standard's text is content with an exception; its JSON schema is not.
            self.printer.member("type", escape::NONE)?;
        }
        for (field, value) in fields {
            self.printer.key(&field.name.local)?;
            match value {
                Value::Text(text) => self.printer.string(&text)?,
                Value::Bare(text) => self.printer.raw(&text)?,
            }
        }
        self.nodes(others.into_iter(), true)?;
        self.printer.close(b'}')
    }
}

enum Value {
    Text(String),
    /// A number or word of JSON.
    Bare(String),
}

/// Fields as the schema takes them, and the others.
fn split<'n>(part: &'n Node, known: &[&str]) -> (Vec<(&'n Node, Value)>, Vec<&'n Node>) {
    let (mut good, mut others): (Vec<(&Node, Value)>, Vec<&Node>) = (Vec::new(), Vec::new());
    let Content::Nodes(fields) = &part.content else {
        return (good, others);
    };
    for field in fields {
        let local = &*field.name.local;
        let is_known = field.name.namespace.is_empty() && (known.contains(&local) || local == "bizRules");
        let first = !good.iter().any(|(earlier, _)| *earlier.name.local == *local);
        match value(field).filter(|_| is_known && first && field.attributes.is_empty()) {
            Some(value) => good.push((field, value)),
            None => others.push(field),
        }
    }
    (good, others)
}

/// The value of a known field, if the schema takes it.
fn value(field: &Node) -> Option<Value> {
    let text = field.text()?;
    let found = match &*field.name.local {
        "type" => named(text, measurement::bare(text))?,
        "exception" => {
            let bare = text
                .strip_prefix("gs1:")
                .or_else(|| text.strip_prefix("https://gs1.org/voc/"))
                .unwrap_or(text);
            named(
                text,
                Some(bare).filter(|bare| matches!(*bare, "ALARM_CONDITION" | "ERROR_CONDITION")),
            )?
        }
        "component" => {
            let read = Vocabulary::Component.read(text);
            super::term_text(Vocabulary::Component, &read.term)
        }
        "value" | "minValue" | "maxValue" | "meanValue" | "sDev" | "percRank" | "percValue" => {
            return if is_json_number(text) {
                Some(Value::Bare(text.to_owned()))
            } else {
                decimal(text).map(Value::Bare)
            };
        }
        "booleanValue" => {
            let word = match text {
                "true" | "1" => "true",
                "false" | "0" => "false",
                _ => return None,
            };
            return Some(Value::Bare(word.to_owned()));
        }
        "hexBinaryValue" if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) => return None,
        "time" | "startTime" | "endTime" if !is_time(text) => return None,
        "hexBinaryValue" | "time" | "startTime" | "endTime" | "stringValue" | "uom" => text.to_owned(),
        _ if escape::is_uri(text) => text.to_owned(),
        _ => return None,
    };
    Some(Value::Text(found))
}

/// RFC 3339 as the schema has it: the readers take a little more.
fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z') && Micros::parse(text).is_ok()
}

/// A name of the GS1 Web Vocabulary is bare where the schema has it, and else a compact URI: the full one is refused.
fn named(text: &str, bare: Option<&str>) -> Option<String> {
    if let Some(bare) = bare {
        return Some(bare.to_owned());
    }
    let local = text.strip_prefix("https://gs1.org/voc/");
    let spelt = match local {
        Some(local) => format!("gs1:{local}"),
        None if text.contains(':') => text.to_owned(),
        None => format!("gs1:{text}"),
    };
    let refused = [
        "http://gs1.org/voc/",
        "http://www.gs1.org/voc/",
        "https://www.gs1.org/voc/",
        escape::NONE,
    ];
    (escape::is_uri(&spelt) && !refused.iter().any(|start| spelt.starts_with(start))).then_some(spelt)
}

//! The JSON-LD reader: goes through the frame of the document and fills one tree for each event.

use std::io::BufRead;

use super::super::document::{Document, Header, ParsedEvent, Syntax};
use super::super::reading::{Reading, quoted};
use super::super::schema::{self, json::Body};
use super::super::tree::{Kind, RawName, Tree};
use super::super::{ParseLimits, build, header};
use super::lexer::{Keys, Lexer};
use crate::domain::event::Node;
use crate::domain::finding::{Finding, FindingCode};

/// Reads a document; see [`super::super::read_events`].
pub(in crate::epcis) fn read(
    input: impl BufRead,
    limits: &ParseLimits,
    sink: &mut dyn FnMut(ParsedEvent),
) -> Result<Document, Vec<Finding>> {
    let mut reading = Reading::new(Syntax::Json, limits, sink);
    let mut json = Json {
        lexer: Lexer::new(input, limits.depth),
        rest: Tree::default(),
        event: Tree::default(),
        waiting: Vec::new(),
        context_known: false,
        bodied: false,
        body: Body::default(),
        extensions: Vec::new(),
    };
    match json.document(&mut reading) {
        Ok((schema_version, header)) if !reading.findings.refused() => Ok(Document {
            syntax: Syntax::Json,
            schema_version,
            header,
            events: Vec::new(),
            left_out: reading.left_out,
            findings: reading.findings.finish(),
        }),
        Ok(_) => Err(reading.findings.finish()),
        Err(fatal) => {
            reading.findings.push(fatal);
            Err(reading.findings.finish())
        }
    }
}

struct Json<R> {
    lexer: Lexer<R>,
    /// The document without its events; or the event, where the document is one.
    rest: Tree,
    event: Tree,
    /// Events that came before `@context`: they can be understood only at the end.
    waiting: Vec<(Tree, String)>,
    context_known: bool,
    /// Whether `epcisBody` was met.
    bodied: bool,
    /// What of it was met.
    body: Body,
    /// Extensions met between the frames of the body.
    extensions: Vec<Node>,
}

impl<R: BufRead> Json<R> {
    fn document(&mut self, reading: &mut Reading<'_>) -> Result<(String, Header), Finding> {
        if self.lexer.byte_order_mark()? {
            let detail = "the text begins with a byte order mark; JSON has none";
            reading
                .findings
                .push(Finding::new(FindingCode::StructureCorrected, "1:1", detail));
        }
        let found = self.lexer.peek()?;
        if found == Some(b'[') {
            return Err(Finding::new(FindingCode::UnknownDocument, "", "the document is an array"));
        }
        self.lexer.enter(b'{')?;
        self.rest.open(Kind::Object, RawName::default());
        let mut keys = Keys::default();
        let mut first = true;
        while self.lexer.more(&mut first, b'}')? {
            let key = self.lexer.key()?;
            self.lexer.unique(&mut keys, &key)?;
            if key == "epcisBody" && self.lexer.peek()? == Some(b'{') {
                self.bodied = true;
                self.body(reading)?;
            } else {
                self.lexer.value(reading, &mut self.rest, &key, "")?;
            }
            if key == "@context" {
                self.declare(reading);
            }
        }
        self.rest.close();
        if let Some(byte) = self.lexer.peek()? {
            return Err(self.lexer.unexpected(Some(byte), "the end"));
        }
        for (tree, base) in std::mem::take(&mut self.waiting) {
            reading.event(&tree, &base)?;
        }
        self.finish(reading)
    }

    fn declare(&mut self, reading: &mut Reading<'_>) {
        self.context_known = true;
        if let Some(context) = self.rest.root().and_then(|root| root.get("@context")) {
            reading.contexts.declare(context);
        }
    }

    fn finish(&mut self, reading: &mut Reading<'_>) -> Result<(String, Header), Finding> {
        let mut header = Header::default();
        let Some(root) = self.rest.root() else {
            return Ok((String::new(), header));
        };
        let text = |key: &str| {
            root.get(key)
                .and_then(|found| found.text())
                .map_or_else(String::new, |text| text.trim().to_owned())
        };
        let kind = if root.get("type").is_some() {
            text("type")
        } else {
            text("isA")
        };
        header.extensions.append(&mut self.extensions);
        match kind.strip_prefix("epcis:").unwrap_or(&kind) {
            "EPCISDocument" | "EPCISQueryDocument" => {
                schema::json::document(reading, root, self.bodied.then_some(&self.body));
                if root.get("type").is_none() {
                    build::is_a(reading, root, "");
                }
                header::json(reading, root, &mut header);
                if !self.bodied {
                    let detail = "the document has no `epcisBody`";
                    reading.find(FindingCode::MissingField, root, "", detail);
                }
            }
            name if build::is_event_name(name) => reading.event(&self.rest, "")?,
            other => {
                let detail = if kind.is_empty() {
                    "the document has no `type`".to_owned()
                } else {
                    format!("the type is {}", quoted(other))
                };
                return Err(Finding::new(FindingCode::UnknownDocument, "/type", detail));
            }
        }
        header::complete(&mut header);
        Ok((text("schemaVersion"), header))
    }

    /// `epcisBody`: an event list, the results of a query, or a single event.
    fn body(&mut self, reading: &mut Reading<'_>) -> Result<(), Finding> {
        self.frame(
            |json, reading, key, path| match key {
                "eventList" => {
                    json.body.event_list = true;
                    json.events(reading, path)
                }
                "event" => json.one(reading, path),
                "queryResults" => json.results(reading, path),
                _ => json.other(reading, key, path),
            },
            reading,
            "/epcisBody",
        )
    }

    fn results(&mut self, reading: &mut Reading<'_>, path: &str) -> Result<(), Finding> {
        self.body.query_results = true;
        self.frame(
            |json, reading, key, path| match key {
                "resultsBody" => {
                    json.body.results_body = true;
                    json.frame(
                        |json, reading, key, path| match key {
                            "eventList" => {
                                json.body.result_list = true;
                                json.events(reading, path)
                            }
                            _ => json.other(reading, key, path),
                        },
                        reading,
                        path,
                    )
                }
                "queryName" | "subscriptionID" => {
                    json.body.query_name |= key == "queryName";
                    json.skip(reading, path)
                }
                _ => json.other(reading, key, path),
            },
            reading,
            path,
        )
    }

    /// Walks the members of an object that only frames the events.
    fn frame(
        &mut self,
        member: fn(&mut Self, &mut Reading<'_>, &str, &str) -> Result<(), Finding>,
        reading: &mut Reading<'_>,
        path: &str,
    ) -> Result<(), Finding> {
        self.lexer.enter(b'{')?;
        let mut keys = Keys::default();
        let mut first = true;
        while self.lexer.more(&mut first, b'}')? {
            let key = self.lexer.key()?;
            self.lexer.unique(&mut keys, &key)?;
            member(self, reading, &key, &format!("{path}/{key}"))?;
        }
        Ok(())
    }

    fn events(&mut self, reading: &mut Reading<'_>, path: &str) -> Result<(), Finding> {
        if self.lexer.peek()? == Some(b'{') {
            reading
                .findings
                .push(Finding::new(FindingCode::SchemaKind, path, "must be an array"));
            return self.one(reading, path);
        }
        self.lexer.enter(b'[')?;
        let mut first = true;
        let mut index = 0;
        while self.lexer.more(&mut first, b']')? {
            self.one(reading, &format!("{path}/{index}"))?;
            index += 1;
        }
        Ok(())
    }

    fn one(&mut self, reading: &mut Reading<'_>, base: &str) -> Result<(), Finding> {
        self.event.clear();
        self.lexer.value(reading, &mut self.event, "", base)?;
        if self.event.root().is_some_and(|root| root.kind() != Kind::Object) {
            return Err(Finding::new(FindingCode::InvalidValue, base, "an event is an object"));
        }
        if self.context_known {
            return reading.event(&self.event, base);
        }
        if self.waiting.len() >= reading.limits.events {
            return Err(Finding::new(
                FindingCode::TooManyEvents,
                base,
                format!("more than {} events", reading.limits.events),
            ));
        }
        self.waiting.push((std::mem::take(&mut self.event), base.to_owned()));
        Ok(())
    }

    fn skip(&mut self, reading: &mut Reading<'_>, path: &str) -> Result<(), Finding> {
        self.event.clear();
        self.lexer.value(reading, &mut self.event, "", path)?;
        if self.event.root().is_some_and(|root| root.kind() != Kind::Text) {
            reading
                .findings
                .push(Finding::new(FindingCode::SchemaKind, path, "must be a string"));
        }
        Ok(())
    }

    fn other(&mut self, reading: &mut Reading<'_>, key: &str, path: &str) -> Result<(), Finding> {
        self.event.clear();
        self.event.open(Kind::Object, RawName::default());
        self.lexer.value(reading, &mut self.event, key, path)?;
        self.event.close();
        if self.context_known && key.contains(':') {
            let member = self.event.root().and_then(|root| root.get(key));
            member
                .into_iter()
                .for_each(|member| build::nodes(reading, member, path, &mut self.extensions));
            return Ok(());
        }
        reading.findings.push(Finding::new(
            FindingCode::UnexpectedField,
            path,
            format!("{} does not belong here", quoted(key)),
        ));
        Ok(())
    }
}

//! The XML reader: finds header and events, fills one tree for each.

use std::collections::HashSet;
use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::escape::{self, EscapeError};
use quick_xml::events::{BytesRef, BytesStart, Event as Token};

use super::super::document::{Document, Header, ParsedEvent, Syntax};
use super::super::escape::CARRIER;
use super::super::format::SCHEMA_INSTANCE;
use super::super::reading::{Reading, quoted};
use super::super::schema::tables::{self, Element};
use super::super::schema::xml::{Child, Verdict};
use super::super::tree::{Kind, RawName, Tree};
use super::super::{ParseLimits, build, header, schema};
use super::frame::Frames;
use super::lines::Lines;
use super::scope::Scope;
use crate::domain::finding::{Finding, FindingCode};

/// Reads a document; see [`super::super::read_events`].
pub(in crate::epcis) fn read(
    input: impl BufRead,
    limits: &ParseLimits,
    sink: &mut dyn FnMut(ParsedEvent),
) -> Result<Document, Vec<Finding>> {
    let mut reading = Reading::new(Syntax::Xml2, limits, sink);
    let mut xml = Xml::new(input, limits);
    match xml.document(&mut reading) {
        Ok(()) if !reading.findings.refused() => {
            header::complete(&mut xml.header);
            Ok(Document {
                syntax: reading.syntax,
                schema_version: xml.schema_version,
                header: xml.header,
                events: Vec::new(),
                left_out: reading.left_out,
                findings: reading.findings.finish(),
            })
        }
        Ok(()) => Err(reading.findings.finish()),
        Err(fatal) => {
            reading.findings.push(fatal);
            Err(reading.findings.finish())
        }
    }
}

/// What an element is to the reader.
enum Role {
    /// `EPCISBody`, `EventList` and the like: walked through.
    Frame,
    Event,
    Header,
    /// The vocabularies of a document of master data.
    MasterData,
    /// A namespaced element of the document itself.
    Extension,
    /// Anything else.
    Foreign,
}

/// Whether a root is one of those that are read.
fn is_document(local: &str) -> bool {
    matches!(local, "EPCISDocument" | "EPCISQueryDocument" | "EPCISMasterDataDocument")
}

struct Xml<R> {
    reader: Reader<Lines<R>>,
    scope: Scope,
    frames: Frames,
    depth: usize,
    max_depth: usize,
    /// Whether `EPCISBody` was met, or is not asked for.
    bodied: bool,
    tree: Tree,
    header: Header,
    schema_version: String,
}

impl<R: BufRead> Xml<R> {
    fn new(input: R, limits: &ParseLimits) -> Self {
        let mut reader = Reader::from_reader(Lines::new(input));
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self {
            reader,
            scope: Scope::default(),
            frames: Frames::default(),
            depth: 0,
            max_depth: limits.depth.min(256),
            bodied: false,
            tree: Tree::default(),
            header: Header::default(),
            schema_version: String::new(),
        }
    }

    fn malformed(&self, detail: impl Into<String>) -> Finding {
        Finding::new(FindingCode::Malformed, self.reader.get_ref().place(), detail)
    }

    fn dtd(&self, detail: impl Into<String>) -> Finding {
        Finding::new(FindingCode::DtdForbidden, self.reader.get_ref().place(), detail)
    }

    /// The next token that matters; comments and processing instructions do not.
    fn token<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<Token<'b>, Finding> {
        buffer.clear();
        let token = match self.reader.read_event_into(buffer) {
            Ok(token) => token,
            Err(error) => return Err(self.malformed(error.to_string())),
        };
        match token {
            Token::DocType(_) => Err(self.dtd("the document has a document type declaration")),
            Token::Decl(declaration) => match declaration.encoding() {
                Some(Ok(encoding)) if !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "us-ascii") => {
                    Err(self.malformed(format!("the encoding {} is not UTF-8", quoted(&encoding))))
                }
                Some(Err(error)) => Err(self.malformed(error.to_string())),
                Some(Ok(_)) | None => Ok(Token::Decl(declaration)),
            },
            other => Ok(other),
        }
    }

    fn document(&mut self, reading: &mut Reading<'_>) -> Result<(), Finding> {
        let mut buffer = Vec::new();
        let mut rooted = false;
        loop {
            match self.token(&mut buffer)? {
                Token::Start(start) if self.frames.is_empty() && rooted => {
                    return Err(self.malformed(format!("a second root element {}", quoted(start.name().0))));
                }
                Token::Start(start) if self.frames.is_empty() => {
                    rooted = true;
                    self.root(reading, &start)?;
                }
                Token::Start(start) => self.element(reading, &start)?,
                Token::End(_) => {
                    if let Some((code, detail)) = self.frames.cursor().missing() {
                        reading.findings.push(Finding::new(code, self.frames.here(), detail));
                    }
                    self.frames.leave();
                    self.depth -= 1;
                    self.scope.leave(self.depth);
                }
                Token::Text(text) if self.frames.is_empty() && !text.trim().is_empty() => {
                    return Err(self.malformed("text outside the root element"));
                }
                Token::CData(_) | Token::GeneralRef(_) if self.frames.is_empty() => {
                    return Err(self.malformed("text outside the root element"));
                }
                Token::GeneralRef(reference) => {
                    self.resolve(&reference)?;
                    self.stray(reading);
                }
                Token::Text(text) if !text.trim().is_empty() => self.stray(reading),
                Token::CData(_) => self.stray(reading),
                Token::Text(_) | Token::Comment(_) | Token::PI(_) | Token::Decl(_) => {}
                Token::Empty(_) | Token::DocType(_) => return Err(self.malformed("an unexpected token")),
                Token::Eof if !rooted || !self.frames.is_empty() => return Err(self.malformed("the document ends early")),
                Token::Eof if !self.bodied => {
                    let finding = Finding::new(FindingCode::MissingField, "", "the document has no `EPCISBody`");
                    reading.findings.push(finding);
                    return Ok(());
                }
                Token::Eof => return Ok(()),
            }
        }
    }

    fn root(&mut self, reading: &mut Reading<'_>, start: &BytesStart<'_>) -> Result<(), Finding> {
        let namespace = self.enter(reading, start)?;
        let local = start.local_name().into_inner().to_owned();
        let uri = reading.namespaces.uri(namespace);
        let version = uri
            .strip_prefix("urn:epcglobal:epcis:xsd:")
            .or_else(|| uri.strip_prefix("urn:epcglobal:epcis-query:xsd:"))
            .or_else(|| uri.strip_prefix("urn:epcglobal:epcis-masterdata:xsd:"));
        let syntax = match version {
            Some("1") => Some(Syntax::Xml1),
            Some("2") => Some(Syntax::Xml2),
            Some(_) | None => None,
        };
        let bare_event = build::is_event_name(&local) && (uri.is_empty() || syntax.is_some());
        if !bare_event && (syntax.is_none() || !is_document(&local)) {
            let detail = format!("the root is {} in the namespace {}", quoted(&local), quoted(uri));
            return Err(Finding::new(FindingCode::UnknownDocument, format!("/{local}"), detail));
        }
        reading.syntax = syntax.unwrap_or(Syntax::Xml2);
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            if attribute.key.0 == "schemaVersion" {
                attribute.value.trim().clone_into(&mut self.schema_version);
            }
        }
        if bare_event {
            self.bodied = true;
            self.subtree(reading, start, namespace, &format!("/{local}"))?;
            let tree = std::mem::take(&mut self.tree);
            return reading.event(&tree, &format!("/{local}"));
        }
        // The namespace of a document is that of its kind; the schemas know no other pair.
        let kind = match local.as_str() {
            "EPCISDocument" => "epcis",
            "EPCISQueryDocument" => "epcis-query",
            _ => "epcis-masterdata",
        };
        if !reading
            .namespaces
            .uri(namespace)
            .starts_with(&format!("urn:epcglobal:{kind}:xsd:"))
        {
            let detail = format!("{} is not of this namespace in any schema", quoted(&local));
            reading
                .findings
                .push(Finding::new(FindingCode::SchemaNamespace, format!("/{local}"), detail));
        }
        let declared = tables::document(reading.syntax, &local);
        self.frame(reading, start, namespace, &local, declared)
    }

    fn element(&mut self, reading: &mut Reading<'_>, start: &BytesStart<'_>) -> Result<(), Finding> {
        let namespace = self.enter(reading, start)?;
        let local = start.local_name().into_inner().to_owned();
        // A prefix that stands for no namespace: an extension of that kind, printed by the hub.
        let disguised = namespace == 0 && self.depth == 2 && start.name().prefix().is_some();
        let role = self.role(reading, &local, namespace);
        let declared = if disguised {
            None
        } else {
            self.place(reading, &role, &local, namespace)
        };
        match role {
            Role::Foreign if disguised => self.extension(reading, start, namespace, &local)?,
            Role::Frame => {
                self.bodied |= local == "EPCISBody";
                self.frame(reading, start, namespace, &local, declared)?;
            }
            Role::MasterData => {
                let base = self.frames.path(&local);
                self.subtree(reading, start, namespace, &base)?;
                let tree = std::mem::take(&mut self.tree);
                if let Some(root) = tree.root() {
                    schema::xml::element(reading, root, &base, &tables::VOCABULARIES);
                    root.members()
                        .for_each(|vocabulary| build::nodes(reading, vocabulary, &base, &mut self.header.master_data));
                }
            }
            Role::Event => {
                let base = self.frames.next_path(&local);
                self.subtree(reading, start, namespace, &base)?;
                let tree = std::mem::take(&mut self.tree);
                reading.event(&tree, &base)?;
                self.tree = tree;
            }
            Role::Header => {
                let base = self.frames.path(&local);
                self.subtree(reading, start, namespace, &base)?;
                let tree = std::mem::take(&mut self.tree);
                if let Some(root) = tree.root() {
                    if let Some(declared) = declared {
                        schema::xml::element(reading, root, &base, declared);
                    }
                    header::xml(reading, root, &base, &mut self.header);
                }
            }
            Role::Extension => self.extension(reading, start, namespace, &local)?,
            Role::Foreign if self.frames.contains("EPCISQueryDocument") && self.frames.innermost() == "EPCISBody" => {
                let detail = format!("{} is of the query interface: it holds no events", quoted(&local));
                return Err(Finding::new(FindingCode::UnknownDocument, self.frames.path(&local), detail));
            }
            Role::Foreign => {
                let base = self.frames.path(&local);
                self.subtree(reading, start, namespace, &base)?;
                let detail = format!("{} does not belong here", quoted(&local));
                reading
                    .findings
                    .push(Finding::new(FindingCode::UnexpectedField, base, detail));
            }
        }
        Ok(())
    }

    /// Enters a frame; its attributes are held against the schema.
    fn frame(
        &mut self,
        reading: &mut Reading<'_>,
        start: &BytesStart<'_>,
        namespace: u32,
        local: &str,
        declared: Option<&'static Element>,
    ) -> Result<(), Finding> {
        self.frames.enter(local, declared);
        let Some(declared) = declared else { return Ok(()) };
        self.tree.clear();
        self.open(reading, start, namespace)?;
        if let Some(root) = self.tree.root() {
            schema::xml::attributes(reading, root, &self.frames.here(), declared);
        }
        self.tree.clear();
        Ok(())
    }

    /// What the schema declares the next child of the innermost frame as; where it has no such child here, a finding says so.
    fn place(&mut self, reading: &mut Reading<'_>, role: &Role, local: &str, namespace: u32) -> Option<&'static Element> {
        let child = Child {
            namespace: reading.namespaces.uri(namespace),
            local,
            target: schema::xml::target(reading.syntax),
        };
        match self.frames.child(child) {
            Verdict::Known(declared) => Some(declared),
            Verdict::Lax | Verdict::Unknown => None,
            Verdict::Unexpected(code, declared) => {
                if reading.deviates(self.frames.innermost(), local) {
                    let detail = schema::xml::unexpected(local);
                    let finding = Finding::new(code, self.frames.path(local), detail);
                    reading.findings.push(match role {
                        Role::Event => finding.at_event(reading.count),
                        Role::Frame | Role::MasterData | Role::Header | Role::Extension | Role::Foreign => finding,
                    });
                }
                declared
            }
        }
    }

    /// Text between the elements of a frame.
    fn stray(&self, reading: &mut Reading<'_>) {
        if self.frames.cursor().texted() {
            return;
        }
        let detail = "text stands where only elements may";
        reading
            .findings
            .push(Finding::new(FindingCode::SchemaKind, self.frames.here(), detail));
    }

    /// Keeps an element of the document that is no part of the standard.
    fn extension(
        &mut self,
        reading: &mut Reading<'_>,
        start: &BytesStart<'_>,
        namespace: u32,
        local: &str,
    ) -> Result<(), Finding> {
        let base = self.frames.path(local);
        self.subtree(reading, start, namespace, &base)?;
        if let Some(root) = self.tree.root() {
            schema::xml::lax(reading, root, &base);
            build::nodes(reading, root, &base, &mut self.header.extensions);
        }
        Ok(())
    }

    fn role(&self, reading: &Reading<'_>, local: &str, namespace: u32) -> Role {
        let uri = reading.namespaces.uri(namespace);
        let carried_event = uri == CARRIER && build::is_event_name(local);
        let standard = uri.is_empty() || uri.starts_with("urn:epcglobal:epcis") || carried_event;
        let parent = self.frames.innermost();
        match (parent, local) {
            _ if !standard => Role::Extension,
            ("EventList" | "extension", name) if build::is_event_name(name) => Role::Event,
            ("EventList" | "extension", "extension") if self.frames.contains("EventList") => Role::Frame,
            (document, "EPCISHeader") if is_document(document) => Role::Header,
            (document, "EPCISBody") if is_document(document) => Role::Frame,
            ("EPCISBody" | "resultsBody", "VocabularyList") if !self.frames.contains("EPCISDocument") => Role::MasterData,
            ("EPCISBody" | "resultsBody", "EventList") | ("EPCISBody", "QueryResults") => Role::Frame,
            ("QueryResults", "queryName" | "subscriptionID" | "resultsBody") => Role::Frame,
            (_, _) => Role::Foreign,
        }
    }

    /// Counts the element in, binds its prefixes and resolves its own.
    fn enter(&mut self, reading: &mut Reading<'_>, start: &BytesStart<'_>) -> Result<u32, Finding> {
        self.depth += 1;
        if self.depth > self.max_depth {
            let detail = format!("nested deeper than {}", self.max_depth);
            return Err(Finding::new(FindingCode::TooDeep, self.reader.get_ref().place(), detail));
        }
        self.allowed(start)?;
        self.distinct(start)?;
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            let prefix = match attribute.key.0.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) if rest.starts_with(':') => &rest[1..],
                Some(_) | None => continue,
            };
            let uri = self.unescape(&attribute.value)?;
            let namespace = reading.namespaces.intern(&uri);
            self.scope.bind(self.depth, prefix, namespace);
        }
        let prefix = start.name().prefix().map_or("", |prefix| prefix.into_inner());
        self.namespace(reading, prefix)
    }

    /// XML 1.0 clause 3.1: no attribute twice. Here by a set, for the parser itself compares each with all before it.
    fn distinct(&self, start: &BytesStart<'_>) -> Result<(), Finding> {
        let mut names = HashSet::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            if !names.insert(attribute.key.0) {
                return Err(self.malformed(format!("the attribute {} stands twice", quoted(attribute.key.0))));
            }
        }
        Ok(())
    }

    fn namespace(&self, reading: &mut Reading<'_>, prefix: &str) -> Result<u32, Finding> {
        self.scope.lookup(prefix, &mut reading.namespaces).ok_or_else(|| {
            let detail = format!("nothing declares the prefix {}", quoted(prefix));
            Finding::new(FindingCode::UndeclaredPrefix, self.reader.get_ref().place(), detail)
        })
    }

    /// Reads an element that was entered, with all inside, into `self.tree`.
    fn subtree(&mut self, reading: &mut Reading<'_>, start: &BytesStart<'_>, namespace: u32, base: &str) -> Result<(), Finding> {
        self.tree.clear();
        self.open(reading, start, namespace)?;
        let mut buffer = Vec::new();
        loop {
            match self.token(&mut buffer)? {
                Token::Start(start) => {
                    let namespace = self.enter(reading, &start)?;
                    self.open(reading, &start, namespace)?;
                    reading.check_size(&self.tree, base)?;
                }
                Token::End(_) => {
                    self.depth -= 1;
                    self.scope.leave(self.depth);
                    if !self.tree.close() {
                        return Ok(());
                    }
                }
                Token::Text(text) => self.text(&text.xml10_content())?,
                Token::CData(text) => self.text(&text.xml10_content())?,
                Token::GeneralRef(reference) => {
                    let character = self.resolve(&reference)?;
                    self.tree.text(character.encode_utf8(&mut [0; 4]));
                }
                Token::Comment(_) | Token::PI(_) => {}
                Token::Empty(_) | Token::Decl(_) | Token::DocType(_) => return Err(self.malformed("an unexpected token")),
                Token::Eof => return Err(self.malformed("the document ends early")),
            }
        }
    }

    fn open(&mut self, reading: &mut Reading<'_>, start: &BytesStart<'_>, namespace: u32) -> Result<(), Finding> {
        let (local, prefix) = start.name().decompose();
        let prefix = prefix.map_or("", |prefix| prefix.into_inner());
        self.tree.open(
            Kind::Object,
            RawName {
                namespace,
                prefix,
                local: local.into_inner(),
            },
        );
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error.to_string()))?;
            let key = attribute.key.0;
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            let (local, prefix) = attribute.key.decompose();
            let prefix = prefix.map_or("", |prefix| prefix.into_inner());
            let namespace = if prefix.is_empty() {
                0
            } else {
                self.namespace(reading, prefix)?
            };
            let value = self.unescape(&attribute.value)?;
            let typed = local.into_inner() == "type" && reading.namespaces.uri(namespace) == SCHEMA_INSTANCE;
            self.tree.leaf(
                Kind::Attribute,
                RawName {
                    namespace,
                    prefix,
                    local: local.into_inner(),
                },
                &value,
            );
            let prefix = value.trim().split_once(':').map_or("", |(prefix, _)| prefix);
            if let Some(named) = self.scope.lookup(prefix, &mut reading.namespaces).filter(|_| typed) {
                self.tree.name_namespace(named);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Finding> {
        self.allowed(text)?;
        self.tree.text(text);
        Ok(())
    }

    /// XML 1.0 clause 2.2; the parser itself lets such characters pass.
    fn allowed(&self, text: &str) -> Result<(), Finding> {
        if text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
            return Err(self.malformed("a control character that XML does not allow"));
        }
        Ok(())
    }

    fn resolve(&self, reference: &BytesRef<'_>) -> Result<char, Finding> {
        match reference.resolve_char_ref() {
            Ok(Some(character)) if character >= ' ' || matches!(character, '\t' | '\n' | '\r') => Ok(character),
            Ok(Some(_)) => Err(self.malformed("a control character that XML does not allow")),
            Err(error) => Err(self.malformed(error.to_string())),
            Ok(None) => match &**reference {
                "lt" => Ok('<'),
                "gt" => Ok('>'),
                "amp" => Ok('&'),
                "quot" => Ok('"'),
                "apos" => Ok('\''),
                other => Err(self.dtd(format!("the entity {}", quoted(other)))),
            },
        }
    }

    fn unescape<'v>(&self, value: &'v str) -> Result<std::borrow::Cow<'v, str>, Finding> {
        let text = escape::unescape(value).map_err(|error| match error {
            EscapeError::UnrecognizedEntity(_, name) => self.dtd(format!("the entity {}", quoted(&name))),
            other => self.malformed(other.to_string()),
        })?;
        self.allowed(&text)?;
        Ok(text)
    }
}

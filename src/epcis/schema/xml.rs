//! Walks an XML element along its declaration.

use super::super::document::Syntax;
use super::super::format::SCHEMA_INSTANCE;
use super::super::reading::{Reading, quoted};
use super::super::tree::{Kind, View};
use super::datatype::Datatype;
use super::tables::{self, Content, Element, Particle, Term};
use crate::domain::finding::FindingCode;

const XML_SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// What a container makes of a child.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) enum Verdict {
    /// It stands where it is declared; or its container has gone wrong already, and this is what its name is declared as.
    Known(&'static Element),
    /// A wildcard takes it.
    Lax,
    /// It does not stand here; what its name is declared as, if anything.
    Unexpected(FindingCode, Option<&'static Element>),
    /// Nothing can be said any more.
    Unknown,
}

/// How far a container has been read.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) struct Cursor {
    /// `None` where nothing is known of the container.
    declared: Option<&'static Element>,
    /// The particle that took the last child.
    at: usize,
    /// How many it has taken.
    count: usize,
    failed: bool,
}

/// The name of a child, and the namespace that its schema is of.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) struct Child<'a> {
    pub(in crate::epcis) namespace: &'a str,
    pub(in crate::epcis) local: &'a str,
    pub(in crate::epcis) target: &'a str,
}

impl Cursor {
    pub(in crate::epcis) const fn new(declared: Option<&'static Element>) -> Self {
        Self {
            declared,
            at: 0,
            count: 0,
            failed: declared.is_none(),
        }
    }

    /// Takes the next child.
    pub(in crate::epcis) fn child(&mut self, child: Child<'_>) -> Verdict {
        let Some(particles) = self.particles() else {
            return Verdict::Lax;
        };
        if self.failed {
            return named(particles, child).map_or(Verdict::Unknown, Verdict::Known);
        }
        match self.take(particles, child) {
            Some(Term::Local(_, declared) | Term::Header(_, declared) | Term::Query(_, declared)) => Verdict::Known(declared),
            Some(Term::Other | Term::Local0) => Verdict::Lax,
            None => {
                self.failed = true;
                let declared = named(particles, child);
                let qualified = declared.is_some() && !particles.iter().any(|particle| takes(particle, child));
                let code = if qualified {
                    FindingCode::SchemaNamespace
                } else {
                    FindingCode::SchemaOrder
                };
                Verdict::Unexpected(code, declared)
            }
        }
    }

    fn particles(&self) -> Option<&'static [Particle]> {
        match self.declared.map(|declared| &declared.content) {
            Some(Content::Sequence(particles) | Content::Choice(particles) | Content::One(particles)) => Some(particles),
            Some(Content::Simple(_)) => Some(&[]),
            Some(Content::Anything) => None,
            None => Some(&[]),
        }
    }

    fn take(&mut self, particles: &'static [Particle], child: Child<'_>) -> Option<Term> {
        match self.declared.map(|declared| &declared.content) {
            Some(Content::Choice(_)) => particles
                .iter()
                .find(|particle| takes(particle, child))
                .map(|found| found.term),
            Some(Content::One(_)) => {
                self.count += 1;
                let first = self.count == 1;
                particles
                    .iter()
                    .filter(|_| first)
                    .find(|particle| takes(particle, child))
                    .map(|found| found.term)
            }
            Some(Content::Sequence(_)) => self.next(particles, child),
            Some(Content::Simple(_) | Content::Anything) | None => None,
        }
    }

    fn next(&mut self, particles: &'static [Particle], child: Child<'_>) -> Option<Term> {
        while let Some(particle) = particles.get(self.at) {
            if takes(particle, child) && (particle.many || self.count == 0) {
                self.count += 1;
                return Some(particle.term);
            }
            if particle.needed && self.count == 0 {
                return None;
            }
            self.at += 1;
            self.count = 0;
        }
        None
    }

    /// Whether text may stand between the children.
    pub(in crate::epcis) fn texted(&self) -> bool {
        match self.declared.map(|declared| &declared.content) {
            Some(Content::Sequence(_) | Content::Choice(_) | Content::One(_)) => false,
            Some(Content::Simple(_) | Content::Anything) | None => true,
        }
    }

    /// What is missing at the end.
    pub(in crate::epcis) fn missing(&self) -> Option<(FindingCode, String)> {
        if self.failed {
            return None;
        }
        let needed = match self.declared.map(|declared| &declared.content) {
            Some(Content::Sequence(particles)) => {
                let open = particles.iter().enumerate().skip(self.at);
                open.filter(|(at, _)| *at > self.at || self.count == 0)
                    .map(|(_, particle)| particle)
                    .find(|particle| particle.needed)
            }
            Some(Content::One(particles)) if self.count == 0 => particles.first(),
            Some(Content::One(_) | Content::Choice(_) | Content::Simple(_) | Content::Anything) | None => None,
        };
        needed.map(|particle| {
            let name = match particle.term {
                Term::Local(name, _) | Term::Header(name, _) | Term::Query(name, _) => format!("`{name}`"),
                Term::Other | Term::Local0 => "an element".to_owned(),
            };
            let code = if particle.many {
                FindingCode::SchemaEmptyList
            } else {
                FindingCode::SchemaMissing
            };
            (code, format!("the schema asks for {name} inside"))
        })
    }
}

fn takes(particle: &Particle, child: Child<'_>) -> bool {
    match particle.term {
        Term::Local(name, _) => child.namespace.is_empty() && name == child.local,
        Term::Header(name, _) => child.namespace == tables::SBDH && name == child.local,
        Term::Query(name, _) => child.namespace.starts_with(tables::QUERY) && name == child.local,
        Term::Other => !child.namespace.is_empty() && child.namespace != child.target,
        Term::Local0 => child.namespace.is_empty(),
    }
}

/// What a name is declared as, whatever its namespace and place.
fn named(particles: &'static [Particle], child: Child<'_>) -> Option<&'static Element> {
    let standard = child.namespace.is_empty() || child.namespace.starts_with("urn:epcglobal:") || child.namespace == tables::SBDH;
    particles
        .iter()
        .filter(|_| standard)
        .find_map(|particle| match particle.term {
            Term::Local(name, declared) | Term::Header(name, declared) | Term::Query(name, declared) if name == child.local => {
                Some(declared)
            }
            Term::Local(..) | Term::Header(..) | Term::Query(..) | Term::Other | Term::Local0 => None,
        })
}

/// The target namespace of the schema of events.
pub(in crate::epcis) const fn target(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::Xml1 => "urn:epcglobal:epcis:xsd:1",
        Syntax::Xml2 | Syntax::Json => "urn:epcglobal:epcis:xsd:2",
    }
}

/// Holds an element with all inside against its declaration.
pub(in crate::epcis) fn element(reading: &mut Reading<'_>, view: View<'_>, base: &str, declared: &'static Element) {
    attributes(reading, view, base, declared);
    if declared.nillable && nil(reading, view) {
        return;
    }
    match &declared.content {
        Content::Simple(datatype) => match view.text() {
            Some(text) => value(reading, view, base, *datatype, &text),
            None => reading.find(FindingCode::SchemaKind, view, base, "must hold text and no elements"),
        },
        Content::Anything => view.members().for_each(|child| lax(reading, child, base)),
        Content::Sequence(_) | Content::Choice(_) | Content::One(_) => content(reading, view, base, declared),
    }
}

/// Whether it says that it has no value, and has none.
fn nil(reading: &Reading<'_>, view: View<'_>) -> bool {
    let mut own = view.children().take_while(|child| child.kind() == Kind::Attribute);
    let said = own.any(|attribute| {
        let uri = reading.namespaces.uri(attribute.namespace());
        uri == SCHEMA_INSTANCE && attribute.local() == "nil" && matches!(attribute.value().trim(), "true" | "1")
    });
    said && view.text().is_some_and(|text| text.is_empty())
}

fn content(reading: &mut Reading<'_>, view: View<'_>, base: &str, declared: &'static Element) {
    let target = if declared.header {
        tables::SBDH
    } else {
        target(reading.syntax)
    };
    let mut cursor = Cursor::new(Some(declared));
    for child in view.children() {
        match child.kind() {
            Kind::Attribute => {}
            Kind::Object => {
                let name = Child {
                    namespace: reading.namespaces.uri(child.namespace()),
                    local: child.local(),
                    target,
                };
                match cursor.child(name) {
                    Verdict::Known(declared) => element(reading, child, base, declared),
                    Verdict::Lax => lax(reading, child, base),
                    Verdict::Unexpected(code, declared) => {
                        if reading.deviates(view.local(), child.local()) {
                            reading.find(code, child, base, unexpected(child.local()));
                        }
                        declared
                            .into_iter()
                            .for_each(|declared| element(reading, child, base, declared));
                    }
                    Verdict::Unknown => {}
                }
            }
            Kind::Text if child.value().trim().is_empty() => {}
            Kind::Text | Kind::Array | Kind::Number | Kind::Bool | Kind::Null => {
                reading.find(FindingCode::SchemaKind, child, base, "text stands where only elements may");
            }
        }
    }
    if let Some((code, detail)) = cursor.missing() {
        reading.find(code, view, base, detail);
    }
}

/// What is said of an element out of place.
pub(in crate::epcis) fn unexpected(local: &str) -> String {
    format!(
        "{} does not stand here in the schema of this version; reported once",
        quoted(local)
    )
}

fn value(reading: &mut Reading<'_>, view: View<'_>, base: &str, datatype: Datatype, text: &str) {
    if !datatype.holds(text) {
        let detail = format!("{} is no {}", quoted(text.trim()), datatype.name());
        reading.find(FindingCode::SchemaValue, view, base, detail);
    }
}

/// Holds the attributes of an element against its declaration.
pub(in crate::epcis) fn attributes(reading: &mut Reading<'_>, view: View<'_>, base: &str, declared: &'static Element) {
    for attribute in view.children().take_while(|child| child.kind() == Kind::Attribute) {
        let uri = reading.namespaces.uri(attribute.namespace());
        if uri == SCHEMA_INSTANCE {
            typed(reading, view, attribute, base);
            continue;
        }
        let known = declared
            .attributes
            .iter()
            .find(|known| uri.is_empty() && known.name == attribute.local());
        match known {
            Some(known) => value(reading, attribute, base, known.datatype, attribute.value()),
            None if declared.open => {}
            None => {
                let detail = format!("the schema has no attribute {} here", quoted(attribute.local()));
                reading.find(FindingCode::SchemaUnknown, attribute, base, detail);
            }
        }
    }
    for needed in declared.attributes.iter().filter(|attribute| attribute.needed) {
        let mut own = view.children().take_while(|child| child.kind() == Kind::Attribute);
        if !own.any(|attribute| attribute.namespace() == 0 && attribute.local() == needed.name) {
            let detail = format!("the schema asks for the attribute `{}`", needed.name);
            reading.find(FindingCode::SchemaMissing, view, base, detail);
        }
    }
}

/// What a wildcard takes: its own type, if it names one, and what is inside.
pub(in crate::epcis) fn lax(reading: &mut Reading<'_>, view: View<'_>, base: &str) {
    if reading.namespaces.uri(view.namespace()) == tables::SBDH && view.local() == "StandardBusinessDocumentHeader" {
        return element(reading, view, base, &tables::HEADER);
    }
    for attribute in view.children().take_while(|child| child.kind() == Kind::Attribute) {
        if reading.namespaces.uri(attribute.namespace()) == SCHEMA_INSTANCE {
            typed(reading, view, attribute, base);
        }
    }
    view.members().for_each(|child| lax(reading, child, base));
}

/// `xsi:type`: there must be such a type, and the element be of it.
fn typed(reading: &mut Reading<'_>, view: View<'_>, attribute: View<'_>, base: &str) {
    if attribute.local() != "type" {
        return;
    }
    let local = attribute.value().trim().rsplit(':').next().unwrap_or("");
    let namespace = attribute.named_namespace().map(|number| reading.namespaces.uri(number));
    let built_in = namespace
        .filter(|uri| *uri == XML_SCHEMA)
        .and_then(|_| Datatype::built_in(local));
    match (namespace, built_in) {
        (_, Some(None)) => {}
        (_, Some(Some(datatype))) => {
            let text = view.text().unwrap_or_default();
            value(reading, view, base, datatype, &text);
        }
        (Some(uri), None) if uri.starts_with("urn:epcglobal:") || uri == tables::SBDH => {}
        (Some(_) | None, None) => {
            let detail = format!("{} is no type that the schema knows", quoted(attribute.value()));
            reading.find(FindingCode::SchemaValue, attribute, base, detail);
        }
    }
}

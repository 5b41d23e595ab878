//! Namespaces of a document: the URIs met, and what JSON-LD prefixes stand for.
//!
//! No context is ever fetched: the prefixes of the standard EPCIS context are built in, those of inline objects are
//! read. What a foreign context URL defines is unknown: prefixes that only it can declare stand for that URL, so that
//! extensions are kept and two contexts' names are never taken for one another.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::escape::{self, NO_NAMESPACE};
use super::tree::{Kind, View};
use crate::domain::event::{CBV_MDA, Name};

/// Interned namespace URIs; 0 is the empty one.
#[derive(Debug)]
pub(super) struct Namespaces {
    uris: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self {
            uris: vec!["".into()],
            numbers: HashMap::from([("".into(), 0)]),
        }
    }
}

impl Namespaces {
    /// The number of a URI, the same for the same URI.
    pub(super) fn intern(&mut self, uri: &str) -> u32 {
        let uri = normalized(uri);
        if let Some(number) = self.numbers.get(uri) {
            return *number;
        }
        let number = self.uris.len() as u32;
        self.uris.push(uri.into());
        self.numbers.insert(uri.into(), number);
        number
    }

    /// The URI of a number this gave.
    pub(super) fn uri(&self, id: u32) -> &str {
        &self.uris[id as usize]
    }
}

/// Our own word for "no namespace" is undone. The master data namespace is met with `:` and `#` behind it; they mean the same one.
fn normalized(uri: &str) -> &str {
    let uri = uri.trim();
    if uri == NO_NAMESPACE {
        return "";
    }
    if uri.strip_prefix(CBV_MDA).is_some_and(|rest| matches!(rest, ":" | "#" | "/")) {
        CBV_MDA
    } else {
        uri
    }
}

/// Prefixes that the EPCIS 2.0 JSON-LD context declares.
pub(super) const STANDARD: &[(&str, &str)] = &[
    ("epcis", "https://ref.gs1.org/epcis/"),
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", CBV_MDA),
    ("gs1", "https://gs1.org/voc/"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dcterms", "http://purl.org/dc/terms/"),
];

/// What `@context` of the document declares.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    declared: HashMap<Box<str>, Box<str>>,
    vocab: Option<Box<str>>,
    /// The last context URL that is not the standard's own.
    foreign: Option<Box<str>>,
    /// Prefixes that were taken for its own.
    told: HashSet<Box<str>>,
}

impl Contexts {
    /// Takes in a `@context` value: a URL, an object, or a list of both.
    pub(super) fn declare(&mut self, context: View<'_>) {
        if let Some(url) = foreign_url(context) {
            self.foreign = Some(url.into());
        }
        for item in context_objects(context) {
            for member in item.children().filter(|member| member.kind() == Kind::Text) {
                if member.local() == "@vocab" {
                    self.vocab = Some(normalized(member.value()).into());
                } else {
                    self.declared.insert(member.local().into(), normalized(member.value()).into());
                }
            }
        }
    }

    /// The name of a member, or the prefix that nothing declares.
    pub(super) fn name(&self, member: View<'_>) -> Result<Name, Box<str>> {
        let key = member.local();
        let Some((prefix, local)) = key.split_once(':') else {
            return Ok(self.term(key, member));
        };
        if local.starts_with("//") || prefix == "urn" {
            return Ok(split_uri(key));
        }
        let local_declaration = if member.tree.has_context() {
            declared_around(member, prefix)
        } else {
            None
        };
        let namespace = local_declaration
            .or_else(|| self.declared.get(prefix).map(|uri| Cow::Borrowed(&**uri)))
            .or_else(|| {
                STANDARD
                    .iter()
                    .find(|(known, _)| *known == prefix)
                    .map(|(_, uri)| Cow::Borrowed(*uri))
            });
        match namespace {
            Some(namespace) => Ok(Name {
                namespace: namespace.as_ref().into(),
                local: escape::from_json_key(local).into(),
                prefix: prefix.into(),
            }),
            None => Err(prefix.into()),
        }
    }

    /// The name of a member whose prefix only a foreign context can declare, and whether the prefix is met the first time;
    /// `None` if there is no such context.
    pub(super) fn foreign_name(&mut self, member: View<'_>) -> Option<(Name, bool)> {
        let (prefix, local) = member.local().split_once(':')?;
        // It becomes a prefix of XML again.
        let good = prefix.starts_with(|first: char| first.is_ascii_alphabetic())
            && prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !good {
            return None;
        }
        let around = if member.tree.has_context() {
            foreign_around(member)
        } else {
            None
        };
        let url = around.or(self.foreign.as_deref())?;
        let name = Name {
            namespace: format!("{url}#").into(),
            local: local.into(),
            prefix: prefix.into(),
        };
        let first = self.told.insert(prefix.into());
        Some((name, first))
    }

    /// A key without prefix: a term of an inline context, or of `@vocab`, or in no namespace.
    fn term(&self, key: &str, member: View<'_>) -> Name {
        let around = if member.tree.has_context() {
            declared_around(member, key)
        } else {
            None
        };
        if let Some(uri) = around.or_else(|| self.declared.get(key).map(|uri| Cow::Borrowed(&**uri))) {
            return split_uri(&uri);
        }
        let vocab = if member.tree.has_context() {
            declared_around(member, "@vocab")
        } else {
            None
        };
        let namespace = vocab.or_else(|| self.vocab.as_deref().map(Cow::Borrowed)).unwrap_or_default();
        Name {
            namespace: namespace.as_ref().into(),
            local: key.into(),
            prefix: "".into(),
        }
    }
}

/// Looks the prefix up in the `@context` of every object around the member, nearest first.
fn declared_around<'t>(member: View<'t>, prefix: &str) -> Option<Cow<'t, str>> {
    let mut around = member.parent();
    while let Some(object) = around {
        let found = object
            .context()
            .into_iter()
            .flat_map(context_objects)
            .find_map(|item| item.get(prefix));
        if let Some(found) = found.filter(|found| found.kind() == Kind::Text) {
            return Some(Cow::Borrowed(normalized(found.value())));
        }
        around = object.parent();
    }
    None
}

fn foreign_around(member: View<'_>) -> Option<&str> {
    let mut around = member.parent();
    while let Some(object) = around {
        if let Some(url) = object.context().and_then(foreign_url) {
            return Some(url);
        }
        around = object.parent();
    }
    None
}

/// The last URL of a `@context` that is not the standard's own, wherever that is published.
fn foreign_url(context: View<'_>) -> Option<&str> {
    let all: Vec<_> = match context.kind() {
        Kind::Array => context.children().collect(),
        Kind::Object | Kind::Attribute | Kind::Text | Kind::Number | Kind::Bool | Kind::Null => vec![context],
    };
    let urls = all
        .into_iter()
        .filter(|item| item.kind() == Kind::Text)
        .map(|item| item.value().trim());
    let mut foreign =
        urls.filter(|url| url.contains("://") && !url.rsplit('/').next().is_some_and(|file| file.starts_with("epcis-context")));
    foreign.next_back()
}

fn context_objects(context: View<'_>) -> Vec<View<'_>> {
    let all = match context.kind() {
        Kind::Array => context.children().collect(),
        Kind::Object | Kind::Attribute | Kind::Text | Kind::Number | Kind::Bool | Kind::Null => vec![context],
    };
    all.into_iter().filter(|item| item.kind() == Kind::Object).collect()
}

/// A full URI as a name: the namespace ends with the last `/`, `#` or `:`.
fn split_uri(uri: &str) -> Name {
    let cut = uri.rfind(['/', '#', ':']).map_or(0, |at| at + 1);
    Name {
        namespace: normalized(&uri[..cut]).into(),
        local: uri[cut..].into(),
        prefix: "".into(),
    }
}

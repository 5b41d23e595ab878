//! One event or header as it stands in the document, in either syntax, before it is understood.
//!
//! Both readers fill the same tree, so that what a field means is written once, in `build`. The tree is cleared
//! and reused from event to event: names and values are spans of one string, so a document costs few allocations.
//!
//! It does not know EPCIS, and it does not resolve JSON prefixes (that needs the contexts, see `context`).
//!
//! INVARIANT: node 0 is the root; a child's id is greater than its parent's; spans lie on character boundaries.

use std::borrow::Cow;
use std::fmt::Write as _;

/// No node.
const NONE: u32 = u32::MAX;

/// A piece of the tree's text.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// XML element or JSON object.
    Object,
    /// JSON array.
    Array,
    /// XML attribute.
    Attribute,
    /// XML character data, or a JSON string.
    Text,
    /// JSON number, in its digits.
    Number,
    /// JSON `true` or `false`.
    Bool,
    /// JSON `null`.
    Null,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    kind: Kind,
    /// Index into the reader's namespaces; 0 is none.
    namespace: u32,
    parent: u32,
    next: u32,
    first: u32,
    last: u32,
    prefix: Span,
    name: Span,
    value: Span,
}

/// The name of a node to be added. In JSON `local` is the whole key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawName<'a> {
    /// Index into the reader's namespaces; 0 is none.
    pub(super) namespace: u32,
    /// XML prefix, may be empty.
    pub(super) prefix: &'a str,
    /// Local name or JSON key; empty for text and array items.
    pub(super) local: &'a str,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    text: String,
    nodes: Vec<Record>,
    open: Vec<u32>,
    /// Whether some object in it brings its own `@context`.
    pub(super) has_context: bool,
}

impl Tree {
    /// Empties it, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.nodes.clear();
        self.open.clear();
        self.has_context = false;
    }

    /// Bytes of names and values held.
    pub(super) fn size_bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * std::mem::size_of::<Record>()
    }

    /// Opens a container under the one open now.
    pub(super) fn open(&mut self, kind: Kind, name: RawName<'_>) {
        let id = self.add(kind, name, "");
        self.open.push(id);
    }

    /// Closes the container opened last; `false` once the root is closed.
    pub(super) fn close(&mut self) -> bool {
        self.open.pop();
        !self.open.is_empty()
    }

    /// Adds a leaf under the open container.
    pub(super) fn leaf(&mut self, kind: Kind, name: RawName<'_>, value: &str) {
        self.add(kind, name, value);
    }

    /// Adds character data, joined to the data just before it.
    pub(super) fn text(&mut self, value: &str) {
        let last = self.open.last().map_or(NONE, |&parent| self.nodes[parent as usize].last);
        if last != NONE && last as usize + 1 == self.nodes.len() && self.nodes[last as usize].kind == Kind::Text {
            self.text.push_str(value);
            self.nodes[last as usize].value.len += value.len() as u32;
        } else {
            self.add(Kind::Text, RawName::default(), value);
        }
    }

    /// The whole tree; `None` while it is empty.
    pub(super) fn root(&self) -> Option<View<'_>> {
        (!self.nodes.is_empty()).then_some(View { tree: self, id: 0 })
    }

    fn add(&mut self, kind: Kind, name: RawName<'_>, value: &str) -> u32 {
        let id = self.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(NONE);
        let record = Record {
            kind,
            namespace: name.namespace,
            parent,
            next: NONE,
            first: NONE,
            last: NONE,
            prefix: self.span(name.prefix),
            name: self.span(name.local),
            value: self.span(value),
        };
        self.nodes.push(record);
        if parent != NONE {
            let previous = self.nodes[parent as usize].last;
            if previous == NONE {
                self.nodes[parent as usize].first = id;
            } else {
                self.nodes[previous as usize].next = id;
            }
            self.nodes[parent as usize].last = id;
        }
        id
    }

    fn span(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Span {
            start,
            len: text.len() as u32,
        }
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..(span.start + span.len) as usize]
    }
}

/// One node of a tree, for reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'t> {
    pub(super) tree: &'t Tree,
    id: u32,
}

impl<'t> View<'t> {
    fn record(self) -> &'t Record {
        &self.tree.nodes[self.id as usize]
    }

    pub(super) fn kind(self) -> Kind {
        self.record().kind
    }

    /// XML local name, or the JSON key; empty for array items and text.
    pub(super) fn local(self) -> &'t str {
        self.tree.slice(self.record().name)
    }

    pub(super) fn prefix(self) -> &'t str {
        self.tree.slice(self.record().prefix)
    }

    pub(super) fn namespace(self) -> u32 {
        self.record().namespace
    }

    /// The value of a leaf.
    pub(super) fn value(self) -> &'t str {
        self.tree.slice(self.record().value)
    }

    pub(super) fn parent(self) -> Option<Self> {
        let parent = self.record().parent;
        (parent != NONE).then_some(Self {
            tree: self.tree,
            id: parent,
        })
    }

    /// Everything inside, attributes first, in document order.
    pub(super) fn children(self) -> impl Iterator<Item = View<'t>> {
        let mut next = self.record().first;
        std::iter::from_fn(move || {
            if next == NONE {
                return None;
            }
            let view = View {
                tree: self.tree,
                id: next,
            };
            next = view.record().next;
            Some(view)
        })
    }

    /// The children that have a name and are no attributes: elements or members.
    pub(super) fn members(self) -> impl Iterator<Item = View<'t>> {
        self.children()
            .filter(|child| child.kind() != Kind::Attribute && !child.local().is_empty())
    }

    /// What a list holds: the elements of an XML list, the items of a JSON array (or the one value in its place).
    pub(super) fn items(self) -> Vec<View<'t>> {
        match self.kind() {
            Kind::Array => self.children().collect(),
            Kind::Object => self.members().collect(),
            Kind::Null => Vec::new(),
            Kind::Text | Kind::Number | Kind::Bool | Kind::Attribute => vec![self],
        }
    }

    /// The first member or attribute of that name.
    pub(super) fn get(self, local: &str) -> Option<Self> {
        self.children().find(|child| child.local() == local)
    }

    /// The character data of a leaf or of an element that holds nothing else; `None` for anything that holds members.
    pub(super) fn text(self) -> Option<Cow<'t, str>> {
        match self.kind() {
            Kind::Text | Kind::Number | Kind::Bool | Kind::Attribute => Some(Cow::Borrowed(self.value())),
            Kind::Null | Kind::Array => None,
            Kind::Object => self.element_text(),
        }
    }

    fn element_text(self) -> Option<Cow<'t, str>> {
        let mut found = Cow::Borrowed("");
        for child in self.children() {
            match child.kind() {
                Kind::Attribute => {}
                Kind::Text if child.local().is_empty() && found.is_empty() => found = Cow::Borrowed(child.value()),
                Kind::Text if child.local().is_empty() => found.to_mut().push_str(child.value()),
                Kind::Text | Kind::Object | Kind::Array | Kind::Number | Kind::Bool | Kind::Null => return None,
            }
        }
        Some(found)
    }

    /// The XPath of this node below the root, which is called `base`.
    pub(super) fn xpath(self, base: &str) -> String {
        let Some(parent) = self.parent() else { return base.to_owned() };
        let mut path = parent.xpath(base);
        if self.kind() == Kind::Attribute {
            let _ = write!(path, "/@{}", self.local());
            return path;
        }
        if self.local().is_empty() {
            return path;
        }
        let same: Vec<u32> = parent
            .members()
            .filter(|other| other.local() == self.local())
            .map(|other| other.id)
            .collect();
        let _ = write!(path, "/{}", self.local());
        if same.len() > 1 {
            let position = same.iter().position(|&id| id == self.id).unwrap_or(0) + 1;
            let _ = write!(path, "[{position}]");
        }
        path
    }

    /// The JSON pointer (RFC 6901) of this node below the root, which is called `base`.
    pub(super) fn json_pointer(self, base: &str) -> String {
        let Some(parent) = self.parent() else { return base.to_owned() };
        let mut path = parent.json_pointer(base);
        if parent.kind() == Kind::Array {
            let position = parent.children().position(|other| other.id == self.id).unwrap_or(0);
            let _ = write!(path, "/{position}");
        } else {
            let _ = write!(path, "/{}", self.local().replace('~', "~0").replace('/', "~1"));
        }
        path
    }
}

//! One event or header as it stands in the document, in either syntax, before it is understood.
//!
//! Both readers fill the same tree, so that what a field means is written once, in `build`. The tree is cleared
//! and reused from event to event: names and values are spans of one string, so a document costs few allocations.
//!
//! It does not know EPCIS, and it does not resolve JSON prefixes (that needs the contexts, see `context`).
//!
//! White space between elements is not kept: it means nothing, and of a pretty-printed event it is half. Beside text it is.
//!
//! INVARIANT: node 0 is the root; a child's id is greater than its parent's; spans lie on character boundaries.

use std::collections::HashMap;

mod view;

pub(super) use view::View;

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
    /// Length of the prefix, which stands just before the name.
    prefix: u16,
    /// Index into the reader's namespaces; 0 is none.
    namespace: u32,
    parent: u32,
    next: u32,
    first: u32,
    last: u32,
    /// How many siblings of its name stand before it; in an array how many items.
    index: u32,
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

/// How many names of one container are searched one by one.
const FEW: usize = 32;

/// A container that is being filled.
#[derive(Debug)]
struct Open {
    id: u32,
    /// The child before the last one.
    before: u32,
    /// Whether it holds text that is not blank.
    texted: bool,
    /// The last child of each name, but for that of the last child of all.
    few: Vec<u32>,
    /// The same of the names that `few` has no room for.
    many: HashMap<Box<str>, u32>,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    text: String,
    nodes: Vec<Record>,
    open: Vec<Open>,
    /// The `@context` members, by the object that brings them.
    contexts: HashMap<u32, u32>,
    /// The namespace that the value of an attribute names with its prefix; only of those for which the reader looked.
    named: HashMap<u32, u32>,
}

impl Tree {
    /// Empties it, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.nodes.clear();
        self.open.clear();
        self.contexts.clear();
        self.named.clear();
    }

    /// Says which namespace the value of the attribute added last names.
    pub(super) fn name_namespace(&mut self, namespace: u32) {
        self.named.insert(self.nodes.len() as u32 - 1, namespace);
    }

    /// Whether some object in it brings its own `@context`.
    pub(super) fn has_context(&self) -> bool {
        !self.contexts.is_empty()
    }

    /// Bytes of names and values held.
    pub(super) fn size_bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * std::mem::size_of::<Record>()
    }

    /// Opens a container under the one open now.
    pub(super) fn open(&mut self, kind: Kind, name: RawName<'_>) {
        self.drop_blank(false);
        let id = self.add(kind, name, "");
        self.open.push(Open {
            id,
            before: NONE,
            texted: false,
            few: Vec::new(),
            many: HashMap::new(),
        });
    }

    /// Closes the container opened last; `false` once the root is closed.
    pub(super) fn close(&mut self) -> bool {
        self.drop_blank(true);
        self.open.pop();
        !self.open.is_empty()
    }

    /// Takes back the white space that was added last, where it stands between elements.
    fn drop_blank(&mut self, closing: bool) {
        let Some(open) = self.open.last_mut().filter(|open| !open.texted) else {
            return;
        };
        let parent = self.nodes[open.id as usize];
        let last = parent.last;
        if parent.kind != Kind::Object || last == NONE || last as usize + 1 != self.nodes.len() {
            return;
        }
        let Record { kind, name, value, .. } = self.nodes[last as usize];
        if kind != Kind::Text || name.len > 0 {
            return;
        }
        if !self.text[value.start as usize..].trim().is_empty() {
            open.texted = true;
            return;
        }
        let before = open.before;
        // What an element holds and nothing else is its value, blank or not.
        if closing && (before == NONE || self.nodes[before as usize].kind == Kind::Attribute) {
            return;
        }
        self.text.truncate(value.start as usize);
        self.nodes.truncate(last as usize);
        self.nodes[open.id as usize].last = before;
        if before == NONE {
            self.nodes[open.id as usize].first = NONE;
        } else {
            self.nodes[before as usize].next = NONE;
        }
    }

    /// Adds a leaf under the open container.
    pub(super) fn leaf(&mut self, kind: Kind, name: RawName<'_>, value: &str) {
        self.add(kind, name, value);
    }

    /// Adds character data, joined to the data just before it.
    pub(super) fn text(&mut self, value: &str) {
        let last = self.open.last().map_or(NONE, |open| self.nodes[open.id as usize].last);
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
        let parent = self.open.last().map_or(NONE, |open| open.id);
        let index = if kind == Kind::Attribute { 0 } else { self.index(name.local) };
        let (prefix, name_span) = self.name(parent, name);
        let record = Record {
            kind,
            prefix,
            namespace: name.namespace,
            parent,
            next: NONE,
            first: NONE,
            last: NONE,
            index,
            name: name_span,
            value: self.span(value),
        };
        self.nodes.push(record);
        if name.local == "@context" {
            self.contexts.insert(parent, id);
        }
        if let Some(open) = self.open.last_mut() {
            let previous = self.nodes[parent as usize].last;
            open.before = previous;
            if previous == NONE {
                self.nodes[parent as usize].first = id;
            } else {
                self.nodes[previous as usize].next = id;
            }
            self.nodes[parent as usize].last = id;
        }
        id
    }

    /// The name of a child to be added; that of the sibling before it, where it is the same.
    fn name(&mut self, parent: u32, name: RawName<'_>) -> (u16, Span) {
        let previous = self.nodes.get(parent as usize).map_or(NONE, |record| record.last);
        if let Some(&Record { prefix, name: span, .. }) = self.nodes.get(previous as usize) {
            let same = &self.text[span.start as usize - usize::from(prefix)..span.start as usize] == name.prefix;
            if same && self.slice(span) == name.local {
                return (prefix, span);
            }
        }
        // The namespace is what counts: a prefix beyond all measure is not kept.
        let prefix = u16::try_from(name.prefix.len()).unwrap_or(0);
        if prefix > 0 {
            self.text.push_str(name.prefix);
        }
        (prefix, self.span(name.local))
    }

    /// The index of a child to be added under the open container, which is not an attribute.
    fn index(&mut self, local: &str) -> u32 {
        let Self { text, nodes, open, .. } = self;
        let Some(open) = open.last_mut() else { return 0 };
        let slice = |id: u32| {
            let Span { start, len } = nodes[id as usize].name;
            &text[start as usize..(start + len) as usize]
        };
        let parent = &nodes[open.id as usize];
        let previous = parent.last;
        if previous == NONE || nodes[previous as usize].kind == Kind::Attribute {
            return 0;
        }
        if parent.kind == Kind::Array || slice(previous) == local {
            return nodes[previous as usize].index + 1;
        }
        let known = slice(previous);
        match open.few.iter().position(|id| slice(*id) == known) {
            Some(at) => open.few[at] = previous,
            None if open.few.len() < FEW => open.few.push(previous),
            None => {
                open.many.insert(known.into(), previous);
            }
        }
        let found = open
            .few
            .iter()
            .find(|id| slice(**id) == local)
            .or_else(|| open.many.get(local));
        found.map_or(0, |&id| nodes[id as usize].index + 1)
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

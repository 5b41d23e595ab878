//! Reading a tree: what a node holds, and where it stands.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Kind, NONE, Record, Tree};

/// One node of a tree, for reading.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) struct View<'t> {
    pub(in crate::epcis) tree: &'t Tree,
    pub(super) id: u32,
}

impl<'t> View<'t> {
    fn record(self) -> &'t Record {
        &self.tree.nodes[self.id as usize]
    }

    pub(in crate::epcis) fn kind(self) -> Kind {
        self.record().kind
    }

    /// XML local name, or the JSON key; empty for array items and text.
    pub(in crate::epcis) fn local(self) -> &'t str {
        self.tree.slice(self.record().name)
    }

    pub(in crate::epcis) fn prefix(self) -> &'t str {
        let Record { prefix, name, .. } = self.record();
        &self.tree.text[name.start as usize - usize::from(*prefix)..name.start as usize]
    }

    /// The `@context` that the object brings.
    pub(in crate::epcis) fn context(self) -> Option<Self> {
        let id = *self.tree.contexts.get(&self.id)?;
        Some(Self { tree: self.tree, id })
    }

    pub(in crate::epcis) fn namespace(self) -> u32 {
        self.record().namespace
    }

    /// The namespace that the value of this attribute names, where the reader looked and found one.
    pub(in crate::epcis) fn named_namespace(self) -> Option<u32> {
        self.tree.named.get(&self.id).copied()
    }

    /// The value of a leaf.
    pub(in crate::epcis) fn value(self) -> &'t str {
        self.tree.slice(self.record().value)
    }

    pub(in crate::epcis) fn parent(self) -> Option<Self> {
        let parent = self.record().parent;
        (parent != NONE).then_some(Self {
            tree: self.tree,
            id: parent,
        })
    }

    /// Everything inside, attributes first, in document order.
    pub(in crate::epcis) fn children(self) -> impl Iterator<Item = View<'t>> {
        self.chain(self.record().first)
    }

    /// The siblings behind it.
    fn followers(self) -> impl Iterator<Item = View<'t>> {
        self.chain(self.record().next)
    }

    fn chain(self, mut next: u32) -> impl Iterator<Item = View<'t>> {
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
    pub(in crate::epcis) fn members(self) -> impl Iterator<Item = View<'t>> {
        self.children()
            .filter(|child| child.kind() != Kind::Attribute && !child.local().is_empty())
    }

    /// What a list holds: the elements of an XML list, the items of a JSON array (or the one value in its place).
    pub(in crate::epcis) fn items(self) -> Vec<View<'t>> {
        match self.kind() {
            Kind::Array => self.children().collect(),
            Kind::Object => self.members().collect(),
            Kind::Null => Vec::new(),
            Kind::Text | Kind::Number | Kind::Bool | Kind::Attribute => vec![self],
        }
    }

    /// The first member or attribute of that name.
    pub(in crate::epcis) fn get(self, local: &str) -> Option<Self> {
        self.children().find(|child| child.local() == local)
    }

    /// The character data of a leaf or of an element that holds nothing else; `None` for anything that holds members.
    pub(in crate::epcis) fn text(self) -> Option<Cow<'t, str>> {
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
    pub(in crate::epcis) fn xpath(self, base: &str) -> String {
        let Some(parent) = self.parent() else { return base.to_owned() };
        let mut path = parent.xpath(base);
        if self.kind() == Kind::Attribute {
            let _ = write!(path, "/@{}", self.local());
            return path;
        }
        if self.local().is_empty() {
            return path;
        }
        let _ = write!(path, "/{}", self.local());
        if self.record().index > 0 || self.followers().any(|other| other.local() == self.local()) {
            let _ = write!(path, "[{}]", self.record().index + 1);
        }
        path
    }

    /// The JSON pointer (RFC 6901) of this node below the root, which is called `base`.
    pub(in crate::epcis) fn json_pointer(self, base: &str) -> String {
        let Some(parent) = self.parent() else { return base.to_owned() };
        let mut path = parent.json_pointer(base);
        if parent.kind() == Kind::Array {
            let _ = write!(path, "/{}", self.record().index);
        } else {
            let _ = write!(path, "/{}", self.local().replace('~', "~0").replace('/', "~1"));
        }
        path
    }
}

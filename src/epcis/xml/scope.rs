//! XML namespace prefixes in scope.

use super::super::context::Namespaces;

/// Bindings, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope {
    bindings: Vec<(usize, Box<str>, u32)>,
}

impl Scope {
    /// Binds a prefix (`""` for the default namespace) from the element at `depth` inwards.
    pub(super) fn bind(&mut self, depth: usize, prefix: &str, namespace: u32) {
        self.bindings.push((depth, prefix.into(), namespace));
    }

    /// Forgets what elements deeper than `depth` bound.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|(bound, _, _)| *bound > depth) {
            self.bindings.pop();
        }
    }

    /// The namespace of a prefix; `None` if nothing declares it.
    pub(super) fn lookup(&self, prefix: &str, namespaces: &mut Namespaces) -> Option<u32> {
        let found = self
            .bindings
            .iter()
            .rev()
            .find(|(_, known, _)| **known == *prefix)
            .map(|(_, _, namespace)| *namespace);
        match (found, prefix) {
            (Some(namespace), _) => Some(namespace),
            (None, "") => Some(0),
            (None, "xml") => Some(namespaces.intern("http://www.w3.org/XML/1998/namespace")),
            (None, _) => None,
        }
    }
}

//! XML namespace prefixes in scope.

use std::collections::HashMap;

use super::super::context::Namespaces;

/// Bindings of prefixes, each to the elements at a depth and inwards.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Of each prefix, innermost last.
    bindings: HashMap<Box<str>, Vec<(usize, u32)>>,
    /// What was bound, innermost last.
    bound: Vec<(usize, Box<str>)>,
}

impl Scope {
    /// Binds a prefix (`""` for the default namespace) from the element at `depth` inwards.
    pub(super) fn bind(&mut self, depth: usize, prefix: &str, namespace: u32) {
        self.bindings.entry(prefix.into()).or_default().push((depth, namespace));
        self.bound.push((depth, prefix.into()));
    }

    /// Forgets what elements deeper than `depth` bound.
    pub(super) fn leave(&mut self, depth: usize) {
        while let Some((_, prefix)) = self.bound.pop_if(|(bound, _)| *bound > depth) {
            if let Some(stack) = self.bindings.get_mut(&prefix) {
                stack.pop();
            }
        }
    }

    /// The namespace of a prefix; `None` if nothing declares it.
    pub(super) fn lookup(&self, prefix: &str, namespaces: &mut Namespaces) -> Option<u32> {
        let found = self.bindings.get(prefix).and_then(|stack| stack.last());
        match (found, prefix) {
            (Some((_, namespace)), _) => Some(*namespace),
            (None, "") => Some(0),
            (None, "xml") => Some(namespaces.intern("http://www.w3.org/XML/1998/namespace")),
            (None, _) => None,
        }
    }
}

//! What both readers share while they go through a document: findings, namespaces, the limits, and where events go.

use super::context::{Contexts, Namespaces};
use super::document::{ParsedEvent, Syntax};
use super::tree::{Tree, View};
use super::{ParseLimits, build, hash};
use crate::domain::finding::{Finding, FindingCode};

/// Findings, at most so many of one code.
#[derive(Debug)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    per_code: usize,
    cut: bool,
}

impl Findings {
    pub(super) fn new(per_code: usize) -> Self {
        Self {
            kept: Vec::new(),
            per_code,
            cut: false,
        }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        // INVARIANT: `kept` is small (codes times `per_code`), so counting it is cheap beside parsing an event.
        if self.kept.iter().filter(|kept| kept.code == finding.code).count() < self.per_code {
            self.kept.push(finding);
        } else {
            self.cut = true;
        }
    }

    pub(super) fn refused(&self) -> bool {
        self.kept.iter().any(Finding::refuses)
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        if self.cut {
            self.kept.push(Finding::new(
                FindingCode::Truncated,
                "",
                format!("more than {} of one code", self.per_code),
            ));
        }
        self.kept
    }
}

/// The state of one reading.
pub(super) struct Reading<'a> {
    pub(super) syntax: Syntax,
    pub(super) namespaces: Namespaces,
    pub(super) contexts: Contexts,
    pub(super) findings: Findings,
    pub(super) limits: &'a ParseLimits,
    /// Events met so far, good or not.
    pub(super) count: usize,
    /// Qualified EPCIS children are reported once a document.
    pub(super) told_qualified: bool,
    /// So are elements out of order.
    pub(super) told_order: bool,
    /// Whether what is read now is an event, so that findings carry its position.
    in_event: bool,
    sink: &'a mut dyn FnMut(ParsedEvent),
}

impl<'a> Reading<'a> {
    pub(super) fn new(syntax: Syntax, limits: &'a ParseLimits, sink: &'a mut dyn FnMut(ParsedEvent)) -> Self {
        Self {
            syntax,
            namespaces: Namespaces::default(),
            contexts: Contexts::default(),
            findings: Findings::new(limits.findings_per_code),
            limits,
            count: 0,
            told_qualified: false,
            told_order: false,
            in_event: false,
            sink,
        }
    }

    /// Builds the event of a tree and hands it out; an `Err` ends the reading.
    pub(super) fn event(&mut self, tree: &Tree, base: &str) -> Result<(), Finding> {
        let Some(root) = tree.root() else { return Ok(()) };
        if self.count >= self.limits.events {
            let detail = format!("more than {} events", self.limits.events);
            return Err(Finding::new(FindingCode::TooManyEvents, base, detail));
        }
        self.in_event = true;
        let built = build::event(self, root, base);
        self.in_event = false;
        if let Some(event) = built {
            let hash = hash::event_hash(&event);
            (self.sink)(ParsedEvent {
                event,
                pointer: base.to_owned(),
                hash,
            });
        }
        self.count += 1;
        Ok(())
    }

    /// Where a node stands.
    pub(super) fn pointer(&self, view: View<'_>, base: &str) -> String {
        match self.syntax {
            Syntax::Xml1 | Syntax::Xml2 => view.xpath(base),
            Syntax::Json => view.json_pointer(base),
        }
    }

    /// Adds a finding about the event being read.
    pub(super) fn find(&mut self, code: FindingCode, view: View<'_>, base: &str, detail: impl Into<String>) {
        let finding = Finding::new(code, self.pointer(view, base), detail);
        self.findings.push(if self.in_event {
            finding.at_event(self.count)
        } else {
            finding
        });
    }

    /// `Err` if a tree that is still being filled has become too large.
    pub(super) fn check_size(&self, tree: &Tree, base: &str) -> Result<(), Finding> {
        if tree.size_bytes() <= self.limits.event_bytes {
            return Ok(());
        }
        let detail = format!("one event or header takes more than {} bytes", self.limits.event_bytes);
        Err(Finding::new(FindingCode::TooLarge, base, detail))
    }
}

/// A piece of input for a message: in backticks, at most 80 characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

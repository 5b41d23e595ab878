//! What both readers share while they go through a document: findings, namespaces, the limits, and where events go.

use std::collections::{BTreeMap, HashSet};

use super::context::{Contexts, Namespaces};
use super::document::{ParsedEvent, Syntax};
use super::tree::{Tree, View};
use super::{ParseLimits, build, hash, schema};
use crate::domain::finding::{Class, Finding, FindingCode, Rest, Severity};
use crate::domain::profile::Profile;

/// Findings, at most so many of one code, and none that the profile ignores.
///
/// What is not kept is never worded, only counted: a caller asks [`Self::keeps`] before it looks for the place, which takes long. Of a
/// correction it is not known then whether the schema found fault at the same place, so that the number of those may be too high.
#[derive(Debug)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    /// Of each code, kept or not.
    counts: BTreeMap<FindingCode, usize>,
    rest: BTreeMap<FindingCode, Rest>,
    per_code: usize,
    /// The event that is being read.
    at: Option<usize>,
    refused: bool,
    profile: Profile,
    /// Where the schema found fault with the event that is being read.
    faults: HashSet<String>,
}

impl Findings {
    pub(super) fn new(per_code: usize, profile: Profile) -> Self {
        Self {
            kept: Vec::new(),
            counts: BTreeMap::new(),
            rest: BTreeMap::new(),
            per_code,
            at: None,
            refused: false,
            profile,
            faults: HashSet::new(),
        }
    }

    /// Counts one of that code, and says whether it is to be kept.
    pub(super) fn keeps(&mut self, code: FindingCode) -> bool {
        let Some(severity) = self.profile.severity(code) else {
            return false;
        };
        self.refused |= severity == Severity::Refusal;
        let count = self.counts.entry(code).or_default();
        *count += 1;
        let keeps = *count <= self.per_code;
        if !keeps {
            self.rest.entry(code).or_default().count(self.at);
        }
        keeps
    }

    /// Takes a finding for which [`Self::keeps`] said yes.
    ///
    /// The schema goes first; what the reader corrects at the same place is the same deviation and is not told twice.
    pub(super) fn keep(&mut self, finding: Finding) {
        if finding.code.class() == Class::Schema {
            self.faults.insert(finding.pointer.clone());
        } else if finding.code.class() == Class::Rule && finding.code.severity() == Severity::Warning && self.told(&finding) {
            self.counts.entry(finding.code).and_modify(|count| *count -= 1);
            return;
        }
        self.kept.push(finding);
    }

    fn told(&self, finding: &Finding) -> bool {
        let place = &finding.pointer;
        // Rules of sensors point at the whole list.
        let inside = |fault: &String| fault.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.faults.contains(place) || finding.code == FindingCode::SensorData && self.faults.iter().any(inside)
    }

    /// Forgets where the schema found fault: this event begins, or the last has ended.
    fn turn(&mut self, event: Option<usize>) {
        self.faults.clear();
        self.at = event;
    }

    pub(super) fn push(&mut self, finding: Finding) {
        if self.keeps(finding.code) {
            self.keep(finding);
        }
    }

    /// What is found from here on is of one event, which alone it refuses: whether the document was refused before.
    fn begin(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// The event ends: whether it is refused.
    fn end(&mut self, before: bool) -> bool {
        std::mem::replace(&mut self.refused, before)
    }

    /// Whether something refuses the document.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        let rest = std::mem::take(&mut self.rest);
        self.kept.extend(rest.into_iter().map(|(code, rest)| rest.finding(code)));
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
    /// Events left out.
    pub(super) left_out: usize,
    /// Qualified EPCIS children are reported once a document.
    pub(super) told_qualified: bool,
    /// Elements out of place, by container and name: each is reported once a document.
    told_places: HashSet<(Box<str>, Box<str>)>,
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
            findings: Findings::new(limits.findings_per_code, limits.profile.clone()),
            limits,
            count: 0,
            left_out: 0,
            told_qualified: false,
            told_places: HashSet::new(),
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
        self.findings.turn(Some(self.count));
        let before = self.limits.leaves_out.then(|| self.findings.begin());
        schema::event(self, root, base);
        let built = build::event(self, root, base);
        self.in_event = false;
        self.findings.turn(None);
        let is_refused = before.is_some_and(|before| self.findings.end(before));
        let built = built.filter(|_| !is_refused);
        self.left_out += usize::from(before.is_some() && built.is_none());
        if let Some(event) = built {
            let hash = hash::event_hash(&event);
            (self.sink)(ParsedEvent {
                event,
                pointer: base.to_owned(),
                syntax: self.syntax,
                position: self.count,
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
        if !self.findings.keeps(code) {
            return;
        }
        let finding = Finding::new(code, self.pointer(view, base), detail);
        self.findings.keep(if self.in_event {
            finding.at_event(self.count)
        } else {
            finding
        });
    }

    /// Whether an element out of place in such a container is met the first time.
    pub(super) fn deviates(&mut self, container: &str, name: &str) -> bool {
        // Beyond so many it is all the same document that is not to be helped.
        self.told_places.len() < 1_000 && self.told_places.insert((container.into(), name.into()))
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

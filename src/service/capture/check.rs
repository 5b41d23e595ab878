//! Whether a document may be taken in at all: read, and held against the contracts. Pure but for the reading.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::config::settings::Limits;
use crate::domain::assertion;
use crate::domain::finding::{Finding, FindingCode, Rest};
use crate::domain::guideline;
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::profile::Profile;
use crate::domain::time::Micros;
use crate::epcis::{self, MediaType, ParseLimits, ParsedEvent, Syntax};
use crate::storage::capture::ErrorBehaviour;

pub(super) use crate::storage::hex;

use super::header::{self, Kept};

/// By what a document is judged.
pub(super) struct Terms<'a> {
    pub(super) registry: &'a Registry,
    pub(super) party: &'a PartyId,
    pub(super) limits: &'a Limits,
    pub(super) now: Micros,
    pub(super) behaviour: ErrorBehaviour,
}

impl Terms<'_> {
    /// The profile of the party that sends.
    fn profile(&self) -> Profile {
        let party = self.registry.party(self.party);
        party.map_or_else(Profile::default, |party| party.capture.clone())
    }
}

/// An event that may be taken in, with the party in whose name it is asserted.
pub(super) type Judged = (ParsedEvent, Option<PartyId>);

/// Events of a document that are taken in: a piece of it.
pub(super) struct Checked {
    /// The events.
    pub(super) events: Vec<Judged>,
    /// What was noticed and does not refuse them. Positions of events are those in `events`.
    pub(super) warnings: Vec<Finding>,
}

impl Checked {
    /// Where an event stood in the document.
    pub(super) fn position(&self, ordinal: usize) -> usize {
        self.events.get(ordinal).map_or(ordinal, |(parsed, _)| parsed.position)
    }
}

/// What is said of a document as a whole. Positions of events are those in the document.
pub(super) struct Verdict {
    /// What was noticed and does not refuse it, so many of each code.
    pub(super) warnings: Vec<Finding>,
    /// How many more of a code there were.
    pub(super) more: BTreeMap<FindingCode, Rest>,
    /// Why other events are not taken in, with [`ErrorBehaviour::Proceed`].
    pub(super) refusals: Vec<Finding>,
    /// How many others there are.
    pub(super) left_out: usize,
    /// What stands above the events.
    pub(super) header: Kept,
}

/// A document that may be taken in, in memory.
pub(super) struct Whole {
    pub(super) verdict: Verdict,
    pub(super) events: Vec<Judged>,
}

/// Reads and judges a document. The findings of `Err`, and those of events left out, are capped for each code.
pub(super) fn check(input: impl BufRead, media: MediaType, terms: &Terms<'_>) -> Result<Whole, Vec<Finding>> {
    let mut events = Vec::new();
    let verdict = survey(input, media, terms, &mut |judged| events.push(judged))?;
    Ok(Whole { verdict, events })
}

/// The same without keeping events: `taken` gets those that may be taken in, before it is known whether all of them are.
pub(super) fn survey(
    input: impl BufRead,
    media: MediaType,
    terms: &Terms<'_>,
    taken: &mut dyn FnMut(Judged),
) -> Result<Verdict, Vec<Finding>> {
    let (limits, profile) = (terms.limits, terms.profile());
    let proceeds = terms.behaviour == ErrorBehaviour::Proceed;
    let parse_limits = ParseLimits {
        leaves_out: proceeds,
        ..parse_limits(limits, profile.clone())
    };
    let mut judge = Judge::new(terms, &profile);
    let document = epcis::read_events(input, media, &parse_limits, &mut |parsed| {
        if let Some(judged) = judge.judge(parsed) {
            taken(judged);
        }
    });
    let document = document.map_err(|findings| refusals_of(findings, &profile))?;
    let left_out = document.left_out;
    let of_others = |finding: &Finding| stops(finding, &profile);
    let (refusals, mut warnings): (Vec<_>, Vec<_>) = document.findings.into_iter().partition(of_others);
    let Judge {
        mut refusing,
        advice,
        taken,
        left_out: unentitled,
        ships,
        ..
    } = judge;
    refusals.into_iter().for_each(|finding| refusing.keep(finding));
    let mut kept = header::kept(&document.header, media);
    let mut above = header_findings(&document.header, media, terms);
    above.extend(header::too_long(&kept, media));
    if let Some(rules) = profile.guideline() {
        above.extend(header::held_against(rules, (&document.header, &kept), media, ships));
    }
    let (mut of_document, mut of_header): (Vec<_>, Vec<_>) = above.into_iter().partition(|finding| profile.refuses(finding.code));
    let left_out = left_out + unentitled;
    if !of_document.is_empty() || left_out > 0 && (!proceeds || taken == 0) {
        of_document.append(&mut refusing.finish());
        return Err(of_document);
    }
    let (mut advice, more) = advice.parts();
    warnings.append(&mut advice);
    warnings.append(&mut kept.findings);
    warnings.append(&mut of_header);
    Ok(Verdict {
        warnings,
        more,
        refusals: refusing.finish(),
        left_out,
        header: kept,
    })
}

/// Whether the sender may say it, and whether it follows the guideline that is agreed.
struct Judge<'a> {
    terms: &'a Terms<'a>,
    profile: &'a Profile,
    refusing: Capped,
    advice: Capped,
    /// Events that may be taken in.
    taken: usize,
    /// Others.
    left_out: usize,
    /// Whether one that may be taken in is a sale.
    ships: bool,
}

impl<'a> Judge<'a> {
    fn new(terms: &'a Terms<'a>, profile: &'a Profile) -> Self {
        Self {
            terms,
            profile,
            refusing: Capped::new(terms.limits.findings_per_code),
            advice: Capped::new(terms.limits.findings_per_code),
            taken: 0,
            left_out: 0,
            ships: false,
        }
    }

    /// The event, if it may be taken in.
    fn judge(&mut self, parsed: ParsedEvent) -> Option<Judged> {
        let wrapper = match parsed.syntax {
            Syntax::Xml1 => "/extension",
            Syntax::Xml2 | Syntax::Json => "",
        };
        let judgement = assertion::judge(
            self.terms.registry,
            (self.terms.party, self.terms.now),
            &parsed.event,
            &parsed.pointer,
        );
        let rules = self.profile.guideline();
        let told = rules.map(|rules| guideline::event(rules, &parsed.event, &parsed.pointer, wrapper));
        let refuses = |finding: &Finding| self.profile.refuses(finding.code);
        let (refusing, advice): (Vec<_>, Vec<_>) = told.into_iter().flatten().partition(refuses);
        let at_event = |finding: Finding| finding.at_event(parsed.position);
        let (before, refusing) = (self.left_out, judgement.findings.into_iter().chain(refusing));
        for finding in refusing.map(at_event) {
            self.left_out = before + 1;
            self.refusing.keep(finding);
        }
        if self.left_out > before {
            return None;
        }
        advice.into_iter().map(at_event).for_each(|finding| self.advice.keep(finding));
        self.taken += 1;
        self.ships |= rules.is_some() && guideline::ships(&parsed.event);
        Some((parsed, judgement.principal))
    }
}

/// Whether the sender that the header names is who sends.
fn header_findings(header: &epcis::Header, media: MediaType, terms: &Terms<'_>) -> Vec<Finding> {
    let named = header.sender.as_ref().and_then(epcis::Correspondent::gln);
    let foreign = named.filter(|gln| !assertion::may_send_as(terms.registry, terms.party, *gln, terms.now));
    let finding = |gln| {
        let detail = format!("the header names `{gln}` as sender, which is neither you nor a principal of yours");
        Finding::new(FindingCode::SenderMismatch, sender_pointer(media), detail)
    };
    foreign.map(finding).into_iter().collect()
}

/// Findings of the events that are taken in, by their positions among those, and of the document.
pub(super) fn renumbered(findings: Vec<Finding>, events: &[Judged]) -> Vec<Finding> {
    let place = |mut finding: Finding| {
        if let Some(position) = finding.event {
            let index = events.binary_search_by_key(&position, |(parsed, _)| parsed.position);
            finding.event = Some(index.ok()?);
        }
        Some(finding)
    };
    findings.into_iter().filter_map(place).collect()
}

/// What one document may ask for, by the settings.
pub(super) fn parse_limits(limits: &Limits, profile: Profile) -> ParseLimits {
    ParseLimits {
        depth: limits.document_depth,
        events: limits.events_per_document,
        event_bytes: limits.event_bytes,
        findings_per_code: limits.findings_per_code,
        profile,
        leaves_out: false,
    }
}

/// What refuses a document; what could have been passed over is no reason.
fn refusals_of(mut findings: Vec<Finding>, profile: &Profile) -> Vec<Finding> {
    findings.retain(|finding| stops(finding, profile));
    findings
}

/// Whether a finding refuses its event or document, or counts those that do.
fn stops(finding: &Finding, profile: &Profile) -> bool {
    profile.refuses(finding.counts().unwrap_or(finding.code))
}

fn sender_pointer(media: MediaType) -> &'static str {
    match media {
        MediaType::Xml => "/EPCISDocument/EPCISHeader/StandardBusinessDocumentHeader/Sender",
        MediaType::Json => "/sender",
    }
}

/// Keeps so many findings of each code, and counts the rest.
struct Capped {
    per_code: usize,
    counts: BTreeMap<FindingCode, usize>,
    rest: BTreeMap<FindingCode, Rest>,
    kept: Vec<Finding>,
}

impl Capped {
    fn new(per_code: usize) -> Self {
        Self {
            per_code,
            counts: BTreeMap::new(),
            rest: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    fn keep(&mut self, finding: Finding) {
        if finding.counts().is_some() {
            self.kept.push(finding);
            return;
        }
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= self.per_code {
            self.kept.push(finding);
        } else {
            self.rest.entry(finding.code).or_default().count(finding.event);
        }
    }

    /// What is kept, and what more of a code there was.
    fn parts(self) -> (Vec<Finding>, BTreeMap<FindingCode, Rest>) {
        (self.kept, self.rest)
    }

    /// In the order of the document, and one more that counts the rest.
    fn finish(mut self) -> Vec<Finding> {
        self.kept.sort_by_key(|finding| (finding.counts().is_some(), finding.event));
        let (mut kept, more) = self.parts();
        kept.extend(more.into_iter().map(|(code, more)| more.finding(code)));
        kept
    }
}

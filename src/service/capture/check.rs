//! Whether a document may be taken in at all: read, and held against the contracts. Pure but for the reading.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::config::settings::Limits;
use crate::domain::assertion;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::profile::Profile;
use crate::domain::time::Micros;
use crate::epcis::{self, MediaType, ParseLimits, ParsedEvent};
use crate::storage::capture::ErrorBehaviour;

pub(super) use crate::storage::hex;

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

/// A document that may be taken in, or a piece of one.
pub(super) struct Checked {
    /// The events that are, each with the party in whose name it is asserted.
    pub(super) events: Vec<(ParsedEvent, Option<PartyId>)>,
    /// What was noticed and does not refuse them. Positions of events are those in `events`.
    pub(super) warnings: Vec<Finding>,
    /// Why other events are not, with [`ErrorBehaviour::Proceed`]. Positions are those in the document.
    pub(super) refusals: Vec<Finding>,
    /// How many others there are.
    pub(super) left_out: usize,
}

impl Checked {
    /// Where an event stood in the document.
    pub(super) fn position(&self, ordinal: usize) -> usize {
        self.events.get(ordinal).map_or(ordinal, |(parsed, _)| parsed.position)
    }
}

/// What is said of a document as a whole.
pub(super) struct Verdict {
    /// What was noticed and does not refuse it. Positions of events are those in the document.
    pub(super) warnings: Vec<Finding>,
    /// As of [`Checked`].
    pub(super) refusals: Vec<Finding>,
    /// As of [`Checked`].
    pub(super) left_out: usize,
}

/// Reads and judges a document. The findings of `Err`, and those of events left out, are capped for each code.
pub(super) fn check(input: impl BufRead, media: MediaType, terms: &Terms<'_>) -> Result<Checked, Vec<Finding>> {
    let mut events = Vec::new();
    let verdict = survey(input, media, terms, &mut |parsed, principal| events.push((parsed, principal)))?;
    Ok(Checked {
        warnings: renumbered(verdict.warnings, &events),
        events,
        refusals: verdict.refusals,
        left_out: verdict.left_out,
    })
}

/// The same without keeping events: `taken` gets those that may be taken in, each with its principal, before it is known whether all of
/// them are.
pub(super) fn survey(
    input: impl BufRead,
    media: MediaType,
    terms: &Terms<'_>,
    taken: &mut dyn FnMut(ParsedEvent, Option<PartyId>),
) -> Result<Verdict, Vec<Finding>> {
    let (limits, profile) = (terms.limits, terms.profile());
    let proceeds = terms.behaviour == ErrorBehaviour::Proceed;
    let parse_limits = ParseLimits {
        leaves_out: proceeds,
        ..parse_limits(limits, profile.clone())
    };
    let (mut judged, mut unentitled) = (0_usize, 0_usize);
    let mut faults = Capped::new(limits.findings_per_code);
    let document = epcis::read_events(input, media, &parse_limits, &mut |parsed| {
        let judgement = assertion::judge(terms.registry, terms.party, &parsed.event, &parsed.pointer);
        if judgement.findings.is_empty() {
            judged += 1;
            taken(parsed, judgement.principal);
        } else {
            unentitled += 1;
            let findings = judgement.findings.into_iter();
            findings.for_each(|finding| faults.keep(finding.at_event(parsed.position)));
        }
    });
    let document = document.map_err(|findings| refusals_of(findings, &profile))?;
    let left_out = document.left_out;
    let of_others = |finding: &Finding| profile.refuses(finding.code) || left_out > 0 && finding.code == FindingCode::Truncated;
    let (refusals, warnings): (Vec<_>, Vec<_>) = document.findings.into_iter().partition(of_others);
    if let Some(gln) = document.header.sender.as_ref().and_then(epcis::Correspondent::gln)
        && !assertion::may_send_as(terms.registry, terms.party, gln, terms.now)
    {
        let detail = format!("the header names `{gln}` as sender, which is neither you nor a principal of yours");
        return Err(vec![Finding::new(FindingCode::SenderMismatch, sender_pointer(media), detail)]);
    }
    let left_out = left_out + unentitled;
    refusals.into_iter().for_each(|finding| faults.keep(finding));
    let refusals = faults.finish();
    if left_out > 0 && (!proceeds || judged == 0) {
        return Err(refusals);
    }
    Ok(Verdict {
        warnings,
        refusals,
        left_out,
    })
}

/// Findings of the events that are taken in, by their positions among those, and of the document.
pub(super) fn renumbered(findings: Vec<Finding>, events: &[(ParsedEvent, Option<PartyId>)]) -> Vec<Finding> {
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
    findings.retain(|finding| profile.refuses(finding.code));
    findings
}

fn sender_pointer(media: MediaType) -> &'static str {
    match media {
        MediaType::Xml => "/EPCISDocument/EPCISHeader/StandardBusinessDocumentHeader/Sender",
        MediaType::Json => "/sender",
    }
}

/// Keeps so many findings of each code, and one more that counts the rest.
struct Capped {
    per_code: usize,
    counts: BTreeMap<FindingCode, usize>,
    kept: Vec<Finding>,
}

impl Capped {
    fn new(per_code: usize) -> Self {
        Self {
            per_code,
            counts: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    fn keep(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= self.per_code {
            self.kept.push(finding);
        }
    }

    /// In the order of the document.
    fn finish(mut self) -> Vec<Finding> {
        self.kept.sort_by_key(|finding| finding.event);
        let over = self.counts.into_iter().filter(|(_, count)| *count > self.per_code);
        let rest = over.map(|(code, count)| {
            let detail = format!("{} more of {}", count - self.per_code, code.as_str());
            Finding::new(FindingCode::Truncated, code.as_str(), detail)
        });
        self.kept.extend(rest);
        self.kept
    }
}

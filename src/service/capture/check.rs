//! Whether a document may be taken in at all: read, and held against the contracts. Pure but for the reading.

use std::io::BufRead;

use crate::config::settings::Limits;
use crate::domain::assertion;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::profile::Profile;
use crate::domain::time::Micros;
use crate::epcis::{self, Document, MediaType, ParseLimits, ParsedEvent};

pub(super) use crate::storage::hex;

/// By what a document is judged.
pub(super) struct Terms<'a> {
    pub(super) registry: &'a Registry,
    pub(super) party: &'a PartyId,
    pub(super) limits: &'a Limits,
    pub(super) now: Micros,
}

impl Terms<'_> {
    /// The profile of the party that sends.
    fn profile(&self) -> Profile {
        let party = self.registry.party(self.party);
        party.map_or_else(Profile::default, |party| party.capture.clone())
    }
}

/// A document that may be taken in.
pub(super) struct Checked {
    /// Its events, each with the party in whose name it is asserted.
    pub(super) events: Vec<(ParsedEvent, Option<PartyId>)>,
    /// What was noticed and does not refuse it. Positions of events are those in `events`.
    pub(super) warnings: Vec<Finding>,
}

impl Checked {
    /// Where an event stood in the document.
    pub(super) fn position(&self, ordinal: usize) -> usize {
        self.events.get(ordinal).map_or(ordinal, |(parsed, _)| parsed.position)
    }
}

/// Reads and judges a document. The findings of `Err` are capped for each code.
pub(super) fn check(input: impl BufRead, media: MediaType, terms: &Terms<'_>) -> Result<Checked, Vec<Finding>> {
    let limits = terms.limits;
    let profile = terms.profile();
    let parse_limits = parse_limits(limits, profile.clone());
    let Document {
        header,
        events,
        findings: warnings,
        ..
    } = epcis::parse(input, media, &parse_limits).map_err(|findings| refusals_of(findings, &profile))?;
    let mut refusals = Vec::new();
    if let Some(gln) = header.sender.as_ref().and_then(epcis::Correspondent::gln)
        && !assertion::may_send_as(terms.registry, terms.party, gln, terms.now)
    {
        let detail = format!("the header names `{gln}` as sender, which is neither you nor a principal of yours");
        refusals.push(Finding::new(FindingCode::SenderMismatch, sender_pointer(media), detail));
    }
    let mut judged = Vec::with_capacity(events.len());
    for (index, parsed) in events.into_iter().enumerate() {
        let judgement = assertion::judge(terms.registry, terms.party, &parsed.event, &parsed.pointer);
        refusals.extend(judgement.findings.into_iter().map(|finding| finding.at_event(index)));
        judged.push((parsed, judgement.principal));
    }
    if refusals.is_empty() {
        Ok(Checked {
            events: judged,
            warnings,
        })
    } else {
        Err(capped(refusals, limits.findings_per_code))
    }
}

/// What one document may ask for, by the settings.
pub(super) fn parse_limits(limits: &Limits, profile: Profile) -> ParseLimits {
    ParseLimits {
        depth: limits.document_depth,
        events: limits.events_per_document,
        event_bytes: limits.event_bytes,
        findings_per_code: limits.findings_per_code,
        profile,
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
fn capped(findings: Vec<Finding>, per_code: usize) -> Vec<Finding> {
    let mut counts = std::collections::BTreeMap::<FindingCode, usize>::new();
    let mut kept = Vec::new();
    for finding in findings {
        let count = counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= per_code {
            kept.push(finding);
        }
    }
    for (code, count) in counts.into_iter().filter(|(_, count)| *count > per_code) {
        kept.push(Finding::new(
            FindingCode::Truncated,
            code.as_str(),
            format!("{} more of {}", count - per_code, code.as_str()),
        ));
    }
    kept
}

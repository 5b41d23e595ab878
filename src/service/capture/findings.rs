//! Findings of a document: what was noticed in it, and what of it does not fit the state of the goods.
//!
//! The latter come and go with the ledger: each fold compares them with those that stand and clears what is no longer so. Of
//! one code a document keeps `limits.findings_per_code` for each brand owner; the rest is counted. How much was wrong with the goods of one
//! changes nothing of what another owner is told.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::finding::{Finding, FindingCode, Rest, Severity};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{DocumentId, EventKey, FindingId, PartyId};
use crate::domain::ledger::Misfit;
use crate::storage::finding::{self, StoredFinding};
use crate::storage::{Tx, document};

use super::save::Folded;
use super::{ServiceError, Work};

/// Findings that the ledger makes, and takes back, with what is wrong with the thing.
const OF_STATE: &[(FindingCode, &str)] = &[
    (FindingCode::AlreadyCommissioned, "was commissioned before"),
    (FindingCode::NotCommissioned, "was never commissioned"),
    (
        FindingCode::UsedBeforeCommissioning,
        "is used at a time before it was commissioned",
    ),
    (FindingCode::SecondParent, "is in another parent"),
    (FindingCode::ContainmentCycle, "would be inside itself"),
    (FindingCode::NotInParent, "is not in this parent"),
    (FindingCode::NotTopLevel, "is inside a container, which was not shipped"),
    (FindingCode::NoCustody, "is not held by you or in your name"),
    (FindingCode::ReceivedWithoutShipment, "was not shipped to you"),
    (FindingCode::AfterEndOfLife, "was decommissioned, destroyed or used up before"),
    (FindingCode::LotMismatch, "was commissioned with another lot or expiry before"),
    (FindingCode::ExpiredShipped, "had expired when it was shipped"),
    (FindingCode::RecalledShipped, "was recalled when it was shipped"),
    (
        FindingCode::EndedShipped,
        "was decommissioned, destroyed or used up before it was shipped",
    ),
];

fn of_state(code: FindingCode) -> Option<&'static str> {
    OF_STATE.iter().find(|(known, _)| *known == code).map(|(_, wrong)| *wrong)
}

/// Where an event stands.
struct Place {
    document: DocumentId,
    pointer: String,
    /// Of an event of an earlier document, whose pointer is not kept: its position there.
    ordinal: Option<i64>,
    teller: PartyId,
}

/// Points into earlier documents in their own syntax: JSON pointer or XPath.
async fn locate<'a>(
    tx: &Tx,
    places: &mut HashMap<EventKey, Place>,
    misfits: impl Iterator<Item = &'a Misfit>,
) -> Result<(), ServiceError> {
    let events: HashSet<EventKey> = misfits.map(|misfit| misfit.event).collect();
    let earlier = |place: &&Place| place.ordinal.is_some();
    let found = events.iter().filter_map(|event| places.get(event));
    let documents: HashSet<DocumentId> = found.filter(earlier).map(|place| place.document).collect();
    let in_xml: HashSet<DocumentId> = document::in_xml(tx, &documents.into_iter().collect::<Vec<_>>())
        .await?
        .into_iter()
        .collect();
    for place in places.values_mut().filter(|place| in_xml.contains(&place.document)) {
        if let Some(ordinal) = place.ordinal {
            place.pointer = format!("//EventList/*[{}]", ordinal.saturating_add(1));
        }
    }
    Ok(())
}

/// Stores new findings, those of `noticed` included, and clears old ones.
///
/// What a piece of the document before this one found and is no longer so was never told to anybody: it is forgotten.
pub(super) async fn save(tx: &Tx, folded: &Folded<'_>, noticed: Vec<Finding>, told: &mut Told) -> Result<(), ServiceError> {
    let mut places = places(folded);
    let earlier: HashSet<EventKey> = folded.loaded.stored.iter().map(|named| named.event).collect();
    let wrong = folded.admitted.erroneous.iter().map(|(event, _)| *event);
    let asked: Vec<EventKey> = earlier.into_iter().chain(wrong.clone()).collect();
    let standing = finding::open_of_events(tx, &asked).await?;
    let now: HashSet<(EventKey, EpcKey, FindingCode)> = folded
        .outcome
        .misfits
        .iter()
        .map(|misfit| (misfit.event, misfit.epc, misfit.code))
        .collect();
    let wrong: HashSet<EventKey> = wrong.collect();
    let key = |finding: &StoredFinding| {
        let epc: Epc = finding.epc.as_deref()?.parse().ok()?;
        Some((finding.event?, epc.key(), finding.code))
    };
    let gone = |finding: &&StoredFinding| {
        finding.event.is_some_and(|event| wrong.contains(&event))
            || of_state(finding.code).is_some()
                && key(finding).is_some_and(|key| folded.loaded.items.contains_key(&key.1) && !now.contains(&key))
    };
    let here = |finding: &&StoredFinding| finding.document == folded.work.job.document;
    let (forgotten, cleared): (Vec<_>, Vec<_>) = standing.iter().filter(gone).partition(here);
    finding::clear(tx, &cleared, folded.work.now).await?;
    finding::remove(tx, &forgotten).await?;
    for finding in &forgotten {
        told.counts
            .entry((finding.code, finding.owner.clone()))
            .and_modify(|count| *count = count.saturating_sub(1));
    }
    let known: HashSet<(EventKey, EpcKey, FindingCode)> = standing.iter().filter_map(key).collect();
    let fresh = |misfit: &&Misfit| !known.contains(&(misfit.event, misfit.epc, misfit.code));
    locate(tx, &mut places, folded.outcome.misfits.iter().filter(fresh)).await?;
    let mut sink = Sink::new(folded, &standing, told);
    for noticed in noticed {
        sink.notice(noticed);
    }
    for misfit in folded.outcome.misfits.iter().filter(fresh) {
        if let Some(place) = places.get(&misfit.event) {
            sink.misfit(misfit, place);
        }
    }
    Ok(finding::insert(tx, &sink.finish(told)).await?)
}

fn places(folded: &Folded<'_>) -> HashMap<EventKey, Place> {
    let work = folded.work;
    let mut places = HashMap::new();
    for named in &folded.loaded.stored {
        places.entry(named.event).or_insert_with(|| Place {
            document: named.document,
            pointer: format!("/epcisBody/eventList/{}", named.ordinal),
            ordinal: Some(named.ordinal),
            teller: named.asserter.clone(),
        });
    }
    for new in &folded.admitted.new {
        let pointer = work.checked.events[new.ordinal].0.pointer.clone();
        places.insert(
            new.key,
            Place {
                document: work.job.document,
                pointer,
                ordinal: None,
                teller: work.job.actor.party.clone(),
            },
        );
    }
    places
}

/// Of which code, about things of whom.
type Kind = (FindingCode, Option<PartyId>);

/// Takes findings up to the limit of each document, code and brand owner, and counts the rest.
struct Sink<'a> {
    folded: &'a Folded<'a>,
    kept: Vec<StoredFinding>,
    counts: BTreeMap<(DocumentId, Kind), usize>,
    /// Between which events of the document itself those lie that are counted and not kept.
    rest: BTreeMap<FindingCode, Rest>,
    tellers: HashMap<DocumentId, PartyId>,
    /// The new events by their position in the document.
    new: HashMap<usize, EventKey>,
    /// What each event names of things that had not changed owner before it. Made when the first owner is asked for.
    unsold: OnceCell<HashSet<(EventKey, EpcKey)>>,
}

impl<'a> Sink<'a> {
    fn new(folded: &'a Folded<'a>, standing: &[StoredFinding], told: &Told) -> Self {
        let here = folded.work.job.document;
        let mut counts: BTreeMap<_, _> = told
            .counts
            .iter()
            .map(|(kind, count)| ((here, kind.clone()), *count))
            .collect();
        for finding in standing.iter().filter(|finding| finding.document != here) {
            let kind = (finding.code, finding.owner.clone());
            *counts.entry((finding.document, kind)).or_default() += 1;
        }
        Self {
            folded,
            kept: Vec::new(),
            counts,
            rest: BTreeMap::new(),
            tellers: HashMap::new(),
            new: folded.admitted.new.iter().map(|new| (new.ordinal, new.key)).collect(),
            unsold: OnceCell::new(),
        }
    }

    /// Something noticed in the document itself. It is of this document even where it is about an event that was known: what
    /// a document is told does not depend on what came before it.
    fn notice(&mut self, finding: Finding) {
        let work = self.folded.work;
        let event = finding.event.and_then(|ordinal| self.new.get(&ordinal).copied());
        let epc: Option<Epc> = finding.epc.as_deref().and_then(|epc| epc.parse().ok());
        let owner = epc.and_then(|epc| self.owner(event?, epc.key()));
        let position = finding.event.map(|ordinal| work.checked.position(ordinal));
        let (document, party) = (work.job.document, work.job.actor.party.clone());
        let Finding {
            code,
            epc,
            pointer,
            detail,
            ..
        } = finding;
        let is_kept = self.keep(StoredFinding {
            owner,
            event,
            epc,
            pointer,
            detail,
            ..blank(work, document, party, code)
        });
        // Those of the state of the goods come and go with later pieces: of them only the number is told.
        if !is_kept {
            self.rest.entry(code).or_default().count(position);
        }
    }

    fn misfit(&mut self, misfit: &Misfit, place: &Place) {
        let Some(item) = self.folded.loaded.items.get(&misfit.epc) else {
            return;
        };
        let shown: String = item.uri.chars().take(80).collect();
        let detail = format!("`{shown}` {}", of_state(misfit.code).unwrap_or(misfit.code.fix()));
        let owner = self.owner(misfit.event, misfit.epc);
        let (event, epc, pointer) = (Some(misfit.event), Some(item.uri.to_string()), place.pointer.clone());
        let blank = blank(self.folded.work, place.document, place.teller.clone(), misfit.code);
        self.keep(StoredFinding {
            owner,
            event,
            epc,
            pointer,
            detail,
            ..blank
        });
    }

    /// The brand owner, who learns of it only until the thing was first sold.
    fn owner(&self, event: EventKey, epc: EpcKey) -> Option<PartyId> {
        let outcome = &self.folded.outcome;
        let unsold = self.unsold.get_or_init(|| {
            let named = outcome.named.iter();
            named
                .flat_map(|(event, named)| named.iter().filter(|(_, sold)| !sold).map(|(epc, _)| (*event, *epc)))
                .collect()
        });
        outcome.owners.get(&epc).filter(|_| unsold.contains(&(event, epc))).cloned()
    }

    /// False if it is one more than are kept.
    fn keep(&mut self, finding: StoredFinding) -> bool {
        if severity(self.folded.work, &finding.party, finding.code).is_none() {
            return true;
        }
        let kind = (finding.code, finding.owner.clone());
        let count = self.counts.entry((finding.document, kind)).or_default();
        *count += 1;
        let is_kept = *count <= self.folded.work.hub.limits().findings_per_code;
        if is_kept {
            self.kept.push(finding);
        } else {
            self.tellers.insert(finding.document, finding.party);
        }
        is_kept
    }

    /// What is to be stored; what was counted of the document itself goes on in `told`.
    fn finish(mut self, told: &mut Told) -> Vec<StoredFinding> {
        let limit = self.folded.work.hub.limits().findings_per_code;
        let here = self.folded.work.job.document;
        let mut over = BTreeMap::<_, usize>::new();
        for ((document, kind), count) in &self.counts {
            if *document == here {
                told.counts.insert(kind.clone(), *count);
            } else if *count > limit {
                *over.entry((*document, kind.0)).or_default() += count - limit;
            }
        }
        for ((document, code), more) in over {
            let Some(teller) = self.tellers.get(&document).cloned() else {
                continue;
            };
            self.kept.push(StoredFinding {
                document,
                ..counted(self.folded.work, teller, (code, Rest::of(more)))
            });
        }
        for (code, rest) in self.rest {
            told.rest.entry(code).or_default().join(rest);
        }
        self.kept
    }
}

/// How many findings of each code and brand owner the pieces of a document had so far.
#[derive(Default)]
pub(super) struct Told {
    counts: BTreeMap<Kind, usize>,
    /// Where those lie that were counted and not kept.
    rest: BTreeMap<FindingCode, Rest>,
    /// What more there is that no piece was told of.
    more: BTreeMap<FindingCode, Rest>,
}

impl Told {
    /// Adds findings that were counted and not kept.
    pub(super) fn count(&mut self, more: &BTreeMap<FindingCode, Rest>) {
        for (code, more) in more {
            self.more.entry(*code).or_default().join(*more);
        }
    }
}

/// Notes of which codes a document had more findings than are kept. After its last piece.
pub(super) async fn truncated(tx: &Tx, work: &Work, told: &Told) -> Result<(), ServiceError> {
    let limit = work.hub.limits().findings_per_code;
    let mut more = told.more.clone();
    more.retain(|code, _| severity(work, &work.job.actor.party, *code).is_some());
    let mut over = BTreeMap::<FindingCode, usize>::new();
    for ((code, _), count) in told.counts.iter().filter(|(_, count)| **count > limit) {
        *over.entry(*code).or_default() += count - limit;
    }
    for (code, many) in over {
        let rest = told.rest.get(&code).copied().unwrap_or_default().with_many(many);
        more.entry(code).or_default().join(rest);
    }
    let rows: Vec<StoredFinding> = more
        .into_iter()
        .map(|more| counted(work, work.job.actor.party.clone(), more))
        .collect();
    Ok(finding::insert(tx, &rows).await?)
}

/// So many more of a code, in the document of a job.
fn counted(work: &Work, teller: PartyId, (code, more): (FindingCode, Rest)) -> StoredFinding {
    StoredFinding {
        // The pointer names the code: see `storage::finding::clear`.
        pointer: code.as_str().to_owned(),
        detail: more.told(code),
        ..blank(work, work.job.document, teller, FindingCode::Truncated)
    }
}

fn blank(work: &Work, document: DocumentId, party: PartyId, code: FindingCode) -> StoredFinding {
    let severity = severity(work, &party, code).unwrap_or(code.severity());
    StoredFinding {
        id: FindingId::new(work.hub.new_id(work.now)),
        party,
        owner: None,
        document,
        event: None,
        epc: None,
        code,
        severity,
        detail: String::new(),
        pointer: String::new(),
        created_at: work.now,
        cleared_at: None,
    }
}

/// What the profile of a party makes of a code; `None` where it is not to be told.
fn severity(work: &Work, party: &PartyId, code: FindingCode) -> Option<Severity> {
    let party = work.registry.party(party);
    party.map_or(Some(code.severity()), |party| party.capture.severity(code))
}

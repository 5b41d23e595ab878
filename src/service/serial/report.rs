//! A party reports what became of numbers: encoded, scrapped, sampled, returned, lost, released.
//!
//! The holder of a number and the brand owner may report, each what the table of [`crate::domain::serial::life`] gives it. Every number is
//! answered for itself; a move that there is not is kept as an exception that holder and owner see. To anybody else a number answers as
//! one that was never issued.
//!
//! Numbers that come back are never issued again. Only one that was never on a label may be returned at all; it is burnt, or waits for
//! the owner to decide whether its holder, who alone knew it, may use it after all. (EU 2016/161 art. 4 (d) forbids the same number on two
//! packs for years; a number that somebody might have printed can be on a pack any day.)
//!
//! # Invariants
//! - The same report again changes nothing: its numbers are there already.
//! - Once a lot is closed no report moves a number from one column of its balance to another.
//! - Audit entries hold counts and allocations, never serials.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use roaring::RoaringBitmap;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId, ExceptionId, PartyId};
use crate::domain::party::Actor;
use crate::domain::serial::book::Shift;
use crate::domain::serial::life::{Bucket, SerialState, Who};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::Reader;
use crate::storage::serial::lot::{self, Hold, LotClose};
use crate::storage::serial::report::{self as store, StoredException};
use crate::storage::serial::slice::Reach;
use crate::storage::serial::state::{self, Kept};
use crate::storage::{Tx, audit};

use super::locate::{Located, locate};
use super::text;

/// Most allocations that an audit entry names.
const NAMED: usize = 50;

/// Which numbers a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// These.
    Serials(Vec<String>),
    /// Numbers of one allocation, in its order.
    Allocation {
        /// Which.
        id: AllocationId,
        /// How many numbers from its beginning are left out.
        after: u64,
        /// How many there are then at the most; none: to its end.
        limit: Option<u64>,
        /// Only those of them that nothing was reported of but that they were printed.
        unused: bool,
    },
}

/// What a party reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Which.
    pub subject: Subject,
    /// What became of them.
    pub to: SerialState,
    /// The lot it happened in; without it, that of the allocation. A number on a pack keeps the lot of its commissioning.
    pub lot: Option<String>,
    /// The packaging line, for the audit log.
    pub line: Option<String>,
    /// Why, in the reporter's words, for the audit log.
    pub reason: Option<String>,
    /// The reporter's own name for this report: with another report under it, nothing is done.
    pub idempotency_key: Option<String>,
    /// Nothing moves unless every number moves or is there already.
    pub all_or_nothing: bool,
}

/// What became of one number of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reported {
    /// It moved.
    Moved,
    /// It was there already.
    Already,
    /// It could have moved, and another number of an all-or-nothing report could not.
    HeldBack,
    /// There is no such move from the state it is in, or not on the reporter's word.
    Illegal(SerialState),
    /// The lot is closed, and the move would change its balance.
    LotClosed(SerialState),
    /// Not the reporter's: never issued, or issued to somebody else (never told which).
    Unknown,
}

impl Reported {
    /// Whether the number is where the report says it is.
    #[must_use]
    pub fn stands(self) -> bool {
        match self {
            Self::Moved | Self::Already => true,
            Self::HeldBack | Self::Illegal(_) | Self::LotClosed(_) | Self::Unknown => false,
        }
    }
}

/// How a report ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// For each serial of the report, in its order; empty where it named an allocation.
    pub each: Vec<Reported>,
    /// How many numbers ended how.
    pub counts: BTreeMap<Reported, u64>,
}

impl Answer {
    /// How many ended so.
    #[must_use]
    pub fn count(&self, of: fn(&Reported) -> bool) -> u64 {
        self.counts
            .iter()
            .filter(|(ended, _)| of(ended))
            .map(|(_, count)| count)
            .sum()
    }
}

/// Takes a report of the caller.
pub async fn report(hub: &Hub, actor: &Actor, report: Report) -> Result<Answer, ServiceError> {
    check(hub, &report)?;
    let (hub, actor) = (hub.clone(), actor.clone());
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { Reporting::new(&hub, &actor, &report).take(tx).await }))
        .await
}

fn check(hub: &Hub, report: &Report) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(Code::BadInput, detail));
    if let Subject::Serials(serials) = &report.subject {
        let most = hub.limits().serials_per_report;
        if serials.is_empty() || serials.len() > most {
            return refuse(format!(
                "{} serial numbers cannot be reported: one report names 1 to {most}, or a range of an allocation",
                serials.len()
            ));
        }
        if serials.iter().any(|serial| serial.chars().any(char::is_control)) {
            return refuse("a serial number has no control characters".to_owned());
        }
    }
    text::lot(report.lot.as_deref())?;
    text::short("line", report.line.as_deref())?;
    text::reason(report.reason.as_deref())?;
    text::key(report.idempotency_key.as_deref())
}

/// One report on its way through its transaction.
struct Reporting<'a> {
    hub: &'a Hub,
    actor: &'a Actor,
    report: &'a Report,
    now: Micros,
}

/// What became of the numbers of one allocation.
#[derive(Default)]
struct Part {
    ended: BTreeMap<Reported, RoaringBitmap>,
}

impl Part {
    fn add(&mut self, ended: Reported, offsets: RoaringBitmap) {
        if !offsets.is_empty() {
            *self.ended.entry(ended).or_default() |= offsets;
        }
    }

    fn of(&self, offset: u32) -> Reported {
        let found = self.ended.iter().find(|(_, offsets)| offsets.contains(offset));
        found.map_or(Reported::Unknown, |(ended, _)| *ended)
    }
}

impl<'a> Reporting<'a> {
    fn new(hub: &'a Hub, actor: &'a Actor, report: &'a Report) -> Self {
        let now = hub.now();
        Self { hub, actor, report, now }
    }

    async fn take(&self, tx: &Tx) -> Result<Answer, ServiceError> {
        self.claim_key(tx).await?;
        if let Some(lot) = &self.report.lot {
            lot::hold(tx, &[(self.report.numbered, lot)], Hold::Shared).await?;
        }
        let mut located = self.locate(tx).await?;
        let closings = self.closings(tx, &located).await?;
        let mut parts: Vec<Part> = located
            .iter_mut()
            .map(|Located { kept, numbers }| {
                let which = numbers.iter().map(|(_, offset)| *offset).collect();
                self.shift(kept, which, &closings)
            })
            .collect();
        let named: u64 = match &self.report.subject {
            Subject::Serials(serials) => serials.len() as u64,
            Subject::Allocation { .. } => located.iter().map(|located| located.numbers.len() as u64).sum(),
        };
        if self.report.all_or_nothing && !all_stand(&parts, &located, named) {
            hold_back(&mut parts);
        } else {
            super::usage::save(tx, &located, self.hub).await?;
        }
        store::add_exceptions(tx, &self.exceptions(&located, &parts)).await?;
        let answer = self.answer(&located, &parts);
        audit::append(tx, &self.entry(&located, &answer)).await?;
        Ok(answer)
    }

    async fn claim_key(&self, tx: &Tx) -> Result<(), ServiceError> {
        let Some(key) = &self.report.idempotency_key else {
            return Ok(());
        };
        let hash = self.hash();
        let first = store::key_or_insert(tx, &self.actor.party, key, hash, self.now).await?;
        if first == hash {
            return Ok(());
        }
        let detail = "the idempotency key was used for another report: take a new key for a new report";
        Err(ServiceError::refused(Code::KeyReused, detail))
    }

    /// What makes two reports the same.
    fn hash(&self) -> [u8; 32] {
        let Report {
            numbered,
            subject,
            to,
            lot,
            line,
            reason,
            idempotency_key: _,
            all_or_nothing,
        } = self.report;
        let subject = match subject {
            Subject::Serials(serials) => serde_json::json!(serials),
            Subject::Allocation {
                id,
                after,
                limit,
                unused,
            } => serde_json::json!([id, after, limit, unused]),
        };
        let body = serde_json::json!([
            "counterfoil/serial-report/v1",
            numbered,
            subject,
            to.as_str(),
            lot,
            line,
            reason,
            all_or_nothing
        ]);
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, body.to_string().as_bytes()).as_ref());
        hash
    }

    async fn locate(&self, tx: &Tx) -> Result<Vec<Located>, ServiceError> {
        match &self.report.subject {
            Subject::Serials(serials) => {
                let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
                locate(
                    tx,
                    self.hub,
                    Reach::HolderOrOwner(&self.actor.party),
                    self.report.numbered,
                    &serials,
                )
                .await
            }
            Subject::Allocation {
                id,
                after,
                limit,
                unused,
            } => {
                state::lock(tx, &[*id]).await?;
                let kept = state::books(Reader::Tx(tx), &[*id]).await?.pop();
                let kept = kept
                    .filter(|kept| kept.stored.allocation.numbered == self.report.numbered && self.may_speak_of(kept))
                    .ok_or_else(ServiceError::not_found)?;
                let mut which = part_of(kept.book.issued(), *after, *limit);
                if *unused {
                    which &= kept.book.unused();
                }
                let numbers = which.iter().map(|offset| (0, offset)).collect();
                Ok(vec![Located { kept, numbers }])
            }
        }
    }

    fn may_speak_of(&self, kept: &Kept) -> bool {
        kept.stored.allocation.principal == self.actor.party || !kept.book.held_by(&self.actor.party).is_empty()
    }

    async fn closings(&self, tx: &Tx, located: &[Located]) -> Result<Vec<LotClose>, ServiceError> {
        let mut lots: Vec<&str> = self.report.lot.as_deref().into_iter().collect();
        for Located { kept, .. } in located {
            lots.extend(kept.stored.allocation.lot.as_deref());
            lots.extend(kept.book.places().map(|(_, lot, _)| lot));
        }
        lots.sort_unstable();
        lots.dedup();
        Ok(lot::closings(tx, self.report.numbered, &lots).await?)
    }

    /// Moves numbers of one allocation as far as the caller may, and says how each ended.
    fn shift(&self, kept: &mut Kept, which: RoaringBitmap, closings: &[LotClose]) -> Part {
        let (mut part, party) = (Part::default(), &self.actor.party);
        let to = self.destination(kept);
        let allocation = &kept.stored.allocation;
        let lot = self.report.lot.clone().or_else(|| allocation.lot.clone()).unwrap_or_default();
        let is_owner = allocation.principal == *party;
        let held = kept.book.held_by(party) & &which;
        let mine = if is_owner { which & kept.book.issued() } else { held.clone() };
        // Wherever this report would take them: where it says they are is where they are.
        let there = kept.book.in_state(self.report.to) & &mine;
        let mine = mine - &there;
        part.add(Reported::Already, there);
        let closed = closed_part(kept, &mine, (to, &lot), closings);
        for (state, offsets) in by_state(kept, &closed) {
            let ended = if state == to {
                Reported::Already
            } else {
                Reported::LotClosed(state)
            };
            part.add(ended, offsets);
        }
        let open = mine - &closed;
        let as_holder = kept.book.shift(&(&open & &held), to, Who::Holder, &lot);
        let mut rest = open - &held;
        if is_owner {
            rest |= as_holder
                .refused
                .values()
                .fold(RoaringBitmap::new(), |all, refused| all | refused);
            let as_owner = kept.book.shift(&rest, to, Who::Owner, &lot);
            add(&mut part, as_owner);
            add(
                &mut part,
                Shift {
                    refused: BTreeMap::new(),
                    ..as_holder
                },
            );
        } else {
            add(&mut part, as_holder);
        }
        part
    }

    /// Where numbers go: those that are given back wait for an owner that wants to decide on them.
    fn destination(&self, kept: &Kept) -> SerialState {
        let registry = self.hub.registry();
        let mut holders = kept.book.holders().into_iter().map(|(holder, _)| holder);
        let mine = holders.find(|holder| holder.party == self.actor.party);
        let agreement = mine.and_then(|holder| registry.agreement(holder.agreement.as_ref()?));
        match self.report.to {
            SerialState::Returned if agreement.is_some_and(|agreement| agreement.hold_returned) => SerialState::Quarantined,
            to => to,
        }
    }

    fn exceptions(&self, located: &[Located], parts: &[Part]) -> Vec<StoredException> {
        let mut exceptions = Vec::new();
        for (Located { kept, .. }, part) in located.iter().zip(parts) {
            for (ended, offsets) in &part.ended {
                let (Reported::Illegal(from) | Reported::LotClosed(from)) = *ended else {
                    continue;
                };
                for (holder, held) in kept.book.holders() {
                    let offsets = &held & offsets;
                    if !offsets.is_empty() {
                        exceptions.push(StoredException {
                            id: ExceptionId::new(self.hub.new_id(self.now)),
                            allocation: kept.stored.allocation.id,
                            party: holder.party.clone(),
                            principal: kept.stored.allocation.principal.clone(),
                            from,
                            to: self.report.to,
                            offsets,
                            at: self.now,
                        });
                    }
                }
            }
        }
        exceptions
    }

    fn answer(&self, located: &[Located], parts: &[Part]) -> Answer {
        let mut answer = Answer::default();
        match &self.report.subject {
            Subject::Serials(serials) => {
                answer.each = vec![Reported::Unknown; serials.len()];
                for (Located { numbers, .. }, part) in located.iter().zip(parts) {
                    for (position, offset) in numbers {
                        answer.each[*position] = part.of(*offset);
                    }
                }
                for ended in &answer.each {
                    *answer.counts.entry(*ended).or_default() += 1;
                }
            }
            Subject::Allocation { .. } => {
                for (ended, offsets) in parts.iter().flat_map(|part| &part.ended) {
                    *answer.counts.entry(*ended).or_default() += offsets.len();
                }
            }
        }
        answer
    }

    fn entry(&self, located: &[Located], answer: &Answer) -> AuditEntry {
        let allocations: Vec<AllocationId> = located
            .iter()
            .take(NAMED)
            .map(|located| located.kept.stored.allocation.id)
            .collect();
        let mut principals: Vec<&PartyId> = located
            .iter()
            .map(|located| &located.kept.stored.allocation.principal)
            .collect();
        principals.dedup();
        let stood = answer.count(|ended| ended.stands()) > 0;
        AuditEntry {
            id: AuditId::new(self.hub.new_id(self.now)),
            at: self.now,
            actor: self.actor.clone(),
            principal: principals
                .first()
                .map(|principal| (*principal).clone())
                .filter(|principal| *principal != self.actor.party),
            action: AuditAction::ReportSerials,
            object: self.report.numbered.to_string(),
            outcome: if stood { Outcome::Done } else { Outcome::Refused },
            detail: serde_json::json!({
                "to": self.report.to.as_str(), "lot": self.report.lot, "line": self.report.line, "reason": self.report.reason,
                "key": self.report.idempotency_key, "allocations": allocations, "in_allocations": located.len(),
                "moved": answer.count(|ended| *ended == Reported::Moved), "already": answer.count(|ended| *ended == Reported::Already),
                "refused": answer.count(|ended| !ended.stands()),
            }),
        }
    }
}

fn add(part: &mut Part, shift: Shift) {
    part.add(Reported::Moved, shift.moved);
    part.add(Reported::Already, shift.already);
    for (from, offsets) in shift.refused {
        part.add(Reported::Illegal(from), offsets);
    }
}

/// The numbers of a range, counted from the first number of all.
pub(super) fn part_of(all: &RoaringBitmap, after: u64, limit: Option<u64>) -> RoaringBitmap {
    let end = limit.map_or(all.len(), |limit| after.saturating_add(limit).min(all.len()));
    let mut part = all.clone();
    // The number at a position; none behind the last.
    let at = |position: u64| u32::try_from(position).ok().and_then(|position| all.select(position));
    match at(after).filter(|_| after < end) {
        None => part.clear(),
        Some(first) => {
            part.remove_range(..first);
            if let Some(behind) = at(end) {
                part.remove_range(behind..);
            }
        }
    }
    part
}

fn by_state(kept: &Kept, which: &RoaringBitmap) -> Vec<(SerialState, RoaringBitmap)> {
    if which.is_empty() {
        return Vec::new();
    }
    SerialState::ALL
        .iter()
        .map(|state| (*state, kept.book.in_state(*state) & which))
        .collect()
}

/// The numbers whose move would change the balance of a closed lot.
fn closed_part(kept: &Kept, which: &RoaringBitmap, (to, lot): (SerialState, &str), closings: &[LotClose]) -> RoaringBitmap {
    let (allocation, mut closed) = (&kept.stored.allocation, RoaringBitmap::new());
    if closings.is_empty() || to.bucket() == Bucket::Commissioned {
        return closed;
    }
    for (holder, held) in kept.book.holders() {
        let covers = |lot: &str| {
            let mut of_lot = closings.iter().filter(|close| close.lot == lot);
            of_lot.any(|close| close.covers(&holder.party, &allocation.principal, allocation.line.as_deref()))
        };
        let mine = &held & which;
        for (_, _, offsets) in kept.book.places().filter(|(_, place, _)| covers(place)) {
            closed |= offsets & &mine;
        }
        if covers(lot) || allocation.lot.as_deref().is_some_and(covers) {
            closed |= kept
                .book
                .places()
                .filter(|(state, _, _)| state.is_on_pack())
                .fold(mine, |rest, (_, _, packed)| rest - packed);
        }
    }
    closed
}

fn all_stand(parts: &[Part], located: &[Located], named: u64) -> bool {
    let found: u64 = located.iter().map(|located| located.numbers.len() as u64).sum();
    let each = located.iter().zip(parts).all(|(located, part)| {
        let mut numbers = located.numbers.iter();
        numbers.all(|(_, offset)| part.of(*offset).stands())
    });
    each && found == named
}

fn hold_back(parts: &mut [Part]) {
    for part in parts {
        if let Some(moved) = part.ended.remove(&Reported::Moved) {
            part.add(Reported::HeldBack, moved);
        }
    }
}

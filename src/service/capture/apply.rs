//! One job, one transaction: events, state, findings, the end of the job, the audit entry. Piece by piece, so that memory is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::assertion;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::event::{Action, Event, EventType};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Epc, Gtin, Scheme};
use crate::domain::ids::{AuditId, EventKey, PartyId};
use crate::domain::ledger;
use crate::domain::party::Registry;
use crate::domain::seen::made_by;
use crate::domain::time::Micros;
use crate::domain::total::{country, distinct, named};
use crate::storage::capture as store;
use crate::storage::event::{self, NewEvent};
use crate::storage::lot::{self, NewLot};
use crate::storage::total::{self, NewUnits};
use crate::storage::{Tx, audit, document, identity, record};

use super::admit::{Admitted, New, admit};
use super::check::{Checked, Judged, Verdict};
use super::findings::Told;
use super::pieces::Pieces;
use super::save::Folded;
use super::{
    Hub, Job, JobState, ServiceError, Work, condition, correct, findings, life, load, receipt, refusal, relate, save, stake,
};

/// Clocks of packaging lines may be ahead of ours by this much.
pub(super) const FUTURE_SECONDS: i64 = 600;

/// Stores a document and ends its job. `alone`: it is a single event, and an id that another has refuses it.
pub(super) async fn apply(hub: &Hub, job: Job, (verdict, pieces): (Verdict, Pieces), alone: bool) -> Result<(), ServiceError> {
    let hub = hub.clone();
    let now = hub.now();
    let document = Storing {
        registry: hub.registry(),
        base: hub.new_id(now),
        hub: hub.clone(),
        job,
        now,
        alone,
        stamped: None,
        stored: 0,
        named: BTreeMap::new(),
        aliases: Vec::new(),
        ships: BTreeSet::new(),
        told: Told::default(),
    };
    hub.db()
        .write(move |tx| Box::pin(async move { document.store(tx, verdict, pieces).await }))
        .await
}

/// A document on its way into the database.
struct Storing {
    hub: Hub,
    registry: Arc<Registry>,
    job: Job,
    now: Micros,
    alone: bool,
    /// The first of its events' keys.
    base: Uuid,
    /// The record time of its events, once the clock was taken.
    stamped: Option<Micros>,
    /// New events so far.
    stored: i64,
    /// In whose names events of it are told, and how many of those are new.
    named: BTreeMap<Option<PartyId>, i64>,
    /// Other ids that events go by from now on.
    aliases: Vec<String>,
    /// Shipping events that it concerned.
    ships: BTreeSet<EventKey>,
    told: Told,
}

impl Storing {
    async fn store(mut self, tx: &Tx, verdict: Verdict, mut pieces: Pieces) -> Result<(), ServiceError> {
        let end = store::End {
            state: JobState::Done,
            at: self.now,
            events_stored: 0,
            events_refused: i64::try_from(verdict.left_out).unwrap_or(i64::MAX),
            errors: refusal::errors(&verdict.refusals)?,
        };
        if !store::finish(tx, self.job.id, &end).await? {
            // Another worker ended the job after our lease had run out; nothing was written here.
            return Ok(());
        }
        let (header, sent) = (&verdict.header, (self.job.document, &self.job.actor.party));
        document::insert(tx, sent, &header.header, &header.elements).await?;
        self.told.count(&verdict.more);
        drop(verdict);
        let mut work = None;
        while let Some(checked) = pieces.next().await? {
            // The piece before is dropped before the next one takes its room.
            drop(work.take());
            let piece = self.work(checked);
            self.piece(tx, &piece).await?;
            work = Some(piece);
        }
        let Some(work) = work else { return Ok(()) };
        findings::truncated(tx, &work, &self.told).await?;
        receipt::save(tx, &work, &self.ships).await?;
        store::count(tx, self.job.id, self.stored).await?;
        audit::append_all(tx, &self.entries()).await?;
        if self.stored > 0 || !self.aliases.is_empty() {
            // Last: whoever stores events waits for this row from here to the commit.
            let at = match self.stamped {
                Some(at) => at,
                None => record::stamp(tx, self.now).await?,
            };
            if at != self.now {
                record::restamp(tx, self.job.document, self.now, at).await?;
            }
            correct::arrived(tx, &work, &self.aliases).await?;
        }
        Ok(())
    }

    /// One piece: what it adds, and what of all that is stored it changes.
    async fn piece(&mut self, tx: &Tx, work: &Work) -> Result<(), ServiceError> {
        let admitted = admit(tx, work).await?;
        let erroneous: Vec<_> = admitted.erroneous.iter().map(|(key, _)| *key).collect();
        event::void(tx, &erroneous).await?;
        let loaded = load::load(tx, work, &admitted).await?;
        let outcome = ledger::fold(&loaded.things, loaded.facts.clone());
        insert_events(tx, work, &admitted).await?;
        identity::insert(tx, &work.job.actor.party, &admitted.aliases).await?;
        condition::save(tx, work, &admitted).await?;
        let facts = save::tellers(&loaded.facts);
        let folded = Folded {
            work,
            admitted: &admitted,
            loaded: &loaded,
            facts: &facts,
            outcome: &outcome,
        };
        save::items(tx, &folded).await?;
        save::containment(tx, &folded).await?;
        stake::save(tx, &folded).await?;
        save::shipments(tx, &folded).await?;
        relate::relate(tx, &folded).await?;
        let mut noticed = noticed(work, &admitted);
        noticed.extend(life::serials(tx, &folded).await?);
        // Before the findings where one of them depends on what others commit meanwhile.
        if correct::names_corrections(work, &admitted) {
            if self.stamped.is_none() {
                self.stamped = Some(record::stamp(tx, self.now).await?);
            }
            noticed.extend(correct::dangling(tx, work, &admitted).await?);
        }
        findings::save(tx, &folded, noticed, &mut self.told).await?;
        self.stored += i64::try_from(admitted.new.len()).unwrap_or(i64::MAX);
        for new in &admitted.new {
            for principal in in_whose_names(&work.registry, &work.job.actor.party, &work.checked.events[new.ordinal]) {
                *self.named.entry(principal).or_default() += 1;
            }
        }
        self.ships.extend(receipt::ships(&loaded.facts));
        self.aliases
            .extend(admitted.aliases.iter().map(|alias| alias.event_id.clone()));
        Ok(())
    }

    /// One for each principal: none of them is told how much was told for another.
    fn entries(&self) -> Vec<AuditEntry> {
        let base = self.hub.new_id(self.now).as_u128();
        let entry = |(index, (principal, events)): (u128, (&Option<PartyId>, &i64))| AuditEntry {
            id: AuditId::new(Uuid::from_u128(base.wrapping_add(index))),
            at: self.now,
            actor: self.job.actor.clone(),
            principal: principal.clone(),
            action: AuditAction::Capture,
            object: self.job.id.to_string(),
            outcome: Outcome::Done,
            detail: serde_json::json!({ "document": self.job.document, "events": events }),
        };
        (0..).zip(&self.named).map(entry).collect()
    }

    fn work(&mut self, checked: Checked) -> Work {
        for judged in &checked.events {
            for principal in in_whose_names(&self.registry, &self.job.actor.party, judged) {
                self.named.entry(principal).or_default();
            }
        }
        Work {
            hub: self.hub.clone(),
            registry: Arc::clone(&self.registry),
            job: self.job.clone(),
            checked,
            now: self.now,
            alone: self.alone,
            base: self.base,
        }
    }
}

/// Those in whose name an event is told; nobody's but the teller's own is one of them.
fn in_whose_names(registry: &Registry, party: &PartyId, (parsed, principal): &Judged) -> BTreeSet<Option<PartyId>> {
    let also = assertion::acted_for(registry, party, &parsed.event);
    let named: BTreeSet<_> = principal.iter().cloned().chain(also).map(Some).collect();
    if named.is_empty() { BTreeSet::from([None]) } else { named }
}

async fn insert_events(tx: &Tx, work: &Work, admitted: &Admitted) -> Result<(), ServiceError> {
    let rows: Vec<NewEvent<'_>> = admitted
        .new
        .iter()
        .map(|new| {
            let (parsed, principal) = &work.checked.events[new.ordinal];
            NewEvent {
                key: new.key,
                hash: parsed.hash,
                event: &parsed.event,
                record_time: work.now,
                asserter: &work.job.actor.party,
                principal: principal.as_ref(),
                event_id: new.event_id.clone(),
                declaration: new.declaration,
                voided: new.voided,
                document: work.job.document,
                ordinal: work.checked.position(new.ordinal),
            }
        })
        .collect();
    event::insert(tx, &rows).await?;
    let units: Vec<NewUnits<'_>> = admitted.new.iter().flat_map(|new| counted(work, new)).collect();
    total::insert(tx, &units).await?;
    let lots: Vec<NewLot<'_>> = admitted.new.iter().flat_map(|new| lots(work, new)).collect();
    Ok(lot::insert(tx, &lots).await?)
}

/// Of which lot of which products a new event makes things.
fn lots<'a>(work: &'a Work, new: &New) -> impl Iterator<Item = NewLot<'a>> {
    let (event, key) = (&work.checked.events[new.ordinal].0.event, new.key);
    let made = event.lot().into_iter().flat_map(|lot| {
        let gtins: BTreeSet<Gtin> = made_by(event).filter_map(Epc::gtin).collect();
        gtins.into_iter().map(move |gtin| (gtin, lot))
    });
    made.map(move |(gtin, lot)| NewLot { gtin, lot, event: key })
}

/// What a new event counts for in totals.
fn counted<'a>(work: &'a Work, new: &'a New) -> impl Iterator<Item = NewUnits<'a>> {
    let (parsed, principal) = &work.checked.events[new.ordinal];
    let tellers: Vec<&PartyId> = std::iter::once(&work.job.actor.party).chain(principal).collect();
    let country = country(&parsed.event, &work.registry, &tellers);
    // An EPC that a list names twice is one thing.
    let things = distinct(new.named(&parsed.event).map(|(role, key, epc)| ((role, key), (role, epc))));
    named(&parsed.event, things).into_iter().map(move |(gtin, units)| NewUnits {
        event: new.key,
        gtin,
        units,
        country,
    })
}

/// What needs no state to be noticed.
fn noticed(work: &Work, admitted: &Admitted) -> Vec<Finding> {
    let mut findings = work.checked.warnings.clone();
    findings.extend(admitted.findings.iter().cloned());
    for new in &admitted.new {
        let (parsed, _) = &work.checked.events[new.ordinal];
        let event = &parsed.event;
        if event.event_time > work.now.plus_seconds(FUTURE_SECONDS) {
            let detail = format!("the event is dated {}", event.event_time);
            findings.push(
                Finding::new(FindingCode::FutureEvent, format!("{}/eventTime", parsed.pointer), detail).at_event(new.ordinal),
            );
        }
        if commissions(event) && items(event).next().is_some() && (event.lot().is_none() || event.expiry().is_none()) {
            let detail = "the items are commissioned without lot or without expiry";
            findings.push(
                Finding::new(FindingCode::MissingLotOrExpiry, format!("{}/ilmd", parsed.pointer), detail).at_event(new.ordinal),
            );
        }
    }
    findings
}

pub(super) fn commissions(event: &Event) -> bool {
    event.kind == EventType::Object && event.action == Some(Action::Add)
}

/// The trade items an event names, with their serials.
pub(super) fn items(event: &Event) -> impl Iterator<Item = (Gtin, String, &crate::domain::gs1::Epc)> {
    let items = event.epcs.iter().filter(|epc| epc.scheme() == Scheme::Sgtin);
    items.filter_map(|epc| Some((epc.gtin()?, epc.serial()?.into_owned(), epc)))
}

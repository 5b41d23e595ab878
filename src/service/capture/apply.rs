//! One job, one transaction: events, state, findings, the end of the job, the audit entry.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::event::{Action, Event, EventType};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Gtin, Scheme};
use crate::domain::ids::AuditId;
use crate::domain::ledger;
use crate::storage::capture as store;
use crate::storage::event::{self, NewEvent};
use crate::storage::{Tx, audit, identity, record};

use super::admit::{Admitted, admit};
use super::check::Checked;
use super::save::Folded;
use super::{Hub, Job, JobState, ServiceError, Work, correct, findings, life, load, refusal, relate, save};

/// Clocks of packaging lines may be ahead of ours by this much.
pub(super) const FUTURE_SECONDS: i64 = 600;

/// Stores a checked document and ends its job. `alone`: it is a single event, and an id that another has refuses it.
pub(super) async fn apply(hub: &Hub, job: Job, checked: Checked, alone: bool) -> Result<(), ServiceError> {
    let now = hub.now();
    let work = Work {
        hub: hub.clone(),
        registry: hub.registry(),
        job,
        checked,
        now,
        alone,
    };
    hub.db()
        .write(move |tx| Box::pin(async move { store_all(tx, &work).await }))
        .await
}

async fn store_all(tx: &Tx, work: &Work) -> Result<(), ServiceError> {
    let admitted = admit(tx, work).await?;
    let events_stored = i64::try_from(admitted.new.len()).unwrap_or(i64::MAX);
    let end = store::End {
        state: JobState::Done,
        at: work.now,
        events_stored,
        events_refused: i64::try_from(work.checked.left_out).unwrap_or(i64::MAX),
        errors: refusal::errors(&work.checked.refusals)?,
    };
    if !store::finish(tx, work.job.id, &end).await? {
        // Another worker ended the job after our lease had run out; nothing was written here.
        return Ok(());
    }
    let erroneous: Vec<_> = admitted.erroneous.iter().map(|(key, _)| *key).collect();
    event::void(tx, &erroneous).await?;
    let loaded = load::load(tx, work, &admitted).await?;
    let outcome = ledger::fold(&loaded.things, loaded.facts.clone());
    insert_events(tx, work, &admitted).await?;
    identity::insert(tx, &work.job.actor.party, &admitted.aliases).await?;
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
    save::shipments(tx, &folded).await?;
    relate::relate(tx, &folded).await?;
    let mut noticed = noticed(work, &admitted);
    noticed.extend(life::serials(tx, &folded).await?);
    // Before the findings where one of them depends on what others commit meanwhile.
    let mut stamped = None;
    if correct::names_corrections(work, &admitted) {
        stamped = Some(record::stamp(tx, work.now).await?);
        noticed.extend(correct::dangling(tx, work, &admitted).await?);
    }
    findings::save(tx, &folded, noticed).await?;
    audit::append(tx, &entry(work, events_stored)).await?;
    if !admitted.new.is_empty() || !admitted.aliases.is_empty() {
        // Last: whoever stores events waits for this row from here to the commit.
        let at = match stamped {
            Some(at) => at,
            None => record::stamp(tx, work.now).await?,
        };
        if at != work.now {
            record::restamp(tx, work.job.document, work.now, at).await?;
        }
        correct::arrived(tx, work, &admitted).await?;
    }
    Ok(())
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
    Ok(event::insert(tx, &rows).await?)
}

fn entry(work: &Work, events_stored: i64) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(work.hub.new_id(work.now)),
        at: work.now,
        actor: work.job.actor.clone(),
        principal: work.checked.events.iter().find_map(|(_, principal)| principal.clone()),
        action: AuditAction::Capture,
        object: work.job.id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "document": work.job.document, "events": events_stored }),
    }
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

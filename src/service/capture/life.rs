//! What a document says of serial numbers: which came on packs, which were taken back, and what became of packs since.
//!
//! Commissioning marks numbers in the books of the sender's allocations. Decommissioning, destroying, sampling and encoding
//! move numbers of whomever they are, on the word of whoever may speak of the pack (the ledger's `heard`). Of several events about one
//! pack the last in the order of time counts, so an event that comes late or is declared in error is reckoned with as if it
//! had come, or not come, in time: what the events said before is compared with what they say now, and only a difference moves a number.
//!
//! It knows neither which moves there are ([`crate::domain::serial::life`]) nor where the numbers lie ([`crate::service::serial`]).

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::event::{Action, EpcRole, Event, EventType};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Epc, EpcKey, Gtin, Scheme};
use crate::domain::ids::EventKey;
use crate::domain::ledger::Misfit;
use crate::domain::serial::life::{SerialState, Who};
use crate::domain::time::Micros;
use crate::service::serial::{self, Followed, Standing};
use crate::storage::Tx;

use super::ServiceError;
use super::apply::{FUTURE_SECONDS, commissions, items};
use super::save::Folded;

/// Marks serials as commissioned, and those whose commissioning was in error as not; follows what became of packs; says which
/// serials should not have been used.
pub(super) async fn serials(tx: &Tx, folded: &Folded<'_>) -> Result<Vec<Finding>, ServiceError> {
    let Folded {
        work, admitted, outcome, ..
    } = folded;
    let party = &work.job.actor.party;
    hold_lots(tx, folded).await?;
    let mut gone: ByLot<'_, String> = BTreeMap::new();
    for (_, event) in admitted.erroneous.iter().filter(|(_, event)| commissions(event)) {
        // Another commissioning may still stand.
        for (gtin, serial, _) in items(event).filter(|(_, _, epc)| !outcome.commissioned.contains_key(&epc.key())) {
            gone.entry((gtin, event.lot().unwrap_or(""))).or_default().push(serial);
        }
    }
    for ((gtin, lot), serials) in &gone {
        let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
        serial::uncommissioned(tx, &work.hub, party, *gtin, lot, &serials).await?;
    }
    let (mut made, mut fresh) = (ByLot::<(String, usize)>::new(), HashSet::new());
    for (new, event) in admitted.counting(work).filter(|(_, event)| commissions(event)) {
        fresh.extend(
            new.named(event)
                .filter(|(role, ..)| *role == EpcRole::Object)
                .map(|(_, key, _)| key),
        );
        for (gtin, serial, _) in items(event) {
            let lot = made.entry((gtin, event.lot().unwrap_or(""))).or_default();
            lot.push((serial, new.ordinal));
        }
    }
    let mut findings = Vec::new();
    for ((gtin, lot), named) in &made {
        let serials: Vec<&str> = named.iter().map(|(serial, _)| serial.as_str()).collect();
        let standings = serial::commissioned(tx, &work.hub, party, *gtin, lot, &serials).await?;
        for ((serial, ordinal), standing) in named.iter().zip(standings) {
            let pointer = &work.checked.events[*ordinal].0.pointer;
            let wrong = wrong(standing);
            findings.extend(wrong.map(|(code, wrong)| of_serial(code, *gtin, serial, (pointer, &wrong)).at_event(*ordinal)));
        }
    }
    follow(tx, folded, &fresh).await?;
    Ok(findings)
}

/// Held from before the first allocation is: nobody closes a lot while numbers of it are on their way in.
async fn hold_lots(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let new = folded.admitted.counting(folded.work).map(|(_, event)| event);
    let mut lots = Vec::new();
    for event in new.filter(|event| commissions(event)) {
        if let Some(lot) = event.lot() {
            let products: HashSet<Gtin> = items(event).map(|(gtin, _, _)| gtin).collect();
            lots.extend(products.into_iter().map(|gtin| (gtin, lot)));
        }
    }
    serial::hold_lots(tx, &lots).await
}

/// What a document says of a product and lot, whatever the number of its events; in one order, whoever locks.
type ByLot<'a, T> = BTreeMap<(Gtin, &'a str), Vec<T>>;

fn wrong(standing: Standing) -> Option<(FindingCode, String)> {
    match standing {
        // The second commissioning is the ledger's to notice.
        Standing::Allocated | Standing::Again => None,
        Standing::NotAllocated => Some((FindingCode::SerialNotAllocated, "was never allocated to you".to_owned())),
        Standing::AfterClose => Some((FindingCode::LotClosed, "is commissioned in a lot that is closed".to_owned())),
        Standing::Withdrawn(state) => Some((FindingCode::SerialWithdrawn, format!("is {state} and not to be used"))),
    }
}

fn of_serial(code: FindingCode, gtin: Gtin, serial: &str, (pointer, wrong): (&str, &str)) -> Finding {
    let finding = Finding::new(code, pointer, format!("`{serial}` of {gtin} {wrong}"));
    match Epc::sgtin(gtin, serial) {
        Ok(epc) => finding.about(epc.canonical()),
        Err(_) => finding,
    }
}

/// What one event says became of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    at: Micros,
    event: EventKey,
    state: SerialState,
}

/// The last word on each pack.
type Words = HashMap<EpcKey, Word>;

fn hear(words: &mut Words, epc: EpcKey, word: Word) {
    let known = words.entry(epc).or_insert(word);
    *known = word.max(*known);
}

/// What a document changes about packs: of each the state that the events gave it before, and that they give it now.
async fn follow(tx: &Tx, folded: &Folded<'_>, fresh: &HashSet<EpcKey>) -> Result<(), ServiceError> {
    let Folded {
        work, admitted, loaded, ..
    } = folded;
    let (mut before, mut after, mut touched) = (Words::new(), Words::new(), HashMap::<EpcKey, Who>::new());
    let present = work.now.plus_seconds(FUTURE_SECONDS);
    let heard = |event: EventKey, epc: EpcKey| {
        let unheld = |code| folded.outcome.misfits.binary_search(&Misfit { event, epc, code }).is_ok();
        folded.outcome.heard.contains(&(event, epc)) && !unheld(FindingCode::NoCustody)
    };
    for named in &loaded.stored {
        let said = Said {
            kind: named.kind,
            action: named.action,
            step: &named.step,
            disposition: &named.disposition,
            role: named.role,
        };
        if let Some(state) = said.state().filter(|_| heard(named.event, named.epc)) {
            let word = Word {
                at: named.at,
                event: named.event,
                state,
            };
            hear(&mut before, named.epc, word);
            hear(&mut after, named.epc, word);
        }
    }
    for (new, event) in admitted.counting(work).filter(|(_, event)| event.event_time <= present) {
        for (epc, state) in words_of(event, new.named(event).map(|(role, key, _)| (role, key))) {
            if heard(new.key, epc) {
                let (at, event) = (event.event_time, new.key);
                hear(&mut after, epc, Word { at, event, state });
                touched.entry(epc).or_insert(Who::Capture);
            }
        }
    }
    for (key, event) in &admitted.erroneous {
        for (epc, state) in words_of(event, event.roles().map(|(role, epc)| (role, epc.key()))) {
            let (at, event) = (event.event_time, *key);
            hear(&mut before, epc, Word { at, event, state });
            touched.insert(epc, Who::Correction);
        }
    }
    // What was said of a pack before its commissioning came counts from now on.
    for epc in fresh {
        before.remove(epc);
        touched.entry(*epc).or_insert(Who::Capture);
    }
    let mut moves = BTreeMap::<Gtin, Vec<Followed>>::new();
    for (epc, who) in touched {
        let (from, to) = (
            before.get(&epc).map(|word| word.state),
            after.get(&epc).map(|word| word.state),
        );
        if from == to {
            continue;
        }
        let Some((gtin, serial)) = loaded.items.get(&epc).and_then(|item| pack(&item.uri)) else {
            continue;
        };
        moves.entry(gtin).or_default().push(Followed { serial, from, to, who });
    }
    for (gtin, moves) in &mut moves {
        moves.sort_by(|a, b| a.serial.cmp(&b.serial));
        serial::follow(tx, &work.hub, *gtin, moves).await?;
    }
    Ok(())
}

fn pack(uri: &str) -> Option<(Gtin, String)> {
    let epc: Epc = uri.parse().ok()?;
    (epc.scheme() == Scheme::Sgtin).then_some(())?;
    Some((epc.gtin()?, epc.serial()?.into_owned()))
}

/// What an event says of each of the things it names.
fn words_of(event: &Event, named: impl Iterator<Item = (EpcRole, EpcKey)>) -> impl Iterator<Item = (EpcKey, SerialState)> {
    named.filter_map(|(role, key)| {
        let said = Said {
            kind: event.kind,
            action: event.action,
            step: event.step(),
            disposition: event.disposition.as_ref().map_or("", |term| term.as_str()),
            role,
        };
        Some((key, said.state()?))
    })
}

/// An event as far as the life of a serial number is concerned (CBV 2.0 clauses 7.1 and 7.2).
struct Said<'a> {
    kind: EventType,
    action: Option<Action>,
    step: &'a str,
    disposition: &'a str,
    role: EpcRole,
}

impl Said<'_> {
    fn state(&self) -> Option<SerialState> {
        match (self.kind, self.role) {
            (EventType::Object, EpcRole::Object) => {}
            // Used up in a repackaging.
            (EventType::Transformation, EpcRole::Input) => return Some(SerialState::Inactive),
            (EventType::Object | EventType::Transformation, _)
            | (EventType::Aggregation | EventType::Transaction | EventType::Association, _) => return None,
        }
        if self.action == Some(Action::Add) {
            return None;
        }
        match (self.step, self.disposition) {
            ("destroying", _) | (_, "destroyed") => Some(SerialState::Destroyed),
            ("sampling", _) => Some(SerialState::Sampled),
            ("decommissioning" | "dispensing" | "retail_selling" | "killing", _)
            | (_, "inactive" | "dispensed" | "retail_sold") => Some(SerialState::Inactive),
            ("encoding", _) | (_, "encoded") => Some(SerialState::Encoded),
            (_, _) if self.action == Some(Action::Delete) => Some(SerialState::Inactive),
            (_, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_dispositions_are_states() {
        let check = |action: Option<Action>, step: &str, disposition: &str, expect: Option<SerialState>| {
            let said = Said {
                kind: EventType::Object,
                action,
                step,
                disposition,
                role: EpcRole::Object,
            };
            assert_eq!(said.state(), expect, "{step} {disposition}");
        };
        let (observe, delete) = (Some(Action::Observe), Some(Action::Delete));
        check(Some(Action::Add), "commissioning", "active", None);
        check(observe, "encoding", "encoded", Some(SerialState::Encoded));
        check(observe, "inspecting", "in_progress", None);
        check(observe, "inspecting", "destroyed", Some(SerialState::Destroyed));
        check(observe, "sampling", "in_progress", Some(SerialState::Sampled));
        check(delete, "decommissioning", "inactive", Some(SerialState::Inactive));
        check(delete, "destroying", "destroyed", Some(SerialState::Destroyed));
        check(delete, "dispensing", "dispensed", Some(SerialState::Inactive));
        check(delete, "", "", Some(SerialState::Inactive));
        check(observe, "shipping", "in_transit", None);
    }
}

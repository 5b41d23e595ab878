//! Which events of a document are new, and which stored ones it declares in error.
//!
//! The same event again (same hash, from the same party) is left out without a word. An error declaration repeats
//! the erroneous event, so it is told apart from it and voids it, whichever of the two comes first (EPCIS 2.0 clause 7.4.1.4).

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::event::{EpcRole, Event};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::EventKey;
use crate::storage::event::{self, Known};
use crate::storage::{Tx, hex};

use super::{ServiceError, Work};

/// A new event.
pub(super) struct New {
    pub(super) key: EventKey,
    /// Its position in the document.
    pub(super) ordinal: usize,
    /// `eventID` as sent, or made of the hash.
    pub(super) event_id: String,
    /// Declared in error, before it came or in the same document.
    pub(super) voided: bool,
    /// The keys of what it names, in the order of [`Event::roles`]: each is a hash that is wanted again and again.
    pub(super) keys: Vec<EpcKey>,
}

impl New {
    /// What its event names.
    pub(super) fn named<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = (EpcRole, EpcKey, &'a Epc)> {
        event.roles().zip(&self.keys).map(|((role, epc), key)| (role, *key, epc))
    }
}

/// What a document brings.
#[derive(Default)]
pub(super) struct Admitted {
    pub(super) new: Vec<New>,
    /// Stored events that it declares in error.
    pub(super) erroneous: Vec<(EventKey, Event)>,
    pub(super) findings: Vec<Finding>,
}

impl Admitted {
    /// New events that count: neither in error nor declarations of an error.
    pub(super) fn counting<'a>(&'a self, work: &'a Work) -> impl Iterator<Item = (&'a New, &'a Event)> {
        let events = self.new.iter().map(|new| (new, &work.checked.events[new.ordinal].0.event));
        events.filter(|(new, event)| !new.voided && event.error_declaration.is_none())
    }
}

pub(super) async fn admit(tx: &Tx, work: &Work) -> Result<Admitted, ServiceError> {
    let events = &work.checked.events;
    let hashes: Vec<[u8; 32]> = events.iter().map(|(parsed, _)| parsed.hash).collect();
    let ids: Vec<String> = events
        .iter()
        .filter_map(|(parsed, _)| parsed.event.event_id.as_deref().map(str::to_owned))
        .collect();
    let known = event::known(tx, &work.job.actor.party, &hashes, &ids).await?;
    let known = Index::of(&known);
    let mut admitted = Admitted::default();
    let (mut seen, mut erroneous) = (HashMap::<([u8; 32], bool), usize>::new(), Vec::new());
    let mut seen_ids = HashMap::<&str, [u8; 32]>::new();
    let first = in_order(work.hub.new_id(work.now));
    for (ordinal, (parsed, _)) in events.iter().enumerate() {
        let (hash, declares) = (parsed.hash, parsed.event.error_declaration.is_some());
        if known.find(&hash, declares).is_some() || seen.contains_key(&(hash, declares)) {
            continue;
        }
        let twin = seen.get(&(hash, !declares)).copied();
        if declares {
            erroneous.extend(known.find(&hash, false).filter(|known| !known.voided).map(|known| known.key));
            if let Some(twin) = twin {
                admitted.new[twin].voided = true;
            }
        }
        if let Some(sent) = parsed.event.event_id.as_deref() {
            let other = *seen_ids.entry(sent).or_insert(hash) != hash;
            if other
                || known
                    .by_id
                    .get(sent)
                    .is_some_and(|hashes| hashes.iter().all(|known| **known != hash))
            {
                let detail = format!(
                    "`{}` was sent before for another event",
                    sent.chars().take(80).collect::<String>()
                );
                let pointer = format!("{}/eventID", parsed.pointer);
                admitted
                    .findings
                    .push(Finding::new(FindingCode::EventIdConflict, pointer, detail).at_event(ordinal));
            }
        }
        seen.insert((hash, declares), admitted.new.len());
        let made = || format!("ni:///sha-256;{}?ver=CBV2.0", hex(&hash));
        admitted.new.push(New {
            key: EventKey::new(Uuid::from_u128(first + ordinal as u128)),
            ordinal,
            event_id: parsed.event.event_id.as_deref().map_or_else(made, str::to_owned),
            voided: !declares && (twin.is_some() || known.find(&hash, true).is_some()),
            keys: parsed.event.roles().map(|(_, epc)| epc.key()).collect(),
        });
    }
    admitted.erroneous = event::bodies(tx, &erroneous).await?;
    Ok(admitted)
}

/// The first of many ids that follow one another: events of one document keep its order.
fn in_order(id: Uuid) -> u128 {
    // Room for 2^24 events before the random bits would carry into the version or variant.
    id.as_u128() & !(1 << 61) & !((1 << 24) - 1)
}

struct Index<'a> {
    by_hash: HashMap<(&'a [u8], bool), &'a Known>,
    by_id: HashMap<&'a str, Vec<&'a [u8]>>,
}

impl<'a> Index<'a> {
    fn of(known: &'a [Known]) -> Self {
        let mut by_id = HashMap::<&str, Vec<&[u8]>>::new();
        for event in known {
            by_id.entry(&event.event_id).or_default().push(&event.hash);
        }
        Self {
            by_hash: known
                .iter()
                .map(|event| ((&event.hash[..], event.declares_error), event))
                .collect(),
            by_id,
        }
    }

    fn find(&self, hash: &[u8; 32], declares: bool) -> Option<&'a Known> {
        self.by_hash.get(&(&hash[..], declares)).copied()
    }
}

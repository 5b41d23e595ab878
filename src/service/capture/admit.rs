//! Which events of a document are new, and which stored ones it declares in error.
//!
//! # Identity
//! What a party says is known by its content: the event hash (CBV 2.0 clause 8.9), which leaves out `eventID` and the error
//! declaration.
//! - The same content again is the same event, left out without a word. Under another `eventID` it is an alias: the event is
//!   found by both, and its state is not changed a second time. It is no row of its own, which would count the goods twice in
//!   every list, and would have to follow the lens of the first for as long as it stands.
//! - An error declaration repeats the erroneous event (EPCIS 2.0 clause 7.4.1.4), so it is told apart from it and voids it,
//!   whichever of the two comes first. Declarations of one event with another time, reason, corrective events or extensions are
//!   several, all of them stored.
//! - One `eventID` for two contents is a finding; both are stored.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::event::{EpcRole, ErrorDeclaration, Event, EventType};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::EventKey;
use crate::domain::time::Micros;
use crate::epcis::ParsedEvent;
use crate::epcis::hash::event_hash;
use crate::storage::event::{self, Known};
use crate::storage::identity::{self, Alias};
use crate::storage::{Tx, hex};

use super::{ServiceError, Work, refusal};

/// A new event.
pub(super) struct New {
    pub(super) key: EventKey,
    /// Its position among the events that are taken in.
    pub(super) ordinal: usize,
    /// `eventID` as sent, or made of the hash.
    pub(super) event_id: String,
    /// Which of the party's error declarations with this content it is, from 1 on; 0: none.
    pub(super) declaration: i64,
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
    /// Other ids of events, stored before or new.
    pub(super) aliases: Vec<Alias>,
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
    let party = &work.job.actor.party;
    let hashes: Vec<[u8; 32]> = events.iter().map(|(parsed, _)| parsed.hash).collect();
    let ids: Vec<String> = events
        .iter()
        .filter_map(|(parsed, _)| parsed.event.event_id.as_deref().map(str::to_owned))
        .collect();
    let known = event::known(tx, party, &hashes, &ids).await?;
    let aliases = identity::known(tx, party, &ids).await?;
    let sent: HashSet<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
    let declared: Vec<EventKey> = known
        .iter()
        .filter(|known| known.declaration != 0 && sent.contains(&known.hash[..]))
        .map(|known| known.key)
        .collect();
    let declared = event::bodies(tx, &declared).await?;
    let mut admission = Admission {
        work,
        known: Stored::of(&known, &aliases, &declared),
        seen: HashMap::new(),
        seen_ids: HashMap::new(),
        erroneous: BTreeSet::new(),
        admitted: Admitted::default(),
        first: in_order(work.base),
    };
    for ordinal in 0..events.len() {
        admission.take(ordinal);
    }
    let Admission {
        mut admitted, erroneous, ..
    } = admission;
    // A declaration repeats the id of the erroneous event, whatever it makes of its content.
    let declares = |(parsed, _): &(ParsedEvent, _)| parsed.event.error_declaration.is_some();
    if work.alone
        && !events.iter().any(declares)
        && let Some(finding) = admitted.findings.first()
    {
        return Err(refusal::conflict(finding.clone()));
    }
    let erroneous: Vec<EventKey> = erroneous.into_iter().collect();
    admitted.erroneous = event::bodies(tx, &erroneous).await?;
    Ok(admitted)
}

/// The first of many ids that follow one another: events of one document keep its order.
fn in_order(id: Uuid) -> u128 {
    // Room for 2^24 events before the random bits would carry into the version or variant.
    id.as_u128() & !(1 << 61) & !((1 << 24) - 1)
}

/// By what two error declarations of one event are told apart.
type Declaration = (Micros, String, BTreeSet<Box<str>>, [u8; 32]);

fn identity_of(declaration: &ErrorDeclaration) -> Declaration {
    let reason = declaration.reason.as_ref().map_or("", |term| term.as_str());
    // The hash of events has a canonical form for extensions, whatever the syntax and order they came in.
    let mut carrier = Event::new(EventType::Object, None, declaration.declaration_time, 0);
    carrier.extensions.clone_from(&declaration.extensions);
    (
        declaration.declaration_time,
        reason.to_owned(),
        declaration.corrective_event_ids.iter().cloned().collect(),
        event_hash(&carrier),
    )
}

/// What is told of one content.
#[derive(Default)]
struct Told {
    plain: Option<Row>,
    declarations: HashMap<Declaration, Row>,
}

impl Told {
    fn find(&self, declaration: Option<&Declaration>) -> Option<&Row> {
        match declaration {
            None => self.plain.as_ref(),
            Some(declaration) => self.declarations.get(declaration),
        }
    }
}

#[derive(Clone)]
struct Row {
    key: EventKey,
    event_id: String,
    voided: bool,
    /// Position among the new events, if it is one.
    new: Option<usize>,
}

/// What the party stored before.
struct Stored<'a> {
    by_hash: HashMap<&'a [u8], Told>,
    /// Contents that go by an id.
    by_id: HashMap<&'a str, Vec<&'a [u8]>>,
    aliases: HashSet<(EventKey, &'a str)>,
}

impl<'a> Stored<'a> {
    fn of(known: &'a [Known], aliases: &'a [identity::Known], declared: &'a [(EventKey, Event)]) -> Self {
        let mut by_id = HashMap::<&str, Vec<&[u8]>>::new();
        let mut by_hash = HashMap::<&[u8], Told>::new();
        let declarations: HashMap<EventKey, Declaration> = declared
            .iter()
            .filter_map(|(key, event)| Some((*key, identity_of(event.error_declaration.as_ref()?))))
            .collect();
        for event in known {
            by_id.entry(&event.event_id).or_default().push(&event.hash);
            let row = Row {
                key: event.key,
                event_id: event.event_id.clone(),
                voided: event.voided,
                new: None,
            };
            let told = by_hash.entry(&event.hash).or_default();
            if event.declaration == 0 {
                told.plain = Some(row);
            } else if let Some(declaration) = declarations.get(&event.key) {
                told.declarations.insert(declaration.clone(), row);
            }
        }
        for alias in aliases {
            by_id.entry(&alias.event_id).or_default().push(&alias.hash);
        }
        Self {
            by_hash,
            by_id,
            aliases: aliases.iter().map(|alias| (alias.event, alias.event_id.as_str())).collect(),
        }
    }
}

struct Admission<'a> {
    work: &'a Work,
    known: Stored<'a>,
    /// What the document itself told so far.
    seen: HashMap<[u8; 32], Told>,
    seen_ids: HashMap<&'a str, [u8; 32]>,
    erroneous: BTreeSet<EventKey>,
    admitted: Admitted,
    first: u128,
}

impl<'a> Admission<'a> {
    fn take(&mut self, ordinal: usize) {
        let parsed = &self.work.checked.events[ordinal].0;
        let (hash, sent) = (parsed.hash, parsed.event.event_id.as_deref());
        let declaration = parsed.event.error_declaration.as_ref().map(identity_of);
        if let Some(sent) = sent {
            self.conflict(ordinal, sent);
        }
        let stored = self.known.by_hash.get(&hash[..]);
        let same = stored
            .and_then(|told| told.find(declaration.as_ref()))
            .or_else(|| self.seen.get(&hash)?.find(declaration.as_ref()));
        if let Some(row) = same.cloned() {
            if let Some(sent) = sent {
                self.alias(&row, ordinal, sent);
            }
            return;
        }
        let is_declared = stored.is_some_and(|told| !told.declarations.is_empty());
        let before = stored.map_or(0, |told| told.declarations.len());
        if declaration.is_some() {
            let wrong = stored.and_then(|told| told.plain.as_ref()).filter(|row| !row.voided);
            self.erroneous.extend(wrong.map(|row| row.key));
        }
        let told = self.seen.entry(hash).or_default();
        if declaration.is_some()
            && let Some(twin) = told.plain.as_ref().and_then(|row| row.new)
        {
            self.admitted.new[twin].voided = true;
        }
        let made = || format!("ni:///sha-256;{}?ver=CBV2.0", hex(&hash));
        let row = Row {
            key: EventKey::new(Uuid::from_u128(self.first + self.work.checked.position(ordinal) as u128)),
            event_id: sent.map_or_else(made, str::to_owned),
            voided: declaration.is_none() && (is_declared || !told.declarations.is_empty()),
            new: Some(self.admitted.new.len()),
        };
        let number = before + told.declarations.len() + 1;
        self.admitted.new.push(New {
            key: row.key,
            ordinal,
            event_id: row.event_id.clone(),
            declaration: declaration.as_ref().map_or(0, |_| i64::try_from(number).unwrap_or(i64::MAX)),
            voided: row.voided,
            keys: parsed.event.roles().map(|(_, epc)| epc.key()).collect(),
        });
        match declaration {
            None => told.plain = Some(row),
            Some(declaration) => {
                told.declarations.insert(declaration, row);
            }
        }
    }

    /// The same content under another id.
    fn alias(&mut self, row: &Row, ordinal: usize, sent: &'a str) {
        if row.event_id != sent && self.known.aliases.insert((row.key, sent)) {
            self.admitted.aliases.push(Alias {
                event: row.key,
                event_id: sent.to_owned(),
                document: self.work.job.document,
                ordinal: self.work.checked.position(ordinal),
            });
        }
    }

    /// One id for two contents. An id that two contents had before is no longer news for either of them.
    fn conflict(&mut self, ordinal: usize, sent: &'a str) {
        let parsed = &self.work.checked.events[ordinal].0;
        let hash = parsed.hash;
        let other = *self.seen_ids.entry(sent).or_insert(hash) != hash;
        let stored = self.known.by_id.get(sent);
        if other || stored.is_some_and(|hashes| hashes.iter().all(|known| **known != hash)) {
            let shown: String = sent.chars().take(80).collect();
            let (pointer, detail) = (
                format!("{}/eventID", parsed.pointer),
                format!("`{shown}` was sent before for another event"),
            );
            let finding = Finding::new(FindingCode::EventIdConflict, pointer, detail).at_event(ordinal);
            self.admitted.findings.push(finding);
        }
    }
}

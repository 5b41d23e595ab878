//! What the events that somebody sees say of a thing: a fold over masked events, and over nothing else.
//!
//! A grant opens events. What it opens of an item, a container, a shipment or a lot is what those events say of it, class by class as they are
//! masked: no lot without C1, no state without C2, no parent without C7, no name without C5 and C6. So nothing of a thing can be told that
//! its events do not tell, and what explains an event explains the thing. Words are heard in the order of event time, then of record, and the
//! last one counts: whether its teller had the goods is judged by [`super::ledger`] over all that was said, and that is not known here.
//!
//! | file | what it folds |
//! |---|---|
//! | `thing` | lot, state, custody, ownership and hops of one thing, itself and in what it is in |
//! | `item` | that, beside what the relation to a thing tells |
//! | `inside` | what is in a container |
//! | `shipment` | a handover and its receipt |
//! | `lot` | what was made of a lot |
//!
//! # Invariants
//! - The arguments are masked events and the registry of parties; nothing here reads a hidden row.
//! - Of a thing that no granted event names nothing is told: who has something to do with it is answered by its relation.

pub mod inside;
pub mod item;
pub mod lot;
pub mod shipment;
pub mod thing;

use std::collections::{HashMap, HashSet};

use super::containment::Forest;
use super::event::{Action, EpcRole, Event, EventType};
use super::gs1::{Epc, EpcKey};
use super::ids::{EventKey, PartyId};
use super::lens::{Sight, Who};
use super::party::Registry;
use super::provenance::Named;
use super::time::Micros;

pub use inside::{Inside, contents};
pub use item::{Basis, Item};
pub use lot::{Made, made};
pub use shipment::{Shipped, shipped};
pub use thing::{Told, thing};

/// One event as somebody sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// Its key.
    pub key: EventKey,
    /// Its `eventID`, which an error declaration repeats.
    pub event_id: String,
    /// When the hub took it in.
    pub recorded: Micros,
    /// Declared to be in error, by now.
    pub voided: bool,
    /// A grant shows something of it that the relations of who sees it do not.
    pub granted: bool,
    /// Who tells it, where that may be known.
    pub teller: Option<PartyId>,
    /// At which levels it is seen.
    pub sight: Sight,
    /// What of it is seen.
    pub event: Event,
}

impl Word {
    /// Whether it names a thing, in any role.
    #[must_use]
    pub fn names(&self, key: EpcKey) -> bool {
        self.event.roles().any(|(_, epc)| epc.key() == key)
    }

    /// Who is named in it: its teller and its sides.
    fn parties<'a>(&'a self, registry: &'a Registry) -> impl Iterator<Item = PartyId> + 'a {
        let ends = self.event.sources.iter().chain(&self.event.destinations);
        let sides = ends.filter_map(|end| registry.party_of_gln(end.id.gln()?));
        sides.chain(&self.teller).cloned()
    }

    fn at(&self) -> (Micros, EventKey) {
        (self.event.event_time, self.key)
    }

    fn is(&self, step: &str) -> bool {
        let Event { kind, action, .. } = self.event;
        kind == EventType::Object && action == Some(Action::Observe) && self.event.step() == step
    }

    /// The things that it brings into being.
    fn made(&self) -> impl Iterator<Item = &Epc> {
        made_by(&self.event)
    }

    /// Whether owners on both sides are told: who is named on one alone may keep what is its own.
    fn tells_deals(&self) -> bool {
        self.sight.before >= Who::Name && self.sight.after >= Who::Name
    }
}

/// The things that an event brings into being.
pub fn made_by(event: &Event) -> impl Iterator<Item = &Epc> {
    let made = |role: EpcRole| match event.kind {
        EventType::Object => event.action == Some(Action::Add) && role == EpcRole::Object,
        EventType::Transformation => role == EpcRole::Output,
        EventType::Aggregation | EventType::Transaction | EventType::Association => false,
    };
    let roles = event.roles().filter(move |(role, _)| made(*role));
    roles.map(|(_, epc)| epc)
}

/// Words that count, in the order of event time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words(Vec<Word>);

impl Words {
    /// Of all words that are seen those that count for `at`, by what the hub had taken in by `known`: no declarations of errors, and none that
    /// had been declared to be one by then.
    #[must_use]
    pub fn counting(mut all: Vec<Word>, at: Micros, known: Micros) -> Self {
        let mut declared = HashMap::<String, Micros>::new();
        for word in all.iter().filter(|word| word.event.error_declaration.is_some()) {
            let first = declared.entry(word.event_id.clone()).or_insert(word.recorded);
            *first = word.recorded.min(*first);
        }
        let wrong = |word: &Word| word.voided && declared.get(&word.event_id).is_none_or(|since| *since <= known);
        all.retain(|word| {
            word.event.error_declaration.is_none() && word.event.event_time <= at && word.recorded <= known && !wrong(word)
        });
        all.sort_by_key(Word::at);
        all.dedup_by_key(|word| word.key);
        Self(all)
    }

    /// Whether a granted one names a thing.
    #[must_use]
    pub fn grants(&self, key: EpcKey) -> bool {
        self.0.iter().any(|word| word.granted && word.names(key))
    }

    /// When the last of those that name a thing happened.
    #[must_use]
    pub fn last_at(&self, key: EpcKey) -> Option<Micros> {
        let naming = self.0.iter().rfind(|word| word.names(key));
        naming.map(|word| word.event.event_time)
    }

    /// A thing by its key, as they name it.
    #[must_use]
    pub fn epc(&self, key: EpcKey) -> Option<&Epc> {
        let named = self.0.iter().flat_map(|word| word.event.roles());
        named.map(|(_, epc)| epc).find(|epc| epc.key() == key)
    }
}

impl IntoIterator for Words {
    type Item = Word;
    type IntoIter = std::vec::IntoIter<Word>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Who is named to who sees these words, by which of them.
#[must_use]
pub fn named(words: &[Word], registry: &Registry) -> Named {
    Named::of(
        words
            .iter()
            .flat_map(|word| word.parties(registry).map(|party| (word.key, party))),
    )
}

/// Things that are named as next to others, for who reads on: what `things` are put into, and what is put into them.
#[must_use]
pub fn beside(words: &[&Word], things: &HashSet<EpcKey>, way: Way) -> Vec<EpcKey> {
    let mut found = Vec::new();
    for word in words.iter().filter(|word| packs(&word.event)) {
        let Some(parent) = &word.event.parent else { continue };
        match way {
            Way::Out if word.event.epcs.iter().any(|epc| things.contains(&epc.key())) => found.push(parent.key()),
            Way::In if things.contains(&parent.key()) => found.extend(word.event.epcs.iter().map(Epc::key)),
            Way::Out | Way::In => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Which way to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To what things are in.
    Out,
    /// To what is in them.
    In,
}

fn packs(event: &Event) -> bool {
    event.kind == EventType::Aggregation && event.action == Some(Action::Add)
}

/// Puts in and takes out what an event says; whoever packs a thing that seems to be elsewhere has taken it out unseen.
fn pack(forest: &mut Forest, word: &Word) {
    let (event, key) = (&word.event, word.key);
    let Some(parent) = event.parent.as_ref().map(Epc::key) else {
        return;
    };
    if event.kind != EventType::Aggregation {
        return;
    }
    let at = event.event_time;
    let take_out = |forest: &mut Forest, child: EpcKey, from: EpcKey| {
        // What does not fit what was seen before changes nothing.
        let _ = forest.unpack(child, from, at, key);
    };
    match event.action {
        Some(Action::Add) => {
            for child in event.epcs.iter().map(Epc::key) {
                if let Some(place) = forest.place(child).filter(|place| place.parent != parent) {
                    take_out(forest, child, place.parent);
                }
                let _ = forest.pack(child, parent, at, key);
            }
        }
        Some(Action::Delete) => {
            let all = event.epcs.is_empty() && event.quantities.is_empty();
            let out = match all {
                true => forest.contents(parent),
                false => event.epcs.iter().map(Epc::key).collect(),
            };
            for child in out {
                take_out(forest, child, parent);
            }
        }
        Some(Action::Observe) | None => {}
    }
}

#[cfg(test)]
mod tests;

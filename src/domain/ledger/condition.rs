//! What things are like besides whose they are and where: lot, expiry, disposition, conditions that last, end of life.
//!
//! A disposition is replaced by the next one, a persistent disposition stays until it is unset (EPCIS 2.0 clause 7.3.5.6). What
//! is said of a container holds for what is in it too, from the moment on that it went in: that is inferred, and marked so. It
//! is reckoned when it is asked for, from the containers a thing is in, and written down when the thing leaves one.
//!
//! # Invariants
//! - Only what its teller may know of a thing is looked at: see [`super::knowledge`].
//! - Lot and expiry are those of the first commissioning; a later one fills what is blank and changes nothing.
//! - What is found wrong with the contents of a shipment rests on what was said of them by name, so that it is found
//!   whichever of them a document makes the hub look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Deed, EpcKey, EventKey, Fact, FindingCode, Fold, Holder, Micros, PartyId};

/// Lot and expiry, as sent.
pub type Attributes = (Option<Arc<str>>, Option<Arc<str>>);

/// What an event says of the things it names, besides what it does to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Says {
    /// `cbvmda:lotNumber`; only of what it brings into being.
    pub lot: Option<Arc<str>>,
    /// `cbvmda:itemExpirationDate`, as sent; only of what it brings into being.
    pub expiry: Option<Arc<str>>,
    /// `disposition`, by its bare CBV name.
    pub disposition: Option<Arc<str>>,
    /// Persistent dispositions that are true from now on.
    pub set: Vec<Arc<str>>,
    /// Persistent dispositions that are no longer true.
    pub unset: Vec<Arc<str>>,
}

/// Something that is so, and whether it was said of the thing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The bare CBV name, or a URI.
    pub term: Arc<str>,
    /// Since when.
    pub since: Micros,
    /// Said of a container that it was in, and not of itself.
    pub inferred: bool,
}

/// How one thing stands after the last fact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Who has it; `None` where nobody has said, or somebody who is not on the hub.
    pub holder: Option<PartyId>,
    /// Who owns it.
    pub owner: Option<PartyId>,
    /// Its disposition.
    pub disposition: Option<Condition>,
    /// Its persistent dispositions, by name.
    pub lasting: Vec<Condition>,
    /// Lot.
    pub lot: Option<Arc<str>>,
    /// Expiry, as sent.
    pub expiry: Option<Arc<str>>,
    /// It was decommissioned, destroyed, dispensed or used up.
    pub ended: bool,
}

/// One thing that was said of a condition.
#[derive(Debug, Clone)]
struct Word {
    at: Micros,
    event: EventKey,
    term: Arc<str>,
    inferred: bool,
}

/// One change of a persistent disposition.
#[derive(Debug, Clone)]
struct Change {
    word: Word,
    holds: bool,
    /// It goes for the contents too.
    passes_down: bool,
}

/// What was said of one thing.
#[derive(Debug, Default)]
pub(super) struct Marks {
    lot: Option<Arc<str>>,
    expiry: Option<Arc<str>>,
    /// The last disposition.
    last: Option<Word>,
    /// The last disposition that goes for the contents too.
    passed_down: Option<Word>,
    changes: Vec<Change>,
    /// Its end was said of itself.
    pub(super) ended: bool,
}

impl Marks {
    pub(super) fn attributes(&self) -> Attributes {
        (self.lot.clone(), self.expiry.clone())
    }
}

impl Fold<'_> {
    /// Notes what an event says of a thing that its teller may know.
    pub(super) fn mark(&mut self, fact: &Fact, epc: EpcKey) {
        let Says {
            disposition, set, unset, ..
        } = &fact.says;
        if disposition.is_none() && set.is_empty() && unset.is_empty() {
            return;
        }
        let word = |term: &Arc<str>| Word {
            at: fact.at,
            event: fact.event,
            term: Arc::clone(term),
            inferred: false,
        };
        let passes_down = passes_down(&fact.deed);
        let marks = self.marks.entry(epc).or_default();
        if let Some(term) = disposition {
            if passes_down && !is_of_the_container(term) {
                marks.passed_down = Some(word(term));
            }
            marks.last = Some(word(term));
        }
        for (terms, holds) in [(unset, false), (set, true)] {
            marks.changes.extend(terms.iter().map(|term| Change {
                word: word(term),
                holds,
                passes_down,
            }));
        }
    }

    /// Takes lot and expiry from a commissioning; false if they are not those that are known.
    pub(super) fn attribute(&mut self, fact: &Fact, epc: EpcKey) -> bool {
        let Says { lot, expiry, .. } = &fact.says;
        if lot.is_none() && expiry.is_none() {
            return true;
        }
        let marks = self.marks.entry(epc).or_default();
        let fits = |known: &mut Option<Arc<str>>, said: &Option<Arc<str>>| match (&*known, said) {
            (Some(known), Some(said)) => known == said,
            (None, Some(_)) => {
                known.clone_from(said);
                true
            }
            (_, None) => true,
        };
        let (lot, expiry) = (fits(&mut marks.lot, lot), fits(&mut marks.expiry, expiry));
        lot && expiry
    }

    /// Writes down what a thing has from its containers, before it leaves them.
    pub(super) fn settle(&mut self, epc: EpcKey) {
        let (word, changes) = self.of_containers(epc);
        if word.is_none() && changes.is_empty() {
            return;
        }
        let marks = self.marks.entry(epc).or_default();
        if let Some(word) = word.filter(|word| is_later(word, marks.last.as_ref())) {
            marks.passed_down = Some(word.clone());
            marks.last = Some(word);
        }
        marks.changes.extend(changes);
        marks.changes.sort_by_key(|change| (change.word.at, change.word.event));
    }

    /// What was said of the containers of a thing since it went in.
    fn of_containers(&self, epc: EpcKey) -> (Option<Word>, Vec<Change>) {
        let (mut word, mut changes): (Option<Word>, Vec<Change>) = (None, Vec::new());
        let (mut here, mut since) = (epc, Micros::MIN);
        while let Some(place) = self.forest.place(here) {
            since = since.max(place.since);
            if let Some(marks) = self.marks.get(&place.parent) {
                if let Some(outer) = marks.passed_down.as_ref().filter(|outer| outer.at >= since)
                    && is_later(outer, word.as_ref())
                {
                    word = Some(outer.clone());
                }
                let passed = |change: &&Change| change.passes_down && change.word.at >= since;
                changes.extend(marks.changes.iter().filter(passed).cloned());
            }
            here = place.parent;
        }
        if let Some(word) = &mut word {
            word.inferred = true;
        }
        for change in &mut changes {
            change.word.inferred = true;
        }
        (word, changes)
    }

    /// Its disposition, and its persistent ones.
    fn conditions(&self, epc: EpcKey) -> (Option<Condition>, Vec<Condition>) {
        let (outer, mut changes) = self.of_containers(epc);
        let marks = self.marks.get(&epc);
        let own = marks.and_then(|marks| marks.last.clone());
        let last = match (own, outer) {
            (own, Some(outer)) if is_later(&outer, own.as_ref()) => Some(outer),
            (own, _) => own,
        };
        changes.extend(marks.into_iter().flat_map(|marks| marks.changes.iter().cloned()));
        // The sort is stable: of one event what it unsets stands before what it sets.
        changes.sort_by_key(|change| (change.word.at, change.word.event));
        let mut lasting = BTreeMap::<Arc<str>, Condition>::new();
        for change in changes {
            if change.holds {
                let condition = condition(change.word);
                let known = lasting
                    .entry(Arc::clone(&condition.term))
                    .or_insert_with(|| condition.clone());
                if known.inferred && !condition.inferred {
                    *known = condition;
                }
            } else {
                lasting.remove(&change.word.term);
            }
        }
        (last.map(condition), lasting.into_values().collect())
    }

    /// How one thing stands now.
    pub(super) fn standing(&self, epc: EpcKey) -> Option<Standing> {
        let state = self.states.get(&epc)?;
        let (disposition, lasting) = self.conditions(epc);
        let (lot, expiry) = self.marks.get(&epc).map(Marks::attributes).unwrap_or_default();
        Some(Standing {
            holder: match self.holder(epc) {
                Holder::Party(party) => Some(party),
                Holder::Unknown | Holder::Outside => None,
            },
            owner: self.owner(epc),
            disposition,
            lasting,
            lot,
            expiry,
            ended: state.ended,
        })
    }

    /// Finds what should not have been shipped: the thing, and what is in it.
    pub(super) fn unfit(&mut self, fact: &Fact, shipped: EpcKey) {
        let goes_back = fact.says.disposition.as_deref().is_some_and(goes_back);
        let mut found = Vec::new();
        for epc in std::iter::once(shipped).chain(self.inside(shipped)) {
            let Some(marks) = self.marks.get(&epc) else { continue };
            // That the outermost one has ended was noticed when it was named.
            if marks.ended && epc != shipped {
                found.push((epc, FindingCode::EndedShipped));
            }
            if goes_back {
                continue;
            }
            if marks.expiry.as_deref().is_some_and(|expiry| is_past(expiry, fact.at)) {
                found.push((epc, FindingCode::ExpiredShipped));
            }
            if self.is_recalled(epc, epc != shipped) {
                found.push((epc, FindingCode::RecalledShipped));
            }
        }
        for (epc, code) in found {
            self.misfit(fact, epc, code);
        }
    }

    fn is_recalled(&self, epc: EpcKey, by_name: bool) -> bool {
        let (last, lasting) = self.conditions(epc);
        let mut all = last.into_iter().chain(lasting);
        all.any(|condition| &*condition.term == "recalled" && !(by_name && condition.inferred))
    }

    /// Everything in a thing, at any depth.
    pub(super) fn inside(&self, epc: EpcKey) -> Vec<EpcKey> {
        let mut inside = self.forest.contents(epc);
        let mut next = 0;
        while let Some(here) = inside.get(next).copied() {
            inside.extend(self.forest.contents(here));
            next += 1;
        }
        inside
    }
}

fn is_later(word: &Word, than: Option<&Word>) -> bool {
    than.is_none_or(|than| (than.at, than.event) < (word.at, word.event))
}

fn condition(word: Word) -> Condition {
    Condition {
        term: word.term,
        since: word.at,
        inferred: word.inferred,
    }
}

/// Whether what is said with a deed goes for the contents too. Packing speaks of what is packed, making of what is made; and
/// who ends a label need not mean what is under it.
fn passes_down(deed: &Deed) -> bool {
    match deed {
        Deed::Ship(_) | Deed::Receive | Deed::VoidShip | Deed::EndWithContents | Deed::Use => true,
        Deed::Commission | Deed::Pack { .. } | Deed::Unpack { .. } | Deed::End => false,
    }
}

fn is_of_the_container(disposition: &str) -> bool {
    matches!(disposition, "container_open" | "container_closed")
}

/// A shipping event that itself says why the goods cannot be sold takes them out of the market.
fn goes_back(disposition: &str) -> bool {
    matches!(
        disposition,
        "returned" | "expired" | "recalled" | "disposed" | "destroyed" | "non_sellable_other"
    )
}

/// Whether a date (`xsd:date`) is before the day of a moment, in UTC; what is no such date is never past.
fn is_past(date: &str, at: Micros) -> bool {
    let day: Option<&str> = date.get(..10).filter(|day| {
        let mut bytes = day.bytes().enumerate();
        bytes.all(|(index, byte)| {
            if matches!(index, 4 | 7) {
                byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        })
    });
    day.is_some_and(|day| at.rfc3339().get(..10).is_some_and(|today| day < today))
}

#[cfg(test)]
mod tests;

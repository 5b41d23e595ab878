//! The book of one allocation: in which state each of its numbers is, in which lot, and who has it.
//!
//! Numbers are offsets in the allocation, and sets of them compressed bitmaps: moving a million numbers is a handful of set operations,
//! and nothing is kept number by number. What stands in no place of the book is [`SerialState::Allocated`].
//!
//! It does not know serials, keys or the database; which parties may do what is its caller's to say, which moves there are
//! [`super::life`]'s.
//!
//! # Invariants
//! - A number is in one place at most: the counts of all buckets sum up to the numbers issued, whatever was reported.
//! - A number that came on a pack keeps the lot of its commissioning.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::domain::ids::{AgreementId, PartyId};

use super::life::{Bucket, SerialState, Verdict, Who};

/// Whose numbers, and under which agreement they count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Who has them.
    pub party: PartyId,
    /// Under which agreement; none for an own product.
    pub agreement: Option<AgreementId>,
}

/// A part of an allocation that was handed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Who has it now.
    pub holder: Holder,
    /// Which numbers.
    pub offsets: RoaringBitmap,
}

/// All that is known of the numbers of one allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    issued: RoaringBitmap,
    holder: Holder,
    parts: Vec<Part>,
    places: BTreeMap<(SerialState, String), RoaringBitmap>,
}

/// What became of a set of numbers that should move.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shift {
    /// Those that moved.
    pub moved: RoaringBitmap,
    /// Those that were there already.
    pub already: RoaringBitmap,
    /// Those that may not, by where they are.
    pub refused: BTreeMap<SerialState, RoaringBitmap>,
}

/// What became of numbers that were commissioned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Commissioning {
    /// On a pack from now on.
    pub fresh: RoaringBitmap,
    /// On a pack before.
    pub again: RoaringBitmap,
    /// Not to be used any more, by what they are.
    pub withdrawn: BTreeMap<SerialState, RoaringBitmap>,
}

/// How many numbers are in each bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Still with their holder.
    pub unused: u64,
    /// On packs.
    pub commissioned: u64,
    /// Destroyed before they came on a pack.
    pub scrapped: u64,
    /// Samples.
    pub sampled: u64,
    /// Given back.
    pub returned: u64,
    /// Not to be found.
    pub lost: u64,
}

impl Counts {
    /// Adds numbers to a bucket.
    pub fn add(&mut self, bucket: Bucket, count: u64) {
        *match bucket {
            Bucket::Unused => &mut self.unused,
            Bucket::Commissioned => &mut self.commissioned,
            Bucket::Scrapped => &mut self.scrapped,
            Bucket::Sampled => &mut self.sampled,
            Bucket::Returned => &mut self.returned,
            Bucket::Lost => &mut self.lost,
        } += count;
    }

    /// All that are no longer with their holder.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.commissioned + self.scrapped + self.sampled + self.returned + self.lost
    }

    /// Those that were used up: days of cover are reckoned from these.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.commissioned + self.scrapped + self.sampled
    }

    /// All.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.unused + self.settled()
    }
}

impl Book {
    /// Of an allocation of which nothing was heard.
    #[must_use]
    pub fn new(issued: RoaringBitmap, holder: Holder) -> Self {
        Self {
            issued,
            holder,
            parts: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// Puts numbers where they stand in the database; for reading it.
    pub fn place(&mut self, state: SerialState, lot: &str, offsets: RoaringBitmap) {
        *self.places.entry((state, lot.to_owned())).or_default() |= offsets;
    }

    /// Takes numbers that came on a pack out of their commissioning, where a later state of theirs stands too; for reading the database.
    pub fn overlay(&mut self, state: SerialState, lot: &str, offsets: RoaringBitmap) {
        if let Some(commissioned) = self.places.get_mut(&(SerialState::Commissioned, lot.to_owned())) {
            *commissioned -= &offsets;
        }
        self.place(state, lot, offsets);
    }

    /// Numbers go from whoever has them to another; the order of the calls is the order of the transfers.
    pub fn hand_over(&mut self, to: &Holder, offsets: &RoaringBitmap) {
        for part in &mut self.parts {
            part.offsets -= offsets;
        }
        match self.parts.iter_mut().find(|part| part.holder == *to) {
            _ if *to == self.holder => {}
            Some(part) => part.offsets |= offsets,
            None => self.parts.push(Part {
                holder: to.clone(),
                offsets: offsets.clone(),
            }),
        }
        self.parts.retain(|part| !part.offsets.is_empty());
    }

    /// The numbers there are.
    #[must_use]
    pub fn issued(&self) -> &RoaringBitmap {
        &self.issued
    }

    /// Who was given the allocation.
    #[must_use]
    pub fn first_holder(&self) -> &Holder {
        &self.holder
    }

    /// The numbers a party has now.
    #[must_use]
    pub fn held_by(&self, party: &PartyId) -> RoaringBitmap {
        let mut held = if self.holder.party == *party {
            self.issued.clone()
        } else {
            RoaringBitmap::new()
        };
        for part in &self.parts {
            if part.holder.party == *party {
                held |= &part.offsets;
            } else {
                held -= &part.offsets;
            }
        }
        held
    }

    /// Who has numbers, with which.
    #[must_use]
    pub fn holders(&self) -> Vec<(&Holder, RoaringBitmap)> {
        let mut rest = self.issued.clone();
        for part in &self.parts {
            rest -= &part.offsets;
        }
        let parts = self.parts.iter().map(|part| (&part.holder, part.offsets.clone()));
        std::iter::once((&self.holder, rest)).chain(parts).collect()
    }

    /// Who has a number.
    #[must_use]
    pub fn holder_of(&self, offset: u32) -> &Holder {
        let part = self.parts.iter().find(|part| part.offsets.contains(offset));
        part.map_or(&self.holder, |part| &part.holder)
    }

    /// The state of a number, and its lot where it has one.
    #[must_use]
    pub fn state(&self, offset: u32) -> (SerialState, Option<&str>) {
        let place = self.places.iter().find(|(_, offsets)| offsets.contains(offset));
        place.map_or((SerialState::Allocated, None), |((state, lot), _)| {
            (*state, Some(lot.as_str()).filter(|lot| !lot.is_empty()))
        })
    }

    /// The numbers in a state.
    #[must_use]
    pub fn in_state(&self, state: SerialState) -> RoaringBitmap {
        if state == SerialState::Allocated {
            return self.places.values().fold(self.issued.clone(), |rest, placed| rest - placed);
        }
        let lots = self.places.iter().filter(|((known, _), _)| *known == state);
        lots.fold(RoaringBitmap::new(), |all, (_, offsets)| all | offsets)
    }

    /// The numbers that somebody could still put on a pack.
    #[must_use]
    pub fn unused(&self) -> RoaringBitmap {
        self.in_bucket(Bucket::Unused)
    }

    /// The numbers in a bucket.
    #[must_use]
    pub fn in_bucket(&self, bucket: Bucket) -> RoaringBitmap {
        let states = SerialState::ALL.iter().filter(|state| state.bucket() == bucket);
        states.fold(RoaringBitmap::new(), |all, state| all | self.in_state(*state))
    }

    /// Every place with its numbers: state, lot (empty: none), offsets.
    pub fn places(&self) -> impl Iterator<Item = (SerialState, &str, &RoaringBitmap)> {
        self.places
            .iter()
            .map(|((state, lot), offsets)| (*state, lot.as_str(), offsets))
    }

    /// How many of some numbers are in each bucket: those of one lot, or of every lot. Unused numbers have no lot, and count in both.
    #[must_use]
    pub fn counts(&self, of: &RoaringBitmap, lot: Option<&str>) -> Counts {
        let mut counts = Counts::default();
        let mut placed = 0;
        for ((state, place), offsets) in &self.places {
            let count = offsets.intersection_len(of);
            placed += count;
            if state.bucket() == Bucket::Unused || lot.is_none_or(|lot| lot == place) {
                counts.add(state.bucket(), count);
            }
        }
        counts.add(Bucket::Unused, of.intersection_len(&self.issued).saturating_sub(placed));
        counts
    }

    /// Moves numbers on the word of somebody. `lot` is that of numbers which never came on a pack; the others keep theirs.
    pub fn shift(&mut self, which: &RoaringBitmap, to: SerialState, who: Who, lot: &str) -> Shift {
        let mut shift = Shift::default();
        for (from, from_lot, offsets) in self.split(which) {
            match from.moving(to, who) {
                Verdict::Already => shift.already |= offsets,
                Verdict::Illegal => *shift.refused.entry(from).or_default() |= offsets,
                Verdict::Moves => {
                    let stays = from.is_on_pack() && to.is_on_pack();
                    self.put(&offsets, to, if stays { &from_lot } else { lot });
                    shift.moved |= offsets;
                }
            }
        }
        shift
    }

    /// Numbers come on packs of a lot.
    pub fn commission(&mut self, which: &RoaringBitmap, lot: &str) -> Commissioning {
        let mut done = Commissioning::default();
        for (from, _, offsets) in self.split(which) {
            match from.moving(SerialState::Commissioned, Who::Capture) {
                Verdict::Moves => {
                    self.put(&offsets, SerialState::Commissioned, lot);
                    done.fresh |= offsets;
                }
                Verdict::Already => done.again |= offsets,
                // It is on a pack that went to the market: the second pack is what is wrong, and the ledger of the goods says so.
                Verdict::Illegal if from == SerialState::Released => done.again |= offsets,
                Verdict::Illegal => *done.withdrawn.entry(from).or_default() |= offsets,
            }
        }
        done
    }

    /// Their commissioning in this lot was an error: they may be on paper, and are on no pack. Answers which were.
    pub fn uncommission(&mut self, which: &RoaringBitmap, lot: &str) -> RoaringBitmap {
        let mut gone = RoaringBitmap::new();
        for (from, from_lot, offsets) in self.split(which) {
            if from.is_on_pack() && from_lot == lot {
                self.put(&offsets, SerialState::Encoded, "");
                gone |= offsets;
            }
        }
        gone
    }

    /// Some of the numbers by where they are; what was never issued is left out.
    fn split(&self, which: &RoaringBitmap) -> Vec<(SerialState, String, RoaringBitmap)> {
        let mut rest = which & &self.issued;
        let mut split = Vec::new();
        for ((state, lot), offsets) in &self.places {
            let here = &rest & offsets;
            if !here.is_empty() {
                rest -= &here;
                split.push((*state, lot.clone(), here));
            }
        }
        if !rest.is_empty() {
            split.push((SerialState::Allocated, String::new(), rest));
        }
        split
    }

    fn put(&mut self, offsets: &RoaringBitmap, state: SerialState, lot: &str) {
        for placed in self.places.values_mut() {
            *placed -= offsets;
        }
        if state != SerialState::Allocated {
            self.place(state, lot, offsets.clone());
        }
        self.places.retain(|_, placed| !placed.is_empty());
    }
}

#[cfg(test)]
mod tests;

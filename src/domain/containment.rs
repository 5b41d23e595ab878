//! What is inside what, over time.
//!
//! A [`Forest`] is fed packings and unpackings in the order of time and answers with intervals. Who may pack is not
//! asked here ([`super::ledger`] does); what cannot be, such as a second parent, is refused and changes nothing.
//!
//! # Invariants
//! - A thing has at most one parent at any instant.
//! - Nothing is inside itself at any instant, however deep.
//! - An interval holds `from` and not `until`, and is never empty.

use std::collections::{BTreeSet, HashMap};

use super::finding::FindingCode;
use super::gs1::EpcKey;
use super::ids::{EventKey, PartyId};
use super::time::Micros;

/// A stay of one thing in one parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The container.
    pub parent: EpcKey,
    /// First moment inside.
    pub from: Micros,
    /// First moment outside again; [`Micros::FOREVER`] while it is inside.
    pub until: Micros,
    /// The event that packed it.
    pub opened_by: EventKey,
    /// The event that unpacked it.
    pub closed_by: Option<EventKey>,
}

/// That somebody owns something in a logistic unit, from the first of its things to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stake {
    /// Who.
    pub owner: PartyId,
    /// When the first of its things went in.
    pub from: Micros,
    /// When the last one came out; [`Micros::FOREVER`] while there is one.
    pub until: Micros,
}

impl Stake {
    /// Whether it holds at a moment; that of the taking out is one.
    #[must_use]
    pub fn holds_at(&self, at: Micros) -> bool {
        self.from <= at && at <= self.until
    }
}

/// Why a packing or unpacking does not fit the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The child is in another parent.
    SecondParent,
    /// The parent is inside the child, or is the child.
    Cycle,
    /// The child is not in this parent.
    NotInParent,
}

impl Misfit {
    /// The finding it makes.
    #[must_use]
    pub const fn code(self) -> FindingCode {
        match self {
            Self::SecondParent => FindingCode::SecondParent,
            Self::Cycle => FindingCode::ContainmentCycle,
            Self::NotInParent => FindingCode::NotInParent,
        }
    }
}

/// Where a thing is, at the moment the forest has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// The container.
    pub parent: EpcKey,
    /// Since when.
    pub since: Micros,
    opened_by: EventKey,
}

/// Containers and contents at one moment, and the stays that ended before it.
#[derive(Debug, Default)]
pub struct Forest {
    inside: HashMap<EpcKey, Inside>,
    contents: HashMap<EpcKey, BTreeSet<EpcKey>>,
    ended: HashMap<EpcKey, Vec<Interval>>,
}

impl Forest {
    /// Where a thing is now.
    #[must_use]
    pub fn place(&self, child: EpcKey) -> Option<Inside> {
        self.inside.get(&child).copied()
    }

    /// The outermost container, or the thing itself.
    #[must_use]
    pub fn top(&self, epc: EpcKey) -> EpcKey {
        std::iter::successors(Some(epc), |epc| self.inside.get(epc).map(|inside| inside.parent))
            .last()
            .unwrap_or(epc)
    }

    /// What is directly inside, in a fixed order.
    #[must_use]
    pub fn contents(&self, parent: EpcKey) -> Vec<EpcKey> {
        self.contents
            .get(&parent)
            .map(|children| children.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Puts a child into a parent. Packing it again where it is changes nothing.
    pub fn pack(&mut self, child: EpcKey, parent: EpcKey, at: Micros, event: EventKey) -> Result<(), Misfit> {
        if self.top_down_contains(child, parent) {
            return Err(Misfit::Cycle);
        }
        match self.inside.get(&child) {
            Some(inside) if inside.parent == parent => return Ok(()),
            Some(_) => return Err(Misfit::SecondParent),
            None => {}
        }
        self.inside.insert(
            child,
            Inside {
                parent,
                since: at,
                opened_by: event,
            },
        );
        self.contents.entry(parent).or_default().insert(child);
        Ok(())
    }

    /// Takes a child out of a parent.
    pub fn unpack(&mut self, child: EpcKey, parent: EpcKey, at: Micros, event: EventKey) -> Result<(), Misfit> {
        let Some(inside) = self.inside.get(&child).copied().filter(|inside| inside.parent == parent) else {
            return Err(Misfit::NotInParent);
        };
        self.inside.remove(&child);
        if let Some(children) = self.contents.get_mut(&parent) {
            children.remove(&child);
        }
        if inside.since < at {
            let Inside {
                since: from, opened_by, ..
            } = inside;
            let interval = Interval {
                parent,
                from,
                until: at,
                opened_by,
                closed_by: Some(event),
            };
            self.ended.entry(child).or_default().push(interval);
        }
        Ok(())
    }

    /// All stays, of each thing in the order of time.
    #[must_use]
    pub fn into_intervals(self) -> HashMap<EpcKey, Vec<Interval>> {
        let mut intervals = self.ended;
        for (
            child,
            Inside {
                parent,
                since: from,
                opened_by,
            },
        ) in self.inside
        {
            let open = Interval {
                parent,
                from,
                until: Micros::FOREVER,
                opened_by,
                closed_by: None,
            };
            intervals.entry(child).or_default().push(open);
        }
        intervals
    }

    /// Whether `container` is `epc` or one of its containers.
    fn top_down_contains(&self, container: EpcKey, epc: EpcKey) -> bool {
        let mut ancestors = std::iter::successors(Some(epc), |epc| self.inside.get(epc).map(|inside| inside.parent));
        ancestors.any(|ancestor| ancestor == container)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn epc(n: u8) -> EpcKey {
        EpcKey(Uuid::from_u128(u128::from(n)))
    }

    fn event(n: usize) -> EventKey {
        EventKey::new(Uuid::from_u128(n as u128))
    }

    #[test]
    fn a_stay_begins_with_packing_and_ends_with_unpacking() {
        let mut forest = Forest::default();
        forest.pack(epc(1), epc(2), Micros(10), event(1)).unwrap();
        assert_eq!(forest.pack(epc(1), epc(2), Micros(11), event(2)), Ok(()));
        assert_eq!(forest.pack(epc(1), epc(3), Micros(12), event(3)), Err(Misfit::SecondParent));
        assert_eq!(forest.unpack(epc(1), epc(3), Micros(13), event(4)), Err(Misfit::NotInParent));
        forest.unpack(epc(1), epc(2), Micros(20), event(5)).unwrap();
        let interval = Interval {
            parent: epc(2),
            from: Micros(10),
            until: Micros(20),
            opened_by: event(1),
            closed_by: Some(event(5)),
        };
        assert_eq!(forest.into_intervals()[&epc(1)], [interval]);
    }

    #[test]
    fn nothing_is_inside_itself() {
        let mut forest = Forest::default();
        assert_eq!(forest.pack(epc(1), epc(1), Micros(1), event(1)), Err(Misfit::Cycle));
        forest.pack(epc(1), epc(2), Micros(1), event(1)).unwrap();
        forest.pack(epc(2), epc(3), Micros(2), event(2)).unwrap();
        assert_eq!(forest.pack(epc(3), epc(1), Micros(3), event(3)), Err(Misfit::Cycle));
        assert_eq!(forest.top(epc(1)), epc(3));
    }

    #[test]
    fn a_stay_of_no_length_is_none() {
        let mut forest = Forest::default();
        forest.pack(epc(1), epc(2), Micros(1), event(1)).unwrap();
        forest.unpack(epc(1), epc(2), Micros(1), event(2)).unwrap();
        assert!(forest.into_intervals().is_empty());
    }

    proptest! {
        #[test]
        fn one_parent_and_no_cycle_at_any_instant(steps in prop::collection::vec((0u8..6, 0u8..6, any::<bool>()), 1..80)) {
            let mut forest = Forest::default();
            for (at, (child, parent, pack)) in steps.iter().enumerate() {
                let when = Micros(at as i64);
                let _ = if *pack { forest.pack(epc(*child), epc(*parent), when, event(at)) } else { forest.unpack(epc(*child), epc(*parent), when, event(at)) };
            }
            let intervals = forest.into_intervals();
            let parent_at = |child: EpcKey, at: Micros| -> Vec<EpcKey> {
                intervals.get(&child).into_iter().flatten().filter(|i| i.from <= at && at < i.until).map(|i| i.parent).collect()
            };
            for at in 0..steps.len() as i64 {
                for child in 0..6 {
                    let mut seen = vec![epc(child)];
                    loop {
                        let parents = parent_at(seen[seen.len() - 1], Micros(at));
                        prop_assert!(parents.len() <= 1);
                        let Some(parent) = parents.first() else { break };
                        prop_assert!(!seen.contains(parent), "cycle at {at}");
                        seen.push(*parent);
                    }
                }
            }
        }
    }
}

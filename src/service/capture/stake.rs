//! Whose the contents of logistic units are: what the ledger must know of it, and what it came to.
//!
//! A fold looks at a pallet without its contents wherever it can. What it must know of them is who has something there; where something is
//! taken out, also whose brands remain among what it does not look at.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::event::{Action, EventType};
use crate::domain::gs1::EpcKey;
use crate::domain::ids::PartyId;
use crate::storage::item::Item;
use crate::storage::stake::{self, Stakes};
use crate::storage::{StorageError, Tx};

use super::admit::Admitted;
use super::save::Folded;
use super::{ServiceError, Work};

/// What is known of the contents of units.
#[derive(Debug, Default)]
pub(in crate::service) struct Contents {
    /// Who has something in them.
    pub(in crate::service) stakes: Stakes,
    /// Whose brands are in them besides what is folded.
    pub(in crate::service) unseen: HashMap<EpcKey, BTreeSet<PartyId>>,
}

/// Of the units among some things; none is stored of those that are fresh.
pub(super) async fn of(
    tx: &Tx,
    (work, admitted): (&Work, &Admitted),
    (items, fresh): (&HashMap<EpcKey, Item>, &HashSet<EpcKey>),
) -> Result<Contents, StorageError> {
    let units = items.values().filter(|item| item.is_unit() && !fresh.contains(&item.epc));
    let mut units: Vec<EpcKey> = units.map(|item| item.epc).collect();
    units.sort_unstable();
    let mut contents = Contents {
        stakes: stake::of_units_in(tx, &units).await?,
        unseen: HashMap::new(),
    };
    let takes_out = admitted
        .counting(work)
        .any(|(_, event)| event.kind == EventType::Aggregation && event.action == Some(Action::Delete));
    if !takes_out {
        return Ok(contents);
    }
    let mut seen = HashMap::<(EpcKey, &PartyId), i64>::new();
    for item in items.values() {
        if let (Some(stay), Some(owner)) = (&item.inside, &item.owner) {
            *seen.entry((stay.parent, owner)).or_default() += 1;
        }
    }
    for (unit, owner, many) in stake::brands_inside(tx, &units).await? {
        if many > seen.get(&(unit, &owner)).copied().unwrap_or_default() {
            contents.unseen.entry(unit).or_default().insert(owner);
        }
    }
    Ok(contents)
}

/// Writes what changed.
pub(super) async fn save(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let stood = |epc: &EpcKey| folded.loaded.things.get(epc).map_or(&[][..], |thing| &thing.stakes);
    let all = folded
        .outcome
        .stakes
        .iter()
        .flat_map(|(epc, stakes)| stakes.iter().map(move |stake| (*epc, stake)));
    let mut changed: Vec<_> = all.filter(|(epc, stake)| !stood(epc).contains(stake)).collect();
    changed.sort_by_key(|(epc, stake)| (*epc, stake.owner.clone()));
    Ok(stake::store(tx, &changed).await?)
}

//! What was in a container at a moment, by what the hub knew at another.
//!
//! Contents as the hub knows them today stand in rows of their own; as it knew them earlier they are folded again, with all
//! that was ever said to be put into the container and with everything that was said of those things.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::event::{EpcRole, EventType};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::ledger::{self, Outcome};
use crate::domain::time::Micros;
use crate::storage::StorageError;
use crate::storage::event::Named;
use crate::storage::item::Item;
use crate::storage::view;
use crate::storage::view::container::{Inside, Wanted};
use crate::storage::view::facts::Told;

use super::super::ServiceError;
use super::super::capture::{condition, load};
use super::super::hub::Hub;
use super::{DEPTH, FACTS, contents_of, counted, too_much};

/// A page of the contents, outermost first, then by key.
pub(in crate::service) async fn contents(hub: &Hub, wanted: &Wanted, known: Micros) -> Result<Vec<Inside>, ServiceError> {
    let mut told = reach(hub, wanted.container).await?;
    told.retain(|told| counted(told, wanted.at, known));
    let keys: BTreeSet<EpcKey> = told.iter().map(|told| told.named.epc).collect();
    let items = view::facts::items(hub.db(), &keys.into_iter().collect::<Vec<_>>()).await?;
    let stored: Vec<Named> = told.iter().map(|told| told.named.clone()).collect();
    let births: BTreeSet<EventKey> = stored
        .iter()
        .filter(|named| condition::is_birth(named.kind, named.action, named.role))
        .map(|named| named.event)
        .collect();
    let mut conditions = condition::Told::of(&stored, &HashMap::new());
    for (key, event) in view::facts::bodies(hub.db(), &births.into_iter().collect::<Vec<_>>()).await? {
        conditions.made(key, &event);
    }
    let known_stakes = contents_of(hub, &items).await?;
    let mut things = load::things((items.values(), &load::Names::new()), &hub.registry(), &known_stakes)?;
    for thing in things.values_mut() {
        // Whose lot and expiry the fold is to tell.
        thing.contested = true;
    }
    let mut facts = load::stored_facts(&stored);
    condition::complete(&conditions, &mut facts, &mut things);
    let outcome = ledger::fold(&things, facts);
    let mut rows = inside(wanted, &outcome, &items)?;
    rows.sort_by_key(|row| (row.depth, row.key));
    rows.retain(|row| wanted.after.is_none_or(|(depth, key)| (row.depth, row.key.0) > (depth, key)));
    rows.truncate(wanted.rows);
    Ok(rows)
}

/// All that was said of a container, of what was ever put into it, and of what those were ever put into.
async fn reach(hub: &Hub, container: EpcKey) -> Result<Vec<Told>, ServiceError> {
    let (mut all, mut read, mut opened) = (Vec::new(), HashSet::new(), BTreeSet::new());
    // What was packed into or taken out of each thing that was read.
    let mut packings = HashMap::<EpcKey, BTreeSet<EventKey>>::new();
    let (mut within, mut around) = (BTreeSet::from([container]), BTreeSet::new());
    for _ in 0..=DEPTH {
        let next: Vec<EpcKey> = within
            .iter()
            .chain(&around)
            .copied()
            .filter(|epc| read.insert(*epc))
            .collect();
        if next.is_empty() && within.is_subset(&opened) {
            break;
        }
        let room = (FACTS + 1).saturating_sub(all.len());
        let told = view::facts::of_things(hub.db(), &next, room).await?;
        let aggregations = told
            .iter()
            .map(|told| &told.named)
            .filter(|named| named.kind == EventType::Aggregation);
        let mut outer = BTreeSet::new();
        for named in aggregations {
            match named.role {
                EpcRole::Parent => {
                    packings.entry(named.epc).or_default().insert(named.event);
                }
                EpcRole::Child => outer.extend(named.parent),
                EpcRole::Object | EpcRole::Input | EpcRole::Output => {}
            }
        }
        let fresh = within.iter().copied().filter(|epc| opened.insert(*epc));
        let packed: BTreeSet<EventKey> = fresh.filter_map(|epc| packings.get(&epc)).flatten().copied().collect();
        let packed: Vec<EventKey> = packed.into_iter().collect();
        let bodies = view::facts::bodies(hub.db(), &packed).await?;
        let children = bodies.iter().flat_map(|(_, event)| event.epcs.iter().map(Epc::key));
        within = children.collect();
        around = outer;
        all.extend(told);
        if all.len() + within.len() > FACTS {
            return Err(too_much());
        }
    }
    Ok(all)
}

/// What the fold leaves in the container.
fn inside(wanted: &Wanted, outcome: &Outcome, items: &HashMap<EpcKey, Item>) -> Result<Vec<Inside>, ServiceError> {
    let mut children = HashMap::<EpcKey, Vec<EpcKey>>::new();
    for (child, stays) in &outcome.intervals {
        if let Some(stay) = stays.last().filter(|stay| stay.until == Micros::FOREVER) {
            children.entry(stay.parent).or_default().push(*child);
        }
    }
    let (mut rows, mut next) = (Vec::new(), vec![wanted.container]);
    for depth in 1.. {
        let mut deeper = Vec::new();
        for parent in next {
            for child in children.remove(&parent).unwrap_or_default() {
                deeper.push(child);
                let Some(item) = items.get(&child) else { continue };
                let has_stake = |owner: &PartyId| {
                    let mut stakes = outcome.stakes.get(&child).into_iter().flatten();
                    stakes.any(|stake| stake.owner == *owner && stake.holds_at(wanted.at))
                };
                let shown = |owner: &PartyId| item.owner.as_ref() == Some(owner) || has_stake(owner);
                if !wanted.owner.as_ref().is_none_or(shown) {
                    continue;
                }
                rows.push(row(item, (parent, depth), outcome)?);
            }
        }
        if deeper.is_empty() {
            break;
        }
        next = deeper;
    }
    Ok(rows)
}

fn row(item: &Item, (parent, depth): (EpcKey, i64), outcome: &Outcome) -> Result<Inside, ServiceError> {
    let epc: Epc = item
        .uri
        .parse()
        .map_err(|error| StorageError::Inconsistent(format!("item.uri = `{}`: {error}", item.uri)))?;
    let (lot, expiry) = outcome.attributes.get(&item.epc).cloned().unwrap_or_default();
    let text = |text: Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    Ok(Inside {
        key: item.epc,
        gtin: epc.gtin(),
        epc,
        lot: text(lot),
        expiry: text(expiry),
        parent,
        depth,
    })
}

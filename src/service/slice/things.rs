//! Slices by things: how each of them came into being and into its containers, as far as the caller may know.
//!
//! Who sees such an event has a slice of it like any other. Who does not, and bought the thing later, may know of it what the relation of a
//! later owner gives ([`Relations::LATER_OWNER`]): it is told in words, with the things that it bought and no others.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::EventKey;
use crate::domain::lens::outline::{Words, outline};
use crate::domain::lens::{Relations, sight};
use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::epcis::slice::Said;
use crate::storage::view;
use crate::storage::view::event::EventRow;

use super::super::item;
use super::{Hub, Named, ServiceError, Slice, few, kept, proved, seen_slices, unprintable};

/// Slices of the events by which these things came into being and into containers, each with those of the things that the caller may know
/// of: first those of the earliest month, of one month in the order of what they say. None for things of which it may know nothing, as for
/// things that do not exist.
pub async fn of_things(hub: &Hub, actor: &Actor, things: &[Epc]) -> Result<Vec<Slice>, ServiceError> {
    few(hub, things)?;
    let known = Known::by(hub, actor, things).await?;
    let mut keys: Vec<EventKey> = known.events.keys().copied().collect();
    keys.sort_unstable_by_key(|key| key.uuid());
    let mut slices = seen_slices(hub, actor, Named::Keys(&keys), things).await?;
    let seen: HashSet<EventKey> = slices.iter().map(|slice| slice.event).collect();
    // Nothing is read of an event of which nothing is told: not even the time that it takes is to say that it is there.
    let ever_bought = |thing: &item::Known| is_past(thing, Micros::MIN);
    let bought = |key: &EventKey| known.of(*key).any(ever_bought);
    keys.retain(|key| seen.contains(key) || bought(key));
    let mut months = HashMap::new();
    for row in view::event::whole(hub.db(), &keys).await? {
        months.insert(row.key, row.event.event_time.month());
        if !seen.contains(&row.key)
            && let Some(slice) = in_words(hub, &known, &row).await?
        {
            slices.push(slice);
        }
    }
    // Not in the order of the keys, which is that of the records.
    slices.sort_by_cached_key(|slice| (months.get(&slice.event).cloned(), slice.file.clone()));
    Ok(slices)
}

/// What the caller may know of the things' past.
struct Known {
    /// Which of the things each event made or packed.
    events: BTreeMap<EventKey, Vec<EpcKey>>,
    /// Of the things that it has something to do with, by what they are called now: all that is known of them.
    things: HashMap<EpcKey, item::Known>,
}

impl Known {
    /// What is known of the things that an event made or packed.
    fn of(&self, event: EventKey) -> impl Iterator<Item = &item::Known> {
        let made = self.events.get(&event).into_iter().flatten();
        made.filter_map(|thing| self.things.get(thing))
    }

    async fn by(hub: &Hub, actor: &Actor, things: &[Epc]) -> Result<Self, ServiceError> {
        let (mut keys, mut known) = (Vec::new(), HashMap::new());
        for epc in things {
            let thing = item::known(hub, actor, epc.key()).await?;
            // Whoever has nothing to do with a thing may still see events of it, by a grant: that is for the lens to say.
            keys.push(thing.as_ref().map_or_else(|| epc.key(), |thing| thing.trace.thing.key));
            known.extend(thing.map(|thing| (thing.trace.thing.key, thing)));
        }
        let mut events = BTreeMap::<EventKey, Vec<EpcKey>>::new();
        for (thing, event) in view::item::makings(hub.db(), &keys).await? {
            events.entry(event).or_default().push(thing);
        }
        Ok(Self { events, things: known })
    }
}

/// Whether what was done with a thing at a moment is its past for the caller, who bought it since.
fn is_past(thing: &item::Known, at: Micros) -> bool {
    let relations = thing.standing.of_past(&thing.trace, at);
    relations.has(Relations::LATER_OWNER)
}

async fn in_words(hub: &Hub, known: &Known, row: &EventRow) -> Result<Option<Slice>, ServiceError> {
    let sight = sight(Relations::LATER_OWNER);
    let past = known.of(row.key).filter(|thing| is_past(thing, row.event.event_time));
    let things: HashSet<Epc> = past.map(|thing| thing.trace.thing.epc.clone()).collect();
    let Some(shown) = outline(&row.event, &sight, &things) else {
        return Ok(None);
    };
    let kept = kept(hub, row).await?;
    let words = Words {
        month: Some(row.event.event_time.month()),
        ..kept.signed.words.clone()
    };
    let said = Said::in_words(&shown, &words.at(&sight)).map_err(unprintable)?;
    Ok(Some(proved(row.key, said, kept).await?))
}

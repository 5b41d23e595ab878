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

use super::super::item::known;
use super::{Hub, Named, ServiceError, Slice, few, kept, proved, seen_slices, unprintable};

/// Slices of the events by which these things came into being and into containers, each with those of the things that the caller may know
/// of: first those of the earliest month, of one month in the order of what they say. None for things of which it may know nothing, as for
/// things that do not exist.
pub async fn of_things(hub: &Hub, actor: &Actor, things: &[Epc]) -> Result<Vec<Slice>, ServiceError> {
    few(hub, things)?;
    let known = Known::of(hub, actor, things).await?;
    let mut keys: Vec<EventKey> = known.events.keys().copied().collect();
    keys.sort_unstable_by_key(|key| key.uuid());
    let mut slices = seen_slices(hub, actor, Named::Keys(&keys), things).await?;
    let seen: HashSet<EventKey> = slices.iter().map(|slice| slice.event).collect();
    // Nothing is read of an event of which nothing is told: not even the time that it takes is to say that it is there.
    let is_past = |key: &EventKey| known.events[key].iter().any(|thing| known.bought.contains_key(thing));
    keys.retain(|key| seen.contains(key) || is_past(key));
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
    /// The things, by what they are called now, of whose past it may know as a later owner; and when it bought them.
    bought: HashMap<EpcKey, (Epc, Micros)>,
}

impl Known {
    async fn of(hub: &Hub, actor: &Actor, things: &[Epc]) -> Result<Self, ServiceError> {
        let (mut keys, mut bought) = (Vec::new(), HashMap::new());
        for epc in things {
            let known = known(hub, actor, epc.key()).await?;
            // Whoever has nothing to do with a thing may still see events of it, by a grant: that is for the lens to say.
            let thing = known.as_ref().map_or_else(|| epc.key(), |known| known.trace.thing.key);
            keys.push(thing);
            if let Some(known) = known
                && let Some(at) = known.standing.bought_at(&known.trace)
            {
                bought.insert(thing, (known.trace.thing.epc, at));
            }
        }
        let mut events = BTreeMap::<EventKey, Vec<EpcKey>>::new();
        for (thing, event) in view::item::makings(hub.db(), &keys).await? {
            events.entry(event).or_default().push(thing);
        }
        Ok(Self { events, bought })
    }
}

async fn in_words(hub: &Hub, known: &Known, row: &EventRow) -> Result<Option<Slice>, ServiceError> {
    let made = known.events.get(&row.key).into_iter().flatten();
    let bought = made.filter_map(|thing| known.bought.get(thing));
    // What was done with a thing since is no longer its past.
    let things: HashSet<Epc> = bought
        .filter(|(_, at)| row.event.event_time < *at)
        .map(|(epc, _)| epc.clone())
        .collect();
    let sight = sight(Relations::LATER_OWNER);
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

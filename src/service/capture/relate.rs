//! Who is concerned by an event: the rows that lists of events start from.
//!
//! Teller, principal and the sides named by the event are fixed when it comes. Whether a brand owner sees an event whole or
//! only that it was (the things had changed owner before) follows the ledger, so a late handover changes rows of
//! earlier documents too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::assertion;
use crate::domain::event::Event;
use crate::domain::grant::GIVING;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::lens::Relations;
use crate::domain::party::Registry;
use crate::domain::shipment::Handover;
use crate::storage::Tx;
use crate::storage::{event, grant};

use super::ServiceError;
use super::admit::New;
use super::save::Folded;

type Concerned = BTreeMap<PartyId, Relations>;

pub(super) async fn relate(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let mut rows = fresh(folded);
    rows.extend(earlier(tx, folded).await?);
    event::relate(tx, &rows).await?;
    cover(tx, folded, &rows).await
}

/// Notes which of these events grants cover whose grantor has to do with them now. What was laid down meanwhile waits for this
/// transaction, and goes through its events then.
async fn cover(tx: &Tx, folded: &Folded<'_>, rows: &[(PartyId, EventKey, Relations)]) -> Result<(), ServiceError> {
    let (hub, version) = (&folded.work.hub, grant::lock_shared(tx).await?);
    let mut policy = hub.policy();
    if policy.version != version {
        policy = Arc::new(grant::live_in(tx, version, folded.work.now).await?);
        hub.set_policy(Arc::clone(&policy));
    }
    if policy.grants.is_empty() {
        return Ok(());
    }
    let given = |party: &PartyId, relations: Relations| {
        let gives = !relations.only(GIVING).is_none();
        let party = party.clone();
        policy.grants.iter().filter(move |held| gives && held.grant.grantor == party)
    };
    let new = folded.admitted.new.iter();
    let mut events: HashMap<EventKey, &Event> = new
        .map(|new| (new.key, &folded.work.checked.events[new.ordinal].0.event))
        .collect();
    let asked = rows
        .iter()
        .filter(|(party, _, relations)| given(party, *relations).next().is_some());
    let earlier: BTreeSet<EventKey> = asked
        .map(|(_, key, _)| *key)
        .filter(|key| !events.contains_key(key))
        .collect();
    let earlier = event::bodies(tx, &earlier.into_iter().collect::<Vec<_>>()).await?;
    events.extend(earlier.iter().map(|(key, event)| (*key, event)));
    let mut covered = Vec::new();
    for (party, key, relations) in rows {
        let Some(event) = events.get(key) else { continue };
        let grants = given(party, *relations).filter(|held| held.grant.scope.may_cover(event));
        covered.extend(grants.map(|held| (held.grant.id, *key)));
    }
    Ok(grant::cover(tx, &covered).await?)
}

fn fresh(folded: &Folded<'_>) -> Vec<(PartyId, EventKey, Relations)> {
    let work = folded.work;
    let mut rows = Vec::new();
    for new in &folded.admitted.new {
        let (parsed, principal) = &work.checked.events[new.ordinal];
        let mut concerned = Concerned::new();
        add(&mut concerned, &work.job.actor.party, Relations::ASSERTER);
        let also = assertion::acted_for(&work.registry, &work.job.actor.party, &parsed.event);
        for principal in principal.iter().chain(also.iter()) {
            add(&mut concerned, principal, Relations::PRINCIPAL);
        }
        if is_heard(folded, new) {
            sides(&parsed.event, &work.job.actor.party, &work.registry, &mut concerned);
        }
        match folded.outcome.named.contains_key(&new.key) {
            true => brands(folded, (new.key, Some(&parsed.event)), &mut concerned),
            // In error, or a declaration of it: no state was reached to ask about.
            false => owners(folded, &parsed.event, &mut concerned),
        }
        rows.extend(concerned.into_iter().map(|(party, relations)| (party, new.key, relations)));
    }
    rows
}

fn add(concerned: &mut Concerned, party: &PartyId, relation: Relations) {
    let relations = concerned.entry(party.clone()).or_default();
    *relations = relations.with(relation);
}

/// Whether a handover concerns the parties it names: its teller may know at least one of the things. Otherwise anybody could put
/// words into anybody's lists; when data that was missing arrives, [`earlier`] makes up for it.
fn is_heard(folded: &Folded<'_>, new: &New) -> bool {
    new.keys.iter().any(|key| folded.outcome.heard.contains(&(new.key, *key)))
}

fn is_handover(step: &str) -> bool {
    matches!(step, "shipping" | "void_shipping" | "receiving")
}

fn sides(event: &Event, teller: &PartyId, registry: &Registry, concerned: &mut Concerned) {
    if !is_handover(event.step()) {
        return;
    }
    let handover = Handover::of(event, teller, registry);
    let sender = (event.step() != "receiving" || handover.sender != *teller).then_some(&handover.sender);
    let sides = [
        (sender, Relations::SENDER),
        (handover.receiver.party(), Relations::RECEIVER),
        (handover.buyer.as_ref(), Relations::BUYER),
    ];
    let sellers = handover.sellers.iter().map(|seller| (Some(seller), Relations::SELLER));
    for (party, relation) in sides.into_iter().chain(sellers) {
        if let Some(party) = party {
            add(concerned, party, relation);
        }
    }
}

/// `event`: the event itself, where it is at hand.
fn brands(folded: &Folded<'_>, (key, event): (EventKey, Option<&Event>), concerned: &mut Concerned) {
    let mut sold_of = BTreeMap::<&PartyId, bool>::new();
    for (epc, sold) in folded.outcome.named.get(&key).into_iter().flatten() {
        if let Some(owner) = folded.outcome.owners.get(epc) {
            // One thing that was sold before is enough: the event as a whole is no longer the brand owner's to read.
            *sold_of.entry(owner).or_default() |= sold;
        }
    }
    let of = |sold: bool| {
        if sold {
            Relations::BRAND_OWNER_AFTER
        } else {
            Relations::BRAND_OWNER
        }
    };
    for (owner, sold) in folded.outcome.parts.get(&key).into_iter().flatten() {
        if !sold_of.contains_key(owner) {
            let anothers = event.is_some_and(|event| is_anothers_deal(event, owner, &folded.work.registry));
            add(
                concerned,
                owner,
                if anothers && !sold { Relations::PART_OWNER } else { of(*sold) },
            );
        }
    }
    for (owner, sold) in sold_of {
        add(concerned, owner, of(sold));
    }
}

/// Whether a handover names an owner, and none that is this one.
fn is_anothers_deal(event: &Event, owner: &PartyId, registry: &Registry) -> bool {
    let owning = event.sources.iter().filter(|end| end.kind.as_str() == "owning_party");
    let mut owners = owning
        .map(|end| end.id.gln().and_then(|gln| registry.party_of_gln(gln)))
        .peekable();
    is_handover(event.step()) && owners.peek().is_some() && owners.all(|named| named != Some(owner))
}

fn owners(folded: &Folded<'_>, event: &Event, concerned: &mut Concerned) {
    for (_, epc) in event.roles() {
        if let Some(owner) = epc.gtin().and_then(|gtin| folded.work.registry.owner_of_gtin(gtin)) {
            add(concerned, owner, Relations::BRAND_OWNER);
        }
    }
}

/// Rows of earlier events whose brand owners' view changed, or whose sides are concerned only now.
async fn earlier(tx: &Tx, folded: &Folded<'_>) -> Result<Vec<(PartyId, EventKey, Relations)>, ServiceError> {
    let events: Vec<EventKey> = folded
        .loaded
        .stored
        .iter()
        .map(|named| named.event)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut before = HashMap::<EventKey, Concerned>::new();
    for (party, event, relations) in event::relations(tx, &events).await? {
        before.entry(event).or_default().insert(party, relations);
    }
    let mut now = before.clone();
    brands_of_earlier(folded, &mut now);
    deals_of_earlier(tx, folded, (&before, &mut now)).await?;
    sides_of_earlier(tx, folded, &mut now).await?;
    let mut rows = Vec::new();
    for (event, concerned) in now {
        let stood = before.get(&event);
        let changed = concerned
            .into_iter()
            .filter(|(party, relations)| stood.and_then(|stood| stood.get(party)) != Some(relations));
        rows.extend(changed.map(|(party, relations)| (party, event, relations)));
    }
    Ok(rows)
}

fn brands_of_earlier(folded: &Folded<'_>, now: &mut HashMap<EventKey, Concerned>) {
    // How many things each earlier event names: `whole` if all of them were folded.
    let named = folded.loaded.stored.iter();
    let named: BTreeMap<EventKey, i64> = named
        .map(|named| (named.event, named.listed + i64::from(named.parent.is_some())))
        .collect();
    for (event, listed) in named {
        let mut concerned = Concerned::new();
        brands(folded, (event, None), &mut concerned);
        let folded_here = folded.outcome.named.get(&event).map_or(0, Vec::len);
        let is_part = i64::try_from(folded_here).unwrap_or(i64::MAX) < listed;
        for (owner, mut view) in concerned {
            let known = now.entry(event).or_default().entry(owner).or_default();
            if known.has(Relations::BRAND_OWNER_AFTER) && is_part {
                view = Relations::BRAND_OWNER_AFTER;
            }
            if known.has(Relations::PART_OWNER) && view == Relations::BRAND_OWNER {
                view = Relations::PART_OWNER;
            }
            let either = Relations::BRAND_OWNER
                .with(Relations::BRAND_OWNER_AFTER)
                .with(Relations::PART_OWNER);
            *known = Relations(known.0 & !either.0).with(view);
        }
    }
}

/// Handovers of units that turn out only now to have somebody's things in them: whose deal they are, the events say.
async fn deals_of_earlier(
    tx: &Tx,
    folded: &Folded<'_>,
    (before, now): (&HashMap<EventKey, Concerned>, &mut HashMap<EventKey, Concerned>),
) -> Result<(), ServiceError> {
    let owned = |key: &EventKey, party: &PartyId| {
        let named = folded.outcome.named.get(key).into_iter().flatten();
        named
            .filter_map(|(epc, _)| folded.outcome.owners.get(epc))
            .any(|owner| owner == party)
    };
    let fresh = |key: &EventKey, party: &PartyId, relations: Relations| {
        let stood = before
            .get(key)
            .and_then(|stood| stood.get(party))
            .copied()
            .unwrap_or_default();
        relations.has(Relations::BRAND_OWNER) && !stood.has(Relations::BRAND_OWNER) && !owned(key, party)
    };
    let handovers = folded.loaded.stored.iter().filter(|named| is_handover(&named.step));
    let handovers: BTreeSet<EventKey> = handovers.map(|named| named.event).collect();
    let asked = handovers.into_iter().filter(|key| {
        let parties = now.get(key).into_iter().flatten();
        parties.into_iter().any(|(party, relations)| fresh(key, party, *relations))
    });
    let asked: Vec<EventKey> = asked.collect();
    for (key, event) in event::bodies(tx, &asked).await? {
        for (party, relations) in now.get_mut(&key).into_iter().flatten() {
            if fresh(&key, party, *relations) && is_anothers_deal(&event, party, &folded.work.registry) {
                *relations = Relations(relations.0 & !Relations::BRAND_OWNER.0).with(Relations::PART_OWNER);
            }
        }
    }
    Ok(())
}

/// A handover that was told by somebody who could not know the goods yet, because data was missing that has come.
async fn sides_of_earlier(tx: &Tx, folded: &Folded<'_>, now: &mut HashMap<EventKey, Concerned>) -> Result<(), ServiceError> {
    const SIDES: i64 = Relations::SENDER.0 | Relations::RECEIVER.0 | Relations::SELLER.0 | Relations::BUYER.0;
    let outcome = folded.outcome;
    let heard = folded.loaded.stored.iter().filter(|named| {
        let concerned = now
            .get(&named.event)
            .is_some_and(|parties| parties.values().any(|known| known.0 & SIDES != 0));
        is_handover(&named.step) && !concerned && outcome.heard.contains(&(named.event, named.epc))
    });
    let tellers: BTreeMap<EventKey, PartyId> = heard.map(|named| (named.event, named.asserter.clone())).collect();
    let keys: Vec<EventKey> = tellers.keys().copied().collect();
    for (key, event) in event::bodies(tx, &keys).await? {
        if let Some(teller) = tellers.get(&key) {
            sides(&event, teller, &folded.work.registry, now.entry(key).or_default());
        }
    }
    Ok(())
}

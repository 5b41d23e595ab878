//! Who is concerned by an event: the rows that lists of events start from.
//!
//! Teller, principal and the sides named by the event are fixed when it comes. Whether a brand owner sees an event whole or
//! only that it was (the things had changed owner before) follows the ledger, so a late handover changes rows of
//! earlier documents too.

use std::collections::{BTreeMap, HashMap};

use crate::domain::event::Event;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::lens::Relations;
use crate::domain::shipment::Handover;
use crate::storage::Tx;
use crate::storage::event;

use super::ServiceError;
use super::save::Folded;

type Concerned = BTreeMap<PartyId, Relations>;

pub(super) async fn relate(tx: &Tx, folded: &Folded<'_>) -> Result<(), ServiceError> {
    let mut rows = fresh(folded);
    rows.extend(earlier(tx, folded).await?);
    Ok(event::relate(tx, &rows).await?)
}

fn fresh(folded: &Folded<'_>) -> Vec<(PartyId, EventKey, Relations)> {
    let work = folded.work;
    let mut rows = Vec::new();
    for new in &folded.admitted.new {
        let (parsed, principal) = &work.checked.events[new.ordinal];
        let mut concerned = Concerned::new();
        add(&mut concerned, &work.job.actor.party, Relations::ASSERTER);
        if let Some(principal) = principal {
            add(&mut concerned, principal, Relations::PRINCIPAL);
        }
        sides(folded, &parsed.event, &mut concerned);
        match folded.outcome.named.contains_key(&new.key) {
            true => brands(folded, new.key, &mut concerned),
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

fn sides(folded: &Folded<'_>, event: &Event, concerned: &mut Concerned) {
    if !matches!(event.step(), "shipping" | "void_shipping" | "receiving") {
        return;
    }
    let teller = &folded.work.job.actor.party;
    let handover = Handover::of(event, teller, &folded.work.registry);
    let sender = (event.step() != "receiving" || handover.sender != *teller).then_some(&handover.sender);
    let sides = [
        (sender, Relations::SENDER),
        (handover.receiver.party(), Relations::RECEIVER),
        (handover.seller.as_ref(), Relations::SELLER),
        (handover.buyer.as_ref(), Relations::BUYER),
    ];
    for (party, relation) in sides {
        if let Some(party) = party {
            add(concerned, party, relation);
        }
    }
}

fn brands(folded: &Folded<'_>, key: EventKey, concerned: &mut Concerned) {
    let mut sold_of = BTreeMap::<&PartyId, bool>::new();
    for (epc, sold) in folded.outcome.named.get(&key).into_iter().flatten() {
        if let Some(owner) = folded.outcome.owners.get(epc) {
            // One thing that was sold before is enough: the event as a whole is no longer the brand owner's to read.
            *sold_of.entry(owner).or_default() |= sold;
        }
    }
    for (owner, sold) in sold_of {
        add(
            concerned,
            owner,
            if sold {
                Relations::BRAND_OWNER_AFTER
            } else {
                Relations::BRAND_OWNER
            },
        );
    }
}

fn owners(folded: &Folded<'_>, event: &Event, concerned: &mut Concerned) {
    for (_, epc) in event.roles() {
        if let Some(owner) = epc.gtin().and_then(|gtin| folded.work.registry.owner_of_gtin(gtin)) {
            add(concerned, owner, Relations::BRAND_OWNER);
        }
    }
}

/// Rows of earlier events whose brand owners' view changed.
async fn earlier(tx: &Tx, folded: &Folded<'_>) -> Result<Vec<(PartyId, EventKey, Relations)>, ServiceError> {
    // How many things each earlier event names: `whole` if all of them were folded.
    let named: HashMap<EventKey, i64> = folded
        .loaded
        .stored
        .iter()
        .map(|named| (named.event, named.listed + i64::from(named.parent.is_some())))
        .collect();
    let events: Vec<EventKey> = named.keys().copied().collect();
    let mut before = HashMap::<(PartyId, EventKey), Relations>::new();
    for (party, event, relations) in event::relations(tx, &events).await? {
        before.insert((party, event), relations);
    }
    let mut rows = Vec::new();
    for (event, listed) in named {
        let mut concerned = Concerned::new();
        brands(folded, event, &mut concerned);
        let folded_here = folded
            .outcome
            .named
            .get(&event)
            .map_or(0, |epcs| i64::try_from(epcs.len()).unwrap_or(i64::MAX));
        for (owner, mut view) in concerned {
            let known = before.get(&(owner.clone(), event)).copied().unwrap_or_default();
            if known.has(Relations::BRAND_OWNER_AFTER) && folded_here < listed {
                view = Relations::BRAND_OWNER_AFTER;
            }
            let either = Relations::BRAND_OWNER.with(Relations::BRAND_OWNER_AFTER);
            let now = Relations(known.0 & !either.0).with(view);
            if now != known {
                rows.push((owner, event, now));
            }
        }
    }
    Ok(rows)
}

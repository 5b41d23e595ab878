//! One identified thing: unit, case or pallet.
//!
//! It is told by what the caller has to do with it ([`known`]) and by the events of it that grants show ([`super::seen`]).

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::ledger::{self, Condition};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::provenance::{self, Named, Provenance, Standing, Thing, Trace};
use crate::domain::seen::{self as told, Basis, Told, Way, Word};
use crate::domain::time::Micros;
use crate::storage::{stake, view};

use super::Hub;
use super::error::{Code, ServiceError};
use super::event::{self, SeenEvent};
use super::lens::{Attempts, Lens, prefix_holder};
use super::moment::{Moment, Recalled, recall};
use super::seen::{self, Asked};

pub use crate::domain::seen::Item as SeenItem;

/// Clocks of packaging lines may be ahead of ours by this much.
const FUTURE_SECONDS: i64 = 600;

/// One thing, now or at a moment; `None` for one that is not known, or not to the caller, or not yet then.
pub async fn item(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<SeenItem>, ServiceError> {
    let related = by_relation(hub, actor, asked).await?;
    let told = match opened(hub, actor, asked).await {
        Err(error) if related.is_some() && seen::is_too_much(&error) => None,
        told => told?,
    };
    Ok(match (related, told) {
        (Some(related), Some(told)) => Some(related.and_granted(told)),
        (related, told) => related.or(told.map(|told| SeenItem::granted(asked.key, told))),
    })
}

/// What grants open of it.
pub(super) async fn opened(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<Told>, ServiceError> {
    let words = seen::about(hub, actor, asked, Way::Out).await?;
    Ok(told::thing(&words, asked.key, &hub.registry()))
}

async fn by_relation(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<SeenItem>, ServiceError> {
    let Some(known) = known_at(hub, actor, asked.key, asked.moment).await? else {
        return Ok(None);
    };
    let told = match known.told {
        Some(told) => Some(told),
        None => present(hub, &known.trace.thing, &known.provenance).await?,
    };
    let Known {
        trace,
        standing,
        provenance,
        as_of,
        ..
    } = known;
    let exact = standing.knows_making(&actor.party, &trace);
    let (custodian, owner) = (
        provenance::custodian(&trace, &standing, &actor.party),
        provenance::owner(&trace, &standing, &actor.party, &hub.registry()),
    );
    let told = told.filter(|_| standing.state_now);
    let (disposition, lasting) = told.map(|told| (told.disposition, told.lasting)).unwrap_or_default();
    let knows_inside = standing.to == Micros::FOREVER;
    let thing = trace.thing;
    let text = |condition: Condition| condition.term.to_string();
    Ok(Some(SeenItem {
        key: thing.key,
        epc: thing.epc,
        gtin: thing.gtin,
        lot: thing.lot,
        expiry: thing.expiry,
        as_of,
        basis: Basis::Relations,
        disposition_inferred: disposition
            .as_ref()
            .map(|condition| condition.inferred)
            .filter(|_| knows_inside),
        disposition: disposition.map(text),
        persistent_dispositions: lasting.into_iter().map(text).collect(),
        custodian,
        owner,
        manufacturer: provenance.manufacturer.clone(),
        commissioned_at: thing.made_at.filter(|_| exact),
        parent: thing.parent.filter(|_| knows_inside),
        provenance,
    }))
}

/// How a thing stands now. Of one of which too much was said to fold it all, what was last said of itself.
async fn present(hub: &Hub, thing: &Thing, provenance: &Provenance) -> Result<Option<ledger::Standing>, ServiceError> {
    let at = hub.now().plus_seconds(FUTURE_SECONDS);
    match recall(hub, (thing.key, sharer(thing)), (at, Micros::FOREVER)).await {
        Ok(recalled) => Ok(recalled.map(|recalled| recalled.standing)),
        Err(error) if error.code() == Code::QueryTooWide => Ok(Some(ledger::Standing {
            disposition: provenance.disposition.as_deref().map(|term| Condition {
                term: term.into(),
                since: at,
                inferred: false,
            }),
            ..ledger::Standing::default()
        })),
        Err(error) => Err(error),
    }
}

/// A thing that the caller has to do with.
pub(super) struct Known {
    pub(super) trace: Trace,
    pub(super) standing: Standing,
    pub(super) provenance: Provenance,
    /// The moment that it is told for.
    pub(super) as_of: Micros,
    /// How it stood then, where a moment was asked for.
    told: Option<ledger::Standing>,
}

/// The same at a moment, as far as the caller may go: who has nothing to do with the thing today learns nothing of its past
/// either, and nobody learns more of any moment than it could have known then.
pub(super) async fn known_at(hub: &Hub, actor: &Actor, key: EpcKey, moment: Moment) -> Result<Option<Known>, ServiceError> {
    let Some(today) = known(hub, actor, key).await? else {
        return Ok(None);
    };
    if !moment.is_past() {
        return Ok(Some(today));
    }
    let as_of = moment.as_of.unwrap_or_else(|| hub.now()).min(today.standing.to);
    if as_of < today.standing.from {
        return Ok(None);
    }
    let (thing, known) = (&today.trace.thing, moment.known_at.unwrap_or(Micros::FOREVER));
    let recalled = recall(hub, (thing.key, sharer(thing)), (as_of, known)).await?;
    let Some(Recalled { trace, standing: told }) = recalled else {
        return Ok(None);
    };
    let registry = hub.registry();
    let trace = as_seen(hub, actor, trace, as_of).await?;
    let Some(standing) = trace.standing(&actor.party, &registry) else {
        return Ok(None);
    };
    let named = names(hub, actor, &trace).await?;
    let provenance = provenance::tell(&trace, &actor.party, &registry, &named);
    Ok(provenance.map(|provenance| Known {
        as_of: as_of.min(standing.to),
        trace,
        standing,
        provenance,
        told: Some(told),
    }))
}

/// A thing with the changes of its own ownership. A logistic unit is of everybody who has something in it, to each of them as if it were alone
/// there, while it is there. To anybody else it is of whom it was made for, or of whom the first of its contents were.
async fn as_seen(hub: &Hub, actor: &Actor, mut trace: Trace, at: Micros) -> Result<Trace, ServiceError> {
    let (registry, me) = (hub.registry(), &actor.party);
    if trace.thing.epc.sscc().is_none() {
        if leaks(Leak::SoldTogether) {
            return Ok(trace);
        }
        let owner = trace.brand_owner(&registry);
        return Ok(trace.with_own_deals(owner, None));
    }
    let made_for = trace.thing.owner.take();
    trace.thing.owner = made_for.filter(|owner| prefix_holder(&registry, &trace.thing.epc) == Some(owner));
    if trace.thing.owner.as_ref() == Some(me) {
        return Ok(trace.with_own_deals(Some(me.clone()), Some(me)));
    }
    let stakes = stake::of_units(hub.db(), &[trace.thing.key]).await?;
    let stakes = stakes.get(&trace.thing.key).map(Vec::as_slice).unwrap_or_default();
    match stakes.iter().find(|stake| stake.owner == *me) {
        Some(own) => {
            trace
                .handovers
                .retain(|handover| handover.names(me) || own.holds_at(handover.shipped_at));
            trace.thing.owner = Some(me.clone());
            let until = if own.until > at { Micros::FOREVER } else { own.until };
            trace.thing.share = Some((own.from, until));
            Ok(trace.with_own_deals(Some(me.clone()), Some(me)))
        }
        None => {
            trace.thing.owner = trace.thing.owner.or_else(|| stakes.first().map(|stake| stake.owner.clone()));
            Ok(trace)
        }
    }
}

/// Whose eyes count for what is said of a unit: of its owner by what is in it.
fn sharer(thing: &Thing) -> Option<&PartyId> {
    thing.share.and(thing.owner.as_ref())
}

/// What was last said of a unit itself, but for what was said when things of others were put in or taken out.
async fn said_by_now(hub: &Hub, thing: &Thing) -> Result<Option<String>, ServiceError> {
    let at = hub.now().plus_seconds(FUTURE_SECONDS);
    match recall(hub, (thing.key, sharer(thing)), (at, Micros::FOREVER)).await {
        Ok(recalled) => Ok(recalled.and_then(|recalled| recalled.trace.thing.disposition)),
        Err(error) if error.code() == Code::QueryTooWide => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who is named to the caller, by grants or in an emergency, in the events by which a thing came into being and went on. Of events that
/// ask for proof that a thing is at hand nothing is told: how the caller came by its key is not known here; nor by grants whose readings
/// are counted, which many things on one page would use up.
async fn names(hub: &Hub, actor: &Actor, trace: &Trace) -> Result<Named, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?.without_counted();
        if lens.is_plain() {
            return Ok(Named::default());
        }
        let events = trace.thing.made_by.into_iter();
        let events: Vec<EventKey> = events.chain(trace.handovers.iter().map(|handover| handover.event)).collect();
        let rows = lens.by_keys(hub, &events).await?;
        let seen = event::seen(hub, (actor, &lens), rows).await?;
        if lens.still_holds(hub).await? {
            let registry = hub.registry();
            let words: Vec<Word> = seen.into_iter().map(SeenEvent::word).collect();
            return Ok(told::named(&words, &registry));
        }
        attempts.again()?;
    }
}

/// The only way to a thing by relation: whoever has no standing gets what one gets for a thing that is not known.
///
/// INVARIANT: for a thing that is not known the hub asks and reckons what it would for the next one by its key ([`view::trace::found`]), so
/// that existence cannot be told from time either. What is done beyond that is for those who have a standing.
pub(super) async fn known(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Known>, ServiceError> {
    let Some(found) = view::trace::found(hub.db(), key).await? else {
        return Ok(None);
    };
    let registry = hub.registry();
    let mut trace = as_seen(hub, actor, found.trace, Micros::FOREVER).await?;
    let standing = trace.standing(&actor.party, &registry).filter(|_| found.is_asked);
    if leaks(Leak::OwnerInError) && standing.is_none() && found.is_asked {
        let owner = trace.brand_owner(&registry);
        return Err(ServiceError::refused(Code::NotFound, format!("is the business of {owner:?}")));
    }
    let Some(standing) = standing else {
        // A unit was asked for its contents: so that what is none, and what is not, takes as long.
        if trace.thing.epc.sscc().is_none() {
            stake::of_units(hub.db(), &[trace.thing.key]).await?;
        }
        return Ok(None);
    };
    if trace.thing.share.is_some() {
        trace.thing.disposition = said_by_now(hub, &trace.thing).await?;
    }
    let named = names(hub, actor, &trace).await?;
    let provenance = provenance::tell(&trace, &actor.party, &registry, &named);
    Ok(provenance.map(|provenance| Known {
        as_of: hub.now().min(standing.to),
        trace,
        standing,
        provenance,
        told: None,
    }))
}

//! What one caller may see, put together for one read: the grants meant for it, and what the engine asks of the hub to decide about events.
//!
//! A read is of one state of all grants: it takes the version first, reads, and asks for the version again ([`Lens::still_holds`]); if
//! there was an act between, it reads once more. So a revocation that was committed counts for every read that begins after it, on every
//! process, and no read mixes the grants of before with the data of after. A caller for whom nothing was granted, while no emergency
//! holds, reads as if there were no grants: its relations decide, with the one look at the version.

mod acting;
mod eyes;
mod reading;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::event::{Event, SourceDest};
use crate::domain::grant::{Held, Places, Uses};
use crate::domain::gs1::{Epc, EpcKey, Gln};
use crate::domain::ids::{EventKey, GrantId, PartyId};
use crate::domain::lens::mask::has_brand;
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::lens::{Relations, Viewer};
use crate::domain::party::{Actor, Party, Registry};
use crate::domain::policy::{Facts, Policy};
use crate::domain::time::Micros;
use crate::storage::stake::{self, Stakes};
use crate::storage::view::event::{EventRow, Filter};
use crate::storage::view::grant::By;
use crate::storage::view::query::Walk;
use crate::storage::{grant, view};

use super::Hub;
use super::error::{Code, ServiceError};

pub(super) use acting::Acting;
pub(super) use eyes::{Eyes, document_holder, prefix_holder};
pub use reading::Reading;

/// How often a read is begun anew because of acts on grants meanwhile.
const ATTEMPTS: usize = 32;

/// The grants as they stand.
pub(super) async fn policy(hub: &Hub) -> Result<Arc<Policy>, ServiceError> {
    let known = hub.policy();
    if grant::version(hub.db()).await? == known.version {
        return Ok(known);
    }
    let policy = Arc::new(grant::live(hub.db(), hub.now()).await?);
    hub.set_policy(Arc::clone(&policy));
    Ok(policy)
}

/// What counts for one caller during one read.
#[derive(Debug)]
pub(super) struct Lens {
    pub(super) party: PartyId,
    pub(super) policy: Arc<Policy>,
    /// Those meant for the caller.
    meant: Vec<usize>,
    pub(super) at: Micros,
    /// Things whose full identifier the caller named.
    pub(super) proved: HashSet<EpcKey>,
    /// How often the caller has used grants today that give so many readings.
    pub(super) uses: Uses,
    reading: Reading,
    /// In whose name it asks, if not in its own.
    pub(super) acting: Option<Acting>,
}

impl Lens {
    /// For a read that names these things in full.
    pub(super) async fn of(hub: &Hub, actor: &Actor, proved: impl IntoIterator<Item = EpcKey>) -> Result<Self, ServiceError> {
        let (policy, at) = (policy(hub).await?, hub.now());
        let mut lens = Self {
            party: actor.party.clone(),
            policy,
            meant: Vec::new(),
            at,
            proved: HashSet::new(),
            uses: Uses::new(),
            reading: Reading::Question,
            acting: None,
        };
        if lens.policy.grants.is_empty() && lens.policy.emergencies.is_empty() {
            return Ok(lens);
        }
        let registry = hub.registry();
        let meant =
            |held: &Held, me: &Party| (held.grant.grantee.means(me) || leaks(Leak::GrantOfAnother)) && held.is_in_force(at);
        if let Some(me) = registry.party(&actor.party) {
            let all = lens.policy.grants.iter().enumerate();
            lens.meant = all.filter(|(_, held)| meant(held, me)).map(|(index, _)| index).collect();
        }
        lens.proved = proved.into_iter().collect();
        if lens
            .meant()
            .iter()
            .any(|held| held.grant.conditions.queries_per_day.is_some())
        {
            lens.uses = uses(hub, &lens.party, at).await?;
        }
        Ok(lens)
    }

    /// The same, asked in the name of the principal that has this GLN.
    pub(super) async fn acting_for(
        hub: &Hub,
        actor: &Actor,
        principal: Option<Gln>,
        proved: impl IntoIterator<Item = EpcKey>,
    ) -> Result<Self, ServiceError> {
        let acting = principal.map(|gln| Acting::of(hub, actor, gln)).transpose()?;
        Ok(Self {
            acting,
            ..Self::of(hub, actor, proved).await?
        })
    }

    /// Whether relations alone decide.
    pub(super) fn is_plain(&self) -> bool {
        self.meant.is_empty() && !self.policy.has_emergency(self.at)
    }

    /// The grants meant for the caller.
    pub(super) fn meant(&self) -> Vec<&Held> {
        self.meant.iter().filter_map(|index| self.policy.grants.get(*index)).collect()
    }

    /// Those of them that give something today.
    pub(super) fn giving(&self) -> impl Iterator<Item = &Held> {
        self.meant().into_iter().filter(|held| !held.grant.is_used_up(&self.uses))
    }

    /// By which things are found.
    pub(super) fn ids(&self) -> Vec<GrantId> {
        self.giving().map(|held| held.grant.id).collect()
    }

    /// Whether the read that this was made for saw one state of the grants.
    pub(super) async fn still_holds(&self, hub: &Hub) -> Result<bool, ServiceError> {
        Ok(self.is_plain() || grant::version(hub.db()).await? == self.policy.version)
    }

    /// Newest record first.
    pub(super) async fn list(
        &self,
        hub: &Hub,
        filter: &Filter,
        after: Option<uuid::Uuid>,
        rows: usize,
    ) -> Result<Vec<EventRow>, ServiceError> {
        let own = view::event::list(hub.db(), &self.party, filter, after, rows).await?;
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(own);
        }
        let granted = view::grant::list(hub.db(), self.by(&ids), filter, after, rows).await?;
        Ok(merged(own, granted, rows, |row| std::cmp::Reverse(row.key.uuid())))
    }

    /// In the order of a time.
    pub(super) async fn by_time(
        &self,
        hub: &Hub,
        filter: &Filter,
        walk: Walk,
        rows: usize,
        position: impl Fn(&EventRow) -> (Micros, uuid::Uuid),
    ) -> Result<Vec<EventRow>, ServiceError> {
        let own = view::query::by_time(hub.db(), &self.party, filter, walk, rows).await?;
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(own);
        }
        let granted = view::grant::by_time(hub.db(), self.by(&ids), filter, walk, rows).await?;
        Ok(match walk.descending {
            true => merged(own, granted, rows, |row| std::cmp::Reverse(position(row))),
            false => merged(own, granted, rows, position),
        })
    }

    /// By key, in no order.
    pub(super) async fn by_keys(&self, hub: &Hub, keys: &[EventKey]) -> Result<Vec<EventRow>, ServiceError> {
        let own = view::event::by_keys(hub.db(), &self.party, keys).await?;
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(own);
        }
        let granted = view::grant::by_keys(hub.db(), self.by(&ids), keys).await?;
        Ok(merged(own, granted, usize::MAX, |row| row.key.uuid()))
    }

    /// By `eventID`, in no order.
    pub(super) async fn by_event_id(&self, hub: &Hub, event_id: &str) -> Result<Vec<EventRow>, ServiceError> {
        let own = view::event::by_event_id(hub.db(), &self.party, event_id).await?;
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(own);
        }
        let granted = view::grant::by_event_id(hub.db(), self.by(&ids), event_id).await?;
        Ok(merged(own, granted, usize::MAX, |row| row.key.uuid()))
    }

    fn by<'a>(&'a self, grants: &'a [GrantId]) -> By<'a> {
        By {
            party: &self.party,
            grants,
        }
    }
}

/// How often a party has used grants on the UTC day of a moment.
pub(super) async fn uses(hub: &Hub, party: &PartyId, at: Micros) -> Result<Uses, ServiceError> {
    let uses = grant::uses(hub.db(), party, [at.day(); 2]).await?;
    Ok(uses.into_iter().map(|((_, grant), uses)| (grant, uses)).collect())
}

/// Counts the attempts of a read: grants that change all the time do not keep it going for ever.
#[derive(Debug, Default)]
pub(super) struct Attempts(usize);

impl Attempts {
    /// Once more.
    pub(super) fn again(&mut self) -> Result<(), ServiceError> {
        self.0 += 1;
        match self.0 < ATTEMPTS {
            true => Ok(()),
            false => Err(ServiceError::refused(Code::Unavailable, Code::Unavailable.title())),
        }
    }
}

/// Two lists in one order as one, each event once.
fn merged<K: Ord>(mut one: Vec<EventRow>, other: Vec<EventRow>, rows: usize, place: impl Fn(&EventRow) -> K) -> Vec<EventRow> {
    one.extend(other);
    one.sort_by_key(|row| place(row));
    one.dedup_by_key(|row| row.key);
    one.truncate(rows);
    one
}

/// What is known of a page of events besides the events.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// Whose things are that no product tells of: of logistic units those for whom they were made.
    pub(super) owners: HashMap<EpcKey, PartyId>,
    /// Who has something in logistic units.
    stakes: Stakes,
    /// What viewers bought of the brands of others.
    bought: HashMap<PartyId, HashSet<EpcKey>>,
    lots: HashMap<EpcKey, String>,
    relations: HashMap<EventKey, Vec<(PartyId, Relations)>>,
}

impl Ground {
    /// For a caller whose relations alone decide: whose the things are where the mask asks.
    pub(super) async fn plain(
        hub: &Hub,
        party: &PartyId,
        rows: &[EventRow],
        asks: impl Fn(Relations) -> bool,
    ) -> Result<Self, ServiceError> {
        let events = || rows.iter().filter(|row| asks(row.relations)).map(|row| &row.event);
        Ok(Self {
            bought: bought(hub, &[party], events()).await?,
            ..Self::units(hub, events()).await?
        })
    }

    async fn units<'a>(hub: &Hub, events: impl Iterator<Item = &'a Event> + Clone) -> Result<Self, ServiceError> {
        let keys = keys(events, |epc| !has_brand(epc));
        Ok(Self {
            owners: view::item::owners(hub.db(), &keys).await?,
            stakes: stake::of_units(hub.db(), &keys).await?,
            ..Self::default()
        })
    }

    /// For one whom something was granted.
    pub(super) async fn of(
        hub: &Hub,
        viewers: &[&PartyId],
        (policy, grants): (&Policy, &[&Held]),
        rows: &[(EventKey, &Event)],
    ) -> Result<Self, ServiceError> {
        let events = || rows.iter().map(|(_, event)| *event);
        let of_lots = grants.iter().any(|held| !held.grant.scope.lots.is_empty())
            || policy.caps.iter().any(|held| !held.cap.scope.lots.is_empty())
            || policy.emergencies.iter().any(|held| !held.emergency.lots.is_empty());
        let lots = match of_lots {
            true => view::grant::lots(hub.db(), &keys(events(), |_| true)).await?,
            false => HashMap::new(),
        };
        let grantors = grants.iter().map(|held| &held.grant.grantor);
        let parties: BTreeSet<&PartyId> = grantors.chain(policy.caps.iter().map(|held| &held.cap.owner)).collect();
        let parties: Vec<&PartyId> = parties.into_iter().collect();
        let keys: Vec<EventKey> = rows.iter().map(|(key, _)| *key).collect();
        Ok(Self {
            lots,
            relations: view::grant::relations(hub.db(), &keys, &parties).await?,
            bought: bought(hub, viewers, events()).await?,
            ..Self::units(hub, events()).await?
        })
    }
}

/// What parties bought of the brands of others for whom somebody acts that acts for them too: that is not hidden from them.
async fn bought<'a>(
    hub: &Hub,
    parties: &[&PartyId],
    events: impl Iterator<Item = &'a Event> + Clone,
) -> Result<HashMap<PartyId, HashSet<EpcKey>>, ServiceError> {
    let registry = hub.registry();
    let mut bought = HashMap::new();
    for party in parties {
        let beside = beside(&registry, party);
        if beside.is_empty() {
            continue;
        }
        let owner = |epc: &Epc| epc.gtin().and_then(|gtin| registry.owner_of_gtin(gtin));
        let keys = keys(events.clone(), |epc| owner(epc).is_some_and(|owner| beside.contains(owner)));
        bought.insert((*party).clone(), view::item::bought(hub.db(), party, &keys).await?);
    }
    Ok(bought)
}

/// The other principals of those who act, or acted, for a party.
pub(super) fn beside(registry: &Registry, party: &PartyId) -> HashSet<PartyId> {
    let delegates = registry
        .agreements_of(party)
        .filter(|agreement| agreement.principal == *party);
    let delegates: HashSet<&PartyId> = delegates.map(|agreement| &agreement.delegate).collect();
    let theirs = delegates.into_iter().flat_map(|delegate| principals_ever(registry, delegate));
    theirs.filter(|principal| *principal != party).cloned().collect()
}

/// For whom a party acts or acted, whatever the dates of the agreements.
fn principals_ever<'a>(registry: &'a Registry, party: &'a PartyId) -> impl Iterator<Item = &'a PartyId> {
    let agreements = registry
        .agreements_of(party)
        .filter(move |agreement| agreement.delegate == *party);
    agreements.map(|agreement| &agreement.principal)
}

fn keys<'a>(events: impl Iterator<Item = &'a Event>, wanted: impl Fn(&Epc) -> bool) -> Vec<EpcKey> {
    let mut keys: Vec<EpcKey> = events
        .flat_map(Event::roles)
        .filter(|(_, epc)| wanted(epc))
        .map(|(_, epc)| epc.key())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// One event as the engine asks of it.
pub(super) struct EventFacts<'a> {
    pub(super) registry: &'a Registry,
    pub(super) ground: &'a Ground,
    pub(super) key: EventKey,
    pub(super) asserter: &'a PartyId,
    /// What the viewer has to do with it.
    pub(super) own: (&'a PartyId, Relations),
    pub(super) now: Micros,
    pub(super) event: &'a Event,
}

impl<'a> EventFacts<'a> {
    /// The eyes of a party, of whom this is asked often.
    pub(super) fn eyes_with(&'a self, party: &'a PartyId, principals: Arc<HashSet<PartyId>>) -> Eyes<'a> {
        let mut others: HashSet<&PartyId> = principals_ever(self.registry, self.asserter).collect();
        if others.is_empty() {
            // It acts for nobody: but those may who had the goods, or get them.
            let holders = self.holders();
            others.extend(holders.into_iter().flat_map(|holder| principals_ever(self.registry, holder)));
        }
        others.remove(party);
        Eyes {
            party,
            facts: self,
            principals,
            others,
        }
    }

    fn holders(&self) -> HashSet<&'a PartyId> {
        let ends = self.event.sources.iter().chain(&self.event.destinations);
        let holding = ends.filter(|end| matches!(end.kind.as_str(), "possessing_party" | "location"));
        let party = |end: &SourceDest| self.registry.party_of_gln(end.id.gln()?);
        holding.filter_map(party).collect()
    }
}

/// For whom a party acts now.
pub(super) fn principals(registry: &Registry, party: &PartyId, now: Micros) -> Arc<HashSet<PartyId>> {
    let agreements = registry.principals_of(party, now);
    Arc::new(agreements.map(|agreement| agreement.principal.clone()).collect())
}

impl Places for EventFacts<'_> {
    fn country_of(&self, site: Gln) -> Option<&str> {
        self.registry.site(site).map(|(_, site)| site.country.as_str())
    }

    fn lot_of(&self, epc: &Epc) -> Option<&str> {
        let known = self.ground.lots.get(&epc.key()).map(String::as_str);
        known.or_else(|| self.event.lot())
    }
}

impl Facts for EventFacts<'_> {
    fn party(&self, id: &PartyId) -> Option<&Party> {
        self.registry.party(id).map(Arc::as_ref).filter(|party| party.active)
    }

    fn relations(&self, party: &PartyId) -> Relations {
        if party == self.own.0 {
            return self.own.1;
        }
        let concerned = self.ground.relations.get(&self.key).into_iter().flatten();
        let mut found = concerned.filter(|(one, _)| one == party).map(|(_, relations)| *relations);
        found.next().unwrap_or_default()
    }

    fn eyes<'b>(&'b self, party: &'b PartyId) -> Box<dyn Viewer + 'b> {
        Box::new(self.eyes_with(party, principals(self.registry, party, self.now)))
    }
}

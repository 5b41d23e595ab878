//! Asking in the name of one principal: a delegate sees of its own view what the principal sees too, of the products and at the sites of the
//! mandate that it holds now. So what it does for one principal can be shown on one screen, and nothing of another stands on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::agreement::Agreement;
use crate::domain::event::Event;
use crate::domain::gs1::{Epc, EpcClass, Gln};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::lens::{self, Layer, Relations, Step, Things, mask_layers};
use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::view;
use crate::storage::view::event::EventRow;

use super::{EventFacts, Ground, principals};

/// In whose name is asked.
#[derive(Debug)]
pub(in crate::service) struct Acting {
    principal: PartyId,
    agreements: Vec<Arc<Agreement>>,
}

impl Acting {
    /// Without a mandate that holds now there is no such principal.
    pub(super) fn of(hub: &Hub, actor: &Actor, principal: Gln) -> Result<Self, ServiceError> {
        let registry = hub.registry();
        let principal = registry.party_of_gln(principal).ok_or_else(ServiceError::not_found)?;
        let agreements = registry.principals_of(&actor.party, hub.now());
        let agreements: Vec<_> = agreements
            .filter(|agreement| agreement.principal == *principal)
            .cloned()
            .collect();
        match agreements.is_empty() {
            true => Err(ServiceError::not_found()),
            false => Ok(Self {
                principal: principal.clone(),
                agreements,
            }),
        }
    }

    /// What must be known to show events of a page.
    pub(in crate::service) async fn ground(&self, hub: &Hub, rows: &[EventRow]) -> Result<Known<'_>, ServiceError> {
        let keys: Vec<EventKey> = rows.iter().map(|row| row.key).collect();
        let relations = view::grant::relations(hub.db(), &keys, &[&self.principal]).await?;
        let of = |list: Vec<(PartyId, Relations)>| list.first().map(|(_, relations)| *relations).unwrap_or_default();
        Ok(Known {
            acting: self,
            relations: relations.into_iter().map(|(key, list)| (key, of(list))).collect(),
            ground: Ground::plain(hub, &self.principal, rows, |_| true).await?,
        })
    }
}

/// The principal's side of a page of events.
pub(in crate::service) struct Known<'a> {
    acting: &'a Acting,
    relations: HashMap<EventKey, Relations>,
    ground: Ground,
}

impl Known<'_> {
    /// What is left of what the delegate sees of an event.
    pub(in crate::service) fn shown(&self, hub: &Hub, row: &EventRow, seen: &Event) -> Option<Event> {
        let (registry, now) = (hub.registry(), hub.now());
        let Acting { principal, agreements } = self.acting;
        let relations = self.relations.get(&row.key).copied().unwrap_or_default();
        let places = [&row.event.read_point, &row.event.biz_location];
        let sites: Vec<Gln> = places.into_iter().flatten().filter_map(|place| place.id.gln()).collect();
        let here =
            |agreement: &&Arc<Agreement>| agreement.sites.is_empty() || sites.iter().any(|site| agreement.covers_site(*site));
        let agreements = agreements.iter().filter(here);
        let products = Products(agreements.flat_map(|agreement| &agreement.products).copied().collect());
        if products.0.is_empty() {
            return None;
        }
        let facts = EventFacts {
            registry: &registry,
            ground: &self.ground,
            key: row.key,
            asserter: &row.asserter,
            own: (principal, relations),
            now,
            event: &row.event,
        };
        let eyes = facts.eyes_with(principal, principals(&registry, principal, now));
        let theirs = Step {
            sight: lens::sight(relations),
            viewer: &eyes,
            things: Some(&products),
        };
        mask_layers(seen, &[Layer { steps: &[theirs] }])
    }
}

/// Things of some products, and what is of none.
struct Products(HashSet<crate::domain::gs1::Gtin>);

impl Things for Products {
    fn covers(&self, epc: &Epc) -> bool {
        epc.gtin().is_none_or(|gtin| self.0.contains(&gtin))
    }

    fn covers_class(&self, class: &EpcClass) -> bool {
        class.gtin().is_none_or(|gtin| self.0.contains(&gtin))
    }
}

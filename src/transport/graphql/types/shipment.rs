//! Handovers, and what was handed over: read in bulk for all shipments of a page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Enum, ID, Object};

use crate::domain::gs1::Epc;
use crate::domain::ids::ShipmentId;
use crate::domain::party::{Actor, Registry};
use crate::service::page::{Cursor, Page, Paged};
use crate::service::shipment::{self, SeenShipment};
use crate::service::{Hub, ServiceError};

use super::caller;
use super::event::BizTransaction;
use super::item::Basis;
use super::page::{Pages, connection, page, rows};
use super::party::PartyName;
use super::refusal::{Answer, refuse};
use super::scalar::DateTime;
use super::thing::ThingName;

/// How a shipment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ShipmentState {
    /// On the way.
    InTransit,
    /// The taker confirmed it.
    Received,
    /// Taken back by the sender before it was received.
    Voided,
    /// The sender did not have what it says that it shipped: nothing moved.
    Unheld,
}

/// Goods, or their ownership, going from one party to another, as far as the caller may see it.
#[derive(Clone)]
pub struct Shipment {
    /// The shipment under the lens.
    pub seen: SeenShipment,
    /// Names its parties.
    pub registry: Arc<Registry>,
    /// Reads what was shipped, for the whole page.
    pub things: Arc<DataLoader<Things>>,
}

/// Goods, or their ownership, going from one party to another, as far as the caller may see it.
#[Object]
impl Shipment {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.seen.id.to_string())
    }

    /// By what it is told.
    async fn basis(&self) -> Basis {
        Basis::from(self.seen.basis)
    }

    /// Takes ownership, if that changes.
    async fn buyer(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.buyer.as_ref()?)
    }

    /// Business documents.
    async fn documents(&self) -> Vec<BizTransaction> {
        self.seen.documents.iter().map(BizTransaction::from).collect()
    }

    /// Global id of the shipping event.
    async fn event_id(&self) -> ID {
        ID(self.seen.ship_event.to_string())
    }

    /// GLN of the place that it left, where the caller may know.
    async fn from_gln(&self) -> Option<String> {
        self.seen.from.map(|gln| gln.to_string())
    }

    /// When the taker said that it came.
    async fn received_at(&self) -> Option<DateTime> {
        self.seen.received_at.map(DateTime)
    }

    /// Takes the goods over.
    async fn receiver(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.receiver.as_ref()?)
    }

    /// Gives up ownership, if that changes: of several who do the first that the event names, or the caller.
    async fn seller(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.seller.as_ref()?)
    }

    /// Hands the goods over.
    async fn sender(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.sender.as_ref()?)
    }

    /// When it left.
    async fn shipped_at(&self) -> DateTime {
        DateTime(self.seen.shipped_at)
    }

    /// How it stands; by grants alone, as far as they show a receipt.
    async fn state(&self) -> Option<ShipmentState> {
        match self.seen.state.as_str() {
            "in_transit" => Some(ShipmentState::InTransit),
            "received" => Some(ShipmentState::Received),
            "voided" => Some(ShipmentState::Voided),
            "unheld" => Some(ShipmentState::Unheld),
            _ => None,
        }
    }

    /// What was shipped: the things on the shipping event, not what is inside them.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn things(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<ThingName>> {
        let (hub, actor) = caller(context)?;
        let list = format!("{}/things", self.seen.id);
        let page = page(hub, actor, &list, first, after)?;
        let key = Wanted {
            shipment: self.seen.id,
            shown: self.seen.shown,
            first: page.first,
            after: page.after.map(|cursor| cursor.id),
        };
        let known = self.things.load_one(key).await?.unwrap_or(Paged {
            rows: Vec::new(),
            has_next: false,
        });
        let paged = shipment::and_granted(&self.seen, known, page);
        Ok(connection(actor, &list, page, paged, |epc| ThingName::from(&epc)))
    }

    /// GLN of the place that it goes to, where the caller may know.
    async fn to_gln(&self) -> Option<String> {
        self.seen.to.map(|gln| gln.to_string())
    }
}

/// Reads what was shipped. Made for one list of one request and holding its caller, so that no batch mixes callers.
pub struct Things {
    hub: Hub,
    actor: Actor,
}

impl Things {
    /// A loader for the shipments of one list.
    #[must_use]
    pub fn loader(hub: &Hub, actor: &Actor) -> Arc<DataLoader<Self>> {
        let things = Self {
            hub: hub.clone(),
            actor: actor.clone(),
        };
        Arc::new(DataLoader::new(things, tokio::spawn).delay(Duration::ZERO))
    }
}

/// A page of one shipment's things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wanted {
    shipment: ShipmentId,
    shown: shipment::Shown,
    first: usize,
    after: Option<uuid::Uuid>,
}

impl Loader<Wanted> for Things {
    type Value = Paged<Epc>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[Wanted]) -> Result<HashMap<Wanted, Paged<Epc>>, Self::Error> {
        // As many reads as there are different arguments in the query: one, but for aliases.
        let mut pages: HashMap<(usize, Option<uuid::Uuid>), Vec<Wanted>> = HashMap::new();
        for key in keys {
            pages.entry((key.first, key.after)).or_default().push(*key);
        }
        let mut loaded = HashMap::new();
        for ((first, after), keys) in pages {
            let page = Page {
                first,
                after: after.map(|id| Cursor { at: 0, id }),
            };
            let shipments: Vec<_> = keys.iter().map(|key| (key.shipment, key.shown)).collect();
            let mut things = shipment::things(&self.hub, &self.actor, &shipments, page)
                .await
                .map_err(|error: ServiceError| refuse(error))?;
            loaded.extend(keys.into_iter().filter_map(|key| Some((key, things.remove(&key.shipment)?))));
        }
        Ok(loaded)
    }
}

//! Handovers.

use async_graphql::{Context, Object};

use crate::service::shipment;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::shipment::{Shipment, Things};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct ShipmentQuery;

#[Object]
impl ShipmentQuery {
    /// Shipments that the caller takes part in, or may know of as brand owner, or of which a grant shows it the shipping event; latest departure
    /// first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn shipments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Shipment>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "shipments", first, after)?;
        let paged = shipment::shipments(hub, actor, page).await.map_err(refuse)?;
        let (registry, things) = (hub.registry(), Things::loader(hub, actor));
        let node = |seen| Shipment {
            seen,
            registry: registry.clone(),
            things: things.clone(),
        };
        Ok(connection(actor, "shipments", page, paged, node))
    }
}

//! Serial numbers: allocations and the balance of lots.

use async_graphql::{Context, Object};

use crate::domain::gs1::Gtin;
use crate::domain::serial::numbered::Numbered;
use crate::service::{lot, serial};
use crate::transport::graphql::types::allocation::Allocation;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::lot::LotReconciliation;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct SerialQuery;

#[Object]
impl SerialQuery {
    /// Blocks of serial numbers that the caller has, or that were given to its delegates in its name, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn allocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "Only of this product.")] gtin: Option<String>,
    ) -> Answer<Pages<Allocation>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "allocations", first, after)?;
        let gtin = gtin.map(|text| product(&text)).transpose()?;
        let paged = serial::allocations(hub, actor, gtin.map(Numbered::from), page)
            .await
            .map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "allocations", page, paged, |allocation| Allocation {
            allocation,
            registry: registry.clone(),
        }))
    }

    /// Requests for serial numbers that wait for the caller's approval, and its own that wait for another's; newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn pending_allocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Allocation>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "pendingAllocations", first, after)?;
        let paged = serial::pending(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "pendingAllocations", page, paged, |allocation| {
            Allocation {
                allocation,
                registry: registry.clone(),
            }
        }))
    }

    /// What was issued for a lot against what was made of it; null for a lot that the caller has nothing to do with.
    async fn lot_reconciliation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "GTIN of the product.")] gtin: String,
        #[graphql(desc = "The lot.")] lot: String,
    ) -> Answer<Option<LotReconciliation>> {
        let (hub, actor) = caller(context)?;
        let balance = lot::reconcile(hub, actor, product(&gtin)?, &lot).await.map_err(refuse)?;
        Ok(balance.map(|balance| LotReconciliation::of(&hub.registry(), balance)))
    }
}

fn product(text: &str) -> Answer<Gtin> {
    text.parse()
        .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))
}

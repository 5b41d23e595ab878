//! What became of serial numbers.

use async_graphql::{Context, Object};

use crate::service::serial;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::life::SerialException;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::transfer::SerialTransfer;

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct LifeQuery;

#[Object]
impl LifeQuery {
    /// Moves of serial numbers that were reported and that there are not, of numbers that the caller has or that are of its brand, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn serial_exceptions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<SerialException>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialExceptions", first, after)?;
        let paged = serial::exceptions(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "serialExceptions", page, paged, |row| SerialException {
            row,
            registry: registry.clone(),
        }))
    }

    /// Serial numbers that the caller handed on or took over, or that are of its brand, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn serial_transfers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<SerialTransfer>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialTransfers", first, after)?;
        let paged = serial::transfers(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "serialTransfers", page, paged, |transfer| SerialTransfer {
            transfer,
            registry: registry.clone(),
        }))
    }
}

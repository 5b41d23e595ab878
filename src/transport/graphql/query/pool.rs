//! Pools of serial numbers.

use async_graphql::{Context, Object};

use crate::domain::serial::numbered::Numbered;
use crate::service::serial;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::pool::SerialPool;
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct PoolQuery;

#[Object]
impl PoolQuery {
    /// Where the serial numbers of the caller's own products and SSCCs come from, epoch by epoch, newest first: how far each pool is,
    /// why nobody guesses a number, and when it is used up.
    #[graphql(complexity = "rows(first) * (child_complexity + 2) + 1")]
    async fn serial_pools(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "Only of this product, or of these SSCCs: company prefix and extension digit as `9521002:3`.")]
        gtin: Option<String>,
    ) -> Answer<Pages<SerialPool>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialPools", first, after)?;
        let numbered = gtin.map(|text| numbered(&text)).transpose()?;
        let paged = serial::pools_of_owner(hub, actor, numbered, page).await.map_err(refuse)?;
        Ok(connection(actor, "serialPools", page, paged, SerialPool))
    }
}

/// A product or a series of SSCCs.
pub fn numbered(text: &str) -> Answer<Numbered> {
    text.parse().map_err(|_| {
        bad_input(
            "`gtin` is neither a GTIN (8, 12, 13 or 14 digits with a right check digit) nor company prefix and extension digit of SSCCs, \
             such as `9521002:3`",
        )
    })
}

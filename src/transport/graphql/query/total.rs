//! Totals of events.

use async_graphql::{Context, Object};

use crate::service::total;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::total::{EventTotal, EventTotalFilter};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct TotalQuery;

#[Object]
impl TotalQuery {
    /// How many things events name, by month, country, business step and product, latest month first: of events that the caller sees the
    /// sums, and of those that it may know in totals alone what tells of none of their parties.
    #[graphql(complexity = "rows(first) * child_complexity + 500")]
    async fn event_totals(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "Which totals; of the present month and the two before if not given.")] filter: Option<EventTotalFilter>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<EventTotal>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "eventTotals", first, after)?;
        let wanted = filter.unwrap_or_default().wanted()?;
        let paged = total::totals(hub, actor, wanted, page).await.map_err(refuse)?;
        Ok(connection(actor, "eventTotals", page, paged, EventTotal::from))
    }
}

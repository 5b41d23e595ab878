//! Events.

use async_graphql::{Context, ID, Object};

use crate::service::event;
use crate::service::query::{self, Position, Reading};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::event::{Event, EventFilter, searching};
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::party::gln;
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// One event by its global id.
    async fn event(&self, context: &Context<'_>, #[graphql(desc = "Global id of the event.")] id: ID) -> Answer<Option<Event>> {
        let (hub, actor) = caller(context)?;
        let Ok(key) = id.parse() else { return Ok(None) };
        let seen = event::event(hub, actor, key).await.map_err(refuse)?;
        Ok(seen.map(|seen| Event {
            seen,
            registry: hub.registry(),
        }))
    }

    /// Events that the caller has to do with, newest record first unless `orderBy` among the EPCIS parameters says otherwise.
    #[graphql(complexity = "rows(first) * child_complexity + 1 + searching(filter.as_ref())")]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "GLN of a principal of the caller: only what both see, of the products and at the sites of the mandate that it gave."
        )]
        acting_for_gln: Option<String>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "Which events; all if not given.")] filter: Option<EventFilter>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Event>> {
        let (hub, actor) = caller(context)?;
        let acting_for = acting_for_gln.map(|text| gln(&text)).transpose()?;
        let filter = filter.unwrap_or_default();
        let of_whom = acting_for.map_or("events".to_owned(), |principal| format!("events for {principal}"));
        let list = format!("{of_whom}{}", filter.binding());
        let page = page(hub, actor, &list, first, after)?;
        let asked = query::Asked {
            query: &filter.query()?,
            first: page.first,
            after: page.after.map(|cursor| Position {
                at: cursor.at,
                id: cursor.id,
                returned: 0,
            }),
            acting_for,
            reading: Reading::Question,
        };
        let paged = query::listed(hub, actor, asked).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, &list, page, paged, |seen| Event {
            seen,
            registry: registry.clone(),
        }))
    }
}

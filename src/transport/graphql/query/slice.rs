//! Slices of events.

use async_graphql::{Context, ID, Object};

use crate::domain::gs1::Epc;
use crate::service::slice::{Named, of_things, slices};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::slice::EventSlice;
use crate::transport::graphql::types::thing::epc;

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct SliceQuery;

#[Object]
impl SliceQuery {
    /// What the caller sees of an event, with the proof that it belongs to a whole which the hub signed; null for an event that it does
    /// not see.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn event_slice(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Only these things of it, in any spelling of their EPCs; all that the caller sees if not given. To name things proves that they are at hand, where a grant asks for that."
        )]
        epcs: Option<Vec<String>>,
        #[graphql(desc = "Global id of the event.")] id: ID,
    ) -> Answer<Option<EventSlice>> {
        let (hub, actor) = caller(context)?;
        let Ok(key) = id.parse() else { return Ok(None) };
        let things: Vec<Epc> = epcs.unwrap_or_default().iter().map(|text| epc(text)).collect::<Answer<_>>()?;
        let found = slices(hub, actor, Named::Keys(&[key]), &things).await.map_err(refuse)?;
        Ok(found.into_iter().next().map(EventSlice))
    }

    /// How things came into being and into containers, proved: of each such event what the caller sees of it; where it bought the things
    /// since, in words (month, country, kind of party) and with those things alone. Empty for things that it never had to do with, as for
    /// things that do not exist.
    #[graphql(complexity = "4000 + child_complexity * 8")]
    async fn event_slices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The things, in any spelling of their EPCs.")] epcs: Vec<String>,
    ) -> Answer<Vec<EventSlice>> {
        let (hub, actor) = caller(context)?;
        let things: Vec<Epc> = epcs.iter().map(|text| epc(text)).collect::<Answer<_>>()?;
        let found = of_things(hub, actor, &things).await.map_err(refuse)?;
        Ok(found.into_iter().map(EventSlice).collect())
    }
}

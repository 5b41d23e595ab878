//! The GraphQL API.

pub mod endpoint;
pub mod guard;
pub mod mutation;
pub mod query;
pub mod types;

pub type HubSchema = async_graphql::Schema<Q, async_graphql::EmptyMutation, async_graphql::EmptySubscription>;
pub struct Q;
#[async_graphql::Object]
impl Q { async fn party(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<String> { Ok(ctx.data::<crate::domain::party::Actor>()?.party.to_string()) } }
pub fn build(_hub: crate::service::Hub) -> HubSchema { async_graphql::Schema::build(Q, async_graphql::EmptyMutation, async_graphql::EmptySubscription).finish() }

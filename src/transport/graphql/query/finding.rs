//! What the hub noticed.

use async_graphql::{Context, Object};

use crate::service::finding;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::finding::Finding;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct FindingQuery;

#[Object]
impl FindingQuery {
    /// What the hub noticed about the caller's documents, and about its things in others' documents, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn findings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Finding>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "findings", first, after)?;
        let paged = finding::findings(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "findings", page, paged, |row| Finding {
            row,
            registry: registry.clone(),
        }))
    }
}

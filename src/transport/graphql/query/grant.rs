//! Grants.

use async_graphql::{Context, Enum, ID, Object};

use crate::service::grant;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::grant::Grant;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// On which side of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum GrantSide {
    /// Grants that the caller gives.
    Given,
    /// Grants that name the caller.
    Received,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct GrantQuery;

#[Object]
impl GrantQuery {
    /// One grant that the caller gives or that names it.
    async fn grant(&self, context: &Context<'_>, #[graphql(desc = "Global id of the grant.")] id: ID) -> Answer<Option<Grant>> {
        let (hub, actor) = caller(context)?;
        let Ok(id) = id.parse() else { return Ok(None) };
        let seen = grant::grant(hub, &actor.party, id).await.map_err(refuse)?;
        Ok(seen.map(|seen| Grant {
            seen,
            registry: hub.registry(),
            now: hub.now(),
        }))
    }

    /// Grants of the caller, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn grants(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "Given or received.")] side: GrantSide,
    ) -> Answer<Pages<Grant>> {
        let (hub, actor) = caller(context)?;
        let given = side == GrantSide::Given;
        let list = if given { "grants/given" } else { "grants/received" };
        let page = page(hub, actor, list, first, after)?;
        let paged = grant::grants(hub, actor, given, page).await.map_err(refuse)?;
        let (registry, now) = (hub.registry(), hub.now());
        Ok(connection(actor, list, page, paged, |seen| Grant {
            seen,
            registry: registry.clone(),
            now,
        }))
    }
}

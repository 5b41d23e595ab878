//! The caller, its partners and their agreements.

use std::sync::Arc;

use async_graphql::{Context, Object};

use crate::domain::agreement;
use crate::service::ServiceError;
use crate::service::error::Code;
use crate::transport::graphql::types::agreement::Agreement;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows, slice};
use crate::transport::graphql::types::party::Party;
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct PartyQuery;

#[Object]
impl PartyQuery {
    /// Agreements in which the caller is principal or delegate, by name.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn agreements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Agreement>> {
        let (hub, actor) = caller(context)?;
        let registry = hub.registry();
        let mut agreements: Vec<Arc<agreement::Agreement>> = registry.agreements_of(&actor.party).cloned().collect();
        agreements.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        // A position means something in one version of the contracts only.
        let list = format!("agreements/{}", registry.version());
        let page = page(hub, actor, &list, first, after)?;
        let node = |agreement| Agreement {
            agreement,
            registry: registry.clone(),
        };
        Ok(connection(actor, &list, page, slice(&agreements, page), node))
    }

    /// The caller.
    async fn me(&self, context: &Context<'_>) -> Answer<Party> {
        let (hub, actor) = caller(context)?;
        let me = Party::visible(&hub.registry(), &actor.party, &actor.party);
        me.ok_or_else(|| refuse(ServiceError::refused(Code::Unauthenticated, Code::Unauthenticated.title())))
    }
}

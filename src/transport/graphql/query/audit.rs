//! Who did what.

use async_graphql::{Context, Object};

use crate::service::audit;
use crate::transport::graphql::types::audit::AuditEntry;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Acts of the caller and of its delegates in its name, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn audit_entries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<AuditEntry>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "auditEntries", first, after)?;
        let paged = audit::entries(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "auditEntries", page, paged, |row| AuditEntry {
            row,
            registry: registry.clone(),
        }))
    }
}

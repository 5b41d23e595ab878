//! Who did what: a party reads of its own acts, and of those in its name.

use crate::domain::ids::AuditId;
use crate::domain::party::Actor;
use crate::storage::view;
pub use crate::storage::view::audit::AuditRow;

use super::Hub;
use super::error::ServiceError;
use super::page::{Page, Paged};

/// Entries, newest first.
pub async fn entries(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<AuditRow>, ServiceError> {
    let after = page.after.map(|cursor| cursor.id);
    let rows = view::audit::list(hub.db(), &actor.party, after, page.first.saturating_add(1)).await?;
    Ok(Paged::by_id(rows, page, |row| row.id.uuid()))
}

/// One entry.
pub async fn entry(hub: &Hub, actor: &Actor, id: AuditId) -> Result<Option<AuditRow>, ServiceError> {
    Ok(view::audit::by_id(hub.db(), &actor.party, id).await?)
}

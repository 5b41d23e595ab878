//! Findings, for whom they concern: the party that sent the document, and the brand owner of the thing.

use crate::domain::ids::FindingId;
use crate::domain::party::Actor;
use crate::storage::finding as store;

use super::error::ServiceError;
use super::hub::Hub;
use super::page::{Page, Paged};

pub use store::StoredFinding;

/// Findings that the caller sees, newest first; those that went away carry when.
pub async fn findings(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<StoredFinding>, ServiceError> {
    let before = page.after.map(|cursor| FindingId::new(cursor.id));
    let rows = store::list(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    let rows = rows.into_iter().map(|finding| told(actor, finding)).collect();
    Ok(Paged::by_id(rows, page, |finding| finding.id.uuid()))
}

/// One finding that the caller sees.
pub async fn finding(hub: &Hub, actor: &Actor, id: FindingId) -> Result<Option<StoredFinding>, ServiceError> {
    let found = store::find(hub.db(), &actor.party, id).await?;
    Ok(found.map(|finding| told(actor, finding)))
}

/// Where in the document only its sender is told: places count what else is in it, which may be of others.
fn told(actor: &Actor, mut finding: StoredFinding) -> StoredFinding {
    if finding.party != actor.party {
        finding.pointer.clear();
    }
    finding
}

//! What the hub noticed: a party reads of its own documents, and a brand owner of its things in others' documents.

use crate::domain::ids::FindingId;
use crate::domain::party::Actor;
use crate::storage::view;
pub use crate::storage::view::finding::FindingRow;

use super::Hub;
use super::error::ServiceError;
use super::page::{Cursor, Page, Paged};

/// Findings, newest first.
pub async fn findings(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<FindingRow>, ServiceError> {
    let after = page.after.map(|cursor| cursor.id);
    let rows = view::finding::list(hub.db(), &actor.party, after, page.first.saturating_add(1)).await?;
    let rows = rows.into_iter().map(|row| (Cursor { at: 0, id: row.id.uuid() }, row)).collect();
    Ok(Paged::from_probe(rows, page))
}

/// One finding.
pub async fn finding(hub: &Hub, actor: &Actor, id: FindingId) -> Result<Option<FindingRow>, ServiceError> {
    Ok(view::finding::by_id(hub.db(), &actor.party, id).await?)
}

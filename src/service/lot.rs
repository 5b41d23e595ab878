//! Lot reconciliation: what was issued for a lot against what was commissioned in it.
//!
//! The brand owner sees the whole lot, a delegate the part of its own allocations; to anybody else the lot does not exist. It balances
//! numbers, not packs: what happened to a pack after commissioning is the events' to tell.

use crate::domain::gs1::Gtin;
use crate::domain::party::Actor;
pub use crate::domain::serial::lot::{LotBalance, LotLine};
use crate::storage::serial::usage;

use super::Hub;
use super::error::ServiceError;

/// The balance of a lot, as far as the caller may see it.
pub async fn reconcile(hub: &Hub, actor: &Actor, gtin: Gtin, lot: &str) -> Result<Option<LotBalance>, ServiceError> {
    // PostgreSQL has no text with NUL: no such lot can have been stored.
    if lot.contains('\0') {
        return Ok(None);
    }
    let uses = usage::of_lot(hub.db(), &actor.party, gtin, lot).await?;
    let foreign = usage::foreign_in_lot(hub.db(), &actor.party, gtin, lot).await?;
    Ok((!uses.is_empty() || foreign > 0).then(|| LotBalance::new(gtin, lot, uses, foreign)))
}

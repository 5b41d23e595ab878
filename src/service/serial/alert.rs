//! Alerts about the supply of serial numbers, for the party that should act and for the brand owner.
//!
//! Whether something is the case is found out by others ([`super::replenish`], [`super::broker`]); here it is noted and shown. Alerts go
//! away by themselves, so they have no audit entry and nobody closes them.

use crate::domain::ids::SerialAlertId;
use crate::domain::party::Actor;
use crate::domain::serial::alert::{AlertCause, SerialAlert};
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::service::page::{Page, Paged};
use crate::storage::serial::alert::{self as store, AlertFilter};
use crate::storage::{StorageError, Tx};

/// Notes that something is the case, with figures for people; again is the same as once, with the newer figures.
pub(super) async fn raise(tx: &Tx, hub: &Hub, cause: AlertCause, detail: String) -> Result<(), StorageError> {
    let now = hub.now();
    let alert = SerialAlert {
        id: SerialAlertId::new(hub.new_id(now)),
        cause,
        detail,
        raised_at: now,
        cleared_at: None,
    };
    if store::raise(tx, &alert).await? {
        tracing::warn!(
            alert = %alert.id, kind = alert.cause.kind.as_str(), party = %alert.cause.party, gtin = %alert.cause.numbered, "raised"
        );
    }
    Ok(())
}

/// Notes that something is no longer the case.
pub(super) async fn clear(tx: &Tx, hub: &Hub, cause: &AlertCause) -> Result<(), StorageError> {
    if store::clear(tx, cause, hub.now()).await? {
        tracing::info!(kind = cause.kind.as_str(), party = %cause.party, gtin = %cause.numbered, "an alert is over");
    }
    Ok(())
}

/// Alerts that the caller should act on, and those about its products, newest first; `standing` leaves out what is over.
pub async fn alerts(hub: &Hub, actor: &Actor, standing: bool, page: Page) -> Result<Paged<SerialAlert>, ServiceError> {
    let filter = AlertFilter {
        standing,
        before: page.after.map(|cursor| SerialAlertId::new(cursor.id)),
        limit: page.first.saturating_add(1),
    };
    let rows = store::list(hub.db(), &actor.party, filter).await?;
    Ok(Paged::by_id(rows, page, |row| row.id.uuid()))
}

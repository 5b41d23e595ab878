//! Where a thing comes from.

use crate::domain::gs1::EpcKey;
use crate::domain::party::Actor;
use crate::domain::provenance::{self, Provenance};
use crate::storage::view;

use super::Hub;
use super::error::ServiceError;

/// The provenance of a thing as the caller may know it: one statement. `None` for a thing that is not known, or not to the caller.
pub async fn provenance(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Provenance>, ServiceError> {
    let trace = view::trace::trace(hub.db(), key).await?;
    Ok(trace.and_then(|trace| provenance::tell(&trace, &actor.party, &hub.registry())))
}

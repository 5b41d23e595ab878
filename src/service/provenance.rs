//! Where a thing comes from.

use crate::domain::gs1::EpcKey;
use crate::domain::party::Actor;
use crate::domain::provenance::{self, Provenance};
use crate::storage::view;

use super::Hub;
use super::error::ServiceError;
use super::item::known_at;
use super::moment::Moment;

/// The provenance of a thing as the caller may know it: one statement. `None` for a thing that is not known, or not to the caller.
pub async fn provenance(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Provenance>, ServiceError> {
    let trace = view::trace::trace(hub.db(), key).await?;
    Ok(trace.and_then(|trace| provenance::tell(&trace, &actor.party, &hub.registry())))
}

/// The same at a moment; `None` too where the thing was not known then, or not to the caller.
pub async fn provenance_at(hub: &Hub, actor: &Actor, key: EpcKey, moment: Moment) -> Result<Option<Provenance>, ServiceError> {
    let known = known_at(hub, actor, key, moment).await?;
    Ok(known.map(|known| known.provenance))
}

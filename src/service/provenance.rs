//! Where a thing comes from.

use crate::domain::gs1::EpcKey;
use crate::domain::party::Actor;
use crate::domain::provenance::Provenance;

use super::Hub;
use super::error::ServiceError;
use super::item::{known, known_at};
use super::moment::Moment;

/// The provenance of a thing as the caller may know it: one statement. `None` for a thing that is not known, or not to the caller.
pub async fn provenance(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Provenance>, ServiceError> {
    Ok(known(hub, actor, key).await?.map(|known| known.provenance))
}

/// The same at a moment; `None` too where the thing was not known then, or not to the caller.
pub async fn provenance_at(hub: &Hub, actor: &Actor, key: EpcKey, moment: Moment) -> Result<Option<Provenance>, ServiceError> {
    let known = known_at(hub, actor, key, moment).await?;
    Ok(known.map(|known| known.provenance))
}

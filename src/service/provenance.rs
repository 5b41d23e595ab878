//! Where a thing comes from.

use crate::domain::gs1::EpcKey;
use crate::domain::party::Actor;
use crate::domain::provenance::{self, Provenance};
use crate::storage::grant;

use super::Hub;
use super::error::ServiceError;
use super::item::{known, known_at};
use super::lens::policy;
use super::moment::Moment;

/// The provenance of a thing as the caller may know it. `None` for a thing that is not known, or not to the caller.
pub async fn provenance(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Provenance>, ServiceError> {
    let Some(known) = known(hub, actor, key).await? else {
        return Ok(None);
    };
    let mut told = known.provenance;
    told.recalls = provenance::recalls(&known.trace.thing, &policy(hub).await?.emergencies, hub.now());
    Ok(Some(told))
}

/// The same at a moment; `None` too where the thing was not known then, or not to the caller. What was declared about it is what held then.
pub async fn provenance_at(hub: &Hub, actor: &Actor, key: EpcKey, moment: Moment) -> Result<Option<Provenance>, ServiceError> {
    let Some(known) = known_at(hub, actor, key, moment).await? else {
        return Ok(None);
    };
    let mut told = known.provenance;
    told.recalls = provenance::recalls(&known.trace.thing, &grant::emergencies(hub.db()).await?, known.as_of);
    Ok(Some(told))
}

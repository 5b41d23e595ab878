//! Where a thing comes from.

use crate::domain::party::Actor;
use crate::domain::provenance::Provenance;
use crate::domain::time::Micros;
use crate::storage::grant;

use super::Hub;
use super::error::ServiceError;
use super::item::{known_at, opened};
use super::lens::policy;
use super::seen::Asked;

/// The provenance of a thing, now or at a moment, as the caller may know it; `None` for a thing that is not known, or not to the caller, or not
/// yet then. What was declared about it is what held then. Who has nothing to do with the thing is told of it by the events that grants show.
pub async fn provenance(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Option<Provenance>, ServiceError> {
    if let Some(known) = known_at(hub, actor, asked.key, asked.moment).await? {
        let mut told = known.provenance;
        let at = if asked.moment.is_past() { known.as_of } else { hub.now() };
        declare(hub, &mut told, (asked, at)).await?;
        return Ok(Some(told));
    }
    let Some(opened) = opened(hub, actor, asked).await? else {
        return Ok(None);
    };
    let mut told = opened.provenance;
    if opened.shows_state {
        let at = asked.moment.as_of.unwrap_or_else(|| hub.now());
        declare(hub, &mut told, (asked, at)).await?;
    }
    Ok(Some(told))
}

async fn declare(hub: &Hub, told: &mut Provenance, (asked, at): (Asked, Micros)) -> Result<(), ServiceError> {
    match asked.moment.is_past() {
        true => told.declare(&grant::emergencies(hub.db()).await?, at),
        false => told.declare(&policy(hub).await?.emergencies, at),
    }
    Ok(())
}

//! A captured document given back: read again from the bytes that the hub keeps, so that nothing of it is missing.
//!
//! Header, master data and statements are the document's own; no second copy of them exists that could say something else.
//! Only its sender gets it, like the job.

use crate::domain::ids::CaptureId;
use crate::domain::party::Actor;
use crate::domain::profile::Profile;
use crate::domain::time::Micros;
use crate::epcis::{self, Document, MediaType};
use crate::storage::capture as store;

use super::{Hub, JobState, ServiceError, blocking, check, object_failed};

/// The document of a job of the caller whose events are stored, and when they were; `None` for every other job.
pub async fn document(hub: &Hub, actor: &Actor, id: CaptureId) -> Result<Option<(Document, Micros)>, ServiceError> {
    let Some(job) = store::find_job(hub.db(), &actor.party, id).await? else {
        return Ok(None);
    };
    let stored_at = match (job.state, job.finished_at) {
        (JobState::Done, Some(at)) => at,
        (JobState::Done | JobState::Queued | JobState::Running | JobState::Refused, _) => return Ok(None),
    };
    let (sha256, media_type) = store::bytes_of(hub.db(), job.document).await?;
    let media = MediaType::from_content_type(&media_type)
        .ok_or_else(|| ServiceError::Internal(format!("document.media_type of {}: not one that is captured", job.document)))?;
    let (objects, limits) = (hub.objects().clone(), check::parse_limits(hub.limits(), Profile::taken_in()));
    let read = blocking(move || {
        let input = objects.read(&sha256).map_err(object_failed)?;
        epcis::parse(input, media, &limits)
            .map_err(|_| ServiceError::Internal(format!("document {} was captured and cannot be read again", job.document)))
    });
    Ok(Some((read.await??, stored_at)))
}

//! One event by itself, taken in while its sender waits (EPCIS 2.0 clause 12.7, `POST /events`).
//!
//! It is a document with one event and goes the way of all documents, job, findings and audit included; the same bytes are the
//! same document however they are sent. What differs: it ends before the answer, and an `eventID` that another event of the
//! sender has refuses it instead of being a finding.

use std::time::Duration;

use crate::domain::finding::FindingCode;
use crate::domain::ids::{CaptureId, DocumentId};
use crate::domain::party::Actor;
use crate::epcis::ParsedEvent;
use crate::storage::capture as store;
use crate::storage::{StorageError, identity};

use super::check::Whole;
use super::{
    Code, ErrorBehaviour, Hub, Job, JobState, LEASE_SECONDS, ServiceError, Submission, blocking, check, checked, errors_of,
    object_failed, refusal, work_on,
};

/// How often the end of a job is looked for that another worker has.
const POLL: Duration = Duration::from_millis(50);
/// How long. By then its worker has lost its lease, if it is no more.
const POLLS: u32 = 400;
/// How often a job is begun that met another one's rows.
const TRIES: u32 = 5;

/// Takes an event in: its `eventID`, as sent or given by the hub. On return it is stored.
pub async fn capture_event(hub: &Hub, actor: &Actor, submission: Submission) -> Result<String, ServiceError> {
    let Submission {
        received,
        media,
        media_type,
        ..
    } = submission;
    let most = hub.limits().checked_at_once_bytes;
    if received.size_bytes() > most {
        let detail = format!("an event by itself is not larger than {most} bytes: send it to /epcis/capture");
        return Err(ServiceError::refused(Code::TooLarge, detail));
    }
    let sha256 = received.sha256();
    let input = received.read().map_err(object_failed)?;
    let event = match checked(hub, (&actor.party, ErrorBehaviour::Rollback), media, input).await? {
        Ok(Whole { events, .. }) => alone(events.into_iter().map(|(parsed, _)| parsed).collect())?,
        Err(findings) => {
            let object = format!("sha256:{}", check::hex(&sha256));
            return Err(refusal::refuse(hub, actor, object, findings).await?);
        }
    };
    let size_bytes = received.size_bytes();
    blocking(move || received.keep()).await?.map_err(object_failed)?;
    let document = store::Document {
        id: DocumentId::new(hub.new_id(hub.now())),
        party: actor.party.clone(),
        sha256: sha256.to_vec(),
        size_bytes,
        media_type,
        received_at: hub.now(),
    };
    stored(hub, actor, document).await?;
    match event.event.event_id {
        Some(sent) => Ok(sent.into()),
        None => {
            let id = identity::by_hash(hub.db(), &actor.party, &event.hash).await?;
            id.ok_or_else(|| ServiceError::Internal("an event that was captured is not there".to_owned()))
        }
    }
}

/// The event, if that is all there is.
fn alone(mut events: Vec<ParsedEvent>) -> Result<ParsedEvent, ServiceError> {
    let bare = |event: &ParsedEvent| event.pointer.matches('/').count() <= 1;
    match events.pop() {
        Some(event) if events.is_empty() && bare(&event) => Ok(event),
        Some(_) | None => {
            let detail = "an event by itself is sent here: send a document to /epcis/capture";
            Err(ServiceError::refused(Code::InvalidDocument, detail))
        }
    }
}

/// Brings the job of a document to its end.
async fn stored(hub: &Hub, actor: &Actor, document: store::Document) -> Result<(), ServiceError> {
    let (id, mut tries) = (enqueued(hub, actor, document).await?, 0);
    for _ in 0..POLLS {
        let job = store::find_job(hub.db(), &actor.party, id).await?;
        let job = job.ok_or_else(|| ServiceError::Internal(format!("capture job {id} is gone")))?;
        match job.state {
            JobState::Done => return Ok(()),
            JobState::Refused => return Err(refused(&job)?),
            JobState::Running => tokio::time::sleep(POLL).await,
            JobState::Queued => match work(hub, id).await {
                Ok(()) => {}
                Err(ServiceError::Storage(StorageError::Conflict(_))) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            },
        }
    }
    Err(ServiceError::refused(
        Code::Unavailable,
        "the event was taken and is not stored yet: send it again to learn when it is",
    ))
}

async fn enqueued(hub: &Hub, actor: &Actor, document: store::Document) -> Result<CaptureId, ServiceError> {
    let now = hub.now();
    let (id, actor) = (CaptureId::new(hub.new_id(now)), actor.clone());
    let job = hub.db().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let document = store::document(tx, &document).await?;
            store::enqueue(tx, (id, ErrorBehaviour::Rollback), document, &actor, now).await
        })
    });
    Ok(job.await?.id)
}

/// Works on a job that waits; nothing if somebody else was faster.
async fn work(hub: &Hub, id: CaptureId) -> Result<(), ServiceError> {
    let lease = hub.now().plus_seconds(LEASE_SECONDS);
    let claimed = hub
        .db()
        .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::claim_this(tx, id, lease).await }))
        .await?;
    match claimed {
        Some((job, document)) => work_on(hub, job, document, true).await,
        None => Ok(()),
    }
}

/// How a job that was refused is told to who waited for it.
fn refused(job: &Job) -> Result<ServiceError, ServiceError> {
    let violations = errors_of(job)?;
    let conflict = FindingCode::EventIdConflict.as_str();
    let code = if violations.iter().any(|violation| violation.code == conflict) {
        Code::Conflict
    } else {
        Code::InvalidDocument
    };
    Ok(ServiceError::Refused {
        code,
        detail: "the event is not stored: see `errors`".to_owned(),
        violations,
    })
}

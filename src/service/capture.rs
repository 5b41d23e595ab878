//! Taking documents in: what is sent becomes a job, and the job becomes events and state in one transaction.
//!
//! A document is checked (syntax, standard, identifiers, the right to assert) before any of its events is stored. One that cannot be
//! read, or that is wrong above its events, is refused before there is a job, unless it is large; why its events are refused is
//! said by the job, whatever its size and error behaviour (EPCIS 2.0 clause 12.6: 400 is for what cannot be received, and "not to be
//! confused with an error while capturing"). What is wrong against the state of the goods never refuses it; that is a finding.
//!
//! # Invariants
//! - A row refers to a document only after its bytes are on the disk.
//! - A job is `done` in the transaction that stores its events: a process that dies leaves all or nothing.
//! - The same bytes from the same party are one document and one job, unless that job was refused.

use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::finding::Finding;
use crate::domain::ids::{CaptureId, DocumentId, FindingId, PartyId};
use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::epcis::MediaType;
use crate::storage::capture as store;
use crate::storage::object::Received;
use crate::storage::{StorageError, finding};

use super::error::{Code, ServiceError, Violation};
use super::hub::Hub;
use super::page::{Page, Paged};
use pieces::Pieces;

pub use finding::Placed;
pub use store::{ErrorBehaviour, Job, JobState};

mod admit;
mod apply;
mod check;
pub(in crate::service) mod condition;
mod correct;
mod document;
mod findings;
mod header;
mod life;
pub(in crate::service) mod load;
mod pieces;
pub(in crate::service) mod ready;
mod receipt;
mod refusal;
mod relate;
mod save;
mod share;
mod single;
pub(in crate::service) mod stake;
mod upload;

pub use document::document;
pub use single::capture_event;
pub use upload::{Coding, Upload, too_large};

/// How long a worker may be silent before another takes its job over.
pub const LEASE_SECONDS: i64 = 10;
/// How often a worker renews its lease. Not by the clock of the hub: it paces this process and decides nothing.
const BEAT: Duration = Duration::from_secs(3);
/// How often a job is begun before it is given up.
const ATTEMPTS: i64 = 20;

/// Woken when a job was queued by this process; jobs of other processes are found by polling.
static SUBMITTED: Notify = Notify::const_new();

/// Waits until this process queues a job.
pub async fn submitted() {
    SUBMITTED.notified().await;
}

/// A document whose bytes have all arrived.
#[derive(Debug)]
pub struct Submission {
    /// The bytes.
    pub received: Received,
    /// What they are.
    pub media: MediaType,
    /// `Content-Type` as sent.
    pub media_type: String,
    /// What becomes of it if some of its events cannot be taken in.
    pub behaviour: ErrorBehaviour,
}

/// Takes a document in: the job that captures it, or why it is refused.
pub async fn submit(hub: &Hub, actor: &Actor, submission: Submission) -> Result<Job, ServiceError> {
    let sha256 = submission.received.sha256();
    if let Some(document) = store::find_document(hub.db(), &actor.party, &sha256).await?
        && let Some(job) = store::standing_job(hub.db(), document).await?
    {
        return Ok(job);
    }
    if store::waiting(hub.db(), &actor.party).await? >= hub.limits().waiting_jobs_per_party {
        return Err(ServiceError::refused(
            Code::Unavailable,
            "too many of your capture jobs wait; send again when some of them have finished",
        ));
    }
    let Submission {
        received,
        media,
        media_type,
        behaviour,
    } = submission;
    let size_bytes = received.size_bytes();
    let registry = hub.registry().version();
    let checked = if size_bytes <= hub.limits().checked_at_once_bytes {
        let input = received.read().map_err(object_failed)?;
        match checked(hub, (&actor.party, behaviour), media, input).await? {
            Ok(checked) => Some(checked),
            Err(findings) if refusal::is_of_document(&findings) => {
                let object = format!("sha256:{}", check::hex(&sha256));
                return Err(refusal::refuse(hub, actor, object, findings).await?);
            }
            // That its events are refused is said by its job, as where it is too large to be looked at now.
            Err(_) => None,
        }
    } else {
        None
    };
    blocking(move || received.keep()).await?.map_err(object_failed)?;
    let now = hub.now();
    let document = store::Document {
        id: DocumentId::new(hub.new_id(now)),
        party: actor.party.clone(),
        sha256: sha256.to_vec(),
        size_bytes,
        media_type,
        received_at: now,
    };
    let (id, actor) = (CaptureId::new(hub.new_id(now)), actor.clone());
    let job = hub
        .db()
        .write(move |tx| {
            Box::pin(async move {
                let document = store::document(tx, &document).await?;
                store::enqueue(tx, (id, behaviour), document, &actor, now).await
            })
        })
        .await?;
    if let Some(checked) = checked
        && job.id == id
    {
        hub.ready().keep(id, (registry, size_bytes), checked);
    }
    SUBMITTED.notify_one();
    Ok(job)
}

async fn checked(
    hub: &Hub,
    (party, behaviour): (&PartyId, ErrorBehaviour),
    media: MediaType,
    input: impl BufRead + Send + 'static,
) -> Result<Result<check::Whole, Vec<Finding>>, ServiceError> {
    let (registry, party, limits, now) = (hub.registry(), party.clone(), hub.limits().clone(), hub.now());
    blocking(move || {
        check::check(
            input,
            media,
            &check::Terms {
                registry: &registry,
                party: &party,
                limits: &limits,
                now,
                behaviour,
            },
        )
    })
    .await
}

/// Runs what takes long or waits for the disk beside the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ServiceError::Internal(format!("a blocking task ended early: {error}")))
}

fn object_failed(error: std::io::Error) -> ServiceError {
    ServiceError::Internal(format!("the object store failed: {error}"))
}

/// A job with what the hub noticed about its document.
#[derive(Debug, Clone)]
pub struct Report {
    /// The job.
    pub job: Job,
    /// Why it, or some of its events, were refused.
    pub errors: Vec<Violation>,
    /// How many findings of each code still stand.
    pub findings: Vec<(String, i64)>,
}

/// A job of the caller.
pub async fn job(hub: &Hub, actor: &Actor, id: CaptureId) -> Result<Option<Report>, ServiceError> {
    let Some(job) = store::find_job(hub.db(), &actor.party, id).await? else {
        return Ok(None);
    };
    let findings = match job.state {
        JobState::Done => finding::counts(hub.db(), job.document).await?,
        JobState::Queued | JobState::Running | JobState::Refused => Vec::new(),
    };
    let errors = errors_of(&job)?;
    Ok(Some(Report { job, errors, findings }))
}

/// What the hub noticed about the document of a job of the caller, oldest first; `None`: there is no such job.
pub async fn findings(hub: &Hub, actor: &Actor, id: CaptureId, page: Page) -> Result<Option<Paged<Placed>>, ServiceError> {
    let Some(job) = store::find_job(hub.db(), &actor.party, id).await? else {
        return Ok(None);
    };
    let after = page.after.map(|cursor| FindingId::new(cursor.id));
    let rows = finding::of_document(hub.db(), job.document, after, page.first.saturating_add(1)).await?;
    Ok(Some(Paged::by_id(rows, page, |placed| placed.finding.id.uuid())))
}

/// Why a job, or some of its events, were refused.
pub fn errors_of(job: &Job) -> Result<Vec<Violation>, ServiceError> {
    serde_json::from_str(&job.errors)
        .map_err(|error| ServiceError::Internal(format!("capture_job.errors of {}: {error}", job.id)))
}

/// The caller's jobs, newest first.
pub async fn jobs(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<Job>, ServiceError> {
    let before = page.after.map(|cursor| cursor.id);
    let rows = store::list_jobs(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    Ok(Paged::by_id(rows, page, |job| job.id.uuid()))
}

/// Takes the oldest job that is due and brings it to its end. `Ok(None)`: none is due.
///
/// An error leaves the job queued for a later moment; what was begun of it left no trace.
pub async fn run_due(hub: &Hub) -> Result<Option<CaptureId>, ServiceError> {
    let now = hub.now();
    let lease = now.plus_seconds(LEASE_SECONDS);
    let claimed = hub
        .db()
        .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::claim(tx, now, lease).await }))
        .await?;
    let Some((job, document)) = claimed else { return Ok(None) };
    let id = job.id;
    work_on(hub, job, document, false).await?;
    Ok(Some(id))
}

/// Brings a job that was claimed to its end, or lets go of it with an error. `alone`: see [`apply::apply`].
async fn work_on(hub: &Hub, job: Job, document: store::Document, alone: bool) -> Result<(), ServiceError> {
    let (id, attempts) = (job.id, job.attempts);
    let ended = tokio::select! {
        ended = run(hub, job, document, alone) => ended,
        never = keep_lease(hub, id, attempts) => match never {},
    };
    match ended {
        Ok(()) => Ok(()),
        Err(error) => {
            let not_before = hub.now().plus_seconds(wait_seconds(&error, attempts));
            hub.db()
                .write::<_, StorageError, _>(move |tx| {
                    Box::pin(async move { store::release(tx, (id, attempts), not_before).await })
                })
                .await?;
            Err(error)
        }
    }
}

/// Renews the lease of a job for as long as it is polled.
async fn keep_lease(hub: &Hub, id: CaptureId, attempts: i64) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        let until = hub.now().plus_seconds(LEASE_SECONDS);
        let renewed = hub
            .db()
            .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::renew(tx, (id, attempts), until).await }));
        if let Err(error) = renewed.await {
            // Should another worker take the job over, one of the two ends it, and the other finds that it has ended.
            tracing::warn!(job = %id, %error, "the lease of a capture job was not renewed");
        }
    }
}

/// Lets go of the jobs that a process which is no more held: for a database that no other process works on. How many.
pub async fn release_all(hub: &Hub) -> Result<u64, StorageError> {
    hub.db()
        .write(|tx| Box::pin(async move { store::release_all(tx).await }))
        .await
}

/// A conflict is gone at the next try; anything else needs time.
fn wait_seconds(error: &ServiceError, attempts: i64) -> i64 {
    match error {
        ServiceError::Storage(StorageError::Conflict(_)) => 0,
        ServiceError::Storage(StorageError::Unavailable { .. } | StorageError::Inconsistent(_))
        | ServiceError::Internal(_)
        | ServiceError::Refused { .. } => 1 << attempts.clamp(0, 6),
    }
}

async fn run(hub: &Hub, job: Job, document: store::Document, alone: bool) -> Result<(), ServiceError> {
    if job.attempts > ATTEMPTS {
        let errors = vec![Violation {
            code: Code::Internal.as_str().to_owned(),
            pointer: String::new(),
            detail: "the hub could not process the document; nothing of it is stored: tell the operator, and send it again"
                .to_owned(),
            ..Violation::default()
        }];
        return refusal::end(hub, job, &[], errors).await;
    }
    let media = MediaType::from_content_type(&document.media_type)
        .ok_or_else(|| ServiceError::Internal(format!("document.media_type of {}: not one that is captured", document.id)))?;
    let (objects, sha256) = (hub.objects().clone(), document.sha256.clone());
    let input = blocking(move || objects.read(&sha256)).await?.map_err(object_failed)?;
    let taken_in = match hub.ready().take(job.id, hub.registry().version()) {
        Some(checked) => Ok(Pieces::of(checked, hub.limits())),
        None if document.size_bytes <= hub.limits().checked_at_once_bytes => {
            let checked = checked(hub, (&job.actor.party, job.behaviour), media, input).await?;
            checked.map(|checked| Pieces::of(checked, hub.limits()))
        }
        None => {
            let known = pieces::Known::of(hub, &job);
            let objects = hub.objects().clone();
            let again = move || objects.read(&document.sha256);
            match known.survey(input, media).await? {
                Ok(mut verdict) => {
                    let input = blocking(again).await?.map_err(object_failed)?;
                    let pieces = Pieces::read(input, media, &known, &mut verdict);
                    Ok((verdict, pieces))
                }
                Err(findings) => Err(findings),
            }
        }
    };
    match taken_in {
        Ok((verdict, pieces)) => {
            if !verdict.refusals.is_empty() {
                let (claim, errors) = ((job.id, job.attempts), refusal::errors(&verdict.refusals)?);
                hub.db()
                    .write::<_, StorageError, _>(move |tx| Box::pin(async move { store::note_errors(tx, claim, &errors).await }))
                    .await?;
            }
            match apply::apply(hub, job.clone(), (verdict, pieces), alone).await {
                Err(ServiceError::Refused { violations, .. }) if alone => refusal::end(hub, job, &[], violations).await,
                ended => ended,
            }
        }
        Err(findings) => {
            let errors = findings.iter().cloned().map(refusal::violation).collect();
            refusal::end(hub, job, &findings, errors).await
        }
    }
}

/// What every step of a job needs.
struct Work {
    hub: Hub,
    registry: Arc<crate::domain::party::Registry>,
    job: Job,
    checked: check::Checked,
    now: Micros,
    /// It is a single event, and an id that another has refuses it.
    alone: bool,
    /// The first of the keys of the document's events.
    base: uuid::Uuid,
}

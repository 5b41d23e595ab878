//! Documents and capture jobs.
//!
//! # Invariants
//! - A party's document is stored once, whatever how often it is sent (`UNIQUE (party_id, sha256)`), and has one job that is not
//!   refused (`capture_job_once`).
//! - A job leaves `running` in the transaction that stores its events, and only once ([`finish`] says whether it was this call).

use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use crate::domain::ids::{CaptureId, DocumentId, PartyId};
use crate::domain::party::Actor;
use crate::domain::time::Micros;

use super::row::{column, parsed};
use super::{Db, StorageError, Tx};

/// How a job stands. The text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Waits.
    Queued,
    /// Somebody works on it, or did until its lease ended.
    Running,
    /// Its events are stored.
    Done,
    /// Nothing of it is stored.
    Refused,
}

impl JobState {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl std::str::FromStr for JobState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Queued, Self::Running, Self::Done, Self::Refused];
        all.into_iter()
            .find(|state| state.as_str() == text)
            .ok_or("no state of a capture job")
    }
}

/// What becomes of a document some of whose events cannot be taken in: `GS1-Capture-Error-Behaviour`. The text is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorBehaviour {
    /// Nothing of it is stored.
    #[default]
    Rollback,
    /// Its other events are stored.
    Proceed,
}

impl ErrorBehaviour {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rollback, Self::Proceed];

    /// The stable text, which is also that of the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Proceed => "proceed",
        }
    }
}

impl std::str::FromStr for ErrorBehaviour {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|behaviour| behaviour.as_str() == text)
            .ok_or("no behaviour of a capture job")
    }
}

/// A document as it came in; its bytes are in the object store.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Who sent it.
    pub party: PartyId,
    /// Its name in the object store.
    pub sha256: Vec<u8>,
    /// Its size.
    pub size_bytes: u64,
    /// What it is.
    pub media_type: String,
    /// When it came.
    pub received_at: Micros,
}

/// A capture job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: CaptureId,
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub actor: Actor,
    /// How it stands.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: i64,
    /// When it was sent.
    pub created_at: Micros,
    /// When it ended.
    pub finished_at: Option<Micros>,
    /// What becomes of it if some of its events cannot be taken in.
    pub behaviour: ErrorBehaviour,
    /// New events.
    pub events_stored: i64,
    /// Events that could not be taken in, where the others were.
    pub events_refused: i64,
    /// Why it, or some of its events, were refused, as JSON.
    pub errors: String,
}

const JOB: &str =
    "id, document_id, party_id, system_name, state, error_behaviour, attempts, created_at, finished_at, events_stored,
                   events_refused, errors";

fn job(row: &QueryResult) -> Result<Job, StorageError> {
    Ok(Job {
        id: CaptureId::new(column(row, "capture_job", "id")?),
        document: DocumentId::new(column(row, "capture_job", "document_id")?),
        actor: Actor {
            party: parsed(row, "capture_job", "party_id")?,
            system: column(row, "capture_job", "system_name")?,
        },
        state: parsed(row, "capture_job", "state")?,
        attempts: column(row, "capture_job", "attempts")?,
        created_at: Micros(column(row, "capture_job", "created_at")?),
        finished_at: column::<Option<i64>>(row, "capture_job", "finished_at")?.map(Micros),
        behaviour: parsed(row, "capture_job", "error_behaviour")?,
        events_stored: column(row, "capture_job", "events_stored")?,
        events_refused: column(row, "capture_job", "events_refused")?,
        errors: column(row, "capture_job", "errors")?,
    })
}

/// Stores a document, or finds the one with the same bytes.
pub async fn document(tx: &Tx, new: &Document) -> Result<DocumentId, StorageError> {
    let sql = "INSERT INTO document (id, party_id, sha256, size_bytes, media_type, received_at) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (party_id, sha256) DO NOTHING";
    let values = vec![
        new.id.uuid().into(),
        new.party.as_str().into(),
        new.sha256.clone().into(),
        i64::try_from(new.size_bytes).unwrap_or(i64::MAX).into(),
        new.media_type.as_str().into(),
        new.received_at.0.into(),
    ];
    tx.execute("storing a document", sql, values).await?;
    let sql = "SELECT id FROM document WHERE party_id = $1 AND sha256 = $2";
    let row = tx
        .query_one(
            "finding a document",
            sql,
            vec![new.party.as_str().into(), new.sha256.clone().into()],
        )
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("document: gone after it was stored".to_owned()))?;
    Ok(DocumentId::new(column(&row, "document", "id")?))
}

/// A document of a party with these bytes.
pub async fn find_document(db: &Db, party: &PartyId, sha256: &[u8]) -> Result<Option<DocumentId>, StorageError> {
    let sql = "SELECT id FROM document WHERE party_id = $1 AND sha256 = $2";
    let row = db
        .query_one("finding a document", sql, vec![party.as_str().into(), sha256.to_vec().into()])
        .await?;
    row.map(|row| column::<Uuid>(&row, "document", "id").map(DocumentId::new))
        .transpose()
}

/// Queues a job for a document, or finds the one that is not refused.
pub async fn enqueue(
    tx: &Tx,
    (id, behaviour): (CaptureId, ErrorBehaviour),
    document: DocumentId,
    actor: &Actor,
    now: Micros,
) -> Result<Job, StorageError> {
    let sql = "INSERT INTO capture_job (id, document_id, party_id, system_name, state, error_behaviour, attempts, lease_until, created_at, events_stored, errors)
               VALUES ($1, $2, $3, $4, 'queued', $6, 0, 0, $5, 0, '[]') ON CONFLICT (document_id) WHERE state <> 'refused' DO NOTHING";
    let values = vec![
        id.uuid().into(),
        document.uuid().into(),
        actor.party.as_str().into(),
        actor.system.as_str().into(),
        now.0.into(),
        behaviour.as_str().into(),
    ];
    tx.execute("queueing a capture job", sql, values).await?;
    let sql = format!("SELECT {JOB} FROM capture_job WHERE document_id = $1 AND state <> 'refused'");
    let row = tx
        .query_one("finding a capture job", &sql, vec![document.uuid().into()])
        .await?;
    // Refused in the moment between: the caller may send again.
    job(&row.ok_or(StorageError::Conflict("the job of this document ended just now"))?)
}

/// The job of a document that is not refused.
pub async fn standing_job(db: &Db, document: DocumentId) -> Result<Option<Job>, StorageError> {
    let sql = format!("SELECT {JOB} FROM capture_job WHERE document_id = $1 AND state <> 'refused'");
    db.query_one("finding a capture job", &sql, vec![document.uuid().into()])
        .await?
        .as_ref()
        .map(job)
        .transpose()
}

/// A job of a party.
pub async fn find_job(db: &Db, party: &PartyId, id: CaptureId) -> Result<Option<Job>, StorageError> {
    let sql = format!("SELECT {JOB} FROM capture_job WHERE id = $1 AND party_id = $2");
    let values = vec![id.uuid().into(), party.as_str().into()];
    db.query_one("finding a capture job", &sql, values)
        .await?
        .as_ref()
        .map(job)
        .transpose()
}

/// Name in the object store and media type of a document.
pub async fn bytes_of(db: &Db, id: DocumentId) -> Result<(Vec<u8>, String), StorageError> {
    let sql = "SELECT sha256, media_type FROM document WHERE id = $1";
    let row = db.query_one("finding a document", sql, vec![id.uuid().into()]).await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("capture_job.document_id: no document {id}")))?;
    Ok((column(&row, "document", "sha256")?, column(&row, "document", "media_type")?))
}

/// Jobs of a party, newest first.
pub async fn list_jobs(db: &Db, party: &PartyId, before: Option<Uuid>, limit: usize) -> Result<Vec<Job>, StorageError> {
    let sql = format!("SELECT {JOB} FROM capture_job WHERE party_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![party.as_str().into(), before.unwrap_or(Uuid::max()).into(), limit.into()];
    db.query("listing capture jobs", &sql, values)
        .await?
        .iter()
        .map(job)
        .collect()
}

/// How many jobs of a party wait or run.
pub async fn waiting(db: &Db, party: &PartyId) -> Result<u64, StorageError> {
    let sql = "SELECT COUNT(*) AS many FROM capture_job WHERE state IN ('queued', 'running') AND party_id = $1";
    let row = db
        .query_one("counting capture jobs", sql, vec![party.as_str().into()])
        .await?;
    row.map_or(Ok(0), |row| column::<i64>(&row, "capture_job", "many"))
        .map(|many| u64::try_from(many).unwrap_or(0))
}

/// Takes the oldest job that waits, or whose worker let its lease end, until `lease_until`.
pub async fn claim(tx: &Tx, now: Micros, lease_until: Micros) -> Result<Option<(Job, Document)>, StorageError> {
    let lock = match tx.backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE capture_job SET state = 'running', attempts = attempts + 1, lease_until = $2 WHERE id = (
            SELECT id FROM capture_job WHERE state IN ('queued', 'running') AND lease_until <= $1 ORDER BY created_at, id LIMIT 1 {lock})
         RETURNING {JOB}"
    );
    let Some(row) = tx
        .query_one("claiming a capture job", &sql, vec![now.0.into(), lease_until.0.into()])
        .await?
    else {
        return Ok(None);
    };
    claimed(tx, &row).await.map(Some)
}

/// Takes this job, if it waits, until `lease_until`.
pub async fn claim_this(tx: &Tx, id: CaptureId, lease_until: Micros) -> Result<Option<(Job, Document)>, StorageError> {
    let sql = format!(
        "UPDATE capture_job SET state = 'running', attempts = attempts + 1, lease_until = $2 WHERE id = $1 AND state = 'queued' RETURNING {JOB}"
    );
    let values = vec![id.uuid().into(), lease_until.0.into()];
    match tx.query_one("claiming a capture job", &sql, values).await? {
        Some(row) => claimed(tx, &row).await.map(Some),
        None => Ok(None),
    }
}

/// A job that was claimed, with its document.
async fn claimed(tx: &Tx, row: &QueryResult) -> Result<(Job, Document), StorageError> {
    let job = job(row)?;
    let sql = "SELECT id, party_id, sha256, size_bytes, media_type, received_at FROM document WHERE id = $1";
    let row = tx
        .query_one("finding a document", sql, vec![job.document.uuid().into()])
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("capture_job.document_id: no document {}", job.document)))?;
    let document = Document {
        id: job.document,
        party: parsed(&row, "document", "party_id")?,
        sha256: column(&row, "document", "sha256")?,
        size_bytes: u64::try_from(column::<i64>(&row, "document", "size_bytes")?).unwrap_or(0),
        media_type: column(&row, "document", "media_type")?,
        received_at: Micros(column(&row, "document", "received_at")?),
    };
    Ok((job, document))
}

/// Notes what was found wrong with some events of a job that goes on; nothing if somebody else took it over.
pub async fn note_errors(tx: &Tx, (id, attempts): (CaptureId, i64), errors: &str) -> Result<(), StorageError> {
    let sql = "UPDATE capture_job SET errors = $3 WHERE id = $1 AND state = 'running' AND attempts = $2";
    let values = vec![id.uuid().into(), attempts.into(), errors.into()];
    tx.execute("noting errors of a capture job", sql, values).await?;
    Ok(())
}

/// Holds a claimed job longer; nothing if somebody else took it over (`attempts` is that of the claim), or is ending it.
pub async fn renew(tx: &Tx, (id, attempts): (CaptureId, i64), lease_until: Micros) -> Result<(), StorageError> {
    // The transaction that ends the job has its row locked, for as long as that takes: not waited for.
    let lock = match tx.backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE capture_job SET lease_until = $3 WHERE id = (
            SELECT id FROM capture_job WHERE id = $1 AND state = 'running' AND attempts = $2 {lock})"
    );
    let values = vec![id.uuid().into(), attempts.into(), lease_until.0.into()];
    tx.execute("renewing the lease of a capture job", &sql, values).await?;
    Ok(())
}

/// Lets go of a job that could not be worked on, until a later moment; nothing if somebody else took it over.
pub async fn release(tx: &Tx, (id, attempts): (CaptureId, i64), not_before: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE capture_job SET state = 'queued', lease_until = $3 WHERE id = $1 AND state = 'running' AND attempts = $2";
    let values = vec![id.uuid().into(), attempts.into(), not_before.0.into()];
    tx.execute("releasing a capture job", sql, values).await?;
    Ok(())
}

/// Lets go of every job: how many.
pub async fn release_all(tx: &Tx) -> Result<u64, StorageError> {
    let sql = "UPDATE capture_job SET state = 'queued', lease_until = 0 WHERE state = 'running'";
    Ok(tx.execute("releasing capture jobs", sql, Vec::new()).await?.rows_affected())
}

/// How a job ended.
#[derive(Debug)]
pub struct End {
    /// Done or refused.
    pub state: JobState,
    /// When.
    pub at: Micros,
    /// New events.
    pub events_stored: i64,
    /// Events that could not be taken in, where the others were.
    pub events_refused: i64,
    /// Why it, or some of its events, were refused, as JSON.
    pub errors: String,
}

/// Ends a job; false if it had ended before, and then the transaction must not be committed.
pub async fn finish(tx: &Tx, id: CaptureId, end: &End) -> Result<bool, StorageError> {
    let sql = "UPDATE capture_job SET state = $2, finished_at = $3, events_stored = $4, errors = $5, events_refused = $6
               WHERE id = $1 AND state = 'running'";
    let values = vec![
        id.uuid().into(),
        end.state.as_str().into(),
        end.at.0.into(),
        end.events_stored.into(),
        end.errors.as_str().into(),
        end.events_refused.into(),
    ];
    Ok(tx.execute("ending a capture job", sql, values).await?.rows_affected() == 1)
}

/// Says how many new events a job that has ended brought.
pub async fn count(tx: &Tx, id: CaptureId, events_stored: i64) -> Result<(), StorageError> {
    let sql = "UPDATE capture_job SET events_stored = $2 WHERE id = $1";
    tx.execute(
        "counting the events of a capture job",
        sql,
        vec![id.uuid().into(), events_stored.into()],
    )
    .await?;
    Ok(())
}

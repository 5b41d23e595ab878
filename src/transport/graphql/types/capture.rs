//! What became of a document.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::service::capture::{ErrorBehaviour, JobState, Report};

use super::scalar::{DateTime, Long};

/// How a capture job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CaptureState {
    /// Waits.
    Queued,
    /// Is being checked and stored.
    Running,
    /// Its events are stored, but for those that `errors` names.
    Done,
    /// Nothing of it is stored.
    Refused,
}

/// What becomes of a document some of whose events cannot be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CaptureErrorBehaviour {
    /// Nothing of it is stored.
    Rollback,
    /// Its other events are stored.
    Proceed,
}

/// One place in a document where it is wrong.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaptureError {
    /// Stable code of the catalogue of findings.
    code: String,
    /// What is wrong and what to do.
    detail: String,
    /// The thing that it is about, as the sender spelt it.
    epc: Option<String>,
    /// Zero-based position of the event in its document; null if it is about the document.
    event_index: Option<Long>,
    /// JSON pointer, XPath, or `line:column`.
    pointer: String,
}

/// How often the hub noticed one thing in a document.
#[derive(Debug, Clone, SimpleObject)]
pub struct FindingCount {
    /// Stable code of the catalogue of findings.
    code: String,
    /// How many still stand.
    count: Long,
}

/// One document that the caller sent.
#[derive(Debug, Clone)]
pub struct CaptureJob(pub Report);

/// One document that the caller sent.
#[Object]
impl CaptureJob {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.job.id.to_string())
    }

    /// When it was sent.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.job.created_at)
    }

    /// What becomes of it if some of its events cannot be taken in.
    async fn error_behaviour(&self) -> CaptureErrorBehaviour {
        match self.0.job.behaviour {
            ErrorBehaviour::Rollback => CaptureErrorBehaviour::Rollback,
            ErrorBehaviour::Proceed => CaptureErrorBehaviour::Proceed,
        }
    }

    /// Why it, or some of its events, were refused.
    async fn errors(&self) -> Vec<CaptureError> {
        let error = |error: &crate::service::Violation| CaptureError {
            code: error.code.clone(),
            detail: error.detail.clone(),
            epc: error.epc.clone(),
            event_index: error.event.map(|index| Long(index as u64)),
            pointer: error.pointer.clone(),
        };
        self.0.errors.iter().map(error).collect()
    }

    /// Events that could not be taken in, where the others were.
    async fn events_refused(&self) -> Long {
        Long(u64::try_from(self.0.job.events_refused).unwrap_or(0))
    }

    /// Events of it that the hub did not have yet.
    async fn events_stored(&self) -> Long {
        Long(u64::try_from(self.0.job.events_stored).unwrap_or(0))
    }

    /// What the hub noticed about it that still stands, by code.
    async fn finding_counts(&self) -> Vec<FindingCount> {
        let count = |(code, count): &(String, i64)| FindingCount {
            code: code.clone(),
            count: Long(u64::try_from(*count).unwrap_or(0)),
        };
        self.0.findings.iter().map(count).collect()
    }

    /// When it ended; null while it has not.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.job.finished_at.map(DateTime)
    }

    /// How it stands.
    async fn state(&self) -> CaptureState {
        match self.0.job.state {
            JobState::Queued => CaptureState::Queued,
            JobState::Running => CaptureState::Running,
            JobState::Done => CaptureState::Done,
            JobState::Refused => CaptureState::Refused,
        }
    }
}

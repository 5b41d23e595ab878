//! What became of a document.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::service::capture::{JobState, Report};

use super::scalar::{DateTime, Long};

/// How a capture job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CaptureState {
    /// Waits.
    Queued,
    /// Is being checked and stored.
    Running,
    /// Its events are stored.
    Done,
    /// Nothing of it is stored.
    Refused,
}

/// One place in a document where it is wrong.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaptureError {
    /// Stable code of the catalogue of findings.
    code: String,
    /// What is wrong and what to do.
    detail: String,
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

    /// Why it was refused.
    async fn errors(&self) -> Vec<CaptureError> {
        let error = |error: &crate::service::Violation| CaptureError {
            code: error.code.clone(),
            detail: error.detail.clone(),
            pointer: error.pointer.clone(),
        };
        self.0.errors.iter().map(error).collect()
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

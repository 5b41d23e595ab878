//! How a document that is not taken in, or of which some events are not, is told to its sender and to the audit.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::finding::{Class, Finding, FindingCode, Severity};
use crate::domain::ids::AuditId;
use crate::domain::party::Actor;
use crate::storage::capture as store;
use crate::storage::{StorageError, audit};

use super::{Code, Hub, Job, JobState, ServiceError, Violation};

/// Whether what refuses a document is of the document itself: it cannot be read, or something above its events is wrong.
pub(super) fn is_of_document(findings: &[Finding]) -> bool {
    let of_document = |finding: &Finding| finding.event.is_none() || finding.code.class() == Class::Form;
    let mut reasons = findings.iter().filter(|finding| finding.code != FindingCode::Truncated);
    reasons.any(of_document)
}

/// Audits the refusal of a document of which nothing is stored, and words it for the sender.
pub(super) async fn refuse(
    hub: &Hub,
    actor: &Actor,
    object: String,
    findings: Vec<Finding>,
) -> Result<ServiceError, ServiceError> {
    let entry = refusal_entry(hub, actor, object, &findings);
    hub.db()
        .write::<_, StorageError, _>(move |tx| Box::pin(async move { audit::append(tx, &entry).await }))
        .await?;
    Ok(refusal(findings))
}

fn refusal_entry(hub: &Hub, actor: &Actor, object: String, findings: &[Finding]) -> AuditEntry {
    let now = hub.now();
    let codes: std::collections::BTreeSet<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::Capture,
        object,
        outcome: Outcome::Refused,
        detail: serde_json::json!({ "codes": codes }),
    }
}

/// 413 if there are too many events, 403 if rights are all that is wrong, 400 otherwise. All findings are reasons of the refusal.
fn refusal(findings: Vec<Finding>) -> ServiceError {
    let entitled = findings.iter().any(|finding| finding.code.class() != Class::Right);
    let code = if findings.iter().any(|finding| finding.code == FindingCode::TooManyEvents) {
        Code::TooLarge
    } else if entitled {
        Code::InvalidDocument
    } else {
        Code::NotEntitled
    };
    let violations = findings.into_iter().map(violation).collect();
    ServiceError::Refused {
        code,
        detail: "nothing of the document is stored: see `errors`".to_owned(),
        violations,
    }
}

pub(super) fn violation(finding: Finding) -> Violation {
    let detail = format!("{}: {}", finding.detail, finding.code.fix());
    Violation {
        code: finding.code.as_str().to_owned(),
        pointer: finding.pointer,
        detail,
        event: finding.event,
        epc: finding.epc,
        // What stops an event or a document is that for it, whatever the catalogue says; the note that there is more is not.
        severity: Some(if finding.code == FindingCode::Truncated {
            Severity::Warning
        } else {
            Severity::Refusal
        }),
    }
}

/// Findings as a job keeps them.
pub(super) fn errors(findings: &[Finding]) -> Result<String, ServiceError> {
    let errors: Vec<Violation> = findings.iter().cloned().map(violation).collect();
    serde_json::to_string(&errors).map_err(|error| ServiceError::Internal(error.to_string()))
}

/// A single event with the id of another.
pub(super) fn conflict(finding: Finding) -> ServiceError {
    ServiceError::Refused {
        code: Code::Conflict,
        detail: "the event is not stored: another of yours has this eventID, with other content".to_owned(),
        violations: vec![violation(finding)],
    }
}

/// Ends a job of which nothing is stored.
pub(super) async fn end(hub: &Hub, job: Job, findings: &[Finding], errors: Vec<Violation>) -> Result<(), ServiceError> {
    let entry = refusal_entry(hub, &job.actor, job.id.to_string(), findings);
    let errors = serde_json::to_string(&errors).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let end = store::End {
        state: JobState::Refused,
        at: hub.now(),
        events_stored: 0,
        events_refused: 0,
        errors,
    };
    let ended = hub.db().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            if store::finish(tx, job.id, &end).await? {
                audit::append(tx, &entry).await?;
            }
            Ok(())
        })
    });
    Ok(ended.await?)
}

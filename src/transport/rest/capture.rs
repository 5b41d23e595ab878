//! EPCIS capture: `/epcis/capture` (EPCIS 2.0 clause 12.6).
//!
//! | call | answer |
//! |---|---|
//! | `POST /epcis/capture` | 202 and `Location` of the job; 400, 403, 413, 415 as problem+json if the document itself cannot be taken, and nothing stored |
//! | `GET /epcis/capture/{id}` | the job, to whoever sent the document |
//! | `GET /epcis/capture/{id}/document` | the document with header and events, in the form that `Accept` and the `GS1-` headers ask for, to whoever sent it |
//! | `GET /epcis/capture/{id}/findings` | what was noticed about it, oldest first, in pages, to whoever sent it |
//! | `GET /epcis/capture` | the caller's jobs, newest first: `perPage`, `nextPageToken`, `Link: …; rel="next"` |
//! | `OPTIONS /epcis/capture` | what is taken: limits and error behaviour |
//!
//! 202 does not say that the events are stored: the job says it, and which events are refused and why.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::finding::{Class, FindingCode};
use crate::domain::ids::CaptureId;
use crate::domain::party::Actor;
use crate::service::capture::{self, Job, JobState, Placed, Report};
use crate::service::page::{Cursor, Page};
use crate::service::{Code, Hub, ServiceError, Violation};
use crate::transport::problem::{Problem, exception};
use crate::transport::route::{Routes, get};

use super::discovery::discovery;
use super::intake::{self, ERROR_BEHAVIOUR, announced};
use super::negotiation::{self, Representation};
use super::paging::{self, Paging, next_link};

/// The list of jobs, to which its page tokens are bound.
const LIST: &str = "/epcis/capture";

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route("/epcis/capture", get(list).post(submit).options(options))
        .route(
            "/epcis/capture/{id}",
            get(job).options(async || discovery("GET, HEAD, OPTIONS")),
        )
        .route("/epcis/capture/{id}/document", get(document))
        .route("/epcis/capture/{id}/findings", get(findings))
}

async fn submit(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    let taken = async { capture::submit(&hub, &actor, intake::receive(&hub, &headers, body).await?).await };
    match taken.await {
        Ok(job) => {
            let location = [(header::LOCATION, format!("/epcis/capture/{}", job.id))];
            let behaviour = [(ERROR_BEHAVIOUR.clone(), job.behaviour.as_str())];
            (StatusCode::ACCEPTED, location, behaviour, announced(hub.limits())).into_response()
        }
        Err(error) => intake::refused(&hub, &headers, error),
    }
}

async fn options(State(hub): State<Hub>) -> Response {
    intake::options(&hub, "GET, HEAD, POST, OPTIONS")
}

async fn job(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    // Not an id: there is no such job, like any that is not the caller's.
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    let id = id.parse().map_err(|_| ServiceError::not_found())?;
    let Report { job, errors, findings } = capture::job(&hub, &actor, id).await?.ok_or_else(ServiceError::not_found)?;
    let mut shown = shown(&job, &errors);
    shown["eventsStored"] = json!(job.events_stored);
    shown["eventsRefused"] = json!(job.events_refused);
    shown["findings"] = findings
        .into_iter()
        .map(|(code, count)| (code, json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Ok(Json(shown))
}

async fn document(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let made = async {
        let form = Representation::of(&headers)?;
        let Path(id) = id.map_err(|_| ServiceError::not_found())?;
        let id = id.parse().map_err(|_| ServiceError::not_found())?;
        let found = capture::document(&hub, &actor, id).await?;
        let (document, stored_at) = found.ok_or_else(ServiceError::not_found)?;
        form.document(&hub, &document, stored_at)
    };
    match made.await {
        Ok(response) => response,
        Err(error) => negotiation::problem(&headers, error),
    }
}

async fn findings(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    let id: CaptureId = id.parse().map_err(|_| ServiceError::not_found())?;
    let (first, token) = paging::wanted(&hub, paging)?;
    let path = format!("/epcis/capture/{id}/findings");
    let after = token.map(|token| Cursor::open(&token, &actor, &path)).transpose()?;
    let found = capture::findings(&hub, &actor, id, Page { first, after }).await?;
    let found = found.ok_or_else(ServiceError::not_found)?;
    let next = found.rows.last().filter(|_| found.has_next);
    let headers = next.map(|(cursor, _)| next_link(&path, first, &cursor.seal(&actor, &path)));
    let rows: Vec<Value> = found.rows.iter().map(|(_, placed)| noticed(placed)).collect();
    Ok((headers.unwrap_or_default(), Json(Value::from(rows))).into_response())
}

/// A finding of the catalogue, where it stands and what it does.
fn noticed(placed: &Placed) -> Value {
    let Placed { finding, event } = placed;
    let code = finding.code;
    let mut shown = json!({
        "findingID": finding.id, "code": code.as_str(), "number": code.number(), "severity": finding.severity.as_str(),
        "cause": code.cause(), "fix": code.fix(), "detail": finding.detail, "pointer": finding.pointer,
        "noticedAt": finding.created_at.rfc3339(),
    });
    if let Some((index, id)) = event {
        (shown["eventIndex"], shown["eventID"]) = (json!(index), json!(id));
    }
    if let Some(epc) = &finding.epc {
        shown["epc"] = json!(epc);
    }
    if let Some(cleared) = finding.cleared_at {
        shown["clearedAt"] = json!(cleared.rfc3339());
    }
    shown
}

/// A capture job as EPCIS 2.0 clause 12.6.2 has it. `running` and `success` together say:
///
/// | | `success` | no `success` |
/// |---|---|---|
/// | `running` | nothing is wrong so far | some events are refused; with `proceed` the others are being stored |
/// | not `running` | all of it is stored | `rollback`: nothing is; `proceed`: what `errors` does not name is |
fn shown(job: &Job, errors: &[Violation]) -> Value {
    let running = match job.state {
        JobState::Queued | JobState::Running => true,
        JobState::Done | JobState::Refused => false,
    };
    let mut shown = json!({
        "captureID": job.id,
        "running": running,
        "success": job.state != JobState::Refused && errors.is_empty(),
        "captureErrorBehaviour": job.behaviour.as_str(),
        "createdAt": job.created_at.rfc3339(),
        "errors": errors.iter().map(problem).collect::<Vec<_>>(),
    });
    if let Some(finished) = job.finished_at {
        shown["finishedAt"] = json!(finished.rfc3339());
    }
    shown
}

/// An error of a job as RFC 7807 has it, by the name that EPCIS 2.0 gives its exception.
fn problem(error: &Violation) -> Value {
    let kind = match FindingCode::from_code(&error.code) {
        Some(FindingCode::TooManyEvents | FindingCode::TooLarge) => Code::TooLarge,
        Some(FindingCode::EventIdConflict) => Code::Conflict,
        Some(finding) if finding.class() == Class::Right => Code::NotEntitled,
        Some(_) => Code::InvalidDocument,
        // No finding of a document: the hub itself gave it up.
        None => Code::Internal,
    };
    let mut shown = json!({
        "type": format!("epcisException:{}", exception(kind)), "title": kind.title(), "status": kind.status(),
        "code": error.code, "pointer": error.pointer, "detail": error.detail,
    });
    if let Some(event) = error.event {
        shown["eventIndex"] = json!(event);
    }
    if let Some(epc) = &error.epc {
        shown["epc"] = json!(epc);
    }
    if let Some(severity) = error.severity {
        shown["severity"] = json!(severity.as_str());
    }
    shown
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Problem> {
    let (first, token) = paging::wanted(&hub, paging)?;
    let after = token.map(|token| Cursor::open(&token, &actor, LIST)).transpose()?;
    let jobs = capture::jobs(&hub, &actor, Page { first, after }).await?;
    let next = jobs.rows.last().filter(|_| jobs.has_next);
    let headers = next.map(|(cursor, _)| next_link(LIST, first, &cursor.seal(&actor, LIST)));
    let headers = headers.unwrap_or_default();
    let mut shown_jobs = Vec::with_capacity(jobs.rows.len());
    for (_, job) in &jobs.rows {
        shown_jobs.push(shown(job, &capture::errors_of(job)?));
    }
    Ok((headers, Json(Value::from(shown_jobs))).into_response())
}

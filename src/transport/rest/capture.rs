//! EPCIS capture: `/epcis/capture` (EPCIS 2.0 clause 12.6).
//!
//! | call | answer |
//! |---|---|
//! | `POST /epcis/capture` | 202 and `Location` of the job; 400, 403, 413, 415 as problem+json, and nothing stored |
//! | `GET /epcis/capture/{id}` | the job, to whoever sent the document |
//! | `GET /epcis/capture/{id}/document` | the document with header and events, in the form that `Accept` and the `GS1-` headers ask for, to whoever sent it |
//! | `GET /epcis/capture` | the caller's jobs, newest first: `perPage`, `nextPageToken`, `Link: …; rel="next"` |
//! | `OPTIONS /epcis/capture` | what is taken: limits and error behaviour |
//!
//! 202 does not say that the events are stored: the job says it.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::config::settings::Limits;
use crate::domain::party::Actor;
use crate::epcis::MediaType;
use crate::service::capture::{self, Job, JobState, Report, Submission, Upload};
use crate::service::page::{Cursor, Page};
use crate::service::{Code, Hub, ServiceError, Violation};
use crate::transport::problem::Problem;

use super::negotiation::{self, Representation};
use super::paging::{self, Paging, next_link};

static CAPTURE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-limit");
static FILE_SIZE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-file-size-limit");
static ERROR_BEHAVIOUR: HeaderName = HeaderName::from_static("gs1-capture-error-behaviour");

/// The routes of this noun.
pub fn routes() -> Router<Hub> {
    Router::new()
        .route("/epcis/capture", get(list).post(submit).options(options))
        .route("/epcis/capture/{id}", get(job))
        .route("/epcis/capture/{id}/document", get(document))
}

async fn submit(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    match take(&hub, &actor, &headers, body).await {
        Ok(job) => {
            let location = [(header::LOCATION, format!("/epcis/capture/{}", job.id))];
            (StatusCode::ACCEPTED, location, announced(hub.limits())).into_response()
        }
        Err(error) => {
            let too_large = error.code() == Code::TooLarge;
            let problem = Problem::from(error);
            if too_large {
                (announced(hub.limits()), problem).into_response()
            } else {
                problem.into_response()
            }
        }
    }
}

async fn take(hub: &Hub, actor: &Actor, headers: &HeaderMap, body: Body) -> Result<Job, ServiceError> {
    let (media, media_type) = media(headers)?;
    behaviour(headers)?;
    let largest = hub.limits().document_bytes;
    if announced_length(headers).is_some_and(|length| length > largest) {
        return Err(capture::too_large(largest));
    }
    let mut upload = Upload::begin(hub)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => {
                if !upload.push(piece).await {
                    break;
                }
            }
            Err(error) => {
                upload.abandon().await;
                return Err(interrupted(hub, &error));
            }
        }
    }
    let received = upload.finish().await?;
    capture::submit(
        hub,
        actor,
        Submission {
            received,
            media,
            media_type,
        },
    )
    .await
}

/// The size of a body, where the caller says it beforehand.
pub(in crate::transport) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that ends early: cut off by the limit of the port, or by the caller.
fn interrupted(hub: &Hub, error: &axum::Error) -> ServiceError {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
        return capture::too_large(hub.limits().document_bytes);
    }
    ServiceError::refused(Code::BadInput, "the document ended before its end: send it again")
}

fn media(headers: &HeaderMap) -> Result<(MediaType, String), ServiceError> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let taken = matches!(
        essence.as_str(),
        "application/xml" | "text/xml" | "application/json" | "application/ld+json"
    );
    let coded = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    match MediaType::from_content_type(&essence) {
        Some(media) if taken && !coded => Ok((media, essence)),
        Some(_) | None => {
            let detail = "send application/xml, text/xml, application/json or application/ld+json, without Content-Encoding";
            Err(ServiceError::refused(Code::UnsupportedMediaType, detail))
        }
    }
}

fn behaviour(headers: &HeaderMap) -> Result<(), ServiceError> {
    match headers.get(&ERROR_BEHAVIOUR).map(HeaderValue::as_bytes) {
        None | Some(b"rollback") => Ok(()),
        Some(b"proceed") => {
            let detail =
                "GS1-Capture-Error-Behaviour `proceed` is not offered: send `rollback`, or each event in a document of its own";
            Err(ServiceError::refused(Code::BadInput, detail))
        }
        Some(_) => Err(ServiceError::refused(
            Code::BadInput,
            "GS1-Capture-Error-Behaviour must be `rollback`",
        )),
    }
}

fn announced(limits: &Limits) -> HeaderMap {
    HeaderMap::from_iter([
        (CAPTURE_LIMIT.clone(), HeaderValue::from(limits.events_per_document)),
        (FILE_SIZE_LIMIT.clone(), HeaderValue::from(limits.document_bytes)),
        (ERROR_BEHAVIOUR.clone(), HeaderValue::from_static("rollback")),
    ])
}

async fn options(State(hub): State<Hub>) -> Response {
    let versions = [
        ("allow", "GET, HEAD, POST, OPTIONS"),
        (
            "accept-post",
            "application/xml, text/xml, application/json, application/ld+json",
        ),
        ("gs1-epcis-version", "2.0"),
        ("gs1-epcis-min", "1.0"),
        ("gs1-epcis-max", "2.0"),
        ("gs1-cbv-version", "2.0"),
    ];
    (StatusCode::NO_CONTENT, versions, announced(hub.limits())).into_response()
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

/// A capture job as EPCIS 2.0 clause 12.6.2 has it.
fn shown(job: &Job, errors: &[Violation]) -> Value {
    let running = match job.state {
        JobState::Queued | JobState::Running => true,
        JobState::Done | JobState::Refused => false,
    };
    let problem = |error: &Violation| {
        json!({
            "type": "epcisException:ValidationException", "title": Code::InvalidDocument.title(), "status": Code::InvalidDocument.status(),
            "code": error.code, "pointer": error.pointer, "detail": error.detail,
        })
    };
    let mut shown = json!({
        "captureID": job.id,
        "running": running,
        "success": job.state != JobState::Refused,
        "captureErrorBehaviour": "rollback",
        "createdAt": job.created_at.rfc3339(),
        "errors": errors.iter().map(problem).collect::<Vec<_>>(),
    });
    if let Some(finished) = job.finished_at {
        shown["finishedAt"] = json!(finished.rfc3339());
    }
    shown
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Problem> {
    let (first, token) = paging::wanted(&hub, paging)?;
    let after = token.map(|token| token.parse::<Cursor>()).transpose()?;
    let jobs = capture::jobs(&hub, &actor, Page { first, after }).await?;
    let next = jobs.rows.last().filter(|_| jobs.has_next);
    let headers = next.map(|(cursor, _)| next_link("/epcis/capture", first, &cursor.to_string()));
    let headers = headers.unwrap_or_default();
    let mut shown_jobs = Vec::with_capacity(jobs.rows.len());
    for (_, job) in &jobs.rows {
        shown_jobs.push(shown(job, &capture::errors_of(job)?));
    }
    Ok((headers, Json(Value::from(shown_jobs))).into_response())
}

//! A document or an event on its way in: what the headers say of it, its bytes, and how it is refused (EPCIS 2.0 clause 12.6).
//!
//! Nothing here knows what is in it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use crate::config::settings::Limits;
use crate::epcis::MediaType;
use crate::service::capture::{self, Coding, ErrorBehaviour, Submission, Upload};
use crate::service::{Code, Hub, ServiceError};

use super::negotiation;

static CAPTURE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-limit");
static FILE_SIZE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-file-size-limit");
pub(super) static ERROR_BEHAVIOUR: HeaderName = HeaderName::from_static("gs1-capture-error-behaviour");

/// Reads what is sent to its end.
pub(super) async fn receive(hub: &Hub, headers: &HeaderMap, body: Body) -> Result<Submission, ServiceError> {
    let (media, media_type) = media(headers)?;
    let coding = coding(headers)?;
    let behaviour = behaviour(headers)?;
    let largest = hub.limits().document_bytes;
    if announced_length(headers).is_some_and(|length| length > largest) {
        return Err(capture::too_large(largest));
    }
    let mut upload = Upload::begin(hub, coding)?;
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
    Ok(Submission {
        received: upload.finish().await?,
        media,
        media_type,
        behaviour,
    })
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
    match MediaType::from_content_type(&essence) {
        Some(media) if taken => Ok((media, essence)),
        Some(_) | None => {
            let detail = "send application/xml, text/xml, application/json or application/ld+json";
            Err(ServiceError::refused(Code::UnsupportedMediaType, detail))
        }
    }
}

/// One coding at the most: what is packed twice is not sent by anybody in earnest.
fn coding(headers: &HeaderMap) -> Result<Coding, ServiceError> {
    let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let (first, more) = (lines.next(), lines.next());
    let text = first.map_or(Ok("identity"), HeaderValue::to_str).unwrap_or("?");
    match text.trim().to_ascii_lowercase().as_str() {
        "identity" | "" if more.is_none() => Ok(Coding::Identity),
        "gzip" | "x-gzip" if more.is_none() => Ok(Coding::Gzip),
        _ => Err(ServiceError::refused(
            Code::UnsupportedMediaType,
            "Content-Encoding is gzip, once, or left out",
        )),
    }
}

fn behaviour(headers: &HeaderMap) -> Result<ErrorBehaviour, ServiceError> {
    let asked = headers.get(&ERROR_BEHAVIOUR).map(|value| value.to_str().unwrap_or("?"));
    asked.map_or(Ok(ErrorBehaviour::default()), |text| {
        text.trim()
            .parse()
            .map_err(|_| ServiceError::refused(Code::BadInput, "GS1-Capture-Error-Behaviour must be `rollback` or `proceed`"))
    })
}

/// The limits, as they go with whatever they refuse.
pub(super) fn announced(limits: &Limits) -> HeaderMap {
    HeaderMap::from_iter([
        (CAPTURE_LIMIT.clone(), HeaderValue::from(limits.events_per_document)),
        (FILE_SIZE_LIMIT.clone(), HeaderValue::from(limits.document_bytes)),
    ])
}

/// A refusal of what was sent, with the limits where they are the reason.
pub(super) fn refused(hub: &Hub, headers: &HeaderMap, error: ServiceError) -> Response {
    let code = error.code();
    let mut response = negotiation::epcis_problem(headers, error);
    if code == Code::TooLarge {
        response.headers_mut().extend(announced(hub.limits()));
    }
    if code == Code::UnsupportedMediaType {
        // RFC 9110 clause 15.5.16.
        let codings = [(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))];
        response.headers_mut().extend(codings);
    }
    response
}

/// `OPTIONS`: what is taken by these methods.
pub(super) fn options(hub: &Hub, allow: &'static str) -> Response {
    let versions = [
        ("allow", allow),
        (
            "accept-post",
            "application/xml, text/xml, application/json, application/ld+json",
        ),
        ("accept-encoding", "gzip"),
        ("gs1-epcis-version", "2.0.0"),
        ("gs1-epcis-min", "1.0.0"),
        ("gs1-epcis-max", "2.0.0"),
        ("gs1-cbv-version", "2.0.0"),
    ];
    // The word of the standard for a server that does both.
    let behaviours = [(ERROR_BEHAVIOUR.clone(), HeaderValue::from_static("all"))];
    (
        axum::http::StatusCode::NO_CONTENT,
        versions,
        announced(hub.limits()),
        behaviours,
    )
        .into_response()
}

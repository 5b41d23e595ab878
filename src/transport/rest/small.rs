//! Small definitions as JSON, and how their resources answer.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::epcis::MediaType;
use crate::service::{Code, ServiceError};
use crate::transport::problem::Problem;

/// Reads a definition of at most `limit` bytes; `form` says what it looks like.
pub(super) async fn definition<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    form: &str,
) -> Result<T, ServiceError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media.and_then(MediaType::from_content_type) != Some(MediaType::Json) {
        let detail = format!("send it as application/json: {form}");
        return Err(ServiceError::refused(Code::UnsupportedMediaType, detail));
    }
    let too_large = |_| ServiceError::refused(Code::TooLarge, format!("the body is larger than {limit} bytes, or broke off"));
    let body = axum::body::to_bytes(body, limit).await.map_err(too_large)?;
    serde_json::from_slice(&body).map_err(|error| {
        // Where, not what: the parser's own text repeats the input, and there may be a secret in it.
        let detail = format!("line {}, column {}: {form}", error.line(), error.column());
        ServiceError::refused(Code::BadInput, detail)
    })
}

/// The answer, or the problem.
pub(super) fn answered(answer: Result<Response, ServiceError>) -> Response {
    answer.unwrap_or_else(|error| Problem::from(error).into_response())
}

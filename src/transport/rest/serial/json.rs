//! A small JSON body in: read whole, refused where it is too large, not JSON, or has members that nobody knows.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::service::error::{Code, ServiceError};

/// Reads a body of at most `limit` bytes.
pub(super) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body, limit: usize) -> Result<T, ServiceError> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = "the body is JSON: send it as application/json";
        return Err(ServiceError::refused(Code::UnsupportedMediaType, detail));
    }
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
        let detail = format!("the body is larger than {limit} bytes, or broke off: send it in parts");
        ServiceError::refused(Code::TooLarge, detail)
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // Names the member and the place; a value in it is the caller's own, and goes to nobody else.
        let cause: String = error.to_string().chars().take(300).collect();
        let detail = format!("the body is not what this resource takes: {cause}");
        ServiceError::refused(Code::BadInput, detail)
    })
}

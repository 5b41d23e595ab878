//! A small JSON body in: read whole, refused where it is too large, not JSON, or has members that nobody knows.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::service::error::{Code, ServiceError};

/// Where an idempotency key stands (draft-ietf-httpapi-idempotency-key-header).
const KEY: &str = "idempotency-key";

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
        // The text of the error can hold a value that was sent; where it is says enough.
        let detail = format!(
            "the body is not what is taken here: see line {}, column {}",
            error.line(),
            error.column()
        );
        ServiceError::refused(Code::BadInput, detail)
    })
}

/// The key of a request, if it has one: a string of RFC 9651 (`"k"`), or the bare text.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ServiceError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().map_err(|_| {
        ServiceError::refused(
            Code::BadInput,
            "the header `Idempotency-Key` has characters that no key may have",
        )
    })?;
    let text = text.trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    Ok(Some(bare.to_owned()))
}

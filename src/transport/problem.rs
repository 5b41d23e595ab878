//! Refusals as RFC 9457 problem+json, from the one table of [`crate::service::error`].

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::service::error::{Code, ServiceError, Violation};

/// What goes over the wire.
#[derive(Debug, serde::Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
}

impl Problem {
    /// From the table.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { kind: format!("urn:counterfoil:problem:{}", code.as_str()), title: code.title(), status: code.status(), detail: detail.into(), errors: Vec::new() }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let code = error.code();
        match error {
            ServiceError::Refused { detail, violations, .. } => Self { errors: violations, ..Self::new(code, detail) },
            ServiceError::Storage(_) | ServiceError::Internal(_) => {
                // The whole chain, once; the caller gets the title alone.
                tracing::error!(error = &error as &dyn std::error::Error, code = code.as_str(), "request failed");
                Self::new(code, code.title())
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

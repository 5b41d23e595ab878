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
        Self {
            kind: type_uri(code),
            title: code.title(),
            status: code.status(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

/// The `type` of a problem (RFC 9457 clause 3.1.1): a name, nothing to fetch.
fn type_uri(code: Code) -> String {
    match EPCIS.iter().find(|(known, _)| *known == code) {
        Some((_, exception)) => format!("epcisException:{exception}"),
        None => format!("urn:counterfoil:problem:{}", code.as_str()),
    }
}

/// Codes that only the EPCIS binding answers have the names that EPCIS 2.0 gives them.
const EPCIS: &[(Code, &str)] = &[
    (Code::QueryParameter, "QueryParameterException"),
    (Code::QueryTooLarge, "QueryTooLargeException"),
    (Code::QueryTooWide, "QueryTooComplexException"),
    (Code::NameTaken, "ResourceAlreadyExistsException"),
];

/// The table of all problem types as JSON, as committed in `schema/problems.json`.
#[must_use]
pub fn table() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let row =
            serde_json::json!({ "code": code.as_str(), "type": type_uri(*code), "status": code.status(), "title": code.title() });
        format!("  {row}")
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let code = error.code();
        match error {
            ServiceError::Refused { detail, violations, .. } => Self {
                errors: violations,
                ..Self::new(code, detail)
            },
            ServiceError::Storage(_) | ServiceError::Internal(_) => {
                // The whole chain, once; the caller gets the title alone.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    code = code.as_str(),
                    "request failed"
                );
                Self::new(code, code.title())
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_current() {
        let committed = include_str!("../../schema/problems.json");
        assert_eq!(table(), committed, "run `counterfoil schema problems > schema/problems.json`");
    }

    #[test]
    fn a_fault_of_ours_tells_nothing_of_us() {
        let problem = Problem::from(ServiceError::Internal("password in table certificate".to_owned()));
        assert_eq!((problem.status, problem.detail.as_str()), (500, Code::Internal.title()));
    }
}

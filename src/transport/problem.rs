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
    /// The hub's own code, where the `type` is one of the standard's.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
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
            code: None,
            errors: Vec::new(),
        }
    }

    /// A refusal of a resource of the EPCIS binding, by the name that EPCIS 2.0 gives it.
    #[must_use]
    pub fn of_epcis(error: ServiceError) -> Self {
        let code = error.code();
        Self {
            kind: format!("epcisException:{}", exception(code)),
            code: Some(code.as_str()),
            ..Self::from(error)
        }
    }
}

/// The exception of EPCIS 2.0 (clause 12.9) that a code is.
#[must_use]
pub fn exception(code: Code) -> &'static str {
    if let Some((_, exception)) = EPCIS.iter().find(|(known, _)| *known == code) {
        return exception;
    }
    match code.status() {
        401 | 403 => "SecurityException",
        404 | 410 => "NoSuchResourceException",
        406 => "NotAcceptableException",
        409 => "ResourceAlreadyExistsException",
        413 => "CaptureLimitExceededException",
        415 => "UnsupportedMediaTypeException",
        400 | 405 | 422 => "ValidationException",
        _ => "ImplementationException",
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
    (Code::NoSuchName, "NoSuchNameException"),
    (Code::NoSuchSubscription, "NoSuchResourceException"),
    (Code::SubscriptionTaken, "ResourceAlreadyExistsException"),
    (Code::SubscriptionControls, "SubscriptionControlsException"),
    (Code::SubscribeNotPermitted, "SubscribeNotPermittedException"),
    (Code::InvalidDestination, "InvalidURIException"),
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

impl Problem {
    /// The same as `application/problem+xml` (RFC 9457 appendix B).
    #[must_use]
    pub fn into_xml_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.xml()).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+xml"));
        response
    }

    fn xml(&self) -> String {
        let element = |name: &str, text: &str| format!("<{name}>{}</{name}>", escaped(text));
        let head = [
            element("type", &self.kind),
            element("title", self.title),
            element("status", &self.status.to_string()),
            element("detail", &self.detail),
            self.code.map(|code| element("code", code)).unwrap_or_default(),
        ];
        let places = self.errors.iter().map(|error| {
            let mut fields = vec![
                element("code", &error.code),
                element("pointer", &error.pointer),
                element("detail", &error.detail),
            ];
            fields.extend(error.event.map(|event| element("eventIndex", &event.to_string())));
            fields.extend(error.epc.as_deref().map(|epc| element("epc", epc)));
            fields.extend(error.severity.map(|severity| element("severity", severity.as_str())));
            format!("<i>{}</i>", fields.concat())
        });
        let places: String = places.collect();
        let errors = if places.is_empty() {
            String::new()
        } else {
            format!("<errors>{places}</errors>")
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<problem xmlns=\"urn:ietf:rfc:7807\">{}{errors}</problem>\n",
            head.concat()
        )
    }
}

/// Text that holds no markup and no character that XML does not have.
fn escaped(text: &str) -> String {
    let known = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    known.fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
        out
    })
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
    fn xml_says_the_same() {
        let problem = Problem::from(ServiceError::Refused {
            code: Code::BadInput,
            detail: "`a<b` & \u{1}c".to_owned(),
            violations: vec![Violation {
                code: "X".to_owned(),
                pointer: "/a".to_owned(),
                detail: "d".to_owned(),
                ..Violation::default()
            }],
        });
        let xml = problem.xml();
        assert!(xml.contains("<detail>`a&lt;b` &amp; c</detail>"), "{xml}");
        assert!(
            xml.contains("<errors><i><code>X</code><pointer>/a</pointer><detail>d</detail></i></errors>"),
            "{xml}"
        );
    }

    #[test]
    fn a_fault_of_ours_tells_nothing_of_us() {
        let problem = Problem::from(ServiceError::Internal("password in table certificate".to_owned()));
        assert_eq!((problem.status, problem.detail.as_str()), (500, Code::Internal.title()));
    }
}

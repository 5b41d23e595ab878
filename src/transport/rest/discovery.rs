//! `OPTIONS` of the query routes: which methods and which versions (EPCIS 2.0 clause 12.4).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The answer of a resource that takes these methods.
pub(super) fn discovery(allow: &'static str) -> Response {
    let told = [
        ("allow", allow),
        ("gs1-epcis-version", "2.0.0"),
        ("gs1-epcis-min", "1.2"),
        ("gs1-epcis-max", "2.0.0"),
        ("gs1-cbv-version", "2.0.0"),
        ("gs1-cbv-min", "2.0.0"),
        ("gs1-cbv-max", "2.0.0"),
    ];
    (StatusCode::NO_CONTENT, told).into_response()
}

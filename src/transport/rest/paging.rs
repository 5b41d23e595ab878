//! Lists in pages: `?perPage=` and `?nextPageToken=`, and the `Link` to the next (EPCIS 2.0 clause 12.5).

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::service::{Code, Hub, ServiceError};

/// Rows on a page if the caller does not say (EPCIS 2.0 clause 12.5).
pub(super) const PER_PAGE: usize = 30;

/// What a caller says of the page it wants.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    #[serde(rename = "perPage")]
    per_page: Option<usize>,
    #[serde(rename = "nextPageToken")]
    next_page_token: Option<String>,
}

/// How many rows, within the limit of the hub, and from which token on.
pub(super) fn wanted(hub: &Hub, paging: Result<Query<Paging>, QueryRejection>) -> Result<(usize, Option<String>), ServiceError> {
    let refused = || {
        let detail = "the query takes `perPage` (a whole number from 1) and `nextPageToken`, and nothing else";
        ServiceError::refused(Code::BadInput, detail)
    };
    let Query(paging) = paging.map_err(|_| refused())?;
    match paging.per_page.unwrap_or(PER_PAGE).min(hub.limits().page) {
        0 => Err(refused()),
        first => Ok((first, paging.next_page_token)),
    }
}

/// Where the next page is.
pub(super) fn next_link(path: &str, first: usize, token: &str) -> HeaderMap {
    let link = HeaderValue::try_from(format!("<{path}?perPage={first}&nextPageToken={token}>; rel=\"next\""));
    link.map(|link| (header::LINK, link)).into_iter().collect()
}

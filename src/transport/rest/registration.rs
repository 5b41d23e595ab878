//! Serial numbers that a delegate makes itself.
//!
//! | call | who | answer |
//! |---|---|---|
//! | `POST /serials/v1/registrations` | a delegate with the power `request_serials`, for a product whose source is `delegate` | 201 and the allocation that they make; the same again for the same list and key |
//!
//! Body and report are those of [`super::import`]. The query may name `gtin`, `agreement`, `lot`, `site` (GLN) and `line`.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use crate::domain::party::Actor;
use crate::service::serial::{self, Registration};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, post};

use super::idempotency;
use super::import::reader::ReadList;
use super::import::{REGISTRATIONS, read};

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new().route(REGISTRATIONS, post(register))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    gtin: Option<String>,
    agreement: Option<String>,
    lot: Option<String>,
    site: Option<String>,
    line: Option<String>,
}

async fn register(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let bad = |detail: &str| ServiceError::refused(Code::BadInput, detail);
    let Query(parameters) =
        parameters.map_err(|_| bad("the query takes `gtin`, `agreement`, `lot`, `site` and `line`, and nothing else"))?;
    let site = parameters.site.map(|text| text.parse());
    let site = site
        .transpose()
        .map_err(|_| bad("`site` is no GLN: send 13 digits with a right check digit"))?;
    let agreement = parameters.agreement.map(|text| text.parse());
    let agreement = agreement
        .transpose()
        .map_err(|_| bad("`agreement` is no agreement's name in partner configuration"))?;
    let ReadList {
        gtin,
        serials,
        first_line,
    } = read(&hub, &headers, parameters.gtin.as_deref(), body).await?;
    let registration = Registration {
        gtin,
        serials,
        first_line,
        idempotency_key: key,
        agreement,
        lot: parameters.lot,
        site,
        line: parameters.line,
    };
    let allocation = serial::register(&hub, &actor, registration).await?;
    let shown = json!({
        "id": allocation.id, "gtin": allocation.numbered.to_string(), "quantity": allocation.quantity,
        "state": allocation.state.as_str(), "lot": allocation.lot, "createdAt": allocation.created_at.rfc3339(),
        "serials": format!("/serials/v1/allocations/{}/serials", allocation.id),
    });
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

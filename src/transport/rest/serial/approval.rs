//! The brand owner decides on requests that wait for it: `/serials/v1/allocations/{id}/approve` and `/reject`.
//!
//! | call | answer |
//! |---|---|
//! | `POST /serials/v1/allocations/{id}/approve` | 200 and the allocation: its numbers are the asker's now |
//! | `POST /serials/v1/allocations/{id}/reject` | 200 and the request: `{"reason": "…"}`, 1 to 200 characters, is told to whoever asked |
//!
//! What waits is listed by `GET /serials/v1/allocations?state=pending`. Either said twice is the same as once; the first decision stands.
//! Limits are judged again at the approval, and are refused as they would have been to the request.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::party::Actor;
use crate::service::{Hub, ServiceError, serial};
use crate::transport::route::{Routes, post};

use super::allocation::{BODY_BYTES, Told, named, refused};
use super::json::read;

/// The routes of this noun.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/serials/v1/allocations/{id}/approve", post(approve))
        .route("/serials/v1/allocations/{id}/reject", post(reject))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    reason: String,
}

async fn approve(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let decide = async || serial::approve(&hub, &actor, named(id)?).await;
    answer(decide().await)
}

async fn reject(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let decide = async || {
        let id = named(id)?;
        let Rejection { reason } = read(&headers, body, BODY_BYTES).await?;
        serial::reject(&hub, &actor, id, reason).await
    };
    answer(decide().await)
}

fn answer(decided: Result<serial::Allocation, ServiceError>) -> Response {
    match decided {
        Ok(allocation) => Json(Told::of(&allocation)).into_response(),
        Err(error) => refused(error),
    }
}

//! `POST /dry-run/serials/v1/allocations`: what the same request would be answered at `/serials/v1/allocations`, without a number moving.
//!
//! 200 with up to ten numbers that look like those of the product and are never issued, or the refusal that the request would get.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::party::Actor;
use crate::service::{Hub, ServiceError, serial};
use crate::transport::rest::idempotency;
use crate::transport::route::{Routes, post};

use super::allocation::{BODY_BYTES, Wanted, refused};
use super::json::read;

/// Most numbers in an answer.
const EXAMPLES: usize = 10;

/// The route.
pub(super) fn routes() -> Routes {
    Routes::new().route("/dry-run/serials/v1/allocations", post(ask))
}

async fn ask(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    match asked(&hub, &actor, &headers, body).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refused(error),
    }
}

async fn asked(hub: &Hub, actor: &Actor, headers: &HeaderMap, body: Body) -> Result<Value, ServiceError> {
    let key = idempotency::key(headers)?;
    let wanted: Wanted = read(headers, body, BODY_BYTES).await?;
    let mut dry_run = serial::dry_run(hub, actor, &wanted.request(key)?).await?;
    let quantity = dry_run.numbers.remaining();
    let mut examples = dry_run.numbers.next_chunk()?.unwrap_or_default();
    examples.truncate(EXAMPLES);
    Ok(json!({
        "dryRun": true,
        "gtin": dry_run.numbers.numbered(),
        "quantity": quantity,
        "principal": dry_run.principal,
        "agreement": dry_run.agreement.as_ref().map(|agreement| &agreement.id),
        "needsApproval": dry_run.approval,
        "examples": examples,
    }))
}

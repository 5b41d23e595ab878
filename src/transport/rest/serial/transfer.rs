//! Transfers of serial numbers: `POST /serials/v1/transfers`, and their numbers at `GET /serials/v1/transfers/{id}/serials`.
//!
//! ```json
//! {"gtin": "09521001001014", "allocation": "alc_…", "after": 0, "limit": 500, "to": "9521002000115"}
//! {"gtin": "09521001001014", "serials": ["4KLP…"], "to": "9521002000016", "site": "9521002000115"}
//! ```
//!
//! SSCCs are named as when they are asked for: `ssccPrefix` and `extensionDigit` instead of `gtin`, and `serials` of 18 digits.
//! `to` is a GLN of the taker. The header `Idempotency-Key` is mandatory; 201 with one transfer for each allocation that the numbers are of, and the
//! same for the same key. Downloads know the formats of allocations.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::ids::TransferId;
use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::serial::{self, Transfer, TransferRequest};
use crate::transport::numbers::{body, fits};
use crate::transport::problem::Problem;
use crate::transport::rest::idempotency;
use crate::transport::route::{Routes, get, post};

use super::allocation::numbered;
use super::json::read;
use super::report::{FRAME_BYTES, SERIAL_BYTES};
use super::subject::Named;
use super::{Parameters, understood, with_headers, writer};

/// The routes of this noun.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/serials/v1/transfers", post(transfer))
        .route("/serials/v1/transfers/{id}/serials", get(download))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Sent {
    gtin: Option<String>,
    sscc_prefix: Option<String>,
    extension_digit: Option<u8>,
    serials: Option<Vec<String>>,
    allocation: Option<String>,
    #[serde(default)]
    after: u64,
    limit: Option<u64>,
    #[serde(default)]
    unused: bool,
    to: String,
    site: Option<String>,
}

async fn transfer(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let limit = FRAME_BYTES + hub.limits().serials_per_report * SERIAL_BYTES;
    let sent: Sent = read(&headers, body, limit).await?;
    let key = idempotency::key(&headers)?;
    let transfers = serial::transfer(&hub, &actor, request(sent, key)?).await?;
    let transfers: Vec<Value> = transfers.iter().map(written).collect();
    Ok((StatusCode::CREATED, Json(json!({ "transfers": transfers }))))
}

fn request(sent: Sent, idempotency_key: String) -> Result<TransferRequest, ServiceError> {
    let named = Named {
        serials: sent.serials,
        allocation: sent.allocation,
        after: sent.after,
        limit: sent.limit,
        unused: sent.unused,
    };
    let subject = named.subject("transfer")?;
    let gln = |text: &str, name: &str| {
        let detail = format!("`{name}` is no GLN: send 13 digits with a right check digit");
        text.parse().map_err(|_| ServiceError::refused(Code::BadInput, detail))
    };
    Ok(TransferRequest {
        numbered: numbered(sent.gtin, sent.sscc_prefix, sent.extension_digit)?,
        subject,
        to: gln(&sent.to, "to")?,
        site: sent.site.map(|site| gln(&site, "site")).transpose()?,
        idempotency_key,
    })
}

fn written(transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id, "gtin": transfer.numbered, "quantity": transfer.quantity, "from": transfer.from, "to": transfer.to,
        "site": transfer.site, "at": transfer.at.rfc3339(), "serials": format!("/serials/v1/transfers/{}/serials", transfer.id),
    })
}

async fn download(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, range, format) = understood::<TransferId>(id, parameters, &headers)?;
    let transfer = serial::find_transfer(&hub, &actor, id)
        .await?
        .ok_or_else(ServiceError::not_found)?;
    let numbered = transfer.numbered;
    let writer = writer(&hub, numbered, format)?;
    let numbers = serial::transferred(&hub, &actor, id, range, fits(writer.clone())).await?;
    let written = body(numbers, format.layout(numbered, writer));
    Ok(with_headers(Response::new(written), id, format))
}

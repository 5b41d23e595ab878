//! Receipts of allocations, and the keys they are verified with.
//!
//! | call | answer |
//! |---|---|
//! | `GET /serials/v1/allocations/{id}/receipt` | `application/jose`: the signed receipt, the same bytes each time |
//! | `GET /serials/v1/allocations/{id}/receipt/proof?serial=…` | `application/json`: that the number is one of the block |
//! | `GET /.well-known/jwks.json` | `application/jwk-set+json`: the hub's public key (RFC 7517) |
//!
//! `counterfoil receipt verify` checks them without the hub, and so does any library for JSON Web Signatures.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::service::{Code, Hub, ServiceError, serial};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, get};

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route("/serials/v1/allocations/{id}/receipt", get(receipt))
        .route("/serials/v1/allocations/{id}/receipt/proof", get(proof))
        .route("/.well-known/jwks.json", get(keys))
}

async fn receipt(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let jws = serial::receipt(&hub, &actor, id).await?;
    let mut response = jws.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jose"));
    // An id prints as letters, digits and an underscore.
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{id}.jws\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    serial: String,
}

async fn proof(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let Query(parameters) = parameters.map_err(|_| {
        ServiceError::refused(
            Code::BadInput,
            "the query takes `serial`, the number to prove, and nothing else",
        )
    })?;
    let proof = serial::receipt_proof(&hub, &actor, id, &parameters.serial).await?;
    Ok(Json(proof).into_response())
}

async fn keys(State(hub): State<Hub>) -> Result<([(HeaderName, &'static str); 2], String), Problem> {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    Ok((headers, serial::receipt_keys(&hub)?.to_string()))
}

/// Not an id: there is no such thing, like any id that is not the caller's.
fn known(id: Result<Path<String>, PathRejection>) -> Result<AllocationId, ServiceError> {
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    id.parse().map_err(|_| ServiceError::not_found())
}

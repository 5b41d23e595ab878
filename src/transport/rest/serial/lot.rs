//! What a lot misses: `GET /serials/v1/missing?gtin=…&lot=…`, with `line`, `after` and `limit`.
//!
//! The numbers that were asked for the lot and are in no column of its balance, and those that were lost, each with its state, in pages. The
//! balance itself and the close are in GraphQL (`lotLedger`, `closeLot`).

use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::lot;
use crate::service::serial::SerialRange;
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, get};

/// Numbers of a page where `limit` is not given.
const PAGE: u64 = 1_000;

/// The routes of this noun.
pub(super) fn routes() -> Routes {
    Routes::new().route("/serials/v1/missing", get(missing))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    gtin: String,
    lot: String,
    line: Option<String>,
    #[serde(default)]
    after: u64,
    limit: Option<u64>,
}

async fn missing(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let refuse = |detail: &str| ServiceError::refused(Code::BadInput, detail);
    let Query(asked) = asked.map_err(|_| {
        refuse("the query takes `gtin`, `lot`, `line`, `after` and `limit` (whole numbers) and nothing else; the first two are mandatory")
    })?;
    let gtin = asked
        .gtin
        .parse()
        .map_err(|_| refuse("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
    let range = SerialRange {
        after: asked.after,
        limit: Some(asked.limit.unwrap_or(PAGE)),
    };
    let missing = lot::missing(&hub, &actor, (gtin, &asked.lot, asked.line.as_deref()), range).await?;
    let serials: Vec<Value> = missing
        .serials
        .iter()
        .map(|(serial, state)| json!({ "serial": serial, "state": state.as_str() }))
        .collect();
    Ok(Json(
        json!({ "gtin": gtin, "lot": asked.lot, "total": missing.total, "after": asked.after, "serials": serials }),
    ))
}

//! Lists of serial numbers that somebody else made.
//!
//! | call | who | answer |
//! |---|---|---|
//! | `POST /serials/v1/imports` | the brand owner | 201 and the import; the same again for the same list and key |
//! | `GET /serials/v1/imports` | the same | its imports, newest first: `perPage`, `nextPageToken`, `Link: …; rel="next"` |
//!
//! The body is `text/csv` or `application/jsonl`, as `GET /serials/v1/allocations/{id}/serials` writes it; `Idempotency-Key` names it.
//! A list is taken whole or not at all: 422 as problem+json has one entry in `errors` for each row that is wrong, with its line.
//! The list is read as it comes in and kept in memory in a compact form, up to `limits.serials_per_import` rows.

pub(super) mod reader;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::domain::gs1::Gtin;
use crate::domain::party::Actor;
use crate::service::page::{Cursor, Page};
use crate::service::serial::{self, ImportRecord, ImportRequest};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, get};

use super::idempotency;
use super::paging::{self, Paging, next_link};

use reader::{ListFormat, ListReader, ReadList};

/// Where the brand owner sends lists.
pub const IMPORTS: &str = "/serials/v1/imports";
/// Where delegates send numbers that they make themselves.
pub const REGISTRATIONS: &str = "/serials/v1/registrations";

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new().route(IMPORTS, get(list).post(import))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    gtin: Option<String>,
}

async fn import(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let Query(Parameters { gtin }) = parameters.map_err(|_| {
        ServiceError::refused(
            Code::BadInput,
            "the query takes `gtin`, the product of the list, and nothing else",
        )
    })?;
    let ReadList {
        gtin,
        serials,
        first_line,
    } = read(&hub, &headers, gtin.as_deref(), body).await?;
    let request = ImportRequest {
        gtin,
        idempotency_key: key,
        serials,
        first_line,
    };
    let record = serial::import(&hub, &actor, request).await?;
    Ok((StatusCode::CREATED, Json(shown(&record))).into_response())
}

/// The list of a body, in whichever of the two formats.
pub(super) async fn read(hub: &Hub, headers: &HeaderMap, gtin: Option<&str>, body: Body) -> Result<ReadList, ServiceError> {
    let gtin: Option<Gtin> = gtin
        .map(|text| {
            let detail = "`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit";
            text.parse().map_err(|_| ServiceError::refused(Code::BadInput, detail))
        })
        .transpose()?;
    let mut list = ListReader::new(format(headers)?, gtin, hub.limits().serials_per_import);
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ServiceError::refused(Code::BadInput, "the list ended before its end: send it again"))?;
        list.push(&piece)?;
    }
    list.finish()
}

fn format(headers: &HeaderMap) -> Result<ListFormat, ServiceError> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let coded = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    match text.split(';').next().unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "text/csv" if !coded => Ok(ListFormat::Csv),
        "application/jsonl" | "application/x-ndjson" if !coded => Ok(ListFormat::JsonLines),
        _ => Err(ServiceError::refused(
            Code::UnsupportedMediaType,
            "send text/csv or application/jsonl, without Content-Encoding",
        )),
    }
}

fn shown(record: &ImportRecord) -> Value {
    json!({
        "id": record.id, "gtin": record.numbered.to_string(), "kind": record.kind.as_str(), "quantity": record.quantity,
        "idempotencyKey": record.request_key, "createdAt": record.at.rfc3339(),
    })
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Response, Problem> {
    let (first, token) = paging::wanted(&hub, paging)?;
    let after = token.map(|token| Cursor::open(&token, &actor, "imports")).transpose()?;
    let found = serial::imports(&hub, &actor, Page { first, after }).await?;
    let next = found.rows.last().filter(|_| found.has_next);
    let headers = next.map(|(cursor, _)| next_link(IMPORTS, first, &cursor.seal(&actor, "imports")));
    let headers = headers.unwrap_or_default();
    let rows: Vec<Value> = found.rows.iter().map(|(_, row)| shown(row)).collect();
    Ok((headers, Json(Value::from(rows))).into_response())
}

//! Serial number downloads: `GET /serials/v1/allocations/{id}/serials`.
//!
//! `?format=` decides how they are written, else `Accept`: the formats stand in `serial/format.rs`. The order never changes: `?after=N`
//! leaves out the first N numbers, `?limit=M` ends after M, so a broken download goes on where it broke; each answer is a whole file,
//! with its header line. Where a format allows it every line names its product, so that files can be put together and a line system
//! needs no second source. The numbers are computed while they are sent; the whole list is never in memory. A format that cannot hold
//! one of the numbers is refused before the first byte, and nothing is noted as fetched.
//!
//! It does not give numbers out: that is a request of its own (`serial/allocation.rs`), and reading is free of charge.

use std::fmt::Display;
use std::str::FromStr;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;

use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::domain::serial::form::SerialWriter;
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::SerialRange;
use crate::service::{Code, Hub, ServiceError, serial};
use crate::transport::numbers::{body, fitting, not_encodable, prefix_len};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, get};

use format::Format;

mod allocation;
mod approval;
mod dry_run;
pub(in crate::transport) mod format;
mod json;
mod lot;
mod report;
mod subject;
mod transfer;

/// The routes of this noun.
pub fn routes() -> Routes {
    // HEAD on its own: it would otherwise count as a download.
    Routes::new()
        .route("/serials/v1/allocations/{id}/serials", get(download).head(describe))
        .merge(allocation::routes())
        .merge(approval::routes())
        .merge(dry_run::routes())
        .merge(lot::routes())
        .merge(report::routes())
        .merge(transfer::routes())
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    format: Option<String>,
    /// Of tags.
    filter: Option<u8>,
    #[serde(default)]
    after: u64,
    limit: Option<u64>,
}

async fn download(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, range, format) = understood::<AllocationId>(id, parameters, &headers)?;
    let allocation = serial::allocation(&hub, &actor, id)
        .await?
        .ok_or_else(ServiceError::not_found)?;
    let numbered = allocation.numbered;
    let writer = writer(&hub, numbered, format)?;
    let numbers = fitting(&hub, &actor, id, (range, writer.clone())).await?;
    let written = body(numbers, format.layout(numbered, writer));
    Ok(with_headers(Response::new(written), id, format))
}

async fn describe(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, _, format) = understood::<AllocationId>(id, parameters, &headers)?;
    serial::allocation(&hub, &actor, id)
        .await?
        .ok_or_else(ServiceError::not_found)?;
    // Of a length that is not said, as the download's is not: an empty body would say 0.
    let nothing = stream::empty::<Result<Bytes, std::io::Error>>();
    Ok(with_headers(Response::new(Body::from_stream(nothing)), id, format))
}

fn understood<I: FromStr>(
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(I, SerialRange, Format), ServiceError> {
    // Not an id: there is no such thing, like any id that is not the caller's.
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    let id = id.parse().map_err(|_| ServiceError::not_found())?;
    let Query(parameters) = parameters.map_err(|_| {
        let detail = "the query takes `format`, `filter` (0 to 7), `after` and `limit` (whole numbers) and nothing else";
        ServiceError::refused(Code::BadInput, detail)
    })?;
    let format = match parameters.format.as_deref() {
        Some(name) => Format::named(name, parameters.filter)?,
        None => Format::accepted(headers).ok_or_else(|| {
            let detail = "serial numbers come as text/csv, application/jsonl, application/json, text/uri-list or text/plain";
            ServiceError::refused(Code::NotAcceptable, detail)
        })?,
    };
    let range = SerialRange {
        after: parameters.after,
        limit: parameters.limit,
    };
    Ok((id, range, format))
}

/// Writes numbers of a product in a format, if it can hold them at all.
fn writer(hub: &Hub, numbered: Numbered, format: Format) -> Result<SerialWriter, ServiceError> {
    SerialWriter::new(format.form(), &numbered, prefix_len(&hub.registry(), &numbered)).map_err(not_encodable)
}

fn with_headers(mut response: Response, id: impl Display, format: Format) -> Response {
    let (media_type, ending) = format.media_type();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Whoever has the numbers can print them: no cache on the way keeps them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // An id prints as letters, digits and an underscore.
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{id}.{ending}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

//! Serial number downloads: `GET /serials/v1/allocations/{id}/serials`.
//!
//! | format | media type | content |
//! |---|---|---|
//! | `csv` (default) | `text/csv; charset=utf-8; header=present` | RFC 4180, CRLF; first line `gtin,serial` |
//! | `jsonl` | `application/jsonl` | one line a serial: `{"gtin":"…","serial":"…"}` |
//!
//! `?format=` decides, else `Accept`. The order never changes: `?after=N` leaves out the first N numbers, `?limit=M` ends after M, so a
//! broken download goes on where it broke; each answer is a whole file, with its header line. Every line names its product, so that files can be put together and a line system needs no
//! second source. The numbers are computed while they are sent; the whole list is never in memory.
//!
//! It does not give numbers out: that is a request of its own, and reading is free of charge.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream::{self, Stream, StreamExt};

use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::{SerialRange, SerialStream};
use crate::service::{Code, Hub, ServiceError, serial};
use crate::transport::problem::Problem;

/// The routes of this noun.
pub fn routes() -> Router<Hub> {
    // HEAD on its own: it would otherwise count as a download.
    Router::new().route("/serials/v1/allocations/{id}/serials", get(download).head(describe))
}

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    format: Option<String>,
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
    let (id, parameters, format) = understood(id, parameters, &headers)?;
    let range = SerialRange {
        after: parameters.after,
        limit: parameters.limit,
    };
    let numbers = serial::serials(&hub, &actor, id, range).await?;
    Ok(with_headers(
        Response::new(Body::from_stream(lines(numbers, format))),
        id,
        format,
    ))
}

async fn describe(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, _, format) = understood(id, parameters, &headers)?;
    serial::allocation(&hub, &actor, id)
        .await?
        .ok_or_else(ServiceError::not_found)?;
    // Of a length that is not said, as the download's is not: an empty body would say 0.
    let nothing = stream::empty::<Result<Bytes, std::io::Error>>();
    Ok(with_headers(Response::new(Body::from_stream(nothing)), id, format))
}

fn understood(
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(AllocationId, Parameters, Format), ServiceError> {
    // Not an id: there is no such thing, like any id that is not the caller's.
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    let id = id.parse().map_err(|_| ServiceError::not_found())?;
    let Query(parameters) = parameters.map_err(|_| {
        let detail = "the query takes `format` (csv or jsonl), `after` and `limit` (whole numbers) and nothing else";
        ServiceError::refused(Code::BadInput, detail)
    })?;
    let format = match parameters.format.as_deref() {
        Some("csv") => Format::Csv,
        Some("jsonl") => Format::JsonLines,
        Some(other) => {
            let other: String = other.chars().take(20).collect();
            return Err(ServiceError::refused(
                Code::BadInput,
                format!("there is no format `{other}`: ask for csv or jsonl"),
            ));
        }
        None => accepted(headers)
            .ok_or_else(|| ServiceError::refused(Code::NotAcceptable, "serial numbers come as text/csv or application/jsonl"))?,
    };
    Ok((id, parameters, format))
}

/// The acceptable format of the greatest weight, CSV before JSON lines (RFC 9110 clause 12.5.1).
fn accepted(headers: &HeaderMap) -> Option<Format> {
    let ranges: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .collect();
    if ranges.is_empty() {
        return Some(Format::Csv);
    }
    let best = |format: Format| {
        let names: &[&str] = match format {
            Format::Csv => &["text/csv", "text/*", "*/*"],
            Format::JsonLines => &["application/jsonl", "application/*", "*/*"],
        };
        // The most specific range that names it says its weight.
        names
            .iter()
            .find_map(|name| ranges.iter().find_map(|range| weight(range, name)))
            .unwrap_or(0)
    };
    let (csv, json) = (best(Format::Csv), best(Format::JsonLines));
    match (csv, json) {
        (0, 0) => None,
        (csv, json) if csv >= json => Some(Format::Csv),
        (_, _) => Some(Format::JsonLines),
    }
}

/// The weight of a media range in thousandths, if it is this one.
fn weight(range: &str, name: &str) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(name) {
        return None;
    }
    let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some(q.map_or(1_000, |q| {
        q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1_000.0) as u32)
    }))
}

fn with_headers(mut response: Response, id: AllocationId, format: Format) -> Response {
    let (media_type, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        Format::JsonLines => ("application/jsonl", "jsonl"),
    };
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

/// The body in pieces, each computed off the threads that serve connections.
fn lines(numbers: SerialStream, format: Format) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let head = match format {
        Format::Csv => Some(Ok(Bytes::from_static(b"gtin,serial\r\n"))),
        Format::JsonLines => None,
    };
    // An error ends the body unfinished: the reader sees that the list is not whole.
    let rest = stream::try_unfold(numbers, move |mut numbers| async move {
        let work = move || {
            (
                numbers
                    .next_chunk()
                    .map(|chunk| chunk.map(|chunk| written(numbers.numbered(), &chunk, format))),
                numbers,
            )
        };
        let (text, numbers) = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?;
        Ok(text.map_err(std::io::Error::other)?.map(|text| (Bytes::from(text), numbers)))
    });
    stream::iter(head).chain(rest)
}

fn written(numbered: Numbered, serials: &[String], format: Format) -> String {
    let gtin = numbered.to_string();
    let mut text = String::with_capacity(serials.len() * 64);
    for serial in serials {
        match format {
            Format::Csv => text.extend([gtin.as_str(), ",", &csv_field(serial), "\r\n"]),
            Format::JsonLines => {
                text.push_str(&serde_json::json!({ "gtin": gtin, "serial": serial }).to_string());
                text.push('\n');
            }
        }
    }
    text
}

/// Quotes where RFC 4180 clause 2 asks for it; serial numbers have no line breaks.
fn csv_field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_accept() {
        let check = |accept: &[&str], expect| {
            let headers = accept
                .iter()
                .map(|value| (header::ACCEPT, HeaderValue::from_str(value).unwrap()))
                .collect();
            assert_eq!(accepted(&headers), expect, "{accept:?}");
        };
        check(&[], Some(Format::Csv));
        check(&["*/*"], Some(Format::Csv));
        check(&["text/csv"], Some(Format::Csv));
        check(&["application/jsonl"], Some(Format::JsonLines));
        check(&["application/*"], Some(Format::JsonLines));
        check(&["text/csv;q=0.2, application/jsonl"], Some(Format::JsonLines));
        check(&["text/csv;q=0.2", "application/jsonl; q=0.5"], Some(Format::JsonLines));
        check(&["application/jsonl;q=0, */*"], Some(Format::Csv));
        check(&["text/csv;q=0, */*;q=0.1"], Some(Format::JsonLines));
        check(&["text/csv; header=present"], Some(Format::Csv));
        check(&["application/xml"], None);
        check(&["text/csv;q=0"], None);
        check(&["text/csv;q=x"], None);
        check(&[""], None);
    }

    #[test]
    fn lines_are_quoted_as_their_format_asks() {
        let gtin: Numbered = "09521234000013".parse().unwrap();
        let serials = ["A1".to_owned(), "A,\"1".to_owned()];
        assert_eq!(
            written(gtin, &serials, Format::Csv),
            "09521234000013,A1\r\n09521234000013,\"A,\"\"1\"\r\n"
        );
        let expect = "{\"gtin\":\"09521234000013\",\"serial\":\"A1\"}\n{\"gtin\":\"09521234000013\",\"serial\":\"A,\\\"1\"}\n";
        assert_eq!(written(gtin, &serials, Format::JsonLines), expect);
    }
}

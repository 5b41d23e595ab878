//! Look-ups: `POST /serials/v1/lookups`.
//!
//! | body | form |
//! |---|---|
//! | `application/json` | `{"gtin": "…", "serials": ["…"]}`, or without `gtin` where each text says itself what it is of |
//! | `text/csv` | a header line with `serial` (or `epc`, `sscc`) and, if it is wanted, `gtin`; or one number a line |
//! | `application/jsonl` | `{"gtin": "…", "serial": "…"}` a line, `gtin` where it is wanted |
//!
//! A text without a product is an EPC URN, a GS1 Digital Link, an element string or the 18 digits of an SSCC; products may be mixed. The
//! answer is `application/jsonl`: one line a number, in the order of the call. At most `limits.lookup_numbers` numbers and
//! `limits.lookup_bytes` bytes; more is refused before anything is looked up.
//!
//! Looking up is a POST though it changes nothing: numbers do not belong into addresses, which others keep.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Map, Value, json};

use crate::domain::party::{Actor, Registry};
use crate::domain::serial::table::{Row, Table};
use crate::service::serial::lookup::{self, Asked, Foreign, Issued, Lookup, Transferred, Unreadable};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, post};

/// Answers that are written at a time.
const CHUNK: usize = 1_000;
/// Longest text that comes back where it was not understood, in characters.
const ECHO: usize = 100;

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new().route("/serials/v1/lookups", post(answer))
}

async fn answer(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let form = form(&headers)?;
    let body = read(&hub, body).await?;
    let lines = understood(&hub, form, &body)?;
    drop(body);
    let asked = lines.iter().filter_map(|line| line.as_ref().ok().cloned()).collect();
    let found = lookup::lookup_all(&hub, &actor, asked).await?;
    let mut response = Response::new(Body::from_stream(stream::iter(Answers {
        lines: lines.into_iter(),
        found: found.into_iter(),
        next: 1,
    })));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    Ok(response)
}

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Lines,
}

fn form(headers: &HeaderMap) -> Result<Form, ServiceError> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Form::Json),
        "text/csv" | "text/plain" | "application/jsonl" | "application/x-ndjson" => Ok(Form::Lines),
        _ => Err(ServiceError::refused(
            Code::UnsupportedMediaType,
            "numbers to look up are sent as application/json, text/csv or application/jsonl",
        )),
    }
}

async fn read(hub: &Hub, body: Body) -> Result<Bytes, ServiceError> {
    let most = hub.limits().lookup_bytes;
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            ServiceError::refused(
                Code::TooLarge,
                format!("the body is larger than {most} bytes: send it in parts"),
            )
        } else {
            ServiceError::refused(Code::BadInput, "the body ended before its end: send it again")
        }
    })
}

/// What a line asks for, or why that cannot be said; the text that was not understood, cut short.
type Line = Result<Asked, (String, Unreadable)>;

fn understood(hub: &Hub, form: Form, body: &[u8]) -> Result<Vec<Line>, ServiceError> {
    let (registry, most) = (hub.registry(), hub.limits().lookup_numbers);
    let text = std::str::from_utf8(body).map_err(|_| ServiceError::refused(Code::BadInput, "the body is no text in UTF-8"))?;
    match form {
        Form::Json => json_lines(&registry, text, most),
        Form::Lines => lines(&registry, text, most),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonBody {
    gtin: Option<String>,
    serials: Vec<String>,
}

fn json_lines(registry: &Registry, text: &str, most: usize) -> Result<Vec<Line>, ServiceError> {
    let body: JsonBody = serde_json::from_str(text).map_err(|error| {
        // Where, not what: the parser's own text repeats the input.
        let detail = format!(
            "line {}, column {}: the body is a JSON object with `serials`, a list of texts, and, if all are of one product, `gtin`",
            error.line(),
            error.column()
        );
        ServiceError::refused(Code::BadInput, detail)
    })?;
    if body.serials.len() > most {
        return Err(lookup::too_many(most));
    }
    let line = |serial: String| line(registry, body.gtin.as_deref(), &serial);
    Ok(body.serials.into_iter().map(line).collect())
}

fn lines(registry: &Registry, text: &str, most: usize) -> Result<Vec<Line>, ServiceError> {
    let (mut table, mut lines) = (Table::default(), Vec::new());
    for (at, text) in text.lines().enumerate() {
        let row = table.row(text).map_err(|error| {
            let detail = format!("line {}: {error}", at + 1);
            ServiceError::refused(Code::BadInput, detail)
        })?;
        let Some(Row { gtin, serial }) = row else { continue };
        if lines.len() == most {
            return Err(lookup::too_many(most));
        }
        lines.push(line(registry, gtin.as_deref(), &serial));
    }
    Ok(lines)
}

fn line(registry: &Registry, gtin: Option<&str>, serial: &str) -> Line {
    Asked::read(registry, gtin, serial).map_err(|why| (serial.chars().take(ECHO).collect(), why))
}

/// The answer, some lines at a time.
struct Answers {
    lines: std::vec::IntoIter<Line>,
    found: std::vec::IntoIter<Lookup>,
    next: usize,
}

impl Iterator for Answers {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = String::new();
        for line in self.lines.by_ref().take(CHUNK) {
            let answer = match line {
                Err((input, why)) => Some(unreadable(&input, why)),
                Ok(_) => self.found.next().map(written),
            };
            let mut object = Map::new();
            object.insert("n".to_owned(), json!(self.next));
            object.extend(answer.unwrap_or_default());
            self.next += 1;
            text.push_str(&Value::Object(object).to_string());
            text.push('\n');
        }
        (!text.is_empty()).then(|| Ok(Bytes::from(text)))
    }
}

fn unreadable(input: &str, why: Unreadable) -> Map<String, Value> {
    let fields = [
        ("answer", json!("not_understood")),
        ("input", json!(input)),
        ("reason", json!(why.to_string())),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// The members of an answer; those without a value are left out.
fn written(lookup: Lookup) -> Map<String, Value> {
    let answer = lookup.answer().as_str();
    let mut fields = vec![
        ("answer", json!(answer)),
        ("gtin", json!(lookup.asked.numbered)),
        ("serial", json!(lookup.asked.serial)),
    ];
    if let Some(issued) = lookup.issued {
        fields.extend(of_issued(&issued));
    }
    let foreign: Vec<Value> = lookup.foreign.iter().map(of_foreign).collect();
    if !foreign.is_empty() {
        fields.push(("foreign", Value::Array(foreign)));
    }
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn of_issued(issued: &Issued) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("allocation", json!(issued.allocation)),
        ("issued_at", json!(issued.at.rfc3339())),
        ("party", json!(issued.holder)),
        ("state", json!(issued.state.map(|state| state.as_str()))),
        ("lot", json!(issued.lot)),
        ("commissioned_at", json!(issued.commissioned_at.map(|at| at.rfc3339()))),
        ("reuse_banned_until", json!(issued.reuse_banned_until.map(|at| at.rfc3339()))),
        ("transferred", json!(issued.transferred.as_ref().map(of_transfer))),
    ];
    if let Some(terms) = &issued.terms {
        let documents = json!(terms.documents);
        fields.extend([
            ("issued_to", json!(terms.party)),
            ("principal", json!(terms.principal)),
            ("agreement", json!(terms.agreement)),
            ("request_key", json!(terms.request_key)),
            ("requested_lot", json!(terms.lot)),
            ("site", json!(terms.site)),
            ("line", json!(terms.line)),
            ("documents", if terms.documents.is_empty() { Value::Null } else { documents }),
            ("allocation_state", json!(terms.state.as_str())),
        ]);
    }
    fields
}

fn of_transfer(transfer: &Transferred) -> Value {
    match transfer.site {
        Some(site) => json!({ "to": transfer.to, "site": site, "at": transfer.at.rfc3339() }),
        None => json!({ "to": transfer.to, "at": transfer.at.rfc3339() }),
    }
}

fn of_foreign(foreign: &Foreign) -> Value {
    json!({ "party": foreign.party, "lot": foreign.lot, "at": foreign.at.rfc3339() })
}

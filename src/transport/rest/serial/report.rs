//! Reports of what became of serial numbers: `POST /serials/v1/reports`.
//!
//! ```json
//! {"gtin": "09521001001014", "serials": ["4KLP…", "9TRW…"], "to": "label_scrapped", "lot": "L1", "line": "P3", "reason": "misprint"}
//! {"gtin": "09521001001014", "allocation": "alc_…", "after": 0, "limit": 500, "unused": true, "to": "returned"}
//! ```
//!
//! 200 with a result for each serial, in the order sent: `moved`, `already`, `illegal`, `lot_closed`, `unknown`, and `held_back` where
//! `allOrNothing` let nothing move. It decides nothing: which moves there are is the table of `domain::serial::life`.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::serial::{self, Answer, Report, Reported};
use crate::transport::problem::Problem;
use crate::transport::rest::idempotency;
use crate::transport::route::{Routes, post};

use super::json::read;
use super::subject::Named;

/// Bytes of a report beside its serials; and those of one serial, quoted and escaped.
pub(super) const FRAME_BYTES: usize = 16 << 10;
pub(super) const SERIAL_BYTES: usize = 64;

/// The routes of this noun.
pub(super) fn routes() -> Routes {
    Routes::new().route("/serials/v1/reports", post(report))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Sent {
    gtin: String,
    serials: Option<Vec<String>>,
    allocation: Option<String>,
    #[serde(default)]
    after: u64,
    limit: Option<u64>,
    #[serde(default)]
    unused: bool,
    to: String,
    lot: Option<String>,
    line: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    all_or_nothing: bool,
}

async fn report(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let limit = FRAME_BYTES + hub.limits().serials_per_report * SERIAL_BYTES;
    let body: Sent = read(&headers, body, limit).await?;
    let serials = body.serials.clone();
    let report = understood(body, idempotency::optional_key(&headers)?)?;
    let answer = serial::report(&hub, &actor, report).await?;
    Ok(Json(written(serials.as_deref().unwrap_or_default(), &answer)))
}

fn understood(body: Sent, idempotency_key: Option<String>) -> Result<Report, ServiceError> {
    let refuse = |detail: &str| ServiceError::refused(Code::BadInput, detail);
    let named = Named {
        serials: body.serials,
        allocation: body.allocation,
        after: body.after,
        limit: body.limit,
        unused: body.unused,
    };
    let subject = named.subject("report")?;
    Ok(Report {
        numbered: body
            .gtin
            .parse()
            .map_err(|_| refuse("`gtin` is neither a GTIN nor a company prefix with the extension digit of its SSCCs"))?,
        subject,
        to: body.to.parse().map_err(|_| refuse("`to` is no state of a serial number"))?,
        lot: body.lot,
        line: body.line,
        reason: body.reason,
        idempotency_key,
        all_or_nothing: body.all_or_nothing,
    })
}

fn written(serials: &[String], answer: &Answer) -> Value {
    let count = |wanted: &str| {
        answer
            .counts
            .iter()
            .filter(|(ended, _)| name(**ended).0 == wanted)
            .map(|(_, n)| n)
            .sum::<u64>()
    };
    let results: Vec<Value> = serials
        .iter()
        .zip(&answer.each)
        .map(|(serial, ended)| match name(*ended) {
            (result, None) => json!({ "serial": serial, "result": result }),
            (result, Some(state)) => json!({ "serial": serial, "result": result, "state": state }),
        })
        .collect();
    json!({
        "moved": count("moved"), "already": count("already"), "illegal": count("illegal"), "lotClosed": count("lot_closed"),
        "unknown": count("unknown"), "heldBack": count("held_back"), "results": results,
    })
}

fn name(ended: Reported) -> (&'static str, Option<&'static str>) {
    match ended {
        Reported::Moved => ("moved", None),
        Reported::Already => ("already", None),
        Reported::HeldBack => ("held_back", None),
        Reported::Illegal(state) => ("illegal", Some(state.as_str())),
        Reported::LotClosed(state) => ("lot_closed", Some(state.as_str())),
        Reported::Unknown => ("unknown", None),
    }
}

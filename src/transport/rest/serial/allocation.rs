//! Allocations of serial numbers: `/serials/v1/allocations`.
//!
//! | call | answer |
//! |---|---|
//! | `POST /serials/v1/allocations` | 201 and `Location` the first time, 200 and the same to a repetition, 202 while it waits for approval |
//! | `GET /serials/v1/allocations` | a page, newest first: `?gtin=`, `?state=pending`, `?first=`, `?after=` |
//! | `GET /serials/v1/allocations/{id}` | one |
//! | `POST /serials/v1/allocations/{id}/confirm` | its holder has the numbers |
//! | `POST /serials/v1/allocations/{id}/close` | nobody reads them again: `{"reason": "…"}`, which may be left out |
//!
//! Asking needs the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07), a quoted string; a bare token is taken
//! too. The key is good for as long as the allocation lives, which is for ever. Its numbers are read at `…/{id}/serials`.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::gs1::CompanyPrefix;
use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState, Documents};
use crate::domain::serial::numbered::{Numbered, SsccSeries};
use crate::service::page::{Cursor, Page};
use crate::service::serial::{self, Answered, SerialRequest};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;
use crate::transport::rest::idempotency;
use crate::transport::route::{Routes, get, post};

use super::json::read;

/// Largest body of a request: many times what the longest needs.
pub(super) const BODY_BYTES: usize = 64 << 10;
/// Allocations on a page if the caller does not say.
const PER_PAGE: usize = 50;
const LIST: &str = "serial-allocations";

/// The routes of this noun.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/serials/v1/allocations", post(ask).get(list))
        .route("/serials/v1/allocations/{id}", get(one))
        .route("/serials/v1/allocations/{id}/confirm", post(confirm))
        .route("/serials/v1/allocations/{id}/close", post(close))
}

async fn ask(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    match asked(&hub, &actor, &headers, body).await {
        Ok(response) => response,
        Err(error) => refused(error),
    }
}

async fn asked(hub: &Hub, actor: &Actor, headers: &HeaderMap, body: Body) -> Result<Response, ServiceError> {
    let key = idempotency::key(headers)?;
    let wanted: Wanted = read(headers, body, BODY_BYTES).await?;
    let request = wanted.request(key)?;
    // Held until the answer is made, or the caller hangs up.
    let Some(_under_way) = serial::under_way(hub, actor, &request.idempotency_key) else {
        let detail = "the first request with this idempotency key is not answered yet: ask again in a second, with the same key";
        return Err(ServiceError::refused(Code::KeyInFlight, detail));
    };
    let Answered { allocation, first_time } = serial::request_once(hub, actor, request).await?;
    let status = match (&allocation.state, first_time) {
        (AllocationState::Pending, _) => StatusCode::ACCEPTED,
        (_, true) => StatusCode::CREATED,
        (_, false) => StatusCode::OK,
    };
    let location = HeaderValue::try_from(format!("/serials/v1/allocations/{}", allocation.id));
    let mut response = (status, Json(Told::of(&allocation))).into_response();
    // An id prints as letters, digits and an underscore.
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Says how long to wait where waiting helps.
pub(super) fn refused(error: ServiceError) -> Response {
    let again = matches!(error.code(), Code::KeyInFlight | Code::Unavailable);
    let mut response = Problem::from(error).into_response();
    if again {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    gtin: Option<String>,
    sscc_prefix: Option<String>,
    extension_digit: Option<u8>,
    quantity: Option<serde_json::Value>,
    agreement: Option<String>,
    lot: Option<String>,
    site: Option<String>,
    line: Option<String>,
    #[serde(default)]
    documents: Papers,
    #[serde(default)]
    partial_ok: bool,
}

/// The papers as they stand in JSON.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Papers {
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order_line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Closing {
    reason: Option<String>,
}

impl Wanted {
    /// The canonical request.
    pub(super) fn request(self, key: String) -> Result<SerialRequest, ServiceError> {
        let site = self.site.as_deref().map(str::parse).transpose();
        let agreement = self
            .agreement
            .as_deref()
            .map(|id| id.strip_prefix("agr_").unwrap_or(id).parse());
        Ok(SerialRequest {
            agreement: agreement
                .transpose()
                .map_err(|_| bad("`agreement` is no id of an agreement: send one such as `aurora-packwell-2024`"))?,
            site: site.map_err(|_| bad("`site` is no GLN: send 13 digits with a right check digit"))?,
            partial_ok: self.partial_ok,
            documents: Documents {
                purchase_order: self.documents.purchase_order,
                purchase_order_line: self.documents.purchase_order_line,
                work_order: self.documents.work_order,
                reference: self.documents.reference,
            },
            line: self.line,
            lot: self.lot,
            ..SerialRequest::new(
                numbered(self.gtin, self.sscc_prefix, self.extension_digit)?,
                quantity(self.quantity.as_ref())?,
                key,
            )
        })
    }
}

/// What numbers are for: a product, or the logistic units of a prefix.
pub(super) fn numbered(gtin: Option<String>, prefix: Option<String>, extension: Option<u8>) -> Result<Numbered, ServiceError> {
    match (gtin, prefix, extension) {
        (Some(gtin), None, None) => gtin
            .parse()
            .map_err(|_| bad("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit")),
        (None, Some(prefix), Some(extension)) => {
            let prefix: Option<CompanyPrefix> = prefix.parse().ok();
            prefix
                .and_then(|prefix| SsccSeries::new(&prefix, extension))
                .map(Numbered::Logistic)
                .ok_or_else(|| {
                    bad("`ssccPrefix` is a GS1 company prefix of 4 to 12 digits and `extensionDigit` a number from 0 to 9")
                })
        }
        (_, _, _) => Err(bad(
            "say what the numbers are for: either `gtin`, or `ssccPrefix` and `extensionDigit` together",
        )),
    }
}

/// A whole number of JSON; that it is one that can be asked for is checked with the rest.
fn quantity(value: Option<&serde_json::Value>) -> Result<u64, ServiceError> {
    value.and_then(serde_json::Value::as_u64).ok_or_else(|| match value {
        None => bad("`quantity` is missing: how many numbers are asked for"),
        Some(value) => {
            let value: String = value.to_string().chars().take(40).collect();
            bad(format!(
                "`quantity` is `{value}`: send a whole number of at least 1, without quotes"
            ))
        }
    })
}

fn bad(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    gtin: Option<String>,
    state: Option<String>,
    first: Option<usize>,
    after: Option<String>,
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(parameters) =
        parameters.map_err(|_| bad("the query takes `gtin`, `state`, `first` and `after` and nothing else"))?;
    let most = hub.limits().page;
    let first = parameters.first.unwrap_or(PER_PAGE.min(most));
    if first > most {
        return Err(bad(format!("`first` is a number from 0 to {most}")).into());
    }
    let after = parameters
        .after
        .as_deref()
        .map(|text| Cursor::open(text, &actor, LIST))
        .transpose()?;
    let page = Page { first, after };
    let paged = match parameters.state.as_deref() {
        None => {
            let numbered = parameters.gtin.as_deref().map(str::parse::<Numbered>).transpose();
            let numbered =
                numbered.map_err(|_| bad("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
            serial::allocations(&hub, &actor, numbered, page).await?
        }
        Some("pending") if parameters.gtin.is_none() => serial::pending(&hub, &actor, page).await?,
        Some(_) => return Err(bad("`state` is `pending`, without `gtin`, or left out").into()),
    };
    let next = paged
        .rows
        .last()
        .filter(|_| paged.has_next)
        .map(|(cursor, _)| cursor.seal(&actor, LIST));
    let rows: Vec<Told> = paged.rows.iter().map(|(_, allocation)| Told::of(allocation)).collect();
    Ok(Json(serde_json::json!({ "allocations": rows, "next": next })).into_response())
}

async fn one(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let found = serial::allocation(&hub, &actor, named(id)?).await?;
    let found = found.ok_or_else(ServiceError::not_found)?;
    Ok(Json(Told::of(&found)).into_response())
}

async fn confirm(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let confirmed = serial::confirm(&hub, &actor, named(id)?).await?;
    Ok(Json(Told::of(&confirmed)).into_response())
}

async fn close(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let id = named(id)?;
    // A call without a body says nothing of its type either.
    let closing = if headers.contains_key(header::CONTENT_TYPE) {
        read(&headers, body, BODY_BYTES).await?
    } else {
        Closing::default()
    };
    let closed = serial::close(&hub, &actor, id, closing.reason).await?;
    Ok(Json(Told::of(&closed)).into_response())
}

/// Not an id: there is no such thing, like any id that is not the caller's.
pub(super) fn named(id: Result<Path<String>, PathRejection>) -> Result<AllocationId, ServiceError> {
    let Path(id) = id.map_err(|_| ServiceError::not_found())?;
    id.parse().map_err(|_| ServiceError::not_found())
}

/// An allocation as it is told.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    id: AllocationId,
    state: &'static str,
    /// Why it was rejected or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// GTIN, or company prefix and extension digit of SSCCs.
    gtin: Numbered,
    quantity: u64,
    /// Only where fewer were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<u64>,
    party: &'a str,
    principal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Papers>,
    idempotency_key: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transmitted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// Where the numbers are read; not while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    serials: Option<String>,
}

impl<'a> Told<'a> {
    pub(super) fn of(allocation: &'a Allocation) -> Self {
        let state = &allocation.state;
        let Documents {
            purchase_order,
            purchase_order_line,
            work_order,
            reference,
        } = allocation.documents.clone();
        Self {
            id: allocation.id,
            state: state.as_str(),
            reason: state.reason().filter(|reason| !reason.is_empty()),
            gtin: allocation.numbered,
            quantity: allocation.quantity,
            asked: allocation.asked,
            party: allocation.party.as_str(),
            principal: allocation.principal.as_str(),
            agreement: allocation.agreement.as_ref().map(|id| id.as_str()),
            lot: allocation.lot.as_deref(),
            site: allocation.site.map(|site| site.to_string()),
            line: allocation.line.as_deref(),
            documents: (!allocation.documents.is_empty()).then_some(Papers {
                purchase_order,
                purchase_order_line,
                work_order,
                reference,
            }),
            idempotency_key: &allocation.request_key,
            created_at: allocation.created_at.rfc3339(),
            expires_at: allocation.expires_at.map(|at| at.rfc3339()),
            transmitted_at: state.transmitted_at().map(|at| at.rfc3339()),
            acknowledged_at: state.acknowledged_at().map(|at| at.rfc3339()),
            closed_at: state.closed_at().map(|at| at.rfc3339()),
            serials: state
                .has_numbers()
                .then(|| format!("/serials/v1/allocations/{}/serials", allocation.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_whole_number() {
        for (text, expect) in [
            ("1", Some(1)),
            ("0", Some(0)),
            ("9223372036854775808", Some(1 << 63)),
            ("18446744073709551615", Some(u64::MAX)),
        ] {
            assert_eq!(quantity(serde_json::from_str(text).ok().as_ref()).ok(), expect, "{text}");
        }
        for text in ["-1", "1.5", "18446744073709551616", "\"5\"", "null", "[1]", "1e3"] {
            let error = quantity(serde_json::from_str(text).ok().as_ref()).unwrap_err();
            assert_eq!(error.code(), Code::BadInput, "{text}");
            assert!(error.to_string().contains("whole number"), "{error}");
        }
    }
}

//! Subscriptions to named queries (EPCIS 2.0 clause 12.7.2).
//!
//! | call | answer |
//! |---|---|
//! | `POST /epcis/queries/{name}/subscriptions` with `dest`, `stream` or `schedule`, … | 201 and its `Location` |
//! | `GET /epcis/queries/{name}/subscriptions` | the caller's own, by id, in pages |
//! | `GET …/subscriptions/{id}` | one of them: how far it has come, what went wrong last |
//! | `DELETE …/subscriptions/{id}` | 204 |
//! | `POST …/subscriptions/{id}/resume` | 200: one that was given up goes on where it was (not of the standard) |

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::party::Actor;
use crate::domain::query::schedule::Fields;
use crate::domain::subscription::Form;
use crate::domain::time::Micros;
use crate::service::subscription::{self, Controls, Subject, Subscription};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::route::{Routes, get, post};

use super::discovery::discovery;
use super::listing::{Asked, Parameters, percent};
use super::negotiation::epc_format;
use super::small::{answered, definition};

/// Largest body, in bytes.
const BODY: usize = 64 << 10;
/// What a body is.
const FORM: &str = "a subscription is an object with `dest`, and with `stream: true` or `schedule` (second, minute, hour, dayOfMonth, month, \
                    dayOfWeek); it may have `signatureToken`, `reportIfEmpty` and `initialRecordTime`, each once";

type OfQuery = Result<Path<String>, PathRejection>;
type One = Result<Path<(String, String)>, PathRejection>;

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route(
            "/epcis/queries/{name}/subscriptions",
            get(list)
                .post(subscribe)
                .options(async || discovery("GET, HEAD, POST, OPTIONS")),
        )
        .route(
            "/epcis/queries/{name}/subscriptions/{id}",
            get(one)
                .delete(unsubscribe)
                .options(async || discovery("GET, HEAD, DELETE, OPTIONS")),
        )
        .route("/epcis/queries/{name}/subscriptions/{id}/resume", post(resume))
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    dest: String,
    signature_token: Option<String>,
    stream: Option<bool>,
    schedule: Option<Fields>,
    #[serde(default)]
    report_if_empty: bool,
    initial_record_time: Option<String>,
}

async fn subscribe(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    name: OfQuery,
    body: Body,
) -> Response {
    let subscribed = async {
        let name = query_name(name)?;
        let definition: Definition = definition(&headers, body, BODY, FORM).await?;
        let initial_record_time = definition.initial_record_time.as_deref().map(record_time).transpose()?;
        if definition.stream == Some(false) && definition.schedule.is_none() {
            let detail = "`stream` is true or is left out: without it a `schedule` says when";
            return Err(ServiceError::refused(Code::SubscriptionControls, detail));
        }
        let asked = subscription::Asked {
            subject: Subject::Named(name),
            id: None,
            dest: definition.dest,
            token: definition.signature_token,
            controls: Controls {
                stream: definition.stream == Some(true),
                schedule: definition.schedule,
                report_if_empty: definition.report_if_empty,
                initial_record_time,
            },
            form: Form::Json,
            epc: epc_format(&headers)?,
        };
        let made = subscription::subscribe(&hub, &actor, asked).await?;
        let location = format!(
            "/epcis/queries/{}/subscriptions/{}",
            percent(&made.query_name),
            percent(&made.id)
        );
        let location = HeaderValue::try_from(location)
            .map_err(|error| ServiceError::Internal(format!("the subscription's place: {error}")))?;
        Ok((
            StatusCode::CREATED,
            [(header::LOCATION, location)],
            Json(shown(&hub, &made).await?),
        )
            .into_response())
    };
    answered(subscribed.await)
}

/// A time with its zone.
pub(super) fn record_time(text: &str) -> Result<Micros, ServiceError> {
    Micros::parse(text).map_err(|_| {
        let detail = "`initialRecordTime` is one time with its zone, such as 2026-11-22T06:50:00Z";
        ServiceError::refused(Code::SubscriptionControls, detail)
    })
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    uri: Uri,
    headers: HeaderMap,
    name: OfQuery,
    parameters: Parameters,
) -> Response {
    let found = async {
        let name = query_name(name)?;
        let asked = Asked::read(&hub, uri.path(), &headers, parameters)?;
        asked.no_parameters()?;
        let after = asked.after_name(&hub, &actor).await?;
        let (found, has_more) = subscription::list(&hub, &actor, &name, (asked.per_page, &after)).await?;
        let mut told = Vec::with_capacity(found.len());
        for one in found {
            let shown = shown(&hub, &one).await?;
            told.push((one.id, shown));
        }
        asked.page(
            (&hub, &actor),
            (&told, has_more),
            |(id, _)| id,
            |(_, shown)| Ok(shown.clone()),
        )
    };
    answered(found.await)
}

async fn one(State(hub): State<Hub>, Extension(actor): Extension<Actor>, one: One) -> Response {
    let found = async {
        let (query, id) = both(one)?;
        let found = subscription::find(&hub, &actor, &query, &id).await?;
        Ok(Json(shown(&hub, &found).await?).into_response())
    };
    answered(found.await)
}

async fn unsubscribe(State(hub): State<Hub>, Extension(actor): Extension<Actor>, one: One) -> Response {
    let ended = async {
        let (query, id) = both(one)?;
        subscription::unsubscribe(&hub, &actor, Some(&query), id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answered(ended.await)
}

async fn resume(State(hub): State<Hub>, Extension(actor): Extension<Actor>, one: One) -> Response {
    let resumed = async {
        let (query, id) = both(one)?;
        let found = subscription::resume(&hub, &actor, &query, &id).await?;
        Ok(Json(shown(&hub, &found).await?).into_response())
    };
    answered(resumed.await)
}

/// Not text: there is no such query.
fn query_name(name: OfQuery) -> Result<String, ServiceError> {
    name.map(|Path(name)| name)
        .map_err(|_| ServiceError::refused(Code::NoSuchName, Code::NoSuchName.title()))
}

fn both(one: One) -> Result<(String, String), ServiceError> {
    one.map(|Path(both)| both)
        .map_err(|_| ServiceError::refused(Code::NoSuchSubscription, Code::NoSuchSubscription.title()))
}

/// Everything but the token.
async fn shown(hub: &Hub, of: &Subscription) -> Result<serde_json::Value, ServiceError> {
    let come_to = subscription::come_to(hub, of).await?;
    let progress = &of.progress;
    let mut shown = serde_json::json!({
        "subscriptionID": of.id,
        "queryName": of.query_name,
        "dest": of.dest,
        "createdAt": of.created_at.rfc3339(),
        "reportIfEmpty": of.report_if_empty,
        "minRecordTime": come_to.rfc3339(),
        "epcFormat": of.epc_format,
        "signed": of.token.is_some(),
        "active": progress.disabled.is_none(),
        "failures": progress.failures,
    });
    let fields: Option<Fields> = of
        .schedule
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| ServiceError::Internal(format!("a kept schedule cannot be read: {error}")))?;
    let mut put = |name: &str, value: Option<serde_json::Value>| {
        if let (Some(value), Some(members)) = (value, shown.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
    };
    let time = |at: Option<Micros>| at.map(|at| at.rfc3339().into());
    put("stream", of.schedule.is_none().then_some(true.into()));
    put("schedule", fields.map(|fields| serde_json::json!(fields)));
    put("initialRecordTime", time(of.initial_record_time));
    put("lastNotifiedAt", time(progress.last_notified_at));
    put("failingSince", time(progress.failing_since));
    put("lastError", progress.last_error.clone().map(Into::into));
    put("disabledAt", time(progress.disabled.as_ref().map(|(at, _)| *at)));
    put(
        "disabledReason",
        progress.disabled.as_ref().map(|(_, why)| why.clone().into()),
    );
    Ok(shown)
}

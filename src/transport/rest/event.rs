//! EPCIS queries: `/epcis/events` (EPCIS 2.0 clause 12.7).
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis/events?…` | an EPCISQueryDocument with what the caller may see; `nextPageToken`, `Link: …; rel="next"` |
//! | `GET /epcis/events/{eventID}` | the events with this `eventID`: several, if one declares another to be in error |
//!
//! A query parameter that is not known is refused: to pass over it would answer more than was asked for. Page tokens are
//! of one caller and one query.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::domain::party::Actor;
use crate::domain::query::Query as EventQuery;
use crate::epcis::{self, DocumentKind, EpcFormat, Format, json};
use crate::service::event::{self, SeenEvent};
use crate::service::query::{self, Position};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;

use super::listing::{Asked, Parameters};

static EPC_FORMAT: HeaderName = HeaderName::from_static("gs1-epc-format");

/// The routes of this noun.
pub fn routes() -> Router<Hub> {
    Router::new()
        .route("/epcis/events", get(list))
        .route("/epcis/events/{event_id}", get(one))
}

/// A list of events: where it stands, and what it asks besides its parameters.
pub(super) struct Listing<'a> {
    /// Its path as called.
    pub(super) path: &'a str,
    /// The name of the query in the answer.
    pub(super) name: &'a str,
    /// What it asks.
    pub(super) base: EventQuery,
    /// Whether the parameters of `/epcis/events` narrow it further.
    pub(super) takes_parameters: bool,
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    let listing = Listing {
        path: "/epcis/events",
        name: "SimpleEventQuery",
        base: EventQuery::default(),
        takes_parameters: true,
    };
    match page_of(&hub, &actor, &headers, parameters, listing).await {
        Ok(response) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn one(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    event_id: Result<Path<String>, PathRejection>,
) -> Response {
    let found = async {
        let epc = epc_format(&headers)?;
        // Not text: there is no such event.
        let Path(event_id) = event_id.map_err(|_| ServiceError::not_found())?;
        let events = event::by_event_id(&hub, &actor, &event_id).await?;
        if events.is_empty() {
            Err(ServiceError::not_found())
        } else {
            document(&hub, events, (epc, "SimpleEventQuery"))
        }
    };
    match found.await {
        Ok(response) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// A page of a list of events.
pub(super) async fn page_of(
    hub: &Hub,
    actor: &Actor,
    headers: &HeaderMap,
    parameters: Parameters,
    listing: Listing<'_>,
) -> Result<Response, ServiceError> {
    let epc = epc_format(headers)?;
    let asked = Asked::read(hub, listing.path, headers, parameters)?;
    let mut query = listing.base;
    if listing.takes_parameters {
        let narrowed = epcis::query::of_url(&asked.parameters, &asked.prefixes).map_err(|error| query::wrong(&error))?;
        query.clauses.extend(narrowed.clauses);
        (query.order, query.count) = (narrowed.order, narrowed.count);
    } else {
        asked.no_parameters()?;
    }
    let after = asked.after(hub, actor).await?;
    let page = query::Asked {
        query: &query,
        first: asked.per_page,
        after: after.map(|bytes| Position::read(&bytes)).transpose()?,
    };
    let found = query::run(hub, actor, page).await?;
    let next = found.next.map(|next| asked.next(hub, actor, &next.bytes())).transpose()?;
    let mut response = document(hub, found.events, (epc, listing.name))?;
    response.headers_mut().extend(next.unwrap_or_default());
    Ok(response)
}

fn document(hub: &Hub, seen: Vec<SeenEvent>, (epc, name): (EpcFormat, &str)) -> Result<Response, ServiceError> {
    let registry = hub.registry();
    let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
    let document = DocumentKind::Query {
        name,
        subscription: None,
    };
    let format = Format {
        document,
        epc,
        created: hub.now(),
        prefix_len: &prefix_len,
    };
    let events: Vec<_> = seen
        .into_iter()
        .map(|seen| {
            let mut event = seen.event;
            // The standard has the repository give the id where the sender gave none.
            event.event_id.get_or_insert_with(|| seen.event_id.into());
            (event, seen.record_time)
        })
        .collect();
    let mut body = Vec::new();
    json::write_events(
        &mut body,
        events.iter().map(|(event, record_time)| (event, *record_time)),
        &format,
    )
    .map_err(|error| ServiceError::Internal(format!("writing events: {error}")))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/ld+json")),
        (
            HeaderName::from_static("gs1-epcis-version"),
            HeaderValue::from_static("2.0.0"),
        ),
        (EPC_FORMAT.clone(), HeaderValue::from_static(format_name(epc))),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}

pub(super) fn epc_format(headers: &HeaderMap) -> Result<EpcFormat, ServiceError> {
    let asked = headers.get(&EPC_FORMAT).map(HeaderValue::to_str);
    match asked {
        None | Some(Ok("No_Preference" | "Always_GS1_Digital_Link")) => Ok(EpcFormat::AlwaysDigitalLink),
        Some(Ok("Always_EPC_URN")) => Ok(EpcFormat::AlwaysUrn),
        Some(Ok("Never_Translates")) => Ok(EpcFormat::NeverTranslates),
        Some(Ok(_) | Err(_)) => Err(bad(
            "`GS1-EPC-Format` is one of No_Preference, Always_GS1_Digital_Link, Always_EPC_URN, Never_Translates",
        )),
    }
}

const fn format_name(epc: EpcFormat) -> &'static str {
    match epc {
        EpcFormat::AlwaysDigitalLink => "Always_GS1_Digital_Link",
        EpcFormat::AlwaysUrn => "Always_EPC_URN",
        EpcFormat::NeverTranslates => "Never_Translates",
    }
}

fn bad(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

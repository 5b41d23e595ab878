//! EPCIS queries: `/epcis/events` (EPCIS 2.0 clause 12.7).
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis/events?…` | an EPCISQueryDocument with what the caller may see, in the form that `Accept` and the `GS1-` headers ask for; `nextPageToken`, `Link: …; rel="next"` |
//! | `POST /epcis/events` | one event in JSON or XML, stored when it is answered: 201 and its `Location`; 409 if another of the caller's has its `eventID`; the same again is the same 201 |
//! | `GET /epcis/events/{eventID}` | the events with this `eventID`: several, if one declares another to be in error |
//!
//! A query parameter that is not known is refused: to pass over it would answer more than was asked for. Page tokens are
//! of one caller and one query.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::gs1::Gln;
use crate::domain::party::Actor;
use crate::domain::query::Query as EventQuery;
use crate::epcis;
use crate::service::capture::capture_event;
use crate::service::event;
use crate::service::query::{self, Position};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::route::{Routes, get};

use super::discovery::discovery;
use super::intake;
use super::listing::{Asked, Parameters, percent};
use super::negotiation::{Representation, problem};

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route("/epcis/events", get(list).post(capture).options(options))
        .route(
            "/epcis/events/{event_id}",
            get(one).options(async || discovery("GET, HEAD, OPTIONS")),
        )
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
        Err(error) => problem(&headers, error),
    }
}

async fn capture(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    let taken = async { capture_event(&hub, &actor, intake::receive(&hub, &headers, body).await?).await };
    match taken.await {
        Ok(id) => {
            let location = [(header::LOCATION, format!("/epcis/events/{}", percent(&id)))];
            (StatusCode::CREATED, location).into_response()
        }
        Err(error) => intake::refused(&hub, &headers, error),
    }
}

async fn options(State(hub): State<Hub>) -> Response {
    intake::options(&hub, "GET, HEAD, POST, OPTIONS")
}

async fn one(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    event_id: Result<Path<String>, PathRejection>,
) -> Response {
    let found = async {
        let form = Representation::of(&headers)?;
        // Not text: there is no such event.
        let Path(event_id) = event_id.map_err(|_| ServiceError::not_found())?;
        let events = event::by_event_id(&hub, &actor, &event_id).await?;
        if events.is_empty() {
            Err(ServiceError::not_found())
        } else {
            form.query_document(&hub, events, "SimpleEventQuery")
        }
    };
    match found.await {
        Ok(response) => response,
        Err(error) => problem(&headers, error),
    }
}

/// In whose name is asked: header `Counterfoil-Acting-For` with the GLN of a principal of the caller.
fn acting_for(headers: &HeaderMap) -> Result<Option<Gln>, ServiceError> {
    let wrong = || {
        ServiceError::refused(
            Code::BadInput,
            "header `Counterfoil-Acting-For` holds the GLN of your principal, 13 digits",
        )
    };
    let named = headers.get("counterfoil-acting-for");
    let gln = named.map(|value| value.to_str().ok()?.trim().parse().ok());
    gln.map(|gln| gln.ok_or_else(wrong)).transpose()
}

/// A page of a list of events.
pub(super) async fn page_of(
    hub: &Hub,
    actor: &Actor,
    headers: &HeaderMap,
    parameters: Parameters,
    listing: Listing<'_>,
) -> Result<Response, ServiceError> {
    let form = Representation::of(headers)?;
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
        acting_for: acting_for(headers)?,
        reading: query::Reading::Question,
    };
    let found = query::run(hub, actor, page).await?;
    let next = found.next.map(|next| asked.next(hub, actor, &next.bytes())).transpose()?;
    let mut response = form.query_document(hub, found.events, listing.name)?;
    response.headers_mut().extend(next.unwrap_or_default());
    Ok(response)
}

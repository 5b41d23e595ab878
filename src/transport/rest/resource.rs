//! The top-level resources of the EPCIS binding and their sub-resources (EPCIS 2.0 clause 12.6).
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis` | the names of the top-level resources |
//! | `GET /epcis/epcs`, `bizSteps`, `bizLocations`, `readPoints`, `dispositions` | those that events name which the caller may see, in the order of their texts |
//! | `GET /epcis/eventTypes` | the five event types |
//! | `GET /epcis/epcs/{epc}` | `events`, the only sub-resource; 404 where no such event is |
//! | `GET /epcis/epcs/{epc}/events?…` | those events, with all parameters of `/epcis/events` |
//! | `DELETE /epcis/nextPageToken/{token}` | 204: the token leads to no page any more |

use axum::extract::rejection::{ExtensionRejection, PathRejection};
use axum::extract::{FromRequestParts, Path, Query as UriQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::event::EventType;
use crate::domain::party::Actor;
use crate::domain::query::{Clause, Query};
use crate::epcis::EpcFormat;
use crate::service::query::position;
use crate::service::resource::{self, Member, Resource};
use crate::service::{Hub, ServiceError};
use crate::transport::problem::Problem;
use crate::transport::route::{Routes, delete, get};

use super::discovery::discovery;
use super::event::{Listing, page_of};
use super::listing::{Asked, Parameters};
use super::negotiation::epc_format;
use super::small::answered;

const RESOURCES: [(&str, Resource); 5] = [
    ("epcs", Resource::Epc),
    ("bizSteps", Resource::BizStep),
    ("bizLocations", Resource::BizLocation),
    ("readPoints", Resource::ReadPoint),
    ("dispositions", Resource::Disposition),
];
const TOP_LEVEL: [&str; 9] = [
    "queries",
    "capture",
    "events",
    "eventTypes",
    "epcs",
    "bizSteps",
    "bizLocations",
    "readPoints",
    "dispositions",
];
const EVENT_TYPES: [(&str, EventType); 5] = [
    ("AggregationEvent", EventType::Aggregation),
    ("AssociationEvent", EventType::Association),
    ("ObjectEvent", EventType::Object),
    ("TransactionEvent", EventType::Transaction),
    ("TransformationEvent", EventType::Transformation),
];

type Name = Result<Path<String>, PathRejection>;

/// The routes of this noun.
pub fn routes() -> Routes {
    let mut router = Routes::new()
        .route("/epcis", get(top_level).options(options))
        .route("/epcis/eventTypes", get(event_types).options(options))
        .route("/epcis/eventTypes/{name}", get(event_type).options(options))
        .route("/epcis/eventTypes/{name}/events", get(events_of_type).options(options))
        .route("/epcis/nextPageToken/{token}", delete(end_token));
    for (path, resource) in RESOURCES {
        let all = move |call: Call| async move { answered(members(call, resource).await) };
        let one = move |call: Call, name: Name| async move { answered(member(call, resource, name).await) };
        let events = move |call: Call, name: Name| async move { answered(events_of(call, resource, name).await) };
        router = router
            .route(&format!("/epcis/{path}"), get(all).options(options))
            .route(&format!("/epcis/{path}/{{name}}"), get(one).options(options))
            .route(&format!("/epcis/{path}/{{name}}/events"), get(events).options(options));
    }
    router
}

async fn options() -> Response {
    discovery("GET, HEAD, OPTIONS")
}

/// What every call brings.
struct Call {
    hub: Hub,
    actor: Actor,
    path: String,
    headers: HeaderMap,
    parameters: Parameters,
}

impl FromRequestParts<Hub> for Call {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, ExtensionRejection> {
        let Extension(actor) = Extension::from_request_parts(parts, hub).await?;
        Ok(Self {
            hub: hub.clone(),
            actor,
            path: parts.uri.path().to_owned(),
            parameters: UriQuery::from_request_parts(parts, hub).await,
            headers: std::mem::take(&mut parts.headers),
        })
    }
}

async fn top_level() -> Response {
    collection(TOP_LEVEL.map(str::to_owned).to_vec())
}

async fn event_types(call: Call) -> Response {
    let asked = Asked::read(&call.hub, &call.path, &call.headers, call.parameters);
    match asked.and_then(|asked| asked.no_parameters()) {
        Ok(()) => collection(EVENT_TYPES.iter().map(|(name, _)| (*name).to_owned()).collect()),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn event_type(name: Name) -> Response {
    answered(kind(name).map(|_| collection(vec!["events".to_owned()])))
}

async fn events_of_type(call: Call, name: Name) -> Response {
    let found = async {
        let kind = kind(name)?;
        events(call, Clause::Kind(vec![kind])).await
    };
    answered(found.await)
}

fn kind(name: Name) -> Result<EventType, ServiceError> {
    let name = text(name)?;
    let found = EVENT_TYPES.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(ServiceError::not_found)
}

/// A list, a page of it.
async fn members(call: Call, resource: Resource) -> Result<Response, ServiceError> {
    let (hub, actor) = (&call.hub, &call.actor);
    let format = epc_format(&call.headers)?;
    let asked = Asked::read(hub, &call.path, &call.headers, call.parameters)?;
    asked.no_parameters()?;
    let after = asked.after(hub, actor).await?;
    let after = after.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (found, has_more) = resource::list(hub, actor, resource, (asked.per_page, after.as_deref())).await?;
    let next = found.last().filter(|_| has_more);
    let headers = next.map(|last| asked.next(hub, actor, last.text().as_bytes())).transpose()?;
    let mut response = collection(found.into_iter().map(|member| spelt(hub, member, format)).collect());
    response.headers_mut().extend(headers.unwrap_or_default());
    Ok(response)
}

async fn member(call: Call, resource: Resource, name: Name) -> Result<Response, ServiceError> {
    let clause = resource::clause(resource, &text(name)?).ok_or_else(ServiceError::not_found)?;
    resource::find(&call.hub, &call.actor, clause).await?;
    Ok(collection(vec!["events".to_owned()]))
}

async fn events_of(call: Call, resource: Resource, name: Name) -> Result<Response, ServiceError> {
    let clause = resource::clause(resource, &text(name)?).ok_or_else(ServiceError::not_found)?;
    events(call, clause).await
}

async fn events(call: Call, clause: Clause) -> Result<Response, ServiceError> {
    let listing = Listing {
        path: &call.path,
        name: "SimpleEventQuery",
        base: Query {
            clauses: vec![clause],
            ..Query::default()
        },
        takes_parameters: true,
    };
    page_of(&call.hub, &call.actor, &call.headers, call.parameters, listing).await
}

async fn end_token(State(hub): State<Hub>, Extension(actor): Extension<Actor>, token: Name) -> Response {
    let ended = async { position::end(&hub, &actor, &text(token)?).await };
    answered(ended.await.map(|()| StatusCode::NO_CONTENT.into_response()))
}

/// Not text: there is no such thing.
fn text(name: Name) -> Result<String, ServiceError> {
    name.map(|Path(name)| name).map_err(|_| ServiceError::not_found())
}

fn spelt(hub: &Hub, member: Member, format: EpcFormat) -> String {
    match (member, format) {
        (Member::Term(term), _) => term,
        (Member::Identifier(epc), EpcFormat::AlwaysUrn) => {
            let registry = hub.registry();
            epc.to_urn(|digits| registry.holder_of_prefix(digits).map(|(_, len)| len))
                .unwrap_or_else(|| epc.canonical().to_owned())
        }
        (Member::Identifier(epc), EpcFormat::AlwaysDigitalLink | EpcFormat::NeverTranslates) => epc.canonical().to_owned(),
    }
}

fn collection(member: Vec<String>) -> Response {
    Json(serde_json::json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "Collection",
        "member": member,
    }))
    .into_response()
}

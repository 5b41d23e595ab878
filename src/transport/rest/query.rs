//! Named queries of the EPCIS binding (EPCIS 2.0 clause 12.7.2).
//!
//! | call | answer |
//! |---|---|
//! | `POST /epcis/queries` with `{"name": …, "query": {…}}` | 201 and its `Location`; 409 if the caller has one of that name |
//! | `GET /epcis/queries` | the caller's own, by name, in pages |
//! | `GET /epcis/queries/{name}` | one of them |
//! | `DELETE /epcis/queries/{name}` | 204 |
//! | `GET /epcis/queries/{name}/events` | what answers it now, in pages; as a WebSocket what comes, see [`super::socket`] |
//!
//! Each path answers `OPTIONS` with its methods and the versions of EPCIS.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query as UriQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::party::Actor;
use crate::epcis::query::Document;
use crate::service::named_query::{self, StoredQuery};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::route::{Routes, get};

use super::discovery::discovery;
use super::event::{Listing, page_of};
use super::listing::{Asked, Parameters, percent};
use super::small::{answered, definition};
use super::socket::{self, Caller, Sockets, Standing};

/// Largest body, in bytes.
const BODY: usize = 1 << 20;

type Name = Result<Path<String>, PathRejection>;

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route(
            "/epcis/queries",
            get(list).post(keep).options(async || discovery("GET, HEAD, POST, OPTIONS")),
        )
        .route(
            "/epcis/queries/{name}",
            get(one)
                .delete(delete)
                .options(async || discovery("GET, HEAD, DELETE, OPTIONS")),
        )
        .route(
            "/epcis/queries/{name}/events",
            get(events).options(async || discovery("GET, HEAD, OPTIONS")),
        )
        .with_shared(Sockets::default())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: String,
    query: Document,
}

async fn keep(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    let kept = async {
        let form = "a query is an object with `name`, a text, and `query`, an object of parameters, each once";
        let Definition { name, query } = definition(&headers, body, BODY, form).await?;
        let kept = named_query::keep(&hub, &actor, name, &query).await?;
        let location = format!("/epcis/queries/{}", percent(&kept.name));
        let location =
            HeaderValue::try_from(location).map_err(|error| ServiceError::Internal(format!("the query's place: {error}")))?;
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown(&kept)?)).into_response())
    };
    answered(kept.await)
}

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    uri: Uri,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    let found = async {
        let asked = Asked::read(&hub, uri.path(), &headers, parameters)?;
        asked.no_parameters()?;
        let after = asked.after_name(&hub, &actor).await?;
        let (found, has_more) = named_query::list(&hub, &actor, (asked.per_page, &after)).await?;
        asked.page((&hub, &actor), (&found, has_more), |one| &one.name, shown)
    };
    answered(found.await)
}

async fn one(State(hub): State<Hub>, Extension(actor): Extension<Actor>, name: Name) -> Response {
    let found = async {
        let found = named_query::find(&hub, &actor, &text(name)?).await?;
        Ok(Json(shown(&found)?).into_response())
    };
    answered(found.await)
}

async fn delete(State(hub): State<Hub>, Extension(actor): Extension<Actor>, name: Name) -> Response {
    let deleted = async { named_query::delete(&hub, &actor, text(name)?).await };
    answered(deleted.await.map(|()| StatusCode::NO_CONTENT.into_response()))
}

/// What a WebSocket is opened with, if one is asked for.
struct Upgrade {
    upgrade: Option<Result<WebSocketUpgrade, WebSocketUpgradeRejection>>,
    standing: Option<Standing>,
    sockets: Sockets,
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
        let upgrade = if parts.headers.get(header::UPGRADE).is_some_and(asks) {
            Some(WebSocketUpgrade::from_request_parts(parts, state).await)
        } else {
            None
        };
        Ok(Self {
            upgrade,
            standing: parts.extensions.get().cloned(),
            sockets: parts.extensions.get().cloned().unwrap_or_default(),
        })
    }
}

async fn events(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    uri: Uri,
    headers: HeaderMap,
    name: Name,
    parameters: Parameters,
    Upgrade {
        upgrade,
        standing,
        sockets,
    }: Upgrade,
) -> Response {
    let found = async {
        let stored = named_query::find(&hub, &actor, &text(name)?).await?;
        if let Some(upgrade) = upgrade {
            let UriQuery(parameters) =
                parameters.map_err(|_| ServiceError::refused(Code::BadInput, "the query string cannot be read"))?;
            let upgrade = upgrade.map_err(|_| {
                let detail = "a WebSocket is opened by GET over HTTP/1.1 with the headers of RFC 6455";
                ServiceError::refused(Code::BadInput, detail)
            })?;
            let caller = Caller {
                hub: hub.clone(),
                actor: actor.clone(),
                standing,
                sockets,
            };
            return socket::open(caller, upgrade, &headers, (stored, parameters)).await;
        }
        let listing = Listing {
            path: uri.path(),
            name: &stored.name,
            base: named_query::read(&stored)?,
            takes_parameters: false,
        };
        page_of(&hub, &actor, &headers, parameters, listing).await
    };
    answered(found.await)
}

/// Not text: there is no such query.
fn text(name: Name) -> Result<String, ServiceError> {
    name.map(|Path(name)| name)
        .map_err(|_| ServiceError::refused(Code::NoSuchName, Code::NoSuchName.title()))
}

fn shown(query: &StoredQuery) -> Result<serde_json::Value, ServiceError> {
    let document: serde_json::Value = serde_json::from_str(&query.document)
        .map_err(|error| ServiceError::Internal(format!("a kept query cannot be read: {error}")))?;
    Ok(serde_json::json!({ "name": query.name, "query": document, "createdAt": query.created_at.rfc3339() }))
}

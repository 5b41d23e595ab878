//! The router of the machine port and what holds for every route: a known caller, a request id, a time and a size limit,
//! refusals as problem+json, one log line.
//!
//! It has no rule about who may do what: that is decided in [`crate::service`].
//!
//! # Invariants
//! - A handler always finds an [`Actor`]; without one the answer is 401, whatever the route.
//! - Log lines and metrics carry the route's pattern, not the path, and neither query, body nor serial numbers.
//! - Headers that claim an identity (`X-Forwarded-For`, `X-Client-Cert`, …) are not read.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use async_graphql::Executor;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::Code;

use super::dialect;
use super::graphql::endpoint;
use super::metrics::Metrics;
use super::problem::Problem;
use super::rest;
use super::rest::intake::announced_length;
use super::route::Routes;
use super::soap;

/// Where documents and single events are sent.
const CAPTURE: [&str; 2] = ["/epcis/capture", "/epcis/events"];
/// Where lists of serial numbers are sent.
const LISTS: [&str; 2] = [rest::import::IMPORTS, rest::import::REGISTRATIONS];
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes for callers whose [`Actor`] is in the request's extensions, with metrics of their own.
pub fn router<E: Executor>(hub: Hub, schema: E) -> Router {
    router_with(hub, schema, Metrics::default())
}

/// The same, counting into `metrics`.
pub fn router_with<E: Executor>(hub: Hub, schema: E, metrics: Metrics) -> Router {
    let frame = Frame {
        hub: hub.clone(),
        metrics,
    };
    routes(schema)
        .into_router()
        .fallback(|| async { Problem::new(Code::NotFound, Code::NotFound.title()) })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed, Code::MethodNotAllowed.title()) })
        // Ours is below, for extractors and streams alike.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(frame, around))
        .with_state(hub)
}

/// All that the machine port answers.
pub fn routes<E: Executor>(schema: E) -> Routes {
    Routes::new()
        .merge(endpoint::routes(schema))
        .merge(rest::capture::routes())
        .merge(rest::event::routes())
        .merge(rest::lookup::routes())
        .merge(rest::query::routes())
        .merge(rest::resource::routes())
        .merge(rest::receipt::routes())
        .merge(rest::import::routes())
        .merge(rest::registration::routes())
        .merge(rest::serial::routes())
        .merge(rest::slice::routes())
        .merge(rest::exception::routes())
        .merge(rest::subscription::routes())
        .merge(dialect::routes())
        .merge(soap::routes())
}

#[derive(Clone)]
struct Frame {
    hub: Hub,
    metrics: Metrics,
}

/// What every request goes through, from the outside in.
async fn around(State(frame): State<Frame>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!("req_{}", frame.hub.new_id(frame.hub.now()).simple());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let method = known_method(request.method());
    let actor = request.extensions().get::<Actor>().cloned();
    let mut response = match &actor {
        Some(_) => guarded(&frame, &route, request, next, &id).await,
        None => Problem::new(Code::Unauthenticated, Code::Unauthenticated.title()).into_response(),
    };
    let status = response.status().as_u16();
    let took = started.elapsed();
    frame.metrics.request(&route, method, status, took);
    let (party, system) = actor
        .as_ref()
        .map_or(("-", "-"), |actor| (actor.party.as_str(), actor.system.as_str()));
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(target: "counterfoil::access", %id, party, system, method, route, status, took_ms, "request");
    finish(response.headers_mut(), &id);
    response
}

/// Size, time and panics.
async fn guarded(frame: &Frame, route: &str, request: Request, next: Next, id: &str) -> Response {
    let limits = frame.hub.limits();
    let largest = limits.document_bytes;
    let sends_document = CAPTURE.contains(&route) && request.method() == Method::POST;
    // Capture says it itself, with its limits.
    if !sends_document && announced_length(request.headers()).is_some_and(|length| length > largest) {
        return Problem::new(Code::TooLarge, format!("the body is larger than {largest} bytes")).into_response();
    }
    let largest = usize::try_from(largest).unwrap_or(usize::MAX);
    let request = request.map(|body| Body::new(http_body_util::Limited::new(body, largest)));
    let sends_list = LISTS.contains(&route) && request.method() == Method::POST;
    let within = Duration::from_millis(if sends_document || sends_list {
        limits.upload_timeout_ms
    } else {
        limits.request_timeout_ms
    });
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            frame.metrics.panicked();
            tracing::error!(id, route, panic = panic_text(panic.as_ref()), "a request panicked");
            Problem::new(Code::Internal, Code::Internal.title()).into_response()
        }
        Err(_) => Problem::new(Code::Unavailable, "not answered in time: ask again with the same request id").into_response(),
    }
}

fn finish(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// A method may be any token; only the registered ones become a label.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

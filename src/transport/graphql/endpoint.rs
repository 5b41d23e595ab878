//! GraphQL over HTTP (the GraphQL foundation's draft of that name): media types, statuses, limits.
//!
//! POST with `application/json`; GET for queries alone, so that nothing that changes anything can be made by a link. No
//! batches, no uploads, no stored queries. The schema and its resolvers are elsewhere; what a resolver may not
//! show never gets here.
//!
//! # Invariants
//! - A document is held against [`guard`] before it is validated.
//! - An answer is in the order of its query, whatever took how long.
//! - No error is longer than [`MAX_MESSAGE_BYTES`], and none repeats the request.

mod accept;
mod answer;
mod order;

use std::time::Duration;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Executor, Request as Query, Variables};
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UriQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde_json::value::RawValue;

use crate::config::settings::Limits;
use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::error::Code;
use crate::transport::route::{Routes, get};

use super::super::problem::Problem;
use super::guard::{self, QueryRefused};
use accept::Media;
pub use answer::MAX_MESSAGE_BYTES;
use order::Order;

/// `/graphql`.
pub fn routes<E: Executor>(schema: E) -> Routes {
    let for_get = schema.clone();
    let by_get = move |State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, params: GetParams| async move {
        let call = Call {
            hub,
            actor,
            schema: for_get,
        };
        call.get(&headers, params).await.unwrap_or_else(|problem| problem)
    };
    let by_post = move |State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body| async move {
        let call = Call { hub, actor, schema };
        call.post(&headers, body).await.unwrap_or_else(|problem| problem)
    };
    Routes::new().route("/graphql", get(by_get).post(by_post))
}

type GetParams = Result<UriQuery<UriParams>, QueryRejection>;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct UriParams {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// A key that is there twice is refused: two readers would not take the same one.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonParams {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Box<RawValue>>,
    extensions: Option<Box<RawValue>>,
}

/// One request, however it came.
struct Params {
    query: String,
    operation_name: Option<String>,
    variables: serde_json::Map<String, serde_json::Value>,
}

struct Call<E> {
    hub: Hub,
    actor: Actor,
    schema: E,
}

impl<E: Executor> Call<E> {
    async fn get(self, headers: &HeaderMap, params: GetParams) -> Result<Response, Response> {
        let media = accept::media(headers).ok_or_else(not_acceptable)?;
        let refuse = |cause: &'static str| answer::bad_request(media, cause);
        let UriQuery(params) = params.map_err(|_| refuse("the parameters of the URI cannot be read"))?;
        let query = params.query.ok_or_else(|| refuse("the parameter `query` is missing"))?;
        let _ = object(params.extensions.as_deref()).ok_or_else(|| refuse("`extensions` is not a JSON object"))?;
        let variables = object(params.variables.as_deref()).ok_or_else(|| refuse("`variables` is not a JSON object"))?;
        let params = Params {
            query,
            operation_name: params.operation_name,
            variables,
        };
        let document = match guard::parse(&params.query, self.hub.limits()) {
            Ok(document) => document,
            Err(refused) => return Ok(answer::refused(media, &refused)),
        };
        if document
            .operations
            .iter()
            .any(|(_, operation)| operation.node.ty != OperationType::Query)
        {
            return Err(only_by_post());
        }
        Ok(self.execute(media, params, document).await)
    }

    async fn post(self, headers: &HeaderMap, body: Body) -> Result<Response, Response> {
        let media = accept::media(headers).ok_or_else(not_acceptable)?;
        if !accept::is_json(headers) {
            let detail = "send `application/json` in UTF-8";
            return Err(Problem::new(Code::UnsupportedMediaType, detail).into_response());
        }
        let bytes = read(body, self.hub.limits()).await?;
        let params = read_params(&bytes).map_err(|cause| answer::bad_request(media, cause))?;
        match guard::parse(&params.query, self.hub.limits()) {
            Ok(document) => Ok(self.execute(media, params, document).await),
            Err(refused) => Ok(answer::refused(media, &refused)),
        }
    }

    /// Runs it, for as long as a request may take.
    async fn execute(self, media: Media, params: Params, document: ExecutableDocument) -> Response {
        let within = Duration::from_millis(self.hub.limits().request_timeout_ms);
        let mut query = Query::new(params.query).data(self.actor);
        query = query.variables(Variables::from_json(serde_json::Value::Object(params.variables)));
        let order = Order::of(&document, params.operation_name.as_deref());
        if let Some(name) = params.operation_name {
            query = query.operation_name(name);
        }
        query.set_parsed_query(document);
        match tokio::time::timeout(within, self.schema.execute(query)).await {
            Ok(mut response) => {
                order.put(&mut response);
                answer::executed(media, response)
            }
            Err(_) => answer::timed_out(media),
        }
    }
}

async fn read(body: Body, limits: &Limits) -> Result<axum::body::Bytes, Response> {
    let largest = limits.graphql_bytes;
    match Limited::new(body, largest).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("a GraphQL request has at most {largest} bytes")).into_response())
        }
        Err(_) => Err(Problem::new(Code::BadInput, "the body did not arrive whole").into_response()),
    }
}

fn read_params(bytes: &[u8]) -> Result<Params, &'static str> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err("batches are not taken: send one request for each operation");
    }
    let params: JsonParams = serde_json::from_slice(bytes)
        .map_err(|_| "the body is not a JSON object with `query`, `operationName`, `variables`, `extensions`")?;
    let query = params.query.ok_or("the key `query` is missing")?;
    object(params.extensions.as_deref().map(RawValue::get)).ok_or("`extensions` is not an object")?;
    let variables = object(params.variables.as_deref().map(RawValue::get)).ok_or("`variables` is not an object")?;
    Ok(Params {
        query,
        operation_name: params.operation_name,
        variables,
    })
}

/// A JSON object; absent and `null` are an empty one.
fn object(text: Option<&str>) -> Option<serde_json::Map<String, serde_json::Value>> {
    let parsed: Option<serde_json::Map<_, _>> = serde_json::from_str(text.unwrap_or("null")).ok()?;
    Some(parsed.unwrap_or_default())
}

fn not_acceptable() -> Response {
    let detail = "accept `application/graphql-response+json` or `application/json`";
    Problem::new(Code::NotAcceptable, detail).into_response()
}

fn only_by_post() -> Response {
    let mut response = Problem::new(Code::MethodNotAllowed, "by GET only queries: send this by POST").into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

impl From<&QueryRefused> for Code {
    fn from(refused: &QueryRefused) -> Self {
        match refused {
            QueryRefused::Syntax(_) | QueryRefused::Cycle => Self::InvalidQuery,
            QueryRefused::TooMuch { .. } => Self::QueryTooComplex,
        }
    }
}

//! Answers and their errors as they go out: status by media type, a code on every error, nothing long, nothing repeated.

use async_graphql::{ErrorExtensionValues, Response as Executed, ServerError, Value};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::service::error::Code;

use super::super::guard::QueryRefused;
use super::accept::Media;

/// Longest text of one error.
pub const MAX_MESSAGE_BYTES: usize = 300;
/// A library's message up to this length names a field or a type; a longer one repeats what came in.
const MAX_FOREIGN_BYTES: usize = 160;
/// Most errors of one answer; the first ones tell enough.
const MAX_ERRORS: usize = 20;

/// The body is no GraphQL request at all.
pub(super) fn bad_request(media: Media, cause: &str) -> Response {
    respond(
        media,
        StatusCode::BAD_REQUEST,
        &errors_only(vec![error(cause, Code::BadInput)]),
    )
}

/// The document is refused before it is run.
pub(super) fn refused(media: Media, refused: &QueryRefused) -> Response {
    let mut error = error(&refused.to_string(), refused.into());
    if let QueryRefused::Syntax(positions) = refused {
        error.locations.clone_from(positions);
    }
    respond(media, status_of_refused(media), &errors_only(vec![error]))
}

/// It took too long; nothing is known of what it did.
pub(super) fn timed_out(media: Media) -> Response {
    let error = error("not answered in time: ask again with the same request id", Code::Unavailable);
    respond(media, StatusCode::SERVICE_UNAVAILABLE, &errors_only(vec![error]))
}

/// It was run, or the schema refused it.
pub(super) fn executed(media: Media, mut executed: Executed) -> Response {
    // Before execution there is no data and no path; a failed field has a path even where it takes all data with it.
    let was_refused =
        executed.data == Value::Null && !executed.errors.is_empty() && executed.errors.iter().all(|error| error.path.is_empty());
    executed.errors.truncate(MAX_ERRORS);
    executed.errors.iter_mut().for_each(|error| tidy(error, was_refused));
    if was_refused {
        return respond(media, status_of_refused(media), &errors_only(executed.errors));
    }
    respond(media, StatusCode::OK, &executed)
}

const fn status_of_refused(media: Media) -> StatusCode {
    match media {
        Media::GraphqlResponse => StatusCode::BAD_REQUEST,
        Media::Json => StatusCode::OK,
    }
}

/// Without the entry `data`, which means that execution began.
fn errors_only(errors: Vec<ServerError>) -> serde_json::Value {
    serde_json::json!({ "errors": errors })
}

fn error(message: &str, code: Code) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

fn set_code(error: &mut ServerError, code: Code) {
    error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default)
        .set("code", code.as_str());
}

/// Errors of ours have a code already; others come from the library.
fn tidy(error: &mut ServerError, was_refused: bool) {
    let has_code = error
        .extensions
        .as_ref()
        .is_some_and(|extensions| extensions.get("code").is_some());
    if !has_code {
        let code = match error.message.as_str() {
            "Query is too complex." | "Query is nested too deep." => Code::QueryTooComplex,
            _ if was_refused => Code::InvalidQuery,
            _ => Code::BadInput,
        };
        set_code(error, code);
        if error.message.len() > MAX_FOREIGN_BYTES {
            error.message = code.title().to_owned();
        }
    }
    let mut end = MAX_MESSAGE_BYTES.min(error.message.len());
    while !error.message.is_char_boundary(end) {
        end -= 1;
    }
    error.message.truncate(end);
}

fn respond(media: Media, status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (
            status,
            [(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()))],
            bytes,
        )
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            crate::transport::problem::Problem::new(Code::Internal, Code::Internal.title()).into_response()
        }
    }
}

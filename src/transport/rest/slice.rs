//! Slices of events.
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis/events/{eventID}/slice?epc=…&epc=…` | `application/jsonl`: for each event of that id that the caller sees, one line: what it sees of it and the proof that the hub signed a whole to which that belongs |
//! | `GET /epcis/slices?epc=…&epc=…` | the same of the events by which these things came into being and into containers; of those that the caller bought since in words: month, country, kind of party |
//!
//! With `epc` only those things, of events that show one of them. `counterfoil audit verify-slice` checks the file without the hub.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::domain::gs1::Epc;
use crate::domain::party::Actor;
use crate::service::slice::{Named, Slice, of_things, slices};
use crate::service::{Hub, ServiceError};
use crate::transport::route::{Routes, get};

use super::listing::{Parameters, pairs, refuse};
use super::small::answered;

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new()
        .route("/epcis/events/{event_id}/slice", get(slice))
        .route("/epcis/slices", get(of))
}

async fn of(State(hub): State<Hub>, Extension(actor): Extension<Actor>, parameters: Parameters) -> Response {
    let found = async {
        let things = things(parameters)?;
        if things.is_empty() {
            return Err(refuse(
                "epc",
                "is missing: name the things that you ask for, each with an `epc` of its own",
            ));
        }
        lines(of_things(&hub, &actor, &things).await?)
    };
    answered(found.await)
}

/// One line each; none is as if there were nothing.
fn lines(slices: Vec<Slice>) -> Result<Response, ServiceError> {
    if slices.is_empty() {
        return Err(ServiceError::not_found());
    }
    let lines: String = slices.into_iter().map(|slice| slice.file + "\n").collect();
    let media_type = HeaderValue::from_static("application/jsonl");
    Ok(([(header::CONTENT_TYPE, media_type)], lines).into_response())
}

async fn slice(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    event_id: Result<Path<String>, PathRejection>,
    parameters: Parameters,
) -> Response {
    let found = async {
        // Not text: there is no such event.
        let Path(event_id) = event_id.map_err(|_| ServiceError::not_found())?;
        lines(slices(&hub, &actor, Named::Id(&event_id), &things(parameters)?).await?)
    };
    answered(found.await)
}

/// The things that are asked for by `epc`, the only parameter.
fn things(parameters: Parameters) -> Result<Vec<Epc>, ServiceError> {
    let mut things = Vec::new();
    for (name, value) in pairs(parameters)? {
        if name != "epc" {
            return Err(refuse(&name, "is no parameter of slices: they take `epc`"));
        }
        let epc = value.parse::<Epc>();
        things.push(epc.map_err(|error| refuse("epc", &error.to_string()))?);
    }
    Ok(things)
}

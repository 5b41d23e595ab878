//! Messages about what is wrong with a delivery.
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis/events/{eventID}/exceptions?email=…&phone=…` | `application/json`: the `ExceptionReport` of the Partnership for DSCSA Governance about this shipping or receiving event, ready to be sent to the other side; `email` and `phone` are whom that may answer |

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::party::Actor;
use crate::service::exception::{Contact, of_event};
use crate::service::{Hub, ServiceError};
use crate::transport::route::{Routes, get};

use super::listing::{Parameters, pairs, refuse};
use super::small::answered;

/// Longest address (RFC 5321 clause 4.5.3.1) or telephone number.
const LONGEST: usize = 254;

/// The routes of this noun.
pub fn routes() -> Routes {
    Routes::new().route("/epcis/events/{event_id}/exceptions", get(exceptions))
}

async fn exceptions(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    event_id: Result<Path<String>, PathRejection>,
    parameters: Parameters,
) -> Response {
    let found = async {
        let contact = contact(parameters)?;
        // Not text: there is no such event.
        let Path(event_id) = event_id.map_err(|_| ServiceError::not_found())?;
        let report = of_event(&hub, &actor, &event_id, contact).await?;
        report
            .map(|report| Json(report).into_response())
            .ok_or_else(ServiceError::not_found)
    };
    answered(found.await)
}

fn contact(parameters: Parameters) -> Result<Contact, ServiceError> {
    let (mut email, mut phone) = (None, None);
    for (name, value) in pairs(parameters)? {
        let slot = match name.as_str() {
            "email" => &mut email,
            "phone" => &mut phone,
            _ => {
                return Err(refuse(
                    &name,
                    "is no parameter here: an exception report takes `email` and `phone`",
                ));
            }
        };
        if slot.is_some() {
            return Err(refuse(&name, "stands twice"));
        }
        if value.trim().is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(refuse(&name, "is empty, too long or no single line"));
        }
        *slot = Some(value);
    }
    let missing = || refuse("email", "is missing: the report names whom the other side may answer");
    let email = email.ok_or_else(missing)?;
    let is_address = email
        .split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if !is_address {
        return Err(refuse("email", "is no e-mail address, such as dock@wholesaler.example"));
    }
    Ok(Contact { email, phone })
}

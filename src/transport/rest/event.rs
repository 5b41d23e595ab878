//! EPCIS queries: `/epcis/events` (EPCIS 2.0 clause 12.7).
//!
//! | call | answer |
//! |---|---|
//! | `GET /epcis/events?…` | an EPCISQueryDocument with what the caller may see, in the form that `Accept` and the `GS1-` headers ask for; `nextPageToken`, `Link: …; rel="next"` |
//! | `GET /epcis/events/{eventID}` | the events with this `eventID`: several, if one declares another to be in error |
//!
//! A query parameter that is not known is refused: to pass over it would answer more than was asked for. Page tokens are
//! of one caller and one query.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use crate::domain::event::EventType;
use crate::domain::gs1::Epc;
use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::service::event::{self, Wanted};
use crate::service::page::{Cursor, Page};
use crate::service::{Code, Hub, ServiceError};

use super::negotiation::{Representation, problem};

/// Events on a page if the caller does not say (EPCIS 2.0 clause 12.5).
const PER_PAGE: usize = 30;
/// Most values in one list parameter.
const VALUES: usize = 100;

/// The routes of this noun.
pub fn routes() -> Router<Hub> {
    Router::new()
        .route("/epcis/events", get(list))
        .route("/epcis/events/{event_id}", get(one))
}

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

async fn list(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    match page_of(&hub, &actor, &headers, parameters).await {
        Ok(response) => response,
        Err(error) => problem(&headers, error),
    }
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
            form.query_document(&hub, events)
        }
    };
    match found.await {
        Ok(response) => response,
        Err(error) => problem(&headers, error),
    }
}

async fn page_of(hub: &Hub, actor: &Actor, headers: &HeaderMap, parameters: Parameters) -> Result<Response, ServiceError> {
    let Query(parameters) = parameters.map_err(|_| bad("the query string cannot be read"))?;
    let form = Representation::of(headers)?;
    let asked = Asked::parse(parameters, hub.limits().page)?;
    let list = format!("/epcis/events?{}", asked.query);
    let after = asked
        .token
        .as_deref()
        .map(|token| Cursor::open(token, actor, &list))
        .transpose()?;
    let found = event::events(
        hub,
        actor,
        asked.wanted,
        Page {
            first: asked.per_page,
            after,
        },
    )
    .await?;
    let next = found
        .rows
        .last()
        .filter(|_| found.has_next)
        .map(|(cursor, _)| cursor.seal(actor, &list));
    let mut response = form.query_document(hub, found.rows.into_iter().map(|(_, event)| event).collect())?;
    if let Some(token) = next {
        let separator = if asked.query.is_empty() { "" } else { "&" };
        let link = format!(
            "</epcis/events?{}{separator}perPage={}&nextPageToken={token}>; rel=\"next\"",
            asked.query, asked.per_page
        );
        let link =
            HeaderValue::try_from(link).map_err(|error| ServiceError::Internal(format!("the next page's link: {error}")))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A query, read.
struct Asked {
    wanted: Wanted,
    per_page: usize,
    token: Option<String>,
    /// The parameters but for paging, as they stand in the link to the next page.
    query: String,
}

impl Asked {
    fn parse(parameters: Vec<(String, String)>, most: usize) -> Result<Self, ServiceError> {
        let mut asked = Self {
            wanted: Wanted::default(),
            per_page: PER_PAGE.min(most),
            token: None,
            query: String::new(),
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in parameters {
            if seen.contains(&name) {
                return Err(bad(format!("`{}` is there twice", short(&name))));
            }
            asked.take(&name, &value, most)?;
            seen.push(name);
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: &str, most: usize) -> Result<(), ServiceError> {
        let filter = &mut self.wanted.filter;
        match name {
            "eventType" => filter.kinds = list_of(name, value, event_type)?,
            "EQ_bizStep" => filter.biz_steps = list_of(name, value, |text| Some(biz_step(text)))?,
            "GE_eventTime" => filter.event_from = Some(time(name, value)?),
            "LT_eventTime" => filter.event_before = Some(time(name, value)?),
            "GE_recordTime" => filter.record_from = Some(time(name, value)?),
            "LT_recordTime" => filter.record_before = Some(time(name, value)?),
            "MATCH_epc" => self.wanted.listed = list_of(name, value, |text| text.parse::<Epc>().ok())?,
            "perPage" => {
                let rows = value.parse::<usize>().ok().filter(|rows| *rows > 0);
                self.per_page = rows.ok_or_else(|| bad("`perPage` is a number from 1"))?.min(most);
                return Ok(());
            }
            "nextPageToken" => {
                self.token = Some(value.to_owned());
                return Ok(());
            }
            _ => return Err(bad(format!("`{}` is no query parameter that is known here", short(name)))),
        }
        let separator = if self.query.is_empty() { "" } else { "&" };
        self.query.push_str(&format!("{separator}{name}={}", percent(value)));
        Ok(())
    }
}

fn list_of<T>(name: &str, value: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, ServiceError> {
    let values: Option<Vec<T>> = value.split('|').take(VALUES + 1).map(read).collect();
    let values = values.filter(|values| values.len() <= VALUES);
    values.ok_or_else(|| {
        bad(format!(
            "`{name}` has a value that is none of its kind, or more than {VALUES} of them"
        ))
    })
}

fn event_type(text: &str) -> Option<EventType> {
    match text {
        "ObjectEvent" => Some(EventType::Object),
        "AggregationEvent" => Some(EventType::Aggregation),
        "TransactionEvent" => Some(EventType::Transaction),
        "TransformationEvent" => Some(EventType::Transformation),
        "AssociationEvent" => Some(EventType::Association),
        _ => None,
    }
}

/// The bare CBV name, as events are stored.
fn biz_step(text: &str) -> String {
    let spellings = [
        "urn:epcglobal:cbv:bizstep:",
        "https://ref.gs1.org/cbv/BizStep-",
        "cbv:BizStep-",
    ];
    spellings
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text)
        .to_owned()
}

fn time(name: &str, value: &str) -> Result<Micros, ServiceError> {
    Micros::parse(value).map_err(|_| bad(format!("`{name}` is no time: write it as 2026-11-22T06:50:00Z")))
}

/// For a link: all but the unreserved characters of RFC 3986.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn bad(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

//! The query interface of EPCIS 1.2 by SOAP 1.1 and 1.2 (EPCIS 1.2 clauses 8.2 and 11.2).
//!
//! | call | answer |
//! |---|---|
//! | `POST /epcis/soap` with `GetQueryNames`, `Poll`, `Subscribe`, `Unsubscribe`, `GetSubscriptionIDs`, `GetStandardVersion`, `GetVendorVersion` | its result, or a fault with the standard's exception |
//! | `GET /epcis/soap?wsdl` | the service description |
//!
//! The client certificate says who asks; credentials in a message are passed over. It has no rule of its own: queries are those of
//! [`crate::service::query`], subscriptions those of [`crate::service::subscription`], and both are seen through the REST binding too.

mod answer;
mod request;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use crate::domain::event::Event;
use crate::domain::party::Actor;
use crate::domain::subscription::Form;
use crate::domain::time::Micros;
use crate::epcis::query::of_texts;
use crate::epcis::{CbvFormat, DocumentKind, EpcFormat, Format, xml};
use crate::service::event::told;
use crate::service::named_query::{self, SIMPLE_EVENTS, SIMPLE_MASTER_DATA};
use crate::service::query::{self, vocabulary, whole};
use crate::service::subscription::{self, Subject};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::route::{Routes, get};

use super::dialect::essence;
use super::dialect::soap::{Version, content};
use super::dialect::wsdl::described;
use answer::{Answer, Fault};
use request::{Parameters, Request as Asked, Subscribe};

/// Largest message, in bytes.
const BODY: usize = 1 << 20;
const MEDIA_TYPES: [&str; 3] = ["text/xml", "application/soap+xml", "application/xml"];
const WSDL: &str = include_str!("../../schema/epcis-query.wsdl");
/// Where the address stands in it.
const ADDRESS: &str = "https://localhost:8443/epcis/soap";
/// Names of a party's own queries in one answer.
const NAMES: usize = 1_000;

/// The routes of the interface.
pub fn routes() -> Routes {
    Routes::new().route("/epcis/soap", get(description).post(call))
}

async fn description(query: RawQuery, request: Request) -> Response {
    described(WSDL, ADDRESS, query, &request)
}

async fn call(State(hub): State<Hub>, Extension(actor): Extension<Actor>, headers: HeaderMap, body: Body) -> Response {
    let media_type = essence(&headers);
    let by_media = Version::of_media_type(&media_type);
    let answered = async {
        let bytes = taken(&headers, &media_type, body)
            .await
            .map_err(|error| (by_media, Fault::of(error)))?;
        let (version, element) = content(&bytes).map_err(|(version, detail)| (version, Fault::invalid(detail)))?;
        let asked = Asked::read(&element).map_err(|fault| (version, fault))?;
        let told = answer(&hub, &actor, asked).await.map_err(|fault| (version, fault))?;
        Ok((version, told))
    };
    match answered.await {
        Ok((version, told)) => told.response(version),
        Err((version, fault)) => fault.response(version).into_response(),
    }
}

async fn taken(headers: &HeaderMap, media_type: &str, body: Body) -> Result<axum::body::Bytes, ServiceError> {
    let coded = headers.get("content-encoding").is_some_and(|value| value != "identity");
    if coded || !MEDIA_TYPES.contains(&media_type) {
        let detail = format!("send {}, without Content-Encoding", MEDIA_TYPES.join(" or "));
        return Err(ServiceError::refused(Code::UnsupportedMediaType, detail));
    }
    let too_large = |_| ServiceError::refused(Code::TooLarge, format!("a message has at most {BODY} bytes"));
    axum::body::to_bytes(body, BODY).await.map_err(too_large)
}

async fn answer(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Answer, Fault> {
    match asked {
        Asked::GetStandardVersion => Ok(Answer::text("GetStandardVersionResult", "1.2")),
        // No extension of the standard's own interface is made here.
        Asked::GetVendorVersion => Ok(Answer::text("GetVendorVersionResult", "")),
        Asked::GetQueryNames => {
            let (own, _) = named_query::list(hub, actor, (NAMES, "")).await?;
            let names = [SIMPLE_EVENTS, SIMPLE_MASTER_DATA].map(str::to_owned).into_iter();
            Ok(Answer::list(
                "GetQueryNamesResult",
                names.chain(own.into_iter().map(|query| query.name)),
            ))
        }
        Asked::GetSubscriptionIds(query) => {
            if query == SIMPLE_MASTER_DATA {
                return Ok(Answer::list("GetSubscriptionIDsResult", std::iter::empty()));
            }
            let most = hub.limits().subscriptions_per_party;
            let (found, _) = subscription::list(hub, actor, &query, (most, "")).await?;
            Ok(Answer::list(
                "GetSubscriptionIDsResult",
                found.into_iter().map(|found| found.id),
            ))
        }
        Asked::Unsubscribe(id) => {
            subscription::unsubscribe(hub, actor, None, id).await?;
            Ok(Answer::nothing("UnsubscribeResult"))
        }
        Asked::Subscribe(wanted) => subscribe(hub, actor, *wanted).await,
        Asked::Poll { query, parameters } => poll(hub, actor, &query, parameters).await,
    }
}

async fn poll(hub: &Hub, actor: &Actor, name: &str, parameters: Parameters) -> Result<Answer, Fault> {
    let about = |error: ServiceError| Fault::of(error).about(name);
    if name == SIMPLE_MASTER_DATA {
        let found = vocabulary(hub, actor, &parameters).await.map_err(about)?;
        return Ok(Answer::vocabularies(&found));
    }
    let asked = if name == SIMPLE_EVENTS {
        of_texts(&parameters).map_err(|error| Fault::of(query::wrong(&error)))?
    } else {
        let kept = named_query::find(hub, actor, name).await?;
        if let Some((parameter, _)) = parameters.first() {
            let detail = format!("`{parameter}` cannot be given: the query has its parameters already");
            return Err(Fault::of(ServiceError::refused(Code::QueryParameter, detail)));
        }
        named_query::read(&kept)?
    };
    let found = told(whole(hub, actor, &asked).await.map_err(about)?);
    results(hub, name, &found)
}

fn results(hub: &Hub, name: &str, events: &[(Event, Micros)]) -> Result<Answer, Fault> {
    let registry = hub.registry();
    let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
    let format = Format {
        document: DocumentKind::Query {
            name,
            subscription: None,
        },
        epc: EpcFormat::NeverTranslates,
        cbv: CbvFormat::OfVersion,
        created: hub.now(),
        prefix_len: &prefix_len,
    };
    let mut body = Vec::new();
    let listed = events.iter().map(|(event, record_time)| (event, *record_time));
    let written = xml::write_results(&mut body, listed, &format);
    let text = written.ok().and_then(|()| String::from_utf8(body).ok());
    text.map(Answer)
        .ok_or_else(|| Fault::of(ServiceError::Internal("writing events".to_owned())))
}

async fn subscribe(hub: &Hub, actor: &Actor, wanted: Subscribe) -> Result<Answer, Fault> {
    let Subscribe {
        query,
        parameters,
        dest,
        controls,
        id,
    } = wanted;
    let subject = match query.as_str() {
        SIMPLE_EVENTS => Subject::Standard(SIMPLE_EVENTS, parameters),
        SIMPLE_MASTER_DATA => {
            let detail = "SimpleMasterDataQuery cannot be subscribed to";
            return Err(Fault::of(ServiceError::refused(Code::SubscribeNotPermitted, detail)));
        }
        _ => Subject::Named(query),
    };
    let asked = subscription::Asked {
        subject,
        id: Some(id),
        dest,
        token: None,
        controls,
        form: Form::Xml,
        epc: EpcFormat::NeverTranslates,
    };
    subscription::subscribe(hub, actor, asked).await?;
    Ok(Answer::nothing("SubscribeResult"))
}

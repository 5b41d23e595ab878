//! The service description of the synchronous SNX dialect, for software that wants one before it calls: `GET …/snrequest?wsdl`.
//!
//! Both schemas stand inside it, so that nothing else must be fetched.

use axum::extract::{RawQuery, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::xml::escaped;
use crate::service::Code;
use crate::transport::problem::Problem;

const WSDL: &str = include_str!("../../../schema/snx.wsdl");
/// Where the address stands that the caller reached the hub by.
const ADDRESS: &str = "https://localhost:8443/soap/snx/snrequest";

/// The description of the SNX dialect.
pub(super) async fn get(query: RawQuery, request: Request) -> Response {
    described(WSDL, ADDRESS, query, &request)
}

/// A description, with the address that it was asked for at in the place of `address`.
pub(in crate::transport) fn described(wsdl: &str, address: &str, RawQuery(query): RawQuery, request: &Request) -> Response {
    let asked = query.unwrap_or_default();
    if !asked.eq_ignore_ascii_case("wsdl") {
        let detail = "ask for the description with `?wsdl`; requests are sent by POST";
        return Problem::new(Code::BadInput, detail).into_response();
    }
    let text = match host(request) {
        Some(host) => wsdl.replace(address, &format!("https://{}{}", escaped(&host), request.uri().path())),
        None => wsdl.to_owned(),
    };
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))];
    (content_type, text).into_response()
}

/// Host and port of the call, as far as they look like it: it is only repeated to who sent it.
fn host(request: &Request) -> Option<String> {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let named = || request.headers().get(header::HOST)?.to_str().ok().map(str::to_owned);
    let good = |host: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        (1..=255).contains(&host.len()) && host.bytes().all(plain)
    };
    authority.or_else(named).filter(good)
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    #[test]
    fn it_describes_the_messages_that_the_adapter_reads() {
        let root = xml::read(WSDL.as_bytes()).unwrap();
        assert_eq!(
            (root.name.as_str(), root.attribute("targetNamespace")),
            ("definitions", Some("urn:tracelink:soap"))
        );
        assert_eq!(WSDL.matches(ADDRESS).count(), 1);
        for name in [
            "serialNumbersRequest",
            "serialNumbersRequestResponse",
            "RfidException",
            "RandomizedNumberList",
            "Interval",
        ] {
            assert!(WSDL.contains(&format!("name=\"{name}\"")), "{name}");
        }
    }
}

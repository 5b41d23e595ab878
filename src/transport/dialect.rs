//! The requests that packaging lines already send: one adapter a dialect, one driver for all.
//!
//! | path | dialect |
//! |---|---|
//! | `POST /soap/snx/snrequest`, `GET …?wsdl` | SNX, synchronous (SOAP 1.1 and 1.2) |
//! | `POST /dialects/snx-file` | SNX, request and response file |
//! | `POST /dialects/rfxcel` | rfXcel `syncAllocateTraceIds` |
//! | `POST /dialects/opsm` | Oracle Pedigree and Serialization Manager |
//! | `POST /dialects/frequentz` | IBM / Frequentz TagManager: create, get, confirm |
//! | `POST /dialects/csv` | plain CSV |
//! | `POST /dry-run/…` before each of them | the same without a number moving: numbers that are never issued |
//! | `POST /dialects/{dialect}/self-test` | step by step what the hub makes of a message, as JSON |
//! | `GET /dialects` | this list, with links |
//!
//! A line keeps its software and changes the address. The client certificate says who it is; user tokens in a message are passed over.
//!
//! # Invariants
//! - An adapter is made of pure functions: bytes to a canonical ask, answer to bytes, refusal to bytes. No rule of who may have what
//!   stands here: the driver asks `service::serial` as every other channel does.
//! - Every refusal, also of what is no message at all, is in the dialect of the caller, and then no number has moved.
//! - A list of numbers is computed while it is sent, whatever the dialect.
//! - Neither messages nor numbers stand in a log.

mod csv;
mod driver;
mod frequentz;
mod message;
mod opsm;
mod rfxcel;
mod sample;
mod self_test;
mod snx;
mod snx_file;
pub(in crate::transport) mod soap;
pub(in crate::transport) mod wsdl;
pub(in crate::transport) mod xml;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::domain::party::Actor;
use crate::service::{Code, Hub};
use crate::transport::route::{Routes, get, post};

use driver::Mode;
use message::{DialectFault, Message, Refusal, Reply, Wire};

/// What a line may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Snx,
    SnxFile,
    Rfxcel,
    Opsm,
    Frequentz,
    Csv,
}

impl Dialect {
    const ALL: [Self; 6] = [Self::Snx, Self::SnxFile, Self::Rfxcel, Self::Opsm, Self::Frequentz, Self::Csv];

    /// Its name in paths.
    const fn name(self) -> &'static str {
        match self {
            Self::Snx => "snx",
            Self::SnxFile => "snx-file",
            Self::Rfxcel => "rfxcel",
            Self::Opsm => "opsm",
            Self::Frequentz => "frequentz",
            Self::Csv => "csv",
        }
    }

    /// Where its messages go.
    const fn path(self) -> &'static str {
        match self {
            Self::Snx => "/soap/snx/snrequest",
            Self::SnxFile => "/dialects/snx-file",
            Self::Rfxcel => "/dialects/rfxcel",
            Self::Opsm => "/dialects/opsm",
            Self::Frequentz => "/dialects/frequentz",
            Self::Csv => "/dialects/csv",
        }
    }

    /// For people.
    const fn title(self) -> &'static str {
        match self {
            Self::Snx => "SNX serialNumbersRequest (SOAP 1.1 and 1.2)",
            Self::SnxFile => "SNX request and response message (XML file)",
            Self::Rfxcel => "rfXcel syncAllocateTraceIds (SOAP)",
            Self::Opsm => "Oracle OPSM createProcessSerialGenerationRequest (SOAP)",
            Self::Frequentz => "IBM / Frequentz createTagRequest, getTagsRequest, confirmTagsRequest (SOAP)",
            Self::Csv => "plain CSV",
        }
    }

    /// Media types of its messages.
    const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Snx | Self::Rfxcel | Self::Opsm | Self::Frequentz => &["text/xml", "application/soap+xml", "application/xml"],
            Self::SnxFile => &["application/xml", "text/xml"],
            Self::Csv => &["text/csv", "text/plain"],
        }
    }

    fn read(self, bytes: &[u8]) -> Result<Message, DialectFault> {
        match self {
            Self::Snx => snx::read(bytes),
            Self::SnxFile => snx_file::read(bytes),
            Self::Rfxcel => rfxcel::read(bytes),
            Self::Opsm => opsm::read(bytes),
            Self::Frequentz => frequentz::read(bytes),
            Self::Csv => csv::read(bytes),
        }
    }

    /// A refusal of what was not read at all.
    fn refuse(self, media_type: &str, refusal: &Refusal) -> Wire {
        match self {
            Self::Snx | Self::Rfxcel | Self::Opsm | Self::Frequentz => soap::Version::of_media_type(media_type).fault(refusal),
            Self::SnxFile => snx_file::refuse(refusal),
            Self::Csv => csv::refuse(refusal),
        }
    }
}

/// The routes of all dialects.
pub fn routes() -> Routes {
    let mut router = Routes::new()
        .route("/dialects", get(self_test::list))
        .route("/dialects/{dialect}/self-test", post(self_test::run))
        .route("/soap/snx/snrequest", get(wsdl::get))
        .route("/dry-run/soap/snx/snrequest", get(wsdl::get));
    for dialect in Dialect::ALL {
        let real = move |hub, actor, headers, body| answer(hub, actor, headers, (dialect, Mode::Real, body));
        let dry = move |hub, actor, headers, body| answer(hub, actor, headers, (dialect, Mode::Dry, body));
        router = router
            .route(dialect.path(), post(real))
            .route(&format!("/dry-run{}", dialect.path()), post(dry));
    }
    router
}

async fn answer(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    (dialect, mode, body): (Dialect, Mode, Body),
) -> Response {
    let media_type = essence(&headers);
    let bytes = match taken(&hub, dialect, (&media_type, &headers), body).await {
        Ok(bytes) => bytes,
        Err(refusal) => {
            let wire = dialect.refuse(&media_type, &refusal);
            return Wire {
                status: refusal.status(),
                ..wire
            }
            .into_response();
        }
    };
    let Message { ask, reply } = match dialect.read(&bytes) {
        Ok(message) => message,
        Err(DialectFault(wire, _)) => return wire.into_response(),
    };
    let reply: Arc<dyn Reply> = Arc::from(reply);
    let granted = match ask {
        Ok(ask) => driver::grant(&hub, &actor, ask, mode).await,
        Err(refusal) => Err(refusal),
    };
    match granted {
        Ok(granted) => granted.response(reply, mode),
        Err(refusal) => reply.refused(&refusal).into_response(),
    }
}

/// The media type without its parameters.
pub(in crate::transport) fn essence(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    text.unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// The whole message, if it is one of the dialect's media types and not too large.
async fn taken(hub: &Hub, dialect: Dialect, (media_type, headers): (&str, &HeaderMap), body: Body) -> Result<Vec<u8>, Refusal> {
    let coded = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    if coded || !dialect.media_types().contains(&media_type) {
        let detail = format!("send {}, without Content-Encoding", dialect.media_types().join(" or "));
        return Err(Refusal::new(Code::UnsupportedMediaType, detail));
    }
    let most = hub.limits().dialect_bytes;
    let bytes = axum::body::to_bytes(body, most).await.map_err(|error| {
        let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            Refusal::new(Code::TooLarge, format!("a message has at most {most} bytes"))
        } else {
            Refusal::bad("the message ended before its end: send it again")
        }
    })?;
    Ok(bytes.into())
}

impl IntoResponse for Wire {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))];
        (self.status, content_type, self.text).into_response()
    }
}

//! Results and exceptions of the query interface as elements (`EPCglobal-epcis-query-1_2.xsd`).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::service::query::Element;
use crate::service::{Code, ServiceError};
use crate::transport::dialect::soap::Version;
use crate::transport::dialect::xml::escaped;

use super::request::NAMESPACE;

/// What stands in the body: one element, written.
#[derive(Debug)]
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn nothing(name: &str) -> Self {
        Self(format!("<epcisq:{name} xmlns:epcisq=\"{NAMESPACE}\"/>"))
    }

    pub(super) fn text(name: &str, text: &str) -> Self {
        Self(format!(
            "<epcisq:{name} xmlns:epcisq=\"{NAMESPACE}\">{}</epcisq:{name}>",
            escaped(text)
        ))
    }

    pub(super) fn list(name: &str, texts: impl Iterator<Item = String>) -> Self {
        let items: String = texts.map(|text| format!("<string>{}</string>", escaped(&text))).collect();
        Self(format!("<epcisq:{name} xmlns:epcisq=\"{NAMESPACE}\">{items}</epcisq:{name}>"))
    }

    /// Elements that stand together by their vocabulary.
    pub(super) fn vocabularies(elements: &[Element]) -> Self {
        let mut content = format!(
            "<epcisq:QueryResults xmlns:epcisq=\"{NAMESPACE}\"><queryName>SimpleMasterDataQuery</queryName><resultsBody><VocabularyList>"
        );
        for of_one in elements.chunk_by(|one, other| one.vocabulary == other.vocabulary) {
            let kind = of_one.first().map_or("", |first| &first.vocabulary);
            content += &format!("<Vocabulary type=\"{}\"><VocabularyElementList>", escaped(kind));
            content.extend(of_one.iter().map(element));
            content += "</VocabularyElementList></Vocabulary>";
        }
        content += "</VocabularyList></resultsBody></epcisq:QueryResults>";
        Self(content)
    }

    pub(super) fn response(self, version: Version) -> Response {
        let Self(content) = self;
        wire(version, StatusCode::OK, &content)
    }
}

fn element(element: &Element) -> String {
    let attributes: String = element
        .attributes
        .iter()
        .map(|(name, value)| format!("<attribute id=\"{}\">{}</attribute>", escaped(name), escaped(value)))
        .collect();
    let ids: String = element
        .children
        .iter()
        .map(|id| format!("<id>{}</id>", escaped(id)))
        .collect();
    let children = if ids.is_empty() {
        String::new()
    } else {
        format!("<children>{ids}</children>")
    };
    format!(
        "<VocabularyElement id=\"{}\">{attributes}{children}</VocabularyElement>",
        escaped(&element.id)
    )
}

fn wire(version: Version, status: StatusCode, content: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(version.content_type()))];
    (status, content_type, version.envelope(content)).into_response()
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Fault {
    code: Code,
    reason: String,
    /// The query, where the exception has room for it.
    about: Option<String>,
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Self::of(error)
    }
}

impl Fault {
    pub(super) fn of(error: ServiceError) -> Self {
        let code = error.code();
        let reason = match &error {
            ServiceError::Refused { detail, .. } => detail.clone(),
            ServiceError::Storage(_) | ServiceError::Internal(_) => {
                // The whole chain, once; the caller gets the title alone.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    code = code.as_str(),
                    "request failed"
                );
                code.title().to_owned()
            }
        };
        Self {
            code,
            reason,
            about: None,
        }
    }

    /// A message that is none.
    pub(super) fn invalid(reason: String) -> Self {
        Self {
            code: Code::InvalidDocument,
            reason,
            about: None,
        }
    }

    pub(super) fn about(self, query: &str) -> Self {
        Self {
            about: Some(query.to_owned()),
            ..self
        }
    }

    /// EPCIS 1.2 clause 8.2.6.
    pub(super) fn exception(&self) -> &'static str {
        match self.code {
            Code::QueryParameter => "QueryParameterException",
            Code::QueryTooLarge => "QueryTooLargeException",
            Code::QueryTooWide | Code::QueryTooComplex => "QueryTooComplexException",
            Code::NoSuchName => "NoSuchNameException",
            Code::NoSuchSubscription => "NoSuchSubscriptionException",
            Code::SubscriptionTaken => "DuplicateSubscriptionException",
            Code::SubscriptionControls => "SubscriptionControlsException",
            Code::SubscribeNotPermitted => "SubscribeNotPermittedException",
            Code::InvalidDestination => "InvalidURIException",
            Code::NameTaken => "DuplicateNameException",
            Code::Unauthenticated | Code::NotEntitled | Code::NotFound | Code::QuotaExceeded => "SecurityException",
            Code::BadInput | Code::InvalidDocument | Code::UnsupportedMediaType | Code::TooLarge => "ValidationException",
            Code::NotAcceptable
            | Code::MethodNotAllowed
            | Code::QueryInUse
            | Code::InvalidQuery
            | Code::KeyReused
            | Code::KeyMissing
            | Code::KeyInFlight
            | Code::NoAgreement
            | Code::DailyLimit
            | Code::OutstandingLimit
            | Code::AwaitingApproval
            | Code::RequestRejected
            | Code::AllocationClosed
            | Code::PoolExhausted
            | Code::LotClosed
            | Code::SerialsRefused
            | Code::NotEncodable
            | Code::FloorUnconfirmed
            | Code::NotAnonymous
            | Code::Conflict
            | Code::Unavailable
            | Code::Internal => "ImplementationException",
        }
    }

    /// The exception, as the standard's schema has it.
    fn element(&self) -> String {
        let exception = self.exception();
        let severity = match exception {
            "ImplementationException" => "<severity>ERROR</severity>",
            _ => "",
        };
        let about = match (&self.about, exception) {
            (Some(query), "QueryTooLargeException" | "ImplementationException") => {
                format!("<queryName>{}</queryName>", escaped(query))
            }
            (_, _) => String::new(),
        };
        let reason = escaped(&self.reason);
        format!(
            "<epcisq:{exception} xmlns:epcisq=\"{NAMESPACE}\"><reason>{reason}</reason>{severity}{about}</epcisq:{exception}>"
        )
    }

    pub(super) fn response(&self, version: Version) -> Response {
        let callers = self.exception() != "ImplementationException";
        let (exception, reason, element) = (self.exception(), escaped(&self.reason), self.element());
        let (status, content) = version.fault_content(callers, &format!("{exception}: {reason}"), &element);
        wire(version, status, &content)
    }
}

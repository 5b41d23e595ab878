//! What is delivered: a query document with the events as the subscriber may see them now, or the problem that came instead.

use crate::domain::subscription::Form;
use crate::epcis::{CbvFormat, DocumentKind, EpcFormat, Format, json, xml};
use crate::service::event::{SeenEvent, told};
use crate::service::{Code, Hub, ServiceError};

use super::Subscription;

/// A query document of one form.
#[derive(Debug, Clone, Copy)]
pub struct Printed<'a> {
    /// Which form.
    pub form: Form,
    /// How identifiers are spelt.
    pub epc: EpcFormat,
    /// `queryName`
    pub query_name: &'a str,
    /// `subscriptionID`
    pub subscription: Option<&'a str>,
}

impl Printed<'_> {
    /// The document with these events.
    pub fn document(&self, hub: &Hub, events: Vec<SeenEvent>) -> Result<Vec<u8>, ServiceError> {
        let registry = hub.registry();
        let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
        let format = Format {
            document: DocumentKind::Query {
                name: self.query_name,
                subscription: self.subscription,
            },
            epc: self.epc,
            cbv: CbvFormat::OfVersion,
            created: hub.now(),
            prefix_len: &prefix_len,
        };
        let events = told(events);
        let listed = events.iter().map(|(event, record_time)| (event, *record_time));
        let mut body = Vec::new();
        match self.form {
            Form::Json => json::write_events(&mut body, listed, &format),
            Form::Xml => xml::write_events(&mut body, listed, &format, xml::Version::V1_2),
        }
        .map_err(|error| ServiceError::Internal(format!("writing events: {error}")))?;
        Ok(body)
    }
}

/// Events for a subscriber.
pub(super) fn document(hub: &Hub, of: &Subscription, events: Vec<SeenEvent>) -> Result<Vec<u8>, ServiceError> {
    let epc = of.epc_format.parse();
    let printed = Printed {
        form: of.form,
        epc: epc.map_err(|error: &str| ServiceError::Internal(format!("a subscription cannot be read: {error}")))?,
        query_name: &of.query_name,
        subscription: Some(&of.id),
    };
    printed.document(hub, events)
}

/// A refusal of the query for a subscriber (EPCIS 1.2 clause 8.2.8, EPCIS 2.0 clause 12.8).
pub(super) fn problem(hub: &Hub, of: &Subscription, code: Code, detail: &str) -> Vec<u8> {
    let exception = match code {
        Code::QueryTooLarge => "QueryTooLargeException",
        _ => "QueryTooComplexException",
    };
    let text = match of.form {
        Form::Json => serde_json::json!({
            "type": format!("epcisException:{exception}"),
            "title": code.title(),
            "status": code.status(),
            "detail": detail,
            "queryName": of.query_name,
            "subscriptionID": of.id,
        })
        .to_string(),
        Form::Xml => {
            let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let whose = match exception {
                "QueryTooLargeException" => format!(
                    "<queryName>{}</queryName><subscriptionID>{}</subscriptionID>",
                    escaped(&of.query_name),
                    escaped(&of.id)
                ),
                _ => String::new(),
            };
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epcisq:EPCISQueryDocument xmlns:epcisq=\"urn:epcglobal:epcis-query:xsd:1\" \
                 schemaVersion=\"1.2\" creationDate=\"{}\"><EPCISBody><epcisq:{exception}><reason>{}</reason>{whose}</epcisq:{exception}>\
                 </EPCISBody></epcisq:EPCISQueryDocument>\n",
                hub.now().rfc3339(),
                escaped(detail)
            )
        }
    };
    text.into_bytes()
}

//! The SOAP envelope, 1.1 and 1.2: what is in the body, and faults.
//!
//! Headers are not read. A WS-Security user token (or HTTP credentials) is no identity here, the client certificate is, and it is
//! never logged; addressing is of no use on a line that is answered at once. Any other block that must be understood is refused, as
//! the standard asks (SOAP 1.1 clause 4.2.3, SOAP 1.2 part 1 clause 5.2.3).

use axum::http::StatusCode;

use super::message::{DialectFault, Refusal, Wire};
use super::xml::{self, Element, escaped};
use crate::service::Code;

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// Namespaces of header blocks that may say that they must be understood.
const KNOWN_HEADERS: [&str; 4] = [
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "http://schemas.xmlsoap.org/ws/2002/12/secext",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "http://www.w3.org/2005/08/addressing",
];

/// Which SOAP a caller speaks; the answer is in the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::transport) enum Version {
    #[default]
    V11,
    V12,
}

impl Version {
    pub(in crate::transport) fn namespace(self) -> &'static str {
        match self {
            Self::V11 => SOAP_11,
            Self::V12 => SOAP_12,
        }
    }

    pub(in crate::transport) fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// The version that a media type stands for.
    pub(in crate::transport) fn of_media_type(essence: &str) -> Self {
        if essence == "application/soap+xml" {
            Self::V12
        } else {
            Self::V11
        }
    }

    /// Around the content of a body. On one line: there are clients that read no more than one.
    pub(in crate::transport) fn envelope(self, content: &str) -> String {
        let (start, end) = self.frame();
        start + content + &end
    }

    /// What stands before and behind the content of a body.
    pub(in crate::transport) fn frame(self) -> (String, String) {
        let start = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{}\"><soap:Body>",
            self.namespace()
        );
        (start, "</soap:Body></soap:Envelope>".to_owned())
    }

    /// A fault for a body, and its status: `reason` and `detail` are written as they stand. `callers` says whether the caller is at fault.
    pub(in crate::transport) fn fault_content(self, callers: bool, reason: &str, detail: &str) -> (StatusCode, String) {
        let content = match self {
            Self::V11 => {
                let kind = if callers { "Client" } else { "Server" };
                format!(
                    "<soap:Fault><faultcode>soap:{kind}</faultcode><faultstring>{reason}</faultstring><detail>{detail}</detail></soap:Fault>"
                )
            }
            Self::V12 => {
                let kind = if callers { "Sender" } else { "Receiver" };
                format!(
                    "<soap:Fault><soap:Code><soap:Value>soap:{kind}</soap:Value></soap:Code><soap:Reason>\
                     <soap:Text xml:lang=\"en\">{reason}</soap:Text></soap:Reason><soap:Detail>{detail}</soap:Detail></soap:Fault>"
                )
            }
        };
        // SOAP 1.1 clause 6.2 knows no other status for a fault; 1.2 part 2 table 20 asks for 400 where the sender is at fault.
        let status = match (self, callers) {
            (Self::V12, true) => StatusCode::BAD_REQUEST,
            (Self::V11, _) | (Self::V12, false) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, content)
    }

    /// A fault: the caller's if it can do something about it.
    pub(super) fn fault(self, refusal: &Refusal) -> Wire {
        let callers = refusal.later().is_none();
        let (code, detail) = (refusal.code.as_str(), escaped(&refusal.detail));
        let problem = format!("<problem xmlns=\"urn:counterfoil:dialect\"><code>{code}</code></problem>");
        let (status, content) = self.fault_content(callers, &format!("{code}: {detail}"), &problem);
        Wire {
            status,
            content_type: self.content_type(),
            text: self.envelope(&content),
        }
    }
}

/// The content of an envelope's body, which must be one operation.
pub(super) fn operation(bytes: &[u8], namespace: &str, name: &str) -> Result<(Version, Element), DialectFault> {
    let (version, content) = read(bytes)?;
    if content.is(&[namespace], name) {
        return Ok((version, content));
    }
    let detail = format!(
        "the body is `{}`: send `{name}` in the namespace `{namespace}`",
        content.full_name()
    );
    Err(DialectFault::soap(version, Refusal::new(Code::InvalidDocument, detail)))
}

/// The version and the one element in the body.
pub(super) fn read(bytes: &[u8]) -> Result<(Version, Element), DialectFault> {
    content(bytes).map_err(|(version, detail)| DialectFault::soap(version, Refusal::new(Code::InvalidDocument, detail)))
}

/// The same for whoever has faults of its own; an error is in the version it can be told in.
pub(in crate::transport) fn content(bytes: &[u8]) -> Result<(Version, Element), (Version, String)> {
    let malformed = |version: Version, detail: String| (version, detail);
    let root = xml::read(bytes).map_err(|error| malformed(Version::V11, format!("this is no XML: {error}")))?;
    let version = match root.namespace.as_str() {
        SOAP_11 if root.name == "Envelope" => Version::V11,
        SOAP_12 if root.name == "Envelope" => Version::V12,
        _ => {
            let detail = format!(
                "the root is `{}`: send an `Envelope` of SOAP 1.1 ({SOAP_11}) or 1.2 ({SOAP_12})",
                root.full_name()
            );
            return Err(malformed(Version::V11, detail));
        }
    };
    let own = [version.namespace()];
    if let Some(header) = root.child(&own, "Header") {
        let must = |block: &&Element| matches!(block.attribute("mustUnderstand"), Some("1" | "true"));
        let unknown = |block: &&Element| !KNOWN_HEADERS.contains(&block.namespace.as_str());
        if let Some(block) = header.children.iter().find(|block| must(block) && unknown(block)) {
            let detail = format!("the header block `{}` must be understood and is not", block.full_name());
            return Err(malformed(version, detail));
        }
    }
    let body = root
        .child(&own, "Body")
        .ok_or_else(|| malformed(version, "the envelope has no `Body`".to_owned()))?;
    match body.children.as_slice() {
        [content] => Ok((version, content.clone())),
        [] => Err(malformed(version, "the `Body` is empty".to_owned())),
        [_, ..] => Err(malformed(version, "the `Body` holds more than one element".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (String, u16) {
        let wire = read(text.as_bytes()).unwrap_err().0;
        assert!(xml::read(wire.text.as_bytes()).is_ok(), "{}", wire.text);
        (wire.text, wire.status.as_u16())
    }

    #[test]
    fn both_versions_are_read_whatever_their_prefix() {
        for (namespace, version) in [(SOAP_11, Version::V11), (SOAP_12, Version::V12)] {
            let text = format!(
                "<e:Envelope xmlns:e='{namespace}'><e:Header><s:Security xmlns:s='{}' e:mustUnderstand='1'><s:Username>u</s:Username></s:Security>\
                 </e:Header><e:Body><x xmlns='urn:x'/></e:Body></e:Envelope>",
                KNOWN_HEADERS[0]
            );
            let (found, content) = read(text.as_bytes()).unwrap();
            assert_eq!((found, content.full_name().as_str()), (version, "{urn:x}x"));
        }
    }

    #[test]
    fn what_is_no_message_is_a_fault_in_soap() {
        for text in [
            "",
            "<a/>",
            "not xml",
            "<Envelope/>",
            "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope'><Body><a/></Body></Envelope>",
            "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'/>",
            "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'><Body/></Envelope>",
            "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'><Body><a/><b/></Body></Envelope>",
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Header><t xmlns='urn:t' e:mustUnderstand='1'/></e:Header>\
             <e:Body><a/></e:Body></e:Envelope>",
        ] {
            let (fault, status) = fault(text);
            assert!(
                fault.contains("<faultcode>soap:Client</faultcode>") && status == 500,
                "{fault}"
            );
        }
        let (fault, status) = fault("<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Body/></Envelope>");
        assert!(fault.contains("soap:Sender") && status == 400, "{fault}");
    }

    #[test]
    fn a_fault_of_ours_is_the_servers() {
        let refusal = Refusal::new(Code::Unavailable, "later & <again>");
        let wire = Version::V11.fault(&refusal);
        assert!(wire.text.contains("soap:Server") && wire.text.contains("later &amp; &lt;again&gt;"));
        let wire = Version::V12.fault(&refusal);
        assert!(wire.text.contains("soap:Receiver") && wire.status == 500);
    }
}

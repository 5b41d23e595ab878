//! rfXcel (Antares): SOAP operation `syncAllocateTraceIds`, answered with a list of trace ids.
//!
//! `requestId` of the message, or else its `eventId`, is the key of the request. A client that makes both anew for each try asks for a
//! new block each time: what it sends is the only thing that could tell a retry.

use crate::domain::serial::form::Form;

use super::message::{Answer, Ask, DialectFault, Message, Refusal, Reply, Want, Wire, gtin, place, quantity};
use super::snx::series;
use super::soap::{self, Version};
use super::xml::{Element, escaped, push};

const SERVICE: &str = "http://xmlns.rfxcel.com/traceability/serializationService/3";
const TYPES: &str = "http://xmlns.rfxcel.com/traceability/3";
const IDENTIFIER: &str = "http://xmlns.rfxcel.com/traceability/identifier/3";
const API: &str = "http://xmlns.rfxcel.com/traceability/api/3";
const PARTS: [&str; 2] = [SERVICE, TYPES];

/// A message of the line.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let (version, content) = soap::operation(bytes, SERVICE, "syncAllocateTraceIds")?;
    Ok(Message {
        ask: ask(&content).map(Ask::Numbers),
        reply: Box::new(Response { version, asked: content }),
    })
}

fn ask(asked: &Element) -> Result<Want, Refusal> {
    let only = |name: &str, good: &str| match asked.value(&PARTS, name)? {
        Some(value) if value != good => Err(Refusal::bad(format!("`{name}` must be {good}: nothing else is made here"))),
        Some(_) | None => Ok(()),
    };
    only("idTextFormat", "PURE_ID_URI")?;
    only("returnDataStruct", "LIST")?;
    only("separatePrefixSuffix", "false")?;
    let count = quantity("idCount", asked.required(&PARTS, "idCount")?)?;
    let item = asked.required(&PARTS, "itemId")?;
    let qualifier = asked
        .child(&PARTS, "itemId")
        .and_then(|item| item.attribute("qlfr"))
        .unwrap_or("GTIN");
    let numbered = match qualifier {
        "GTIN" | "NTIN" => gtin("itemId", item)?,
        "GCP" | "COMPANY_PREFIX" => series(item)?,
        _ => return Err(Refusal::bad("the `qlfr` of `itemId` must be GTIN, NTIN or COMPANY_PREFIX")),
    };
    let org = asked.value(&PARTS, "orgId")?.unwrap_or_default();
    let id = asked.attribute("requestId").map(str::trim).filter(|id| !id.is_empty());
    let id = match id {
        Some(id) => Some(id),
        None => asked.value(&PARTS, "eventId")?,
    };
    Ok(Want {
        key: id.map(|id| format!("rfxcel/{org}/{id}")),
        site: match asked.value(&PARTS, "siteId")? {
            Some(text) => Some(place("siteId", text)?),
            None => None,
        },
        form: Form::EpcUri,
        alike: vec![org.to_owned()],
        ..Want::new(numbered, count)
    })
}

/// What the line is answered.
struct Response {
    version: Version,
    asked: Element,
}

impl Response {
    /// Up to the trace ids.
    fn begin(&self, code: &str, message: &str) -> String {
        let mut text = self.version.frame().0;
        text.push_str(&format!(
            "<ns5:syncAllocateTraceIdsResponse xmlns=\"{API}\" xmlns:ns2=\"{TYPES}\" xmlns:ns5=\"{SERVICE}\" xmlns:ns6=\"{IDENTIFIER}\" \
             contentStructVer=\"3.1.3\" requestId=\"{}\"><result><ns2:code>{code}</ns2:code><ns2:msg xml:lang=\"en\">{}</ns2:msg></result>",
            escaped(self.asked.attribute("requestId").unwrap_or_default()),
            escaped(message)
        ));
        for name in ["eventId", "orgId", "itemId", "siteHierId", "siteId"] {
            let Some(part) = self.asked.child(&PARTS, name) else {
                continue;
            };
            text.push_str(&format!("<ns5:{name}"));
            for (key, value) in part.attributes.iter().filter(|(key, _)| key == "qlfr" || key == "type") {
                text.push_str(&format!(" {key}=\"{}\"", escaped(value)));
            }
            text.push_str(&format!(">{}</ns5:{name}>", escaped(&part.text)));
        }
        text
    }

    fn end(&self) -> String {
        format!("</ns5:syncAllocateTraceIdsResponse>{}", self.version.frame().1)
    }
}

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        self.version.content_type()
    }

    fn head(&self, answer: &Answer) -> String {
        let mut text = self.begin("1", "SUCCESS");
        text.push_str("<ns5:allocIdSetCont>");
        push(&mut text, "ns6:idSetId", Some(&answer.handle.to_string()));
        text.push_str("<ns6:idSetCont dataStruct=\"LIST\"><ns6:idTextFormatId>PURE_ID_URI</ns6:idTextFormatId><ns6:idList>");
        text
    }

    fn number(&self, _answer: &Answer, spelled: &str, out: &mut String) {
        out.extend(["<ns2:id>", &escaped(spelled), "</ns2:id>"]);
    }

    fn tail(&self, _answer: &Answer) -> String {
        "</ns6:idList></ns6:idSetCont></ns5:allocIdSetCont>".to_owned() + &self.end()
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        if refusal.later().is_some() {
            return self.version.fault(refusal);
        }
        let message = format!("{}: {}", refusal.code.as_str(), refusal.detail);
        Wire {
            status: axum::http::StatusCode::OK,
            content_type: self.content_type(),
            text: self.begin("0", &message) + &self.end(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::written;
    use super::*;
    use crate::service::Code;

    /// A message as integrators send it.
    pub(in crate::transport::dialect) fn request() -> String {
        format!(
            "<soapenv:Envelope xmlns:soapenv='http://schemas.xmlsoap.org/soap/envelope/' xmlns:ns='{SERVICE}'><soapenv:Header>\
             <wsse:Security xmlns:wsse='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'>\
             <wsse:UsernameToken><wsse:Username>u</wsse:Username><wsse:Password>p</wsse:Password></wsse:UsernameToken></wsse:Security>\
             </soapenv:Header><soapenv:Body><ns:syncAllocateTraceIds contentStructVer='3.1.3' requestId='Allocate1'>\
             <ns:orgId qlfr='ORG_DEF'>0860000387903</ns:orgId><ns:eventId>E-1</ns:eventId><ns:itemId qlfr='GTIN'>09521001001014</ns:itemId>\
             <ns:siteHierId qlfr='ORG_DEF'>Manufacturing</ns:siteHierId><ns:siteId qlfr='GLN' type='LOCATION'>9521002000115</ns:siteId>\
             <ns:idTextFormat>PURE_ID_URI</ns:idTextFormat><ns:separatePrefixSuffix>false</ns:separatePrefixSuffix>\
             <ns:returnDataStruct>LIST</ns:returnDataStruct><ns:idCount>2</ns:idCount></ns:syncAllocateTraceIds></soapenv:Body>\
             </soapenv:Envelope>"
        )
    }

    fn wanted(text: &str) -> Result<Want, Refusal> {
        match read(text.as_bytes()).unwrap().ask? {
            Ask::Numbers(want) => Ok(want),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_id_or_else_the_event_id_is_the_key() {
        let want = wanted(&request()).unwrap();
        assert_eq!(want.key.as_deref(), Some("rfxcel/0860000387903/Allocate1"));
        assert_eq!((want.quantity, want.form), (2, Form::EpcUri));
        let want = wanted(&request().replace(" requestId='Allocate1'", "")).unwrap();
        assert_eq!(want.key.as_deref(), Some("rfxcel/0860000387903/E-1"));
        let bare = request()
            .replace(" requestId='Allocate1'", "")
            .replace("<ns:eventId>E-1</ns:eventId>", "");
        assert_eq!(wanted(&bare).unwrap().key, None);
    }

    #[test]
    fn what_is_not_made_here_is_refused_with_a_result() {
        for (from, to) in [
            ("PURE_ID_URI", "TAG_ID_URI"),
            (">LIST<", ">RANGE<"),
            (">false<", ">true<"),
            ("<ns:idCount>2", "<ns:idCount>-2"),
            ("qlfr='GTIN'", "qlfr='NDC'"),
            ("9521002000115", "Ulm"),
        ] {
            let message = read(request().replace(from, to).as_bytes()).unwrap();
            let refusal = message.ask.unwrap_err();
            let wire = message.reply.refused(&refusal);
            let (_, response) = soap::read(wire.text.as_bytes()).unwrap();
            let result = response.child(&[API], "result").unwrap();
            assert_eq!(result.value(&[TYPES], "code"), Ok(Some("0")), "{to}");
            assert!(
                result.value(&[TYPES], "msg").unwrap().unwrap().starts_with("BAD_INPUT: "),
                "{to}"
            );
        }
        let other = request().replace("serializationService/3", "serializationService/2");
        assert_eq!(read(other.as_bytes()).err().unwrap().1.code, Code::InvalidDocument);
    }

    #[test]
    fn the_answer_lists_trace_ids() {
        let message = read(request().as_bytes()).unwrap();
        let text = written(&*message.reply, "09521001001014", &["urn:epc:id:sgtin:9521001.000101.A1"]);
        let (_, response) = soap::read(text.as_bytes()).unwrap();
        assert!(response.is(&[SERVICE], "syncAllocateTraceIdsResponse"));
        assert_eq!(response.attribute("requestId"), Some("Allocate1"));
        assert_eq!(
            response.child(&[API], "result").unwrap().value(&[TYPES], "code"),
            Ok(Some("1"))
        );
        let set = response
            .child(&[SERVICE], "allocIdSetCont")
            .and_then(|set| set.child(&[IDENTIFIER], "idSetCont"))
            .unwrap();
        let list = set.child(&[IDENTIFIER], "idList").unwrap();
        assert_eq!(list.value(&[TYPES], "id"), Ok(Some("urn:epc:id:sgtin:9521001.000101.A1")));
        // Credentials are not repeated.
        assert!(!text.contains("Username"));
    }
}

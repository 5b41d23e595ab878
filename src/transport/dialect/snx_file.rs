//! SNX, the file: a request message with a `RequestId`, answered with a response message that holds exactly one of a range, a list or an
//! error.
//!
//! `RequestId` with `FileSenderNumber` is the key of the request: the file sent again gets the same numbers. `PlantLocationId` is a GLN
//! or an SGLN without its `urn`. Numbers are element strings without brackets in the encoding that the request names.

use axum::http::StatusCode;

use crate::domain::serial::allocation::Documents;
use crate::domain::serial::form::Form;
use crate::service::Code;

use super::message::{Answer, Ask, DialectFault, Message, Refusal, Reply, Want, Wire, gtin, place, quantity};
use super::snx::series;
use super::xml::{self, Element, escaped, push};

const SNX: &str = "urn:tracelink:mapper:sl:serial_number_exchange";
const COMMON: &str = "urn:tracelink:mapper:sl:commontypes";
const PARTS: [&str; 2] = [SNX, COMMON];
const CONTENT_TYPE: &str = "application/xml; charset=utf-8";

/// A refusal of what was not read at all.
pub(super) fn refuse(refusal: &Refusal) -> Wire {
    let wire = Response::default().refused(refusal);
    Wire {
        status: refusal.status(),
        ..wire
    }
}

/// A request message.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let fault = |detail: String| {
        let refusal = Refusal::new(Code::InvalidDocument, detail);
        DialectFault(refuse(&refusal), refusal)
    };
    let root = xml::read(bytes).map_err(|error| fault(format!("this is no XML: {error}")))?;
    if !root.is(&[SNX], "SNXRequestMessage") {
        let detail = format!(
            "the root is `{}`: send `SNXRequestMessage` in the namespace `{SNX}`",
            root.full_name()
        );
        return Err(fault(detail));
    }
    let part = |name: &str| root.child(&PARTS, name).cloned().unwrap_or_default();
    let reply = Response {
        header: part("ControlFileHeader"),
        body: part("MessageBody"),
    };
    Ok(Message {
        ask: ask(&reply.header, &reply.body).map(Ask::Numbers),
        reply: Box::new(reply),
    })
}

fn ask(header: &Element, body: &Element) -> Result<Want, Refusal> {
    let sender = header.required(&PARTS, "FileSenderNumber")?;
    let id = body.required(&PARTS, "RequestId")?;
    let size = quantity("Quantity", body.required(&PARTS, "Quantity")?)?;
    let object = body
        .child(&PARTS, "ObjectIdentifier")
        .ok_or_else(|| Refusal::bad("`ObjectIdentifier` is missing in `MessageBody`"))?;
    let named = |name: &str| object.value(&PARTS, name);
    let numbered = match (named("GTIN14")?, named("NTIN")?, named("CompanyPrefix")?) {
        (Some(text), None, None) => gtin("GTIN14", text)?,
        (None, Some(text), None) => gtin("NTIN", text)?,
        (None, None, Some(prefix)) => series(&format!("{prefix}|{}", named("ExtensionDigit")?.unwrap_or("0")))?,
        (_, _, _) => {
            return Err(Refusal::bad(
                "`ObjectIdentifier` must hold exactly one of GTIN14, NTIN and CompanyPrefix (with ExtensionDigit)",
            ));
        }
    };
    let encoding = if numbered.gtin().is_some() {
        "AI(01)+AI(21)"
    } else {
        "AI(00)"
    };
    if body.value(&PARTS, "NumberEncoding")?.is_some_and(|named| named != encoding) {
        return Err(Refusal::bad(format!("`NumberEncoding` of this object must be {encoding}")));
    }
    let papers = body.child(&PARTS, "ReferenceDocuments").cloned().unwrap_or_default();
    let paper = |name: &str| papers.owned(&PARTS, name);
    Ok(Want {
        key: Some(format!("snx-file/{sender}/{id}")),
        site: match body.value(&PARTS, "PlantLocationId")? {
            Some(text) => Some(place("PlantLocationId", text)?),
            None => None,
        },
        documents: Documents {
            purchase_order: paper("PONumber")?,
            purchase_order_line: paper("POLine")?,
            work_order: paper("WorkOrderNumber")?,
            reference: paper("ReferenceIdentifier")?,
        },
        form: Form::RawElementString,
        range_welcome: true,
        ..Want::new(numbered, size)
    })
}

/// A response message: systems swapped, request id repeated.
#[derive(Default)]
struct Response {
    header: Element,
    body: Element,
}

impl Response {
    /// Up to the choice.
    fn begin(&self, answer: Option<&Answer>) -> String {
        let value = |part: &Element, name: &str| part.value(&PARTS, name).ok().flatten().map(str::to_owned);
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><snx:SNXResponseMessage xmlns:snx=\"{SNX}\" xmlns:cmn=\"{COMMON}\"><snx:ControlFileHeader>"
        );
        let header = |name: &str| value(&self.header, name);
        push(&mut text, "cmn:FileSenderNumber", header("FileReceiverNumber").as_deref());
        push(&mut text, "cmn:FileReceiverNumber", header("FileSenderNumber").as_deref());
        push(&mut text, "cmn:FileControlNumber", header("FileControlNumber").as_deref());
        if let Some(at) = answer.map(|answer| answer.at.to_string()) {
            push(&mut text, "cmn:FileDate", at.get(..10));
            push(
                &mut text,
                "cmn:FileTime",
                at.get(11..19).map(|time| format!("{time}Z")).as_deref(),
            );
        }
        text.push_str("</snx:ControlFileHeader><snx:MessageBody>");
        push(&mut text, "snx:RequestId", value(&self.body, "RequestId").as_deref());
        text
    }
}

const END: &str = "</snx:MessageBody></snx:SNXResponseMessage>";

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    fn head(&self, answer: &Answer) -> String {
        let mut text = self.begin(Some(answer));
        match &answer.range {
            Some((first, last)) => {
                text.push_str("<snx:SerialNumberRange>");
                push(&mut text, "cmn:NumberFrom", Some(first));
                push(&mut text, "cmn:NumberTo", Some(last));
                text.push_str("</snx:SerialNumberRange>");
            }
            None => text.push_str("<snx:SerialNumberList>"),
        }
        text
    }

    fn number(&self, _answer: &Answer, spelled: &str, out: &mut String) {
        out.extend(["<cmn:SerialNumber>", &escaped(spelled), "</cmn:SerialNumber>"]);
    }

    fn tail(&self, answer: &Answer) -> String {
        let list = if answer.range.is_none() {
            "</snx:SerialNumberList>"
        } else {
            ""
        };
        list.to_owned() + END
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        let mut text = self.begin(None);
        text.push_str("<snx:ErrorMessage>");
        push(&mut text, "cmn:ErrorCode", Some(refusal.code.as_str()));
        push(&mut text, "cmn:ErrorText", Some(&refusal.detail));
        text.push_str("</snx:ErrorMessage>");
        text.push_str(END);
        Wire {
            // A file that was understood gets a file, whatever it says; only what may be sent again soon is told by the status.
            status: refusal.later().unwrap_or(StatusCode::OK),
            content_type: CONTENT_TYPE,
            text,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::written;
    use super::*;

    /// A request message for a product.
    pub(in crate::transport::dialect) fn request() -> String {
        format!(
            "<SNXRequestMessage xmlns='{SNX}' xmlns:c='{COMMON}'><ControlFileHeader><c:FileSenderNumber>9521002000016</c:FileSenderNumber>\
             <c:FileReceiverNumber>9521001000017</c:FileReceiverNumber><c:FileControlNumber>17</c:FileControlNumber></ControlFileHeader>\
             <MessageBody><RequestId>R-1</RequestId><c:PlantLocationId>9521002.00011.0</c:PlantLocationId><ReferenceDocuments>\
             <c:WorkOrderNumber>WO-7</c:WorkOrderNumber></ReferenceDocuments><NumberEncoding>AI(01)+AI(21)</NumberEncoding>\
             <ObjectIdentifier><GTIN14>09521001001014</GTIN14></ObjectIdentifier><Quantity>2</Quantity></MessageBody></SNXRequestMessage>"
        )
    }

    #[test]
    fn the_request_id_and_its_sender_are_the_key() {
        let Ok(Ask::Numbers(want)) = read(request().as_bytes()).unwrap().ask else {
            panic!()
        };
        assert_eq!(want.key.as_deref(), Some("snx-file/9521002000016/R-1"));
        assert_eq!(want.site.map(|site| site.to_string()).as_deref(), Some("9521002000115"));
        assert_eq!((want.quantity, want.documents.work_order.as_deref()), (2, Some("WO-7")));
    }

    #[test]
    fn an_sscc_has_its_digit_beside_the_prefix() {
        let text = request()
            .replace(
                "<GTIN14>09521001001014</GTIN14>",
                "<CompanyPrefix>9521002</CompanyPrefix><ExtensionDigit>3</ExtensionDigit>",
            )
            .replace("AI(01)+AI(21)", "AI(00)");
        let Ok(Ask::Numbers(want)) = read(text.as_bytes()).unwrap().ask else {
            panic!()
        };
        assert_eq!(want.numbered.to_string(), "9521002:3");
    }

    /// The one of the three that a response holds.
    fn choice(text: &str) -> String {
        let root = xml::read(text.as_bytes()).unwrap();
        assert!(root.is(&[SNX], "SNXResponseMessage"), "{text}");
        let body = root.child(&[SNX], "MessageBody").unwrap();
        let names = body.children.iter().map(|child| child.name.as_str());
        names.filter(|name| *name != "RequestId").collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_response_holds_exactly_one_of_three() {
        let message = read(request().as_bytes()).unwrap();
        let text = written(&*message.reply, "09521001001014", &["010952100100101421A1"]);
        assert_eq!(choice(&text), "SerialNumberList");
        assert!(text.contains("<snx:RequestId>R-1</snx:RequestId>") && text.contains("<cmn:FileTime>08:00:00Z</cmn:FileTime>"));
        let answer = Answer {
            range: Some(("1".to_owned(), "2".to_owned())),
            ..super::super::message::tests::answer("9521002:3", 2)
        };
        assert_eq!(
            choice(&(message.reply.head(&answer) + &message.reply.tail(&answer))),
            "SerialNumberRange"
        );
        let wire = message.reply.refused(&Refusal::bad("x"));
        assert_eq!((choice(&wire.text).as_str(), wire.status.as_u16()), ("ErrorMessage", 200));
    }

    #[test]
    fn what_is_no_request_is_an_error_message() {
        for text in ["", "<a/>", "<SNXRequestMessage/>", "<!DOCTYPE x><x/>"] {
            let DialectFault(wire, refusal) = read(text.as_bytes()).err().unwrap();
            assert_eq!(
                (choice(&wire.text).as_str(), wire.status.as_u16()),
                ("ErrorMessage", 400),
                "{text}"
            );
            assert_eq!(refusal.code, Code::InvalidDocument);
        }
        let check = |from: &str, to: &str, expect: &str| {
            let refusal = read(request().replace(from, to).as_bytes()).unwrap().ask.unwrap_err();
            assert!(refusal.detail.contains(expect), "{}", refusal.detail);
        };
        check("<RequestId>R-1</RequestId>", "", "`RequestId` is missing");
        check("<Quantity>2<", "<Quantity>x<", "`Quantity` is `x`");
        check("AI(01)+AI(21)", "CN-EDMC", "`NumberEncoding`");
        check("<GTIN14>", "<NTIN>09521001001014</NTIN><GTIN14>", "exactly one");
        check("9521002.00011.0", "Ulm", "`PlantLocationId`");
    }
}

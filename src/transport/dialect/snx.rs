//! SNX, the synchronous form: SOAP operation `serialNumbersRequest`, answered with an interval, a list, or an `RfidException`.
//!
//! Numbers are element strings without brackets, as lines expect them: `01…21…` of products, `00…` of logistic units. An SSCC is asked
//! for by `COMPANY_PREFIX` and `prefix|extension digit`. The message has no id of its own, so that a retry is told by what it asks for:
//! see `service::serial::request_again`. Chinese codes are not issued here and are refused.

use crate::domain::serial::allocation::Documents;
use crate::domain::serial::form::Form;
use crate::domain::serial::numbered::Numbered;

use super::message::{Answer, Ask, DialectFault, Message, Refusal, Reply, Want, Wire, gtin, place, quantity};
use super::soap::{self, Version};
use super::xml::{Element, escaped, push};

const SOAP_NAMESPACE: &str = "urn:tracelink:soap";
/// The parts are in no namespace by the schema; clients that qualify them mean the same.
const PARTS: [&str; 3] = ["", SOAP_NAMESPACE, "http://tracelink.com/snx"];

/// A message of the line.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let (version, content) = soap::operation(bytes, SOAP_NAMESPACE, "serialNumbersRequest")?;
    Ok(Message {
        ask: ask(&content).map(Ask::Numbers),
        reply: Box::new(Response { version, asked: content }),
    })
}

fn ask(asked: &Element) -> Result<Want, Refusal> {
    let supported = |name: &str, good: &[&str]| match asked.value(&PARTS, name)? {
        Some(value) if !good.contains(&value) => Err(Refusal::bad(format!("`{name}` must be {}", good.join(" or ")))),
        Some(_) | None => Ok(()),
    };
    supported("IdType", &["GS1_SER"])?;
    supported("EncodingType", &["SGTIN", "NTIN", "SSCC"])?;
    let size = quantity("Size", asked.required(&PARTS, "Size")?)?;
    let key = asked
        .child(&PARTS, "ObjectKey")
        .ok_or_else(|| Refusal::bad("`ObjectKey` is missing"))?;
    let value = key.required(&PARTS, "Value")?;
    let numbered = match key.required(&PARTS, "Name")? {
        name @ ("GTIN" | "NTIN") => gtin(name, value)?,
        "COMPANY_PREFIX" => series(value)?,
        _ => {
            return Err(Refusal::bad(
                "the `Name` of the `ObjectKey` must be GTIN, NTIN or COMPANY_PREFIX",
            ));
        }
    };
    let mut want = Want {
        documents: documents(asked)?,
        form: Form::RawElementString,
        range_welcome: asked.value(&PARTS, "RequestRandomizedNumber")? != Some("X"),
        ..Want::new(numbered, size)
    };
    // A GLN says where the line is; any other name of a system says nothing to the hub.
    if let Some(sender) = asked.value(&PARTS, "SendingSystem")? {
        want.site = place("SendingSystem", sender).ok();
    }
    for name in ["SendingSystem", "ReceivingSystem", "EncodingType", "RequestRandomizedNumber"] {
        want.alike.push(asked.value(&PARTS, name)?.unwrap_or_default().to_owned());
    }
    Ok(want)
}

/// `prefix|extension digit`.
pub(super) fn series(text: &str) -> Result<Numbered, Refusal> {
    let read = text
        .split_once('|')
        .and_then(|(prefix, extension)| format!("{prefix}:{extension}").parse().ok());
    read.ok_or_else(|| Refusal::bad("an SSCC is asked for by company prefix and extension digit, as in `9521002|3`"))
}

fn documents(asked: &Element) -> Result<Documents, Refusal> {
    let Some(named) = asked.child(&PARTS, "ReferenceDocuments") else {
        return Ok(Documents::default());
    };
    let text = |name: &str| named.owned(&PARTS, name);
    Ok(Documents {
        purchase_order: text("PONumber")?,
        purchase_order_line: text("POLine")?,
        work_order: text("WorkOrderNumber")?,
        reference: text("ReferenceId")?,
    })
}

/// What the line is answered: its own words, and the numbers.
struct Response {
    version: Version,
    asked: Element,
}

impl Response {
    /// Up to where an interval may stand.
    fn begin(&self) -> String {
        let value = |name: &str| self.asked.value(&PARTS, name).ok().flatten();
        let mut text = self.version.frame().0;
        text.push_str("<ns2:serialNumbersRequestResponse xmlns:ns2=\"urn:tracelink:soap\"><SNResponse>");
        push(&mut text, "ReceivingSystem", value("SendingSystem"));
        push(&mut text, "SendingSystem", value("ReceivingSystem"));
        push(&mut text, "ActionCode", Some("C"));
        push(&mut text, "EncodingType", value("EncodingType"));
        push(&mut text, "IDType", value("IdType"));
        text
    }

    /// From there up to where a list or an exception may stand.
    fn middle(&self, text: &mut String) {
        for (part, names) in [
            ("ObjectKey", ["Name", "Value"].as_slice()),
            (
                "ReferenceDocuments",
                &["PONumber", "POLine", "WorkOrderNumber", "ReferenceId"],
            ),
        ] {
            if let Some(named) = self.asked.child(&PARTS, part) {
                text.extend(["<", part, ">"]);
                for name in names {
                    push(text, name, named.value(&PARTS, name).ok().flatten());
                }
                text.extend(["</", part, ">"]);
            }
        }
    }

    fn end(&self) -> String {
        format!("</SNResponse></ns2:serialNumbersRequestResponse>{}", self.version.frame().1)
    }
}

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        self.version.content_type()
    }

    fn head(&self, answer: &Answer) -> String {
        let mut text = self.begin();
        if let Some((first, last)) = &answer.range {
            text.push_str("<Interval>");
            push(&mut text, "NumberFrom", Some(first));
            push(&mut text, "NumberTo", Some(last));
            text.push_str("</Interval>");
        }
        self.middle(&mut text);
        if answer.range.is_none() {
            text.push_str("<RandomizedNumberList>");
        }
        text
    }

    fn number(&self, _answer: &Answer, spelled: &str, out: &mut String) {
        out.extend(["<SerialNo>", &escaped(spelled), "</SerialNo>"]);
    }

    fn tail(&self, answer: &Answer) -> String {
        let list = if answer.range.is_none() {
            "</RandomizedNumberList>"
        } else {
            ""
        };
        list.to_owned() + &self.end()
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        // Not the line's fault, and worth asking again: a fault, which clients retry.
        if refusal.later().is_some() {
            return self.version.fault(refusal);
        }
        let mut text = self.begin();
        self.middle(&mut text);
        text.push_str("<RfidException>");
        push(&mut text, "ErrorCode", Some(refusal.code.as_str()));
        push(&mut text, "ErrorMessage", Some(&refusal.detail));
        text.push_str("</RfidException>");
        Wire {
            status: axum::http::StatusCode::OK,
            content_type: self.content_type(),
            text: text + &self.end(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::{answer, written};
    use super::super::xml;
    use super::*;
    use crate::service::Code;

    /// A message with the parts in any order of declaration.
    pub(in crate::transport::dialect) fn request(parts: &str) -> String {
        format!(
            "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:urn=\"urn:tracelink:soap\"><soapenv:Header/>\
             <soapenv:Body><urn:serialNumbersRequest>{parts}</urn:serialNumbersRequest></soapenv:Body></soapenv:Envelope>"
        )
    }

    const PARTS_OF_A_GTIN: &str = "<SendingSystem>9521002000115</SendingSystem><ReceivingSystem>9521001000017</ReceivingSystem>\
        <IdType>GS1_SER</IdType><EncodingType>SGTIN</EncodingType><Size>2</Size><ObjectKey><Name>GTIN</Name><Value>09521001001014</Value>\
        </ObjectKey><RequestRandomizedNumber>X</RequestRandomizedNumber><ReferenceDocuments><PONumber>4500</PONumber>\
        <WorkOrderNumber>WO-7 &amp; 8</WorkOrderNumber></ReferenceDocuments><SyncRequest>true</SyncRequest>";

    fn wanted(parts: &str) -> Result<Want, Refusal> {
        match read(request(parts).as_bytes()).unwrap().ask? {
            Ask::Numbers(want) => Ok(want),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_product_is_understood() {
        let want = wanted(PARTS_OF_A_GTIN).unwrap();
        assert_eq!((want.numbered.to_string().as_str(), want.quantity), ("09521001001014", 2));
        assert_eq!(want.site.map(|site| site.to_string()).as_deref(), Some("9521002000115"));
        assert_eq!(want.documents.work_order.as_deref(), Some("WO-7 & 8"));
        assert_eq!(want.documents.purchase_order.as_deref(), Some("4500"));
        assert!(!want.range_welcome && want.key.is_none());
    }

    #[test]
    fn an_sscc_is_a_prefix_and_a_digit() {
        // There are lines that say SGTIN of an SSCC; the object key decides.
        let parts = "<EncodingType>SGTIN</EncodingType><Size>5</Size><ObjectKey><Name>COMPANY_PREFIX</Name><Value>9521002|3</Value></ObjectKey>";
        let want = wanted(parts).unwrap();
        assert_eq!(want.numbered.to_string(), "9521002:3");
        assert!(want.range_welcome);
    }

    #[test]
    fn wrong_values_are_answered_in_an_exception_of_the_response() {
        let check = |from: &str, to: &str, expect: &str| {
            let message = read(request(&PARTS_OF_A_GTIN.replace(from, to)).as_bytes()).unwrap();
            let refusal = message.ask.unwrap_err();
            assert!(refusal.detail.contains(expect), "{}", refusal.detail);
            let wire = message.reply.refused(&refusal);
            assert_eq!(wire.status, 200);
            let (_, response) = soap::read(wire.text.as_bytes()).unwrap();
            let response = response.child(&[""], "SNResponse").unwrap();
            let exception = response.child(&[""], "RfidException").unwrap();
            assert_eq!(exception.value(&[""], "ErrorCode"), Ok(Some("BAD_INPUT")));
        };
        check("<Size>2<", "<Size>-2<", "`Size` is `-2`");
        check("<Size>2<", "<Size><", "`Size` is missing");
        check("<Size>2</Size>", "<Size>2</Size><Size>3</Size>", "stands twice");
        check("GS1_SER", "CN_SER", "`IdType` must be GS1_SER");
        check("SGTIN", "CN_EDMC", "`EncodingType` must be");
        check("<Name>GTIN", "<Name>CN_RESCODE", "must be GTIN, NTIN or COMPANY_PREFIX");
        check("09521001001014", "09521001001015", "check digit");
        check(
            "<Name>GTIN</Name><Value>09521001001014",
            "<Name>COMPANY_PREFIX</Name><Value>9521002",
            "`9521002|3`",
        );
    }

    #[test]
    fn another_operation_or_namespace_is_a_fault() {
        for text in [
            request(PARTS_OF_A_GTIN).replace("urn:tracelink:soap", "urn:tracelink:other"),
            request(PARTS_OF_A_GTIN).replace("serialNumbersRequest", "serialNumbers"),
        ] {
            let fault = read(text.as_bytes()).err().unwrap();
            assert!(fault.0.text.contains("Fault") && fault.1.code == Code::InvalidDocument);
        }
    }

    #[test]
    fn the_answer_has_the_shape_of_the_schema() {
        let message = read(request(PARTS_OF_A_GTIN).as_bytes()).unwrap();
        let text = written(
            &*message.reply,
            "09521001001014",
            &["010952100100101421A<1", "010952100100101421B2"],
        );
        assert!(!text.contains('\n'));
        let (_, response) = soap::read(text.as_bytes()).unwrap();
        assert!(response.is(&["urn:tracelink:soap"], "serialNumbersRequestResponse"));
        let response = response.child(&[""], "SNResponse").unwrap();
        let names: Vec<_> = response.children.iter().map(|child| child.name.as_str()).collect();
        let expect = [
            "ReceivingSystem",
            "SendingSystem",
            "ActionCode",
            "EncodingType",
            "IDType",
            "ObjectKey",
            "ReferenceDocuments",
            "RandomizedNumberList",
        ];
        assert_eq!(names, expect);
        assert_eq!(response.value(&[""], "ReceivingSystem"), Ok(Some("9521002000115")));
        let list = response.child(&[""], "RandomizedNumberList").unwrap();
        let numbers: Vec<_> = list.children.iter().map(|number| number.text.as_str()).collect();
        assert_eq!(numbers, ["010952100100101421A<1", "010952100100101421B2"]);
    }

    #[test]
    fn a_range_is_an_interval_and_no_list() {
        let message = read(request(PARTS_OF_A_GTIN).as_bytes()).unwrap();
        let answer = Answer {
            range: Some(("00395210020000000014".to_owned(), "00395210020000000021".to_owned())),
            ..answer("9521002:3", 2)
        };
        let text = message.reply.head(&answer) + &message.reply.tail(&answer);
        let root = xml::read(text.as_bytes()).unwrap();
        assert!(!text.contains("RandomizedNumberList") && text.contains("<NumberFrom>00395210020000000014</NumberFrom>"));
        assert_eq!(root.name, "Envelope");
    }
}

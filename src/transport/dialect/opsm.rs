//! Oracle Pedigree and Serialization Manager: SOAP operation `createProcessSerialGenerationRequest`, answered with a generation status
//! and a list.
//!
//! A product is asked for by `Gtin`; logistic units by a `Location` that ends in `-SSCC` with extension digit and company prefix before
//! it, as lines send it (`39521002-SSCC`), or by `9521002|3`. Numbers are `0.prefix.reference.serial` of products and 18 digits of
//! SSCCs. The message has no id of its own: a retry is told by what it asks for.

use crate::domain::serial::form::Form;
use crate::domain::serial::numbered::Numbered;
use crate::service::Code;

use super::message::{Answer, Ask, DialectFault, Message, Refusal, Reply, Want, Wire, gtin, place, quantity};
use super::snx::series;
use super::soap::{self, Version};
use super::xml::{Element, escaped, push};

const TYPES: &str = "http://xmlns.oracle.com/apps/pas/transactions/transactionsService/applicationModule/common/types/";
const VIEW: &str = "http://xmlns.oracle.com/apps/pas/transactions/transactionsService/view/common/";
const ANSWER_VIEW: &str = "http://xmlns.oracle.com/oracle/apps/pas/transactions/transactionsService/view/common/";
const PARTS: [&str; 2] = [VIEW, ANSWER_VIEW];

/// A message of the line.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let (version, content) = soap::read(bytes)?;
    let request = content.child(&[TYPES], "serialGenerationRequest");
    let Some(request) = request.filter(|_| content.is(&[TYPES], "createProcessSerialGenerationRequest")) else {
        let detail = format!(
            "the body is `{}`: send `createProcessSerialGenerationRequest` with a `serialGenerationRequest`, both in the namespace `{TYPES}`",
            content.full_name()
        );
        return Err(DialectFault::soap(version, Refusal::new(Code::InvalidDocument, detail)));
    };
    Ok(Message {
        ask: ask(request).map(Ask::Numbers),
        reply: Box::new(Response {
            version,
            asked: request.clone(),
        }),
    })
}

fn ask(asked: &Element) -> Result<Want, Refusal> {
    let count = quantity("SerialQuantity", asked.required(&PARTS, "SerialQuantity")?)?;
    let location = asked.value(&PARTS, "Location")?;
    let numbered = match (asked.value(&PARTS, "Gtin")?, location) {
        (Some(text), _) => gtin("Gtin", text)?,
        (None, Some(location)) => units(location)?,
        (None, None) => return Err(Refusal::bad("`Gtin` is missing, and so is the `Location` of logistic units")),
    };
    let text = |name: &str| asked.owned(&PARTS, name);
    let gln = location.map(|location| location.strip_suffix("-GTIN").unwrap_or(location));
    Ok(Want {
        site: gln.and_then(|gln| place("Location", gln).ok()),
        lot: text("LotNumber")?,
        form: if numbered.gtin().is_some() { Form::EpcUri } else { Form::Bare },
        alike: vec![location.unwrap_or_default().to_owned()],
        ..Want::new(numbered, count)
    })
}

/// The series of logistic units that a location names.
fn units(location: &str) -> Result<Numbered, Refusal> {
    let digits = location.strip_suffix("-SSCC").unwrap_or(location);
    match (digits.contains('|'), digits.split_at_checked(1)) {
        (false, Some((extension, prefix))) if digits.len() < location.len() => series(&format!("{prefix}|{extension}")),
        (true | false, _) => series(digits),
    }
}

/// What the line is answered.
struct Response {
    version: Version,
    asked: Element,
}

impl Response {
    /// Up to the numbers.
    fn begin(&self, status: &str, count: &str) -> String {
        let mut text = self.version.frame().0;
        text.push_str(&format!(
            "<typ:createProcessSerialGenerationRequestResponse xmlns:typ=\"{TYPES}\"><typ:result xmlns:ns0=\"{ANSWER_VIEW}\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"ns0:SerialGenerationRequestResponse\">"
        ));
        push(&mut text, "ns0:GenerationStatus", Some(status));
        push(&mut text, "ns0:SourceSystem", Some("COUNTERFOIL"));
        push(&mut text, "ns0:SerialQuantity", Some(count));
        let value = |name: &str| self.asked.value(&PARTS, name).ok().flatten();
        push(&mut text, "ns0:EpcNumber", value("Gtin"));
        push(&mut text, "ns0:Location", value("Location"));
        push(&mut text, "ns0:LotNumber", value("LotNumber"));
        text
    }

    fn end(&self) -> String {
        let frame = self.version.frame().1;
        format!("</typ:result></typ:createProcessSerialGenerationRequestResponse>{frame}")
    }
}

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        self.version.content_type()
    }

    fn head(&self, answer: &Answer) -> String {
        self.begin("SUCCESS", &answer.quantity.to_string())
    }

    fn number(&self, _answer: &Answer, spelled: &str, out: &mut String) {
        let number = match spelled.strip_prefix("urn:epc:id:sgtin:") {
            Some(rest) => format!("0.{rest}"),
            None => spelled.to_owned(),
        };
        out.extend([
            "<ns0:SerialNumberListVO><ns0:SerialNumber>",
            &escaped(&number),
            "</ns0:SerialNumber></ns0:SerialNumberListVO>",
        ]);
    }

    fn tail(&self, _answer: &Answer) -> String {
        self.end()
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        if refusal.later().is_some() {
            return self.version.fault(refusal);
        }
        let mut text = self.begin("ERROR", "0");
        let message = format!("{}: {}", refusal.code.as_str(), refusal.detail);
        push(&mut text, "ns0:StatusMessage", Some(&message));
        Wire {
            status: axum::http::StatusCode::OK,
            content_type: self.content_type(),
            text: text + &self.end(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::written;
    use super::*;

    /// A message for a product, or for what the parts say.
    pub(in crate::transport::dialect) fn request(parts: &str) -> String {
        format!(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/' xmlns:typ='{TYPES}' xmlns:com='{VIEW}'><e:Header/><e:Body>\
             <typ:createProcessSerialGenerationRequest><typ:serialGenerationRequest>{parts}</typ:serialGenerationRequest>\
             </typ:createProcessSerialGenerationRequest></e:Body></e:Envelope>"
        )
    }

    /// The parts for a product.
    pub(in crate::transport::dialect) const GTIN: &str = "<com:SerialQuantity>2</com:SerialQuantity><com:Location>9521002000115-GTIN</com:Location>\
         <com:Gtin>09521001001014</com:Gtin>";

    fn wanted(parts: &str) -> Result<Want, Refusal> {
        match read(request(parts).as_bytes()).unwrap().ask? {
            Ask::Numbers(want) => Ok(want),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn products_and_logistic_units_are_understood() {
        let want = wanted(GTIN).unwrap();
        assert_eq!((want.numbered.to_string().as_str(), want.quantity), ("09521001001014", 2));
        assert_eq!(want.site.map(|site| site.to_string()).as_deref(), Some("9521002000115"));
        for location in ["39521002-SSCC", "9521002|3", "9521002|3-SSCC"] {
            let parts =
                format!("<com:SerialQuantity>1</com:SerialQuantity><com:Location>{location}</com:Location><com:Gtin></com:Gtin>");
            assert_eq!(wanted(&parts).unwrap().numbered.to_string(), "9521002:3", "{location}");
        }
    }

    #[test]
    fn a_refusal_is_a_status() {
        for parts in [
            "",
            "<com:SerialQuantity>0x1</com:SerialQuantity>",
            "<com:SerialQuantity>1</com:SerialQuantity>",
            "<com:SerialQuantity>1</com:SerialQuantity><com:Location>Ulm</com:Location>",
            "<com:SerialQuantity>1</com:SerialQuantity><com:Gtin>1</com:Gtin>",
        ] {
            let message = read(request(parts).as_bytes()).unwrap();
            let wire = message.reply.refused(&message.ask.unwrap_err());
            assert!(
                wire.text.contains("<ns0:GenerationStatus>ERROR</ns0:GenerationStatus>"),
                "{}",
                wire.text
            );
            assert!(soap::read(wire.text.as_bytes()).is_ok());
        }
        let other = request(GTIN).replace(TYPES, "urn:x");
        assert_eq!(read(other.as_bytes()).err().unwrap().1.code, Code::InvalidDocument);
    }

    #[test]
    fn numbers_stand_each_in_a_row() {
        let message = read(request(GTIN).as_bytes()).unwrap();
        let text = written(&*message.reply, "09521001001014", &["urn:epc:id:sgtin:9521001.000101.A1"]);
        assert!(
            text.contains("<ns0:SerialNumber>0.9521001.000101.A1</ns0:SerialNumber>"),
            "{text}"
        );
        assert!(soap::read(text.as_bytes()).is_ok());
    }
}

//! IBM / Frequentz TagManager: SOAP operations `createTagRequest`, `getTagsRequest` and `confirmTagsRequest`.
//!
//! Create answers a `requestId` and no numbers; get answers them as tag URIs, as often as it is asked; confirm notes that they arrived.
//! The `requestId` names the allocation, the encoding and the filter value, so that the hub keeps nothing of its own for the dialect.
//! Create has no id of its own: a retry is told by what it asks for.

use crate::domain::gs1::{MAX_FILTER, TagScheme};
use crate::domain::serial::form::Form;
use crate::service::Code;

use super::message::{Answer, Ask, DialectFault, Handle, Message, Refusal, Reply, Want, Wire, gtin, quantity};
use super::snx::series;
use super::soap::{self, Version};
use super::xml::{Element, escaped};

const TAGS: &str = "http://www.ibm.com/epcis/serialid/TagManagerTypes";
const PARTS: [&str; 1] = [TAGS];

/// A message of the line.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let (version, content) = soap::read(bytes)?;
    let operation = match content.name.as_str() {
        "createTagRequest" => Operation::Create,
        "getTagsRequest" => Operation::Get,
        "confirmTagsRequest" => Operation::Confirm,
        _ => return Err(foreign(version, &content)),
    };
    if content.namespace != TAGS {
        return Err(foreign(version, &content));
    }
    let (ask, form) = match operation {
        Operation::Create => match created(&content) {
            Ok(want) => {
                let form = want.form;
                (Ok(Ask::Create(want)), form)
            }
            Err(refusal) => (Err(refusal), Form::Bare),
        },
        Operation::Get | Operation::Confirm => match content.required(&PARTS, "requestId").and_then(parse) {
            Ok((handle, form)) if operation == Operation::Get => (Ok(Ask::Fetch(handle, form)), form),
            Ok((handle, form)) => (Ok(Ask::Confirm(handle)), form),
            Err(refusal) => (Err(refusal), Form::Bare),
        },
    };
    Ok(Message {
        ask,
        reply: Box::new(Response {
            version,
            operation,
            form,
        }),
    })
}

fn foreign(version: Version, content: &Element) -> DialectFault {
    let detail = format!(
        "the body is `{}`: send `createTagRequest`, `getTagsRequest` or `confirmTagsRequest` in the namespace `{TAGS}`",
        content.full_name()
    );
    DialectFault::soap(version, Refusal::new(Code::InvalidDocument, detail))
}

fn created(asked: &Element) -> Result<Want, Refusal> {
    let resource = asked.required(&PARTS, "resourceName")?;
    let count = quantity("quantity", asked.required(&PARTS, "quantity")?)?;
    let filter = match asked.value(&PARTS, "filterValue")? {
        Some(text) => text
            .parse()
            .ok()
            .filter(|filter| *filter <= MAX_FILTER)
            .ok_or_else(|| Refusal::bad("`filterValue` must be 0 to 7"))?,
        None => 0,
    };
    let encoding = asked.required(&PARTS, "encodingFormat")?;
    let scheme = scheme(&encoding.to_ascii_lowercase())
        .ok_or_else(|| Refusal::bad("`encodingFormat` must be sgtin-96, sgtin-198 or sscc-96"))?;
    let numbered = match scheme {
        TagScheme::Sgtin96 | TagScheme::Sgtin198 => gtin("resourceName", resource)?,
        TagScheme::Sscc96 => series(resource)?,
    };
    Ok(Want {
        form: Form::TagUri(scheme, filter),
        alike: vec![
            encoding.to_owned(),
            asked.value(&PARTS, "ruleName")?.unwrap_or_default().to_owned(),
        ],
        ..Want::new(numbered, count)
    })
}

fn scheme(name: &str) -> Option<TagScheme> {
    [TagScheme::Sgtin96, TagScheme::Sgtin198, TagScheme::Sscc96]
        .into_iter()
        .find(|scheme| scheme.as_str() == name)
}

/// `alc_….sgtin-198.0`. What is none is treated like an allocation that is not the caller's.
fn parse(text: &str) -> Result<(Handle, Form), Refusal> {
    let read = || {
        let (rest, filter) = text.rsplit_once('.')?;
        let (handle, name) = rest.rsplit_once('.')?;
        let filter: u8 = filter.parse().ok().filter(|filter| *filter <= MAX_FILTER)?;
        Some((handle.parse().ok()?, Form::TagUri(scheme(name)?, filter)))
    };
    read().ok_or_else(|| Refusal::new(Code::NotFound, Code::NotFound.title()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Get,
    Confirm,
}

/// What the line is answered.
struct Response {
    version: Version,
    operation: Operation,
    form: Form,
}

impl Response {
    fn request_id(&self, answer: &Answer) -> String {
        match self.form {
            Form::TagUri(scheme, filter) => format!("{}.{}.{filter}", answer.handle, scheme.as_str()),
            Form::Bare | Form::ElementString | Form::RawElementString | Form::EpcUri | Form::DigitalLink | Form::Hex(..) => {
                answer.handle.to_string()
            }
        }
    }

    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Create => "createTagResponse",
            Operation::Get => "getTagsResponse",
            Operation::Confirm => "confirmTagsResponse",
        }
    }
}

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        self.version.content_type()
    }

    fn head(&self, answer: &Answer) -> String {
        let (name, id) = (self.name(), self.request_id(answer));
        let mut text = self.version.frame().0;
        text.push_str(&format!("<tag:{name} xmlns:tag=\"{TAGS}\">"));
        text.push_str(&match self.operation {
            Operation::Create | Operation::Confirm => format!("<tag:requestId>{id}</tag:requestId>"),
            Operation::Get => format!(
                "<tag:tagResponse><tag:requestId>{id}</tag:requestId><tag:quantity>{}</tag:quantity><tag:tagList>",
                answer.quantity
            ),
        });
        text
    }

    fn number(&self, _answer: &Answer, spelled: &str, out: &mut String) {
        out.extend(["<tag:tag>", &escaped(spelled), "</tag:tag>"]);
    }

    fn tail(&self, _answer: &Answer) -> String {
        let list = match self.operation {
            Operation::Create | Operation::Confirm => "",
            Operation::Get => "</tag:tagList></tag:tagResponse>",
        };
        format!("{list}</tag:{}>{}", self.name(), self.version.frame().1)
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        self.version.fault(refusal)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::written;
    use super::*;

    /// A message with one operation.
    pub(in crate::transport::dialect) fn request(operation: &str, parts: &str) -> String {
        format!(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/' xmlns:tag='{TAGS}'><e:Body><tag:{operation}>{parts}</tag:{operation}>\
             </e:Body></e:Envelope>"
        )
    }

    /// The parts of a create.
    pub(in crate::transport::dialect) const CREATE: &str = "<tag:resourceName>09521001001014</tag:resourceName>\
         <tag:encodingFormat>SGTIN-198</tag:encodingFormat><tag:ruleName>r</tag:ruleName><tag:quantity>2</tag:quantity>\
         <tag:filterValue>3</tag:filterValue>";

    const ID: &str = "alc_00000000000000000000000000000007.sgtin-198.3";

    #[test]
    fn create_get_and_confirm_are_understood() {
        let message = read(request("createTagRequest", CREATE).as_bytes()).unwrap();
        let Ok(Ask::Create(want)) = message.ask else { panic!() };
        assert_eq!((want.quantity, want.form), (2, Form::TagUri(TagScheme::Sgtin198, 3)));
        let text = written(&*message.reply, "09521001001014", &[]);
        let (_, response) = soap::read(text.as_bytes()).unwrap();
        assert_eq!(response.value(&PARTS, "requestId"), Ok(Some(ID)));
        let handle: Handle = "alc_00000000000000000000000000000007".parse().unwrap();
        let parts = format!("<tag:requestId>{ID}</tag:requestId>");
        let get = read(request("getTagsRequest", &parts).as_bytes()).unwrap();
        assert_eq!(get.ask, Ok(Ask::Fetch(handle, Form::TagUri(TagScheme::Sgtin198, 3))));
        let text = written(&*get.reply, "09521001001014", &["urn:epc:tag:sgtin-198:3.9521001.000101.A1"]);
        let (_, response) = soap::read(text.as_bytes()).unwrap();
        let tags = response.child(&PARTS, "tagResponse").unwrap();
        assert_eq!(tags.value(&PARTS, "quantity"), Ok(Some("1")));
        let list = tags.child(&PARTS, "tagList").unwrap();
        assert_eq!(
            list.value(&PARTS, "tag"),
            Ok(Some("urn:epc:tag:sgtin-198:3.9521001.000101.A1"))
        );
        let confirm = read(request("confirmTagsRequest", &parts).as_bytes()).unwrap();
        assert_eq!(confirm.ask, Ok(Ask::Confirm(handle)));
        assert!(soap::read(written(&*confirm.reply, "09521001001014", &[]).as_bytes()).is_ok());
    }

    #[test]
    fn what_is_wrong_is_a_fault() {
        let check = |operation: &str, parts: &str, code: Code| {
            let message = read(request(operation, parts).as_bytes()).unwrap();
            let refusal = message.ask.unwrap_err();
            assert_eq!(refusal.code, code, "{parts}");
            assert!(message.reply.refused(&refusal).text.contains(code.as_str()));
        };
        check("createTagRequest", &CREATE.replace("SGTIN-198", "GRAI-96"), Code::BadInput);
        check("createTagRequest", &CREATE.replace(">3<", ">9<"), Code::BadInput);
        check("createTagRequest", &CREATE.replace(">2<", ">-1<"), Code::BadInput);
        check("getTagsRequest", "", Code::BadInput);
        for id in [
            "17",
            "alc_00000000000000000000000000000007",
            "alc_00000000000000000000000000000007.sgtin-198.9",
        ] {
            check(
                "confirmTagsRequest",
                &format!("<tag:requestId>{id}</tag:requestId>"),
                Code::NotFound,
            );
        }
        assert!(read(request("deleteTagsRequest", "").as_bytes()).is_err());
        assert!(read(request("getTagsRequest", "").replace(TAGS, "urn:x").as_bytes()).is_err());
    }
}

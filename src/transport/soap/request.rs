//! What a message asks, from the element in its body.
//!
//! Toolkits differ in how they print a parameter: a list stands as `string` elements, in one of them as `value`, a single value
//! as text. Nothing is guessed from `xsi:type`: the name of a parameter says what its value must be.

use crate::domain::query::schedule::Fields;
use crate::domain::time::Micros;
use crate::service::subscription::Controls;
use crate::service::{Code, ServiceError};
use crate::transport::dialect::xml::Element;

use super::answer::Fault;

/// The namespace of EPCIS 1.2 queries.
pub(super) const NAMESPACE: &str = "urn:epcglobal:epcis-query:xsd:1";
/// Children stand in no namespace; some toolkits put them into that of the message.
const OF_CHILDREN: [&str; 2] = ["", NAMESPACE];
/// Most parameters of one query; more are refused by the reader of queries anyway.
const PARAMETERS: usize = 200;

/// Names of parameters and their values.
pub(super) type Parameters = Vec<(String, Vec<String>)>;

/// A message.
#[derive(Debug)]
pub(super) enum Request {
    GetQueryNames,
    GetStandardVersion,
    GetVendorVersion,
    GetSubscriptionIds(String),
    Unsubscribe(String),
    Poll { query: String, parameters: Parameters },
    Subscribe(Box<Subscribe>),
}

/// `Subscribe`
#[derive(Debug)]
pub(super) struct Subscribe {
    pub(super) query: String,
    pub(super) parameters: Parameters,
    pub(super) dest: String,
    pub(super) controls: Controls,
    pub(super) id: String,
}

impl Request {
    pub(super) fn read(element: &Element) -> Result<Self, Fault> {
        if element.namespace != NAMESPACE {
            let detail = format!(
                "the body is `{}`: send a request in the namespace `{NAMESPACE}`",
                element.full_name()
            );
            return Err(Fault::invalid(detail));
        }
        match element.name.as_str() {
            "GetQueryNames" => known(element, &[]).map(|()| Self::GetQueryNames),
            "GetStandardVersion" => known(element, &[]).map(|()| Self::GetStandardVersion),
            "GetVendorVersion" => known(element, &[]).map(|()| Self::GetVendorVersion),
            "GetSubscriptionIDs" => {
                known(element, &["queryName"])?;
                text(element, "queryName").map(Self::GetSubscriptionIds)
            }
            "Unsubscribe" => {
                known(element, &["subscriptionID"])?;
                text(element, "subscriptionID").map(Self::Unsubscribe)
            }
            "Poll" => {
                known(element, &["queryName", "params"])?;
                Ok(Self::Poll {
                    query: text(element, "queryName")?,
                    parameters: parameters(element)?,
                })
            }
            "Subscribe" => subscribe(element).map(Box::new).map(Self::Subscribe),
            other => {
                let other: String = other.chars().take(80).collect();
                Err(Fault::invalid(format!(
                    "`{other}` is no request of the query interface: see `?wsdl`"
                )))
            }
        }
    }
}

fn subscribe(element: &Element) -> Result<Subscribe, Fault> {
    known(element, &["queryName", "params", "dest", "controls", "subscriptionID"])?;
    let controls = one(element, "controls")?.ok_or_else(|| Fault::invalid("`controls` is missing in `Subscribe`".to_owned()))?;
    Ok(Subscribe {
        query: text(element, "queryName")?,
        parameters: parameters(element)?,
        dest: text(element, "dest")?,
        controls: self::controls(controls)?,
        id: text(element, "subscriptionID")?,
    })
}

fn controls(element: &Element) -> Result<Controls, Fault> {
    let refuse = |detail: &str| Fault::of(ServiceError::refused(Code::SubscriptionControls, detail));
    known(element, &["schedule", "trigger", "initialRecordTime", "reportIfEmpty"])?;
    if one(element, "trigger")?.is_some() {
        return Err(refuse("`trigger`: the hub has no triggers; give a `schedule`"));
    }
    let initial_record_time = match optional(element, "initialRecordTime")? {
        None => None,
        Some(text) => Some(Micros::parse(&text).map_err(|_| refuse("`initialRecordTime` is one time with its zone"))?),
    };
    let report_if_empty = match optional(element, "reportIfEmpty")?.as_deref() {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        Some(_) | None => return Err(refuse("`reportIfEmpty` must be there, and is `true` or `false`")),
    };
    Ok(Controls {
        stream: false,
        schedule: one(element, "schedule")?.map(schedule).transpose()?,
        report_if_empty,
        initial_record_time,
    })
}

fn schedule(element: &Element) -> Result<Fields, Fault> {
    known(element, &["second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek"])?;
    Ok(Fields {
        second: optional(element, "second")?,
        minute: optional(element, "minute")?,
        hour: optional(element, "hour")?,
        day_of_month: optional(element, "dayOfMonth")?,
        month: optional(element, "month")?,
        day_of_week: optional(element, "dayOfWeek")?,
    })
}

fn parameters(element: &Element) -> Result<Parameters, Fault> {
    let Some(list) = one(element, "params")? else {
        return Ok(Vec::new());
    };
    known(list, &["param"])?;
    if list.children.len() > PARAMETERS {
        return Err(Fault::invalid(format!("`params` has more than {PARAMETERS} elements")));
    }
    list.children
        .iter()
        .filter_map(|child| parameter(child).transpose())
        .collect()
}

/// One of them; nothing where the value is null, which is as if it were left out (but for `EXISTS_…`, which has none).
fn parameter(element: &Element) -> Result<Option<(String, Vec<String>)>, Fault> {
    known(element, &["name", "value"])?;
    let name = text(element, "name")?;
    let value = one(element, "value")?.ok_or_else(|| Fault::invalid("`value` is missing in `param`".to_owned()))?;
    if value.children.is_empty() && value.text.is_empty() && !name.starts_with("EXISTS_") {
        return Ok(None);
    }
    let values: Vec<String> = if value.children.is_empty() {
        vec![value.text.clone()]
    } else {
        known(value, &["string", "value"])?;
        value.children.iter().map(|child| child.text.clone()).collect()
    };
    whole_number(&name, &values)?;
    let values = match name.starts_with("MATCH_") {
        true => values.into_iter().map(pattern).collect(),
        false => values,
    };
    Ok(Some((name, values)))
}

/// EPCIS 1.x clients write a pattern as a pure identity with `*` for the serial number.
fn pattern(value: String) -> String {
    match value.strip_prefix("urn:epc:id:").filter(|rest| rest.ends_with(".*")) {
        Some(rest) => format!("urn:epc:idpat:{rest}"),
        None => value,
    }
}

/// EPCIS 1.2 clause 8.2.7.1: what `EQ_quantity` and the like compare with is of type Int.
fn whole_number(name: &str, values: &[String]) -> Result<(), Fault> {
    let is_quantity = ["EQ_quantity", "GT_quantity", "GE_quantity", "LT_quantity", "LE_quantity"].contains(&name);
    if is_quantity && values.iter().any(|value| value.parse::<i64>().is_err()) {
        let detail = format!("`{name}` is compared with one whole number");
        return Err(Fault::of(ServiceError::refused(Code::QueryParameter, detail)));
    }
    Ok(())
}

/// What is not known is refused: to pass over it would do something else than was asked. Extensions of the standard's own points
/// stand in other namespaces, and none of them is known here.
fn known(element: &Element, names: &[&str]) -> Result<(), Fault> {
    let unknown = |child: &&Element| !names.iter().any(|name| child.is(&OF_CHILDREN, name));
    match element.children.iter().find(unknown) {
        None => Ok(()),
        Some(child) => {
            let (child, parent) = (child.full_name(), &element.name);
            Err(Fault::invalid(format!("`{child}` is not known in `{parent}`")))
        }
    }
}

fn one<'a>(element: &'a Element, name: &str) -> Result<Option<&'a Element>, Fault> {
    let mut found = element.children.iter().filter(|child| child.is(&OF_CHILDREN, name));
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Fault::invalid(format!("`{name}` stands twice in `{}`", element.name))),
    }
}

/// The text of a child; none if there is no such child, or nothing in it.
fn optional(element: &Element, name: &str) -> Result<Option<String>, Fault> {
    let found = one(element, name)?.map(|child| child.text.clone());
    Ok(found.filter(|text| !text.is_empty()))
}

fn text(element: &Element, name: &str) -> Result<String, Fault> {
    optional(element, name)?.ok_or_else(|| Fault::invalid(format!("`{name}` is missing in `{}`", element.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::dialect::xml;

    fn read(content: &str) -> Result<Request, Fault> {
        Request::read(&xml::read(content.as_bytes()).unwrap())
    }

    #[test]
    fn a_list_is_one_however_it_is_printed() {
        for value in [
            "<string>ADD</string><string>DELETE</string>",
            "<value>ADD</value><value> DELETE </value>",
            "<q:string>ADD</q:string><q:string>DELETE</q:string>",
        ] {
            let text = format!(
                "<q:Poll xmlns:q='{NAMESPACE}'><queryName>SimpleEventQuery</queryName><params><param><name>EQ_action</name><value>{value}</value>\
                 </param></params></q:Poll>"
            );
            let Ok(Request::Poll { query, parameters }) = read(&text) else {
                panic!("{text}");
            };
            assert_eq!(query, "SimpleEventQuery");
            assert_eq!(
                parameters,
                [("EQ_action".to_owned(), vec!["ADD".to_owned(), "DELETE".to_owned()])]
            );
        }
    }

    #[test]
    fn a_null_value_is_none_and_a_star_is_a_pattern() {
        let text = format!(
            "<q:Poll xmlns:q='{NAMESPACE}'><queryName>a</queryName><params><param><name>EQ_bizStep</name><value/></param>\
             <param><name>EXISTS_ilmd</name><value/></param><param><name>MATCH_epc</name><value><string>urn:epc:id:sgtin:0614141.107340.*</string>\
             </value></param></params></q:Poll>"
        );
        let Ok(Request::Poll { parameters, .. }) = read(&text) else {
            panic!("{text}");
        };
        let expect = [("EXISTS_ilmd", ""), ("MATCH_epc", "urn:epc:idpat:sgtin:0614141.107340.*")];
        assert_eq!(
            parameters,
            expect.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
        );
    }

    #[test]
    fn what_is_not_known_is_a_fault() {
        let q = format!("xmlns:q='{NAMESPACE}'");
        for text in [
            "<Poll/>".to_owned(),
            format!("<q:UnknownQuery {q}/>"),
            format!("<q:Poll {q}/>"),
            format!("<q:Poll {q}><queryName>a</queryName><queryName>b</queryName></q:Poll>"),
            format!("<q:Poll {q}><queryName>a</queryName><extra/></q:Poll>"),
            format!("<q:Poll {q}><queryName>a</queryName><params><param><name>b</name></param></params></q:Poll>"),
            format!("<q:GetQueryNames {q}><x/></q:GetQueryNames>"),
            format!("<q:Unsubscribe {q}><subscriptionID/></q:Unsubscribe>"),
            format!("<q:Subscribe {q}><queryName>a</queryName><dest>b</dest><subscriptionID>c</subscriptionID></q:Subscribe>"),
        ] {
            let fault = read(&text).unwrap_err();
            assert_eq!(fault.exception(), "ValidationException", "{text}");
        }
        let decimal = format!(
            "<q:Poll {q}><queryName>SimpleEventQuery</queryName><params><param><name>GE_quantity</name><value>3.14</value></param></params></q:Poll>"
        );
        assert_eq!(read(&decimal).unwrap_err().exception(), "QueryParameterException");
    }
}

//! In which form events are answered: media type, EPCIS version, spelling of identifiers and terms (EPCIS 2.0 clause 12).
//!
//! | header | choice |
//! |---|---|
//! | `Accept` | `application/ld+json`, `application/json`; `application/xml`, `text/xml`; with `q` |
//! | `GS1-EPCIS-Version`, `GS1-EPCIS-Min`, `GS1-EPCIS-Max` | 2.0 in all of them, 1.2 in XML alone |
//! | `GS1-CBV-Version`, `GS1-CBV-Min`, `GS1-CBV-Max` | 2.0, in whatever form |
//! | `GS1-EPC-Format` | `Always_GS1_Digital_Link` (default), `Always_EPC_URN`, `Never_Translates`, `No_Preference` |
//! | `GS1-CBV-XML-Format` | `Always_Web_URI`, `Always_URN`, `Never_Translates`, `No_Preference`; in JSON terms are bare |
//!
//! What cannot be met is 406. The answer's headers say what was chosen. CBV terms are not kept in the spelling they came in:
//! `Never_Translates` gives them in that of the EPCIS version asked for. Nothing here knows what is answered.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::time::Micros;
use crate::epcis::{CbvFormat, Document, DocumentKind, EpcFormat, Format, Target, convert, json, loss, xml};
use crate::service::event::{SeenEvent, told};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::problem::Problem;

static EPC_FORMAT: HeaderName = HeaderName::from_static("gs1-epc-format");
static CBV_FORMAT: HeaderName = HeaderName::from_static("gs1-cbv-xml-format");
static EPCIS_VERSION: HeaderName = HeaderName::from_static("gs1-epcis-version");
static LOSSES: HeaderName = HeaderName::from_static("counterfoil-losses");
static CBV_VERSION: HeaderName = HeaderName::from_static("gs1-cbv-version");

/// Media types in the order of the hub's own preference.
const OFFERS: [(&str, bool); 4] = [
    ("application/ld+json", false),
    ("application/json", false),
    ("application/xml", true),
    ("text/xml", true),
];
/// Media ranges read of one `Accept`.
const RANGES: usize = 32;

/// The form chosen for one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Representation {
    media_type: &'static str,
    /// `None` for JSON-LD.
    xml: Option<xml::Version>,
    epc: EpcFormat,
    cbv: CbvFormat,
}

impl Representation {
    /// What the headers of a request ask for; 400 for a header that says nothing, 406 for what is not made here.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ServiceError> {
        let version = version(headers)?;
        vocabulary(headers)?;
        let accept = Accept::of(headers);
        let mut best: Option<(u16, &'static str, bool)> = None;
        for (media_type, is_xml) in OFFERS {
            let quality = accept.quality(media_type);
            let possible = is_xml || version == Version::V2_0;
            if possible && quality > best.map_or(0, |(best, _, _)| best) {
                best = Some((quality, media_type, is_xml));
            }
        }
        let Some((_, media_type, is_xml)) = best else {
            let detail = match version {
                Version::V2_0 => "made here: application/ld+json, application/json, application/xml, text/xml",
                Version::V1_2 => "EPCIS 1.2 is made in application/xml and text/xml alone",
            };
            return Err(ServiceError::refused(Code::NotAcceptable, detail));
        };
        let xml = is_xml.then_some(match version {
            Version::V1_2 => xml::Version::V1_2,
            Version::V2_0 => xml::Version::V2_0,
        });
        Ok(Self {
            media_type,
            xml,
            epc: epc_format(headers)?,
            cbv: cbv_format(headers)?,
        })
    }

    /// An EPCISQueryDocument of these events, which answer the query of this name.
    pub(super) fn query_document(&self, hub: &Hub, seen: Vec<SeenEvent>, query: &str) -> Result<Response, ServiceError> {
        let registry = hub.registry();
        let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
        let format = self.format(hub, query, &prefix_len);
        let events = told(seen);
        let listed = events.iter().map(|(event, record_time)| (event, *record_time));
        let mut body = Vec::new();
        match self.xml {
            None => json::write_events(&mut body, listed, &format),
            Some(version) => xml::write_events(&mut body, listed, &format, version),
        }
        .map_err(|error| ServiceError::Internal(format!("writing events: {error}")))?;
        Ok(self.response(body))
    }

    /// A document of the caller's own with its header, and in `Counterfoil-Losses` how often what changed by the conversion.
    pub(super) fn document(&self, hub: &Hub, document: &Document, stored_at: Micros) -> Result<Response, ServiceError> {
        let registry = hub.registry();
        let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
        let target = self.xml.map_or(Target::Json, Target::Xml);
        let mut body = Vec::new();
        convert::write(
            &mut body,
            document,
            stored_at,
            &self.format(hub, "SimpleEventQuery", &prefix_len),
            target,
        )
        .map_err(|error| ServiceError::Internal(format!("writing a document: {error}")))?;
        let mut response = self.response(body);
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for loss in loss::losses(document, target) {
            *counts.entry(loss.code.as_str()).or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(code, count)| format!("{code}={count}")).collect();
        if let Ok(value) = HeaderValue::try_from(counts.join(", ")) {
            response.headers_mut().insert(LOSSES.clone(), value);
        }
        Ok(response)
    }

    fn format<'a>(&self, hub: &Hub, query: &'a str, prefix_len: &'a dyn Fn(&str) -> Option<usize>) -> Format<'a> {
        Format {
            document: DocumentKind::Query {
                name: query,
                subscription: None,
            },
            epc: self.epc,
            cbv: self.cbv,
            created: hub.now(),
            prefix_len,
        }
    }

    /// The body with the headers that say in which form it is.
    fn response(&self, body: Vec<u8>) -> Response {
        let version = match self.xml {
            Some(xml::Version::V1_2) => "1.2",
            Some(xml::Version::V2_0) | None => "2.0.0",
        };
        let mut response = (StatusCode::OK, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(
            header::VARY,
            HeaderValue::from_static("Accept, GS1-EPCIS-Version, GS1-EPC-Format, GS1-CBV-XML-Format"),
        );
        headers.insert(EPCIS_VERSION.clone(), HeaderValue::from_static(version));
        headers.insert(CBV_VERSION.clone(), HeaderValue::from_static("2.0.0"));
        headers.insert(EPC_FORMAT.clone(), HeaderValue::from_static(self.epc.as_str()));
        if let Some(version) = self.xml {
            headers.insert(CBV_FORMAT.clone(), HeaderValue::from_static(cbv_name(self.cbv, version)));
        }
        response
    }
}

/// A refusal in XML where the caller takes XML rather than JSON, and in JSON everywhere else.
pub(super) fn problem(headers: &HeaderMap, error: ServiceError) -> Response {
    worded(headers, Problem::from(error))
}

/// The same by the names that EPCIS 2.0 gives its exceptions.
pub(super) fn epcis_problem(headers: &HeaderMap, error: ServiceError) -> Response {
    worded(headers, Problem::of_epcis(error))
}

fn worded(headers: &HeaderMap, problem: Problem) -> Response {
    let accept = Accept::of(headers);
    let best = |types: [&str; 3]| types.iter().map(|media| accept.quality(media)).max().unwrap_or(0);
    let json = best(["application/problem+json", "application/json", "application/ld+json"]);
    let xml = best(["application/problem+xml", "application/xml", "text/xml"]);
    if xml > json {
        problem.into_xml_response()
    } else {
        problem.into_response()
    }
}

/// `Accept`, read (RFC 9110 clause 12.5.1).
struct Accept {
    /// Range and quality in thousandths.
    ranges: Vec<(String, u16)>,
}

impl Accept {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|range| !range.is_empty());
        Self {
            ranges: ranges.take(RANGES).map(range).collect(),
        }
    }

    /// What the nearest range that covers a media type says of it; 0 for not acceptable.
    fn quality(&self, media_type: &str) -> u16 {
        if self.ranges.is_empty() {
            return 1000;
        }
        let kind = media_type.split('/').next().unwrap_or("");
        let group = format!("{kind}/*");
        let named = |name: &str| {
            self.ranges
                .iter()
                .find(|(range, _)| range == name)
                .map(|(_, quality)| *quality)
        };
        named(media_type)
            .or_else(|| named(&group))
            .or_else(|| named("*/*"))
            .unwrap_or(0)
    }
}

fn range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or("").to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let thousandths = quality.map_or(Some(1000), |quality| {
        let value: f32 = quality.parse().ok()?;
        (0.0..=1.0).contains(&value).then_some((value * 1000.0) as u16)
    });
    (name, thousandths.unwrap_or(0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1_2,
    V2_0,
}

/// The newest version that lies between what the headers say.
fn version(headers: &HeaderMap) -> Result<Version, ServiceError> {
    let asked = Bounds::read(headers, ["gs1-epcis-version", "gs1-epcis-min", "gs1-epcis-max"])?;
    match (asked.fit((2, 0)), asked.fit((1, 2))) {
        (true, _) => Ok(Version::V2_0),
        (false, true) => Ok(Version::V1_2),
        (false, false) => {
            let detail = "the hub speaks EPCIS 2.0 and, in XML, 1.2: neither lies within what you ask for";
            Err(ServiceError::refused(Code::NotAcceptable, detail))
        }
    }
}

/// Terms are those of CBV 2.0, in documents of EPCIS 1.2 too: an event may have one that is in no older version.
fn vocabulary(headers: &HeaderMap) -> Result<(), ServiceError> {
    let asked = Bounds::read(headers, ["gs1-cbv-version", "gs1-cbv-min", "gs1-cbv-max"])?;
    let detail = "the hub speaks CBV 2.0, which does not lie within what you ask for";
    if asked.fit((2, 0)) {
        Ok(())
    } else {
        Err(ServiceError::refused(Code::NotAcceptable, detail))
    }
}

/// Between which versions an answer is wanted.
struct Bounds {
    least: Option<(u32, u32)>,
    most: Option<(u32, u32)>,
}

impl Bounds {
    /// `names`: of the header for the exact version, for the least and for the most.
    fn read(headers: &HeaderMap, [exact, least, most]: [&str; 3]) -> Result<Self, ServiceError> {
        let exact = bound(headers, exact)?;
        Ok(Self {
            least: bound(headers, least)?.or(exact),
            most: bound(headers, most)?.or(exact),
        })
    }

    fn fit(&self, version: (u32, u32)) -> bool {
        self.least.is_none_or(|least| version >= least) && self.most.is_none_or(|most| version <= most)
    }
}

/// Major and minor number of a version header.
fn bound(headers: &HeaderMap, name: &str) -> Result<Option<(u32, u32)>, ServiceError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let read = || {
        let mut numbers = value.to_str().ok()?.trim().split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().unwrap_or(Ok(0)).ok()?;
        numbers.all(|rest| rest.is_ok()).then_some((major, minor))
    };
    read()
        .map(Some)
        .ok_or_else(|| bad(format!("`{name}` is a version such as 2.0.0")))
}

pub(super) fn epc_format(headers: &HeaderMap) -> Result<EpcFormat, ServiceError> {
    match headers.get(&EPC_FORMAT).map(HeaderValue::to_str) {
        None | Some(Ok("No_Preference" | "Always_GS1_Digital_Link")) => Ok(EpcFormat::AlwaysDigitalLink),
        Some(Ok("Always_EPC_URN")) => Ok(EpcFormat::AlwaysUrn),
        Some(Ok("Never_Translates")) => Ok(EpcFormat::NeverTranslates),
        Some(Ok(_) | Err(_)) => Err(bad(
            "`GS1-EPC-Format` is one of No_Preference, Always_GS1_Digital_Link, Always_EPC_URN, Never_Translates",
        )),
    }
}

fn cbv_format(headers: &HeaderMap) -> Result<CbvFormat, ServiceError> {
    let asked = headers.get(&CBV_FORMAT).or_else(|| headers.get("gs1-cbv-format"));
    match asked.map(HeaderValue::to_str) {
        None | Some(Ok("No_Preference" | "Never_Translates")) => Ok(CbvFormat::OfVersion),
        Some(Ok("Always_Web_URI")) => Ok(CbvFormat::AlwaysWebUri),
        Some(Ok("Always_URN")) => Ok(CbvFormat::AlwaysUrn),
        Some(Ok(_) | Err(_)) => Err(bad(
            "`GS1-CBV-XML-Format` is one of No_Preference, Always_Web_URI, Always_URN, Never_Translates",
        )),
    }
}

const fn cbv_name(cbv: CbvFormat, version: xml::Version) -> &'static str {
    match (cbv, version) {
        (CbvFormat::AlwaysUrn, _) | (CbvFormat::OfVersion, xml::Version::V1_2) => "Always_URN",
        (CbvFormat::AlwaysWebUri, _) | (CbvFormat::OfVersion, xml::Version::V2_0) => "Always_Web_URI",
    }
}

fn bad(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_best_of_what_is_accepted_is_chosen() {
        let check = |accept: &'static str, expect: Option<&str>| {
            let chosen = Representation::of(&headers(&[("accept", accept)]));
            match (chosen, expect) {
                (Ok(chosen), Some(expect)) => assert_eq!(chosen.media_type, expect, "{accept}"),
                (Err(error), None) => assert_eq!(error.code(), Code::NotAcceptable, "{accept}"),
                (chosen, _) => panic!("{accept}: {chosen:?}"),
            }
        };
        check("*/*", Some("application/ld+json"));
        check("application/*", Some("application/ld+json"));
        check("application/json", Some("application/json"));
        check("Application/XML", Some("application/xml"));
        check("text/*", Some("text/xml"));
        check("application/json;q=0.5, application/xml", Some("application/xml"));
        check("application/xml;q=0, */*;q=0.1", Some("application/ld+json"));
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Some("application/xml"),
        );
        check("text/html", None);
        check("application/json;q=0", None);
        check("application/json;q=x", None);
    }

    #[test]
    fn the_version_chooses_among_the_media_types() {
        let check = |pairs: &[(&'static str, &'static str)], expect: Result<(&str, bool), Code>| {
            let chosen = Representation::of(&headers(pairs));
            let chosen = chosen.map(|chosen| (chosen.media_type, chosen.xml == Some(xml::Version::V1_2)));
            assert_eq!(chosen.map_err(|error| error.code()), expect, "{pairs:?}");
        };
        check(&[], Ok(("application/ld+json", false)));
        check(&[("gs1-epcis-version", "2.0.0")], Ok(("application/ld+json", false)));
        check(&[("gs1-epcis-version", "1.2")], Ok(("application/xml", true)));
        check(&[("gs1-epcis-max", "1.2")], Ok(("application/xml", true)));
        check(&[("gs1-epcis-min", "1.2"), ("accept", "text/xml")], Ok(("text/xml", false)));
        check(
            &[("gs1-epcis-max", "1.2.0"), ("accept", "application/json")],
            Err(Code::NotAcceptable),
        );
        check(&[("gs1-epcis-min", "3")], Err(Code::NotAcceptable));
        check(&[("gs1-epcis-version", "1.0")], Err(Code::NotAcceptable));
        check(&[("gs1-epcis-version", "new")], Err(Code::BadInput));
        check(&[("gs1-cbv-version", "2.0.0")], Ok(("application/ld+json", false)));
        check(
            &[("gs1-cbv-min", "1.2"), ("gs1-cbv-max", "2.0"), ("gs1-epcis-max", "1.2")],
            Ok(("application/xml", true)),
        );
        check(&[("gs1-cbv-max", "1.2.2")], Err(Code::NotAcceptable));
        check(&[("gs1-cbv-version", "2.1")], Err(Code::NotAcceptable));
        check(&[("gs1-cbv-min", "two")], Err(Code::BadInput));
    }
}

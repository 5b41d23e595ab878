//! The EPCIS documents that the fault driver sends: units commissioned, a case commissioned, the units packed into it.
//!
//! Each event has an `eventID` of the driver's own, so that the checker can tell afterwards which of them are there.

use std::fmt::Write as _;

use super::caller::Line;

/// Which syntax it is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// EPCIS 1.2 XML.
    Xml,
    /// EPCIS 2.0 JSON-LD.
    Json,
}

/// A document ready to be sent, again and again if need be.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) syntax: Syntax,
    pub(crate) text: String,
    /// `eventID`s in it, three.
    pub(crate) events: Vec<String>,
}

impl Document {
    /// Packs the units with these serials into the `number`-th case of the line.
    pub(crate) fn packing(line: &Line, number: u64, serials: &[String]) -> Self {
        let events: Vec<String> = (1..=3)
            .map(|step| format!("urn:uuid:{number:08x}-{:04x}-4000-8000-{step:012x}", line.tag))
            .collect();
        let text = match line.syntax {
            Syntax::Xml => xml(line, number, serials, &events),
            Syntax::Json => json(line, number, serials, &events),
        };
        Self {
            syntax: line.syntax,
            text,
            events,
        }
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self.syntax {
            Syntax::Xml => "application/xml",
            Syntax::Json => "application/ld+json",
        }
    }
}

/// `action`, business step, disposition, minute of the three events.
const STEPS: [(&str, &str, &str, u32); 3] = [
    ("ADD", "commissioning", "active", 0),
    ("ADD", "commissioning", "active", 1),
    ("ADD", "packing", "in_progress", 2),
];

fn json(line: &Line, number: u64, serials: &[String], ids: &[String]) -> String {
    let units: Vec<String> = serials
        .iter()
        .map(|serial| format!("https://id.gs1.org/01/{}/21/{serial}", line.gtin))
        .collect();
    let case = format!("https://id.gs1.org/00/{}", sscc(line.prefix, number));
    let site = format!("https://id.gs1.org/414/{}", line.site);
    let what = [
        serde_json::json!({"type": "ObjectEvent", "epcList": units,
            "ilmd": {"cbvmda:lotNumber": line.lot, "cbvmda:itemExpirationDate": "2029-12-31"}}),
        serde_json::json!({"type": "ObjectEvent", "epcList": [case]}),
        serde_json::json!({"type": "AggregationEvent", "parentID": case, "childEPCs": units}),
    ];
    let events = what
        .into_iter()
        .zip(ids)
        .zip(STEPS)
        .map(|((mut event, id), (action, step, disposition, minute))| {
            let common = serde_json::json!({
                "eventID": id, "eventTime": time(number, minute), "eventTimeZoneOffset": "+00:00", "action": action,
                "bizStep": step, "disposition": disposition, "readPoint": {"id": site}, "bizLocation": {"id": site},
            });
            event
                .as_object_mut()
                .expect("an object")
                .extend(common.as_object().expect("an object").clone());
            event
        });
    serde_json::json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"cbvmda": "urn:epcglobal:cbv:mda:"}],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": time(number, 3),
        "epcisBody": {"eventList": events.collect::<Vec<_>>()},
    })
    .to_string()
}

fn xml(line: &Line, number: u64, serials: &[String], ids: &[String]) -> String {
    let item = format!("{}{}", &line.gtin[..1], &line.gtin[1 + GTIN_OWNER_PREFIX..13]);
    let owner = &line.gtin[1..=GTIN_OWNER_PREFIX];
    let list = |name: &str, epcs: &str| format!("<{name}>{epcs}</{name}>");
    let units: String = serials
        .iter()
        .map(|serial| format!("<epc>urn:epc:id:sgtin:{owner}.{item}.{serial}</epc>"))
        .collect();
    let digits = sscc(line.prefix, number);
    let case = format!(
        "urn:epc:id:sscc:{}.{}{}",
        line.prefix,
        &digits[..1],
        &digits[1 + line.prefix.len()..17]
    );
    let site = format!("urn:epc:id:sgln:{}.{}.0", line.prefix, &line.site[line.prefix.len()..12]);
    let ilmd = format!(
        "<extension><ilmd><cbvmda:lotNumber>{}</cbvmda:lotNumber>\
         <cbvmda:itemExpirationDate>2029-12-31</cbvmda:itemExpirationDate></ilmd></extension>",
        line.lot
    );
    let what = [
        ("ObjectEvent", list("epcList", &units), ilmd.as_str()),
        ("ObjectEvent", list("epcList", &list("epc", &case)), ""),
        ("AggregationEvent", list("parentID", &case) + &list("childEPCs", &units), ""),
    ];
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:1\" \
         xmlns:cbvmda=\"urn:epcglobal:cbv:mda\" schemaVersion=\"1.2\" creationDate=\"{}\"><EPCISBody><EventList>",
        time(number, 3)
    );
    for (((kind, what, ilmd), id), (action, step, disposition, minute)) in what.into_iter().zip(ids).zip(STEPS) {
        let _ = write!(
            out,
            "<{kind}><eventTime>{}</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>\
             <baseExtension><eventID>{id}</eventID></baseExtension>{what}<action>{action}</action>\
             <bizStep>urn:epcglobal:cbv:bizstep:{step}</bizStep><disposition>urn:epcglobal:cbv:disp:{disposition}</disposition>\
             <readPoint><id>{site}</id></readPoint><bizLocation><id>{site}</id></bizLocation>{ilmd}</{kind}>",
            time(number, minute)
        );
    }
    out.push_str("</EventList></EPCISBody></epcis:EPCISDocument>\n");
    out
}

/// Digits of the company prefix in the GTINs of the demo's manufacturer.
const GTIN_OWNER_PREFIX: usize = 7;

/// In the past of every machine that runs the tests, each document later than the one before.
fn time(number: u64, minute: u32) -> String {
    let (day, hour) = (number / 24 % 28 + 1, number % 24);
    format!("2025-{:02}-{day:02}T{hour:02}:{minute:02}:00.000Z", number / 24 / 28 % 12 + 1)
}

/// SSCC-18 with its check digit (GS1 General Specifications, 7.9.1).
fn sscc(prefix: &str, number: u64) -> String {
    let digits = format!("1{prefix}{number:0width$}", width = 16 - prefix.len());
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 3 } else { 1 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

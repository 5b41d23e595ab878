//! Documents that mean harm, and documents cut short: refused with a code, never a panic.

use super::*;
use crate::domain::event::{Action, EventType};
use crate::domain::finding::FindingCode;
use crate::domain::time::Micros;

mod bounds;

fn refused(text: &[u8], media: MediaType) -> Finding {
    let findings = parse(text, media, &ParseLimits::default()).expect_err("must be refused");
    findings.into_iter().find(Finding::refuses).expect("a refusal says why")
}

fn refused_xml(text: &str, code: FindingCode) -> Finding {
    let finding = refused(text.as_bytes(), MediaType::Xml);
    assert_eq!(finding.code, code, "{finding:?}");
    finding
}

fn refused_json(text: &str, code: FindingCode) -> Finding {
    let finding = refused(text.as_bytes(), MediaType::Json);
    assert_eq!(finding.code, code, "{finding:?}");
    finding
}

fn xml(events: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" xmlns:cbvmda="urn:epcglobal:cbv:mda" schemaVersion="1.2" creationDate="2026-11-22T06:50:00Z">
<EPCISBody><EventList>{events}</EventList></EPCISBody></epcis:EPCISDocument>"#
    )
}

const XML_EVENT: &str = r#"<ObjectEvent>
  <eventTime>2026-11-22T06:50:00.000+01:00</eventTime><eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
  <epcList><epc>
     urn:epc:id:sgtin:0614141.107346.2017
  </epc><epc>urn:epc:id:sgtin:0614141.107346.2018</epc></epcList>
  <action>ADD</action><bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
  <readPoint><id>urn:epc:id:sgln:0614141.07346.1234</id></readPoint>
  <bizTransactionList><bizTransaction type="urn:epcglobal:cbv:btt:po">urn:epcglobal:cbv:bt:0614141073467:A&amp;1</bizTransaction></bizTransactionList>
  <extension><ilmd><cbvmda:lotNumber>A&#x31;</cbvmda:lotNumber></ilmd></extension>
</ObjectEvent>"#;

fn json(event: &str) -> String {
    format!(
        r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{{"ex":"https://ns.example.com/"}}],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-22T06:50:00Z","epcisBody":{{"eventList":[{event}]}}}}"#
    )
}

const JSON_EVENT: &str = r#"{"type":"ObjectEvent","eventTime":"2026-11-22T05:50:00Z","eventTimeZoneOffset":"+01:00",
"epcList":["urn:epc:id:sgtin:0614141.107346.2018","https://id.gs1.org/01/10614141073464/21/2017"],"action":"ADD","bizStep":"commissioning",
"readPoint":{"id":"urn:epc:id:sgln:0614141.07346.1234"},
"bizTransactionList":[{"type":"po","bizTransaction":"urn:epcglobal:cbv:bt:0614141073467:A&1"}],"ilmd":{"cbvmda:lotNumber":"A1"}}"#;

#[test]
fn one_event_in_two_syntaxes_is_one_event() {
    let one = parse(xml(XML_EVENT).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    let other = parse(json(JSON_EVENT).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!((one.syntax, other.syntax), (Syntax::Xml1, Syntax::Json));
    assert_eq!(one.events[0].hash, other.events[0].hash);
    let event = &one.events[0].event;
    assert_eq!(
        (event.kind, event.action, event.lot(), event.step()),
        (EventType::Object, Some(Action::Add), Some("A1"), "commissioning")
    );
    assert_eq!(one.events[0].pointer, "/EPCISDocument/EPCISBody/EventList/ObjectEvent[1]");
    assert_eq!(other.events[0].pointer, "/epcisBody/eventList/0");
    assert_eq!(one.findings, []);
    assert_eq!(other.findings, []);
}

#[test]
fn pointers_lead_to_the_fault() {
    let bad = XML_EVENT.replace("urn:epc:id:sgtin:0614141.107346.2018", "urn:epc:id:sgtin:0614141.7.2018");
    let finding = refused_xml(&xml(&(XML_EVENT.to_owned() + &bad)), FindingCode::InvalidEpc);
    assert_eq!(
        (finding.pointer.as_str(), finding.event),
        ("/EPCISDocument/EPCISBody/EventList/ObjectEvent[2]/epcList/epc[2]", Some(1))
    );
    assert_eq!(finding.epc.as_deref(), Some("urn:epc:id:sgtin:0614141.7.2018"));
    let finding = refused_json(
        &json(&JSON_EVENT.replace("10614141073464", "10614141073465")),
        FindingCode::InvalidCheckDigit,
    );
    assert_eq!(finding.pointer, "/epcisBody/eventList/0/epcList/1");
    let finding = refused_json(&json(&JSON_EVENT.replace("cbvmda:", "nope:")), FindingCode::UndeclaredPrefix);
    assert_eq!(finding.pointer, "/epcisBody/eventList/0/ilmd/nope:lotNumber");
}

#[test]
fn leniency_is_reported_and_changes_nothing() {
    let plain = parse(xml(XML_EVENT).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    let qualified = XML_EVENT
        .replace("<action>", "<epcis:action>")
        .replace("</action>", "</epcis:action>");
    let read = parse(xml(&qualified).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(read.events[0].hash, plain.events[0].hash);
    assert_eq!(
        read.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [FindingCode::SchemaNamespace]
    );
    let misspelt = XML_EVENT.replace("bizstep:commissioning", "bizstep:comissioning");
    let read = parse(xml(&misspelt).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!((read.events[0].event.step(), read.findings.len()), ("commissioning", 1));
}

/// Reads `odd` and `plain` to one event, `odd` with one finding of that code; its pointer.
fn reads_like(odd: &str, plain: &str, media: MediaType, code: FindingCode) -> String {
    let read = |text: &str| {
        parse(text.as_bytes(), media, &ParseLimits::default()).unwrap_or_else(|findings| panic!("{text}: {findings:?}"))
    };
    let (odd, plain) = (read(odd), read(plain));
    assert_eq!(odd.events[0].hash, plain.events[0].hash);
    let codes: Vec<_> = odd.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [code], "{:?}", odd.findings);
    assert_eq!(plain.findings, []);
    odd.findings[0].pointer.clone()
}

#[test]
fn what_only_a_schema_minds_is_reported_once() {
    let plain = json(JSON_EVENT);
    let marked = format!("\u{feff}{plain}");
    assert_eq!(
        reads_like(&marked, &plain, MediaType::Json, FindingCode::StructureCorrected),
        "1:1"
    );
    let draft = plain.replacen("\"type\":\"EPCISDocument\"", "\"isA\":\"EPCISDocument\"", 1);
    assert_ne!(draft, plain);
    assert_eq!(
        reads_like(&draft, &plain, MediaType::Json, FindingCode::SchemaUnknown),
        "/isA"
    );
    let plain = xml(XML_EVENT);
    let action = "<action>ADD</action>";
    let jumbled = XML_EVENT
        .replacen(action, "", 1)
        .replacen("<eventTime>", &format!("{action}<eventTime>"), 1);
    assert!(jumbled.contains(action));
    let twice = xml(&(jumbled.clone() + &jumbled));
    let pointer = reads_like(&twice, &plain, MediaType::Xml, FindingCode::SchemaOrder);
    assert_eq!(pointer, "/EPCISDocument/EPCISBody/EventList/ObjectEvent[1]/action");
}

#[test]
fn names_of_a_context_that_is_not_fetched_are_kept_under_its_address() {
    let context = "https://ref.example.org/hc-context.jsonld";
    let event = JSON_EVENT.replace("\"cbvmda:", "\"hc:");
    let document = json(&event);
    refused_json(&document, FindingCode::UndeclaredPrefix);
    let both = format!("epcis-context.jsonld\",\"{context}\"");
    let document = document.replacen("epcis-context.jsonld\"", &both, 1);
    let read = parse(document.as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(read.events[0].event.ilmd[0].name.namespace.as_ref(), format!("{context}#"));
    let codes: Vec<_> = read.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::ForeignContext], "{:?}", read.findings);
}

#[test]
fn what_json_fields_do_not_fit_is_kept_or_ignored_with_a_finding() {
    let check = |old: &str, new: &str, code: FindingCode| {
        let document = json(JSON_EVENT).replacen(old, new, 1);
        assert!(document.contains(new), "{old}");
        let read = parse(document.as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
        let codes: Vec<_> = read.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{new}: {:?}", read.findings);
    };
    use FindingCode::{SchemaKind, SchemaMissing, SchemaUnknown, SchemaValue};
    check(r#""ilmd":{"#, r#""ilmd":{"lot":"A1","#, SchemaUnknown);
    check(r#""readPoint":{"#, r#""readPoint":{"room":"7","#, FindingCode::NoNamespace);
    check(r#"[{"type":"po","#, r#"[{"type":"po","note":"x","#, SchemaUnknown);
    check(r#""schemaVersion":"2.0","#, "", SchemaMissing);
    check(r#""schemaVersion":"2.0""#, r#""schemaVersion":2.0"#, SchemaKind);
    check(r#""creationDate":"2026-11-22T06:50:00Z","#, "", SchemaMissing);
    check(
        r#""creationDate":"2026-11-22T06:50:00Z""#,
        r#""creationDate":"yesterday""#,
        SchemaValue,
    );
    check(
        r#""ilmd":"#,
        r#""sensorElementList":[{"sensorReport":[{"type":"Mass","colour":"red"}]}],"ilmd":"#,
        SchemaUnknown,
    );
}

#[test]
fn what_must_stand_is_missed() {
    refused_json(
        r#"{"@context":[],"type":"EPCISDocument","schemaVersion":"2.0"}"#,
        FindingCode::MissingField,
    );
    refused_xml(
        r#"<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2"/>"#,
        FindingCode::MissingField,
    );
    let empty = JSON_EVENT.replace("\"ilmd\":", "\"sensorElementList\":[{\"sensorReport\":[]}],\"ilmd\":");
    refused_json(&json(&empty), FindingCode::MissingField);
    let twice = XML_EVENT.replace("<readPoint>", "<bizStep>shipping</bizStep><readPoint>");
    refused_xml(&xml(&twice), FindingCode::UnexpectedField);
}

#[test]
fn a_query_is_no_document_of_events() {
    let poll = r#"<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:1"><EPCISBody><q:Poll/></EPCISBody></q:EPCISQueryDocument>"#;
    refused_xml(poll, FindingCode::UnknownDocument);
}

#[test]
fn document_types_and_entities_are_forbidden() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2">&b;</epcis:EPCISDocument>"#;
    refused_xml(bomb, FindingCode::DtdForbidden);
    let external = r#"<!DOCTYPE a SYSTEM "file:///etc/passwd"><epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2"/>"#;
    refused_xml(external, FindingCode::DtdForbidden);
    refused_xml(&xml(&XML_EVENT.replace("A&amp;1", "&nbsp;")), FindingCode::DtdForbidden);
    refused_xml(&xml(&XML_EVENT.replace("cbv:btt:po", "&xxe;")), FindingCode::DtdForbidden);
}

#[test]
fn nothing_is_included() {
    let include = r#"<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>"#;
    let read = parse(
        xml(&XML_EVENT.replace("<action>", &format!("{include}<action>"))).as_bytes(),
        MediaType::Xml,
        &ParseLimits::default(),
    )
    .unwrap();
    assert_eq!(&*read.events[0].event.extensions[0].name.local, "include");
}

#[test]
fn depth_is_limited_without_recursion_to_match() {
    let deep = "<a>".repeat(1_000_000);
    refused_xml(
        &xml(&XML_EVENT.replace("<action>", &format!("{deep}<action>"))),
        FindingCode::TooDeep,
    );
    refused_xml(&deep, FindingCode::UnknownDocument);
    refused_json(&json(&"[".repeat(1_000_000)), FindingCode::TooDeep);
    refused_json(&"{\"a\":".repeat(1_000_000), FindingCode::TooDeep);
}

#[test]
fn more_events_than_allowed_are_refused() {
    let limits = ParseLimits {
        events: 2,
        ..ParseLimits::default()
    };
    let check = |text: String, media| {
        assert_eq!(
            parse(text.as_bytes(), media, &limits).unwrap_err()[0].code,
            FindingCode::TooManyEvents
        )
    };
    check(xml(&XML_EVENT.repeat(3)), MediaType::Xml);
    check(json(&[JSON_EVENT; 3].join(",")), MediaType::Json);
    let limits = ParseLimits {
        event_bytes: 500,
        ..ParseLimits::default()
    };
    assert_eq!(
        parse(xml(XML_EVENT).as_bytes(), MediaType::Xml, &limits).unwrap_err()[0].code,
        FindingCode::TooLarge
    );
}

/// The schema of JSON has a pattern for units, that of XML has none: what could not be printed in both is taken from neither.
#[test]
fn a_unit_that_is_none_is_refused_by_every_profile() {
    use crate::domain::profile::Profile;
    let with = |uom: &str| {
        let quantity = "<quantityElement><epcClass>urn:epc:class:lgtin:4054739.099914.L1</epcClass><quantity>3.5</quantity>";
        let list = format!("<quantityList>{quantity}<uom>{uom}</uom></quantityElement></quantityList>");
        XML_EVENT.replace("<extension>", &format!("<extension>{list}"))
    };
    let limits = ParseLimits {
        profile: Profile::taken_in(),
        ..ParseLimits::default()
    };
    let codes = |uom: &str| {
        let read = parse(xml(&with(uom)).as_bytes(), MediaType::Xml, &limits);
        let findings = read.err().unwrap_or_default();
        findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert!(!codes("KGM").contains(&FindingCode::InvalidValue), "{:?}", codes("KGM"));
    for uom in ["kg", "kilogram", "K", "KGMS", "K G", "ÄÖ"] {
        assert!(codes(uom).contains(&FindingCode::InvalidValue), "{uom}: {:?}", codes(uom));
    }
}

#[test]
fn findings_are_capped() {
    let bad = XML_EVENT.replace("ADD", "CREATE").repeat(300);
    let findings = parse(xml(&bad).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap_err();
    let count = |code: FindingCode| findings.iter().filter(|finding| finding.code == code).count();
    // The schema and the reader both have a say about it.
    assert_eq!(
        (count(FindingCode::SchemaValue), count(FindingCode::InvalidValue)),
        (100, 100)
    );
    let rest: Vec<&str> = findings.iter().skip(200).map(|finding| finding.detail.as_str()).collect();
    assert_eq!(
        rest,
        [
            "200 more of SCHEMA_VALUE, from event 100 to event 299",
            "200 more of INVALID_VALUE, from event 100 to event 299"
        ]
    );
}

#[test]
fn what_a_profile_ignores_is_not_mentioned_and_what_it_refuses_refuses() {
    use crate::domain::finding::Severity;
    use crate::domain::profile::{Base, Level, Profile};
    let jumbled =
        xml(&XML_EVENT
            .replacen("<action>ADD</action>", "", 1)
            .replacen("<eventTime>", "<action>ADD</action><eventTime>", 1));
    let read = |profile: Profile| {
        let limits = ParseLimits {
            profile,
            ..ParseLimits::default()
        };
        parse(jumbled.as_bytes(), MediaType::Xml, &limits).map(|document| document.findings.len())
    };
    let set = |base, level| Profile::new(base).with(FindingCode::SchemaOrder, level).unwrap();
    assert_eq!(read(Profile::default()), Ok(1));
    assert_eq!(read(set(Base::Lenient, Level::Ignore)), Ok(0));
    assert!(read(set(Base::Lenient, Level::As(Severity::Refusal))).is_err());
    assert!(read(Profile::new(Base::Strict)).is_err());
    assert_eq!(read(set(Base::Strict, Level::As(Severity::Warning))), Ok(1));
}

#[test]
fn an_identifier_that_breaks_the_rules_is_kept_where_the_profile_does_not_refuse_it() {
    use crate::domain::finding::Severity;
    use crate::domain::profile::{Level, Profile};
    let profile = Profile::default()
        .with(FindingCode::InvalidEpc, Level::As(Severity::Error))
        .unwrap();
    let limits = ParseLimits {
        profile,
        ..ParseLimits::default()
    };
    let bad = "urn:epc:id:sgtin:0614141.7.2018";
    let class = "urn:epc:class:lgtin:1.2.3";
    let text = XML_EVENT.replace("urn:epc:id:sgtin:0614141.107346.2018", bad).replace(
        "<ilmd>",
        &format!("<quantityList><quantityElement><epcClass>{class}</epcClass></quantityElement></quantityList><ilmd>"),
    );
    let read = parse(xml(&text).as_bytes(), MediaType::Xml, &limits).unwrap();
    let codes: Vec<_> = read.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::InvalidEpc; 2], "{:?}", read.findings);
    let stored = serde_json::to_string(&read.events[0].event).unwrap();
    let again: crate::domain::event::Event = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, read.events[0].event);
    assert_eq!(
        (again.epcs[1].as_captured(), again.quantities[0].class.as_captured()),
        (bad, class)
    );
    // Check digits are another code.
    refused_json(
        &json(&JSON_EVENT.replace("10614141073464", "10614141073465")),
        FindingCode::InvalidCheckDigit,
    );
}

#[test]
fn a_document_of_master_data_is_read() {
    let text = r#"<m:EPCISMasterDataDocument xmlns:m="urn:epcglobal:epcis-masterdata:xsd:1" schemaVersion="1.2" creationDate="2026-11-22T06:50:00Z">
<EPCISBody><VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:EPCClass"><VocabularyElementList>
<VocabularyElement id="urn:epc:idpat:sgtin:0614141.107346.*"><attribute id="urn:epcglobal:cbv:mda#regulatedProductName">Tablet</attribute></VocabularyElement>
</VocabularyElementList></Vocabulary></VocabularyList></EPCISBody></m:EPCISMasterDataDocument>"#;
    let read = parse(text.as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(
        (read.events.len(), read.header.master_data.len(), read.findings.len()),
        (0, 1, 0)
    );
    let odd = text.replace(r#" id="urn:epcglobal:cbv:mda#regulatedProductName""#, "");
    let read = parse(odd.as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(read.findings[0].code, FindingCode::SchemaMissing);
}

#[test]
fn json_is_read_strictly() {
    let finding = refused_json(
        &json(&JSON_EVENT.replace("\"action\":\"ADD\"", "\"action\":\"ADD\",\"action\":\"DELETE\"")),
        FindingCode::DuplicateKey,
    );
    assert!(finding.pointer.contains(':'), "{finding:?}");
    refused_json("\u{feff}", FindingCode::Malformed);
    refused_json(&format!("\u{feff}\u{feff}{}", json(JSON_EVENT)), FindingCode::Malformed);
    refused_json(&json(&JSON_EVENT.replace("\"A1\"", "NaN")), FindingCode::Malformed);
    refused_json(&json(&JSON_EVENT.replace("A1", "\\ud800")), FindingCode::Malformed);
    refused_json(&json(&JSON_EVENT.replace("A1", "\\u0000")), FindingCode::Malformed);
    refused_json(&json(&JSON_EVENT.replace("\"A1\"", "01")), FindingCode::Malformed);
    refused_json(&(json(JSON_EVENT) + "x"), FindingCode::Malformed);
    refused_json(&json(&(JSON_EVENT.to_owned() + ",")), FindingCode::Malformed);
    let huge = format!("1{}", "0".repeat(1_000_000));
    refused_json(&json(&JSON_EVENT.replace("\"A1\"", &huge)), FindingCode::Malformed);
    assert_eq!(refused(b"{\"a\":\"\xff\"}", MediaType::Json).code, FindingCode::Malformed);
}

#[test]
fn other_encodings_are_refused() {
    for (bytes, media) in [(xml(XML_EVENT), MediaType::Xml), (json(JSON_EVENT), MediaType::Json)] {
        let wide: Vec<u8> = bytes.encode_utf16().flat_map(u16::to_le_bytes).collect();
        refused(&wide, media);
        refused(&[&[0xFF, 0xFE][..], &wide].concat(), media);
    }
    refused_xml(&xml(XML_EVENT).replace("UTF-8", "ISO-8859-1"), FindingCode::Malformed);
    refused_xml(&xml(XML_EVENT).replace("UTF-8", "UTF\u{2010}8"), FindingCode::Malformed);
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    for (text, media) in [(xml(XML_EVENT), MediaType::Xml), (json(JSON_EVENT), MediaType::Json)] {
        for cut in 0..text.len() {
            let code = refused(&text.as_bytes()[..cut], media).code;
            assert_eq!(code, FindingCode::Malformed, "cut at {cut}");
        }
    }
}

#[test]
fn numbers_keep_their_digits() {
    let event = JSON_EVENT.replace("\"ilmd\"", "\"ex:a\":12345678901234567890.10,\"ilmd\"");
    let read = parse(json(&event).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(read.events[0].event.extensions[0].text(), Some("12345678901234567890.10"));
}

#[test]
fn the_context_may_come_after_the_events() {
    let text = json(JSON_EVENT);
    let (context, rest) = text[1..].split_at(text[1..].find(",\"type\"").unwrap());
    let late = format!("{{{},{context}}}", &rest[1..rest.len() - 1]);
    let read = parse(late.as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(read.events[0].event.lot(), Some("A1"));
}

#[test]
fn media_types_are_told_by_their_essence() {
    let check = |value: &str, expect: Option<MediaType>| assert_eq!(MediaType::from_content_type(value), expect, "{value}");
    check("application/xml; charset=utf-8", Some(MediaType::Xml));
    check("TEXT/XML", Some(MediaType::Xml));
    check("application/ld+json", Some(MediaType::Json));
    check("application/vnd.example+json", Some(MediaType::Json));
    check("text/plain", None);
    check("", None);
}

#[test]
fn identifiers_are_printed_in_the_spelling_asked_for() {
    let read = parse(json(JSON_EVENT).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    let check = |epc, captured: bool, link: bool, urn: bool| {
        let format = Format {
            document: DocumentKind::Document,
            epc,
            cbv: CbvFormat::OfVersion,
            created: Micros(0),
            prefix_len: &|_| Some(7),
        };
        let mut out = Vec::new();
        json::write_events(&mut out, [(&read.events[0].event, Micros(5_000_000))], &format).unwrap();
        let text = String::from_utf8(out).unwrap();
        let both = text.contains("urn:epc:id:sgtin:0614141.107346.2018")
            && text.contains("https://id.gs1.org/01/10614141073464/21/2017");
        let links = text.contains("/21/2017") && text.contains("/21/2018");
        let urns = text.contains("107346.2017") && text.contains("107346.2018");
        assert_eq!((both, links, urns), (captured, link, urn), "{text}");
        assert!(text.contains("\"recordTime\":\"1970-01-01T00:00:05.000Z\""), "{text}");
    };
    check(EpcFormat::NeverTranslates, true, false, false);
    check(EpcFormat::AlwaysDigitalLink, false, true, false);
    check(EpcFormat::AlwaysUrn, false, false, true);
}

#[test]
fn what_would_break_the_markup_is_escaped() {
    let event = JSON_EVENT.replace("\"A1\"", r#""<a href='x'>&amp;]]>\u000b\"\r""#);
    let read = parse(json(&event).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    let format = Format {
        document: DocumentKind::Document,
        epc: EpcFormat::NeverTranslates,
        cbv: CbvFormat::OfVersion,
        created: Micros(0),
        prefix_len: &|_| None,
    };
    let mut out = Vec::new();
    xml::write_events(&mut out, [(&read.events[0].event, Micros(0))], &format, xml::Version::V2_0).unwrap();
    let again = parse(&out[..], MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(again.events[0].event.ilmd[0].text(), Some("<a href='x'>&amp;]]>\u{b}\"\r"));
}

#[test]
fn order_zone_and_white_space_do_not_change_the_hash() {
    let plain = parse(json(JSON_EVENT).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(JSON_EVENT).unwrap();
    let turned: Vec<String> = members
        .iter()
        .rev()
        .map(|(key, value)| format!("\n \"{key}\" :\t{value}"))
        .collect();
    let turned = format!("{{{}}}", turned.join(",")).replace("2026-11-22T05:50:00Z", "2026-11-21T23:50:00.000-06:00");
    let other = parse(json(&turned).as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(plain.events[0].hash, other.events[0].hash);
}

#[test]
fn the_header_says_who_sends_to_whom() {
    let header = r#"<EPCISHeader><sbdh:StandardBusinessDocumentHeader xmlns:sbdh="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader">
<sbdh:Sender><sbdh:Identifier Authority="SGLN">urn:epc:id:sgln:0614141.07346.0</sbdh:Identifier></sbdh:Sender>
<sbdh:Receiver><sbdh:Identifier Authority="GLN">0614141073467</sbdh:Identifier></sbdh:Receiver>
<sbdh:DocumentIdentification><sbdh:InstanceIdentifier> 4711 </sbdh:InstanceIdentifier></sbdh:DocumentIdentification>
</sbdh:StandardBusinessDocumentHeader><extension><EPCISMasterData><VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:EPCClass"/>
</VocabularyList></EPCISMasterData></extension><ts:dscsaTransactionStatement xmlns:ts="http://epcis.gs1us.org/hc/ns">x</ts:dscsaTransactionStatement></EPCISHeader><EPCISBody>"#;
    let read = parse(
        xml(XML_EVENT).replace("<EPCISBody>", header).as_bytes(),
        MediaType::Xml,
        &ParseLimits::default(),
    )
    .unwrap();
    let gln = "0614141073467".parse().unwrap();
    assert_eq!(read.header.sender.as_ref().and_then(Correspondent::gln), Some(gln));
    assert_eq!(read.header.receiver.as_ref().and_then(Correspondent::gln), Some(gln));
    assert_eq!(read.header.instance_id.as_deref(), Some("4711"));
    assert_eq!((read.header.master_data.len(), read.header.extensions.len()), (1, 2));
    let text = json(JSON_EVENT).replacen(
        "\"type\"",
        "\"sender\":\"urn:epc:id:pgln:0614141.07346\",\"instanceIdentifier\":\"4711\",\"type\"",
        1,
    );
    let read = parse(text.as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(read.header.sender.as_ref().and_then(Correspondent::gln), Some(gln));
    assert_eq!(read.header.instance_id.as_deref(), Some("4711"));
}

#[test]
fn an_event_in_a_wrapper_has_the_path_of_its_wrapper() {
    let event = "<extension><TransformationEvent><eventTime>2026-11-22T06:50:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>\
        <transformationID>urn:x:1</transformationID></TransformationEvent></extension>";
    let read = parse(xml(&event.repeat(2)).as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(
        read.events[1].pointer,
        "/EPCISDocument/EPCISBody/EventList/extension[2]/TransformationEvent[1]"
    );
}

//! Documents that are many of one thing: what reading them takes grows with their size, and no faster.

use super::*;

/// Reads within a time that anything quadratic in 40,000 exceeds many times over.
fn in_time(text: &str, media: MediaType) -> Result<Document, Vec<Finding>> {
    let begun = std::time::Instant::now();
    let read = parse(text.as_bytes(), media, &ParseLimits::default());
    let taken = begun.elapsed();
    // Nothing is optimised here and the machine is shared: a release build takes a tenth of it.
    assert!(taken < std::time::Duration::from_secs(10), "took {taken:?}");
    read
}

const MANY: usize = 40_000;

#[test]
fn many_bad_identifiers_take_no_longer_than_as_many_good_ones() {
    let bad: String = (0..MANY).map(|n| format!("<epc>urn:epc:id:sgtin:1.{n}</epc>")).collect();
    let text = xml(&XML_EVENT.replace("<epcList>", &format!("<epcList>{bad}")));
    let findings = in_time(&text, MediaType::Xml).unwrap_err();
    let last = &findings[99];
    assert!(last.pointer.ends_with("/epcList/epc[100]"), "{last:?}");
    assert_eq!(findings.last().map(|finding| finding.code), Some(FindingCode::Truncated));
    let bad: String = (0..MANY).map(|n| format!("\"urn:epc:id:sgtin:1.{n}\",")).collect();
    let text = json(&JSON_EVENT.replace("\"epcList\":[", &format!("\"epcList\":[{bad}")));
    let findings = in_time(&text, MediaType::Json).unwrap_err();
    assert_eq!(findings[99].pointer, "/epcisBody/eventList/0/epcList/99");
}

#[test]
fn many_names_take_no_longer_than_few() {
    let declared: String = (0..MANY).map(|n| format!(" xmlns:p{n}=\"urn:x:{n}\"")).collect();
    let used: String = (0..MANY).map(|n| format!("<p{n}:a>1</p{n}:a>")).collect();
    let text = xml(&XML_EVENT.replace("<action>", &format!("{used}<action>"))).replacen(
        " xmlns:cbvmda",
        &format!("{declared} xmlns:cbvmda"),
        1,
    );
    assert_eq!(in_time(&text, MediaType::Xml).unwrap().events[0].event.extensions.len(), MANY);
    let attributes: String = (0..MANY).map(|n| format!(" a{n}=\"1\"")).collect();
    let text = xml(&XML_EVENT.replace("<epcList>", &format!("<epcList{attributes}>")));
    let read = in_time(&text, MediaType::Xml).unwrap();
    assert_eq!(read.findings[0].code, FindingCode::SchemaUnknown);
    let declared: String = (0..MANY).map(|n| format!("\"p{n}\":\"urn:x:{n}#\",")).collect();
    let used: String = (0..MANY).map(|n| format!("\"p{n}:a\":1,")).collect();
    let text = json(&JSON_EVENT.replace("\"action\"", &format!("{used}\"action\""))).replacen(
        "{\"ex\"",
        &format!("{{{declared}\"ex\""),
        1,
    );
    assert_eq!(
        in_time(&text, MediaType::Json).unwrap().events[0].event.extensions.len(),
        MANY
    );
    let foreign = text.replacen(&declared, "", 1).replacen(
        "epcis-context.jsonld\"",
        "epcis-context.jsonld\",\"https://x.example/c.jsonld\"",
        1,
    );
    let read = in_time(&foreign, MediaType::Json).unwrap();
    assert_eq!(read.events[0].event.extensions.len(), MANY);
}

#[test]
fn elements_of_many_names_are_counted_by_name() {
    let mixed: String = (0..MANY).map(|n| format!("<madeUp{n}/>")).collect();
    let text = xml(&XML_EVENT.replace("<action>", &format!("{mixed}<madeUp7/><action>")));
    let read = in_time(&text, MediaType::Xml).unwrap();
    let unnamed: Vec<&str> = read
        .findings
        .iter()
        .filter(|finding| finding.code == FindingCode::NoNamespace)
        .map(|finding| finding.pointer.rsplit('/').next().unwrap())
        .collect();
    assert_eq!((unnamed.len(), unnamed[6]), (100, "madeUp7[1]"));
}

#[test]
fn white_space_between_elements_is_not_kept() {
    let pretty: String = (0..100_000)
        .map(|n| format!("\n            <epc>https://id.gs1.org/01/09521001001014/21/{n:020}</epc>"))
        .collect();
    let text = xml(&XML_EVENT.replace("<epcList>", &format!("<epcList>{pretty}")));
    assert!(text.len() > 7_700_000, "{}", text.len());
    // What a hub allows unless it is told otherwise.
    let limits = ParseLimits {
        event_bytes: 16 << 20,
        ..ParseLimits::default()
    };
    let read = parse(text.as_bytes(), MediaType::Xml, &limits).unwrap();
    assert_eq!(read.events[0].event.epcs.len(), 100_002);
    let kept = XML_EVENT.replace(
        "<cbvmda:lotNumber>A&#x31;</cbvmda:lotNumber>",
        "<cbvmda:a> <b/> </cbvmda:a><cbvmda:c> </cbvmda:c><cbvmda:d>x <b/> <b/></cbvmda:d>",
    );
    let read = parse(xml(&kept).as_bytes(), MediaType::Xml, &limits).unwrap();
    let content: Vec<_> = read.events[0].event.ilmd.iter().map(|node| &node.content).collect();
    use crate::domain::event::{Content, MixedPart};
    assert!(
        matches!(content[0], Content::Nodes(inside) if inside.len() == 1),
        "{content:?}"
    );
    assert!(matches!(content[1], Content::Text(text) if &**text == " "), "{content:?}");
    assert!(
        matches!(content[2], Content::Mixed(parts) if matches!(&parts[2], MixedPart::Text(text) if &**text == " ")),
        "{content:?}"
    );
}

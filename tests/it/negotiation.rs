//! Events in the form that `Accept` and the `GS1-` headers ask for, and documents given back whole.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use counterfoil::epcis::{self, MediaType, ParseLimits, Syntax};

use crate::hub::{Answer, TestHub};
use crate::story::{PACKWELL_HALL_1, commission_sscc, packwell_sscc, tell};

async fn ask(test: &TestHub, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    test.call(&test.actor("meridian"), request.body(Body::empty()).expect("a request"))
        .await
}

#[tokio::test]
async fn events_come_in_the_format_that_is_accepted() {
    let test = TestHub::start().await;
    tell(&test).await;
    let path = "/epcis/events?EQ_bizStep=receiving";
    let json = ask(&test, path, &[]).await.expect(StatusCode::OK);
    let asked = epcis::parse(json.text().as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    assert_eq!(json.header("content-type"), "application/ld+json");
    let check = async |headers: &[(&str, &str)], media_type: &str, syntax: Syntax, version: &str, spelt: &str| {
        let answer = ask(&test, path, headers).await.expect(StatusCode::OK);
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.header("gs1-epcis-version"), version);
        let media = MediaType::from_content_type(media_type).unwrap();
        let read = epcis::parse(answer.text().as_bytes(), media, &ParseLimits::default()).unwrap();
        assert_eq!(read.syntax, syntax);
        let same = |document: &epcis::Document| document.events.iter().map(|parsed| parsed.hash).collect::<Vec<_>>();
        assert_eq!(same(&read), same(&asked));
        assert!(!read.events.is_empty());
        assert!(answer.text().contains(spelt), "{spelt} is not in {}", answer.text());
    };
    let (web, urn) = (
        "https://ref.gs1.org/cbv/BizStep-receiving",
        "urn:epcglobal:cbv:bizstep:receiving",
    );
    check(
        &[("accept", "application/json")],
        "application/json",
        Syntax::Json,
        "2.0.0",
        "\"receiving\"",
    )
    .await;
    check(
        &[("accept", "application/xml")],
        "application/xml",
        Syntax::Xml2,
        "2.0.0",
        web,
    )
    .await;
    check(
        &[("accept", "text/xml, application/json;q=0.9")],
        "text/xml",
        Syntax::Xml2,
        "2.0.0",
        web,
    )
    .await;
    check(&[("gs1-epcis-version", "1.2")], "application/xml", Syntax::Xml1, "1.2", urn).await;
    check(
        &[("accept", "application/xml"), ("gs1-cbv-xml-format", "Always_URN")],
        "application/xml",
        Syntax::Xml2,
        "2.0.0",
        urn,
    )
    .await;
    check(
        &[
            ("accept", "text/xml"),
            ("gs1-epcis-max", "1.2"),
            ("gs1-cbv-xml-format", "Always_Web_URI"),
        ],
        "text/xml",
        Syntax::Xml1,
        "1.2",
        web,
    )
    .await;
    let id = asked.events[0].event.event_id.clone().unwrap();
    let one = format!(
        "/epcis/events/{}",
        id.replace('/', "%2F").replace(';', "%3B").replace('?', "%3F")
    );
    let answer = ask(&test, &one, &[("accept", "application/xml")])
        .await
        .expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/xml");
}

#[tokio::test]
async fn what_is_not_made_is_not_acceptable() {
    let test = TestHub::start().await;
    let refused = async |headers: &[(&str, &str)], status: StatusCode, media_type: &str| {
        let answer = ask(&test, "/epcis/events", headers).await.expect(status);
        assert_eq!(answer.header("content-type"), media_type);
    };
    let (json, xml) = ("application/problem+json", "application/problem+xml");
    refused(&[("accept", "text/html")], StatusCode::NOT_ACCEPTABLE, json).await;
    refused(&[("gs1-epcis-min", "2.1")], StatusCode::NOT_ACCEPTABLE, json).await;
    let both = [("accept", "application/json"), ("gs1-epcis-version", "1.2")];
    refused(&both, StatusCode::NOT_ACCEPTABLE, json).await;
    refused(&[("gs1-cbv-xml-format", "Loud")], StatusCode::BAD_REQUEST, json).await;
    let loud = [("accept", "application/xml"), ("gs1-epc-format", "Loud")];
    refused(&loud, StatusCode::BAD_REQUEST, xml).await;
    let absent = ask(&test, "/epcis/events/urn:x:1", &[("accept", "text/xml")])
        .await
        .expect(StatusCode::NOT_FOUND);
    assert!(absent.text().contains("<status>404</status>"), "{}", absent.text());
}

/// A document of packwell's with all that can stand above events.
fn with_header() -> String {
    let event = commission_sscc("2026-03-01T08:00:00Z", PACKWELL_HALL_1, &packwell_sscc(1));
    let json = crate::story::document(&[event]);
    let read = epcis::parse(json.as_bytes(), MediaType::Json, &ParseLimits::default()).unwrap();
    let format = epcis::Format {
        document: epcis::DocumentKind::Document,
        epc: epcis::EpcFormat::NeverTranslates,
        cbv: epcis::CbvFormat::OfVersion,
        created: counterfoil::domain::time::Micros(1_772_352_000_000_000),
        prefix_len: &|_| None,
    };
    let mut out = Vec::new();
    let target = epcis::Target::Xml(epcis::xml::Version::V1_2);
    epcis::convert::write(&mut out, &read, format.created, &format, target).unwrap();
    let header = r#"<EPCISHeader><s:StandardBusinessDocumentHeader xmlns:s="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader">
<s:HeaderVersion>1.0</s:HeaderVersion>
<s:Sender><s:Identifier Authority="SGLN">urn:example:party:packwell</s:Identifier></s:Sender>
<s:Receiver><s:Identifier Authority="SGLN">urn:example:party:aurora</s:Identifier></s:Receiver>
<s:DocumentIdentification><s:Standard>EPCglobal</s:Standard><s:TypeVersion>1.0</s:TypeVersion>
<s:InstanceIdentifier>4711</s:InstanceIdentifier><s:Type>Events</s:Type><s:CreationDateAndTime>2026-03-01T08:00:00Z</s:CreationDateAndTime>
</s:DocumentIdentification></s:StandardBusinessDocumentHeader>
<extension><EPCISMasterData><VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:Location"><VocabularyElementList>
<VocabularyElement id="urn:example:place:1"><attribute id="urn:epcglobal:cbv:mda#name">Hall &amp; 1</attribute><children><id>urn:example:place:2</id></children></VocabularyElement>
</VocabularyElementList></Vocabulary></VocabularyList></EPCISMasterData></extension>
<gs1ushc:dscsaTransactionStatement xmlns:gs1ushc="http://epcis.gs1us.org/hc/ns"><gs1ushc:affirmTransactionStatement>true</gs1ushc:affirmTransactionStatement>
<gs1ushc:legalNotice>as the law has it</gs1ushc:legalNotice></gs1ushc:dscsaTransactionStatement></EPCISHeader><EPCISBody>"#;
    String::from_utf8(out).unwrap().replacen("<EPCISBody>", header, 1)
}

#[tokio::test]
async fn a_document_comes_back_whole_to_its_sender_alone() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let sent = test.post(&packwell, "/epcis/capture", "application/xml", with_header()).await;
    let job = sent.expect(StatusCode::ACCEPTED).header("location").to_owned();
    let document = format!("{job}/document");
    test.get(&packwell, &document).await.expect(StatusCode::NOT_FOUND);
    while counterfoil::service::capture::run_due(&test.hub)
        .await
        .expect("a capture job")
        .is_some()
    {}
    let in_xml = async |version: &str| {
        let request = Request::get(&document)
            .header("gs1-epcis-version", version)
            .header("accept", "text/xml");
        let answer = test.call(&packwell, request.body(Body::empty()).expect("a request")).await;
        answer.expect(StatusCode::OK)
    };
    let old = in_xml("1.2").await;
    assert_eq!(old.header("counterfoil-losses"), "");
    let again = epcis::parse(old.text().as_bytes(), MediaType::Xml, &ParseLimits::default()).unwrap();
    assert_eq!(again.header.instance_id.as_deref(), Some("4711"));
    assert_eq!((again.header.master_data.len(), again.header.extensions.len()), (1, 2));
    let header = old.text().split("<EPCISBody>").next().unwrap();
    assert!(
        header.contains("<gs1ushc:legalNotice>as the law has it</gs1ushc:legalNotice>"),
        "{header}"
    );
    let new = in_xml("2.0").await;
    assert_eq!(new.header("counterfoil-losses"), "MOVED=1");
    let behind = new.text().split("</EPCISBody>").nth(1).unwrap();
    assert!(behind.contains("dscsaTransactionStatement"), "{}", new.text());
    let json = test.get(&packwell, &document).await.expect(StatusCode::OK).json();
    assert_eq!(json["sender"], "urn:example:party:packwell");
    assert_eq!(json["instanceIdentifier"], "4711");
    let element = &json["epcisHeader"]["epcisMasterData"]["vocabularyList"][0]["vocabularyElementList"][0];
    assert_eq!(element["attributes"][0]["attribute"], "Hall & 1");
    assert_eq!(element["children"][0], "urn:example:place:2");
    let statement = &json["epcisHeader"]["gs1ushc:dscsaTransactionStatement"];
    assert_eq!(statement["gs1ushc:affirmTransactionStatement"], "true");
    assert_eq!(json["epcisBody"]["eventList"].as_array().map(Vec::len), Some(1));
    for other in ["aurora", "meridian"] {
        let hidden = test.get(&test.actor(other), &document).await.expect(StatusCode::NOT_FOUND);
        let absent = test.get(&test.actor(other), "/epcis/capture/none/document").await;
        assert_eq!(hidden.text(), absent.expect(StatusCode::NOT_FOUND).text());
    }
}

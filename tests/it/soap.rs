//! The SOAP query interface of EPCIS 1.2: envelopes of both versions, results, faults, subscriptions; the same lens as everywhere.

use axum::http::{Request, StatusCode, header};
use counterfoil::config::settings::Limits;
use counterfoil::service::capture::run_due;
use serde_json::json;

use crate::hub::{Answer, TestHub};
use crate::story;

/// The namespace of its messages.
pub const EPCISQ: &str = "urn:epcglobal:epcis-query:xsd:1";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A message in an envelope of SOAP 1.1.
pub fn enveloped(content: &str) -> String {
    let content = content.split_once("?>").map_or(content, |(_, rest)| rest);
    format!("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{content}</s:Body></s:Envelope>")
}

/// The name of the result or exception in an answer.
#[track_caller]
pub fn result(answer: &Answer) -> String {
    let text = answer.text();
    let rest = text.split("<epcisq:").nth(1).unwrap_or_else(|| panic!("{text}"));
    let name = rest
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .expect("a name")
        .to_owned();
    let is_fault = text.contains("<soap:Fault>");
    assert_eq!(is_fault, name.ends_with("Exception"), "{text}");
    assert_eq!(is_fault, !answer.status.is_success(), "{text}");
    name
}

fn poll(query: &str, params: &[(&str, &[&str])]) -> String {
    let params: String = params
        .iter()
        .map(|(name, values)| {
            let values: String = values.iter().map(|value| format!("<string>{value}</string>")).collect();
            format!("<param><name>{name}</name><value>{values}</value></param>")
        })
        .collect();
    format!("<q:Poll xmlns:q='{EPCISQ}'><queryName>{query}</queryName><params>{params}</params></q:Poll>")
}

fn subscribe(query: &str, dest: &str, id: &str) -> String {
    format!(
        "<q:Subscribe xmlns:q='{EPCISQ}'><queryName>{query}</queryName><params/><dest>{dest}</dest><controls><schedule><second>0</second></schedule>\
         <reportIfEmpty>false</reportIfEmpty></controls><subscriptionID>{id}</subscriptionID></q:Subscribe>"
    )
}

async fn ask(test: &TestHub, party: &str, content: &str) -> Answer {
    test.post(&test.actor(party), "/epcis/soap", "text/xml", enveloped(content))
        .await
}

async fn with_labels(limits: Limits) -> TestHub {
    let test = TestHub::start_with(limits).await;
    for number in 1..4 {
        let event = story::commission_sscc("2026-03-01T08:00:00Z", story::PACKWELL_HALL_1, &story::packwell_sscc(number));
        let job = test.capture(&test.actor("packwell"), story::document(&[event])).await;
        assert_eq!(job["success"], true, "{job}");
    }
    test
}

#[tokio::test]
async fn a_poll_shows_each_party_what_it_may_see() {
    let test = with_labels(Limits::default()).await;
    let asked = poll(
        "SimpleEventQuery",
        &[
            ("EQ_bizStep", &["urn:epcglobal:cbv:bizstep:commissioning"]),
            ("EQ_action", &["ADD"]),
        ],
    );
    let mine = ask(&test, "packwell", &asked).await;
    assert_eq!(
        (result(&mine).as_str(), mine.text().matches("<ObjectEvent>").count()),
        ("QueryResults", 3)
    );
    assert!(
        mine.text().contains("<queryName>SimpleEventQuery</queryName>"),
        "{}",
        mine.text()
    );
    assert!(
        mine.text()
            .contains("<bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>"),
        "{}",
        mine.text()
    );
    assert_eq!(mine.header("content-type"), "text/xml; charset=utf-8");
    let others = ask(&test, "zenith", &asked).await;
    assert_eq!(
        (result(&others).as_str(), others.text().matches("<ObjectEvent>").count()),
        ("QueryResults", 0)
    );
    // A kept query can be polled by its party, and has its parameters.
    let body = json!({ "name": "a <b>", "query": { "EQ_action": ["DELETE"] } }).to_string();
    test.post(&test.actor("packwell"), "/epcis/queries", "application/json", body)
        .await
        .expect(StatusCode::CREATED);
    let kept = ask(&test, "packwell", &poll("a &lt;b&gt;", &[])).await;
    assert_eq!(
        (result(&kept).as_str(), kept.text().matches("<ObjectEvent>").count()),
        ("QueryResults", 0)
    );
    assert_eq!(
        result(&ask(&test, "packwell", &poll("a &lt;b&gt;", &[("EQ_action", &["ADD"])])).await),
        "QueryParameterException"
    );
    assert_eq!(
        result(&ask(&test, "zenith", &poll("a &lt;b&gt;", &[])).await),
        "NoSuchNameException"
    );
    let names = ask(&test, "packwell", &format!("<q:GetQueryNames xmlns:q='{EPCISQ}'/>")).await;
    assert!(
        names
            .text()
            .contains("<string>SimpleEventQuery</string><string>SimpleMasterDataQuery</string><string>a &lt;b&gt;</string>"),
        "{}",
        names.text()
    );
    let version = ask(&test, "packwell", &format!("<q:GetStandardVersion xmlns:q='{EPCISQ}'/>")).await;
    assert!(
        version.text().contains(">1.2</epcisq:GetStandardVersionResult>"),
        "{}",
        version.text()
    );
    let vendor = ask(&test, "packwell", &format!("<q:GetVendorVersion xmlns:q='{EPCISQ}'/>")).await;
    assert!(
        vendor.text().contains("></epcisq:GetVendorVersionResult>"),
        "{}",
        vendor.text()
    );
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_a_fault() {
    let test = with_labels(Limits {
        poll_events: 2,
        ..Limits::default()
    })
    .await;
    let fault = ask(&test, "packwell", &poll("SimpleEventQuery", &[])).await;
    assert_eq!(result(&fault), "QueryTooLargeException");
    assert!(
        fault.text().contains("<queryName>SimpleEventQuery</queryName>"),
        "{}",
        fault.text()
    );
    assert_eq!(fault.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn soap_1_2_is_answered_in_soap_1_2() {
    let test = with_labels(Limits::default()).await;
    let message =
        |content: &str| format!("\u{FEFF}<e:Envelope xmlns:e='{SOAP_12}'><e:Header/><e:Body>{content}</e:Body></e:Envelope>");
    let actor = test.actor("packwell");
    let good = test
        .post(
            &actor,
            "/epcis/soap",
            "application/soap+xml",
            message(&poll("SimpleEventQuery", &[])),
        )
        .await;
    assert_eq!(
        (result(&good).as_str(), good.header("content-type")),
        ("QueryResults", "application/soap+xml; charset=utf-8")
    );
    assert!(good.text().contains(SOAP_12));
    let bad = test
        .post(
            &actor,
            "/epcis/soap",
            "application/soap+xml",
            message(&poll("SimpleEventQuery", &[("EQ_none", &["x"])])),
        )
        .await;
    assert_eq!(
        (result(&bad).as_str(), bad.status),
        ("QueryParameterException", StatusCode::BAD_REQUEST)
    );
    assert!(bad.text().contains("soap:Sender"), "{}", bad.text());
}

#[tokio::test]
async fn what_is_no_message_is_a_fault() {
    let test = TestHub::start().await;
    let actor = test.actor("packwell");
    for text in [
        String::new(),
        "not xml".to_owned(),
        "<a/>".to_owned(),
        enveloped(""),
        enveloped("<a/>"),
        enveloped(&format!("<q:Poll xmlns:q='{EPCISQ}'/>")),
        enveloped(&format!("<q:Drop xmlns:q='{EPCISQ}'/>")),
        format!(
            "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
            enveloped("<a>&x;</a>")
        ),
        enveloped(&"<a>".repeat(1_000)),
    ] {
        let fault = test.post(&actor, "/epcis/soap", "text/xml", text.clone()).await;
        assert_eq!(result(&fault), "ValidationException", "{text}");
        assert!(!fault.text().contains("root:"), "{}", fault.text());
    }
    for (content_type, text) in [("application/json", "{}".to_owned()), ("text/xml", "x".repeat(2 << 20))] {
        let fault = test.post(&actor, "/epcis/soap", content_type, text).await;
        assert_eq!(result(&fault), "ValidationException");
    }
    let anonymous = Request::post("/epcis/soap")
        .body(axum::body::Body::empty())
        .expect("a request");
    test.call_anonymous(anonymous).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_description_says_where_it_was_asked_for() {
    let test = TestHub::start().await;
    let request = Request::get("/epcis/soap?wsdl").header(header::HOST, "hub.example:8443");
    let wsdl = test
        .call(
            &test.actor("packwell"),
            request.body(axum::body::Body::empty()).expect("a request"),
        )
        .await
        .expect(StatusCode::OK);
    assert!(
        wsdl.text().contains("location=\"https://hub.example:8443/epcis/soap\""),
        "{}",
        wsdl.text()
    );
    for operation in [
        "getQueryNames",
        "subscribe",
        "unsubscribe",
        "getSubscriptionIDs",
        "poll",
        "getStandardVersion",
        "getVendorVersion",
    ] {
        assert_eq!(
            wsdl.text().matches(&format!("<wsdl:operation name=\"{operation}\">")).count(),
            2,
            "{operation}"
        );
    }
    test.get(&test.actor("packwell"), "/epcis/soap")
        .await
        .expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn subscriptions_are_the_same_as_by_rest() {
    let test = TestHub::start().await;
    let folder = test.folder().join("more");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = std::fs::read_to_string(crate::hub::story_partners().join("packwell.toml")).expect("the story");
    let text = format!("{text}\n[[webhooks]]\norigin = \"http://127.0.0.1:8899\"\n");
    std::fs::write(folder.join("packwell.toml"), text).expect("a file");
    test.apply_partners(&folder).await;
    let dest = "http://127.0.0.1:8899/cb";
    let asked = subscribe("SimpleEventQuery", dest, "every &lt;minute&gt;");
    assert_eq!(result(&ask(&test, "packwell", &asked).await), "SubscribeResult");
    assert_eq!(
        result(&ask(&test, "packwell", &asked).await),
        "DuplicateSubscriptionException"
    );
    let path = "/epcis/queries/SimpleEventQuery/subscriptions";
    let listed = test.get(&test.actor("packwell"), path).await.expect(StatusCode::OK).json();
    assert_eq!(
        (&listed[0]["subscriptionID"], &listed[0]["schedule"]),
        (&json!("every <minute>"), &json!({ "second": "0" }))
    );
    assert_eq!(
        test.get(&test.actor("zenith"), path).await.expect(StatusCode::OK).json(),
        json!([])
    );
    let check = async |content: String, expect: &str| {
        let answer = ask(&test, "packwell", &content).await;
        assert_eq!(result(&answer), expect, "{content}: {}", answer.text());
    };
    check(
        subscribe("SimpleEventQuery", "http://127.0.0.1:1/", "x"),
        "InvalidURIException",
    )
    .await;
    check(
        subscribe("SimpleEventQuery", "htto://127.0.0.1:8899/", "x"),
        "InvalidURIException",
    )
    .await;
    check(
        subscribe("SimpleMasterDataQuery", dest, "x"),
        "SubscribeNotPermittedException",
    )
    .await;
    check(subscribe("None", dest, "x"), "NoSuchNameException").await;
    check(
        asked
            .replace("<second>0</second>", "<second>60</second>")
            .replace("every", "other"),
        "SubscriptionControlsException",
    )
    .await;
    check(
        asked.replace("<second>0</second>", "").replace("every", "other"),
        "SubscriptionControlsException",
    )
    .await;
    check(
        asked
            .replace("<schedule><second>0</second></schedule>", "<trigger>urn:x</trigger>")
            .replace("every", "other"),
        "SubscriptionControlsException",
    )
    .await;
    let unsubscribe =
        format!("<q:Unsubscribe xmlns:q='{EPCISQ}'><subscriptionID>every &lt;minute&gt;</subscriptionID></q:Unsubscribe>");
    assert_eq!(
        result(&ask(&test, "zenith", &unsubscribe).await),
        "NoSuchSubscriptionException"
    );
    let ids = ask(
        &test,
        "packwell",
        &format!("<q:GetSubscriptionIDs xmlns:q='{EPCISQ}'><queryName>SimpleEventQuery</queryName></q:GetSubscriptionIDs>"),
    )
    .await;
    assert!(ids.text().contains("<string>every &lt;minute&gt;</string>"), "{}", ids.text());
    check(unsubscribe.clone(), "UnsubscribeResult").await;
    check(unsubscribe, "NoSuchSubscriptionException").await;
}

#[tokio::test]
async fn master_data_are_the_callers_own() {
    let test = TestHub::start().await;
    let asked = |more: &str| {
        format!(
            "<q:Poll xmlns:q='{EPCISQ}'><queryName>SimpleMasterDataQuery</queryName><params>\
             <param><name>includeAttributes</name><value>true</value></param><param><name>includeChildren</name><value>true</value></param>{more}</params></q:Poll>"
        )
    };
    let param = |name: &str, value: &str| format!("<param><name>{name}</name><value>{value}</value></param>");
    let all = ask(&test, "packwell", &asked("")).await;
    assert_eq!(result(&all), "QueryResults");
    let count = |answer: &Answer| answer.text().matches("<VocabularyElement ").count();
    // The seat and two halls, as places and as read points.
    assert_eq!(count(&all), 6, "{}", all.text());
    assert!(
        all.text().contains("Ulm packaging plant, hall 1") && !all.text().contains("Aurora"),
        "{}",
        all.text()
    );
    let locations = param(
        "vocabularyName",
        "<string>urn:epcglobal:epcis:vtype:BusinessLocation</string>",
    );
    assert_eq!(count(&ask(&test, "packwell", &asked(&locations)).await), 3);
    let hall = format!("https://id.gs1.org/414/{}", story::PACKWELL_HALL_1);
    let one = ask(
        &test,
        "packwell",
        &asked(&format!(
            "{locations}{}",
            param("EQ_name", &format!("<string>{hall}</string>"))
        )),
    )
    .await;
    assert_eq!(count(&one), 1, "{}", one.text());
    let foreign = format!("https://id.gs1.org/414/{}", story::NORTHWAY_VENLO);
    assert_eq!(
        count(
            &ask(
                &test,
                "packwell",
                &asked(&param("EQ_name", &format!("<string>{foreign}</string>")))
            )
            .await
        ),
        0
    );
    let seat = "https://id.gs1.org/414/9521002000016";
    assert_eq!(
        count(
            &ask(
                &test,
                "packwell",
                &asked(&param("WD_name", &format!("<string>{seat}</string>")))
            )
            .await
        ),
        6
    );
    let named = param(
        "EQATTR_urn:epcglobal:cbv:mda#name",
        "<string>Ulm packaging plant, hall 2</string>",
    );
    assert_eq!(count(&ask(&test, "packwell", &asked(&named)).await), 2);
    for (more, expect) in [
        (param("maxElementCount", "5"), "QueryTooLargeException"),
        (param("maxElementCount", "x"), "QueryParameterException"),
        (param("EQ_bizStep", "x"), "QueryParameterException"),
        (param("includeChildren", "true"), "QueryParameterException"),
    ] {
        assert_eq!(result(&ask(&test, "packwell", &asked(&more)).await), expect, "{more}");
    }
    let bare = poll("SimpleMasterDataQuery", &[]);
    assert_eq!(result(&ask(&test, "packwell", &bare).await), "QueryParameterException");
    let products = ask(
        &test,
        "aurora",
        &asked(&param(
            "vocabularyName",
            "<string>urn:epcglobal:epcis:vtype:EPCClass</string>",
        )),
    )
    .await;
    assert!(products.text().contains(story::AUROXIN), "{}", products.text());
}

#[tokio::test]
async fn master_data_of_own_documents_are_answered_as_the_newest_has_them() {
    const SHELVES: &str = "urn:epcglobal:epcis:vtype:BusinessLocation";
    let test = TestHub::start().await;
    let hall = format!("https://id.gs1.org/414/{}", story::PACKWELL_HALL_1);
    let document = |element: &str| {
        format!(
            "<md:EPCISMasterDataDocument xmlns:md='urn:epcglobal:epcis-masterdata:xsd:1' schemaVersion='1.2' creationDate='2026-03-02T08:00:00Z'>\
             <EPCISBody><VocabularyList><Vocabulary type='{SHELVES}'><VocabularyElementList>{element}</VocabularyElementList></Vocabulary>\
             </VocabularyList></EPCISBody></md:EPCISMasterDataDocument>"
        )
    };
    let send = async |text: String| {
        let actor = test.actor("packwell");
        let sent = test.post(&actor, "/epcis/capture", "application/xml", text).await;
        sent.expect(StatusCode::ACCEPTED);
        while run_due(&test.hub).await.unwrap().is_some() {}
    };
    let shelf = |colour: &str| {
        document(&format!(
            "<VocabularyElement id='urn:x:shelf:1'><attribute id='urn:x:colour'>{colour}</attribute></VocabularyElement>\
             <VocabularyElement id='{hall}'><attribute id='urn:x:colour'>grey</attribute><attribute id='urn:epcglobal:cbv:mda#name'>a barn</attribute>\
             <children><id>urn:x:shelf:1</id></children></VocabularyElement>"
        ))
    };
    send(shelf("red")).await;
    send(shelf("blue")).await;
    let asked = |more: &[(&str, &str)]| {
        let param =
            |(name, value): &(&str, &str)| format!("<param><name>{name}</name><value><string>{value}</string></value></param>");
        let more: String = more.iter().map(param).collect();
        format!(
            "<q:Poll xmlns:q='{EPCISQ}'><queryName>SimpleMasterDataQuery</queryName><params>\
             <param><name>includeAttributes</name><value>true</value></param><param><name>includeChildren</name><value>true</value></param>{more}</params></q:Poll>"
        )
    };
    let count = |answer: &Answer| answer.text().matches("<VocabularyElement ").count();
    let blue = [("vocabularyName", SHELVES), ("EQATTR_urn:x:colour", "blue")];
    let found = ask(&test, "packwell", &asked(&blue)).await;
    assert_eq!(
        (count(&found), found.text().contains("urn:x:shelf:1")),
        (1, true),
        "{}",
        found.text()
    );
    assert_eq!(
        count(&ask(&test, "packwell", &asked(&[("EQATTR_urn:x:colour", "red")])).await),
        0
    );
    // What is agreed goes before what was sent; what was sent besides is there too.
    let of_hall = ask(&test, "packwell", &asked(&[("EQ_name", &hall), ("vocabularyName", SHELVES)])).await;
    let text = of_hall.text();
    assert!(
        text.contains(">Ulm packaging plant, hall 1<") && text.contains(">grey<") && !text.contains("a barn"),
        "{text}"
    );
    assert!(text.contains("<children><id>urn:x:shelf:1</id></children>"), "{text}");
    // From the seat by the contracts down to the shelf by the document.
    let seat = "https://id.gs1.org/414/9521002000016";
    let below = ask(&test, "packwell", &asked(&[("WD_name", seat), ("vocabularyName", SHELVES)])).await;
    assert_eq!(count(&below), 4, "{}", below.text());
    for stranger in ["aurora", "northway"] {
        let nothing = ask(&test, stranger, &asked(&[("EQ_name", "urn:x:shelf:1")])).await;
        assert_eq!(
            (result(&nothing).as_str(), count(&nothing)),
            ("QueryResults", 0),
            "{stranger}"
        );
    }
}

#[tokio::test]
async fn more_master_data_than_are_looked_through_is_refused_and_never_cut() {
    let test = TestHub::start_with(Limits {
        query_rows: 3,
        ..Limits::default()
    })
    .await;
    // Four entries of two things: what is read is counted, and not what comes of it.
    let element = |shelf: u32, colour: u32| {
        format!("<VocabularyElement id='urn:x:shelf:{shelf}'><attribute id='urn:x:c{colour}'>red</attribute></VocabularyElement>")
    };
    let all: String = [(1, 1), (1, 2), (2, 1), (2, 2)]
        .map(|(shelf, colour)| element(shelf, colour))
        .concat();
    let document = format!(
        "<md:EPCISMasterDataDocument xmlns:md='urn:epcglobal:epcis-masterdata:xsd:1' schemaVersion='1.2' creationDate='2026-03-02T08:00:00Z'>\
         <EPCISBody><VocabularyList><Vocabulary type='urn:x:shelves'><VocabularyElementList>{all}</VocabularyElementList></Vocabulary>\
         </VocabularyList></EPCISBody></md:EPCISMasterDataDocument>"
    );
    let sent = test
        .post(&test.actor("packwell"), "/epcis/capture", "application/xml", document)
        .await;
    sent.expect(StatusCode::ACCEPTED);
    while run_due(&test.hub).await.unwrap().is_some() {}
    let asked = |more: &str| {
        let bare = |name: &str| format!("<param><name>{name}</name><value>true</value></param>");
        let (attributes, children) = (bare("includeAttributes"), bare("includeChildren"));
        format!(
            "<q:Poll xmlns:q='{EPCISQ}'><queryName>SimpleMasterDataQuery</queryName><params>{attributes}{children}{more}</params></q:Poll>"
        )
    };
    let refused = ask(&test, "packwell", &asked("")).await;
    assert_eq!(result(&refused), "QueryTooComplexException", "{}", refused.text());
    let named = "<param><name>EQ_name</name><value><string>urn:x:shelf:2</string></value></param>";
    let found = ask(&test, "packwell", &asked(named)).await;
    assert_eq!(result(&found), "QueryResults", "{}", found.text());
    assert!(
        found.text().contains("urn:x:c1") && found.text().contains("urn:x:c2"),
        "{}",
        found.text()
    );
}

//! Guidelines as profiles: a document that follows one is clean, and each deviation is one finding in its place.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{found, lines, settle};
use crate::hub::TestHub;
use crate::story::{self, gln_of, packwell_sscc, serials_for_packwell, sgtin};

/// A document by GS1 US R1.3 of our own making: two units, a case, a pallet, and their shipment.
struct Story {
    units: Vec<String>,
    case: String,
    pallet: String,
    text: String,
}

fn pgln(gln: &str) -> String {
    format!("https://id.gs1.org/417/{gln}")
}

fn business_header(sender: &str, receiver: &str) -> String {
    let partner = |kind: &str, gln: &str| format!("<h:{kind}><h:Identifier Authority=\"GLN\">{gln}</h:Identifier></h:{kind}>");
    format!(
        "<h:StandardBusinessDocumentHeader xmlns:h=\"http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader\">
         <h:HeaderVersion>1.0</h:HeaderVersion>{}{}<h:DocumentIdentification><h:Standard>EPCglobal</h:Standard>
         <h:TypeVersion>1.0</h:TypeVersion><h:InstanceIdentifier>PW-1</h:InstanceIdentifier><h:Type>Events</h:Type>
         <h:CreationDateAndTime>2026-03-01T10:00:00Z</h:CreationDateAndTime></h:DocumentIdentification></h:StandardBusinessDocumentHeader>",
        partner("Sender", sender),
        partner("Receiver", receiver)
    )
}

async fn story(test: &TestHub) -> Story {
    let serials = serials_for_packwell(test, story::AUROXIN, 2).await;
    let units: Vec<String> = serials.iter().map(|serial| sgtin(story::AUROXIN, serial)).collect();
    let case = sgtin(
        story::AUROXIN_CASE,
        &serials_for_packwell(test, story::AUROXIN_CASE, 1).await[0],
    );
    let pallet = packwell_sscc(7);
    let (aurora, northway) = (gln_of(test, "aurora"), gln_of(test, "northway"));
    let place = "<readPoint><id>urn:epc:id:sgln:9521002.00011.0</id></readPoint>";
    let lasting = "<bizLocation><id>urn:epc:id:sgln:9521002.00011.0</id></bizLocation>";
    let time = |minute: u32| {
        format!("<eventTime>2026-03-01T08:{minute:02}:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>")
    };
    let list = |epcs: &[String]| epcs.iter().map(|epc| format!("<epc>{epc}</epc>")).collect::<String>();
    let step = |step: &str, disposition: &str| {
        format!(
            "<bizStep>urn:epcglobal:cbv:bizstep:{step}</bizStep><disposition>urn:epcglobal:cbv:disp:{disposition}</disposition>"
        )
    };
    let made = |minute, epcs: &[String], ilmd: &str| {
        format!(
            "<ObjectEvent>{}<epcList>{}</epcList><action>ADD</action>{}{place}{lasting}{ilmd}</ObjectEvent>",
            time(minute),
            list(epcs),
            step("commissioning", "active")
        )
    };
    let ilmd = "<extension><ilmd><cbvmda:lotNumber>L1</cbvmda:lotNumber>\
                <cbvmda:itemExpirationDate>2029-06-30</cbvmda:itemExpirationDate></ilmd></extension>";
    let packed = |minute, parent: &str, children: &[String]| {
        format!(
            "<AggregationEvent>{}<parentID>{parent}</parentID><childEPCs>{}</childEPCs><action>ADD</action>{}{place}{lasting}</AggregationEvent>",
            time(minute),
            list(children),
            step("packing", "in_progress")
        )
    };
    let end = |kind: &str, owner: &str, place: &str| {
        format!(
            "<{kind} type=\"urn:epcglobal:cbv:sdt:owning_party\">{}</{kind}><{kind} type=\"urn:epcglobal:cbv:sdt:location\">urn:epc:id:sgln:{place}</{kind}>",
            pgln(owner)
        )
    };
    let shipped = format!(
        "<ObjectEvent>{}<epcList>{}</epcList><action>OBSERVE</action>{}{place}<bizTransactionList>
         <bizTransaction type=\"urn:epcglobal:cbv:btt:po\">urn:epcglobal:cbv:bt:{northway}:PO1</bizTransaction>
         <bizTransaction type=\"urn:epcglobal:cbv:btt:desadv\">urn:epcglobal:cbv:bt:{aurora}:DA1</bizTransaction></bizTransactionList>
         <extension><sourceList>{}</sourceList><destinationList>{}</destinationList></extension></ObjectEvent>",
        time(40),
        list(std::slice::from_ref(&pallet)),
        step("shipping", "in_transit"),
        end("source", &aurora, "9521002.00011.0"),
        end("destination", &northway, "9521004.00011.0"),
    );
    let events = [
        made(0, &units, ilmd),
        made(10, std::slice::from_ref(&case), ilmd),
        made(15, std::slice::from_ref(&pallet), ""),
        packed(20, &case, &units),
        packed(30, &pallet, std::slice::from_ref(&case)),
        shipped,
    ]
    .concat();
    let element = |id: &str, attributes: &[(&str, &str)]| {
        let attribute = |(id, value): &(&str, &str)| format!("<attribute id=\"urn:epcglobal:cbv:mda#{id}\">{value}</attribute>");
        let attributes: String = attributes.iter().map(attribute).collect();
        format!("<VocabularyElement id=\"{id}\">{attributes}</VocabularyElement>")
    };
    let product = element(
        "urn:epc:idpat:sgtin:9521001.000101.*",
        &[
            ("additionalTradeItemIdentification", "0001-0123-45"),
            ("additionalTradeItemIdentificationTypeCode", "US_FDA_NDC"),
            ("regulatedProductName", "Auroxin 20 mg"),
        ],
    );
    let hall = element(
        "urn:epc:id:sgln:9521002.00011.0",
        &[("name", "Hall 1"), ("countryCode", "DE")],
    );
    let vocabulary = |kind: &str, elements: &str| {
        format!(
            "<Vocabulary type=\"urn:epcglobal:epcis:vtype:{kind}\"><VocabularyElementList>{elements}</VocabularyElementList></Vocabulary>"
        )
    };
    let text = format!(
        "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:1\" xmlns:cbvmda=\"urn:epcglobal:cbv:mda\" xmlns:gs1ushc=\"http://epcis.gs1us.org/hc/ns\"
          schemaVersion=\"1.2\" creationDate=\"2026-03-01T10:00:00Z\"><EPCISHeader>{}<extension><EPCISMasterData><VocabularyList>{}{}</VocabularyList>
          </EPCISMasterData></extension><gs1ushc:guidelineVersion>GS1 US DSCSA R1.3</gs1ushc:guidelineVersion><gs1ushc:dscsaTransactionStatement>
          <gs1ushc:affirmTransactionStatement>true</gs1ushc:affirmTransactionStatement><gs1ushc:legalNotice>Seller has complied with each
          applicable subsection of FDCA Sec. 581(27)(A)-(G).</gs1ushc:legalNotice></gs1ushc:dscsaTransactionStatement></EPCISHeader>
          <EPCISBody><EventList>{events}</EventList></EPCISBody></epcis:EPCISDocument>",
        business_header(&gln_of(test, "packwell"), &northway),
        vocabulary("EPCClass", &product),
        vocabulary("Location", &hall),
    );
    Story {
        units,
        case,
        pallet,
        text,
    }
}

async fn told(test: &TestHub, text: &str) -> Value {
    let packwell = test.actor("packwell");
    let answer = test
        .post(&packwell, "/epcis/capture", "application/xml", text.to_owned())
        .await;
    let path = answer.expect(StatusCode::ACCEPTED).header("location").to_owned();
    settle(test).await;
    let job = test.get(&packwell, &path).await.json();
    assert_eq!(job["success"], true, "{job:#}");
    job
}

#[tokio::test]
async fn a_document_that_follows_the_guideline_is_clean() {
    let test = TestHub::start().await;
    super::submission::with_capture(&test, "packwell", "guideline = \"gs1-us-r1.3\"").await;
    let story = story(&test).await;
    let job = told(&test, &story.text).await;
    assert_eq!((&job["eventsStored"], &job["findings"]), (&json!(6), &json!({})), "{job:#}");
    let at = "2026-03-02T00:00:00Z";
    assert_eq!(super::contents(&test, &story.pallet, at).await, [story.case.as_str()]);
    let mut units = story.units.clone();
    units.sort_unstable();
    assert_eq!(super::contents(&test, &story.case, at).await, units);
}

#[tokio::test]
async fn each_deviation_is_one_finding_in_its_place() {
    let shipping = "/EPCISDocument/EPCISBody/EventList/ObjectEvent[4]";
    let owner = "<destination type=\"urn:epcglobal:cbv:sdt:owning_party\">";
    let cases: Vec<(&str, String, String, &str, String)> = vec![
        (
            "STATEMENT_NOT_AFFIRMED",
            ">true<".into(),
            ">false<".into(),
            "//EPCISHeader",
            String::new(),
        ),
        (
            "GUIDELINE_VERSION",
            "DSCSA R1.3".into(),
            "DSCSA R1.2".into(),
            "//EPCISHeader",
            String::new(),
        ),
        (
            "NDC_TYPE_MIX",
            "US_FDA_NDC".into(),
            "FDA_NDC_11".into(),
            "//EPCISHeader",
            String::new(),
        ),
        (
            "MISSING_EXPIRY",
            "<cbvmda:itemExpirationDate>2029-06-30</cbvmda:itemExpirationDate></ilmd>".into(),
            "</ilmd>".into(),
            "/EPCISDocument/EPCISBody/EventList/ObjectEvent[1]/ilmd",
            String::new(),
        ),
        (
            "MISSING_SOURCE_DESTINATION",
            owner.into(),
            owner.replace("owning", "possessing"),
            shipping,
            "/extension/destinationList".into(),
        ),
        (
            "BIZ_LOCATION_ON_SHIPPING",
            "</readPoint><bizTransactionList>".into(),
            "</readPoint><bizLocation><id>urn:epc:id:sgln:9521002.00011.0</id></bizLocation><bizTransactionList>".into(),
            shipping,
            "/bizLocation".into(),
        ),
        (
            "BIZ_TRANSACTION_OWNER",
            "PO".into(),
            "AURORA".into(),
            shipping,
            "/bizTransactionList".into(),
        ),
        (
            "BIZ_TRANSACTION_GLN",
            "DESADV".into(),
            String::new(),
            shipping,
            "/bizTransactionList".into(),
        ),
        (
            "MISSING_DSCSA_STATEMENT",
            "dscsaTransactionStatement".into(),
            "note".into(),
            "//EPCISHeader",
            String::new(),
        ),
    ];
    for (code, from, to, place, rest) in cases {
        let test = TestHub::start().await;
        super::submission::with_capture(&test, "packwell", "guideline = \"gs1-us-r1.3\"").await;
        let story = story(&test).await;
        let (aurora, northway) = (gln_of(&test, "aurora"), gln_of(&test, "northway"));
        let text = match code {
            // An order by the number of the seller; a despatch advice whose GLN has a wrong check digit.
            "BIZ_TRANSACTION_OWNER" => story.text.replace(&format!("bt:{northway}:PO1"), &format!("bt:{aurora}:PO1")),
            "BIZ_TRANSACTION_GLN" => story.text.replace(&format!("bt:{aurora}:DA1"), "bt:9521001000003:DA1"),
            "MISSING_DSCSA_STATEMENT" => story.text.replace(&from, &to),
            _ => story.text.replacen(&from, &to, 1),
        };
        assert_ne!(text, story.text, "{code}");
        let job = told(&test, &text).await;
        assert_eq!(job["findings"], json!({ code: 1 }), "{code}: {job:#}");
        assert_eq!(found(&test, code).await, ["-"]);
        let pointer = lines(&test, "SELECT pointer AS line FROM finding", Vec::new()).await;
        assert_eq!(pointer, [format!("{place}{rest}")], "{code}");
    }
}

#[tokio::test]
async fn without_a_guideline_nobody_asks_and_a_partner_may_have_it_refuse() {
    let test = TestHub::start().await;
    let text = story(&test).await.text.replacen(">true<", ">false<", 1);
    super::submission::with_capture(
        &test,
        "packwell",
        "guideline = \"gs1-us-r1.3\"\nseverity = { STATEMENT_NOT_AFFIRMED = \"refusal\" }",
    )
    .await;
    let packwell = test.actor("packwell");
    let answer = test.post(&packwell, "/epcis/capture", "application/xml", text.clone()).await;
    let problem = answer.expect(StatusCode::BAD_REQUEST).json();
    assert_eq!(problem["errors"][0]["code"], "STATEMENT_NOT_AFFIRMED", "{problem:#}");
    super::submission::with_capture(&test, "packwell", "profile = \"lenient\"").await;
    assert_eq!(told(&test, &text).await["findings"], json!({}));
}

#[tokio::test]
async fn the_guideline_of_the_eu_asks_for_no_statement_and_has_rules_of_its_own() {
    let test = TestHub::start().await;
    super::submission::with_capture(&test, "packwell", "guideline = \"eu-fmd\"").await;
    let pallets = [packwell_sscc(7), packwell_sscc(8)];
    let made = pallets.iter().zip(0..).map(|(pallet, minute)| {
        let at = format!("2026-03-01T08:{minute:02}:00Z");
        story::commission_sscc(&at, super::SITE, pallet)
    });
    super::capture(&test, "packwell", &made.collect::<Vec<_>>()).await;
    let shipped = |pallet: &String, at: &str| story::ship(at, &super::to_northway(&test, std::slice::from_ref(pallet)));
    let clean = super::capture(&test, "packwell", &[shipped(&pallets[0], "2026-03-01T10:00:00Z")]).await;
    assert_eq!(clean["findings"], json!({}), "{clean:#}");
    let mut deviant = shipped(&pallets[1], "2026-03-01T11:00:00Z");
    deviant["bizLocation"] = json!({"id": story::sgln(super::SITE)});
    let sources = deviant["sourceList"].as_array_mut().unwrap();
    sources.retain(|end| end["type"] != "possessing_party");
    let job = super::capture(&test, "packwell", &[deviant]).await;
    assert_eq!(
        job["findings"],
        json!({"BIZ_LOCATION_ON_SHIPPING": 1, "MISSING_SOURCE_DESTINATION": 1}),
        "{job:#}"
    );
}

//! Each parameter of the query language finds an event that it should find, and none that it should not.

use std::path::Path;

use super::*;

/// What one parameter is asked: a value that an event of [`told`] answers, and one that none does.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) finds: &'static str,
    misses: &'static str,
}

const fn case(name: &'static str, finds: &'static str, misses: &'static str) -> Case {
    Case { name, finds, misses }
}

const EARLY: &str = "1999-01-01T00:00:00Z";
const LATE: &str = "2099-01-01T00:00:00Z";
const SSCC: &str = "urn:epc:id:sscc:9521002.0000000001";
const OTHER_SSCC: &str = "urn:epc:id:sscc:9521002.0000000999";
const SITE: &str = "https://id.gs1.org/414/9521002000115";
const OTHER_SITE: &str = "https://id.gs1.org/414/9521002000122";

pub(super) const CASES: &[Case] = &[
    case("eventType", "ObjectEvent|AssociationEvent", "TransactionEvent"),
    case("GE_eventTime", "2026-03-01T08:00:00Z", LATE),
    case("LT_eventTime", LATE, "2026-03-01T07:59:00Z"),
    case("GE_recordTime", EARLY, LATE),
    case("LT_recordTime", LATE, EARLY),
    case("EQ_action", "OBSERVE", "DELETE"),
    case("EQ_bizStep", "inspecting|shipping", "shipping"),
    case("EQ_disposition", "urn:epcglobal:cbv:disp:in_progress", "stolen"),
    case(
        "EQ_persistentDisposition_set",
        "completeness_verified",
        "completeness_inferred",
    ),
    case(
        "EQ_persistentDisposition_unset",
        "completeness_inferred",
        "completeness_verified",
    ),
    case("EQ_quantity", "12.5", "13"),
    case("GT_quantity", "12", "12.5"),
    case("GE_quantity", "12.5", "12.6"),
    case("LT_quantity", "13", "12.5"),
    case("LE_quantity", "12.5", "12.4"),
    case("EQ_readPoint", "urn:epc:id:sgln:9521002.00011.0", OTHER_SITE),
    case("WD_readPoint", SITE, OTHER_SITE),
    case("EQ_bizLocation", "https://id.gs1.org/414/9521002000115/254/A7", OTHER_SITE),
    case("WD_bizLocation", SITE, OTHER_SITE),
    case(
        "EQ_transformationID",
        "urn:example:transformation:7",
        "urn:example:transformation:8",
    ),
    case("MATCH_epc", SSCC, OTHER_SSCC),
    case(
        "MATCH_parentID",
        "urn:epc:idpat:sscc:9521002.*",
        "urn:epc:idpat:sscc:9521003.*",
    ),
    case("MATCH_inputEPC", "urn:example:thing:1", "urn:example:thing:2"),
    case("MATCH_outputEPC", "urn:example:thing:2", "urn:example:thing:1"),
    case("MATCH_anyEPC", "urn:example:thing:1", "urn:example:thing:9"),
    case("MATCH_epcClass", "urn:example:class:1", "urn:example:class:9"),
    case("MATCH_inputEPCClass", "urn:example:class:2", "urn:example:class:1"),
    case("MATCH_outputEPCClass", "urn:example:class:3", "urn:example:class:2"),
    case(
        "MATCH_anyEPCClass",
        "urn:example:class:9|urn:example:class:3",
        "urn:example:class:9",
    ),
    case(
        "EQ_eventID",
        "urn:uuid:00000000-0000-4000-8000-000000000001",
        "urn:uuid:00000000-0000-4000-8000-000000000999",
    ),
    case("EXISTS_errorDeclaration", "true", ""),
    case("GE_errorDeclaration_Time", "2026-03-01T12:00:00Z", LATE),
    case("LT_errorDeclaration_Time", LATE, "2026-03-01T12:00:00Z"),
    case("EQ_errorReason", "incorrect_data", "did_not_occur"),
    case("EQ_correctiveEventID", "urn:example:event:right", "urn:example:event:wrong"),
    case("orderBy", "eventTime", ""),
    case("orderDirection", "ASC", ""),
    case("eventCountLimit", "1", ""),
    case("maxEventCount", "100", ""),
    case("EXISTS_sensorElementList", "", ""),
    case("GE_time", "2026-03-01T08:00:00Z", LATE),
    case("LT_time", LATE, "2026-03-01T08:00:00Z"),
    case("GE_startTime", "2026-03-01T07:00:00Z", LATE),
    case("LT_startTime", LATE, "2026-03-01T07:00:00Z"),
    case("GE_endTime", "2026-03-01T07:30:00Z", LATE),
    case("LT_endTime", LATE, "2026-03-01T07:30:00Z"),
    case("EQ_type", "https://gs1.org/voc/Temperature", "Pressure"),
    case("EQ_deviceID", "urn:epc:id:giai:9521002.401", "urn:epc:id:giai:9521002.402"),
    case(
        "EQ_dataProcessingMethod",
        "https://example.com/method/1",
        "https://example.com/method/2",
    ),
    case(
        "EQ_microorganism",
        "https://example.com/taxonomy/1126011",
        "https://example.com/taxonomy/2",
    ),
    case(
        "EQ_chemicalSubstance",
        "https://example.com/inchikey/CZMRCD",
        "https://example.com/inchikey/X",
    ),
    case("EQ_bizRules", "https://example.com/rules/1", "https://example.com/rules/2"),
    case("EQ_stringValue", "SomeString", "OtherString"),
    case("EQ_booleanValue", "true", "false"),
    case("EQ_hexBinaryValue", "F0F0F0", "F0F0F1"),
    case("EQ_uriValue", "https://example.com/value/1", "https://example.com/value/2"),
    case("GE_percRank", "50", "51"),
    case("LT_percRank", "51", "50"),
    case("GT_percRank", "49", "50"),
    case("LE_percRank", "50", "49"),
    // Families.
    case(
        "EQ_bizTransaction_po",
        "urn:epcglobal:cbv:bt:9521002000016:PO-7",
        "urn:epcglobal:cbv:bt:9521002000016:PO-8",
    ),
    case("EQ_source_location", SITE, OTHER_SITE),
    case("EQ_destination_location", OTHER_SITE, SITE),
    case("EQ_ex:degree", "21.5|3", "22"),
    case("GT_ex:degree", "21", "21.5"),
    case("GE_ex:degree", "21.5", "22"),
    case("LT_ex:degree", "22", "21.5"),
    case("LE_ex:degree", "21.5", "21"),
    case("EQ_ILMD_cbvmda:lotNumber", "L-77", "L-78"),
    case("EQ_ILMD_ex:degree", "0021", "21"),
    case("GT_ILMD_ex:degree", "20", "21"),
    case("GE_ILMD_ex:degree", "21", "22"),
    case("LT_ILMD_cbvmda:itemExpirationDate", "2029-07-01", "2029-06-30"),
    case("LT_ILMD_ex:degree", "22", "21"),
    case("LE_ILMD_ex:degree", "21", "20"),
    case("EQ_INNER_ex:degree", "4", "21.5"),
    case("GT_INNER_ex:degree", "3", "4"),
    case("GE_INNER_ex:degree", "4", "5"),
    case("LT_INNER_ex:degree", "5", "4"),
    case("LE_INNER_ex:degree", "4", "3"),
    case("EQ_INNER_ILMD_ex:degree", "6", "0021"),
    case("GT_INNER_ILMD_ex:degree", "5", "6"),
    case("GE_INNER_ILMD_ex:degree", "6", "7"),
    case("LT_INNER_ILMD_ex:degree", "7", "6"),
    case("LE_INNER_ILMD_ex:degree", "6", "5"),
    case("EXISTS_ex:degree", "", ""),
    case("EXISTS_INNER_ex:degree", "", ""),
    case("EXISTS_ILMD_ex:degree", "", ""),
    case("EXISTS_INNER_ILMD_ex:degree", "", ""),
    case("HASATTR_ex:gauge", "unit", "colour"),
    case(
        "HASATTR_bizLocation",
        "urn:epcglobal:cbv:mda#name",
        "urn:epcglobal:cbv:mda#colour",
    ),
    case("EQ_ATTR_ex:gauge_unit", "bar", "psi"),
    case(
        "EQATTR_bizLocation_name",
        "Ulm packaging plant, hall 1",
        "Ulm packaging plant, hall 2",
    ),
    case(
        "EQATTR_bizLocation_urn:epcglobal:cbv:mda#name",
        "Ulm packaging plant, hall 1",
        "Ulm packaging plant, hall 2",
    ),
    case("EQ_ERROR_DECLARATION_ex:degree", "8", "9"),
    case("GT_ERROR_DECLARATION_ex:degree", "7", "8"),
    case("GE_ERROR_DECLARATION_ex:degree", "8", "9"),
    case("LT_ERROR_DECLARATION_ex:degree", "9", "8"),
    case("LE_ERROR_DECLARATION_ex:degree", "8", "7"),
    case("EQ_INNER_ERROR_DECLARATION_ex:degree", "10", "8"),
    case("GT_INNER_ERROR_DECLARATION_ex:degree", "9", "10"),
    case("GE_INNER_ERROR_DECLARATION_ex:degree", "10", "11"),
    case("LT_INNER_ERROR_DECLARATION_ex:degree", "11", "10"),
    case("LE_INNER_ERROR_DECLARATION_ex:degree", "10", "9"),
    case("EXISTS_ERROR_DECLARATION_ex:degree", "", ""),
    case("EXISTS_INNER_ERROR_DECLARATION_ex:degree", "", ""),
    // 26 degrees Celsius are 299.15 kelvin.
    case("EQ_value_KEL", "299.15", "26"),
    case("GE_value_KEL", "299.15", "299.16"),
    case("LT_value_KEL", "299.16", "299.15"),
    case("GT_value_FAH", "78.79", "78.8"),
    case("LE_value_CEL", "26", "25.9"),
    case("GE_minValue_CEL", "24.5", "24.6"),
    case("LT_minValue_CEL", "24.6", "24.5"),
    case("GT_minValue_KEL", "297.6", "297.65"),
    case("LE_minValue_CEL", "24.5", "24.4"),
    case("GE_maxValue_CEL", "27.5", "27.6"),
    case("LT_maxValue_CEL", "27.6", "27.5"),
    case("GT_maxValue_CEL", "27.4", "27.5"),
    case("LE_maxValue_KEL", "300.65", "300.64"),
    case("GE_meanValue_CEL", "25.5", "25.6"),
    case("LT_meanValue_CEL", "25.6", "25.5"),
    case("GT_meanValue_CEL", "25.4", "25.5"),
    case("LE_meanValue_CEL", "25.5", "25.4"),
    // A difference of half a degree is half a kelvin.
    case("GE_sDev_KEL", "0.5", "0.6"),
    case("LT_sDev_CEL", "0.6", "0.5"),
    case("GT_sDev_KEL", "0.4", "0.5"),
    case("LE_sDev_CEL", "0.5", "0.4"),
    case("GE_percValue_CEL", "25", "25.1"),
    case("LT_percValue_CEL", "25.1", "25"),
    case("GT_percValue_CEL", "24.9", "25"),
    case("LE_percValue_CEL", "25", "24.9"),
    case("EQ_quantity_KGM", "12.5", "12500"),
    case("EQ_quantity_GRM", "12500", "12.5"),
    case("GE_quantity_KGM", "12.5", "12.6"),
    case("LT_quantity_KGM", "12.6", "12.5"),
    case("GT_quantity_GRM", "12499", "12500"),
    case("LE_quantity_KGM", "12.5", "12.4"),
    case("EQ_readPoint_ex:degree", "11", "12"),
    case("EQ_INNER_readPoint_ex:degree", "12", "11"),
    case("EQ_bizLocation_ex:degree", "13", "14"),
    case("EQ_INNER_bizLocation_ex:degree", "14", "13"),
    case("EQ_SENSORELEMENT_ex:degree", "30", "31"),
    case("GT_SENSORELEMENT_ex:degree", "29", "30"),
    case("GE_SENSORELEMENT_ex:degree", "30", "31"),
    case("LT_SENSORELEMENT_ex:degree", "31", "30"),
    case("LE_SENSORELEMENT_ex:degree", "30", "29"),
    case("EQ_SENSORMETADATA_ex:degree", "32", "33"),
    case("GT_SENSORMETADATA_ex:degree", "31", "32"),
    case("GE_SENSORMETADATA_ex:degree", "32", "33"),
    case("LT_SENSORMETADATA_ex:degree", "33", "32"),
    case("LE_SENSORMETADATA_ex:degree", "32", "31"),
    case("EQ_SENSORREPORT_ex:degree", "34", "35"),
    case("GT_SENSORREPORT_ex:degree", "33", "34"),
    case("GE_SENSORREPORT_ex:degree", "34", "35"),
    case("LT_SENSORREPORT_ex:degree", "35", "34"),
    case("LE_SENSORREPORT_ex:degree", "34", "33"),
    case("EQ_INNER_SENSORELEMENT_ex:degree", "31", "30"),
    case("GT_INNER_SENSORELEMENT_ex:degree", "30", "31"),
    case("GE_INNER_SENSORELEMENT_ex:degree", "31", "32"),
    case("LT_INNER_SENSORELEMENT_ex:degree", "32", "31"),
    case("LE_INNER_SENSORELEMENT_ex:degree", "31", "30"),
    case("EQ_INNER_SENSORMETADATA_ex:degree", "33", "32"),
    case("GT_INNER_SENSORMETADATA_ex:degree", "32", "33"),
    case("GE_INNER_SENSORMETADATA_ex:degree", "33", "34"),
    case("LT_INNER_SENSORMETADATA_ex:degree", "34", "33"),
    case("LE_INNER_SENSORMETADATA_ex:degree", "33", "32"),
    case("EQ_INNER_SENSORREPORT_ex:degree", "35", "34"),
    case("GT_INNER_SENSORREPORT_ex:degree", "34", "35"),
    case("GE_INNER_SENSORREPORT_ex:degree", "35", "36"),
    case("LT_INNER_SENSORREPORT_ex:degree", "36", "35"),
    case("LE_INNER_SENSORREPORT_ex:degree", "35", "34"),
    case("EXISTS_SENSORELEMENT_ex:degree", "", ""),
    case("EXISTS_SENSORMETADATA_ex:degree", "", ""),
    case("EXISTS_SENSORREPORT_ex:degree", "", ""),
];

fn told() -> Vec<Value> {
    let inner = |own: Value, below: Value| json!({ "ex:degree": own, "ex:group": { "ex:degree": below } });
    let with = |mut value: Value, more: Value| {
        for (name, part) in more.as_object().expect("an object") {
            value[name] = part.clone();
        }
        value
    };
    let id = |number: u32| json!(format!("urn:uuid:00000000-0000-4000-8000-{number:012}"));
    let at = "2026-03-01T08:00:00Z";
    let sscc = story::packwell_sscc(1);
    let site = json!({ "id": SITE });
    let rich = json!({
        "type": "ObjectEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "eventID": id(1), "action": "OBSERVE",
        "epcList": [sscc], "bizStep": "inspecting", "disposition": "in_progress",
        "persistentDisposition": { "set": ["completeness_verified"], "unset": ["completeness_inferred"] },
        "quantityList": [{ "epcClass": "urn:example:class:1", "quantity": 12.5, "uom": "KGM" }],
        "readPoint": with(site, inner(json!("11"), json!("12"))),
        "bizLocation": with(json!({ "id": "https://id.gs1.org/414/9521002000115/254/A7" }), inner(json!("13"), json!("14"))),
        "bizTransactionList": [{ "type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521002000016:PO-7" }],
        "sourceList": [{ "type": "location", "source": SITE }],
        "destinationList": [{ "type": "location", "destination": OTHER_SITE }],
        "sensorElementList": [with(json!({
            "sensorMetadata": with(json!({
                "startTime": "2026-03-01T07:00:00Z", "endTime": "2026-03-01T07:30:00Z", "bizRules": "https://example.com/rules/1",
            }), inner(json!("32"), json!("33"))),
            "sensorReport": [
                with(json!({
                    "type": "Temperature", "value": 26.0, "minValue": 24.5, "maxValue": 27.5, "meanValue": 25.5, "sDev": 0.5,
                    "percRank": 50, "percValue": 25, "uom": "CEL", "time": at, "deviceID": "urn:epc:id:giai:9521002.401",
                    "dataProcessingMethod": "https://example.com/method/1",
                }), inner(json!("34"), json!("35"))),
                {
                    "type": "AbsoluteHumidity", "stringValue": "SomeString", "booleanValue": true, "hexBinaryValue": "f0f0f0",
                    "uriValue": "https://example.com/value/1", "microorganism": "https://example.com/taxonomy/1126011",
                    "chemicalSubstance": "https://example.com/inchikey/CZMRCD",
                },
            ],
        }), inner(json!("30"), json!("31")))],
        "ex:degree": 21.5, "ex:group": { "ex:degree": "4" }, "ex:gauge": { "@unit": "bar", "#text": "7" },
    });
    let mut made = story::commission_sscc("2026-03-01T07:59:00Z", story::PACKWELL_HALL_1, &sscc);
    made["eventID"] = id(2);
    made["ilmd"] = with(
        json!({ "cbvmda:lotNumber": "L-77", "cbvmda:itemExpirationDate": "2029-06-30" }),
        inner(json!("0021"), json!("6")),
    );
    let mut packed = story::aggregation(
        at,
        story::PACKWELL_HALL_1,
        "ADD",
        "packing",
        &story::packwell_sscc(2),
        &[sscc],
    );
    packed["eventID"] = id(3);
    let transformed = json!({
        "type": "TransformationEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "eventID": id(4),
        "inputEPCList": ["urn:example:thing:1"], "outputEPCList": ["urn:example:thing:2"],
        "inputQuantityList": [{ "epcClass": "urn:example:class:2" }], "outputQuantityList": [{ "epcClass": "urn:example:class:3" }],
        "transformationID": "urn:example:transformation:7", "bizStep": "creating_class_instance", "readPoint": { "id": SITE },
    });
    let mut wrong = story::commission_sscc("2026-03-01T08:05:00Z", story::PACKWELL_HALL_1, &story::packwell_sscc(3));
    wrong["eventID"] = id(5);
    wrong["errorDeclaration"] = with(
        json!({
            "declarationTime": "2026-03-01T12:00:00Z", "reason": "incorrect_data", "correctiveEventIDs": ["urn:example:event:right"],
        }),
        inner(json!("8"), json!("10")),
    );
    vec![made, rich, packed, transformed, wrong]
}

pub(super) async fn world() -> TestHub {
    let test = TestHub::start().await;
    let mut document: Value = serde_json::from_str(&story::document(&told())).expect("a document");
    document["@context"] = json!([
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        { "cbvmda": "urn:epcglobal:cbv:mda:", "ex": "https://ns.example/query#" }
    ]);
    let job = test.capture(&test.actor("packwell"), document.to_string()).await;
    assert_eq!(job["success"], true, "{job}");
    test
}

/// `EXISTS_…` misses by another name, the parameters about the answer miss nothing.
fn miss(case: &Case) -> Option<(String, String)> {
    if let Some(rest) = case.name.strip_prefix("EXISTS_") {
        return match rest {
            "errorDeclaration" | "sensorElementList" => None,
            _ => Some((case.name.replace("ex:degree", "ex:degrees"), String::new())),
        };
    }
    let about_the_answer = ["orderBy", "orderDirection", "eventCountLimit", "maxEventCount"].contains(&case.name);
    (!about_the_answer).then(|| (case.name.to_owned(), case.misses.to_owned()))
}

#[tokio::test]
async fn each_parameter_finds_and_misses() {
    let test = world().await;
    let packwell = test.actor("packwell");
    let ask = async |name: &str, value: &str, more: &str| {
        let path = format!("/epcis/events?{}={}{more}", escaped(name), escaped(value));
        let request = Request::get(&path).header("GS1-Extensions", "ex=https://ns.example/query#");
        let answer = test.call(&packwell, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}={value}: {}", answer.text());
        answer.event_ids().len()
    };
    let (mut found, mut missed, mut wrong) = (0, 0, Vec::new());
    for case in CASES {
        let more = if case.name == "eventCountLimit" {
            "&orderBy=recordTime"
        } else {
            ""
        };
        if ask(case.name, case.finds, more).await == 0 {
            wrong.push(format!("{}={} finds nothing", case.name, case.finds));
        }
        found += 1;
        if let Some((name, value)) = miss(case) {
            if ask(&name, &value, "").await > 0 {
                wrong.push(format!("{name}={value} finds something"));
            }
            missed += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    println!("{found} parameters found an event, {missed} found none");
    assert_eq!((found, missed), (CASES.len(), CASES.len() - 6));
    // The two that say only that something is there, where it is not.
    let elsewhere = async |name: &str| {
        ask(
            name,
            "",
            "&EQ_action=ADD&MATCH_epc=urn%3Aepc%3Aid%3Asscc%3A9521002.0000000001",
        )
        .await
    };
    assert_eq!(elsewhere("EXISTS_errorDeclaration").await, 0);
    assert_eq!(elsewhere("EXISTS_sensorElementList").await, 0);
}

/// The same parameters as members of a JSON query document give the same answers.
#[tokio::test]
async fn each_parameter_stands_in_a_json_document() {
    let test = world().await;
    let packwell = test.actor("packwell");
    for case in CASES {
        let number = |text: &str| serde_json::from_str::<Value>(text).expect("a number");
        let list: Vec<&str> = case.finds.split('|').collect();
        let operator = case.name.split('_').next().unwrap_or_default();
        let is_number = case.finds.parse::<f64>().is_ok();
        let numeric = case.name.contains("quantity") || case.name.starts_with("EQ_value_");
        let value = match operator {
            "EXISTS" => Value::Null,
            "EQ" if case.name == "EQ_booleanValue" => json!(true),
            "EQ" if numeric => Value::Array(list.iter().map(|text| number(text)).collect()),
            "GT" | "GE" | "LT" | "LE" | "maxEventCount" | "eventCountLimit" if is_number => number(case.finds),
            // A date, which the schema has as a moment.
            "LT" if case.finds.len() == 10 => json!("2029-07-01T00:00:00Z"),
            "GT" | "GE" | "LT" | "LE" | "orderBy" | "orderDirection" => json!(case.finds),
            _ => json!(list),
        };
        let mut query = json!({ "@context": { "ex": "https://ns.example/query#" }, case.name: value });
        if case.name == "eventCountLimit" {
            query["orderBy"] = json!("recordTime");
        }
        // The name of a query stands in paths.
        let name = case.name.replace('#', "-");
        let body = json!({ "name": name, "query": query }).to_string();
        let kept = test.post(&packwell, "/epcis/queries", "application/json", body).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{}: {}", case.name, kept.text());
        let answer = test.get(&packwell, &format!("{}/events", kept.header("location"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", case.name, answer.text());
        assert!(!answer.event_ids().is_empty(), "{}", case.name);
    }
}

/// The names and families of the published schema, each with an example of its own names.
fn published() -> Option<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/ratified-schemas/wwwroot/v2_0/query-schema.json");
    let text = std::fs::read_to_string(path).ok()?;
    let schema: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("the schema");
    let query = &schema["definitions"]["EPCIS-Query"];
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let example = |pattern: &str| {
        let name = pattern.trim_start_matches('^').trim_end_matches('$');
        name.replace("\\\\", "\\")
            .replace("[a-z][a-zA-Z0-9]*\\:\\w+", "ex:degree")
            .replace("bizTransaction_[a-z][a-zA-Z0-9_]+", "bizTransaction_po")
            .replace("_[a-z][a-zA-Z0-9_]+", "_location")
            .replace("ATTR_\\w+_\\w+", "ATTR_ex:gauge_unit")
            .replace("HASATTR_ex:degree", "HASATTR_ex:gauge")
    };
    let mut names = keys(&query["properties"]);
    names.retain(|name| name != "@context");
    names.extend(keys(&query["patternProperties"]).iter().map(|pattern| example(pattern)));
    Some(names)
}

/// A unit in the name of a family stands for all of them.
fn without_unit(name: &str) -> String {
    let units = ["CEL", "KEL", "FAH", "KGM", "GRM", "[A-Z0-9]{2,4}"];
    let cut = units.iter().find_map(|unit| name.strip_suffix(unit));
    cut.unwrap_or(name).to_owned()
}

#[test]
fn no_published_name_is_missing() {
    let Some(published) = published() else {
        println!("skipped: the published schemas are not beside the repository");
        return;
    };
    let ours: BTreeSet<String> = CASES.iter().map(|case| without_unit(case.name)).collect();
    let missing: Vec<_> = published.iter().filter(|name| !ours.contains(&without_unit(name))).collect();
    println!(
        "{} names and families are published, {} cases are told",
        published.len(),
        CASES.len()
    );
    assert_eq!(missing, Vec::<&String>::new());
    assert_eq!(published.len(), 60 + 108);
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    for (query, parameter) in [
        ("EQ_bizStepp=shipping", "EQ_bizStepp"),
        ("eventType=ObjectEvent&EQ_action=ADDED", "EQ_action"),
        ("perPage=0", "perPage"),
        ("perPage=2&perPage=3", "perPage"),
        ("nextPageToken=x", "nextPageToken"),
        ("eventCountLimit=3", "eventCountLimit"),
        ("eventCountLimit=3&orderBy=eventTime&maxEventCount=3", "eventCountLimit"),
    ] {
        let refused = test.get(&packwell, &format!("/epcis/events?{query}")).await;
        let refused = refused.expect(StatusCode::BAD_REQUEST);
        assert_eq!(refused.json()["type"], "epcisException:QueryParameterException", "{query}");
        assert_eq!(named_in(&refused), parameter, "{query}");
    }
}

//! What is taken and what is refused; that each parameter finds what it should is tested through the binding.

use super::*;

fn url(parameters: &[(&str, &str)]) -> Result<Query, Wrong> {
    let owned: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    of_url(&owned, &Prefixes::default())
}

fn json(text: &str) -> Result<Query, Wrong> {
    serde_json::from_str::<Document>(text).unwrap().query()
}

#[test]
fn both_spellings_are_one_parameter() {
    let same = |one: (&str, &str), other: (&str, &str)| assert_eq!(url(&[one]), url(&[other]), "{one:?} {other:?}");
    same(("EQ_ATTR_ex:a_unit", "C"), ("EQATTR_ex:a_unit", "C"));
    same(("EQ_ATTR_bizLocation_name", "x"), ("EQATTR_bizLocation_name", "x"));
    let at = "2026-01-01T00:00:00Z";
    same(("GE_errorDeclaration_Time", at), ("GE_errorDeclarationTime", at));
    same(
        ("EQ_bizStep", "shipping"),
        ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:shipping"),
    );
    same(
        ("EQ_bizTransaction_po", "urn:x:1"),
        ("EQ_bizTransaction_urn:epcglobal:cbv:btt:po", "urn:x:1"),
    );
    same(
        ("EQ_ILMD_cbvmda:lotNumber", "L"),
        ("EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber", "L"),
    );
    same(("GE_eventTime", "2026-01-01T01:00:00 01:00"), ("GE_eventTime", at));
    same(("EXISTS_errorDeclaration", ""), ("EXISTS_errorDeclaration", "true"));
}

#[test]
fn a_list_is_parted_or_repeated_and_a_single_value_is_not() {
    let parted = url(&[("EQ_bizStep", "shipping|receiving")]).unwrap();
    assert_eq!(
        url(&[("EQ_bizStep", "shipping"), ("EQ_bizStep", "receiving")]).unwrap(),
        parted
    );
    assert_eq!(json(r#"{"EQ_bizStep": ["shipping", "receiving"]}"#).unwrap(), parted);
    let twice = url(&[
        ("GE_eventTime", "2026-01-01T00:00:00Z"),
        ("GE_eventTime", "2026-01-01T00:00:00Z"),
    ]);
    assert_eq!(twice.unwrap_err().parameter, "GE_eventTime");
    let nothing_asked = url(&[("EXISTS_sensorElementList", "false")]).unwrap();
    assert_eq!(nothing_asked.clauses, []);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let refused = |name: &str, value: &str| {
        let wrong = url(&[("EQ_action", "ADD"), (name, value)]).unwrap_err();
        assert_eq!(wrong.parameter, name, "{value}");
        assert!(!wrong.detail.is_empty());
    };
    for name in [
        "EQ_bizStepp",
        "eq_bizStep",
        "EQ_",
        "EQ",
        "GT_eventTime",
        "LE_recordTime",
        "EQ_eventTime",
        "WD_action",
        "MATCH_",
        "MATCH_epcs",
        "EXISTS_bizStep",
        "HASATTR_action",
        "EQ_ATTR_action_x",
        "EQATTR_bizLocation",
        "EQ_value",
        "EQ_value_celsius",
        "GE_percRank_P1",
        "EQ_INNER_x",
        "EQ_ILMD_",
        "EQ_bizTransaction_",
        "EQ_bizTransaction_bill",
        "EQ_source_",
        "NE_bizStep",
        "GE_bizStep",
        "x",
        "",
        "EQ_SENSOR_ex:a b",
        "perPage",
        "EQ_ex:",
        "EQ_:a",
        "EQ_quantity_",
        "EventType",
        "GE_errorDeclaration",
    ] {
        refused(name, "1");
    }
    let wrong_values = [
        ("eventType", "Nothing"),
        ("eventType", ""),
        ("EQ_action", "ADDED"),
        ("EQ_action", "ADD|"),
        ("EQ_bizStep", "shippping"),
        ("EQ_bizStep", "decomissioning"),
        ("EQ_disposition", "shipping"),
        ("EQ_errorReason", "x"),
        ("GE_eventTime", "yesterday"),
        ("GE_eventTime", "2026-01-01"),
        ("GE_eventTime", "2026-01-01T00:00:00"),
        ("EQ_readPoint", "x y"),
        ("MATCH_epc", "x y"),
        ("MATCH_epcClass", "lot 5"),
        ("EQ_quantity", "many"),
        ("GT_quantity", "1|2"),
        ("GT_quantity", "NaN"),
        ("EQ_type", "Temper"),
        ("EQ_booleanValue", "yes"),
        ("EQ_hexBinaryValue", "xyz"),
        ("EQ_hexBinaryValue", "abc"),
        ("EQ_uriValue", "x"),
        ("EQ_eventID", "x"),
        ("EXISTS_errorDeclaration", "maybe"),
        ("LT_ex:a", "low"),
        ("orderBy", "bizStep"),
        ("orderDirection", "UP"),
        ("maxEventCount", "-1"),
        ("maxEventCount", "1.5"),
        ("maxEventCount", "1|2"),
        ("EQ_chemicalSubstance", "water"),
        ("EQ_value_CEL", "x"),
    ];
    for (name, value) in wrong_values {
        if name == "EQ_action" {
            assert_eq!(url(&[(name, value)]).unwrap_err().parameter, name);
        } else {
            refused(name, value);
        }
    }
}

#[test]
fn counts_and_orders_go_together() {
    let wrong = |parameters: &[(&str, &str)]| url(parameters).unwrap_err().parameter;
    assert_eq!(wrong(&[("eventCountLimit", "1")]), "eventCountLimit");
    assert_eq!(
        wrong(&[("eventCountLimit", "1"), ("orderBy", "eventTime"), ("maxEventCount", "1")]),
        "eventCountLimit"
    );
    assert_eq!(
        wrong(&[("eventCountLimit", "0"), ("orderBy", "eventTime")]),
        "eventCountLimit"
    );
    let query = url(&[("eventCountLimit", "1"), ("orderBy", "eventTime")]).unwrap();
    assert_eq!(query.count, Count::First(1));
    assert!(query.order.unwrap().descending);
    let query = url(&[("orderDirection", "ASC")]).unwrap();
    assert_eq!(
        query.order.map(|order| (order.by, order.descending)),
        Some((OrderBy::RecordTime, false))
    );
}

#[test]
fn json_has_its_types() {
    for good in [
        r#"{"EQ_quantity": [1, 2.5]}"#,
        r#"{"GE_quantity": 1}"#,
        r#"{"EXISTS_sensorElementList": null}"#,
        r#"{"EXISTS_sensorElementList": 1}"#,
        r#"{"EQ_booleanValue": true}"#,
        r#"{"@context": {"ex": "https://ns.example/"}, "EQ_ex:a": ["x"]}"#,
        r#"{"EQ_ex:a": 12}"#,
        r#"{"EQ_ex:a": "2026-01-01T00:00:00Z"}"#,
        r#"{"orderBy": "eventTime", "orderDirection": "ASC", "eventCountLimit": 3}"#,
        "{}",
    ] {
        json(good).unwrap_or_else(|wrong| panic!("{good}: {wrong}"));
    }
    for bad in [
        r#"{"EQ_bizStep": "shipping"}"#,
        r#"{"EQ_bizStep": []}"#,
        r#"{"EQ_bizStep": [1]}"#,
        r#"{"EQ_bizStep": {"a": 1}}"#,
        r#"{"EQ_quantity": 1}"#,
        r#"{"EQ_quantity": ["1"]}"#,
        r#"{"GE_quantity": "1"}"#,
        r#"{"GE_eventTime": ["2026-01-01T00:00:00Z"]}"#,
        r#"{"maxEventCount": "3"}"#,
        r#"{"EQ_booleanValue": "true"}"#,
        r#"{"EQ_ex:a": "x"}"#,
        r#"{"perPage": 3}"#,
        r#"{"@context": 3}"#,
    ] {
        assert!(json(bad).is_err(), "{bad}");
    }
    assert!(serde_json::from_str::<Document>(r#"{"EQ_action": ["ADD"], "EQ_action": ["DELETE"]}"#).is_err());
}

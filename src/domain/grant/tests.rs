//! Text and dates of grants.

use serde_json::json;

use super::*;
use crate::domain::lens::sight;

fn grant() -> Grant {
    Grant {
        name: None,
        id: "grt_00000000000000000000000000000001".parse().unwrap(),
        version: 1,
        supersedes: None,
        grantor: "aurora".parse().unwrap(),
        grantee: Grantee::Party("northway".parse().unwrap()),
        scope: Scope {
            gtins: vec!["09521001001014".parse().unwrap()],
            event_from: Some(Micros(1_500_000)),
            ..Scope::default()
        },
        levels: sight(Relations::BUYER),
        purpose: "cold-chain claims – «Zürich»".to_owned(),
        legal_basis: None,
        valid_from: Micros(0),
        valid_until: Micros(10_000_000),
        conditions: Conditions::default(),
        signers: Signers::Both,
        reshare: Reshare::None,
    }
}

#[test]
fn the_text_is_canonical_and_read_back() {
    let text = grant().canonical().unwrap();
    let expected = concat!(
        r#"{"conditions":{},"grantee":{"party":"northway"},"grantor":"aurora","id":"grt_00000000000000000000000000000001","#,
        r#""levels":{"C0":"full","C1":"full","C11":"full","C2":"full","C3":"exact","C4":"own sites","C5":"name","C6":"name","#,
        r#""C7":"handed units","C8":"this handover","C9":"full"},"purpose":"cold-chain claims – «Zürich»","reshare":"none","#,
        r#""scope":{"event_from":"1970-01-01T00:00:01.500Z","gtins":["09521001001014"]},"signers":"both","#,
        r#""valid_from":"1970-01-01T00:00:00.000Z","valid_until":"1970-01-01T00:00:10.000Z","version":1}"#
    );
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant());
    assert!(serde_json::from_str::<Grant>(&text.replace("purpose", "purposes")).is_err());
}

#[test]
fn countries_are_two_capital_letters_wherever_they_stand() {
    let check = |country: &str, expect: Result<(), GrantFault>| {
        let country = country.to_owned();
        let (mut scope, mut grantees, mut licence) = (grant(), grant(), grant());
        scope.scope.countries = vec!["SE".to_owned(), country.clone()];
        grantees.signers = Signers::Grantor;
        grantees.grantee = Grantee::Role {
            role: Role::Wholesaler,
            country: Some(country.clone()),
        };
        licence.conditions.licence = Some(Required {
            role: Role::Wholesaler,
            country: Some(country.clone()),
        });
        for grant in [scope, grantees, licence] {
            assert_eq!(grant.check(), expect, "{grant:?}");
        }
    };
    check("CH", Ok(()));
    for country in ["Sweden", "se", "S", "S1", "Ö"] {
        check(country, Err(GrantFault::Country));
    }
}

#[test]
fn members_are_sorted_as_rfc_8785_has_them() {
    // RFC 8785 clause 3.2.3: by UTF-16 code units, which is not the order of code points.
    let value = json!({"\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"});
    let order: Vec<String> = ["\\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"]
        .iter()
        .map(|name| format!("\"{name}\":"))
        .collect();
    let text = canonical(&value);
    let places: Vec<usize> = order.iter().map(|name| text.find(name.as_str()).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn in_force_is_what_is_recorded_and_dated() {
    let held = |in_force: Option<i64>, ended: Option<i64>| Held {
        grant: grant(),
        origin: Origin::Signed,
        proposed_at: Micros(0),
        in_force_at: in_force.map(Micros),
        ended_at: ended.map(Micros),
    };
    let check = |held: Held, at: i64, expect| assert_eq!(held.is_in_force(Micros(at)), expect, "{held:?} at {at}");
    check(held(None, None), 5, false);
    check(held(Some(5), None), 4, false);
    check(held(Some(5), None), 5, true);
    check(held(Some(5), None), 9_999_999, true);
    check(held(Some(5), None), 10_000_000, false);
    check(held(Some(5), Some(7)), 6, true);
    check(held(Some(5), Some(7)), 7, false);
    check(held(Some(-9), None), -1, false);
}

//! Spellings of single things: what is read, what is refused, what is given back.

use super::super::EpcClass;
use super::*;

fn parse(text: &str) -> Epc {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn check(text: &str, canonical: &str) {
    let epc = parse(text);
    assert_eq!(epc.canonical(), canonical, "{text}");
    assert_eq!(epc.as_captured(), text.trim());
    assert_eq!(parse(canonical).canonical(), canonical);
}

fn refused(text: &str, code: &str) {
    match text.parse::<Epc>() {
        Ok(epc) => panic!("`{text}` was read as {epc}"),
        Err(error) => assert_eq!(error.code, code, "{error}"),
    }
}

#[test]
fn every_scheme_has_its_digital_link() {
    check(
        "urn:epc:id:sgtin:0614141.812345.6789",
        "https://id.gs1.org/01/80614141123458/21/6789",
    );
    check(
        "urn:epc:id:sscc:4012345.3111111111",
        "https://id.gs1.org/00/340123451111111111",
    );
    check(
        "urn:epc:id:sgln:4012345.00005.12",
        "https://id.gs1.org/414/4012345000054/254/12",
    );
    check(
        "urn:epc:id:sgln:061411123456..01",
        "https://id.gs1.org/414/0614111234560/254/01",
    );
    check("urn:epc:id:pgln:999999999999.", "https://id.gs1.org/417/9999999999994");
    check("urn:epc:id:gdti:0614141.12345.400", "https://id.gs1.org/253/0614141123452400");
    check(
        "urn:epc:id:grai:0614141.12345.400",
        "https://id.gs1.org/8003/00614141123452400",
    );
    check("urn:epc:id:giai:0614141.1ABc%2FD", "https://id.gs1.org/8004/06141411ABc%2FD");
    check(
        "urn:epc:id:cpi:0614141.1%231456.123456789",
        "https://id.gs1.org/8010/06141411%231456/8011/123456789",
    );
    check(
        "urn:epc:id:itip:4012345.011111.01.02.987",
        "https://id.gs1.org/8006/040123451111180102/21/987",
    );
    check(
        "urn:epc:id:upui:1234567.089456.51qIgY)%3C%26Jp3*j7'SDB",
        "https://id.gs1.org/01/01234567894560/235/51qIgY%29%3C%26Jp3%2Aj7'SDB",
    );
    check(
        "urn:epc:id:gsrn:012345678901.01234",
        "https://id.gs1.org/8018/012345678901012342",
    );
    check(
        "urn:epc:id:gsrnp:4012345.0000000007",
        "https://id.gs1.org/8017/401234500000000074",
    );
    check(
        "urn:epc:id:gsin:4012345.222333444",
        "https://id.gs1.org/402/40123452223334442",
    );
    check(
        "urn:epc:id:ginc:0614141.xyz47%2F11",
        "https://id.gs1.org/401/0614141xyz47%2F11",
    );
    check(
        "urn:epc:id:sgcn:4012345.67890.04711",
        "https://id.gs1.org/255/401234567890104711",
    );
}

#[test]
fn digital_links_in_all_forms() {
    check(
        "https://brand.example/a/b/01/09506000134352/21/A1",
        "https://id.gs1.org/01/09506000134352/21/A1",
    );
    check(
        "HTTP://User@Brand.Example:8443/gtin/9506000134352/ser/A1/?x=1#y",
        "https://id.gs1.org/01/09506000134352/21/A1",
    );
    check(
        "https://id.gs1.org/01/9506000134352/22/2A/10/L1/21/A1?17=291231",
        "https://id.gs1.org/01/09506000134352/21/A1",
    );
    check(
        "https://id.gs1.org/01/09506000134352/21/A%2b1",
        "https://id.gs1.org/01/09506000134352/21/A%2B1",
    );
    check(
        "https://id.gs1.org/01/09506000134352/21/A+1",
        "https://id.gs1.org/01/09506000134352/21/A%2B1",
    );
    check(
        "https://id.gs1.org/01/09506000134352/21/%41",
        "https://id.gs1.org/01/09506000134352/21/A",
    );
    check(
        "https://id.gs1.org/01/09506000134352/235/T1",
        "https://id.gs1.org/01/09506000134352/235/T1",
    );
    check(
        "https://id.gs1.org/414/9506000134352/254/0",
        "https://id.gs1.org/414/9506000134352",
    );
    check(
        "https://x.example/414/01/09506000134352/21/5",
        "https://id.gs1.org/01/09506000134352/21/5",
    );
}

#[test]
fn other_uris_pass_as_they_stand() {
    check("urn:epc:id:gid:95100000.12345.400", "urn:epc:id:gid:95100000.12345.400");
    check("  urn:example:pump:7\n", "urn:example:pump:7");
    check("https://example.com/party/john", "https://example.com/party/john");
    check("https://example.com/01/42", "https://example.com/01/42");
    check(
        "https://id.gs1.org/01/09506000134352/99/x",
        "https://id.gs1.org/01/09506000134352/99/x",
    );
    check("geo:52.5,13.4", "geo:52.5,13.4");
    check(
        "https://example.com/docs/401/2024-report",
        "https://example.com/docs/401/2024-report",
    );
    check("https://id.gs1.org/401/2024-report", "https://id.gs1.org/401/2024-report");
    check("https://brand.example/8004/0614141ABC", "https://id.gs1.org/8004/0614141ABC");
    assert_eq!(parse("URN:EPC:id:imovn:9176187"), parse("urn:epc:id:imovn:9176187"));
}

#[test]
fn what_breaks_the_rules_is_refused() {
    refused("https://id.gs1.org/01/09506000134353/21/A1", "INVALID_CHECK_DIGIT");
    refused("https://brand.example/00/340123451111111112", "INVALID_CHECK_DIGIT");
    refused("https://id.gs1.org/01/0950600013435/21/A1", "INVALID_CHECK_DIGIT");
    refused("https://id.gs1.org/01/950600/21/A1", "INVALID_EPC_URI");
    refused(
        "https://id.gs1.org/01/09506000134352/21/123456789012345678901",
        "INVALID_EPC_URI",
    );
    refused("https://id.gs1.org/01/09506000134352/21/A%23", "INVALID_EPC_URI");
    refused("https://id.gs1.org/01/09506000134352/21/A%2", "INVALID_EPC_URI");
    refused("https://id.gs1.org/01/09506000134352", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.A%23", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.A%41", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.A&B", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.é", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:0614141.812345.123456789012345678901", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtin:06141.81234567.1", "INVALID_EPC_URI");
    refused("urn:epc:id:cpi:0614141.123456.01", "INVALID_EPC_URI");
    refused("urn:epc:id:sgtn:0614141.812345.1", "INVALID_EPC_URI");
    refused("urn:epcid:sgtin:0614141.812345.1", "INVALID_EPC_URI");
    refused("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "INVALID_EPC_URI");
    refused("urn:epc:class:lgtin:0614141.812345.L1", "INVALID_EPC_URI");
    refused("urn:epc:idpat:sgtin:0614141.812345.*", "INVALID_EPC_URI");
    refused("Hello World!", "INVALID_EPC_URI");
    refused("42", "INVALID_EPC_URI");
    refused("", "INVALID_EPC_URI");
    refused("urn:example:a b", "INVALID_EPC_URI");
    refused(&format!("urn:example:{}", "x".repeat(3_000)), "INVALID_EPC_URI");
}

#[test]
fn errors_are_short_and_on_one_line() {
    for text in ["urn:epc:id:adi:\n", "urn:epc:id:x\u{7}y:1", "\u{0}\n", "urn:epc:id:sgtin:"] {
        let error = format!("{text}{}", "y".repeat(100_000))
            .parse::<Epc>()
            .unwrap_err()
            .to_string();
        assert!(error.len() < 300 && !error.contains(char::is_control), "{error}");
    }
}

#[test]
fn serials_are_case_sensitive_texts() {
    let of = |serial: &str| parse(&format!("https://id.gs1.org/01/09506000134352/21/{serial}"));
    assert_ne!(of("01"), of("1"));
    assert_ne!(of("a"), of("A"));
    assert_ne!(of("1").key(), of("01").key());
}

#[test]
fn one_thing_has_one_key() {
    let key = parse("urn:epc:id:sgtin:0614141.812345.A%2FB").key();
    for other in [
        "urn:epc:id:sgtin:06141411.82345.A%2FB",
        "https://x.example/gtin/80614141123458/ser/A%2fB?q",
        "https://id.gs1.org/01/80614141123458/10/L/21/A%2FB",
    ] {
        assert_eq!(parse(other).key(), key, "{other}");
    }
    assert_eq!(key, EpcKey(uuid::uuid!("713edb82-3cee-977f-b739-cc1cb3a1ea8c")));
}

#[test]
fn parts_are_given_back() {
    let gtin: Gtin = "80614141123458".parse().unwrap();
    let epc = Epc::sgtin(gtin, "A/B%1").unwrap();
    assert_eq!(epc, parse("urn:epc:id:sgtin:0614141.812345.A%2FB%251"));
    assert_eq!((epc.gtin(), epc.serial().as_deref()), (Some(gtin), Some("A/B%1")));
    assert!(
        Epc::sgtin(gtin, "").is_err() && Epc::sgtin(gtin, "#").is_err() && Epc::sgtin(gtin, "123456789012345678901").is_err()
    );
    assert_eq!(
        parse("urn:epc:id:itip:4012345.011111.01.02.987")
            .gtin()
            .map(|gtin| gtin.to_string())
            .as_deref(),
        Some("04012345111118")
    );
    assert_eq!(
        parse("urn:epc:id:upui:123456789012.0.0")
            .gtin()
            .map(|gtin| gtin.to_string())
            .as_deref(),
        Some("01234567890128")
    );
    assert_eq!(parse("urn:epc:id:gdti:0614141.12345.400").gtin(), None);
    let sscc: Sscc = "340123451111111111".parse().unwrap();
    assert_eq!(
        (
            parse("urn:epc:id:sscc:4012345.3111111111").sscc(),
            Epc::from_sscc(sscc).sscc()
        ),
        (Some(sscc), Some(sscc))
    );
    let gln: Gln = "4012345000054".parse().unwrap();
    assert_eq!(
        (
            parse("urn:epc:id:sgln:4012345.00005.12").gln(),
            Epc::from_gln(gln).gln(),
            Epc::from_party_gln(gln).gln()
        ),
        (Some(gln), Some(gln), Some(gln))
    );
    assert_ne!(Epc::from_gln(gln), Epc::from_party_gln(gln));
}

#[test]
fn a_urn_needs_the_length_of_the_prefix() {
    let seven = |digits: &str| digits.starts_with("4012345").then_some(7);
    for urn in [
        "urn:epc:id:sgtin:4012345.011111.A%2F1",
        "urn:epc:id:sscc:4012345.3111111111",
        "urn:epc:id:sgln:4012345.00005.0",
        "urn:epc:id:sgln:4012345.00005.12",
        "urn:epc:id:pgln:4012345.00005",
        "urn:epc:id:gdti:4012345.12345.A",
        "urn:epc:id:grai:4012345.12345.A",
        "urn:epc:id:giai:4012345.ABC345",
        "urn:epc:id:cpi:4012345.1%23.5",
        "urn:epc:id:itip:4012345.011111.01.02.987",
        "urn:epc:id:upui:4012345.011111.X",
        "urn:epc:id:gsrn:4012345.0000000007",
        "urn:epc:id:gsin:4012345.222333444",
        "urn:epc:id:ginc:4012345.x",
        "urn:epc:id:sgcn:4012345.67890.04711",
    ] {
        let epc = parse(parse(urn).canonical());
        assert_eq!(epc.to_urn(seven).as_deref(), Some(urn));
        assert_eq!(epc.to_urn(|_| None), None);
        assert_eq!(parse(urn).to_urn(|_| None).as_deref(), Some(urn));
    }
    let twelve = parse("https://id.gs1.org/414/0614111234560");
    assert_eq!(
        twelve.to_urn(|_| Some(12)).as_deref(),
        Some("urn:epc:id:sgln:061411123456..0")
    );
    assert_eq!(twelve.to_urn(|_| Some(5)), None);
    assert_eq!(twelve.to_urn(|_| Some(13)), None);
    assert_eq!(
        parse("urn:epc:id:imovn:9176187").to_urn(|_| None).as_deref(),
        Some("urn:epc:id:imovn:9176187")
    );
    assert_eq!(parse("https://example.com/x").to_urn(|_| Some(7)), None);
}

#[test]
fn the_spelling_survives_serde_and_costs_one_allocation() {
    let epc = parse("urn:epc:id:sgtin:0614141.812345.6789");
    let text = serde_json::to_string(&epc).unwrap();
    assert_eq!(text, "\"urn:epc:id:sgtin:0614141.812345.6789\"");
    let back: Epc = serde_json::from_str(&text).unwrap();
    assert_eq!((back.as_captured(), back.canonical()), (epc.as_captured(), epc.canonical()));
    assert!(serde_json::from_str::<Epc>("\"x\"").is_err());
    assert_eq!(size_of::<Epc>(), 24);
}

#[test]
fn what_breaks_the_rules_can_be_kept_and_survives_storage() {
    let bad = "urn:epc:id:sscc:0614141.12 \u{e4}%3";
    assert!(bad.parse::<Epc>().is_err());
    let kept = Epc::opaque(bad).unwrap();
    assert_eq!((kept.as_captured(), kept.scheme(), kept.sscc()), (bad, Scheme::Uri, None));
    let stored = serde_json::to_string(&kept).unwrap();
    let again: Epc = serde_json::from_str(&stored).unwrap();
    assert_eq!((again.as_captured(), again.key()), (bad, kept.key()));
    // Where only the canonical form is kept, it is the same thing.
    assert_eq!(kept.canonical().parse::<Epc>().unwrap().key(), kept.key());
    assert_ne!(kept, Epc::opaque("urn:epc:id:sscc:0614141.12").unwrap());
    assert!(Epc::opaque("").is_none() && Epc::opaque(&"x ".repeat(2_000)).is_none());
    let class = EpcClass::opaque(bad).unwrap();
    let again: EpcClass = serde_json::from_str(&serde_json::to_string(&class).unwrap()).unwrap();
    assert_eq!((again.as_captured(), again == class), (bad, true));
}

//! What holds for every identifier, however spelt: properties over random keys of all schemes.

use proptest::prelude::*;

use super::charset::{CharSet, encode_urn};
use super::rule::{Body, RULES, Rule, Serial};
use super::{Epc, EpcClass, Gln, Gtin, Scheme, Sscc};

const SET_82: &str = "[!\"%&'()*+,\\-./0-9:;<=>?A-Z_a-z]";

/// A pure identity URN of any scheme, with the length of its company prefix.
fn urns() -> impl Strategy<Value = (String, usize)> {
    let prefix = (6_usize..=12).prop_flat_map(|length| "[0-9]{12}".prop_map(move |digits| digits[..length].to_owned()));
    let serial = proptest::string::string_regex(&format!("{SET_82}{{1,16}}")).expect("a pattern");
    (0..RULES.len(), prefix, "[0-9]{17}", "[1-9][0-9]{0,11}", serial).prop_map(|(rule, prefix, digits, number, text)| {
        let length = prefix.len();
        (urn(&RULES[rule], &prefix, &digits, &number, &text), length)
    })
}

fn urn(rule: &Rule, prefix: &str, digits: &str, number: &str, text: &str) -> String {
    let mut urn = format!("urn:epc:id:{}:{prefix}.", rule.urn);
    match rule.body {
        Body::Text(CharSet::X) => encode_urn(text.as_bytes(), &mut urn),
        Body::Text(CharSet::Y | CharSet::Numeric) => encode_urn(format!("#-/A{number}").as_bytes(), &mut urn),
        Body::Digits { .. } | Body::Asset | Body::Pieces => {
            urn.push_str(&digits[..rule.body.urn_digits().unwrap_or_default() - prefix.len()]);
        }
    }
    if rule.body == Body::Pieces {
        urn.push_str(".01.02");
    }
    match rule.serial {
        Serial::None => {}
        Serial::Tail {
            set: CharSet::Numeric, ..
        }
        | Serial::Part {
            set: CharSet::Numeric, ..
        } => urn.push_str(&format!(".{number}")),
        Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension => {
            urn.push('.');
            encode_urn(text.as_bytes(), &mut urn);
        }
    }
    urn
}

fn escape_all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

proptest! {
    #[test]
    fn a_urn_is_printed_as_it_was_read((urn, length) in urns()) {
        let epc: Epc = urn.parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        prop_assert_eq!(epc.as_captured(), urn.as_str());
        prop_assert_ne!(epc.scheme(), Scheme::Uri);
        let link: Epc = epc.canonical().parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        prop_assert_eq!(link.canonical(), epc.canonical());
        prop_assert_eq!(link.as_captured(), epc.canonical());
        prop_assert_eq!(&link, &epc);
        prop_assert_eq!(link.scheme(), epc.scheme());
        prop_assert_eq!(link.key(), epc.key());
        let prefix_len = |_: &str| Some(length);
        prop_assert_eq!(link.to_urn(prefix_len), Some(urn));
        prop_assert_eq!(link.to_urn(|_| None), None);
    }

    #[test]
    fn the_prefix_function_is_asked_about_the_prefix((urn, length) in urns()) {
        let prefix = urn.split([':', '.']).nth(4).unwrap_or_default().to_owned();
        let link: Epc = urn.parse::<Epc>().unwrap().canonical().parse().unwrap();
        let asked = |digits: &str| digits.starts_with(&prefix).then_some(length);
        prop_assert_eq!(link.to_urn(asked), Some(urn));
    }

    #[test]
    fn all_spellings_of_a_unit_are_one(digits in "[0-9]{1,13}", serial in proptest::string::string_regex(&format!("{SET_82}{{1,20}}")).unwrap()) {
        let gtin = Gtin::with_check_digit(&digits).unwrap();
        let epc = Epc::sgtin(gtin, &serial).unwrap();
        prop_assert_eq!(epc.gtin(), Some(gtin));
        prop_assert_eq!(epc.serial().map(|given| given.into_owned()), Some(serial.clone()));
        let escaped = escape_all(&serial);
        for spelling in [
            format!("http://Brand.example:80/a/gtin/{gtin}/ser/{escaped}?lot=7"),
            format!("https://id.gs1.org/01/{gtin}/22/1/10/2/21/{escaped}/#top"),
            format!(" https://x.example/01/{gtin}/lot/AB/ser/{escaped}\n"),
        ] {
            let other: Epc = spelling.parse().unwrap();
            prop_assert_eq!(&other, &epc, "{}", spelling);
            prop_assert_eq!(other.key(), epc.key());
        }
        let urn = epc.to_urn(|_| Some(7)).unwrap();
        prop_assert_eq!(&urn.parse::<Epc>().unwrap(), &epc);
    }

    #[test]
    fn two_units_are_never_one(one in proptest::string::string_regex(&format!("{SET_82}{{1,20}}")).unwrap(), other in proptest::string::string_regex(&format!("{SET_82}{{1,20}}")).unwrap()) {
        let gtin = Gtin::with_check_digit("950600013435").unwrap();
        let (first, second) = (Epc::sgtin(gtin, &one).unwrap(), Epc::sgtin(gtin, &other).unwrap());
        prop_assert_eq!(one == other, first == second);
        prop_assert_eq!(one == other, first.key() == second.key());
    }

    #[test]
    fn a_lot_is_printed_as_it_was_read(digits in "[0-9]{13}", length in 6_usize..=12, lot in proptest::string::string_regex(&format!("{SET_82}{{1,20}}")).unwrap()) {
        let mut urn = format!("urn:epc:class:lgtin:{}.{}.", &digits[..length], &digits[length..]);
        encode_urn(lot.as_bytes(), &mut urn);
        let class: EpcClass = urn.parse().unwrap();
        let lot_given_back = class.lot();
        prop_assert_eq!(lot_given_back.as_deref(), Some(lot.as_str()));
        let link: EpcClass = class.canonical().parse().unwrap();
        prop_assert_eq!(&link, &class);
        prop_assert_eq!(link.to_urn(|_| Some(length)), Some(urn));
    }

    #[test]
    fn any_text_is_read_or_refused_and_stays_what_it_is(text in "(urn:epc:(id|idpat|class):[a-z]{3,5}:|https?://[a-z.]{0,5}/(01|00|414|8003|8004|gtin)/)?[0-9.*%/ -~é]{0,40}") {
        if let Ok(epc) = text.parse::<Epc>() {
            let again: Epc = epc.canonical().parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
            prop_assert_eq!(again.canonical(), epc.canonical());
            let captured: Epc = epc.as_captured().parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
            prop_assert_eq!(captured.canonical(), epc.canonical());
        }
        if let Ok(class) = text.parse::<EpcClass>() {
            let again: EpcClass = class.canonical().parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
            prop_assert_eq!(again.canonical(), class.canonical());
        }
    }

    #[test]
    fn one_wrong_digit_is_noticed(digits in "[0-9]{17}", at in 0_usize..18, by in 1_u8..10) {
        let sscc = Sscc::with_check_digit(&digits).unwrap();
        prop_assert_eq!(sscc.as_str().parse::<Sscc>(), Ok(sscc));
        let mut wrong = sscc.as_str().as_bytes().to_vec();
        wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
        prop_assert_eq!(String::from_utf8(wrong).unwrap().parse::<Sscc>().unwrap_err().code, "INVALID_CHECK_DIGIT");
        let gln = Gln::with_check_digit(&digits[..12]).unwrap();
        prop_assert_eq!(&gln.as_str()[..12], &digits[..12]);
    }
}

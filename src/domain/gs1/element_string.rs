//! Reads the serialised thing out of a GS1 element string: what a scanner sends, or what is printed below the symbol.
//!
//! GS1 General Specifications clause 7.8: application identifiers one after the other, in brackets, or without them and then with FNC1 (a
//! group separator, 0x1D) behind each element of variable length. Any order; what is neither key nor serial is passed over. It does not
//! check the others, and writes none: that is [`super::Epc::element_string`].

use super::{Epc, Gtin, Sscc};

const FNC1: char = '\u{1d}';
/// What a scanner sends first (ISO/IEC 15424): GS1-128, GS1 DataMatrix, GS1 QR Code, GS1 DataBar.
const SYMBOLOGIES: [&str; 4] = ["]C1", "]d2", "]Q3", "]e0"];

/// The SGTIN or SSCC of an element string; nothing if it is none, or names a class.
#[must_use]
pub fn read_element_string(text: &str) -> Option<Epc> {
    let text = SYMBOLOGIES.iter().find_map(|name| text.strip_prefix(name)).unwrap_or(text);
    let mut rest = text.strip_prefix(FNC1).unwrap_or(text);
    let (mut gtin, mut serial) = (None, None);
    let next = if rest.starts_with('(') { bracketed } else { concatenated };
    while !rest.is_empty() {
        let (ai, value, behind) = next(rest)?;
        match ai {
            "00" => return value.parse::<Sscc>().ok().map(Epc::from_sscc),
            "01" => gtin = Some(value.parse::<Gtin>().ok().filter(|_| value.len() == 14)?),
            "21" => serial = Some(value),
            _ => {}
        }
        rest = behind;
    }
    Epc::sgtin(gtin?, serial?).ok()
}

/// `(21)A1(17)…`: identifier, value, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let (ai, behind) = opening(text)?;
    // A serial may hold brackets: one ends it only if an identifier stands in them.
    let end = behind
        .match_indices('(')
        .find(|(at, _)| behind.get(*at..).is_some_and(|rest| opening(rest).is_some()))
        .map_or(behind.len(), |(at, _)| at);
    let (value, rest) = behind.split_at_checked(end)?;
    Some((ai, value, rest))
}

fn opening(text: &str) -> Option<(&str, &str)> {
    let (ai, behind) = text.strip_prefix('(')?.split_once(')')?;
    ((2..=4).contains(&ai.len()) && ai.bytes().all(|byte| byte.is_ascii_digit())).then_some((ai, behind))
}

/// `21A1<FNC1>17…`. Of identifiers with more than two digits only the length of the element matters.
fn concatenated(text: &str) -> Option<(&str, &str, &str)> {
    let (ai, behind) = text.split_at_checked(2)?;
    // Figure 7.8.5-2: these and no others have a length of their own.
    let fixed = match ai {
        "00" => Some(18),
        "01" | "02" | "03" => Some(14),
        "04" => Some(16),
        "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18" | "19" => Some(6),
        "20" => Some(2),
        "31" | "32" | "33" | "34" | "35" | "36" => Some(8),
        "41" => Some(14),
        _ if ai.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => return None,
    };
    let (value, rest) = match fixed {
        Some(length) => behind.split_at_checked(length)?,
        None => behind.split_at_checked(behind.find(FNC1).unwrap_or(behind.len()))?,
    };
    Some((ai, value, rest.strip_prefix(FNC1).unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thing_is_found_wherever_it_stands() {
        let check = |text: &str, expect: Option<&str>| {
            let read = read_element_string(text).map(|epc| epc.element_string().unwrap());
            assert_eq!(read.as_deref(), expect, "{text:?}");
        };
        let unit = Some("(01)09521234000013(21)A1");
        check("(01)09521234000013(21)A1", unit);
        check("(01)09521234000013(17)270630(10)L(1)(21)A1", unit);
        check("(21)A1(01)09521234000013", unit);
        check("010952123400001321A1", unit);
        check("0109521234000013172706302110\u{1d}10L1", Some("(01)09521234000013(21)10"));
        check("]d2010952123400001310L1\u{1d}21A1", unit);
        check("\u{1d}010952123400001321A1\u{1d}", unit);
        check("010952123400001331030000012100\u{1d}91x", Some("(01)09521234000013(21)00"));
        check("(01)09521234000013(21)A(1)", Some("(01)09521234000013(21)A(1)"));
        check("(00)340123451111111111", Some("(00)340123451111111111"));
        check("00340123451111111111", Some("(00)340123451111111111"));
    }

    #[test]
    fn what_names_no_single_thing_is_not_read() {
        for text in [
            "",
            "A1",
            "(01)09521234000013",
            "0109521234000013",
            "(01)09521234000014(21)A1",
            "010952123400001421A1",
            "(01)9521234000013(21)A1",
            "(21)A1",
            "(01)09521234000013(21)",
            "(01)09521234000013(21)123456789012345678901",
            "(00)340123451111111112",
            "0034012345111111111",
            "(01)09521234000013(21)É",
            "é1",
        ] {
            assert_eq!(read_element_string(text), None, "{text:?}");
        }
    }
}

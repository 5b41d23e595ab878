//! Reversible spellings for what a syntax has no room for.
//!
//! Partners send order numbers where the standard wants URIs, JSON members that are no XML names, control characters. The hub
//! keeps them as they are; the schemas of what it prints would refuse them. So they are printed in disguise, and the readers
//! take the disguise off again. What a schema takes is never disguised: other systems read it as it is.
//!
//! | what | disguise |
//! |---|---|
//! | no URI where one must be | `urn:counterfoil:text:` and the percent-encoded text |
//! | a value that the schema demands and the event lacks | `urn:counterfoil:none` |
//! | an element or attribute without namespace where only others may be | the namespace `urn:counterfoil:no-namespace:` |
//! | a field of EPCIS 2.0 where the schema in use has no place for it | the namespace `urn:counterfoil:epcis:2` |
//! | a character that no XML name, or no XML text, may hold | `_x0020_` (ISO/IEC 9075-14 clause 9.1) |
//! | a character that no JSON-LD key may hold | `%20` |
//!
//! INVARIANT: taking the disguise off what was put on gives what was there.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Stands for "no namespace" where a syntax cannot do without one.
pub(super) const NO_NAMESPACE: &str = "urn:counterfoil:no-namespace:";

/// Namespace of fields of EPCIS 2.0 that stand where their schema does not have them.
pub(super) const CARRIER: &str = "urn:counterfoil:epcis:2";

/// A URI that says: there is none.
pub(super) const NONE: &str = "urn:counterfoil:none";

/// Begins a URI that is a text.
const TEXT: &str = "urn:counterfoil:text:";

/// What a field that holds URIs is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// JSON Schema `format: uri`: an absolute URI of RFC 3986.
    Absolute,
    /// `xsd:anyURI`: relative ones and most other characters too.
    Reference,
}

/// The text, or a URI that means it.
pub(super) fn uri(text: &str, demand: Demand) -> Cow<'_, str> {
    let good = match demand {
        Demand::Absolute => is_uri(text),
        Demand::Reference => is_reference(text),
    };
    if good && !text.starts_with(TEXT) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(never_a_uri(text))
}

/// A URI that means a text which may not stand as it is.
pub(super) fn never_a_uri(text: &str) -> String {
    let mut out = TEXT.to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What [`uri`] was given.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let decoded = text.strip_prefix(TEXT).and_then(percent_decoded);
    decoded.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// An absolute URI by the characters of RFC 3986; its parts are not looked at.
pub(super) fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        is_scheme(scheme) && !rest.is_empty() && are_uri_bytes(rest.as_bytes(), |byte| byte.is_ascii_graphic())
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// What `xsd:anyURI` takes in the eyes of the validators in use, which escape what is no ASCII before they look.
fn is_reference(text: &str) -> bool {
    let head = text.split(['/', '?', '#']).next().unwrap_or(text);
    let scheme = head.split_once(':').is_none_or(|(scheme, _)| is_scheme(scheme));
    let escaped = |byte: u8| !byte.is_ascii() || matches!(byte, b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`');
    scheme
        && text.bytes().all(|byte| byte > b' ' && byte != 0x7f)
        && are_uri_bytes(text.as_bytes(), |byte| escaped(byte) || byte.is_ascii_graphic())
        && (text.is_ascii() || !text.contains(char::is_whitespace))
}

/// Whether a text holds what a URI may: whole percent escapes, one fragment, no brackets.
fn are_uri_bytes(bytes: &[u8], graphic: impl Fn(u8) -> bool) -> bool {
    let strict = !graphic(0x80);
    let mut fragments = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let hex = bytes.get(at + 1..at + 3);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return false;
                }
            }
            b'#' => fragments += 1,
            b'[' | b']' => return false,
            b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`' if strict => return false,
            other if !graphic(other) => return false,
            _ => {}
        }
        at += 1;
    }
    fragments <= 1
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).ok()
}

/// The local part of a JSON-LD key.
pub(super) fn json_key(local: &str) -> Cow<'_, str> {
    if !local.contains('%') && is_uri(&format!("x:{local}")) {
        return Cow::Borrowed(local);
    }
    let mut out = String::with_capacity(local.len() + 8);
    for byte in local.bytes() {
        let kept = byte.is_ascii_graphic() && !b"%<>\"{}|\\^`[]#".contains(&byte);
        if kept {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// What [`json_key`] was given.
pub(super) fn from_json_key(local: &str) -> Cow<'_, str> {
    if !local.contains('%') {
        return Cow::Borrowed(local);
    }
    percent_decoded(local).map_or(Cow::Borrowed(local), Cow::Owned)
}

/// A local name as an XML element or attribute may have it (Namespaces in XML 1.0, `NCName`).
pub(super) fn xml_name(local: &str) -> Cow<'_, str> {
    if local.is_empty() {
        return Cow::Borrowed(NAMELESS);
    }
    coded(local, is_name_char)
}

/// What [`xml_name`] was given.
pub(super) fn from_xml_name(local: &str) -> Cow<'_, str> {
    if local == NAMELESS {
        return Cow::Borrowed("");
    }
    decoded(local, is_name_char)
}

/// Character data without what XML 1.0 clause 2.2 does not allow.
pub(super) fn xml_text(text: &str) -> Cow<'_, str> {
    coded(text, is_xml_char)
}

/// What [`xml_text`] was given.
pub(super) fn from_xml_text(text: &str) -> Cow<'_, str> {
    decoded(text, is_xml_char)
}

const NAMELESS: &str = "_x0000_";

/// XML 1.0 clause 2.3, without the colon.
fn is_name_char(first: bool, c: char) -> bool {
    let starts = matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}');
    let continues = matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}');
    starts || (!first && continues)
}

fn is_xml_char(_first: bool, c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn coded(text: &str, allowed: fn(bool, char) -> bool) -> Cow<'_, str> {
    let good = |(at, c): (usize, char)| allowed(at == 0, c) && !(c == '_' && code_at(&text[at..]).is_some());
    if text.char_indices().all(good) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        if good((at, c)) {
            out.push(c);
        } else {
            let _ = write!(out, "_x{:04X}_", u32::from(c));
        }
    }
    Cow::Owned(out)
}

fn decoded(text: &str, allowed: fn(bool, char) -> bool) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = code_at(&rest[at..]);
        let hidden = code.filter(|(c, len)| match c {
            // A bar stands for itself only before what would be read as a code.
            '_' => code_at(&format!("_{}", rest[at + len..].chars().take(9).collect::<String>())).is_some(),
            other => !allowed(out.is_empty(), *other),
        });
        match hidden {
            Some((c, len)) => {
                out.push(c);
                rest = &rest[at + len..];
                // What follows a bar is text and no code.
                if c == '_' {
                    out.push('x');
                    rest = &rest[1..];
                }
            }
            None => {
                out.push('_');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `_xHHHH_` with four to six upper-case digits at the beginning of the text: its character and its length.
fn code_at(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix("_x")?;
    let len = digits
        .bytes()
        .take(7)
        .position(|byte| byte == b'_')
        .filter(|len| (4..=6).contains(len))?;
    let code = digits.get(..len)?;
    let upper = code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let c = u32::from_str_radix(code, 16)
        .ok()
        .filter(|_| upper)
        .and_then(char::from_u32)?;
    Some((c, len + 3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_good_is_left_alone() {
        let check = |text: &str| {
            assert_eq!(uri(text, Demand::Absolute), text);
            assert_eq!(uri(text, Demand::Reference), text);
        };
        check("urn:epc:id:sgtin:0614141.107346.2017");
        check("https://id.gs1.org/01/10614141073464/21/a%2Fb");
        check("ni:///sha-256;df7b?ver=CBV2.0");
        assert_eq!(uri("PO-1234", Demand::Reference), "PO-1234");
        assert_eq!(uri("urn:x:ä", Demand::Reference), "urn:x:ä");
        assert_eq!(xml_name("lotNumber"), "lotNumber");
        assert_eq!(xml_text("a_x b\n"), "a_x b\n");
        assert_eq!(json_key("lotNumber"), "lotNumber");
    }

    #[test]
    fn what_is_not_is_disguised() {
        assert_eq!(uri("PO 12/4", Demand::Absolute), "urn:counterfoil:text:PO%2012%2F4");
        assert_eq!(uri("PO 12", Demand::Reference), "urn:counterfoil:text:PO%2012");
        assert_eq!(uri("urn:x:100%", Demand::Reference), "urn:counterfoil:text:urn%3Ax%3A100%25");
        assert_eq!(xml_name("my key"), "my_x0020_key");
        assert_eq!(xml_name("1a"), "_x0031_a");
        assert_eq!(xml_name("_x0031_"), "_x005F_x0031_");
        assert_eq!(xml_text("\u{1}"), "_x0001_");
        assert_eq!(json_key("my key"), "my%20key");
    }

    #[test]
    fn what_only_looks_disguised_is_left_alone() {
        let check = |text: &str| assert_eq!(from_xml_name(text), text, "{text}");
        check("_x0041_");
        check("a_x0041_b");
        check("_x41_");
        check("_x00411111_");
        assert_eq!(plain("urn:counterfoil:text"), "urn:counterfoil:text");
    }

    proptest! {
        #[test]
        fn every_disguise_comes_off(text in "([_x0F1 a-c%:/#ä\u{1}\u{FFFF}]|_x005F_|_x0001_){0,12}") {
            let same = |put_on: fn(&str) -> Cow<'_, str>, off: fn(&str) -> Cow<'_, str>| off(&put_on(&text)).into_owned();
            prop_assert_eq!(&same(|text| uri(text, Demand::Absolute), plain), &text);
            prop_assert_eq!(&same(|text| uri(text, Demand::Reference), plain), &text);
            prop_assert!(is_uri(&uri(&text, Demand::Absolute)));
            prop_assert_eq!(&same(xml_name, from_xml_name), &text);
            prop_assert_eq!(&same(xml_text, from_xml_text), &text);
            prop_assert_eq!(&same(json_key, from_json_key), &text);
        }
    }
}

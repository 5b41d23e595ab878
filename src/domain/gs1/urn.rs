//! EPC URNs: pure identities (`urn:epc:id:`), lots (`urn:epc:class:lgtin:`) and patterns (`urn:epc:idpat:`).
//!
//! The `urn:epc` space is closed: a name that the Tag Data Standard does not have is refused, because it can only be a
//! misspelling. Tag URIs (`urn:epc:tag:`, `urn:epc:raw:`, `urn:epc:pat:`) are not allowed in EPCIS.

use super::check_digit::check_digit;
use super::identifier::Identifier;
use super::other_epc;
use super::rule::{Body, Rule, Serial};
use super::token::Token;
use super::{CharSet, Fault};

/// What a text that begins with `urn:epc:` names.
pub(super) enum EpcUrn {
    /// One thing, or a class that has a Digital Link.
    Known(Identifier),
    /// A scheme without a GS1 key, or a pattern that is wider than one key.
    Opaque,
}

/// Whatever follows `urn:epc:`, or nothing if the text is no EPC URN. Scheme and namespace of a URN ignore case.
pub(super) fn body(text: &str) -> Option<&str> {
    let (head, tail) = text.split_at_checked(8)?;
    head.eq_ignore_ascii_case("urn:epc:").then_some(tail)
}

/// A pure identity: `body` is what follows `urn:epc:`.
pub(super) fn parse_instance(body: &str) -> Result<EpcUrn, Fault> {
    if let Some(body) = body.strip_prefix("id:") {
        return parse_id(body);
    }
    let why = if body.starts_with("class:") || body.starts_with("idpat:") {
        "it names a class, not one thing; send it in a quantity list"
    } else if ["tag:", "raw:", "pat:"].iter().any(|family| body.starts_with(family)) {
        "tag encodings are not allowed here; send the pure identity `urn:epc:id:…` or a Digital Link"
    } else {
        "an EPC URN begins with `urn:epc:id:`"
    };
    Err(Fault::epc(why))
}

/// A class: `body` is what follows `urn:epc:`.
pub(super) fn parse_class(body: &str) -> Result<EpcUrn, Fault> {
    if let Some(body) = body.strip_prefix("class:lgtin:") {
        return parse_lot(body).map(EpcUrn::Known);
    }
    if let Some(body) = body.strip_prefix("idpat:") {
        return parse_pattern(body);
    }
    if let Some(body) = body.strip_prefix("id:") {
        return parse_id(body);
    }
    Err(Fault::epc("a class begins with `urn:epc:idpat:` or `urn:epc:class:lgtin:`"))
}

fn parse_id(body: &str) -> Result<EpcUrn, Fault> {
    let (name, value) = body.split_once(':').unwrap_or((body, ""));
    match Rule::by_urn(name) {
        Some(rule) => parse_value(rule, value).map(EpcUrn::Known),
        None => other_epc::verify(name, value).map(|()| EpcUrn::Opaque),
    }
}

/// `GCP.Ref`, `GCP.Ref.Serial` or `GCP.Ref.Piece.Total.Serial`, by rule.
fn parse_value(rule: &'static Rule, value: &str) -> Result<Identifier, Fault> {
    let (identifier, serial) = parse_key(rule, value)?;
    match (rule.serial, serial) {
        (Serial::None, _) => Ok(identifier),
        (Serial::Tail { set, .. } | Serial::Part { set, .. }, Some(serial)) => identifier.with_serial(set.decode_urn(serial)?),
        (Serial::Extension, Some(serial)) => identifier.with_serial(CharSet::X.decode_urn(serial)?),
        (Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension, None) => Err(Fault::epc("its last component is missing")),
    }
}

fn parse_lot(value: &str) -> Result<Identifier, Fault> {
    let rule = Rule::by_urn("sgtin").ok_or_else(|| Fault::epc("there is no rule for GTINs"))?;
    let (identifier, lot) = parse_key(rule, value)?;
    identifier.with_lot(CharSet::X.decode_urn(lot.ok_or_else(|| Fault::epc("the lot is missing"))?)?)
}

/// The key, and what follows it if the rule has something that follows.
fn parse_key<'a>(rule: &'static Rule, value: &'a str) -> Result<(Identifier, Option<&'a str>), Fault> {
    let (prefix, rest) = value
        .split_once('.')
        .ok_or_else(|| Fault::epc("a company prefix and a reference are needed, with a full stop between them"))?;
    if !(6..=12).contains(&prefix.len()) {
        return Err(Fault::epc(format!(
            "the company prefix must have 6 to 12 digits, not {}",
            prefix.len()
        )));
    }
    CharSet::Numeric.verify(prefix.as_bytes())?;
    let (reference, tail) = match rule.serial {
        Serial::None => (rest, None),
        Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension => match rest.split_once('.') {
            Some((reference, tail)) => (reference, Some(tail)),
            None => (rest, None),
        },
    };
    if let Body::Text(set) = rule.body {
        return Ok((Identifier::new(rule, text_key(prefix, set, reference)?)?, tail));
    }
    let mut key = digit_key(rule.body, prefix, reference)?;
    let mut tail = tail;
    if rule.body == Body::Pieces {
        for _ in 0..2 {
            let (two, after) = tail
                .and_then(|tail| tail.split_once('.'))
                .ok_or_else(|| Fault::epc("piece, total and serial are needed"))?;
            if two.len() != 2 {
                return Err(Fault::epc("piece and total must have two digits each"));
            }
            key.push_all(two.as_bytes())?;
            tail = Some(after);
        }
    }
    Ok((Identifier::new(rule, key)?, tail))
}

fn text_key(prefix: &str, set: CharSet, reference: &str) -> Result<Token, Fault> {
    let mut key = Token::from_bytes(prefix.as_bytes())?;
    let reference = set.decode_urn(reference)?;
    if reference.is_empty() {
        return Err(Fault::epc("the reference is missing"));
    }
    key.push_all(reference.bytes())?;
    Ok(key)
}

/// Indicator, prefix, reference and the check digit that a URN leaves out.
fn digit_key(body: Body, prefix: &str, reference: &str) -> Result<Token, Fault> {
    let count = body.urn_digits().unwrap_or_default();
    if prefix.len() + reference.len() != count {
        return Err(Fault::epc(format!(
            "company prefix and reference must have {count} digits together, not {}",
            prefix.len() + reference.len()
        )));
    }
    CharSet::Numeric.verify(reference.as_bytes())?;
    let (before, reference) = if body.leading() {
        reference
            .split_at_checked(1)
            .ok_or_else(|| Fault::epc("the indicator or extension digit is missing"))?
    } else if body == Body::Asset {
        ("0", reference)
    } else {
        ("", reference)
    };
    let mut key = Token::EMPTY;
    key.push_all(before.as_bytes())?;
    key.push_all(prefix.as_bytes())?;
    key.push_all(reference.as_bytes())?;
    key.push(check_digit(key.bytes()))?;
    Ok(key)
}

/// A pattern is a class if only its serial is open; a wider one is kept as it stands.
fn parse_pattern(body: &str) -> Result<EpcUrn, Fault> {
    let (name, value) = body.split_once(':').unwrap_or((body, ""));
    let Some(rule) = Rule::by_urn(name) else {
        return other_epc::verify_pattern(name, value).map(|()| EpcUrn::Opaque);
    };
    let components = match (rule.body, rule.serial) {
        (Body::Pieces, _) => 5,
        (Body::Digits { .. } | Body::Asset | Body::Text(_), Serial::None) => 2,
        (Body::Digits { .. } | Body::Asset | Body::Text(_), Serial::Tail { .. } | Serial::Part { .. } | Serial::Extension) => 3,
    };
    let closed = value.split('.').take_while(|part| *part != "*").count();
    let open = value.split('.').skip(closed).take_while(|part| *part == "*").count();
    if closed + open != components || open == 0 || value.split('.').count() != components {
        return parse_value(rule, value).map(EpcUrn::Known);
    }
    let serial_only = open == 1 && rule.serial != Serial::None;
    if serial_only {
        return parse_key(rule, value).map(|(identifier, _)| EpcUrn::Known(identifier));
    }
    // What stands before the wildcards can be verified without a key: the prefix, and the digits of a reference.
    let mut parts = value.split('.').take(closed);
    if let Some(prefix) = parts.next() {
        CharSet::Numeric.verify(prefix.as_bytes())?;
        if !(6..=12).contains(&prefix.len()) {
            return Err(Fault::epc(format!(
                "the company prefix must have 6 to 12 digits, not {}",
                prefix.len()
            )));
        }
    }
    parts.try_for_each(|part| CharSet::Numeric.verify(part.as_bytes()))?;
    Ok(EpcUrn::Opaque)
}

//! GS1 Digital Links: `https://<any host>/<any path>/<key>/<value>{/<qualifier>/<value>}`.
//!
//! A web address is taken for a Digital Link where a key segment is followed by a value of that key's shape and then by
//! nothing but qualifiers of that key; from there on its mistakes (check digit, characters, lengths) are refused. Any
//! other address is just a URI, except on `id.gs1.org`, which has no other addresses that begin with a key. Keys without a
//! check digit (GIAI, GINC, CPI) are easily mistaken for the addresses of somebody's web site: on other hosts they must
//! begin with the six digits that the company prefix of an EPC has at least.
//! Query and fragment name nothing here; compressed links are not read.

use super::charset::{CharSet, decode_link};
use super::identifier::Identifier;
use super::rule::{Body, CONTROLLED, EXTENSION, LOT, Rule, Serial, VARIANT};
use super::token::Token;
use super::{Fault, Scheme};

const GS1_HOST: &str = "id.gs1.org";

/// The identifier, or nothing if the text is not a Digital Link.
pub(super) fn parse(text: &str) -> Result<Option<Identifier>, Fault> {
    let Some((host, path)) = split(text) else {
        return Ok(None);
    };
    let on_gs1 = host.eq_ignore_ascii_case(GS1_HOST);
    let mut rest = path;
    // The leftmost key wins: what follows it are its qualifiers, whatever they look like.
    loop {
        if let Some(identifier) = parse_from_key(rest, on_gs1)? {
            return Ok(Some(identifier));
        }
        match rest.split_once('/') {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    if on_gs1
        && let Some((segment, value)) = path.split_once('/')
        && let Some(rule) = Rule::by_key(segment)
    {
        let value = decode_link(value.split('/').next().unwrap_or_default())?;
        if !has_shape(rule, &value, on_gs1) {
            return Err(Fault::epc(format!(
                "what follows `/{segment}/` does not have the digits of that key"
            )));
        }
    }
    Ok(None)
}

/// Host and path without the slashes at both ends, of a web address.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let end = rest
        .bytes()
        .position(|byte| byte == b'?' || byte == b'#')
        .unwrap_or(rest.len());
    let (authority, path) = rest.get(..end)?.split_once('/')?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    Some((host, path.strip_suffix('/').unwrap_or(path)))
}

/// The identifier if the path begins with a key and has nothing but its qualifiers behind it.
fn parse_from_key(path: &str, on_gs1: bool) -> Result<Option<Identifier>, Fault> {
    let Some((segment, rest)) = path.split_once('/') else {
        return Ok(None);
    };
    let Some(rule) = Rule::by_key(segment) else {
        return Ok(None);
    };
    let (value, rest) = rest.split_once('/').map_or((rest, None), |(value, rest)| (value, Some(rest)));
    let Some(value) = decode_link(value).ok().filter(|value| has_shape(rule, value, on_gs1)) else {
        return Ok(None);
    };
    let Some(qualifiers) = Qualifiers::of(rule, rest) else {
        return Ok(None);
    };
    let (key, tail) = key_and_tail(rule, &value)?;
    let rule = if qualifiers.controlled { Rule::upui() } else { rule };
    let mut identifier = Identifier::new(rule, key)?;
    if let Some(lot) = qualifiers.lot {
        identifier = identifier.with_lot(decode_link(lot)?)?;
    }
    if let Some(variant) = qualifiers.variant {
        let variant = decode_link(variant)?;
        CharSet::X.verify(variant.bytes())?;
    }
    match (qualifiers.serial, tail) {
        (Some(serial), _) => identifier.with_serial(decode_link(serial)?).map(Some),
        (None, tail) if !tail.is_empty() => identifier.with_serial(tail).map(Some),
        (None, _) => Ok(Some(identifier)),
    }
}

/// Whether the value has as many digits as the key wants, right or wrong.
fn has_shape(rule: &Rule, value: &Token, on_gs1: bool) -> bool {
    let digits = value.bytes().iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rule.body {
        Body::Digits { count: 13, .. } => digits == value.len() && matches!(digits, 8 | 12 | 13 | 14),
        Body::Digits { count, .. } => match rule.serial {
            Serial::Tail { .. } => digits > count,
            Serial::None | Serial::Part { .. } | Serial::Extension => digits == value.len() && digits == count + 1,
        },
        Body::Asset => digits >= 14 && value.bytes().starts_with(b"0"),
        Body::Pieces => digits == value.len() && digits == 18,
        // A company prefix has at least four digits, that of an EPC six.
        Body::Text(_) => digits >= if on_gs1 { 4 } else { 6 },
    }
}

/// The key padded to its full length, and the serial that follows some keys without a separator.
fn key_and_tail(rule: &Rule, value: &Token) -> Result<(Token, Token), Fault> {
    let Some(length) = rule.body.key_digits() else {
        return Ok((*value, Token::EMPTY));
    };
    if rule.scheme == Scheme::Sgtin {
        let mut key = Token::EMPTY;
        for _ in value.len()..length {
            key.push(b'0')?;
        }
        key.push_all(value.bytes())?;
        return Ok((key, Token::EMPTY));
    }
    let (key, tail) = value
        .bytes()
        .split_at_checked(length)
        .ok_or_else(|| Fault::epc("the key is too short"))?;
    Ok((Token::from_bytes(key)?, Token::from_bytes(tail)?))
}

/// What stands behind the key, still escaped.
#[derive(Default)]
struct Qualifiers<'a> {
    serial: Option<&'a str>,
    /// The serial is third-party controlled (AI 235).
    controlled: bool,
    lot: Option<&'a str>,
    variant: Option<&'a str>,
}

impl<'a> Qualifiers<'a> {
    /// Nothing if there is a segment that does not qualify this key, or one comes twice.
    fn of(rule: &Rule, rest: Option<&'a str>) -> Option<Self> {
        let mut found = Self::default();
        let Some(mut rest) = rest else {
            return Some(found);
        };
        loop {
            let (name, after) = rest.split_once('/')?;
            let (value, next) = after
                .split_once('/')
                .map_or((after, None), |(value, next)| (value, Some(next)));
            let slot = found.slot(rule, name)?;
            if value.is_empty() || slot.replace(value).is_some() {
                return None;
            }
            match next {
                Some(next) => rest = next,
                None => return Some(found),
            }
        }
    }

    fn slot(&mut self, rule: &Rule, name: &str) -> Option<&mut Option<&'a str>> {
        let is = |(ai, short, _): (&str, &str, usize)| name == ai || name == short;
        if matches!(rule.body, Body::Pieces) || rule.scheme == Scheme::Sgtin {
            if is(LOT) {
                return Some(&mut self.lot);
            }
            if is(VARIANT) {
                return Some(&mut self.variant);
            }
        }
        if rule.scheme == Scheme::Sgtin && is(CONTROLLED) {
            self.controlled = true;
            return Some(&mut self.serial);
        }
        let qualifies = match rule.serial {
            Serial::Part { ai, name: short, .. } => name == ai || name == short,
            Serial::Extension => is(EXTENSION),
            Serial::None | Serial::Tail { .. } => false,
        };
        qualifies.then_some(&mut self.serial)
    }
}

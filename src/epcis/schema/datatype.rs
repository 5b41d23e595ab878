//! Datatypes of XML Schema and formats of JSON Schema, as their usual validators (libxml2, python-jsonschema) read them.
//!
//! Only whether a text is of a type; its value is read elsewhere, where it is needed.

use super::uri;

/// A simple type of XML Schema 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::epcis) enum Datatype {
    Text,
    AnyUri,
    DateTime,
    /// `xsd:dateTime` with a zone, by the pattern of EPCIS 2.0.
    DateTimeStamp,
    Date,
    Decimal,
    Integer,
    /// 32 bits.
    Int,
    /// Not less than this.
    AtLeast(i64),
    Double,
    Boolean,
    HexBinary,
    /// ADD, OBSERVE, DELETE.
    Action,
    /// Of a business service in the header.
    ServiceTransaction,
}

impl Datatype {
    /// Whether the text of an element or attribute is of this type.
    pub(in crate::epcis) fn holds(self, text: &str) -> bool {
        let value = text.trim_matches(blank);
        match self {
            Self::Text => true,
            Self::Action => matches!(text, "ADD" | "OBSERVE" | "DELETE"),
            Self::ServiceTransaction => matches!(text, "RequestingServiceTransaction" | "RespondingServiceTransaction"),
            Self::AnyUri => uri::is_reference(value),
            // libxml2 does not take white space before a date, though the facet would have it collapsed.
            Self::DateTime | Self::DateTimeStamp | Self::Date if text.starts_with(blank) => false,
            Self::DateTime => date_time(value).is_some(),
            Self::DateTimeStamp => stamp(value),
            Self::Date => date_and_zone(value),
            Self::Decimal => decimal(value),
            Self::Integer => integer(value).is_some(),
            Self::Int => value.strip_prefix('+').unwrap_or(value).parse::<i32>().is_ok(),
            Self::AtLeast(least) => integer(value)
                .is_some_and(|digits| digits.parse::<i64>().map_or(!digits.starts_with('-'), |value| value >= least)),
            Self::Double => double(value),
            Self::Boolean => matches!(value, "true" | "false" | "1" | "0"),
            Self::HexBinary => value.len().is_multiple_of(2) && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }

    /// What it is called in messages.
    pub(in crate::epcis) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::AnyUri => "URI",
            Self::DateTime => "xsd:dateTime",
            Self::DateTimeStamp => "xsd:dateTime with a zone",
            Self::Date => "xsd:date",
            Self::Decimal => "xsd:decimal",
            Self::Integer | Self::AtLeast(_) => "xsd:integer of its range",
            Self::Int => "xsd:int",
            Self::Double => "xsd:double",
            Self::Boolean => "xsd:boolean",
            Self::HexBinary => "xsd:hexBinary",
            Self::Action => "ADD, OBSERVE or DELETE",
            Self::ServiceTransaction => "RequestingServiceTransaction or RespondingServiceTransaction",
        }
    }

    /// A built-in type of XML Schema by its local name; the outer `None` where there is none, the inner where any text will do.
    pub(in crate::epcis) fn built_in(name: &str) -> Option<Option<Self>> {
        Some(match name {
            "anyType" | "anySimpleType" | "string" | "normalizedString" | "token" | "language" | "Name" | "NCName"
            | "NMTOKEN" | "ID" | "IDREF" | "QName" | "base64Binary" | "duration" | "time" | "gYear" | "gYearMonth" | "gMonth"
            | "gMonthDay" | "gDay" => None,
            "anyURI" => Some(Self::AnyUri),
            "dateTime" => Some(Self::DateTime),
            "date" => Some(Self::Date),
            "decimal" => Some(Self::Decimal),
            "integer" | "long" | "short" | "byte" => Some(Self::Integer),
            "int" => Some(Self::Int),
            "nonNegativeInteger" | "unsignedLong" | "unsignedInt" | "unsignedShort" | "unsignedByte" => Some(Self::AtLeast(0)),
            "positiveInteger" => Some(Self::AtLeast(1)),
            "float" | "double" => Some(Self::Double),
            "boolean" => Some(Self::Boolean),
            "hexBinary" => Some(Self::HexBinary),
            _ => return None,
        })
    }
}

fn blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Digits that stand at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Two digits up to a limit, and the rest.
fn two(text: &str, most: u32) -> Option<(u32, &str)> {
    let head = text.get(..2).filter(|head| head.bytes().all(|byte| byte.is_ascii_digit()))?;
    let value = head.parse().ok().filter(|value| *value <= most)?;
    Some((value, &text[2..]))
}

/// The calendar date at the start, and the rest.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = digits(text.strip_prefix('-').unwrap_or(text));
    let padded = year.len() > 4 && year.starts_with('0');
    if year.len() < 4 || year.len() > 18 || padded || year.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let (month, rest) = two(rest.strip_prefix('-')?, 12)?;
    let (day, rest) = two(rest.strip_prefix('-')?, 31)?;
    let year: u64 = year.parse().ok()?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

/// Whether a zone, or nothing, stands there.
fn zone(text: &str) -> bool {
    if matches!(text, "" | "Z") {
        return true;
    }
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let hours = two(rest, 14).and_then(|(hours, rest)| Some((hours, rest.strip_prefix(':')?)));
    hours
        .is_some_and(|(hours, rest)| two(rest, 59).is_some_and(|(minutes, rest)| rest.is_empty() && (hours < 14 || minutes == 0)))
}

fn date_and_zone(text: &str) -> bool {
    date(text).is_some_and(zone)
}

/// `xsd:dateTime`: what stands behind the seconds.
fn date_time(text: &str) -> Option<&str> {
    let rest = date(text)?.strip_prefix('T')?;
    let (hours, rest) = two(rest, 24)?;
    let (minutes, rest) = two(rest.strip_prefix(':')?, 59)?;
    let (seconds, rest) = two(rest.strip_prefix(':')?, 59)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("0", rest),
    };
    let midnight = minutes == 0 && seconds == 0 && fraction.bytes().all(|byte| byte == b'0');
    ((hours < 24 || midnight) && !fraction.is_empty() && zone(rest)).then_some(rest)
}

/// The pattern of EPCIS 2.0: four digits of a year, no 24 o'clock, a zone of at most 14 hours.
fn stamp(text: &str) -> bool {
    let good = |rest: &str| !rest.is_empty();
    let four = text.as_bytes().get(4) == Some(&b'-') && text.starts_with(|first: char| first.is_ascii_digit());
    four && text.get(11..13).is_some_and(|hours| hours != "24") && date_time(text).is_some_and(good)
}

/// At most 24 digits without leading zeros: libxml2 keeps no more.
fn decimal(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = digits(body);
    let fraction = match rest.strip_prefix('.') {
        Some(rest) => rest,
        None if rest.is_empty() => "",
        None => return false,
    };
    let many = whole.trim_start_matches('0').len() + fraction.len();
    fraction.bytes().all(|byte| byte.is_ascii_digit()) && whole.len() + fraction.len() > 0 && many <= 24
}

fn integer(text: &str) -> Option<&str> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let body = text.strip_prefix('-').unwrap_or(text);
    let good = !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_digit()) && body.trim_start_matches('0').len() <= 24;
    good.then_some(text)
}

fn double(text: &str) -> bool {
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = digits(body);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(rest) => {
            let (digits, rest) = digits(rest.strip_prefix(['+', '-']).unwrap_or(rest));
            !digits.is_empty() && rest.is_empty()
        }
        None => rest.is_empty(),
    };
    whole.len() + fraction.len() > 0 && exponent
}

/// Format `date-time` of JSON Schema: RFC 3339.
pub(in crate::epcis) fn rfc3339(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let four = text.as_bytes().get(4) == Some(&b'-') && !text.starts_with('-');
    let rest = date(&text).and_then(|rest| clock(rest.strip_prefix('T')?));
    four && rest.is_some_and(|rest| rest == "Z" || far_zone(rest))
}

/// The time of day at the start, and what stands behind it.
fn clock(text: &str) -> Option<&str> {
    let (_, rest) = two(text, 23)?;
    let (_, rest) = two(rest.strip_prefix(':')?, 59)?;
    let (_, rest) = two(rest.strip_prefix(':')?, 59)?;
    match rest.strip_prefix('.') {
        Some(rest) => Some(digits(rest))
            .filter(|(fraction, _)| !fraction.is_empty())
            .map(|(_, rest)| rest),
        None => Some(rest),
    }
}

fn far_zone(text: &str) -> bool {
    let rest = text
        .strip_prefix(['+', '-'])
        .and_then(|rest| two(rest, 23))
        .map(|(_, rest)| rest);
    rest.and_then(|rest| two(rest.strip_prefix(':')?, 59))
        .is_some_and(|(_, rest)| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let check = |datatype: Datatype, good: &[&str], bad: &[&str]| {
            good.iter().for_each(|text| assert!(datatype.holds(text), "{text}"));
            bad.iter().for_each(|text| assert!(!datatype.holds(text), "{text}"));
        };
        check(
            Datatype::DateTime,
            &[
                "2026-11-22T06:50:00",
                "2026-11-22T06:50:00Z\n",
                "2024-02-29T24:00:00",
                "12026-01-01T00:00:00.5-14:00",
                "-0044-03-15T12:00:00",
            ],
            &[
                "2919-95-17T00:00:00Z",
                "2025-02-29T00:00:00",
                "0000-01-01T00:00:00",
                "2026-11-22",
                " 2026-11-22T06:50:00Z",
                "2026-11-22T24:00:01",
                "2026-11-22T06:50:00.",
                "2026-11-22T06:50:60Z",
                "2026-11-22T06:50:00+14:01",
                "2026-11-22 06:50:00",
                "02026-11-22T06:50:00",
                "",
            ],
        );
        check(
            Datatype::DateTimeStamp,
            &["2026-11-22T06:50:00.123456Z", "2026-11-22T06:50:00+14:00"],
            &[
                "2026-11-22T06:50:00",
                "2026-11-22T24:00:00Z",
                "-2026-11-22T06:50:00Z",
                "12026-11-22T06:50:00Z",
            ],
        );
        let rfc = |good: bool, text: &str| assert_eq!(rfc3339(text), good, "{text}");
        rfc(true, "2026-11-22t06:50:00z");
        rfc(true, "2026-11-22T06:50:00.1+23:59");
        rfc(false, "2026-11-22T06:50:00");
        rfc(false, "2026-11-22T24:00:00Z");
        rfc(false, "2026-11-31T00:00:00Z");
    }

    #[test]
    fn numbers_have_digits() {
        let check = |datatype: Datatype, good: &[&str], bad: &[&str]| {
            good.iter().for_each(|text| assert!(datatype.holds(text), "{text}"));
            bad.iter().for_each(|text| assert!(!datatype.holds(text), "{text}"));
        };
        check(
            Datatype::Decimal,
            &["1.2", "+1", "-.5", "1.", "000000000000000000000000000001"],
            &["", ".", "1e2", "1,2", "1.2.0", "12345678901234567890123456789012"],
        );
        check(
            Datatype::Double,
            &["1e2", "-INF", "NaN", ".5", "1."],
            &["", "inf", "1e", "0x1"],
        );
        check(Datatype::Int, &["+5", "-2147483648"], &["2147483648", "5.0", ""]);
        check(Datatype::HexBinary, &["", "f0A9"], &["f0A", "xy"]);
    }
}

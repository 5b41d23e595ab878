//! Decimal numbers by their digits: no floating point touches a quantity.

/// A number without plus sign, exponent, leading or trailing zeros; `None` for what is none, or of absurd size.
pub(super) fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (
            &digits[..at],
            digits[at + 1..].parse::<i32>().ok().filter(|exponent| exponent.abs() <= 40)?,
        ),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) || mantissa.len() > 200 {
        return None;
    }
    let mut all = format!("{whole}{fraction}");
    let mut point = whole.len() as i32 + exponent;
    while point < 0 {
        all.insert(0, '0');
        point += 1;
    }
    while point as usize > all.len() {
        all.push('0');
    }
    let (whole, fraction) = all.split_at(point as usize);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole != "0" || !fraction.is_empty()) {
        "-"
    } else {
        ""
    };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// RFC 8259 clause 6: no plus sign, no leading zeros, digits on both sides of the point.
pub(super) fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(decimal(text).as_deref(), expect, "{text}");
        check("10.50", Some("10.5"));
        check("+007", Some("7"));
        check("0.0", Some("0"));
        check("-0.0", Some("0"));
        check("1e3", Some("1000"));
        check("1.5E-3", Some("0.0015"));
        check(".5", Some("0.5"));
        check("1e999999999", None);
        check("twenty", None);
        check("1.2.3", None);
        check("", None);
        check("-", None);
    }

    #[test]
    fn numbers_follow_the_grammar() {
        let check = |text: &str, expect: bool| assert_eq!(is_json_number(text), expect, "{text}");
        for good in ["0", "-0", "10", "1.5", "1e5", "1E-5", "123456789012345678901234567890.5"] {
            check(good, true);
        }
        for bad in ["", "-", "01", "+1", "1.", ".5", "1e", "1e+", "--1", "1.2.3"] {
            check(bad, false);
        }
    }
}

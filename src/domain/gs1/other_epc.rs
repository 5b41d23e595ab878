//! EPC schemes that have no GS1 key: they are verified (Tag Data Standard clauses 6.3.8 to 6.3.19) and passed through.

use super::Fault;

/// Largest manager, object class and serial of a GID; the last is also the largest serial of a USDOD.
const GID_MAX: [u64; 3] = [(1 << 28) - 1, (1 << 24) - 1, (1 << 36) - 1];

/// `name` and `value` of `urn:epc:id:<name>:<value>`.
pub(super) fn verify(name: &str, value: &str) -> Result<(), Fault> {
    let good = match name {
        "gid" => gid(value),
        "usdod" => usdod(value),
        "adi" => adi(value),
        "bic" => bic(value),
        "imovn" => value.len() == 7 && value.bytes().all(|byte| byte.is_ascii_digit()),
        _ => return Err(unknown(name)),
    };
    if good {
        Ok(())
    } else {
        Err(Fault::epc(format!("it breaks the rules of the scheme `{name}`")))
    }
}

/// `name` and `value` of `urn:epc:idpat:<name>:<value>`; only the name and the presence of a value are looked at.
pub(super) fn verify_pattern(name: &str, value: &str) -> Result<(), Fault> {
    match name {
        "gid" | "usdod" | "adi" | "bic" | "imovn" if !value.is_empty() => Ok(()),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Fault {
    let shown: String = name.chars().take_while(char::is_ascii_graphic).take(20).collect();
    Fault::epc(format!("the Tag Data Standard has no scheme `{shown}`"))
}

/// A number without leading zeros, at most `max`.
fn number(text: &str, max: u64) -> bool {
    let plain = text == "0" || !text.starts_with('0');
    plain && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok_and(|value| value <= max)
}

fn gid(value: &str) -> bool {
    value.split('.').count() == 3 && value.split('.').zip(GID_MAX).all(|(part, max)| number(part, max))
}

/// Letters of government codes and container owners: no I, no O.
fn letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() && byte != b'I' && byte != b'O'
}

/// CAGE code or DoDAAC.
fn cage(text: &str) -> bool {
    matches!(text.len(), 5 | 6) && text.bytes().all(|byte| byte.is_ascii_digit() || letter(byte))
}

fn usdod(value: &str) -> bool {
    value
        .split_once('.')
        .is_some_and(|(code, serial)| cage(code) && number(serial, GID_MAX[2]))
}

/// `CAGE.PartNumber.Serial`; the part number may be empty, `/` is escaped, the serial may begin with an escaped `#`.
fn adi(value: &str) -> bool {
    let mut parts = value.split('.');
    let (Some(code), Some(part), Some(serial), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (mark, rest) = serial.strip_prefix("%23").map_or((0, serial), |rest| (1, rest));
    let characters = |text: &str| {
        let plain = text.replace("%2F", "/").replace("%2f", "/");
        let good = plain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-' || byte == b'/');
        good.then_some(plain.len())
    };
    let part = characters(part).is_some_and(|length| length <= 32);
    let serial = characters(rest).is_some_and(|length| length >= 1 && length + mark <= 30);
    cage(code) && part && serial
}

/// Container: owner, category J, U or Z, six digits and a check digit (ISO 6346).
fn bic(value: &str) -> bool {
    match value.as_bytes() {
        [a, b, c, category, digits @ ..] => {
            [a, b, c].into_iter().all(|byte| letter(*byte))
                && b"JUZ".contains(category)
                && digits.len() == 7
                && digits.iter().all(u8::is_ascii_digit)
        }
        [] | [_] | [_, _] | [_, _, _] => false,
    }
}

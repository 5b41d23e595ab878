//! The check digit of GTIN, SSCC, GLN and their like: modulo 10, weights 3 and 1 from the right
//! (GS1 General Specifications clause 7.9). Check characters of other keys (GMN) are not known here.

use super::Fault;

/// The check digit that belongs behind these ASCII digits, itself an ASCII digit.
pub(in crate::domain) fn check_digit(digits: &[u8]) -> u8 {
    let mut sum = 0_u32;
    for (from_right, digit) in digits.iter().rev().enumerate() {
        let value = u32::from(digit.wrapping_sub(b'0'));
        sum += if from_right % 2 == 0 { 3 * value } else { value };
    }
    match (sum % 10) as u8 {
        0 => b'0',
        over => b'0' + 10 - over,
    }
}

/// Whether the last of these ASCII digits is the check digit of those before it.
pub(super) fn verify(digits: &[u8]) -> Result<(), Fault> {
    let Some((last, body)) = digits.split_last() else {
        return Err(Fault::value("it has no digits"));
    };
    let expected = check_digit(body);
    if *last == expected {
        Ok(())
    } else {
        Err(Fault::check_digit(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: u8) {
        assert_eq!(char::from(check_digit(body.as_bytes())), char::from(expect), "{body}");
    }

    #[test]
    fn digits_of_the_general_specifications() {
        check("629104150021", b'3');
        check("7351353", b'7');
        check("37610425002123456", b'9');
        check("0000000000000", b'0');
        check("8061414112345", b'8');
    }

    #[test]
    fn a_wrong_digit_is_refused_with_the_right_one() {
        assert_eq!(verify(b"6291041500213"), Ok(()));
        assert_eq!(verify(b"6291041500214"), Err(Fault::check_digit(b'3')));
        assert!(verify(b"").is_err());
    }
}

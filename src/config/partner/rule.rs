//! What a serial number rule must be so that the permutation and the market rules can work with it.

use crate::domain::party::SerialRule;

/// Fewest numbers a product may have: below it FF1 is not safe (NIST SP 800-38G Rev. 1: one million).
const SMALLEST_SPACE: u128 = 1_000_000;

/// Longest serial of AI (21) (GS1 General Specifications 3.5.2).
pub(super) const LONGEST: u64 = 20;

/// What is wrong with the alphabet, and the fix.
pub(super) fn alphabet_fault(alphabet: &str) -> Option<(String, &'static str)> {
    let characters: Vec<char> = alphabet.chars().collect();
    if let Some(foreign) = characters.iter().find(|character| !is_charset_82(**character)) {
        let cause = format!("`alphabet` has `{foreign}`, which no GS1 serial number may have");
        return Some((cause, "use digits and capital letters (GS1 General Specifications, 7.11)"));
    }
    if let Some(twice) = characters
        .iter()
        .enumerate()
        .find(|(at, character)| characters[..*at].contains(character))
    {
        return Some((format!("`alphabet` has `{}` twice", twice.1), "name each character once"));
    }
    if characters.iter().any(char::is_ascii_lowercase) && characters.iter().any(char::is_ascii_uppercase) {
        let cause = "`alphabet` mixes capital and small letters".to_owned();
        return Some((cause, "use one case: scanners with a wrong keyboard setting swap the case"));
    }
    (characters.len() < 2).then(|| {
        (
            "`alphabet` has fewer than two characters".to_owned(),
            "name at least two characters, such as the ten digits",
        )
    })
}

/// What is wrong with alphabet, length and density together, and the fix.
pub(super) fn space_fault(rule: &SerialRule) -> Option<(String, &'static str)> {
    let radix = rule.alphabet.chars().count() as u128;
    let space = radix.saturating_pow(u32::from(rule.length));
    if space < SMALLEST_SPACE {
        let cause = format!(
            "{} characters of {radix} make {space} serial numbers, fewer than 1000000",
            rule.length
        );
        return Some((cause, "make the serials longer or the alphabet larger"));
    }
    if space < u128::from(rule.density) {
        let cause = format!("one in {} of {space} serial numbers is less than one", rule.density);
        return Some((cause, "make the serials longer, the alphabet larger or the density smaller"));
    }
    None
}

/// GS1 AI encodable character set 82 (GS1 General Specifications 7.11).
fn is_charset_82(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!\"%&'()*+,-./:;<=>?_".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets() {
        let check = |alphabet: &str, expect: Option<&str>| {
            let fault = alphabet_fault(alphabet).map(|(cause, _)| cause);
            assert!(fault.is_some() == expect.is_some(), "{alphabet}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(expect.unwrap_or_default()), "{alphabet}");
        };
        check("0123456789", None);
        check(&SerialRule::default().alphabet, None);
        check("", Some("fewer than two"));
        check("7", Some("fewer than two"));
        check("01230", Some("`0` twice"));
        check("abcDEF", Some("mixes"));
        check("01 2", Some("` `"));
        check("01é", Some("`é`"));
    }

    #[test]
    fn spaces() {
        let check = |count: usize, length: u8, density: u64, expect: Option<&str>| {
            let rule = SerialRule {
                alphabet: "0123456789ABCDEFGH"[..count].to_owned(),
                length,
                density,
                ..SerialRule::default()
            };
            let fault = space_fault(&rule).map(|(cause, _)| cause);
            assert!(fault.is_some() == expect.is_some(), "{rule:?}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(expect.unwrap_or_default()), "{rule:?}");
        };
        check(10, 12, 10_000, None);
        check(10, 6, 10_000, None);
        check(10, 5, 1, Some("100000 serial numbers, fewer"));
        check(10, 6, 10_000_000, Some("less than one"));
        check(18, 20, u64::MAX, None);
    }
}

//! The character sets of GS1 application identifiers and the two ways to escape them.
//!
//! Set 82 (`X`) and set 39 (`Y`) are figures 7.11-1 and 7.11-2 of the GS1 General Specifications. A URN escapes exactly
//! what annex A of the Tag Data Standard says, and one character has one spelling there; a Digital Link may escape any
//! character, and its canonical form escapes what CBV 2.0 clause 8.9 (Digital Link table 7-1) says.

use super::Fault;
use super::token::Token;

/// What a part of an identifier may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharSet {
    /// Digits.
    Numeric,
    /// Set 82.
    X,
    /// Set 39.
    Y,
}

const NUMERIC: u8 = 1;
const SET_X: u8 = 2;
const SET_Y: u8 = 4;
const ESCAPED_IN_URN: u8 = 8;
const ESCAPED_IN_LINK: u8 = 16;

const CLASS: [u8; 256] = {
    let mut class = [0_u8; 256];
    mark(&mut class, b"0123456789", NUMERIC | SET_X | SET_Y);
    mark(&mut class, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", SET_X | SET_Y);
    mark(&mut class, b"abcdefghijklmnopqrstuvwxyz", SET_X);
    mark(&mut class, b"!\"%&'()*+,-./:;<=>?_", SET_X);
    mark(&mut class, b"#-/", SET_Y);
    mark(&mut class, b"\"#%&/<>?", ESCAPED_IN_URN);
    mark(&mut class, b"!\"#%&()*+,/:<>?", ESCAPED_IN_LINK);
    class
};

const fn mark(class: &mut [u8; 256], members: &[u8], bits: u8) {
    let mut at = 0;
    while at < members.len() {
        class[members[at] as usize] |= bits;
        at += 1;
    }
}

fn is(byte: u8, bits: u8) -> bool {
    CLASS.get(usize::from(byte)).is_some_and(|class| class & bits != 0)
}

impl CharSet {
    fn bit(self) -> u8 {
        match self {
            Self::Numeric => NUMERIC,
            Self::X => SET_X,
            Self::Y => SET_Y,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Numeric => "a digit",
            Self::X => "in GS1 character set 82",
            Self::Y => "in GS1 character set 39",
        }
    }

    /// Refuses the first character outside the set.
    pub(super) fn verify(self, text: &[u8]) -> Result<(), Fault> {
        match text.iter().find(|byte| !is(**byte, self.bit())) {
            None => Ok(()),
            Some(byte) => Err(Fault::epc(format!("`{}` is not {}", byte.escape_ascii(), self.name()))),
        }
    }

    /// One component of a URN. Refuses an escape that need not be, and a character that needs one.
    pub(super) fn decode_urn(self, text: &str) -> Result<Token, Fault> {
        let mut bytes = text.as_bytes();
        if bytes.iter().all(|byte| is(*byte, self.bit()) && !is(*byte, ESCAPED_IN_URN)) {
            return Token::from_bytes(bytes);
        }
        let mut token = Token::EMPTY;
        while let [byte, rest @ ..] = bytes {
            bytes = rest;
            if *byte != b'%' {
                self.verify(&[*byte])?;
                if is(*byte, ESCAPED_IN_URN) {
                    return Err(Fault::epc(format!("`{}` must be written %{byte:02X}", char::from(*byte))));
                }
                token.push(*byte)?;
                continue;
            }
            let (plain, rest) = escape(rest)?;
            bytes = rest;
            self.verify(&[plain])?;
            if !is(plain, ESCAPED_IN_URN) {
                return Err(Fault::epc(format!(
                    "`{}` must not be escaped in an EPC URN",
                    char::from(plain)
                )));
            }
            token.push(plain)?;
        }
        Ok(token)
    }
}

/// One path segment of a Digital Link, without its escapes.
pub(super) fn decode_link(text: &str) -> Result<Token, Fault> {
    let mut bytes = text.as_bytes();
    if !bytes.contains(&b'%') {
        return Token::from_bytes(bytes);
    }
    let mut token = Token::EMPTY;
    while let [byte, rest @ ..] = bytes {
        bytes = rest;
        let mut plain = *byte;
        if plain == b'%' {
            (plain, bytes) = escape(rest)?;
        }
        token.push(plain)?;
    }
    Ok(token)
}

/// The byte that the two hexadecimal digits at the beginning of `text` stand for, and what follows them.
pub(super) fn escape(text: &[u8]) -> Result<(u8, &[u8]), Fault> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    match text {
        [high, low, rest @ ..] => match (nibble(*high), nibble(*low)) {
            (Some(high), Some(low)) => Ok((high << 4 | low, rest)),
            (None, _) | (_, None) => Err(Fault::epc("`%` must be followed by two hexadecimal digits")),
        },
        [] | [_] => Err(Fault::epc("`%` must be followed by two hexadecimal digits")),
    }
}

/// Appends a verified ASCII text as one component of a URN.
pub fn encode_urn(text: &[u8], out: &mut String) {
    encode(text, ESCAPED_IN_URN, out);
}

/// Appends a verified ASCII text as one path segment of a canonical Digital Link.
pub fn encode_link(text: &[u8], out: &mut String) {
    encode(text, ESCAPED_IN_LINK, out);
}

/// Length of what [`encode_link`] appends, in bytes.
pub(super) fn encoded_link_bytes(text: &[u8]) -> usize {
    text.iter().map(|byte| if is(*byte, ESCAPED_IN_LINK) { 3 } else { 1 }).sum()
}

fn encode(text: &[u8], escaped: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    for byte in text {
        // INVARIANT: tokens are ASCII, so a byte is a character.
        if is(*byte, escaped) {
            out.push('%');
            out.push(hex(byte >> 4));
            out.push(hex(byte & 15));
        } else {
            out.push(char::from(*byte));
        }
    }
}

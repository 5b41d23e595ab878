//! JSON as plain values, in one canonical text (RFC 8785), but that numbers stand in the digits they came in.
//!
//! For what is signed and compared byte for byte. It knows nothing of EPCIS.

use std::io::BufRead;

use super::lexer::Lexer;
use crate::domain::finding::Finding;

/// A value. Members stand in the order of their names' UTF-16 code units, and those of one name in the order of their texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::epcis) enum Json {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// In its digits.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one value, nested no deeper than told.
    pub(in crate::epcis) fn parse(text: impl BufRead, depth: usize) -> Result<Self, Finding> {
        let mut lexer = Lexer::new(text, depth);
        let value = read(&mut lexer)?;
        match lexer.peek()? {
            None => Ok(value),
            found => Err(lexer.unexpected(found, "the end")),
        }
    }

    /// Members in canonical order.
    pub(in crate::epcis) fn object(mut members: Vec<(String, Self)>) -> Self {
        members.sort_by_cached_key(|(name, value)| (name.encode_utf16().collect::<Vec<_>>(), value.text()));
        Self::Object(members)
    }

    /// The canonical text.
    pub(in crate::epcis) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Word(word) => text.push_str(word),
            Self::Number(digits) => text.push_str(digits),
            Self::Text(value) => text.push_str(&quoted(value)),
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    item.write(text);
                }
                text.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                for (index, (name, value)) in members.iter().enumerate() {
                    text.push(if index == 0 { '{' } else { ',' });
                    text.push_str(&quoted(name));
                    text.push(':');
                    value.write(text);
                }
                text.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// A text as JSON string.
pub(in crate::epcis) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn read<R: BufRead>(lexer: &mut Lexer<R>) -> Result<Json, Finding> {
    match lexer.peek()? {
        Some(b'"') => Ok(Json::Text(lexer.string()?.to_owned())),
        Some(b'{') => {
            lexer.enter(b'{')?;
            let (mut first, mut members) = (true, Vec::new());
            while lexer.more(&mut first, b'}')? {
                let name = lexer.key()?;
                members.push((name, read(lexer)?));
            }
            Ok(Json::object(members))
        }
        Some(b'[') => {
            lexer.enter(b'[')?;
            let (mut first, mut items) = (true, Vec::new());
            while lexer.more(&mut first, b']')? {
                items.push(read(lexer)?);
            }
            Ok(Json::Array(items))
        }
        Some(b't') => lexer.literal("true").map(|()| Json::Word("true")),
        Some(b'f') => lexer.literal("false").map(|()| Json::Word("false")),
        Some(b'n') => lexer.literal("null").map(|()| Json::Word("null")),
        Some(b'-' | b'0'..=b'9') => lexer.number().map(Json::Number),
        found => Err(lexer.unexpected(found, "a value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_canonical_and_numbers_keep_their_digits() {
        let check = |text: &str, expect: &str| assert_eq!(Json::parse(text.as_bytes(), 8).unwrap().text(), expect);
        check(" { \"b\" : 1.50e3 , \"a\" : [ ] } ", r#"{"a":[],"b":1.50e3}"#);
        check(
            r#"["é\n\u0001/","\/",null,true,false,{}]"#,
            r#"["é\n\u0001/","/",null,true,false,{}]"#,
        );
        check(
            "-12345678901234567890.123456789012345678901",
            "-12345678901234567890.123456789012345678901",
        );
        // In the order of UTF-16 a character beyond the basic plane comes before U+FF5E.
        check("{\"\u{ff5e}\":1,\"\u{1f600}\":2}", "{\"\u{1f600}\":2,\"\u{ff5e}\":1}");
        check(r#"{"a":2,"a":1}"#, r#"{"a":1,"a":2}"#);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "nul",
            "01",
            "\"\u{1}\"",
            "1 2",
            "[[[[1]]]]",
            "NaN",
        ] {
            assert!(Json::parse(text.as_bytes(), 3).is_err(), "{text}");
        }
    }
}

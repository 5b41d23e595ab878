//! JSON (RFC 8259) from a byte stream, strictly: no `NaN`, no lone surrogates, no NUL, no duplicate
//! keys; nested no deeper than told. Numbers keep their digits.
//!
//! It knows `line:column` at every moment, so every refusal says where.

use std::collections::HashSet;
use std::io::BufRead;

use super::super::decimal::is_json_number;
use super::super::reading::{Reading, quoted};
use super::super::tree::{Kind, RawName, Tree};
use crate::domain::finding::{Finding, FindingCode};

/// A JSON text going by.
pub(super) struct Lexer<R> {
    input: R,
    line: u64,
    column: u64,
    depth: usize,
    max_depth: usize,
    scratch: Vec<u8>,
}

impl<R: BufRead> Lexer<R> {
    pub(super) fn new(input: R, max_depth: usize) -> Self {
        Self {
            input,
            line: 1,
            column: 1,
            depth: 0,
            max_depth: max_depth.min(256),
            scratch: Vec::new(),
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.line, self.column)
    }

    pub(super) fn malformed(&self, detail: impl Into<String>) -> Finding {
        Finding::new(FindingCode::Malformed, self.place(), detail)
    }

    fn peek_raw(&mut self) -> Result<Option<u8>, Finding> {
        match self.input.fill_buf() {
            Ok(bytes) => Ok(bytes.first().copied()),
            Err(error) => Err(self.malformed(format!("cannot be read: {error}"))),
        }
    }

    fn skip(&mut self, amount: usize) {
        self.input.consume(amount);
        self.column += amount as u64;
    }

    /// Passes over a byte order mark before the text, and says whether there was one (RFC 8259 clause 8.1 lets a reader do so).
    pub(super) fn byte_order_mark(&mut self) -> Result<bool, Finding> {
        if self.peek_raw()? != Some(0xEF) {
            return Ok(false);
        }
        for wanted in [0xEF, 0xBB, 0xBF] {
            let found = self.peek_raw()?;
            if found != Some(wanted) {
                return Err(self.unexpected(found, "a byte order mark"));
            }
            self.input.consume(1);
        }
        Ok(true)
    }

    /// The next byte that is no white space; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Finding> {
        loop {
            match self.peek_raw()? {
                Some(b'\n') => {
                    self.input.consume(1);
                    self.line += 1;
                    self.column = 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.skip(1),
                other => return Ok(other),
            }
        }
    }

    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), Finding> {
        match self.peek()? {
            Some(found) if found == wanted => {
                self.skip(1);
                Ok(())
            }
            found => Err(self.unexpected(found, &format!("`{}`", char::from(wanted)))),
        }
    }

    pub(super) fn unexpected(&self, found: Option<u8>, wanted: &str) -> Finding {
        match found {
            None => self.malformed(format!("the document ends where {wanted} should stand")),
            Some(byte) if byte.is_ascii_graphic() => {
                self.malformed(format!("`{}` where {wanted} should stand", char::from(byte)))
            }
            Some(byte) => self.malformed(format!("the byte {byte:#04x} where {wanted} should stand")),
        }
    }

    /// Enters an object or array.
    pub(super) fn enter(&mut self, bracket: u8) -> Result<(), Finding> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > self.max_depth {
            return Err(Finding::new(
                FindingCode::TooDeep,
                self.place(),
                format!("nested deeper than {}", self.max_depth),
            ));
        }
        Ok(())
    }

    /// Whether another member or item follows; takes the comma or the closing bracket.
    pub(super) fn more(&mut self, first: &mut bool, close: u8) -> Result<bool, Finding> {
        let found = self.peek()?;
        let was_first = std::mem::take(first);
        if found == Some(close) {
            self.skip(1);
            self.depth -= 1;
            return Ok(false);
        }
        if was_first {
            return Ok(true);
        }
        if found != Some(b',') {
            return Err(self.unexpected(found, &format!("`,` or `{}`", char::from(close))));
        }
        self.skip(1);
        match self.peek()? {
            Some(next) if next == close => Err(self.unexpected(Some(next), "a value")),
            _ => Ok(true),
        }
    }

    /// The key of the next member, with its colon.
    pub(super) fn key(&mut self) -> Result<String, Finding> {
        let found = self.peek()?;
        if found != Some(b'"') {
            return Err(self.unexpected(found, "a member"));
        }
        let key = self.string()?.to_owned();
        self.expect(b':')?;
        Ok(key)
    }

    /// Reads one value under a name into the tree.
    pub(super) fn value(&mut self, reading: &Reading<'_>, tree: &mut Tree, key: &str, base: &str) -> Result<(), Finding> {
        let name = RawName {
            namespace: 0,
            prefix: "",
            local: key,
        };
        match self.peek()? {
            Some(b'"') => {
                let text = self.string()?;
                tree.leaf(Kind::Text, name, text);
            }
            Some(b'{') => self.object(reading, tree, name, base)?,
            Some(b'[') => {
                self.enter(b'[')?;
                tree.open(Kind::Array, name);
                let mut first = true;
                while self.more(&mut first, b']')? {
                    self.value(reading, tree, "", base)?;
                }
                tree.close();
            }
            Some(b't') => self.word("true", Kind::Bool, tree, name)?,
            Some(b'f') => self.word("false", Kind::Bool, tree, name)?,
            Some(b'n') => self.word("null", Kind::Null, tree, name)?,
            Some(b'-' | b'0'..=b'9') => {
                let digits = self.number()?;
                tree.leaf(Kind::Number, name, &digits);
            }
            found => return Err(self.unexpected(found, "a value")),
        }
        reading.check_size(tree, base)
    }

    fn object(&mut self, reading: &Reading<'_>, tree: &mut Tree, name: RawName<'_>, base: &str) -> Result<(), Finding> {
        self.enter(b'{')?;
        tree.open(Kind::Object, name);
        let mut keys = Keys::default();
        let mut first = true;
        while self.more(&mut first, b'}')? {
            let key = self.key()?;
            self.unique(&mut keys, &key)?;
            self.value(reading, tree, &key, base)?;
        }
        tree.close();
        Ok(())
    }

    /// `Err` if the object already has the key.
    pub(super) fn unique(&self, keys: &mut Keys, key: &str) -> Result<(), Finding> {
        if keys.add(key) {
            return Ok(());
        }
        Err(Finding::new(
            FindingCode::DuplicateKey,
            self.place(),
            format!("the member {} stands twice", quoted(key)),
        ))
    }

    fn word(&mut self, word: &str, kind: Kind, tree: &mut Tree, name: RawName<'_>) -> Result<(), Finding> {
        self.literal(word)?;
        tree.leaf(kind, name, if kind == Kind::Bool { word } else { "" });
        Ok(())
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn literal(&mut self, word: &str) -> Result<(), Finding> {
        for wanted in word.bytes() {
            let found = self.peek_raw()?;
            if found != Some(wanted) {
                return Err(self.unexpected(found, &format!("`{word}`")));
            }
            self.skip(1);
        }
        Ok(())
    }

    /// A number in its digits.
    pub(super) fn number(&mut self) -> Result<String, Finding> {
        let mut digits = String::new();
        while let Some(byte @ (b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) = self.peek_raw()? {
            if digits.len() >= 400 {
                return Err(self.malformed("a number of more than 400 digits"));
            }
            digits.push(char::from(byte));
            self.skip(1);
        }
        if is_json_number(&digits) {
            Ok(digits)
        } else {
            Err(self.malformed(format!("{} is no JSON number", quoted(&digits))))
        }
    }

    /// A string, unescaped; it is good until the next call.
    pub(super) fn string(&mut self) -> Result<&str, Finding> {
        self.skip(1);
        self.scratch.clear();
        loop {
            let taken = match self.input.fill_buf() {
                Ok([]) => return Err(self.malformed("the document ends inside a string")),
                Ok(bytes) => {
                    let end = bytes.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ');
                    let end = end.unwrap_or(bytes.len());
                    self.scratch.extend_from_slice(&bytes[..end]);
                    (end, bytes.get(end).copied())
                }
                Err(error) => return Err(self.malformed(format!("cannot be read: {error}"))),
            };
            self.skip(taken.0);
            match taken.1 {
                None => {}
                Some(b'"') => {
                    self.skip(1);
                    break;
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.malformed("a control character inside a string")),
            }
        }
        let place = self.place();
        std::str::from_utf8(&self.scratch).map_err(|_| Finding::new(FindingCode::Malformed, place, "a string that is not UTF-8"))
    }

    fn escape(&mut self) -> Result<(), Finding> {
        self.skip(1);
        let found = self.peek_raw()?;
        let plain = match found {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.skip(1);
                let character = self.unicode()?;
                self.scratch.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            other => return Err(self.unexpected(other, "an escape")),
        };
        self.skip(1);
        self.scratch.push(plain);
        Ok(())
    }

    /// After `\u`: four hex digits, and the low half where they are a high surrogate.
    fn unicode(&mut self) -> Result<char, Finding> {
        let high = self.hex4()?;
        let code = if (0xD800..0xDC00).contains(&high) {
            if self.peek_raw()? != Some(b'\\') {
                return Err(self.malformed("a lone surrogate"));
            }
            self.skip(1);
            if self.peek_raw()? != Some(b'u') {
                return Err(self.malformed("a lone surrogate"));
            }
            self.skip(1);
            let low = self.hex4()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(self.malformed("a lone surrogate"));
            }
            0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        } else {
            high
        };
        match char::from_u32(code) {
            // PostgreSQL cannot hold it, and no identifier has it.
            Some('\0') => Err(self.malformed("the character NUL")),
            Some(character) => Ok(character),
            None => Err(self.malformed("a lone surrogate")),
        }
    }

    fn hex4(&mut self) -> Result<u32, Finding> {
        let mut code = 0;
        for _ in 0..4 {
            let found = self.peek_raw()?;
            let digit = found.and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected(found, "a hexadecimal digit"))?;
            self.skip(1);
        }
        Ok(code)
    }
}

/// The keys of one object.
#[derive(Debug, Default)]
pub(super) struct Keys {
    few: Vec<Box<str>>,
    many: HashSet<Box<str>>,
}

impl Keys {
    /// `false` if it was there.
    fn add(&mut self, key: &str) -> bool {
        if self.few.len() < 32 {
            let new = !self.few.iter().any(|known| **known == *key);
            if new {
                self.few.push(key.into());
            }
            return new;
        }
        !self.few.iter().any(|known| **known == *key) && self.many.insert(key.into())
    }
}

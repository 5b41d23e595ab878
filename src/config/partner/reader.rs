//! Reading TOML so that every problem of a file is found, with its line.
//!
//! Not serde: a derived reader stops at the first problem and does not say where a missing key belongs.
//! A [`Section`] is one table; what was asked of it is what it may hold, and [`Section::finish`] refuses the rest.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::time::Micros;

use super::ConfigError;

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// A key that a section may have, and how it is written: shown where it is missing or wrong.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
}

/// The problems of one file.
#[derive(Debug)]
pub(super) struct Problems {
    file: PathBuf,
    line_starts: Vec<usize>,
    found: RefCell<Vec<ConfigError>>,
}

impl Problems {
    pub(super) fn new(file: PathBuf, text: &str) -> Self {
        let line_starts = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1)
            .collect();
        Self {
            file,
            line_starts,
            found: RefCell::default(),
        }
    }

    /// One-based line of a byte offset.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        1 + self.line_starts.partition_point(|start| *start <= offset)
    }

    pub(super) fn add(&self, line: usize, cause: impl Into<String>, fix: impl Into<String>) {
        let error = ConfigError {
            file: self.file.clone(),
            line,
            cause: cause.into(),
            fix: fix.into(),
        };
        self.found.borrow_mut().push(error);
    }

    /// What `read` reads, and whether it did so without a new problem.
    pub(super) fn watch<T>(&self, read: impl FnOnce() -> T) -> (T, bool) {
        let before = self.found.borrow().len();
        let value = read();
        (value, self.found.borrow().len() == before)
    }

    pub(super) fn into_found(self) -> Vec<ConfigError> {
        self.found.into_inner()
    }
}

/// One table of a file.
pub(super) struct Section<'t> {
    /// As people see it: `the file`, `[[sites]]`, …
    title: String,
    line: usize,
    table: &'t DeTable<'t>,
    problems: &'t Problems,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(super) fn root(table: &'t DeTable<'t>, problems: &'t Problems) -> Self {
        Self {
            title: "the file".to_owned(),
            line: 1,
            table,
            problems,
            asked: Vec::new(),
        }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The line of a key; that of the table if it does not stand there.
    pub(super) fn line_of(&self, name: &str) -> usize {
        let key = self.table.iter().find(|(key, _)| key.get_ref() == name);
        key.map_or(self.line, |(key, _)| self.problems.line_of(key.span().start))
    }

    /// Problems of the file so far: what is read while they grow is not sound.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.found.borrow().len()
    }

    pub(super) fn problem(&self, line: usize, cause: impl Into<String>, fix: impl Into<String>) {
        self.problems.add(line, cause, fix);
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, key: &Key) -> Option<Located<String>> {
        self.present(key).and_then(|value| self.as_text(key, value))
    }

    /// A text that may be absent.
    pub(super) fn optional_text(&mut self, key: &Key) -> Option<Located<String>> {
        self.find(key).and_then(|value| self.as_text(key, value))
    }

    /// A text that must be there and be a `T`.
    pub(super) fn parsed<T>(&mut self, key: &Key, fix: &str) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(key)?;
        self.parse(key, text, fix)
    }

    /// A text that may be absent and must be a `T` if it is there.
    pub(super) fn optional_parsed<T>(&mut self, key: &Key, fix: &str) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.optional_text(key)?;
        self.parse(key, text, fix)
    }

    /// A list of texts, each a `T`; nothing if it is absent and need not be there.
    pub(super) fn list<T>(&mut self, key: &Key, required: bool, fix: &str) -> Vec<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let found = if required { self.present(key) } else { self.find(key) };
        let Some(value) = found else { return Vec::new() };
        let DeValue::Array(elements) = value.get_ref() else {
            self.wrong_type(key, "a list", value);
            return Vec::new();
        };
        if required && elements.is_empty() {
            let line = self.problems.line_of(value.span().start);
            self.problem(
                line,
                format!("`{}` is empty", key.name),
                format!("name at least one: `{} = {}`", key.name, key.example),
            );
        }
        let texts = elements.iter().filter_map(|element| self.as_text(key, element));
        texts.filter_map(|text| self.parse(key, text, fix)).collect()
    }

    /// A whole number within a range.
    pub(super) fn integer(&mut self, key: &Key, range: Range<u64>) -> Option<Located<u64>> {
        let value = self.find(key)?;
        self.as_integer(key, value, range)
    }

    /// One that must be there.
    pub(super) fn required_integer(&mut self, key: &Key, range: Range<u64>) -> Option<Located<u64>> {
        let value = self.present(key)?;
        self.as_integer(key, value, range)
    }

    fn as_integer(&self, key: &Key, value: &Spanned<DeValue<'_>>, range: Range<u64>) -> Option<Located<u64>> {
        let line = self.problems.line_of(value.span().start);
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, "a whole number", value);
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(Located { value: number, line }),
            _ => {
                let cause = format!("`{}` is `{}`", key.name, cut(integer.as_str()));
                self.problem(
                    line,
                    cause,
                    format!("give a whole number from {} to {}", range.start, range.end - 1),
                );
                None
            }
        }
    }

    /// `true` or `false`, `false` if absent.
    pub(super) fn flag(&mut self, key: &Key) -> bool {
        match self.find(key).map(|value| (value, value.get_ref())) {
            None => false,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((value, _)) => {
                self.wrong_type(key, "`true` or `false`", value);
                false
            }
        }
    }

    /// A date (its first moment in UTC) or a time with its zone.
    pub(super) fn time(&mut self, key: &Key) -> Option<Located<Micros>> {
        let value = self.present(key)?;
        self.as_time(key, value)
    }

    /// The same, of a key that may be missing.
    pub(super) fn optional_time(&mut self, key: &Key) -> Option<Located<Micros>> {
        let value = self.find(key)?;
        self.as_time(key, value)
    }

    fn as_time(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Located<Micros>> {
        let line = self.problems.line_of(value.span().start);
        let DeValue::Datetime(datetime) = value.get_ref() else {
            self.wrong_type(key, "a date without quotes", value);
            return None;
        };
        let text = match (datetime.time, datetime.offset) {
            (None, None) => format!("{datetime}T00:00:00Z"),
            _ => datetime.to_string(),
        };
        match Micros::parse(&text) {
            Ok(at) => Some(Located { value: at, line }),
            Err(_) => {
                let cause = format!("`{}` is `{datetime}`, which is no single moment", key.name);
                self.problem(
                    line,
                    cause,
                    format!("give a date or a time with its zone: `{} = {}`", key.name, key.example),
                );
                None
            }
        }
    }

    /// The tables of a list of tables (`[[name]]`).
    pub(super) fn sections(&mut self, key: &Key) -> Vec<Section<'t>> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let DeValue::Array(elements) = value.get_ref() else {
            self.wrong_type(key, "a list of tables", value);
            return Vec::new();
        };
        elements
            .iter()
            .filter_map(|element| self.as_section(key, format!("`[[{}]]`", key.name), element))
            .collect()
    }

    /// A table (`[name]`).
    pub(super) fn section(&mut self, key: &Key) -> Option<Section<'t>> {
        let value = self.find(key)?;
        self.as_section(key, format!("`{}`", key.name), value)
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(self) {
        for (key, _) in self
            .table
            .iter()
            .filter(|(key, _)| !self.asked.contains(&key.get_ref().as_ref()))
        {
            let line = self.problems.line_of(key.span().start);
            let name = key.get_ref().as_ref();
            let fix = match self.asked.iter().find(|known| near(known, name)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("remove it; {} has: {}", self.title, self.asked.join(", ")),
            };
            self.problem(line, format!("unknown key `{}` in {}", cut(name), self.title), fix);
        }
    }

    fn find(&mut self, key: &Key) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key.name);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key.name)
            .map(|(_, value)| value)
    }

    fn present(&mut self, key: &Key) -> Option<&'t Spanned<DeValue<'t>>> {
        let found = self.find(key);
        if found.is_none() {
            let fix = format!("add `{} = {}`", key.name, key.example);
            self.problem(self.line, format!("`{}` is missing in {}", key.name, self.title), fix);
        }
        found
    }

    fn as_text(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Located<String>> {
        let line = self.problems.line_of(value.span().start);
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(key, "a text in quotes", value);
            return None;
        };
        Some(Located {
            value: text.clone().into_owned(),
            line,
        })
    }

    fn as_section(&self, key: &Key, title: String, value: &'t Spanned<DeValue<'t>>) -> Option<Section<'t>> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(key, "a table", value);
            return None;
        };
        let line = self.problems.line_of(value.span().start);
        Some(Section {
            title,
            line,
            table,
            problems: self.problems,
            asked: Vec::new(),
        })
    }

    fn parse<T>(&self, key: &Key, text: Located<String>, fix: &str) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.value.parse() {
            Ok(value) => Some(Located { value, line: text.line }),
            Err(error) => {
                self.problem(text.line, format!("`{}`: {error}", key.name), fix);
                None
            }
        }
    }

    fn wrong_type(&self, key: &Key, expected: &str, value: &Spanned<DeValue<'_>>) {
        let line = self.problems.line_of(value.span().start);
        let cause = format!("`{}` holds {}, not {expected}", key.name, kind_of(value.get_ref()));
        self.problem(line, cause, format!("write it as `{} = {}`", key.name, key.example));
    }
}

/// The beginning of what somebody wrote, so that a message never repeats a whole file.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// At most two letters apart (Levenshtein), as typing errors are.
fn near(a: &str, b: &str) -> bool {
    let b: Vec<char> = b.chars().take(41).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()] <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_from_one() {
        let problems = Problems::new("x".into(), "a\nb\n\nc");
        for (offset, line) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4)] {
            assert_eq!(problems.line_of(offset), line, "offset {offset}");
        }
    }

    #[test]
    fn knows_typing_errors() {
        for (a, b, expect) in [
            ("country", "contry", true),
            ("gln", "gln", true),
            ("gln", "products", false),
            ("sites", "site", true),
        ] {
            assert_eq!(near(a, b), expect, "{a} {b}");
        }
    }
}

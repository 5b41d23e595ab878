//! A list of serial numbers as it comes in, CSV or JSON lines, piece by piece: what `GET …/serials` writes is what this reads.
//!
//! | format | rows |
//! |---|---|
//! | CSV (RFC 4180) | first line `gtin,serial` or `serial`, in any order and with other columns, which are not read |
//! | JSON lines | `{"gtin":"…","serial":"…"}`, the GTIN may be left out |
//!
//! Every row names the product of the list, or none. It checks form alone; a row without a number is a row, so that the report of what
//! is wrong names lines as the sender counts them.

use std::borrow::Cow;

use crate::domain::gs1::Gtin;
use crate::domain::serial::listed::SerialList;
use crate::service::serial::too_long;
use crate::service::{Code, ServiceError};

/// Longest line: a serial has 20 characters, other columns may stand beside it.
const LINE_BYTES: usize = 4_096;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum ListFormat {
    Csv,
    JsonLines,
}

/// Which columns of a CSV hold what.
#[derive(Debug, Clone, Copy)]
struct Columns {
    gtin: Option<usize>,
    serial: usize,
}

/// A list that is being read.
#[derive(Debug)]
pub(in crate::transport) struct ListReader {
    format: ListFormat,
    most: usize,
    gtin: Option<Gtin>,
    columns: Option<Columns>,
    line: u64,
    /// Empty lines that may be the end of the list.
    blank: usize,
    rest: Vec<u8>,
    serials: SerialList,
}

/// A list that was read.
#[derive(Debug)]
pub(in crate::transport) struct ReadList {
    pub(in crate::transport) gtin: Gtin,
    pub(in crate::transport) serials: SerialList,
    pub(in crate::transport) first_line: u64,
}

#[derive(serde::Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    gtin: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    serial: Cow<'a, str>,
}

impl ListReader {
    /// For a list of `gtin`, if the caller says so beforehand, of at most `most` rows.
    pub(in crate::transport) fn new(format: ListFormat, gtin: Option<Gtin>, most: usize) -> Self {
        Self {
            format,
            most,
            gtin,
            columns: None,
            line: 0,
            blank: 0,
            rest: Vec::new(),
            serials: SerialList::default(),
        }
    }

    /// The next piece, wherever it was cut.
    pub(in crate::transport) fn push(&mut self, piece: &[u8]) -> Result<(), ServiceError> {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return if self.rest.len() > LINE_BYTES {
                Err(self.wrong("is too long"))
            } else {
                Ok(())
            };
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        whole[..end].split(|byte| *byte == b'\n').try_for_each(|line| self.row(line))
    }

    /// The end of the list.
    pub(in crate::transport) fn finish(mut self) -> Result<ReadList, ServiceError> {
        let last = std::mem::take(&mut self.rest);
        if !last.is_empty() {
            self.row(&last)?;
        }
        let no_product = || refuse("the list names no product: add the column `gtin`, or the query parameter `gtin`");
        Ok(ReadList {
            gtin: self.gtin.ok_or_else(no_product)?,
            serials: self.serials,
            first_line: match self.format {
                ListFormat::Csv => 2,
                ListFormat::JsonLines => 1,
            },
        })
    }

    fn row(&mut self, line: &[u8]) -> Result<(), ServiceError> {
        self.line += 1;
        if line.len() > LINE_BYTES {
            return Err(self.wrong("is too long"));
        }
        let line = std::str::from_utf8(line).map_err(|_| self.wrong("is not UTF-8"))?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        // A byte order mark, as spreadsheets write it.
        let line = if self.line == 1 {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() && self.line > 1 {
            self.blank += 1;
            return Ok(());
        }
        for _ in 0..std::mem::take(&mut self.blank) {
            self.add("")?;
        }
        match self.format {
            ListFormat::Csv => self.csv(line),
            ListFormat::JsonLines => self.json(line),
        }
    }

    fn csv(&mut self, line: &str) -> Result<(), ServiceError> {
        let fields = fields(line).ok_or_else(|| self.wrong("has a quotation mark that does not end (RFC 4180)"))?;
        let Some(columns) = self.columns else {
            let place = |name: &str| fields.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
            let serial = place("serial").ok_or_else(|| self.wrong("is the header, and names no column `serial`"))?;
            self.columns = Some(Columns {
                gtin: place("gtin"),
                serial,
            });
            return Ok(());
        };
        if let Some(gtin) = columns.gtin {
            self.of_product(fields.get(gtin).map_or("", |field| field.as_ref()))?;
        }
        self.add(fields.get(columns.serial).map_or("", |field| field.as_ref()))
    }

    fn json(&mut self, line: &str) -> Result<(), ServiceError> {
        // An array would pass for an object whose keys are left out.
        let row = Some(line).filter(|line| line.trim_start().starts_with('{'));
        let row: Option<Row<'_>> = row.and_then(|line| serde_json::from_str(line).ok());
        let row = row.ok_or_else(|| self.wrong("is no JSON object with the text `serial`"))?;
        if let Some(gtin) = &row.gtin {
            self.of_product(gtin)?;
        }
        self.add(&row.serial)
    }

    fn of_product(&mut self, text: &str) -> Result<(), ServiceError> {
        if self.gtin.is_some_and(|gtin| gtin.as_str() == text) {
            return Ok(());
        }
        let gtin: Gtin = text
            .parse()
            .map_err(|_| self.wrong("names no GTIN: 8, 12, 13 or 14 digits with a right check digit"))?;
        match self.gtin {
            None => {
                self.gtin = Some(gtin);
                Ok(())
            }
            Some(named) if named == gtin => Ok(()),
            Some(_) => Err(self.wrong("is of another product: send one list for each product")),
        }
    }

    fn add(&mut self, serial: &str) -> Result<(), ServiceError> {
        if self.serials.len() >= self.most {
            return Err(too_long(self.most));
        }
        self.serials.push(serial);
        Ok(())
    }

    fn wrong(&self, what: &str) -> ServiceError {
        refuse(&format!("line {} {what}", self.line))
    }
}

/// The fields of a CSV line (RFC 4180 clause 2); none if a quotation mark stays open.
fn fields(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = rest
                .split_once(',')
                .map_or((rest, None), |(field, after)| (field, Some(after)));
            fields.push(Cow::Borrowed(field));
            match after {
                Some(after) => rest = after,
                None => return Some(fields),
            }
            continue;
        };
        let (field, after) = quoted_field(quoted)?;
        fields.push(field);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// The text up to the closing quotation mark, and what stands behind it.
fn quoted_field(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let mark = from + text.get(from..)?.find('"')?;
        let after = text.get(mark + 1..)?;
        if after.starts_with('"') {
            from = mark + 2;
        } else {
            let field = text.get(..mark)?;
            return Some(match from {
                0 => (Cow::Borrowed(field), after),
                _ => (Cow::Owned(field.replace("\"\"", "\"")), after),
            });
        }
    }
}

fn refuse(detail: &str) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GTIN: &str = "09521001001014";

    fn read(format: ListFormat, gtin: Option<&str>, text: &str) -> Result<Vec<String>, String> {
        let gtin = gtin.map(|gtin| gtin.parse().unwrap());
        // Cut at each byte, and not at all: the same.
        let mut whole = ListReader::new(format, gtin, 5);
        let mut cut = ListReader::new(format, gtin, 5);
        let by_bytes = text
            .as_bytes()
            .iter()
            .try_for_each(|byte| cut.push(&[*byte]))
            .and_then(|()| cut.finish());
        let at_once = whole.push(text.as_bytes()).and_then(|()| whole.finish());
        let shown = |read: Result<ReadList, ServiceError>| {
            read.map(|read| {
                assert_eq!(read.gtin.as_str(), GTIN);
                read.serials.iter().map(str::to_owned).collect::<Vec<_>>()
            })
            .map_err(|error| error.to_string())
        };
        let (by_bytes, at_once) = (shown(by_bytes), shown(at_once));
        assert_eq!(by_bytes, at_once, "{text}");
        at_once
    }

    #[test]
    fn csv_is_read_as_it_is_written() {
        let check = |text: &str, expect: &[&str]| assert_eq!(read(ListFormat::Csv, None, text).unwrap(), expect, "{text}");
        check("gtin,serial\r\n09521001001014,A1\r\n09521001001014,A2\r\n", &["A1", "A2"]);
        check("\u{feff}serial;x,gtin,Serial\n,09521001001014,\"A,\"\"1\"", &["A,\"1"]);
        check("serial,gtin\nA1,09521001001014\n\nA3,09521001001014\n\n\n", &["A1", "", "A3"]);
        check("serial,gtin\n,09521001001014\n", &[""]);
        assert_eq!(read(ListFormat::Csv, Some(GTIN), "serial\nA1").unwrap(), ["A1"]);
        assert_eq!(read(ListFormat::Csv, Some(GTIN), "serial\n").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn json_lines_are_read_as_they_are_written() {
        let text = "{\"gtin\":\"09521001001014\",\"serial\":\"A,\\\"1\"}\n{\"serial\":\"A2\"}\n{}\n";
        assert_eq!(read(ListFormat::JsonLines, None, text).unwrap(), ["A,\"1", "A2", ""]);
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        let check = |format, gtin, text: &str, expect: &str| {
            let error = read(format, gtin, text).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check(ListFormat::Csv, None, "gtin\n09521001001014", "line 1 is the header");
        check(ListFormat::Csv, None, "serial\nA1", "names no product");
        check(ListFormat::Csv, Some(GTIN), "serial\n\"A1", "line 2 has a quotation mark");
        check(ListFormat::Csv, Some(GTIN), "serial\n\"A1\"x", "line 2 has a quotation mark");
        check(ListFormat::Csv, Some(GTIN), "serial\n1\n2\n3\n4\n5\n6", "more than 5");
        check(
            ListFormat::Csv,
            Some(GTIN),
            "gtin,serial\n09521001002011,A1",
            "line 2 is of another product",
        );
        check(ListFormat::Csv, None, "gtin,serial\n1,A1", "line 2 names no GTIN");
        check(
            ListFormat::JsonLines,
            Some(GTIN),
            "{\"serial\":\"A1\"}\n[]",
            "line 2 is no JSON object",
        );
        check(ListFormat::JsonLines, Some(GTIN), &"x".repeat(5_000), "line 0 is too long");
    }
}

//! Serial numbers in lines of text: CSV with or without a header, JSON lines, or one number a line. What the first line is, all are.
//!
//! It reads lines, not files, and does not know whether a number is one. A field of CSV does not run over the end of its line.

use std::fmt;

/// One line's number, and what it says that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The column `gtin`, if there is one and it is not empty.
    pub gtin: Option<String>,
    /// The number.
    pub serial: String,
}

/// A line that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowError {
    /// A quote opens and does not close, or text stands behind it.
    Quotes,
    /// Fewer fields than the header names.
    Fields,
    /// Not a JSON object with the text member `serial`.
    Json,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quotes => "the quotes of a field do not match (RFC 4180)",
            Self::Fields => "it has fewer fields than the header line",
            Self::Json => "it is no JSON object with the members `serial` and, if it is not the same for all, `gtin`",
        })
    }
}

impl std::error::Error for RowError {}

/// Reads line after line.
#[derive(Debug, Clone, Default)]
pub struct Table {
    shape: Shape,
}

#[derive(Debug, Clone, Copy, Default)]
enum Shape {
    /// No line yet.
    #[default]
    Unknown,
    /// Fields at these places.
    Csv {
        gtin: Option<usize>,
        serial: usize,
    },
    Json,
}

#[derive(serde::Deserialize)]
struct JsonRow {
    gtin: Option<String>,
    serial: String,
}

/// Columns that hold numbers: those of a download, and whatever else a number was written as.
const SERIAL_COLUMNS: [&str; 4] = ["serial", "sscc", "epc", "number"];

impl Table {
    /// A line, with or without its line break; nothing for a header or an empty line.
    pub fn row(&mut self, line: &str) -> Result<Option<Row>, RowError> {
        let line = line.trim_end_matches(['\r', '\n']);
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.trim().is_empty() {
            return Ok(None);
        }
        if let Shape::Unknown = self.shape {
            let (shape, is_header) = shape(line)?;
            self.shape = shape;
            if is_header {
                return Ok(None);
            }
        }
        match self.shape {
            Shape::Unknown => Ok(None),
            Shape::Json => {
                let row: JsonRow = serde_json::from_str(line).map_err(|_| RowError::Json)?;
                Ok(Some(Row {
                    gtin: row.gtin.filter(|gtin| !gtin.is_empty()),
                    serial: row.serial,
                }))
            }
            Shape::Csv { gtin, serial } => {
                let mut fields = fields(line)?;
                let mut take = |at: usize| fields.get_mut(at).map(std::mem::take).ok_or(RowError::Fields);
                let serial = take(serial)?;
                let gtin = gtin.map(take).transpose()?.filter(|gtin| !gtin.is_empty());
                Ok(Some(Row { gtin, serial }))
            }
        }
    }
}

/// What the first line says of all.
fn shape(line: &str) -> Result<(Shape, bool), RowError> {
    if line.trim_start().starts_with('{') {
        return Ok((Shape::Json, false));
    }
    let names: Vec<String> = fields(line)?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    let gtin = place("gtin");
    Ok(match SERIAL_COLUMNS.iter().find_map(|name| place(name)) {
        Some(serial) => (Shape::Csv { gtin, serial }, true),
        // No header: one number a line, or product and number.
        None if names.len() > 1 => (
            Shape::Csv {
                gtin: Some(0),
                serial: 1,
            },
            false,
        ),
        None => (Shape::Csv { gtin: None, serial: 0 }, false),
    })
}

/// The fields of a line (RFC 4180 clause 2).
fn fields(line: &str) -> Result<Vec<String>, RowError> {
    let (mut fields, mut rest) = (Vec::new(), line);
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, behind) = rest.split_at(end);
                (field.to_owned(), behind)
            }
        };
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(fields),
            None => return Err(RowError::Quotes),
        }
    }
}

/// The text up to the closing quote, and what follows.
fn unquote(quoted: &str) -> Result<(String, &str), RowError> {
    let (mut field, mut rest) = (String::new(), quoted);
    loop {
        let (text, behind) = rest.split_once('"').ok_or(RowError::Quotes)?;
        field.push_str(text);
        match behind.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(Option<String>, String)>, RowError> {
        let mut table = Table::default();
        let rows: Result<Vec<_>, _> = text.split_inclusive('\n').map(|line| table.row(line)).collect();
        Ok(rows?.into_iter().flatten().map(|row| (row.gtin, row.serial)).collect())
    }

    #[test]
    fn every_way_of_writing_a_list_is_read() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let expect: Vec<_> = expect
                .iter()
                .map(|(gtin, serial)| (Some((*gtin).to_owned()).filter(|gtin| !gtin.is_empty()), (*serial).to_owned()))
                .collect();
            assert_eq!(read(text), Ok(expect), "{text}");
        };
        check("", &[]);
        check("gtin,serial\r\n1,A\r\n1,\"B,\"\"2\"\r\n", &[("1", "A"), ("1", "B,\"2")]);
        check("\u{feff}Serial,GTIN\nA,1\nB,\n", &[("1", "A"), ("", "B")]);
        check("A\nB\n\nC", &[("", "A"), ("", "B"), ("", "C")]);
        check("1,A\n2,B", &[("1", "A"), ("2", "B")]);
        check("sscc\n395210020000000018", &[("", "395210020000000018")]);
        check(
            "{\"gtin\":\"1\",\"serial\":\"A\"}\n{\"serial\":\"B\"}",
            &[("1", "A"), ("", "B")],
        );
        check("epc\nhttps://id.gs1.org/01/1/21/A", &[("", "https://id.gs1.org/01/1/21/A")]);
    }

    #[test]
    fn a_line_that_is_none_says_what_is_wrong() {
        let check = |text: &str, expect| assert_eq!(read(text), Err(expect), "{text}");
        check("serial\n\"A", RowError::Quotes);
        check("serial\n\"A\"B", RowError::Quotes);
        check("gtin,serial\n1", RowError::Fields);
        check("{\"serial\":\"A\"}\nB", RowError::Json);
        check("{\"gtin\":\"A\"}", RowError::Json);
        check("{", RowError::Json);
    }
}

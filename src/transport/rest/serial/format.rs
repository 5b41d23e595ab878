//! How the numbers of a download are written, and which format a caller gets.
//!
//! | format | media type | content |
//! |---|---|---|
//! | `csv` (default) | `text/csv; charset=utf-8; header=present` | RFC 4180, CRLF; first line `gtin,serial`, of SSCCs `sscc` |
//! | `jsonl` | `application/jsonl` | one line a serial: `{"gtin":"…","serial":"…"}`, of SSCCs `{"sscc":"…"}` |
//! | `json` | `application/json` | one array of such objects |
//! | `epc-uri` | `text/uri-list` | one `urn:epc:id:sgtin:…` or `urn:epc:id:sscc:…` a line, CRLF (RFC 2483) |
//! | `digital-link` | `text/uri-list` | one `https://id.gs1.org/01/…/21/…` or `https://id.gs1.org/00/…` a line |
//! | `element-string` | `text/plain; charset=utf-8` | one `(01)…(21)…` or `(00)…` a line, as printed below a barcode |
//! | `element-string-raw` | `text/plain; charset=utf-8` | the same without brackets, as a scanner gives it |
//! | `sgtin-96`, `sgtin-198`, `sscc-96` | `text/plain; charset=utf-8` | the bits of a tag in hexadecimal digits, `?filter=` 0 (default) to 7 |
//!
//! `Accept` chooses among the first four and `element-string`; the others are asked for by name.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};

use crate::domain::gs1::{MAX_FILTER, TagScheme};
use crate::domain::serial::form::{Form, FormError, SerialWriter};
use crate::domain::serial::numbered::Numbered;
use crate::service::{Code, ServiceError};
use crate::transport::numbers::Layout;

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
    Json,
    /// One a line.
    Lines(Form),
}

/// Those that `Accept` chooses among, the preferred first, with the ranges that name them, the most specific first.
const ACCEPTED: [(Format, [&str; 3]); 5] = [
    (Format::Csv, ["text/csv", "text/*", "*/*"]),
    (Format::JsonLines, ["application/jsonl", "application/*", "*/*"]),
    (Format::Json, ["application/json", "application/*", "*/*"]),
    (Format::Lines(Form::EpcUri), ["text/uri-list", "text/*", "*/*"]),
    (Format::Lines(Form::ElementString), ["text/plain", "text/*", "*/*"]),
];

impl Format {
    /// By the name in `?format=`; `filter` is the filter value of tags.
    pub(super) fn named(name: &str, filter: Option<u8>) -> Result<Self, ServiceError> {
        let tag = |scheme| Self::Lines(Form::Hex(scheme, filter.unwrap_or(0)));
        let format = match name {
            "csv" => Self::Csv,
            "jsonl" => Self::JsonLines,
            "json" => Self::Json,
            "epc-uri" => Self::Lines(Form::EpcUri),
            "digital-link" => Self::Lines(Form::DigitalLink),
            "element-string" => Self::Lines(Form::ElementString),
            "element-string-raw" => Self::Lines(Form::RawElementString),
            "sgtin-96" => tag(TagScheme::Sgtin96),
            "sgtin-198" => tag(TagScheme::Sgtin198),
            "sscc-96" => tag(TagScheme::Sscc96),
            other => {
                let other: String = other.chars().take(20).collect();
                return Err(ServiceError::refused(
                    Code::BadInput,
                    format!(
                        "there is no format `{other}`: ask for csv, jsonl, json, epc-uri, digital-link, element-string, \
                         element-string-raw, sgtin-96, sgtin-198 or sscc-96"
                    ),
                ));
            }
        };
        match format {
            Self::Lines(Form::Hex(_, filter)) if filter > MAX_FILTER => Err(ServiceError::refused(
                Code::BadInput,
                format!("`filter` is {filter}: a filter value is 0 to {MAX_FILTER}"),
            )),
            Self::Lines(Form::Hex(..)) => Ok(format),
            Self::Csv | Self::JsonLines | Self::Json | Self::Lines(_) if filter.is_none() => Ok(format),
            Self::Csv | Self::JsonLines | Self::Json | Self::Lines(_) => Err(ServiceError::refused(
                Code::BadInput,
                "`filter` is for the formats sgtin-96, sgtin-198 and sscc-96 alone",
            )),
        }
    }

    /// The acceptable format of the greatest weight, the preferred one among equals (RFC 9110 clause 12.5.1).
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let ranges: Vec<_> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .collect();
        if ranges.is_empty() {
            return Some(Self::Csv);
        }
        // The most specific range that names it says its weight.
        let weight_of = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| ranges.iter().find_map(|range| weight(range, name)))
                .unwrap_or(0)
        };
        let mut best = None;
        for (format, names) in ACCEPTED {
            let weight = weight_of(&names);
            if weight > best.map_or(0, |(best, _)| best) {
                best = Some((weight, format));
            }
        }
        best.map(|(_, format)| format)
    }

    /// The media type, and how a file of it ends.
    pub(super) fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            Self::JsonLines => ("application/jsonl", "jsonl"),
            Self::Json => ("application/json", "json"),
            Self::Lines(Form::EpcUri | Form::DigitalLink) => ("text/uri-list", "txt"),
            Self::Lines(Form::Bare | Form::ElementString | Form::RawElementString | Form::Hex(..) | Form::TagUri(..)) => {
                ("text/plain; charset=utf-8", "txt")
            }
        }
    }

    /// How each number is spelled in it.
    pub(super) fn form(self) -> Form {
        match self {
            Self::Csv | Self::JsonLines | Self::Json => Form::Bare,
            Self::Lines(form) => form,
        }
    }

    /// The layout of a list of numbers.
    pub(super) fn layout(self, numbered: Numbered, writer: SerialWriter) -> impl Layout {
        List {
            format: self,
            key: numbered.gtin().map(|gtin| gtin.to_string()),
            writer,
            first: true,
        }
    }
}

/// The weight of a media range in thousandths, if it is this one.
fn weight(range: &str, name: &str) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(name) {
        return None;
    }
    let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some(q.map_or(1_000, |q| {
        q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1_000.0) as u32)
    }))
}

/// A list in one of the formats.
struct List {
    format: Format,
    /// The GTIN; none of SSCCs.
    key: Option<String>,
    writer: SerialWriter,
    first: bool,
}

impl List {
    fn object(&self, serial: &str) -> String {
        match &self.key {
            Some(gtin) => serde_json::json!({ "gtin": gtin, "serial": serial }).to_string(),
            None => serde_json::json!({ "sscc": serial }).to_string(),
        }
    }
}

impl Layout for List {
    fn head(&mut self) -> String {
        let text = match (self.format, &self.key) {
            (Format::Csv, Some(_)) => "gtin,serial\r\n",
            (Format::Csv, None) => "sscc\r\n",
            (Format::Json, _) => "[",
            (Format::JsonLines | Format::Lines(_), _) => "",
        };
        text.to_owned()
    }

    fn serial(&mut self, serial: &str, out: &mut String) -> Result<(), FormError> {
        match self.format {
            Format::Csv => {
                if let Some(gtin) = &self.key {
                    out.extend([gtin.as_str(), ","]);
                }
                out.extend([&csv_field(serial), "\r\n"]);
            }
            Format::JsonLines => out.extend([self.object(serial).as_str(), "\n"]),
            Format::Json => {
                out.push_str(if std::mem::take(&mut self.first) { "\n" } else { ",\n" });
                out.push_str(&self.object(serial));
            }
            Format::Lines(_) => {
                self.writer.write(serial, out)?;
                out.push_str("\r\n");
            }
        }
        Ok(())
    }

    fn tail(&mut self) -> String {
        match self.format {
            Format::Json => "\n]\n".to_owned(),
            Format::Csv | Format::JsonLines | Format::Lines(_) => String::new(),
        }
    }
}

/// Quotes where RFC 4180 clause 2 asks for it; serial numbers have no line breaks.
pub(in crate::transport) fn csv_field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_format_follows_accept() {
        let check = |accept: &[&str], expect| {
            let headers = accept
                .iter()
                .map(|value| (header::ACCEPT, HeaderValue::from_str(value).unwrap()))
                .collect();
            assert_eq!(Format::accepted(&headers), expect, "{accept:?}");
        };
        check(&[], Some(Format::Csv));
        check(&["*/*"], Some(Format::Csv));
        check(&["text/csv"], Some(Format::Csv));
        check(&["application/jsonl"], Some(Format::JsonLines));
        check(&["application/json"], Some(Format::Json));
        check(&["application/*"], Some(Format::JsonLines));
        check(&["application/jsonl;q=0, application/*"], Some(Format::Json));
        check(&["text/uri-list"], Some(Format::Lines(Form::EpcUri)));
        check(&["text/plain"], Some(Format::Lines(Form::ElementString)));
        check(&["text/csv;q=0.2, application/jsonl"], Some(Format::JsonLines));
        check(&["text/csv;q=0.2", "application/jsonl; q=0.5"], Some(Format::JsonLines));
        check(&["application/jsonl;q=0, */*"], Some(Format::Csv));
        check(&["text/csv;q=0, */*;q=0.1"], Some(Format::JsonLines));
        check(&["text/csv; header=present"], Some(Format::Csv));
        check(&["application/xml"], None);
        check(&["text/csv;q=0"], None);
        check(&["text/csv;q=x"], None);
        check(&[""], None);
    }

    #[test]
    fn a_filter_belongs_to_tags() {
        assert_eq!(
            Format::named("sgtin-96", Some(3)).unwrap(),
            Format::Lines(Form::Hex(TagScheme::Sgtin96, 3))
        );
        assert_eq!(
            Format::named("sscc-96", None).unwrap(),
            Format::Lines(Form::Hex(TagScheme::Sscc96, 0))
        );
        assert_eq!(Format::named("sgtin-96", Some(8)).unwrap_err().code(), Code::BadInput);
        assert_eq!(Format::named("csv", Some(3)).unwrap_err().code(), Code::BadInput);
        assert_eq!(Format::named("sgtin", None).unwrap_err().code(), Code::BadInput);
    }

    fn written(format: Format, numbered: &str, serials: &[&str]) -> String {
        let numbered: Numbered = numbered.parse().unwrap();
        let writer = SerialWriter::new(format.form(), &numbered, Some(7)).unwrap();
        let mut layout = format.layout(numbered, writer);
        let mut text = layout.head();
        for serial in serials {
            layout.serial(serial, &mut text).unwrap();
        }
        text + &layout.tail()
    }

    #[test]
    fn lines_are_quoted_as_their_format_asks() {
        let check = |format, expect: &str| assert_eq!(written(format, "09521234000013", &["A1", "A,\"1"]), expect);
        check(
            Format::Csv,
            "gtin,serial\r\n09521234000013,A1\r\n09521234000013,\"A,\"\"1\"\r\n",
        );
        let objects = [
            "{\"gtin\":\"09521234000013\",\"serial\":\"A1\"}",
            "{\"gtin\":\"09521234000013\",\"serial\":\"A,\\\"1\"}",
        ];
        check(Format::JsonLines, &format!("{}\n{}\n", objects[0], objects[1]));
        check(Format::Json, &format!("[\n{},\n{}\n]\n", objects[0], objects[1]));
        check(
            Format::Lines(Form::EpcUri),
            "urn:epc:id:sgtin:9521234.000001.A1\r\nurn:epc:id:sgtin:9521234.000001.A,%221\r\n",
        );
        assert_eq!(written(Format::Json, "09521234000013", &[]), "[\n]\n");
    }

    #[test]
    fn ssccs_have_no_product() {
        let check = |format, expect: &str| assert_eq!(written(format, "0614141:1", &["106141412345678908"]), expect);
        check(Format::Csv, "sscc\r\n106141412345678908\r\n");
        check(Format::JsonLines, "{\"sscc\":\"106141412345678908\"}\n");
        check(
            Format::Lines(Form::DigitalLink),
            "https://id.gs1.org/00/106141412345678908\r\n",
        );
        check(Format::Lines(Form::Hex(TagScheme::Sscc96, 3)), "3174257BF4499602D2000000\r\n");
    }
}

//! Plain CSV (RFC 4180): a line of names and one line that asks, answered with the numbers as CSV, or with a code and a text.
//!
//! | column | |
//! |---|---|
//! | `gtin` | 8 to 14 digits; of SSCCs company prefix and extension digit, `9521002\|3` |
//! | `quantity` | how many |
//! | `key` | the sender's own name for the request: sent again, the same numbers come |
//! | `lot`, `site`, `line`, `purchase_order`, `purchase_order_line`, `work_order`, `reference` | may be left out or empty |

use crate::domain::serial::allocation::Documents;
use crate::service::Code;
use crate::transport::rest::serial::format::csv_field;

use super::message::{Answer, Ask, DialectFault, Message, Refusal, Reply, Want, Wire, gtin, place, quantity};
use super::snx::series;

const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";
const COLUMNS: [&str; 10] = [
    "gtin",
    "quantity",
    "key",
    "lot",
    "site",
    "line",
    "purchase_order",
    "purchase_order_line",
    "work_order",
    "reference",
];

/// A refusal of what was not read at all.
pub(super) fn refuse(refusal: &Refusal) -> Wire {
    let wire = Response.refused(refusal);
    Wire {
        status: refusal.status(),
        ..wire
    }
}

/// A file of two lines.
pub(super) fn read(bytes: &[u8]) -> Result<Message, DialectFault> {
    let fault = |detail: String| {
        let refusal = Refusal::new(Code::InvalidDocument, detail);
        DialectFault(refuse(&refusal), refusal)
    };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| fault("the file is not UTF-8".to_owned()))?;
    let mut lines = records(text).map_err(fault)?.into_iter();
    let (Some(names), Some(values), None) = (lines.next(), lines.next(), lines.next()) else {
        let detail = "send two lines: the names `gtin,quantity,key` (and what else you need), and one line with the values";
        return Err(fault(detail.to_owned()));
    };
    if names.len() != values.len() {
        return Err(fault(format!(
            "{} columns have names, {} have values",
            names.len(),
            values.len()
        )));
    }
    let unknown = |name: &&String| !COLUMNS.contains(&name.as_str());
    if let Some(name) = names.iter().find(unknown) {
        let name: String = name.chars().take(40).collect();
        return Err(fault(format!(
            "there is no column `{name}`: there are {}",
            COLUMNS.join(", ")
        )));
    }
    if let Some((at, name)) = names
        .iter()
        .enumerate()
        .find(|(at, name)| names.iter().take(*at).any(|other| other == *name))
    {
        return Err(fault(format!("column {} is `{name}` again", at + 1)));
    }
    let fields: Vec<(String, String)> = names.into_iter().zip(values).collect();
    Ok(Message {
        ask: ask(&fields).map(Ask::Numbers),
        reply: Box::new(Response),
    })
}

fn ask(fields: &[(String, String)]) -> Result<Want, Refusal> {
    let value = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    };
    let required = |name: &str| value(name).ok_or_else(|| Refusal::bad(format!("the column `{name}` is missing or empty")));
    let text = |name: &str| value(name).map(str::to_owned);
    let object = required("gtin")?;
    let numbered = if object.contains('|') {
        series(object)?
    } else {
        gtin("gtin", object)?
    };
    Ok(Want {
        key: Some(format!("csv/{}", required("key")?)),
        site: match value("site") {
            Some(site) => Some(place("site", site)?),
            None => None,
        },
        lot: text("lot"),
        line: text("line"),
        documents: Documents {
            purchase_order: text("purchase_order"),
            purchase_order_line: text("purchase_order_line"),
            work_order: text("work_order"),
            reference: text("reference"),
        },
        ..Want::new(numbered, quantity("quantity", required("quantity")?)?)
    })
}

/// Records and their fields; empty lines are passed over.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(record) = records.last_mut() else { break };
        let Some(field) = record.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            '"' => return Err("a quote stands in the middle of a field".to_owned()),
            ',' if !quoted => record.push(String::new()),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => records.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    records.retain(|record| record.iter().any(|field| !field.is_empty()));
    Ok(records)
}

/// What is answered: the layout of downloads.
struct Response;

impl Reply for Response {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    fn head(&self, answer: &Answer) -> String {
        let head = if answer.numbered.gtin().is_some() {
            "gtin,serial\r\n"
        } else {
            "sscc\r\n"
        };
        head.to_owned()
    }

    fn number(&self, answer: &Answer, spelled: &str, out: &mut String) {
        if let Some(gtin) = answer.numbered.gtin() {
            out.extend([gtin.as_str(), ","]);
        }
        out.extend([&csv_field(spelled), "\r\n"]);
    }

    fn tail(&self, _answer: &Answer) -> String {
        String::new()
    }

    fn refused(&self, refusal: &Refusal) -> Wire {
        Wire {
            status: refusal.status(),
            content_type: CONTENT_TYPE,
            text: format!("code,message\r\n{},{}\r\n", refusal.code.as_str(), csv_field(&refusal.detail)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::message::tests::written;
    use super::*;

    /// A file that asks for two numbers.
    pub(in crate::transport::dialect) const REQUEST: &str = "gtin,quantity,lot,key\r\n09521001001014,2,\"L,1\",order-1\r\n";

    #[test]
    fn a_line_is_a_request() {
        let Ok(Ask::Numbers(want)) = read(REQUEST.as_bytes()).unwrap().ask else {
            panic!()
        };
        assert_eq!(
            (want.quantity, want.lot.as_deref(), want.key.as_deref()),
            (2, Some("L,1"), Some("csv/order-1"))
        );
        let other = "\u{FEFF}key,quantity,gtin,site\n\nk,1,9521002|3,9521002000115\n\n";
        let Ok(Ask::Numbers(want)) = read(other.as_bytes()).unwrap().ask else {
            panic!()
        };
        assert_eq!(want.numbered.to_string(), "9521002:3");
    }

    #[test]
    fn what_is_no_such_file_is_answered_as_csv() {
        let check = |text: &str, expect: &str| {
            let message = read(text.as_bytes());
            let wire = match message {
                Err(DialectFault(wire, _)) => wire,
                Ok(message) => message.reply.refused(&message.ask.unwrap_err()),
            };
            assert!(
                wire.text.starts_with("code,message\r\n") && wire.text.contains(expect),
                "{}",
                wire.text
            );
            assert_eq!(wire.status, 400);
        };
        check("", "send two lines");
        check("gtin,quantity,key\n", "send two lines");
        check(&format!("{REQUEST}09521001001014,2,L,k2\r\n"), "send two lines");
        check("gtin,quantity,key\n1,2\n", "3 columns have names, 2 have values");
        check("gtin,quantity,key,colour\n1,2,3,4\n", "no column `colour`");
        check("gtin,quantity,key,key\n1,2,3,4\n", "column 4 is `key` again");
        check("gtin,quantity,key\n\"1,2,3\n", "not closed");
        check("gtin,quantity,key\n1\"2,2,3\n", "middle of a field");
        check("gtin,quantity,key\n09521001001014,2,\n", "`key` is missing or empty");
        check("gtin,quantity,key\n09521001001014,-2,k\n", "`quantity` is `-2`");
        check("gtin,quantity,key\n09521001001015,2,k\n", "check digit");
        assert!(read(b"gtin\n\xFF").is_err());
    }

    #[test]
    fn the_answer_is_laid_out_like_a_download() {
        let message = read(REQUEST.as_bytes()).unwrap();
        assert_eq!(
            written(&*message.reply, "9521002:3", &["395210020000000012"]),
            "sscc\r\n395210020000000012\r\n"
        );
    }
}

//! Many rows in one bind: lists for bulk statements whose text never changes.
//!
//! A list becomes a table expression of the statement: `UNNEST` of arrays on PostgreSQL, `json_each` on SQLite. The
//! statement stays one prepared statement whatever the number of rows, and no limit on binds is met. To take a value out of JSON costs
//! SQLite more than to insert it: what runs at every turn with few rows ([`Rows::short_table`]) has a bind for each value instead.

use std::fmt::Write as _;

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use super::together;

/// Up to how many rows [`Rows::short_table`] gives each value a bind of its own. SQLite takes 32,766 binds in a statement.
const SHORT: usize = 512;

/// One column of a [`Rows`], named as the statement reads it.
#[derive(Debug)]
enum Column {
    Uuid(Vec<Option<Uuid>>),
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

/// A table in memory, all columns of one length.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    columns: Vec<(&'static str, Column)>,
}

impl Rows {
    /// Adds a UUID column.
    pub(crate) fn uuids<V: Into<Option<Uuid>>>(self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        self.with(name, Column::Uuid(values.into_iter().map(Into::into).collect()))
    }

    /// Adds an integer column.
    pub(crate) fn ints<V: Into<Option<i64>>>(self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        self.with(name, Column::Int(values.into_iter().map(Into::into).collect()))
    }

    /// Adds a text column.
    pub(crate) fn texts<S: Into<String>>(self, name: &'static str, values: impl IntoIterator<Item = Option<S>>) -> Self {
        self.with(
            name,
            Column::Text(values.into_iter().map(|value| value.map(Into::into)).collect()),
        )
    }

    /// Adds a column of byte strings.
    pub(crate) fn bytes<V: Into<Option<Vec<u8>>>>(self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        self.with(name, Column::Bytes(values.into_iter().map(Into::into).collect()))
    }

    fn with(mut self, name: &'static str, column: Column) -> Self {
        self.columns.push((name, column));
        self
    }

    /// The table expression, aliased `r`, reading the binds from `$first` on; and those binds.
    pub(crate) fn table(&self, backend: DbBackend, first: usize) -> (String, Vec<Value>) {
        match backend {
            DbBackend::Postgres => self.unnest(first),
            _ => self.json_each(first),
        }
    }

    /// The same table, for statements that run often with some hundred rows at most, and go through [`Tx::together`](super::Tx::together).
    /// Its first column holds no null.
    ///
    /// On SQLite the list is filled up to the next power of two with rows that the expression leaves out again: a statement has few texts,
    /// and stays prepared in each.
    pub(crate) fn short_table(self, backend: DbBackend, first: usize) -> (String, Vec<Value>) {
        let rows = self.columns.first().map_or(0, |(_, column)| column.len());
        match backend {
            DbBackend::Sqlite if (1..=SHORT).contains(&rows) => self.values(first, rows),
            _ => self.table(backend, first),
        }
    }

    fn values(mut self, first: usize, rows: usize) -> (String, Vec<Value>) {
        let (filled, width) = (rows.next_power_of_two(), self.columns.len());
        let mut sql = String::with_capacity(width * 32 + 96);
        sql.push_str("(SELECT ");
        for (position, (name, _)) in self.columns.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            // Writing to a `String` cannot fail.
            let _ = write!(sql, "{comma}column{} AS {name}", position + 1);
        }
        let _ = write!(
            sql,
            " FROM (VALUES {}) WHERE column1 IS NOT NULL) AS r",
            together::block(first, filled, width)
        );
        let mut binds = Vec::with_capacity(filled * width);
        for row in 0..filled {
            binds.extend(self.columns.iter_mut().map(|(_, column)| column.take(row)));
        }
        (sql, binds)
    }

    fn unnest(&self, first: usize) -> (String, Vec<Value>) {
        let (mut arrays, mut names) = (Vec::new(), Vec::new());
        for (position, (name, column)) in self.columns.iter().enumerate() {
            let kind = match column {
                Column::Uuid(_) => "uuid",
                Column::Int(_) => "bigint",
                Column::Text(_) => "text",
                Column::Bytes(_) => "bytea",
            };
            // The arrays travel as text: the driver's own array values would need another feature of the ORM.
            arrays.push(format!("${}::text::{kind}[]", first + position));
            names.push(*name);
        }
        let binds = self
            .columns
            .iter()
            .map(|(_, column)| Value::from(column.array_literal()))
            .collect();
        (format!("UNNEST({}) AS r({})", arrays.join(", "), names.join(", ")), binds)
    }

    fn json_each(&self, first: usize) -> (String, Vec<Value>) {
        if let [(name, column)] = self.columns.as_slice() {
            return column.json_list(name, first);
        }
        let fields: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(position, (name, column))| match column {
                Column::Uuid(_) | Column::Bytes(_) => format!("unhex(json_extract(value, '$[{position}]')) AS {name}"),
                Column::Int(_) | Column::Text(_) => format!("json_extract(value, '$[{position}]') AS {name}"),
            })
            .collect();
        let rows = self.columns.first().map_or(0, |(_, column)| column.len());
        let mut json = String::from("[");
        for row in 0..rows {
            json.push_str(if row == 0 { "[" } else { ",[" });
            for (position, (_, column)) in self.columns.iter().enumerate() {
                if position > 0 {
                    json.push(',');
                }
                column.push_json(row, &mut json);
            }
            json.push(']');
        }
        json.push(']');
        (
            format!("(SELECT {} FROM json_each(${first})) AS r", fields.join(", ")),
            vec![json.into()],
        )
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Uuid(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    /// A single column is a plain list: nothing is to be taken out of each of its rows.
    fn json_list(&self, name: &str, first: usize) -> (String, Vec<Value>) {
        let field = match self {
            Self::Uuid(_) | Self::Bytes(_) => "unhex(value)",
            Self::Int(_) | Self::Text(_) => "value",
        };
        let mut json = String::from("[");
        for row in 0..self.len() {
            if row > 0 {
                json.push(',');
            }
            self.push_json(row, &mut json);
        }
        json.push(']');
        (
            format!("(SELECT {field} AS {name} FROM json_each(${first})) AS r"),
            vec![json.into()],
        )
    }

    /// One value as a bind, once; null behind the end.
    fn take(&mut self, row: usize) -> Value {
        match self {
            Self::Uuid(values) => values.get(row).copied().flatten().into(),
            Self::Int(values) => values.get(row).copied().flatten().into(),
            Self::Text(values) => values.get_mut(row).and_then(Option::take).into(),
            Self::Bytes(values) => values.get_mut(row).and_then(Option::take).into(),
        }
    }

    /// One value as JSON; bytes as hexadecimal digits.
    fn push_json(&self, row: usize, out: &mut String) {
        let text = match self {
            Self::Uuid(values) => values[row].map(|uuid| format!("\"{}\"", uuid.simple())),
            Self::Int(values) => values[row].map(|value| value.to_string()),
            Self::Text(values) => values[row]
                .as_ref()
                .map(|text| serde_json::Value::from(text.as_str()).to_string()),
            Self::Bytes(values) => values[row].as_ref().map(|bytes| format!("\"{}\"", hex(bytes))),
        };
        out.push_str(text.as_deref().unwrap_or("null"));
    }

    /// PostgreSQL's text form of an array.
    fn array_literal(&self) -> String {
        let mut out = String::from("{");
        for row in 0..self.len() {
            if row > 0 {
                out.push(',');
            }
            let text = match self {
                Self::Uuid(values) => values[row].map(|uuid| uuid.to_string()),
                Self::Int(values) => values[row].map(|value| value.to_string()),
                Self::Text(values) => values[row]
                    .as_ref()
                    .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
                Self::Bytes(values) => values[row].as_ref().map(|bytes| format!("\"\\\\x{}\"", hex(bytes))),
            };
            out.push_str(text.as_deref().unwrap_or("NULL"));
        }
        out.push('}');
        out
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_carry_the_same_rows() {
        let rows = Rows::default()
            .uuids("id", [Uuid::from_u128(1)])
            .ints("at", [Some(i64::MAX)])
            .texts("word", [Some("a\"\\b")])
            .bytes("hash", [vec![0, 255]]);
        let (sql, binds) = rows.table(DbBackend::Sqlite, 3);
        assert!(sql.ends_with("FROM json_each($3)) AS r"), "{sql}");
        assert_eq!(
            binds,
            [Value::from(
                r#"[["00000000000000000000000000000001",9223372036854775807,"a\"\\b","00ff"]]"#
            )]
        );
        let (sql, binds) = rows.table(DbBackend::Postgres, 2);
        assert!(sql.starts_with("UNNEST($2::text::uuid[], $3::text::bigint[]"), "{sql}");
        assert_eq!(binds[2], Value::from(r#"{"a\"\\b"}"#));
        assert_eq!(binds[3], Value::from(r#"{"\\x00ff"}"#));
    }
}

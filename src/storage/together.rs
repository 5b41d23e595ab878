//! Statements that go to the database in one round trip.
//!
//! A statement costs a way to the database's thread or server and back, which is more than most of them take there. Those that change
//! different tables and need nothing of each other go together: on SQLite one behind the other in one text, on PostgreSQL as one
//! statement whose parts are data-modifying `WITH` queries (manual, section 7.8.4).
//!
//! # Invariants
//! - On PostgreSQL all parts see the tables as they were before any of them, and run in no order: no two change the same row.
//! - The binds of each part are numbered from `$1` as if it stood alone.

use std::fmt::Write as _;

use sea_orm::{DbBackend, Value};

/// One of them.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its text, with binds from `$1` on.
    pub(crate) sql: String,
    /// What they are.
    pub(crate) values: Vec<Value>,
}

/// The text of all of them; the rows that come back are those of `last`.
pub(super) fn text(backend: DbBackend, first: Vec<Part>, last: Part) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (place, part) in first.into_iter().enumerate() {
        let text = shifted(&part.sql, values.len());
        // Writing to a string cannot fail.
        let _written = match (backend, place) {
            (DbBackend::Postgres, 0) => write!(sql, "WITH part_{place} AS ({text})"),
            (DbBackend::Postgres, _) => write!(sql, ", part_{place} AS ({text})"),
            (_, _) => write!(sql, "{text};"),
        };
        values.extend(part.values);
    }
    if !sql.is_empty() {
        sql.push(' ');
    }
    sql.push_str(&shifted(&last.sql, values.len()));
    values.extend(last.values);
    (sql, values)
}

/// The same text with its binds numbered from behind the first `by`.
fn shifted(sql: &str, by: usize) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut pieces = sql.split('$');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push('$');
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at(digits);
        // `$[0]` is a path into JSON, not a bind.
        match number.parse::<usize>() {
            Ok(number) => out.push_str(&(number + by).to_string()),
            Err(_) => out.push_str(number),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(sql: &str, values: &[i64]) -> Part {
        Part {
            sql: sql.to_owned(),
            values: values.iter().map(|value| (*value).into()).collect(),
        }
    }

    #[test]
    fn binds_are_counted_on_and_paths_into_json_are_none() {
        let first = || {
            vec![
                part("INSERT $2, $1", &[1, 2]),
                part("INSERT json_extract(value, '$[10]') FROM json_each($1)", &[3]),
            ]
        };
        let (sql, values) = text(DbBackend::Sqlite, first(), part("UPDATE $1", &[4]));
        assert_eq!(
            sql,
            "INSERT $2, $1;INSERT json_extract(value, '$[10]') FROM json_each($3); UPDATE $4"
        );
        assert_eq!(values, [1_i64, 2, 3, 4].map(Value::from));
        let (sql, _) = text(DbBackend::Postgres, first(), part("UPDATE $1", &[4]));
        assert_eq!(
            sql,
            "WITH part_0 AS (INSERT $2, $1), part_1 AS (INSERT json_extract(value, '$[10]') FROM json_each($3)) UPDATE $4"
        );
        let (sql, _) = text(DbBackend::Postgres, Vec::new(), part("UPDATE $1", &[4]));
        assert_eq!(sql, "UPDATE $1");
    }
}

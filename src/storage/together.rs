//! Statements that go to the database in one round trip.
//!
//! A statement costs a way to the database's thread or server and back, which is more than most of them take there. Those that change
//! different tables and need nothing of each other go together: on SQLite one behind the other in one text, on PostgreSQL as one
//! statement whose parts are data-modifying `WITH` queries (manual, section 7.8.4).
//!
//! # Invariants
//! - On PostgreSQL all parts see the tables as they were before any of them, and run in no order: no two change the same row.
//! - The binds of each part are numbered from `$1` as if it stood alone. SQLite gets them without numbers: it looks a numbered bind up
//!   among all of the statement, which takes the square of their number.
//! - What a [`block`] binds is bound nowhere else: it is moved, not copied.

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
    let mut add = |sql: &mut String, part: Part| match backend {
        DbBackend::Sqlite => unnumbered(sql, &mut values, part),
        _ => {
            numbered_from(sql, values.len(), &part.sql);
            values.extend(part.values);
        }
    };
    for (place, part) in first.into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _written = match (backend, place) {
            (DbBackend::Postgres, 0) => write!(sql, "WITH part_{place} AS ("),
            (DbBackend::Postgres, _) => write!(sql, ", part_{place} AS ("),
            (_, _) => Ok(()),
        };
        add(&mut sql, part);
        sql.push(if backend == DbBackend::Postgres { ')' } else { ';' });
    }
    if !sql.is_empty() {
        sql.push(' ');
    }
    add(&mut sql, last);
    (sql, values)
}

/// Rows of binds from `$first` on, for a `VALUES` on SQLite: this short text becomes `(?,?),(?,?)` only when it is sent.
pub(super) fn block(first: usize, rows: usize, width: usize) -> String {
    format!("${first}*{rows}x{width}")
}

/// What stands for binds in the text of a part.
enum Bind {
    /// The one of this number.
    One(usize),
    /// A [`block`] of them.
    Block { first: usize, rows: usize, width: usize },
}

/// Adds the text with its binds numbered from behind the first `by`. It has no blocks.
fn numbered_from(out: &mut String, by: usize, sql: &str) {
    out.reserve(sql.len() + 16);
    each_bind(out, sql, |out, bind| {
        let (Bind::One(number) | Bind::Block { first: number, .. }) = bind;
        // Writing to a string cannot fail.
        let _written = write!(out, "${}", number + by);
    });
}

/// Adds the text with its binds as they come, and what they are in that order.
fn unnumbered(out: &mut String, values: &mut Vec<Value>, mut part: Part) {
    out.reserve(part.sql.len());
    values.reserve(part.values.len());
    each_bind(out, &part.sql, |out, bind| match bind {
        Bind::One(number) => {
            out.push('?');
            // A number beyond the end is null, as a bind that nobody sets is.
            let value = number.checked_sub(1).and_then(|place| part.values.get(place));
            values.push(value.cloned().unwrap_or(NULL));
        }
        Bind::Block { first, rows, width } => {
            write_block(out, rows, width);
            let all = part.values.iter_mut().skip(first.saturating_sub(1));
            values.extend(all.take(rows * width).map(|value| std::mem::replace(value, NULL)));
        }
    });
}

const NULL: Value = Value::String(None);

fn write_block(out: &mut String, rows: usize, width: usize) {
    let mut row = String::with_capacity(width * 2 + 2);
    for _ in 0..width {
        row.push_str(",?");
    }
    row.replace_range(..usize::from(width > 0), "(");
    row.push(')');
    out.reserve(rows * (row.len() + 1));
    for place in 0..rows {
        if place > 0 {
            out.push(',');
        }
        out.push_str(&row);
    }
}

/// Copies a text, but its binds.
fn each_bind(out: &mut String, sql: &str, mut bind: impl FnMut(&mut String, Bind)) {
    let mut pieces = sql.split('$');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (digits, rest) = number(piece);
        let Some(first) = digits else {
            // `$[0]` is a path into JSON, not a bind.
            out.push('$');
            out.push_str(piece);
            continue;
        };
        if let Some((rows, width, rest)) = shape(rest) {
            bind(out, Bind::Block { first, rows, width });
            out.push_str(rest);
        } else {
            bind(out, Bind::One(first));
            out.push_str(rest);
        }
    }
}

/// The rows and the width of a block, of what follows its first number. `2x3` is no SQL: nothing else looks like it.
fn shape(text: &str) -> Option<(usize, usize, &str)> {
    let (rows, rest) = number(text.strip_prefix('*')?);
    let (width, rest) = number(rest.strip_prefix('x')?);
    Some((rows?, width?, rest))
}

/// The number that a text begins with, and the rest.
fn number(text: &str) -> (Option<usize>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    (number.parse().ok(), rest)
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
            "INSERT ?, ?;INSERT json_extract(value, '$[10]') FROM json_each(?); UPDATE ?"
        );
        assert_eq!(values, [2_i64, 1, 3, 4].map(Value::from));
        let (sql, values) = text(DbBackend::Postgres, first(), part("UPDATE $1", &[4]));
        assert_eq!(values, [1_i64, 2, 3, 4].map(Value::from));
        assert_eq!(
            sql,
            "WITH part_0 AS (INSERT $2, $1), part_1 AS (INSERT json_extract(value, '$[10]') FROM json_each($3)) UPDATE $4"
        );
        let (sql, _) = text(DbBackend::Postgres, Vec::new(), part("UPDATE $1", &[4]));
        assert_eq!(sql, "UPDATE $1");
    }

    #[test]
    fn a_block_becomes_rows_of_binds() {
        let part = part(
            &format!("SELECT $1*2, x FROM (VALUES {}) WHERE $1", block(2, 2, 3)),
            &[9, 1, 2, 3, 4, 5, 6],
        );
        let (sql, values) = text(DbBackend::Sqlite, Vec::new(), part);
        assert_eq!(sql, "SELECT ?*2, x FROM (VALUES (?,?,?),(?,?,?)) WHERE ?");
        assert_eq!(values, [9_i64, 1, 2, 3, 4, 5, 6, 9].map(Value::from));
    }
}

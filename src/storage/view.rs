//! What reads need: one prepared statement per operation, shaped like an index.
//!
//! Every list starts from the row of (party, record) that capture wrote for those who have a relation to the record, so
//! that a stranger's query touches nothing. Pages go by keyset. Walks through containment are bounded in depth.
//!
//! Joins whose order matters are written `CROSS JOIN … WHERE`: SQLite takes the tables in the order written then, also
//! after `ANALYZE` (its planner was seen to scan the largest table inside a recursive query); PostgreSQL reads it as
//! any other join.
//!
//! What it deliberately does not do: decide. It returns rows with the relations beside them; `service` masks them.

pub mod audit;
pub mod container;
pub mod event;
pub mod facts;
pub mod grant;
pub mod item;
pub mod lot;
pub mod query;
pub mod shipment;
pub mod total;
pub mod trace;

#[cfg(test)]
mod plan;

use sea_orm::Value;

/// Collects the values of a statement while its text is put together, so that placeholders and values cannot part.
#[derive(Debug, Default)]
struct Binds(Vec<Value>);

impl Binds {
    /// The placeholder for one more value.
    fn push(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// Placeholders for a list, comma between.
    fn list<T: Into<Value>>(&mut self, values: impl IntoIterator<Item = T>) -> String {
        values
            .into_iter()
            .map(|value| self.push(value))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Deepest containment that is followed: unit, bundle, case, pallet and more than any packaging line has.
pub(super) const DEPTH: i64 = 16;

/// `LIMIT` value for so many rows.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

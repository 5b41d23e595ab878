//! Reading columns, with errors that name table and column.

use sea_orm::{QueryResult, TryGetable};

use super::StorageError;

/// Reads one column of a row of `table`.
pub fn column<T: TryGetable>(row: &QueryResult, table: &str, name: &str) -> Result<T, StorageError> {
    row.try_get("", name)
        .map_err(|error| StorageError::Inconsistent(format!("{table}.{name}: {error}")))
}

/// Parses a text column into a domain type.
pub fn parsed<T>(row: &QueryResult, table: &str, name: &str) -> Result<T, StorageError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: String = column(row, table, name)?;
    text.parse()
        .map_err(|error| StorageError::Inconsistent(format!("{table}.{name} = `{text}`: {error}")))
}

/// Reads a JSON column.
pub fn json<T: serde::de::DeserializeOwned>(row: &QueryResult, table: &str, name: &str) -> Result<T, StorageError> {
    let text: String = column(row, table, name)?;
    serde_json::from_str(&text).map_err(|error| StorageError::Inconsistent(format!("{table}.{name}: {error}")))
}

//! Reading columns, with errors that name table and column.

use sea_orm::{QueryResult, TryGetable};

use super::StorageError;

/// Reads one column of a row of `table`.
pub fn column<T: TryGetable>(row: &QueryResult, table: &str, name: &str) -> Result<T, StorageError> {
    row.try_get("", name)
        .map_err(|error| StorageError::Inconsistent(format!("{table}.{name}: {error}")))
}

/// Reads one column of a row of `table` by its position: for rows that come by the hundred thousand.
pub fn at<T: TryGetable>(row: &QueryResult, table: &str, position: usize) -> Result<T, StorageError> {
    row.try_get_by_index(position)
        .map_err(|error| StorageError::Inconsistent(format!("{table}, column {position}: {error}")))
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
    any_depth(&text).map_err(|error| StorageError::Inconsistent(format!("{table}.{name}: {error}")))
}

/// What the hub wrote it can read again: how deep it may be was decided when it came in (`limits.document_depth`).
pub(super) fn any_depth<T: serde::de::DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut input = serde_json::Deserializer::from_str(text);
    input.disable_recursion_limit();
    let value = T::deserialize(&mut input)?;
    input.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_whatever_was_nested_when_it_was_written() {
        let nested = (0..1_000).fold(serde_json::json!(1), |inner, _| serde_json::json!({ "a": inner }));
        let text = nested.to_string();
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_err(),
            "the control has no limit"
        );
        assert_eq!(any_depth::<serde_json::Value>(&text).unwrap(), nested);
        assert!(any_depth::<serde_json::Value>("1 2").is_err());
    }
}

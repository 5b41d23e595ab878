//! Bodies of events: JSON, compressed where that makes it shorter. A document names the same product a thousand times.
//!
//! Rows of before that are plain JSON stay readable.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sea_orm::QueryResult;

use crate::domain::event::Event;
use crate::storage::StorageError;
use crate::storage::row::{any_depth, column, json};

/// Shorter ones gain nothing.
const WORTH_BYTES: usize = 256;

/// `event.body` and `event.packed`: one of them has it.
pub(super) fn pack(event: &Event) -> Result<(String, Option<Vec<u8>>), StorageError> {
    let unprintable =
        |error: &dyn std::fmt::Display| StorageError::Inconsistent(format!("event.body cannot be written: {error}"));
    let text = serde_json::to_string(event).map_err(|error| unprintable(&error))?;
    if text.len() < WORTH_BYTES {
        return Ok((text, None));
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).map_err(|error| unprintable(&error))?;
    let packed = encoder.finish().map_err(|error| unprintable(&error))?;
    Ok((String::new(), Some(packed)))
}

/// The event in a row that has both columns.
pub(in crate::storage) fn read(row: &QueryResult) -> Result<Event, StorageError> {
    let Some(packed) = column::<Option<Vec<u8>>>(row, "event", "packed")? else {
        return json(row, "event", "body");
    };
    let unreadable = |error: &dyn std::fmt::Display| StorageError::Inconsistent(format!("event.packed: {error}"));
    let mut text = String::new();
    DeflateDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error))?;
    any_depth(&text).map_err(|error| unreadable(&error))
}

//! Pages by keyset: the cursor is the position of the last row, so that pages stay stable while others write.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::error::{Code, ServiceError};

/// The position of one row in the order of its list. Lists ordered by id alone leave `at` zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The time the list is ordered by, in microseconds.
    pub at: i64,
    /// The row.
    pub id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let refuse = || ServiceError::refused(Code::BadInput, "the cursor is none of this list's: use one that a page returned");
        let mut bytes = [0; 24];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| refuse())? != bytes.len() {
            return Err(refuse());
        }
        let (at, id) = bytes.split_at(8);
        let at = i64::from_be_bytes(at.try_into().map_err(|_| refuse())?);
        Ok(Self { at, id: Uuid::from_slice(id).map_err(|_| refuse())? })
    }
}

/// Which page is asked for. Newest first, as every list of the hub unless it says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How many rows at the most; already held against `limits.page`.
    pub first: usize,
    /// After which row.
    pub after: Option<Cursor>,
}

/// One page.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// Rows with their cursors.
    pub rows: Vec<(Cursor, T)>,
    /// Whether there are more.
    pub has_next: bool,
}

impl<T> Paged<T> {
    /// From a read of `page.first + 1` rows.
    #[must_use]
    pub fn from_probe(mut rows: Vec<(Cursor, T)>, page: Page) -> Self {
        let has_next = rows.len() > page.first;
        rows.truncate(page.first);
        Self { rows, has_next }
    }
}

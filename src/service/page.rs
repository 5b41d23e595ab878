//! Pages by keyset: the cursor is the position of the last row, so that pages stay stable while others write.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::error::{Code, ServiceError};
use crate::domain::party::Actor;

/// The position of one row in the order of its list. Lists ordered by id alone leave `at` zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The time the list is ordered by, in microseconds.
    pub at: i64,
    /// The row.
    pub id: Uuid,
}

impl Cursor {
    /// The cursor as it is handed out: of one list and one caller, useless to anybody else.
    ///
    /// The seal is a fingerprint and not a secret: a position gives no right, every page is read under the caller's own.
    #[must_use]
    pub fn seal(&self, actor: &Actor, list: &str) -> String {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..24].copy_from_slice(self.id.as_bytes());
        let seal = fingerprint(actor, list, &bytes[..24]);
        bytes[24..].copy_from_slice(&seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that [`Self::seal`] made for the same caller and list.
    pub fn open(text: &str, actor: &Actor, list: &str) -> Result<Self, ServiceError> {
        let refuse = || {
            ServiceError::refused(
                Code::BadInput,
                "the cursor is none of this list's: use one that a page returned",
            )
        };
        let mut bytes = [0; 32];
        let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| refuse())?;
        let (position, seal) = bytes.split_at(24);
        if read != bytes.len() || fingerprint(actor, list, position) != seal {
            return Err(refuse());
        }
        let at = i64::from_be_bytes(position[..8].try_into().map_err(|_| refuse())?);
        Ok(Self {
            at,
            id: Uuid::from_slice(&position[8..]).map_err(|_| refuse())?,
        })
    }
}

pub(super) fn fingerprint(actor: &Actor, list: &str, position: &[u8]) -> [u8; 8] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [actor.party.as_str().as_bytes(), list.as_bytes(), position] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut short = [0; 8];
    short.copy_from_slice(&context.finish().as_ref()[..8]);
    short
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
    /// From a read of `page.first + 1` rows of a list that is ordered by id alone.
    #[must_use]
    pub fn by_id(rows: Vec<T>, page: Page, id: impl Fn(&T) -> Uuid) -> Self {
        let rows = rows.into_iter().map(|row| (Cursor { at: 0, id: id(&row) }, row)).collect();
        Self::from_probe(rows, page)
    }

    /// From a read of `page.first + 1` rows.
    #[must_use]
    pub fn from_probe(mut rows: Vec<(Cursor, T)>, page: Page) -> Self {
        let has_next = rows.len() > page.first;
        rows.truncate(page.first);
        Self { rows, has_next }
    }
}

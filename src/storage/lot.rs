//! Which events make things of which lot: the write side.

use crate::domain::gs1::Gtin;
use crate::domain::ids::EventKey;

use super::write::NewRows;
use super::{StorageError, Tx};

/// Longest lot that is kept, in characters; GS1 has 20 (General Specifications clause 3.4.1), and nobody asks for a longer one.
pub const LONGEST: usize = 100;

/// What a new event makes things of.
#[derive(Debug)]
pub struct NewLot<'a> {
    /// The product.
    pub gtin: Gtin,
    /// The lot.
    pub lot: &'a str,
    /// The event.
    pub event: EventKey,
}

/// Stores what new events make; each product of an event once.
pub async fn insert(tx: &Tx, lots: &[NewLot<'_>]) -> Result<(), StorageError> {
    let mut rows = NewRows::new(tx.backend(), "event_lot", "gtin, lot, event_id");
    for new in lots.iter().filter(|new| new.lot.chars().count() <= LONGEST) {
        rows.push(&[new.gtin.as_str().into(), new.lot.into(), new.event.uuid().into()]);
    }
    rows.store(tx).await
}

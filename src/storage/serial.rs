//! Owners' keys, pools, allocations and the use of their numbers.
//!
//! A serial number is never stored, but for those that a party commissioned without having them ([`usage`]). Whoever calls decides
//! who may see a row: every finder takes the party, or says that it does not.
//!
//! # Invariants
//! - The counter of a pool moves by one conditional statement ([`pool::take`]), in the transaction of the allocation row.
//! - Whoever moves a counter holds the locks of all pools of the product ([`pool::lock_product`]), and whoever changes bitmaps
//!   those of their allocations ([`slice::locked`]); SQLite has one writer and needs neither.

pub mod account;
pub mod again;
pub mod alert;
pub mod allocation;
pub mod broker;
pub mod floor;
pub mod issue;
pub mod lease;
pub mod listed;
pub mod lookup;
pub mod lot;
pub mod overview;
pub mod pool;
pub mod receipt;
pub mod report;
pub mod request;
pub mod slice;
pub mod state;
pub mod supply;
pub mod transfer;
pub mod usage;
pub mod witness;

use roaring::RoaringBitmap;
use sea_orm::{DbBackend, QueryResult, Value};

use super::{Db, StorageError, Tx};

/// Where a read that has two uses takes its rows from: any connection, or the transaction that is about to change them.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// Outside any transaction.
    Db(&'a Db),
    /// Inside one.
    Tx(&'a Tx),
}

impl Reader<'_> {
    fn backend(self) -> DbBackend {
        match self {
            Self::Db(db) => db.backend(),
            Self::Tx(tx) => tx.backend(),
        }
    }

    async fn query(self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StorageError> {
        match self {
            Self::Db(db) => db.query(doing, sql, values).await,
            Self::Tx(tx) => tx.query(doing, sql, values).await,
        }
    }
}

/// A bitmap as it is stored: runs where they are shorter. `what` names column and row.
fn written(bitmap: &RoaringBitmap, what: impl FnOnce() -> String) -> Result<Vec<u8>, StorageError> {
    let mut bitmap = bitmap.clone();
    bitmap.optimize();
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    match bitmap.serialize_into(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(StorageError::Inconsistent(format!("{} cannot be written: {error}", what()))),
    }
}

/// A stored bitmap. `what` names column and row.
fn read(bytes: &[u8], what: impl FnOnce() -> String) -> Result<RoaringBitmap, StorageError> {
    RoaringBitmap::deserialize_from(bytes).map_err(|error| StorageError::Inconsistent(format!("{}: {error}", what())))
}

/// What makes a SELECT of PostgreSQL hold its rows against other writers until the end of the transaction.
fn row_lock(tx: &Tx) -> &'static str {
    match tx.backend() {
        DbBackend::Postgres => " FOR NO KEY UPDATE",
        // SQLite: a write transaction is the only one.
        _ => "",
    }
}

/// A count as both databases keep it. Counts of the domain stay below; one that does not fit is not matched by any row.
fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

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
pub mod listed;
pub mod pool;
pub mod slice;
pub mod supply;
pub mod usage;
pub mod witness;

use sea_orm::DbBackend;

use super::Tx;

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

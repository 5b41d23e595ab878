//! The only part of the hub that knows the database.
//!
//! SQL is written once for both back ends (`$1` placeholders, `ON CONFLICT`, integers for times); where
//! they differ there is one function with an explicit match. Callers get domain types and
//! [`StorageError`], never rows or driver errors.
//!
//! # Invariants
//! - All writes go through [`Db::write`]: one connection on SQLite, one transaction a call.
//! - An error from COMMIT ends the process, and on SQLite also an error from ROLLBACK and any disk
//!   error inside a transaction: after those the driver answers `Ok` to commits that are lost.
//! - A transaction runs to its end even if the caller goes away.

pub mod audit;
pub(crate) mod bulk;
pub mod capture;
pub mod certificate;
pub mod containment;
pub mod db;
pub mod decision;
pub mod document;
pub mod event;
pub mod fact;
pub mod finding;
pub mod grant;
pub mod identity;
pub mod item;
pub mod lot;
pub mod master_key;
pub mod migration;
pub mod named_query;
pub mod object;
pub mod party;
pub mod receipt;
pub mod record;
pub mod row;
pub mod serial;
pub mod shipment;
pub mod slice;
pub mod stake;
pub mod statement;
pub mod subscription;
pub(crate) mod together;
pub mod total;
mod tx;
pub mod view;
pub(crate) mod write;
pub mod yardstick;

pub(crate) use bulk::hex;
pub use db::{Db, StorageError, Tx};

//! Numbers are issued: the counter, the allocations, what the accounts say and the log, in one round trip.

use crate::domain::audit::AuditEntry;
use crate::domain::ids::PoolId;
use crate::domain::time::Micros;
use crate::storage::{StorageError, Tx, audit};

use super::account::{self, AccountKey};
use super::allocation::{self, StoredAllocation};
use super::pool;

/// What is issued together.
#[derive(Debug)]
pub struct Issue<'a> {
    /// The pool that all numbers are of.
    pub pool: PoolId,
    /// How many counter values they take.
    pub span: u64,
    /// What the counter must not pass.
    pub cap: u64,
    /// The blocks.
    pub allocations: &'a [StoredAllocation],
    /// How many numbers each account gets.
    pub accounts: &'a [(&'a AccountKey, u64)],
    /// What the log says of it.
    pub entries: &'a [AuditEntry],
    /// When.
    pub at: Micros,
}

/// Issues numbers, and answers the first counter value taken. Without one the caller must roll back: the counter did not move, see
/// [`pool::take`]. [`StorageError::Conflict`] if a party used one of the keys in the meantime.
pub async fn issue(tx: &Tx, issue: &Issue<'_>) -> Result<Option<u64>, StorageError> {
    let Issue { pool, span, cap, .. } = *issue;
    let [account, day] = account::issuing(tx, issue.accounts, issue.at)?;
    let first = vec![
        allocation::inserting(tx, issue.allocations)?,
        account,
        day,
        audit::appending(tx, issue.entries),
    ];
    let rows = tx
        .together("issuing serial numbers", first, pool::taking(pool, span, cap))
        .await?;
    rows.first().map(|row| pool::taken(row, pool, span)).transpose()
}

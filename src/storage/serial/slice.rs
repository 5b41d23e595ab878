//! Which allocations hold given counter values of a pool.
//!
//! Each value is one look-up in the index of a pool's slices, whatever lies between the values: a pool may hold a million allocations of
//! one number. It does not know serials, and who may see an allocation is the caller's to say.
//!
//! # Invariants
//! - Slices of a pool are disjoint, so the one that a value can lie in is the last that begins at or before it.
//! - Slices are answered, and locked, in the order of the counter.

use roaring::RoaringBitmap;
use sea_orm::{DbBackend, QueryResult, Value};

use crate::domain::ids::{AllocationId, PartyId, PoolId};
use crate::storage::bulk::Rows;
use crate::storage::row::column;
use crate::storage::{StorageError, Tx};

use super::{bigint, row_lock};

/// Columns of a [`Slice`], of the allocation `a`.
pub(in crate::storage) const COLUMNS: &str = "a.id, a.first_index, COALESCE(a.span, a.quantity) AS covered, a.holes";

/// Where an allocation lies in its pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Which allocation.
    pub allocation: AllocationId,
    /// First counter value.
    pub first_index: u64,
    /// How many counter values.
    pub span: u64,
    /// Offsets that are no numbers of it.
    pub holes: Option<RoaringBitmap>,
}

impl Slice {
    /// The offset of a counter value, if the value is one of the allocation's numbers.
    #[must_use]
    pub fn offset_of(&self, index: u64) -> Option<u32> {
        let offset = index.checked_sub(self.first_index).filter(|offset| *offset < self.span)?;
        let offset = u32::try_from(offset).ok()?;
        let hole = self.holes.as_ref().is_some_and(|holes| holes.contains(offset));
        (!hole).then_some(offset)
    }
}

/// The one of some slices, in the order of the counter, that a value is a number of, and the number's offset in it.
#[must_use]
pub fn holder(slices: &[Slice], index: u64) -> Option<(usize, u32)> {
    let after = slices.partition_point(|slice| slice.first_index <= index);
    let position = after.checked_sub(1)?;
    Some((position, slices.get(position)?.offset_of(index)?))
}

/// Of which allocations a caller may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Those it was given, and those of which a part was handed on to it: which numbers it has is in their books.
    Holder(&'a PartyId),
    /// These, and those that were made in its name.
    HolderOrOwner(&'a PartyId),
    /// All: the caller has another right.
    Anyone,
}

/// The slices within reach in which any of these counter values may lie; held against other writers until the transaction ends.
pub async fn locked(tx: &Tx, pool: PoolId, reach: Reach<'_>, indices: &[u64]) -> Result<Vec<Slice>, StorageError> {
    let (sql, mut values) = covering(tx.backend(), pool, indices, COLUMNS);
    let held = "a.party_id = $3 OR EXISTS (SELECT 1 FROM serial_transfer t WHERE t.allocation_id = a.id AND t.to_party = $3)";
    let (only, party) = match reach {
        Reach::Holder(party) => (format!(" AND ({held})"), Some(party)),
        Reach::HolderOrOwner(party) => (format!(" AND (a.principal_id = $3 OR {held})"), Some(party)),
        Reach::Anyone => (String::new(), None),
    };
    values.extend(party.map(|party| party.as_str().into()));
    let lock = match row_lock(tx) {
        "" => String::new(),
        lock => format!("{lock} OF a"),
    };
    let sql = format!("{sql}{only} ORDER BY a.first_index{lock}");
    let rows = tx.query("finding the allocations of serial numbers", &sql, values).await?;
    rows.iter().map(slice).collect()
}

/// A statement over the allocations `a` that may hold counter values, up to and with its WHERE; it binds `$1` and `$2`.
pub(in crate::storage) fn covering(backend: DbBackend, pool: PoolId, indices: &[u64], columns: &str) -> (String, Vec<Value>) {
    let (asked, binds) = Rows::default()
        .ints("x", indices.iter().map(|index| bigint(*index)))
        .table(backend, 2);
    // The innermost SELECT is one step backwards in the index of (pool_id, first_index), for each value.
    let sql = format!(
        "SELECT {columns} FROM allocation a
         WHERE a.pool_id = $1 AND a.first_index IN (
             SELECT (SELECT MAX(s.first_index) FROM allocation s WHERE s.pool_id = $1 AND s.first_index <= r.x) FROM {asked})"
    );
    let mut values = vec![pool.uuid().into()];
    values.extend(binds);
    (sql, values)
}

/// Reads the columns of [`COLUMNS`].
pub(super) fn slice(row: &QueryResult) -> Result<Slice, StorageError> {
    let allocation = AllocationId::new(column(row, "allocation", "id")?);
    let count = |name: &str| {
        let value: i64 = column(row, "allocation", name)?;
        u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("allocation.{name} of {allocation} = {value}")))
    };
    let holes: Option<Vec<u8>> = column(row, "allocation", "holes")?;
    let unread = |error| StorageError::Inconsistent(format!("allocation.holes of {allocation}: {error}"));
    Ok(Slice {
        allocation,
        first_index: count("first_index")?,
        span: count("covered")?,
        holes: holes
            .map(|bytes| RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(unread))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn slice(id: u128, first_index: u64, span: u64, holes: &[u32]) -> Slice {
        Slice {
            allocation: AllocationId::new(Uuid::from_u128(id)),
            first_index,
            span,
            holes: (!holes.is_empty()).then(|| holes.iter().copied().collect()),
        }
    }

    #[test]
    fn a_value_lies_in_one_slice_or_in_none() {
        let slices = [slice(1, 10, 5, &[]), slice(2, 15, 1, &[]), slice(3, 20, 4, &[0, 2])];
        let check = |index, expect| assert_eq!(holder(&slices, index), expect, "{index}");
        check(9, None);
        check(10, Some((0, 0)));
        check(14, Some((0, 4)));
        check(15, Some((1, 0)));
        check(16, None);
        check(20, None);
        check(21, Some((2, 1)));
        check(22, None);
        check(23, Some((2, 3)));
        check(24, None);
        check(u64::MAX, None);
        assert_eq!(holder(&[], 1), None);
    }
}

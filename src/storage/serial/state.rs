//! The books of allocations: what became of their numbers, read and written set by set.
//!
//! | table | holds |
//! |---|---|
//! | `allocation_use` | per lot, the numbers that came on packs |
//! | `serial_state` | per 65,536 offsets, state and lot, the numbers in every other state; those of packs stand in both |
//! | `serial_transfer` | the numbers that were handed on |
//!
//! Bitmaps are run-length encoded where that is shorter, and counts stand in columns, so that a balance reads no bitmap. Writing goes by
//! difference: only the rows whose numbers changed are touched, and the accounts of whoever has them.
//!
//! # Invariants
//! - Whoever writes a book holds its allocation ([`super::slice::locked`], [`lock`]) from before it was read.
//! - `commissioned_count` and `count` are the lengths of the bitmaps beside them.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use sea_orm::Value;
use uuid::Uuid;

use crate::domain::ids::AllocationId;
use crate::domain::serial::book::{Book, Holder};
use crate::domain::serial::life::SerialState;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{StorageError, Tx};

use super::account::{self, AccountKey, Settlement};
use super::allocation::{self, StoredAllocation};
use super::{Reader, bigint, read, row_lock, written};

/// An allocation with its book.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The allocation.
    pub stored: StoredAllocation,
    /// Its book, to be changed.
    pub book: Book,
    before: Book,
}

impl Kept {
    /// Whether [`save`] has something to write.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.book != self.before
    }
}

/// Holds allocations against other writers until the transaction ends, in the order in which everybody takes them: newest epoch first,
/// then by the counter.
pub async fn lock(tx: &Tx, ids: &[AllocationId]) -> Result<(), StorageError> {
    let (table, binds) = Rows::default()
        .uuids("id", ids.iter().map(|id| id.uuid()))
        .table(tx.backend(), 1);
    let lock = match row_lock(tx) {
        "" => return Ok(()),
        lock => lock,
    };
    let sql = format!(
        "SELECT a.id FROM allocation a JOIN pool p ON p.id = a.pool_id WHERE a.id IN (SELECT r.id FROM {table})
         ORDER BY a.gtin, p.epoch DESC, a.first_index{lock} OF a"
    );
    tx.query("locking allocations", &sql, binds).await?;
    Ok(())
}

/// The books of allocations, by id.
pub async fn books(from: Reader<'_>, ids: &[AllocationId]) -> Result<Vec<Kept>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = asked(from, ids);
    let sql = format!(
        "SELECT {} FROM allocation WHERE id IN (SELECT r.id FROM {table}) ORDER BY id",
        allocation::COLUMNS
    );
    let rows = from.query("reading allocations", &sql, binds).await?;
    let mut books = BTreeMap::new();
    for row in &rows {
        let stored = allocation::stored(row)?;
        books.insert(stored.allocation.id, (blank(&stored)?, stored));
    }
    used(from, ids, &mut books).await?;
    states(from, ids, &mut books).await?;
    transfers(from, ids, &mut books).await?;
    let kept = |(book, stored): (Book, StoredAllocation)| Kept {
        stored,
        before: book.clone(),
        book,
    };
    Ok(books.into_values().map(kept).collect())
}

type Books = BTreeMap<AllocationId, (Book, StoredAllocation)>;

fn asked(from: Reader<'_>, ids: &[AllocationId]) -> (String, Vec<Value>) {
    let rows = Rows::default().uuids("id", ids.iter().map(|id| id.uuid()));
    rows.table(from.backend(), 1)
}

fn blank(stored: &StoredAllocation) -> Result<Book, StorageError> {
    let allocation = &stored.allocation;
    let span = u32::try_from(stored.span)
        .map_err(|_| StorageError::Inconsistent(format!("allocation.span of {} = {}", allocation.id, stored.span)))?;
    let mut issued = RoaringBitmap::new();
    issued.insert_range(0..span);
    let holder = Holder {
        party: allocation.party.clone(),
        agreement: allocation.agreement.clone(),
    };
    Ok(Book::new(issued - &stored.holes, holder))
}

async fn used(from: Reader<'_>, ids: &[AllocationId], books: &mut Books) -> Result<(), StorageError> {
    let (table, binds) = asked(from, ids);
    let sql =
        format!("SELECT u.allocation_id, u.lot, u.commissioned FROM {table} JOIN allocation_use u ON u.allocation_id = r.id");
    for row in from.query("reading used serial numbers", &sql, binds).await? {
        let id = AllocationId::new(column(&row, "allocation_use", "allocation_id")?);
        let (lot, bytes): (String, Vec<u8>) = (
            column(&row, "allocation_use", "lot")?,
            column(&row, "allocation_use", "commissioned")?,
        );
        let offsets = read(&bytes, || format!("allocation_use.commissioned of {id}"))?;
        if let Some((book, _)) = books.get_mut(&id) {
            book.place(SerialState::Commissioned, &lot, offsets);
        }
    }
    Ok(())
}

async fn states(from: Reader<'_>, ids: &[AllocationId], books: &mut Books) -> Result<(), StorageError> {
    let (table, binds) = asked(from, ids);
    let sql =
        format!("SELECT s.allocation_id, s.state, s.lot, s.offsets FROM {table} JOIN serial_state s ON s.allocation_id = r.id");
    for row in from.query("reading the states of serial numbers", &sql, binds).await? {
        let id = AllocationId::new(column(&row, "serial_state", "allocation_id")?);
        let number: i16 = column(&row, "serial_state", "state")?;
        let state = SerialState::of_number(number)
            .ok_or_else(|| StorageError::Inconsistent(format!("serial_state.state of {id} = {number}")))?;
        let (lot, bytes): (String, Vec<u8>) = (column(&row, "serial_state", "lot")?, column(&row, "serial_state", "offsets")?);
        let offsets = read(&bytes, || format!("serial_state.offsets of {id}"))?;
        if let Some((book, _)) = books.get_mut(&id) {
            if state.is_on_pack() {
                book.overlay(state, &lot, offsets);
            } else {
                book.place(state, &lot, offsets);
            }
        }
    }
    Ok(())
}

async fn transfers(from: Reader<'_>, ids: &[AllocationId], books: &mut Books) -> Result<(), StorageError> {
    let (table, binds) = asked(from, ids);
    let sql = format!(
        "SELECT t.allocation_id, t.to_party, t.agreement_id, t.offsets FROM {table}
         JOIN serial_transfer t ON t.allocation_id = r.id ORDER BY t.allocation_id, t.seq"
    );
    for row in from.query("reading transfers", &sql, binds).await? {
        let id = AllocationId::new(column(&row, "serial_transfer", "allocation_id")?);
        let agreement: Option<String> = column(&row, "serial_transfer", "agreement_id")?;
        let holder = Holder {
            party: parsed(&row, "serial_transfer", "to_party")?,
            agreement: agreement
                .map(|_| parsed(&row, "serial_transfer", "agreement_id"))
                .transpose()?,
        };
        let bytes: Vec<u8> = column(&row, "serial_transfer", "offsets")?;
        let offsets = read(&bytes, || format!("serial_transfer.offsets of {id}"))?;
        if let Some((book, _)) = books.get_mut(&id) {
            book.hand_over(&holder, &offsets);
        }
    }
    Ok(())
}

/// Writes what changed in books, and the accounts of whoever has the numbers.
pub async fn save(tx: &Tx, all: &[&Kept], now: Micros) -> Result<(), StorageError> {
    let changed: Vec<&Kept> = all.iter().copied().filter(|kept| kept.has_changed()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    save_used(tx, &changed).await?;
    save_states(tx, &changed).await?;
    settle(tx, &changed, now).await
}

/// The numbers of an allocation that came on packs of each lot.
fn on_packs(book: &Book) -> BTreeMap<&str, RoaringBitmap> {
    let mut lots = BTreeMap::<&str, RoaringBitmap>::new();
    for (_, lot, offsets) in book.places().filter(|(state, _, _)| state.is_on_pack()) {
        *lots.entry(lot).or_default() |= offsets;
    }
    lots
}

async fn save_used(tx: &Tx, changed: &[&Kept]) -> Result<(), StorageError> {
    let (mut ids, mut lots, mut counts, mut bitmaps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for kept in changed {
        let id = kept.stored.allocation.id;
        let (before, after, none) = (on_packs(&kept.before), on_packs(&kept.book), RoaringBitmap::new());
        for lot in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let now = after.get(lot).unwrap_or(&none);
            if before.get(lot).unwrap_or(&none) != now {
                ids.push(id.uuid());
                lots.push(Some(*lot));
                counts.push(bigint(now.len()));
                bitmaps.push(written(now, || format!("allocation_use.commissioned of {id}"))?);
            }
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", ids)
        .texts("lot", lots)
        .ints("n", counts)
        .bytes("offsets", bitmaps)
        .table(tx.backend(), 1);
    // `WHERE TRUE`: SQLite would read ON as the join's.
    let sql = format!(
        "INSERT INTO allocation_use (allocation_id, lot, commissioned, commissioned_count)
         SELECT r.id, r.lot, r.offsets, r.n FROM {table} WHERE TRUE
         ON CONFLICT (allocation_id, lot)
         DO UPDATE SET commissioned = excluded.commissioned, commissioned_count = excluded.commissioned_count"
    );
    tx.execute("noting used serial numbers", &sql, binds).await?;
    Ok(())
}

/// Rows of `serial_state`, with their numbers.
#[derive(Default)]
struct StateRows {
    ids: Vec<Uuid>,
    chunks: Vec<i64>,
    states: Vec<i64>,
    lots: Vec<Option<String>>,
    counts: Vec<i64>,
    bitmaps: Vec<Vec<u8>>,
}

impl StateRows {
    fn push(
        &mut self,
        id: AllocationId,
        chunk: u32,
        (state, lot): (SerialState, &str),
        offsets: &RoaringBitmap,
    ) -> Result<(), StorageError> {
        self.ids.push(id.uuid());
        self.chunks.push(i64::from(chunk));
        self.states.push(i64::from(state.number()));
        self.lots.push(Some(lot.to_owned()));
        self.counts.push(bigint(offsets.len()));
        self.bitmaps
            .push(written(offsets, || format!("serial_state.offsets of {id}"))?);
        Ok(())
    }

    fn table(self, tx: &Tx) -> (String, Vec<Value>) {
        Rows::default()
            .uuids("id", self.ids)
            .ints("chunk", self.chunks)
            .ints("state", self.states)
            .texts("lot", self.lots)
            .ints("n", self.counts)
            .bytes("offsets", self.bitmaps)
            .table(tx.backend(), 1)
    }
}

async fn save_states(tx: &Tx, changed: &[&Kept]) -> Result<(), StorageError> {
    let (mut put, mut gone) = (StateRows::default(), StateRows::default());
    for kept in changed {
        let id = kept.stored.allocation.id;
        let (before, after, none) = (overlays(&kept.before), overlays(&kept.book), RoaringBitmap::new());
        for place in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let now = *after.get(place).unwrap_or(&&none);
            let moved = *before.get(place).unwrap_or(&&none) ^ now;
            for chunk in chunks(&moved) {
                let part = now & &range_of(chunk);
                let rows = if part.is_empty() { &mut gone } else { &mut put };
                rows.push(id, chunk, *place, &part)?;
            }
        }
    }
    if !gone.ids.is_empty() {
        let (table, binds) = gone.table(tx);
        let sql = format!(
            "DELETE FROM serial_state WHERE EXISTS (SELECT 1 FROM {table} WHERE r.id = serial_state.allocation_id
             AND r.chunk = serial_state.chunk AND r.state = serial_state.state AND r.lot = serial_state.lot)"
        );
        tx.execute("forgetting states of serial numbers", &sql, binds).await?;
    }
    if !put.ids.is_empty() {
        let (table, binds) = put.table(tx);
        let sql = format!(
            "INSERT INTO serial_state (allocation_id, chunk, state, lot, count, offsets)
             SELECT r.id, r.chunk, CAST(r.state AS SMALLINT), r.lot, r.n, r.offsets FROM {table} WHERE TRUE
             ON CONFLICT (allocation_id, chunk, state, lot) DO UPDATE SET count = excluded.count, offsets = excluded.offsets"
        );
        tx.execute("noting states of serial numbers", &sql, binds).await?;
    }
    Ok(())
}

/// The places that have rows of their own.
fn overlays(book: &Book) -> BTreeMap<(SerialState, &str), &RoaringBitmap> {
    book.places()
        .filter(|(state, _, _)| *state != SerialState::Commissioned)
        .map(|(state, lot, offsets)| ((state, lot), offsets))
        .collect()
}

/// The groups of 65,536 offsets that have some of these.
fn chunks(offsets: &RoaringBitmap) -> Vec<u32> {
    let mut chunks = Vec::new();
    let mut from = offsets.min();
    while let Some(first) = from {
        chunks.push(first >> 16);
        let last = (first >> 16 << 16) | 0xffff;
        from = last.checked_add(1).and_then(|next| offsets.range(next..).next());
    }
    chunks
}

fn range_of(chunk: u32) -> RoaringBitmap {
    let mut range = RoaringBitmap::new();
    range.insert_range(chunk << 16..=(chunk << 16) | 0xffff);
    range
}

/// What is no longer outstanding, or is again, in the account of whoever has the numbers.
async fn settle(tx: &Tx, changed: &[&Kept], now: Micros) -> Result<(), StorageError> {
    let mut accounts = BTreeMap::<AccountKey, Settlement>::new();
    for kept in changed {
        for (holder, held) in kept.book.holders() {
            let (before, after) = (kept.before.counts(&held, None), kept.book.counts(&held, None));
            let change = accounts
                .entry(AccountKey {
                    party: holder.party.clone(),
                    numbered: kept.stored.allocation.numbered,
                    agreement: holder.agreement.clone(),
                })
                .or_default();
            change.settled += bigint(after.settled()) - bigint(before.settled());
            change.used += bigint(after.used()) - bigint(before.used());
        }
    }
    // In the order of their keys: two writers wait for each other in one direction only.
    for (key, change) in &accounts {
        account::settle(tx, key, *change, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_those_that_have_numbers() {
        let check = |offsets: &[u32], expect: &[u32]| {
            let offsets: RoaringBitmap = offsets.iter().copied().collect();
            assert_eq!(chunks(&offsets), expect);
            let parts: RoaringBitmap = expect
                .iter()
                .fold(RoaringBitmap::new(), |all, chunk| all | (&offsets & &range_of(*chunk)));
            assert_eq!(parts, offsets);
        };
        check(&[], &[]);
        check(&[0, 1, 65_535], &[0]);
        check(&[65_535, 65_536, 200_000], &[0, 1, 3]);
        check(&[u32::MAX], &[65_535]);
    }
}

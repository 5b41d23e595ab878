//! The balance of lots by their counts, and serials that a party commissioned without having them: rows of their own, as exceptions.
//!
//! What became of the numbers that a party has is in the books of its allocations ([`super::state`]).

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use sea_orm::{QueryResult, Value};

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::serial::book::{Counts, Holder};
use crate::domain::serial::life::{Bucket, SerialState};
use crate::domain::serial::lot::LotUse;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{StorageError, Tx};

use super::Reader;
use super::state::{self, Kept};

/// Most values bound by one statement: below the limit of both databases.
const BINDS: usize = 30_000;

/// In which lot, by whom, of whose product.
#[derive(Debug, Clone, Copy)]
pub struct ForeignScope<'a> {
    /// The product.
    pub gtin: Gtin,
    /// The lot.
    pub lot: &'a str,
    /// Who commissioned.
    pub party: &'a PartyId,
}

/// Notes serials that the party commissioned without having them; again is the same as once.
pub async fn add_foreign(
    tx: &Tx,
    scope: ForeignScope<'_>,
    owner: &PartyId,
    serials: &[&str],
    now: Micros,
) -> Result<(), StorageError> {
    let same: [Value; 5] = [
        scope.gtin.as_str().into(),
        scope.lot.into(),
        scope.party.as_str().into(),
        owner.as_str().into(),
        now.0.into(),
    ];
    for chunk in serials.chunks(BINDS - same.len()) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|i| format!("($1, $2, $3, ${}, $4, $5)", i + 6))
            .collect();
        let sql = format!(
            "INSERT INTO foreign_serial (gtin, lot, party_id, serial, owner_id, recorded_at) VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        );
        let values = same
            .iter()
            .cloned()
            .chain(chunk.iter().map(|serial| (*serial).into()))
            .collect();
        tx.execute("noting foreign serial numbers", &sql, values).await?;
    }
    Ok(())
}

/// Forgets them again.
pub async fn remove_foreign(tx: &Tx, scope: ForeignScope<'_>, serials: &[&str]) -> Result<u64, StorageError> {
    let same: [Value; 3] = [scope.gtin.as_str().into(), scope.lot.into(), scope.party.as_str().into()];
    let mut removed = 0;
    for chunk in serials.chunks(BINDS - same.len()) {
        let places: Vec<String> = (0..chunk.len()).map(|i| format!("${}", i + 4)).collect();
        let sql = format!(
            "DELETE FROM foreign_serial WHERE gtin = $1 AND lot = $2 AND party_id = $3 AND serial IN ({})",
            places.join(", ")
        );
        let values = same
            .iter()
            .cloned()
            .chain(chunk.iter().map(|serial| (*serial).into()))
            .collect();
        removed += tx
            .execute("forgetting foreign serial numbers", &sql, values)
            .await?
            .rows_affected();
    }
    Ok(removed)
}

/// What a party may see of the use of allocations in a lot: its own, the parts that were handed on to it, and those made in its name.
pub async fn of_lot(from: Reader<'_>, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<Vec<LotUse>, StorageError> {
    let rows = touched(from, viewer, gtin, lot).await?;
    let (mut uses, mut parted) = (BTreeMap::new(), Vec::new());
    for row in &rows {
        let id = AllocationId::new(column(row, "allocation", "id")?);
        if column::<i64>(row, "allocation", "parts")? > 0 {
            parted.push(id);
        } else {
            uses.insert(id, vec![counted(row)?]);
        }
    }
    add_states(from, lot, &mut uses).await?;
    for kept in state::books(from, &parted).await? {
        uses.insert(kept.stored.allocation.id, of_book(&kept, viewer, lot));
    }
    Ok(uses.into_values().flatten().collect())
}

/// The allocations that a lot has to do with, as far as a party may see them.
pub async fn allocations_of_lot(
    from: Reader<'_>,
    viewer: &PartyId,
    gtin: Gtin,
    lot: &str,
) -> Result<Vec<AllocationId>, StorageError> {
    let rows = touched(from, viewer, gtin, lot).await?;
    rows.iter()
        .map(|row| Ok(AllocationId::new(column(row, "allocation", "id")?)))
        .collect()
}

async fn touched(from: Reader<'_>, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<Vec<QueryResult>, StorageError> {
    let sql = "SELECT a.id, a.party_id, a.lot, a.line, a.quantity,
                   CAST(COALESCE((SELECT SUM(u.commissioned_count) FROM allocation_use u
                                  WHERE u.allocation_id = a.id AND u.lot = $2), 0) AS BIGINT) AS in_lot,
                   CAST(COALESCE((SELECT SUM(u.commissioned_count) FROM allocation_use u
                                  WHERE u.allocation_id = a.id), 0) AS BIGINT) AS in_all,
                   CAST((SELECT COUNT(*) FROM serial_transfer t WHERE t.allocation_id = a.id) AS BIGINT) AS parts
               FROM (SELECT id FROM allocation WHERE gtin = $1 AND lot = $2
                     UNION SELECT allocation_id FROM allocation_use WHERE lot = $2 AND commissioned_count > 0
                     UNION SELECT allocation_id FROM serial_state WHERE lot = $2) AS touched
               JOIN allocation a ON a.id = touched.id
               WHERE a.gtin = $1 AND (a.party_id = $3 OR a.principal_id = $3
                     OR EXISTS (SELECT 1 FROM serial_transfer t WHERE t.allocation_id = a.id AND t.to_party = $3))
               ORDER BY a.id";
    let values = vec![gtin.as_str().into(), lot.into(), viewer.as_str().into()];
    from.query("balancing a lot", sql, values).await
}

fn count(row: &QueryResult, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, "allocation", name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("allocation.{name} = {value}")))
}

/// From the counts of packs; the other states are still to be added.
fn counted(row: &QueryResult) -> Result<LotUse, StorageError> {
    let commissioned = |commissioned| Counts {
        commissioned,
        ..Counts::default()
    };
    Ok(LotUse {
        allocation: AllocationId::new(column(row, "allocation", "id")?),
        party: parsed(row, "allocation", "party_id")?,
        asked_for: column(row, "allocation", "lot")?,
        line: column(row, "allocation", "line")?,
        quantity: count(row, "quantity")?,
        here: commissioned(count(row, "in_lot")?),
        all: commissioned(count(row, "in_all")?),
    })
}

async fn add_states(from: Reader<'_>, lot: &str, uses: &mut BTreeMap<AllocationId, Vec<LotUse>>) -> Result<(), StorageError> {
    if uses.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("id", uses.keys().map(|id| id.uuid()))
        .table(from.backend(), 2);
    let sql = format!(
        "SELECT s.allocation_id, s.state, CAST(SUM(s.count) AS BIGINT) AS in_all,
                CAST(SUM(CASE WHEN s.lot = $1 THEN s.count ELSE 0 END) AS BIGINT) AS in_lot
         FROM {table} JOIN serial_state s ON s.allocation_id = r.id GROUP BY s.allocation_id, s.state"
    );
    let values = std::iter::once(lot.into()).chain(binds).collect();
    for row in from.query("balancing a lot", &sql, values).await? {
        let id = AllocationId::new(column(&row, "serial_state", "allocation_id")?);
        let number: i16 = column(&row, "serial_state", "state")?;
        let state = SerialState::of_number(number)
            .ok_or_else(|| StorageError::Inconsistent(format!("serial_state.state of {id} = {number}")))?;
        let (in_lot, in_all) = (count(&row, "in_lot")?, count(&row, "in_all")?);
        for part in uses
            .get_mut(&id)
            .into_iter()
            .flatten()
            .filter(|_| state.bucket() != Bucket::Unused)
        {
            for (counts, count) in [(&mut part.here, in_lot), (&mut part.all, in_all)] {
                // Packs stand among the commissioned whatever became of them since.
                if state.is_on_pack() {
                    counts.commissioned = counts.commissioned.saturating_sub(count);
                }
                counts.add(state.bucket(), count);
            }
        }
    }
    Ok(())
}

/// An allocation of which parts were handed on: a line for each holder that the viewer may see.
pub fn of_book(kept: &Kept, viewer: &PartyId, lot: &str) -> Vec<LotUse> {
    let (allocation, book) = (&kept.stored.allocation, &kept.book);
    let shown = |party: &PartyId| allocation.principal == *viewer || party == viewer;
    let holders = book
        .holders()
        .into_iter()
        .filter(|(holder, held)| shown(&holder.party) && !held.is_empty());
    let part = |(holder, held): (&Holder, RoaringBitmap)| LotUse {
        allocation: allocation.id,
        party: holder.party.clone(),
        asked_for: allocation.lot.clone(),
        line: allocation.line.clone(),
        quantity: held.len(),
        here: book.counts(&held, Some(lot)),
        all: book.counts(&held, None),
    };
    holders.map(part).collect()
}

/// How many foreign serials of a lot a party may know of: its own and those of its product.
pub async fn foreign_in_lot(from: Reader<'_>, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<u64, StorageError> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM foreign_serial
               WHERE gtin = $1 AND lot = $2 AND (party_id = $3 OR owner_id = $3)";
    let values = vec![gtin.as_str().into(), lot.into(), viewer.as_str().into()];
    let rows = from.query("counting foreign serial numbers", sql, values).await?;
    rows.first().map_or(Ok(0), |row| count(row, "n"))
}

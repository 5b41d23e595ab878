//! The balance of lots by their counts, and serials that a party commissioned without having them: rows of their own, as exceptions.
//!
//! What became of the numbers that a party has is in the books of its allocations ([`super::state`]).

use sea_orm::{QueryResult, Value};

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::serial::lot::LotUse;
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

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

/// What a party may see of the use of allocations in a lot: its own and those made in its name.
pub async fn of_lot(db: &Db, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<Vec<LotUse>, StorageError> {
    let sql = "SELECT a.id, a.party_id, a.lot, a.quantity,
                   CAST(COALESCE((SELECT SUM(u.commissioned_count) FROM allocation_use u
                                  WHERE u.allocation_id = a.id AND u.lot = $2), 0) AS BIGINT) AS in_lot,
                   CAST(COALESCE((SELECT SUM(u.commissioned_count) FROM allocation_use u
                                  WHERE u.allocation_id = a.id), 0) AS BIGINT) AS in_all
               FROM (SELECT id FROM allocation WHERE gtin = $1 AND lot = $2
                     UNION SELECT allocation_id FROM allocation_use WHERE lot = $2 AND commissioned_count > 0) AS touched
               JOIN allocation a ON a.id = touched.id
               WHERE a.gtin = $1 AND (a.party_id = $3 OR a.principal_id = $3)
               ORDER BY a.id";
    let rows = db
        .query(
            "balancing a lot",
            sql,
            vec![gtin.as_str().into(), lot.into(), viewer.as_str().into()],
        )
        .await?;
    rows.iter().map(lot_use).collect()
}

fn lot_use(row: &QueryResult) -> Result<LotUse, StorageError> {
    let count = |name: &str| {
        let value: i64 = column(row, "allocation", name)?;
        u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("allocation.{name} = {value}")))
    };
    Ok(LotUse {
        allocation: AllocationId::new(column(row, "allocation", "id")?),
        party: parsed(row, "allocation", "party_id")?,
        asked_for: column(row, "allocation", "lot")?,
        quantity: count("quantity")?,
        in_lot: count("in_lot")?,
        in_all: count("in_all")?,
    })
}

/// How many foreign serials of a lot a party may know of: its own and those of its product.
pub async fn foreign_in_lot(db: &Db, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<u64, StorageError> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM foreign_serial
               WHERE gtin = $1 AND lot = $2 AND (party_id = $3 OR owner_id = $3)";
    let row = db
        .query_one(
            "counting foreign serial numbers",
            sql,
            vec![gtin.as_str().into(), lot.into(), viewer.as_str().into()],
        )
        .await?;
    let count: i64 = row.map_or(Ok(0), |row| column(&row, "foreign_serial", "n"))?;
    u64::try_from(count).map_err(|_| StorageError::Inconsistent(format!("foreign_serial count = {count}")))
}

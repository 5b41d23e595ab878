//! Who has something in which logistic unit, and since when: one row for each owner and unit.
//!
//! Listing contents would tell it too, but not who had bought them when they were packed; and the handover of a pallet shall not cost its
//! contents. It is written by captures that put something into a unit or take something out.

use std::collections::HashMap;

use sea_orm::{DbBackend, QueryResult, Value};

use crate::domain::containment::Stake;
use crate::domain::gs1::EpcKey;
use crate::domain::ids::PartyId;
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{column, parsed};
use super::{Db, StorageError, Tx};

/// Stakes in units.
pub type Stakes = HashMap<EpcKey, Vec<Stake>>;

fn sql(backend: DbBackend, units: &[EpcKey]) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default().uuids("epc", units.iter().map(|epc| epc.0)).table(backend, 1);
    let sql = format!(
        "SELECT u.epc, u.owner_id, u.from_time, u.until_time FROM {table} CROSS JOIN unit_stake u WHERE u.epc = r.epc
         ORDER BY u.epc, u.from_time, u.owner_id"
    );
    (sql, binds)
}

fn stakes(rows: &[QueryResult]) -> Result<Stakes, StorageError> {
    let mut stakes = Stakes::new();
    for row in rows {
        let unit = EpcKey(column(row, "unit_stake", "epc")?);
        stakes.entry(unit).or_default().push(Stake {
            owner: parsed(row, "unit_stake", "owner_id")?,
            from: Micros(column(row, "unit_stake", "from_time")?),
            until: Micros(column(row, "unit_stake", "until_time")?),
        });
    }
    Ok(stakes)
}

/// The stakes in units, of each the oldest first.
pub async fn of_units(db: &Db, units: &[EpcKey]) -> Result<Stakes, StorageError> {
    if units.is_empty() {
        return Ok(Stakes::new());
    }
    let (sql, binds) = sql(db.backend(), units);
    stakes(&db.query("reading whose the contents of units are", &sql, binds).await?)
}

/// The same, as a transaction sees it.
pub async fn of_units_in(tx: &Tx, units: &[EpcKey]) -> Result<Stakes, StorageError> {
    if units.is_empty() {
        return Ok(Stakes::new());
    }
    let (sql, binds) = sql(tx.backend(), units);
    stakes(&tx.query("reading whose the contents of units are", &sql, binds).await?)
}

/// How many things of the brands of each owner are directly in units now.
pub async fn brands_inside(tx: &Tx, units: &[EpcKey]) -> Result<Vec<(EpcKey, PartyId, i64)>, StorageError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", units.iter().map(|epc| epc.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT t.parent, k.owner_id, COUNT(*) AS many FROM {table} CROSS JOIN thing t CROSS JOIN thing_kind k
         WHERE t.parent = r.epc AND k.no = t.kind AND k.owner_id <> '' GROUP BY t.parent, k.owner_id"
    );
    let rows = tx.query("counting whose the contents of units are", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            Ok((
                EpcKey(column(row, "thing", "parent")?),
                parsed(row, "thing_kind", "owner_id")?,
                column(row, "thing", "many")?,
            ))
        })
        .collect()
}

/// Writes stakes; those that stand are replaced.
pub async fn store(tx: &Tx, stakes: &[(EpcKey, &Stake)]) -> Result<(), StorageError> {
    if stakes.is_empty() {
        return Ok(());
    }
    let (table, binds) = Rows::default()
        .uuids("epc", stakes.iter().map(|(epc, _)| epc.0))
        .texts("owner_id", stakes.iter().map(|(_, stake)| Some(stake.owner.as_str())))
        .ints("from_time", stakes.iter().map(|(_, stake)| stake.from.0))
        .ints("until_time", stakes.iter().map(|(_, stake)| stake.until.0))
        .table(tx.backend(), 1);
    let columns = "epc, owner_id, from_time, until_time";
    let sql = format!(
        "INSERT INTO unit_stake ({columns}) SELECT {columns} FROM {table} WHERE true
         ON CONFLICT (epc, owner_id) DO UPDATE SET from_time = excluded.from_time, until_time = excluded.until_time"
    );
    tx.execute("storing whose the contents of units are", &sql, binds).await?;
    Ok(())
}

//! Reports: the keys they came with, and the moves that were asked for and that there are not.

use roaring::RoaringBitmap;
use sea_orm::{QueryResult, Value};

use crate::domain::ids::{AllocationId, ExceptionId, PartyId};
use crate::domain::serial::life::SerialState;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::{bigint, read, written};

/// Notes the key of a report; the hash of the report that had it first, which is this one's unless the key was used before.
pub async fn key_or_insert(tx: &Tx, party: &PartyId, key: &str, hash: [u8; 32], now: Micros) -> Result<Vec<u8>, StorageError> {
    let insert = "INSERT INTO serial_report (party_id, request_key, request_hash, at) VALUES ($1, $2, $3, $4)
                  ON CONFLICT (party_id, request_key) DO NOTHING";
    let values = vec![party.as_str().into(), key.into(), hash.to_vec().into(), now.0.into()];
    tx.execute("noting the key of a report", insert, values).await?;
    // On PostgreSQL a statement of its own: it sees what the insert waited for.
    let select = "SELECT request_hash FROM serial_report WHERE party_id = $1 AND request_key = $2";
    let row = tx
        .query_one("reading the key of a report", select, vec![party.as_str().into(), key.into()])
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("serial_report: no row of `{party}` after inserting it")))?;
    column(&row, "serial_report", "request_hash")
}

/// A move of numbers of one allocation that there is not.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredException {
    /// Its id.
    pub id: ExceptionId,
    /// Of which allocation.
    pub allocation: AllocationId,
    /// Who has the numbers.
    pub party: PartyId,
    /// Whose brand.
    pub principal: PartyId,
    /// The state they are in.
    pub from: SerialState,
    /// The state they were to move to.
    pub to: SerialState,
    /// Which numbers, by offset.
    pub offsets: RoaringBitmap,
    /// When it was first asked for.
    pub at: Micros,
}

/// Stores exceptions that do not stand yet: the same report again makes no second one.
pub async fn add_exceptions(tx: &Tx, exceptions: &[StoredException]) -> Result<(), StorageError> {
    if exceptions.is_empty() {
        return Ok(());
    }
    let bitmaps: Vec<Vec<u8>> = exceptions
        .iter()
        .map(|exception| written(&exception.offsets, || format!("serial_exception.offsets of {}", exception.id)))
        .collect::<Result<_, _>>()?;
    let (table, binds) = Rows::default()
        .uuids("id", exceptions.iter().map(|exception| exception.id.uuid()))
        .uuids(
            "allocation_id",
            exceptions.iter().map(|exception| exception.allocation.uuid()),
        )
        .texts("party_id", exceptions.iter().map(|exception| Some(exception.party.as_str())))
        .texts(
            "principal_id",
            exceptions.iter().map(|exception| Some(exception.principal.as_str())),
        )
        .ints(
            "from_state",
            exceptions.iter().map(|exception| i64::from(exception.from.number())),
        )
        .ints(
            "to_state",
            exceptions.iter().map(|exception| i64::from(exception.to.number())),
        )
        .ints("quantity", exceptions.iter().map(|exception| bigint(exception.offsets.len())))
        .bytes("offsets", bitmaps)
        .ints("at", exceptions.iter().map(|exception| exception.at.0))
        .table(tx.backend(), 1);
    let sql = format!(
        "INSERT INTO serial_exception (id, allocation_id, party_id, principal_id, from_state, to_state, quantity, offsets, at)
         SELECT r.id, r.allocation_id, r.party_id, r.principal_id, CAST(r.from_state AS SMALLINT), CAST(r.to_state AS SMALLINT),
                r.quantity, r.offsets, r.at
         FROM {table}
         WHERE NOT EXISTS (SELECT 1 FROM serial_exception e WHERE e.allocation_id = r.allocation_id AND e.from_state = r.from_state
                           AND e.to_state = r.to_state AND e.offsets = r.offsets)"
    );
    tx.execute("storing exceptions", &sql, binds).await?;
    Ok(())
}

/// Exceptions about numbers that a party has or that are of its brand, newest first, at most `limit`, older than `before`.
pub async fn exceptions(
    db: &Db,
    party: &PartyId,
    before: Option<ExceptionId>,
    limit: usize,
) -> Result<Vec<StoredException>, StorageError> {
    let mut values: Vec<Value> = vec![party.as_str().into(), bigint(limit as u64).into()];
    let older = before.map_or("", |_| " AND id < $3");
    values.extend(before.map(|before| before.uuid().into()));
    let part = |role: &str| {
        format!("SELECT * FROM (SELECT id FROM serial_exception WHERE {role} = $1{older} ORDER BY id DESC LIMIT $2) AS by_{role}")
    };
    let sql = format!(
        "SELECT id, allocation_id, party_id, principal_id, from_state, to_state, offsets, at FROM serial_exception
         WHERE id IN ({} UNION {}) ORDER BY id DESC LIMIT $2",
        part("party_id"),
        part("principal_id")
    );
    db.query("listing exceptions", &sql, values)
        .await?
        .iter()
        .map(stored)
        .collect()
}

fn stored(row: &QueryResult) -> Result<StoredException, StorageError> {
    const TABLE: &str = "serial_exception";
    let id = ExceptionId::new(column(row, TABLE, "id")?);
    let state = |name: &str| {
        let number: i16 = column(row, TABLE, name)?;
        SerialState::of_number(number).ok_or_else(|| StorageError::Inconsistent(format!("{TABLE}.{name} of {id} = {number}")))
    };
    let offsets: Vec<u8> = column(row, TABLE, "offsets")?;
    Ok(StoredException {
        id,
        allocation: AllocationId::new(column(row, TABLE, "allocation_id")?),
        party: parsed(row, TABLE, "party_id")?,
        principal: parsed(row, TABLE, "principal_id")?,
        from: state("from_state")?,
        to: state("to_state")?,
        offsets: read(&offsets, || format!("{TABLE}.offsets of {id}"))?,
        at: Micros(column(row, TABLE, "at")?),
    })
}

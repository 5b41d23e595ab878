//! What is stored of numbers that somebody asks for: set by set, each statement the same for one number and for a hundred thousand.
//!
//! Every statement steps through an index once a number, allocation or bitmap that it is asked for, and reads nothing between. Who may see
//! what it finds is the caller's to say; where a party is given, only its own is found.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::gs1::{EpcKey, Gln};
use crate::domain::ids::{AllocationId, PartyId, PoolId};
use crate::domain::serial::life::SerialState;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::allocation::{self, StoredAllocation};
use super::{bigint, slice};

/// Numbers in one statement: some hundred kilobytes of binds.
pub const BATCH: usize = 20_000;

/// The products of which a party has numbers, or ever had.
pub async fn known_products(db: &Db, party: &PartyId, products: &[Numbered]) -> Result<BTreeSet<Numbered>, StorageError> {
    let mut known = BTreeSet::new();
    for part in products.chunks(BATCH) {
        let (sql, values) = known_sql(db.backend(), party, part);
        for row in db.query("looking for a party's products", &sql, values).await? {
            known.insert(parsed(&row, "serial_account", "gtin")?);
        }
    }
    Ok(known)
}

pub(in crate::storage) fn known_sql(backend: DbBackend, party: &PartyId, products: &[Numbered]) -> (String, Vec<Value>) {
    let (asked, binds) = Rows::default()
        .texts("gtin", products.iter().map(|product| Some(product.to_string())))
        .table(backend, 2);
    let sql = format!(
        "SELECT r.gtin FROM {asked}
         WHERE EXISTS (SELECT 1 FROM serial_account c WHERE c.party_id = $1 AND c.gtin = r.gtin)
            OR EXISTS (SELECT 1 FROM serial_transfer t JOIN allocation a ON a.id = t.allocation_id
                       WHERE t.to_party = $1 AND a.gtin = r.gtin)"
    );
    (sql, with(vec![party.as_str().into()], binds))
}

/// The allocations of a pool in which any of these counter values may lie, in the order of the counter. With a party only those that it was
/// given, that were made in its name, or of which it was handed a part.
pub async fn holding(
    db: &Db,
    pool: PoolId,
    only: Option<&PartyId>,
    indices: &[u64],
) -> Result<Vec<StoredAllocation>, StorageError> {
    let mut found: Vec<StoredAllocation> = Vec::new();
    for part in indices.chunks(BATCH) {
        let (sql, values) = holding_sql(db.backend(), pool, only, part);
        for row in db.query("finding the allocations of serial numbers", &sql, values).await? {
            found.push(allocation::stored(&row)?);
        }
    }
    // Two batches can meet in one allocation.
    found.sort_by_key(|stored| stored.first_index);
    found.dedup_by_key(|stored| stored.first_index);
    Ok(found)
}

pub(in crate::storage) fn holding_sql(
    backend: DbBackend,
    pool: PoolId,
    only: Option<&PartyId>,
    indices: &[u64],
) -> (String, Vec<Value>) {
    let (mut sql, mut values) = slice::covering(backend, pool, indices, allocation::COLUMNS);
    if let Some(party) = only {
        sql.push_str(
            " AND (a.party_id = $3 OR a.principal_id = $3
                   OR EXISTS (SELECT 1 FROM serial_transfer t WHERE t.allocation_id = a.id AND t.to_party = $3))",
        );
        values.push(party.as_str().into());
    }
    (sql, values)
}

/// Where numbers of a product stand in lists: position in the call, pool, place in the pool.
pub async fn listed(db: &Db, numbered: Numbered, serials: &[&str]) -> Result<Vec<(usize, PoolId, u64)>, StorageError> {
    let mut found = Vec::new();
    for (chunk, part) in serials.chunks(BATCH).enumerate() {
        let (sql, values) = listed_sql(db.backend(), numbered, part);
        for row in db.query("finding listed serial numbers", &sql, values).await? {
            let at = chunk * BATCH + position(&row, "listed_serial")?;
            let pool = PoolId::new(column(&row, "listed_serial", "pool_id")?);
            found.push((at, pool, count(&row, "listed_serial", "number_index")?));
        }
    }
    Ok(found)
}

pub(in crate::storage) fn listed_sql(backend: DbBackend, numbered: Numbered, serials: &[&str]) -> (String, Vec<Value>) {
    let (asked, binds) = numbered_rows(serials.iter().copied()).table(backend, 2);
    // CROSS JOIN: SQLite is to look up each number that is asked for, in this order.
    let sql = format!(
        "SELECT r.n, l.pool_id, l.number_index FROM {asked} CROSS JOIN listed_serial l WHERE l.gtin = $1 AND l.serial = r.serial"
    );
    (sql, with(vec![numbered.to_string().into()], binds))
}

/// One bitmap of an allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Of which allocation.
    pub allocation: AllocationId,
    /// What its numbers have in common.
    pub kind: MarkKind,
    /// Which.
    pub offsets: RoaringBitmap,
}

/// What numbers have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkKind {
    /// Commissioned in a lot (empty: none).
    Commissioned {
        /// The lot.
        lot: String,
    },
    /// In another state.
    State {
        /// Which.
        state: SerialState,
        /// In which lot (empty: none).
        lot: String,
    },
    /// Handed on.
    Transferred {
        /// To whom.
        to: PartyId,
        /// For which site.
        site: Option<Gln>,
        /// When.
        at: Micros,
    },
}

/// The bitmaps of allocations in which these groups of 65,536 offsets may be marked; transfers of an allocation in their order.
pub async fn marks(db: &Db, groups: &BTreeSet<(AllocationId, u32)>) -> Result<Vec<Mark>, StorageError> {
    let (sql, values) = marks_sql(db.backend(), groups);
    let rows = db.query("reading what became of serial numbers", &sql, values).await?;
    rows.iter().map(mark).collect()
}

pub(in crate::storage) fn marks_sql(backend: DbBackend, groups: &BTreeSet<(AllocationId, u32)>) -> (String, Vec<Value>) {
    let ids: BTreeSet<Uuid> = groups.iter().map(|(id, _)| id.uuid()).collect();
    let (allocations, mut values) = Rows::default().uuids("id", ids).table(backend, 1);
    let (chunks, binds) = Rows::default()
        .uuids("id", groups.iter().map(|(id, _)| id.uuid()))
        .ints("chunk", groups.iter().map(|(_, chunk)| i64::from(*chunk)))
        .table(backend, 1 + values.len());
    values.extend(binds);
    // One statement, so that all of it is of one moment. Transfers of an allocation are in their order.
    let sql = format!(
        "SELECT 0 AS kind, u.allocation_id, u.lot AS word, CAST(NULL AS SMALLINT) AS state, CAST(NULL AS TEXT) AS site,
                CAST(0 AS BIGINT) AS at, u.commissioned AS offsets, CAST(0 AS BIGINT) AS place
         FROM {allocations} CROSS JOIN allocation_use u WHERE u.allocation_id = r.id
         UNION ALL
         SELECT 1, s.allocation_id, s.lot, s.state, NULL, 0, s.offsets, 0
         FROM {chunks} CROSS JOIN serial_state s WHERE s.allocation_id = r.id AND s.chunk = r.chunk
         UNION ALL
         SELECT 2, t.allocation_id, t.to_party, NULL, t.to_site, t.at, t.offsets, t.seq
         FROM {allocations} CROSS JOIN serial_transfer t WHERE t.allocation_id = r.id
         ORDER BY kind, place"
    );
    (sql, values)
}

fn mark(row: &QueryResult) -> Result<Mark, StorageError> {
    let allocation = AllocationId::new(column(row, "allocation", "allocation_id")?);
    let wrong = |what: &str| StorageError::Inconsistent(format!("{what} of {allocation}"));
    let (kind, word): (i32, String) = (column(row, "allocation", "kind")?, column(row, "allocation", "word")?);
    let bytes: Vec<u8> = column(row, "allocation", "offsets")?;
    let kind = match kind {
        0 => MarkKind::Commissioned { lot: word },
        1 => {
            let number: i16 = column(row, "serial_state", "state")?;
            let state = SerialState::of_number(number).ok_or_else(|| wrong("serial_state.state"))?;
            MarkKind::State { state, lot: word }
        }
        2 => MarkKind::Transferred {
            to: word.parse().map_err(|_| wrong("serial_transfer.to_party"))?,
            site: column::<Option<String>>(row, "serial_transfer", "site")?
                .map(|site| site.parse().map_err(|_| wrong("serial_transfer.to_site")))
                .transpose()?,
            at: Micros(column(row, "serial_transfer", "at")?),
        },
        _ => return Err(wrong("a bitmap of no kind")),
    };
    Ok(Mark {
        allocation,
        kind,
        offsets: RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(|_| wrong("a bitmap"))?,
    })
}

/// What events say of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Position in the call.
    pub at: usize,
    /// When it was commissioned.
    pub commissioned_at: Micros,
    /// Its expiry, as sent.
    pub expiry: Option<String>,
}

/// Those of these things that were commissioned.
pub async fn packs(db: &Db, things: &[EpcKey]) -> Result<Vec<Pack>, StorageError> {
    let mut found = Vec::new();
    for (chunk, part) in things.chunks(BATCH).enumerate() {
        let (sql, values) = packs_sql(db.backend(), part);
        for row in db.query("reading when things were commissioned", &sql, values).await? {
            found.push(Pack {
                at: chunk * BATCH + position(&row, "item")?,
                commissioned_at: Micros(column(&row, "item", "commissioned_at")?),
                expiry: column(&row, "item", "expiry")?,
            });
        }
    }
    Ok(found)
}

pub(in crate::storage) fn packs_sql(backend: DbBackend, things: &[EpcKey]) -> (String, Vec<Value>) {
    let (asked, binds) = Rows::default()
        .ints("n", (0..things.len()).map(|at| bigint(at as u64)))
        .uuids("epc", things.iter().map(|epc| epc.0))
        .table(backend, 1);
    let sql = format!(
        "SELECT r.n, i.commissioned_at, i.expiry FROM {asked} CROSS JOIN item i
         WHERE i.epc = r.epc AND i.commissioned_at IS NOT NULL"
    );
    (sql, binds)
}

/// A number that a party commissioned without having it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignUse {
    /// Position in the call.
    pub at: usize,
    /// By whom.
    pub party: PartyId,
    /// In which lot.
    pub lot: String,
    /// When it was recorded.
    pub recorded_at: Micros,
}

/// Those of these numbers, of products of this owner, that somebody commissioned without having them.
pub async fn foreign(db: &Db, owner: &PartyId, numbers: &[(Numbered, &str)]) -> Result<Vec<ForeignUse>, StorageError> {
    let mut found = Vec::new();
    for (chunk, part) in numbers.chunks(BATCH).enumerate() {
        let (sql, values) = foreign_sql(db.backend(), owner, part);
        for row in db.query("looking for foreign serial numbers", &sql, values).await? {
            found.push(ForeignUse {
                at: chunk * BATCH + position(&row, "foreign_serial")?,
                party: parsed(&row, "foreign_serial", "party_id")?,
                lot: column(&row, "foreign_serial", "lot")?,
                recorded_at: Micros(column(&row, "foreign_serial", "recorded_at")?),
            });
        }
    }
    Ok(found)
}

pub(in crate::storage) fn foreign_sql(backend: DbBackend, owner: &PartyId, numbers: &[(Numbered, &str)]) -> (String, Vec<Value>) {
    let (asked, binds) = numbered_rows(numbers.iter().map(|(_, serial)| *serial))
        .texts("gtin", numbers.iter().map(|(product, _)| Some(product.to_string())))
        .table(backend, 2);
    let sql = format!(
        "SELECT r.n, f.party_id, f.lot, f.recorded_at FROM {asked} CROSS JOIN foreign_serial f
         WHERE f.gtin = r.gtin AND f.serial = r.serial AND f.owner_id = $1 ORDER BY r.n, f.recorded_at, f.party_id, f.lot"
    );
    (sql, with(vec![owner.as_str().into()], binds))
}

/// Columns `n` and `serial`. PostgreSQL has no text with NUL: such a number can stand nowhere, and is asked for as the empty one.
fn numbered_rows<'a>(serials: impl Iterator<Item = &'a str> + Clone) -> Rows {
    let stored = |serial: &'a str| if serial.contains('\0') { "" } else { serial };
    Rows::default()
        .ints("n", serials.clone().enumerate().map(|(at, _)| bigint(at as u64)))
        .texts("serial", serials.map(move |serial| Some(stored(serial))))
}

fn with(mut values: Vec<Value>, binds: Vec<Value>) -> Vec<Value> {
    values.extend(binds);
    values
}

fn position(row: &QueryResult, table: &str) -> Result<usize, StorageError> {
    count(row, table, "n").map(|at| usize::try_from(at).unwrap_or(usize::MAX))
}

fn count(row: &QueryResult, table: &str, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, table, name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("{table}.{name} = {value}")))
}

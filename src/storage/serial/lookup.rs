//! What is stored of numbers that somebody asks for: one statement, the same whoever asks and whatever there is.
//!
//! It steps through an index once a number, allocation or bitmap that it is asked for, and reads nothing between. Being one, it also tells
//! of one moment. What it finds of allocations is what the party may know of: those in pools of its own, those that it was given, that were
//! made in its name, or of which it was handed a part.
//!
//! # Invariants
//! - Each place costs the same, whoever has the number: one that lies nowhere is searched at its spare place, in nobody's name.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::gs1::{EpcKey, Gln};
use crate::domain::ids::{AllocationId, PartyId, PoolId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::serial::life::SerialState;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError};

use super::allocation::{self, StoredAllocation};
use super::bigint;

/// Numbers in one statement: some hundred kilobytes of binds.
pub const BATCH: usize = 20_000;

/// Where a number would lie in one of its product's pools.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Position in the call.
    pub at: usize,
    /// Which pool.
    pub pool: PoolId,
    /// The counter value, where it can be computed.
    pub index: Option<u64>,
    /// The text, where the pool is a list.
    pub listed: Option<&'a str>,
    /// What to search instead where that is nowhere: any value, always the same for a text.
    pub spare: u64,
    /// What events call the number.
    pub thing: Option<EpcKey>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// By whom.
    pub party: &'a PartyId,
    /// Products whose pools are told.
    pub products: &'a [Numbered],
    /// Where to search.
    pub places: &'a [Place<'a>],
    /// Numbers of the party's own products, by position: who made them up.
    pub own: &'a [(usize, Numbered, &'a str)],
    /// Whether the bitmaps come too, or are read by [`marks`]: those of many numbers do not fit into memory together.
    pub with_marks: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Every pool of the products.
    pub pools: Vec<(Numbered, PoolId)>,
    /// Position in the call, allocation, and offset in it, which can be a hole.
    pub hits: Vec<(usize, AllocationId, u64)>,
    /// The allocations of the hits.
    pub allocations: Vec<StoredAllocation>,
    /// Their bitmaps, as far as the hits can lie in them; transfers of an allocation in their order.
    pub marks: Vec<Mark>,
    /// What events say of the hits.
    pub packs: Vec<Pack>,
    /// Those of the party's own numbers that somebody commissioned without having them.
    pub foreign: Vec<ForeignUse>,
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

/// Everything about some numbers, at most [`BATCH`].
pub async fn find(db: &Db, wanted: Wanted<'_>) -> Result<Found, StorageError> {
    let (sql, values) = find_sql(db.backend(), wanted);
    let (mut found, mut marks) = (Found::default(), Vec::new());
    for row in db.query("looking up serial numbers", &sql, values).await? {
        match column::<i32>(&row, "allocation", "arm")? {
            0 => found.allocations.push(allocation::stored(&row)?),
            1 => {
                let hit = (position(&row)?, subject(&row)?, count(&row, "place")?);
                found.hits.push(hit);
            }
            2 => found
                .pools
                .push((parsed(&row, "pool", "word")?, PoolId::new(column(&row, "pool", "subject")?))),
            3 => found.packs.push(Pack {
                at: position(&row)?,
                commissioned_at: Micros(column(&row, "item", "at")?),
                expiry: column(&row, "item", "word")?,
            }),
            4 => found.foreign.push(ForeignUse {
                at: position(&row)?,
                party: parsed(&row, "foreign_serial", "word")?,
                lot: column(&row, "foreign_serial", "other")?,
                recorded_at: Micros(column(&row, "foreign_serial", "at")?),
            }),
            arm => marks.push(mark(&row, arm)?),
        }
    }
    found.marks = in_order(marks);
    found
        .foreign
        .sort_by(|a, b| (a.at, a.recorded_at, &a.party, &a.lot).cmp(&(b.at, b.recorded_at, &b.party, &b.lot)));
    Ok(found)
}

pub(in crate::storage) fn find_sql(backend: DbBackend, wanted: Wanted<'_>) -> (String, Vec<Value>) {
    let mut values = vec![Value::from(wanted.party.as_str())];
    let mut table = |rows: Rows| {
        let (table, binds) = rows.table(backend, 1 + values.len());
        values.extend(binds);
        table
    };
    let places = table(places(wanted.places));
    let products = table(Rows::default().texts("gtin", wanted.products.iter().map(|product| Some(product.to_string()))));
    let own = table(own(wanted.own));
    // The columns of an allocation are its own arm's alone.
    let of_allocation: Vec<String> = allocation::COLUMNS
        .split(',')
        .map(|name| format!("a.{}", name.trim()))
        .collect();
    let (of_allocation, none) = (of_allocation.join(", "), ", NULL".repeat(of_allocation.len()));
    let marks = if wanted.with_marks {
        let allocations = "(SELECT DISTINCT h.id FROM held h) r";
        let chunks = "(SELECT DISTINCT h.id, h.place / 65536 AS chunk FROM held h) r";
        format!(" UNION ALL {}", mark_arms(allocations, chunks, &none))
    } else {
        String::new()
    };
    // SQLite takes all made-up numbers of a product for fewer than there can be.
    let by_serial = match backend {
        DbBackend::Sqlite => " INDEXED BY foreign_serial_by_serial",
        _ => "",
    };
    let anybody = if leaks(Leak::NumbersOfOthers) { "w.who <> '' OR " } else { "" };
    // What lies nowhere is searched at its spare place for a party of no name, which may know of nothing. The innermost SELECT of `held` is
    // one step backwards in the index of (pool_id, first_index), for each place. CROSS JOIN: SQLite is to look up each row that is asked
    // for, in this order.
    let sql = format!(
        "WITH place AS MATERIALIZED (
             SELECT q.n, q.epc, q.pool_id, q.owner_id,
                    CASE WHEN q.x < q.next_index THEN q.x ELSE q.spare % q.next_index END AS x,
                    CASE WHEN q.x < q.next_index THEN $1 ELSE '' END AS who
             FROM (SELECT r.n, r.epc, r.spare, p.id AS pool_id, p.owner_id, p.next_index,
                          COALESCE(r.x, (SELECT l.number_index FROM listed_serial l
                                         WHERE l.gtin = p.gtin AND l.serial = r.serial AND l.pool_id = p.id)) AS x
                   FROM {places} CROSS JOIN pool p WHERE p.id = r.pool_id AND p.next_index > 0) q),
         held AS MATERIALIZED (
             SELECT w.n, w.epc, a.id, w.x - a.first_index AS place
             FROM place w CROSS JOIN allocation a
             WHERE a.pool_id = w.pool_id
               AND a.first_index = (SELECT MAX(s.first_index) FROM allocation s WHERE s.pool_id = w.pool_id AND s.first_index <= w.x)
               AND ({anybody}w.owner_id = w.who OR a.party_id = w.who OR a.principal_id = w.who
                    OR EXISTS (SELECT 1 FROM serial_transfer t WHERE t.allocation_id = a.id AND t.to_party = w.who)))
         SELECT 0 AS arm, CAST(NULL AS BIGINT) AS n, a.id AS subject, CAST(NULL AS SMALLINT) AS number, CAST(NULL AS BIGINT) AS at,
                CAST(NULL AS BIGINT) AS place, CAST(NULL AS TEXT) AS word, CAST(NULL AS TEXT) AS other, a.holes AS bytes, {of_allocation}
         FROM (SELECT DISTINCT h.id FROM held h) r CROSS JOIN allocation a WHERE a.id = r.id
         UNION ALL
         SELECT 1, h.n, h.id, NULL, NULL, h.place, NULL, NULL, NULL{none} FROM held h
         UNION ALL
         SELECT 2, NULL, p.id, NULL, NULL, NULL, p.gtin, NULL, NULL{none} FROM {products} CROSS JOIN pool p WHERE p.gtin = r.gtin
         UNION ALL
         SELECT 3, h.n, NULL, NULL, e.event_time, NULL, NULLIF(k.expiry, ''), NULL, NULL{none}
         FROM held h CROSS JOIN thing i CROSS JOIN thing_kind k CROSS JOIN event e
         WHERE i.epc = h.epc AND k.no = i.kind AND e.id = i.birth
         UNION ALL
         SELECT 4, r.n, NULL, NULL, f.recorded_at, NULL, f.party_id, f.lot, NULL{none}
         FROM {own} CROSS JOIN foreign_serial AS f{by_serial}
         WHERE f.gtin = r.gtin AND f.serial = r.serial AND f.owner_id = $1{marks}"
    );
    (sql, values)
}

/// Arms 5 to 7: the bitmaps of the allocations `r` and of their groups of 65,536 offsets. The first arm of a statement names the columns, and
/// says of what type they are.
fn mark_arms(allocations: &str, chunks: &str, none: &str) -> String {
    format!(
        "SELECT 5 AS arm, CAST(NULL AS BIGINT) AS n, u.allocation_id AS subject, CAST(NULL AS SMALLINT) AS number,
                CAST(NULL AS BIGINT) AS at, CAST(NULL AS BIGINT) AS place, u.lot AS word, CAST(NULL AS TEXT) AS other,
                u.commissioned AS bytes{none}
         FROM {allocations} CROSS JOIN allocation_use u WHERE u.allocation_id = r.id
         UNION ALL
         SELECT 6, NULL, s.allocation_id, s.state, NULL, NULL, s.lot, NULL, s.offsets{none}
         FROM {chunks} CROSS JOIN serial_state s WHERE s.allocation_id = r.id AND s.chunk = r.chunk
         UNION ALL
         SELECT 7, NULL, t.allocation_id, NULL, t.at, t.seq, t.to_party, t.to_site, t.offsets{none}
         FROM {allocations} CROSS JOIN serial_transfer t WHERE t.allocation_id = r.id"
    )
}

/// The bitmaps of allocations in which these groups of 65,536 offsets may be marked; transfers of an allocation in their order.
pub async fn marks(db: &Db, groups: &BTreeSet<(AllocationId, u32)>) -> Result<Vec<Mark>, StorageError> {
    let (sql, values) = marks_sql(db.backend(), groups);
    let rows = db.query("reading what became of serial numbers", &sql, values).await?;
    let marks: Result<Vec<_>, StorageError> = rows.iter().map(|row| mark(row, column(row, "allocation", "arm")?)).collect();
    marks.map(in_order)
}

pub(in crate::storage) fn marks_sql(backend: DbBackend, groups: &BTreeSet<(AllocationId, u32)>) -> (String, Vec<Value>) {
    let ids: BTreeSet<Uuid> = groups.iter().map(|(id, _)| id.uuid()).collect();
    let (allocations, mut values) = Rows::default().uuids("id", ids).table(backend, 1);
    let (chunks, binds) = Rows::default()
        .uuids("id", groups.iter().map(|(id, _)| id.uuid()))
        .ints("chunk", groups.iter().map(|(_, chunk)| i64::from(*chunk)))
        .table(backend, 1 + values.len());
    values.extend(binds);
    (mark_arms(&allocations, &chunks, ""), values)
}

/// A bitmap, and its place among the transfers of its allocation.
fn mark(row: &QueryResult, arm: i32) -> Result<(i64, Mark), StorageError> {
    let allocation = subject(row)?;
    let wrong = |what: &str| StorageError::Inconsistent(format!("{what} of {allocation}"));
    let (word, bytes): (String, Vec<u8>) = (column(row, "allocation", "word")?, column(row, "allocation", "bytes")?);
    let mut order = 0;
    let kind = match arm {
        5 => MarkKind::Commissioned { lot: word },
        6 => {
            let number: i16 = column(row, "serial_state", "number")?;
            let state = SerialState::of_number(number).ok_or_else(|| wrong("serial_state.state"))?;
            MarkKind::State { state, lot: word }
        }
        7 => {
            order = column(row, "serial_transfer", "place")?;
            MarkKind::Transferred {
                to: word.parse().map_err(|_| wrong("serial_transfer.to_party"))?,
                site: column::<Option<String>>(row, "serial_transfer", "other")?
                    .map(|site| site.parse().map_err(|_| wrong("serial_transfer.to_site")))
                    .transpose()?,
                at: Micros(column(row, "serial_transfer", "at")?),
            }
        }
        _ => return Err(wrong("a bitmap of no kind")),
    };
    let offsets = RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(|_| wrong("a bitmap"))?;
    Ok((
        order,
        Mark {
            allocation,
            kind,
            offsets,
        },
    ))
}

fn in_order(mut marks: Vec<(i64, Mark)>) -> Vec<Mark> {
    marks.sort_by_key(|(order, _)| *order);
    marks.into_iter().map(|(_, mark)| mark).collect()
}

fn places(places: &[Place<'_>]) -> Rows {
    Rows::default()
        .ints("n", places.iter().map(|place| bigint(place.at as u64)))
        .uuids("pool_id", places.iter().map(|place| place.pool.uuid()))
        .ints("x", places.iter().map(|place| place.index.map(bigint)))
        .ints("spare", places.iter().map(|place| bigint(place.spare)))
        .texts("serial", places.iter().map(|place| place.listed.map(stored)))
        .uuids("epc", places.iter().map(|place| place.thing.map(|thing| thing.0)))
}

fn own(numbers: &[(usize, Numbered, &str)]) -> Rows {
    Rows::default()
        .ints("n", numbers.iter().map(|(at, ..)| bigint(*at as u64)))
        .texts("gtin", numbers.iter().map(|(_, product, _)| Some(product.to_string())))
        .texts("serial", numbers.iter().map(|(.., serial)| Some(stored(serial))))
}

/// PostgreSQL has no text with NUL: such a number can stand nowhere, and is asked for as the empty one.
fn stored(serial: &str) -> &str {
    if serial.contains('\0') { "" } else { serial }
}

fn subject(row: &QueryResult) -> Result<AllocationId, StorageError> {
    column(row, "allocation", "subject").map(AllocationId::new)
}

fn position(row: &QueryResult) -> Result<usize, StorageError> {
    count(row, "n").map(|at| usize::try_from(at).unwrap_or(usize::MAX))
}

fn count(row: &QueryResult, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, "allocation", name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("a look-up: {name} = {value}")))
}

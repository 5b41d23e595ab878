//! The one row that says whether numbers may move, what a database is known by, and counter values that are never issued.
//!
//! # Invariants
//! - [`hold`] and [`release`] hold the locks of all pools: when they are done, no transaction that moves a counter is
//!   still under way that has not seen them.

use std::path::PathBuf;

use sea_orm::{DbBackend, QueryResult, Value};

use crate::domain::ids::PoolId;
use crate::domain::serial::floor::{Counter, Counters, Identity};
use crate::domain::serial::pool::PoolRecord;
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::{bigint, row_lock};

const TABLE: &str = "serial_floor";

/// How the floor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorRow {
    /// What the database was last known by.
    pub identity: Identity,
    /// Since when and why no number moves; none if they do.
    pub held: Option<(Micros, String)>,
    /// When and by whom it was last confirmed.
    pub confirmed: Option<(Micros, String)>,
}

/// A pool as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStanding {
    /// Its id.
    pub id: PoolId,
    /// Its name outside the database.
    pub counter: Counter,
    /// The next counter value.
    pub next_index: u64,
    /// Values that were burnt.
    pub burnt: u64,
    /// Values from here on are never issued.
    pub cap: u64,
}

/// What a database server says of itself now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// What it is known by.
    pub identity: Identity,
    /// How far its log is on the disk, in bytes.
    pub log_position: u64,
}

/// Timeline, database and table: an ordinary role may ask for these, and they cost next to nothing.
const SERVER_PARTS: &str = "'timeline=' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8)
    || ';database=' || (SELECT oid FROM pg_database WHERE datname = current_database())
    || ';table=' || 'serial_floor'::regclass::oid";

/// The row; none if no hub has kept a floor here.
pub async fn read(db: &Db) -> Result<Option<FloorRow>, StorageError> {
    let sql = "SELECT identity, held_at, held_why, confirmed_at, confirmed_by FROM serial_floor";
    let row = db.query_one("reading the floor", sql, Vec::new()).await?;
    row.map(|row| floor_row(&row)).transpose()
}

/// Why numbers may not move, as this transaction sees it; none if they may. On a server it is asked again whether it is still the same:
/// one that was restored under a running hub, or a standby that took over, is noticed before it issues a number.
pub async fn refusal_in(tx: &Tx) -> Result<Option<String>, StorageError> {
    let sql = format!("SELECT {} FROM serial_floor f", refusal_columns(tx.backend()));
    let row = tx.query_one("reading the floor", &sql, Vec::new()).await?;
    row.map_or(Ok(None), |row| refusal(&row))
}

/// What [`refusal`] reads of the row `f` of the floor, which may be missing.
pub(super) fn refusal_columns(backend: DbBackend) -> String {
    let found = match backend {
        // As a query of its own it is asked once, whatever the number of rows.
        DbBackend::Postgres => format!("(SELECT {SERVER_PARTS})"),
        _ => "''".to_owned(),
    };
    format!("f.identity, f.held_at, f.held_why, f.confirmed_at, f.confirmed_by, {found} AS found")
}

/// Why numbers may not move, of a row with the columns above.
pub(super) fn refusal(row: &QueryResult) -> Result<Option<String>, StorageError> {
    if column::<Option<String>>(row, TABLE, "identity")?.is_none() {
        return Ok(None);
    }
    let floor = floor_row(row)?;
    let found = Identity(column(row, TABLE, "found")?);
    let changed = floor.identity.difference(&found);
    Ok(floor.held.map(|(_, why)| why).or_else(|| {
        changed.map(|(stored, found)| format!("this is not the database as it was last used ({stored}, now {found})"))
    }))
}

fn floor_row(row: &QueryResult) -> Result<FloorRow, StorageError> {
    let pair = |at: &str, text: &str| -> Result<Option<(Micros, String)>, StorageError> {
        Ok(column::<Option<i64>>(row, TABLE, at)?
            .map(Micros)
            .zip(column::<Option<String>>(row, TABLE, text)?))
    };
    Ok(FloorRow {
        identity: Identity(column(row, TABLE, "identity")?),
        held: pair("held_at", "held_why")?,
        confirmed: pair("confirmed_at", "confirmed_by")?,
    })
}

/// Stores what the database is known by; what else the row says stays. `lineage` counts the first time.
pub async fn know(tx: &Tx, identity: &Identity, lineage: &str) -> Result<(), StorageError> {
    let sql = "INSERT INTO serial_floor (one, identity, lineage) VALUES (1, $1, $2)
               ON CONFLICT (one) DO UPDATE SET identity = excluded.identity";
    let values = vec![identity.0.as_str().into(), lineage.into()];
    tx.execute("storing what the database is known by", sql, values).await?;
    Ok(())
}

/// What the database was named when a hub first served from it; every copy of it has the same.
pub async fn lineage_in(tx: &Tx) -> Result<Option<String>, StorageError> {
    let row = tx
        .query_one("reading the lineage", "SELECT lineage FROM serial_floor", Vec::new())
        .await?;
    row.map(|row| column(&row, TABLE, "lineage")).transpose()
}

/// Why numbers are held.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    /// What the database is known by, if that is not stored yet.
    pub identity: &'a Identity,
    /// The same of its lineage.
    pub lineage: &'a str,
    /// For the operator.
    pub why: &'a str,
    /// Now.
    pub at: Micros,
}

/// From here on no number moves; false if that was so already.
pub async fn hold(tx: &Tx, hold: Hold<'_>) -> Result<bool, StorageError> {
    lock_all(tx).await?;
    let sql = "INSERT INTO serial_floor (one, identity, lineage, held_at, held_why) VALUES (1, $1, $2, $3, $4)
               ON CONFLICT (one) DO UPDATE SET held_at = excluded.held_at, held_why = excluded.held_why
               WHERE serial_floor.held_at IS NULL";
    let values = vec![
        hold.identity.0.as_str().into(),
        hold.lineage.into(),
        hold.at.0.into(),
        hold.why.into(),
    ];
    Ok(tx.execute("holding the floor", sql, values).await?.rows_affected() > 0)
}

/// Numbers may move again; false if nothing was held.
pub async fn release(tx: &Tx, identity: &Identity, by: &str, now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE serial_floor SET identity = $1, held_at = NULL, held_why = NULL, confirmed_at = $2, confirmed_by = $3
               WHERE held_at IS NOT NULL";
    let values = vec![identity.0.as_str().into(), now.0.into(), by.into()];
    Ok(tx.execute("releasing the floor", sql, values).await?.rows_affected() > 0)
}

/// Holds every pool against whoever would move its counter.
pub async fn lock_all(tx: &Tx) -> Result<(), StorageError> {
    let sql = format!("SELECT id FROM pool ORDER BY gtin, epoch{}", row_lock(tx));
    tx.query("locking all pools", &sql, Vec::new()).await?;
    Ok(())
}

/// The counters of all pools.
pub async fn counters(db: &Db) -> Result<Counters, StorageError> {
    let rows = db
        .query("reading counters", "SELECT gtin, epoch, next_index FROM pool", Vec::new())
        .await?;
    rows.iter()
        .map(|row| Ok((counter(row)?, count(row, "pool", "next_index")?)))
        .collect()
}

const STANDINGS: &str = "SELECT p.id, p.gtin, p.epoch, p.next_index, p.cap,
           CAST(COALESCE((SELECT SUM(b.quantity) FROM burnt b WHERE b.pool_id = p.id), 0) AS BIGINT) AS burnt
    FROM pool p ORDER BY p.gtin, p.epoch";

/// All pools with their counters.
pub async fn standings(db: &Db) -> Result<Vec<PoolStanding>, StorageError> {
    let rows = db.query("reading pools and their counters", STANDINGS, Vec::new()).await?;
    rows.iter().map(standing).collect()
}

/// The same, as a transaction sees it that holds them.
pub async fn standings_in(tx: &Tx) -> Result<Vec<PoolStanding>, StorageError> {
    let rows = tx.query("reading pools and their counters", STANDINGS, Vec::new()).await?;
    rows.iter().map(standing).collect()
}

fn standing(row: &QueryResult) -> Result<PoolStanding, StorageError> {
    Ok(PoolStanding {
        id: PoolId::new(column(row, "pool", "id")?),
        counter: counter(row)?,
        next_index: count(row, "pool", "next_index")?,
        burnt: count(row, "burnt", "burnt")?,
        cap: count(row, "pool", "cap")?,
    })
}

fn counter(row: &QueryResult) -> Result<Counter, StorageError> {
    Ok(Counter {
        numbered: parsed(row, "pool", "gtin")?,
        epoch: column(row, "pool", "epoch")?,
    })
}

fn count(row: &QueryResult, table: &str, name: &str) -> Result<u64, StorageError> {
    let value: i64 = column(row, table, name)?;
    u64::try_from(value).map_err(|_| StorageError::Inconsistent(format!("{table}.{name} = {value}")))
}

/// Moves a counter to `next_index` without issuing what lies between, and says why. The caller holds the pool.
pub async fn burn(tx: &Tx, pool: &PoolStanding, next_index: u64, reason: &str, now: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE pool SET next_index = $1 WHERE id = $2 AND next_index = $3";
    let values = vec![
        bigint(next_index).into(),
        pool.id.uuid().into(),
        bigint(pool.next_index).into(),
    ];
    if tx.execute("burning serial numbers", sql, values).await?.rows_affected() != 1 {
        return Err(StorageError::Conflict("the counter moved while it was held"));
    }
    note(tx, pool.id, (pool.next_index, next_index - pool.next_index), reason, now).await
}

async fn note(tx: &Tx, pool: PoolId, (first, quantity): (u64, u64), reason: &str, now: Micros) -> Result<(), StorageError> {
    let sql = "INSERT INTO burnt (pool_id, first_index, quantity, reason, at) VALUES ($1, $2, $3, $4, $5)";
    let values: Vec<Value> = vec![
        pool.uuid().into(),
        bigint(first).into(),
        bigint(quantity).into(),
        reason.into(),
        now.0.into(),
    ];
    tx.execute("noting burnt serial numbers", sql, values).await?;
    Ok(())
}

/// Which pools a database does not know yet, and where their counters begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// The one pool, or with epoch 0 all of what is numbered; none: every other.
    pub counter: Option<Counter>,
    /// Where it begins.
    pub next_index: u64,
}

/// Has pools that are made from now on begin further up; what was said before is raised, not lowered.
pub async fn begin_ahead(tx: &Tx, ahead: &Ahead) -> Result<(), StorageError> {
    let sql = "INSERT INTO serial_ahead (gtin, epoch, next_index) VALUES ($1, $2, $3)
               ON CONFLICT (gtin, epoch) DO UPDATE SET next_index = excluded.next_index
               WHERE serial_ahead.next_index < excluded.next_index";
    let (gtin, epoch) = ahead
        .counter
        .map_or_else(|| (String::new(), 0), |counter| (counter.numbered.to_string(), counter.epoch));
    tx.execute(
        "storing where new pools begin",
        sql,
        vec![gtin.into(), epoch.into(), bigint(ahead.next_index).into()],
    )
    .await?;
    Ok(())
}

/// Where pools begin that are made from now on.
pub async fn ahead(db: &Db) -> Result<Vec<Ahead>, StorageError> {
    let sql = "SELECT gtin, epoch, next_index FROM serial_ahead ORDER BY gtin, epoch";
    let rows = db.query("reading where new pools begin", sql, Vec::new()).await?;
    rows.iter()
        .map(|row| {
            let any = column::<String>(row, "serial_ahead", "gtin")?.is_empty();
            Ok(Ahead {
                counter: if any { None } else { Some(ahead_counter(row)?) },
                next_index: count(row, "serial_ahead", "next_index")?,
            })
        })
        .collect()
}

fn ahead_counter(row: &QueryResult) -> Result<Counter, StorageError> {
    Ok(Counter {
        numbered: parsed(row, "serial_ahead", "gtin")?,
        epoch: column(row, "serial_ahead", "epoch")?,
    })
}

/// Has a pool that was just made begin where [`begin_ahead`] says: a restored database may not know what was issued from it.
pub(super) async fn begin_pool(tx: &Tx, pool: &PoolRecord, now: Micros) -> Result<(), StorageError> {
    let sql = "SELECT CAST(MAX(next_index) AS BIGINT) AS next_index FROM serial_ahead
               WHERE (gtin = $1 AND epoch IN (0, $2)) OR gtin = ''";
    let values = vec![pool.numbered.to_string().into(), pool.epoch.into()];
    let row = tx.query_one("reading where new pools begin", sql, values).await?;
    let begins: Option<i64> = row.map_or(Ok(None), |row| column(&row, "serial_ahead", "next_index"))?;
    let begins = u64::try_from(begins.unwrap_or(0)).unwrap_or(0).min(pool.cap);
    if begins == 0 {
        return Ok(());
    }
    let standing = PoolStanding {
        id: pool.id,
        counter: Counter {
            numbered: pool.numbered,
            epoch: pool.epoch,
        },
        next_index: 0,
        burnt: 0,
        cap: pool.cap,
    };
    burn(
        tx,
        &standing,
        begins,
        "the pool is newer than a backup that was restored",
        now,
    )
    .await
}

/// The file that an embedded database is in; none on a server.
pub async fn database_file(db: &Db) -> Result<Option<PathBuf>, StorageError> {
    if !db.has_one_process() {
        return Ok(None);
    }
    let row = db
        .query_one(
            "asking for the database file",
            "SELECT file FROM pragma_database_list WHERE name = 'main'",
            Vec::new(),
        )
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("pragma_database_list: no main database".to_owned()))?;
    Ok(Some(PathBuf::from(column::<String>(&row, "pragma_database_list", "file")?)))
}

/// What a server says of itself; none on an embedded database.
pub async fn server_state(db: &Db) -> Result<Option<ServerState>, StorageError> {
    if db.has_one_process() {
        return Ok(None);
    }
    let doing = "asking the database server what it is";
    let sql = |system: &str| {
        format!(
            "SELECT {system}{SERVER_PARTS} AS identity, pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS position"
        )
    };
    let whole = sql("'system=' || (SELECT system_identifier FROM pg_control_system()) || ';' || ");
    let row = match db.query_one(doing, &whole, Vec::new()).await {
        Ok(row) => row,
        // A role that may not ask for the system: the rest says enough.
        Err(_) => db.query_one(doing, &sql(""), Vec::new()).await?,
    };
    let row = row.ok_or_else(|| StorageError::Inconsistent("no answer from the server".to_owned()))?;
    Ok(Some(ServerState {
        identity: Identity(column(&row, TABLE, "identity")?),
        log_position: count(&row, TABLE, "position")?,
    }))
}

//! Owners' sealed keys and pools with their counters.

use roaring::RoaringBitmap;
use sea_orm::QueryResult;

use crate::domain::ids::{PartyId, PoolId};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::{PoolRecord, Retirement};
use crate::domain::serial::rule::SerialRule;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, json, parsed};
use crate::storage::together::Part;
use crate::storage::{Db, StorageError, Tx};

use super::{bigint, floor, row_lock};

pub(super) const COLUMNS: &str =
    "id, owner_id, gtin, epoch, algorithm, source, alphabet, length, rule, samples, next_index, cap, thinned, retired_at";

/// Stores an owner's sealed key unless it has one, and answers the one that stands.
pub async fn owner_key_or_insert(tx: &Tx, owner: &PartyId, sealed: Vec<u8>, now: Micros) -> Result<Vec<u8>, StorageError> {
    let insert = "INSERT INTO owner_key (party_id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (party_id) DO NOTHING";
    tx.execute(
        "storing a serial key",
        insert,
        vec![owner.as_str().into(), sealed.into(), now.0.into()],
    )
    .await?;
    // On PostgreSQL a statement of its own: it sees what the insert waited for.
    let select = "SELECT sealed FROM owner_key WHERE party_id = $1";
    let row = tx
        .query_one("reading a serial key", select, vec![owner.as_str().into()])
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent(format!("owner_key: no row of `{owner}` after inserting it")))?;
    column(&row, "owner_key", "sealed")
}

/// An owner's sealed key.
pub async fn owner_key(db: &Db, owner: &PartyId) -> Result<Option<Vec<u8>>, StorageError> {
    let sql = "SELECT sealed FROM owner_key WHERE party_id = $1";
    let row = db.query_one("reading a serial key", sql, vec![owner.as_str().into()]).await?;
    row.map(|row| column(&row, "owner_key", "sealed")).transpose()
}

/// An owner's sealed key, inside a transaction.
pub async fn owner_key_in(tx: &Tx, owner: &PartyId) -> Result<Option<Vec<u8>>, StorageError> {
    let sql = "SELECT sealed FROM owner_key WHERE party_id = $1";
    let row = tx.query_one("reading a serial key", sql, vec![owner.as_str().into()]).await?;
    row.map(|row| column(&row, "owner_key", "sealed")).transpose()
}

/// Stores a pool unless another of its product and epoch is there first.
pub async fn insert(tx: &Tx, pool: &PoolRecord, now: Micros) -> Result<(), StorageError> {
    let sql = "INSERT INTO pool (id, owner_id, gtin, epoch, algorithm, source, alphabet, length, rule, samples, next_index, cap, created_at, thinned)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13) ON CONFLICT (gtin, epoch) DO NOTHING";
    let values = vec![
        pool.id.uuid().into(),
        pool.owner.as_str().into(),
        pool.numbered.to_string().into(),
        pool.epoch.into(),
        pool.algorithm.as_str().into(),
        pool.source.as_str().into(),
        pool.alphabet.as_str().into(),
        i16::from(pool.length).into(),
        pool.rule.as_ref().map(|rule| serde_json::json!(rule).to_string()).into(),
        serde_json::json!(pool.samples).to_string().into(),
        bigint(pool.cap).into(),
        now.0.into(),
        bigint(pool.thinned).into(),
    ];
    let made = tx.execute("storing a pool", sql, values).await?.rows_affected() > 0;
    if made {
        floor::begin_pool(tx, pool, now).await
    } else {
        Ok(())
    }
}

/// The pools of a product (or of a series of SSCCs), newest epoch first.
pub async fn of_product(db: &Db, numbered: Numbered) -> Result<Vec<PoolRecord>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM pool WHERE gtin = $1 ORDER BY epoch DESC");
    records(&db.query("reading pools", &sql, vec![numbered.to_string().into()]).await?)
}

/// The same inside a transaction, for reading.
pub async fn of_product_in(tx: &Tx, numbered: Numbered) -> Result<Vec<PoolRecord>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM pool WHERE gtin = $1 ORDER BY epoch DESC");
    records(&tx.query("reading pools", &sql, vec![numbered.to_string().into()]).await?)
}

/// A pool and where its counter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The pool, as it stands now.
    pub record: PoolRecord,
    /// The next counter value.
    pub next: u64,
}

/// Holds the pools of a product against every other request for it until the transaction ends, so that what is checked (request key,
/// quota, which pool is the current one) still stands when the counter moves. Answers them as they stand now, newest epoch first.
pub async fn lock_product(tx: &Tx, numbered: Numbered) -> Result<Vec<Counter>, StorageError> {
    // In one order, whoever locks.
    let sql = format!("SELECT {COLUMNS} FROM pool WHERE gtin = $1 ORDER BY epoch{}", row_lock(tx));
    let counters = async || {
        let rows = tx.query("locking pools", &sql, vec![numbered.to_string().into()]).await?;
        rows.iter().rev().map(counter).collect::<Result<Vec<Counter>, _>>()
    };
    let found = counters().await?;
    // A newer pool always takes the place of one that is retired. PostgreSQL shows the end of the one that it waited for, but not yet
    // the other: the next statement does, and waits for no more than the locks that are held already.
    match found.first() {
        Some(newest) if newest.record.retired.is_some() => counters().await,
        Some(_) | None => Ok(found),
    }
}

/// Ends a pool: its counter never moves again. Answers where it stands; none if it was at its end already.
pub async fn retire(tx: &Tx, id: PoolId, now: Micros) -> Result<Option<Retirement>, StorageError> {
    let sql = "UPDATE pool SET retired_at = $1 WHERE id = $2 AND retired_at IS NULL RETURNING next_index";
    let row = tx
        .query_one("retiring a pool", sql, vec![now.0.into(), id.uuid().into()])
        .await?;
    let next = row.map(|row| column::<i64>(&row, "pool", "next_index")).transpose()?;
    let retirement = |next| {
        let high_water =
            u64::try_from(next).map_err(|_| StorageError::Inconsistent(format!("pool.next_index of {id} = {next}")))?;
        Ok(Retirement { at: now, high_water })
    };
    next.map(retirement).transpose()
}

/// Notes the rule of a pool anew, where what may change of it has changed: the words that no serial contains.
pub async fn set_rule(tx: &Tx, id: PoolId, rule: &SerialRule) -> Result<(), StorageError> {
    let sql = "UPDATE pool SET rule = $1 WHERE id = $2";
    let values = vec![serde_json::json!(rule).to_string().into(), id.uuid().into()];
    tx.execute("noting the rule of a pool", sql, values).await?;
    Ok(())
}

/// Which offsets of `first..first + span` are passed over because their serials were imported: holes beside those that the pool itself
/// tells.
pub async fn skipped(tx: &Tx, id: PoolId, first: u64, span: u64) -> Result<RoaringBitmap, StorageError> {
    let sql = "SELECT number_index FROM pool_skip WHERE pool_id = $1 AND number_index >= $2 AND number_index < $3 ORDER BY number_index";
    let beyond = first.saturating_add(span);
    let values = vec![id.uuid().into(), bigint(first).into(), bigint(beyond).into()];
    let rows = tx.query("reading skipped serial numbers", sql, values).await?;
    let offset = |row: &QueryResult| {
        let index: i64 = column(row, "pool_skip", "number_index")?;
        let offset = u64::try_from(index).ok().and_then(|index| index.checked_sub(first));
        offset
            .and_then(|offset| u32::try_from(offset).ok())
            .ok_or_else(|| StorageError::Inconsistent(format!("pool_skip.number_index of {id} = {index}")))
    };
    rows.iter().map(offset).collect()
}

/// Where the counter of a pool stands, outside any transaction: to be shown, not to decide by.
pub async fn next(db: &Db, id: PoolId) -> Result<u64, StorageError> {
    let sql = "SELECT next_index FROM pool WHERE id = $1";
    let row = db.query_one("reading a counter", sql, vec![id.uuid().into()]).await?;
    let next: i64 = row.map_or(Ok(0), |row| column(&row, "pool", "next_index"))?;
    u64::try_from(next).map_err(|_| StorageError::Inconsistent(format!("pool.next_index of {id} is below zero")))
}

/// A pool.
pub async fn by_id(db: &Db, id: PoolId) -> Result<Option<PoolRecord>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM pool WHERE id = $1");
    db.query_one("reading a pool", &sql, vec![id.uuid().into()])
        .await?
        .map(|row| record(&row))
        .transpose()
}

/// All pools, to be verified.
pub async fn all(db: &Db) -> Result<Vec<PoolRecord>, StorageError> {
    records(
        &db.query(
            "reading pools",
            &format!("SELECT {COLUMNS} FROM pool ORDER BY owner_id, gtin, epoch"),
            Vec::new(),
        )
        .await?,
    )
}

/// Passes over counter values of a pool, ascending or not: their serials stand in a list.
pub async fn skip(tx: &Tx, id: PoolId, indices: &[u64]) -> Result<(), StorageError> {
    if indices.is_empty() {
        return Ok(());
    }
    let (rows, mut values) = Rows::default()
        .ints("number_index", indices.iter().map(|index| bigint(*index)))
        .table(tx.backend(), 2);
    let sql = format!(
        "INSERT INTO pool_skip (pool_id, number_index) SELECT $1, r.number_index FROM {rows} WHERE true ON CONFLICT DO NOTHING"
    );
    values.insert(0, id.uuid().into());
    tx.execute("skipping serial numbers", &sql, values).await?;
    Ok(())
}

/// Takes numbers that others made from those that a pool may still issue, as many as are left: all numbers of a space count for its
/// density.
pub async fn lower_cap(tx: &Tx, id: PoolId, by: u64) -> Result<(), StorageError> {
    let sql = "UPDATE pool SET cap = CASE WHEN cap - $1 < next_index THEN next_index ELSE cap - $1 END, thinned = thinned + $1
               WHERE id = $2";
    tx.execute("lowering a pool's cap", sql, vec![bigint(by).into(), id.uuid().into()])
        .await?;
    Ok(())
}

/// How many serials of a product stand in lists.
pub async fn listed_count(tx: &Tx, numbered: Numbered) -> Result<u64, StorageError> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS listed FROM listed_serial WHERE gtin = $1";
    let row = tx
        .query_one("counting listed serials", sql, vec![numbered.to_string().into()])
        .await?;
    let listed: i64 = row.map_or(Ok(0), |row| column(&row, "listed_serial", "listed"))?;
    u64::try_from(listed).map_err(|_| StorageError::Inconsistent(format!("listed_serial: {listed} rows of `{numbered}`")))
}

/// The next serials of a product that stand in lists, in the order of the database.
pub async fn listed_after(tx: &Tx, numbered: Numbered, after: &str, limit: usize) -> Result<Vec<String>, StorageError> {
    let sql = "SELECT serial FROM listed_serial WHERE gtin = $1 AND serial > $2 ORDER BY serial LIMIT $3";
    let values = vec![numbered.to_string().into(), after.into(), bigint(limit as u64).into()];
    let rows = tx.query("reading listed serials", sql, values).await?;
    rows.iter().map(|row| column(row, "listed_serial", "serial")).collect()
}

/// Moves the counter by `quantity` and answers the first counter value taken; none if that would pass `cap`, or if the pool is retired:
/// another epoch took its place, and whoever holds the lock of [`lock_product`] knows.
pub async fn take(tx: &Tx, id: PoolId, quantity: u64, cap: u64) -> Result<Option<u64>, StorageError> {
    let rows = tx
        .together("taking serial numbers", Vec::new(), taking(id, quantity, cap))
        .await?;
    rows.first().map(|row| taken(row, id, quantity)).transpose()
}

/// The statement of [`take`].
pub(super) fn taking(id: PoolId, quantity: u64, cap: u64) -> Part {
    // The comparison cannot overflow in this order; `cap` also stands in a CHECK of the table.
    // The last clause is a net: whoever calls has asked before (`service::serial::floor`), and can say why not.
    let sql = "UPDATE pool SET next_index = next_index + $1
               WHERE id = $2 AND retired_at IS NULL AND next_index <= $3 - $1
                 AND NOT EXISTS (SELECT 1 FROM serial_floor WHERE held_at IS NOT NULL) RETURNING next_index";
    Part {
        sql: sql.to_owned(),
        values: vec![bigint(quantity).into(), id.uuid().into(), bigint(cap).into()],
    }
}

/// What its row says.
pub(super) fn taken(row: &QueryResult, id: PoolId, quantity: u64) -> Result<u64, StorageError> {
    let next: i64 = column(row, "pool", "next_index")?;
    let first = u64::try_from(next).ok().and_then(|next| next.checked_sub(quantity));
    first.ok_or_else(|| StorageError::Inconsistent(format!("pool.next_index of {id} = {next} after adding {quantity}")))
}

fn records(rows: &[QueryResult]) -> Result<Vec<PoolRecord>, StorageError> {
    rows.iter().map(record).collect()
}

pub(super) fn counter(row: &QueryResult) -> Result<Counter, StorageError> {
    Ok(Counter {
        record: record(row)?,
        next: next_index(row)?,
    })
}

fn next_index(row: &QueryResult) -> Result<u64, StorageError> {
    let next: i64 = column(row, "pool", "next_index")?;
    u64::try_from(next).map_err(|_| StorageError::Inconsistent(format!("pool.next_index = {next}")))
}

fn record(row: &QueryResult) -> Result<PoolRecord, StorageError> {
    let id = PoolId::new(column(row, "pool", "id")?);
    let (length, cap): (i16, i64) = (column(row, "pool", "length")?, column(row, "pool", "cap")?);
    let thinned: i64 = column(row, "pool", "thinned")?;
    let wrong = |what: &str, value: i64| StorageError::Inconsistent(format!("pool.{what} of {id} = {value}"));
    let (rule, retired_at): (Option<String>, Option<i64>) = (column(row, "pool", "rule")?, column(row, "pool", "retired_at")?);
    let rule = rule.map(|rule| serde_json::from_str(&rule)).transpose();
    let retired = retired_at.map(|at| {
        let high_water = next_index(row)?;
        Ok::<_, StorageError>(Retirement {
            at: Micros(at),
            high_water,
        })
    });
    Ok(PoolRecord {
        id,
        owner: parsed(row, "pool", "owner_id")?,
        numbered: parsed(row, "pool", "gtin")?,
        epoch: column(row, "pool", "epoch")?,
        algorithm: column(row, "pool", "algorithm")?,
        source: parsed(row, "pool", "source")?,
        alphabet: column(row, "pool", "alphabet")?,
        length: u8::try_from(length).map_err(|_| wrong("length", length.into()))?,
        rule: rule.map_err(|error| StorageError::Inconsistent(format!("pool.rule of {id}: {error}")))?,
        cap: u64::try_from(cap).map_err(|_| wrong("cap", cap))?,
        thinned: u64::try_from(thinned).map_err(|_| wrong("thinned", thinned))?,
        samples: json(row, "pool", "samples")?,
        retired: retired.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use counterfoil_migrations::{Migrator, MigratorTrait};
    use sea_orm::ConnectionTrait;
    use uuid::Uuid;

    use super::*;
    use crate::domain::serial::pool::ALGORITHM;
    use crate::domain::serial::rule::Source;
    use crate::storage::db::DbOptions;

    async fn database(folder: &std::path::Path) -> Db {
        let options = DbOptions {
            url: format!("sqlite://{}", folder.join("hub.db").display()),
            max_connections: 2,
            acquire_timeout: std::time::Duration::from_secs(10),
            sqlite_synchronous: "FULL",
        };
        let db = Db::open(&options).await.unwrap();
        Migrator::up(db.writer(), None).await.unwrap();
        let party = "INSERT INTO party (id, doc, updated_at) VALUES ('aurora', '{}', 0)";
        db.writer().execute_unprepared(party).await.unwrap();
        db
    }

    fn record(id: u128, epoch: i64, cap: u64) -> PoolRecord {
        PoolRecord {
            id: PoolId::new(Uuid::from_u128(id)),
            owner: "aurora".parse().unwrap(),
            numbered: "09521234000013".parse().unwrap(),
            epoch,
            algorithm: ALGORITHM.to_owned(),
            source: Source::Permutation,
            alphabet: "0123456789".to_owned(),
            length: 12,
            rule: None,
            cap,
            thinned: 0,
            samples: vec![("1".to_owned(), "000000000042".to_owned())],
            retired: None,
        }
    }

    async fn insert_pool(db: &Db, record: PoolRecord) {
        let work = db.write(move |tx| Box::pin(async move { insert(tx, &record, Micros(0)).await }));
        work.await.unwrap();
    }

    async fn take_from(db: &Db, pool: PoolId, quantity: u64, cap: u64) -> Option<u64> {
        db.write(move |tx| Box::pin(async move { take(tx, pool, quantity, cap).await }))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_counter_moves_up_to_the_cap_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path()).await;
        let pool = record(1, 1, 10);
        insert_pool(&db, pool.clone()).await;
        assert_eq!(take_from(&db, pool.id, 4, 10).await, Some(0));
        assert_eq!(take_from(&db, pool.id, 7, 10).await, None);
        assert_eq!(take_from(&db, pool.id, 5, 8).await, None);
        assert_eq!(take_from(&db, pool.id, 6, 10).await, Some(4));
        assert_eq!(take_from(&db, pool.id, 1, 10).await, None);
        assert_eq!(take_from(&db, PoolId::new(Uuid::from_u128(9)), 1, 10).await, None);
    }

    #[tokio::test]
    async fn the_greatest_counter_does_not_overflow() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path()).await;
        let most = i64::MAX as u64;
        let pool = record(1, 1, most);
        insert_pool(&db, pool.clone()).await;
        assert_eq!(take_from(&db, pool.id, most - 1, most).await, Some(0));
        assert_eq!(take_from(&db, pool.id, 2, most).await, None);
        assert_eq!(take_from(&db, pool.id, u64::MAX, most).await, None);
        assert_eq!(take_from(&db, pool.id, 1, most).await, Some(most - 1));
    }

    #[tokio::test]
    async fn of_two_pools_for_one_epoch_the_first_stands() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path()).await;
        insert_pool(&db, record(1, 1, 10)).await;
        insert_pool(&db, record(2, 1, 20)).await;
        insert_pool(&db, record(3, 2, 30)).await;
        let gtin = "09521234000013".parse().unwrap();
        assert_eq!(of_product(&db, gtin).await.unwrap(), [record(3, 2, 30), record(1, 1, 10)]);
        assert_eq!(by_id(&db, PoolId::new(Uuid::from_u128(2))).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_owner_keeps_its_first_key() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path()).await;
        let store = async |sealed: u8| {
            let work = db.write(move |tx| {
                Box::pin(async move { owner_key_or_insert(tx, &"aurora".parse().unwrap(), vec![sealed; 4], Micros(0)).await })
            });
            work.await.unwrap()
        };
        assert_eq!(store(1).await, [1; 4]);
        assert_eq!(store(2).await, [1; 4]);
        assert_eq!(owner_key(&db, &"aurora".parse().unwrap()).await.unwrap(), Some(vec![1; 4]));
    }
}

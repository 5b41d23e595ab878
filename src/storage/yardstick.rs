//! The raw figures that `bench` prints beside the hub's: what the database does with the same rows when nobody is in the way.
//!
//! Not on the way of any request. Rows that the hub has written are taken out of its database and put into an empty one of
//! the same schema by the fastest way the database has: COPY on PostgreSQL, prepared multi-row INSERT on SQLite. Indexes and
//! constraints stay on, because the hub cannot switch them off either.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DbBackend, DbErr, SqlxError};
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{Acquire, Row, Sqlite, SqlitePool, TypeInfo, ValueRef};

use super::{Db, StorageError};

pub mod filler;

/// What the rows of a capture refer to, besides the parties: put in first, outside the time.
const REFERRED: &[&str] = &["owner_key", "pool", "allocation", "document"];
/// What a capture writes, referred to before referring.
const WRITTEN: &[&str] = &[
    "event",
    "event_unit",
    "event_lot",
    "fact",
    "event_party",
    "thing_kind",
    "thing",
    "unit_stake",
    "stay",
    "shipment",
    "shipment_epc",
    "shipment_party",
    "finding",
    "allocation_use",
    "audit",
];
/// Binds in one statement of SQLite; its limit is 32,766.
const BINDS: usize = 30_000;

/// Rows on their way from one database to another of the same kind.
#[derive(Debug)]
pub struct Load {
    referred: Vec<Table>,
    written: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    name: &'static str,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    /// PostgreSQL's binary COPY format.
    Copy(Vec<u8>),
    /// SQLite's values, row after row.
    Cells { width: usize, cells: Vec<Cell> },
}

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Takes everything that captures have written out of a database.
pub async fn take(db: &Db) -> Result<Load, StorageError> {
    let mut load = Load {
        referred: Vec::new(),
        written: Vec::new(),
    };
    for (names, tables) in [(REFERRED, &mut load.referred), (WRITTEN, &mut load.written)] {
        for name in names {
            tables.push(Table {
                name,
                rows: take_table(db, name)
                    .await
                    .map_err(|source| failed("reading rows for the yardstick", source))?,
            });
        }
    }
    Ok(load)
}

/// Puts it into a database of the same schema that knows the parties and nothing else; how long what a capture writes
/// took, commit included.
pub async fn put(db: &Db, load: &Load) -> Result<Duration, StorageError> {
    let failed = |source| failed("writing rows for the yardstick", source);
    put_tables(db, &load.referred).await.map_err(failed)?;
    let began = Instant::now();
    put_tables(db, &load.written).await.map_err(failed)?;
    Ok(began.elapsed())
}

/// How large the database is: on SQLite the file with all of its log written back, on PostgreSQL what the server says of it.
pub async fn database_bytes(db: &Db) -> Result<u64, StorageError> {
    let sql = match db.backend() {
        DbBackend::Postgres => "SELECT pg_database_size(current_database()) AS bytes",
        _ => {
            db.query("writing back the log", "PRAGMA wal_checkpoint(TRUNCATE)", Vec::new())
                .await?;
            "SELECT c.page_count * s.page_size AS bytes FROM pragma_page_count() c, pragma_page_size() s"
        }
    };
    let row = db.query_one("measuring the database", sql, Vec::new()).await?;
    let bytes: i64 = row.map_or(Ok(0), |row| super::row::column(&row, "database", "bytes"))?;
    Ok(bytes.unsigned_abs())
}

/// What autovacuum does to a database in use, at once: room of rows that are no more can be taken again. PostgreSQL alone has it.
pub async fn vacuum(db: &Db) -> Result<(), StorageError> {
    if db.backend() == DbBackend::Postgres {
        let vacuumed = db.writer().execute_unprepared("VACUUM").await;
        vacuumed.map_err(|source| StorageError::Unavailable {
            doing: "vacuuming the database of the benchmark",
            source,
        })?;
    }
    Ok(())
}

/// One row by its primary key.
pub async fn one_row(db: &Db, party: &str) -> Result<(), StorageError> {
    let sql = "SELECT doc FROM party WHERE id = $1";
    db.query_one("reading a row for the yardstick", sql, vec![party.into()])
        .await?;
    Ok(())
}

/// Makes a database on a PostgreSQL server, beside the one that the URL names; its URL.
pub async fn create_database(server: &str, name: &str) -> Result<String, StorageError> {
    on_server(server, &format!("CREATE DATABASE {name}")).await?;
    // `postgres://user@host/database?host=/folder`: another database, the rest as it stands.
    let (base, query) = server
        .split_once('?')
        .map_or((server, None), |(base, query)| (base, Some(query)));
    let head = base.rsplit_once('/').map_or(base, |(head, _)| head);
    Ok(query.map_or_else(|| format!("{head}/{name}"), |query| format!("{head}/{name}?{query}")))
}

/// Drops it again.
pub async fn drop_database(server: &str, name: &str) -> Result<(), StorageError> {
    on_server(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
}

async fn on_server(server: &str, sql: &str) -> Result<(), StorageError> {
    let failed = |source| StorageError::Unavailable {
        doing: "making or dropping the database of the benchmark",
        source,
    };
    let connection = Database::connect(server).await.map_err(failed)?;
    let done = connection.execute_unprepared(sql).await;
    connection.close().await.map_err(failed)?;
    done.map(drop).map_err(failed)
}

async fn take_table(db: &Db, name: &str) -> Result<Rows, SqlxError> {
    if db.backend() == DbBackend::Postgres {
        use futures_util::TryStreamExt;
        let pool = db.writer().get_postgres_connection_pool();
        let copy = pool.copy_out_raw(&format!("COPY {name} TO STDOUT (FORMAT binary)")).await?;
        let chunks: Vec<bytes::Bytes> = copy.try_collect().await?;
        return Ok(Rows::Copy(chunks.concat()));
    }
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM {name}")))
        .fetch_all(sqlite(db))
        .await?;
    let width = rows.first().map_or(0, Row::len);
    let mut cells = Vec::with_capacity(rows.len() * width);
    for row in &rows {
        for column in 0..width {
            cells.push(cell(row, column)?);
        }
    }
    Ok(Rows::Cells { width, cells })
}

fn cell(row: &sqlx::sqlite::SqliteRow, column: usize) -> Result<Cell, SqlxError> {
    let raw = row.try_get_raw(column)?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    Ok(match raw.type_info().name() {
        "INTEGER" => Cell::Int(row.try_get_unchecked(column)?),
        "BLOB" => Cell::Bytes(row.try_get_unchecked(column)?),
        _ => Cell::Text(row.try_get_unchecked(column)?),
    })
}

async fn put_tables(db: &Db, tables: &[Table]) -> Result<(), SqlxError> {
    if db.backend() == DbBackend::Postgres {
        let mut connection = db.writer().get_postgres_connection_pool().acquire().await?;
        let mut transaction = connection.begin().await?;
        for table in tables {
            let Rows::Copy(data) = &table.rows else { continue };
            let mut copy = transaction
                .copy_in_raw(&format!("COPY {} FROM STDIN (FORMAT binary)", table.name))
                .await?;
            copy.send(data.as_slice()).await?;
            copy.finish().await?;
        }
        return transaction.commit().await;
    }
    let mut connection = sqlite(db).acquire().await?;
    let mut transaction = connection.begin().await?;
    for table in tables {
        let Rows::Cells { width, cells } = &table.rows else { continue };
        for chunk in cells.chunks((BINDS / (*width).max(1)) * width.max(&1)) {
            insert(&mut transaction, table.name, *width, chunk).await?;
        }
    }
    transaction.commit().await
}

/// Full chunks share one text, so that the statement is prepared once.
async fn insert(
    transaction: &mut sqlx::Transaction<'_, Sqlite>,
    name: &str,
    width: usize,
    cells: &[Cell],
) -> Result<(), SqlxError> {
    let row = format!("({})", vec!["?"; width].join(","));
    let sql = format!("INSERT INTO {name} VALUES {}", vec![row; cells.len() / width].join(","));
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for cell in cells {
        query = match cell {
            Cell::Null => query.bind(None::<i64>),
            Cell::Int(value) => query.bind(*value),
            Cell::Text(value) => query.bind(value.as_str()),
            Cell::Bytes(value) => query.bind(value.as_slice()),
        };
    }
    query.execute(&mut **transaction).await.map(drop)
}

fn sqlite(db: &Db) -> &SqlitePool {
    db.writer().get_sqlite_connection_pool()
}

fn failed(doing: &'static str, source: SqlxError) -> StorageError {
    StorageError::Unavailable {
        doing,
        source: DbErr::Custom(source.to_string()),
    }
}

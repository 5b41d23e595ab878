//! Connections, transactions, and what happens when the disk fails.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, SqlErr, Statement,
    Value,
};

pub use super::tx::Tx;

/// A connection that lay idle for longer is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// Pages that SQLite keeps for the connection that writes, in KiB (a negative `cache_size`): what a large document touches again and
/// again. A hub that takes a document of a gigabyte stays within 256 MB.
const WRITER_CACHE: &str = "-49152";
/// And for each that reads: the upper levels of its indexes. What lies below is in the system's cache.
const READER_CACHE: &str = "-16384";

/// What storage tells its callers.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A uniqueness or foreign-key rule of the database said no.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// A stored row cannot be read: names table, column and row.
    #[error("stored row cannot be read: {0}")]
    Inconsistent(String),
    /// The database cannot be reached or did not answer in time; the same call may work later.
    #[error("database unavailable while {doing}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The driver's error.
        #[source]
        source: DbErr,
    },
}

/// A future that borrows the transaction.
pub type TxFuture<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// The database of this hub process.
#[derive(Debug, Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: DbBackend,
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    reads: AtomicU64,
}

/// How to open the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Connections for reads (and on PostgreSQL for writes).
    pub max_connections: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
    /// SQLite `PRAGMA synchronous`. Anything but `FULL` loses acknowledged data on power loss; the
    /// fault tests run a control with `OFF` to show that they can fail.
    pub sqlite_synchronous: &'static str,
}

impl Db {
    /// Opens the database; it does not migrate it.
    pub async fn open(options: &DbOptions) -> Result<Self, StorageError> {
        let unavailable = |source| StorageError::Unavailable {
            doing: "opening the database",
            source,
        };
        let connect = |max: u32, min: u32, cache: &'static str| {
            let mut connect = ConnectOptions::new(options.url.clone());
            let synchronous = options.sqlite_synchronous;
            connect
                .max_connections(max)
                .min_connections(min)
                .acquire_timeout(options.acquire_timeout)
                .sqlx_logging(false)
                // A way to the database and back before each use; what has not been idle is there.
                .test_before_acquire_if_idle_for(IDLE)
                .map_sqlx_sqlite_opts(move |sqlite| {
                    sqlite
                        .create_if_missing(true)
                        .foreign_keys(true)
                        .pragma("journal_mode", "WAL")
                        .pragma("synchronous", synchronous)
                        .pragma("temp_store", "MEMORY")
                        .pragma("cache_size", cache)
                        // 16 MB of log between checkpoints: pages that every commit changes are copied back once, not each time.
                        .pragma("wal_autocheckpoint", "4000")
                        .busy_timeout(Duration::from_secs(30))
                        .statement_cache_capacity(512)
                });
            connect
        };
        let reader = Database::connect(connect(options.max_connections, 1, READER_CACHE))
            .await
            .map_err(unavailable)?;
        let backend = reader.get_database_backend();
        let writer = match backend {
            // One writer: SQLite has one anyway, and a queue in front of it never answers BUSY.
            DbBackend::Sqlite => Database::connect(connect(1, 1, WRITER_CACHE)).await.map_err(unavailable)?,
            _ => reader.clone(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                backend,
                writer,
                reader,
                reads: AtomicU64::new(0),
            }),
        })
    }

    /// Which of the two it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.inner.backend
    }

    /// Whether no other hub process may work on it: SQLite.
    #[must_use]
    pub fn has_one_process(&self) -> bool {
        self.inner.backend == DbBackend::Sqlite
    }

    /// How many statements this process has read by outside of transactions: each is a way to the database and back.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }

    /// For migrations, which bring their own connection handling.
    #[must_use]
    pub fn writer(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    /// Runs `work` in one write transaction and commits it. An error of `work` rolls back.
    ///
    /// The work is spawned: a caller that goes away (a client that hangs up) cannot leave a
    /// transaction half way.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t Tx) -> TxFuture<'t, T, E> + Send + 'static,
    {
        let db = self.clone();
        match tokio::spawn(async move { db.write_here(work).await }).await {
            Ok(result) => result,
            Err(join) => std::panic::resume_unwind(join.into_panic()),
        }
    }

    async fn write_here<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StorageError>,
        F: for<'t> FnOnce(&'t Tx) -> TxFuture<'t, T, E>,
    {
        let begun = Tx::begin(&self.inner.writer).await;
        let tx = begun.map_err(|error| self.failed("opening a transaction", error))?;
        match work(&tx).await {
            Ok(value) => match tx.commit().await {
                Ok(()) => Ok(value),
                Err(error) => fail_stop("COMMIT", &error),
            },
            Err(refused) => {
                if let Err(error) = tx.rollback().await {
                    match self.inner.backend {
                        // The connection is dead or dropped; PostgreSQL rolls back by itself.
                        DbBackend::Postgres => tracing::warn!(%error, "rollback failed, connection discarded"),
                        _ => fail_stop("ROLLBACK", &error),
                    }
                }
                Err(refused)
            }
        }
    }

    /// Rows of a read outside any transaction.
    pub async fn query(&self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StorageError> {
        self.inner.reads.fetch_add(1, Ordering::Relaxed);
        let statement = Statement::from_sql_and_values(self.inner.backend, sql, values);
        self.inner
            .reader
            .query_all_raw(statement)
            .await
            .map_err(|error| self.failed(doing, error))
    }

    /// At most one row.
    pub async fn query_one(
        &self,
        doing: &'static str,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, StorageError> {
        self.inner.reads.fetch_add(1, Ordering::Relaxed);
        let statement = Statement::from_sql_and_values(self.inner.backend, sql, values);
        self.inner
            .reader
            .query_one_raw(statement)
            .await
            .map_err(|error| self.failed(doing, error))
    }

    /// Closes both pools; SQLite checkpoints its log.
    pub async fn close(&self) {
        for pool in [&self.inner.writer, &self.inner.reader] {
            if let Err(error) = pool.clone().close().await {
                tracing::warn!(%error, "closing the database");
            }
        }
    }

    fn failed(&self, doing: &'static str, error: DbErr) -> StorageError {
        classify(self.inner.backend, doing, error)
    }
}

/// Turns a driver error into ours; a disk error on SQLite does not come back from here.
pub(super) fn classify(backend: DbBackend, doing: &'static str, error: DbErr) -> StorageError {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => return StorageError::Conflict("already there"),
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => return StorageError::Conflict("refers to something that is not there"),
        _ => {}
    }
    if backend == DbBackend::Sqlite && sqlite_disk_failed(&error) {
        fail_stop(doing, &error);
    }
    StorageError::Unavailable { doing, source: error }
}

/// SQLite rolls back by itself on these (NOMEM 7, IOERR 10, CORRUPT 11, FULL 13), behind the driver's back.
fn sqlite_disk_failed(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Conn(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    let code = cause
        .as_database_error()
        .and_then(|database| database.code())
        .and_then(|code| code.parse::<i32>().ok());
    matches!(code.map(|code| code & 0xff), Some(7 | 10 | 11 | 13))
}

/// Ends the process: what was answered stands, what was not is unknown until it is asked again.
fn fail_stop(doing: &str, error: &DbErr) -> ! {
    tracing::error!(doing, %error, "the database failed at a point after which it cannot be trusted; stopping");
    // Not `exit`: destructors would talk to the same database.
    std::process::abort();
}

//! One write transaction.
//!
//! It holds the driver's connection itself, not the ORM's: COPY and prepared statements of many rows go beside the other
//! statements, in the same transaction. Statements follow one another; nothing here runs two at once.

use sea_orm::{DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqlxError, Value};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};
use tokio::sync::Mutex;

use super::StorageError;
use super::db::classify;
use super::together::{self, Part};

/// One write transaction.
#[derive(Debug)]
pub struct Tx {
    open: Mutex<Open>,
    backend: DbBackend,
}

/// The driver's transaction.
#[derive(Debug)]
pub(super) enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs the same on the connection of either driver.
macro_rules! on {
    ($tx:expr, $connection:ident => $run:expr) => {
        match &mut *$tx.open.lock().await {
            Open::Sqlite(open) => {
                let $connection = &mut **open;
                $run
            }
            Open::Postgres(open) => {
                let $connection = &mut **open;
                $run
            }
        }
    };
}

impl Tx {
    /// Begins one.
    pub(super) async fn begin(writer: &DatabaseConnection) -> Result<Self, DbErr> {
        let backend = writer.get_database_backend();
        let open = match backend {
            DbBackend::Postgres => writer.get_postgres_connection_pool().begin().await.map(Open::Postgres),
            // IMMEDIATE: a deferred transaction that reads first gets BUSY_SNAPSHOT, which no time-out retries.
            _ => writer
                .get_sqlite_connection_pool()
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(Open::Sqlite),
        };
        let open = open.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(Self {
            open: Mutex::new(open),
            backend,
        })
    }

    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.open.into_inner() {
            Open::Sqlite(open) => open.commit().await.map_err(executing),
            Open::Postgres(open) => open.commit().await.map_err(executing),
        }
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self.open.into_inner() {
            Open::Sqlite(open) => open.rollback().await.map_err(executing),
            Open::Postgres(open) => open.rollback().await.map_err(executing),
        }
    }

    /// Which of the two databases.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// The driver's transaction, for what only one of the two databases has.
    pub(super) fn open(&self) -> &Mutex<Open> {
        &self.open
    }

    /// Executes a statement; the number of rows it touched is in the result.
    pub async fn execute(&self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<ExecResult, StorageError> {
        let values = SqlxValues(sea_orm::sea_query::Values(values));
        let executed =
            on!(self, connection => sqlx::query_with(AssertSqlSafe(sql), values).execute(connection).await.map(ExecResult::from));
        executed.map_err(|error| self.failed(doing, error))
    }

    /// Rows, as this transaction sees them.
    pub async fn query(&self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StorageError> {
        let values = SqlxValues(sea_orm::sea_query::Values(values));
        let rows = on!(self, connection => {
            let rows = sqlx::query_with(AssertSqlSafe(sql), values).fetch_all(connection).await;
            rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
        });
        rows.map_err(|error| self.failed(doing, error))
    }

    /// At most one row.
    pub async fn query_one(
        &self,
        doing: &'static str,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, StorageError> {
        let values = SqlxValues(sea_orm::sea_query::Values(values));
        let row = on!(self, connection => {
            let row = sqlx::query_with(AssertSqlSafe(sql), values).fetch_optional(connection).await;
            row.map(|row| row.map(QueryResult::from))
        });
        row.map_err(|error| self.failed(doing, error))
    }

    /// Executes statements in one round trip; rows of the last of them. See [`together`].
    pub(crate) async fn together(
        &self,
        doing: &'static str,
        first: Vec<Part>,
        last: Part,
    ) -> Result<Vec<QueryResult>, StorageError> {
        let (sql, values) = together::text(self.backend, first, last);
        self.query(doing, &sql, values).await
    }

    pub(super) fn failed(&self, doing: &'static str, error: SqlxError) -> StorageError {
        classify(self.backend, doing, executing(error))
    }
}

fn executing(error: SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

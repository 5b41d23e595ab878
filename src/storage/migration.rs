//! Bringing the database to the schema of this build, and what must hold of it before the hub serves.
//!
//! Migrations run on a connection of their own: on SQLite they switch foreign keys off and on again, and in a pool the two
//! would meet different connections. On PostgreSQL an advisory lock keeps two processes apart.

use std::time::Duration;

use counterfoil_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};

use super::row::column;
use super::{Db, StorageError};

/// Any number that no other user of the database takes ("cfoil" in ASCII).
const LOCK: i64 = 0x63_666f_696c;

/// Where the database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStatus {
    /// Steps that were applied, in order.
    pub applied: Vec<String>,
    /// Steps that this build has and the database not.
    pub pending: Vec<String>,
}

impl SchemaStatus {
    /// Whether nothing was ever applied: there is nothing that an upgrade could harm.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.applied.is_empty()
    }
}

/// Reads where the database stands; changes nothing but making SQLite's file.
pub async fn status(url: &str) -> Result<SchemaStatus, StorageError> {
    let failed = |source| StorageError::Unavailable {
        doing: "reading the state of the schema",
        source,
    };
    let connection = connect(url).await.map_err(failed)?;
    let read = read_status(&connection).await;
    close(connection).await;
    read.map_err(failed)
}

/// Applies what is pending; the steps it applied.
pub async fn migrate(url: &str) -> Result<Vec<String>, StorageError> {
    let failed = |source| StorageError::Unavailable {
        doing: "migrating the database",
        source,
    };
    let connection = connect(url).await.map_err(failed)?;
    let done = migrate_locked(&connection).await;
    close(connection).await;
    done.map_err(failed)
}

/// Refuses a database that may lose what it has acknowledged.
pub async fn assert_durable(db: &Db) -> Result<(), StorageError> {
    let setting = async |sql: &str, name: &str| {
        let row = db.query_one("reading how durable the database is", sql, Vec::new()).await?;
        let row = row.ok_or_else(|| StorageError::Inconsistent(format!("{name}: no answer")))?;
        match db.backend() {
            DbBackend::Sqlite if name == "synchronous" => Ok(column::<i64>(&row, "pragma", name)?.to_string()),
            _ => column::<String>(&row, "setting", name),
        }
    };
    let expected: &[(&str, &str, &[&str])] = match db.backend() {
        DbBackend::Sqlite => &[
            ("PRAGMA journal_mode", "journal_mode", &["wal"]),
            ("PRAGMA synchronous", "synchronous", &["2", "3"]),
        ],
        _ => &[
            (
                "SHOW synchronous_commit",
                "synchronous_commit",
                &["on", "remote_apply", "remote_write", "local"],
            ),
            ("SHOW fsync", "fsync", &["on"]),
            ("SHOW full_page_writes", "full_page_writes", &["on"]),
        ],
    };
    for (sql, name, good) in expected {
        let value = setting(sql, name).await?;
        if !good.contains(&value.as_str()) {
            let text = format!(
                "{name} is `{value}`: acknowledged data could be lost; it must be one of {}",
                good.join(", ")
            );
            return Err(StorageError::Inconsistent(text));
        }
    }
    Ok(())
}

/// How long a database server may take to answer at start-up.
const REACH_TIME: Duration = Duration::from_secs(5);

/// A pool would go on trying and end with "timed out", whatever was wrong: one plain attempt says what it is.
async fn reach(url: &str) -> Result<(), DbErr> {
    if url.starts_with("sqlite:") {
        return Ok(());
    }
    let failed = |text: String| DbErr::Conn(RuntimeErr::Internal(text));
    match tokio::time::timeout(REACH_TIME, PgConnection::connect(url)).await {
        Ok(Ok(connection)) => connection.close().await.map_err(|error| failed(error.to_string())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("the server did not answer within {} s", REACH_TIME.as_secs()))),
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    reach(url).await?;
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        let sqlite = sqlite
            .create_if_missing(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL");
        sqlite.busy_timeout(Duration::from_secs(60))
    });
    Database::connect(options).await
}

async fn close(connection: DatabaseConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the connection of the migrations");
    }
}

async fn read_status(connection: &DatabaseConnection) -> Result<SchemaStatus, DbErr> {
    let names = |migrations: Vec<counterfoil_migrations::Step>| migrations.iter().map(|step| step.name().to_owned()).collect();
    let applied = names(Migrator::get_applied_migrations(connection).await?);
    Ok(SchemaStatus {
        applied,
        pending: names(Migrator::get_pending_migrations(connection).await?),
    })
}

async fn migrate_locked(connection: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let is_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let lock = |function: &str| Statement::from_string(DbBackend::Postgres, format!("SELECT {function}({LOCK})"));
    if is_postgres {
        connection.query_one_raw(lock("pg_advisory_lock")).await?;
    }
    let done = async {
        let pending = read_status(connection).await?.pending;
        Migrator::up(connection, None).await?;
        Ok(pending)
    };
    let done = done.await;
    if is_postgres {
        connection.query_one_raw(lock("pg_advisory_unlock")).await?;
    }
    done
}

#[cfg(test)]
mod tests {
    use crate::storage::db::DbOptions;

    use super::*;

    fn options(folder: &tempfile::TempDir, sqlite_synchronous: &'static str) -> DbOptions {
        let url = format!("sqlite://{}", folder.path().join("hub.db").display());
        DbOptions {
            url,
            max_connections: 2,
            acquire_timeout: Duration::from_secs(5),
            sqlite_synchronous,
        }
    }

    #[tokio::test]
    async fn a_new_database_has_everything_pending_and_then_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = options(&folder, "FULL").url;
        let before = status(&url).await.unwrap();
        assert!(before.is_new() && !before.pending.is_empty());
        assert_eq!(migrate(&url).await.unwrap(), before.pending);
        assert_eq!(
            status(&url).await.unwrap(),
            SchemaStatus {
                applied: before.pending,
                pending: Vec::new()
            }
        );
        assert!(migrate(&url).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_database_that_loses_data_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (synchronous, good) in [("FULL", true), ("OFF", false), ("NORMAL", false)] {
            let db = Db::open(&options(&folder, synchronous)).await.unwrap();
            assert_eq!(assert_durable(&db).await.is_ok(), good, "{synchronous}");
            db.close().await;
        }
    }
}

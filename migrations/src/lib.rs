//! The database schema of Counterfoil as frozen, additive steps.
//!
//! A step is never changed once it has been released; it names no type of the hub, so that it goes on
//! meaning what it meant. Both back ends run the same statements; the four types that they spell
//! differently are filled in by [`dialect`].

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod m20261122_000001_base;
mod m20261122_000002_serial;
mod m20261122_000004_query;
mod m20261122_000005_document;
mod m20261122_000006_subscription;
mod m20261122_000007_state;
mod m20261122_000008_thing;
mod m20261122_000009_grant;
mod m20261123_000010_slice;
mod m20261123_000011_mandate;
mod m20261123_000013_words;
mod m20261123_000014_total;
mod m20261123_000015_standing;
mod m20261123_000016_use;
mod m20261124_000017_lot;

// Whoever runs the steps needs the trait and no other part of that crate.
pub use sea_orm_migration::{Migration as Step, MigratorTrait};

/// All steps, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_base::Migration),
            Box::new(m20261122_000002_serial::Migration),
            Box::new(m20261122_000004_query::Migration),
            Box::new(m20261122_000005_document::Migration),
            Box::new(m20261122_000006_subscription::Migration),
            Box::new(m20261122_000007_state::Migration),
            Box::new(m20261122_000008_thing::Migration),
            Box::new(m20261122_000009_grant::Migration),
            Box::new(m20261123_000010_slice::Migration),
            Box::new(m20261123_000011_mandate::Migration),
            Box::new(m20261123_000013_words::Migration),
            Box::new(m20261123_000014_total::Migration),
            Box::new(m20261123_000015_standing::Migration),
            Box::new(m20261123_000016_use::Migration),
            Box::new(m20261124_000017_lot::Migration),
        ]
    }
}

/// Fills in what the two back ends spell differently and runs the statements one by one.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(&dialect(backend, statement)?)
            .await?;
    }
    Ok(())
}

/// `{uuid}`, `{bytes}`, `{bigint}`, `{smallint}`; `{strict}` ends a table, `{clustered}` ends one whose rows live in their
/// primary key (SQLite `WITHOUT ROWID`).
fn dialect(backend: DbBackend, statement: &str) -> Result<String, DbErr> {
    let words = match backend {
        DbBackend::Sqlite => ["BLOB", "BLOB", "INTEGER", "INTEGER", "STRICT", "STRICT, WITHOUT ROWID"],
        DbBackend::Postgres => ["UUID", "BYTEA", "BIGINT", "SMALLINT", "", ""],
        other => return Err(DbErr::Custom(format!("{other:?} is not supported: use SQLite or PostgreSQL"))),
    };
    let names = ["{uuid}", "{bytes}", "{bigint}", "{smallint}", "{strict}", "{clustered}"];
    Ok(names
        .iter()
        .zip(words)
        .fold((*statement).to_owned(), |text, (name, word)| text.replace(name, word)))
}

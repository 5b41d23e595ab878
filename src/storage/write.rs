//! Many new rows at once, by the fastest way the database has inside of a transaction: COPY in its binary form on PostgreSQL,
//! a prepared INSERT of many rows on SQLite.
//!
//! Rows are put into the form in which they travel as they come, and sent in pieces of bounded size. A row that is there already ends the
//! transaction: [`StorageError::Conflict`]. Where that may be, or where rows are changed, see [`super::bulk`].

use sea_orm::{DbBackend, SqlxError};
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::tx::Open;
use super::{StorageError, Tx};

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Uuid(Option<Uuid>),
    Small(Option<i16>),
    Big(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<Uuid> for Cell<'_> {
    fn from(value: Uuid) -> Self {
        Self::Uuid(Some(value))
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Big(Some(value))
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

/// Binds in one statement of SQLite, whose limit is 32,766.
const BINDS: usize = 30_000;
/// Bytes in one piece of a COPY.
const PIECE: usize = 256 << 10;
/// Statements of so few rows are worth keeping prepared; of others only full ones are.
const FEW: usize = 4;

type Binds = <Sqlite as sqlx::Database>::Arguments;

/// Rows on their way into a table.
pub(crate) struct NewRows {
    table: &'static str,
    /// Comma between.
    columns: &'static str,
    /// What becomes of a row that is there; SQLite only.
    over: &'static str,
    pieces: Pieces,
    unencodable: Option<SqlxError>,
}

enum Pieces {
    /// Binds of so many rows each.
    Sqlite(Vec<(usize, Binds)>),
    Postgres(Vec<Vec<u8>>),
}

impl NewRows {
    /// None yet.
    pub(crate) fn new(backend: DbBackend, table: &'static str, columns: &'static str) -> Self {
        let pieces = match backend {
            DbBackend::Postgres => Pieces::Postgres(Vec::new()),
            _ => Pieces::Sqlite(Vec::new()),
        };
        Self {
            table,
            columns,
            over: "",
            pieces,
            unencodable: None,
        }
    }

    /// The same, on SQLite with what is to become of a row that is there already.
    pub(crate) fn over(self, over: &'static str) -> Self {
        Self { over, ..self }
    }

    /// One more; always of as many cells as there are columns.
    pub(crate) fn push(&mut self, row: &[Cell<'_>]) {
        match &mut self.pieces {
            Pieces::Sqlite(pieces) => {
                let most = BINDS / row.len().max(1);
                if pieces.last().is_none_or(|(rows, _)| *rows == most) {
                    pieces.push((0, Binds::default()));
                }
                let Some((rows, binds)) = pieces.last_mut() else { return };
                *rows += 1;
                if let Err(error) = row.iter().try_for_each(|cell| bind(binds, cell)) {
                    self.unencodable = Some(SqlxError::Encode(error));
                }
            }
            Pieces::Postgres(pieces) => {
                if pieces.last().is_none_or(|piece| piece.len() >= PIECE) {
                    pieces.push(Vec::with_capacity(if pieces.is_empty() {
                        1 << 10
                    } else {
                        PIECE + (4 << 10)
                    }));
                }
                let Some(piece) = pieces.last_mut() else { return };
                piece.extend_from_slice(&i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
                for cell in row {
                    push(piece, cell);
                }
            }
        }
    }

    /// Sends them.
    pub(crate) async fn store(self, tx: &Tx) -> Result<(), StorageError> {
        if let Some(error) = self.unencodable {
            return Err(tx.failed("storing rows", error));
        }
        let written = match (&mut *tx.open().lock().await, self.pieces) {
            (Open::Sqlite(open), Pieces::Sqlite(pieces)) => prepared(open, (self.table, self.columns, self.over), pieces).await,
            (Open::Postgres(open), Pieces::Postgres(pieces)) => copied(open, (self.table, self.columns), pieces).await,
            (Open::Sqlite(_), Pieces::Postgres(_)) | (Open::Postgres(_), Pieces::Sqlite(_)) => {
                Err(SqlxError::Protocol("rows made for another database".to_owned()))
            }
        };
        written.map_err(|error| tx.failed("storing rows", error))
    }
}

async fn prepared(
    connection: &mut SqliteConnection,
    (table, columns, over): (&str, &str, &str),
    pieces: Vec<(usize, Binds)>,
) -> Result<(), SqlxError> {
    let width = columns.split(',').count();
    let tuple = format!("({})", vec!["?"; width].join(","));
    let last = pieces.len().saturating_sub(1);
    for (place, (rows, binds)) in pieces.into_iter().enumerate() {
        let tuples = vec![tuple.as_str(); rows].join(",");
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {tuples} {over}");
        sqlx::query_with(AssertSqlSafe(sql), binds)
            .persistent(place < last || rows <= FEW)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn bind(binds: &mut Binds, cell: &Cell<'_>) -> Result<(), sqlx::error::BoxDynError> {
    match *cell {
        Cell::Uuid(value) => binds.add(value),
        Cell::Small(value) => binds.add(value),
        Cell::Big(value) => binds.add(value),
        Cell::Text(value) => binds.add(value),
        Cell::Bytes(value) => binds.add(value),
    }
}

async fn copied(connection: &mut PgConnection, (table, columns): (&str, &str), pieces: Vec<Vec<u8>>) -> Result<(), SqlxError> {
    if pieces.is_empty() {
        return Ok(());
    }
    let statement = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
    let mut copy = connection.copy_in_raw(&statement).await?;
    // Signature, flags and the length of a header that is not there (PostgreSQL manual, COPY, binary format).
    copy.send(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".as_slice()).await?;
    for piece in pieces {
        copy.send(piece.as_slice()).await?;
    }
    copy.send((-1_i16).to_be_bytes().as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

fn push(piece: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Uuid(Some(value)) => field(piece, value.as_bytes()),
        Cell::Small(Some(value)) => field(piece, &value.to_be_bytes()),
        Cell::Big(Some(value)) => field(piece, &value.to_be_bytes()),
        Cell::Text(Some(value)) => field(piece, value.as_bytes()),
        Cell::Bytes(Some(value)) => field(piece, value),
        Cell::Uuid(None) | Cell::Small(None) | Cell::Big(None) | Cell::Text(None) | Cell::Bytes(None) => {
            piece.extend_from_slice(&(-1_i32).to_be_bytes());
        }
    }
}

/// A field of more than 2 GB could not have come in.
fn field(piece: &mut Vec<u8>, bytes: &[u8]) {
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    piece.extend_from_slice(&length.to_be_bytes());
    piece.extend_from_slice(bytes);
}

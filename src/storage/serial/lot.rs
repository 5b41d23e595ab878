//! Lots that were closed, and what keeps a close and a commissioning apart.
//!
//! # Invariants
//! - Whoever closes a lot holds the pools of its product: a request for it is answered before, or finds it closed.
//! - Whoever commissions into a lot holds it ([`hold`]) from before it reads what is closed; whoever closes it holds it alone. On SQLite the
//!   write transaction is that already.

use sea_orm::{DbBackend, QueryResult, Value};

use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, LotCloseId, PartyId};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

const COLUMNS: &str = "id, gtin, lot, line, party_id, principal_id, balance, reason, closed_by, closed_at";

/// The lot and the packaging line that numbers are asked for, if any.
pub type LotAndLine<'a> = (Option<&'a str>, Option<&'a str>);

/// 1 if the lot of a row `r` (`party`, `gtin`, `lot`, `line`) is closed for its party: [`LotClose::covers`] in the database. A lot has one owner,
/// so that a close of its principal is one of the whole lot.
pub(super) const CLOSED_FOR: &str = "CASE WHEN EXISTS (SELECT 1 FROM lot_close c WHERE c.gtin = r.gtin AND c.lot = r.lot
             AND (c.party_id = r.party OR c.party_id = c.principal_id) AND (c.line = '' OR c.line = r.line)) THEN 1 ELSE 0 END";

/// That a lot, or a party's part of it, was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotClose {
    /// Its id.
    pub id: LotCloseId,
    /// Of which product.
    pub gtin: Gtin,
    /// The lot.
    pub lot: String,
    /// The packaging line; none: all of them.
    pub line: Option<String>,
    /// Whose part; the owner's close is of the whole lot.
    pub party: PartyId,
    /// Whose brand.
    pub principal: PartyId,
    /// The balance that was signed, as JSON; none where it is not the reader's to see.
    pub balance: Option<String>,
    /// Why it was closed although it did not balance.
    pub reason: Option<String>,
    /// Which system of the party closed it.
    pub closed_by: String,
    /// When.
    pub closed_at: Micros,
}

impl LotClose {
    /// As a party may see it: sums are those of whose part it is, and the owner's.
    #[must_use]
    pub fn seen_by(mut self, viewer: &PartyId) -> Self {
        if self.party != *viewer && self.principal != *viewer {
            self.balance = None;
        }
        self
    }

    /// Whether it covers numbers that a party has for an owner, asked for a line.
    #[must_use]
    pub fn covers(&self, holder: &PartyId, principal: &PartyId, line: Option<&str>) -> bool {
        (self.party == *holder || self.party == *principal) && (self.line.is_none() || self.line.as_deref() == line)
    }
}

/// How a lot is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Beside others that commission into it.
    Shared,
    /// Against all others.
    Alone,
}

/// Holds lots until the transaction ends, in one order for everybody.
pub async fn hold(tx: &Tx, lots: &[(Numbered, &str)], how: Hold) -> Result<(), StorageError> {
    if lots.is_empty() {
        return Ok(());
    }
    match tx.backend() {
        DbBackend::Postgres => {}
        // A write transaction is the only one.
        _ => return Ok(()),
    }
    let function = match how {
        Hold::Shared => "pg_advisory_xact_lock_shared",
        Hold::Alone => "pg_advisory_xact_lock",
    };
    // Two lots whose hashes meet wait for each other without need, and nothing else.
    let (table, binds) = Rows::default()
        .texts(
            "key",
            lots.iter().map(|(numbered, lot)| Some(format!("lot {numbered} {lot}"))),
        )
        .table(tx.backend(), 1);
    let sql = format!(
        "SELECT {function}(held.h) IS NULL AS held FROM (SELECT DISTINCT hashtextextended(r.key, 0) AS h FROM {table} ORDER BY 1) AS held"
    );
    tx.query("holding lots", &sql, binds).await?;
    Ok(())
}

/// What is closed of some lots of a product, whoever closed it.
pub async fn closings(tx: &Tx, numbered: Numbered, lots: &[&str]) -> Result<Vec<LotClose>, StorageError> {
    if lots.is_empty() {
        return Ok(Vec::new());
    }
    let (table, binds) = Rows::default()
        .texts("lot", lots.iter().map(|lot| Some(*lot)))
        .table(tx.backend(), 2);
    let sql = format!("SELECT {COLUMNS} FROM lot_close WHERE gtin = $1 AND lot IN (SELECT r.lot FROM {table}) ORDER BY id");
    let mut values: Vec<Value> = vec![numbered.to_string().into()];
    values.extend(binds);
    tx.query("reading closed lots", &sql, values)
        .await?
        .iter()
        .map(stored)
        .collect()
}

/// What is closed of a lot, as far as it concerns a party: its own part, its delegates', and the whole as the owner closed it.
pub async fn visible(db: &Db, viewer: &PartyId, gtin: Gtin, lot: &str) -> Result<Vec<LotClose>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM lot_close WHERE gtin = $1 AND lot = $2 AND (party_id = $3 OR principal_id = $3 OR party_id = principal_id) ORDER BY id"
    );
    let values = vec![gtin.as_str().into(), lot.into(), viewer.as_str().into()];
    db.query("reading closed lots", &sql, values)
        .await?
        .iter()
        .map(stored)
        .collect()
}

/// Whether a lot is closed for a party, as far as can be said outside any transaction.
pub async fn is_closed(db: &Db, party: &PartyId, numbered: Numbered, (lot, line): LotAndLine<'_>) -> Result<bool, StorageError> {
    let (table, binds) = Rows::default()
        .texts("party", [Some(party.as_str())])
        .texts("gtin", [Some(numbered.to_string())])
        .texts("lot", [lot])
        .texts("line", [line])
        .table(db.backend(), 1);
    let sql = format!("SELECT {CLOSED_FOR} AS lot_closed FROM {table}");
    let row = db.query_one("asking whether a lot is closed", &sql, binds).await?;
    row.map_or(Ok(false), |row| Ok(column::<i32>(&row, "lot_close", "lot_closed")? != 0))
}

/// Stores a close; the caller holds the lot alone and has looked.
pub async fn insert(tx: &Tx, close: &LotClose) -> Result<(), StorageError> {
    let sql = "INSERT INTO lot_close (id, gtin, lot, line, party_id, principal_id, balance, reason, closed_by, closed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = vec![
        close.id.uuid().into(),
        close.gtin.as_str().into(),
        close.lot.as_str().into(),
        close.line.as_deref().unwrap_or("").into(),
        close.party.as_str().into(),
        close.principal.as_str().into(),
        close.balance.as_deref().unwrap_or("null").into(),
        close.reason.as_deref().into(),
        close.closed_by.as_str().into(),
        close.closed_at.0.into(),
    ];
    tx.execute("closing a lot", sql, values).await?;
    Ok(())
}

/// Closes allocations that are open. How many were.
pub async fn close_allocations(tx: &Tx, ids: &[AllocationId], reason: &str, now: Micros) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let (table, binds) = Rows::default()
        .uuids("id", ids.iter().map(|id| id.uuid()))
        .table(tx.backend(), 3);
    let sql = format!(
        "UPDATE allocation SET closed_at = $1, close_reason = $2 WHERE closed_at IS NULL AND id IN (SELECT r.id FROM {table})"
    );
    let mut values: Vec<Value> = vec![now.0.into(), reason.into()];
    values.extend(binds);
    Ok(tx.execute("closing allocations", &sql, values).await?.rows_affected())
}

fn stored(row: &QueryResult) -> Result<LotClose, StorageError> {
    const TABLE: &str = "lot_close";
    let line: String = column(row, TABLE, "line")?;
    Ok(LotClose {
        id: LotCloseId::new(column(row, TABLE, "id")?),
        gtin: parsed(row, TABLE, "gtin")?,
        lot: column(row, TABLE, "lot")?,
        line: Some(line).filter(|line| !line.is_empty()),
        party: parsed(row, TABLE, "party_id")?,
        principal: parsed(row, TABLE, "principal_id")?,
        balance: Some(column(row, TABLE, "balance")?),
        reason: column(row, TABLE, "reason")?,
        closed_by: column(row, TABLE, "closed_by")?,
        closed_at: Micros(column(row, TABLE, "closed_at")?),
    })
}

//! What a party has of a product under an agreement: how many numbers were issued to it, and how many of those are settled.
//!
//! Every limit on a request is read from here: one row a party, product and agreement, and one a day, whatever the number of
//! allocations. Which number was settled how is the business of [`super::usage`]; this only counts.
//!
//! # Invariants
//! - `issued - settled` is what is outstanding: numbers that may still turn up on packs.
//! - [`issue`] runs in the transaction of the allocations that it counts, under the lock of the product's pools; [`settle`] in the
//!   transaction that changes their bitmaps, once for each account and after everything else there that can wait: on
//!   PostgreSQL the row stays locked to the end, and the product's next requests of the party wait for it.

use sea_orm::{QueryResult, Value};

use crate::domain::ids::{AgreementId, PartyId};
pub use crate::domain::serial::limits::Account;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::column;
use crate::storage::together::Part;
use crate::storage::{Db, StorageError, Tx};

/// Whose numbers of what, under which agreement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Who has the numbers.
    pub party: PartyId,
    /// What they are for.
    pub numbered: Numbered,
    /// Under which agreement; none for an own product.
    pub agreement: Option<AgreementId>,
}

impl AccountKey {
    /// As it is stored: an own product has the empty text.
    pub(super) fn agreement_text(&self) -> &str {
        self.agreement.as_ref().map_or("", AgreementId::as_str)
    }
}

/// A change of what is settled; below zero where an event is taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settlement {
    /// By how many numbers more are no longer outstanding: commissioned, scrapped, sampled, returned, lost.
    pub settled: i64,
    /// How many of those were used up: commissioned, scrapped or sampled. Days of cover are reckoned from it.
    pub used: i64,
}

/// The account of a key, outside any transaction: to be shown, not to decide by.
pub async fn of(db: &Db, key: &AccountKey, day: i64) -> Result<Account, StorageError> {
    let sql = "SELECT s.issued, s.settled, d.issued AS issued_today
               FROM serial_account s
               LEFT JOIN serial_day d ON d.party_id = s.party_id AND d.gtin = s.gtin AND d.agreement_id = s.agreement_id AND d.day = $4
               WHERE s.party_id = $1 AND s.gtin = $2 AND s.agreement_id = $3";
    let values = vec![
        key.party.as_str().into(),
        key.numbered.to_string().into(),
        key.agreement_text().into(),
        day.into(),
    ];
    let row = db.query_one("reading an account", sql, values).await?;
    row.map_or(Ok(Account::default()), |row| account(&row))
}

/// From columns `issued`, `settled` and `issued_today`; what is null is 0.
pub(super) fn account(row: &QueryResult) -> Result<Account, StorageError> {
    let count = |name: &str| {
        let value: Option<i64> = column(row, "serial_account", name)?;
        u64::try_from(value.unwrap_or(0)).map_err(|_| StorageError::Inconsistent(format!("serial_account.{name} is below zero")))
    };
    Ok(Account {
        issued: count("issued")?,
        settled: count("settled")?,
        issued_today: count("issued_today")?,
    })
}

/// Adds what was issued now, each account once. The caller holds the pools of the product.
pub async fn issue(tx: &Tx, counts: &[(&AccountKey, u64)], now: Micros) -> Result<(), StorageError> {
    let [account, day] = issuing(tx, counts, now)?;
    tx.together("counting issued numbers", vec![account], day).await?;
    Ok(())
}

/// The statements of [`issue`].
pub(super) fn issuing(tx: &Tx, counts: &[(&AccountKey, u64)], now: Micros) -> Result<[Part; 2], StorageError> {
    let signed =
        |count: u64| i64::try_from(count).map_err(|_| StorageError::Inconsistent(format!("{count} numbers issued at once")));
    let issued: Vec<i64> = counts.iter().map(|(_, count)| signed(*count)).collect::<Result<_, _>>()?;
    let rows = || {
        Rows::default()
            .texts("party", counts.iter().map(|(key, _)| Some(key.party.as_str())))
            .texts("gtin", counts.iter().map(|(key, _)| Some(key.numbered.to_string())))
            .texts("agreement", counts.iter().map(|(key, _)| Some(key.agreement_text())))
            .ints("n", issued.iter().map(|count| Some(*count)))
    };
    let (table, values) = rows().short_table(tx.backend(), 1);
    // `WHERE TRUE`: SQLite would read ON as the join's.
    let account = Part {
        sql: format!(
            "INSERT INTO serial_account (party_id, gtin, agreement_id, issued, settled)
             SELECT r.party, r.gtin, r.agreement, r.n, 0 FROM {table} WHERE TRUE
             ON CONFLICT (party_id, gtin, agreement_id) DO UPDATE SET issued = serial_account.issued + excluded.issued"
        ),
        values,
    };
    let (table, binds) = rows().short_table(tx.backend(), 2);
    let mut values: Vec<Value> = vec![now.day().into()];
    values.extend(binds);
    let day = Part {
        sql: format!(
            "INSERT INTO serial_day (party_id, gtin, agreement_id, day, issued, used)
             SELECT r.party, r.gtin, r.agreement, $1, r.n, 0 FROM {table} WHERE TRUE
             ON CONFLICT (party_id, gtin, agreement_id, day) DO UPDATE SET issued = serial_day.issued + excluded.issued"
        ),
        values,
    };
    Ok([account, day])
}

/// Notes that numbers of an account are no longer outstanding, or are again.
pub async fn settle(tx: &Tx, key: &AccountKey, change: Settlement, now: Micros) -> Result<(), StorageError> {
    let Settlement { settled, used } = change;
    if settled != 0 {
        let sql = "UPDATE serial_account SET settled = settled + $4 WHERE party_id = $1 AND gtin = $2 AND agreement_id = $3";
        let done = tx.execute("settling an account", sql, values(key, &[settled])).await?;
        if done.rows_affected() != 1 {
            let detail = format!("serial_account has no row of `{}` for `{}`", key.party, key.numbered);
            return Err(StorageError::Inconsistent(detail));
        }
    }
    if used != 0 {
        let sql = "INSERT INTO serial_day (party_id, gtin, agreement_id, day, issued, used) VALUES ($1, $2, $3, $4, 0, $5)
                   ON CONFLICT (party_id, gtin, agreement_id, day) DO UPDATE SET used = serial_day.used + excluded.used";
        tx.execute("counting used numbers", sql, values(key, &[now.day(), used]))
            .await?;
    }
    Ok(())
}

fn values(key: &AccountKey, counts: &[i64]) -> Vec<Value> {
    let names: [Value; 3] = [
        key.party.as_str().into(),
        key.numbered.to_string().into(),
        key.agreement_text().into(),
    ];
    names.into_iter().chain(counts.iter().map(|count| (*count).into())).collect()
}

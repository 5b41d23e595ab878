//! Allocations: one row a block.

use sea_orm::{QueryResult, Value};

use crate::domain::ids::{AgreementId, AllocationId, PartyId, PoolId};
use crate::domain::serial::allocation::{Allocation, AllocationState};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

const TABLE: &str = "allocation";
const COLUMNS: &str = "id, pool_id, party_id, principal_id, agreement_id, gtin, request_key, request_hash, first_index, quantity, lot, site, \
                       state, created_at, transmitted_at";

/// An allocation with what only the hub needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAllocation {
    /// What its parties may see.
    pub allocation: Allocation,
    /// Where its numbers come from.
    pub pool: PoolId,
    /// First counter value.
    pub first_index: u64,
    /// SHA-256 over what was asked for.
    pub request_hash: [u8; 32],
}

/// A request of a party by its idempotency key.
pub async fn by_key(db: &Db, party: &PartyId, key: &str) -> Result<Option<StoredAllocation>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM allocation WHERE party_id = $1 AND request_key = $2");
    let row = db
        .query_one(
            "reading an allocation by its key",
            &sql,
            vec![party.as_str().into(), key.into()],
        )
        .await?;
    row.map(|row| stored(&row)).transpose()
}

/// The same inside a transaction.
pub async fn by_key_in(tx: &Tx, party: &PartyId, key: &str) -> Result<Option<StoredAllocation>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM allocation WHERE party_id = $1 AND request_key = $2");
    let row = tx
        .query_one(
            "reading an allocation by its key",
            &sql,
            vec![party.as_str().into(), key.into()],
        )
        .await?;
    row.map(|row| stored(&row)).transpose()
}

/// An allocation that the party has or that was made in its name.
pub async fn visible(db: &Db, party: &PartyId, id: AllocationId) -> Result<Option<StoredAllocation>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM allocation WHERE id = $1 AND (party_id = $2 OR principal_id = $2)");
    let row = db
        .query_one("reading an allocation", &sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.map(|row| stored(&row)).transpose()
}

/// Allocations that the party has or that were made in its name, newest first, at most `limit`, older than `before`.
pub async fn list(
    db: &Db,
    party: &PartyId,
    numbered: Option<Numbered>,
    before: Option<AllocationId>,
    limit: usize,
) -> Result<Vec<Allocation>, StorageError> {
    // Each half reads its index backwards and stops; an OR would sort all of them.
    let mut values: Vec<Value> = vec![party.as_str().into(), bigint(limit as u64).into()];
    let mut only = String::new();
    if let Some(before) = before {
        values.push(before.uuid().into());
        only.push_str(&format!(" AND id < ${}", values.len()));
    }
    if let Some(numbered) = numbered {
        values.push(numbered.to_string().into());
        only.push_str(&format!(" AND gtin = ${}", values.len()));
    }
    let half = |role: &str| {
        format!("SELECT * FROM (SELECT {COLUMNS} FROM allocation WHERE {role} = $1{only} ORDER BY id DESC LIMIT $2) AS by_{role}")
    };
    let sql = format!(
        "{} UNION {} ORDER BY id DESC LIMIT $2",
        half("party_id"),
        half("principal_id")
    );
    let rows = db.query("listing allocations", &sql, values).await?;
    rows.iter().map(|row| stored(row).map(|stored| stored.allocation)).collect()
}

/// How many numbers of a product were issued under an agreement.
pub async fn issued_under(tx: &Tx, agreement: &AgreementId, numbered: Numbered) -> Result<u64, StorageError> {
    let sql = "SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) AS issued FROM allocation WHERE agreement_id = $1 AND gtin = $2";
    let row = tx
        .query_one(
            "adding up a quota",
            sql,
            vec![agreement.as_str().into(), numbered.to_string().into()],
        )
        .await?;
    let issued: i64 = row.map_or(Ok(0), |row| column(&row, TABLE, "issued"))?;
    u64::try_from(issued)
        .map_err(|_| StorageError::Inconsistent(format!("allocation.quantity under `{agreement}` sums to {issued}")))
}

/// Stores an allocation. [`StorageError::Conflict`] if the party used the key in the meantime.
pub async fn insert(tx: &Tx, stored: &StoredAllocation) -> Result<(), StorageError> {
    let sql =
        "INSERT INTO allocation (id, pool_id, party_id, principal_id, agreement_id, gtin, request_key, request_hash, first_index,
                                       quantity, lot, site, state, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let StoredAllocation {
        allocation,
        pool,
        first_index,
        request_hash,
    } = stored;
    let values = vec![
        allocation.id.uuid().into(),
        pool.uuid().into(),
        allocation.party.as_str().into(),
        allocation.principal.as_str().into(),
        allocation.agreement.as_ref().map(AgreementId::as_str).into(),
        allocation.numbered.to_string().into(),
        allocation.request_key.as_str().into(),
        request_hash.to_vec().into(),
        bigint(*first_index).into(),
        bigint(allocation.quantity).into(),
        allocation.lot.as_deref().into(),
        allocation.site.as_ref().map(|site| site.as_str()).into(),
        allocation.state.as_str().into(),
        allocation.created_at.0.into(),
    ];
    tx.execute("storing an allocation", sql, values).await?;
    Ok(())
}

/// Notes that the holder fetched numbers, the first time.
pub async fn mark_transmitted(tx: &Tx, id: AllocationId, now: Micros) -> Result<(), StorageError> {
    let sql = "UPDATE allocation SET state = 'transmitted', transmitted_at = $1 WHERE id = $2 AND transmitted_at IS NULL";
    tx.execute(
        "marking an allocation as transmitted",
        sql,
        vec![now.0.into(), id.uuid().into()],
    )
    .await?;
    Ok(())
}

fn stored(row: &QueryResult) -> Result<StoredAllocation, StorageError> {
    let id = AllocationId::new(column(row, TABLE, "id")?);
    let wrong = |what: &str| StorageError::Inconsistent(format!("allocation.{what} of {id}"));
    let count = |name: &str| u64::try_from(column::<i64>(row, TABLE, name)?).map_err(|_| wrong(name));
    let optional = |name: &str| column::<Option<String>>(row, TABLE, name);
    let hash: Vec<u8> = column(row, TABLE, "request_hash")?;
    Ok(StoredAllocation {
        allocation: Allocation {
            id,
            numbered: parsed(row, TABLE, "gtin")?,
            party: parsed(row, TABLE, "party_id")?,
            principal: parsed(row, TABLE, "principal_id")?,
            agreement: optional("agreement_id")?
                .map(|text| text.parse().map_err(|_| wrong("agreement_id")))
                .transpose()?,
            quantity: count("quantity")?,
            lot: optional("lot")?,
            site: optional("site")?
                .map(|text| text.parse().map_err(|_| wrong("site")))
                .transpose()?,
            state: state(row)?.ok_or_else(|| wrong("state"))?,
            request_key: column(row, TABLE, "request_key")?,
            created_at: Micros(column(row, TABLE, "created_at")?),
        },
        pool: PoolId::new(column(row, TABLE, "pool_id")?),
        first_index: count("first_index")?,
        request_hash: hash.try_into().map_err(|_| wrong("request_hash"))?,
    })
}

fn state(row: &QueryResult) -> Result<Option<AllocationState>, StorageError> {
    let (state, at): (String, Option<i64>) = (column(row, TABLE, "state")?, column(row, TABLE, "transmitted_at")?);
    Ok(match (state.as_str(), at) {
        ("reserved", None) => Some(AllocationState::Reserved),
        ("transmitted", Some(at)) => Some(AllocationState::Transmitted { at: Micros(at) }),
        (_, _) => None,
    })
}

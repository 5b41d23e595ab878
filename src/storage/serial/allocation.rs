//! Allocations: one row a block.

use roaring::RoaringBitmap;
use sea_orm::{QueryResult, Value};

use crate::domain::ids::{AgreementId, AllocationId, PartyId, PoolId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::serial::allocation::{Allocation, AllocationState, Documents};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, json, parsed};
use crate::storage::together::Part;
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

const TABLE: &str = "allocation";
pub(super) const COLUMNS: &str = "id, pool_id, party_id, system_name, principal_id, agreement_id, gtin, request_key, request_hash, first_index, quantity, \
                       span, holes, asked, lot, site, line, documents, expires_at, state, created_at, transmitted_at, acknowledged_at, \
                       closed_at, close_reason";

/// An allocation with what only the hub needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAllocation {
    /// What its parties may see.
    pub allocation: Allocation,
    /// Where its numbers come from.
    pub pool: PoolId,
    /// First counter value.
    pub first_index: u64,
    /// How many counter values it takes: its quantity and its holes.
    pub span: u64,
    /// Which offsets are no numbers of it.
    pub holes: RoaringBitmap,
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
    let anybody = if leaks(Leak::AllocationsOfOthers) {
        " OR $1 <> ''"
    } else {
        ""
    };
    let half = |role: &str| {
        format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM allocation WHERE ({role} = $1{anybody}){only} ORDER BY id DESC LIMIT $2) AS by_{role}"
        )
    };
    let sql = format!(
        "{} UNION {} ORDER BY id DESC LIMIT $2",
        half("party_id"),
        half("principal_id")
    );
    let rows = db.query("listing allocations", &sql, values).await?;
    rows.iter().map(|row| stored(row).map(|stored| stored.allocation)).collect()
}

/// Stores allocations. [`StorageError::Conflict`] if a party used one of the keys in the meantime; then none is stored.
pub async fn insert(tx: &Tx, all: &[StoredAllocation]) -> Result<(), StorageError> {
    tx.together("storing allocations", Vec::new(), inserting(tx, all)?).await?;
    Ok(())
}

/// The statement of [`insert`].
pub(super) fn inserting(tx: &Tx, all: &[StoredAllocation]) -> Result<Part, StorageError> {
    let each = || all.iter().map(|stored| &stored.allocation);
    let holes = all.iter().map(written_holes).collect::<Result<Vec<_>, _>>()?;
    let rows = Rows::default()
        .uuids("id", each().map(|row| row.id.uuid()))
        .uuids("pool_id", all.iter().map(|stored| stored.pool.uuid()))
        .texts("party_id", each().map(|row| Some(row.party.as_str())))
        .texts("system_name", each().map(|row| row.system.as_deref()))
        .texts("principal_id", each().map(|row| Some(row.principal.as_str())))
        .texts(
            "agreement_id",
            each().map(|row| row.agreement.as_ref().map(AgreementId::as_str)),
        )
        .texts("gtin", each().map(|row| Some(row.numbered.to_string())))
        .texts("request_key", each().map(|row| Some(row.request_key.as_str())))
        .bytes("request_hash", all.iter().map(|stored| stored.request_hash.to_vec()))
        .ints("first_index", all.iter().map(|stored| Some(bigint(stored.first_index))))
        .ints("quantity", each().map(|row| Some(bigint(row.quantity))))
        .ints(
            "span",
            all.iter()
                .map(|stored| (!stored.holes.is_empty()).then(|| bigint(stored.span))),
        )
        .bytes("holes", holes)
        .ints("asked", each().map(|row| row.asked.map(bigint)))
        .texts("lot", each().map(|row| row.lot.as_deref()))
        .texts("site", each().map(|row| row.site.map(|site| site.to_string())))
        .texts("line", each().map(|row| row.line.as_deref()))
        .texts("documents", each().map(|row| written_documents(&row.documents)))
        .ints("expires_at", each().map(|row| row.expires_at.map(|at| at.0)))
        .ints("created_at", each().map(|row| Some(row.created_at.0)));
    let (table, values) = rows.short_table(tx.backend(), 1);
    let sql = format!(
        "INSERT INTO allocation (id, pool_id, party_id, system_name, principal_id, agreement_id, gtin, request_key, request_hash,
                                 first_index, quantity, span, holes, asked, lot, site, line, documents, expires_at, created_at, state)
         SELECT id, pool_id, party_id, system_name, principal_id, agreement_id, gtin, request_key, request_hash,
                first_index, quantity, span, holes, asked, lot, site, line, documents, expires_at, created_at, 'reserved' FROM {table}"
    );
    Ok(Part { sql, values })
}

fn written_holes(stored: &StoredAllocation) -> Result<Option<Vec<u8>>, StorageError> {
    if stored.holes.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(stored.holes.serialized_size());
    let unwritten = |error| {
        StorageError::Inconsistent(format!(
            "allocation.holes of {} cannot be written: {error}",
            stored.allocation.id
        ))
    };
    stored.holes.serialize_into(&mut bytes).map_err(unwritten)?;
    Ok(Some(bytes))
}

fn written_documents(documents: &Documents) -> Option<String> {
    (!documents.is_empty()).then(|| serde_json::json!(documents).to_string())
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

pub(super) fn stored(row: &QueryResult) -> Result<StoredAllocation, StorageError> {
    let id = AllocationId::new(column(row, TABLE, "id")?);
    let wrong = |what: &str| StorageError::Inconsistent(format!("allocation.{what} of {id}"));
    let count = |name: &str| u64::try_from(column::<i64>(row, TABLE, name)?).map_err(|_| wrong(name));
    let optional = |name: &str| column::<Option<String>>(row, TABLE, name);
    let optional_count = |name: &str| {
        let value: Option<i64> = column(row, TABLE, name)?;
        value.map(|value| u64::try_from(value).map_err(|_| wrong(name))).transpose()
    };
    let hash: Vec<u8> = column(row, TABLE, "request_hash")?;
    let holes: Option<Vec<u8>> = column(row, TABLE, "holes")?;
    let documents = optional("documents")?.map(|_| json(row, TABLE, "documents"));
    let quantity = count("quantity")?;
    Ok(StoredAllocation {
        allocation: Allocation {
            id,
            numbered: parsed(row, TABLE, "gtin")?,
            party: parsed(row, TABLE, "party_id")?,
            system: optional("system_name")?,
            principal: parsed(row, TABLE, "principal_id")?,
            agreement: optional("agreement_id")?
                .map(|text| text.parse().map_err(|_| wrong("agreement_id")))
                .transpose()?,
            quantity,
            asked: optional_count("asked")?,
            lot: optional("lot")?,
            site: optional("site")?
                .map(|text| text.parse().map_err(|_| wrong("site")))
                .transpose()?,
            line: optional("line")?,
            documents: documents.transpose()?.unwrap_or_default(),
            expires_at: column::<Option<i64>>(row, TABLE, "expires_at")?.map(Micros),
            state: state(row)?.ok_or_else(|| wrong("state"))?,
            request_key: column(row, TABLE, "request_key")?,
            created_at: Micros(column(row, TABLE, "created_at")?),
        },
        pool: PoolId::new(column(row, TABLE, "pool_id")?),
        first_index: count("first_index")?,
        span: optional_count("span")?.unwrap_or(quantity),
        holes: holes
            .map(|bytes| RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(|_| wrong("holes")))
            .transpose()?
            .unwrap_or_default(),
        request_hash: hash.try_into().map_err(|_| wrong("request_hash"))?,
    })
}

/// From its times; the column `state` only knows whether it was fetched.
/// Notes that the holder has the numbers; false if it never fetched them, or confirmed or closed before.
pub async fn acknowledge(tx: &Tx, id: AllocationId, holder: &PartyId, now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE allocation SET acknowledged_at = $1
               WHERE id = $2 AND party_id = $3 AND transmitted_at IS NOT NULL AND acknowledged_at IS NULL AND closed_at IS NULL";
    let values = vec![now.0.into(), id.uuid().into(), holder.as_str().into()];
    Ok(tx.execute("confirming an allocation", sql, values).await?.rows_affected() == 1)
}

/// Closes an allocation; false if it was closed before.
pub async fn close(tx: &Tx, id: AllocationId, reason: &str, now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE allocation SET closed_at = $1, close_reason = $2 WHERE id = $3 AND closed_at IS NULL";
    let values = vec![now.0.into(), reason.into(), id.uuid().into()];
    Ok(tx.execute("closing an allocation", sql, values).await?.rows_affected() == 1)
}

/// Allocations made before a moment that nobody confirmed or closed, oldest first, at most `limit`.
pub async fn unacknowledged(db: &Db, before: Micros, limit: usize) -> Result<Vec<Allocation>, StorageError> {
    // The index of exactly these: `allocation_unacknowledged`.
    let sql = format!(
        "SELECT {COLUMNS} FROM allocation WHERE acknowledged_at IS NULL AND closed_at IS NULL AND created_at < $1
         ORDER BY created_at LIMIT $2"
    );
    let values = vec![before.0.into(), bigint(limit as u64).into()];
    let rows = db.query("looking for unconfirmed allocations", &sql, values).await?;
    rows.iter().map(|row| stored(row).map(|stored| stored.allocation)).collect()
}

fn state(row: &QueryResult) -> Result<Option<AllocationState>, StorageError> {
    let time = |name: &str| Ok::<_, StorageError>(column::<Option<i64>>(row, TABLE, name)?.map(Micros));
    let (transmitted_at, acknowledged_at) = (time("transmitted_at")?, time("acknowledged_at")?);
    if let Some(at) = time("closed_at")? {
        return Ok(Some(AllocationState::Closed {
            transmitted_at,
            acknowledged_at,
            at,
            reason: column::<Option<String>>(row, TABLE, "close_reason")?.unwrap_or_default(),
        }));
    }
    Ok(match (transmitted_at, acknowledged_at) {
        (None, None) => Some(AllocationState::Reserved),
        (Some(at), None) => Some(AllocationState::Transmitted { at }),
        (Some(transmitted_at), Some(at)) => Some(AllocationState::Acknowledged { transmitted_at, at }),
        (None, Some(_)) => None,
    })
}

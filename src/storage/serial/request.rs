//! What a batch of requests meets, in one look; and requests that wait for their principal's approval.
//!
//! A request that waits has no numbers; the allocation that it may become gets its id. It does not decide anything.

use std::collections::HashMap;
use std::sync::LazyLock;

use sea_orm::{QueryResult, Value};
use serde::{Deserialize, Serialize};

use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, PartyId, PoolId};
use crate::domain::serial::allocation::{Allocation, AllocationState, Documents};
use crate::domain::serial::limits::Account;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::storage::bulk::Rows;
use crate::storage::row::{column, json, parsed};
use crate::storage::together::Part;
use crate::storage::{Db, StorageError, Tx};

use super::account::{self, AccountKey};
use super::allocation::{self, StoredAllocation};
use super::lot::{CLOSED_FOR, LotAndLine};
use super::{bigint, floor};

const TABLE: &str = "allocation_request";
/// With names of their own, since they stand beside those of allocations.
const COLUMNS: &str = "q.id AS q_id, q.party_id AS q_party, q.principal_id AS q_principal, q.agreement_id AS q_agreement, q.gtin AS q_gtin, \
                       q.request_key AS q_key, q.request_hash AS q_hash, q.quantity AS q_quantity, q.body AS q_body, q.state AS q_state, \
                       q.created_at AS q_created_at, q.decided_at AS q_decided_at, q.reason AS q_reason";

static ANSWER_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let allocation: Vec<String> = allocation::COLUMNS
        .split(',')
        .map(|name| format!("a.{}", name.trim()))
        .collect();
    format!("r.place, {}, {COLUMNS}", allocation.join(", "))
});

/// The joins of what the key of a row `r` (`party`, `request_key`) was answered before.
const ANSWERED: &str = "LEFT JOIN allocation a ON a.party_id = r.party AND a.request_key = r.request_key
         LEFT JOIN allocation_request q ON q.party_id = r.party AND q.request_key = r.request_key AND q.state <> 'approved'
         WHERE a.id IS NOT NULL OR q.id IS NOT NULL";

/// A request that waits or was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// As its parties see it: an allocation without numbers.
    pub allocation: Allocation,
    /// Whether fewer numbers are better than none.
    pub partial_ok: bool,
    /// SHA-256 over what was asked for.
    pub request_hash: [u8; 32],
}

/// What stands in no column of its own.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    system: Option<String>,
    lot: Option<String>,
    site: Option<Gln>,
    line: Option<String>,
    documents: Documents,
    partial_ok: bool,
}

/// What a request meets.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// What its key was given.
    pub allocation: Option<Box<StoredAllocation>>,
    /// What waits under its key, or was rejected.
    pub waiting: Option<Box<StoredRequest>>,
    /// What the party has.
    pub account: Account,
    /// Whether the lot that it names is closed for the party, on the line that it names.
    pub lot_closed: bool,
}

/// What requests meet.
#[derive(Debug, Clone, Default)]
pub struct Met {
    /// Each of them, in their order.
    pub each: Vec<Standing>,
    /// Why numbers may not move; none if they may. See [`super::floor::refusal_in`].
    pub held: Option<String>,
    /// The first counter value, from the counter on, whose serial stands in a list: it is passed over. See [`super::pool::skipped`].
    pub first_skip: Option<u64>,
}

/// What requests meet: those of these accounts with these keys, for these lots, that want numbers of a pool whose counter stands there.
/// `day` is [`Micros::day`]. The caller holds the product's pools.
///
/// Most requests of a batch are of few accounts, and hardly any comes again: each account is read once, and what keys were answered
/// before only if there is any.
pub async fn met(
    tx: &Tx,
    asked: &[(AccountKey, &str)],
    lots: &[LotAndLine<'_>],
    day: i64,
    counter: Option<(PoolId, u64)>,
) -> Result<Met, StorageError> {
    let (places, subjects) = grouped(asked, lots);
    let (table, binds) = subjects_of(&subjects).short_table(tx.backend(), 4);
    let mut values: Vec<Value> = vec![
        day.into(),
        counter.map(|(pool, _)| pool.uuid()).into(),
        counter.map(|(_, next)| bigint(next)).into(),
    ];
    values.extend(binds);
    let (keys_table, binds) = keys(asked).short_table(tx.backend(), values.len() + 1);
    values.extend(binds);
    let sql = format!(
        "SELECT r.place, s.issued, s.settled, d.issued AS issued_today, {}, {CLOSED_FOR} AS lot_closed,
                (SELECT MIN(k.number_index) FROM pool_skip k WHERE k.pool_id = $2 AND k.number_index >= $3) AS first_skip,
                (SELECT COUNT(*) FROM {keys_table} {ANSWERED}) AS answered
         FROM {table}
         LEFT JOIN serial_account s ON s.party_id = r.party AND s.gtin = r.gtin AND s.agreement_id = r.agreement
         LEFT JOIN serial_day d ON d.party_id = r.party AND d.gtin = r.gtin AND d.agreement_id = r.agreement AND d.day = $1
         LEFT JOIN serial_floor f ON f.one = 1",
        floor::refusal_columns(tx.backend()),
    );
    let rows = tx
        .together("reading what requests meet", Vec::new(), Part { sql, values })
        .await?;
    // These stand in every row.
    let Some(row) = rows.first() else {
        return Ok(Met::default());
    };
    let first_skip: Option<i64> = column(row, "pool_skip", "first_skip")?;
    let mut met = Met {
        each: of_subjects(&rows, &places, subjects.len())?,
        held: floor::refusal(row)?,
        first_skip: first_skip.and_then(|index| u64::try_from(index).ok()),
    };
    if column::<i64>(row, TABLE, "answered")? > 0 {
        answers(tx, keys(asked), &mut met.each).await?;
    }
    Ok(met)
}

/// Whose account and which lot, as requests share it.
type Subject<'a> = (&'a AccountKey, LotAndLine<'a>);

/// Each subject once, and which of them each request is about.
fn grouped<'a>(asked: &'a [(AccountKey, &str)], lots: &[LotAndLine<'a>]) -> (Vec<usize>, Vec<Subject<'a>>) {
    let (mut subjects, mut known) = (Vec::new(), HashMap::new());
    let places = asked.iter().zip(lots).map(|((account, _), lot)| {
        *known.entry((account, *lot)).or_insert_with(|| {
            subjects.push((account, *lot));
            subjects.len() - 1
        })
    });
    (places.collect(), subjects)
}

fn subjects_of(subjects: &[Subject<'_>]) -> Rows {
    Rows::default()
        .ints("place", (0..).take(subjects.len()).map(Some))
        .texts("party", subjects.iter().map(|(account, _)| Some(account.party.as_str())))
        .texts("gtin", subjects.iter().map(|(account, _)| Some(account.numbered.to_string())))
        .texts(
            "agreement",
            subjects.iter().map(|(account, _)| Some(account.agreement_text())),
        )
        .texts("lot", subjects.iter().map(|(_, (lot, _))| *lot))
        .texts("line", subjects.iter().map(|(_, (_, line))| *line))
}

fn keys(asked: &[(AccountKey, &str)]) -> Rows {
    Rows::default()
        .ints("place", (0..).take(asked.len()).map(Some))
        .texts("party", asked.iter().map(|(account, _)| Some(account.party.as_str())))
        .texts("request_key", asked.iter().map(|(_, key)| Some(*key)))
}

/// What requests meet of the subjects at these places, not looking at their keys.
fn of_subjects(rows: &[QueryResult], places: &[usize], count: usize) -> Result<Vec<Standing>, StorageError> {
    let mut each = vec![Standing::default(); count];
    for row in rows {
        *at_place(&mut each, row)? = Standing {
            account: account::account(row)?,
            lot_closed: column::<i32>(row, TABLE, "lot_closed")? != 0,
            ..Standing::default()
        };
    }
    Ok(places.iter().filter_map(|place| each.get(*place).cloned()).collect())
}

/// Adds what keys were answered before.
async fn answers(tx: &Tx, keys: Rows, each: &mut [Standing]) -> Result<(), StorageError> {
    let (table, values) = keys.short_table(tx.backend(), 1);
    let sql = format!("SELECT {} FROM {table} {ANSWERED}", *ANSWER_COLUMNS);
    let part = Part { sql, values };
    let rows = tx
        .together("reading what keys were answered before", Vec::new(), part)
        .await?;
    for row in &rows {
        let standing = at_place(each, row)?;
        if is_there(row, "id")? {
            standing.allocation = Some(Box::new(allocation::stored(row)?));
        }
        if is_there(row, "q_id")? {
            standing.waiting = Some(Box::new(stored(row)?));
        }
    }
    Ok(())
}

fn at_place<'a>(each: &'a mut [Standing], row: &QueryResult) -> Result<&'a mut Standing, StorageError> {
    let place: i64 = column(row, TABLE, "place")?;
    let standing = usize::try_from(place).ok().and_then(|place| each.get_mut(place));
    standing.ok_or_else(|| StorageError::Inconsistent(format!("a request at place {place} of a batch")))
}

fn is_there(row: &QueryResult, name: &str) -> Result<bool, StorageError> {
    Ok(column::<Option<uuid::Uuid>>(row, TABLE, name)?.is_some())
}

/// A request of a party that waits or was rejected, by its key.
pub async fn by_key(db: &Db, party: &PartyId, key: &str) -> Result<Option<StoredRequest>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM allocation_request q WHERE q.party_id = $1 AND q.request_key = $2 AND q.state <> 'approved'"
    );
    let values = vec![party.as_str().into(), key.into()];
    let row = db.query_one("reading a waiting request by its key", &sql, values).await?;
    row.map(|row| stored(&row)).transpose()
}

/// One that waits or was rejected, that the party made or must decide on.
pub async fn visible(db: &Db, party: &PartyId, id: AllocationId) -> Result<Option<StoredRequest>, StorageError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM allocation_request q
         WHERE q.id = $1 AND (q.party_id = $2 OR q.principal_id = $2) AND q.state <> 'approved'"
    );
    let values = vec![id.uuid().into(), party.as_str().into()];
    let row = db.query_one("reading a waiting request", &sql, values).await?;
    row.map(|row| stored(&row)).transpose()
}

/// Those that wait for a principal's decision or that a party made, newest first, at most `limit`, older than `before`.
pub async fn pending(
    db: &Db,
    party: &PartyId,
    before: Option<AllocationId>,
    limit: usize,
) -> Result<Vec<StoredRequest>, StorageError> {
    let mut values: Vec<Value> = vec![party.as_str().into(), bigint(limit as u64).into()];
    let mut only = String::new();
    if let Some(before) = before {
        values.push(before.uuid().into());
        only.push_str(" AND q.id < $3");
    }
    // Each half reads its index backwards and stops.
    let half = |role: &str| {
        format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM allocation_request q
             WHERE q.{role} = $1 AND q.state = 'pending'{only} ORDER BY q.id DESC LIMIT $2) AS by_{role}"
        )
    };
    let sql = format!(
        "{} UNION {} ORDER BY q_id DESC LIMIT $2",
        half("principal_id"),
        half("party_id")
    );
    let rows = db.query("listing waiting requests", &sql, values).await?;
    rows.iter().map(stored).collect()
}

/// Stores requests that wait. [`StorageError::Conflict`] if a party used one of the keys in the meantime; then none is stored.
pub async fn insert(tx: &Tx, all: &[StoredRequest]) -> Result<(), StorageError> {
    let each = || all.iter().map(|stored| &stored.allocation);
    let rows = Rows::default()
        .uuids("id", each().map(|row| row.id.uuid()))
        .texts("party_id", each().map(|row| Some(row.party.as_str())))
        .texts("principal_id", each().map(|row| Some(row.principal.as_str())))
        .texts(
            "agreement_id",
            each().map(|row| Some(row.agreement.as_ref().map_or("", AgreementId::as_str))),
        )
        .texts("gtin", each().map(|row| Some(row.numbered.to_string())))
        .texts("request_key", each().map(|row| Some(row.request_key.as_str())))
        .bytes("request_hash", all.iter().map(|stored| stored.request_hash.to_vec()))
        .ints("quantity", each().map(|row| Some(bigint(row.quantity))))
        .texts("body", all.iter().map(|stored| Some(body(stored))))
        .ints("created_at", each().map(|row| Some(row.created_at.0)));
    let (table, binds) = rows.table(tx.backend(), 1);
    let names = "id, party_id, principal_id, agreement_id, gtin, request_key, request_hash, quantity, body, created_at";
    let sql = format!("INSERT INTO allocation_request ({names}, state) SELECT {names}, 'pending' FROM {table}");
    tx.execute("storing waiting requests", &sql, binds).await?;
    Ok(())
}

fn body(stored: &StoredRequest) -> String {
    let allocation = stored.allocation.clone();
    let body = Body {
        system: allocation.system,
        lot: allocation.lot,
        site: allocation.site,
        line: allocation.line,
        documents: allocation.documents,
        partial_ok: stored.partial_ok,
    };
    serde_json::json!(body).to_string()
}

/// What a principal decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Yes, or no and why.
    pub rejected: Option<String>,
    /// By whom.
    pub by: PartyId,
    /// When.
    pub at: Micros,
}

/// Notes the decision on a request that waits; false if it was decided on before.
pub async fn decide(tx: &Tx, id: AllocationId, decision: &Decision) -> Result<bool, StorageError> {
    let sql = "UPDATE allocation_request SET state = $2, decided_at = $3, decided_by = $4, reason = $5
               WHERE id = $1 AND principal_id = $4 AND state = 'pending'";
    let state = if decision.rejected.is_some() { "rejected" } else { "approved" };
    let values = vec![
        id.uuid().into(),
        state.into(),
        decision.at.0.into(),
        decision.by.as_str().into(),
        decision.rejected.as_deref().into(),
    ];
    Ok(tx.execute("deciding on a request", sql, values).await?.rows_affected() == 1)
}

fn stored(row: &QueryResult) -> Result<StoredRequest, StorageError> {
    let id = AllocationId::new(column(row, TABLE, "q_id")?);
    let wrong = |what: &str| StorageError::Inconsistent(format!("{TABLE}.{what} of {id}"));
    let agreement: String = column(row, TABLE, "q_agreement")?;
    let hash: Vec<u8> = column(row, TABLE, "q_hash")?;
    let body: Body = json(row, TABLE, "q_body")?;
    let quantity: i64 = column(row, TABLE, "q_quantity")?;
    Ok(StoredRequest {
        allocation: Allocation {
            id,
            numbered: parsed::<Numbered>(row, TABLE, "q_gtin")?,
            party: parsed(row, TABLE, "q_party")?,
            system: body.system,
            principal: parsed(row, TABLE, "q_principal")?,
            agreement: (!agreement.is_empty())
                .then(|| agreement.parse().map_err(|_| wrong("agreement_id")))
                .transpose()?,
            quantity: u64::try_from(quantity).map_err(|_| wrong("quantity"))?,
            asked: None,
            lot: body.lot,
            site: body.site,
            line: body.line,
            documents: body.documents,
            expires_at: None,
            state: state(row)?.ok_or_else(|| wrong("state"))?,
            request_key: column(row, TABLE, "q_key")?,
            created_at: Micros(column(row, TABLE, "q_created_at")?),
        },
        partial_ok: body.partial_ok,
        request_hash: hash.try_into().map_err(|_| wrong("request_hash"))?,
    })
}

fn state(row: &QueryResult) -> Result<Option<AllocationState>, StorageError> {
    let state: String = column(row, TABLE, "q_state")?;
    let decided_at: Option<i64> = column(row, TABLE, "q_decided_at")?;
    let reason: Option<String> = column(row, TABLE, "q_reason")?;
    Ok(match (state.as_str(), decided_at) {
        ("pending", None) => Some(AllocationState::Pending),
        ("rejected", Some(at)) => Some(AllocationState::Rejected {
            at: Micros(at),
            reason: reason.unwrap_or_default(),
        }),
        (_, _) => None,
    })
}

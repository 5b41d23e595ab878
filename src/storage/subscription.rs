//! Subscriptions, how far each has been delivered, and who works on one.
//!
//! # Invariants
//! - One process works on a subscription at a time: [`claim`] counts `claims` up, and [`save`] writes only for the claim it is of.
//! - The cursor moves forward alone, and only in [`save`], after the receiver has taken what lies behind it.

use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::ids::PartyId;
use crate::domain::party::Actor;
use crate::domain::subscription::Form;
use crate::domain::time::Micros;

use super::row::{column, parsed};
use super::{Db, StorageError, Tx};

/// A place in the order of records: a record time and, among its events, a key.
pub type Place = (Micros, Uuid);

/// A delivery that may have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its id, the same each time it is sent.
    pub id: Uuid,
    /// Up to where it goes.
    pub until: Place,
}

/// A subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Whose it is, and the system that made it.
    pub actor: Actor,
    /// Its id, unique for the party.
    pub id: String,
    /// The name of the query.
    pub query_name: String,
    /// The query as it was given.
    pub query: String,
    /// Where to.
    pub dest: String,
    /// The signature token, sealed.
    pub token: Option<Vec<u8>>,
    /// The fields of the schedule as JSON; none: a stream.
    pub schedule: Option<String>,
    /// Whether an empty result of a schedule is delivered.
    pub report_if_empty: bool,
    /// As given.
    pub initial_record_time: Option<Micros>,
    /// In which form.
    pub form: Form,
    /// `GS1-EPC-Format`
    pub epc_format: String,
    /// Since when.
    pub created_at: Micros,
    /// How far it has been delivered.
    pub progress: Progress,
}

/// What changes while a subscription is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// All events up to here are delivered.
    pub cursor: Place,
    /// Most events of the next delivery.
    pub batch: i64,
    /// What may have been sent.
    pub pending: Option<Pending>,
    /// A scheduled run is under way, up to this record time.
    pub run_until: Option<Micros>,
    /// Something of that run has been delivered.
    pub run_sent: bool,
    /// Not to be looked at before.
    pub next_at: Micros,
    /// How often it was taken up.
    pub claims: i64,
    /// Failures since the last delivery that was taken.
    pub failures: i64,
    /// The first of them.
    pub failing_since: Option<Micros>,
    /// The last of them.
    pub last_error: Option<String>,
    /// When a delivery was taken last.
    pub last_notified_at: Option<Micros>,
    /// Given up, when and why.
    pub disabled: Option<(Micros, String)>,
}

const COLUMNS: &str = "party_id, id, system_name, query_name, query, dest, token, schedule, report_if_empty, initial_record_time, form, \
     epc_format, created_at, cursor_at, cursor_key, batch, pending_id, pending_at, pending_key, run_until, run_sent, next_at, claims, \
     failures, failing_since, last_error, last_notified_at, disabled_at, disabled_reason";

fn read(row: &QueryResult) -> Result<Subscription, StorageError> {
    const TABLE: &str = "subscription";
    let time = |name| Ok::<_, StorageError>(column::<Option<i64>>(row, TABLE, name)?.map(Micros));
    let flag = |name| Ok::<_, StorageError>(column::<i16>(row, TABLE, name)? != 0);
    let pending = match (
        column::<Option<Uuid>>(row, TABLE, "pending_id")?,
        time("pending_at")?,
        column::<Option<Uuid>>(row, TABLE, "pending_key")?,
    ) {
        (Some(id), Some(at), Some(key)) => Some(Pending { id, until: (at, key) }),
        (_, _, _) => None,
    };
    let reason: Option<String> = column(row, TABLE, "disabled_reason")?;
    Ok(Subscription {
        actor: Actor {
            party: parsed(row, TABLE, "party_id")?,
            system: column(row, TABLE, "system_name")?,
        },
        id: column(row, TABLE, "id")?,
        query_name: column(row, TABLE, "query_name")?,
        query: column(row, TABLE, "query")?,
        dest: column(row, TABLE, "dest")?,
        token: column(row, TABLE, "token")?,
        schedule: column(row, TABLE, "schedule")?,
        report_if_empty: flag("report_if_empty")?,
        initial_record_time: time("initial_record_time")?,
        form: parsed(row, TABLE, "form")?,
        epc_format: column(row, TABLE, "epc_format")?,
        created_at: Micros(column(row, TABLE, "created_at")?),
        progress: Progress {
            cursor: (Micros(column(row, TABLE, "cursor_at")?), column(row, TABLE, "cursor_key")?),
            batch: column(row, TABLE, "batch")?,
            pending,
            run_until: time("run_until")?,
            run_sent: flag("run_sent")?,
            next_at: Micros(column(row, TABLE, "next_at")?),
            claims: column(row, TABLE, "claims")?,
            failures: column(row, TABLE, "failures")?,
            failing_since: time("failing_since")?,
            last_error: column(row, TABLE, "last_error")?,
            last_notified_at: time("last_notified_at")?,
            disabled: time("disabled_at")?.map(|at| (at, reason.unwrap_or_default())),
        },
    })
}

/// Keeps a new one; false if the party has one of this id.
pub async fn insert(tx: &Tx, new: &Subscription) -> Result<bool, StorageError> {
    let sql = "INSERT INTO subscription (party_id, id, system_name, query_name, query, dest, token, schedule, report_if_empty,
                 initial_record_time, form, epc_format, created_at, cursor_at, cursor_key, batch, run_sent, next_at, lease_until, claims, failures)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, 0, 0, 0)
               ON CONFLICT (party_id, id) DO NOTHING";
    let values = vec![
        new.actor.party.as_str().into(),
        new.id.as_str().into(),
        new.actor.system.as_str().into(),
        new.query_name.as_str().into(),
        new.query.as_str().into(),
        new.dest.as_str().into(),
        new.token.clone().into(),
        new.schedule.clone().into(),
        i16::from(new.report_if_empty).into(),
        new.initial_record_time.map(|at| at.0).into(),
        new.form.as_str().into(),
        new.epc_format.as_str().into(),
        new.created_at.0.into(),
        new.progress.cursor.0.0.into(),
        new.progress.cursor.1.into(),
        new.progress.batch.into(),
        new.progress.next_at.0.into(),
    ];
    Ok(tx.execute("keeping a subscription", sql, values).await?.rows_affected() == 1)
}

/// The record time given out last, as this transaction sees it.
pub async fn record_time(tx: &Tx) -> Result<Micros, StorageError> {
    let sql = "SELECT at FROM record_clock WHERE one = 1";
    let row = tx.query_one("reading the record clock", sql, Vec::new()).await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("record_clock: no row".to_owned()))?;
    Ok(Micros(column(&row, "record_clock", "at")?))
}

/// How many a party has.
pub async fn count(tx: &Tx, party: &PartyId) -> Result<usize, StorageError> {
    let sql = "SELECT COUNT(*) AS many FROM subscription WHERE party_id = $1";
    let row = tx
        .query_one("counting subscriptions", sql, vec![party.as_str().into()])
        .await?;
    row.map_or(Ok(0), |row| column::<i64>(&row, "subscription", "many"))
        .map(|many| usize::try_from(many).unwrap_or(usize::MAX))
}

/// Whether a query of a party has one. Whoever adds or takes away the query or a subscription asks in the same transaction, after
/// [`lock_query`].
pub async fn has_any(tx: &Tx, party: &PartyId, query_name: &str) -> Result<bool, StorageError> {
    let sql = "SELECT 1 AS there FROM subscription WHERE party_id = $1 AND query_name = $2 LIMIT 1";
    let values = vec![party.as_str().into(), query_name.into()];
    Ok(tx.query_one("looking for subscriptions", sql, values).await?.is_some())
}

/// Holds a kept query until the end of the transaction; false if there is none.
pub async fn lock_query(tx: &Tx, party: &PartyId, query_name: &str) -> Result<bool, StorageError> {
    let sql = "UPDATE named_query SET created_at = created_at WHERE party_id = $1 AND name = $2";
    let values = vec![party.as_str().into(), query_name.into()];
    Ok(tx.execute("holding a query", sql, values).await?.rows_affected() == 1)
}

/// One of a party.
pub async fn find(db: &Db, party: &PartyId, id: &str) -> Result<Option<Subscription>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM subscription WHERE party_id = $1 AND id = $2");
    let values = vec![party.as_str().into(), id.into()];
    db.query_one("reading a subscription", &sql, values)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Those of a query of a party by id, behind one of them.
pub async fn list(
    db: &Db,
    party: &PartyId,
    query_name: &str,
    (rows, after): (usize, &str),
) -> Result<Vec<Subscription>, StorageError> {
    let sql =
        format!("SELECT {COLUMNS} FROM subscription WHERE party_id = $1 AND query_name = $2 AND id > $3 ORDER BY id LIMIT $4");
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values = vec![party.as_str().into(), query_name.into(), after.into(), rows.into()];
    db.query("listing subscriptions", &sql, values)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Ends one; false if there is none.
pub async fn delete(tx: &Tx, party: &PartyId, id: &str) -> Result<bool, StorageError> {
    let sql = "DELETE FROM subscription WHERE party_id = $1 AND id = $2";
    let values = vec![party.as_str().into(), id.into()];
    Ok(tx.execute("ending a subscription", sql, values).await?.rows_affected() == 1)
}

/// Something to do: free, due, and, for a stream, with records behind its cursor. None of the parties `busy`.
///
/// A cursor in the middle of a record time has others of that time behind it, which may be the last there are.
pub async fn due(db: &Db, now: Micros, busy: &[PartyId]) -> Result<Option<(PartyId, String)>, StorageError> {
    let mut values: Vec<Value> = vec![now.0.into(), Uuid::max().into()];
    let busy: Vec<String> = busy
        .iter()
        .map(|party| {
            values.push(party.as_str().into());
            format!("${}", values.len())
        })
        .collect();
    let others = match busy.is_empty() {
        true => String::new(),
        false => format!("AND party_id NOT IN ({})", busy.join(", ")),
    };
    let sql = format!(
        "SELECT party_id, id FROM subscription WHERE disabled_at IS NULL AND next_at <= $1 AND lease_until <= $1 {others}
           AND (schedule IS NOT NULL OR pending_id IS NOT NULL OR cursor_key <> $2
                OR cursor_at < (SELECT at FROM record_clock WHERE one = 1))
         ORDER BY next_at, id LIMIT 1"
    );
    let row = db.query_one("looking for subscriptions that are due", &sql, values).await?;
    row.map(|row| Ok((parsed(&row, "subscription", "party_id")?, column(&row, "subscription", "id")?)))
        .transpose()
}

/// Takes one up until `lease_until`; nothing if somebody else has.
pub async fn claim(
    tx: &Tx,
    (party, id): (&PartyId, &str),
    now: Micros,
    lease_until: Micros,
) -> Result<Option<Subscription>, StorageError> {
    let lock = match tx.backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE subscription SET lease_until = $4, claims = claims + 1 WHERE (party_id, id) = (
            SELECT party_id, id FROM subscription WHERE party_id = $1 AND id = $2
              AND disabled_at IS NULL AND next_at <= $3 AND lease_until <= $3 {lock})
         RETURNING {COLUMNS}"
    );
    let values = vec![party.as_str().into(), id.into(), now.0.into(), lease_until.0.into()];
    tx.query_one("claiming a subscription", &sql, values)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Writes down how far one has come, and holds it until `lease_until` (zero: lets go of it); false if it is somebody else's by now,
/// or gone.
pub async fn save(tx: &Tx, of: &Subscription, lease_until: Micros) -> Result<bool, StorageError> {
    let sql =
        "UPDATE subscription SET cursor_at = $4, cursor_key = $5, batch = $6, pending_id = $7, pending_at = $8, pending_key = $9,
                 run_until = $10, run_sent = $11, next_at = $12, failures = $13, failing_since = $14, last_error = $15,
                 last_notified_at = $16, disabled_at = $17, disabled_reason = $18, lease_until = $19
               WHERE party_id = $1 AND id = $2 AND claims = $3";
    let progress = &of.progress;
    let (disabled_at, reason) = progress.disabled.clone().unzip();
    let values = vec![
        of.actor.party.as_str().into(),
        of.id.as_str().into(),
        progress.claims.into(),
        progress.cursor.0.0.into(),
        progress.cursor.1.into(),
        progress.batch.into(),
        progress.pending.map(|pending| pending.id).into(),
        progress.pending.map(|pending| pending.until.0.0).into(),
        progress.pending.map(|pending| pending.until.1).into(),
        progress.run_until.map(|at| at.0).into(),
        i16::from(progress.run_sent).into(),
        progress.next_at.0.into(),
        progress.failures.into(),
        progress.failing_since.map(|at| at.0).into(),
        progress.last_error.clone().into(),
        progress.last_notified_at.map(|at| at.0).into(),
        disabled_at.map(|at| at.0).into(),
        reason.into(),
        lease_until.0.into(),
    ];
    Ok(tx.execute("saving a subscription", sql, values).await?.rows_affected() == 1)
}

/// Has one go on that was given up, or that waits after failures; false if there is none.
pub async fn resume(tx: &Tx, (party, id): (&PartyId, &str), now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE subscription SET disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL,
                 next_at = CASE WHEN schedule IS NULL OR failures > 0 OR disabled_at IS NOT NULL THEN $3 ELSE next_at END
               WHERE party_id = $1 AND id = $2";
    let values = vec![party.as_str().into(), id.into(), now.0.into()];
    Ok(tx.execute("resuming a subscription", sql, values).await?.rows_affected() == 1)
}

/// Lets go of all: whoever worked on them is dead.
pub async fn release_all(tx: &Tx) -> Result<u64, StorageError> {
    let sql = "UPDATE subscription SET lease_until = 0, claims = claims + 1 WHERE lease_until > 0";
    Ok(tx.execute("releasing subscriptions", sql, Vec::new()).await?.rows_affected())
}

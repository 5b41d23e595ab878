//! Alerts about the supply of serial numbers: of one cause at most one stands.

use sea_orm::{QueryResult, Value};

use crate::domain::ids::{AgreementId, PartyId, SerialAlertId};
use crate::domain::serial::alert::{AlertCause, AlertKind, SerialAlert};
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::{Db, StorageError, Tx};

use super::bigint;

const TABLE: &str = "serial_alert";
const COLUMNS: &str = "id, kind, party_id, principal_id, gtin, agreement_id, subject, detail, raised_at, cleared_at";

/// Raises an alert, or brings the figures of the standing one up to date; whether it is new.
pub async fn raise(tx: &Tx, alert: &SerialAlert) -> Result<bool, StorageError> {
    let SerialAlert { id, cause, detail, .. } = alert;
    let sql = format!(
        "INSERT INTO serial_alert ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)
         ON CONFLICT (kind, party_id, gtin, agreement_id, subject) WHERE cleared_at IS NULL
         DO UPDATE SET detail = excluded.detail RETURNING id"
    );
    let values = vec![
        id.uuid().into(),
        cause.kind.as_str().into(),
        cause.party.as_str().into(),
        cause.principal.as_str().into(),
        cause.numbered.to_string().into(),
        agreement(cause).into(),
        cause.subject.as_str().into(),
        detail.as_str().into(),
        alert.raised_at.0.into(),
    ];
    let row = tx.query_one("raising an alert", &sql, values).await?;
    let stands = row.map(|row| column(&row, TABLE, "id")).transpose()?;
    Ok(stands == Some(id.uuid()))
}

/// Ends what stands of a cause; whether there was one.
pub async fn clear(tx: &Tx, cause: &AlertCause, now: Micros) -> Result<bool, StorageError> {
    let sql = "UPDATE serial_alert SET cleared_at = $1 WHERE kind = $2 AND party_id = $3 AND gtin = $4 AND agreement_id = $5
               AND subject = $6 AND cleared_at IS NULL";
    let values = vec![
        now.0.into(),
        cause.kind.as_str().into(),
        cause.party.as_str().into(),
        cause.numbered.to_string().into(),
        agreement(cause).into(),
        cause.subject.as_str().into(),
    ];
    Ok(tx.execute("clearing an alert", sql, values).await?.rows_affected() > 0)
}

/// All that stand, for whoever decides whether they still do; at most `limit`, oldest first.
pub async fn standing(db: &Db, limit: usize) -> Result<Vec<SerialAlert>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM serial_alert WHERE cleared_at IS NULL ORDER BY id LIMIT $1");
    let rows = db
        .query("reading standing alerts", &sql, vec![bigint(limit as u64).into()])
        .await?;
    rows.iter().map(alert).collect()
}

/// Which alerts are listed.
#[derive(Debug, Clone, Copy)]
pub struct AlertFilter {
    /// Only those that stand.
    pub standing: bool,
    /// Older than this one.
    pub before: Option<SerialAlertId>,
    /// At most so many.
    pub limit: usize,
}

/// Alerts of a party and of its products, newest first.
pub async fn list(db: &Db, party: &PartyId, filter: AlertFilter) -> Result<Vec<SerialAlert>, StorageError> {
    let mut values: Vec<Value> = vec![party.as_str().into(), bigint(filter.limit as u64).into()];
    let mut only = String::new();
    if let Some(before) = filter.before {
        values.push(before.uuid().into());
        only.push_str(" AND id < $3");
    }
    if filter.standing {
        only.push_str(" AND cleared_at IS NULL");
    }
    // Each half reads its index backwards and stops; an OR would sort all of them.
    let half = |role: &str| {
        format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM serial_alert WHERE {role} = $1{only} ORDER BY id DESC LIMIT $2) AS by_{role}"
        )
    };
    let sql = format!(
        "{} UNION {} ORDER BY id DESC LIMIT $2",
        half("party_id"),
        half("principal_id")
    );
    let rows = db.query("listing alerts", &sql, values).await?;
    rows.iter().map(alert).collect()
}

fn agreement(cause: &AlertCause) -> &str {
    cause.agreement.as_ref().map_or("", AgreementId::as_str)
}

fn alert(row: &QueryResult) -> Result<SerialAlert, StorageError> {
    let id = SerialAlertId::new(column(row, TABLE, "id")?);
    let wrong = |what: &str, text: &str| StorageError::Inconsistent(format!("serial_alert.{what} of {id} = `{text}`"));
    let kind: String = column(row, TABLE, "kind")?;
    let agreement: String = column(row, TABLE, "agreement_id")?;
    let agreement = if agreement.is_empty() {
        None
    } else {
        Some(agreement.parse().map_err(|_| wrong("agreement_id", &agreement))?)
    };
    Ok(SerialAlert {
        id,
        cause: AlertCause {
            kind: AlertKind::parse(&kind).ok_or_else(|| wrong("kind", &kind))?,
            party: parsed(row, TABLE, "party_id")?,
            principal: parsed(row, TABLE, "principal_id")?,
            numbered: parsed(row, TABLE, "gtin")?,
            agreement,
            subject: column(row, TABLE, "subject")?,
        },
        detail: column(row, TABLE, "detail")?,
        raised_at: Micros(column(row, TABLE, "raised_at")?),
        cleared_at: column::<Option<i64>>(row, TABLE, "cleared_at")?.map(Micros),
    })
}

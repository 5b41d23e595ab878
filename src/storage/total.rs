//! How many things of which product an event names, and what parties were told in totals of others' events: the write side.
//!
//! What was told is kept before it is told, by whichever process; a release that another process made meanwhile is not overwritten.

use crate::domain::gs1::Gtin;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::inference::Release;
use crate::domain::time::{Micros, Month};

use super::row::{column, json};
use super::write::NewRows;
use super::{Db, StorageError, Tx};

/// What a new event counts for.
#[derive(Debug)]
pub struct NewUnits<'a> {
    /// The event.
    pub event: EventKey,
    /// Of which product; none for things of none.
    pub gtin: Option<Gtin>,
    /// How many.
    pub units: u64,
    /// Where.
    pub country: Option<&'a str>,
}

/// Stores what new events count for.
pub async fn insert(tx: &Tx, units: &[NewUnits<'_>]) -> Result<(), StorageError> {
    let mut rows = NewRows::new(tx.backend(), "event_unit", "event_id, gtin, units, country");
    for new in units {
        rows.push(&[
            new.event.uuid().into(),
            new.gtin.as_ref().map_or("", Gtin::as_str).into(),
            i64::try_from(new.units).unwrap_or(i64::MAX).into(),
            new.country.unwrap_or("").into(),
        ]);
    }
    rows.store(tx).await
}

/// Of which totals something was told: a month and a product.
pub type Subject = (Month, Option<Gtin>);

/// What a party was told of the months up to another, by subject, each in the order in which it was told.
pub async fn told(db: &Db, party: &PartyId, (from, to): (Month, Month)) -> Result<Vec<(Subject, Release)>, StorageError> {
    let sql = "SELECT r.month, r.gtin, r.doc FROM total_release r WHERE r.party_id = $1 AND r.month BETWEEN $2 AND $3
               ORDER BY r.month, r.gtin, r.number";
    let values = vec![party.as_str().into(), from.index().into(), to.index().into()];
    let rows = db.query("reading what was told in totals", sql, values).await?;
    rows.iter()
        .map(|row| {
            let month = Month::from_index(column(row, "total_release", "month")?);
            Ok((
                (month, gtin(column(row, "total_release", "gtin")?)?),
                json(row, "total_release", "doc")?,
            ))
        })
        .collect()
}

/// Reads a product as it is stored.
pub(super) fn gtin(text: String) -> Result<Option<Gtin>, StorageError> {
    let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
    parsed.map_err(|error| StorageError::Inconsistent(format!("gtin = `{text}`: {error}")))
}

/// Keeps that a party is told this, as the release of this number; false if there is one already.
pub async fn keep(
    tx: &Tx,
    (party, (month, gtin)): (&PartyId, Subject),
    number: usize,
    (release, at): (&Release, Micros),
) -> Result<bool, StorageError> {
    let doc =
        serde_json::to_string(release).map_err(|error| StorageError::Inconsistent(format!("total_release.doc: {error}")))?;
    let sql = "INSERT INTO total_release (party_id, month, gtin, number, made_at, doc) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (party_id, month, gtin, number) DO NOTHING";
    let values = vec![
        party.as_str().into(),
        month.index().into(),
        gtin.as_ref().map_or("", Gtin::as_str).into(),
        i64::try_from(number).unwrap_or(i64::MAX).into(),
        at.0.into(),
        doc.into(),
    ];
    Ok(tx
        .execute("keeping what is told in totals", sql, values)
        .await?
        .rows_affected()
        == 1)
}

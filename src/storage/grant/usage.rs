//! Readings of a UTC day by grants that give so many: counted for each reader apart, so that nobody uses up what another may.
//!
//! A reading is counted before it is answered, by one conditional statement: of two processes one gets the last of the day. Rows stay: they
//! say of a past day whether a grant was used up.

use std::collections::HashMap;

use crate::domain::ids::{GrantId, PartyId};
use crate::storage::row::column;
use crate::storage::{Db, StorageError, Tx};

/// How many readings of a party used which grants, on each of these days (counted from 1970-01-01).
pub async fn uses(db: &Db, party: &PartyId, days: [i64; 2]) -> Result<HashMap<(i64, GrantId), u64>, StorageError> {
    let sql = "SELECT u.day, u.grant_id, u.uses FROM grant_use u WHERE u.party_id = $1 AND u.day IN ($2, $3)";
    let values = vec![party.as_str().into(), days[0].into(), days[1].into()];
    let rows = db.query("reading how often grants were used", sql, values).await?;
    rows.iter()
        .map(|row| {
            let grant = GrantId::new(column(row, "grant_use", "grant_id")?);
            let uses: i64 = column(row, "grant_use", "uses")?;
            Ok(((column(row, "grant_use", "day")?, grant), uses.unsigned_abs()))
        })
        .collect()
}

/// Counts a reading; false if there are no more of that day.
pub async fn take(tx: &Tx, (party, day): (&PartyId, i64), grant: GrantId, most: u32) -> Result<bool, StorageError> {
    let sql = "INSERT INTO grant_use (party_id, day, grant_id, uses) VALUES ($1, $2, $3, 1)
               ON CONFLICT (party_id, day, grant_id) DO UPDATE SET uses = grant_use.uses + 1 WHERE grant_use.uses < $4";
    let values = vec![party.as_str().into(), day.into(), grant.uuid().into(), i64::from(most).into()];
    Ok(tx
        .execute("counting a reading by a grant", sql, values)
        .await?
        .rows_affected()
        == 1)
}

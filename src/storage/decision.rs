//! Answers about who may see what, kept for who asked.

use crate::domain::ids::{DecisionId, PartyId};
use crate::domain::time::Micros;

use super::row::column;
use super::{Db, StorageError, Tx};

/// Keeps an answer.
pub async fn keep(tx: &Tx, id: DecisionId, (party, at): (&PartyId, Micros), answer: &str) -> Result<(), StorageError> {
    let sql = "INSERT INTO decision (id, party_id, at, answer) VALUES ($1, $2, $3, $4)";
    let values = vec![id.uuid().into(), party.as_str().into(), at.0.into(), answer.into()];
    tx.execute("keeping a decision", sql, values).await?;
    Ok(())
}

/// An answer to a party.
pub async fn find(db: &Db, party: &PartyId, id: DecisionId) -> Result<Option<String>, StorageError> {
    let sql = "SELECT answer FROM decision WHERE id = $1 AND party_id = $2";
    let row = db
        .query_one("reading a decision", sql, vec![id.uuid().into(), party.as_str().into()])
        .await?;
    row.map(|row| column(&row, "decision", "answer")).transpose()
}

//! Queries that parties keep under a name, and page tokens that they ended.

use sea_orm::QueryResult;

use crate::domain::ids::PartyId;
use crate::domain::time::Micros;

use super::row::column;
use super::{Db, StorageError, Tx};

/// A kept query.
#[derive(Debug, Clone)]
pub struct StoredQuery {
    /// Its name, unique for the party.
    pub name: String,
    /// The JSON query document as sent.
    pub document: String,
    /// Since when.
    pub created_at: Micros,
}

fn stored(row: &QueryResult) -> Result<StoredQuery, StorageError> {
    Ok(StoredQuery {
        name: column(row, "named_query", "name")?,
        document: column(row, "named_query", "document")?,
        created_at: Micros(column(row, "named_query", "created_at")?),
    })
}

/// Keeps a query; false if the party has one of this name.
pub async fn insert(tx: &Tx, party: &PartyId, query: &StoredQuery) -> Result<bool, StorageError> {
    let sql = "INSERT INTO named_query (party_id, name, document, created_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (party_id, name) DO NOTHING";
    let values = vec![
        party.as_str().into(),
        query.name.as_str().into(),
        query.document.as_str().into(),
        query.created_at.0.into(),
    ];
    Ok(tx.execute("keeping a query", sql, values).await?.rows_affected() == 1)
}

/// How many queries a party keeps.
pub async fn count(tx: &Tx, party: &PartyId) -> Result<usize, StorageError> {
    let sql = "SELECT COUNT(*) AS many FROM named_query WHERE party_id = $1";
    let row = tx.query_one("counting queries", sql, vec![party.as_str().into()]).await?;
    row.map_or(Ok(0), |row| column::<i64>(&row, "named_query", "many"))
        .map(|many| usize::try_from(many).unwrap_or(0))
}

/// Lets go of a query; false if there is none.
pub async fn delete(tx: &Tx, party: &PartyId, name: &str) -> Result<bool, StorageError> {
    let sql = "DELETE FROM named_query WHERE party_id = $1 AND name = $2";
    let values = vec![party.as_str().into(), name.into()];
    Ok(tx.execute("letting go of a query", sql, values).await?.rows_affected() == 1)
}

/// One query of a party.
pub async fn find(db: &Db, party: &PartyId, name: &str) -> Result<Option<StoredQuery>, StorageError> {
    let sql = "SELECT name, document, created_at FROM named_query WHERE party_id = $1 AND name = $2";
    let values = vec![party.as_str().into(), name.into()];
    db.query_one("reading a query", sql, values)
        .await?
        .as_ref()
        .map(stored)
        .transpose()
}

/// Queries of a party by name, behind one of them.
pub async fn list(db: &Db, party: &PartyId, after: &str, rows: usize) -> Result<Vec<StoredQuery>, StorageError> {
    let sql = "SELECT name, document, created_at FROM named_query WHERE party_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values = vec![party.as_str().into(), after.into(), rows.into()];
    db.query("listing queries", sql, values).await?.iter().map(stored).collect()
}

/// Ends a page token, and forgets those of the party that have expired.
pub async fn end_token(tx: &Tx, party: &PartyId, token: &[u8], expires_at: Micros, now: Micros) -> Result<(), StorageError> {
    let sql = "DELETE FROM ended_token WHERE party_id = $1 AND expires_at <= $2";
    tx.execute("forgetting page tokens", sql, vec![party.as_str().into(), now.0.into()])
        .await?;
    let sql =
        "INSERT INTO ended_token (party_id, token, expires_at) VALUES ($1, $2, $3) ON CONFLICT (party_id, token) DO NOTHING";
    let values = vec![party.as_str().into(), token.to_vec().into(), expires_at.0.into()];
    tx.execute("ending a page token", sql, values).await?;
    Ok(())
}

/// Whether a page token was ended.
pub async fn is_ended(db: &Db, party: &PartyId, token: &[u8]) -> Result<bool, StorageError> {
    let sql = "SELECT 1 AS ended FROM ended_token WHERE party_id = $1 AND token = $2";
    let values = vec![party.as_str().into(), token.to_vec().into()];
    Ok(db.query_one("looking for a page token", sql, values).await?.is_some())
}

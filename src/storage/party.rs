//! The contracts: parties, what they claim (GLNs, company prefixes, products), and agreements.
//!
//! Each party and each agreement is one JSON document; the other tables hold what must be unique over
//! the hub. Whether a change makes sense is decided before, in [`crate::service::partner`].
//!
//! # Invariants
//! - The version counts up by one in the transaction of each change, so that a process that saw version
//!   `n` has seen all of it.
//! - Claims of all changed parties are dropped before the new ones are made: a GLN may move in one step.
//! - Nothing is removed that data refers to: [`referred_to`] is asked in the same transaction.

use sea_orm::{QueryResult, Value};

use crate::domain::agreement::Agreement;
use crate::domain::gs1::{CompanyPrefix, Gln, Gtin};
use crate::domain::ids::{AgreementId, PartyId};
use crate::domain::party::{Party, Registry};
use crate::domain::serial::numbered::SsccSeries;
use crate::domain::time::Micros;

use super::row::{column, json};
use super::{Db, StorageError, Tx};

/// Rows of one bulk statement: three binds a row stays far below the limits of both databases.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Everything that is stored, at one version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contracts {
    /// Counts up with each change; 0 is a new database.
    pub version: i64,
    /// In the order of their ids.
    pub parties: Vec<Party>,
    /// In the order of their ids.
    pub agreements: Vec<Agreement>,
}

/// What a change writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContractChange {
    /// New or changed, whole.
    pub parties: Vec<Party>,
    /// New or changed, whole.
    pub agreements: Vec<Agreement>,
    /// Gone, because nothing refers to them.
    pub dropped: Vec<AgreementId>,
}

/// Something that a change would take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A place, or the GLN of a legal entity.
    Gln(Gln),
    /// A company prefix.
    Prefix(CompanyPrefix),
    /// A product.
    Product(Gtin),
    /// A series of SSCCs.
    Series(SsccSeries),
    /// An agreement.
    Agreement(AgreementId),
}

/// Reads all contracts in one statement, so that they are of one version.
pub async fn load_contracts(db: &Db) -> Result<Contracts, StorageError> {
    let sql = "SELECT 0 AS kind, '' AS id, CAST(version AS TEXT) AS doc FROM registry WHERE one = 1
               UNION ALL SELECT 1, id, doc FROM party
               UNION ALL SELECT 2, id, doc FROM agreement";
    let mut contracts = Contracts {
        version: 0,
        parties: Vec::new(),
        agreements: Vec::new(),
    };
    for row in db.query("reading the contracts", sql, Vec::new()).await? {
        match column::<i32>(&row, "contracts", "kind")? {
            0 => contracts.version = json(&row, "registry", "doc")?,
            1 => contracts.parties.push(document(&row, "party")?),
            _ => contracts.agreements.push(document(&row, "agreement")?),
        }
    }
    // Here and not in SQL: the two databases do not order texts alike.
    contracts.parties.sort_by(|a, b| a.id.cmp(&b.id));
    contracts.agreements.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(contracts)
}

/// The contracts as the use cases look things up in them.
pub async fn load_registry(db: &Db) -> Result<Registry, StorageError> {
    let Contracts {
        version,
        parties,
        agreements,
    } = load_contracts(db).await?;
    Ok(Registry::new(version, parties, agreements))
}

/// The version alone: what a process polls to see whether it must load again.
pub async fn registry_version(db: &Db) -> Result<i64, StorageError> {
    version_of(db.query_one(READING_VERSION, VERSION, Vec::new()).await?)
}

/// The same inside a transaction.
pub async fn registry_version_in(tx: &Tx) -> Result<i64, StorageError> {
    version_of(tx.query_one(READING_VERSION, VERSION, Vec::new()).await?)
}

const READING_VERSION: &str = "reading the version of the contracts";
const VERSION: &str = "SELECT version FROM registry WHERE one = 1";

fn version_of(row: Option<QueryResult>) -> Result<i64, StorageError> {
    let row = row.ok_or_else(|| StorageError::Inconsistent("registry: its one row is missing".to_owned()))?;
    column(&row, "registry", "version")
}

/// Moves the version on by one, if it still is `from`; false if somebody was faster.
pub async fn advance_version(tx: &Tx, from: i64) -> Result<bool, StorageError> {
    let sql = "UPDATE registry SET version = version + 1 WHERE one = 1 AND version = $1";
    let done = tx
        .execute("moving the version of the contracts on", sql, vec![from.into()])
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a change. [`StorageError::Conflict`] if a claim is somebody else's.
pub async fn store_contracts(tx: &Tx, change: &ContractChange, at: Micros) -> Result<(), StorageError> {
    let parties = change
        .parties
        .iter()
        .map(|party| party_row(party, at))
        .collect::<Result<_, _>>()?;
    let upsert = "ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at";
    insert(
        tx,
        "storing parties",
        "INSERT INTO party (id, doc, updated_at) VALUES",
        upsert,
        parties,
    )
    .await?;

    let changed: Vec<Value> = change.parties.iter().map(|party| party.id.as_str().into()).collect();
    for table in ["party_gln", "company_prefix", "product"] {
        delete(
            tx,
            "dropping claims",
            &format!("DELETE FROM {table} WHERE party_id IN"),
            &changed,
        )
        .await?;
    }
    let glns = claims(&change.parties, |party| {
        glns_of(party).iter().map(|gln| gln.as_str().into()).collect()
    });
    insert(tx, "storing GLNs", "INSERT INTO party_gln (gln, party_id) VALUES", "", glns).await?;
    let prefixes = claims(&change.parties, |party| {
        party.prefixes.iter().map(|prefix| prefix.as_str().into()).collect()
    });
    insert(
        tx,
        "storing company prefixes",
        "INSERT INTO company_prefix (prefix, party_id) VALUES",
        "",
        prefixes,
    )
    .await?;
    let products = claims(&change.parties, |party| {
        party.products.iter().map(|product| product.gtin.as_str().into()).collect()
    });
    insert(
        tx,
        "storing products",
        "INSERT INTO product (gtin, party_id) VALUES",
        "",
        products,
    )
    .await?;

    let dropped: Vec<Value> = change.dropped.iter().map(|id| id.as_str().into()).collect();
    delete(tx, "dropping agreements", "DELETE FROM agreement WHERE id IN", &dropped).await?;
    let agreements = change
        .agreements
        .iter()
        .map(|agreement| agreement_row(agreement, at))
        .collect::<Result<_, _>>()?;
    let head = "INSERT INTO agreement (id, principal_id, delegate_id, doc, updated_at) VALUES";
    let upsert = "ON CONFLICT (id) DO UPDATE SET principal_id = excluded.principal_id, delegate_id = excluded.delegate_id,
                  doc = excluded.doc, updated_at = excluded.updated_at";
    insert(tx, "storing agreements", head, upsert, agreements).await
}

/// Every GLN of a party once: its own, which may also be that of a site, and those of its sites.
#[must_use]
pub fn glns_of(party: &Party) -> Vec<Gln> {
    let mut glns: Vec<Gln> = std::iter::once(party.gln)
        .chain(party.sites.iter().map(|site| site.gln))
        .collect();
    glns.sort_unstable();
    glns.dedup();
    glns
}

/// Which of these data refers to. Reads tables end to end where it must: nothing is taken away often.
pub async fn referred_to(db: &Db, removed: &[Removed]) -> Result<Vec<Removed>, StorageError> {
    let mut found = Vec::new();
    for one in removed {
        let (sql, value) = reference_query(one);
        if !db
            .query("looking for data that refers to it", sql, vec![value.into()])
            .await?
            .is_empty()
        {
            found.push(one.clone());
        }
    }
    Ok(found)
}

/// The same as the transaction sees it.
pub async fn referred_to_in(tx: &Tx, removed: &[Removed]) -> Result<Vec<Removed>, StorageError> {
    let mut found = Vec::new();
    for one in removed {
        let (sql, value) = reference_query(one);
        if !tx
            .query("looking for data that refers to it", sql, vec![value.into()])
            .await?
            .is_empty()
        {
            found.push(one.clone());
        }
    }
    Ok(found)
}

/// The statement that has a row if data refers to it.
fn reference_query(removed: &Removed) -> (&'static str, String) {
    match removed {
        Removed::Gln(gln) => (
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM allocation WHERE site = $1)
             OR EXISTS (SELECT 1 FROM shipment WHERE from_gln = $1 OR to_gln = $1)
             OR EXISTS (SELECT 1 FROM event WHERE read_point = $1 OR biz_location = $1)",
            gln.as_str().to_owned(),
        ),
        // The company prefix of an SSCC stands behind its extension digit.
        Removed::Prefix(prefix) => (
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM item WHERE uri LIKE $1)",
            format!("https://id.gs1.org/00/_{}%", prefix.as_str()),
        ),
        Removed::Product(gtin) => (
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM pool WHERE gtin = $1)
             OR EXISTS (SELECT 1 FROM thing_kind WHERE gtin = $1)",
            gtin.as_str().to_owned(),
        ),
        Removed::Series(series) => (
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM pool WHERE gtin = $1)",
            series.to_string(),
        ),
        Removed::Agreement(id) => (
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM allocation WHERE agreement_id = $1)",
            id.as_str().to_owned(),
        ),
    }
}

fn document<T: serde::de::DeserializeOwned>(row: &QueryResult, table: &str) -> Result<T, StorageError> {
    json(row, table, "doc").map_err(|error| match column::<String>(row, table, "id") {
        Ok(id) => StorageError::Inconsistent(format!("row `{id}`: {error}")),
        Err(_) => error,
    })
}

fn party_row(party: &Party, at: Micros) -> Result<Vec<Value>, StorageError> {
    Ok(vec![party.id.as_str().into(), text_of(party)?, at.0.into()])
}

fn agreement_row(agreement: &Agreement, at: Micros) -> Result<Vec<Value>, StorageError> {
    Ok(vec![
        agreement.id.as_str().into(),
        agreement.principal.as_str().into(),
        agreement.delegate.as_str().into(),
        text_of(agreement)?,
        at.0.into(),
    ])
}

fn text_of(document: &impl serde::Serialize) -> Result<Value, StorageError> {
    let text =
        serde_json::to_string(document).map_err(|error| StorageError::Inconsistent(format!("cannot be written: {error}")))?;
    Ok(text.into())
}

fn claims(parties: &[Party], of: impl Fn(&Party) -> Vec<Value>) -> Vec<Vec<Value>> {
    let of = &of;
    let row = |party: &PartyId, claim: Value| vec![claim, party.as_str().into()];
    parties
        .iter()
        .flat_map(|party| of(party).into_iter().map(move |claim| row(&party.id, claim)))
        .collect()
}

/// Inserts rows, a bulk statement for each chunk.
async fn insert(tx: &Tx, doing: &'static str, head: &str, tail: &str, rows: Vec<Vec<Value>>) -> Result<(), StorageError> {
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        let mut next = 0;
        let tuples: Vec<String> = chunk.iter().map(|row| placeholders(row.len(), &mut next)).collect();
        let sql = format!("{head} {} {tail}", tuples.join(", "));
        tx.execute(doing, &sql, chunk.concat()).await?;
    }
    Ok(())
}

async fn delete(tx: &Tx, doing: &'static str, head: &str, keys: &[Value]) -> Result<(), StorageError> {
    for chunk in keys.chunks(ROWS_PER_STATEMENT) {
        let sql = format!("{head} {}", placeholders(chunk.len(), &mut 0));
        tx.execute(doing, &sql, chunk.to_vec()).await?;
    }
    Ok(())
}

/// `($4, $5, $6)`
fn placeholders(count: usize, next: &mut usize) -> String {
    let names: Vec<String> = (0..count)
        .map(|_| {
            *next += 1;
            format!("${next}")
        })
        .collect();
    format!("({})", names.join(", "))
}

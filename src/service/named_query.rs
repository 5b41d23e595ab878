//! Queries that a party keeps under a name: its own, seen and used by nobody else.
//!
//! A query is read when it is kept and again when it is used, always under the lens of its party at that moment.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::AuditId;
use crate::domain::party::Actor;
use crate::domain::query::Query;
use crate::epcis::query::Document;
use crate::storage::named_query as store;
use crate::storage::{Tx, audit, subscription};

use super::Hub;
use super::error::{Code, ServiceError};
use super::query::wrong;

pub use crate::storage::named_query::StoredQuery;

/// Longest name, in characters.
const NAME: usize = 200;
/// Names of the standard's own queries.
const RESERVED: [&str; 2] = [SIMPLE_EVENTS, SIMPLE_MASTER_DATA];

/// The standard's query for events.
pub const SIMPLE_EVENTS: &str = "SimpleEventQuery";
/// The standard's query for master data.
pub const SIMPLE_MASTER_DATA: &str = "SimpleMasterDataQuery";

/// Keeps a query.
///
/// # Errors
/// A name or parameter that cannot be taken; a name that is taken; too many.
pub async fn keep(hub: &Hub, actor: &Actor, name: String, document: &Document) -> Result<StoredQuery, ServiceError> {
    let is_name = !name.is_empty()
        && name.chars().count() <= NAME
        && name.trim() == name
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '?' | '#' | '|'));
    if !is_name {
        let detail =
            format!("`name` is a text of up to {NAME} characters, without `/`, `?`, `#` and `|`, and without space around it");
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(taken(&name));
    }
    document.query().map_err(|error| wrong(&error))?;
    let text = serde_json::to_string(document).map_err(|error| ServiceError::Internal(format!("writing a query: {error}")))?;
    let query = StoredQuery {
        name,
        document: text,
        created_at: hub.now(),
    };
    let entry = entry(hub, actor, AuditAction::KeepQuery, &query.name);
    let (most, party, kept) = (hub.limits().queries_per_party, actor.party.clone(), query.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                if store::count(tx, &party).await? >= most {
                    let detail = format!("{most} queries are kept already: delete one that is not needed");
                    return Err(ServiceError::refused(Code::QuotaExceeded, detail));
                }
                if !store::insert(tx, &party, &kept).await? {
                    return Err(taken(&kept.name));
                }
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    Ok(query)
}

/// Lets go of a query.
pub async fn delete(hub: &Hub, actor: &Actor, name: String) -> Result<(), ServiceError> {
    let entry = entry(hub, actor, AuditAction::DeleteQuery, &name);
    let party = actor.party.clone();
    hub.db()
        .write(move |tx: &Tx| {
            Box::pin(async move {
                if !subscription::lock_query(tx, &party, &name).await? {
                    return Err(no_such_name());
                }
                if subscription::has_any(tx, &party, &name).await? {
                    let detail = "the query has subscriptions: end them first";
                    return Err(ServiceError::refused(Code::QueryInUse, detail));
                }
                store::delete(tx, &party, &name).await?;
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await
}

/// One of the caller's queries.
pub async fn find(hub: &Hub, actor: &Actor, name: &str) -> Result<StoredQuery, ServiceError> {
    store::find(hub.db(), &actor.party, name).await?.ok_or_else(no_such_name)
}

fn no_such_name() -> ServiceError {
    ServiceError::refused(Code::NoSuchName, Code::NoSuchName.title())
}

/// The caller's queries by name, behind one of them, and whether there are more.
pub async fn list(hub: &Hub, actor: &Actor, (first, after): (usize, &str)) -> Result<(Vec<StoredQuery>, bool), ServiceError> {
    let mut found = store::list(hub.db(), &actor.party, after, first.saturating_add(1)).await?;
    let has_more = found.len() > first;
    found.truncate(first);
    Ok((found, has_more))
}

/// A kept query as it was sent.
pub(super) fn document(query: &StoredQuery) -> Result<Document, ServiceError> {
    serde_json::from_str(&query.document).map_err(|error| ServiceError::Internal(format!("a kept query cannot be read: {error}")))
}

/// What a kept query asks.
pub fn read(query: &StoredQuery) -> Result<Query, ServiceError> {
    document(query)?.query().map_err(|error| wrong(&error))
}

fn taken(name: &str) -> ServiceError {
    let detail = format!("a query of the name `{name}` is there: choose another, or delete it first");
    ServiceError::refused(Code::NameTaken, detail)
}

pub(super) fn entry(hub: &Hub, actor: &Actor, action: AuditAction, name: &str) -> AuditEntry {
    let at = hub.now();
    AuditEntry {
        id: AuditId::new(hub.new_id(at)),
        at,
        actor: actor.clone(),
        principal: None,
        action,
        object: name.to_owned(),
        outcome: Outcome::Done,
        detail: serde_json::json!({}),
    }
}

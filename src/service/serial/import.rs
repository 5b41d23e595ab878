//! The brand owner brings a list of numbers that it made itself.
//!
//! For a product whose source is `imported` they are its stock: requests draw from them in the order of the list. For any other product
//! they are numbers that exist elsewhere, made before the hub came or beside it: the hub never issues them, and nobody can bring them
//! again. The same party, key and list are the same import for ever.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gtin;
use crate::domain::ids::{AuditId, ImportId, PoolId};
use crate::domain::party::{Actor, SerialRule};
use crate::domain::serial::listed::SerialList;
use crate::domain::serial::rule::Source;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::page::{Page, Paged};
use crate::storage::serial::listed::{self as store, ImportKind, ImportRecord};
use crate::storage::{StorageError, audit};

use super::listing::{self, Arrived, Checked, Home};

/// A list of numbers of one product.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The product.
    pub gtin: Gtin,
    /// The caller's own name for this import, 1 to 200 characters.
    pub idempotency_key: String,
    /// The numbers.
    pub serials: SerialList,
    /// On which line of what was sent the first of them stands, for the report.
    pub first_line: u64,
}

/// Takes a list in, whole or not at all.
pub async fn import(hub: &Hub, actor: &Actor, request: ImportRequest) -> Result<ImportRecord, ServiceError> {
    let (gtin, key, rows) = (request.gtin, request.idempotency_key.clone(), request.serials.len());
    let result = take_in(hub, actor, request).await;
    if let Err(ServiceError::Refused { code, .. }) = &result
        && *code != Code::Unavailable
    {
        let now = hub.now();
        let detail = serde_json::json!({ "code": code.as_str(), "quantity": rows, "key": key });
        let entry = entry(hub, actor, gtin.to_string(), Outcome::Refused, detail, now);
        hub.db()
            .write::<_, StorageError, _>(move |tx| Box::pin(async move { audit::append(tx, &entry).await }))
            .await?;
    }
    result
}

async fn take_in(hub: &Hub, actor: &Actor, request: ImportRequest) -> Result<ImportRecord, ServiceError> {
    check_key(&request.idempotency_key)?;
    check_length(hub, request.serials.len())?;
    let hash = listing::sha256(request.gtin, &request.serials);
    if let Some(before) = store::by_key(hub.db(), &actor.party, &request.idempotency_key).await? {
        return replay(before, &hash);
    }
    let rule = own_rule(hub, actor, request.gtin)?;
    let stock = rule.source == Source::Imported;
    let arrived = Arrived {
        gtin: request.gtin,
        serials: request.serials,
        first_line: request.first_line,
        follow: stock,
    };
    let checked = listing::check(hub, arrived, &actor.party, &rule).await?;
    let (hub, actor, key) = (hub.clone(), actor.clone(), request.idempotency_key);
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { store_in(tx, &hub, &actor, (key, stock), &checked).await }))
        .await
}

async fn store_in(
    tx: &crate::storage::Tx,
    hub: &Hub,
    actor: &Actor,
    (key, stock): (String, bool),
    checked: &Checked,
) -> Result<ImportRecord, ServiceError> {
    let (now, hash) = (hub.now(), checked.sha256());
    // Before the rows are looked at: after it, the other try's own rows would be taken.
    let states = checked.lock(tx).await?;
    if let Some(before) = store::by_key_in(tx, &actor.party, &key).await? {
        return replay(before, &hash);
    }
    let pool = checked.pool().ok_or_else(super::pools::being_changed)?.record().id;
    let id = ImportId::new(hub.new_id(now));
    let into = if stock {
        Home::Pool(pool)
    } else {
        Home::Nowhere(PoolId::new(id.uuid()))
    };
    let first_index = checked.store(tx, hub, &states, into).await?;
    let record = ImportRecord {
        id,
        numbered: checked.gtin().into(),
        pool,
        party: actor.party.clone(),
        kind: if stock { ImportKind::Imported } else { ImportKind::Elsewhere },
        request_key: key,
        sha256: hash.to_vec(),
        first_index,
        quantity: checked.len(),
        at: now,
    };
    store::record(tx, &record).await?;
    let detail = serde_json::json!({
        "gtin": record.numbered, "quantity": record.quantity, "kind": record.kind.as_str(), "key": record.request_key,
    });
    audit::append(tx, &entry(hub, actor, id.to_string(), Outcome::Done, detail, now)).await?;
    Ok(record)
}

/// The rule of a product of the caller's own: of anybody else's the caller learns nothing.
fn own_rule(hub: &Hub, actor: &Actor, gtin: Gtin) -> Result<SerialRule, ServiceError> {
    let registry = hub.registry();
    let own = registry
        .product(gtin)
        .filter(|(owner, _)| owner.id == actor.party && registry.is_active(&actor.party));
    own.map(|(_, product)| product.serials.clone()).ok_or_else(|| {
        let detail = format!("`{gtin}` is no product of yours: lists of serial numbers are imported by the brand owner");
        ServiceError::refused(Code::NotEntitled, detail)
    })
}

/// Longest idempotency key, in characters.
const KEY_LENGTH: usize = 200;

/// Refuses what is no idempotency key.
pub(super) fn check_key(key: &str) -> Result<(), ServiceError> {
    if (1..=KEY_LENGTH).contains(&key.chars().count()) && !key.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("the idempotency key must have 1 to {KEY_LENGTH} characters and no control characters");
    Err(ServiceError::refused(Code::BadInput, detail))
}

/// Held against `limits.serials_per_import`.
pub(super) fn check_length(hub: &Hub, rows: usize) -> Result<(), ServiceError> {
    let most = hub.limits().serials_per_import;
    if rows == 0 {
        return Err(ServiceError::refused(
            Code::BadInput,
            "the list is empty: send at least one serial number",
        ));
    }
    if rows > most {
        return Err(too_long(most));
    }
    Ok(())
}

/// More rows than one list may have.
#[must_use]
pub fn too_long(most: usize) -> ServiceError {
    let detail = format!("the list has more than {most} serial numbers: send it in parts, each with a key of its own");
    ServiceError::refused(Code::TooLarge, detail)
}

fn replay(before: ImportRecord, hash: &[u8; 32]) -> Result<ImportRecord, ServiceError> {
    if before.sha256 == hash {
        return Ok(before);
    }
    let detail = format!(
        "the idempotency key was used for {}, which is another list: take a new key for a new list",
        before.id
    );
    Err(ServiceError::refused(Code::KeyReused, detail))
}

fn entry(
    hub: &Hub,
    actor: &Actor,
    object: String,
    outcome: Outcome,
    detail: serde_json::Value,
    now: crate::domain::time::Micros,
) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::ImportSerials,
        object,
        outcome,
        detail,
    }
}

/// Lists that the caller brought or that are numbers of its products, newest first.
pub async fn imports(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<ImportRecord>, ServiceError> {
    let before = page.after.map(|cursor| ImportId::new(cursor.id));
    let rows = store::list(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    Ok(Paged::by_id(rows, page, |row| row.id.uuid()))
}

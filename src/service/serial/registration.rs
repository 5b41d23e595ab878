//! A delegate tells the hub of numbers that it makes itself, for a product whose source is `delegate`.
//!
//! They become an allocation of the delegate, like one that it asked for: the same power, the same limits, the same book of what became
//! of each number, and no number that anybody else has. The numbers are the party's already, so the allocation is acknowledged at once.

use aws_lc_rs::digest;
use roaring::RoaringBitmap;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::{Gln, Gtin};
use crate::domain::ids::{AgreementId, AllocationId, AuditId, ImportId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState, Documents, MAX_QUANTITY};
use crate::domain::serial::limits::{Wanted, grant};
use crate::domain::serial::listed::SerialList;
use crate::domain::serial::rule::Source;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::{self as store, StoredAllocation};
use crate::storage::serial::listed::{self, ImportKind, ImportRecord};
use crate::storage::serial::{account, request as waiting};
use crate::storage::{StorageError, Tx, audit};

use super::batch::{Answered, Asked, account_key, over};
use super::import::check_length;
use super::listing::{self, Arrived, Checked, Home};
use super::request::{self, SerialRequest, noted, replay};
use super::{floor, pools};

/// Numbers that the caller makes itself.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The product.
    pub gtin: Gtin,
    /// The numbers.
    pub serials: SerialList,
    /// On which line of what was sent the first of them stands, for the report.
    pub first_line: u64,
    /// The caller's own name for this registration, 1 to 200 characters.
    pub idempotency_key: String,
    /// Under which agreement; without it, the first by id that covers the product.
    pub agreement: Option<AgreementId>,
    /// For which lot, AI (10).
    pub lot: Option<String>,
    /// For which site of the caller.
    pub site: Option<Gln>,
    /// For which packaging line of it.
    pub line: Option<String>,
}

/// Takes a delegate's own numbers, whole or not at all; the same party, key and list are the same allocation for ever.
pub async fn register(hub: &Hub, actor: &Actor, registration: Registration) -> Result<Allocation, ServiceError> {
    check_length(hub, registration.serials.len())?;
    let list = listing::sha256(registration.gtin, &registration.serials);
    let wanted = SerialRequest {
        agreement: registration.agreement,
        lot: registration.lot,
        site: registration.site,
        line: registration.line,
        documents: Documents::default(),
        ..SerialRequest::new(
            registration.gtin,
            registration.serials.len() as u64,
            registration.idempotency_key,
        )
    };
    request::check(hub, &wanted)?;
    let hash = registration_hash(&wanted, &list);
    if let Some(stored) = store::by_key(hub.db(), &actor.party, &wanted.idempotency_key).await? {
        return replay(stored.allocation, stored.request_hash, &hash);
    }
    let arrived = Arrived {
        gtin: registration.gtin,
        serials: registration.serials,
        first_line: registration.first_line,
        follow: true,
    };
    let answer = take_in(hub, actor, wanted.clone(), (arrived, hash)).await;
    let answer = answer.map(Answered::before);
    noted(hub, actor, &wanted, answer).await.map(|answered| answered.allocation)
}

async fn take_in(
    hub: &Hub,
    actor: &Actor,
    wanted: SerialRequest,
    (arrived, hash): (Arrived, [u8; 32]),
) -> Result<Allocation, ServiceError> {
    let basis = request::basis(&hub.registry(), actor, &wanted, hub.now()).ok_or_else(|| request::no_agreement(&wanted))?;
    if basis.rule.source != Source::Delegate {
        let detail = format!(
            "serial numbers of `{}` are given out by the hub: ask for them; only the brand owner can let packagers make their own \
             (`source = \"delegate\"` in its partner file)",
            arrived.gtin
        );
        return Err(ServiceError::refused(Code::Conflict, detail));
    }
    let checked = listing::check(hub, arrived, &basis.principal, &basis.rule).await?;
    let asked = Asked {
        actor: actor.clone(),
        request: wanted,
        basis,
        hash,
        approved: None,
    };
    let (work, pool) = (hub.clone(), checked.pool().cloned());
    let (stored, reached) = hub
        .db()
        .write::<_, ServiceError, _>(move |tx| Box::pin(async move { store_in(tx, &work, &asked, &checked).await }))
        .await?;
    if let Some(pool) = pool {
        hub.floor().moved(pool.record(), reached);
    }
    Ok(stored)
}

/// The allocation, and where the counter stands after it; 0 if the key was known.
async fn store_in(tx: &Tx, hub: &Hub, asked: &Asked, checked: &Checked) -> Result<(Allocation, u64), ServiceError> {
    let now = hub.now();
    let states = checked.lock(tx).await?;
    let key = account_key(asked);
    let keys = [(key.clone(), asked.request.idempotency_key.as_str())];
    let met = waiting::met(tx, &keys, &[asked.request.lot_and_line()], now.day(), None).await?;
    let standing = met.each.into_iter().next().unwrap_or_default();
    let account = standing.account;
    if let Some(stored) = standing.allocation {
        return Ok((replay(stored.allocation, stored.request_hash, &asked.hash)?, 0));
    }
    if standing.lot_closed {
        return Err(request::lot_closed(&asked.request));
    }
    let quota = asked
        .basis
        .agreement
        .as_ref()
        .map(|agreement| agreement.quota)
        .unwrap_or_default();
    let whole = Wanted {
        quantity: checked.len(),
        partial_ok: false,
    };
    grant(whole, &quota, &account, MAX_QUANTITY).map_err(|exceeded| over(&exceeded, asked))?;
    let pool = checked.pool().ok_or_else(pools::being_changed)?.record();
    let first_index = checked.store(tx, hub, &states, Home::Pool(pool.id)).await?;
    let taken = floor::take(tx, hub, pool, checked.len(), first_index + checked.len()).await?;
    if taken != Some(first_index) {
        let detail = format!("pool.next_index of {} is not where its list ends", pool.id);
        return Err(StorageError::Inconsistent(detail).into());
    }
    let stored = allocation(hub, asked, checked, first_index)?;
    let id = stored.allocation.id;
    store::insert(tx, std::slice::from_ref(&stored)).await?;
    account::issue(tx, &[(&key, checked.len())], now).await?;
    store::mark_transmitted(tx, id, now).await?;
    store::acknowledge(tx, id, &asked.actor.party, now).await?;
    listed::record(tx, &import(hub, asked, checked, &stored)).await?;
    audit::append(tx, &entry(hub, asked, &stored.allocation)).await?;
    let allocation = Allocation {
        state: AllocationState::Acknowledged {
            transmitted_at: now,
            at: now,
        },
        ..stored.allocation
    };
    Ok((allocation, first_index + checked.len()))
}

fn allocation(hub: &Hub, asked: &Asked, checked: &Checked, first_index: u64) -> Result<StoredAllocation, ServiceError> {
    let (now, request) = (hub.now(), asked.request.clone());
    let agreement = asked.basis.agreement.as_ref();
    let lease = agreement.and_then(|agreement| agreement.quota.lease_days);
    let lease = lease.and_then(|days| i64::try_from(days).ok()?.checked_mul(86_400));
    Ok(StoredAllocation {
        allocation: Allocation {
            id: AllocationId::new(hub.new_id(now)),
            numbered: request.numbered,
            party: asked.actor.party.clone(),
            system: Some(asked.actor.system.clone()),
            principal: asked.basis.principal.clone(),
            agreement: agreement.map(|agreement| agreement.id.clone()),
            quantity: checked.len(),
            asked: None,
            lot: request.lot,
            site: request.site,
            line: request.line,
            documents: request.documents,
            expires_at: lease.map(|seconds| now.plus_seconds(seconds)),
            state: AllocationState::Reserved,
            request_key: request.idempotency_key,
            created_at: now,
        },
        pool: checked.pool().ok_or_else(pools::being_changed)?.record().id,
        first_index,
        span: checked.len(),
        holes: RoaringBitmap::new(),
        request_hash: asked.hash,
    })
}

fn import(hub: &Hub, asked: &Asked, checked: &Checked, stored: &StoredAllocation) -> ImportRecord {
    let now = hub.now();
    ImportRecord {
        id: ImportId::new(hub.new_id(now)),
        numbered: checked.gtin().into(),
        pool: stored.pool,
        party: asked.actor.party.clone(),
        kind: ImportKind::Registered,
        request_key: stored.allocation.request_key.clone(),
        sha256: checked.sha256().to_vec(),
        first_index: stored.first_index,
        quantity: checked.len(),
        at: now,
    }
}

fn entry(hub: &Hub, asked: &Asked, allocation: &Allocation) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(allocation.created_at)),
        at: allocation.created_at,
        actor: asked.actor.clone(),
        principal: Some(allocation.principal.clone()).filter(|principal| *principal != asked.actor.party),
        action: AuditAction::RegisterSerials,
        object: allocation.id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({
            "gtin": allocation.numbered, "quantity": allocation.quantity, "agreement": allocation.agreement,
            "lot": allocation.lot, "site": allocation.site, "key": allocation.request_key,
        }),
    }
}

/// What makes two registrations the same.
fn registration_hash(wanted: &SerialRequest, list: &[u8; 32]) -> [u8; 32] {
    let list: String = list.iter().map(|byte| format!("{byte:02x}")).collect();
    let SerialRequest {
        agreement,
        lot,
        site,
        line,
        ..
    } = wanted;
    let body = serde_json::json!(["counterfoil/serial-registration/v1", list, agreement, lot, site, line]).to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    hash
}

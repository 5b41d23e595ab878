//! A party asks for serial numbers.
//!
//! The key is looked at first: what was granted once stays granted, whatever became of the agreement since. Then the contract, then the
//! limits, and in one transaction that holds the product's pools: key again, quota, counter, allocation, audit.

use std::sync::Arc;

use aws_lc_rs::digest;
use roaring::RoaringBitmap;

use crate::domain::agreement::Agreement;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, AuditId, PartyId};
use crate::domain::party::{Actor, Mandate, NumbersAsked, Registry, SerialRule};
use crate::domain::serial::allocation::{Allocation, AllocationState, Documents, MAX_QUANTITY};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::serial::space::in_charset_82;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::account::{self, AccountKey};
use crate::storage::serial::allocation::{self as store, StoredAllocation};
use crate::storage::serial::pool;
use crate::storage::{StorageError, Tx, audit};

use super::{floor, pools};

/// Longest idempotency key, in characters.
const KEY_LENGTH: usize = 200;
/// Longest batch or lot number: AI (10), GS1 General Specifications clause 3.4.1.
const LOT_LENGTH: usize = 20;

/// What a party asks for: the one form inside, whatever channel or dialect it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialRequest {
    /// What the numbers are for.
    pub numbered: Numbered,
    /// How many; at least one.
    pub quantity: u64,
    /// The caller's own name for this request, 1 to 200 characters: asked again with it, the answer is the same allocation.
    pub idempotency_key: String,
    /// Under which agreement; without it, the first by id that covers the request.
    pub agreement: Option<AgreementId>,
    /// For which lot, AI (10).
    pub lot: Option<String>,
    /// For which site of the caller.
    pub site: Option<Gln>,
    /// For which packaging line of it.
    pub line: Option<String>,
    /// What the caller calls its order.
    pub documents: Documents,
    /// Whether fewer numbers are better than none, where a limit leaves fewer.
    pub partial_ok: bool,
}

impl SerialRequest {
    /// Numbers, and nothing said of what they are for.
    #[must_use]
    pub fn new(numbered: impl Into<Numbered>, quantity: u64, idempotency_key: impl Into<String>) -> Self {
        Self {
            numbered: numbered.into(),
            quantity,
            idempotency_key: idempotency_key.into(),
            agreement: None,
            lot: None,
            site: None,
            line: None,
            documents: Documents::default(),
            partial_ok: false,
        }
    }
}

/// Gives the caller serial numbers of a product that is its own or that an agreement lets it ask for.
pub async fn request(hub: &Hub, actor: &Actor, request: SerialRequest) -> Result<Allocation, ServiceError> {
    check(hub, &request)?;
    let result = allocate(hub, actor, &request).await;
    if let Err(ServiceError::Refused { code, .. }) = &result
        && is_verdict(*code)
    {
        audit_refusal(hub, actor, &request, *code).await?;
    }
    result
}

/// Whether the hub said no to this request, rather than not now.
fn is_verdict(code: Code) -> bool {
    matches!(
        code,
        Code::NoAgreement | Code::QuotaExceeded | Code::PoolExhausted | Code::KeyReused | Code::Conflict
    )
}

async fn allocate(hub: &Hub, actor: &Actor, request: &SerialRequest) -> Result<Allocation, ServiceError> {
    let hash = request_hash(request);
    if let Some(stored) = store::by_key(hub.db(), &actor.party, &request.idempotency_key).await? {
        return replay(stored, &hash);
    }
    let (registry, now) = (hub.registry(), hub.now());
    let basis = basis(&registry, actor, request, now).ok_or_else(|| no_agreement(request))?;
    check_per_request(&basis, request)?;
    let pool = pools::for_product(hub, &basis.principal, request.numbered, &basis.rule).await?;
    let grant = Grant {
        actor: actor.clone(),
        request: request.clone(),
        basis,
        pool,
        hash,
        now,
    };
    match store_allocation(hub, grant).await {
        // Somebody used the key for another product at the same moment; nothing of ours stands.
        Err(ServiceError::Storage(StorageError::Conflict(_))) => {
            match store::by_key(hub.db(), &actor.party, &request.idempotency_key).await? {
                Some(stored) => replay(stored, &hash),
                None => Err(ServiceError::refused(Code::Unavailable, Code::Unavailable.title())),
            }
        }
        other => other,
    }
}

/// What a request rests on.
#[derive(Debug)]
pub(super) struct Basis {
    pub(super) principal: PartyId,
    pub(super) agreement: Option<Arc<Agreement>>,
    pub(super) rule: SerialRule,
}

/// Everything the transaction needs.
struct Grant {
    actor: Actor,
    request: SerialRequest,
    basis: Basis,
    pool: Arc<Pool>,
    hash: [u8; 32],
    now: Micros,
}

pub(super) fn check(hub: &Hub, request: &SerialRequest) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(Code::BadInput, detail));
    let most = hub.limits().serials_per_request.min(MAX_QUANTITY);
    if request.quantity == 0 || request.quantity > most {
        return refuse(format!(
            "a quantity of {} cannot be asked for: one request is for 1 to {most} serial numbers",
            request.quantity
        ));
    }
    let key = &request.idempotency_key;
    if !(1..=KEY_LENGTH).contains(&key.chars().count()) || key.chars().any(char::is_control) {
        return refuse(format!(
            "the idempotency key must have 1 to {KEY_LENGTH} characters and no control characters"
        ));
    }
    match &request.lot {
        Some(lot) if !(1..=LOT_LENGTH).contains(&lot.chars().count()) || !lot.chars().all(in_charset_82) => {
            let lot: String = lot.chars().take(LOT_LENGTH).collect();
            refuse(format!(
                "the lot `{lot}` is none: 1 to {LOT_LENGTH} characters of GS1 character set 82 (AI 10)"
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// What makes two requests the same.
fn request_hash(request: &SerialRequest) -> [u8; 32] {
    let SerialRequest {
        numbered,
        quantity,
        idempotency_key: _,
        agreement,
        lot,
        site,
        line,
        documents,
        partial_ok,
    } = request;
    let mut body = serde_json::json!(["counterfoil/serial-request/v1", numbered, quantity, agreement, lot, site]);
    // What later versions added stands in it only if it is used: requests that older versions stored still match.
    if let Some(parts) = body.as_array_mut()
        && (line.is_some() || !documents.is_empty() || *partial_ok)
    {
        parts.push(serde_json::json!({ "line": line, "documents": documents, "partial_ok": partial_ok }));
    }
    let body = body.to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    hash
}

fn replay(stored: StoredAllocation, hash: &[u8; 32]) -> Result<Allocation, ServiceError> {
    if stored.request_hash == *hash {
        return Ok(stored.allocation);
    }
    let detail = format!(
        "the idempotency key was used for {}, with another product, quantity, agreement, lot or site: take a new key for a new request",
        stored.allocation.id
    );
    Err(ServiceError::refused(Code::KeyReused, detail))
}

/// What the contracts say to a request.
pub(super) fn basis(registry: &Registry, actor: &Actor, request: &SerialRequest, now: Micros) -> Option<Basis> {
    let (owner, rule) = registry.numbering(request.numbered)?;
    let mandate = registry.may_request(NumbersAsked {
        party: &actor.party,
        numbered: request.numbered,
        agreement: request.agreement.as_ref(),
        site: request.site,
        at: now,
    })?;
    Some(Basis {
        principal: owner.id.clone(),
        agreement: match mandate {
            Mandate::Own => None,
            Mandate::Under(agreement) => Some(agreement),
        },
        rule,
    })
}

/// The same text whatever is missing: a stranger must not learn that a product exists.
pub(super) fn no_agreement(request: &SerialRequest) -> ServiceError {
    let detail = format!(
        "no agreement that holds today lets you request serial numbers of `{}` (for this site, if one is named): check the GTIN, or ask \
         the brand owner for an agreement with the power `request_serials`",
        request.numbered
    );
    ServiceError::refused(Code::NoAgreement, detail)
}

pub(super) fn check_per_request(basis: &Basis, request: &SerialRequest) -> Result<(), ServiceError> {
    match basis
        .agreement
        .as_ref()
        .and_then(|agreement| Some((agreement, agreement.quota.per_request?)))
    {
        Some((agreement, most)) if request.quantity > most => {
            let detail = format!(
                "{} serial numbers asked for; agreement `{}` allows {most} in one request",
                request.quantity, agreement.id
            );
            Err(ServiceError::refused(Code::QuotaExceeded, detail))
        }
        Some(_) | None => Ok(()),
    }
}

async fn store_allocation(hub: &Hub, grant: Grant) -> Result<Allocation, ServiceError> {
    let (work, pool) = (hub.clone(), Arc::clone(&grant.pool));
    let (allocation, next_index) = hub
        .db()
        .write(move |tx| Box::pin(async move { allocate_in(tx, &work, grant).await }))
        .await?;
    hub.floor().moved(pool.record(), next_index);
    Ok(allocation)
}

/// The allocation, and where the counter stands after it.
async fn allocate_in(tx: &Tx, hub: &Hub, grant: Grant) -> Result<(Allocation, u64), ServiceError> {
    let Grant {
        actor,
        request,
        basis,
        pool,
        hash,
        now,
    } = grant;
    // INVARIANT: from here on nobody else allocates numbers of this product; what the next reads find stays true.
    let states = pool::lock_product(tx, request.numbered).await?;
    if !states.iter().any(|state| state.record == *pool.record()) {
        return Err(pools::being_changed());
    }
    if let Some(stored) = store::by_key_in(tx, &actor.party, &request.idempotency_key).await? {
        return Ok((replay(stored, &hash)?, 0));
    }
    let account = AccountKey {
        party: actor.party.clone(),
        numbered: request.numbered,
        agreement: basis.agreement.as_ref().map(|agreement| agreement.id.clone()),
    };
    let standing = account::read(tx, std::slice::from_ref(&account), now.day()).await?;
    let issued = standing.first().map_or(0, |(_, account)| account.issued);
    check_total(issued, &basis, &request)?;
    let cap = pool.cap_under(&basis.rule)?;
    let first_index = floor::take(tx, hub, pool.record(), request.quantity, cap)
        .await?
        .ok_or_else(|| exhausted(&request))?;
    // INVARIANT: quantities fit the 32-bit offsets of bitmaps.
    let span = u32::try_from(request.quantity).unwrap_or(u32::MAX);
    let holes = pool.holes(first_index, span) | pool::skipped(tx, pool.record().id, first_index, request.quantity).await?;
    if !holes.is_empty() {
        return Err(pools::being_changed());
    }
    let allocation = Allocation {
        id: AllocationId::new(hub.new_id(now)),
        numbered: request.numbered,
        party: actor.party.clone(),
        system: Some(actor.system.clone()),
        principal: basis.principal,
        agreement: basis.agreement.map(|agreement| agreement.id.clone()),
        quantity: request.quantity,
        asked: None,
        lot: request.lot,
        site: request.site,
        line: request.line,
        documents: request.documents,
        expires_at: None,
        state: AllocationState::Reserved,
        request_key: request.idempotency_key,
        created_at: now,
    };
    let stored = StoredAllocation {
        allocation,
        pool: pool.record().id,
        first_index,
        span: request.quantity,
        holes: RoaringBitmap::new(),
        request_hash: hash,
    };
    store::insert(tx, std::slice::from_ref(&stored)).await?;
    account::issue(tx, &[(account, request.quantity)], now).await?;
    audit::append(tx, &granted(hub, actor, &stored.allocation)).await?;
    Ok((stored.allocation, first_index + request.quantity))
}

pub(super) fn check_total(issued: u64, basis: &Basis, request: &SerialRequest) -> Result<(), ServiceError> {
    let Some((agreement, total)) = basis
        .agreement
        .as_ref()
        .and_then(|agreement| Some((agreement, agreement.quota.total?)))
    else {
        return Ok(());
    };
    let left = total.saturating_sub(issued);
    if request.quantity <= left {
        return Ok(());
    }
    let detail = format!(
        "{} serial numbers asked for; of the {total} that agreement `{}` allows for `{}`, {left} are left",
        request.quantity, agreement.id, request.numbered
    );
    Err(ServiceError::refused(Code::QuotaExceeded, detail))
}

/// Without saying how many are left: that would tell one delegate what the others took.
fn exhausted(request: &SerialRequest) -> ServiceError {
    let detail = format!(
        "{} more serial numbers of `{}` would pass the density that its serial rule allows: ask for fewer, or let the brand owner give \
         the product longer serial numbers",
        request.quantity, request.numbered
    );
    ServiceError::refused(Code::PoolExhausted, detail)
}

fn granted(hub: &Hub, actor: Actor, allocation: &Allocation) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(allocation.created_at)),
        at: allocation.created_at,
        principal: Some(allocation.principal.clone()).filter(|principal| *principal != actor.party),
        actor,
        action: AuditAction::RequestSerials,
        object: allocation.id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({
            "gtin": allocation.numbered, "quantity": allocation.quantity, "agreement": allocation.agreement,
            "lot": allocation.lot, "site": allocation.site, "key": allocation.request_key,
        }),
    }
}

/// Only the caller sees its refusals: an owner that saw those of strangers would learn who they are.
async fn audit_refusal(hub: &Hub, actor: &Actor, request: &SerialRequest, code: Code) -> Result<(), ServiceError> {
    let now = hub.now();
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::RequestSerials,
        object: request.numbered.to_string(),
        outcome: Outcome::Refused,
        detail: serde_json::json!({ "code": code.as_str(), "quantity": request.quantity, "key": request.idempotency_key }),
    };
    hub.db()
        .write(move |tx| Box::pin(async move { Ok(audit::append(tx, &entry).await?) }))
        .await
}

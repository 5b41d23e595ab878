//! A party asks for serial numbers.
//!
//! What can be said without the database is said here: what makes no sense, and that no agreement covers it. The rest (key, limits,
//! counter) is decided by [`super::batch`], together with whatever else waits for the same product. What was granted once under a key
//! stays granted, whatever became of the agreement since.

use std::sync::Arc;

use aws_lc_rs::digest;
use tokio::sync::OwnedMutexGuard;

use crate::domain::agreement::Agreement;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::{Gln, Gtin};
use crate::domain::ids::{AgreementId, AuditId, PartyId};
use crate::domain::party::{Actor, Mandate, NumbersAsked, Registry, SerialRule};
use crate::domain::serial::allocation::{Allocation, Documents, MAX_QUANTITY};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::rule::Source;
use crate::domain::serial::space::in_charset_82;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::audit;
use crate::storage::serial::lot::{self, LotAndLine};
use crate::storage::serial::{allocation as store, request as waiting};

use super::batch::{Answered, Asked};
use super::broker::{self, Brokered};

/// Longest idempotency key, in characters.
const KEY_LENGTH: usize = 200;
/// Longest batch or lot number: AI (10), GS1 General Specifications clause 3.4.1.
const LOT_LENGTH: usize = 20;
/// Longest name of a line or number of a document, in characters.
const NAME_LENGTH: usize = 80;

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

    /// What the numbers are for, as it can be closed.
    pub(super) fn lot_and_line(&self) -> LotAndLine<'_> {
        (self.lot.as_deref(), self.line.as_deref())
    }
}

/// Gives the caller serial numbers of a product that is its own or that an agreement lets it ask for.
///
/// Where the agreement asks for it, the answer is [`AllocationState::Pending`](super::AllocationState) until the principal decides.
pub async fn request(hub: &Hub, actor: &Actor, request: SerialRequest) -> Result<Allocation, ServiceError> {
    request_once(hub, actor, request).await.map(|answered| answered.allocation)
}

/// The same, for channels that tell the first answer from those to its repetitions.
pub async fn request_once(hub: &Hub, actor: &Actor, request: SerialRequest) -> Result<Answered, ServiceError> {
    check(hub, &request)?;
    let (hash, now) = (request_hash(&request), hub.now());
    let Some(basis) = basis(&hub.registry(), actor, &request, now) else {
        let answer = without_basis(hub, actor, &request, &hash).await.map(Answered::before);
        return noted(hub, actor, &request, answer).await;
    };
    // Held until the numbers are taken: they were counted for this request.
    let _turn = match supplied(hub, actor, &request, &basis, false).await {
        Ok(turn) => turn,
        Err(error) => return noted(hub, actor, &request, Err(error)).await,
    };
    let asked = Asked {
        actor: actor.clone(),
        request,
        basis,
        hash,
        approved: None,
    };
    hub.serial_writer().submit(hub, asked).await
}

/// Sees to numbers that the hub does not make itself: those of the owner's own system are ordered if there are too few; a packager's
/// own are not asked for.
pub(super) async fn supplied(
    hub: &Hub,
    actor: &Actor,
    request: &SerialRequest,
    basis: &Basis,
    approved: bool,
) -> Result<Option<OwnedMutexGuard<()>>, ServiceError> {
    let source = basis.rule.source;
    let Some(gtin) = request
        .numbered
        .gtin()
        .filter(|_| matches!(source, Source::Brokered | Source::Delegate))
    else {
        return Ok(None);
    };
    // What was answered once is answered again, whatever the source is now.
    if store::by_key(hub.db(), &actor.party, &request.idempotency_key)
        .await?
        .is_some()
    {
        return Ok(None);
    }
    if source == Source::Delegate {
        return Err(made_by_packager(gtin));
    }
    // What is refused anyway, or may be by the principal, causes no order.
    let most = basis.agreement.as_ref().and_then(|agreement| agreement.quota.per_request);
    let waits = !approved && basis.asks_approval(request.quantity);
    if waits || most.is_some_and(|most| request.quantity > most) || is_lot_closed(hub, actor, request).await? {
        return Ok(None);
    }
    let product = Brokered {
        owner: basis.principal.clone(),
        gtin,
        rule: basis.rule.clone(),
    };
    broker::ensure(hub, &product, request.quantity).await.map(Some)
}

/// The hub has no numbers of its own for such a product.
pub(super) fn made_by_packager(gtin: Gtin) -> ServiceError {
    let detail = format!(
        "the packager makes the serial numbers of `{gtin}` itself: send them to `POST /serials/v1/registrations`, which makes them \
         an allocation"
    );
    ServiceError::refused(Code::Conflict, detail)
}

/// What the key was given once; nothing new.
async fn without_basis(hub: &Hub, actor: &Actor, request: &SerialRequest, hash: &[u8; 32]) -> Result<Allocation, ServiceError> {
    if let Some(stored) = store::by_key(hub.db(), &actor.party, &request.idempotency_key).await? {
        return replay(stored.allocation, stored.request_hash, hash);
    }
    match waiting::by_key(hub.db(), &actor.party, &request.idempotency_key).await? {
        Some(stored) => replay(stored.allocation, stored.request_hash, hash),
        None => Err(no_agreement(request)),
    }
}

/// Whether the hub said no to this request, rather than not now.
pub(super) fn is_verdict(code: Code) -> bool {
    matches!(
        code,
        Code::NoAgreement
            | Code::QuotaExceeded
            | Code::DailyLimit
            | Code::OutstandingLimit
            | Code::PoolExhausted
            | Code::LotClosed
            | Code::KeyReused
            | Code::Conflict
    )
}

/// What a request rests on.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) principal: PartyId,
    pub(super) agreement: Option<Arc<Agreement>>,
    pub(super) rule: SerialRule,
}

impl Basis {
    /// Whether the principal is to decide on so many.
    pub(super) fn asks_approval(&self, quantity: u64) -> bool {
        self.agreement
            .as_ref()
            .is_some_and(|agreement| agreement.asks_approval(quantity))
    }
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
    if !is_name(&request.idempotency_key, KEY_LENGTH) {
        return refuse(format!(
            "the idempotency key must have 1 to {KEY_LENGTH} characters and no control characters"
        ));
    }
    if let Some(lot) = &request.lot
        && !(is_name(lot, LOT_LENGTH) && lot.chars().all(in_charset_82))
    {
        let lot: String = lot.chars().take(LOT_LENGTH).collect();
        return refuse(format!(
            "the lot `{lot}` is none: 1 to {LOT_LENGTH} characters of GS1 character set 82 (AI 10)"
        ));
    }
    if request
        .line
        .as_deref()
        .into_iter()
        .chain(request.documents.iter())
        .any(|name| !is_name(name, NAME_LENGTH))
    {
        return refuse(format!(
            "the name of a line and the numbers of documents have 1 to {NAME_LENGTH} characters and no control characters"
        ));
    }
    Ok(())
}

fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
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

/// The answer to a key that was used before.
pub(super) fn replay(allocation: Allocation, stored: [u8; 32], hash: &[u8; 32]) -> Result<Allocation, ServiceError> {
    if stored == *hash {
        return Ok(allocation);
    }
    let detail = format!(
        "the idempotency key was used for {}, with another product, quantity, agreement, lot, site, line or document: take a new key \
         for a new request",
        allocation.id
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

/// Whether the lot that is asked for is closed for the caller: to look ahead by; the transaction decides ([`super::batch`]).
pub(super) async fn is_lot_closed(hub: &Hub, actor: &Actor, request: &SerialRequest) -> Result<bool, ServiceError> {
    match request.lot {
        Some(_) => Ok(lot::is_closed(hub.db(), &actor.party, request.numbered, request.lot_and_line()).await?),
        None => Ok(false),
    }
}

/// Says no more than that it is closed: by whom is for those who have a part in the lot.
pub(super) fn lot_closed(request: &SerialRequest) -> ServiceError {
    let detail = format!(
        "lot `{}` of `{}` is closed, so that no more serial numbers are given out for it: check the lot, or ask without one or for one that \
         still runs",
        request.lot.as_deref().unwrap_or_default(),
        request.numbered
    );
    ServiceError::refused(Code::LotClosed, detail)
}

/// Only the caller sees its refusals: an owner that saw those of strangers would learn who they are.
pub(super) fn refusal(hub: &Hub, actor: &Actor, request: &SerialRequest, code: Code, now: Micros) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::RequestSerials,
        object: request.numbered.to_string(),
        outcome: Outcome::Refused,
        detail: serde_json::json!({ "code": code.as_str(), "quantity": request.quantity, "key": request.idempotency_key }),
    }
}

/// Writes down a refusal that no batch wrote down.
pub(super) async fn noted<T>(
    hub: &Hub,
    actor: &Actor,
    request: &SerialRequest,
    answer: Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    if let Err(ServiceError::Refused { code, .. }) = &answer
        && is_verdict(*code)
    {
        let entry = refusal(hub, actor, request, *code, hub.now());
        hub.db()
            .write::<_, ServiceError, _>(move |tx| Box::pin(async move { Ok(audit::append(tx, &entry).await?) }))
            .await?;
    }
    answer
}

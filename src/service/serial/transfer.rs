//! The holder of numbers hands them on: from the printer of labels to whoever packs with them.
//!
//! Only numbers that never came on a pack, and only to a party that may commission packs of the product, or logistic units of the prefix,
//! under an agreement of the same owner (or to the owner itself). Who has a number is then the taker: it commissions and reports it, reads
//! it ([`transferred`]), and it counts in its account and its part of the lot; the giver can no longer do any of that. The giver may still read the allocation whole, as it was
//! given: it may have to print a label again, and a list that changes under its reader helps nobody.
//!
//! # Invariants
//! - All of the numbers named are handed on, or none.
//! - The same key and numbers answer the same transfers; a key with others is refused.
//! - Whether a number is nobody's, another's, or no longer unused is not told apart.

use aws_lc_rs::digest;
use roaring::RoaringBitmap;

use crate::domain::agreement::Power;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AuditId, PartyId, TransferId};
use crate::domain::party::{Actor, Mandate};
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::page::{Page, Paged};
use crate::storage::serial::account::{self, AccountKey, Settlement};
use crate::storage::serial::slice::Reach;
use crate::storage::serial::state::{self, Kept};
use crate::storage::serial::transfer::{self as store, StoredTransfer};
use crate::storage::serial::{Reader, allocation};
use crate::storage::{StorageError, Tx, audit};

use super::download::{SerialRange, SerialStream, part_stream};
use super::locate::{Located, locate};
use super::report::{Subject, part_of};
use super::text;

/// What is handed on, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Which. Of an allocation, `after` and `limit` count its numbers, and `unused` picks those among them that the caller can still hand on.
    pub subject: Subject,
    /// To whom: a GLN of the party or of a site of it.
    pub to: Gln,
    /// For which site of the taker.
    pub site: Option<Gln>,
    /// The giver's own name for this transfer.
    pub idempotency_key: String,
}

/// Numbers of one allocation that went from one party to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Who gave.
    pub from: PartyId,
    /// Who took.
    pub to: PartyId,
    /// For which site.
    pub site: Option<Gln>,
    /// Whose brand.
    pub principal: PartyId,
    /// How many.
    pub quantity: u64,
    /// When.
    pub at: Micros,
}

impl From<&StoredTransfer> for Transfer {
    fn from(stored: &StoredTransfer) -> Self {
        Self {
            id: stored.id,
            numbered: stored.numbered,
            from: stored.from.clone(),
            to: stored.to.clone(),
            site: stored.site,
            principal: stored.principal.clone(),
            quantity: stored.offsets.len(),
            at: stored.at,
        }
    }
}

/// Hands numbers of the caller on: one transfer for each allocation that they are of.
pub async fn transfer(hub: &Hub, actor: &Actor, request: TransferRequest) -> Result<Vec<Transfer>, ServiceError> {
    text::key(Some(&request.idempotency_key))?;
    if let Subject::Serials(serials) = &request.subject {
        let most = hub.limits().serials_per_report;
        if serials.is_empty() || serials.len() > most || serials.iter().any(|serial| serial.chars().any(char::is_control)) {
            let detail =
                format!("a transfer names 1 to {most} serial numbers without control characters, or a range of an allocation");
            return Err(ServiceError::refused(Code::BadInput, detail));
        }
    }
    let (hub, actor) = (hub.clone(), actor.clone());
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { hand_on(tx, &hub, &actor, &request).await }))
        .await
}

async fn hand_on(tx: &Tx, hub: &Hub, actor: &Actor, request: &TransferRequest) -> Result<Vec<Transfer>, ServiceError> {
    let hash = hash(request);
    if let Some(before) = replay(tx, actor, request, &hash).await? {
        return Ok(before);
    }
    let mut located = located(tx, hub, actor, request).await?;
    // Whoever sent the same at the same moment has stored it by now: its allocations were locked.
    if let Some(before) = replay(tx, actor, request, &hash).await? {
        return Ok(before);
    }
    let taker = taker(hub, actor, request, located.first().map(|located| &located.kept))?;
    let now = hub.now();
    let mut transfers = Vec::with_capacity(located.len());
    for Located { kept, numbers } in &mut located {
        let transfer = StoredTransfer {
            id: TransferId::new(hub.new_id(now)),
            allocation: kept.stored.allocation.id,
            numbered: request.numbered,
            from: actor.party.clone(),
            to: taker.party.clone(),
            site: request.site,
            principal: kept.stored.allocation.principal.clone(),
            agreement: taker.agreement.clone(),
            request_key: request.idempotency_key.clone(),
            request_hash: hash,
            offsets: numbers.iter().map(|(_, offset)| *offset).collect(),
            at: now,
        };
        count(tx, kept, &transfer, now).await?;
        store::insert(tx, &transfer).await?;
        audit::append(tx, &entry(hub, actor, &transfer)).await?;
        transfers.push(Transfer::from(&transfer));
    }
    Ok(transfers)
}

async fn replay(
    tx: &Tx,
    actor: &Actor,
    request: &TransferRequest,
    hash: &[u8; 32],
) -> Result<Option<Vec<Transfer>>, ServiceError> {
    let before = store::by_key(tx, &actor.party, &request.idempotency_key).await?;
    if before.iter().any(|transfer| transfer.request_hash != *hash) {
        let detail = "the idempotency key was used for another transfer: take a new key for a new one";
        return Err(ServiceError::refused(Code::KeyReused, detail));
    }
    Ok((!before.is_empty()).then(|| before.iter().map(Transfer::from).collect()))
}

/// What makes two transfers the same.
fn hash(request: &TransferRequest) -> [u8; 32] {
    let TransferRequest {
        numbered,
        subject,
        to,
        site,
        idempotency_key: _,
    } = request;
    let subject = match subject {
        Subject::Serials(serials) => serde_json::json!(serials),
        Subject::Allocation {
            id,
            after,
            limit,
            unused,
        } => serde_json::json!([id, after, limit, unused]),
    };
    let body = serde_json::json!(["counterfoil/serial-transfer/v1", numbered, subject, to, site]).to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    hash
}

/// The numbers, in allocations that are locked; refused unless every one is the caller's and unused.
async fn located(tx: &Tx, hub: &Hub, actor: &Actor, request: &TransferRequest) -> Result<Vec<Located>, ServiceError> {
    let (located, named) = match &request.subject {
        Subject::Serials(serials) => {
            let mut serials: Vec<&str> = serials.iter().map(String::as_str).collect();
            serials.sort_unstable();
            serials.dedup();
            let named = serials.len();
            (
                locate(tx, hub, Reach::Holder(&actor.party), request.numbered, &serials).await?,
                named,
            )
        }
        Subject::Allocation {
            id,
            after,
            limit,
            unused,
        } => {
            state::lock(tx, &[*id]).await?;
            let kept = state::books(Reader::Tx(tx), &[*id]).await?.pop();
            let kept = kept.filter(|kept| kept.stored.allocation.numbered == request.numbered);
            let kept = kept.ok_or_else(ServiceError::not_found)?;
            let held = kept.book.held_by(&actor.party);
            if held.is_empty() {
                return Err(ServiceError::not_found());
            }
            let mut which = part_of(kept.book.issued(), *after, *limit);
            if *unused {
                which &= kept.book.unused() & held;
            }
            let numbers: Vec<(usize, u32)> = which.iter().map(|offset| (0, offset)).collect();
            let named = numbers.len();
            (vec![Located { kept, numbers }], named)
        }
    };
    let free = |located: &Located| {
        let free = located.kept.book.held_by(&actor.party) & located.kept.book.unused();
        located.numbers.iter().filter(|(_, offset)| free.contains(*offset)).count()
    };
    let found: usize = located.iter().map(free).sum();
    if found == named && named > 0 {
        return Ok(located);
    }
    let detail = format!(
        "{} of the {named} serial numbers are not yours, or no longer unused; nothing was handed on: hand on unused numbers of yours",
        named - found
    );
    Err(ServiceError::refused(Code::Conflict, detail))
}

struct Taker {
    party: PartyId,
    agreement: Option<AgreementId>,
}

/// Who takes them; the same refusal for whoever may not.
fn taker(hub: &Hub, actor: &Actor, request: &TransferRequest, first: Option<&Kept>) -> Result<Taker, ServiceError> {
    let (registry, now) = (hub.registry(), hub.now());
    let refuse = || {
        let detail = format!(
            "`{}` is of no other party that may commission `{}` for its brand owner today (at this site, if one is named)",
            request.to, request.numbered
        );
        ServiceError::refused(Code::NoAgreement, detail)
    };
    let party = registry
        .party_of_gln(request.to)
        .filter(|party| **party != actor.party)
        .ok_or_else(refuse)?;
    if request.site.is_some_and(|site| registry.party_of_gln(site) != Some(party)) {
        return Err(refuse());
    }
    let principal = first.map(|kept| &kept.stored.allocation.principal).ok_or_else(refuse)?;
    if registry.owner_of(request.numbered) != Some(principal) {
        return Err(refuse());
    }
    let mandate = registry
        .mandate(party, Power::Commission, request.numbered, now)
        .ok_or_else(refuse)?;
    let agreement = match mandate {
        Mandate::Own => None,
        Mandate::Under(agreement) if request.site.is_none_or(|site| agreement.covers_site(site)) => Some(agreement.id.clone()),
        Mandate::Under(_) => return Err(refuse()),
    };
    Ok(Taker {
        party: party.clone(),
        agreement,
    })
}

/// They are no longer outstanding with the giver, and issued to the taker.
async fn count(tx: &Tx, kept: &Kept, transfer: &StoredTransfer, now: Micros) -> Result<(), ServiceError> {
    let quantity = transfer.offsets.len();
    let signed =
        i64::try_from(quantity).map_err(|_| ServiceError::Internal("a transfer of more than 2^63 numbers".to_owned()))?;
    for (holder, held) in kept
        .book
        .holders()
        .into_iter()
        .filter(|(holder, _)| holder.party == transfer.from)
    {
        let part: RoaringBitmap = held & &transfer.offsets;
        let settled = i64::try_from(part.len()).unwrap_or(signed);
        let key = AccountKey {
            party: holder.party.clone(),
            numbered: transfer.numbered,
            agreement: holder.agreement.clone(),
        };
        account::settle(tx, &key, Settlement { settled, used: 0 }, now).await?;
    }
    let key = AccountKey {
        party: transfer.to.clone(),
        numbered: transfer.numbered,
        agreement: transfer.agreement.clone(),
    };
    Ok(account::issue(tx, &[(&key, quantity)], now).await?)
}

fn entry(hub: &Hub, actor: &Actor, transfer: &StoredTransfer) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(transfer.at)),
        at: transfer.at,
        actor: actor.clone(),
        principal: Some(transfer.principal.clone()).filter(|principal| *principal != actor.party),
        action: AuditAction::TransferSerials,
        object: transfer.id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({
            "gtin": transfer.numbered, "allocation": transfer.allocation, "quantity": transfer.offsets.len(),
            "to": transfer.to, "site": transfer.site, "key": transfer.request_key,
        }),
    }
}

/// Transfers that the caller gave or took, or that are of its brand, newest first.
pub async fn transfers(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<Transfer>, ServiceError> {
    let before = page.after.map(|cursor| TransferId::new(cursor.id));
    let rows = store::list(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    Ok(Paged::by_id(rows.iter().map(Transfer::from).collect(), page, |row| {
        row.id.uuid()
    }))
}

/// A transfer that the caller gave or took, or that is of its brand.
pub async fn find_transfer(hub: &Hub, actor: &Actor, id: TransferId) -> Result<Option<Transfer>, ServiceError> {
    let stored = store::visible(hub.db(), &actor.party, id).await?;
    Ok(stored.as_ref().map(Transfer::from))
}

/// Opens the numbers of a transfer for giver, taker or owner, in the order of their allocation, unless `check` refuses them, and notes it.
pub async fn transferred(
    hub: &Hub,
    actor: &Actor,
    id: TransferId,
    range: SerialRange,
    check: impl FnOnce(SerialStream) -> Result<(), ServiceError> + Send + 'static,
) -> Result<SerialStream, ServiceError> {
    let stored = store::visible(hub.db(), &actor.party, id)
        .await?
        .ok_or_else(ServiceError::not_found)?;
    let lost = || StorageError::Inconsistent(format!("serial_transfer.allocation_id of {id}: no such allocation"));
    let allocation = allocation::visible(hub.db(), &stored.principal, stored.allocation)
        .await?
        .ok_or_else(lost)?;
    let numbers = part_stream(hub, &allocation, &stored.offsets, range).await?;
    let looked_at = numbers.clone();
    let checked = tokio::task::spawn_blocking(move || check(looked_at)).await;
    checked.map_err(|error| ServiceError::Internal(error.to_string()))??;
    let now = hub.now();
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: Some(stored.principal.clone()).filter(|principal| *principal != actor.party),
        action: AuditAction::DownloadSerials,
        object: id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "gtin": stored.numbered, "after": range.after, "quantity": numbers.remaining() }),
    };
    hub.db()
        .write::<_, ServiceError, _>(move |tx| Box::pin(async move { Ok(audit::append(tx, &entry).await?) }))
        .await?;
    Ok(numbers)
}

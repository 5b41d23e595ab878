//! Requests in dialects that have no request id: a retry must not take a second block.
//!
//! Two requests of one system of one party that ask for the same are the same request, as long as the block of the first is neither
//! confirmed nor closed, nothing is known of its numbers, and it is not older than a window: `limits.reask_minutes` where a work order
//! or a reference is named, `limits.reask_unreferenced_minutes` where none is. Otherwise the next block is given.
//!
//! The key that the message lacks is made from what it asks for and a generation that counts up. Whoever finds that a new block is due
//! asks for the same next key, so that of two at once, in one process or in two, both get the one block: the key is unique in the
//! database, and no rule of its own stands here.

use aws_lc_rs::digest;

use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, AllocationState};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::{again as store, allocation, request as waiting};

use super::request::{SerialRequest, request};

/// Digits of the generation at the end of a key.
const GENERATION_DIGITS: usize = 12;

/// As [`request`], for a message without a key; `alike` is what else two messages must share to be the same.
pub async fn request_again(
    hub: &Hub,
    actor: &Actor,
    wanted: SerialRequest,
    alike: &[String],
) -> Result<Allocation, ServiceError> {
    let window = window(hub, &wanted);
    let key = if window == 0 {
        // The caller's operator wants every message to be a new request.
        format!("once{}", hub.new_id(hub.now()).simple())
    } else {
        key_of(hub, actor, &fingerprint(actor, &wanted, alike), window).await?
    };
    request(
        hub,
        actor,
        SerialRequest {
            idempotency_key: key,
            ..wanted
        },
    )
    .await
}

/// Minutes within which two requests that are alike are one.
fn window(hub: &Hub, wanted: &SerialRequest) -> u64 {
    let limits = hub.limits();
    if wanted.documents.work_order.is_some() || wanted.documents.reference.is_some() {
        limits.reask_minutes
    } else {
        limits.reask_unreferenced_minutes
    }
}

/// The key of the block that is still good, or the next.
async fn key_of(hub: &Hub, actor: &Actor, fingerprint: &str, window: u64) -> Result<String, ServiceError> {
    let (low, high) = (key(fingerprint, 0), key(fingerprint, 999_999_999_999));
    let Some(latest) = store::latest_key(hub.db(), &actor.party, &low, &high).await? else {
        return Ok(low);
    };
    let granted = allocation::by_key(hub.db(), &actor.party, &latest).await?;
    let still_good = match (granted, waiting::by_key(hub.db(), &actor.party, &latest).await?) {
        (Some(stored), _) => {
            is_open(&stored.allocation, hub.now(), window) && !store::is_touched(hub.db(), stored.allocation.id).await?
        }
        (None, Some(stored)) => is_open(&stored.allocation, hub.now(), window),
        // It was approved between the two looks.
        (None, None) => true,
    };
    if still_good {
        return Ok(latest);
    }
    let generation: u64 = latest
        .get(latest.len().saturating_sub(GENERATION_DIGITS)..)
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    Ok(key(fingerprint, generation + 1))
}

/// Whether nothing says yet that the numbers arrived, or that there will be none. What waits for approval waits as long as it takes.
fn is_open(allocation: &Allocation, now: Micros, window_minutes: u64) -> bool {
    let window = i64::try_from(window_minutes).unwrap_or(i64::MAX).saturating_mul(60_000_000);
    let within = |since: Micros| now.0.saturating_sub(since.0) < window;
    match &allocation.state {
        AllocationState::Pending => true,
        AllocationState::Rejected { at, .. } => within(*at),
        AllocationState::Reserved | AllocationState::Transmitted { .. } => within(allocation.created_at),
        AllocationState::Acknowledged { .. } | AllocationState::Closed { .. } => false,
    }
}

/// Digits and small letters alone: see [`store::latest_key`].
fn key(fingerprint: &str, generation: u64) -> String {
    format!("again{fingerprint}{generation:012}")
}

/// What two messages share if they are the same request: everything but the key. 128 bits in hexadecimal digits.
fn fingerprint(actor: &Actor, wanted: &SerialRequest, alike: &[String]) -> String {
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
    } = wanted;
    let facts = serde_json::json!([
        "counterfoil/alike/v1",
        actor.system,
        numbered,
        quantity,
        agreement,
        lot,
        site,
        line,
        documents,
        partial_ok,
        alike
    ]);
    let hash = digest::digest(&digest::SHA256, facts.to_string().as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

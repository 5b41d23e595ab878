//! Receipts of allocations.
//!
//! For whoever may see the allocation: its holder and the brand owner. The first call makes the receipt and stores it; it reads all numbers
//! of the block, piece by piece. From then on the same bytes are answered, whatever becomes of the numbers.

use tokio::sync::Semaphore;

use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::domain::serial::merkle::Hash;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::receipt::{Numbers, Position, Proof, Receipt, ReceiptKey};
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::{self as allocations, StoredAllocation};
use crate::storage::serial::receipt as store;

use super::download::{self, SerialStream};

/// Blocks whose numbers are read at the same time: each takes a thread for as long as it lasts.
static READING: Semaphore = Semaphore::const_new(2);

/// Longest text that can be a number: an SSCC has 18 characters, a serial of AI (21) at most 20.
const LONGEST: usize = 20;

/// The receipt of an allocation as a JSON Web Signature in compact form.
pub async fn receipt(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<String, ServiceError> {
    let stored = visible(hub, actor, id).await?;
    if let Some(jws) = store::of_allocation(hub.db(), id).await? {
        return Ok(jws);
    }
    let root = root(hub, &stored).await?;
    let position = Position {
        pool: stored.pool,
        first_index: stored.first_index,
        span: stored.span,
    };
    let operator = hub.registry().operator().cloned();
    let receipt = Receipt::new(operator, &stored.allocation, &root, position, hub.master_key())?;
    let (jws, now) = (ReceiptKey::of(hub.master_key())?.sign(&receipt)?, hub.now());
    hub.db()
        .write(move |tx| Box::pin(async move { Ok(store::put(tx, id, &root, &jws, now).await?) }))
        .await
}

/// The proof that a number is one of an allocation; it belongs to the allocation's receipt.
pub async fn receipt_proof(hub: &Hub, actor: &Actor, id: AllocationId, serial: &str) -> Result<Proof, ServiceError> {
    let stored = visible(hub, actor, id).await?;
    if serial.len() > LONGEST {
        return Err(no_such_number());
    }
    let (numbered, size) = (stored.allocation.numbered, stored.allocation.quantity);
    let wanted = serial.to_owned();
    let numbers = download::open(hub, &stored, (0, size)).await?;
    let index = read(numbers, None, move |found, at, number| {
        if found.is_none() && number == wanted {
            *found = Some(at);
        }
    });
    let index = index.await?.ok_or_else(no_such_number)?;
    let builder = Proof::builder(id, numbered, serial, (index, size)).ok_or_else(no_such_number)?;
    let numbers = download::open(hub, &stored, (0, size)).await?;
    Ok(read(numbers, builder, |builder, _, number| builder.push(number))
        .await?
        .finish())
}

/// The keys that receipts of this hub are verified with (RFC 7517).
pub fn receipt_keys(hub: &Hub) -> Result<serde_json::Value, ServiceError> {
    let keys = ReceiptKey::of(hub.master_key())?.key_set();
    serde_json::to_value(keys).map_err(|error| ServiceError::Internal(format!("writing the key set: {error}")))
}

async fn visible(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<StoredAllocation, ServiceError> {
    allocations::visible(hub.db(), &actor.party, id)
        .await?
        .ok_or_else(ServiceError::not_found)
}

/// Not with the number in it: a text of a query must not come back out of an error log.
fn no_such_number() -> ServiceError {
    ServiceError::refused(Code::NotFound, Code::NotFound.title())
}

async fn root(hub: &Hub, stored: &StoredAllocation) -> Result<Hash, ServiceError> {
    let (numbered, count): (Numbered, u64) = (stored.allocation.numbered, stored.allocation.quantity);
    let stream = download::open(hub, stored, (0, count)).await?;
    let numbers = read(stream, Numbers::of(numbered), |numbers, _, number| numbers.push(number));
    Ok(numbers.await?.root())
}

/// All numbers one by one, with their places, off the threads that serve connections.
async fn read<S: Send + 'static>(
    mut numbers: SerialStream,
    mut state: S,
    each: impl Fn(&mut S, u64, &str) + Send + 'static,
) -> Result<S, ServiceError> {
    let failed = |_| ServiceError::Internal("reading the numbers of an allocation did not end well".to_owned());
    let _turn = READING
        .acquire()
        .await
        .map_err(|_| ServiceError::refused(Code::Unavailable, Code::Unavailable.title()))?;
    let work = move || {
        let mut at = 0;
        while let Some(chunk) = numbers.next_chunk()? {
            for number in &chunk {
                each(&mut state, at, number);
                at += 1;
            }
        }
        Ok(state)
    };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

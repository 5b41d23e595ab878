//! Serial numbers: asking for them, fetching them, and what becomes of them.
//!
//! | file | use case |
//! |---|---|
//! | `request` | a party asks for numbers of a product and gets an allocation, once per idempotency key |
//! | `again` | the same for messages without a key: a retry is told by what it asks for |
//! | `dry_run` | what a request would be answered, with numbers that are never issued |
//! | `writer`, `batch`, `stretch` | what waits for one product is decided and committed together |
//! | `approval` | requests that wait for their principal |
//! | `progress` | the holder confirms that it has the numbers, and closes the allocation when it is done |
//! | `download` | the holder (or the brand owner) streams the numbers |
//! | `usage` | capture says which serials were commissioned; the answer is how each stands |
//! | `lookup` | was this number issued, to whom, what became of it: for one or a hundred thousand |
//! | `life` | capture says what became of packs since |
//! | `report`, `exception` | holder and owner report what became of numbers; moves that there are not are kept for both |
//! | `transfer` | the holder hands numbers on to another party |
//! | `lease` | numbers that are not used in time are lost |
//! | `locate` | serials to numbers of allocations, locked |
//! | `receipt` | the signed receipt of an allocation, and proofs of single numbers |
//! | `floor` | no number moves on data that may have been restored, until the operator confirms how far numbers had gone |
//! | `pools` | prepared keys of this process; pools are opened on first use and verified |
//! | `rotate` | an owner takes a new key for a product |
//! | `overview` | what an owner sees of its pools |
//! | `import` | the brand owner brings a list of numbers that it made itself |
//! | `registration` | a delegate tells of numbers that it makes itself |
//! | `broker` | numbers are ordered at the brand owner's own system |
//! | `stock` | what a party has left, and when a product reaches its density |
//! | `replenish`, `alert` | what is low, late or about to end; what is asked for by itself; who is told |
//! | `listing` | what is wrong with such a list, and how it becomes numbers of a pool |
//! | `epoch` | a new serial rule or a rotated key: which pool takes the place of which |
//!
//! # Invariants
//! - No number is issued twice: the counter moves by one conditional statement in the transaction of the allocation.
//! - The same party, key and body answer the same allocation for ever; a key with another body is refused.
//! - Whoever has no agreement gets one and the same refusal, whether the product exists or not.
//! - Serial numbers stand in no log, no audit entry and no error.

mod again;
mod alert;
mod approval;
mod batch;
mod broker;
mod download;
mod dry_run;
mod epoch;
mod exception;
pub mod floor;
mod import;
mod lease;
mod life;
mod listing;
mod locate;
pub mod lookup;
mod overview;
mod pools;
mod progress;
mod receipt;
mod registration;
mod replenish;
mod report;
mod request;
mod rotate;
mod stock;
mod stretch;
pub(super) mod text;
mod transfer;
mod usage;
mod writer;

pub use crate::domain::serial::alert::{AlertKind, SerialAlert};
pub use crate::domain::serial::allocation::{Allocation, AllocationState, Documents, Standing};
pub use crate::domain::serial::numbered::Numbered;
pub use crate::storage::serial::listed::{ImportKind, ImportRecord};
pub use again::request_again;
pub use alert::alerts;
pub use approval::{approve, pending, reject};
pub use batch::Answered;
pub use broker::Turns;
pub use download::{SerialRange, SerialStream, serials, serials_if};
pub use dry_run::{DryRun, dry_run};
pub use exception::{SerialException, exceptions};
pub use import::{ImportRequest, import, imports, too_long};
pub use lease::{expire_leases, extend_lease, may_be_more};
pub use life::{Followed, follow, hold_lots};
pub use overview::{PoolOverview, pools as pools_of_owner};
pub(super) use pools::serials_at;
pub use pools::{PoolCache, verify_pools};
pub use progress::{close, confirm};
pub use receipt::{receipt, receipt_keys, receipt_proof};
pub use registration::{Registration, register};
pub use replenish::{Wall, Watch};
pub use report::{Answer, Report, Reported, Subject, report};
pub use request::{SerialRequest, request, request_once};
pub use rotate::{Rotated, Rotation, rotate};
pub use stock::{SerialStock, forecast, stocks};
pub use transfer::{Transfer, TransferRequest, find_transfer, transfer, transferred, transfers};
pub use usage::{commissioned, uncommissioned};
pub use writer::{UnderWay, Writer, WriterCounts, under_way};

use crate::domain::ids::AllocationId;
use crate::domain::party::Actor;
use crate::domain::serial::SerialError;
use crate::storage::serial::{allocation as store, request as waiting};

use super::Hub;
use super::error::{Code, ServiceError};
use super::page::{Page, Paged};

/// What the audit log calls the hub where it acts by itself; no certificate can name a system so.
const HUB_SYSTEM: &str = "hub/supply";

/// An allocation that the caller has or that was made in its name; also one that has no numbers, since it waits or was rejected.
pub async fn allocation(hub: &Hub, actor: &Actor, id: AllocationId) -> Result<Option<Allocation>, ServiceError> {
    if let Some(stored) = store::visible(hub.db(), &actor.party, id).await? {
        return Ok(Some(stored.allocation));
    }
    Ok(waiting::visible(hub.db(), &actor.party, id)
        .await?
        .map(|stored| stored.allocation))
}

/// Allocations that the caller has or that were made in its name, newest first.
pub async fn allocations(
    hub: &Hub,
    actor: &Actor,
    numbered: Option<Numbered>,
    page: Page,
) -> Result<Paged<Allocation>, ServiceError> {
    let before = page.after.map(|cursor| AllocationId::new(cursor.id));
    let rows = store::list(hub.db(), &actor.party, numbered, before, page.first.saturating_add(1)).await?;
    Ok(Paged::by_id(rows, page, |row| row.id.uuid()))
}

/// A fault of keys or pools is the operator's to mend: the caller learns nothing of it, the log everything. That no number is left is not one.
impl From<SerialError> for ServiceError {
    fn from(error: SerialError) -> Self {
        match &error {
            SerialError::Exhausted { .. } => Self::refused(Code::PoolExhausted, error.to_string()),
            SerialError::Rule(_)
            | SerialError::WrongMasterKey { .. }
            | SerialError::KeyForm { .. }
            | SerialError::Crypto(_)
            | SerialError::Algorithm { .. }
            | SerialError::KnownAnswers { .. } => Self::Internal(error.to_string()),
        }
    }
}

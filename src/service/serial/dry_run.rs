//! A dry run: what a request would be answered, without a number moving.
//!
//! The same contract and the same limits as a request, but nothing is written: no allocation, no counter, no account, no key. The numbers
//! come from the part of the space that is never issued, the counter values at or above the cap, so that what a line prints in a test
//! can never be mistaken for a pack. What a dry run is not: a promise; somebody else may take the last numbers in between.
//!
//! The pool of a product is opened by its first dry run as it would be by its first request.

use std::sync::Arc;

use crate::domain::agreement::Agreement;
use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::party::Actor;
use crate::domain::serial::space::NumberSpace;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::account::{self, AccountKey};

use super::download::SerialStream;
use super::pools;
use super::request::{SerialRequest, basis, check, check_per_request, check_total, no_agreement};

/// What a request would have been answered.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// An id of the right form; there is no such allocation.
    pub id: AllocationId,
    /// In whose name.
    pub principal: PartyId,
    /// Under which agreement; none for an own product.
    pub agreement: Option<Arc<Agreement>>,
    /// Numbers issued so far to the caller under that agreement.
    pub issued: u64,
    /// Numbers that look like those of the product and are never issued.
    pub numbers: SerialStream,
}

/// Looks what a request would be answered; an error is the refusal it would get.
pub async fn dry_run(hub: &Hub, actor: &Actor, request: &SerialRequest) -> Result<DryRun, ServiceError> {
    check(hub, request)?;
    let (registry, now) = (hub.registry(), hub.now());
    let basis = basis(&registry, actor, request, now).ok_or_else(|| no_agreement(request))?;
    check_per_request(&basis, request)?;
    let key = AccountKey {
        party: actor.party.clone(),
        numbered: request.numbered,
        agreement: basis.agreement.as_ref().map(|agreement| agreement.id.clone()),
    };
    let account = account::of(hub.db(), &key, now.day()).await?;
    check_total(account.issued, &basis, request)?;
    let pool = pools::for_product(hub, &basis.principal, request.numbered, &basis.rule).await?;
    // From the greater of both caps on nothing is issued, whichever of them held when it was.
    let cap = pool.record().cap.max(NumberSpace::new(&basis.rule)?.cap());
    let size = NumberSpace::new(&basis.rule)?.domain().size();
    if u128::from(cap) + u128::from(request.quantity) > size {
        let detail = "every number of this product may be issued one day, so that there are none to try with: ask for fewer in a dry run";
        return Err(ServiceError::refused(Code::PoolExhausted, detail));
    }
    Ok(DryRun {
        id: AllocationId::new(hub.new_id(now)),
        principal: basis.principal,
        agreement: basis.agreement,
        issued: account.issued,
        numbers: SerialStream::from(pool, cap, request.quantity),
    })
}

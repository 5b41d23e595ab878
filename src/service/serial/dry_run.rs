//! A dry run: what a request would be answered, without a number moving.
//!
//! The same contract and the same limits as a request, but nothing is written: no allocation, no counter, no account, no key. The numbers
//! are none that the pool gives out ([`Trial`]), so that what a line prints in a test is not mistaken for a pack. What a dry run is not:
//! a promise; somebody else may take the last numbers in between.
//!
//! The pool of a product is opened by its first dry run as it would be by its first request.

use std::sync::Arc;

use crate::domain::agreement::Agreement;
use crate::domain::ids::PartyId;
use crate::domain::party::Actor;
use crate::domain::serial::trial::Trial;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::account::{self, AccountKey};

use super::download::SerialStream;
use super::pools;
use super::request::{SerialRequest, basis, check, check_per_request, check_total, no_agreement};

/// What a request would have been answered.
#[derive(Debug, Clone)]
pub struct DryRun {
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
    Ok(DryRun {
        principal: basis.principal,
        agreement: basis.agreement,
        issued: account.issued,
        numbers: SerialStream::trial(Trial::new(pool, request.quantity), request.quantity),
    })
}

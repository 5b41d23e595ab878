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
use crate::domain::serial::limits::{Account, Wanted, grant};
use crate::domain::serial::rule::Source;
use crate::domain::serial::trial::Trial;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::account::{self, AccountKey};
use crate::storage::serial::{pool as store, supply};

use super::batch::{Asked, over};
use super::download::SerialStream;
use super::pools;
use super::request::{SerialRequest, basis, check, is_lot_closed, lot_closed, made_by_packager, no_agreement};

/// What a request would have been answered.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// In whose name.
    pub principal: PartyId,
    /// Under which agreement; none for an own product.
    pub agreement: Option<Arc<Agreement>>,
    /// What the caller has of the product under that agreement.
    pub account: Account,
    /// Whether the principal would have to approve it first.
    pub approval: bool,
    /// Numbers that look like those of the product and are never issued.
    pub numbers: SerialStream,
}

/// Looks what a request would be answered; an error is the refusal it would get.
pub async fn dry_run(hub: &Hub, actor: &Actor, request: &SerialRequest) -> Result<DryRun, ServiceError> {
    check(hub, request)?;
    let (registry, now) = (hub.registry(), hub.now());
    let basis = basis(&registry, actor, request, now).ok_or_else(|| no_agreement(request))?;
    let key = AccountKey {
        party: actor.party.clone(),
        numbered: request.numbered,
        agreement: basis.agreement.as_ref().map(|agreement| agreement.id.clone()),
    };
    if is_lot_closed(hub, actor, request).await? {
        return Err(lot_closed(request));
    }
    let account = account::of(hub.db(), &key, now.day()).await?;
    let pool = pools::for_product(hub, &basis.principal, request.numbered, &basis.rule).await?;
    let next = store::next(hub.db(), pool.record().id).await?;
    let free = pool.cap_under(&basis.rule)?.saturating_sub(next);
    let remaining = match (basis.rule.source, request.numbered.gtin()) {
        (Source::Delegate, Some(gtin)) => return Err(made_by_packager(gtin)),
        (Source::Imported, _) => free.min(supply::stock_left(hub.db(), pool.record().id).await?),
        // A request would have what is missing delivered.
        (Source::Permutation | Source::Sequential | Source::Brokered | Source::Delegate, _) => free,
    };
    let asked = Asked {
        actor: actor.clone(),
        request: request.clone(),
        basis,
        hash: [0; 32],
        approved: None,
    };
    let agreement = asked.basis.agreement.clone();
    let quota = agreement.as_ref().map(|agreement| agreement.quota).unwrap_or_default();
    let SerialRequest {
        quantity, partial_ok, ..
    } = *request;
    let granted =
        grant(Wanted { quantity, partial_ok }, &quota, &account, remaining).map_err(|exceeded| over(&exceeded, &asked))?;
    let approval = agreement.as_ref().is_some_and(|agreement| agreement.asks_approval(quantity));
    if !approval {
        hub.floor().check()?;
    }
    Ok(DryRun {
        principal: asked.basis.principal,
        agreement,
        account,
        approval,
        numbers: SerialStream::trial(hub, Trial::new(pool, granted), granted),
    })
}

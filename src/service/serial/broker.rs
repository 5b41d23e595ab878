//! Numbers that the brand owner's own system makes: asked for when the stock is too small for a request, or low.
//!
//! An order is stored before it is sent, with the key that it is sent with: a process that dies, and an answer that is lost, are asked
//! for again and cost nothing. What comes is checked like any list ([`super::listing`]) and taken whole or not at all. Nothing is sent
//! inside a transaction.
//!
//! # Invariants
//! - At most one order of a pool is open, whatever the number of processes.
//! - No number of an order that has one bad number is taken; the brand owner is told by an alert.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gtin;
use crate::domain::ids::{AuditId, BrokerOrderId, ImportId, PartyId, PoolId};
use crate::domain::party::{Actor, SerialRule};
use crate::domain::serial::alert::{AlertCause, AlertKind};
use crate::domain::serial::upstream::Upstream;
use crate::outbound::serial::{Order, Ordered, UpstreamError};
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::broker::{self as store, BrokerOrder, OrderEnd};
use crate::storage::serial::listed::{self, ImportKind, ImportRecord};
use crate::storage::serial::supply;
use crate::storage::{Tx, audit};

use super::listing::{self, Arrived, Checked, Home};
use super::{alert, pools};

/// After an order was refused, the next is not sent before.
const PAUSE_SECONDS: i64 = 60;
/// Orders that one request may cause: one that is open from before, and its own.
const ORDERS: usize = 3;

/// One order of a pool at a time in this process; among processes the database sees to it.
#[derive(Debug, Default)]
pub struct Turns {
    pools: Mutex<HashMap<PoolId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    fn of(&self, pool: PoolId) -> Arc<tokio::sync::Mutex<()>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry(pool).or_default())
    }
}

/// A product whose numbers are ordered.
#[derive(Debug, Clone)]
pub(super) struct Brokered {
    pub(super) owner: PartyId,
    pub(super) gtin: Gtin,
    pub(super) rule: SerialRule,
}

/// Sees to it that the pool of a product has so many numbers left. Refused with [`Code::Unavailable`] if they cannot be had now.
///
/// In this process nobody else asks until the answer is dropped: whoever takes the numbers holds it until it has them.
pub(super) async fn ensure(hub: &Hub, product: &Brokered, quantity: u64) -> Result<OwnedMutexGuard<()>, ServiceError> {
    let pool = pools::for_product(hub, &product.owner, product.gtin.into(), &product.rule).await?;
    let pool = pool.record().id;
    let turn = hub.broker_turns().of(pool);
    let turn = turn.lock_owned().await;
    for _ in 0..ORDERS {
        let left = supply::stock_left(hub.db(), pool).await?;
        if left >= quantity {
            return Ok(turn);
        }
        hub.floor().check()?;
        Sending { hub, product, pool }.order(quantity - left).await?;
    }
    Err(unavailable("its orders bring fewer numbers than are asked for"))
}

/// Tells the other system of orders that have arrived and of which it does not know.
pub(super) async fn confirm(hub: &Hub, upstream: &Upstream, pool: PoolId) -> Result<(), ServiceError> {
    for (order, name) in store::unconfirmed(hub.db(), pool).await? {
        if let Err(error) = hub.outbound().confirm_serials(upstream, &name, hub.now()).await {
            tracing::warn!(%order, %error, "an order could not be confirmed and will be again");
            return Ok(());
        }
        let now = hub.now();
        hub.db()
            .write::<_, ServiceError, _>(move |tx| Box::pin(async move { Ok(store::confirmed(tx, order, now).await?) }))
            .await?;
    }
    Ok(())
}

/// One order.
struct Sending<'a> {
    hub: &'a Hub,
    product: &'a Brokered,
    pool: PoolId,
}

impl Sending<'_> {
    async fn order(&self, missing: u64) -> Result<(), ServiceError> {
        let registry = self.hub.registry();
        let upstream = registry
            .product(self.product.gtin)
            .and_then(|(_, product)| product.supply.upstream.as_ref())
            .ok_or_else(|| unavailable("its address is not configured"))?;
        let order = self.open(upstream, missing).await?;
        let asked = Order {
            upstream,
            id: order.id,
            numbered: self.product.gtin.into(),
            quantity: order.quantity,
            now: self.hub.now(),
        };
        match self.hub.outbound().order_serials(asked).await {
            Ok(ordered) => {
                self.fill(&order, ordered).await?;
                confirm(self.hub, upstream, self.pool).await
            }
            Err(error) => {
                let (told, ends) = match &error {
                    UpstreamError::Later(why) => (format!("it {why}"), false),
                    UpstreamError::Setup(_) => ("the hub cannot ask it".to_owned(), false),
                    UpstreamError::Refused(_) => ("it refused the order".to_owned(), true),
                    UpstreamError::Bad(_) => ("it answered wrongly".to_owned(), true),
                };
                let end = ends.then(|| error.to_string());
                self.failed(&order, &told, (error.to_string(), end)).await
            }
        }
    }

    /// The open order, or a new one.
    async fn open(&self, upstream: &Upstream, missing: u64) -> Result<BrokerOrder, ServiceError> {
        let now = self.hub.now();
        let refused = store::last_refusal(self.hub.db(), self.pool).await?;
        if refused.is_some_and(|at| at.plus_seconds(PAUSE_SECONDS) > now) {
            return Err(unavailable(
                "it refused an order, or sent bad numbers, less than a minute ago",
            ));
        }
        let most = self.hub.limits().serials_per_import as u64;
        let order = BrokerOrder {
            id: BrokerOrderId::new(self.hub.new_id(now)),
            pool: self.pool,
            quantity: upstream.batch.max(missing).min(most).max(1),
            created_at: now,
        };
        self.hub
            .db()
            .write::<_, ServiceError, _>(move |tx| Box::pin(async move { Ok(store::open_or_insert(tx, order).await?) }))
            .await
    }

    /// Takes what came, whole or not at all.
    async fn fill(&self, order: &BrokerOrder, ordered: Ordered) -> Result<(), ServiceError> {
        let arrived = Arrived {
            gtin: self.product.gtin,
            serials: ordered.serials,
            first_line: 1,
            follow: true,
        };
        let filled = match listing::check(self.hub, arrived, &self.product.owner, &self.product.rule).await {
            Ok(checked) => self.store(order, checked, ordered.upstream_id).await,
            Err(error) => Err(error),
        };
        match filled {
            Err(error) if matches!(error.code(), Code::SerialsRefused | Code::PoolExhausted) => {
                // The text says how many rows are wrong, and no number.
                let why = format!(
                    "the manufacturer's system sent a list of {} numbers that is not taken: {error}",
                    order.quantity
                );
                self.failed(order, "it sent bad numbers", (why.clone(), Some(why))).await
            }
            other => other,
        }
    }

    async fn store(&self, order: &BrokerOrder, checked: Checked, upstream: String) -> Result<(), ServiceError> {
        let (hub, order, cause) = (self.hub.clone(), *order, self.cause());
        let owner = self.product.owner.clone();
        let work = self.hub.db().write(move |tx| {
            Box::pin(async move {
                let states = checked.lock(tx).await?;
                // Another process may have asked for the same order, and stored it.
                if store::open(tx, order.pool).await?.map(|open| open.id) != Some(order.id) {
                    return Ok(());
                }
                let first_index = checked.store(tx, &hub, &states, Home::Pool(order.pool)).await?;
                let now = hub.now();
                let record = ImportRecord {
                    id: ImportId::new(hub.new_id(now)),
                    numbered: checked.gtin().into(),
                    pool: order.pool,
                    party: owner,
                    kind: ImportKind::Brokered,
                    request_key: order.id.to_string(),
                    sha256: checked.sha256().to_vec(),
                    first_index,
                    quantity: checked.len(),
                    at: now,
                };
                listed::record(tx, &record).await?;
                store::end(tx, order.id, &OrderEnd::Filled { upstream }, now).await?;
                alert::clear(tx, &hub, &cause).await?;
                let detail = serde_json::json!({ "gtin": record.numbered, "quantity": record.quantity });
                audited(tx, &hub, &record.party, &order, Outcome::Done, detail).await
            })
        });
        work.await
    }

    /// Tells the owner, who is to know why; whoever asked is told less. Ends the order if nothing will come of it.
    async fn failed(&self, order: &BrokerOrder, told: &str, (why, end): (String, Option<String>)) -> Result<(), ServiceError> {
        let (hub, order, cause) = (self.hub.clone(), *order, self.cause());
        let work = self.hub.db().write::<_, ServiceError, _>(move |tx| {
            Box::pin(async move {
                if let Some(reason) = end {
                    let detail = serde_json::json!({ "quantity": order.quantity, "reason": reason });
                    if store::end(tx, order.id, &OrderEnd::Refused { reason }, hub.now()).await? {
                        audited(tx, &hub, &cause.party, &order, Outcome::Refused, detail).await?;
                    }
                }
                Ok(alert::raise(tx, &hub, cause, why).await?)
            })
        });
        work.await?;
        Err(unavailable(told))
    }

    fn cause(&self) -> AlertCause {
        AlertCause {
            kind: AlertKind::UpstreamFailed,
            party: self.product.owner.clone(),
            principal: self.product.owner.clone(),
            numbered: self.product.gtin.into(),
            agreement: None,
            subject: self.pool.to_string(),
        }
    }
}

async fn audited(
    tx: &Tx,
    hub: &Hub,
    owner: &PartyId,
    order: &BrokerOrder,
    outcome: Outcome,
    detail: serde_json::Value,
) -> Result<(), ServiceError> {
    let now = hub.now();
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: Actor {
            party: owner.clone(),
            system: super::HUB_SYSTEM.to_owned(),
        },
        principal: None,
        action: AuditAction::OrderSerials,
        object: order.id.to_string(),
        outcome,
        detail,
    };
    Ok(audit::append(tx, &entry).await?)
}

/// What whoever asks for numbers is told: not its fault, its key is still good.
fn unavailable(why: &str) -> ServiceError {
    let detail = format!(
        "serial numbers of this product come from the manufacturer's own system, which gives none now: {why}; no number was given out, ask \
         again with the same key"
    );
    ServiceError::refused(Code::Unavailable, detail)
}

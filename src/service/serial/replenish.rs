//! The watch over the supply of serial numbers: what is low, late or about to end, and what is asked for by itself.
//!
//! A round looks at everything, asks where an agreement says to fill the stock up, and brings the alerts in line with what is the case
//! ([`super::alert`]). Every process may make rounds at the same time: what is asked for has a key that follows from the stock it was
//! found at, so that all of them ask for the same allocation.
//!
//! What is asked for by itself meets the same limits as any request and stands in the audit log, in the delegate's name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::agreement::{Agreement, Power};
use crate::domain::gs1::Gtin;
use crate::domain::ids::AgreementId;
use crate::domain::party::{Actor, Party, Product, Registry};
use crate::domain::serial::alert::{AlertCause, AlertKind};
use crate::domain::serial::forecast::{Outlook, Replenish, WINDOW_DAYS, days_left, rate_per_day};
use crate::domain::serial::rule::Source;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::account::AccountKey;
use crate::storage::serial::supply::{self, Daily, Stock, Waiting};
use crate::storage::serial::{alert as alerts, allocation, pool, request as waiting};

use super::broker::{self, Brokered};
use super::request::{SerialRequest, request};
use super::{HUB_SYSTEM, alert, pools};

/// Allocations of one kind that a round raises alerts for; the oldest come first.
const PER_KIND: usize = 1_000;
/// Alerts that a round looks whether they still stand.
const STANDING: usize = 20_000;
/// After a refusal nothing is asked for by itself for so long.
const PAUSE_SECONDS: i64 = 3_600;

/// What a process remembers between rounds: what was refused, so that it is not asked for every minute.
#[derive(Debug, Default)]
pub struct Watch {
    refused: HashMap<(AgreementId, Gtin), (Micros, &'static str)>,
}

/// What is the case, with figures for people.
type Found = BTreeMap<AlertCause, String>;

impl Watch {
    /// Looks at everything once; answers how many alerts stand after it.
    pub async fn round(&mut self, hub: &Hub) -> Result<usize, ServiceError> {
        let (registry, now) = (hub.registry(), hub.now());
        let mut found = Found::new();
        self.stocks(hub, &registry, &mut found).await?;
        for party in registry.parties().filter(|party| party.active) {
            for product in &party.products {
                if let Err(error) = product_supply(hub, party, product, &mut found).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, gtin = %product.gtin, "supply could not be looked at");
                }
            }
        }
        walls(hub, &registry, &mut found).await?;
        allocations(hub, now, &mut found).await?;
        settle(hub, found).await
    }

    /// Delegates' stocks under agreements that say what they should be.
    async fn stocks(&mut self, hub: &Hub, registry: &Registry, found: &mut Found) -> Result<(), ServiceError> {
        let now = hub.now();
        let watched = watched(registry, now);
        let keys: Vec<AccountKey> = watched.iter().map(|(_, _, key)| key.clone()).collect();
        let outlooks = outlooks(hub, &keys).await?;
        for (agreement, rule, key) in watched {
            let Some((stock, rate)) = outlooks.get(&key).copied() else {
                continue;
            };
            let outlook = Outlook::new(stock.unused, rate, Some(&rule));
            if !outlook.is_low() {
                continue;
            }
            let Some(gtin) = key.numbered.gtin() else { continue };
            let mut detail = told(&outlook);
            if let Some(wanted) = outlook.wanted(&rule)
                && let Some(code) = self.ask(hub, &agreement, gtin, (wanted, stock.issued)).await?
            {
                detail.push_str(&format!("; what was asked for by itself was refused: {code}"));
            }
            let cause = AlertCause {
                kind: AlertKind::LowWater,
                party: agreement.delegate.clone(),
                principal: agreement.principal.clone(),
                numbered: key.numbered,
                agreement: Some(agreement.id.clone()),
                subject: "stock".to_owned(),
            };
            found.insert(cause, detail);
        }
        Ok(())
    }

    /// Asks in the delegate's name; answers the code of a refusal.
    async fn ask(
        &mut self,
        hub: &Hub,
        agreement: &Agreement,
        gtin: Gtin,
        (wanted, issued): (u64, u64),
    ) -> Result<Option<&'static str>, ServiceError> {
        let (now, name) = (hub.now(), (agreement.id.clone(), gtin));
        if let Some((at, code)) = self.refused.get(&name)
            && at.plus_seconds(PAUSE_SECONDS) > now
        {
            return Ok(Some(code));
        }
        let quantity = wanted
            .min(hub.limits().serials_per_request)
            .min(agreement.quota.per_request.unwrap_or(u64::MAX));
        // Every process that finds the stock like this asks for this.
        let key = format!("replenish/{}/{gtin}/{issued}", agreement.id);
        let party = &agreement.delegate;
        let asked = allocation::by_key(hub.db(), party, &key).await?.is_some();
        if asked || waiting::by_key(hub.db(), party, &key).await?.is_some() {
            return Ok(None);
        }
        let actor = Actor {
            party: party.clone(),
            system: HUB_SYSTEM.to_owned(),
        };
        let wanted = SerialRequest {
            agreement: Some(agreement.id.clone()),
            partial_ok: true,
            ..SerialRequest::new(gtin, quantity, key)
        };
        match request(hub, &actor, wanted).await {
            Ok(_) => {
                self.refused.remove(&name);
                Ok(None)
            }
            // Another process was faster, or the hub is busy: the next look asks again.
            Err(ServiceError::Refused {
                code: Code::Unavailable,
                detail,
                ..
            }) => {
                tracing::info!(agreement = %agreement.id, %gtin, detail, "a stock is filled up later");
                Ok(None)
            }
            Err(ServiceError::Refused { code, .. }) => {
                self.refused.insert(name, (now, code.as_str()));
                Ok(Some(code.as_str()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Agreements that say what a stock should be, by product.
fn watched(registry: &Registry, now: Micros) -> Vec<(Arc<Agreement>, Replenish, AccountKey)> {
    let mut watched = Vec::new();
    for party in registry.parties() {
        for agreement in registry.principals_of(&party.id, now) {
            let Some(rule) = agreement
                .replenish
                .filter(|_| agreement.powers.contains(&Power::RequestSerials))
            else {
                continue;
            };
            let products = agreement.products.iter().filter(|gtin| {
                let source = registry.product(**gtin).map(|(_, product)| product.serials.source);
                source.is_some_and(|source| source != Source::Delegate)
            });
            watched.extend(products.map(|gtin| (Arc::clone(agreement), rule, account(agreement, *gtin))));
        }
    }
    watched
}

fn account(agreement: &Agreement, gtin: Gtin) -> AccountKey {
    AccountKey {
        party: agreement.delegate.clone(),
        numbered: gtin.into(),
        agreement: Some(agreement.id.clone()),
    }
}

/// Stocks and the rates at which they are used; an account that never had a number has an empty stock.
pub(super) async fn outlooks(hub: &Hub, keys: &[AccountKey]) -> Result<BTreeMap<AccountKey, (Stock, f64)>, ServiceError> {
    let today = hub.now().day();
    let stocks = supply::stocks(hub.db(), keys).await?;
    let used = supply::by_day(hub.db(), keys, (Daily::Used, today - WINDOW_DAYS as i64, today)).await?;
    let outlook = |(key, days): (AccountKey, Vec<u64>)| {
        let stock = stocks.get(&key).copied().unwrap_or_default();
        (key, (stock, rate_per_day(&days)))
    };
    Ok(used.into_iter().map(outlook).collect())
}

fn told(outlook: &Outlook) -> String {
    let Outlook {
        unused,
        rate_per_day,
        days_of_cover,
        low_below,
    } = outlook;
    match days_of_cover {
        Some(days) => {
            format!("{unused} unused numbers, fewer than {low_below}; at {rate_per_day:.0} a day they last {days:.1} days")
        }
        None => format!("{unused} unused numbers, fewer than {low_below}"),
    }
}

/// What a product whose numbers are not computed has left, and its orders at the owner's own system.
async fn product_supply(hub: &Hub, owner: &Party, product: &Product, found: &mut Found) -> Result<(), ServiceError> {
    let supply_rule = &product.supply;
    if product.serials.source.is_computed() || product.serials.source == Source::Delegate {
        return Ok(());
    }
    if supply_rule.low_water.is_none() && supply_rule.upstream.is_none() {
        return Ok(());
    }
    let pool = pools::for_product(hub, &owner.id, product.gtin.into(), &product.serials).await?;
    let pool = pool.record().id;
    if let Some(upstream) = &supply_rule.upstream {
        if let Some(minimum) = upstream.minimum {
            let brokered = Brokered {
                owner: owner.id.clone(),
                gtin: product.gtin,
                rule: product.serials.clone(),
            };
            // What went wrong stands in an alert.
            if let Err(error) = broker::ensure(hub, &brokered, minimum).await {
                tracing::debug!(%error, gtin = %product.gtin, "no numbers from upstream");
            }
        }
        broker::confirm(hub, upstream, pool).await?;
    }
    let left = supply::stock_left(hub.db(), pool).await?;
    if supply_rule.low_water.is_some_and(|low| left < low) {
        let cause = of_owner(AlertKind::LowWater, owner, product.gtin, "pool");
        found.insert(cause, format!("{left} numbers are left in the list of this product"));
    }
    Ok(())
}

fn of_owner(kind: AlertKind, owner: &Party, gtin: Gtin, subject: &str) -> AlertCause {
    AlertCause {
        kind,
        party: owner.id.clone(),
        principal: owner.id.clone(),
        numbered: gtin.into(),
        agreement: None,
        subject: subject.to_owned(),
    }
}

/// When a product's numbers reach their density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wall {
    /// Numbers that the product can still give.
    pub left: u64,
    /// Numbers given out a day.
    pub rate_per_day: f64,
    /// In how many days none is left; none if none is given out.
    pub days: Option<f64>,
}

/// The wall of a product; none for one whose numbers are not computed, or that never gave any.
pub(super) async fn wall(hub: &Hub, owner: &Party, product: &Product) -> Result<Option<Wall>, ServiceError> {
    if !product.serials.source.is_computed() {
        return Ok(None);
    }
    let records = pool::of_product(hub.db(), product.gtin.into()).await?;
    let Some(record) = records.into_iter().find(|record| record.follows(&product.serials)) else {
        return Ok(None);
    };
    let id = record.id;
    let pool = pools::prepare(hub, record).await?;
    let cap = pool.cap_under(&product.serials)?;
    let left = cap.saturating_sub(supply::counter(hub.db(), id).await?);
    let registry = hub.registry();
    let mut keys: Vec<AccountKey> = registry
        .agreements_of(&owner.id)
        .filter(|agreement| agreement.principal == owner.id && agreement.products.contains(&product.gtin))
        .map(|agreement| account(agreement, product.gtin))
        .collect();
    keys.push(AccountKey {
        party: owner.id.clone(),
        numbered: product.gtin.into(),
        agreement: None,
    });
    let today = hub.now().day();
    let issued = supply::by_day(hub.db(), &keys, (Daily::Issued, today - WINDOW_DAYS as i64, today)).await?;
    let mut days = vec![0_u64; WINDOW_DAYS];
    for counts in issued.values() {
        days.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }
    let rate_per_day = rate_per_day(&days);
    Ok(Some(Wall {
        left,
        rate_per_day,
        days: days_left(left, rate_per_day),
    }))
}

async fn walls(hub: &Hub, registry: &Registry, found: &mut Found) -> Result<(), ServiceError> {
    let warning = hub.limits().density_warning_days as f64;
    for party in registry.parties().filter(|party| party.active) {
        for product in &party.products {
            let Some(wall) = wall(hub, party, product).await? else {
                continue;
            };
            if let Some(days) = wall.days.filter(|days| *days < warning) {
                let detail = format!(
                    "{} numbers are left; at {:.0} a day they last {days:.0} days",
                    wall.left, wall.rate_per_day
                );
                found.insert(of_owner(AlertKind::DensityWall, party, product.gtin, "pool"), detail);
            }
        }
    }
    Ok(())
}

/// Allocations that nobody acknowledged, or whose lease ends.
async fn allocations(hub: &Hub, now: Micros, found: &mut Found) -> Result<(), ServiceError> {
    let limits = hub.limits();
    let hours = |hours: u64| i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(3_600);
    let before = now.plus_seconds(-hours(limits.unacknowledged_after_hours));
    for late in supply::unacknowledged(hub.db(), before, PER_KIND).await? {
        let detail = format!("made on {} and neither confirmed nor used since", late.at.rfc3339());
        found.insert(of_allocation(AlertKind::Unacknowledged, late), detail);
    }
    let until = now.plus_seconds(hours(limits.lease_warning_hours));
    for ending in supply::expiring(hub.db(), now, until, PER_KIND).await? {
        let detail = format!("expires on {}; what is not used by then counts as lost", ending.at.rfc3339());
        found.insert(of_allocation(AlertKind::LeaseEnding, ending), detail);
    }
    Ok(())
}

fn of_allocation(kind: AlertKind, waiting: Waiting) -> AlertCause {
    AlertCause {
        kind,
        party: waiting.account.party,
        principal: waiting.principal,
        numbered: waiting.account.numbered,
        agreement: waiting.account.agreement,
        subject: waiting.id.to_string(),
    }
}

/// Raises what is the case and clears what no longer is. Whether a system upstream fails is not for a round to say.
async fn settle(hub: &Hub, found: Found) -> Result<usize, ServiceError> {
    let standing = alerts::standing(hub.db(), STANDING).await?;
    let over: Vec<AlertCause> = standing
        .into_iter()
        .map(|alert| alert.cause)
        .filter(|cause| cause.kind != AlertKind::UpstreamFailed && !found.contains_key(cause))
        .collect();
    let count = found.len();
    if found.is_empty() && over.is_empty() {
        return Ok(0);
    }
    let work = hub.clone();
    hub.db()
        .write::<_, ServiceError, _>(move |tx| {
            Box::pin(async move {
                for (cause, detail) in found {
                    alert::raise(tx, &work, cause, detail).await?;
                }
                for cause in &over {
                    alert::clear(tx, &work, cause).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(count)
}

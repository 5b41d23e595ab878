//! Stocks of serial numbers and how long they last, for those whose they are.
//!
//! A delegate sees its own stocks, the brand owner those of all its products. When a product reaches its density is the brand owner's to
//! know alone: it would tell one delegate what the others take.

use crate::domain::agreement::Power;
use crate::domain::gs1::Gtin;
use crate::domain::ids::{AgreementId, PartyId};
use crate::domain::party::{Actor, Registry};
use crate::domain::serial::forecast::{Outlook, Replenish};
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::account::AccountKey;
use crate::storage::serial::supply::Stock;

use super::replenish::{self, Wall};

/// What a party has of a product under an agreement.
#[derive(Debug, Clone, PartialEq)]
pub struct SerialStock {
    /// Who has the numbers.
    pub party: PartyId,
    /// The product.
    pub gtin: Gtin,
    /// Under which agreement; none for the owner's own.
    pub agreement: Option<AgreementId>,
    /// Numbers issued, ever.
    pub issued: u64,
    /// What is left of them, and for how long.
    pub outlook: Outlook,
    /// What the agreement says it should be.
    pub rule: Option<Replenish>,
}

/// The stocks that the caller may see, by product, party and agreement: those of agreements that let ask for numbers, and its own.
pub async fn stocks(hub: &Hub, actor: &Actor, gtin: Option<Gtin>) -> Result<Vec<SerialStock>, ServiceError> {
    let registry = hub.registry();
    let visible = visible(&registry, &actor.party, gtin);
    let keys: Vec<AccountKey> = visible.iter().map(|(key, _)| key.clone()).collect();
    let outlooks = replenish::outlooks(hub, &keys).await?;
    let mut stocks = Vec::with_capacity(visible.len());
    for (key, rule) in visible {
        let Some(gtin) = key.numbered.gtin() else { continue };
        let (stock, rate): (Stock, f64) = outlooks.get(&key).copied().unwrap_or_default();
        stocks.push(SerialStock {
            party: key.party,
            gtin,
            agreement: key.agreement,
            issued: stock.issued,
            outlook: Outlook::new(stock.unused, rate, rule.as_ref()),
            rule,
        });
    }
    Ok(stocks)
}

fn visible(registry: &Registry, party: &PartyId, only: Option<Gtin>) -> Vec<(AccountKey, Option<Replenish>)> {
    let wanted = |gtin: &Gtin| only.is_none_or(|only| only == *gtin);
    let mut keys = Vec::new();
    for agreement in registry.agreements_of(party) {
        if !agreement.powers.contains(&Power::RequestSerials) {
            continue;
        }
        keys.extend(agreement.products.iter().filter(|gtin| wanted(gtin)).map(|gtin| {
            let key = AccountKey {
                party: agreement.delegate.clone(),
                numbered: (*gtin).into(),
                agreement: Some(agreement.id.clone()),
            };
            (key, agreement.replenish)
        }));
    }
    let own = registry.party(party).into_iter().flat_map(|party| &party.products);
    keys.extend(own.filter(|product| wanted(&product.gtin)).map(|product| {
        let key = AccountKey {
            party: party.clone(),
            numbered: product.gtin.into(),
            agreement: None,
        };
        (key, None)
    }));
    let place = |key: &AccountKey| (key.numbered, key.party.clone(), key.agreement.clone());
    keys.sort_by_key(|(key, _)| place(key));
    keys
}

/// When a product of the caller's reaches its density: none for anything else, or if the hub does not compute its numbers.
pub async fn forecast(hub: &Hub, actor: &Actor, gtin: Gtin) -> Result<Option<Wall>, ServiceError> {
    let registry = hub.registry();
    match registry.product(gtin).filter(|(owner, _)| owner.id == actor.party) {
        Some((owner, product)) => replenish::wall(hub, owner, product).await,
        None => Ok(None),
    }
}

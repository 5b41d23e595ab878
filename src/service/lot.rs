//! Lots: what was issued for a lot against what was made of it, while it runs and when it is closed.
//!
//! The brand owner sees the whole lot, a delegate the part of its own allocations. It balances numbers, not packs: what happened to a pack
//! after commissioning is the events' to tell. To whom commissionings of the lot are granted is told what those say was made of it, and no
//! numbers; to anybody else the lot does not exist.
//!
//! | file | use case |
//! |---|---|
//! | `close` | a party signs the balance of a lot, or of its part |
//! | `granted` | what grants show of it |

mod close;
mod granted;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gtin;
use crate::domain::ids::AuditId;
use crate::domain::party::Actor;
use crate::domain::seen::Made;
use crate::domain::serial::life::SerialState;
pub use crate::domain::serial::lot::{LineSums, LotBalance, LotLine};
use crate::storage::audit;
use crate::storage::serial::lot as store;
pub use crate::storage::serial::lot::LotClose;
use crate::storage::serial::{Reader, state, usage};

pub use close::{CloseLot, Closing, close};

use super::Hub;
use super::error::ServiceError;
use super::seen::is_too_much;
use super::serial::{SerialRange, serials_at, text};

/// The balance of a lot, as far as the caller may see it.
pub async fn reconcile(hub: &Hub, actor: &Actor, gtin: Gtin, lot: &str) -> Result<Option<LotBalance>, ServiceError> {
    // PostgreSQL has no text with NUL: no such lot can have been stored.
    if lot.contains('\0') {
        return Ok(None);
    }
    balance(Reader::Db(hub.db()), actor, gtin, lot).await
}

async fn balance(from: Reader<'_>, actor: &Actor, gtin: Gtin, lot: &str) -> Result<Option<LotBalance>, ServiceError> {
    let uses = usage::of_lot(from, &actor.party, gtin, lot).await?;
    let foreign = usage::foreign_in_lot(from, &actor.party, gtin, lot).await?;
    Ok((!uses.is_empty() || foreign > 0).then(|| LotBalance::new(gtin, lot, uses, foreign)))
}

/// A lot on all its packaging levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotLedger {
    /// The lot.
    pub lot: String,
    /// The balance of each GTIN, by indicator digit: packs, bundles, cases.
    pub levels: Vec<LotBalance>,
    /// What of it is closed.
    pub closings: Vec<LotClose>,
    /// What was made of it by the commissionings that grants show.
    pub made: Vec<Made>,
}

/// The live ledger of a lot: of a product and of everything that it is packed in.
pub async fn ledger(hub: &Hub, actor: &Actor, gtin: Gtin, lot: &str) -> Result<Option<LotLedger>, ServiceError> {
    text::lot(Some(lot))?;
    let (mut levels, mut closings, gtins) = (Vec::new(), Vec::new(), levels_of(hub, gtin));
    for gtin in gtins.iter().copied() {
        // Whoever has no part in it does not learn that the owner closed it.
        if let Some(balance) = balance(Reader::Db(hub.db()), actor, gtin, lot).await? {
            levels.push(balance);
            let closed = store::visible(hub.db(), &actor.party, gtin, lot).await?;
            closings.extend(closed.into_iter().map(|close| close.seen_by(&actor.party)));
        }
    }
    let made = match granted::made(hub, actor, (&gtins, lot)).await {
        Err(error) if is_too_much(&error) && !levels.is_empty() => Vec::new(),
        made => made?,
    };
    Ok((!levels.is_empty() || !made.is_empty()).then(|| LotLedger {
        lot: lot.to_owned(),
        levels,
        closings,
        made,
    }))
}

/// The GTINs that differ from one in their indicator digit alone, in its order: the same product in other packages (GS1 General
/// Specifications clause 2.1).
fn levels_of(hub: &Hub, gtin: Gtin) -> Vec<Gtin> {
    let item = |gtin: &Gtin| gtin.as_str().get(1..13).map(str::to_owned);
    let registry = hub.registry();
    let products = registry
        .product(gtin)
        .map(|(owner, _)| owner.products.iter().map(|product| product.gtin));
    let mut levels: Vec<Gtin> = products
        .into_iter()
        .flatten()
        .filter(|level| item(level) == item(&gtin))
        .collect();
    if !levels.contains(&gtin) {
        levels.push(gtin);
    }
    levels.sort_unstable();
    levels
}

/// Numbers of a lot that are in no column of its balance yet, or that were written off when it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page, with their states: allocated, encoded or lost.
    pub serials: Vec<(String, SerialState)>,
}

/// The missing numbers of a lot that the caller has or that are of its brand, in an order that does not change while none is found.
pub async fn missing(
    hub: &Hub,
    actor: &Actor,
    (gtin, lot, line): (Gtin, &str, Option<&str>),
    range: SerialRange,
) -> Result<Missing, ServiceError> {
    text::lot(Some(lot))?;
    text::short("line", line)?;
    let from = Reader::Db(hub.db());
    let ids = usage::allocations_of_lot(from, &actor.party, gtin, lot).await?;
    if ids.is_empty() {
        return Err(ServiceError::not_found());
    }
    let limit = range.limit.unwrap_or(u64::MAX).min(hub.limits().serials_per_report as u64);
    let (mut total, mut serials) = (0, Vec::new());
    for kept in state::books(from, &ids).await? {
        let allocation = &kept.stored.allocation;
        if allocation.lot.as_deref() != Some(lot) || line.is_some_and(|line| allocation.line.as_deref() != Some(line)) {
            continue;
        }
        let mine = close::part_of_actor(&kept, &actor.party);
        let which = (kept.book.unused() | kept.book.in_state(SerialState::Lost)) & mine;
        // How many of this allocation lie before the page.
        let before = usize::try_from(range.after.saturating_sub(total)).unwrap_or(usize::MAX);
        let left = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(serials.len());
        let page: Vec<u32> = which.iter().skip(before).take(left).collect();
        let states: Vec<SerialState> = page.iter().map(|offset| kept.book.state(*offset).0).collect();
        serials.extend(serials_at(hub, &kept.stored, page.into_iter()).await?.into_iter().zip(states));
        total += which.len();
    }
    note(hub, actor, gtin, (lot, serials.len())).await?;
    Ok(Missing { total, serials })
}

async fn note(hub: &Hub, actor: &Actor, gtin: Gtin, (lot, quantity): (&str, usize)) -> Result<(), ServiceError> {
    let now = hub.now();
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: hub
            .registry()
            .owner_of_gtin(gtin)
            .cloned()
            .filter(|owner| *owner != actor.party),
        action: AuditAction::DownloadSerials,
        object: gtin.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "gtin": gtin, "lot": lot, "missing": true, "quantity": quantity }),
    };
    hub.db()
        .write(move |tx| Box::pin(async move { Ok(audit::append(tx, &entry).await?) }))
        .await
}

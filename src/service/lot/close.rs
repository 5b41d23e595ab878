//! Closing a lot: a party signs that every number is accounted for.
//!
//! The owner closes the whole lot, a delegate its part, either of one packaging line or of all. Numbers that were asked for the lot and that
//! nobody has reported are what is missing: they are named ([`super::missing`]) and block the close, unless the caller says what they
//! are (given back, lost, scrapped) or gives a reason; with a reason they are written off as lost. Numbers that went into another
//! lot, and serials that were never allocated, block it as well, and only a reason closes over them. Of a lot that is closed line by line
//! the last line answers for serials that were never allocated.
//!
//! A pack that is commissioned into a closed lot is marked all the same, with a finding: the pack is there, and a number that is not marked
//! could be used again. The balance that was signed is kept beside the live one.
//!
//! # Invariants
//! - A close and a commissioning of the lot follow one another: the commissioning either counts in the balance that is signed, or finds
//!   the lot closed.
//! - Numbers for the lot were either given out before, and are in the balance, or are refused.
//! - Closing again answers what was closed, and changes nothing.

use roaring::RoaringBitmap;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::gs1::Gtin;
use crate::domain::ids::{AllocationId, AuditId, LotCloseId, PartyId};
use crate::domain::party::Actor;
use crate::domain::serial::life::{SerialState, Who};
use crate::domain::serial::lot::LotBalance;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::service::serial::text;
use crate::storage::serial::lot::{self as store, Hold, LotClose};
use crate::storage::serial::state::{self, Kept};
use crate::storage::serial::{Reader, pool, usage};
use crate::storage::{Tx, audit};

/// What is closed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseLot {
    /// The product.
    pub gtin: Gtin,
    /// The lot.
    pub lot: String,
    /// Only the numbers that were asked for this packaging line.
    pub line: Option<String>,
    /// Why it is closed although it does not balance.
    pub reason: Option<String>,
    /// What the numbers are that nobody has reported: returned, lost or label-scrapped.
    pub unused_as: Option<SerialState>,
}

/// How a close ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// It is closed, now or before.
    Closed(LotClose),
    /// It does not balance, and nothing was changed.
    Unbalanced {
        /// The balance of the caller's part.
        balance: LotBalance,
        /// Numbers that nobody has reported.
        missing: u64,
        /// Numbers that went into another lot, or came from one.
        astray: u64,
    },
}

/// Closes a lot, or the caller's part of it.
pub async fn close(hub: &Hub, actor: &Actor, request: CloseLot) -> Result<Closing, ServiceError> {
    text::lot(Some(&request.lot))?;
    text::short("line", request.line.as_deref())?;
    text::reason(request.reason.as_deref())?;
    match request.unused_as {
        None | Some(SerialState::Returned | SerialState::Lost | SerialState::LabelScrapped) => {}
        Some(other) => {
            let detail =
                format!("numbers that are missing when a lot is closed are returned, lost or label_scrapped, not {other}");
            return Err(ServiceError::refused(Code::BadInput, detail));
        }
    }
    let (hub, actor) = (hub.clone(), actor.clone());
    hub.db()
        .clone()
        .write(move |tx| Box::pin(async move { close_in(tx, &hub, &actor, &request).await }))
        .await
}

async fn close_in(tx: &Tx, hub: &Hub, actor: &Actor, request: &CloseLot) -> Result<Closing, ServiceError> {
    let (party, now) = (&actor.party, hub.now());
    // INVARIANT: from here on nobody gets numbers of the product, and nobody commissions into the lot.
    pool::lock_product(tx, request.gtin.into()).await?;
    store::hold(tx, &[(request.gtin.into(), &request.lot)], Hold::Alone).await?;
    let ids = usage::allocations_of_lot(Reader::Tx(tx), party, request.gtin, &request.lot).await?;
    let foreign = usage::foreign_in_lot(Reader::Tx(tx), party, request.gtin, &request.lot).await?;
    state::lock(tx, &ids).await?;
    let of_line = |kept: &Kept| request.line.is_none() || kept.stored.allocation.line == request.line;
    let (mut books, others): (Vec<Kept>, Vec<Kept>) = state::books(Reader::Tx(tx), &ids).await?.into_iter().partition(of_line);
    if books.is_empty() && (request.line.is_some() || foreign == 0) {
        return Err(ServiceError::not_found());
    }
    let principal = books.first().map(|kept| kept.stored.allocation.principal.clone());
    let principal = principal
        .or_else(|| hub.registry().owner_of_gtin(request.gtin).cloned())
        .unwrap_or_else(|| party.clone());
    let closings = store::closings(tx, request.gtin.into(), &[&request.lot]).await?;
    let closed = |line: Option<&str>| closings.iter().find(|close| close.covers(party, &principal, line));
    if let Some(before) = closed(request.line.as_deref()) {
        return Ok(Closing::Closed(before.clone().seen_by(party)));
    }
    // On which line a serial was used that nobody was given is not known: the line that is closed last answers for it, so that a lot that
    // is closed line by line is not closed without.
    let is_last = others
        .iter()
        .all(|kept| closed(kept.stored.allocation.line.as_deref()).is_some());
    let foreign = if is_last { foreign } else { 0 };
    if let Some(to) = request.unused_as {
        write_off(&mut books, party, request, to);
    }
    let balance = balance_of(&books, party, request, foreign);
    let (missing, astray) = (balance.missing(), balance.astray());
    if missing + astray + foreign > 0 && request.reason.is_none() {
        let entry = entry(hub, actor, (request, &principal, now), Outcome::Refused, &balance);
        audit::append(tx, &entry).await?;
        return Ok(Closing::Unbalanced {
            balance,
            missing,
            astray,
        });
    }
    write_off(&mut books, party, request, SerialState::Lost);
    let balance = balance_of(&books, party, request, foreign);
    sign(tx, hub, actor, (request, principal, now), &books, &balance).await
}

/// The numbers of an allocation that a party may close a lot for: all of its brand, or those that it has.
pub(super) fn part_of_actor(kept: &Kept, party: &PartyId) -> RoaringBitmap {
    if kept.stored.allocation.principal == *party {
        kept.book.issued().clone()
    } else {
        kept.book.held_by(party)
    }
}

/// What nobody has reported of the numbers that were asked for the lot. A number that may be on paper cannot be given back.
fn write_off(books: &mut [Kept], party: &PartyId, request: &CloseLot, to: SerialState) {
    for kept in books
        .iter_mut()
        .filter(|kept| kept.stored.allocation.lot.as_ref() == Some(&request.lot))
    {
        let which = kept.book.unused() & part_of_actor(kept, party);
        kept.book.shift(&which, to, Who::Hub, &request.lot);
    }
}

fn balance_of(books: &[Kept], party: &PartyId, request: &CloseLot, foreign: u64) -> LotBalance {
    let uses = books
        .iter()
        .flat_map(|kept| usage::of_book(kept, party, &request.lot))
        .collect();
    LotBalance::new(request.gtin, &request.lot, uses, foreign)
}

/// Writes it all.
async fn sign(
    tx: &Tx,
    hub: &Hub,
    actor: &Actor,
    (request, principal, now): (&CloseLot, PartyId, Micros),
    books: &[Kept],
    balance: &LotBalance,
) -> Result<Closing, ServiceError> {
    state::save(tx, &books.iter().collect::<Vec<_>>(), now).await?;
    let done = books
        .iter()
        .filter(|kept| kept.stored.allocation.lot.as_ref() == Some(&request.lot) && kept.book.unused().is_empty());
    let done: Vec<AllocationId> = done.map(|kept| kept.stored.allocation.id).collect();
    let why = request
        .reason
        .clone()
        .unwrap_or_else(|| format!("lot {} closed", request.lot));
    store::close_allocations(tx, &done, &why, now).await?;
    let entry = entry(hub, actor, (request, &principal, now), Outcome::Done, balance);
    let close = LotClose {
        id: LotCloseId::new(hub.new_id(now)),
        gtin: request.gtin,
        lot: request.lot.clone(),
        line: request.line.clone(),
        party: actor.party.clone(),
        principal,
        balance: Some(signed(balance).to_string()),
        reason: request.reason.clone(),
        closed_by: actor.system.clone(),
        closed_at: now,
    };
    store::insert(tx, &close).await?;
    audit::append(tx, &entry).await?;
    Ok(Closing::Closed(close))
}

/// The sums as they are kept.
fn signed(balance: &LotBalance) -> serde_json::Value {
    serde_json::json!({
        "issued": balance.issued, "commissioned": balance.commissioned, "scrapped": balance.scrapped, "sampled": balance.sampled,
        "returned": balance.returned, "lost": balance.lost, "unused": balance.unused, "foreign": balance.foreign,
        "astray": balance.astray(), "balanced": balance.balanced,
    })
}

fn entry(
    hub: &Hub,
    actor: &Actor,
    (request, principal, now): (&CloseLot, &PartyId, Micros),
    outcome: Outcome,
    balance: &LotBalance,
) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: Some(principal.clone()).filter(|principal| *principal != actor.party),
        action: AuditAction::CloseLot,
        object: request.gtin.to_string(),
        outcome,
        detail: serde_json::json!({
            "lot": request.lot, "line": request.line, "reason": request.reason, "unused_as": request.unused_as.map(SerialState::as_str),
            "balance": signed(balance),
        }),
    }
}

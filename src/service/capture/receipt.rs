//! Receipts held against shipments: what was shipped and is not among what the receiver confirmed.
//!
//! A receipt that names something else than was shipped is noticed by the ledger. What a receipt leaves out is noticed here, as
//! soon as anything of the shipment was confirmed, on the shipping event: sender and receiver both see it. It goes away when a
//! receipt names the rest, or when the shipment is taken back.
//!
//! What it deliberately does not do: look into what was shipped. A pallet that is confirmed is confirmed with all that is in it.

use std::collections::{BTreeSet, HashSet};

use crate::domain::finding::FindingCode;
use crate::domain::ids::{EventKey, FindingId, PartyId};
use crate::domain::ledger::{Deed, Fact};
use crate::storage::Tx;
use crate::storage::finding::{self, StoredFinding};
use crate::storage::receipt::{self, Unconfirmed};

use super::{ServiceError, Work};

const CODE: FindingCode = FindingCode::ShippedNotReceived;

/// The shipping events among what was folded.
pub(super) fn ships(facts: &[Fact]) -> impl Iterator<Item = EventKey> {
    let ships = facts.iter().filter(|fact| matches!(fact.deed, Deed::Ship(_)));
    ships.map(|fact| fact.event)
}

/// Notes what is missing of the shipments that a document touched, and clears what is missing no longer. After its last piece: what
/// one piece leaves out another may confirm.
pub(super) async fn save(tx: &Tx, work: &Work, ships: &BTreeSet<EventKey>) -> Result<(), ServiceError> {
    let ships: Vec<EventKey> = ships.iter().copied().collect();
    if ships.is_empty() {
        return Ok(());
    }
    let missing = receipt::unconfirmed(tx, &ships, work.hub.limits().findings_per_code).await?;
    let mut standing = finding::open_of_events(tx, &ships).await?;
    standing.retain(|finding| finding.code == CODE);
    if missing.is_empty() && standing.is_empty() {
        return Ok(());
    }
    let now: HashSet<(EventKey, &str)> = missing
        .iter()
        .map(|missing| (missing.ship_event, missing.uri.as_str()))
        .collect();
    let key = |finding: &StoredFinding| Some((finding.event?, finding.epc.clone()?));
    let is_so = |finding: &&StoredFinding| key(finding).is_some_and(|(event, uri)| now.contains(&(event, uri.as_str())));
    let gone: Vec<&StoredFinding> = standing.iter().filter(|finding| !is_so(finding)).collect();
    finding::clear(tx, &gone, work.now).await?;
    let known: HashSet<(EventKey, String)> = standing.iter().filter_map(key).collect();
    let fresh = missing
        .into_iter()
        .filter(|missing| !known.contains(&(missing.ship_event, missing.uri.clone())));
    let fresh: Vec<StoredFinding> = fresh.filter_map(|missing| noticed(work, missing)).collect();
    Ok(finding::insert(tx, &fresh).await?)
}

/// `None` where the sender's profile passes it over.
fn noticed(work: &Work, missing: Unconfirmed) -> Option<StoredFinding> {
    let shown: String = missing.uri.chars().take(80).collect();
    Some(StoredFinding {
        id: FindingId::new(work.hub.new_id(work.now)),
        severity: severity(work, &missing.teller)?,
        party: missing.teller,
        owner: missing.receiver,
        document: missing.document,
        event: Some(missing.ship_event),
        epc: Some(missing.uri),
        code: CODE,
        detail: format!("`{shown}` was shipped and is not among what the receiver confirmed of the shipment"),
        pointer: format!("/epcisBody/eventList/{}", missing.ordinal),
        created_at: work.now,
        cleared_at: None,
    })
}

fn severity(work: &Work, party: &PartyId) -> Option<crate::domain::finding::Severity> {
    let party = work.registry.party(party);
    party.map_or(Some(CODE.severity()), |party| party.capture.severity(CODE))
}

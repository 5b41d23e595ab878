//! Which serials of a party were commissioned.
//!
//! No row a serial: each is decrypted to its counter value, the allocation that holds the value is found by search, and the offset is
//! moved in the allocation's book. Serials that the party does not have are kept by name, for the lot's balance; somebody else's
//! and nobody's are not told apart.
//!
//! The caller (capture) owns the transaction. Allocations are locked until it ends: a caller with several products takes them in
//! ascending order of GTIN, and one call for all serials of a product and lot is much cheaper than one for each.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use crate::domain::gs1::Gtin;
use crate::domain::ids::PartyId;
use crate::domain::serial::allocation::Standing;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::Tx;
use crate::storage::serial::lot::{self as closing, Hold};
use crate::storage::serial::slice::Reach;
use crate::storage::serial::state;
use crate::storage::serial::usage::{self as store, ForeignScope};

use super::locate::{Located, locate};

/// Marks serials as commissioned in a lot by the party, and answers how each stood before, in the order of the call.
///
/// What stands `Again`, `Withdrawn` or `NotAllocated` changes no book. `lot` is empty if the event names none.
pub async fn commissioned(
    tx: &Tx,
    hub: &Hub,
    party: &PartyId,
    gtin: Gtin,
    lot: &str,
    serials: &[&str],
) -> Result<Vec<Standing>, ServiceError> {
    let mut standings = vec![Standing::NotAllocated; serials.len()];
    let lots = if lot.is_empty() { Vec::new() } else { vec![lot] };
    closing::hold(
        tx,
        &lots.iter().map(|lot| (gtin.into(), *lot)).collect::<Vec<_>>(),
        Hold::Shared,
    )
    .await?;
    let closings = closing::closings(tx, gtin.into(), &lots).await?;
    let mut located = locate(tx, hub, Reach::Holder(party), gtin.into(), serials).await?;
    for Located { kept, numbers } in &mut located {
        let held = kept.book.held_by(party);
        let allocation = &kept.stored.allocation;
        let closed = closings
            .iter()
            .any(|close| close.covers(party, &allocation.principal, allocation.line.as_deref()));
        let which: RoaringBitmap = numbers
            .iter()
            .map(|(_, offset)| *offset)
            .filter(|offset| held.contains(*offset))
            .collect();
        let done = kept.book.commission(&which, lot);
        // Named twice in one call: the first is the one.
        let mut fresh = done.fresh;
        let mut withdrawn = HashMap::new();
        for (state, offsets) in &done.withdrawn {
            withdrawn.extend(offsets.iter().map(|offset| (offset, *state)));
        }
        for (position, offset) in numbers.iter().filter(|(_, offset)| held.contains(*offset)) {
            standings[*position] = match withdrawn.get(offset) {
                Some(state) => Standing::Withdrawn(*state),
                None if fresh.remove(*offset) => {
                    if closed {
                        Standing::AfterClose
                    } else {
                        Standing::Allocated
                    }
                }
                None => Standing::Again,
            };
        }
    }
    save(tx, &located, hub).await?;
    let foreign = of_standing(serials, &standings, Standing::NotAllocated);
    if !foreign.is_empty() {
        let owner = hub.registry().owner_of_gtin(gtin).unwrap_or(party).clone();
        store::add_foreign(tx, ForeignScope { gtin, lot, party }, &owner, &foreign, hub.now()).await?;
    }
    Ok(standings)
}

/// Takes back what [`commissioned`] marked, for an event that was declared in error; answers how many marks went.
///
/// Only for the serials that this event commissioned: one that stood `Again` was commissioned by another event, which still stands.
pub async fn uncommissioned(
    tx: &Tx,
    hub: &Hub,
    party: &PartyId,
    gtin: Gtin,
    lot: &str,
    serials: &[&str],
) -> Result<u64, ServiceError> {
    let (mut removed, mut found) = (0, vec![false; serials.len()]);
    let mut located = locate(tx, hub, Reach::Holder(party), gtin.into(), serials).await?;
    for Located { kept, numbers } in &mut located {
        let held = kept.book.held_by(party);
        numbers.retain(|(_, offset)| held.contains(*offset));
        let gone = kept
            .book
            .uncommission(&numbers.iter().map(|(_, offset)| *offset).collect(), lot);
        for (position, _) in numbers.iter().filter(|(_, offset)| gone.contains(*offset)) {
            found[*position] = true;
        }
        removed += gone.len();
    }
    save(tx, &located, hub).await?;
    let foreign: Vec<&str> = serials
        .iter()
        .zip(&found)
        .filter(|(_, found)| !**found)
        .map(|(serial, _)| *serial)
        .collect();
    Ok(removed + store::remove_foreign(tx, ForeignScope { gtin, lot, party }, &foreign).await?)
}

/// Writes the books that changed.
pub(super) async fn save(tx: &Tx, located: &[Located], hub: &Hub) -> Result<(), ServiceError> {
    let books: Vec<&state::Kept> = located.iter().map(|located| &located.kept).collect();
    Ok(state::save(tx, &books, hub.now()).await?)
}

fn of_standing<'a>(serials: &[&'a str], standings: &[Standing], wanted: Standing) -> Vec<&'a str> {
    serials
        .iter()
        .zip(standings)
        .filter(|(_, standing)| **standing == wanted)
        .map(|(serial, _)| *serial)
        .collect()
}

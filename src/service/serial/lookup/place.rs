//! One number in the bitmaps of its allocation, as far as a party may see it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::ids::{AllocationId, PartyId};
use crate::domain::serial::life::SerialState;
use crate::domain::serial::lookup::{Issued, Transferred};
use crate::storage::serial::lookup::{Mark, MarkKind};

use super::Hit;

/// The bitmaps of some allocations; transfers in their order.
pub(super) struct Places {
    marks: HashMap<AllocationId, Vec<Mark>>,
}

impl Places {
    pub(super) fn new(all: Vec<Mark>) -> Self {
        let mut marks: HashMap<AllocationId, Vec<Mark>> = HashMap::new();
        for mark in all {
            marks.entry(mark.allocation).or_default().push(mark);
        }
        Self { marks }
    }

    /// What the party may know of a number; nothing if it is somebody else's.
    pub(super) fn issued(&self, hit: &Hit, viewer: &PartyId) -> Option<Issued> {
        let Hit {
            allocation,
            offset,
            owner,
            ..
        } = hit;
        let marks: Vec<&Mark> = self
            .marks
            .get(&allocation.id)
            .into_iter()
            .flatten()
            .filter(|mark| mark.offsets.contains(*offset))
            .collect();
        let transfers: Vec<Transferred> = marks.iter().filter_map(|mark| transfer(mark)).collect();
        let last = transfers.last().cloned();
        let holder = last.as_ref().map_or(&allocation.party, |last| &last.to).clone();
        let has = holder == *viewer;
        let first = allocation.party == *viewer;
        let had = first || transfers.iter().any(|transfer| transfer.to == *viewer);
        if !(*owner || has || had) {
            return None;
        }
        let (state, lot) = if *owner || has { place(&marks) } else { (None, None) };
        // Those who got it on the way see their own transfer, and the one by which they handed it on.
        let at = transfers
            .iter()
            .find(|transfer| transfer.to == *viewer)
            .map(|transfer| transfer.at);
        let at = at.filter(|_| !(*owner || first)).unwrap_or(allocation.created_at);
        Some(Issued {
            allocation: allocation.id,
            terms: (*owner || first).then(|| Arc::clone(allocation)),
            at,
            holder,
            state,
            lot,
            commissioned_at: None,
            transferred: last,
            reuse_banned_until: None,
        })
    }
}

fn transfer(mark: &Mark) -> Option<Transferred> {
    match &mark.kind {
        MarkKind::Transferred { to, site, at } => Some(Transferred {
            to: to.clone(),
            site: *site,
            at: *at,
        }),
        MarkKind::Commissioned { .. } | MarkKind::State { .. } => None,
    }
}

/// State and lot: a state of its own wins over the commissioning below it, and what is marked nowhere is allocated.
fn place(marks: &[&Mark]) -> (Option<SerialState>, Option<String>) {
    let lot = |lot: &String| Some(lot.clone()).filter(|lot| !lot.is_empty());
    let own = marks.iter().find_map(|mark| match &mark.kind {
        MarkKind::State { state, lot: of } => Some((Some(*state), lot(of))),
        MarkKind::Commissioned { .. } | MarkKind::Transferred { .. } => None,
    });
    let commissioned = || {
        marks.iter().find_map(|mark| match &mark.kind {
            MarkKind::Commissioned { lot: of } => Some((Some(SerialState::Commissioned), lot(of))),
            MarkKind::State { .. } | MarkKind::Transferred { .. } => None,
        })
    };
    own.or_else(commissioned).unwrap_or((Some(SerialState::Allocated), None))
}

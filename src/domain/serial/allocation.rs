//! One block of serial numbers given to one party, and what is known of a serial that comes back.
//!
//! It does not know the pool: where a block lies there is the business of storage.

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, PartyId};
use crate::domain::time::Micros;

use super::life::SerialState;
use super::numbered::Numbered;

/// Offsets in an allocation are 32-bit in the bitmaps of used numbers.
pub const MAX_QUANTITY: u64 = u32::MAX as u64;

/// A block of numbers. Where it lies in its pool is not shown: it would tell one delegate how much the others take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Its id.
    pub id: AllocationId,
    /// What its numbers are for.
    pub numbered: Numbered,
    /// Who has the numbers.
    pub party: PartyId,
    /// The system of the party that asked; none for what was asked for before this was kept.
    pub system: Option<String>,
    /// The brand owner, on whose behalf; the party itself for its own product.
    pub principal: PartyId,
    /// What it was asked for under; none for an own product.
    pub agreement: Option<AgreementId>,
    /// How many numbers.
    pub quantity: u64,
    /// How many were asked for, if that was more than there were.
    pub asked: Option<u64>,
    /// The lot they were asked for, if they were for one.
    pub lot: Option<String>,
    /// The site they were asked for.
    pub site: Option<Gln>,
    /// The packaging line they were asked for.
    pub line: Option<String>,
    /// What the party calls its order.
    pub documents: Documents,
    /// From when on numbers that were not used count as lost; none: never.
    pub expires_at: Option<Micros>,
    /// How far it is.
    pub state: AllocationState,
    /// The caller's idempotency key.
    pub request_key: String,
    /// When it was made; of one that waits for approval, when it was asked for.
    pub created_at: Micros,
}

/// The papers that a request belongs to, as the party that asks calls them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// Number of the purchase order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<String>,
    /// Its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_order_line: Option<String>,
    /// Number of the work order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_order: Option<String>,
    /// Any other reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Documents {
    /// Whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Those that are named.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let Self {
            purchase_order,
            purchase_order_line,
            work_order,
            reference,
        } = self;
        [purchase_order, purchase_order_line, work_order, reference]
            .into_iter()
            .filter_map(Option::as_deref)
    }
}

/// How far an allocation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllocationState {
    /// The principal must approve it first: there are no numbers yet.
    Pending,
    /// The principal did not approve it: there will be no numbers.
    Rejected {
        /// When.
        at: Micros,
        /// Why, in the principal's words.
        reason: String,
    },
    /// The numbers are the party's; it has not fetched them.
    Reserved,
    /// The party fetched numbers of it.
    Transmitted {
        /// First time.
        at: Micros,
    },
    /// The party confirmed that it has the numbers.
    Acknowledged {
        /// When it first fetched them.
        transmitted_at: Micros,
        /// When it confirmed.
        at: Micros,
    },
    /// The party is done with it: its numbers are not read again.
    Closed {
        /// When it first fetched numbers, if it did.
        transmitted_at: Option<Micros>,
        /// When it confirmed, if it did.
        acknowledged_at: Option<Micros>,
        /// When it was closed.
        at: Micros,
        /// Why, in the party's words.
        reason: String,
    },
}

impl AllocationState {
    /// The stable text.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Rejected { .. } => "rejected",
            Self::Reserved => "reserved",
            Self::Transmitted { .. } => "transmitted",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Closed { .. } => "closed",
        }
    }

    /// Whether there are numbers.
    #[must_use]
    pub const fn has_numbers(&self) -> bool {
        match self {
            Self::Pending | Self::Rejected { .. } => false,
            Self::Reserved | Self::Transmitted { .. } | Self::Acknowledged { .. } | Self::Closed { .. } => true,
        }
    }

    /// When the party first fetched numbers.
    #[must_use]
    pub const fn transmitted_at(&self) -> Option<Micros> {
        match self {
            Self::Pending | Self::Rejected { .. } | Self::Reserved => None,
            Self::Transmitted { at } => Some(*at),
            Self::Acknowledged { transmitted_at, .. } => Some(*transmitted_at),
            Self::Closed { transmitted_at, .. } => *transmitted_at,
        }
    }

    /// When the party confirmed that it has them.
    #[must_use]
    pub const fn acknowledged_at(&self) -> Option<Micros> {
        match self {
            Self::Pending | Self::Rejected { .. } | Self::Reserved | Self::Transmitted { .. } => None,
            Self::Acknowledged { at, .. } => Some(*at),
            Self::Closed { acknowledged_at, .. } => *acknowledged_at,
        }
    }

    /// When it was closed.
    #[must_use]
    pub const fn closed_at(&self) -> Option<Micros> {
        match self {
            Self::Closed { at, .. } => Some(*at),
            Self::Pending | Self::Rejected { .. } | Self::Reserved | Self::Transmitted { .. } | Self::Acknowledged { .. } => None,
        }
    }

    /// Why it was closed or rejected.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Rejected { reason, .. } | Self::Closed { reason, .. } => Some(reason),
            Self::Pending | Self::Reserved | Self::Transmitted { .. } | Self::Acknowledged { .. } => None,
        }
    }
}

/// The offset of the `nth` number (from 0) of a block whose `holes` are no numbers of it.
#[must_use]
pub fn offset_of(nth: u64, holes: &RoaringBitmap) -> u64 {
    // The least offset with `nth` numbers before it lies at most `holes` further on, and the count of numbers never falls.
    let (mut low, mut high) = (nth, nth + holes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        // How many numbers lie at `..=middle`; offsets are 32-bit.
        let numbers = middle + 1 - u32::try_from(middle).map_or(holes.len(), |middle| holes.rank(middle));
        if numbers > nth { high = middle } else { low = middle + 1 }
    }
    low
}

/// What the hub knows of a serial that a party commissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Allocated to the party for the product, and not commissioned before.
    Allocated,
    /// The same, in a lot that was closed before: marked, since the pack is there.
    AfterClose,
    /// Allocated to the party, and commissioned before (or named twice in the same call).
    Again,
    /// The party's, and not to be used any more: scrapped, sampled, returned, lost, destroyed.
    Withdrawn(SerialState),
    /// Not allocated to the party: never issued, issued to somebody else (never told which), or not even a serial of the product.
    NotAllocated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_past_the_holes() {
        let holes: RoaringBitmap = [0, 1, 4, 5, 6, 9].into_iter().collect();
        let numbers: Vec<u64> = (0..20).filter(|offset| !holes.contains(*offset)).map(u64::from).collect();
        for (nth, offset) in numbers.iter().enumerate() {
            assert_eq!(offset_of(nth as u64, &holes), *offset, "{nth}");
        }
        assert_eq!(offset_of(7, &RoaringBitmap::new()), 7);
        assert_eq!(offset_of(MAX_QUANTITY, &RoaringBitmap::new()), MAX_QUANTITY);
    }

    #[test]
    fn papers_that_are_not_named_are_not_written() {
        let order = Documents {
            work_order: Some("WO-1".to_owned()),
            ..Documents::default()
        };
        assert_eq!(serde_json::to_string(&order).unwrap(), r#"{"work_order":"WO-1"}"#);
        assert!(Documents::default().is_empty() && !order.is_empty());
    }
}

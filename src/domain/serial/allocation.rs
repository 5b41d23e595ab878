//! One block of serial numbers given to one party, and what is known of a serial that comes back.

use crate::domain::gs1::Gln;
use crate::domain::ids::{AgreementId, AllocationId, PartyId};
use crate::domain::time::Micros;

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
    /// The brand owner, on whose behalf; the party itself for its own product.
    pub principal: PartyId,
    /// What it was asked for under; none for an own product.
    pub agreement: Option<AgreementId>,
    /// How many numbers.
    pub quantity: u64,
    /// The lot they were asked for, if they were for one.
    pub lot: Option<String>,
    /// The site they were asked for.
    pub site: Option<Gln>,
    /// How far it is.
    pub state: AllocationState,
    /// The caller's idempotency key.
    pub request_key: String,
    /// When it was made.
    pub created_at: Micros,
}

/// How far an allocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationState {
    /// The numbers are the party's; it has not fetched them.
    Reserved,
    /// The party fetched numbers of it.
    Transmitted {
        /// First time.
        at: Micros,
    },
}

impl AllocationState {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Transmitted { .. } => "transmitted",
        }
    }
}

/// What the hub knows of a serial that a party commissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Allocated to the party for the product, and not commissioned before.
    Allocated,
    /// Allocated to the party, and commissioned before (or named twice in the same call).
    Again,
    /// Not allocated to the party: never issued, issued to somebody else (never told which), or not even a serial of the product.
    NotAllocated,
}

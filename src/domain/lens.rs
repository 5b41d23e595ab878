//! Who sees what: the one function that decides, whatever the channel.
//!
//! Rights come from the relation of a party to each record. Default deny; what is denied looks like what is absent.

/// How a party is related to one event (or shipment): a set, stored as its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Relations(pub i64);

impl Relations {
    /// It sent the event.
    pub const ASSERTER: Self = Self(1);
    /// The event was asserted on its behalf, under an agreement.
    pub const PRINCIPAL: Self = Self(1 << 1);
    /// It owns the brand of things in the event, and the event is not after their first change of ownership.
    pub const BRAND_OWNER: Self = Self(1 << 2);
    /// It gives up ownership in this handover.
    pub const SELLER: Self = Self(1 << 3);
    /// It takes ownership in this handover.
    pub const BUYER: Self = Self(1 << 4);
    /// It hands the things over.
    pub const SENDER: Self = Self(1 << 5);
    /// It takes the things over.
    pub const RECEIVER: Self = Self(1 << 6);
    /// It owns the brand of things in the event, which changed owner before: existence and state only.
    pub const BRAND_OWNER_AFTER: Self = Self(1 << 7);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

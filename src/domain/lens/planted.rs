//! Leaks, planted on purpose: each breaks the lens in one place, so that a test can show that it would be found.
//!
//! Only with the cargo feature `planted-leaks`, which nothing of the product asks for: without it [`leaks`] is the constant `false`, there is
//! nothing to set, and the compiler leaves the broken ways out.

/// Where the lens is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Leak {
    /// An event of one's own things shows what else was in it.
    Siblings = 1,
    /// Whether there is a next page is reckoned before what is hidden is taken out.
    CountBeforeFilter,
    /// The cursor of a page stands on a row that is hidden.
    CursorOnHidden,
    /// An error names whose the thing is that may not be seen.
    OwnerInError,
    /// A finding about a thing of others is another one if the thing exists.
    FindingOfForeign,
    /// Provenance names every hop.
    NamesOfHops,
    /// Provenance tells the moment where the month is allowed.
    ExactTime,
    /// A filter finds events by things that are masked out of them.
    FilterByHidden,
    /// A subscription delivers events unmasked.
    UnmaskedDelivery,
    /// An event shows business documents of a sale that its viewer is no part of.
    OrdersOfOthers,
    /// An event shows extensions.
    Extensions,
    /// Who sells something on a pallet has to do with all that is on it.
    SoldTogether,
    /// An event names the other owners of what is on a pallet, to each of them.
    OwnersBeside,
    /// Who asks in the name of one principal is shown what is of others, too.
    ActingForAll,
    /// A slice has things beside those that it is to show.
    SliceOfSiblings,
    /// A total counts what else was in an event of one's own things.
    TotalOfSiblings,
    /// A grant counts for whoever asks, not for its grantee alone.
    GrantOfAnother,
    /// A grant that was revoked still gives.
    EndedGrant,
    /// A grant gives before its first moment and after its last.
    GrantOutOfTime,
    /// No cap lowers what is granted.
    CapIgnored,
    /// A grant of one lot gives all of the product.
    LotIgnored,
    /// Totals of others tell of the month that goes on.
    TotalOfNow,
    /// The list of allocations has those of others.
    AllocationsOfOthers,
    /// Everybody is told of every number that was given out.
    NumbersOfOthers,
    /// A thing is told by all that was said of it, to whom something was granted.
    FoldOfHidden,
}

impl Leak {
    /// Each of them.
    pub const ALL: [Self; 25] = [
        Self::Siblings,
        Self::CountBeforeFilter,
        Self::CursorOnHidden,
        Self::OwnerInError,
        Self::FindingOfForeign,
        Self::NamesOfHops,
        Self::ExactTime,
        Self::FilterByHidden,
        Self::UnmaskedDelivery,
        Self::OrdersOfOthers,
        Self::Extensions,
        Self::SoldTogether,
        Self::OwnersBeside,
        Self::ActingForAll,
        Self::SliceOfSiblings,
        Self::TotalOfSiblings,
        Self::GrantOfAnother,
        Self::EndedGrant,
        Self::GrantOutOfTime,
        Self::CapIgnored,
        Self::LotIgnored,
        Self::TotalOfNow,
        Self::AllocationsOfOthers,
        Self::NumbersOfOthers,
        Self::FoldOfHidden,
    ];
}

/// Whether this leak is planted: never.
#[cfg(not(feature = "planted-leaks"))]
#[must_use]
pub const fn leaks(leak: Leak) -> bool {
    let _ = leak;
    false
}

// That it is a constant is checked where it is made.
#[cfg(not(feature = "planted-leaks"))]
const _: () = {
    let mut index = 0;
    while index < Leak::ALL.len() {
        assert!(!leaks(Leak::ALL[index]), "a leak in a build that has none");
        index += 1;
    }
};

#[cfg(feature = "planted-leaks")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Plants one leak for the whole process.
#[cfg(feature = "planted-leaks")]
pub fn plant(leak: Leak) {
    PLANTED.store(leak as u8, std::sync::atomic::Ordering::SeqCst);
}

/// Whether this leak is planted.
#[cfg(feature = "planted-leaks")]
#[must_use]
pub fn leaks(leak: Leak) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::Relaxed) == leak as u8
}

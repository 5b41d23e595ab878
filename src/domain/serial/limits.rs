//! How many numbers a request gets: the agreement's limits and what the pool has left, on counts that the caller read.
//!
//! It reads nothing and moves nothing. Whoever judges several requests carries the counts on from one to the next
//! ([`Account::issue`]).
//!
//! # Invariants
//! - What is granted is never more than any limit leaves, and never 0.
//! - Without `partial_ok` it is what was asked for, or nothing.

use crate::domain::agreement::Quota;

/// What a party has of a product under an agreement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Numbers issued, ever.
    pub issued: u64,
    /// Of those: commissioned, scrapped, sampled, returned or lost.
    pub settled: u64,
    /// Numbers issued on this UTC day.
    pub issued_today: u64,
}

impl Account {
    /// Issued and not settled.
    #[must_use]
    pub const fn outstanding(&self) -> u64 {
        self.issued.saturating_sub(self.settled)
    }

    /// Counts numbers that were granted now.
    pub const fn issue(&mut self, quantity: u64) {
        self.issued = self.issued.saturating_add(quantity);
        self.issued_today = self.issued_today.saturating_add(quantity);
    }
}

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The largest single request.
    PerRequest,
    /// Over the life of the agreement.
    Total,
    /// In one UTC day.
    PerDay,
    /// Issued and not settled.
    Outstanding,
    /// What the density of the serial rule leaves in the pool.
    Remaining,
}

/// A limit that leaves less than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Which.
    pub limit: Limit,
    /// What it allows in all; what the pool has left.
    pub allowed: u64,
    /// What it leaves of that.
    pub left: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How many numbers; at least one.
    pub quantity: u64,
    /// Whether fewer are better than none.
    pub partial_ok: bool,
}

/// How many numbers a request gets.
pub fn grant(wanted: Wanted, quota: &Quota, account: &Account, remaining: u64) -> Result<u64, Exceeded> {
    let least = if wanted.partial_ok { 1 } else { wanted.quantity };
    let mut granted = wanted.quantity;
    for limit in limits(quota, account, remaining).into_iter().flatten() {
        if limit.left < least {
            return Err(limit);
        }
        granted = granted.min(limit.left);
    }
    Ok(granted)
}

/// In the order in which they are told: what the caller can mend itself comes first, the pool last.
fn limits(quota: &Quota, account: &Account, remaining: u64) -> [Option<Exceeded>; 5] {
    let limit = |limit, allowed: Option<u64>, used: u64| {
        allowed.map(|allowed| Exceeded {
            limit,
            allowed,
            left: allowed.saturating_sub(used),
        })
    };
    [
        limit(Limit::PerRequest, quota.per_request, 0),
        limit(Limit::Total, quota.total, account.issued),
        limit(Limit::PerDay, quota.per_day, account.issued_today),
        limit(Limit::Outstanding, quota.outstanding, account.outstanding()),
        limit(Limit::Remaining, Some(remaining), 0),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Wanted = Wanted {
        quantity: 50,
        partial_ok: false,
    };
    const SOME: Wanted = Wanted {
        quantity: 50,
        partial_ok: true,
    };

    fn quota(per_request: u64, per_day: u64, outstanding: u64, total: u64) -> Quota {
        Quota {
            per_request: Some(per_request),
            per_day: Some(per_day),
            outstanding: Some(outstanding),
            total: Some(total),
            lease_days: None,
        }
    }

    fn account(issued: u64, settled: u64, issued_today: u64) -> Account {
        Account {
            issued,
            settled,
            issued_today,
        }
    }

    #[test]
    fn each_limit_says_which_it_is_and_what_it_leaves() {
        let check = |quota: Quota, remaining, limit, allowed, left| {
            let expect = Exceeded { limit, allowed, left };
            assert_eq!(grant(ALL, &quota, &account(100, 70, 20), remaining), Err(expect));
        };
        check(quota(49, 70, 80, 150), 50, Limit::PerRequest, 49, 49);
        check(quota(50, 69, 80, 150), 50, Limit::PerDay, 69, 49);
        check(quota(50, 70, 79, 150), 50, Limit::Outstanding, 79, 49);
        check(quota(50, 70, 80, 149), 50, Limit::Total, 149, 49);
        check(quota(50, 70, 80, 150), 49, Limit::Remaining, 49, 49);
        // Lowered since numbers were issued.
        check(quota(50, 70, 80, 3), 50, Limit::Total, 3, 0);
        assert_eq!(grant(ALL, &quota(50, 70, 80, 150), &account(100, 70, 20), 50), Ok(50));
        assert_eq!(grant(ALL, &Quota::default(), &account(u64::MAX, 0, u64::MAX), 50), Ok(50));
    }

    #[test]
    fn some_are_better_than_none_only_if_the_caller_says_so() {
        let part = quota(40, 35, 38, 1_000);
        assert_eq!(grant(SOME, &part, &Account::default(), 1_000), Ok(35));
        assert_eq!(grant(SOME, &part, &Account::default(), 7), Ok(7));
        let empty = Exceeded {
            limit: Limit::PerDay,
            allowed: 35,
            left: 0,
        };
        assert_eq!(grant(SOME, &part, &account(35, 0, 35), 1_000), Err(empty));
    }

    proptest! {
        #[test]
        fn what_is_granted_one_after_another_never_passes_a_limit(
            asked in proptest::collection::vec((1..200_u64, any::<bool>()), 1..60),
            limits in (1..150_u64, 1..900_u64, 1..900_u64, 1..900_u64), pool in 1..900_u64, settled in 0..100_u64,
        ) {
            let quota = quota(limits.0, limits.1, limits.2, limits.3);
            let (mut account, mut remaining) = (account(settled, settled, 0), pool);
            for (quantity, partial_ok) in asked {
                let wanted = Wanted { quantity, partial_ok };
                if let Ok(granted) = grant(wanted, &quota, &account, remaining) {
                    prop_assert!(granted == quantity || (partial_ok && (1..quantity).contains(&granted)));
                    account.issue(granted);
                    remaining -= granted;
                    prop_assert!(granted <= limits.0);
                }
            }
            prop_assert!(account.issued_today <= limits.1);
            prop_assert!(account.outstanding() <= limits.2);
            prop_assert!(account.issued <= limits.3.max(settled));
        }
    }
}

//! Where the next numbers of a pool lie: counter values in a row, without those that are no numbers.
//!
//! A counter value is a hole if its serial may not be issued: a banned word, issued by an older epoch, imported. It moves no counter.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::domain::serial::pool::Pool;
use crate::service::error::{Code, ServiceError};
use crate::storage::Tx;
use crate::storage::serial::pool as store;

/// So many counter values are looked through in less than a millisecond.
const AT_ONCE: u32 = 512;

/// Counter values that hold at least as many numbers as were looked for, unless the pool ends before.
#[derive(Debug)]
pub(super) struct Stretch {
    next: u64,
    end: u64,
    /// Counter values in `next..end` that are no numbers, as offsets from `origin`.
    holes: RoaringBitmap,
    origin: u64,
}

/// The part of a stretch that one allocation takes.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) first_index: u64,
    pub(super) span: u64,
    /// Offsets from `first_index`.
    pub(super) holes: RoaringBitmap,
}

impl Stretch {
    /// Looks through the counter values of `free` until there are `wanted` numbers. The first of them whose serial stands in a list is
    /// `first_skip`.
    pub(super) async fn find(
        tx: &Tx,
        pool: &Arc<Pool>,
        free: Range<u64>,
        wanted: u64,
        first_skip: Option<u64>,
    ) -> Result<Self, ServiceError> {
        let mut stretch = Self {
            next: free.start,
            end: free.start,
            holes: RoaringBitmap::new(),
            origin: free.start,
        };
        while stretch.numbers() < wanted && stretch.end < free.end {
            let from = stretch.end;
            let to = from.saturating_add(wanted - stretch.numbers()).min(free.end);
            // Offsets are 32-bit.
            let (Ok(before), Ok(_)) = (u32::try_from(from - stretch.origin), u32::try_from(to - stretch.origin)) else {
                let detail = "too many counter values of this pool are no numbers: ask for fewer at a time";
                return Err(ServiceError::refused(Code::PoolExhausted, detail));
            };
            let span = (to - from) as u32;
            let mut holes = holes(pool, from, span).await?;
            if first_skip.is_some_and(|skip| skip < to) {
                holes |= store::skipped(tx, pool.record().id, from, span.into()).await?;
            }
            stretch.holes.extend(holes.iter().map(|offset| offset + before));
            stretch.end = to;
        }
        Ok(stretch)
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> u64 {
        self.numbers_in(self.next - self.origin..self.end - self.origin)
    }

    /// The first counter value that is not taken.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next numbers; there must be as many.
    pub(super) fn take(&mut self, quantity: u64) -> Result<Part, ServiceError> {
        if quantity == 0 || quantity > self.numbers() {
            let detail = format!("{quantity} numbers of a stretch of {}", self.numbers());
            return Err(ServiceError::Internal(detail));
        }
        let begin = self.next - self.origin;
        let mut end = begin + quantity;
        // Each turn adds what holes took from the last one.
        loop {
            let numbers = self.numbers_in(begin..end);
            if numbers == quantity {
                break;
            }
            end += quantity - numbers;
        }
        self.next = self.origin + end;
        Ok(Part {
            first_index: self.origin + begin,
            span: end - begin,
            holes: self.holes_in(begin..end),
        })
    }

    /// How many numbers lie at these offsets.
    fn numbers_in(&self, offsets: Range<u64>) -> u64 {
        if self.holes.is_empty() {
            return offsets.end - offsets.start;
        }
        // INVARIANT: `find` keeps offsets within 32 bits.
        let before = |offset: u64| offset.checked_sub(1).map_or(0, |last| self.holes.rank(last as u32));
        offsets.end - offsets.start - (before(offsets.end) - before(offsets.start))
    }

    fn holes_in(&self, offsets: Range<u64>) -> RoaringBitmap {
        if self.holes.is_empty() {
            return RoaringBitmap::new();
        }
        // INVARIANT: as above.
        let (begin, end) = (offsets.start as u32, offsets.end as u32);
        self.holes.range(begin..end).map(|hole| hole - begin).collect()
    }
}

/// Which offsets of `first..first + span` are no numbers by what the pool itself tells.
async fn holes(pool: &Arc<Pool>, first: u64, span: u32) -> Result<RoaringBitmap, ServiceError> {
    if span <= AT_ONCE {
        return Ok(pool.holes(first, span));
    }
    // Where words are banned each serial is looked at: off the threads that serve connections.
    let looking = Arc::clone(pool);
    let holes = tokio::task::spawn_blocking(move || looking.holes(first, span)).await;
    holes.map_err(|error| ServiceError::Internal(format!("looking for banned serial numbers: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_lie_one_behind_the_other_and_their_numbers_are_no_holes(
            holes in proptest::collection::btree_set(0..400_u32, 0..200), wanted in proptest::collection::vec(1..40_u64, 1..12),
            origin in 0..5_000_u64,
        ) {
            let mut stretch = Stretch { next: origin, end: origin + 400, holes: holes.iter().copied().collect(), origin };
            let mut next = origin;
            for quantity in wanted {
                let left = stretch.numbers();
                let Ok(part) = stretch.take(quantity) else {
                    prop_assert!(left < quantity);
                    continue;
                };
                prop_assert_eq!(part.first_index, next);
                prop_assert_eq!(part.span, quantity + part.holes.len());
                for offset in 0..part.span {
                    let hole = holes.contains(&((part.first_index - origin + offset) as u32));
                    prop_assert_eq!(part.holes.contains(offset as u32), hole);
                }
                // It ends with a number: what follows is the next one's.
                prop_assert!(!part.holes.contains((part.span - 1) as u32));
                next += part.span;
                prop_assert_eq!(stretch.numbers(), left - quantity);
            }
            prop_assert_eq!(stretch.next(), next);
        }
    }
}

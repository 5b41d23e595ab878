//! Where serial numbers come from, as their owner sees it.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::serial::rule::Source;
use crate::domain::time::Micros;
use crate::service::serial::PoolOverview;

use super::scalar::{DateTime, Long};

/// Where serial numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SerialSource {
    /// The hub computes them, and nobody can guess them.
    Permutation,
    /// The hub counts.
    Sequential,
    /// The owner gave the hub a list.
    Imported,
    /// The owner's own system makes them when the hub asks it.
    Brokered,
    /// The packager makes them and tells the hub.
    Delegate,
}

impl From<Source> for SerialSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Permutation => Self::Permutation,
            Source::Sequential => Self::Sequential,
            Source::Imported => Self::Imported,
            Source::Brokered => Self::Brokered,
            Source::Delegate => Self::Delegate,
        }
    }
}

/// Why nobody guesses a serial number: how many there can be, and how many there are.
#[derive(Debug, Clone, SimpleObject)]
pub struct SerialDensity {
    /// At most one in so many possible serial numbers is ever issued.
    density: Long,
    /// How many may be issued in all, in whatever epoch.
    issuable: Long,
    /// How many were, in whatever epoch and whoever made them.
    issued: Long,
    /// One blind guess in so many would hit, as a decimal number; null before the first number.
    one_in: Option<String>,
    /// How many possible serial numbers there are, as a decimal number.
    space: String,
    /// The same in a sentence, for an auditor.
    statement: String,
}

/// The serial numbers of one product in one epoch. Shown to the owner alone.
#[derive(Debug, Clone)]
pub struct SerialPool(pub PoolOverview);

/// The serial numbers of one product in one epoch. Shown to the owner alone.
#[Object]
impl SerialPool {
    /// Global id.
    async fn id(&self) -> ID {
        ID(self.0.record.id.to_string())
    }

    /// Characters that its serial numbers are made of.
    async fn alphabet(&self) -> &str {
        &self.0.record.alphabet
    }

    /// Counter values that nobody has and nobody gets: numbers that may have been issued before a restore.
    async fn burnt(&self) -> Long {
        Long(self.0.burnt)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Why nobody guesses a number; null for numbers that are counted.
    async fn density(&self) -> Option<SerialDensity> {
        self.0.proof.map(|proof| SerialDensity {
            density: Long(proof.density),
            issuable: Long(proof.issuable()),
            issued: Long(proof.issued),
            one_in: proof.one_in().map(|one_in| one_in.to_string()),
            space: proof.space.to_string(),
            statement: proof.to_string(),
        })
    }

    /// Counts up with each change of how the serial numbers look, and with each rotation of the key.
    async fn epoch(&self) -> Long {
        Long(u64::try_from(self.0.record.epoch).unwrap_or(0))
    }

    /// The UTC day on which it is used up at the pace of the last 90 days; null at a standstill, if that is a thousand years off, or if
    /// it is retired.
    async fn full_on(&self) -> Option<DateTime> {
        const DAY: i64 = 86_400_000_000;
        self.0.full_on.map(|day| DateTime(Micros(day.saturating_mul(DAY))))
    }

    /// What the numbers are for: the GTIN of a product, or company prefix and extension digit of SSCCs as `9521002:3`.
    async fn gtin(&self) -> String {
        self.0.record.numbered.to_string()
    }

    /// Numbers in allocations.
    async fn issued(&self) -> Long {
        Long(self.0.issued)
    }

    /// Numbers of the product issued a day in the last 90 days, rounded up; 0 if none was.
    async fn issued_per_day(&self) -> Long {
        Long(self.0.pace.map_or(0, |pace| pace.per_day()))
    }

    /// Characters of a serial number; the most it may have. Of SSCCs, digits of the serial reference.
    async fn length(&self) -> i32 {
        i32::from(self.0.record.length)
    }

    /// The shortest greater length that would last for ten years at the pace of the last 90 days; null if there is none, or no pace.
    async fn longer_length(&self) -> Option<i32> {
        self.0.longer.map(i32::from)
    }

    /// Markets whose law the numbers follow, as partner files name them.
    async fn markets(&self) -> Vec<&'static str> {
        self.0.rule.markets.iter().map(|market| market.as_str()).collect()
    }

    /// How many may still be issued; 0 of a retired pool.
    async fn remaining(&self) -> Long {
        Long(self.0.remaining)
    }

    /// When a newer epoch took its place: no number is issued from it any more, those that were stay good.
    async fn retired_at(&self) -> Option<DateTime> {
        self.0.record.retired.map(|retired| DateTime(retired.at))
    }

    /// Where its numbers come from.
    async fn source(&self) -> SerialSource {
        self.0.record.source.into()
    }
}

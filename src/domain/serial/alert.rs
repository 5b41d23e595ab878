//! What somebody should act on about the supply of serial numbers, before a line stands still.
//!
//! An alert says what is the case, not that something happened: it is raised while it is the case and goes away by itself.

use crate::domain::ids::{AgreementId, PartyId, SerialAlertId};
use crate::domain::time::Micros;

use super::numbered::Numbered;

/// What is the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// Unused numbers are below the level of the agreement, or of the product.
    LowWater,
    /// An allocation was not acknowledged in time.
    Unacknowledged,
    /// The manufacturer's own system gives no numbers, or bad ones.
    UpstreamFailed,
    /// At the present rate the product's numbers reach their density soon.
    DensityWall,
    /// An allocation expires soon.
    LeaseEnding,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LowWater,
        Self::Unacknowledged,
        Self::UpstreamFailed,
        Self::DensityWall,
        Self::LeaseEnding,
    ];

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowWater => "LOW_WATER",
            Self::Unacknowledged => "UNACKNOWLEDGED",
            Self::UpstreamFailed => "UPSTREAM_FAILED",
            Self::DensityWall => "DENSITY_WALL",
            Self::LeaseEnding => "LEASE_ENDING",
        }
    }

    /// From the stable text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What those who see it can do.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::LowWater => "ask for serial numbers, or raise the quota or the maximum of the agreement",
            Self::Unacknowledged => "fetch the numbers and confirm them, or close the allocation",
            Self::UpstreamFailed => "look at the manufacturer's system and at the product's `upstream` in its partner file",
            Self::DensityWall => "give the product longer serial numbers in its partner file",
            Self::LeaseEnding => "use the numbers, return them, or close the allocation before it expires",
        }
    }
}

/// What an alert is about. Of two with the same cause one stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertCause {
    /// What is the case.
    pub kind: AlertKind,
    /// Who should act.
    pub party: PartyId,
    /// The brand owner, who sees it too.
    pub principal: PartyId,
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Under which agreement; none for the brand owner's own.
    pub agreement: Option<AgreementId>,
    /// The allocation, the pool or the stock that it is about.
    pub subject: String,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialAlert {
    /// Its id.
    pub id: SerialAlertId,
    /// What it is about.
    pub cause: AlertCause,
    /// Figures for people. No serial number stands in it.
    pub detail: String,
    /// Since when.
    pub raised_at: Micros,
    /// Until when, if it is over.
    pub cleared_at: Option<Micros>,
}

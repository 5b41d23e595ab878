//! The life of serial numbers: states, what became of reported numbers, and moves that there are not.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::party::Registry;
use crate::domain::serial::life;
use crate::service::serial::{Answer, Reported, SerialException as Row};

use super::party::PartyName;
use super::scalar::{DateTime, Long};

/// What has become of a serial number: the states of OPEN-SCS, and three more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SerialState {
    /// Given out; nothing was heard of it since.
    Allocated,
    /// Its pack came to be.
    Commissioned,
    /// Its pack was destroyed.
    Destroyed,
    /// Printed on a label that is on no pack yet.
    Encoded,
    /// Its pack was decommissioned.
    Inactive,
    /// Must not be used.
    Invalid,
    /// Its label was taken as a sample.
    LabelSampled,
    /// Its label was destroyed.
    LabelScrapped,
    /// Not to be found.
    Lost,
    /// Given back unused; the owner has not decided.
    Quarantined,
    /// Its pack was released to the market.
    Released,
    /// Given back unused, and burnt.
    Returned,
    /// Its pack was taken as a sample.
    Sampled,
}

impl SerialState {
    /// As the schema says it.
    #[must_use]
    pub fn of(state: life::SerialState) -> Self {
        match state {
            life::SerialState::Allocated => Self::Allocated,
            life::SerialState::Commissioned => Self::Commissioned,
            life::SerialState::Destroyed => Self::Destroyed,
            life::SerialState::Encoded => Self::Encoded,
            life::SerialState::Inactive => Self::Inactive,
            life::SerialState::Invalid => Self::Invalid,
            life::SerialState::LabelSampled => Self::LabelSampled,
            life::SerialState::LabelScrapped => Self::LabelScrapped,
            life::SerialState::Lost => Self::Lost,
            life::SerialState::Quarantined => Self::Quarantined,
            life::SerialState::Released => Self::Released,
            life::SerialState::Returned => Self::Returned,
            life::SerialState::Sampled => Self::Sampled,
        }
    }

    /// As the hub knows it.
    #[must_use]
    pub fn state(self) -> life::SerialState {
        match self {
            Self::Allocated => life::SerialState::Allocated,
            Self::Commissioned => life::SerialState::Commissioned,
            Self::Destroyed => life::SerialState::Destroyed,
            Self::Encoded => life::SerialState::Encoded,
            Self::Inactive => life::SerialState::Inactive,
            Self::Invalid => life::SerialState::Invalid,
            Self::LabelSampled => life::SerialState::LabelSampled,
            Self::LabelScrapped => life::SerialState::LabelScrapped,
            Self::Lost => life::SerialState::Lost,
            Self::Quarantined => life::SerialState::Quarantined,
            Self::Released => life::SerialState::Released,
            Self::Returned => life::SerialState::Returned,
            Self::Sampled => life::SerialState::Sampled,
        }
    }
}

/// How a reported number ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ReportedSerialResult {
    /// It was in this state already.
    Already,
    /// It could have moved, and another number of an all-or-nothing report could not.
    HeldBack,
    /// There is no such move from the state it is in.
    Illegal,
    /// Its lot is closed, and the move would change the lot's balance.
    LotClosed,
    /// It moved.
    Moved,
    /// Not the caller's: never issued, or somebody else's.
    Unknown,
}

/// A reported number that is not where the report says.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportedSerial {
    /// How it ended.
    result: ReportedSerialResult,
    /// The serial number, as it was sent.
    serial: String,
    /// The state it is in, if it is the caller's.
    state: Option<SerialState>,
}

/// How a report ended.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportSerialsPayload {
    /// Numbers that were in the state already.
    already: Long,
    /// Numbers that could have moved, where the report was all or nothing.
    held_back: Long,
    /// Numbers for which there is no such move.
    illegal: Long,
    /// Numbers whose lot is closed.
    lot_closed: Long,
    /// Numbers that moved.
    moved: Long,
    /// Named serial numbers that did not move and were not there already, at most a hundred; `POST /serials/v1/reports` answers each.
    refused: Vec<ReportedSerial>,
    /// Numbers that are not the caller's.
    unknown: Long,
}

/// Refused serials that an answer names.
const NAMED: usize = 100;

impl ReportSerialsPayload {
    /// Of the serials that were named, if any were.
    #[must_use]
    pub fn of(serials: &[String], answer: &Answer) -> Self {
        let count = |result| {
            let ended = answer.counts.iter().filter(|(ended, _)| ended_as(**ended).0 == result);
            Long(ended.map(|(_, count)| count).sum())
        };
        let refused = serials.iter().zip(&answer.each).filter(|(_, ended)| !ended.stands());
        let named = |(serial, ended): (&String, &Reported)| {
            let (result, state) = ended_as(*ended);
            ReportedSerial {
                result,
                serial: serial.clone(),
                state,
            }
        };
        Self {
            already: count(ReportedSerialResult::Already),
            held_back: count(ReportedSerialResult::HeldBack),
            illegal: count(ReportedSerialResult::Illegal),
            lot_closed: count(ReportedSerialResult::LotClosed),
            moved: count(ReportedSerialResult::Moved),
            refused: refused.take(NAMED).map(named).collect(),
            unknown: count(ReportedSerialResult::Unknown),
        }
    }
}

fn ended_as(ended: Reported) -> (ReportedSerialResult, Option<SerialState>) {
    match ended {
        Reported::Moved => (ReportedSerialResult::Moved, None),
        Reported::Already => (ReportedSerialResult::Already, None),
        Reported::HeldBack => (ReportedSerialResult::HeldBack, None),
        Reported::Illegal(state) => (ReportedSerialResult::Illegal, Some(SerialState::of(state))),
        Reported::LotClosed(state) => (ReportedSerialResult::LotClosed, Some(SerialState::of(state))),
        Reported::Unknown => (ReportedSerialResult::Unknown, None),
    }
}

/// Moves of serial numbers that were reported and that there are not: for holder and owner to clear up.
#[derive(Debug, Clone)]
pub struct SerialException {
    /// The exception.
    pub row: Row,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

/// Moves of serial numbers that were reported and that there are not: for holder and owner to clear up.
#[Object]
impl SerialException {
    /// Global id.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Global id of the allocation that the numbers are of.
    async fn allocation_id(&self) -> ID {
        ID(self.row.allocation.to_string())
    }

    /// The state that the numbers are in.
    async fn from(&self) -> SerialState {
        SerialState::of(self.row.from)
    }

    /// What the numbers are for.
    async fn gtin(&self) -> String {
        self.row.numbered.to_string()
    }

    /// When it was first reported.
    async fn noticed_at(&self) -> DateTime {
        DateTime(self.row.at)
    }

    /// Who has the numbers.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.row.party)
    }

    /// How many numbers.
    async fn quantity(&self) -> Long {
        Long(self.row.quantity)
    }

    /// The numbers, at most a hundred of them.
    async fn serials(&self) -> &[String] {
        &self.row.serials
    }

    /// The state that they were reported to be in.
    async fn to(&self) -> SerialState {
        SerialState::of(self.row.to)
    }
}

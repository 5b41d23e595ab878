//! Standing queries: when they are asked, how they stand, when a delivery that failed is tried again.

use std::time::Duration;

use super::query::schedule::Schedule;

/// What makes a subscription ask its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Every event that comes.
    Stream,
    /// The clock.
    Schedule(Schedule),
}

/// In which form events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// EPCIS 2.0 JSON-LD.
    Json,
    /// EPCIS 1.2 XML, as who subscribed by SOAP expects it.
    Xml,
}

impl Form {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }
}

impl std::str::FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Json, Self::Xml]
            .into_iter()
            .find(|form| form.as_str() == text)
            .ok_or("no form of a delivery")
    }
}

/// The wait after the first failure.
const FIRST_SECONDS: u64 = 5;
/// The longest wait.
const LONGEST_SECONDS: u64 = 3_600;

/// How long after so many failures in a row the next try is made: twice as long each time, up to an hour, a fifth more or less by
/// `random`, so that receivers that failed together are not called together.
#[must_use]
pub fn wait_after(failures: u32, random: u8) -> Duration {
    let doubled = FIRST_SECONDS << failures.saturating_sub(1).min(16);
    let millis = doubled.min(LONGEST_SECONDS) * 1_000;
    Duration::from_millis(millis * (800 + u64::from(random) * 400 / 255) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        let seconds = |failures| wait_after(failures, 128).as_secs();
        assert_eq!((seconds(1), seconds(2), seconds(4)), (5, 10, 40));
        assert_eq!(seconds(12), seconds(u32::MAX));
        assert_eq!(wait_after(40, 0).as_secs(), 2_880);
        assert_eq!(wait_after(40, 255).as_secs(), 4_320);
    }
}

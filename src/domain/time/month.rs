//! Calendar months in UTC: the bucket of time in which anything is told that may not be told to the moment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Micros;

/// A calendar month in UTC, of the years 1970 to 9999; written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Month(i64);

/// No month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written as year and month: 2026-11")]
pub struct MonthError;

/// January 1970 and December 9999.
const RANGE: (i64, i64) = (1970 * 12, 9999 * 12 + 11);

impl Month {
    /// The month of a moment, or the nearest that can be written.
    #[must_use]
    pub fn of(at: Micros) -> Self {
        let date = at.to_datetime().date();
        Self::from_index(i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1)
    }

    /// By its number, [`Self::index`]; the nearest that can be written.
    #[must_use]
    pub fn from_index(index: i64) -> Self {
        Self(index.clamp(RANGE.0, RANGE.1))
    }

    /// Months from the beginning of the year 0: how it is stored and reckoned with.
    #[must_use]
    pub const fn index(self) -> i64 {
        self.0
    }

    /// So many months later, or earlier.
    #[must_use]
    pub fn plus(self, months: i64) -> Self {
        Self::from_index(self.0.saturating_add(months))
    }

    /// Its first moment.
    #[must_use]
    pub fn begin(self) -> Micros {
        // INVARIANT: in range, so that it is a date.
        Micros::parse(&format!("{self}-01T00:00:00Z")).unwrap_or(Micros::MIN)
    }

    /// Its first moment no longer.
    #[must_use]
    pub fn end(self) -> Micros {
        if self.0 == RANGE.1 {
            Micros::FOREVER
        } else {
            self.plus(1).begin()
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let plain = text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let (year, month) = text
            .split_once('-')
            .filter(|(year, _)| plain && year.len() == 4)
            .ok_or(MonthError)?;
        let (year, month): (i64, i64) = (year.parse().map_err(|_| MonthError)?, month.parse().map_err(|_| MonthError)?);
        let index = year * 12 + month - 1;
        let fits = (1..=12).contains(&month) && (RANGE.0..=RANGE.1).contains(&index);
        fits.then_some(Self(index)).ok_or(MonthError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        for text in ["1970-01", "2026-02", "2026-12", "9999-12"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-01",
            "+026-01",
            "2026-01-01",
            "1969-12",
            "2026-+1",
            "20260-1",
            "２026-1",
        ] {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
    }

    #[test]
    fn ends_where_the_next_one_begins() {
        let at = |text: &str| Micros::parse(text).unwrap();
        let check = |text: &str, month: &str| assert_eq!(Month::of(at(text)).to_string(), month);
        check("2026-02-28T23:59:59.999999Z", "2026-02");
        check("2026-03-01T00:30:00+01:00", "2026-02");
        check("2026-03-01T00:00:00Z", "2026-03");
        let month: Month = "2025-12".parse().unwrap();
        assert_eq!(
            (month.begin(), month.end()),
            (at("2025-12-01T00:00:00Z"), at("2026-01-01T00:00:00Z"))
        );
        assert_eq!(month.plus(-12).to_string(), "2024-12");
        assert_eq!(Month::of(Micros::FOREVER).to_string(), "9999-12");
        assert_eq!(Month::of(Micros::MIN).to_string(), "1970-01");
    }
}

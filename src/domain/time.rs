//! Points in time, as both databases can store and order them.
//!
//! The domain has no clock: whoever needs "now" is given a [`Micros`].

mod month;

use std::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

pub use month::{Month, MonthError};

/// Microseconds since 1970-01-01T00:00:00Z, which is what both databases keep.
///
/// Text would sort wrongly on SQLite (`…34.25Z < …34Z`) and a native type would lose nanoseconds on
/// PostgreSQL alone, so that the two would not behave the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event: the open end of an interval.
    pub const FOREVER: Self = Self(i64::MAX);

    /// From a time of any offset; what is finer than a microsecond is cut.
    #[must_use]
    pub fn from_datetime(at: OffsetDateTime) -> Self {
        let micros = at.unix_timestamp_nanos().div_euclid(1_000);
        Self(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// In UTC; the two ends of the range print as the last moment that has a date.
    #[must_use]
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or_else(|_| {
            if self.0 < 0 {
                time::PrimitiveDateTime::MIN.assume_utc()
            } else {
                time::PrimitiveDateTime::MAX.assume_utc()
            }
        })
    }

    /// Parses RFC 3339, the form of `xsd:dateTimeStamp` that EPCIS 2.0 asks for.
    pub fn parse(text: &str) -> Result<Self, time::error::Parse> {
        OffsetDateTime::parse(text.trim(), &Rfc3339).map(Self::from_datetime)
    }

    /// The calendar month in UTC: `2026-11`.
    #[must_use]
    pub fn month(self) -> String {
        self.rfc3339().chars().take(7).collect()
    }

    /// The first moment of that month, and of the next.
    #[must_use]
    pub fn month_bounds(self) -> (Self, Self) {
        let date = self.to_datetime().to_offset(UtcOffset::UTC).date();
        let first = |date: time::Date| {
            date.replace_day(1)
                .map(|date| Self::from_datetime(date.midnight().assume_utc()))
        };
        let begin = first(date).unwrap_or(self);
        let next = date
            .replace_day(1)
            .ok()
            .and_then(|date| date.checked_add(time::Duration::days(31)));
        (begin, next.and_then(|date| first(date).ok()).unwrap_or(Self::FOREVER))
    }

    /// RFC 3339 in UTC with milliseconds where it has them: `2026-11-22T06:50:00.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let at = self.to_datetime().to_offset(UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        let micros = time.microsecond();
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            micros / 1_000
        );
        if micros % 1_000 != 0 {
            text.push_str(&format!("{:03}", micros % 1_000));
        }
        text.push('Z');
        text
    }

    /// This moment and `seconds` more, clamped to the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The same date so many years later, the 29th of February as the 1st of March where the year has none.
    #[must_use]
    pub fn plus_years(self, years: i32) -> Self {
        let at = self.to_datetime();
        let year = at.year().saturating_add(years);
        let leap_day = || {
            let march = time::Date::from_calendar_date(year, time::Month::March, 1)?;
            Ok::<_, time::error::ComponentRange>(at.replace_date(march))
        };
        at.replace_year(year)
            .or_else(|_| leap_day())
            .map_or(Self::FOREVER, Self::from_datetime)
    }

    /// The UTC day it lies in, counted from 1970-01-01.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000_000)
    }

    /// The time between, for metrics.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::microseconds(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_order_of_time_whatever_the_offset() {
        let parse = |text| Micros::parse(text).unwrap();
        assert_eq!(parse("2026-01-01T01:00:00+01:00"), parse("2026-01-01T00:00:00Z"));
        assert!(parse("2026-01-01T00:00:00.25Z") < parse("2026-01-01T00:00:00.5Z"));
    }

    #[test]
    fn prints_milliseconds_and_microseconds_only_where_it_has_them() {
        let check = |text: &str, expect: &str| assert_eq!(Micros::parse(text).unwrap().rfc3339(), expect);
        check("2026-11-22T06:50:00Z", "2026-11-22T06:50:00.000Z");
        check("2026-11-22T06:50:00.123456789Z", "2026-11-22T06:50:00.123456Z");
        check("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z");
    }

    #[test]
    fn the_open_end_prints() {
        assert!(Micros::FOREVER.rfc3339().starts_with("9999-12-31"));
        assert!(Micros::MIN.rfc3339().contains('T'));
    }
}

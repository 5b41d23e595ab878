//! When a scheduled query is due (EPCIS 2.0 clause 8.2.5.3, EPCIS 1.2 clause 8.2.5.3), in UTC.
//!
//! Each field is a list of numbers and `[from-to]` ranges. A field that is left out asks nothing, but what is finer than the
//! finest field given is at its lowest: `{"hour": "1", "minute": "5"}` is every night at 01:05:00, once, as the standard's own
//! example says. A schedule that never comes (the 30th of February) is none.

use serde::{Deserialize, Serialize};
use time::{Date, Time};

use crate::domain::time::Micros;

/// Longest list of one field, in characters.
const LONGEST: usize = 400;
/// Days looked ahead: over every 29th of February that is a Sunday.
const HORIZON_DAYS: i32 = 366 * 41;

/// The fields as written; numbers are taken for texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fields {
    /// 0 to 59
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// 0 to 59
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub minute: Option<String>,
    /// 0 to 23
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    /// 1 to 31
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<String>,
    /// 1 to 12
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// 1 (Monday) to 7 (Sunday)
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<String>,
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u32),
    }
    Ok(Option::<Either>::deserialize(input)?.map(|either| match either {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    }))
}

impl Fields {
    /// Whether nothing is said at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A field that cannot be taken, or a schedule that never comes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {detail}")]
pub struct WrongSchedule {
    /// Its name.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Which numbers a field may have, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

impl Set {
    fn has(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }

    fn from(self, lowest: u8) -> impl Iterator<Item = u8> {
        (lowest..64).filter(move |number| self.has(*number))
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    fields: Fields,
    second: Set,
    minute: Set,
    hour: Set,
    day_of_month: Set,
    month: Set,
    day_of_week: Set,
}

impl Schedule {
    /// Reads it.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn new(fields: Fields) -> Result<Self, WrongSchedule> {
        if fields.is_empty() {
            return Err(wrong(
                "schedule",
                "says nothing: give at least one of second, minute, hour, dayOfMonth, month, dayOfWeek",
            ));
        }
        let is_date = fields.day_of_month.is_some() || fields.month.is_some() || fields.day_of_week.is_some();
        // Coarser fields that are given pin the finer ones that are not.
        let (minute_given, second_given) = (fields.minute.is_some(), fields.second.is_some());
        let pin_hour = is_date && fields.hour.is_none() && !minute_given && !second_given;
        let pin_minute = !minute_given && !second_given && (fields.hour.is_some() || is_date);
        let date_pins = fields.month.is_some() && fields.day_of_month.is_none() && fields.day_of_week.is_none();
        let pin_day = date_pins && fields.hour.is_none() && !minute_given && !second_given;
        let schedule = Self {
            second: set("second", fields.second.as_deref(), (0, 59), true)?,
            minute: set("minute", fields.minute.as_deref(), (0, 59), pin_minute)?,
            hour: set("hour", fields.hour.as_deref(), (0, 23), pin_hour)?,
            day_of_month: set("dayOfMonth", fields.day_of_month.as_deref(), (1, 31), pin_day)?,
            month: set("month", fields.month.as_deref(), (1, 12), false)?,
            day_of_week: set("dayOfWeek", fields.day_of_week.as_deref(), (1, 7), false)?,
            fields,
        };
        match schedule.next_after(Micros(0)) {
            Some(_) => Ok(schedule),
            None => Err(wrong(
                "dayOfMonth",
                "is no day of the months given: the schedule would never come",
            )),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The first moment it is due after another.
    #[must_use]
    pub fn next_after(&self, at: Micros) -> Option<Micros> {
        let start = at.plus_seconds(1).to_datetime();
        let (mut day, mut earliest) = (start.date(), start.time());
        for _ in 0..HORIZON_DAYS {
            if self.covers(day)
                && let Some(time) = self.first_time(earliest)
            {
                let due = Micros::from_datetime(day.with_time(time).assume_utc());
                return Some(due);
            }
            day = day.next_day()?;
            earliest = Time::MIDNIGHT;
        }
        None
    }

    fn covers(&self, day: Date) -> bool {
        self.month.has(u8::from(day.month()))
            && self.day_of_month.has(day.day())
            && self.day_of_week.has(day.weekday().number_from_monday())
    }

    /// The first second of a day that is due, from a time on (its whole seconds count).
    fn first_time(&self, earliest: Time) -> Option<Time> {
        let (hour, minute, second) = earliest.as_hms();
        for h in self.hour.from(hour) {
            let least_minute = if h == hour { minute } else { 0 };
            for m in self.minute.from(least_minute) {
                let least_second = if (h, m) == (hour, minute) { second } else { 0 };
                if let Some(s) = self.second.from(least_second).next() {
                    return Time::from_hms(h, m, s).ok();
                }
            }
        }
        None
    }
}

fn wrong(field: &'static str, detail: impl Into<String>) -> WrongSchedule {
    WrongSchedule {
        field,
        detail: detail.into(),
    }
}

/// `0,15,[30-40]`; left out: every number, or the lowest alone.
fn set(field: &'static str, text: Option<&str>, (low, high): (u8, u8), lowest_alone: bool) -> Result<Set, WrongSchedule> {
    let range = |from: u8, to: u8| (from..=to).fold(0, |bits, number| bits | 1_u64 << number);
    let Some(text) = text else {
        return Ok(Set(if lowest_alone { range(low, low) } else { range(low, high) }));
    };
    let refuse = || {
        let detail = format!("is a list of numbers from {low} to {high} and of ranges such as [{low}-{high}], comma between");
        wrong(field, detail)
    };
    if text.len() > LONGEST {
        return Err(refuse());
    }
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = plain.then(|| text.parse::<u8>().ok()).flatten()?;
        (low..=high).contains(&value).then_some(value)
    };
    let mut bits = 0;
    for element in text.split(',').map(str::trim) {
        let read = match element.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            None => number(element).map(|value| (value, value)),
            Some(inner) => inner
                .split_once('-')
                .and_then(|(from, to)| Some((number(from.trim())?, number(to.trim())?))),
        };
        let (from, to) = read.filter(|(from, to)| from <= to).ok_or_else(refuse)?;
        bits |= range(from, to);
    }
    Ok(Set(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    fn check(text: &str, after: &str, expect: &[&str]) {
        let schedule = Schedule::new(fields(text)).unwrap();
        let mut at = Micros::parse(after).unwrap();
        for expect in expect {
            at = schedule.next_after(at).unwrap();
            assert_eq!(at, Micros::parse(expect).unwrap(), "{text} after {after}: {at}");
        }
    }

    #[test]
    fn it_is_due_when_its_fields_say() {
        check(
            r#"{"hour":"1","minute":"5"}"#,
            "2026-03-02T01:05:00Z",
            &["2026-03-03T01:05:00Z", "2026-03-04T01:05:00Z"],
        );
        check(
            r#"{"second":0}"#,
            "2026-03-02T08:00:00.5Z",
            &["2026-03-02T08:01:00Z", "2026-03-02T08:02:00Z"],
        );
        check(
            r#"{"second":"0,[29-30]"}"#,
            "2026-12-31T23:59:29Z",
            &["2026-12-31T23:59:30Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:29Z"],
        );
        check(r#"{"minute":"30"}"#, "2026-03-02T08:30:00Z", &["2026-03-02T09:30:00Z"]);
        check(
            r#"{"dayOfWeek":"7"}"#,
            "2026-03-02T08:30:00Z",
            &["2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z"],
        );
        check(r#"{"dayOfMonth":"31"}"#, "2026-03-31T00:00:00Z", &["2026-05-31T00:00:00Z"]);
        check(
            r#"{"month":"6"}"#,
            "2026-03-31T00:00:00Z",
            &["2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"],
        );
        check(
            r#"{"month":"2","dayOfMonth":"29"}"#,
            "2026-03-02T08:00:00Z",
            &["2028-02-29T00:00:00Z"],
        );
        check(
            r#"{"second":"59","hour":"23"}"#,
            "2026-03-02T23:59:58Z",
            &["2026-03-02T23:59:59Z", "2026-03-03T23:00:59Z"],
        );
    }

    #[test]
    fn fields_out_of_their_range_are_refused_by_name() {
        for (text, field) in [
            (r#"{"second":"61"}"#, "second"),
            (r#"{"second":"-1"}"#, "second"),
            (r#"{"minute":"[30-60]"}"#, "minute"),
            (r#"{"minute":"30-40"}"#, "minute"),
            (r#"{"hour":"24"}"#, "hour"),
            (r#"{"hour":""}"#, "hour"),
            (r#"{"hour":"1,,2"}"#, "hour"),
            (r#"{"dayOfMonth":"0"}"#, "dayOfMonth"),
            (r#"{"dayOfMonth":"[20-10]"}"#, "dayOfMonth"),
            (r#"{"month":"13"}"#, "month"),
            (r#"{"dayOfWeek":"0"}"#, "dayOfWeek"),
            (r#"{"dayOfWeek":"8"}"#, "dayOfWeek"),
            (r#"{"second":"*"}"#, "second"),
            (r#"{"month":"2","dayOfMonth":"30"}"#, "dayOfMonth"),
            ("{}", "schedule"),
        ] {
            assert_eq!(Schedule::new(fields(text)).unwrap_err().field, field, "{text}");
        }
        assert!(serde_json::from_str::<Fields>(r#"{"seconds":"1"}"#).is_err());
        let long = format!(r#"{{"second":"{}"}}"#, "1,".repeat(10_000) + "1");
        assert!(Schedule::new(fields(&long)).is_err());
    }
}

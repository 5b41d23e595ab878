//! In which order events are answered (`orderBy`, `orderDirection`), and where one stands in it.
//!
//! Events that lack the field an order goes by stand at its end, as the standard leaves open. Two events with the same
//! key stand in the order of their records, so that the position of an event is one and a page ends at it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::field::{self, FieldName};
use super::{Subject, Within};
use crate::domain::time::Micros;

/// An order.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Highest first, which is what the standard takes if nothing is said.
    pub descending: bool,
}

/// What events are ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderBy {
    /// `eventTime`
    EventTime,
    /// `recordTime`
    RecordTime,
    /// An extension field at event level.
    Field(FieldName),
}

/// What an event is ordered by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Key {
    /// A time.
    Time(Micros),
    /// A number; before texts.
    Number(f64),
    /// Code by code.
    Text(String),
    /// Lacks the field: last, whatever the direction.
    Absent,
}

impl Key {
    fn rank(&self) -> u8 {
        match self {
            Self::Time(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Absent => 3,
        }
    }

    fn ascending(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Time(one), Self::Time(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Time(_) | Self::Number(_) | Self::Text(_) | Self::Absent, _) => self.rank().cmp(&other.rank()),
        }
    }
}

impl Order {
    /// What `subject` is ordered by.
    #[must_use]
    pub fn key(&self, subject: Subject<'_>) -> Key {
        match &self.by {
            OrderBy::EventTime => Key::Time(subject.event.event_time),
            OrderBy::RecordTime => Key::Time(subject.record_time),
            OrderBy::Field(name) => {
                let nodes = super::matching::roots(subject.event, Within::Event);
                let held = nodes.into_iter().flat_map(|nodes| field::find(nodes, name, false)).next();
                held.and_then(|node| node.text())
                    .map_or(Key::Absent, |text| of_text(text.trim()))
            }
        }
    }

    /// How one event stands to another: key first, then the order of records (`id`), newest first where the order descends.
    #[must_use]
    pub fn compare<T: Ord>(&self, one: (&Key, &T), other: (&Key, &T)) -> Ordering {
        let absent = |key: &Key| matches!(key, Key::Absent);
        let keys = one.0.ascending(other.0);
        let turn = |ordering: Ordering| if self.descending { ordering.reverse() } else { ordering };
        let keys = if absent(one.0) || absent(other.0) { keys } else { turn(keys) };
        keys.then_with(|| turn(one.1.cmp(other.1)))
    }
}

fn of_text(text: &str) -> Key {
    if let Some(number) = field::number(text) {
        Key::Number(number)
    } else if let Some(at) = field::time(text) {
        Key::Time(at)
    } else {
        Key::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_are_last_either_way_and_ties_follow_the_record() {
        let check = |descending: bool, expect: [u8; 4]| {
            let order = Order {
                by: OrderBy::EventTime,
                descending,
            };
            let mut rows = [
                (Key::Absent, 1),
                (Key::Number(2.0), 2),
                (Key::Number(5.0), 3),
                (Key::Number(2.0), 4),
            ];
            rows.sort_by(|one, other| order.compare((&one.0, &one.1), (&other.0, &other.1)));
            assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<u8>>(), expect);
        };
        check(false, [2, 4, 3, 1]);
        check(true, [3, 4, 2, 1]);
    }
}

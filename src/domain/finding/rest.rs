//! Findings beyond those that are kept of a code: how many there are, and between which events of the document they lie.
//!
//! Three numbers for each code, whatever the size of the document.

use super::{Finding, FindingCode};

/// What is told of the findings of one code that are not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rest {
    many: usize,
    /// Zero-based positions of the first and the last event that they are about; none where they are about none, or it is not known.
    events: Option<(usize, usize)>,
}

impl Rest {
    /// So many, wherever they are.
    #[must_use]
    pub const fn of(many: usize) -> Self {
        Self { many, events: None }
    }

    /// Counts one more, and the event that it is about.
    pub fn count(&mut self, event: Option<usize>) {
        self.join(Self {
            many: 1,
            events: event.map(|event| (event, event)),
        });
    }

    /// Counts others of the same code.
    pub fn join(&mut self, other: Self) {
        self.many = self.many.saturating_add(other.many);
        self.events = match (self.events, other.events) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (one, None) | (None, one) => one,
        };
    }

    /// The same events, and so many findings.
    #[must_use]
    pub const fn with_many(self, many: usize) -> Self {
        Self { many, ..self }
    }

    /// In words.
    #[must_use]
    pub fn told(self, code: FindingCode) -> String {
        let (many, code) = (self.many, code.as_str());
        match self.events {
            None => format!("{many} more of {code}"),
            Some((first, last)) if first == last => format!("{many} more of {code}, in event {first}"),
            Some((first, last)) => format!("{many} more of {code}, from event {first} to event {last}"),
        }
    }

    /// The finding that says so; its pointer names the code that it counts.
    #[must_use]
    pub fn finding(self, code: FindingCode) -> Finding {
        Finding::new(FindingCode::Truncated, code.as_str(), self.told(code))
    }
}

impl Finding {
    /// The code that it counts, if it counts those that are not kept.
    #[must_use]
    pub fn counts(&self) -> Option<FindingCode> {
        (self.code == FindingCode::Truncated)
            .then(|| FindingCode::from_code(&self.pointer))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_is_told_with_its_first_and_last_event() {
        let mut rest = Rest::default();
        rest.count(None);
        assert_eq!(rest.told(FindingCode::InvalidTime), "1 more of INVALID_TIME");
        rest.count(Some(7));
        assert_eq!(rest.told(FindingCode::InvalidTime), "2 more of INVALID_TIME, in event 7");
        let mut other = Rest::default();
        other.count(Some(3));
        other.count(Some(99_999));
        rest.join(other);
        let finding = rest.finding(FindingCode::InvalidTime);
        assert_eq!(finding.detail, "4 more of INVALID_TIME, from event 3 to event 99999");
        assert_eq!(finding.counts(), Some(FindingCode::InvalidTime));
        assert_eq!(Finding::new(FindingCode::InvalidTime, "INVALID_TIME", "").counts(), None);
    }
}

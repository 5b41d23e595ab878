//! SSCCs of one company prefix and extension digit, counted (GS1 General Specifications clause 3.2.1).
//!
//! The number of an SSCC need not be hard to guess; that none is used again within a year is the business of whoever resets a range.

use crate::domain::gs1::{Sscc, check_digit};

use super::super::numbered::SsccSeries;
use super::super::rule::NumberRange;
use super::sequence::{count, index_in, write_padded};

/// A range of serial references.
#[derive(Debug)]
pub(in super::super) struct SsccSequence {
    /// Extension digit and company prefix.
    head: String,
    reference_length: u8,
    range: NumberRange,
}

impl SsccSequence {
    pub(in super::super) fn new(series: SsccSeries, range: NumberRange) -> Self {
        Self {
            head: format!("{}{}", series.extension(), series.prefix()),
            reference_length: series.reference_length(),
            range,
        }
    }

    pub(in super::super) fn count(&self) -> u64 {
        count(self.range)
    }

    /// All 18 digits.
    pub(in super::super) fn write(&self, index: u64, text: &mut String) {
        let from = text.len();
        text.push_str(&self.head);
        write_padded(self.range.first.saturating_add(index), self.reference_length, text);
        let check_digit = check_digit(&text.as_bytes()[from..]);
        text.push(char::from(check_digit));
    }

    pub(in super::super) fn index_of(&self, serial: &str) -> Option<u64> {
        let sscc: Sscc = serial.parse().ok().filter(|_| serial.len() == 18)?;
        let reference = sscc.as_str().strip_prefix(&self.head)?.as_bytes();
        let (_, reference) = reference.split_last()?;
        index_in(self.range, reference)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::numbered::Numbered;
    use super::*;

    fn sequence(series: &str, first: u64) -> SsccSequence {
        let numbered: Numbered = series.parse().unwrap();
        let series = *numbered.sscc_series().unwrap();
        let last = 10_u64.pow(u32::from(series.reference_length())) - 1;
        SsccSequence::new(series, NumberRange { first, last })
    }

    #[test]
    fn an_sscc_has_18_digits_and_its_check_digit() {
        // GS1 General Specifications, the example of clause 3.2.1's figures: prefix 0614141, extension 1.
        let check = |series: &str, first: u64, index: u64, body: &str| {
            let sequence = sequence(series, first);
            let mut text = String::new();
            sequence.write(index, &mut text);
            assert_eq!(text, Sscc::with_check_digit(body).unwrap().as_str());
            assert_eq!(sequence.index_of(&text), Some(index));
            text
        };
        // The SSCC of the examples in the EPC Tag Data Standard: prefix 0614141, extension 1.
        assert_eq!(check("0614141:1", 234_567_890, 0, "10614141234567890"), "106141412345678908");
        check("9521002:3", 0, 0, "39521002000000000");
        check("9521002:3", 7, 5, "39521002000000012");
        check("061411123456:9", 0, 9_999, "90614111234569999");
    }

    #[test]
    fn other_ssccs_are_none_of_the_series() {
        let sequence = sequence("0614141:1", 0);
        for foreign in [
            "",
            "106141412345678900",
            "006141412345678901",
            "10614141234567890",
            "1061414123456789088",
        ] {
            assert_eq!(sequence.index_of(foreign), None, "{foreign}");
        }
    }
}

//! Counted serials of a trade item: the numbers from a first to a last, padded with zeros or not.
//!
//! Whoever has one knows the next: only for markets that do not ask for randomised numbers.

use super::super::rule::{NumberRange, SerialRule};

/// A range of numbers and how they are written.
#[derive(Debug)]
pub(in super::super) struct Sequence {
    range: NumberRange,
    length: u8,
    /// Written with as many digits as they have.
    variable_length: bool,
}

impl Sequence {
    pub(in super::super) fn new(rule: &SerialRule, range: NumberRange) -> Self {
        Self {
            range,
            length: rule.length,
            variable_length: rule.variable_length,
        }
    }

    pub(in super::super) fn count(&self) -> u64 {
        count(self.range)
    }

    pub(in super::super) fn write(&self, index: u64, text: &mut String) {
        let width = if self.variable_length { 1 } else { self.length };
        write_padded(self.range.first.saturating_add(index), width, text);
    }

    pub(in super::super) fn index_of(&self, serial: &str) -> Option<u64> {
        let padded = serial.len() == usize::from(self.length);
        let plain = serial == "0" || !serial.starts_with('0');
        if !(if self.variable_length { plain } else { padded }) {
            return None;
        }
        index_in(self.range, serial.as_bytes())
    }
}

/// How many numbers a range has, at most what a signed 64-bit counter holds.
pub(super) fn count(range: NumberRange) -> u64 {
    let beyond = range.last.saturating_add(1);
    beyond.saturating_sub(range.first).min(i64::MAX as u64)
}

/// A number of at least `width` digits.
pub(super) fn write_padded(number: u64, width: u8, text: &mut String) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut from) = (number, digits.len());
    while rest > 0 || digits.len() - from < usize::from(width).min(20) {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.extend(digits[from..].iter().map(|digit| char::from(*digit)));
}

/// Where in a range the number of these digits lies.
pub(super) fn index_in(range: NumberRange, digits: &[u8]) -> Option<u64> {
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    let index = number.checked_sub(range.first)?;
    (!digits.is_empty() && index < count(range)).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(first: u64, last: u64, length: u8, variable_length: bool) -> Sequence {
        let rule = SerialRule {
            length,
            variable_length,
            ..SerialRule::default()
        };
        Sequence::new(&rule, NumberRange { first, last })
    }

    #[test]
    fn a_range_is_written_from_its_first_to_its_last_number() {
        let all = |sequence: &Sequence| {
            let texts = (0..sequence.count()).map(|index| {
                let mut text = String::new();
                sequence.write(index, &mut text);
                assert_eq!(sequence.index_of(&text), Some(index), "{text}");
                text
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(all(&sequence(8, 11, 4, false)), ["0008", "0009", "0010", "0011"]);
        assert_eq!(all(&sequence(8, 11, 4, true)), ["8", "9", "10", "11"]);
        assert_eq!(
            all(&sequence(0, 1, 20, false)),
            ["00000000000000000000", "00000000000000000001"]
        );
        assert_eq!(all(&sequence(0, 0, 9, true)), ["0"]);
        assert_eq!(sequence(0, i64::MAX as u64, 19, false).count(), i64::MAX as u64);
    }

    #[test]
    fn what_is_written_otherwise_is_no_serial_of_the_range() {
        let (padded, plain) = (sequence(8, 11, 4, false), sequence(0, 11, 4, true));
        for foreign in [
            "",
            "8",
            "00008",
            "0012",
            "0007",
            "000A",
            "+008",
            "٠٠٠8",
            "99999999999999999999999",
        ] {
            assert_eq!(padded.index_of(foreign), None, "{foreign}");
        }
        for foreign in ["", "08", "00", "12", "-1", "A"] {
            assert_eq!(plain.index_of(foreign), None, "{foreign}");
        }
    }
}

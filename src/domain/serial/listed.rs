//! Serial numbers that somebody else made: a list in the order of its source, and what can be wrong with a row.
//!
//! What it checks, a row shows by itself or beside the other rows of the list: characters, length, the rule of the product, twice in the
//! list. Whether a number is taken already is the database's to say. It never prints a number.

use super::space::in_charset_82;

/// Longest serial of AI (21) (GS1 General Specifications clause 3.5.2).
pub const LONGEST: usize = 20;

/// Many serial numbers in little memory: one text, and where each ends.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct SerialList {
    text: String,
    ends: Vec<u32>,
}

impl SerialList {
    /// Adds a serial at the end. What is longer than a serial can be is kept short, so that it is still wrong and not large.
    pub fn push(&mut self, serial: &str) {
        self.text.extend(serial.chars().take(LONGEST + 1));
        // INVARIANT: a list has far fewer than 2^32 / 84 rows; whoever fills it has a limit.
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The serial at a position; empty behind the end.
    #[must_use]
    pub fn get(&self, position: usize) -> &str {
        let start = position
            .checked_sub(1)
            .map_or(0, |before| self.ends.get(before).copied().unwrap_or(u32::MAX));
        let end = self.ends.get(position).copied().unwrap_or(0);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// Positions in the order of the serials, equal ones in the order of the list.
    #[must_use]
    pub fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|one, other| self.get(*one as usize).cmp(self.get(*other as usize)).then(one.cmp(other)));
        order
    }
}

impl<'a> FromIterator<&'a str> for SerialList {
    fn from_iter<I: IntoIterator<Item = &'a str>>(serials: I) -> Self {
        let mut list = Self::default();
        serials.into_iter().for_each(|serial| list.push(serial));
        list
    }
}

impl std::fmt::Debug for SerialList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SerialList({})", self.len())
    }
}

/// What is wrong with one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowFault {
    /// Nothing stands there.
    Empty,
    /// More than 20 characters.
    TooLong,
    /// A character outside GS1 character set 82.
    Charset,
    /// Not of the form that the product's serial rule asks for.
    Rule,
    /// An earlier row of the same list has it.
    Twice,
    /// Somebody has it: it was issued, listed or commissioned before. By whom is told to nobody.
    Taken,
}

impl RowFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "SERIAL_EMPTY",
            Self::TooLong => "SERIAL_TOO_LONG",
            Self::Charset => "SERIAL_CHARSET",
            Self::Rule => "SERIAL_RULE",
            Self::Twice => "SERIAL_TWICE",
            Self::Taken => "SERIAL_TAKEN",
        }
    }

    /// What is wrong and what to do, for whoever sent the list.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Empty => "no serial number: take the row out",
            Self::TooLong => "longer than the 20 characters of AI (21)",
            Self::Charset => "a character outside GS1 character set 82",
            Self::Rule => "not of the length and characters that the serial rule of the product asks for",
            Self::Twice => "stands earlier in this list: take one of the two out",
            Self::Taken => "not free for this product any more: take the row out",
        }
    }
}

/// What is wrong with rows, in the order of the list: a row has one fault, its gravest.
///
/// `follows` says whether a serial has the form that the product asks for.
#[must_use]
pub fn faults(list: &SerialList, follows: impl Fn(&str) -> bool) -> Vec<(usize, RowFault)> {
    let mut faults: Vec<(usize, RowFault)> = list
        .iter()
        .enumerate()
        .filter_map(|(position, serial)| Some((position, form_fault(serial, &follows)?)))
        .collect();
    faults.extend(twice(list));
    faults.sort_unstable();
    faults.dedup_by_key(|(position, _)| *position);
    faults
}

fn form_fault(serial: &str, follows: impl Fn(&str) -> bool) -> Option<RowFault> {
    if serial.is_empty() {
        Some(RowFault::Empty)
    } else if serial.chars().count() > LONGEST {
        Some(RowFault::TooLong)
    } else if !serial.chars().all(in_charset_82) {
        Some(RowFault::Charset)
    } else {
        (!follows(serial)).then_some(RowFault::Rule)
    }
}

fn twice(list: &SerialList) -> impl Iterator<Item = (usize, RowFault)> {
    let order = list.sorted();
    let again: Vec<usize> = order
        .windows(2)
        .filter(|pair| list.get(pair[0] as usize) == list.get(pair[1] as usize))
        .map(|pair| pair[1] as usize)
        .collect();
    again.into_iter().map(|position| (position, RowFault::Twice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_back_what_was_put_in() {
        let list: SerialList = ["A1", "", "B22"].into_iter().collect();
        assert_eq!(list.iter().collect::<Vec<_>>(), ["A1", "", "B22"]);
        assert_eq!((list.len(), list.get(3), list.get(9)), (3, "", ""));
        let list: SerialList = ["B", "A", "B", "A"].into_iter().collect();
        assert_eq!(list.sorted(), [1, 3, 0, 2]);
        assert!(!format!("{list:?}").contains('B'));
    }

    #[test]
    fn each_fault_is_found_at_its_row() {
        let long = "1".repeat(21);
        let endless = "é".repeat(1_000);
        let list: SerialList = ["12", "13", "", &long, "1 2", "9999", "12", &endless, "12"]
            .into_iter()
            .collect();
        let found = faults(&list, |serial| serial.len() == 2);
        assert_eq!(
            found,
            [
                (2, RowFault::Empty),
                (3, RowFault::TooLong),
                (4, RowFault::Charset),
                (5, RowFault::Rule),
                (6, RowFault::Twice),
                (7, RowFault::TooLong),
                (8, RowFault::Twice)
            ]
        );
        assert!(faults(&["12", "13"].into_iter().collect(), |_| true).is_empty());
    }

    #[test]
    fn what_is_empty_twice_is_empty() {
        let list: SerialList = ["", ""].into_iter().collect();
        assert_eq!(faults(&list, |_| true), [(0, RowFault::Empty), (1, RowFault::Empty)]);
    }
}

//! The life of one serial number: its states, which moves there are, and who may make them.
//!
//! The states are those of OPEN-SCS (OPC 30260 clause 6: Packaging Serialization Specification) from the moment a number is given
//! out, and three of our own for numbers that never reach a pack: returned, lost, quarantined. Which state a number is in is kept by
//! [`super::book`]; this file is the table alone.
//!
//! A number is given out once. Whatever its state, the hub never issues it again: [`reuse_banned_until`] says until when a
//! number that the hub did not make itself (an imported list, another system's) may not come back either.
//!
//! # Invariants
//! - What is not in [`MOVES`] is not allowed.
//! - Only capture moves a number to [`SerialState::Commissioned`], and what has been commissioned is never again unused but by a
//!   correction.
//! - A number that may stand on a label (encoded, or once commissioned) can no longer be returned: paper cannot be recalled.

use std::fmt;
use std::str::FromStr;

use crate::domain::time::Micros;

use SerialState::{
    Allocated, Commissioned, Destroyed, Encoded, Inactive, Invalid, LabelSampled, LabelScrapped, Lost, Quarantined, Released,
    Returned, Sampled,
};

macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal, $bucket:ident;)*) => {
        /// What has become of a number. The discriminant is stored: OPC 30260 up to 11, our own behind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum SerialState {
            $($(#[$doc])* $variant = $number,)*
        }

        impl SerialState {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> i16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// Where it stands in the balance of a lot.
            #[must_use]
            pub const fn bucket(self) -> Bucket {
                match self { $(Self::$variant => Bucket::$bucket,)* }
            }
        }
    };
}

states! {
    /// Given out; nothing was heard of it since.
    Allocated = 2, "allocated", Unused;
    /// Must not be used: its print was unreadable, or the number was called back before use.
    Invalid = 3, "invalid", Scrapped;
    /// Printed on a label that is on no pack yet, as far as is known.
    Encoded = 4, "encoded", Unused;
    /// Its label was taken as a sample.
    LabelSampled = 5, "label_sampled", Sampled;
    /// Its label was destroyed.
    LabelScrapped = 6, "label_scrapped", Scrapped;
    /// On a pack.
    Commissioned = 7, "commissioned", Commissioned;
    /// Its pack was taken as a sample; it stays one, whatever the laboratory does with it.
    Sampled = 8, "sampled", Sampled;
    /// Its pack was decommissioned.
    Inactive = 9, "inactive", Commissioned;
    /// Its pack was destroyed.
    Destroyed = 10, "destroyed", Commissioned;
    /// Its pack was released to the market.
    Released = 11, "released", Commissioned;
    /// Given back unused, and burnt.
    Returned = 12, "returned", Returned;
    /// Nobody knows: not accounted for when its lot was closed, or its lease ran out.
    Lost = 13, "lost", Lost;
    /// Given back unused; the owner has not decided yet.
    Quarantined = 14, "quarantined", Returned;
}

/// A column of the balance of a lot: every number is in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Still with its holder.
    Unused,
    /// On a pack, wherever that is.
    Commissioned,
    /// Destroyed before it came on a pack.
    Scrapped,
    /// Taken as a sample, as a label or as a pack.
    Sampled,
    /// Given back.
    Returned,
    /// Not to be found.
    Lost,
}

impl Bucket {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Unused,
        Self::Commissioned,
        Self::Scrapped,
        Self::Sampled,
        Self::Returned,
        Self::Lost,
    ];
}

/// On whose word a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The party that has the number reports it.
    Holder,
    /// The brand owner reports it.
    Owner,
    /// An EPCIS event of a party that may speak of the pack.
    Capture,
    /// An EPCIS event was declared in error: the number goes back to what the other events say.
    Correction,
    /// The hub itself: a lease has run out, a lot is closed.
    Hub,
}

impl Who {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Holder, Self::Owner, Self::Capture, Self::Correction, Self::Hub];

    const fn bit(self) -> u8 {
        match self {
            Self::Holder => H,
            Self::Owner => O,
            Self::Capture => E,
            Self::Correction => C,
            Self::Hub => X,
        }
    }
}

const H: u8 = 1;
const O: u8 = 2;
const E: u8 = 4;
const C: u8 = 8;
const X: u8 = 16;

/// From where, and to where on whose word: H holder, O owner, E event, C correction, X the hub itself.
#[rustfmt::skip]
const MOVES: &[(SerialState, &[(SerialState, u8)])] = &[
    (Allocated, &[
        (Encoded, H | E), (Commissioned, E),
        (LabelSampled, H), (LabelScrapped, H | X), (Invalid, H | O),
        (Quarantined, H | O | X), (Returned, H | O | X), (Lost, H | O | X),
    ]),
    // Perhaps on paper: no way back to the owner.
    (Encoded, &[
        (Commissioned, E),
        (LabelSampled, H), (LabelScrapped, H | X), (Invalid, H | O), (Lost, H | O | X),
    ]),
    (Commissioned, &[
        (Sampled, H | O | E), (Inactive, H | O | E), (Destroyed, H | O | E), (Released, H | O),
        (Encoded, C),
    ]),
    (Released, &[(Inactive, H | O | E), (Destroyed, H | O | E), (Encoded, C)]),
    // A pack may be put back (EU 2016/161 art. 13: within ten days); the event that took it out is then declared in error.
    (Inactive, &[(Destroyed, H | O | E), (Commissioned, O | C), (Sampled, C), (Encoded, C)]),
    (Destroyed, &[(Commissioned, C), (Inactive, C), (Sampled, C), (Encoded, C)]),
    (Sampled, &[(Commissioned, C), (Inactive, C), (Destroyed, C), (Encoded, C)]),
    // The owner decides: burnt, or back to the same holder, who alone ever knew the number.
    (Quarantined, &[(Returned, O | X), (Allocated, O), (Lost, O)]),
    // Found again: it may stand on paper, so it can be used or scrapped, and not returned.
    (Lost, &[(Encoded, O), (LabelScrapped, H | O)]),
    (LabelSampled, &[]),
    (LabelScrapped, &[]),
    (Invalid, &[]),
    (Returned, &[]),
];

/// What a move comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It moves.
    Moves,
    /// It is there already.
    Already,
    /// There is no such move, or not on this word.
    Illegal,
}

impl SerialState {
    /// The state of a stored number.
    #[must_use]
    pub fn of_number(number: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.number() == number)
    }

    /// Whether its number came on a pack: it belongs to the lot of its commissioning from then on.
    #[must_use]
    pub const fn is_on_pack(self) -> bool {
        match self {
            Commissioned | Sampled | Inactive | Destroyed | Released => true,
            Allocated | Invalid | Encoded | LabelSampled | LabelScrapped | Returned | Lost | Quarantined => false,
        }
    }

    /// Whether somebody can still put it on a pack.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        match self.bucket() {
            Bucket::Unused => true,
            Bucket::Commissioned | Bucket::Scrapped | Bucket::Sampled | Bucket::Returned | Bucket::Lost => false,
        }
    }

    /// What moving to `to` on the word of `who` comes to.
    #[must_use]
    pub fn moving(self, to: Self, who: Who) -> Verdict {
        if self == to {
            return Verdict::Already;
        }
        let row = MOVES.iter().find(|(from, _)| *from == self);
        let allowed = row.and_then(|(_, moves)| moves.iter().find(|(target, _)| *target == to));
        match allowed {
            Some((_, by)) if by & who.bit() != 0 => Verdict::Moves,
            Some(_) | None => Verdict::Illegal,
        }
    }
}

impl fmt::Display for SerialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a serial number")]
pub struct StateError;

impl FromStr for SerialState {
    type Err = StateError;

    fn from_str(text: &str) -> Result<Self, StateError> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == text)
            .ok_or(StateError)
    }
}

/// Until when the combination of product code and serial number must not come on another pack: one year after its expiry, and five
/// after its release (EU 2016/161 art. 4 (d)), whichever is later. `None` if neither is known: then it is not known to have been used.
///
/// The hub needs no such date for numbers of its own, which it never issues twice. It is for numbers that others made: before it a list
/// that is imported must not name the number again, and lookups show it to whoever may see the number.
#[must_use]
pub fn reuse_banned_until(expiry: Option<Micros>, release: Option<Micros>) -> Option<Micros> {
    let after_expiry = expiry.map(|at| at.plus_years(1));
    let after_release = release.map(|at| at.plus_years(5));
    after_expiry.max(after_release)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of states and on whose word it moves, written out a second time: a change of the table is a change here.
    #[rustfmt::skip]
    const EXPECTED: &[(&str, [&str; 13])] = &[
        //                 alloc invalid encod  l_samp l_scrap commis  sampl  inact  destr  releas  return lost   quarant
        ("allocated",     ["=",  "HO",   "HE",  "H",   "HX",   "E",    "",    "",    "",    "",     "HOX", "HOX", "HOX"]),
        ("invalid",       ["",   "=",    "",    "",    "",     "",     "",    "",    "",    "",     "",    "",    ""]),
        ("encoded",       ["",   "HO",   "=",   "H",   "HX",   "E",    "",    "",    "",    "",     "",    "HOX", ""]),
        ("label_sampled", ["",   "",     "",    "=",   "",     "",     "",    "",    "",    "",     "",    "",    ""]),
        ("label_scrapped",["",   "",     "",    "",    "=",    "",     "",    "",    "",    "",     "",    "",    ""]),
        ("commissioned",  ["",   "",     "C",   "",    "",     "=",    "HOE", "HOE", "HOE", "HO",   "",    "",    ""]),
        ("sampled",       ["",   "",     "C",   "",    "",     "C",    "=",   "C",   "C",   "",     "",    "",    ""]),
        ("inactive",      ["",   "",     "C",   "",    "",     "OC",   "C",   "=",   "HOE", "",     "",    "",    ""]),
        ("destroyed",     ["",   "",     "C",   "",    "",     "C",    "C",   "C",   "=",   "",     "",    "",    ""]),
        ("released",      ["",   "",     "C",   "",    "",     "",     "",    "HOE", "HOE", "=",    "",    "",    ""]),
        ("returned",      ["",   "",     "",    "",    "",     "",     "",    "",    "",    "",     "=",   "",    ""]),
        ("lost",          ["",   "",     "O",   "",    "HO",   "",     "",    "",    "",    "",     "",    "=",   ""]),
        ("quarantined",   ["O",  "",     "",    "",    "",     "",     "",    "",    "",    "",     "OX",  "O",   "="]),
    ];

    #[test]
    fn every_pair_is_as_it_is_written() {
        assert_eq!(EXPECTED.len(), SerialState::ALL.len());
        for ((name, row), from) in EXPECTED.iter().zip(SerialState::ALL) {
            assert_eq!(*name, from.as_str());
            for (cell, to) in row.iter().zip(SerialState::ALL) {
                for (who, letter) in Who::ALL.iter().zip("HOECX".chars()) {
                    let expect = match *cell {
                        "=" => Verdict::Already,
                        letters if letters.contains(letter) => Verdict::Moves,
                        _ => Verdict::Illegal,
                    };
                    assert_eq!(from.moving(*to, *who), expect, "{from} -> {to} on the word of {who:?}");
                }
            }
        }
    }

    #[test]
    fn every_state_has_one_row_and_no_move_twice() {
        let mut rows: Vec<SerialState> = MOVES.iter().map(|(from, _)| *from).collect();
        rows.sort_unstable();
        assert_eq!(rows, SerialState::ALL);
        for (from, moves) in MOVES {
            let mut targets: Vec<SerialState> = moves.iter().map(|(to, _)| *to).collect();
            targets.sort_unstable();
            targets.dedup();
            assert_eq!(targets.len(), moves.len(), "{from}");
            assert!(!targets.contains(from), "{from}");
        }
    }

    #[test]
    fn what_may_be_on_paper_is_never_returned_and_what_was_used_never_unused() {
        for from in SerialState::ALL {
            for who in [Who::Holder, Who::Owner, Who::Capture, Who::Hub] {
                if from.is_on_pack() || *from == Encoded || *from == Lost {
                    for to in [Returned, Quarantined, Allocated] {
                        assert_eq!(from.moving(to, who), Verdict::Illegal, "{from} -> {to}");
                    }
                }
                if from.is_on_pack() {
                    for to in SerialState::ALL.iter().filter(|to| !to.is_on_pack()) {
                        assert_eq!(from.moving(*to, who), Verdict::Illegal, "{from} -> {to}");
                    }
                }
                if who != Who::Capture && !from.is_on_pack() {
                    assert_eq!(from.moving(Commissioned, who), Verdict::Illegal, "{from}");
                }
            }
        }
    }

    #[test]
    fn texts_and_numbers_are_read_back() {
        for state in SerialState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
            assert_eq!(SerialState::of_number(state.number()), Some(*state));
        }
        assert!("unassigned".parse::<SerialState>().is_err());
        assert_eq!(SerialState::of_number(0), None);
    }

    #[test]
    fn the_ban_on_reuse_is_the_later_of_the_two() {
        let day = |text: &str| Micros::parse(&format!("{text}T00:00:00Z")).unwrap();
        let check = |expiry: Option<&str>, release: Option<&str>, expect: Option<&str>| {
            assert_eq!(reuse_banned_until(expiry.map(day), release.map(day)), expect.map(day));
        };
        check(Some("2029-06-30"), Some("2026-03-02"), Some("2031-03-02"));
        check(Some("2031-06-30"), Some("2026-03-02"), Some("2032-06-30"));
        check(Some("2028-02-29"), None, Some("2029-03-01"));
        check(None, Some("2024-02-29"), Some("2029-03-01"));
        check(None, None, None);
    }
}

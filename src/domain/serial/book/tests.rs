//! The book against a list of numbers with a state each, and the law that no number is made or lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NUMBERS: u32 = 40;

fn holder(party: &str) -> Holder {
    Holder {
        party: party.parse().unwrap(),
        agreement: None,
    }
}

fn book() -> Book {
    // Two holes.
    let issued = (0..NUMBERS).filter(|offset| !matches!(offset, 3 | 17)).collect();
    Book::new(issued, holder("packwell"))
}

fn set(offsets: &[u32]) -> RoaringBitmap {
    offsets.iter().copied().collect()
}

#[test]
fn a_number_that_is_none_moves_nowhere() {
    let mut book = book();
    let shift = book.shift(&set(&[3, 17, 4_000]), SerialState::Lost, Who::Holder, "");
    assert_eq!(shift, Shift::default());
    assert_eq!(book.commission(&set(&[3]), "L1"), Commissioning::default());
}

#[test]
fn a_pack_keeps_the_lot_of_its_commissioning() {
    let mut book = book();
    book.commission(&set(&[1, 2]), "L1");
    book.shift(&set(&[1]), SerialState::Destroyed, Who::Holder, "L2");
    assert_eq!(book.state(1), (SerialState::Destroyed, Some("L1")));
    let all = book.issued().clone();
    assert_eq!(book.counts(&all, Some("L1")).commissioned, 2);
    assert_eq!(
        book.counts(&all, Some("L2")),
        Counts {
            unused: 36,
            ..Counts::default()
        }
    );
}

#[test]
fn what_is_withdrawn_is_not_commissioned() {
    let mut book = book();
    book.shift(&set(&[0]), SerialState::LabelScrapped, Who::Holder, "L1");
    book.commission(&set(&[1]), "L1");
    book.shift(&set(&[1]), SerialState::Sampled, Who::Owner, "L1");
    let done = book.commission(&set(&[0, 1, 2]), "L1");
    assert_eq!(done.fresh, set(&[2]));
    assert_eq!(
        done.withdrawn,
        BTreeMap::from([(SerialState::LabelScrapped, set(&[0])), (SerialState::Sampled, set(&[1]))])
    );
    assert_eq!(book.uncommission(&set(&[0, 1, 2]), "L1"), set(&[1, 2]));
    assert_eq!(book.state(1), (SerialState::Encoded, None));
    // Perhaps on paper: it does not go back.
    assert!(
        !book
            .shift(&set(&[1]), SerialState::Returned, Who::Holder, "")
            .refused
            .is_empty()
    );
}

#[test]
fn numbers_follow_their_transfers() {
    let mut book = book();
    let (sigmapack, packwell) = (holder("sigmapack"), holder("packwell"));
    book.hand_over(&sigmapack, &set(&[1, 2, 4]));
    book.hand_over(&packwell, &set(&[2]));
    assert_eq!(book.held_by(&sigmapack.party), set(&[1, 4]));
    assert_eq!(book.held_by(&packwell.party).len(), 36);
    assert_eq!(book.holder_of(1), &sigmapack);
    assert_eq!(book.holder_of(2), &packwell);
    assert_eq!(
        book.holders().iter().map(|(_, held)| held.len()).sum::<u64>(),
        book.issued().len()
    );
}

/// One thing that somebody does.
#[derive(Debug, Clone)]
enum Deed {
    Shift(u32, u32, SerialState, Who, u8),
    Commission(u32, u32, u8),
    Uncommission(u32, u32, u8),
    HandOver(u32, u32, u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let range = || (0..NUMBERS, 1..12_u32);
    let state = prop::sample::select(SerialState::ALL.to_vec());
    let who = prop::sample::select(Who::ALL.to_vec());
    let deed = prop_oneof![
        4 => (range(), state, who, 0..3_u8).prop_map(|((first, count), to, who, lot)| Deed::Shift(first, count, to, who, lot)),
        3 => (range(), 0..3_u8).prop_map(|((first, count), lot)| Deed::Commission(first, count, lot)),
        1 => (range(), 0..3_u8).prop_map(|((first, count), lot)| Deed::Uncommission(first, count, lot)),
        1 => (range(), 0..3_u8).prop_map(|((first, count), to)| Deed::HandOver(first, count, to)),
    ];
    prop::collection::vec(deed, 1..60)
}

fn lot(which: u8) -> &'static str {
    ["", "L1", "L2"][usize::from(which)]
}

/// The naive model: a list.
type Model = BTreeMap<u32, (SerialState, &'static str, &'static str)>;

fn naive(model: &mut Model, deed: &Deed) {
    let each = |model: &mut Model, first: u32, count: u32, change: &dyn Fn(&mut (SerialState, &'static str, &'static str))| {
        model.range_mut(first..first + count).for_each(|(_, entry)| change(entry));
    };
    match *deed {
        Deed::Shift(first, count, to, who, which) => each(model, first, count, &|entry| {
            if entry.0.moving(to, who) == Verdict::Moves {
                if to == SerialState::Allocated {
                    entry.1 = "";
                } else if !(entry.0.is_on_pack() && to.is_on_pack()) {
                    entry.1 = lot(which);
                }
                entry.0 = to;
            }
        }),
        Deed::Commission(first, count, which) => each(model, first, count, &|entry| {
            if matches!(entry.0, SerialState::Allocated | SerialState::Encoded) {
                (entry.0, entry.1) = (SerialState::Commissioned, lot(which));
            }
        }),
        Deed::Uncommission(first, count, which) => each(model, first, count, &|entry| {
            if entry.0.is_on_pack() && entry.1 == lot(which) {
                (entry.0, entry.1) = (SerialState::Encoded, "");
            }
        }),
        Deed::HandOver(first, count, to) => each(model, first, count, &|entry| entry.2 = PARTIES[usize::from(to)]),
    }
}

const PARTIES: [&str; 3] = ["packwell", "sigmapack", "aurora"];

proptest! {
    #[test]
    fn the_book_says_what_a_list_would_and_no_number_is_made_or_lost(deeds in deeds()) {
        let mut book = book();
        let mut model: Model = book.issued().iter().map(|offset| (offset, (SerialState::Allocated, "", "packwell"))).collect();
        for deed in &deeds {
            match *deed {
                Deed::Shift(first, count, to, who, which) => {
                    book.shift(&(first..first + count).collect(), to, who, lot(which));
                }
                Deed::Commission(first, count, which) => {
                    book.commission(&(first..first + count).collect(), lot(which));
                }
                Deed::Uncommission(first, count, which) => {
                    book.uncommission(&(first..first + count).collect(), lot(which));
                }
                Deed::HandOver(first, count, to) => {
                    let which: RoaringBitmap = (first..first + count).filter(|offset| book.issued().contains(*offset)).collect();
                    book.hand_over(&holder(PARTIES[usize::from(to)]), &which);
                }
            }
            naive(&mut model, deed);
        }
        for (offset, (state, lot, party)) in &model {
            prop_assert_eq!(book.state(*offset), (*state, Some(*lot).filter(|lot| !lot.is_empty())));
            prop_assert_eq!(book.holder_of(*offset).party.as_str(), *party);
        }
        let all = book.issued().clone();
        prop_assert_eq!(book.counts(&all, None).total(), model.len() as u64);
        let parts: u64 = book.holders().iter().map(|(_, held)| book.counts(held, None).total()).sum();
        prop_assert_eq!(parts, model.len() as u64);
    }
}
